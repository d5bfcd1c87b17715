"""What is wrong in a library, found by reading all of it. Nothing is changed here.

Files that are being written, or were written a moment ago, are left alone: their rows may be on the way.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from PIL import Image

from .archive import file_pieces, sha256_of
from .clips import Clips
from .files import is_part

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from .archive import Pulse
    from .clips import ClipRecord, OutputRecord
    from .database import Database
    from .files import Home

#: So many clips are read at a time, while others wait.
_PAGE = 500
#: Seconds in which a file that no row knows yet may still get its row.
_FRESH = 60.0


class Kind(StrEnum):
    """What is wrong."""

    #: A row says that a file is there, and it is not.
    MISSING = "missing"
    #: A file is not what it was when it was written.
    DAMAGED = "damaged"
    #: A clip's video is there whole, but the journal does not say so yet: a process was killed in between.
    UNNOTED = "unnoted"
    #: A file in the library's folders that no row knows.
    ORPHAN = "orphan"
    #: What a killed process left half-written.
    ABANDONED = "abandoned"
    #: Scenario has an image that was uploaded from here, and this library has not.
    LOST_UPLOAD = "lost upload"
    #: The journal's own file.
    JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and what was done about it.

    `path` is relative to the home, `clip_id` the clip it belongs to, `sha256` the image's; None or "" where there is none.
    `message` is a sentence, `repaired` whether all is well again.
    """

    kind: Kind
    message: str
    path: str = ""
    clip_id: str | None = None
    sha256: str | None = None
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Checkup:
    """What a check found. Its repr says it in words.

    `clips`, `images`, `posters` and `size` (bytes) are how much was verified. `sound` is True where nothing is wrong any more;
    files that belong to nobody are no harm.
    """

    clips: int
    images: int
    posters: int
    size: int
    findings: tuple[Finding, ...]

    @property
    def repaired(self) -> tuple[Finding, ...]:
        """What was wrong, and is well again."""
        return tuple(finding for finding in self.findings if finding.repaired)

    @property
    def remaining(self) -> tuple[Finding, ...]:
        """What could not be repaired, or was only to be found."""
        return tuple(
            finding for finding in self.findings if not finding.repaired and finding.kind is not Kind.ORPHAN
        )

    @property
    def orphans(self) -> tuple[Finding, ...]:
        """Files that no row knows. They are never deleted."""
        return tuple(finding for finding in self.findings if finding.kind is Kind.ORPHAN)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong any more."""
        return not self.remaining

    def __repr__(self) -> str:
        size = f"{self.size / 1e6:,.1f} MB"
        verified = (
            f"{self.clips:,} clips, {self.images:,} images and {self.posters:,} posters verified ({size})"
        )
        lines = [f"{verified}: {'all is well.' if self.sound else 'not all is well.'}"]
        for title, findings in (
            ("Repaired", self.repaired),
            ("Not repaired", self.remaining),
            ("Files that belong to no clip, left where they are", self.orphans),
        ):
            if findings:
                lines.append(f"{title}:")
                lines += [f"  {finding.message}" for finding in findings[:20]]
                if len(findings) > 20:
                    lines.append(f"  … and {len(findings) - 20:,} more: see `findings`.")
        return "\n".join(lines)


@dataclass(slots=True)
class Survey:
    """What a library holds, as the rows and the folders said at one moment, and what was verified of it since."""

    records: list[ClipRecord]
    images: dict[str, tuple[str, int]]
    uploads: dict[str, list[tuple[str, str, str]]]
    files: dict[str, float]
    verified: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))


def survey(database: Database, home: Home) -> Survey:
    """What the folders hold and the rows say."""
    files = _list_files(home)  # before the rows: so none is unknown because it is newer than what was read
    clips = Clips(database)
    records: list[ClipRecord] = []
    while page := clips.newest(_PAGE, after=records[-1] if records else None):
        records += page
    return database.read(lambda connection: _survey(connection, records, files))


def _list_files(home: Home) -> dict[str, float]:
    """The files of the library's folders, relative to the home, with the times of their last change."""
    found = {}
    for folder in (home.clips, home.images, home.posters):
        for path in folder.iterdir():
            if not path.name.startswith(".") and path.is_file() and not is_part(path):
                found[home.relative(path)] = path.stat().st_mtime
    return found


def _survey(connection: sqlite3.Connection, records: list[ClipRecord], files: dict[str, float]) -> Survey:
    images = {
        row["sha256"]: (row["path"], row["size"])
        for row in connection.execute("SELECT sha256, path, size FROM images ORDER BY added_at")
    }
    uploads: dict[str, list[tuple[str, str, str]]] = {}
    for row in connection.execute("SELECT sha256, endpoint, project, asset_id FROM uploads"):
        uploads.setdefault(row["sha256"], []).append((row["endpoint"], row["project"], row["asset_id"]))
    return Survey(records, images, uploads, files)


