"""The files of clips that were deleted, removed for good. Rows stay: they say what was asked for, and what it cost."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .clips import REMOVED
from .journal import note_event

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from .archive import Pulse
    from .database import Database
    from .files import Home


@dataclass(frozen=True, slots=True)
class Emptied:
    """What was removed: the local ids of the `clips`, and the `size` of their files in bytes.

    `remaining` are files that could not be removed, as where a program has them open: empty the trash again later.
    """

    clips: tuple[str, ...]
    size: int
    remaining: tuple[Path, ...]

    def __repr__(self) -> str:
        lines = [f"The files of {len(self.clips):,} deleted clips were removed ({self.size / 1e6:,.1f} MB)."]
        return "\n".join(lines + [f"  {path} could not be removed." for path in self.remaining])


def empty(
    database: Database, home: Home, *, older_than: float, resting: frozenset[str], pulse: Pulse
) -> Emptied:
    """Remove the videos, their copies and posters of clips in `resting` that were deleted more than `older_than` seconds ago.

    The journal says first that they are gone, so that a clip which is restored meanwhile is never one whose file vanishes after.
    What a killed process has left of this is removed the next time.
    """
    limit = time.time() - older_than
    found = database.write(lambda connection: _let_go(connection, limit, resting)).result()
    clips, size, remaining = [], 0, []
    for clip_id, positions in found.items():
        pulse()
        removed = 0
        videos = [home.clip(clip_id, position) for position in positions]
        for path in [*videos, home.poster(clip_id), *home.copies(clip_id)]:
            try:
                bytes_of_it = path.stat().st_size
                path.unlink()
            except FileNotFoundError:
                continue
            except OSError:
                remaining.append(path)
            else:
                removed += bytes_of_it
        if removed:
            clips.append(clip_id)
            size += removed
    return Emptied(tuple(clips), size, tuple(remaining))


def _let_go(connection: sqlite3.Connection, limit: float, resting: frozenset[str]) -> dict[str, list[int]]:
    """Note that the files are gone; the positions of the outputs of each clip."""
    rows = connection.execute(
        "SELECT id, jobs.state AS state, position, path FROM jobs"
        " JOIN catalogue ON catalogue.job_id = id JOIN outputs ON outputs.job_id = id"
        " WHERE deleted_at <= ? AND jobs.state IN (SELECT value FROM json_each(?)) ORDER BY created_at, id, position",
        (limit, json.dumps(sorted(resting))),
    ).fetchall()
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(row["id"], []).append(row["position"])
        if row["path"] is not None:
            connection.execute(
                "UPDATE outputs SET path = NULL, state = ? WHERE job_id = ? AND position = ?",
                (REMOVED, row["id"], row["position"]),
            )
            note_event(connection, row["id"], time.time(), row["state"], row["state"], "its file was removed")
    return found
