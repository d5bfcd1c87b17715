"""The journal: every step of every clip, written down before it is taken.

All writes go through the database's one writer thread, each as one committed transaction. A transition is a
compare-and-set on the state, so that two hands never move one clip at the same time, and leaves an event behind. Progress is
not written, and no signed URL ever is.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import LibraryError

from .catalogue import enter
from .clips import ClipRecord, exists, read_clip

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from .database import Database

    Entry = Callable[[sqlite3.Connection], ClipRecord]
    #: Asked within the transaction that would write; what it raises keeps that from happening.
    Check = Callable[[sqlite3.Connection], None]

#: What a transition may set beside the state.
_SETTABLE = frozenset(
    [
        "body",
        "fingerprint",
        "attempt",
        "sent_at",
        "submitted_at",
        "took",
        "remote_id",
        "estimate",
        "cost",
        "refunded",
        "seed_used",
        "error",
        "request",
        "finished_at",
    ]
)
#: Grows with every change of a clip, whatever the clocks of the machines that make them say: the newer is told by it.
_TOUCH = "updated_at = MAX(?, updated_at + 1e-6)"
_AS_JSON = frozenset({"body", "error", "request"})


class StaleTransition(Exception):
    """The clip is no longer in the state that the transition starts from: somebody else moved it."""


class Journal:
    """The only writer of clips. What writes returns a future that resolves after the commit; what reads answers at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, clip_id: str, **values: Any) -> Future[ClipRecord]:
        """Enter a new clip; takes what `entry` takes."""
        return self._database.write(self.entry(clip_id, **values))

    def create_all(self, entries: Sequence[Entry]) -> Future[list[ClipRecord]]:
        """Enter several clips in one step: all of them, or none."""
        return self._database.write(lambda connection: [enter_one(connection) for enter_one in entries])

    def entry(
        self,
        clip_id: str,
        *,
        state: str,
        endpoint: str,
        project: str,
        sandbox: bool,
        model: str,
        request: Mapping[str, Any],
        versions: Mapping[str, str],
        budget: float | None = None,
        instead_of: str | None = None,
        waiting: str = "",
        forgone: frozenset[str] = frozenset(),
        parent: str | None = None,
        relation: str = "",
        once: bool = False,
    ) -> Entry:
        """What enters a new clip, within a transaction. `parent` names the one that it was made from, `relation` says how.

        With `once`, where there is a clip of this id, nothing is entered and that one is given, whatever it is.

        With `instead_of` it takes the place of a clip in the state `waiting`; where that has a successor already which is in none
        of the states `forgone`, nothing is entered and the successor is given, so that to ask twice makes one clip. Raises
        `StaleTransition` where the clip waits no more.
        """

        def work(connection: sqlite3.Connection) -> ClipRecord:
            now = time.time()
            if once and exists(connection, clip_id):
                return read_clip(connection, clip_id)
            if instead_of is not None:
                replaced = read_clip(connection, instead_of)
                if replaced.successor is not None:
                    known = read_clip(connection, replaced.successor)
                    if known.state not in forgone:
                        return known
                if replaced.state != waiting:
                    raise StaleTransition(f"{instead_of} is not {waiting} any more")
            connection.execute(
                "INSERT INTO jobs (id, created_at, updated_at, state, endpoint, project, sandbox, model, request, versions,"
                " budget, parent, relation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    clip_id,
                    now,
                    now,
                    state,
                    endpoint,
                    project,
                    sandbox,
                    model,
                    json.dumps(request),
                    json.dumps(versions),
                    budget,
                    parent,
                    relation,
                ),
            )
            enter(connection, clip_id)
            note_event(connection, clip_id, now, "", state, "")
            if instead_of is not None:
                connection.execute(
                    f"UPDATE jobs SET successor = ?, {_TOUCH} WHERE id = ?",  # noqa: S608 (a constant)
                    (clip_id, now, instead_of),
                )
            return read_clip(connection, clip_id)

        return work

    def move(
        self,
        clip_id: str,
        current: str,
        following: str,
        *,
        detail: str = "",
        epoch: int | None = None,
        check: Check | None = None,
        **values: Any,
    ) -> Future[ClipRecord]:
        """Take a clip from state `current` to `following` and set `values` with it.

        With `epoch` the move happens only while this process still owns the library (see `ownership`), with `check` only where
        that raises nothing. The future raises `StaleTransition` when the clip is in another state, `LibraryError` when the
        library changed hands, and what `check` raises.
        """
        unknown = set(values) - _SETTABLE
        if unknown:
            raise TypeError(f"a transition cannot set {sorted(unknown)}")

        def work(connection: sqlite3.Connection) -> ClipRecord:
            if epoch is not None:
                _require_epoch(connection, epoch)
            if check is not None:
                check(connection)
            now = time.time()
            columns = ", ".join(["state = ?", _TOUCH, *(f"{name} = ?" for name in values)])
            row = connection.execute(
                f"UPDATE jobs SET {columns} WHERE id = ? AND state = ?",  # noqa: S608 (names are checked above)
                (following, now, *(_stored(name, value) for name, value in values.items()), clip_id, current),
            )
            if row.rowcount != 1:
                raise StaleTransition(f"{clip_id} is not {current} any more")
            note_event(connection, clip_id, now, current, following, detail)
            return read_clip(connection, clip_id)

        return self._database.write(work)

    def expect_outputs(self, clip_id: str, asset_ids: Sequence[str]) -> Future[ClipRecord]:
        """Note which assets a finished job made, before any is downloaded."""

        def work(connection: sqlite3.Connection) -> ClipRecord:
            connection.executemany(
                "INSERT OR IGNORE INTO outputs (job_id, position, asset_id, state) VALUES (?, ?, ?, 'expected')",
                [(clip_id, position, asset_id) for position, asset_id in enumerate(asset_ids)],
            )
            return read_clip(connection, clip_id)

        return self._database.write(work)

    def have_output(
        self, clip_id: str, position: int, *, path: str, size: int, sha256: str, facts: Mapping[str, Any]
    ) -> Future[ClipRecord]:
        """Note that an output is on disk, whole and verified. `path` is relative to the home."""

        def work(connection: sqlite3.Connection) -> ClipRecord:
            connection.execute(
                "UPDATE outputs SET state = 'here', path = ?, size = ?, sha256 = ?, facts = ? WHERE job_id = ? AND position = ?",
                (path, size, sha256, json.dumps(facts), clip_id, position),
            )
            return read_clip(connection, clip_id)

        return self._database.write(work)

    def have_image(
        self, sha256: str, *, media_type: str, size: int, width: int, height: int, path: str
    ) -> Future[None]:
        """Note that a reference image is kept. `path` is relative to the home."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR IGNORE INTO images (sha256, media_type, size, width, height, path, added_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (sha256, media_type, size, width, height, path, time.time()),
            )

        return self._database.write(work)

    def have_upload(self, sha256: str, *, endpoint: str, project: str, asset_id: str) -> Future[None]:
        """Note under which asset id these bytes are known to Scenario."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO uploads (sha256, endpoint, project, asset_id, at) VALUES (?, ?, ?, ?, ?)",
                (sha256, endpoint, project, asset_id, time.time()),
            )

        return self._database.write(work)

    def uploaded(self, sha256: str, *, endpoint: str, project: str) -> str | None:
        """The asset id of these bytes, if they were uploaded to this account and project before."""
        row = self._database.read(
            lambda connection: connection.execute(
                "SELECT asset_id FROM uploads WHERE sha256 = ? AND endpoint = ? AND project = ?",
                (sha256, endpoint, project),
            ).fetchone()
        )
        return None if row is None else str(row["asset_id"])

    def bound(self, endpoint: str) -> set[str]:
        """The job ids of this account that already belong to a clip."""
        rows = self._database.read(
            lambda connection: connection.execute(
                "SELECT remote_id FROM jobs WHERE endpoint = ? AND remote_id IS NOT NULL", (endpoint,)
            ).fetchall()
        )
        return {row["remote_id"] for row in rows}

    def news(self, after: int) -> tuple[int, list[str]]:
        """Which clips were moved since event number `after`, by any process; with the number of the latest event."""
        rows = self._database.read(
            lambda connection: connection.execute(
                "SELECT job_id, MAX(seq) AS seq FROM events WHERE seq > ? GROUP BY job_id ORDER BY MAX(seq)",
                (after,),
            ).fetchall()
        )
        return (rows[-1]["seq"] if rows else after), [row["job_id"] for row in rows]

    def latest(self) -> int:
        """The number of the latest event; 0 where there is none."""
        query = "SELECT COALESCE(MAX(seq), 0) FROM events"
        return int(self._database.read(lambda connection: connection.execute(query).fetchone()[0]))

    def events(self, clip_id: str) -> list[dict[str, Any]]:
        """What happened to a clip, oldest first: {"at", "from_state", "to_state", "detail"}."""
        rows = self._database.read(
            lambda connection: connection.execute(
                "SELECT at, from_state, to_state, detail FROM events WHERE job_id = ? ORDER BY seq",
                (clip_id,),
            ).fetchall()
        )
        return [dict(row) for row in rows]


def _stored(name: str, value: Any) -> Any:
    return json.dumps(value) if name in _AS_JSON and value is not None else value


def note_event(
    connection: sqlite3.Connection, clip_id: str, at: float, current: str, following: str, detail: str
) -> None:
    """Leave an event behind, by which others hear of what happened to a clip."""
    connection.execute(
        "INSERT INTO events (job_id, at, from_state, to_state, detail) VALUES (?, ?, ?, ?, ?)",
        (clip_id, at, current, following, detail),
    )


def _require_epoch(connection: sqlite3.Connection, epoch: int) -> None:
    row = connection.execute("SELECT epoch FROM owner").fetchone()
    if row is None or row["epoch"] != epoch:
        raise LibraryError(
            "Another kernel has taken over this library; this one no longer submits. Nothing was sent."
        )
