"""Files of several clips beside each other, for views that ask for one: a strip of frames, or a video.

They are kept as `home/exports/NAME`. All of that folder can be made again, so it may be deleted at any time.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.engine.loop import engine_loop
from happyhorse_widgets.errors import InvalidRequest

from .card import chunk_of, clip_ids
from .making import made
from .rpc import Buffers, Content, Dispatcher, Kind, Reply
from .served import served_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.media.sheets import Take

#: The most clips that are compared at once: a page has some 75 players, and each of them needs a decoder.
MOST = 36
_TYPES = {"strip": ("jpg", "image/jpeg"), "video": ("mp4", "video/mp4")}


@dataclass(frozen=True, slots=True)
class Shown:
    """One clip as it is shown: its label, and the frame that it begins at."""

    clip: Clip
    label: str
    begin: int = 0

    def take(self) -> Take:
        """What is drawn of it. Raises `InvalidRequest` where there is no video."""
        from happyhorse_widgets.media.sheets import Take

        clip = self.clip
        if clip.path is None:
            raise InvalidRequest(
                f"Clip {clip.id} ({self.label}) has no video ({clip.state}): wait for it, or leave it out."
            )
        return Take(clip.path, self.label, self.begin / ((clip.facts or {}).get("frame_rate") or 24.0))


def described(shown: Sequence[Shown]) -> str:
    """Which clips a file shows, for its metadata: label, id, content and first frame of each."""
    return "\n".join(
        f"{one.label}: {one.clip.id} sha256 {one.clip.sha256}, from frame {one.begin}" for one in shown
    )


def serve_exports(rpc: Dispatcher, find: Callable[[str], Clip], home: Path) -> None:
    """Answer views that ask for files of what they compare. `find` gives the clip with an id, or raises KeyError."""
    folder = home / "exports"

    def export(content: Content, _buffers: Buffers) -> Future[Any]:
        return engine_loop().run(_export(folder, content, find))

    def chunk(content: Content, _buffers: Buffers) -> Future[Reply]:
        path = folder / str(content.get("file"))
        if path.parent != folder or path.suffix not in (".jpg", ".mp4"):
            raise InvalidRequest("The message names no file that was made here.")
        return engine_loop().run(
            asyncio.to_thread(chunk_of, path, content.get("offset"), content.get("length"))
        )

    rpc.on(Kind.COMPARE_EXPORT, export)
    rpc.on(Kind.COMPARE_CHUNK, chunk)


async def _export(folder: Path, content: Content, find: Callable[[str], Clip]) -> Content:
    way, columns = content.get("way"), content.get("columns")
    if way not in _TYPES or not (columns is None or (isinstance(columns, int) and columns > 0)):
        raise InvalidRequest("A file is a strip or a video, in a number of columns.")
    shown = _shown(content, find)
    ending, kind = _TYPES[way]
    name = hashlib.sha256(json.dumps([way, columns, described(shown)]).encode()).hexdigest()[:16]
    target = folder / f"comparison-{name}.{ending}"

    def make(part: Path, progress: Callable[[float], None]) -> None:
        from happyhorse_widgets.media.montage import side_by_side
        from happyhorse_widgets.media.sheets import strip

        takes = [one.take() for one in shown]
        if way == "strip":
            strip(takes).save(part, "JPEG", quality=90)
        else:
            side_by_side(
                takes, part, columns=columns, height=None, comment=described(shown), progress=progress
            )

    share = await made(target, make)
    if share is not None:
        return {"progress": share}
    size = (await asyncio.to_thread(target.stat)).st_size
    return {"file": {"name": target.name, "served": served_path(target), "size": size, "type": kind}}


def _shown(content: Content, find: Callable[[str], Clip]) -> list[Shown]:
    ids, labels, begins = clip_ids(content), content.get("labels"), content.get("begins")
    if not (
        isinstance(labels, list)
        and isinstance(begins, list)
        and 0 < len(ids) == len(labels) == len(begins) <= MOST
        and all(isinstance(begin, int) and begin >= 0 for begin in begins)
    ):
        raise InvalidRequest(f"A file shows 1 to {MOST} clips, with a label and a first frame for each.")
    try:
        return [
            Shown(find(clip_id), str(label), begin)
            for clip_id, label, begin in zip(ids, labels, begins, strict=True)
        ]
    except KeyError as error:
        raise InvalidRequest(f"There is no clip {error.args[0]!s:.80} in this library.") from None
