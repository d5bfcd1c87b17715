"""A library of an older version is brought up to date whole, with a copy beside it, or stays as it was."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from happyhorse_widgets.engine.states import CHARGEABLE
from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library import database as module
from happyhorse_widgets.library.backups import KEPT, backups
from happyhorse_widgets.library.clips import Clips
from happyhorse_widgets.library.database import MIGRATIONS, Database
from happyhorse_widgets.library.marks import Marks
from happyhorse_widgets.library.searching import EVERY
from tests.conftest import sandbox_environment
from tests.libraries import SOON, library_of_version_one, library_of_version_two, rows_of_version_one
from tests.unit.test_library_database import version_of

LATEST = len(MIGRATIONS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "library.sqlite3"


def names_beside(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def test_a_new_library_needs_no_copy(path: Path) -> None:
    Database(path).close()
    assert names_beside(path) == [path.name]


def test_an_upgrade_keeps_all_rows_and_a_copy_of_what_was_there(path: Path) -> None:
    before = library_of_version_one(path)
    as_it_was = path.read_bytes()
    Database(path).close()
    assert version_of(path) == LATEST
    assert rows_of_version_one(path) == before
    (copy,) = backups(path)
    assert re.fullmatch(r"library-v1-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.sqlite3", copy.name)
    assert names_beside(path) == sorted([copy.name, path.name])
    assert rows_of_version_one(copy) == before
    assert version_of(copy) == 1
    assert len(copy.read_bytes()) == len(as_it_was)
    Database(path).close()
    assert backups(path) == [copy]  # once only


def test_clips_of_version_two_can_be_searched_marked_and_counted_at_once(path: Path) -> None:
    library_of_version_two(path)
    database = Database(path)
    clips = Clips(database)
    spent = clips.charged(frozenset(CHARGEABLE), endpoint="sandbox", project="")
    assert spent == 90.0
    shown = EVERY.deleted(False)
    assert clips.ids(shown) == ["clip_2", "clip_1", "clip_0"]
    assert clips.ids(shown.saying("ZOE fox")) == ["clip_0"]
    assert clips.ids(shown.saying("lone surrogate")) == ["clip_1"]
    assert clips.ids(shown.saying("clip_2")) == ["clip_2"]  # its request cannot be read, its id can
    assert clips.ids(shown.ratios(["9:16"]).sorted_by("longest")) == ["clip_1", "clip_0"]
    (record,) = clips.those(["clip_0"])
    assert (record.parent, record.relation, record.favourite, record.tags) == (None, "", False, ())
    assert (record.notes, record.deleted_at) == ("", None)
    Marks(database).mark("clip_0", tags=["Winter"]).result(SOON)
    assert clips.ids(shown.saying("winter zoe")) == ["clip_0"]
    assert database.problems() == []
    database.close()
    assert version_of(path) == LATEST
    assert [version_of(copy) for copy in backups(path)] == [2]


def test_a_copy_that_is_put_back_is_a_library(path: Path) -> None:
    before = library_of_version_one(path)
    Database(path).close()
    path.unlink()
    backups(path)[0].rename(path)
    Database(path).close()
    assert rows_of_version_one(path) == before


def test_only_the_newest_copies_of_each_version_are_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library_of_version_one(path)
    Database(path).close()
    (first,) = backups(path, 1)
    database = Database(path)
    made = [database.back_up().result(SOON) for _ in range(KEPT + 2)]
    database.close()
    assert backups(path, LATEST) == made[: -KEPT - 1 : -1]
    assert backups(path, 1) == [first]
    assert (path.parent / "library-v1-mine.sqlite3") not in backups(path)
    assert version_of(made[-1]) == LATEST


def test_a_migration_that_fails_leaves_library_and_copy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = library_of_version_one(path)
    monkeypatch.setattr(
        module, "MIGRATIONS", (MIGRATIONS[0], "CREATE TABLE a (x);\nCREATE TABLE jobs (x);\n")
    )
    with pytest.raises(LibraryError, match="already exists"):
        Database(path)
    assert rows_of_version_one(path) == before
    assert version_of(path) == 1
    assert rows_of_version_one(backups(path)[0]) == before


OPEN = """
import resource, signal, sqlite3, os, sys
from pathlib import Path

places, limit = [sys.argv[2]], int(sys.argv[3])

def stop_at(place):
    if place in places:
        places.clear()
        os.kill(os.getpid(), signal.SIGSTOP)

