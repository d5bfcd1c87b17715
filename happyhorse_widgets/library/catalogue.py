"""What a person says of clips, and what a search looks at: one small row beside the large one of each job.

`words`, `ratio` and `seconds` are taken from what was asked; favourite, tags, notes and the time of deletion are the person's.
`marked_at` grows with each change of those, so that of two readings of a row the newer can be told.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from .folding import folded, writable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

ENTER = """
    INSERT OR IGNORE INTO catalogue (job_id, ratio, seconds, words)
    SELECT id,
           CASE json_valid(request) WHEN 1 THEN json_extract(request, '$.aspect_ratio') END,
           CASE json_valid(request) WHEN 1 THEN json_extract(request, '$.duration') END,
           search_words(request, '', '[]', id)
    FROM jobs
"""


def enter(connection: sqlite3.Connection, clip_id: str) -> None:
    """Give a clip its row, unless it has one."""
    connection.execute(f"{ENTER} WHERE id = ?", (clip_id,))


def mark(
    connection: sqlite3.Connection,
    clip_id: str,
    *,
    favourite: bool | None = None,
    tags: Sequence[str] | None = None,
    notes: str | None = None,
) -> bool:
    """Change what is not None; whether that changed anything."""
    enter(connection, clip_id)
    row = connection.execute(
        "SELECT favourite, tags, notes FROM catalogue WHERE job_id = ?", (clip_id,)
    ).fetchone()
    before = (row["favourite"], row["tags"], row["notes"])
    after = (
        before[0] if favourite is None else int(favourite),
        before[1] if tags is None else json.dumps(distinct(tags)),
        before[2] if notes is None else writable(notes),
    )
    if after == before:
        return False
    connection.execute(
        "UPDATE catalogue SET favourite = ?, tags = ?, notes = ?, marked_at = MAX(?, marked_at + 1e-6), words ="
        " search_words((SELECT request FROM jobs WHERE id = job_id), ?, ?, job_id) WHERE job_id = ?",
        (*after, time.time(), after[2], after[1], clip_id),
    )
    return True


def set_deleted(connection: sqlite3.Connection, clip_id: str, at: float | None) -> bool:
    """Take a clip out of sight at that time, or (None) put it back; whether that changed anything."""
    enter(connection, clip_id)
    changed = connection.execute(
        "UPDATE catalogue SET deleted_at = ?, marked_at = MAX(?, marked_at + 1e-6)"
        " WHERE job_id = ? AND (deleted_at IS NULL) <> (? IS NULL)",
        (at, time.time(), clip_id, at),
    )
    return changed.rowcount == 1


def distinct(tags: Iterable[str]) -> list[str]:
    """The tags with single spaces, each once whatever its case, in their order; empty ones are left out."""
    found: dict[str, str] = {}
    for tag in tags:
        plain = " ".join(writable(tag).split())
        if plain:
            found.setdefault(folded(plain), plain)
    return list(found.values())
