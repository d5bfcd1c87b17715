"""The reference images of a Studio: in order, each with where it is on its way from the browser.

An image arrives from the browser in chunks; one that was here before is known by its hash and is not sent again. Others are
made in the kernel: fetched from an address, or taken from a clip. What is wrong with an image is kept on its tile, in words:
it keeps its place and its name, so that the prompt stays true.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.engine.request import Reference, bytes_of
from happyhorse_widgets.errors import HappyHorseError, InvalidImage, InvalidRequest
from happyhorse_widgets.media.images import MAX_BYTES, ReferenceImage, load_image, require_large

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

#: The most reference images that a clip takes, and that a tray holds.
MOST = 9
#: Images that were removed are kept for a while: putting one back, or dropping the same file again, sends nothing.
_REMEMBERED = 9
#: Characters of a name, and of what is wrong, that the browser is told.
NAME_LENGTH = 120
_WORDS_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Lost:
    """An image that cannot be had or used any more: what is known of it, and why, in words."""

    reference: Reference
    reason: str


@dataclass(slots=True)
class Tile:
    """One place in the tray. `source` is None until the image is here and found good; `error` says why it is not.

    `size` is in bytes, 0 for an image that is not sent by the browser. `received` counts the bytes from there, which came as
    `parts` (from, to). `uploaded` (0 to 1) is their way on to Scenario, None when there is none. `alias` is the person's own
    name for it. `before` is what stood in this place until it was replaced. `lost` is what is known of an image that cannot be
    had any more.
    """

    id: str
    name: str
    size: int = 0
    source: ReferenceImage | Reference | None = None
    error: str = ""
    received: int = 0
    parts: set[tuple[int, int]] = field(default_factory=set)
    data: bytearray | None = None
    uploaded: float | None = None
    alias: str = ""
    before: Tile | None = None
    lost: Reference | None = None

    @property
    def reference(self) -> Reference:
        """What is known of an image that is not here."""
        return replace(self.lost or Reference(self.name), alias=self.alias)

    def to_dict(self, keep_metadata: bool = False) -> dict[str, Any]:
        """What the browser shows of it, without the image; `bytes` are those that would be sent on, 0 where not known."""
        source = self.source
        sent = source.given if keep_metadata and isinstance(source, ReferenceImage) else None
        state = "failed" if self.error else "sending" if source is None else "ready"
        return {
            "name": self.name[:NAME_LENGTH],
            # Which picture it is: another one is another thumbnail.
            "image": ((source.sha256 or source.name) if source else "")[:32],
            "state": state,
            "share": self.received / self.size if self.size else None,
            "uploaded": self.uploaded,
            "width": source.width if source else 0,
            "height": source.height if source else 0,
            "bytes": bytes_of(sent or source) or 0,
            "warning": _warning(source),
            "error": self.error[:_WORDS_LENGTH],
        }


class Tray:
    """Tiles in order. Safe to use from any thread.

    `changed` is called, on the thread that made the change, when tiles came, went or moved. `keep_metadata` says whether image
    files are given on as they came, or without what they say beside their picture.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.RLock()
        self._order: list[str] = []
        self._tiles: dict[str, Tile] = {}
        self.keep_metadata = False

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The tiles that are shown, in order."""
        with self._lock:
            return tuple(self._tiles[tile] for tile in self._order)

    @property
    def sources(self) -> tuple[ReferenceImage | Reference, ...]:
        """The images that are here, in order, each with its own name; those that are missing are left out."""
        found = (self._given_on(tile) for tile in self.tiles)
        return tuple(source for source in found if source is not None)

    @property
    def kept(self) -> tuple[ReferenceImage | Reference, ...]:
        """One for each tile, for keeping: its image, or what is known of one that is not here."""
        return tuple(self._given_on(tile) or tile.reference for tile in self.tiles)

    @property
    def aliases(self) -> dict[str, str]:
        """The own names of the tiles that have one."""
        return {tile.id: tile.alias for tile in self.tiles if tile.alias}

    def call(self, aliases: Mapping[str, str]) -> None:
        """Give the tiles these own names and no others; tells nobody."""
        with self._lock:
            for tile in self._tiles.values():
                tile.alias = aliases.get(tile.id, "")

    def _given_on(self, tile: Tile, keep_metadata: bool | None = None) -> ReferenceImage | Reference | None:
        source = tile.source
        if source is None or tile.error:
            return None
        keep = self.keep_metadata if keep_metadata is None else keep_metadata
        if keep and isinstance(source, ReferenceImage) and source.given is not None:
            source = replace(source.given, clip_id=source.clip_id)
        return source if source.alias == tile.alias else replace(source, alias=tile.alias)

    def chosen(
        self,
        order: Sequence[str],
        aliases: Mapping[str, str] | None = None,
        keep_metadata: bool | None = None,
    ) -> tuple[ReferenceImage | Reference, ...]:
        """The images of these tiles; raises `InvalidRequest` where one cannot be sent.

        `aliases` are their own names, and `keep_metadata` the setting, as a view shows them, where those may be newer than the
        tray's.
        """
        found: list[ReferenceImage | Reference] = []
        problems: list[str] = []
        for number, tile_id in enumerate(order, 1):
            tile = self._tiles.get(tile_id)
            source = self._given_on(tile, keep_metadata) if tile else None
            if source is None:
                reason = tile.error if tile and tile.error else "it has not arrived in the kernel yet"
                problems.append(f"character{number}: {reason}")
            else:
                found.append(source if aliases is None else replace(source, alias=aliases.get(tile_id, "")))
        if problems:
            raise InvalidRequest(*problems)
        return tuple(found)

    def replace(self, sources: Iterable[ReferenceImage | Reference | Lost]) -> None:
        """Show these images instead of what was there; a lost one keeps its place, with what is wrong on its tile."""
        with self._lock:
            here = (tile.source for tile in self._tiles.values())
            whole = {s.given.sha256: s for s in here if isinstance(s, ReferenceImage) and s.given is not None}
            tiles = [_tile_of(source, whole) for source in [*sources][:MOST]]
            self._tiles |= {tile.id: tile for tile in tiles}
            self._show([tile.id for tile in tiles])
        self._changed()

    def arrange(self, order: Iterable[str]) -> None:
        """Show the tiles of this order and no others; ids that nobody knows are left out."""
        with self._lock:
            order = [tile for tile in dict.fromkeys(order) if tile in self._tiles]
            if order == self._order:
                return
            self._show(order[:MOST])
        self._changed()

    def _show(self, order: list[str]) -> None:
        """Show these tiles, and forget those that were taken off the longest time ago."""
        left, self._order = self._order, order
        for tile in left:
            if tile not in order:
                self._tiles[tile] = self._tiles.pop(tile)  # the last to go, behind those that went before
        gone = [tile for tile in self._tiles if tile not in order]
        for tile in gone[:-_REMEMBERED]:
            del self._tiles[tile]

    def add(self, tile_id: str, *, name: str, size: int) -> None:
        """Make place for an image that the browser sends: at the end, or instead of the one that has this id.

        Raises `InvalidImage` for one that is too large, `InvalidRequest` for a tenth.
        """
        if not 0 < size <= MAX_BYTES:
            raise InvalidImage(
                f"{name} has {size / 1e6:.1f} MB; at most 10 MB. Shrink it, or save it as JPEG."
            )
        self._place(Tile(tile_id, name, size))

    def expect(self, tile_id: str, *, name: str) -> Tile:
        """Make place, as `add` does, for an image that the kernel makes; `put` or `fail` tells what became of it."""
        tile = Tile(tile_id, name)
        self._place(tile)
        return tile

    def put(self, tile: Tile, image: ReferenceImage) -> None:
        """Give this tile its image; tells nobody. What stands in its place by now stays as it is."""
        with self._lock:
            tile.source, tile.name, tile.error = image, image.name, ""

    def fail(self, tile: Tile, error: HappyHorseError) -> None:
        """Say on this tile why there is no image; tells nobody."""
        with self._lock:
            tile.error = _words(error, tile.name)

    def restore(self, tile_id: str) -> None:
        """Take back that an image was replaced. Raises `InvalidRequest` where none was."""
        with self._lock:
            tile = self._tiles.get(tile_id)
            if tile is None or tile.before is None:
                raise InvalidRequest("The image that was here before is not kept any more.")
            tile.before.alias = tile.alias
            self._tiles[tile_id] = tile.before
        self._changed()

    def _place(self, tile: Tile) -> None:
        with self._lock:
            if len({*self._order, tile.id}) > MOST:
                raise InvalidRequest(f"{MOST} reference images are the most.")
            if (old := self._tiles.get(tile.id)) is not None:
                tile.alias = old.alias
                tile.before = old if old.source or old.lost else old.before
                old.before = None  # one step back is kept, not all of them
            self._tiles[tile.id] = tile
            if tile.id not in self._order:
                self._order.append(tile.id)
        self._changed()

    def offer(self, tile_id: str, sha256: str | None) -> ReferenceImage | Reference | None:
        """The image with this hash if it is here already; else the tile is ready for its bytes."""
        with self._lock:
            tile = self._expected(tile_id)
            sources = (other.source for other in self._tiles.values())
            tile.source = next((known for known in sources if known and _is_of(known, sha256)), None)
            if tile.source is None:
                tile.data, tile.parts, tile.received = bytearray(tile.size), set(), 0
            else:
                tile.received = tile.size
            return tile.source

    def receive(self, tile_id: str, offset: int, chunk: bytes | memoryview) -> Tile | None:
        """Take one chunk, in any order and however often. Returns the tile when it is whole with it: then `check` is due.

        Raises `InvalidRequest` for a tile that is not being sent or a chunk that does not fit.
        """
        with self._lock:
            tile = self._expected(tile_id)
            if tile.data is None:
                raise InvalidRequest("This image is not expected: add it again.")
            if not 0 <= offset <= tile.size - len(chunk):
                raise InvalidRequest("A part of this image does not fit: add it again.")
            tile.data[offset : offset + len(chunk)] = chunk
            tile.parts.add((offset, offset + len(chunk)))
            before, tile.received = tile.received, _covered(tile.parts)
            return tile if before < tile.received == tile.size else None

    def check(self, tile: Tile) -> ReferenceImage:
        """Read a whole image; slow for a large one, and tells nobody. Raises `InvalidImage`, which stays on the tile."""
        with self._lock:
            data, tile.data = tile.data, None
        try:
            image = load_image(data if data is not None else b"", name=tile.name)
            require_large(image.name, image.width, image.height)
        except InvalidImage as error:
            tile.error = _words(error, tile.name)
            raise
        tile.source = image
        return image

    def uploaded(self, sha256: str, share: float | None) -> None:
        """Note how much of an image Scenario has; tells nobody."""
        for tile in self.tiles:
            if (source := self._given_on(tile)) is not None and source.sha256 == sha256:
                tile.uploaded = share

    def source(self, tile_id: str) -> ReferenceImage | Reference | None:
        """The image of a tile, or None where there is none yet."""
        tile = self._tiles.get(tile_id)
        return tile.source if tile else None

    def _expected(self, tile_id: str) -> Tile:
        tile = self._tiles.get(tile_id)
        if tile is None or tile.size == 0 or tile.source is not None:
            raise InvalidRequest("This image is not expected: add it again.")
        return tile


def _tile_of(item: ReferenceImage | Reference | Lost, whole: Mapping[str, ReferenceImage]) -> Tile:
    """A new tile. `whole` are images by the hash of the file that they came as."""
    place = f"k{secrets.token_hex(6)}"
    item = _unless_small(item)
    if isinstance(item, Lost):
        known = item.reference
        return Tile(place, known.name, alias=known.alias[:NAME_LENGTH], lost=known, error=item.reason)
    source = whole.get(item.sha256 or "", item)
    return Tile(place, item.name, source=source, alias=item.alias[:NAME_LENGTH])


def _unless_small(item: ReferenceImage | Reference | Lost) -> ReferenceImage | Reference | Lost:
    """The same, unless it is of a clip or draft from elsewhere and would not be taken here."""
    if isinstance(item, Lost):
        return item
    try:
        require_large(item.name, item.width, item.height)
    except InvalidImage as error:
        known = Reference.of(item) if isinstance(item, ReferenceImage) else item
        return Lost(known, _words(error, item.name))
    return item


def _covered(parts: set[tuple[int, int]]) -> int:
    """How many bytes there are in these parts together, which may overlap."""
    count = end = 0
    for first, last in sorted(parts):
        count += max(0, last - max(first, end))
        end = max(end, last)
    return count


def _is_of(source: ReferenceImage | Reference, sha256: str | None) -> bool:
    """Whether the source came from the file with this hash."""
    given = source.given if isinstance(source, ReferenceImage) else None
    return sha256 is not None and sha256 in (source.sha256, given and given.sha256)


def _words(error: HappyHorseError, name: str) -> str:
    """What is wrong, for a tile that carries the image's name already."""
    lines = error.problems if isinstance(error, InvalidRequest) else (str(error),)
    words = " ".join(line.removeprefix(f"{name} ").removeprefix(f"{name}: ") for line in lines)
    return words[:1].upper() + words[1:]


def _warning(source: ReferenceImage | Reference | None) -> str:
    if not isinstance(source, ReferenceImage):
        return ""
    lines = (line.removeprefix(f"{source.name}: ") for line in source.warnings)
    return " ".join(line[:1].upper() + line[1:] for line in lines)
