"""Copies of clips for programs that cannot play them: without the sound, or as WebM.

Each is made once, on demand, and kept as `home/playable/CLIP.EXT`. All of that folder can be made again, so it may be deleted at
any time.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import InvalidRequest, LibraryError
from happyhorse_widgets.media.frames import without_sound
from happyhorse_widgets.media.webm import to_webm

from .making import made
from .served import served_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from happyhorse_widgets.engine.clip import Clip


class Version(StrEnum):
    """What there is of a clip."""

    ORIGINAL = "original"
    SILENT = "silent"
    WEBM = "webm"


_ENDINGS = {Version.SILENT: (".silent.mp4", "video/mp4"), Version.WEBM: (".webm", "video/webm")}


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
    source = clip.path

    def make(part: Path, progress: Callable[[float], None]) -> None:
        if source is None or not source.exists():
            raise LibraryError(
                f"The file of clip {clip.id} is not there. Put it back, or make the clip again."
            )
        if version == Version.SILENT:
            without_sound(source, part)
        else:
            to_webm(source, part, progress)

    share = await made(target, make)
    if share is not None:
        return {"progress": share}
    size = (await asyncio.to_thread(target.stat)).st_size
    return {"file": {"served": served_path(target), "size": size, "type": _ENDINGS[Version(version)][1]}}
