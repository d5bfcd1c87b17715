"""One owner per journal: the process that may submit.

A row in the journal names the owner by process (id and start), boot and host, with a heartbeat and an epoch that grows
with each change of hands. No file lock is used, for those succeed silently on some network file systems. A library changes
hands only when the owner is proven dead: its process is gone on this very host and boot, or the machine was restarted, or,
where neither can be seen from here, its heart has not beaten for `STALE` seconds.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from concurrent.futures import Future

    from .database import Database

#: An endpoint's name and a project.
Account: TypeAlias = tuple[str, str]

#: Seconds between heartbeats, and after how many without one an owner on another machine counts as dead.
BEAT = 10.0
STALE = 120.0


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns the library. `mine` says whether it is this process.

    `accounts` are those, as (endpoint, project), whose clips the owner drives.
    """

    epoch: int
    pid: int
    host: str
    mine: bool
    accounts: frozenset[Account]


#: The open databases of this process by file: the library is given up with the last of them.
_holding: dict[Path, set[int]] = {}
_lock = threading.Lock()


def claim(database: Database, account: Account) -> Future[Owner]:
    """Become the owner if there is none, the last one is dead, or it is this process already; else say who is.

    An owner drives the clips of `account` from then on.
    """

    def work(connection: sqlite3.Connection) -> Owner:
        row = connection.execute("SELECT * FROM owner").fetchone()
        if row is not None and not _is_me(row) and _alive(row):
            return Owner(row["epoch"], row["pid"], row["host"], mine=False, accounts=_accounts(row))
        with _lock:
            _holding.setdefault(database.path.resolve(), set()).add(id(database))
        if row is not None and _is_me(row):
            accounts = _accounts(row) | {account}
            _note_accounts(connection, accounts)
            return Owner(row["epoch"], row["pid"], row["host"], mine=True, accounts=accounts)
        epoch = 1 if row is None else row["epoch"] + 1
        connection.execute(
            "INSERT OR REPLACE INTO owner (one, epoch, pid, started, boot_id, host, heartbeat)"
            " VALUES (1, ?, ?, ?, ?, ?, ?)",
            (epoch, os.getpid(), _started(os.getpid()), boot_id(), platform.node(), time.time()),
        )
        _note_accounts(connection, frozenset({account}))
        return Owner(epoch, os.getpid(), platform.node(), mine=True, accounts=frozenset({account}))

    return database.write(work)


def beat(database: Database, epoch: int) -> Future[bool]:
    """Show that the owner of this epoch is alive; False when the library has changed hands."""

    def work(connection: sqlite3.Connection) -> bool:
        done = connection.execute("UPDATE owner SET heartbeat = ? WHERE epoch = ?", (time.time(), epoch))
        return done.rowcount == 1

    return database.write(work)


def release(database: Database, epoch: int, account: Account) -> Future[None]:
    """Give the account up, and the library too unless this process has it open elsewhere.

    The epoch stays, so that it keeps growing.
    """

    def work(connection: sqlite3.Connection) -> None:
        with _lock:
            holders = _holding.get(database.path.resolve(), set())
            holders.discard(id(database))
        row = connection.execute("SELECT accounts FROM owner WHERE epoch = ?", (epoch,)).fetchone()
        if row is not None:
            _note_accounts(connection, _accounts(row) - {account})
        if not holders:
            connection.execute("UPDATE owner SET pid = 0, heartbeat = 0 WHERE epoch = ?", (epoch,))

    return database.write(work)


def _accounts(row: sqlite3.Row) -> frozenset[Account]:
    return frozenset((endpoint, project) for endpoint, project in json.loads(row["accounts"]))


def _note_accounts(connection: sqlite3.Connection, accounts: frozenset[Account]) -> None:
    connection.execute("UPDATE owner SET accounts = ?", (json.dumps(sorted(accounts)),))


@cache
def boot_id() -> str:
    """Names this run of the machine: a process id means nothing after a restart."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"{platform.node()}-unknown-boot"


def this_process() -> dict[str, Any]:
    """What tells this process from every other one, in plain JSON types."""
    return {"pid": os.getpid(), "boot_id": boot_id(), "started": _started(os.getpid())}


def surely_runs(process: Mapping[str, Any]) -> bool:
    """Whether a process, as `this_process` names it, is seen to run; False also where that cannot be seen from here."""
    return bool(process["started"]) and _same_process(process)


def _is_me(row: sqlite3.Row) -> bool:
    return bool(row["pid"] == os.getpid()) and row["host"] == platform.node() and _same_process(row)


def _alive(row: sqlite3.Row) -> bool:
    if row["pid"] == 0:
        return False
    if row["host"] == platform.node():
        if _started(os.getpid()):
            return _same_process(row)
        if row["boot_id"] == boot_id() and _gone(row["pid"]):
            return False
    return bool(time.time() - row["heartbeat"] < STALE)


def _gone(pid: int) -> bool:
    """Whether it is certain that no process has this id; for systems that do not tell when a process started."""
    if os.name != "posix":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def _same_process(row: sqlite3.Row | Mapping[str, Any]) -> bool:
    # The start time tells a process from a later one with the same id, as containers like to have.
    return bool(row["boot_id"] == boot_id()) and bool(row["started"] == _started(row["pid"]))


def _started(pid: int) -> str:
    """When the process started, in the kernel's ticks; "" where it is gone, dead but not reaped, or cannot be seen."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if state == "Z" else fields[18]
