"""One SQLite file, one thread that writes to it, readers anywhere.

Rollback journal and `synchronous=EXTRA`: what was committed survives a power cut. Write-ahead logging is not used, for it
does not work on network file systems, where the homes of a hub live.
"""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from happyhorse_widgets.errors import LibraryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

#: Each entry takes the schema one version up; `PRAGMA user_version` counts those that were applied.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE owner (
        one        INTEGER PRIMARY KEY CHECK (one = 1),
        epoch      INTEGER NOT NULL,
        pid        INTEGER NOT NULL,
        started    TEXT NOT NULL,
        boot_id    TEXT NOT NULL,
        host       TEXT NOT NULL,
        heartbeat  REAL NOT NULL
    );
    CREATE TABLE jobs (
        id           TEXT PRIMARY KEY,
        created_at   REAL NOT NULL,
        updated_at   REAL NOT NULL,
        finished_at  REAL,
        state        TEXT NOT NULL,
        endpoint     TEXT NOT NULL,
        project      TEXT NOT NULL DEFAULT '',
        sandbox      INTEGER NOT NULL,
        model        TEXT NOT NULL,
        request      TEXT NOT NULL,
        body         TEXT,
        fingerprint  TEXT,
        attempt      INTEGER NOT NULL DEFAULT 0,
        sent_at      REAL,
        submitted_at REAL,
        remote_id    TEXT,
        estimate     REAL,
        cost         REAL,
        refunded     INTEGER NOT NULL DEFAULT 0,
        seed_used    INTEGER,
        error        TEXT,
        versions     TEXT NOT NULL,
        UNIQUE (endpoint, remote_id)
    );
    CREATE INDEX jobs_by_state ON jobs (state);
    CREATE INDEX jobs_by_time ON jobs (created_at DESC);
    CREATE TABLE events (
        seq        INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id     TEXT NOT NULL REFERENCES jobs (id),
        at         REAL NOT NULL,
        from_state TEXT NOT NULL,
        to_state   TEXT NOT NULL,
        detail     TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX events_by_job ON events (job_id, seq);
    CREATE TRIGGER events_stay BEFORE DELETE ON events BEGIN SELECT RAISE (ABORT, 'events are append-only'); END;
    CREATE TRIGGER events_hold BEFORE UPDATE ON events BEGIN SELECT RAISE (ABORT, 'events are append-only'); END;
    CREATE TABLE images (
        sha256     TEXT PRIMARY KEY,
        media_type TEXT NOT NULL,
        size       INTEGER NOT NULL,
        width      INTEGER NOT NULL,
        height     INTEGER NOT NULL,
        path       TEXT NOT NULL,
        added_at   REAL NOT NULL
    );
    CREATE TABLE uploads (
        sha256     TEXT NOT NULL,
        endpoint   TEXT NOT NULL,
        project    TEXT NOT NULL,
        asset_id   TEXT NOT NULL,
        at         REAL NOT NULL,
        PRIMARY KEY (sha256, endpoint, project)
    );
    CREATE TABLE outputs (
        job_id     TEXT NOT NULL REFERENCES jobs (id),
        position   INTEGER NOT NULL,
        asset_id   TEXT NOT NULL,
        state      TEXT NOT NULL,
        path       TEXT,
        size       INTEGER,
        sha256     TEXT,
        facts      TEXT,
        PRIMARY KEY (job_id, position)
    );
    """,
)


class Database:
    """A SQLite file with one writer thread.

    `write` queues work and returns a future; `read` runs at once on the calling thread. Both give the work a connection
    with `sqlite3.Row` rows and turn SQLite's errors into `LibraryError`.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file and bring its schema up to date.

        Raises `LibraryError` where the folder cannot be written, the file is no database, or it comes from a newer version.
        """
        self.path = path
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="happyhorse-journal")
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: list[sqlite3.Connection] = []
        try:
            self._writer.submit(self._migrate).result()
        except BaseException:
            self.close()
            raise

    def write(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Run `work` inside one immediate transaction on the writer thread; committed before the future resolves."""
        return self._writer.submit(self._transact, work)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which only reads, on the calling thread."""
        with self._translated():
            return work(self._connection())

    def close(self) -> None:
        """Finish what was queued and close every connection. The database cannot be used afterwards."""
        self._writer.shutdown(wait=True)
        with self._lock:
            while self._connections:
                self._connections.pop().close()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # Closed from another thread in `close`, hence check_same_thread; each is used by its own thread only.
            connection = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, timeout=5.0
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA busy_timeout = 5000")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA synchronous = EXTRA")
            self._local.connection = connection
            with self._lock:
                self._connections.append(connection)
        return connection

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._translated():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

    def _migrate(self) -> None:
        with self._translated():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")  # two kernels may open a new library at the same time
            try:
                self._upgrade(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _upgrade(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise LibraryError(
                f"{self.path} was written by a newer happyhorse_widgets (its version {version}, this one knows "
                f"{len(MIGRATIONS)}). Nothing was changed: upgrade the package, or choose another home folder."
            )
        for number in range(version, len(MIGRATIONS)):
            for statement in _statements(MIGRATIONS[number]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LibraryError(self._explain(error)) from error

    def _explain(self, error: sqlite3.Error) -> str:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith("SQLITE_FULL"):
            return (
                f"The disk that holds {self.path} is full: free some space and try again. Nothing was sent."
            )
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            return f"{self.path} cannot be written: check the folder's permissions, or choose another with HAPPYHORSE_HOME."
        if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            return f"{self.path} is not a sound library file. Nothing was changed: move it away, or restore a backup."
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return f"{self.path} is locked by another program: try again, or close the other notebook that uses it."
        return f"{self.path}: {error}"


def _statements(script: str) -> Iterator[str]:
    """The script's statements one by one: `executescript` would commit the transaction around it first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
