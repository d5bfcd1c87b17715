"""What a report leaves out, each with the reason: cells, answers and measures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

_NOTHING = (
    "No cell, answer or measure was left out. Clips that took no part in a comparison are known to the arena alone "
    "(arena.left_out), unless its votes bring them along."
)


def exclusions(
    articles: Sequence[Mapping[str, Any]],
    *,
    votes: pd.DataFrame | None,
    metrics: pd.DataFrame | None,
    done: Iterable[str],
) -> list[str]:
    """Sentences on all that is left out. `articles` are the cells as the page shows them, `done` the ids of finished clips."""
    told = [f"Cell {each['key']} has no clip: {each['why']}." for each in articles if not each["video"]]
    if votes is not None:
        told += _of_votes(votes)
    if metrics is not None:
        told += _of_measures(metrics, set(done))
    return told or [_NOTHING]


def _of_votes(votes: pd.DataFrame) -> list[str]:
    told = []
    if {"ballot"} <= set(votes.columns):
        key = [name for name in ("ballot", "question") if name in votes.columns]
        again = int((votes["ballot"].notna() & votes.duplicated(key)).sum())
        if again:
            told.append(
                f"{again} of {len(votes)} answers stand in the votes more than once, and are counted once."
            )
    if "kind" in votes.columns:
        kinds = Counter(votes["kind"].astype(object).where(votes["kind"].notna(), ""))
        others = ", ".join(
            f"{count} of the kind “{kind}”" if kind else f"{count} of no kind"
            for kind, count in kinds.items()
            if kind != "vote"
        )
        if others:
            told.append(
                f"Of {len(votes)} answers, {others} are no votes on models and are left out of the ratings."
            )
    if "question" in votes.columns and 0 < (missing := int(votes["question"].isna().sum())) < len(votes):
        told.append(
            f"Of {len(votes)} answers, {missing} name no question and are left out of ratings and agreement."
        )
    left_out = votes.attrs.get("left_out")
    if isinstance(left_out, dict):
        told += [f"Clip {clip_id} took no part in the votes: {why}." for clip_id, why in left_out.items()]
    return told


def _of_measures(metrics: pd.DataFrame, done: set[str]) -> list[str]:
    told = []
    if "error" in metrics.columns:
        failed = metrics.loc[has_failed(metrics), "error"]
        told += [f"Clip {clip_id} could not be measured: {why}" for clip_id, why in failed.items()]
    missing = sorted(done - set(metrics.index))
    told += [f"Clip {clip_id} has no row among the measures." for clip_id in missing]
    others = [str(clip_id) for clip_id in metrics.index if clip_id not in done]
    if others:
        told.append(f"Measures of clips that are none of this study's cells: {', '.join(others)}.")
    return told


def has_failed(metrics: pd.DataFrame) -> pd.Series[bool]:
    """Which rows say that their clip could not be measured."""
    if "error" not in metrics.columns:
        return metrics.index.to_series().isna()
    return metrics["error"].astype(object).fillna("").astype(str).str.strip() != ""
