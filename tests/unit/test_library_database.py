"""The library's file: made once, brought up to date, refused where it cannot be used, and whole after any failure."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library import database as module
from happyhorse_widgets.library.database import MIGRATIONS, Database
from tests.conftest import sandbox_environment

SOON = 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "library.sqlite3"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(path)
    yield database
    database.close()


def add(connection: sqlite3.Connection, sha256: str) -> None:
    connection.execute("INSERT INTO uploads VALUES (?, 'sandbox', '', 'asset_1', 0)", (sha256,))


def count(database: Database) -> int:
    found: int = database.read(
        lambda connection: connection.execute("SELECT COUNT(*) FROM uploads").fetchone()[0]
    )
    return found


def version_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        found: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return found
    finally:
        connection.close()


def test_a_new_library_has_the_latest_schema_and_the_safe_settings(database: Database, path: Path) -> None:
    assert version_of(path) == len(MIGRATIONS)
    pragmas = ("journal_mode", "synchronous", "foreign_keys")

    def settings(connection: sqlite3.Connection) -> list[object]:
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]

    assert database.read(settings) == ["delete", 3, 1]  # 3: EXTRA
    assert database.write(settings).result(SOON) == ["delete", 3, 1]


def test_a_library_of_an_older_version_is_brought_up_to_date(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Database(path)
    first.write(lambda connection: add(connection, "aa")).result(SOON)
    first.close()
    grown = (*MIGRATIONS, "ALTER TABLE uploads ADD COLUMN note TEXT;\nCREATE TABLE later (x);\n")
    monkeypatch.setattr(module, "MIGRATIONS", grown)
    second = Database(path)
    try:
        row = second.read(lambda connection: connection.execute("SELECT * FROM uploads").fetchone())
        assert (row["sha256"], row["note"]) == ("aa", None)
        assert version_of(path) == len(grown)
    finally:
        second.close()


def test_a_migration_that_fails_half_way_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Database(path).close()
    before = path.read_bytes()
    monkeypatch.setattr(
        module, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE later (x);\nCREATE TABLE jobs (x);\n")
    )
    with pytest.raises(LibraryError, match="already exists"):
        Database(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_newer_library_is_refused_and_not_touched(path: Path, mode: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute("CREATE TABLE of_tomorrow (x)")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(LibraryError, match=r"written by a newer happyhorse_widgets.*Nothing was changed"):
        Database(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["hello\n", "my shopping list\n" * 500], ids=["short", "long"])
def test_a_text_in_place_of_the_library_is_refused_and_kept(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(LibraryError, match="not a sound library file"):
        Database(path)
    assert path.read_text() == content


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    # Root may write anywhere, so the attempt is made where nobody may: in a folder that is not there.
    with pytest.raises(LibraryError, match="cannot be written"):
        Database(tmp_path / "absent" / "library.sqlite3")


READ_ONLY = """
import os, sys
from pathlib import Path
from happyhorse_widgets.library.database import Database
if os.geteuid() == 0:
    os.setuid(65534)  # root may write anywhere
database = Database(Path(sys.argv[1]))
print(database.read(lambda connection: connection.execute("SELECT COUNT(*) FROM jobs").fetchone()[0]), flush=True)
try:
    database.write(lambda connection: connection.execute("INSERT INTO uploads VALUES ('aa', '', '', '', 0)")).result()
finally:
    database.close()
