"""What a report says of votes and of measures: numbers, figures and the words that say how they came about."""

from __future__ import annotations

import base64
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import InvalidRequest

from .report_exclusions import has_failed
from .report_tables import Table
from .report_voting import gathered
from .votes import once

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
    """How the votes were gathered, the raters, and ratings, duels, the win matrix and agreement, of each question by itself."""
    from .ballots import RATED, rater_table
    from .figures import forest
    from .rankings import duels, rankings, win_matrix

    with warnings.catch_warnings():
        # The page says so among what was left out.
        warnings.filterwarnings("ignore", message=".*answers stand there more than once")
        votes = once(votes)
    asked = list(votes["question"].dropna().unique()) if "question" in votes.columns else []
    figures, text = [], [gathered(votes)]
    tables = [Table("Raters", "raters", rater_table(votes))] if set(votes.columns) >= RATED else []
    preliminary = False
    for number, question in enumerate(asked or [None]):
        answers = votes if question is None else votes[votes["question"] == question]
        several = len(asked) > 1
        told, suffix = (f": {question}", f"_{number + 1}") if several else ("", "")
        ranking = rankings(answers, cluster=cluster)
        preliminary |= bool(ranking["preliminary"].any())
        text += _methods(ranking, f"{question} " if several else "")
        if {"rater", "pair"} <= set(votes.columns):
            text.append(_agreement(answers, told))
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
    text.append(
        "Duels: the share of the votes that prefer one, with Wilson's interval, and the exact two-sided sign test."
    )
    if preliminary:
        text.append(
            "What is marked as preliminary has few votes, or an interval without a bound: it is no result yet."
        )
    return Section("Votes", text, figures, tables)


def _methods(ranking: pd.DataFrame, told: str) -> list[str]:
    """How the ratings of one question came about, by what they themselves say."""
    from .rankings import FEW_CLUSTERS

    settings = ranking.attrs
    centred = settings["centred_on"]
    mean = "" if len(centred) == len(ranking) else f" of {', '.join(centred)}"
    drawn = f"{settings['resamples']:,} resamples (seed {settings['seed']})"
    if settings["cluster"] is not None:
        number, cluster = settings["clusters"], settings["cluster"]
        drawn += f", in which all votes of one {cluster} are drawn together"
        few = f" They are too narrow, as there are only {number}." if number < FEW_CLUSTERS else ""
    else:
        few = ""
    both_bad = "a tie" if settings["both_bad"] == "tie" else "no vote"
    return [
        f"{told}{settings['method']}, on Elo's scale: 400 points are odds of 10 to 1, the mean{mean} is 1,000.",
        f"Intervals of {100 * settings['confidence']:g} % from {drawn}.{few} “Both bad” counts as {both_bad}.",
    ]


def _agreement(votes: pd.DataFrame, of: str) -> str:
    from .agreement import agreement

    found: Agreement = agreement(votes)
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
    return f"Agreement{of}: {'; '.join(told)}."


def measured(metrics: pd.DataFrame, cells: pd.DataFrame, factors: Sequence[str]) -> Section:
    """What was measured of each clip, by the first factor that has several levels."""
    from .figures import distributions
    from .metrics.definitions import FACTS, definition_of

    if metrics.index.name != "clip_id" or "sha256" not in metrics.columns:
        raise InvalidRequest(
            "metrics is not what hh.metrics gives: a frame indexed by clip_id, with a column sha256."
        )
    good = metrics[~has_failed(metrics)]
    known = [name for name in metrics.columns if name not in ("sha256", "error")]
    facts = {measure.name for measure in FACTS}
    files = dict(zip(cells["clip_id"], cells["sha256"], strict=True))
    ours = good[[sha256 == files.get(clip_id, "") for clip_id, sha256 in good["sha256"].items()]]
    numbers = [name for name in known if name not in facts and _varies(ours, name)]
    joined = cells.merge(
        ours[numbers], left_on="clip_id", right_index=True, how="inner", suffixes=("", " measured")
    )
    figures = [
        _picture(
            distributions(joined, name if name in joined else f"{name} measured", factor),
            f"{name} by {factor}.",
        )
        for factor in factors
        for name in numbers
    ]
    constant = good[[name for name in known if name not in numbers]].drop_duplicates()
    failed = len(metrics) - len(good)
    text = [
        f"{len(good)} clips were measured{f', {failed} could not be' if failed else ''}. Versions: {_versions(metrics)}."
    ]
    if len(constant) == 1:
        same = ", ".join(f"{name} {value}" for name, value in constant.iloc[0].items() if str(value))
        text.append(f"The same for all: {same}.")
    means = (
        joined.groupby(factors[0])[[n if n in joined else f"{n} measured" for n in numbers]]
        if factors and numbers
        else None
    )
    tables = [] if means is None else [Table(f"Means by {factors[0]}", "means", means.mean())]
    definitions = []
    own = []
    for name in known:
        try:
            definitions.append(definition_of(name))
        except KeyError:  # a column of one's own
            own.append(str(name))
    if own:
        text.append(f"Columns without a definition here: {', '.join(own)}.")
    return Section("Measures", text, figures, tables, definitions)


def _varies(metrics: pd.DataFrame, name: str) -> bool:
    return metrics[name].dtype.kind in "fiu" and metrics[name].nunique(dropna=True) >= _FEW


def _versions(metrics: pd.DataFrame) -> str:
    told = dict(metrics.attrs)
    told |= told.pop("versions", {})
    return ", ".join(f"{name} {value}" for name, value in told.items()) or "not recorded"


def _picture(figure: Chart, caption: str) -> Picture:
    return Picture(f"data:image/svg+xml;base64,{base64.b64encode(figure.svg()).decode()}", caption)
