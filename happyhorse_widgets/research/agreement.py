"""How far raters agree, with each other and with themselves, beyond what chance would give."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import evalica
import numpy as np
import pandas as pd
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

from happyhorse_widgets.errors import InvalidRequest

from .votes import BOTH_BAD, REPEAT, VOTE, checked, known_values, warn_of_questions

if TYPE_CHECKING:
    from collections.abc import Sequence

_SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on votes as categories: the first by name preferred, the second, a tie, both bad.

    NaN where it cannot be computed: fewer than two raters of anything, or, for κ, of everything.
    """

    krippendorff_alpha: float
    """K. Krippendorff, "Content Analysis", 2nd ed., Sage 2004, chapter 11; nominal, raters may have left items out."""
    fleiss_kappa: float
    """J. L. Fleiss, "Measuring Nominal Scale Agreement among Many Raters", Psychological Bulletin 76 (1971) 378–382, over the
    items that were rated by as many raters as most items were."""
    repeats: float
    """The share of votes that a rater gave again when the same item came again."""
    items: int
    raters: int
    items_in_kappa: int


def agreement(
    votes: pd.DataFrame, *, item: str | Sequence[str] | None = None, rater: str = "rater"
) -> Agreement:
    """How far the raters of `votes` agree. `item` names the column, or columns, that tell what was compared.

    None means `pair`, the pair of clips in `Arena.votes`, or, where there is no such column, `item`. An item is that in one arena
    and for one question, where there are columns `arena` and `question`. Which of the two was shown on the left plays no part. Of
    a rater who saw an item several times the first vote counts, the others count in `repeats`.

    Raises `InvalidRequest` for missing columns, for rows that are no votes, and for rows without a rater; warns of votes on
    several questions, unless `item` names the column `question`.
    """
    if item is None:
        item = "pair" if "pair" in votes.columns else "item"
    keys = [item] if isinstance(item, str) else list(item)
    missing = [name for name in [*keys, rater] if name not in votes.columns]
    if missing:
        raise InvalidRequest(
            f"The votes have no column {', '.join(missing)}; agreement needs items and raters."
        )
    used = checked(votes, kinds=(VOTE, REPEAT))
    if "question" not in keys:
        warn_of_questions(used)
    used[rater] = known_values(used, rater)
    keys += [name for name in ("arena", "question") if name in used.columns and name not in keys]
    used[keys] = used[keys].astype(object)  # groups are those that there are, not all of a categorical
    swapped = used["model_a"] > used["model_b"]
    used["winner"] = used["winner"].where(
        ~swapped, used["winner"].map({"a": "b", "b": "a", "tie": "tie", BOTH_BAD: BOTH_BAD})
    )
    used["_low"] = used["model_a"].where(~swapped, used["model_b"])
    used["_high"] = used["model_b"].where(~swapped, used["model_a"])
    items = [*keys, "_low", "_high"]
    same = used.groupby([*items, rater], dropna=False, sort=False)["winner"]
    again = used["winner"][same.cumcount() > 0] == same.transform("first")[same.cumcount() > 0]
    codes = pd.Series(pd.Categorical(same.first()).codes, index=same.first().index)
    table = codes.unstack(rater)
    return Agreement(
        krippendorff_alpha=_alpha(table),
        fleiss_kappa=(kappa := _kappa(table))[0],
        repeats=float(again.mean()) if len(again) else math.nan,
        items=len(table),
        raters=len(table.columns),
        items_in_kappa=kappa[1],
    )


def _alpha(table: pd.DataFrame) -> float:
    try:
        return float(evalica.alpha(table.T, distance="nominal").alpha)
    except evalica.InsufficientRatingsError:
        return math.nan


def _kappa(table: pd.DataFrame) -> tuple[float, int]:
    rated = table.notna().sum(axis=1)
    usual = rated.mode().max()
    whole = table[rated == usual]
    if table.empty or usual < _SEVERAL:
        return math.nan, 0
    lines = [row.dropna().astype(int).tolist() for _, row in whole.iterrows()]
    counts, _ = aggregate_raters(lines)
    with np.errstate(invalid="ignore"):  # all gave one answer, which chance would give as well: 0 / 0
        return float(fleiss_kappa(counts)), len(whole)
