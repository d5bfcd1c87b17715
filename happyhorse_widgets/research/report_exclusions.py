"""What a report leaves out, each with the reason: cells, answers and measures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    done: Mapping[str, str],
) -> list[str]:
    """Sentences on all that is left out, and on what cannot be traced to a clip of the study.

    `articles` are the cells as the page shows them, `done` has the SHA-256 of the finished clips by their ids.
    """
    told = [f"Cell {each['key']} has no clip: {each['why']}." for each in articles if not each["video"]]
    if votes is not None:
        told += [*_of_votes(votes), *_untraced(votes, done)]
    if metrics is not None:
        told += _of_measures(metrics, done)
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


def _untraced(votes: pd.DataFrame, done: Mapping[str, str]) -> list[str]:
    """What cannot be followed to a file on the page. It counts all the same: votes may come from several studies."""
    clips, hashes = _sides(votes, "clip"), _sides(votes, "sha256")
    here = clips.isin(done.keys())
    elsewhere = ~here & (clips != "")
    other = here & (hashes != "") & (hashes != clips.map(done.get))
    told = [
        (
            clips == "",
            "name no clip on one side or both (clip_a, clip_b), so that nothing tells what was seen",
        ),
        (elsewhere, f"name clips outside this study: {_named(clips, elsewhere)}"),
        (here & (hashes == ""), "name a clip without its sha256, so that nothing tells which file was seen"),
        (other, f"were cast on another file (sha256) than the cell's: {_named(clips, other)}"),
    ]
    counts = [(int(sides.any(axis=1).sum()), words) for sides, words in told]
    return [f"{count} of {len(votes)} answers count, but {words}." for count, words in counts if count]


def _named(clips: pd.DataFrame, which: pd.DataFrame) -> str:
    return ", ".join(sorted({*clips.to_numpy()[which.to_numpy()]}))


def _sides(votes: pd.DataFrame, name: str) -> pd.DataFrame:
    """What the votes say of both sides, as texts; "" for nothing."""
    columns = votes.reindex(columns=[f"{name}_a", f"{name}_b"]).astype(object).set_axis(["a", "b"], axis=1)
    return columns.where(columns.notna(), "")


def _of_measures(metrics: pd.DataFrame, done: Mapping[str, str]) -> list[str]:
    told = []
    if "error" in metrics.columns:
        failed = metrics.loc[has_failed(metrics), "error"]
        told += [f"Clip {clip_id} could not be measured: {why}" for clip_id, why in failed.items()]
    missing = sorted(set(done) - set(metrics.index))
    told += [f"Clip {clip_id} has no row among the measures." for clip_id in missing]
    others = [str(clip_id) for clip_id in metrics.index if clip_id not in done]
    if others:
        told.append(f"Measures of clips that are none of this study's cells: {', '.join(others)}.")
    elsewhere = [
        str(clip_id)
        for clip_id, sha256 in metrics.loc[~has_failed(metrics), "sha256"].items()
        if clip_id in done and sha256 != done[str(clip_id)]
    ]
    if elsewhere:
        told.append(
            "Measures that were not taken of the cell's file, whose sha256 is another, are in no figure and no mean: "
            f"{', '.join(elsewhere)}."
        )
    return told


def has_failed(metrics: pd.DataFrame) -> pd.Series[bool]:
    """Which rows say that their clip could not be measured."""
    if "error" not in metrics.columns:
        return metrics.index.to_series().isna()
    return metrics["error"].astype(object).fillna("").astype(str).str.strip() != ""
