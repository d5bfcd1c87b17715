"""What falls or floats in front of everything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .canvas import packed, patch
from .palette import mix
from .stamp import Stamp, ellipse, smooth

if TYPE_CHECKING:
    import random

    from .canvas import Canvas, Patch, View
    from .palette import Colour, Palette

_WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Size in units of the frame's shorter side; fall and drift in frames a second; swing to both sides in frames."""

    size: float
    fall: float
    swing: float
    drift: float = 0.0
    glows: bool = False


#: The kinds of weather.
WEATHERS = {
    "snowfall": _Kind(0.011, 0.13, 0.02),
    "rain": _Kind(0.07, 1.5, 0.0),
    "leaves": _Kind(0.024, 0.16, 0.06, 0.05),
    "petals": _Kind(0.017, 0.12, 0.05),
    "sparks": _Kind(0.012, -0.04, 0.03, glows=True),
}


class Weather:
    """Flakes, drops or leaves, each with its own way through the frame."""

    def __init__(self, kind: str, width: int, height: int, colours: Palette, chance: random.Random) -> None:
        self._kind, self._width, self._height = WEATHERS[kind], width, height
        unit = min(width, height)
        sizes = (self._kind.size * part * unit for part in (0.6, 1.0, 1.0, 1.5))
        self._patches = [_flake(kind, size, colours, chance) for size in sizes]
        count = round(46 * width * height / unit**2 / 1.78)
        self._flakes = [
            (chance.random(), chance.random(), chance.random(), place % 4) for place in range(count)
        ]

    def draw(self, canvas: Canvas, view: View, time: float) -> None:
        """Add the flakes of a moment to a frame."""
        kind = self._kind
        for x, y, phase, size in self._flakes:
            depth = 0.6 + 0.3 * size
            swing = kind.swing * math.sin(math.tau * (phase + time * 0.4))
            across = (x + swing + kind.drift * time - view.x * depth / self._width) % 1.0
            down = (y + kind.fall * depth * time) % 1.0
            opacity = 0.5 + 0.5 * math.sin(math.tau * (phase + time * 0.6)) if kind.glows else 0.92
            # A little beyond the frame on all sides, so that nothing appears or vanishes in sight.
            left, top = (across * 1.1 - 0.05) * self._width, (down * 1.16 - 0.08) * self._height
            canvas.blend(_even(left), _even(top), self._patches[size], opacity=opacity)


def _flake(kind: str, size: float, colours: Palette, chance: random.Random) -> Patch:
    stamp = Stamp(max(4.0, size))
    if kind == "snowfall":
        stamp.fill(_WHITE, ellipse(50, 50, 46))
    elif kind == "rain":
        stamp.stroke(mix(colours.sky[1], _WHITE, 0.55), [(56, 4), (48, 96)], 3.5)
    elif kind == "leaves":
        tone: Colour = chance.choice(((214, 106, 46), (230, 160, 50), (180, 74, 50)))
        stamp.fill(tone, smooth([(10, 80), (20, 36), (86, 14), (72, 70)]))
        stamp.stroke(mix(tone, (0, 0, 0), 0.25), [(6, 90), (64, 36)], 6)
    elif kind == "petals":
        stamp.fill((250, 190, 210), smooth([(20, 78), (24, 30), (80, 16), (70, 70)]))
    else:
        glow = (255, 236, 150)
        stamp.fill(glow, ellipse(50, 50, 34))
    picture = stamp.done()
    even = picture.crop((0, 0, _even(picture.width + 1), _even(picture.height + 1)))
    return patch(packed(even))


def _even(value: float) -> int:
    return math.floor(value / 2) * 2
