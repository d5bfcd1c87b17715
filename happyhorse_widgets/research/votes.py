"""Votes as a tidy frame, whoever gathered them: which two models were compared, and which one was preferred."""

from __future__ import annotations

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
_SHOWN = 5


def checked(votes: pd.DataFrame, *, kinds: tuple[str, ...] = (VOTE,)) -> pd.DataFrame:
    """The votes with texts for models, and "a", "b", "tie" or "both_bad" as `winner`; other columns as they are.

    Where there is a column `kind`, as in `Arena.votes`, only rows of these `kinds` are used: a check is no vote on models.

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
        found[name] = found[name].map(lambda value: str(value).strip(), na_action="ignore")
    found = found.fillna(dict.fromkeys(_COLUMNS, ""))
    found["winner"] = found["winner"].str.lower()
    _refuse(found, ~found["winner"].isin([*OUTCOMES, BOTH_BAD]), "winner", "must be a, b, tie or both_bad")
    _refuse(
        found, (found["model_a"] == "") | (found["model_b"] == ""), "model_a", "and model_b must be names"
    )
    _refuse(found, found["model_a"] == found["model_b"], "model_a", "and model_b must be two models")
    return found


def _refuse(votes: pd.DataFrame, bad: pd.Series[bool], column: str, rule: str) -> None:
    rows = votes.index[bad]
    if len(rows):
        shown = ", ".join(f"row {row!r}: {votes.loc[row, column]!r}" for row in rows[:_SHOWN])
        more = f", and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
        raise InvalidRequest(f"{column} {rule} ({shown}{more}).")


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
