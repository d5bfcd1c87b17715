"""Clips as the rows of tidy frames: what was asked for, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from happyhorse_widgets.extras import needs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import pandas as pd

    from .clip import Clip
    from .request import Reference

#: Columns of whole numbers, some of which may be missing.
_WHOLE = ("seed", "duration", "seed_used")
#: The columns of what came of a clip.
OUTCOME = ("clip_id", "sha256", "state", "cost", "seconds", "seed_used", "path", "sandbox", "error")
_ASKED = ("prompt", "references", "aspect_ratio", "resolution", "duration", "seed", "model")
_COLUMNS = ("clip_id", "created_at", *_ASKED, *OUTCOME[1:], "favourite", "tags", "notes")


def clips_frame(clips: Iterable[Clip]) -> pd.DataFrame:
    """See `Shelf.to_frame`."""
    ours = set(_COLUMNS) - set(_ASKED)
    rows = [
        {
            "created_at": clip.created_at,
            **{beside(name, ours): value for name, value in clip.request.values().items()},
            "references": called(clip.request.references),
            "model": clip.request.model,
            **outcome(clip),
            "favourite": clip.favourite,
            "tags": list(clip.tags),
            "notes": clip.notes,
        }
        for clip in clips
    ]
    pandas = needs("pandas")
    frame: pd.DataFrame = tidy(rows)
    frame = frame.reindex(columns=list(dict.fromkeys([*_COLUMNS, *frame.columns])))
    frame["created_at"] = pandas.to_datetime(frame["created_at"].astype(float), unit="s", utc=True)
    return frame


def tidy(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows as a frame, in which whole numbers stay whole where some are missing.

    A column of several kinds of values, such as numbers and names, holds texts: a column of a Parquet file has one kind.
    """
    frame: pd.DataFrame = needs("pandas").DataFrame(rows)
    for name in frame.columns:
        if frame[name].dtype.kind == "O" and len({type(value) for value in frame[name].dropna()}) > 1:
            frame[name] = frame[name].map(str, na_action="ignore")
    kinds = {
        name: "Int64"
        for name in _WHOLE
        if name in frame.columns and all(row.get(name) is None or type(row[name]) is int for row in rows)
    }
    return frame.astype(kinds)


def beside(name: str, ours: Collection[str]) -> str:
    """The column of a model's input: its name, or with "_" behind it where a column of ours is called so."""
    return f"{name}_" if name in ours else name


def outcome(clip: Clip | None) -> dict[str, Any]:
    """What came of the clip, by the names of columns; None in all of them where it was not asked for."""
    if clip is None:
        return dict.fromkeys(OUTCOME)
    path, error = clip.path, clip.error
    values = (
        *(clip.id, clip.sha256, str(clip.state), clip.cost, clip.record.took, clip.seed_used),
        *(None if path is None else str(path), clip.sandbox, None if error is None else str(error)),
    )
    return dict(zip(OUTCOME, values, strict=True))


def called(images: Iterable[Reference]) -> str:
    """What a set of reference images is called: their own names, or those of their files."""
    return " + ".join(image.alias or image.name for image in images)
