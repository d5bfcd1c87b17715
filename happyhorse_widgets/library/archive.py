"""One zip file: written whole or not at all, and read as if a stranger had made it.

Nothing in a zip decides where a file goes: only names that this package itself gives are read, and the files are then named
anew. Everything else is refused before a byte of it is unpacked.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import struct
import time
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.media.images import MAX_BYTES

from .files import part_of, publish, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    #: Called between pieces; raises where the work is to be given up.
    Pulse = Callable[[], None]

#: Bytes that are read and written at a time.
PIECE = 1 << 20
#: What an honest export stays below: members, bytes of the list of them, times that a text may shrink when packed.
_MEMBERS = 200_000
_DIRECTORY = 32 << 20
_RATIO = 200
_SMALL = 4096

_CLIP = r"clip_[0-9A-Za-z_]{1,64}"
#: The names that a member may have, and how many bytes at most (None: what the disk holds).
_ALLOWED: tuple[tuple[re.Pattern[str], int | None], ...] = (
    (re.compile(r"manifest\.json"), 64 << 20),
    (re.compile(r"journal/[a-z_]{1,32}\.jsonl"), 256 << 20),
    (re.compile(rf"clips/{_CLIP}(-[0-9]{{1,4}})?\.mp4"), None),
    (re.compile(r"images/[0-9a-f]{64}\.(jpg|png|webp)"), MAX_BYTES),
    (re.compile(rf"posters/{_CLIP}\.jpg"), MAX_BYTES),
)
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1


class Archive:
    """A zip whose list of members was found harmless; see `opened`. `sizes` are the bytes that each member unpacks to."""

    def __init__(self, zip_file: zipfile.ZipFile, path: Path) -> None:
        self.path = path
        self._zip = zip_file
        self._members = {info.filename: info for info in zip_file.infolist()}
        self.sizes = {name: info.file_size for name, info in self._members.items()}

    def pieces(self, name: str) -> Iterator[bytes]:
        """What a member holds, in pieces of at most `PIECE` bytes."""
        with self._zip.open(self._members[name]) as member:
            while piece := member.read(PIECE):
                yield piece

    def bytes_of(self, name: str) -> bytes:
        """All that a member holds; for texts, whose size is bounded."""
        return b"".join(self.pieces(name))


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The zip at `path`. Raises `LibraryError` where it is none, is cut or damaged, or holds what no export of ours does.

    The same goes for trouble that is met while it is open.
    """
    try:
        if path.exists() and not path.is_file():
            raise refusal(path, "it is no file")
        with _Bounded(path) as file, zipfile.ZipFile(file) as zip_file:
            _refuse_strange(zip_file.infolist(), path)
            yield Archive(zip_file, path)
    except OSError as error:
        raise LibraryError(
            f"{path} cannot be read ({error.strerror or error}). Nothing was imported."
        ) from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,  # a method or a version of the format that Python does not know
        OverflowError,
        RecursionError,
        ValueError,
        msgspec.MsgspecError,
    ) as error:
        raise refusal(path, f"it is no zip file, or was cut or damaged ({error})") from error


def refusal(path: Path, why: str) -> LibraryError:
    """The error that refuses a zip as a whole."""
    return LibraryError(f"{path} was not imported: {why}. The library is as it was.")


class _Bounded(io.FileIO):
    """Reads of more than an honest list of members needs are refused: `zipfile` takes that list into memory at once."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _DIRECTORY:
            raise zipfile.BadZipFile("its list of members is too long")
        return super().read(size) or b""


def _refuse_strange(members: list[zipfile.ZipInfo], path: Path) -> None:
    if len(members) > _MEMBERS:
        raise refusal(path, f"it holds {len(members):,} files; {_MEMBERS:,} are allowed")
    seen: set[str] = set()
    for info in members:
        why = _strangeness(info)
        if why is None and info.filename.casefold() in seen:
            why = "comes twice"
        if why is not None:
            raise refusal(path, f"in it {info.orig_filename[:80]!r} {why}")
        seen.add(info.filename.casefold())
    if sum(info.compress_size for info in members) > path.stat().st_size:
        raise refusal(path, "its members overlap, or it was cut")


def _strangeness(info: zipfile.ZipInfo) -> str | None:
    """Why a member cannot be one of ours, or None."""
    limit = next((limit for name, limit in _ALLOWED if name.fullmatch(info.orig_filename)), 0)
    mode = info.external_attr >> 16
    if limit == 0 or info.filename != info.orig_filename:
        return "is no name that an export has: it could lead out of the library's folder"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "is a link or a device"
    if info.compress_type not in _METHODS or info.flag_bits & _ENCRYPTED:
        return "is encrypted, or packed in a way that an export is not"
    if limit is not None and info.file_size > limit:
        return f"unpacks to {info.file_size:,} bytes; {limit:,} are allowed"
    if info.file_size > _RATIO * info.compress_size + _SMALL:
        return f"unpacks to {info.file_size:,} bytes from {info.compress_size:,}, as a zip bomb does"
    return None


@contextmanager
def written(path: Path) -> Iterator[ArchiveWriter]:
    """A new zip that gets the name `path` when the block ends without an error; else nothing is left of it.

    Raises `LibraryError` where it cannot be written.
    """
    part = part_of(path)
    with writing(path):
        try:
            with part.open("xb") as file:
                with zipfile.ZipFile(file, "w", allowZip64=True) as zip_file:
                    yield ArchiveWriter(zip_file)
                file.flush()
                os.fsync(file.fileno())
            publish(part, path)
        finally:
            part.unlink(missing_ok=True)


class ArchiveWriter:
    """Adds members to a zip; see `written`."""

    def __init__(self, zip_file: zipfile.ZipFile) -> None:
        self._zip = zip_file
        self._now = time.localtime()[:6]

    def add(self, name: str, size: int, pieces: Iterable[bytes], *, pack: bool = False) -> str:
        """Add a member of about `size` bytes; the sha256 of what was added. Texts are worth packing, pictures are not."""
        info = zipfile.ZipInfo(name, self._now)
        info.compress_type = zipfile.ZIP_DEFLATED if pack else zipfile.ZIP_STORED
        info.external_attr = (stat.S_IFREG | 0o644) << 16
        info.file_size = size
        digest = hashlib.sha256()
        with self._zip.open(info, "w") as member:
            for piece in pieces:
                member.write(piece)
                digest.update(piece)
        return digest.hexdigest()


def file_pieces(path: Path, pulse: Pulse) -> Iterator[bytes]:
    """The bytes of a file, in pieces of at most `PIECE`."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            pulse()
            yield piece


def sha256_of(pieces: Iterable[bytes]) -> str:
    """The hash of all pieces together, in hex."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
