"""What a card does outside a Studio: makes its clip once more with another seed, and hands settings and frames to a Studio.

That is the Studio which was opened last in this kernel on the same session.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from happyhorse_widgets.errors import InvalidRequest

from .pressing import answer
from .rpc import Buffers, Content, Dispatcher, Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.session import Session

    from .pressing import Pressing


class Desk(Protocol):
    """A Studio, as far as it is handed something."""

    session: Session

    def reuse(self, clip_id: str) -> None:
        """Set up what the clip was made of."""

    def take_frame(self, clip_id: str, at: float | str) -> int:
        """Add a frame of the clip to the references; the number of its character."""


_open: list[weakref.ref[Desk]] = []


def opened(desk: Desk) -> None:
    """Note that a Studio is there to be handed things."""
    _open[:] = [each for each in _open if each() is not None]
    _open.append(weakref.ref(desk))


def closed(desk: Desk) -> None:
    """Note that it is there no more."""
    _open[:] = [each for each in _open if each() is not desk]


def _desk(session: Session) -> Desk:
    desks = (each() for each in reversed(_open))
    found = next((desk for desk in desks if desk is not None and desk.session is session), None)
    if found is None:
        raise InvalidRequest("No Studio is open for this library: run hh.Studio() in a cell, then try again.")
    return found


def serve_outside(
    rpc: Dispatcher, session: Session, pressing: Pressing, made: Callable[[Clip], None] | None = None
) -> None:
    """Answer what cards ask of a Studio where they are in none. `made` is told of new clips."""

    def vary(content: Content, _buffers: Buffers) -> Future[Content]:
        press, clip_id = content.get("press"), content.get("vary")
        if not (isinstance(press, str) and isinstance(clip_id, str)):
            raise InvalidRequest("Here a press varies a clip: it carries its id, and that of the clip.")

        def work() -> Content:
            found = pressing.vary(press, clip_id)
            if made is not None:
                for clip in found.clips:
                    made(clip)
            return answer(press, found)

        return session.run(asyncio.to_thread(work))

    def reuse(content: Content, _buffers: Buffers) -> Future[None]:
        return session.run(asyncio.to_thread(_desk(session).reuse, str(content.get("clip"))))

    def frame(content: Content, _buffers: Buffers) -> Future[Content]:
        desk, clip_id = _desk(session), str(content.get("clip"))
        at: Any = content.get("at")  # looked at where it is taken
        return session.run(asyncio.to_thread(lambda: {"character": desk.take_frame(clip_id, at)}))

    rpc.on(Kind.STUDIO_GENERATE, vary)
    rpc.on(Kind.STUDIO_REUSE, reuse)
    rpc.on(Kind.TILE_FRAME, frame)
