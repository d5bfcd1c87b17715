"""How subjects and camera move. Pure functions of time: seconds in, poses out."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from .canvas import View
from .scenery import TRAVEL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Pose:
    """How a subject stands, measured in its own height and from where it belongs.

    `x` to the right, `lift` off the ground, `turn` around its foot (radians, clockwise), `lean` of its head to the
    right, `stretch` above 1 taller and thinner, `face` its width as it turns on the spot (−1 is mirrored).
    """

    x: float = 0.0
    lift: float = 0.0
    turn: float = 0.0
    lean: float = 0.0
    stretch: float = 1.0
    face: float = 1.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What a pose depends on.

    `time` in seconds, `part` of the act that is over (0–1), `phase` of the subject's own rhythm (0–1), `side`: −1
    for subjects on the left, 1 on the right, 0 alone in the middle, and `reach`: how far the frame's edge is on that
    side (on the left of one in the middle), in subject heights.
    """

    time: float
    part: float
    phase: float
    side: float
    reach: float

    def entrance(self, most: float) -> tuple[float, float]:
        """Where somebody comes in, in sight from the start, and where the way leads who comes alone."""
        far = min(most, 0.62 * self.reach)
        return (-far, 0.6 * far) if self.side == 0 else (self.side * far, 0.0)

    def wave(self, rate: float, offset: float = 0.0) -> float:
        """A sine of `rate` per second in the subject's own rhythm."""
        return math.sin(math.tau * (self.time * rate + self.phase + offset))


def pose(acts: Sequence[str], time: float, length: float, *, phase: float, side: float, reach: float) -> Pose:
    """The pose at a time of a clip that lasts `length` seconds. Acts follow one another and melt together."""
    position = min(max(time / length, 0.0), 0.9999) * len(acts)
    index, part = int(position), position % 1
    now = _ACTS[acts[index]](Moment(time, part, phase, side, reach))
    fade = 0.35 * len(acts) / length
    if index and part < fade:
        before = _ACTS[acts[index - 1]](Moment(time, 1.0, phase, side, reach))
        now = _between(before, now, eased(part / fade))
    breath = 0.009 * math.sin(math.tau * (time * 0.45 + phase))
    return Pose(now.x, now.lift, now.turn, now.lean + 0.6 * breath, now.stretch + breath, now.face)


def camera(kind: str, reverse: bool, time: float, length: float, size: tuple[int, int]) -> View:
    """Where the camera is. `size` is that of the frame in pixels."""
    part, way = eased(time / length), -1 if reverse else 1
    far, high = TRAVEL[0] * size[0], TRAVEL[1] * size[1]
    drift = 0.1 * far * math.sin(math.tau * time / 9)
    if kind == "push in":
        return View(drift, 0.0, 1.0 + 0.13 * (1 - part if reverse else part))
    if kind == "orbit":
        angle = math.pi * (part - 0.5) * way
        return View(0.95 * far * math.sin(angle), 0.0, 1.0 + 0.09 * math.cos(angle))
    if kind in ("pan", "follow"):
        return View(way * far * (part - 0.5) * (1.95 if kind == "pan" else 1.5))
    if kind == "tilt":
        return View(drift, way * high * (0.5 - part) * 1.95)
    if kind == "handheld":
        shake = [
            sum(math.sin(math.tau * (time * rate + rate)) for rate in rates)
            for rates in ((0.7, 1.3), (0.9, 1.7))
        ]
        return View(0.07 * far * shake[0], 0.13 * high * shake[1])
    return View()


def eased(part: float) -> float:
    """Slow at both ends."""
    part = min(max(part, 0.0), 1.0)
    return part * part * (3 - 2 * part)


def _between(first: Pose, second: Pose, amount: float) -> Pose:
    values = {}
    for field in fields(Pose):
        start, end = getattr(first, field.name), getattr(second, field.name)
        values[field.name] = start + (end - start) * amount
    return Pose(**values)


def _walk(now: Moment) -> Pose:
    start, end = now.entrance(1.3)
    x = start + (end - start) * eased(min(now.part * 1.12, 1.0))
    moving = min(1.0, 6 * (1 - min(now.part * 1.12, 1.0)))
    step = now.wave(0.95)
    ahead = math.copysign(1.0, end - start)
    return Pose(
        x,
        0.035 * abs(step) * moving,
        0.05 * step * moving,
        0.05 * ahead * moving,
        1 + 0.025 * abs(step) * moving,
    )


def _run(now: Moment) -> Pose:
    start, end = now.entrance(2.4)
    x = start + (end - start) * min(now.part * 1.08, 1.0)
    moving = min(1.0, 8 * (1 - min(now.part * 1.08, 1.0)))
    step = now.wave(1.7)
    ahead = math.copysign(1.0, end - start)
    return Pose(
        x,
        0.085 * abs(step) * moving,
        (0.05 * step + 0.07 * ahead) * moving,
        0.08 * ahead * moving,
        1 + 0.05 * abs(step),
    )