def findings(
    home: Home, found: Survey, *, moving: frozenset[str], arriving: str, pulse: Pulse
) -> Iterator[Finding]:
    """Everything that is wrong with the files; reads all of them, so this takes its time.

    `moving` are the states of clips that somebody is working on, `arriving` the one of those whose video may be there already.
    """
    for record in found.records:
        yield from _of_clip(home, found, record, moving, arriving, pulse)
    for sha256, (path, size) in found.images.items():
        kind = verify(home.root / path, size, sha256, pulse)
        if kind is None:
            _count(found, "images", size)
        else:
            yield Finding(kind, f"Image {path} {_words(kind)}.", path, sha256=sha256)
    for sha256 in found.uploads.keys() - found.images.keys():
        yield Finding(
            Kind.LOST_UPLOAD, f"Image {sha256[:12]}… was uploaded, but is not in the library.", sha256=sha256
        )
    yield from _unknown(home, found, moving)
    for part in home.abandoned():
        name = home.relative(part)
        yield Finding(Kind.ABANDONED, f"{name} was left half-written by a process that was killed.", name)


def verify(path: Path, size: int | None, sha256: str | None, pulse: Pulse) -> Kind | None:
    """Whether a file is missing, or not what it was; None where it is as it should be."""
    try:
        if size is not None and path.stat().st_size != size:
            return Kind.DAMAGED
        return None if sha256_of(file_pieces(path, pulse)) == sha256 else Kind.DAMAGED
    except FileNotFoundError:
        return Kind.MISSING
    except OSError:
        return Kind.DAMAGED


def _of_clip(
    home: Home, found: Survey, record: ClipRecord, moving: frozenset[str], arriving: str, pulse: Pulse
) -> Iterator[Finding]:
    if record.state in moving:
        name = home.relative(home.clip(record.id))
        if record.state == arriving and name in found.files:
            yield Finding(
                Kind.UNNOTED, f"Clip {record.id}: its video is there, but not noted.", name, record.id
            )
        return
    if record.deleted_at is not None:  # what is not shown is not missed
        return
    whole = record.state == "done"
    for output in record.outputs:
        if output.path is not None or whole:
            yield from _of_output(home, found, record, output, pulse)
    if whole and record.outputs:
        yield from _of_poster(home, found, record)


def _of_output(
    home: Home, found: Survey, record: ClipRecord, output: OutputRecord, pulse: Pulse
) -> Iterator[Finding]:
    name = output.path or home.relative(home.clip(record.id, output.position))
    kind = verify(home.root / name, output.size, output.sha256, pulse)
    if kind is None:
        _count(found, "clips", output.size or 0)
    else:
        yield Finding(kind, f"Clip {record.id}: {name} {_words(kind)}.", name, record.id)


def _of_poster(home: Home, found: Survey, record: ClipRecord) -> Iterator[Finding]:
    path = home.poster(record.id)
    name = home.relative(path)
    try:
        with Image.open(path) as image:
            image.load()
        _count(found, "posters", path.stat().st_size)
    except FileNotFoundError:
        yield Finding(Kind.MISSING, f"Clip {record.id}: its poster is missing.", name, record.id)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        yield Finding(Kind.DAMAGED, f"Clip {record.id}: its poster {_words(Kind.DAMAGED)}.", name, record.id)


def _unknown(home: Home, found: Survey, moving: frozenset[str]) -> Iterator[Finding]:
    known = {path for path, _ in found.images.values()}
    on_the_way = set()
    for record in found.records:
        known.add(f"posters/{record.id}.jpg")
        known |= {output.path for output in record.outputs if output.path is not None}
        if record.deleted_at is not None:
            known |= {home.relative(home.clip(record.id, output.position)) for output in record.outputs}
        if record.state in moving:
            on_the_way.add(record.id)
    for name, changed in sorted(found.files.items()):
        owner = name.removeprefix("clips/").partition(".")[0].partition("-")[0]
        fresh = time.time() - changed < _FRESH
        if name not in known and owner not in on_the_way and not fresh:
            yield Finding(Kind.ORPHAN, f"{name} belongs to no clip.", name)


def _words(kind: Kind) -> str:
    return "is missing" if kind is Kind.MISSING else "is not what it was when it was written"


def _count(found: Survey, what: str, size: int) -> None:
    found.verified[what] += 1
    found.verified["size"] += size
