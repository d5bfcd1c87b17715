"""Small things in the air: marks that tell what somebody does (notes, hearts, dust), and the weather."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .canvas import packed, patch
from .palette import mix
from .stamp import Stamp, box, ellipse, smooth

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from PIL import Image

    from .canvas import Canvas, Patch, View
    from .palette import Colour, Palette

_WHITE = (255, 255, 255)
_MARKS = {
    "dance": "note",
    "talk": "bubble",
    "sleep": "zed",
    "hug": "heart",
    "run": "dust",
    "jump": "dust",
    "wave": "arcs",
    "laugh": "spark",
    "fly": "breeze",
    "ride": "dust",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark at a moment: where it is in subject heights from the foot's middle, how large, and how opaque."""

    x: float
    y: float
    size: float
    opacity: float


def mark_for(act: str) -> str | None:
    """The kind of mark that goes with an act."""
    return _MARKS.get(act)


def draw_mark(kind: str, size: float, colours: Palette) -> Image.Image:
    """A mark's picture, `size` pixels high."""
    stamp = Stamp(size)
    ink = _WHITE if colours.dark else mix(colours.sky[0], (30, 30, 60), 0.55)
    if kind == "note":
        tone = (255, 231, 140) if colours.dark else ink
        stamp.fill(
            tone,
            ellipse(30, 80, 18, 14),
            ellipse(74, 70, 18, 14),
            box(41, 18, 48, 80),
            box(85, 8, 92, 70),
            [(41, 18), (92, 6), (92, 24), (41, 36)],
        )
    elif kind == "heart":
        stamp.fill(
            (236, 78, 92),
            smooth([(50, 92), (12, 50), (10, 26), (28, 10), (50, 28), (72, 10), (90, 26), (88, 50)]),
        )
    elif kind == "zed":
        stamp.stroke(ink, [(22, 20), (78, 20), (24, 82), (80, 82)], 13)
    elif kind == "bubble":
        stamp.fill(_WHITE, box(2, 6, 98, 72, 30), [(24, 60), (52, 68), (18, 96)])
        stamp.fill(mix(colours.sky[0], (40, 44, 70), 0.6), *(ellipse(x, 39, 7) for x in (27, 50, 73)))
    elif kind == "dust":
        stamp.fill(
            mix(colours.ground, _WHITE, 0.5), ellipse(34, 64, 26), ellipse(62, 54, 32), ellipse(78, 74, 20)
        )
    elif kind == "arcs":
        for radius in (42, 74):
            stamp.stroke(
                ink,
                [(4 + radius * math.cos(a / 10), 96 - radius * math.sin(a / 10)) for a in range(2, 14)],
                8,
            )
    elif kind == "spark":
        for angle in range(0, 100, 32):
            way = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            stamp.stroke(ink, [(8 + 34 * way[0], 94 - 34 * way[1]), (8 + 80 * way[0], 94 - 80 * way[1])], 9)
    else:
        for y, x in ((24, 30), (54, 4), (82, 40)):
            stamp.stroke(mix(_WHITE, colours.sky[1], 0.25), [(x, y), (x + 46, y)], 6)
    return stamp.done()


def marks(kind: str, time: float, phase: float, wide: float, *, moving: float) -> Iterator[Mark]:
    """The marks of a subject that is `wide` (in its heights), as it moves `moving` heights a second to the right."""
    if kind == "bubble":
        if math.sin(math.tau * (time * 0.55 + phase)) > -0.4:
            yield Mark(wide * 0.5 + 0.02, 0.98, 0.26, 1.0)
    elif kind in ("arcs", "spark"):
        yield Mark(wide * 0.5 + 0.03, 0.86, 0.17, 0.5 + 0.5 * math.sin(math.tau * (time * 1.5 + phase)))
    elif kind == "dust":
        for index in range(3 if abs(moving) > 0.15 else 0):
            age = (time * 1.6 + index / 3 + phase) % 1
            yield Mark(
                -math.copysign(0.12 + 0.42 * age, moving),
                0.04 + 0.07 * age,
                0.1 + 0.12 * age,
                0.75 * (1 - age),
            )
    elif kind == "breeze":
        yield Mark(-0.5 * wide - 0.22, 0.35, 0.24, 0.6)
    else:
        for index in range(3):
            age = (time * 0.5 + index / 3 + phase) % 1
            side = -1 if index % 2 else 1
            x = side * (wide * 0.38 + 0.08) + 0.05 * math.sin(math.tau * (age + phase))
            yield Mark(x, 0.8 + 0.42 * age, 0.14, min(1.0, 4 * age, 3 * (1 - age)))


class Weather:
    """What falls or floats in front of everything."""

    def __init__(self, kind: str, width: int, height: int, colours: Palette, chance: random.Random) -> None:
        self._kind, self._width, self._height = kind, width, height
        unit = min(width, height)
        base = {"snowfall": 0.011, "rain": 0.07, "leaves": 0.024, "petals": 0.017, "sparks": 0.012}[kind]
        self._patches = [_flake(kind, base * part * unit, colours, chance) for part in (0.6, 1.0, 1.0, 1.5)]
        count = round(46 * width * height / unit**2 / 1.78)
        self._flakes = [
            (chance.random(), chance.random(), chance.random(), index % 4) for index in range(count)
        ]

    def draw(self, canvas: Canvas, view: View, time: float) -> None:
        """Add the flakes of a moment to a frame."""
        speed, swing = {
            "snowfall": (0.13, 0.02),
            "rain": (1.5, 0),
            "leaves": (0.16, 0.06),
            "petals": (0.12, 0.05),
            "sparks": (-0.04, 0.03),
        }[self._kind]
        for x, y, phase, size in self._flakes:
            depth = 0.6 + 0.3 * size
            down = (y + speed * depth * time) % 1.0
            across = (
                x
                + swing * math.sin(math.tau * (phase + time * 0.4))
                + (0.05 * time if self._kind == "leaves" else 0)
            )
            left = (across - view.x * depth / self._width) % 1.0 * 1.1 - 0.05
            opacity = (
                0.5 + 0.5 * math.sin(math.tau * (phase + time * 0.6)) if self._kind == "sparks" else 0.92
            )
            flake = self._patches[size]
            canvas.blend(
                _even(left * self._width), _even((down * 1.16 - 0.08) * self._height), flake, opacity=opacity
            )


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
