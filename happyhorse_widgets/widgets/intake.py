"""The way of an image into a tray, from the browser, an address or a clip, and on to Scenario before it is needed."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.engine.fetch import fetch_image
from happyhorse_widgets.engine.request import Reference, name_in, read_reference
from happyhorse_widgets.errors import HappyHorseError, InvalidImage, InvalidRequest
from happyhorse_widgets.media import frames
from happyhorse_widgets.media.images import ReferenceImage, load_image, require_large

from .rpc import Buffers, Content, Dispatcher, Kind, Reply
from .tray import NAME_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

    from happyhorse_widgets.engine.session import Session

    from .tray import Tile, Tray

_THUMBNAIL = 192
_TILE_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
#: What a number of bytes must be below: JavaScript counts no further, and no file is so large.
_BEYOND = 2**53
#: Seconds that no clip is long: a day.
_LONGEST = 86_400


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
        rpc.on(Kind.TILE_URL, self._url)
        rpc.on(Kind.TILE_FRAME, lambda content, _buffers: self.frame(content))
        rpc.on(Kind.TILE_RESTORE, self._restore)
        rpc.on(Kind.TILE_PICTURE, self._picture)

    def send_ahead(self) -> None:
        """Start the upload of every image in the tray that was not sent before; what has an address is fetched first."""
        for source in self._tray.sources:
            if isinstance(source, ReferenceImage) and source.sha256 not in self._ahead:
                self._ahead.add(source.sha256)
                self._session.run(self._upload(source))
        for tile in self._tray.tiles:
            if isinstance(tile.source, Reference) and tile.source.url and tile.id not in self._ahead:
                self._ahead.add(tile.id)
                self._session.run(self._make(tile, self._fetched(tile.source)))

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

    # -- from the browser ------------------------------------------------------------------------------------------

    def _add(self, content: Content, _buffers: Buffers) -> None:
        self._tray.add(_tile(content), name=_shown(content.get("name")), size=_whole(content, "size"))

    def _offer(self, content: Content, _buffers: Buffers) -> Content:
        sha256 = content.get("sha256")
        known = self._tray.offer(_tile(content), sha256 if isinstance(sha256, str) else None)
        self._changed()
        return {"known": known is not None}

    def _chunk(self, content: Content, buffers: Buffers) -> Content | Future[Content]:
        if len(buffers) != 1:
            raise InvalidRequest("A part of an image comes as one buffer.")
        whole = self._tray.receive(_tile(content), _whole(content, "offset"), buffers[0])
        self._changed()
        return {} if whole is None else self._session.run(self._check(whole))

    async def _check(self, tile: Tile) -> Content:
        try:
            await asyncio.to_thread(self._tray.check, tile)
        finally:
            self._changed()
        self.send_ahead()
        return {}

    def _restore(self, content: Content, _buffers: Buffers) -> None:
        self._tray.restore(_tile(content))

    # -- made in the kernel ----------------------------------------------------------------------------------------

    def _url(self, content: Content, _buffers: Buffers) -> Future[Content]:
        url = str(content.get("url")).strip()
        tile = self._tray.expect(_tile(content), name=_shown(name_in(url)))
        return self._session.run(self._make(tile, self._fetched_from(url)))

    async def _fetched_from(self, url: str) -> ReferenceImage:
        if "://" not in url:  # it would be a file of this machine, or an asset
            raise InvalidImage("This is no address of an image: it begins with https:// or http://.")
        found = read_reference(url)
        assert isinstance(found, Reference)
        return await self._fetched(found)

    async def _fetched(self, reference: Reference) -> ReferenceImage:
        assert reference.url
        local = self._session.settings.local_addresses
        image = await fetch_image(reference.url, name=reference.name, local=local)
        return replace(image, clip_id=reference.clip_id)

    def frame(self, content: Content) -> Future[Content]:
        """Take a frame of a clip, as `Kind.TILE_FRAME` says."""
        clip = str(content.get("clip"))
        at: Any = content.get("at")
        seconds = isinstance(at, int | float) and not isinstance(at, bool)
        if at != "last" and not (seconds and 0 <= at <= _LONGEST):
            raise InvalidRequest(f'at is {at!r:.40}; it must be a number of seconds, or "last".')
        # A tile has room for the beginning only.
        name = f"last frame of {clip}.png" if at == "last" else f"{at:.2f} s of {clip}.png"
        tile = self._tray.expect(_tile(content), name=_shown(name))
        return self._session.run(self._make(tile, asyncio.to_thread(self._still, clip, at, name)))

    def _still(self, clip_id: str, at: Any, name: str) -> ReferenceImage:
        try:
            clip = self._session.clip(clip_id)
        except KeyError:
            raise InvalidRequest(f"There is no clip {clip_id} in this library.") from None
        # The last frame says what is wrong where there is no file.
        last = at == "last" or clip.path is None
        picture = clip.last_frame() if last or clip.path is None else frames.poster(clip.path, at=at)
        require_large(name, *picture.size)
        return replace(load_image(picture, name=name), clip_id=clip_id)

    async def _make(self, tile: Tile, image: Coroutine[Any, Any, ReferenceImage]) -> Content:
        """Put an image into its place when it is there, or say why it is not."""
        try:
            self._tray.put(tile, await image)
        except HappyHorseError as error:
            self._tray.fail(tile, error)
            raise
        except Exception:
            self._tray.fail(tile, HappyHorseError("It could not be read. The kernel's log says more."))
            raise
        finally:
            self._changed()
        self.send_ahead()
        return {}

    # -- thumbnails ------------------------------------------------------------------------------------------------

    def _picture(self, content: Content, _buffers: Buffers) -> Future[Reply]:
        return self._session.run(asyncio.to_thread(self._thumbnail, _tile(content)))

    def _thumbnail(self, tile: str) -> Reply:
        source = self._tray.source(tile)
        if (
            isinstance(source, Reference) and source.file is not None
        ):  # from an earlier clip: its bytes are in the home
            source = load_image(self._session.home / source.file, keep_metadata=True)
        return Reply(buffers=[source.thumbnail(_THUMBNAIL)] if isinstance(source, ReferenceImage) else [])


def _tile(content: Content) -> str:
    tile = content.get("tile")
    if not isinstance(tile, str) or not _TILE_ID.fullmatch(tile):
        raise InvalidRequest(f"A tile is called {tile!r:.40}; its id is 1 to 64 letters and digits.")
    return tile


def _shown(name: Any) -> str:
    return str(name or "image")[:NAME_LENGTH]


def _whole(content: Content, name: str) -> int:
    value: Any = content.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _BEYOND:
        raise InvalidRequest(f"{name} is {value!r:.40}; it must be a whole number of bytes.")
    return value
