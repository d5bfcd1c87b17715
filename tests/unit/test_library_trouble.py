"""A library's file that is cut, damaged, emptied, locked, moved or on a bad disk: told in words, and never made worse."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library.database import Database
from happyhorse_widgets.library.sqlite_errors import explain
from tests.conftest import sandbox_environment
from tests.libraries import SOON, Shelf


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A library with a few hundred clips, closed."""
    shelf = Shelf(tmp_path / "home")
    shelf.database.write(
        lambda connection: connection.executemany(
            "INSERT INTO jobs (id, created_at, updated_at, state, endpoint, sandbox, model, request, versions)"
            " VALUES (?, 0, 0, 'done', 'sandbox', 1, 'model_1', '{}', '{}')",
            [(f"clip_{number}",) for number in range(300)],
        )
    ).result(SOON)
    shelf.close()
    return shelf.home.database


def test_a_library_cut_at_any_length_is_refused_and_left_alone(path: Path) -> None:
    whole = path.read_bytes()
    for length in (50, 100, 1000, 4096, 5000, 8192, len(whole) // 2, len(whole) - 4096, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(LibraryError, match=r"is not a sound library file.*Nothing was changed"):
            Database(path)
        assert path.read_bytes() == whole[:length], length
        assert [file.name for file in path.parent.glob("library*")] == [path.name]


def open_and_read(path: Path) -> None:
    database = Database(path)
    try:
        database.read(lambda connection: connection.execute("SELECT * FROM jobs").fetchall())
    finally:
        database.close()


def test_a_damaged_page_is_told_with_the_newest_copy(path: Path) -> None:
    database = Database(path)
    copy = database.back_up().result(SOON)
    database.close()
    data = bytearray(path.read_bytes())
    data[4096 * 3 :] = b"\xa5" * (len(data) - 4096 * 3)
    path.write_bytes(bytes(data))
    with pytest.raises(LibraryError, match=rf"not a sound library file.*The newest copy is {copy.name}"):
        open_and_read(path)
    assert path.read_bytes() == bytes(data)


def test_an_empty_file_beside_clips_is_no_new_library(path: Path) -> None:
    path.write_bytes(b"")
    Database(path).close()  # nothing was there yet
    (path.parent / "clips" / "clip_1.mp4").write_bytes(b"a video")
    for left in (b"", b"S"):
        path.write_bytes(left)
        with pytest.raises(LibraryError, match=r"is empty, though there are clips.*restore it from a backup"):
            Database(path)
        assert path.read_bytes() == left
    (path.parent / "library-v1-2026-11-22T19-30-00Z.sqlite3").write_bytes(b"a copy")
    with pytest.raises(LibraryError, match=r"put library-v1-2026-11-22T19-30-00Z.sqlite3 in its place"):
        Database(path)
    path.unlink()  # as it says
    Database(path).close()


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_database_of_another_program_is_not_taken_over(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "library.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute("CREATE TABLE books (title)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(LibraryError, match=r"of another program. Nothing was changed"):
        Database(path)
    assert path.read_bytes() == before


def test_a_lock_that_is_held_too_long_is_told(path: Path) -> None:
    database = Database(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(LibraryError, match=r"is locked by another program: try again"):
            database.write(lambda connection: connection.execute("DELETE FROM uploads")).result(SOON)
    finally:
        other.close()
        database.close()


def test_a_library_that_is_deleted_while_in_use_is_not_written_to_thin_air(path: Path) -> None:
    database = Database(path)
    path.unlink()
    with pytest.raises(LibraryError, match=r"was moved or deleted while it was in use"):
        database.write(lambda connection: connection.execute("DELETE FROM uploads")).result(SOON)
    database.close()


FILLS_THE_DISK = """
import resource, sys
from pathlib import Path
from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library.database import Database
path = Path(sys.argv[1])
database = Database(path)
limit = path.stat().st_size + 8192
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    database.write(lambda connection: connection.executemany(
        "INSERT INTO uploads VALUES (?, '', '', '', 0)", [(str(number) * 99,) for number in range(9999)])).result()
except LibraryError as error:
    print(error)
print(database.read(lambda connection: connection.execute("SELECT COUNT(*) FROM uploads").fetchone()[0]))
database.write(lambda connection: connection.execute("INSERT INTO uploads VALUES ('small', '', '', '', 0)")).result()
database.close()
"""


def test_a_quota_that_is_used_up_rolls_back_and_the_library_goes_on(path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FILLS_THE_DISK, path],
        capture_output=True,
        text=True,
        timeout=SOON,
        env=sandbox_environment(),
        check=True,
    )
    told, count = ended.stdout.splitlines()
    assert "the disk or a quota is full" in told
    assert count == "0"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SQLITE_FULL", "disk that is full"),
        ("SQLITE_READONLY_DIRECTORY", "check the folder's permissions"),
        ("SQLITE_IOERR_LOCK", "cannot be locked, as happens on network drives"),
        ("SQLITE_IOERR_RDLOCK", "on a local disk"),
        ("SQLITE_PROTOCOL", "cannot be locked"),
        ("SQLITE_IOERR_READ", "does not answer as it should"),
        ("SQLITE_IOERR_SHORT_READ", "not a sound library file"),
        ("SQLITE_IOERR_FSYNC", "a network drive was cut off"),
        ("SQLITE_MISUSE", "library.sqlite3: in SQLite's words"),
        (None, "library.sqlite3: in SQLite's words"),
    ],
)
def test_what_sqlite_calls_by_a_name_is_told_in_words(tmp_path: Path, name: str | None, words: str) -> None:
    error = sqlite3.OperationalError("in SQLite's words")
    if name is not None:
        error.sqlite_errorname = name
    assert words in explain(error, tmp_path / "library.sqlite3")
