"""The subjects of a clip: cut out, lit, given their places, and drawn at a moment."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from . import effects
from .canvas import packed, patch
from .motion import Pose, pose
from .sprites import cut_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .canvas import Canvas, View
    from .direction import Direction
    from .scenery import Scenery

# Pictures are kept this much larger than they are shown, and smooth: then the nearest pixel is as good as a mixture of
# four, and is found in a fifth of the time.
_FINER = 2


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a subject belongs: its foot in pixels, the room it has, its side of the stage, and its part in the play."""

    x: float
    y: float
    high: float
    wide: float
    side: float
    lead: bool


class Subject:
    """One reference image in the scene."""

    def __init__(self, data: bytes, place: _Place, acts: Sequence[str], scene: Scenery) -> None:
        digest = hashlib.sha256(data).digest()
        self.y, self._x, self._side, self._acts = place.y, place.x, place.side, acts
        #: Its rhythm comes from the image, so that two pictures never move alike.
        self._phase = int.from_bytes(digest[:4], "big") / 2**32
        picture = cut_out(data, longest=math.ceil(max(place.high, place.wide) * 1.25))
        scale = min(place.high / picture.height, place.wide / picture.width)
        self._high, self._wide = picture.height * scale, picture.width * scale
        wide, high = (max(4, round(part * scale * _FINER)) for part in picture.size)
        picture = picture.convert("RGBa").resize((wide, high), Image.Resampling.BICUBIC)
        picture = picture.filter(ImageFilter.BoxBlur(_FINER / 4)).convert("RGBA")
        self._foot = _foot(picture)
        self._bands = packed(_lit(picture, scene.colours.light))
        self._shadow = _shadow(max(8, round(self._wide * 0.9 * _FINER)))
        #: How far it is to the edge of the frame on its side, in its own heights.
        self._reach = (scene.width / 2 + (place.x - scene.width / 2) * -(place.side or -1)) / self._high
        kinds = dict.fromkeys(kind for act in acts if (kind := effects.mark_for(act))) if place.lead else {}
        size = 0.2 * self._high * _FINER
        self._marks = {kind: packed(effects.draw_mark(kind, size, scene.colours)) for kind in kinds}

    def draw(self, canvas: Canvas, view: View, time: float, length: float) -> None:
        """Add the subject, its shadow and its marks to a frame."""
        now = self._pose(time, length)
        x, ground = self._x + now.x * self._high - view.x, self.y - view.y
        far = min(now.lift, 1.0)
        near = 1 - 0.35 * far
        _place(canvas, self._shadow, (0.5, 0.5), (x, ground), (near, near), opacity=0.65 - 0.4 * far)
        across = now.face / math.sqrt(now.stretch)
        foot = x, ground - now.lift * self._high
        _place(
            canvas, self._bands, (self._foot, 1.0), foot, (across, now.stretch), turn=now.turn, lean=now.lean
        )
        self._draw_marks(canvas, time, length, (x, ground), foot[1])

    def _pose(self, time: float, length: float) -> Pose:
        return pose(self._acts, time, length, phase=self._phase, side=self._side, reach=self._reach)

    def _draw_marks(
        self, canvas: Canvas, time: float, length: float, ground: tuple[float, float], foot: float
    ) -> None:
        act = self._acts[min(int(time / length * len(self._acts)), len(self._acts) - 1)]
        kind = effects.mark_for(act)
        if kind not in self._marks:
            return
        moving = (self._pose(time + 0.05, length).x - self._pose(time - 0.05, length).x) / 0.1
        high, bands = self._high, self._marks[kind]
        base = ground[1] if kind == "dust" else foot
        for mark in effects.marks(kind, time, self._phase, self._wide / self._high, moving=moving):
            scale = mark.size * high / bands.height * _FINER
            spot = ground[0] + mark.x * high, base - mark.y * high
            _place(canvas, bands, (0.5, 0.5), spot, (scale, scale), opacity=mark.opacity)


def assemble(images: Sequence[bytes], direction: Direction, scene: Scenery) -> list[Subject]:
    """All subjects, from back to front. Leads stand in front, the others small behind them."""
    leads = direction.leads
    others = [index for index in range(len(images)) if index not in leads]
    places = {**_leading(leads, scene), **_standing_by(others, scene)}
    subjects = [
        Subject(images[index], places[index], direction.acts[index], scene) for index in range(len(images))
    ]
    return sorted(subjects, key=lambda subject: subject.y)


