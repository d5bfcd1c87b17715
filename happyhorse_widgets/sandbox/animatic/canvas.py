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
        full = np.s_[y0:y1, x0:x1], np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        half = (
            np.s_[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2],
            np.s_[(y0 - top) // 2 : (y1 - top) // 2, (x0 - left) // 2 : (x1 - left) // 2],
        )
        _over(self._y, full, patch.y, patch.alpha, opacity)
        _over(self._u, half, patch.u, patch.half_alpha, opacity)
        _over(self._v, half, patch.v, patch.half_alpha, opacity)

    def cover(self, top: int, y: Bytes, u: Bytes, v: Bytes) -> None:
        """Lay opaque full-width planes from row `top` on (even)."""
        self._y[top : top + len(y)] = y
        self._u[top // 2 : top // 2 + len(u)] = u
        self._v[top // 2 : top // 2 + len(v)] = v

    def magnify(self, zoom: float) -> None:
        """Enlarge the middle of the frame to the whole of it."""
        for plane in (self._y, self._u, self._v):
            height, width = plane.shape
            left, top = width * (1 - 1 / zoom) / 2, height * (1 - 1 / zoom) / 2
            box = left, top, width - left, height - top
            plane[:] = Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR, box=box)


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
        return self.y.shape[1]

    @property
    def height(self) -> int:
        """In pixels of the full size."""
        return self.y.shape[0]


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
        self._full, self._half = (y, alpha), tuple(plane.reduce(2) for plane in (u, v, alpha))
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
            u, v, half = (_moved(plane, x / 2, (top - start) / 2, size[0] // 2, (middle - top) // 2) for plane in self._half)
            canvas.blend(0, top, Patch(y, u, v, alpha, half))
        if bottom > middle:
            y = _moved(self._full[0], x, middle - start, size[0], bottom - middle)
            u, v = (_moved(plane, x / 2, (middle - start) / 2, size[0] // 2, (bottom - middle) // 2) for plane in self._half[:2])
            canvas.cover(middle, y, u, v)


def _moved(plane: Image.Image, x: float, y: float, width: int, height: int) -> Bytes:
    """A part of a plane, from a corner between pixels. Where it would reach beyond the plane, it is moved back."""
    x, y = min(max(x, 0.0), plane.width - width - 1.0), min(max(y, 0.0), max(plane.height - height - 1.0, 0.0))
    left, top = int(x), int(y)

    def row(top: int) -> Image.Image:
        part = plane.crop((left, top, left + width, top + height))
        if x - left < 0.03:
            return part
        return Image.blend(part, plane.crop((left + 1, top, left + 1 + width, top + height)), x - left)

    return np.asarray(row(top) if y - top < 0.03 else Image.blend(row(top), row(top + 1), y - top))


def _even_above(value: float) -> int:
    return math.ceil(value / 2) * 2


def _over(
    plane: Bytes,
    where: tuple[tuple[slice, ...], tuple[slice, ...]],
    source: Bytes,
    alpha: Bytes,
    opacity: float,
) -> None:
    target, part = where
    top, through = source[part], 255 - alpha[part]
    if opacity < 1:
        top = (top.astype(np.uint16) * round(opacity * 256) >> 8).astype(np.uint8)
        through = (255 - (alpha[part].astype(np.uint16) * round(opacity * 256) >> 8)).astype(np.uint8)
    mixed = plane[target].astype(np.uint16) * through
    mixed += 128
    mixed += mixed >> 8
    mixed >>= 8
    mixed += top
    np.minimum(mixed, 255, out=mixed)
    plane[target] = mixed
