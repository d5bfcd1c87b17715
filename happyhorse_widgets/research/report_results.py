"""What a report says of votes and of measures: numbers, figures and the words that say how they came about."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import InvalidRequest

from .report_tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from .agreement import Agreement
    from .figures import Chart
    from .metrics.definitions import Measure

_FEW = 2


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as the address of an image, and what it shows."""

    source: str
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page."""

    title: str
    text: Sequence[str] = ()
    figures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    definitions: Sequence[Measure] = field(default=())


def voted(votes: pd.DataFrame, cluster: str | None) -> Section:
    """Ratings, duels, the win matrix and agreement of what was voted; where raters answered several questions, of each."""
    from .figures import forest
    from .rankings import duels, rankings, win_matrix

    asked = list(votes["question"].dropna().unique()) if "question" in votes.columns else []
    figures, tables = [], []
    preliminary = False
    for number, question in enumerate(asked if len(asked) > 1 else [None]):
        answers = votes if question is None else votes[votes["question"] == question]
        told, suffix = ("", "") if question is None else (f": {question}", f"_{number + 1}")
        ranking = rankings(answers, cluster=cluster)
        preliminary |= bool(ranking["preliminary"].any())
        caption = f"Ratings with their intervals; hollow: preliminary{told}."
        figures.append(_picture(forest(ranking), caption))
        tables += [
            Table(f"Ratings{told}", f"ratings{suffix}", ranking),
            Table(f"Duels{told}", f"duels{suffix}", duels(answers)),
            Table(
                f"Share of votes won by the row over the column, a tie counting half{told}",
                f"win_matrix{suffix}",
                win_matrix(answers),
            ),
        ]
    settings = ranking.attrs
    both_bad = "a tie" if settings["both_bad"] == "tie" else "no vote"
    drawn = f"{settings['resamples']:,} resamples (seed {settings['seed']})"
    if cluster is not None:
        drawn += f", in which all votes of one {cluster} are drawn together"
    text = [
        f"{settings['method']}, on Elo's scale: 400 points are odds of 10 to 1, the mean is 1,000.",
        f"Intervals of {100 * settings['confidence']:g} % from {drawn}.",
        f"“Both bad” counts as {both_bad}.",
        "Duels: the share of the votes that prefer one, with Wilson's interval, and the exact two-sided sign test.",
    ]
    if preliminary:
        text.append(
            "What is marked as preliminary has few votes, or an interval without a bound: it is no result yet."
        )
    if {"rater", "pair"} <= set(votes.columns):
        text.append(_agreement(votes))
    return Section("Votes", text, figures, tables)


def _agreement(votes: pd.DataFrame) -> str:
    from .agreement import agreement

    keys = [name for name in ("pair", "question") if name in votes.columns]
    found: Agreement = agreement(votes, item=keys)
    told = [f"{found.raters} raters, {found.items} items"]
    told += [
        f"{name} {value:.3f}".replace("-", "−")
        for name, value in (
            ("Krippendorff's α", found.krippendorff_alpha),
            (f"Fleiss' κ (on {found.items_in_kappa} items)", found.fleiss_kappa),
            ("share of votes given again when an item came again", found.repeats),
        )
        if value == value  # noqa: PLR0124 (NaN: it cannot be computed)
    ]
    return f"Agreement: {'; '.join(told)}."


def measured(metrics: pd.DataFrame, cells: pd.DataFrame, factors: Sequence[str]) -> Section:
    """What was measured of each clip, by the first factor that has several levels."""
    from .figures import distributions
    from .metrics.definitions import FACTS, definition_of

    if metrics.index.name != "clip_id" or "sha256" not in metrics.columns:
        raise InvalidRequest(
            "metrics is not what hh.metrics gives: a frame indexed by clip_id, with a column sha256."
        )
    known = [name for name in metrics.columns if name not in ("sha256", "error")]
    facts = {measure.name for measure in FACTS}
    numbers = [name for name in known if name not in facts and _varies(metrics, name)]
    joined = cells.merge(
        metrics[numbers], left_on="clip_id", right_index=True, how="inner", suffixes=("", " measured")
    )
    figures = [
        _picture(
            distributions(joined, name if name in joined else f"{name} measured", factor),
            f"{name} by {factor}.",
        )
        for factor in factors
        for name in numbers
    ]
    constant = metrics[[name for name in known if name not in numbers]].drop_duplicates()
    text = [f"{len(metrics)} clips were measured. Versions: {_versions(metrics)}."]
    if len(constant) == 1:
        same = ", ".join(f"{name} {value}" for name, value in constant.iloc[0].items() if str(value))
        text.append(f"The same for all: {same}.")
    means = (
        joined.groupby(factors[0])[[n if n in joined else f"{n} measured" for n in numbers]]
        if factors and numbers
        else None
    )
    tables = [] if means is None else [Table(f"Means by {factors[0]}", "means", means.mean())]
    return Section("Measures", text, figures, tables, [definition_of(name) for name in known])


def _varies(metrics: pd.DataFrame, name: str) -> bool:
    return metrics[name].dtype.kind in "fiu" and metrics[name].nunique(dropna=True) >= _FEW


def _versions(metrics: pd.DataFrame) -> str:
    told = dict(metrics.attrs)
    told |= told.pop("versions", {})
    return ", ".join(f"{name} {value}" for name, value in told.items()) or "not recorded"


def _picture(figure: Chart, caption: str) -> Picture:
    return Picture(f"data:image/svg+xml;base64,{base64.b64encode(figure.svg()).decode()}", caption)
