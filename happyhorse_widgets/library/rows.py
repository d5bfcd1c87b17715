"""What a library's export holds, as types: the manifest, and the journal's rows as JSON lines.

    manifest.json            {"format", "version", "made_at", "made_by", "files": {name: {"size", "sha256"}}}
    journal/jobs.jsonl       one clip a line                journal/outputs.jsonl    the files that clips have
    journal/events.jsonl     what happened to clips         journal/images.jsonl     the reference images
    journal/catalogue.jsonl  favourites, tags and notes     journal/saved.jsonl      presets and templates
    journal/arenas.jsonl     what was voted on              journal/ballots.jsonl    the blind votes
    clips/CLIP.mp4           images/SHA256.ext              posters/CLIP.jpg

Other tables (`journal/NAME.jsonl`) may join: who does not know them leaves them out and says so. `version` grows when one who
knows only the older form would misunderstand the newer. Not exported: what concerns one home or one account only, such as
budgets, uploads, what was deleted, and what lies on a desk (`PERSONAL`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from happyhorse_widgets.media.images import MEDIA_TYPES
from happyhorse_widgets.media.probe import VideoFacts  # noqa: TC001 - the decoder resolves the annotations
from happyhorse_widgets.text import whole_in

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

FORMAT = "happyhorse_widgets library"
VERSION = 1

# Patterns are searched for, so both ends are named.
ClipId = Annotated[str, Meta(pattern=r"\Aclip_[0-9A-Za-z_]{1,64}\Z")]
Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
ArenaId = Annotated[str, Meta(pattern=r"\Aarena_[0-9a-f]{16}\Z")]
BallotId = Annotated[str, Meta(pattern=r"\Aballot_[0-9a-f]{32}\Z")]
Label = Annotated[str, Meta(pattern=r"\A[^\x00]+\Z", max_length=10_000)]
Amount = Annotated[float, Meta(ge=0, le=1e12)]
Count = Annotated[int, Meta(ge=0, le=2**53)]

#: Kinds of saved things that do not travel.
PERSONAL = frozenset({"draft"})


class Header(msgspec.Struct, frozen=True):
    """What every version's manifest says."""

    format: str
    version: int


class FileEntry(msgspec.Struct, frozen=True):
    """A member of the zip."""

    size: Count
    sha256: Sha256


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All that is in the zip beside the manifest itself."""

    format: str = FORMAT
    version: int = VERSION
    made_at: str
    made_by: dict[str, str]
    files: dict[str, FileEntry]


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """A clip; the columns are those of the journal."""

    id: ClipId
    created_at: Amount
    updated_at: Amount
    finished_at: Amount | None
    state: str
    endpoint: str
    project: str
    sandbox: bool
    model: str
    request: dict[str, Any]
    body: dict[str, Any] | None
    fingerprint: str | None
    attempt: Count
    sent_at: Amount | None
    submitted_at: Amount | None
    took: Amount | None
    remote_id: str | None
    estimate: Amount | None
    cost: Amount | None
    refunded: bool
    seed_used: Annotated[int, Meta(ge=-(2**53), le=2**53)] | None
    error: dict[str, str] | None
    versions: dict[str, str]
    parent: ClipId | None = None
    relation: Annotated[str, Meta(max_length=32)] = ""


class OutputRow(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a clip's job made."""

    job_id: ClipId
    position: Annotated[int, Meta(ge=0, le=1000)]
    asset_id: str
    state: str
    path: str | None
    size: Count | None
    sha256: Sha256 | None
    facts: VideoFacts | None


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """A step that a clip took."""

    job_id: ClipId
    at: Amount
    from_state: str
    to_state: str
    detail: str


class ImageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A reference image."""

    sha256: Sha256
    media_type: str
    size: Count
    width: Count
    height: Count
    path: str
    added_at: Amount

    @property
    def proper_path(self) -> str:
        """Where an image of this content belongs; "" for a kind that no reference image has."""
        extension = MEDIA_TYPES.get(self.media_type)
        return f"images/{self.sha256}.{extension}" if extension else ""


class MarkRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said of a clip."""

    job_id: ClipId
    favourite: bool
    tags: Annotated[tuple[Annotated[str, Meta(max_length=1_000)], ...], Meta(max_length=1_000)]
    notes: Annotated[str, Meta(max_length=1_000_000)]

    @property
    def says_something(self) -> bool:
        """Whether anything is said."""
        return self.favourite or bool(self.tags) or bool(self.notes)


class SavedRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was saved to be found again."""

    kind: Annotated[str, Meta(pattern=r"\A[a-z_]{1,32}\Z")]
    name: Annotated[str, Meta(min_length=1, max_length=1_000)]
    value: Any
    at: Amount


class ArenaRow(msgspec.Struct, frozen=True, kw_only=True):
    """An arena as it was set up."""

    id: ArenaId
    name: Annotated[str, Meta(max_length=1_000)]
    created_at: Amount
    plan: dict[str, Any]


class BallotRow(msgspec.Struct, frozen=True, kw_only=True):
    """A blind vote, or the taking back of one; see `ballots`."""

    id: BallotId
    arena: ArenaId
    at: Annotated[float, Meta(ge=0, le=9e9)]  # what a table's column of times can hold
    rater: Label
    position: Count
    kind: Literal["vote", "repeat", "check"]
    left_clip: ClipId
    left_sha256: Sha256
    left_level: Label
    right_clip: ClipId
    right_sha256: Sha256
    right_level: Label
    spoiled: Literal["", "left", "right"]
    answers: dict[str, Literal["a", "b", "tie", "both_bad"]]
    seconds: Amount | None
    supersedes: BallotId | None


Row = JobRow | OutputRow | EventRow | ImageRow | MarkRow | SavedRow | ArenaRow | BallotRow
TABLES: dict[str, type[Row]] = {
    "jobs": JobRow,
    "outputs": OutputRow,
    "events": EventRow,
    "images": ImageRow,
    "catalogue": MarkRow,
    "saved": SavedRow,
    "arenas": ArenaRow,
    "ballots": BallotRow,
}

_JSON = frozenset({"request", "body", "error", "versions", "facts", "tags", "value", "plan", "answers"})
_FLAGS = frozenset({"sandbox", "refunded", "favourite"})
_BATCH = 500


def columns_of(table: str) -> tuple[str, ...]:
    """The columns of a table that are exported."""
    return TABLES[table].__struct_fields__


def read_rows(
    connection: sqlite3.Connection, table: str, key: str, values: Sequence[str], order: str = "rowid"
) -> list[dict[str, Any]]:
    """The rows of a table whose `key` is one of `values`, with decoded JSON; they may still not be what `TABLES` says."""
    found: list[dict[str, Any]] = []
    for first in range(0, len(values), _BATCH):
        batch = values[first : first + _BATCH]
        query = (
            f"SELECT {', '.join(columns_of(table))} FROM {table}"  # noqa: S608 (names are ours, values have placeholders)
            f" WHERE {key} IN ({','.join('?' * len(batch))}) ORDER BY {order}"
        )
        found += [_decoded(dict(row)) for row in connection.execute(query, tuple(batch))]
    return found


def insert_row(connection: sqlite3.Connection, table: str, row: Row, **more: Any) -> None:
    """Put a row into its table; a picture that is there already stays as it is."""
    values = {name: _stored(name, getattr(row, name)) for name in columns_of(table)} | more
    verb = "INSERT OR IGNORE" if table == "images" else "INSERT"
    query = f"{verb} INTO {table} ({', '.join(values)}) VALUES ({','.join('?' * len(values))})"
    connection.execute(query, tuple(values.values()))


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    for name in _JSON & row.keys():
        row[name] = None if row[name] is None else whole_in(json.loads(row[name]))
    for name in _FLAGS & row.keys():
        row[name] = bool(row[name])
    return row


def _stored(name: str, value: Any) -> Any:
    if name in _JSON and value is not None:
        return json.dumps(msgspec.to_builtins(value))
    return value
