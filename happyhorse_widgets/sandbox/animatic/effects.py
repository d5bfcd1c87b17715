"""Marks that tell what somebody does: notes, hearts, dust."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .palette import mix
from .stamp import Stamp, box, ellipse, smooth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

    from .palette import Palette

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
