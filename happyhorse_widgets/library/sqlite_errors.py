"""SQLite's errors in a person's words: what is wrong with the file, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .backups import backups

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_IOERR_SHORT_READ")
_UNLOCKABLE = (
    "SQLITE_IOERR_LOCK",
    "SQLITE_IOERR_RDLOCK",
    "SQLITE_IOERR_UNLOCK",
    "SQLITE_IOERR_CHECKRESERVEDLOCK",
    "SQLITE_IOERR_BLOCKED",
    "SQLITE_PROTOCOL",
    "SQLITE_NOLFS",
)
#: By the beginning of the error's name; the first that fits.
_WORDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("SQLITE_FULL",), "is on a disk that is full: free some space and try again."),
    (
        ("SQLITE_READONLY_DBMOVED",),
        "was moved or deleted while it was in use: put it back, or restart the kernel to begin with what is there.",
    ),
    (
        ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM"),
        "cannot be written: check the folder's permissions, or choose another with HAPPYHORSE_HOME.",
    ),
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        "is locked by another program: try again, or close the other notebook that uses it.",
    ),
    (
        _UNLOCKABLE,
        (
            "cannot be locked, as happens on network drives. Nothing was written: choose a home folder on a local disk, with "
            "connect(home=…) or HAPPYHORSE_HOME."
        ),
    ),
    (
        ("SQLITE_IOERR_READ", "SQLITE_IOERR_FSTAT", "SQLITE_IOERR_ACCESS"),
        "could not be read: its disk or network drive does not answer as it should. Nothing was changed: try again.",
    ),
    (
        ("SQLITE_IOERR",),
        (
            "could not be written: the disk or a quota is full, or a network drive was cut off. What was written before is "
            "safe: make room, or see to the drive, and try again."
        ),
    ),
)


def explain(error: sqlite3.Error, path: Path) -> str:
    """What `error` means for the library at `path`, and what to do about it."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(_DAMAGED):
        return damaged(path)
    for kinds, words in _WORDS:
        if name.startswith(kinds):
            return f"{path} {words}"
    return f"{path}: {error}"


def damaged(path: Path) -> str:
    """What to say and to do where the file at `path` is cut, or no library at all."""
    try:
        copies = backups(path)
    except OSError:
        copies = []
    newest = f" The newest copy is {copies[0].name}." if copies else ""
    return (
        f"{path} is not a sound library file. Nothing was changed: move it away, or restore a backup.{newest}"
    )
