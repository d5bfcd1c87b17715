"""Votes as a tidy frame, whoever gathered them: which two models were compared, and which one was preferred."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from happyhorse_widgets.errors import InvalidRequest

from .bradley_terry import Pairs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

#: What a vote may say, in the order in which votes are counted.
OUTCOMES = ("a", "tie", "b")
#: Neither was good, which says as little about which is better as a tie does.
BOTH_BAD = "both_bad"
#: Of the kinds of ballots that an arena gathers, those on models, and those on a pair that its rater had seen.
VOTE, REPEAT = "vote", "repeat"
_COLUMNS = ("model_a", "model_b", "winner")
#: What tells one answer from another.
_ANSWER = ("ballot", "question")
_SHOWN = 5


def checked(votes: pd.DataFrame, *, kinds: tuple[str, ...] = (VOTE,)) -> pd.DataFrame:
    """The votes with texts for models, and "a", "b", "tie" or "both_bad" as `winner`; other columns as they are.

    Where there is a column `kind`, as in `Arena.votes`, only rows of these `kinds` are used: a check is no vote on models. Where
    there is a column `ballot` each answer counts once (see `once`).

    Raises `InvalidRequest` for a missing column, and for rows that are no votes, which it names.
    """
    missing = [name for name in _COLUMNS if name not in votes.columns]
    if missing:
        raise InvalidRequest(
            f"The votes have no column {', '.join(missing)}; they have {', '.join(map(str, votes.columns))}. Each row needs "
            "model_a, model_b and winner."
        )
    found = votes[votes["kind"].isin(kinds)].copy() if "kind" in votes.columns else votes.copy()
    for name in _COLUMNS:
        found[name] = found[name].astype(object).map(_text, na_action="ignore").fillna("")
    found["winner"] = found["winner"].str.lower()
    _refuse(found, ~found["winner"].isin([*OUTCOMES, BOTH_BAD]), ["winner"], "must be a, b, tie or both_bad")
    models = ["model_a", "model_b"]
    _refuse(found, (found[models] == "").any(axis=1), models, "must be names")
    _refuse(found, found["model_a"] == found["model_b"], models, "must be two models")
    return once(found, stacklevel=4)


def _text(value: object) -> str:
    """A name as a text: a column of whole numbers with a gap holds 2.0 for 2."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value).strip()  # type: ignore[call-overload]


def once(answers: pd.DataFrame, *, stacklevel: int = 3) -> pd.DataFrame:
    """The rows with each answer, by `ballot` and `question`, once; all of them where there is no column `ballot`.

    Frames that were put together may hold the same ballots. Warns of how many rows are left out. Raises `InvalidRequest` where
    the same answer stands there with different models or winners, as one of them must be wrong.
    """
    if "ballot" not in answers.columns:
        return answers
    key = [name for name in _ANSWER if name in answers.columns]
    again = answers["ballot"].notna() & answers.duplicated(key)
    if not again.any():
        return answers
    differs = answers["ballot"].notna() & answers.duplicated(key, keep=False)
    differs &= ~answers.duplicated([*key, *_COLUMNS], keep=False)
    _refuse(answers, differs, ["ballot"], "stands there again with other models or another winner")
    warnings.warn(
        f"{int(again.sum())} of {len(answers)} answers stand there more than once (the same ballot and question), and are "
        "counted once.",
        stacklevel=stacklevel,
    )
    return answers[~again]


def warn_of_questions(votes: pd.DataFrame) -> None:
    """Warn, in the name of who called the caller, of votes on several questions, which are counted as one."""
    number = votes["question"].nunique() if "question" in votes.columns else 0
    if number > 1:
        warnings.warn(
            f"The votes answer {number} questions, which are counted as one. Take each by itself: "
            "votes[votes.question == ...].",
            stacklevel=3,
        )


def known_values(votes: pd.DataFrame, column: str) -> pd.Series[str]:
    """The values of a column as texts. Raises `InvalidRequest` that names the rows without one."""
    found = votes[column].astype(object).map(_text, na_action="ignore").fillna("")
    _refuse(votes, found == "", [column], "must be given for each vote: fill it in, or leave these rows out")
    return found


def _refuse(votes: pd.DataFrame, bad: pd.Series[bool], columns: list[str], rule: str) -> None:
    rows = votes.loc[bad, columns]
    if len(rows):
        values = [" and ".join(map(repr, row)) for row in rows[:_SHOWN].itertuples(index=False)]
        shown = ", ".join(f"row {row!r}: {value}" for row, value in zip(rows.index, values, strict=False))
        more = f", and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
        raise InvalidRequest(f"{' and '.join(columns)} {rule} ({shown}{more}).")


def counted(votes: pd.DataFrame, models: list[str]) -> tuple[Pairs, NDArray[np.float64], NDArray[np.intp]]:
    """The pairs, how often each outcome came of each, shape (pairs, 3), and of each vote its cell in that, shape (votes,).

    Of two models the one that is earlier in `models` is the first; "both_bad" counts as a tie.
    """
    place = {model: index for index, model in enumerate(models)}
    left = votes["model_a"].map(place).to_numpy(np.intp)
    right = votes["model_b"].map(place).to_numpy(np.intp)
    outcome = votes["winner"].map({"a": 0, "tie": 1, BOTH_BAD: 1, "b": 2}).to_numpy(np.intp)
    swapped = left > right
    outcome = np.where(swapped, 2 - outcome, outcome)
    low, high = np.minimum(left, right), np.maximum(left, right)
    keys, pair = np.unique(low * len(models) + high, return_inverse=True)
    cells: NDArray[np.intp] = pair * 3 + outcome
    counts = np.bincount(cells, minlength=len(keys) * 3).reshape(-1, 3).astype(np.float64)
    return Pairs(keys // len(models), keys % len(models), len(models)), counts, cells