"""


def test_a_read_only_library_can_be_read_and_says_why_it_is_not_written() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not below pytest's, which other users cannot enter
        path = Path(folder) / "library.sqlite3"
        Database(path).close()
        path.chmod(0o444)
        path.parent.chmod(0o555)
        before = path.read_bytes()
        ended = subprocess.run(
            [sys.executable, "-c", READ_ONLY, path],
            capture_output=True,
            text=True,
            timeout=SOON,
            env=sandbox_environment(),
            check=False,
        )
        path.parent.chmod(0o755)
        assert ended.stdout == "0\n"
        assert "LibraryError" in ended.stderr
        assert "cannot be written" in ended.stderr
        assert path.read_bytes() == before


OPEN = """
import sys, threading
from pathlib import Path
from happyhorse_widgets.library.database import Database
print("ready", flush=True)
sys.stdin.readline()
Database(Path(sys.argv[1])).close()
print("opened", flush=True)
"""


def test_processes_that_open_a_new_library_at_once(path: Path) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=sandbox_environment(),
        )
        for _ in range(3)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        out, _ = child.communicate(timeout=SOON)
        assert (out, child.returncode) == ("opened\n", 0)
    assert version_of(path) == len(MIGRATIONS)


def test_work_that_fails_is_rolled_back_and_the_next_goes_on(database: Database) -> None:
    def fails(connection: sqlite3.Connection) -> None:
        add(connection, "aa")
        raise KeyError("half way")

    with pytest.raises(KeyError, match="half way"):
        database.write(fails).result(SOON)
    assert count(database) == 0
    database.write(lambda connection: add(connection, "bb")).result(SOON)
    assert count(database) == 1


def test_an_error_of_sqlite_is_told_in_words(database: Database, path: Path) -> None:
    database.write(lambda connection: add(connection, "aa")).result(SOON)
    with pytest.raises(LibraryError, match="UNIQUE constraint failed"):
        database.write(lambda connection: add(connection, "aa")).result(SOON)
    with pytest.raises(LibraryError, match="no such table"):
        database.read(lambda connection: connection.execute("SELECT * FROM absent"))


def test_a_full_disk_is_told_as_such_and_loses_nothing(database: Database) -> None:
    def fills(connection: sqlite3.Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        for number in range(1000):
            add(connection, f"{number:064}")

    with pytest.raises(LibraryError, match="is full"):
        database.write(fills).result(SOON)
    assert count(database) == 0


def test_a_lock_that_another_program_holds_is_waited_for(database: Database, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = database.write(lambda connection: add(connection, "aa"))
    assert count(database) == 0  # reading goes on meanwhile
    other.execute("ROLLBACK")
    other.close()
    waiting.result(SOON)
    assert count(database) == 1


def test_a_read_sees_one_moment(database: Database) -> None:
    def twice(connection: sqlite3.Connection) -> tuple[int, int]:
        query = "SELECT COUNT(*) FROM uploads"
        before = connection.execute(query).fetchone()[0]
        writing.append(database.write(lambda other: add(other, "aa")))
        return before, connection.execute(query).fetchone()[0]

    writing: list[object] = []
    assert database.read(twice) == (0, 0)
    writing[0].result(SOON)  # type: ignore[attr-defined]
    assert count(database) == 1


def test_closing_finishes_what_was_queued_and_is_final(path: Path) -> None:
    database = Database(path)
    queued = [
        database.write(lambda connection, number=number: add(connection, str(number))) for number in range(20)
    ]
    database.close()
    assert all(write.done() and write.exception() is None for write in queued)
    for use in (lambda: database.read(lambda connection: 1), lambda: database.write(lambda connection: 1)):
        with pytest.raises(LibraryError, match="is closed"):
            use()
    again = Database(path)
    assert count(again) == 20
    again.close()


def test_threads_that_come_and_go_leave_no_file_open(database: Database, path: Path) -> None:
    def opened() -> int:
        links = Path("/proc/self/fd").iterdir()
        return sum(os.path.realpath(link) == str(path.resolve()) for link in links)

    for _ in range(40):
        thread = threading.Thread(target=count, args=(database,))
        thread.start()
        thread.join(SOON)
    assert opened() <= 2
    database.close()
    assert opened() == 0


def test_a_forked_child_is_told_to_open_its_own(database: Database) -> None:
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            database.read(lambda connection: 1)
        except LibraryError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        assert "from which this one was forked" in answer.read()
    os.wait()
    assert count(database) == 0
