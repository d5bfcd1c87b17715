"""Clips of another library coming in, from the zip that an export made.

Everything is verified first, while files are put beside their places under passing names. Then they get their names, and last
of all the rows are entered, in one transaction: a process that is killed leaves at most files that no row knows, and a second
import completes them. Nothing that is here is ever overwritten.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from happyhorse_widgets.errors import InvalidImage, LibraryError, MediaError
from happyhorse_widgets.media.images import load_image
from happyhorse_widgets.media.probe import probe

from .archive import file_pieces, opened, refusal, sha256_of
from .catalogue import enter
from .files import part_of, publish, writing
from .incoming import Incoming, read
from .joining import join_ballots, join_marks, join_saved
from .rows import JobRow, Manifest, insert_row, read_rows
from .transfer import images_of, told, without_addresses

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from .archive import Archive, Pulse
    from .database import Database
    from .files import Home

_SPARE = 64 << 20


@dataclass(frozen=True, slots=True)
class Merged:
    """What an import brought.

    `clips` are the local ids of those that came in, `known` of those that were here already, the same. `left_out` has a sentence
    for each clip that was not taken, `ignored` the names of tables that only a newer package knows. `marked` are the clips that
    were here before and got favourite, tags or notes from the other library, `saved` the names of presets and templates that
    came in, `ballots` how many blind votes did.
    """

    path: Path
    clips: tuple[str, ...]
    known: tuple[str, ...]
    left_out: dict[str, str]
    ignored: tuple[str, ...]
    marked: tuple[str, ...] = ()
    saved: tuple[str, ...] = ()
    ballots: int = 0

    def __repr__(self) -> str:
        lines = [
            f"{len(self.clips):,} clips came in from {self.path}; {len(self.known):,} were here already."
        ]
        if self.marked:
            lines.append(
                f"What was said there of {len(self.marked):,} of these was added to what is said here."
            )
        if self.saved:
            lines.append(f"{len(self.saved):,} saved things came in: {', '.join(self.saved[:10])}.")
        if self.ballots:
            lines.append(f"{self.ballots:,} ballots came in.")
        if self.ignored:
            lines.append(f"Left out, for only a newer version knows it: {', '.join(self.ignored)}.")
        return "\n".join(lines + told(self.left_out, "not imported"))


def merge(
    database: Database,
    home: Home,
    path: Path,
    *,
    states: frozenset[str],
    validate: Callable[[dict[str, Any]], object],
    pulse: Pulse,
) -> Merged:
    """Take in the clips of the zip at `path` that are in one of `states` and not here yet.

    `validate` raises for a request that cannot be understood. Raises `LibraryError`, with the library as it was, where the zip is
    cut, changed, dangerous or from a newer version, where there is no room, and where the library cannot be written.
    """
    with opened(path) as archive:
        incoming = read(archive, validate)
        standing = database.read(lambda connection: _standing(connection, incoming))
        left_out = {clip_id: why for clip_id, why in standing.items() if why}
        new = [job for job in incoming.jobs if job.id not in standing]
        for job in [job for job in new if job.state not in states]:
            new.remove(job)
            left_out[job.id] = f"it was not finished in the other library ({job.state})"
        staged = _stage(archive, home, incoming, new, left_out, pulse)
    new = [job for job in new if job.id not in left_out]
    try:
        for part, target in staged.items():
            pulse()
            with writing(target):
                publish(part, target)
        entered = database.write(lambda connection: _enter(connection, incoming, new)).result()
    finally:
        _discard(staged)
    late = entered.late
    left_out |= {clip_id: why for clip_id, why in late.items() if why}
    return Merged(
        path,
        clips=tuple(job.id for job in new if job.id not in late),
        known=tuple(clip_id for clip_id, why in (standing | late).items() if not why),
        left_out=left_out,
        ignored=incoming.ignored,
        marked=tuple(entered.marked),
        saved=tuple(entered.saved),
        ballots=entered.ballots,
    )


# -- what is here already ------------------------------------------------------------------------------------------------


def _standing(connection: sqlite3.Connection, incoming: Incoming) -> dict[str, str]:
    """Of the clips that cannot come in, why; "" for those that are here already, the same."""
    ids = [job.id for job in incoming.jobs]
    ours = {row["id"]: row for row in read_rows(connection, "jobs", "id", ids)}
    files: dict[str, list[Any]] = {}
    for row in read_rows(connection, "outputs", "job_id", ids, "job_id, position"):
        files.setdefault(row["job_id"], []).append((row["position"], row["asset_id"], row["sha256"]))
    found: dict[str, str] = {}
    jobs_taken: set[tuple[str, str]] = set()
    for job in incoming.jobs:
        if job.id in ours:
            theirs = sorted((o.position, o.asset_id, o.sha256) for o in incoming.outputs.get(job.id, []))
            same = _essence(ours[job.id]) == _essence(msgspec.to_builtins(job)) and (
                files.get(job.id, []) == theirs
            )
            found[job.id] = "" if same else "another form of it is here, which stays as it is"
        elif job.remote_id is not None:
            key = (job.endpoint, job.remote_id)
            if key in jobs_taken or _is_bound(connection, key):
                found[job.id] = f"its job {job.remote_id} belongs to another clip"
            jobs_taken.add(key)
    return found


def _essence(row: dict[str, Any]) -> dict[str, Any]:
    """What makes two rows the same clip: all but the time of the latest change, and addresses, which do not travel."""
    return row | {"updated_at": None, "request": without_addresses(row["request"])}


def _is_bound(connection: sqlite3.Connection, key: tuple[str, str]) -> bool:
    query = "SELECT 1 FROM jobs WHERE endpoint = ? AND remote_id = ?"
    return connection.execute(query, key).fetchone() is not None


# -- taking in ---------------------------------------------------------------------------------------------------------


def _stage(
    archive: Archive,
    home: Home,
    incoming: Incoming,
    new: list[JobRow],
    left_out: dict[str, str],
    pulse: Pulse,
) -> dict[Path, Path]:
    """Read and verify every member, and put those that are needed beside their places: part → place.

    A clip whose place is taken by another file is added to `left_out`.
    """
    wanted = _wanted(incoming, new)
    missing = [name for name in wanted if not (home.root / name).exists()]
    _check_space(home, sum(archive.sizes[name] for name in missing))
    staged: dict[Path, Path] = {}
    try:
        for name in incoming.manifest.files:
            target = home.root / name if name in missing else None
            part = None if target is None else part_of(target)
            if part is not None and target is not None:
                staged[part] = target
            _unpack(archive, incoming.manifest, name, part, pulse)
        for name, clip_id in wanted.items():
            if name not in missing and clip_id:
                kept = sha256_of(file_pieces(home.root / name, pulse))
                if kept != incoming.manifest.files[name].sha256:
                    left_out[clip_id] = f"another file is at {name}, which stays as it is"
    except BaseException:
        _discard(staged)
        raise
    needed = {home.root / name for name in _wanted(incoming, [job for job in new if job.id not in left_out])}
    _discard({part: target for part, target in staged.items() if target not in needed})
    return {part: target for part, target in staged.items() if target in needed}


def _wanted(incoming: Incoming, new: list[JobRow]) -> dict[str, str]:
    """The members that the new clips need; for a clip's own videos its id, for what it can do without ""."""
    wanted: dict[str, str] = {}
    for job in new:
        wanted |= {o.path: job.id for o in incoming.outputs.get(job.id, []) if o.path is not None}
        if (name := f"posters/{job.id}.jpg") in incoming.manifest.files:
            wanted[name] = ""
    images = [incoming.images[sha256] for sha256 in images_of(new) if sha256 in incoming.images]
    return wanted | {image.path: "" for image in images}


