"""Copies of the library's file, made beside it before anything rewrites it.

    library-v1-2026-11-22T19-30-00Z.sqlite3     the library as version 1 had it, at that moment (UTC)

A copy is a whole library: to go back, move the present file away and give a copy its name.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import LibraryError

from .files import is_part, part_of, publish, sync_file

if TYPE_CHECKING:
    from pathlib import Path

#: So many copies of each version are kept, the newest.
KEPT = 3


def back_up(source: sqlite3.Connection, path: Path, version: int) -> Path:
    """Copy the library at `path`, which `source` reads, to a file beside it; it is whole and synced when this returns.

    `version` goes into the name. The caller holds the library's write lock on another connection, so that nobody writes between
    the copy and what it is made for. Copies beyond the newest `KEPT` of this version are removed. Raises `LibraryError` where
    the copy cannot be made; nothing is left behind then.
    """
    copy = _free_name(path, version)
    part = part_of(copy)
    try:
        _remove_abandoned(path)
        _copy(source, part)
        publish(part, copy)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise LibraryError(
            f"{path} is to be rewritten, and before that a copy of it is made, which failed ({reason}). Nothing was changed: "
            f"make room beside it, at least {_megabytes(path):.0f} MB, see to the folder's permissions, and try again."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    for old in backups(path, version)[KEPT:]:
        with contextlib.suppress(OSError):  # one too many does no harm
            if old != copy:  # the newest, even where the clock was set back
                old.unlink()
    return copy


def backups(path: Path, version: int | None = None) -> list[Path]:
    """The copies beside the library at `path`, the newest first; of one `version`, or of all."""
    pattern = re.compile(
        rf"{re.escape(path.stem)}-v(\d+)-(\d{{4}}-\d\d-\d\dT\d\d-\d\d-\d\dZ)(?:-(\d+))?{re.escape(path.suffix)}"
    )
    found = [(match, file) for file in _beside(path) if (match := pattern.fullmatch(file.name))]
    found = [(match, file) for match, file in found if version is None or int(match[1]) == version]
    found.sort(key=lambda item: (item[0][2], int(item[0][3] or 1)), reverse=True)
    return [file for _, file in found]


def _copy(source: sqlite3.Connection, part: Path) -> None:
    copy = sqlite3.connect(part, isolation_level=None)
    try:
        copy.execute("PRAGMA journal_mode = MEMORY")  # a killed process leaves one file, not two
        source.backup(copy)
    finally:
        copy.close()
    sync_file(part)


def _free_name(path: Path, version: int) -> Path:
    stem = f"{path.stem}-v{version}-{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"
    same_second = [copy.stem for copy in backups(path, version) if copy.stem.startswith(stem)]
    if not same_second:
        return path.with_name(stem + path.suffix)
    latest = int(same_second[0].removeprefix(f"{stem}-")) if same_second[0] != stem else 1
    return path.with_name(f"{stem}-{latest + 1}{path.suffix}")


def _remove_abandoned(path: Path) -> None:
    # Copies are made one at a time, under the library's lock: what is half-made now, a killed process has left.
    for file in _beside(path):
        if file.name.startswith(f"{path.stem}-v") and is_part(file):
            file.unlink(missing_ok=True)


def _beside(path: Path) -> list[Path]:
    return list(path.parent.iterdir())


def _megabytes(path: Path) -> float:
    try:
        return path.stat().st_size / 1e6 + 1
    except OSError:
        return 1.0