def _leading(leads: Sequence[int], scene: Scenery) -> dict[int, _Place]:
    """One row, or more where the frame is too narrow for one; the first mentioned stand in front."""
    shape = scene.width / scene.height
    in_row = max(2, round(2.6 * shape))
    if len(leads) > in_row:
        in_row = max(in_row, round(1.3 * math.sqrt(len(leads) * shape)))
    rows = math.ceil(len(leads) / in_row)
    in_row = math.ceil(len(leads) / rows)
    tallest = min(0.6 * scene.height, 0.84 * scene.unit) / (1 + 0.22 * (rows - 1))
    apart = min(0.4 * tallest, (scene.floor - scene.horizon - 0.03 * scene.height) / max(rows - 1, 1))
    places = {}
    for row in range(rows):
        members = leads[row * in_row : (row + 1) * in_row]
        slot = 0.84 * scene.width / max(len(members), 1.7) * 0.9**row
        shift = slot / 4 if row % 2 and len(members) == in_row else 0.0
        for position, index in enumerate(members):
            offset = position - (len(members) - 1) / 2
            side = 0.0 if len(leads) == 1 else math.copysign(1.0, offset + 0.1)
            x, y = scene.width / 2 + offset * slot + shift, scene.floor - row * apart
            places[index] = _Place(
                x, y, tallest * 0.86**row, slot * (1.1 if rows == 1 else 0.98), side, lead=True
            )
    return places


def _standing_by(others: Sequence[int], scene: Scenery) -> dict[int, _Place]:
    """Small, near the horizon, spread from the sides inwards."""
    places = {}
    for position, index in enumerate(others):
        side = -1 if position % 2 else 1
        x = scene.width * (0.5 + side * (0.38 - 0.1 * (position // 2)))
        y = scene.horizon + (0.2 + 0.09 * (position % 3)) * (scene.height - scene.horizon)
        places[index] = _Place(x, y, 0.3 * scene.unit, 0.3 * scene.unit, float(side), lead=False)
    return places


def _lit(picture: Image.Image, light: tuple[float, float, float]) -> Image.Image:
    *colours, alpha = picture.split()
    lit = [
        band.point(lambda value, part=part: value * part) for band, part in zip(colours, light, strict=True)
    ]
    return Image.merge("RGBA", (*lit, alpha))


def _foot(picture: Image.Image) -> float:
    """Where the subject touches the ground, as a part of its width."""
    lowest = np.asarray(picture.getchannel("A"), dtype=np.float32)[round(picture.height * 0.93) :].sum(axis=0)
    total = float(lowest.sum())
    foot = float((lowest * np.arange(len(lowest))).sum()) / total / len(lowest) if total else 0.5
    return min(max(foot, 0.25), 0.75)


def _shadow(width: int) -> Image.Image:
    high = max(4, round(width * 0.2))
    shape = Image.new("L", (width, high))
    ImageDraw.Draw(shape).ellipse((width * 0.08, high * 0.2, width * 0.92, high * 0.8), fill=120)
    picture = Image.new("RGBA", shape.size, (10, 14, 30, 0))
    picture.putalpha(shape.filter(ImageFilter.GaussianBlur(high * 0.09)))
    return packed(picture)


def _place(
    canvas: Canvas,
    bands: Image.Image,
    anchor: tuple[float, float],
    spot: tuple[float, float],
    scale: tuple[float, float],
    *,
    turn: float = 0.0,
    lean: float = 0.0,
    opacity: float = 1.0,
) -> None:
    """Lay a packed picture on the frame so that its anchor (parts of its size) comes to a spot, turned and leaned."""
    ax, ay = anchor[0] * bands.width, anchor[1] * bands.height
    cos, sin = math.cos(turn), math.sin(turn)
    # From the picture to the frame: scale, then lean (what is higher goes further right), then turn.
    wide, high = scale[0] / _FINER, scale[1] / _FINER
    a, b = cos * wide, (-cos * lean - sin) * high
    c, d = sin * wide, (-sin * lean + cos) * high
    corners = [(x - ax, y - ay) for x in (0, bands.width) for y in (0, bands.height)]
    xs = [spot[0] + a * x + b * y for x, y in corners]
    ys = [spot[1] + c * x + d * y for x, y in corners]
    left, top = max(_even(min(xs)), 0), max(_even(min(ys)), 0)
    right, bottom = min(_even(max(xs)) + 2, canvas.width), min(_even(max(ys)) + 2, canvas.height)
    determinant = a * d - b * c
    if left >= right or top >= bottom or abs(determinant) < 1e-6 or opacity <= 0.02:
        return
    ia, ib, ic, id_ = d / determinant, -b / determinant, -c / determinant, a / determinant
    x0, y0 = left - spot[0], top - spot[1]
    matrix = (ia, ib, ia * x0 + ib * y0 + ax, ic, id_, ic * x0 + id_ * y0 + ay)
    size = right - left, bottom - top
    shown = bands.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST)
    canvas.blend(left, top, patch(shown), opacity=opacity)


def _even(value: float) -> int:
    return math.floor(value / 2) * 2
