"""What people said of clips in two libraries, and what they saved, put together: neither side loses anything."""

from __future__ import annotations

import json
import time
from itertools import count
from typing import TYPE_CHECKING

import msgspec

from . import catalogue
from .ballots import insert_ballot
from .folding import writable
from .journal import note_event

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from .rows import ArenaRow, BallotRow, MarkRow, SavedRow


def join_marks(connection: sqlite3.Connection, theirs: MarkRow, *, is_new: bool) -> bool:
    """Add what another library says of a clip to what is said of it here; whether that is news of a clip that is not new.

    A favourite of either is one, the tags are those of both, and notes that differ stand one below the other. Whether the clip is
    deleted here stays as it is. Nothing happens for a clip that is not here.
    """
    row = connection.execute(
        "SELECT state, favourite, tags, notes FROM jobs LEFT JOIN catalogue ON job_id = id WHERE id = ?",
        (theirs.job_id,),
    ).fetchone()
    if row is None:
        return False
    joined = catalogue.mark(
        connection,
        theirs.job_id,
        favourite=bool(row["favourite"]) or theirs.favourite,
        tags=[*json.loads(row["tags"] or "[]"), *theirs.tags],
        notes=_both(row["notes"] or "", writable(theirs.notes)),
    )
    news = joined and not is_new  # of a new one its own events tell
    if news:
        note_event(
            connection, theirs.job_id, time.time(), row["state"], row["state"], "marked in another library"
        )
    return news


def _both(ours: str, theirs: str) -> str:
    if theirs.strip() in ours:
        return ours
    return theirs if ours.strip() in theirs else f"{ours.rstrip()}\n\n{theirs.lstrip()}"


def join_saved(connection: sqlite3.Connection, theirs: Iterable[SavedRow]) -> list[str]:
    """Add what was saved in another library; the names that came in. Another thing of the same name gets a number."""
    added = []
    for row in theirs:
        name = _place(connection, row)
        if name is not None:
            connection.execute(
                "INSERT INTO saved (kind, name, value, at) VALUES (?, ?, ?, ?)",
                (row.kind, name, json.dumps(row.value), row.at),
            )
            added.append(name)
    return added


def join_ballots(
    connection: sqlite3.Connection, arenas: Iterable[ArenaRow], ballots: Iterable[BallotRow]
) -> int:
    """Add the blind votes of another library, and what was voted on; how many are new here."""
    for arena in arenas:
        connection.execute(
            "INSERT OR IGNORE INTO arenas (id, name, created_at, plan) VALUES (?, ?, ?, ?)",
            (arena.id, writable(arena.name), arena.created_at, json.dumps(arena.plan, sort_keys=True)),
        )
    new = 0
    for ballot in ballots:
        new += insert_ballot(
            connection, {**msgspec.structs.asdict(ballot), "answers": json.dumps(ballot.answers)}
        )
    return new


def _place(connection: sqlite3.Connection, row: SavedRow) -> str | None:
    """A name that is free for it; None where the same thing is here already."""
    plain = writable(row.name)
    for number in count(1):
        name = plain if number == 1 else f"{plain} ({number})"
        here = connection.execute(
            "SELECT value FROM saved WHERE kind = ? AND name = ?", (row.kind, name)
        ).fetchone()
        if here is None:
            return name
        if json.loads(here["value"]) == row.value:
            break
    return None
