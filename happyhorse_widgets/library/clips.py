"""What the library knows of a clip, and how to find clips."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from .database import Database


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

    Times are seconds since the epoch by this machine's clock, except `sent_at`, which is the server's. Costs are creative
    units. `request` is what was asked (with image hashes), `body` what was sent, `error` {"kind", "message", "hint"}.
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
    remote_id: str | None
    estimate: float | None
    cost: float | None
    refunded: bool
    seed_used: int | None
    error: dict[str, Any] | None
    versions: dict[str, str]
    outputs: tuple[OutputRecord, ...]


_COLUMNS = [name for name in ClipRecord.__slots__ if name != "outputs"]
_JSON = ("request", "body", "error", "versions")


class Clips:
    """Read access to the clips in a library; usable from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, clip_id: str) -> ClipRecord | None:
        """The clip with this local id, or None."""
        return next(self._select("WHERE id = ?", (clip_id,)), None)

    def newest(self, limit: int | None = None) -> list[ClipRecord]:
        """All clips, newest first; at most `limit` of them."""
        return list(
            self._select("ORDER BY created_at DESC, id DESC LIMIT ?", (-1 if limit is None else limit,))
        )

    def count(self) -> int:
        """How many clips there are."""
        query = "SELECT COUNT(*) FROM jobs"
        return int(self._database.read(lambda connection: connection.execute(query).fetchone()[0]))

    def in_states(self, states: frozenset[str], *, endpoint: str, project: str) -> list[ClipRecord]:
        """The clips of one account and project that are in one of `states`, oldest first."""
        marks = ",".join("?" * len(states))
        return list(
            self._select(
                f"WHERE endpoint = ? AND project = ? AND state IN ({marks}) ORDER BY created_at, id",
                (endpoint, project, *sorted(states)),
            )
        )

    def charged(self, states: frozenset[str], *, endpoint: str, project: str) -> float:
        """Creative units spent, or possibly spent, by the clips in `states`; refunds are taken off."""
        marks = ",".join("?" * len(states))
        query = (
            f"SELECT COALESCE(SUM(COALESCE(cost, estimate, 0)), 0) FROM jobs "  # noqa: S608 (placeholders only)
            f"WHERE endpoint = ? AND project = ? AND refunded = 0 AND (state IN ({marks}) OR cost IS NOT NULL)"
        )
        values = (endpoint, project, *sorted(states))
        return float(self._database.read(lambda connection: connection.execute(query, values).fetchone()[0]))

    def durations(self, *, endpoint: str, model: str, limit: int = 200) -> list[float]:
        """How long this model's latest jobs took from submission to success, in seconds, newest first."""
        query = """
            SELECT e.at - j.submitted_at FROM jobs j JOIN events e ON e.job_id = j.id AND e.to_state = 'succeeded'
            WHERE j.endpoint = ? AND j.model = ? AND j.submitted_at IS NOT NULL ORDER BY e.seq DESC LIMIT ?
        """
        rows = self._database.read(
            lambda connection: connection.execute(query, (endpoint, model, limit)).fetchall()
        )
        return [float(row[0]) for row in rows]

    def _select(self, clause: str, values: tuple[Any, ...]) -> Iterator[ClipRecord]:
        query = f"SELECT {', '.join(_COLUMNS)} FROM jobs {clause}"  # noqa: S608 (clauses are ours)

        def work(connection: sqlite3.Connection) -> list[ClipRecord]:
            return [_record(connection, row) for row in connection.execute(query, values).fetchall()]

        return iter(self._database.read(work))


def read_clip(connection: sqlite3.Connection, clip_id: str) -> ClipRecord:
    """The clip as it is inside the current transaction."""
    query = f"SELECT {', '.join(_COLUMNS)} FROM jobs WHERE id = ?"  # noqa: S608 (our own column names)
    return _record(connection, connection.execute(query, (clip_id,)).fetchone())


def _record(connection: sqlite3.Connection, row: sqlite3.Row) -> ClipRecord:
    values: dict[str, Any] = dict(row)
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    values["sandbox"] = bool(values["sandbox"])
    values["refunded"] = bool(values["refunded"])
    outputs = connection.execute(
        "SELECT asset_id, position, state, path, size, sha256, facts FROM outputs WHERE job_id = ? ORDER BY position",
        (values["id"],),
    ).fetchall()
    return ClipRecord(
        **values,
        outputs=tuple(
            OutputRecord(
                **{**dict(output), "facts": json.loads(output["facts"]) if output["facts"] else None}
            )
            for output in outputs
        ),
    )