def _unpack(archive: Archive, manifest: Manifest, name: str, part: Path | None, pulse: Pulse) -> None:
    """Read a member, make sure that it is what the manifest says, and write it to `part` if there is one."""
    digest = hashlib.sha256()
    size = 0
    with contextlib.ExitStack() as stack:
        file = None
        if part is not None:
            stack.enter_context(writing(part))
            file = stack.enter_context(part.open("xb"))
        for piece in archive.pieces(name):
            pulse()
            size += len(piece)
            digest.update(piece)
            if file is not None:
                file.write(piece)
        if file is not None:
            file.flush()
            os.fsync(file.fileno())
    entry = manifest.files[name]
    if (size, digest.hexdigest()) != (entry.size, entry.sha256):
        raise refusal(archive.path, f"{name} is not what it was when it was exported")
    if part is not None:
        _look_at(archive, name, part)


def _look_at(archive: Archive, name: str, part: Path) -> None:
    """Make sure that a file is a whole video, or a picture that can be decoded without harm, as its name says."""
    try:
        if name.startswith("clips/"):
            probe(part)
        else:
            load_image(part, name=name, keep_metadata=True)
    except (InvalidImage, MediaError) as error:
        raise refusal(archive.path, f"{name} cannot be used ({error})") from error


def _check_space(home: Home, needed: int) -> None:
    free = shutil.disk_usage(home.root).free
    if free < needed + _SPARE:
        raise LibraryError(
            f"The disk of {home.root} has {free / 1e6:,.0f} MB left; the import needs {(needed + _SPARE) / 1e6:,.0f} MB. Nothing "
            "was imported: make room and try again."
        )


def _discard(staged: dict[Path, Path]) -> None:
    for part in staged:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Entered:
    """What came of it.

    `late` is what `_standing` says of the clips that another process has brought in meanwhile, `marked` names those that were
    here before, of which more is said now, `saved` what was added to the things that are saved, and `ballots` counts those.
    """

    late: dict[str, str]
    marked: list[str]
    saved: list[str]
    ballots: int


def _enter(connection: sqlite3.Connection, incoming: Incoming, new: list[JobRow]) -> _Entered:
    """Enter the rows of the new clips, and what was said of all of them."""
    late = _standing(connection, incoming)
    now = time.time()
    for job in new:
        if job.id in late:
            continue
        insert_row(connection, "jobs", job, imported_at=now)
        enter(connection, job.id)
        for output in incoming.outputs.get(job.id, []):
            insert_row(connection, "outputs", output)
        for event in incoming.events.get(job.id, []):
            insert_row(connection, "events", event)
    for sha256 in images_of(new):
        if sha256 in incoming.images:
            insert_row(connection, "images", incoming.images[sha256])
    entered = {job.id for job in new}
    return _Entered(
        late={clip_id: why for clip_id, why in late.items() if clip_id in entered},
        marked=[
            clip_id
            for clip_id, marks in incoming.marks.items()
            if join_marks(connection, marks, is_new=clip_id in entered - late.keys())
        ],
        saved=join_saved(connection, incoming.saved),
        ballots=join_ballots(connection, incoming.arenas, incoming.ballots),
    )
