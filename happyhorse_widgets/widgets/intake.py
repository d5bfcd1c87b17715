"""The way of an image from the browser into a tray, and on to Scenario before it is needed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import HappyHorseError, InvalidRequest
from happyhorse_widgets.media.images import ReferenceImage

from .rpc import Buffers, Content, Dispatcher, Kind, Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from happyhorse_widgets.engine.session import Session

    from .tray import Tray

_NAME_LENGTH = 120
_THUMBNAIL = 192


class Intake:
    """Answers the requests of a tray's views, and uploads what is in the tray ahead of the clip that will use it.

    `changed` is called when a tile's state changed on the engine's loop.
    """

    def __init__(self, tray: Tray, session: Session, changed: Callable[[], None]) -> None:
        self._tray = tray
        self._session = session
        self._changed = changed
        self._ahead: set[str] = set()

    def serve(self, rpc: Dispatcher) -> None:
        """Register the handlers."""
        rpc.on(Kind.TILE_ADD, self._add)
        rpc.on(Kind.TILE_OFFER, self._offer)
        rpc.on(Kind.TILE_CHUNK, self._chunk)
        rpc.on(Kind.TILE_PICTURE, self._picture)

    def send_ahead(self) -> None:
        """Start the upload of every image in the tray that was not sent before."""
        for source in self._tray.sources:
            if isinstance(source, ReferenceImage) and source.sha256 not in self._ahead:
                self._ahead.add(source.sha256)
                self._session.run(self._upload(source))

    async def _upload(self, image: ReferenceImage) -> None:
        def progress(sent: int, total: int) -> None:
            self._tray.uploaded(image.sha256, sent / total)
            self._changed()

        try:
            upload = await asyncio.to_thread(self._session.preupload, image, progress)
            await asyncio.wrap_future(upload)
        except HappyHorseError:
            self._ahead.discard(
                image.sha256
            )  # it is tried again with the clip, whose card says what is wrong
        finally:
            self._tray.uploaded(image.sha256, None)
            self._changed()

    def _add(self, content: Content, _buffers: Buffers) -> None:
        name = str(content.get("name") or "image")[:_NAME_LENGTH]
        self._tray.add(_tile(content), name=name, size=_whole(content, "size"))

    def _offer(self, content: Content, _buffers: Buffers) -> Content:
        sha256 = content.get("sha256")
        known = self._tray.offer(_tile(content), sha256 if isinstance(sha256, str) else None)
        self._changed()
        return {"known": known is not None}

    def _chunk(self, content: Content, buffers: Buffers) -> Content | Future[Content]:
        if len(buffers) != 1:
            raise InvalidRequest("A part of an image comes as one buffer.")
        tile = _tile(content)
        whole = self._tray.receive(tile, _whole(content, "offset"), buffers[0])
        self._changed()
        return self._session.run(self._check(tile)) if whole else {}

    async def _check(self, tile: str) -> Content:
        try:
            await asyncio.to_thread(self._tray.check, tile)
        finally:
            self._changed()
        self.send_ahead()
        return {}

    def _picture(self, content: Content, _buffers: Buffers) -> Future[Reply]:
        return self._session.run(asyncio.to_thread(self._thumbnail, _tile(content)))

    def _thumbnail(self, tile: str) -> Reply:
        source = self._tray.source(tile)
        return Reply(buffers=[source.thumbnail(_THUMBNAIL)] if isinstance(source, ReferenceImage) else [])


def _tile(content: Content) -> str:
    return str(content.get("tile"))


def _whole(content: Content, name: str) -> int:
    value: Any = content.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidRequest(f"{name} is {value!r}; it must be a whole number.")
    return value
