"""Files that are made when a view asks for them: each once, whole or not at all, however many ask."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from happyhorse_widgets.library.files import part_of, publish, writing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Writes the file to the path, and tells how much of it is done (0–1).
Make: TypeAlias = "Callable[[Path, Callable[[float], None]], None]"

#: Seconds until an answer says how far it is.
_PATIENCE = 1.0


class _Making:
    """One file on its way; `share` (0–1) is written by the thread that makes it."""

    def __init__(self, target: Path, make: Make) -> None:
        self.share = 0.0
        self.task = asyncio.create_task(asyncio.to_thread(self._write, target, make))

    def _write(self, target: Path, make: Make) -> None:
        part = part_of(target)
        with writing(target):
            target.parent.mkdir(exist_ok=True)
            try:
                make(part, self._progress)
                publish(part, target)
            finally:
                part.unlink(missing_ok=True)

    def _progress(self, share: float) -> None:
        self.share = share


#: By the file that comes of it: several views, and several widgets, wait for the same one. Lives on the engine's loop.
_makings: dict[Path, _Making] = {}


async def made(target: Path, make: Make) -> float | None:
    """None when `target` is there, else, after a second, how much of it is done (0–1): ask again.

    Runs on the engine's loop. Raises what `make` raises, and `LibraryError` where the file cannot be written.
    """
    if await asyncio.to_thread(target.exists):
        return None
    making = _makings.get(target)
    if making is None:
        making = _makings[target] = _Making(target, make)
        making.task.add_done_callback(lambda _task: _makings.pop(target, None))
    done, _pending = await asyncio.wait([making.task], timeout=_PATIENCE)
    if not done:
        return making.share
    making.task.result()
    return None
