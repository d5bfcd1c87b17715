"""What the library knows of a clip, and how to find clips."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import LibraryError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from .database import Database

#: So many placeholders go into one statement; SQLite's own limit is 999 in older versions.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """One file that a job made. `path` is relative to the home and None until the file is there whole."""

    asset_id: str
    position: int
    state: str
    path: str | None
    size: int | None
    sha256: str | None
    facts: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """A clip as the journal has it: everything needed to make it again, and what became of it.

    Times are seconds since the epoch by this machine's clock, except `sent_at`, which is the server's. `took` is how many
    seconds the job took by the server's clock. Costs are creative units. `request` is what was asked (with image hashes),
    `body` what was sent, `error` {"kind", "message", "hint"}. `budget` is the one it was asked under (None: no limit),
    `successor` the clip that was submitted in its place after an answer was lost.
    """

    id: str
    created_at: float
    updated_at: float
    finished_at: float | None
    state: str
    endpoint: str
    project: str
    sandbox: bool
    model: str
    request: dict[str, Any]
    body: dict[str, Any] | None
    fingerprint: str | None
    attempt: int
    sent_at: float | None
    submitted_at: float | None
    took: float | None
    remote_id: str | None
    estimate: float | None
    cost: float | None
    refunded: bool
    seed_used: int | None
    error: dict[str, Any] | None
    versions: dict[str, str]
    budget: float | None
    successor: str | None
    outputs: tuple[OutputRecord, ...]


_COLUMNS = [name for name in ClipRecord.__slots__ if name != "outputs"]
_JSON = ("request", "body", "error", "versions")


class Clips:
    """Read access to the clips in a library; usable from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, clip_id: str) -> ClipRecord | None:
        """The clip with this local id, or None."""
        return next(iter(self._select("WHERE id = ?", (clip_id,))), None)

    def those(self, clip_ids: Sequence[str]) -> list[ClipRecord]:
        """The clips with these local ids, oldest first; those that are not there are left out."""
        found: list[ClipRecord] = []
        for first in range(0, len(clip_ids), _BATCH):
            batch = clip_ids[first : first + _BATCH]
            found += self._select(f"WHERE id IN ({','.join('?' * len(batch))})", tuple(batch))
        return sorted(found, key=lambda record: (record.created_at, record.id))

    def newest(self, limit: int, *, after: ClipRecord | None = None, skip: int = 0) -> list[ClipRecord]:
        """At most `limit` clips, newest first: from the newest on, or those that come after the clip `after`.

        `skip` passes over so many of them first.
        """
        older, values = (
            ("", ()) if after is None else ("WHERE (created_at, id) < (?, ?)", (after.created_at, after.id))
        )
        return self._select(
            f"{older} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?", (*values, limit, skip)
        )

    def count(self) -> int:
        """How many clips there are."""
        query = "SELECT COUNT(*) FROM jobs"
        return int(self._database.read(lambda connection: connection.execute(query).fetchone()[0]))

    def in_states(self, states: frozenset[str], *, endpoint: str, project: str) -> list[ClipRecord]:
        """The clips of one account and project that are in one of `states`, oldest first."""
        marks = ",".join("?" * len(states))
        return self._select(
            f"WHERE endpoint = ? AND project = ? AND state IN ({marks}) ORDER BY created_at, id",
            (endpoint, project, *sorted(states)),
        )

    def charged(self, states: frozenset[str], *, endpoint: str, project: str) -> float:
        """Creative units spent, or possibly spent, by the clips in `states`; refunds are taken off.

        Clips that were imported count nothing: another home has paid them.
        """
        marks = ",".join("?" * len(states))
        query = (
            f"SELECT COALESCE(SUM(COALESCE(cost, estimate, 0)), 0) FROM jobs "  # noqa: S608 (placeholders only)
            f"WHERE endpoint = ? AND project = ? AND refunded = 0 AND imported_at IS NULL"
            f" AND (state IN ({marks}) OR cost IS NOT NULL)"
        )
        values = (endpoint, project, *sorted(states))
        return float(self._database.read(lambda connection: connection.execute(query, values).fetchone()[0]))

    def durations(self, *, endpoint: str, model: str) -> list[float]:
        """How long this home's latest jobs of a model took, by the server's clock, in seconds; newest first, at most 200."""
        query = (
            "SELECT took FROM jobs WHERE endpoint = ? AND model = ? AND took IS NOT NULL AND imported_at IS NULL"
            " ORDER BY created_at DESC LIMIT 200"
        )
        rows = self._database.read(lambda connection: connection.execute(query, (endpoint, model)).fetchall())
        return [float(row["took"]) for row in rows]

    def _select(self, clause: str, values: tuple[Any, ...]) -> list[ClipRecord]:
        return self._database.read(lambda connection: _read(connection, clause, values))


def read_clip(connection: sqlite3.Connection, clip_id: str) -> ClipRecord:
    """The clip as it is inside the current transaction. Raises `LibraryError` where there is none."""
    found = _read(connection, "WHERE id = ?", (clip_id,))
    if not found:
        raise LibraryError(f"There is no clip {clip_id} in this library.")
    return found[0]


def _read(connection: sqlite3.Connection, clause: str, values: tuple[Any, ...]) -> list[ClipRecord]:
    # Clauses are ours, with placeholders for values.
    rows = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM jobs {clause}", values).fetchall()  # noqa: S608
    query = f"SELECT * FROM outputs WHERE job_id IN (SELECT id FROM jobs {clause}) ORDER BY position"  # noqa: S608
    outputs: dict[str, list[OutputRecord]] = {}
    for output in connection.execute(query, values):
        outputs.setdefault(output["job_id"], []).append(_output(output))
    return [_record(row, tuple(outputs.get(row["id"], ()))) for row in rows]


def _record(row: sqlite3.Row, outputs: tuple[OutputRecord, ...]) -> ClipRecord:
    values: dict[str, Any] = dict(row)
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    values["sandbox"] = bool(values["sandbox"])
    values["refunded"] = bool(values["refunded"])
    return ClipRecord(**values, outputs=outputs)


def _output(row: sqlite3.Row) -> OutputRecord:
    values = {name: row[name] for name in OutputRecord.__slots__}
    values["facts"] = None if row["facts"] is None else json.loads(row["facts"])
    return OutputRecord(**values)
