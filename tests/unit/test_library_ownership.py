"""One owner per library: nobody takes it from the living, and the dead give it up at once."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from happyhorse_widgets.library import ownership
from happyhorse_widgets.library.database import Database
from tests.conftest import sandbox_environment

SOON = 30
ACCOUNT = ("sandbox", "")

# Claims the library, says whose it is, and does as it is told until its input ends.
OTHER = """
import sys
from pathlib import Path
from happyhorse_widgets.library import ownership
from happyhorse_widgets.library.database import Database

database = Database(Path(sys.argv[1]))
for line in sys.stdin:
    if line == "claim\\n":
        owner = ownership.claim(database, ("sandbox", "")).result()
        print(owner.mine, owner.epoch, flush=True)
    elif line == "release\\n":
        ownership.release(database, owner.epoch, ("sandbox", "")).result()
        print("released", flush=True)
    else:
        print(ownership.beat(database, owner.epoch).result(), flush=True)
"""


class Other:
    """A process of its own with the library open."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=sandbox_environment(),
        )

    def ask(self, word: str) -> str:
        self.process.stdin.write(f"{word}\n")
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.wait(SOON)
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "library.sqlite3"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(path)
    yield database
    database.close()


@pytest.fixture
def start(path: Path, database: Database) -> Iterator[Callable[[], Other]]:
    started: list[Other] = []

    def start() -> Other:
        started.append(Other(path))
        return started[-1]

    yield start
    for other in started:
        other.end()


def claim(database: Database) -> ownership.Owner:
    return ownership.claim(database, ACCOUNT).result(SOON)


def set_owner(database: Database, **values: Any) -> None:
    """Make the row say that somebody else is the owner."""
    columns = ", ".join(f"{name} = :{name}" for name in values)
    changed = database.write(
        lambda connection: connection.execute(f"UPDATE owner SET {columns}", values).rowcount
    )
    assert changed.result(SOON) == 1


def test_the_first_becomes_the_owner_and_stays_it(database: Database) -> None:
    first = claim(database)
    assert (first.mine, first.epoch, first.pid, first.host) == (True, 1, os.getpid(), platform.node())
    assert claim(database) == first
    assert ownership.beat(database, first.epoch).result(SOON)


def test_a_living_owner_is_respected(database: Database, start: Callable[[], Other]) -> None:
    other = start()
    assert other.ask("claim") == "True 1"
    refused = claim(database)
    assert (refused.mine, refused.pid, refused.epoch) == (False, other.process.pid, 1)
    assert refused.accounts == {ACCOUNT}
    assert not ownership.beat(database, 2).result(SOON)
    assert other.ask("beat") == "True"


def test_an_owner_that_was_killed_is_followed_at_once(database: Database, start: Callable[[], Other]) -> None:
    other = start()
    other.ask("claim")
    other.process.kill()
    # It is dead but not yet reaped: as with a kernel whose server has not looked.
    os.waitid(os.P_PID, other.process.pid, os.WEXITED | os.WNOWAIT)
    successor = claim(database)
    assert (successor.mine, successor.epoch) == (True, 2)


def test_a_library_that_was_given_up_is_free(database: Database, start: Callable[[], Other]) -> None:
    other = start()
    other.ask("claim")
    assert not claim(database).mine
    assert other.ask("release") == "released"
    successor = claim(database)
    assert (successor.mine, successor.epoch) == (True, 2)
    assert other.ask("beat") == "False"  # it has to notice that its time is over
    assert other.ask("claim") == "False 2"


def test_a_later_process_with_the_same_id_is_not_the_owner(
    database: Database, start: Callable[[], Other]
) -> None:
    other = start()
    other.ask("claim")
    set_owner(database, started="1")  # a process of this id lives, but began at another time
    assert claim(database).mine


def test_an_owner_before_the_last_restart_is_dead(database: Database, start: Callable[[], Other]) -> None:
    other = start()
    other.ask("claim")
    set_owner(database, boot_id="of yesterday", heartbeat=time.time())
    assert claim(database).mine


def test_an_owner_on_another_machine_lives_while_its_heart_beats(database: Database) -> None:
    claim(database)
    set_owner(database, host="elsewhere", pid=1, started="1", heartbeat=time.time())
    refused = claim(database)
    assert (refused.mine, refused.host) == (False, "elsewhere")
    set_owner(database, heartbeat=time.time() - ownership.STALE - 1)
    assert claim(database).mine


def test_where_nobody_tells_when_a_process_started_its_id_decides(
    database: Database, start: Callable[[], Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on macOS, which has no /proc.
    other = start()
    other.ask("claim")
    monkeypatch.setattr(ownership, "_started", lambda pid: "")
    assert not claim(database).mine
    other.end()
    assert claim(database).mine


def test_a_process_gives_up_the_library_with_its_last_database(
    database: Database, path: Path, start: Callable[[], Other]
) -> None:
    link = path.parent / "link"
    link.symlink_to(path.parent)
    second = Database(link / path.name)  # the same file by another name
    owners = [claim(database), claim(second)]
    assert [owner.mine for owner in owners] == [True, True]
    assert owners[0].epoch == owners[1].epoch
    other = start()
    ownership.release(database, 1, ACCOUNT).result(SOON)
    assert other.ask("claim") == "False 1"
    ownership.release(second, 1, ACCOUNT).result(SOON)
    second.close()
    assert other.ask("claim") == "True 2"


def test_giving_up_what_another_has_taken_over_changes_nothing(
    database: Database, start: Callable[[], Other]
) -> None:
    claim(database)
    set_owner(database, started="1")
    other = start()
    assert other.ask("claim") == "True 2"
    ownership.release(database, 1, ACCOUNT).result(SOON)
    assert not claim(database).mine


def test_a_forked_child_is_not_the_owner(database: Database, path: Path) -> None:
    claim(database)
    if (child := os.fork()) == 0:
        code = 2
        try:
            own = Database(path)
            code = 1 if claim(own).mine else 0
            own.close()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_the_owner_says_which_accounts_it_drives(database: Database, path: Path) -> None:
    second = Database(path)
    other = ("https://api.example.com", "project")
    assert claim(database).accounts == {ACCOUNT}
    assert ownership.claim(second, other).result(SOON).accounts == {ACCOUNT, other}
    ownership.release(database, 1, ACCOUNT).result(SOON)
    assert ownership.claim(second, other).result(SOON).accounts == {other}
    second.close()
