"""The reference images of a Studio: in order, each with where it is on its way from the browser.

An image arrives from the browser in chunks; one that was here before is known by its hash and is not sent again. What is
wrong with an image is kept on its tile, in words: it keeps its place and its name, so that the prompt stays true.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import InvalidImage, InvalidRequest
from happyhorse_widgets.media.images import MAX_BYTES, ReferenceImage, load_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from happyhorse_widgets.engine.request import Reference

#: The most reference images that a clip takes, and that a tray holds.
MOST = 9
#: Images that were removed are kept for a while: putting one back, or dropping the same file again, sends nothing.
_REMEMBERED = 9


@dataclass(slots=True)
class Tile:
    """One place in the tray. `source` is None until the image is here and found good; `error` says why it is not.

    `received` counts the bytes from the browser, `uploaded` (0 to 1) is their way on to Scenario, None when there is none.
    """

    id: str
    name: str
    size: int = 0
    source: ReferenceImage | Reference | None = None
    error: str = ""
    received: int = 0
    data: bytearray | None = None
    uploaded: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """What the browser shows of it, without the image."""
        source = self.source
        state = "failed" if self.error else "sending" if source is None else "ready"
        return {
            "name": self.name,
            "state": state,
            "share": self.received / self.size if self.size else 0.0,
            "uploaded": self.uploaded,
            "width": source.width if source else 0,
            "height": source.height if source else 0,
            "warning": _warning(source),
            "error": self.error,
        }


class Tray:
    """Tiles in order. Safe to use from any thread.

    `changed` is called, on the thread that made the change, when tiles came, went or moved.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.RLock()
        self._order: list[str] = []
        self._tiles: dict[str, Tile] = {}

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The tiles that are shown, in order."""
        with self._lock:
            return tuple(self._tiles[tile] for tile in self._order)

    @property
    def sources(self) -> tuple[ReferenceImage | Reference, ...]:
        """The images that are here, in order."""
        return tuple(tile.source for tile in self.tiles if tile.source is not None)

    def chosen(self, order: Sequence[str]) -> tuple[ReferenceImage | Reference, ...]:
        """The images of these tiles; raises `InvalidRequest` where one cannot be sent."""
        found: list[ReferenceImage | Reference] = []
        problems: list[str] = []
        for number, tile_id in enumerate(order, 1):
            tile = self._tiles.get(tile_id)
            if tile is None or tile.source is None:
                reason = tile.error if tile and tile.error else "it has not arrived in the kernel yet"
                problems.append(f"character{number}: {reason}")
            else:
                found.append(tile.source)
        if problems:
            raise InvalidRequest(*problems)
        return tuple(found)

    def replace(self, sources: Iterable[ReferenceImage | Reference]) -> None:
        """Show these images instead of what was there."""
        tiles = [Tile(id=f"k{secrets.token_hex(6)}", name=source.name, source=source) for source in sources]
        with self._lock:
            self._tiles |= {tile.id: tile for tile in tiles}
            self._order = [tile.id for tile in tiles]
            self._forget()
        self._changed()

    def arrange(self, order: Iterable[str]) -> None:
        """Show the tiles of this order and no others; ids that nobody knows are left out."""
        with self._lock:
            order = [tile for tile in dict.fromkeys(order) if tile in self._tiles]
            if order == self._order:
                return
            self._order = order[:MOST]
            self._forget()
        self._changed()

    def add(self, tile_id: str, *, name: str, size: int) -> None:
        """Make place, at the end, for an image that is coming.

        Raises `InvalidImage` for one that is too large, `InvalidRequest` for a tenth.
        """
        if not 0 < size <= MAX_BYTES:
            raise InvalidImage(
                f"{name} has {size / 1e6:.1f} MB; at most 10 MB. Shrink it, or save it as JPEG."
            )
        with self._lock:
            if len({*self._order, tile_id}) > MOST:
                raise InvalidRequest(f"{MOST} reference images are the most.")
            self._tiles[tile_id] = Tile(tile_id, name, size)
            if tile_id not in self._order:
                self._order.append(tile_id)
        self._changed()

    def offer(self, tile_id: str, sha256: str | None) -> ReferenceImage | Reference | None:
        """The image with this hash if it is here already; else the tile is ready for its bytes."""
        with self._lock:
            tile = self._expected(tile_id)
            sources = (other.source for other in self._tiles.values())
            tile.source = next(
                (known for known in sources if known and sha256 and known.sha256 == sha256), None
            )
            if tile.source is None:
                tile.data = bytearray(tile.size)
            else:
                tile.received = tile.size
            return tile.source

    def receive(self, tile_id: str, offset: int, chunk: bytes | memoryview) -> bool:
        """Take one chunk. Returns True when it was the last: then `check` is due.

        Raises `InvalidRequest` for a tile that is not being sent or a chunk that does not fit.
        """
        with self._lock:
            tile = self._expected(tile_id)
            if tile.data is None:
                raise InvalidRequest("This image is not expected: add it again.")
            if not 0 <= offset <= tile.size - len(chunk):
                raise InvalidRequest("A part of this image does not fit: add it again.")
            tile.data[offset : offset + len(chunk)] = chunk
            tile.received += len(chunk)
            return tile.received >= tile.size

    def check(self, tile_id: str) -> ReferenceImage:
        """Read a whole image; slow for a large one, and tells nobody. Raises `InvalidImage`, which stays on the tile."""
        with self._lock:
            tile = self._tiles[tile_id]
            data, tile.data = tile.data, None
        try:
            tile.source = image = load_image(data if data is not None else b"", name=tile.name)
        except InvalidImage as error:
            tile.error = (
                "\n".join(error.problems).removeprefix(f"{tile.name} ").removeprefix(f"{tile.name}: ")
            )
            raise
        return image

    def uploaded(self, sha256: str, share: float | None) -> None:
        """Note how much of an image Scenario has; tells nobody."""
        for tile in self.tiles:
            if tile.source is not None and tile.source.sha256 == sha256:
                tile.uploaded = share

    def source(self, tile_id: str) -> ReferenceImage | Reference | None:
        """The image of a tile, or None where there is none yet."""
        tile = self._tiles.get(tile_id)
        return tile.source if tile else None

    def _expected(self, tile_id: str) -> Tile:
        tile = self._tiles.get(tile_id)
        if tile is None or tile.source is not None:
            raise InvalidRequest("This image is not expected: add it again.")
        return tile

    def _forget(self) -> None:
        gone = [tile for tile in self._tiles if tile not in self._order]
        for tile in gone[:-_REMEMBERED]:
            del self._tiles[tile]


def _warning(source: ReferenceImage | Reference | None) -> str:
    if not isinstance(source, ReferenceImage):
        return ""
    lines = (line.removeprefix(f"{source.name}: ") for line in source.warnings)
    return " ".join(line[:1].upper() + line[1:] for line in lines)
