"""All measures of one clip, in one pass over its frames: what a worker does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import MediaError
from happyhorse_widgets.media.probe import probe

from .consistency import OverTime, ToReferences
from .cuts import Cuts
from .facts import technical
from .frames import decoded, spaced
from .motion import Flicker, Motion
from .quality import Quality
from .sound import loudness
from .versions import told

if TYPE_CHECKING:
    from .definitions import Value
    from .embedding import Portable
    from .frames import Measuring

#: How many frames the measures of single pictures look at.
STILLS = 8


@dataclass(frozen=True, slots=True)
class Source:
    """One clip's file. `sha256` is what its file should have, None where nobody knows; `trouble` why there is no file, or ""."""

    clip_id: str
    path: str
    sha256: str | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class ClipTask:
    """A clip to be measured; `references` are the files of its reference images by name (character1 …)."""

    source: Source
    embedder: Portable
    references: dict[str, str] = field(default_factory=dict)


def measure_clip(task: ClipTask) -> dict[str, Value]:
    """The row of one clip, by column: `sha256`, the measures, `versions`, and `error`, which says why they are missing, or "".

    Raises nothing: whatever goes wrong with a clip, its embedder included, is in its row.
    """
    row: dict[str, Value] = {"error": "", "versions": told()}
    try:
        row["sha256"] = file_hash(task.source)
        row |= _measures(task)
    except Exception as error:  # noqa: BLE001 (a clip that cannot be measured must not take the others with it)
        row["error"] = in_words(error)
    return row


def in_words(error: BaseException) -> str:
    """What went wrong: our own errors speak for themselves, others by their name."""
    return str(error) if isinstance(error, MediaError) else f"{type(error).__name__}: {error}"


def file_hash(source: Source) -> str:
    """The SHA-256 of the file as it is now, in hex. Raises `MediaError` where there is none, or another than there should be."""
    if source.trouble:
        raise MediaError(source.trouble)
    try:
        with Path(source.path).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MediaError(f"{source.path} cannot be read ({error.strerror}).") from error
    if source.sha256 not in (None, found):
        raise MediaError(
            f"{source.path} is not the file that was downloaded as clip {source.clip_id}: its bytes have changed."
        )
    return found


def _measures(task: ClipTask) -> dict[str, Value]:
    path, embedder = task.source.path, task.embedder.embedder
    facts = probe(path)
    stills = spaced(facts.frames, STILLS)
    every: list[Measuring] = [
        Flicker(),
        Motion(facts.frame_rate, facts.width),
        Cuts(),
        Quality(stills),
        OverTime(embedder, facts.frame_rate),
        ToReferences(embedder, task.references, stills),
    ]
    for index, frame in enumerate(decoded(path)):
        for one in every:
            one.add(index, frame)
    found = technical(facts)
    for one in every:
        found |= one.result()
    return found | loudness(path)