def _jump(now: Moment) -> Pose:
    beat = (now.time / 1.05 + now.phase) % 1
    if beat < 0.2:
        return Pose(stretch=1 - 0.13 * math.sin(math.pi * beat / 0.2))
    if beat < 0.78:
        flight = (beat - 0.2) / 0.58
        return Pose(
            lift=1.1 * flight * (1 - flight),
            lean=0.03 * now.wave(0.5),
            stretch=1 + 0.06 * math.sin(math.tau * flight) ** 2,
        )
    return Pose(stretch=1 - 0.1 * math.sin(math.pi * (beat - 0.78) / 0.22))


def _wave(now: Moment) -> Pose:
    return Pose(lift=0.02 * abs(now.wave(0.75)), turn=0.06 * now.wave(1.5), lean=0.07 * now.wave(1.5, 0.12))


def _dance(now: Moment) -> Pose:
    sway, hop = now.wave(1.0), abs(now.wave(1.0, 0.25))
    spinning = (now.time * 0.25 + now.phase) % 1
    face = math.cos(math.tau * (spinning - 0.8) / 0.2) if spinning > 0.8 else 1.0
    return Pose(0.1 * now.wave(0.5), 0.11 * hop, 0.07 * sway, 0.16 * sway, 0.97 + 0.07 * hop, _wide(face))


def _turn(now: Moment) -> Pose:
    return Pose(
        lift=0.03 * abs(now.wave(0.9)),
        face=_wide(math.cos(math.tau * (now.time / 2.4 + now.phase))),
        stretch=1.01,
    )


def _look(now: Moment) -> Pose:
    where = math.tanh(3 * now.wave(0.3))
    return Pose(lean=0.1 * where, turn=0.025 * where, stretch=1 + 0.03 * (1 - where * where))


def _fly(now: Moment) -> Pose:
    x = 0.45 * now.wave(0.22) + (0.0 if now.side else 0.3 * (2 * now.part - 1))
    return Pose(
        x,
        0.2 + 0.06 * now.wave(0.5),
        0.16 * now.wave(0.22, 0.25),
        0.06 * now.wave(0.5),
        1 + 0.02 * now.wave(0.5),
    )


def _sleep(now: Moment) -> Pose:
    return Pose(turn=0.13 * (now.side or 1), lean=0.08, stretch=0.93 + 0.025 * now.wave(0.35))


def _talk(now: Moment) -> Pose:
    return Pose(
        turn=0.025 * now.wave(0.6),
        lean=0.05 * now.wave(0.8),
        stretch=1 + 0.028 * now.wave(2.6) * (now.wave(0.55) > -0.4),
    )


def _hug(now: Moment) -> Pose:
    near = eased(now.part * 2)
    return Pose(
        -now.side * 0.22 * near,
        0.0,
        0.05 * now.wave(0.5) * near,
        -now.side * 0.09 * near,
        1 + 0.02 * now.wave(1.0),
    )


def _laugh(now: Moment) -> Pose:
    return Pose(
        0.012 * now.wave(5.0), 0.014 * abs(now.wave(4.0)), -0.03, -0.05, 1 + 0.025 * now.wave(4.0, 0.2)
    )


def _bow(now: Moment) -> Pose:
    down = max(0.0, now.wave(0.4)) ** 1.4
    return Pose(
        turn=0.16 * down * (-now.side or 1), lean=0.3 * down * (-now.side or 1), stretch=1 - 0.12 * down
    )


def _ride(now: Moment) -> Pose:
    start, end = now.entrance(2.0)
    return Pose(
        start + (end - start) * eased(now.part),
        0.012 * abs(now.wave(3.0)),
        0.015 * now.wave(1.5),
        -0.06 * math.copysign(1, end - start),
    )


def _sway(now: Moment) -> Pose:
    return Pose(turn=0.03 * now.wave(0.4), lean=0.08 * now.wave(0.4, 0.1), stretch=1 + 0.015 * now.wave(0.8))


def _wide(face: float) -> float:
    """Never quite edge on, where nothing would be left to see."""
    return math.copysign(max(abs(face), 0.09), face)


_ACTS: dict[str, Callable[[Moment], Pose]] = {
    "walk": _walk,
    "run": _run,
    "jump": _jump,
    "wave": _wave,
    "dance": _dance,
    "turn": _turn,
    "look": _look,
    "fly": _fly,
    "sleep": _sleep,
    "talk": _talk,
    "hug": _hug,
    "laugh": _laugh,
    "bow": _bow,
    "ride": _ride,
    "sway": _sway,
}

#: All that a subject can do.
ACTS = frozenset(_ACTS)
