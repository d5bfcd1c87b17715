"""What an export says, read and found to be consistent: every row has its place, every file its row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from .archive import refusal
from .rows import (
    FORMAT,
    PERSONAL,
    TABLES,
    VERSION,
    ArenaRow,
    BallotRow,
    EventRow,
    Header,
    ImageRow,
    JobRow,
    Manifest,
    MarkRow,
    OutputRow,
    Row,
    SavedRow,
)
from .transfer import without_addresses

if TYPE_CHECKING:
    from collections.abc import Callable

    from .archive import Archive


@dataclass(slots=True)
class Incoming:
    """What a zip says, found to be consistent."""

    manifest: Manifest
    jobs: list[JobRow] = field(default_factory=list)
    outputs: dict[str, list[OutputRow]] = field(default_factory=dict)
    events: dict[str, list[EventRow]] = field(default_factory=dict)
    images: dict[str, ImageRow] = field(default_factory=dict)
    marks: dict[str, MarkRow] = field(default_factory=dict)
    saved: list[SavedRow] = field(default_factory=list)
    arenas: list[ArenaRow] = field(default_factory=list)
    ballots: list[BallotRow] = field(default_factory=list)
    ignored: tuple[str, ...] = ()


def read(archive: Archive, validate: Callable[[dict[str, Any]], object]) -> Incoming:
    """The rows of the zip. `validate` raises for a request that cannot be understood.

    Raises `LibraryError` or `ValueError` where they do not fit together, with each other and with the files.
    """
    incoming = Incoming(_manifest(archive))
    if set(incoming.manifest.files) | {"manifest.json"} != set(archive.sizes):
        raise refusal(archive.path, "what it holds is not what its list says")
    tables: dict[str, list[Any]] = {table: [] for table in TABLES}
    ignored = []
    for name in archive.sizes:
        if name.startswith("journal/"):
            table = name.removeprefix("journal/").removesuffix(".jsonl")
            if table in TABLES:
                tables[table] = _rows(archive, name, TABLES[table])
            else:
                ignored.append(table)
    incoming.ignored = tuple(ignored)
    incoming.jobs = [msgspec.structs.replace(job, request=_request(job, validate)) for job in tables["jobs"]]
    incoming.images = {image.sha256: image for image in tables["images"]}
    incoming.marks = {marks.job_id: marks for marks in tables["catalogue"]}
    incoming.saved = [row for row in tables["saved"] if row.kind not in PERSONAL]
    incoming.arenas, incoming.ballots = tables["arenas"], tables["ballots"]
    _check_ballots(incoming)
    ids = {job.id for job in incoming.jobs}
    for rows, table in ((incoming.outputs, "outputs"), (incoming.events, "events")):
        for row in tables[table]:
            rows.setdefault(row.job_id, []).append(row)
    named = {*incoming.outputs, *incoming.events, *incoming.marks}
    if len(ids) != len(incoming.jobs) or len(incoming.marks) != len(tables["catalogue"]) or not named <= ids:
        raise ValueError("a clip comes twice, or a row belongs to none")
    for job in incoming.jobs:
        _check_outputs(incoming.manifest, job, incoming.outputs.get(job.id, []))
    for image in incoming.images.values():
        _check_image(incoming.manifest, image)
    return incoming


def _manifest(archive: Archive) -> Manifest:
    if "manifest.json" not in archive.sizes:
        raise refusal(archive.path, "it is no export of a library")
    text = archive.bytes_of("manifest.json")
    header = msgspec.json.decode(text, type=Header)
    if header.format != FORMAT:
        raise refusal(archive.path, "it is no export of a library")
    if header.version > VERSION:
        raise refusal(
            archive.path,
            f"a newer happyhorse_widgets made it (version {header.version} of the format; this one knows {VERSION}). Upgrade the "
            "package",
        )
    return msgspec.json.decode(text, type=Manifest)


def _rows(archive: Archive, name: str, kind: type[Row]) -> list[Row]:
    decoder = msgspec.json.Decoder(kind)
    return [decoder.decode(line) for line in archive.bytes_of(name).splitlines() if line]


def _request(job: JobRow, validate: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    try:
        request = without_addresses(job.request)
        validate(request)
    except (AttributeError, LookupError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise ValueError(f"the request of {job.id} cannot be understood") from error
    return request


def _check_outputs(manifest: Manifest, job: JobRow, outputs: list[OutputRow]) -> None:
    positions = {output.position for output in outputs}
    here = [output for output in outputs if output.path is not None]
    if len(positions) != len(outputs) or (job.state == "done" and (not here or len(here) != len(outputs))):
        raise ValueError(f"the files of {job.id} do not fit together")
    for output in here:
        name = f"clips/{job.id}.mp4" if output.position == 0 else f"clips/{job.id}-{output.position + 1}.mp4"
        entry = manifest.files.get(name)
        if output.path != name or entry is None or output.facts is None:
            raise ValueError(f"the row of {job.id} names no file of its own")
        if (entry.size, entry.sha256) != (output.size, output.sha256):
            raise ValueError(f"{name} is not what its row says")


def _check_ballots(incoming: Incoming) -> None:
    arenas = {arena.id for arena in incoming.arenas}
    before: dict[str, BallotRow] = {}
    for ballot in incoming.ballots:
        taken_back = before.get(ballot.supersedes or "")
        if (
            ballot.arena not in arenas
            or ballot.id in before
            or bool(ballot.answers) == bool(ballot.supersedes)
        ):
            raise ValueError("a ballot comes twice, or is of no arena")
        if ballot.supersedes and (taken_back is None or taken_back.rater != ballot.rater):
            raise ValueError("a ballot takes back one that is not there")
        before[ballot.id] = ballot


def _check_image(manifest: Manifest, image: ImageRow) -> None:
    entry = manifest.files.get(image.path)
    if image.path != image.proper_path or entry is None or entry.sha256 != image.sha256:
        raise ValueError("an image's row names no file of its own")
