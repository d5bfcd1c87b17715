"""Clips on the page of a report: every cell with its video or why there is none, and every attempt with what it cost."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from happyhorse_widgets.engine.states import State
from happyhorse_widgets.extras import needs

from .attempts import key_of
from .spending import charged

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from happyhorse_widgets.engine.clip import Clip

    from .cells import Cell
    from .sweep import Sweep

UNKNOWN = "not known"


def article(cell: Cell, beside: Path | None) -> dict[str, Any]:
    """What the page shows of a cell: its levels, facts and video, which is copied to the folder `beside` where one is given.

    Only a file with the hash that is printed is shown; else `why` says what is wrong, and `video` is empty.
    """
    clip = cell.clip
    found: dict[str, Any] = {"key": cell.key, "levels": list(cell.levels.items()), "facts": [], "video": ""}
    if clip is None:
        return found | {"why": "it was not asked for"}
    given = [("clip", clip.id), ("job", clip.job_id), ("seed used", clip.seed_used), ("cost", _cost(clip))]
    found["facts"] = [(name, str(value)) for name, value in given if value is not None]
    data = _bytes(clip)
    if isinstance(data, str):
        return found | {"why": data}
    if beside is None:
        video = f"data:video/mp4;base64,{base64.b64encode(data).decode()}"
    else:
        beside.mkdir(exist_ok=True)
        (beside / f"{clip.id}.mp4").write_bytes(data)
        video = quote(f"{beside.name}/{clip.id}.mp4")
    poster, facts = clip.poster_jpeg(), clip.facts or {"width": 16, "height": 9}
    return found | {
        "sha256": clip.sha256,
        "shape": f"{facts['width']} / {facts['height']}",
        "poster": "" if poster is None else f"data:image/jpeg;base64,{base64.b64encode(poster).decode()}",
        "video": video,
    }


def _cost(clip: Clip) -> str:
    return UNKNOWN if clip.cost is None else f"{clip.cost:g} CU"


def _bytes(clip: Clip) -> bytes | str:
    """The clip's file, or why it cannot be shown."""
    if clip.state is not State.DONE:
        return f"{clip.state}" + (f" – {clip.error}" if clip.error is not None else "")
    if clip.path is None:
        return "its file is not in the library any more"
    try:
        data = clip.path.read_bytes()
    except OSError as error:
        return f"its file cannot be read ({error.strerror})"
    if hashlib.sha256(data).hexdigest() != clip.sha256:
        return f"its file is not the one that was made, whose sha256 is {clip.sha256}"
    return data


def attempts(sweep: Sweep) -> pd.DataFrame:
    """A row for each clip that was asked for, with those that failed and had another asked for in their place.

    `clip_id`, `cells` (that ask for it), `state`, `cost` and `estimate` in creative units, `counted` (what of it is in the
    total), `error`.
    """
    cells: dict[str, list[str]] = {}
    for planned in sweep.plan.cells:
        cells.setdefault(key_of(sweep.plan.request(planned)), []).append(planned.key)
    rows = [
        {
            "clip_id": clip.id,
            "cells": ", ".join(sorted(cells.get(key_of(clip.request), []))),
            "state": str(clip.state),
            "cost": clip.cost,
            "estimate": clip.estimate,
            "counted": charged([clip]),
            "error": "" if clip.error is None else str(clip.error),
        }
        for clip in sweep.attempts
    ]
    columns = ["clip_id", "cells", "state", "cost", "estimate", "counted", "error"]
    frame: pd.DataFrame = needs("pandas").DataFrame(rows, columns=columns)
    return frame.astype(dict.fromkeys(["cost", "estimate", "counted"], float))
