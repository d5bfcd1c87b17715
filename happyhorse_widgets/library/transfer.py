"""Clips on their way out of a library, into one zip (see `rows` for what is in it)."""

from __future__ import annotations

import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from happyhorse_widgets.errors import LibraryError

from .archive import ArchiveWriter, file_pieces, sha256_of, written
from .clips import REMOVED
from .rows import (
    PERSONAL,
    TABLES,
    FileEntry,
    ImageRow,
    JobRow,
    Manifest,
    MarkRow,
    OutputRow,
    Row,
    read_rows,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from .archive import Pulse
    from .database import Database
    from .files import Home

_SPARE = 64 << 20


@dataclass(frozen=True, slots=True)
class Exported:
    """An export: where it is, which clips are in it, and why others are not.

    `left_out` has a sentence for each clip's local id. `size` is the zip's, in bytes. `ballots` says how many blind votes are in
    it.
    """

    path: Path
    clips: tuple[str, ...]
    left_out: dict[str, str]
    size: int
    ballots: int = 0

    def __repr__(self) -> str:
        lines = [f"{len(self.clips):,} clips are in {self.path} ({self.size / 1e6:,.1f} MB)."]
        if self.ballots:
            lines.append(f"{self.ballots:,} ballots are in it, too.")
        return "\n".join(lines + told(self.left_out, "not exported"))


def told(left_out: dict[str, str], what: str) -> list[str]:
    """Lines that say which clips were left out and why; at most ten of them."""
    shown = [f"  {clip_id}: {why}" for clip_id, why in list(left_out.items())[:10]]
    if len(left_out) > len(shown):
        shown.append(f"  … and {len(left_out) - len(shown):,} more: see `left_out`.")
    return [f"{len(left_out):,} clips were {what}:", *shown] if left_out else []


@dataclass(slots=True)
class _Contents:
    """What goes into the zip: rows by table, and files by their name, which is also their place in the home."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    files: dict[str, FileEntry] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def export(
    database: Database,
    home: Home,
    path: Path,
    clip_ids: Sequence[str] | None,
    *,
    states: frozenset[str],
    made_by: dict[str, str],
    pulse: Pulse,
) -> Exported:
    """Write the clips that are in one of `states` to a zip at `path`, whole or not at all.

    `clip_ids` None means all that are not deleted, with what was saved and every ballot; with some clips go the ballots on two of
    them. What is there under that name is replaced. A clip whose file is missing or changed is left out. Raises `LibraryError`
    for an id that no clip has and where the zip cannot be written.
    """
    contents = database.read(lambda connection: _collect(connection, clip_ids, states))
    _hash_files(home, contents, pulse)
    needed = sum(entry.size for entry in contents.files.values()) + _SPARE
    if (free := shutil.disk_usage(path.parent).free) < needed:
        raise LibraryError(
            f"The disk of {path.parent} has {free / 1e6:,.0f} MB left; the export needs {needed / 1e6:,.0f} MB. Make room, or "
            "export to another disk."
        )
    with written(path) as archive:
        _write(archive, home, contents, made_by, pulse)
    ids = tuple(row.id for row in contents.rows["jobs"] if isinstance(row, JobRow))
    return Exported(path, ids, contents.left_out, path.stat().st_size, len(contents.rows["ballots"]))


def _collect(
    connection: sqlite3.Connection, clip_ids: Sequence[str] | None, states: frozenset[str]
) -> _Contents:
    known = dict(connection.execute("SELECT id, state FROM jobs ORDER BY created_at, id").fetchall())
    for clip_id in clip_ids or ():
        if clip_id not in known:
            raise LibraryError(f"There is no clip {clip_id} in this library.")
    deleted = {
        row[0] for row in connection.execute("SELECT job_id FROM catalogue WHERE deleted_at IS NOT NULL")
    }
    chosen = known.keys() - deleted if clip_ids is None else set(clip_ids)
    contents = _Contents()
    for clip_id in chosen & deleted:
        contents.left_out[clip_id] = "it is deleted: restore it first"
    chosen -= deleted
    resting = [clip_id for clip_id in known if clip_id in chosen and known[clip_id] in states]
    for clip_id, state in known.items():
        if clip_id in chosen and state not in states:
            contents.left_out[clip_id] = f"it is not finished ({state})"
    for row in read_rows(connection, "jobs", "id", resting, "created_at, id"):
        row["request"] = without_addresses(row["request"])
        _take(contents, "jobs", row, row["id"])
    for table, order in (("outputs", "job_id, position"), ("events", "seq")):
        for row in read_rows(connection, table, "job_id", resting, order):
            _take(contents, table, row, row["job_id"])
    for row in read_rows(connection, "catalogue", "job_id", resting):
        _take(contents, "catalogue", row, row["job_id"])
    contents.rows["catalogue"] = [
        row for row in contents.rows["catalogue"] if isinstance(row, MarkRow) and row.says_something
    ]
    if clip_ids is None:
        kinds = [row[0] for row in connection.execute("SELECT DISTINCT kind FROM saved")]
        for row in read_rows(connection, "saved", "kind", [kind for kind in kinds if kind not in PERSONAL]):
            _take(contents, "saved", row, "")
    _collect_ballots(connection, contents, None if clip_ids is None else set(resting))
    for row in read_rows(connection, "images", "sha256", sorted(images_of(contents.rows["jobs"]))):
        _take(contents, "images", row, "")
    return contents


def _collect_ballots(connection: sqlite3.Connection, contents: _Contents, among: set[str] | None) -> None:
    """Take the ballots on two clips of `among`, or (None) all, and their arenas."""
    arenas = [row[0] for row in connection.execute("SELECT id FROM arenas")]
    ballots = read_rows(connection, "ballots", "arena", arenas, "seq")
    if among is not None:
        ballots = [row for row in ballots if {row["left_clip"], row["right_clip"]} <= among]
        arenas = sorted({row["arena"] for row in ballots})
    for row in read_rows(connection, "arenas", "id", arenas, "created_at, id"):
        _take(contents, "arenas", row, "")
    for row in ballots:
        _take(contents, "ballots", row, "")


def _take(contents: _Contents, table: str, row: dict[str, Any], clip_id: str) -> None:
    try:
        contents.rows[table].append(msgspec.convert(row, TABLES[table]))
    except msgspec.ValidationError as error:
        if clip_id:
            contents.left_out[clip_id] = f"its {table} in the journal cannot be read ({error})"


def without_addresses(request: dict[str, Any]) -> dict[str, Any]:
    """The request with the names of what was given by address, not the addresses, which may be signed."""
    references = [item | {"url": None} for item in request.get("references", [])]
    return request | {"references": references}


def images_of(jobs: Sequence[Row]) -> set[str]:
    """The sha256 of every image that the clips refer to."""
    return {
        item["sha256"]
        for job in jobs
        if isinstance(job, JobRow)
        for item in job.request.get("references", [])
        if item.get("sha256")
    }


def _hash_files(home: Home, contents: _Contents, pulse: Pulse) -> None:
    """Note the files, and leave out the clips whose own are not what the journal says."""
    for output in contents.rows["outputs"]:
        assert isinstance(output, OutputRow)
        if output.state == REMOVED:
            contents.left_out[output.job_id] = "its file went with the trash"
        elif output.path is not None and not _add_file(home, contents, output.path, pulse, output.sha256):
            contents.left_out[output.job_id] = (
                f"its file {output.path} is missing or was changed: call session.library.check()"
            )
    _drop(contents, frozenset(contents.left_out))
    # A clip can do without its poster, which can be drawn anew, and without its images.
    contents.rows["images"] = [
        image
        for image in contents.rows["images"]
        if isinstance(image, ImageRow)
        and image.path == image.proper_path
        and _add_file(home, contents, image.path, pulse, image.sha256)
    ]
    for job in contents.rows["jobs"]:
        assert isinstance(job, JobRow)
        _add_file(home, contents, home.relative(home.poster(job.id)), pulse, None)


def _add_file(home: Home, contents: _Contents, name: str, pulse: Pulse, sha256: str | None) -> bool:
    """Note a file, if it is there and has the hash that it should have."""
    try:
        size = (home.root / name).stat().st_size
        found = sha256_of(file_pieces(home.root / name, pulse))
    except OSError:
        return False
    if sha256 is not None and found != sha256:
        return False
    contents.files[name] = FileEntry(size, found)
    return True


def _drop(contents: _Contents, clip_ids: frozenset[str]) -> None:
    gone = [row for row in contents.rows["outputs"] if getattr(row, "job_id", "") in clip_ids]
    for output in gone:
        assert isinstance(output, OutputRow)
        contents.files.pop(output.path or "", None)
    for table, rows in contents.rows.items():
        key = "id" if table == "jobs" else "job_id"
        contents.rows[table] = [row for row in rows if getattr(row, key, "") not in clip_ids]
    needed = images_of(contents.rows["jobs"])
    contents.rows["images"] = [row for row in contents.rows["images"] if getattr(row, "sha256", "") in needed]


def _write(
    archive: ArchiveWriter, home: Home, contents: _Contents, made_by: dict[str, str], pulse: Pulse
) -> None:
    files = dict(contents.files)
    texts = {}
    for table in TABLES:
        name = f"journal/{table}.jsonl"
        texts[name] = b"".join(msgspec.json.encode(row) + b"\n" for row in contents.rows[table])
        files[name] = FileEntry(len(texts[name]), sha256_of([texts[name]]))
    manifest = Manifest(
        made_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", made_by=made_by, files=dict(sorted(files.items()))
    )
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    archive.add("manifest.json", len(text), [text], pack=True)
    for name, text in texts.items():
        archive.add(name, len(text), [text], pack=True)
    for name, entry in contents.files.items():
        if archive.add(name, entry.size, file_pieces(home.root / name, pulse)) != entry.sha256:
            raise LibraryError(f"{name} was changed while it was exported. Try again.")
