"""Copies of clips for programs that cannot play them: without the sound, or as WebM.

Each is made once, on demand, and kept as `home/playable/CLIP.EXT`. All of that folder can be made again, so it may be deleted at
any time.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import InvalidRequest, LibraryError
from happyhorse_widgets.library.files import part_of, publish, writing
from happyhorse_widgets.media.frames import without_sound
from happyhorse_widgets.media.webm import to_webm

from .served import served_path

if TYPE_CHECKING:
    from pathlib import Path

    from happyhorse_widgets.engine.clip import Clip


#: Seconds until an answer says how far it is.
_PATIENCE = 1.0


class Version(StrEnum):
    """What there is of a clip."""

    ORIGINAL = "original"
    SILENT = "silent"
    WEBM = "webm"


_ENDINGS = {Version.SILENT: (".silent.mp4", "video/mp4"), Version.WEBM: (".webm", "video/webm")}


class _Making:
    """One copy on its way; `share` (0–1) is written by the thread that makes it."""

    def __init__(self, clip: Path, target: Path, version: Version) -> None:
        self.share = 0.0
        self.task = asyncio.create_task(asyncio.to_thread(self._make, clip, target, version))

    def _make(self, clip: Path, target: Path, version: Version) -> None:
        part = part_of(target)
        with writing(target):
            target.parent.mkdir(exist_ok=True)
            try:
                if version is Version.SILENT:
                    without_sound(clip, part)
                else:
                    to_webm(clip, part, self._progress)
                publish(part, target)
            finally:
                part.unlink(missing_ok=True)

    def _progress(self, share: float) -> None:
        self.share = share


#: By the file that comes of it: several views, and several widgets, wait for the same one. Lives on the engine's loop.
_makings: dict[Path, _Making] = {}


def file_of(clip: Clip, version: Any = Version.ORIGINAL) -> Path:
    """Where that version of a finished clip is, or would be. Raises `InvalidRequest` for one that there is not."""
    try:
        known = Version(version or Version.ORIGINAL)
    except ValueError:
        raise InvalidRequest(f"A clip has the versions {', '.join(Version)}, not {version!r}.") from None
    if clip.path is None:
        why = "its file went with the trash" if clip.is_done else "it is not finished yet"
        raise InvalidRequest(f"There is no video of clip {clip.id}: {why}.")
    if known is Version.ORIGINAL:
        return clip.path
    return clip.keeper.home / "playable" / f"{clip.id}{_ENDINGS[known][0]}"


async def have(clip: Clip, version: Any) -> dict[str, Any]:
    """The answer to a view that wants the version: its `file` when it is there, else, after a second, its `progress`.

    Runs on the engine's loop. Raises `MediaError` or `LibraryError` where it cannot be made.
    """
    target = file_of(clip, version)
    if version == Version.ORIGINAL:
        raise InvalidRequest("The original need not be made: ask for its bytes.")
    if not await asyncio.to_thread(target.exists):
        if clip.path is None or not await asyncio.to_thread(clip.path.exists):
            raise LibraryError(
                f"The file of clip {clip.id} is not there. Put it back, or make the clip again."
            )
        making = _makings.get(target)
        if making is None:
            making = _makings[target] = _Making(clip.path, target, Version(version))
            making.task.add_done_callback(lambda _task: _makings.pop(target, None))
        done, _pending = await asyncio.wait([making.task], timeout=_PATIENCE)
        if not done:
            return {"progress": making.share}
        making.task.result()
    size = (await asyncio.to_thread(target.stat)).st_size
    return {"file": {"served": served_path(target), "size": size, "type": _ENDINGS[Version(version)][1]}}
