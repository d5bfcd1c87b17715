"""Files that are there whole or not at all.

The home folder is visible on purpose: Jupyter serves no dot-directories, and the clips are the person's own.

    home/library.sqlite3     the journal
    home/images/SHA256.ext   reference images, named by their content
    home/clips/CLIP.mp4      finished clips, named by their local id
    home/posters/CLIP.jpg    small stills of them
    home/playable/CLIP.ext   copies of them for programs that cannot play them; each can be made again
    home/exports/            strips and videos of clips that were compared; each can be made again
    home/set-aside/          damaged files that a check has replaced by whole ones
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import LibraryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PART = ".part"
_PART_NAME = re.compile(r".+\.\d+-[0-9a-f]{8}\.part")
_ABANDONED = 3600.0


class Home:
    """The folder that a library lives in, and the names of what is in it."""

    def __init__(self, root: Path) -> None:
        """Create the folders. Raises `LibraryError` where that is not possible."""
        try:
            self.root = root.expanduser().absolute()
            for folder in self._folders:
                folder.mkdir(parents=True, exist_ok=True)
        except (OSError, RuntimeError) as error:  # RuntimeError: a home folder that is not known
            raise LibraryError(
                f"The library's folder {root} cannot be used ({getattr(error, 'strerror', None) or error}). "
                "Choose one that can be written, with connect(home=…) or HAPPYHORSE_HOME."
            ) from error

    @property
    def database(self) -> Path:
        """The journal's file."""
        return self.root / "library.sqlite3"

    @property
    def images(self) -> Path:
        """The folder of reference images."""
        return self.root / "images"

    @property
    def clips(self) -> Path:
        """The folder of finished clips."""
        return self.root / "clips"

    @property
    def posters(self) -> Path:
        """The folder of small stills."""
        return self.root / "posters"

    @property
    def playable(self) -> Path:
        """The folder of copies for programs that cannot play a clip."""
        return self.root / "playable"

    @property
    def exports(self) -> Path:
        """The folder of strips and videos of clips that were compared."""
        return self.root / "exports"

    def copies(self, clip_id: str) -> list[Path]:
        """The copies of a clip that were made for such programs."""
        return [file for file in self.playable.glob("*.*") if file.name.partition(".")[0] == clip_id]

    @property
    def _folders(self) -> tuple[Path, ...]:
        return (self.images, self.clips, self.posters)

    def abandoned(self) -> list[Path]:
        """What killed processes left half-written: nobody has touched it for an hour."""
        found = []
        folders = (*self._folders, self.playable, self.exports)
        for part in (file for folder in folders for file in folder.glob(f"*{_PART}") if is_part(file)):
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > _ABANDONED:
                    found.append(part)
        return found

    def sweep(self) -> None:
        """Remove what is abandoned."""
        for part in self.abandoned():
            with contextlib.suppress(OSError):
                part.unlink()

    def set_aside(self, path: Path) -> Path:
        """Move a damaged file out of the way, into a folder of its own, where it is kept. Returns where it is.

        Raises `LibraryError` where that is not possible.
        """
        folder = self.root / "set-aside"
        with writing(path):
            folder.mkdir(exist_ok=True)
            aside, number = folder / path.name, 1
            while aside.exists():
                number += 1
                aside = folder / f"{path.stem}-{number}{path.suffix}"
            path.rename(aside)
        return aside

    def clip(self, clip_id: str, position: int = 0) -> Path:
        """Where the clip's video is, or would be; a job with several outputs numbers those after the first."""
        return self.clips / (f"{clip_id}.mp4" if position == 0 else f"{clip_id}-{position + 1}.mp4")

    def poster(self, clip_id: str) -> Path:
        """Where the clip's still is, or would be."""
        return self.posters / f"{clip_id}.jpg"

    def relative(self, path: Path) -> str:
        """`path` as the database stores it, so that the whole folder can be moved."""
        return path.relative_to(self.root).as_posix()


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` so that after a crash `path` holds all of it or what it held before.

    Raises `LibraryError` where it cannot be written; nothing is left behind then.
    """
    part = part_of(path)
    with writing(path):
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            publish(part, path)
        finally:
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusals while `path` is being written into `LibraryError`."""
    try:
        yield
    except OSError as error:
        raise LibraryError(
            f"{path} could not be written ({error.strerror or error}). Make room, or see to the folder's permissions, and try "
            "again."
        ) from error


def part_of(path: Path) -> Path:
    """A name beside `path` that no other process uses, for a file that is still being written."""
    return path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}{_PART}")


def is_part(path: Path) -> bool:
    """Whether `path` is a name that `part_of` gave; a person's file that ends in .part is not."""
    return _PART_NAME.fullmatch(path.name) is not None


def publish(part: Path, path: Path) -> None:
    """Give a finished, synced `part` its name, and sync the folder, so that the name survives a power cut as well."""
    part.replace(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def sync_file(path: Path) -> None:
    """Flush a finished file to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
