"""Frames in the encoder's own colour planes, and what is laid on them.

Everything is turned into BT.709 planes once (Y in full size, U and V in half), multiplied by its opacity, so that a frame
costs a few resamplings and blendings of bytes and no colour conversion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageChops

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes: TypeAlias = NDArray[np.uint8]

_BLOCK = 64
# From RGB to Y, U, V in the limited range: a row for each, the last number is added.
_BT709 = (
    *(0.18259, 0.61423, 0.06201, 16),
    *(-0.10064, -0.33857, 0.43922, 128),
    *(0.43922, -0.39894, -0.04027, 128),
)


@dataclass(frozen=True, slots=True)
class View:
    """Where the camera is: `x`, `y` pixels away from the middle at depth 1, and how much it magnifies (at least 1)."""

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0


class Canvas:
    """One frame of even width and height, to be drawn from back to front."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        #: The frame as PyAV takes it for "yuv420p".
        self.array = np.empty((height * 3 // 2, width), dtype=np.uint8)
        flat, size = self.array.reshape(-1), width * height
        self._y = flat[:size].reshape(height, width)
        self._u, self._v = flat[size:].reshape(2, height // 2, width // 2)

    def blend(self, left: int, top: int, patch: Patch, *, opacity: float = 1.0) -> None:
        """Lay a patch with its upper left corner at even pixels; what is outside the frame is left away."""
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + patch.width, self.width), min(top + patch.height, self.height)
        if x0 >= x1 or y0 >= y1:
            return
        inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        _over(self._y, np.s_[y0:y1, x0:x1], patch.y[inside], patch.alpha[inside], opacity)
        area = np.s_[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2]
        inside = np.s_[(y0 - top) // 2 : (y1 - top) // 2, (x0 - left) // 2 : (x1 - left) // 2]
        _over(self._u, area, patch.u[inside], patch.half_alpha[inside], opacity)
        _over(self._v, area, patch.v[inside], patch.half_alpha[inside], opacity)

    def cover(self, top: int, y: Bytes, u: Bytes, v: Bytes) -> None:
        """Lay opaque full-width planes from row `top` on (even)."""
        self._y[top : top + len(y)] = y
        self._u[top // 2 : top // 2 + len(u)] = u
        self._v[top // 2 : top // 2 + len(v)] = v

    def magnify(self, zoom: float) -> None:
        """Enlarge the middle of the frame, a little below its centre, to the whole of it."""
        for plane in (self._y, self._u, self._v):
            source = plane.copy()
            rows, down = _samples(plane.shape[0], zoom, 0.64)
            columns, across = _samples(plane.shape[1], zoom, 0.5)
            for start in range(0, len(rows), _BLOCK):
                block = rows[start : start + _BLOCK]
                tall = _mixed(source[block], source[block + 1], down[start : start + _BLOCK, None])
                plane[start : start + _BLOCK] = _mixed(tall[:, columns], tall[:, columns + 1], across)


def _samples(length: int, zoom: float, middle: float) -> tuple[NDArray[np.intp], NDArray[np.uint16]]:
    """Where to look along one side when its part around `middle` is magnified: pixels, and 64ths of the way to the next."""
    where = (np.arange(length) + 0.5) / zoom + length * (1 - 1 / zoom) * middle - 0.5
    where = where.clip(0, length - 1.01)
    first = where.astype(np.intp)
    return first, ((where - first) * 64).astype(np.uint16)


@dataclass(frozen=True, slots=True)
class Patch:
    """Planes multiplied by their opacity; even in width and height."""

    y: Bytes
    u: Bytes
    v: Bytes
    alpha: Bytes
    half_alpha: Bytes

    @property
    def width(self) -> int:
        """In pixels of the full size."""
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        """In pixels of the full size."""
        return int(self.y.shape[0])


def packed(picture: Image.Image) -> Image.Image:
    """An RGBA picture as Y, U, V, alpha in the four bands of an image, the first three multiplied by the last.

    Its mode is "CMYK", which Pillow transforms without treating the last band as opacity.
    """
    alpha = picture.getchannel("A")
    planes = picture.convert("RGB").convert("RGB", _BT709).split()
    if alpha.getextrema() != (255, 255):
        planes = tuple(ImageChops.multiply(plane, alpha) for plane in planes)
    return Image.merge("CMYK", (*planes, alpha))


def patch(bands: Image.Image) -> Patch:
    """A packed picture of even size as a patch."""
    y, u, v, alpha = bands.split()
    return Patch(*(np.asarray(plane) for plane in (y, u.reduce(2), v.reduce(2), alpha, alpha.reduce(2))))


class Layer:
    """A wide strip of the scene at one depth: 0 is infinitely far and never moves, 1 is where the subjects are.

    `left` and `top` say where its upper left corner is when the camera looks at the middle; both are even. It has to
    reach beyond the frame on both sides as far as the camera may travel.
    """

    def __init__(self, picture: Image.Image, *, left: int, top: int, depth: float) -> None:
        opacity = picture.getchannel("A")
        _, first, _, last = opacity.getbbox() or (0, 0, 0, 2)
        first = first // 2 * 2
        seen = np.flatnonzero(np.asarray(opacity)[:last].min(axis=1) < 255)
        #: The row from which on nothing behind is seen, to the layer's end.
        self._solid = _even_above(int(seen[-1]) + 1 - first) if len(seen) else 0
        y, u, v, alpha = packed(picture.crop((0, first, picture.width, last))).split()
        self._full = np.asarray(y), np.asarray(alpha)
        self._half = tuple(np.asarray(plane.reduce(2)) for plane in (u, v, alpha))
        self._rows = last - first
        self._left, self._top, self._depth = left, top + first, depth

    def solid_from(self, canvas: Canvas, view: View) -> int:
        """The row of the frame from which on this layer hides everything behind it; the frame's height if none."""
        top = self._top - view.y * self._depth
        hides = self._solid < self._rows and top + self._rows >= canvas.height
        return min(_even_above(top + self._solid), canvas.height) if hides else canvas.height

    def draw(self, canvas: Canvas, view: View, *, until: int, shift: float = 0.0) -> None:
        """Draw what is above row `until` of the frame, moved to the right by `shift` pixels."""
        start = self._top - view.y * self._depth
        top = max(_even_above(start), 0)
        bottom = min(math.floor((start + self._rows - 1) / 2) * 2, until)
        middle = min(max(_even_above(start + self._solid), top), bottom)
        x = view.x * self._depth - shift - self._left
        size = canvas.width, canvas.height
        if middle > top:
            y, alpha = (_moved(plane, x, top - start, size[0], middle - top) for plane in self._full)
            u, v, half = (
                _moved(plane, x / 2, (top - start) / 2, size[0] // 2, (middle - top) // 2)
                for plane in self._half
            )
            canvas.blend(0, top, Patch(y, u, v, alpha, half))
        if bottom > middle:
            y = _moved(self._full[0], x, middle - start, size[0], bottom - middle)
            u, v = (
                _moved(plane, x / 2, (middle - start) / 2, size[0] // 2, (bottom - middle) // 2)
                for plane in self._half[:2]
            )
            canvas.cover(middle, y, u, v)


def _moved(plane: Bytes, x: float, y: float, width: int, height: int) -> Bytes:
    """A part of a plane from a corner between pixels. Where it would reach beyond the plane, it is moved back."""
    x = min(max(x, 0.0), plane.shape[1] - width - 1.0)
    y = min(max(y, 0.0), max(plane.shape[0] - height - 1.0, 0.0))
    left, top = int(x), int(y)
    across, down = np.uint16((x - left) * 64), np.uint16((y - top) * 64)
    part = plane[top : top + height + 1, left : left + width + 1]
    if not across and not down:
        return part[:height, :width]
    moved = np.empty((height, width), dtype=np.uint8)
    # In blocks that stay in the processor's cache, which is four times as fast.
    for start in range(0, height, _BLOCK):
        block = part[start : min(start + _BLOCK, height) + bool(down)]
        if down:
            block = _mixed(block[:-1], block[1:], down)
        moved[start : start + _BLOCK] = _mixed(block[:, :-1], block[:, 1:], across)
    return moved


def _mixed(first: Bytes, second: Bytes, part: np.uint16 | NDArray[np.uint16]) -> Bytes:
    """Between two planes, `part` 64ths of the way."""
    mixed = np.multiply(first, np.uint16(64) - part, dtype=np.uint16)
    mixed += np.multiply(second, part, dtype=np.uint16)
    mixed += 32
    mixed >>= 6
    return mixed.astype(np.uint8)


def _even_above(value: float) -> int:
    return math.ceil(value / 2) * 2


def _over(plane: Bytes, area: tuple[slice, slice], source: Bytes, alpha: Bytes, opacity: float) -> None:
    """Lay premultiplied bytes over an area of a plane. At most one step of brightness is lost to rounding."""
    if opacity < 1:
        part = np.uint16(opacity * 256)
        source, alpha = (
            (np.multiply(one, part, dtype=np.uint16) >> 8).astype(np.uint8) for one in (source, alpha)
        )
    through = np.multiply(plane[area], ~alpha, dtype=np.uint16)
    through += 255
    through >>= 8
    np.add(through, source, out=plane[area], casting="unsafe")