class Stopping(sqlite3.Connection):
    def execute(self, statement, *rest):
        stop_at(statement.strip())
        return super().execute(statement, *rest)

    def backup(self, target):
        super().backup(target, pages=3, progress=lambda *_: stop_at("half a copy"))
        stop_at("a copy")

connect = sqlite3.connect
sqlite3.connect = lambda *a, **k: connect(*a, **{"factory": Stopping, **k})

from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library.database import Database

if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
if len(sys.argv) > 4:
    os.setuid(int(sys.argv[4]))
try:
    Database(Path(sys.argv[1])).close()
except LibraryError as error:
    print(error)
else:
    print("opened")
"""


def start(path: Path, *, stop: str = "", limit: int = 0, user: int | None = None) -> subprocess.Popen[str]:
    """Open the library in a process of its own, which stops itself before the statement `stop`."""
    command = [sys.executable, "-c", OPEN, str(path), stop, str(limit)]
    return subprocess.Popen(
        command + ([] if user is None else [str(user)]),
        stdout=subprocess.PIPE,
        text=True,
        env=sandbox_environment(),
    )


def said(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=90)[0].strip()


def wait_until_stopped(process: subprocess.Popen[str]) -> None:
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "it went past the place where it should stop"


@pytest.mark.parametrize(
    "moment",
    [
        "BEGIN IMMEDIATE",
        "half a copy",
        "a copy",
        "ALTER TABLE jobs ADD COLUMN budget REAL;",
        "ALTER TABLE owner ADD COLUMN accounts TEXT NOT NULL DEFAULT '[]';",
        "CREATE INDEX catalogue_deleted ON catalogue (job_id) WHERE deleted_at IS NOT NULL;",
        f"PRAGMA user_version = {LATEST}",
        "COMMIT",
        "PRAGMA busy_timeout = 5000",  # right after the commit
    ],
)
def test_a_kernel_killed_in_the_middle_of_an_upgrade(path: Path, moment: str) -> None:
    before = library_of_version_one(path, clips=200)
    process = start(path, stop=moment)
    wait_until_stopped(process)
    process.kill()
    said(process)
    Database(path).close()
    assert version_of(path) == LATEST
    assert rows_of_version_one(path) == before
    assert backups(path, 1)
    for copy in backups(path):
        assert rows_of_version_one(copy) == before
    assert names_beside(path) == sorted([path.name, *(copy.name for copy in backups(path))])


def test_kernels_that_open_an_old_library_at_the_same_time(path: Path) -> None:
    before = library_of_version_one(path, clips=200)
    first = start(path, stop="half a copy")
    wait_until_stopped(first)
    others = [start(path) for _ in range(2)]
    second = sqlite3.connect(path, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):  # nobody slips in between copy and upgrade
        second.execute("UPDATE jobs SET state = 'failed'")
    second.close()
    os.kill(first.pid, signal.SIGCONT)
    assert said(first) == "opened"
    assert [said(other) for other in others] == ["opened", "opened"]
    assert version_of(path) == LATEST
    assert rows_of_version_one(path) == before
    assert len(backups(path)) == 1


def test_a_disk_without_room_for_the_copy_leaves_everything_as_it_was(path: Path) -> None:
    before = library_of_version_one(path, clips=500)
    as_it_was = path.read_bytes()
    told = said(start(path, limit=len(as_it_was) // 2))
    assert re.search(
        r"before that a copy of it is made, which failed.*Nothing was changed: make room", told
    ), told
    assert path.read_bytes() == as_it_was
    assert names_beside(path) == [path.name]
    Database(path).close()
    assert rows_of_version_one(path) == before


def test_an_old_library_that_may_only_be_read_is_not_upgraded() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not below pytest's, which other users cannot enter
        path = Path(folder) / "library.sqlite3"
        library_of_version_one(path)
        as_it_was = path.read_bytes()
        path.chmod(0o444)
        path.parent.chmod(0o777)  # the file, not the folder, is what cannot be written
        told = said(start(path, user=65534 if os.geteuid() == 0 else os.geteuid()))
        assert "cannot be written" in told
        assert path.read_bytes() == as_it_was
        assert names_beside(path) == [path.name]


def test_a_newer_library_says_where_the_older_copy_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Database(path).close()
    with monkeypatch.context() as patched:
        patched.setattr(module, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE of_tomorrow (x);\n"))
        Database(path).close()
    (copy,) = backups(path)
    with pytest.raises(LibraryError, match=rf"by a newer.*Nothing was changed.*it is in {copy.name}"):
        Database(path)
