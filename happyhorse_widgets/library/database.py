"""One SQLite file, one thread that writes to it, readers anywhere.

Rollback journal and `synchronous=EXTRA`: what was committed survives a power cut. Write-ahead logging is not used, for it
does not work on network file systems, where the homes of a hub live. Before the schema of a library that exists is changed,
a copy of the file is made beside it (see `backups`).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from happyhorse_widgets.errors import LibraryError

from .backups import back_up, backups
from .folding import folded, search_words
from .schema import MIGRATIONS
from .sqlite_errors import damaged, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

#: Milliseconds to wait for a lock that somebody else holds: usually, and where that may be another kernel's upgrade.
_LOCKED = 5_000
_UPGRADING = 60_000


class Database:
    """A SQLite file with one writer thread.

    `write` queues work and returns a future; `read` runs at once on the calling thread. Both give the work a connection
    with `sqlite3.Row` rows and turn SQLite's errors into `LibraryError`, which they also raise once the database is closed
    and in a process that was forked from the one that opened it. Work must not use the database itself.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file and bring its schema up to date.

        Raises `LibraryError` where that is not possible, the file is no library of ours, cut or damaged, or comes from a newer
        version; the file is left as it is then. A file that may only be read can be opened, and says at the first write that it
        cannot be written.
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
            _refuse_emptied(path)
            with self._translated():
                self._writer, self._reader = self._connect(), self._connect()
                if self._version(self._reader) < len(MIGRATIONS):
                    self._writer.execute(f"PRAGMA busy_timeout = {_UPGRADING}")
            self._executor.submit(self._commit, self._upgrade).result()
            with self._translated():
                self._writer.execute(f"PRAGMA busy_timeout = {_LOCKED}")
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

    def back_up(self) -> Future[Path]:
        """Copy the file, as it is at this moment, to one beside it; see `backups`. The future gives the copy's name."""
        return self.write(lambda _: back_up(self._reader, self.path, len(MIGRATIONS)))

    def problems(self) -> list[str]:
        """What SQLite finds wrong inside the file; empty where it is sound.

        Looked for in a passing copy, so that nobody has to wait meanwhile.
        """
        self._check_usable()
        with self._translated(), contextlib.closing(sqlite3.connect("")) as copy:
            self.read(lambda connection: connection.backup(copy))
            found = [str(row[0]) for row in copy.execute("PRAGMA integrity_check")]
            found += [f"a row of {row[0]} names one of {row[2]} that is not there" for row in _strays(copy)]
        return [problem for problem in found if problem != "ok"]

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
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=_LOCKED / 1000
        )
        self._connections.append(connection)
        connection.row_factory = sqlite3.Row
        connection.create_function("folded", 1, folded, deterministic=True)
        connection.create_function("search_words", 4, search_words, deterministic=True)
        self._version(connection)  # first of all: what comes next may write to the file
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA foreign_keys = ON")
        # What is taken out, such as a signed address, is not to be found in the file either.
        connection.execute("PRAGMA secure_delete = ON")
        self._refuse_cut(connection)
        return connection

    def _refuse_cut(self, connection: sqlite3.Connection) -> None:
        """Raise `LibraryError` where the end of the file is missing, which SQLite would take for zeros."""
        connection.execute("BEGIN")  # nobody changes the file while it is read
        query = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        expected = connection.execute(query).fetchone()[0]
        size = self.path.stat().st_size
        connection.execute("COMMIT")
        if size < expected:
            raise LibraryError(damaged(self.path))

    def _version(self, connection: sqlite3.Connection) -> int:
        """The file's schema version, 0 where it is new. Raises `LibraryError` for one that is not for this package."""
        # One statement sees one moment, also while another kernel makes the file.
        query = "SELECT user_version, (SELECT COUNT(*) FROM sqlite_master) FROM pragma_user_version"
        version, parts = connection.execute(query).fetchone()
        if version == 0 and parts:
            raise LibraryError(
                f"{self.path} is a database of another program. Nothing was changed: choose another home folder."
            )
        if version > len(MIGRATIONS):
            raise LibraryError(
                f"{self.path} was written by a newer happyhorse_widgets (its version {version}, this one knows "
                f"{len(MIGRATIONS)}). Nothing was changed: upgrade the package, or choose another home folder."
                + self._known_copy()
            )
        return int(version)

    def _known_copy(self) -> str:
        """Where the copy is that was made before a newer package took the file over."""
        copies = backups(self.path, len(MIGRATIONS))
        return f" As it was before, it is in {copies[0].name}." if copies else ""

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
        # Asked once more, inside the transaction: two kernels may open a library at the same time.
        version = self._version(connection)
        if version == len(MIGRATIONS):
            return
        if version > 0:
            # A write that changes nothing: where the file may only be read it says so, and no copy is made in vain.
            connection.execute(f"PRAGMA user_version = {version}")
            back_up(self._reader, self.path, version)
        for number in range(version, len(MIGRATIONS)):
            for statement in _statements(MIGRATIONS[number]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LibraryError(explain(error, self.path)) from error


def _refuse_emptied(path: Path) -> None:
    """Raise `LibraryError` for an empty file beside finished clips: SQLite would take it for a new library.

    It would do so for a single byte, too.
    """
    try:
        emptied = path.stat().st_size <= 1 and any(path.parent.glob("clips/*.mp4"))
    except FileNotFoundError:
        return
    except OSError as error:
        raise LibraryError(f"{path} cannot be looked at ({error.strerror}).") from error
    if emptied:
        copies = backups(path)
        restore = f"put {copies[0].name} in its place" if copies else "restore it from a backup"
        raise LibraryError(
            f"{path} is empty, though there are clips beside it: it was cut off. Nothing was changed: {restore}, or remove the "
            "empty file to begin a new library; the clips' files stay where they are."
        )


def _strays(connection: sqlite3.Connection) -> list[tuple[str, int, str, int]]:
    return connection.execute("PRAGMA foreign_key_check").fetchall()


def _statements(script: str) -> Iterator[str]:
    """The script's statements one by one: `executescript` would commit the transaction around it first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
