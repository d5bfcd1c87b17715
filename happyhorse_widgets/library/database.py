"""One SQLite file, one thread that writes to it, readers anywhere.

Rollback journal and `synchronous=EXTRA`: what was committed survives a power cut. Write-ahead logging is not used, for it
does not work on network file systems, where the homes of a hub live.
"""

from __future__ import annotations

import os
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
        took         REAL,
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
    with `sqlite3.Row` rows and turn SQLite's errors into `LibraryError`, which they also raise once the database is closed
    and in a process that was forked from the one that opened it. Work must not use the database itself.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file and bring its schema up to date.

        Raises `LibraryError` where that is not possible, the file is no database, or it comes from a newer version. A file
        that may only be read can be opened, and says at the first write that it cannot be written.
        """
        self.path = path
        self._pid = os.getpid()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="happyhorse-journal")
        # Within the process all take turns: SQLite's own locks make a reader sleep and try again, and while a thousand
        # commits follow each other it would do so for seconds.
        self._turn = threading.Lock()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False
        try:
            with self._translated():
                self._writer, self._reader = self._connect(), self._connect()
            self._executor.submit(self._commit, self._upgrade).result()
        except BaseException:
            self.close()
            raise

    def write(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Run `work` inside one immediate transaction on the writer thread; committed before the future resolves."""
        self._check_usable()
        try:
            return self._executor.submit(self._commit, work)
        except RuntimeError:  # it was closed in this very moment, or the interpreter ends
            raise LibraryError(self._over()) from None

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which only reads, on the calling thread; all that it reads is of one moment."""
        self._check_usable()
        with self._turn, self._translated():
            self._reader.execute("BEGIN")
            return self._run(work, self._reader)

    def close(self) -> None:
        """Finish what was queued and close the connections. The database cannot be used afterwards."""
        self._executor.shutdown(wait=True)
        with self._turn:
            self._closed = True
            for connection in self._connections:
                connection.close()

    def _check_usable(self) -> None:
        if self._pid != os.getpid():
            raise LibraryError(
                f"{self.path} was opened by process {self._pid}, from which this one was forked. Open a session of its own "
                "here, on another folder: connect(home=…)."
            )
        if self._closed:
            raise LibraryError(self._over())

    def _over(self) -> str:
        return f"{self.path} is closed: its session has ended. Make another with connect()."

    def _connect(self) -> sqlite3.Connection:
        # Each is used by one thread at a time, though not always by the same one.
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5.0)
        self._connections.append(connection)
        connection.row_factory = sqlite3.Row
        self._refuse_newer(connection)  # first of all: what comes next may write to the file
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _refuse_newer(self, connection: sqlite3.Connection) -> int:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise LibraryError(
                f"{self.path} was written by a newer happyhorse_widgets (its version {version}, this one knows "
                f"{len(MIGRATIONS)}). Nothing was changed: upgrade the package, or choose another home folder."
            )
        return version

    def _commit(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._translated():
            # Another process may hold this lock for a while, in which readers need not wait.
            self._writer.execute("BEGIN IMMEDIATE")
            with self._turn:
                return self._run(work, self._writer)

    @staticmethod
    def _run(work: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection) -> T:
        """Do the work and end the transaction that was begun for it."""
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _upgrade(self, connection: sqlite3.Connection) -> None:
        # Asked once more, inside the transaction: two kernels may open a new library at the same time.
        for number in range(self._refuse_newer(connection), len(MIGRATIONS)):
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
            return f"The disk that holds {self.path} is full: free some space and try again."
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
