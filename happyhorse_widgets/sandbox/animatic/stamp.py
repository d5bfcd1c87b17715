"""Small flat drawings with smooth edges: shapes filled at three times the size, then made smaller."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image, ImageChops, ImageDraw

if TYPE_CHECKING:
    from .palette import Colour

_FINER = 3

Point: TypeAlias = tuple[float, float]
#: A closed outline.
Outline: TypeAlias = Sequence[Point]


class Stamp:
    """A drawing on a grid that is `across` wide and 100 high, with its origin in the upper left corner."""

    def __init__(self, height: float, across: float = 100.0) -> None:
        """`height` is that of the finished drawing in pixels."""
        self._scale = max(height, 2.0) * _FINER / 100
        wide, high = (max(1, math.ceil(length * self._scale / _FINER)) * _FINER for length in (across, 100))
        self._image = Image.new("RGBA", (wide, high))
        self._draw = ImageDraw.Draw(self._image)

    def fill(self, colour: Colour, *outlines: Outline, inside: Sequence[Outline] = ()) -> Sequence[Outline]:
        """Fill outlines, only within others if these are given. Returns the outlines, for such use."""
        scaled = [[(x * self._scale, y * self._scale) for x, y in outline] for outline in outlines]
        if not inside:
            for points in scaled:
                self._draw.polygon(points, fill=(*colour, 255))
            return outlines
        left, top, right, bottom = self._bounds(scaled)
        if left < right and top < bottom:
            within = [
                [(x * self._scale - left, y * self._scale - top) for x, y in outline] for outline in inside
            ]
            part = [[(x - left, y - top) for x, y in points] for points in scaled]
            size = right - left, bottom - top
            mask = ImageChops.logical_and(_mask(size, part), _mask(size, within))
            self._image.paste((*colour, 255), (left, top, right, bottom), mask)
        return outlines

    def stroke(self, colour: Colour, points: Outline, width: float) -> None:
        """Draw a line with round joints and ends."""
        scaled = [(x * self._scale, y * self._scale) for x, y in points]
        thick = max(1, round(width * self._scale))
        self._draw.line(scaled, fill=(*colour, 255), width=thick, joint="curve")
        for x, y in (scaled[0], scaled[-1]):
            ends = (x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2)
            self._draw.ellipse(ends, fill=(*colour, 255))

    def done(self) -> Image.Image:
        """The finished RGBA picture."""
        return self._image.convert("RGBa").reduce(_FINER).convert("RGBA")

    def _bounds(self, outlines: Sequence[Outline]) -> tuple[int, int, int, int]:
        xs, ys = zip(*(point for points in outlines for point in points), strict=True)
        low, high = (
            (max(int(min(xs)), 0), max(int(min(ys)), 0)),
            (math.ceil(max(xs)) + 1, math.ceil(max(ys)) + 1),
        )
        return *low, min(high[0], self._image.width), min(high[1], self._image.height)


def _mask(size: tuple[int, int], outlines: Sequence[Outline]) -> Image.Image:
    mask = Image.new("1", size)
    draw = ImageDraw.Draw(mask)
    for points in outlines:
        draw.polygon(points, fill=1)
    return mask


def ellipse(x: float, y: float, rx: float, ry: float | None = None) -> Outline:
    """An ellipse around a point; a circle without the second radius."""
    ry = rx if ry is None else ry
    steps = (math.tau * step / 48 for step in range(48))
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in steps]


def box(x0: float, y0: float, x1: float, y1: float, radius: float = 0.0) -> Outline:
    """A rectangle, with rounded corners if a radius is given."""
    if radius <= 0:
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    corners = (
        (x1 - radius, y1 - radius, 0),
        (x0 + radius, y1 - radius, 1),
        (x0 + radius, y0 + radius, 2),
        (x1 - radius, y0 + radius, 3),
    )
    return [
        (x + radius * math.cos(angle), y + radius * math.sin(angle))
        for x, y, quarter in corners
        for angle in (math.pi / 2 * (quarter + step / 8) for step in range(9))
    ]


def smooth(points: Outline) -> Outline:
    """A closed curve through points (Catmull–Rom)."""
    count = len(points)
    return [
        _between(
            points[index - 1],
            points[index],
            points[(index + 1) % count],
            points[(index + 2) % count],
            step / 10,
        )
        for index in range(count)
        for step in range(10)
    ]


def _between(p0: Point, p1: Point, p2: Point, p3: Point, t: float) -> Point:
    """The point at `t` (0–1) on the curve's piece from `p1` to `p2`."""
    x, y = (
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p0, p1, p2, p3, strict=True)
    )
    return x, y
