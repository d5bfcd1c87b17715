"""The places where a clip can play."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from . import interiors, props
from .palette import mix
from .scenery import Scenery

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from .palette import Palette
    from .scenery import Line

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def build(setting: str, width: int, height: int, colours: Palette, chance: random.Random) -> Scenery:
    """A whole scene."""
    scene = Scenery(width, height, colours, chance)
    _PLACES[setting](scene)
    return scene


def _wide(scene: Scenery, count: float) -> int:
    """A number of things for a frame of 16:9, adapted to this one's shape."""
    return max(2, round(count * scene.width / scene.unit / 1.78))


def _ground(scene: Scenery, *, bands: int = 3, swing: float = 0.012) -> tuple[Image.Image, Line]:
    """The land that the subjects stand on, in bands that get darker towards the camera."""
    colours, strip, first = scene.colours, scene.strip(1.0), None
    room = scene.height - scene.horizon
    for band in range(bands):
        line = scene.line(1.0, scene.horizon + room * (0.05 + 0.3 * band), swing * (1 + band), length=1.4)
        first = line if first is None else first
        tone = mix(colours.ground, colours.shade, 0.85 * band / max(bands - 1, 1))
        scene.land(1.0, line, tone, mix(tone, colours.shade, 0.35), onto=strip)
    assert first is not None
    return strip, first


def _meadow(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky()
    scene.clouds(_wide(scene, 3))
    far = scene.line(0.25, scene.horizon - 0.1 * scene.unit, 0.07)
    scene.add(scene.land(0.25, far, colours.hazy(colours.far, 0.4), colours.hazy(colours.far, 0.75)), 0.25)
    line = scene.line(0.5, scene.horizon - 0.02 * scene.unit, 0.045)
    strip = scene.land(0.5, line, colours.middle, colours.hazy(colours.middle, 0.35))
    scene.row(strip, line, lambda size: props.tree(size, colours, chance), count=_wide(scene, 7), size=(0.13, 0.21))
    if chance.random() < 0.6:
        x = round(strip.width * chance.uniform(0.2, 0.8))
        scene.stand(strip, props.house(0.13 * scene.unit, colours, chance), x, line[x] + 0.012 * scene.unit)
    scene.row(strip, line, lambda size: props.bush(size, colours, chance), count=_wide(scene, 6), size=(0.03, 0.05))
    scene.add(strip, 0.5)
    strip, _ = _ground(scene)
    _sprinkle(scene, strip, _flower(scene), _wide(scene, 26), (0.03, 0.055))
    _sprinkle(scene, strip, lambda size: props.tuft(size, colours.shade, chance), _wide(scene, 22), (0.025, 0.045))
    scene.add(strip, 1.0)
    scene.foreground([_clump(scene) for _ in range(4)])


def _forest(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky(low=0.2)
    for depth, haze, size, count in ((0.2, 0.62, (0.22, 0.34), 22), (0.4, 0.36, (0.3, 0.46), 15), (0.65, 0.12, (0.4, 0.62), 8)):
        line = scene.line(depth, scene.horizon + (depth - 0.3) * 0.12 * scene.unit, 0.03)
        tinted = _faded(colours, haze)
        strip = scene.strip(depth)
        draw: Callable[[float], Image.Image] = (
            (lambda size, tinted=tinted: props.tree(size, tinted, chance))
            if chance.random() < 0.3
            else (lambda size, tinted=tinted: props.pine(size, tinted, chance))
        )
        scene.row(strip, line, draw, count=_wide(scene, count), size=size, sink=0.03, kinds=4)
        scene.land(depth, line + 0.02 * scene.unit, tinted.middle, tinted.middle, onto=strip)
        scene.add(strip, depth)
    strip, line = _ground(scene)
    for x in (0.06, 0.2, 0.83, 0.95):
        high = chance.uniform(1.05, 1.2) * scene.horizon
        spot = (x + chance.uniform(-0.05, 0.05)) * strip.width
        scene.stand(strip, props.trunk(high, colours, chance), spot, scene.horizon + chance.uniform(0.03, 0.09) * scene.unit)
    _sprinkle(scene, strip, lambda size: props.tuft(size, colours.leaf, chance), _wide(scene, 30), (0.03, 0.06))
    scene.row(strip, line, lambda size: props.bush(size, colours, chance), count=_wide(scene, 5), size=(0.06, 0.1), sink=0.03)
    scene.add(strip, 1.0)
    scene.foreground([props.bush(chance.uniform(0.14, 0.2) * scene.unit, colours, chance) for _ in range(4)])


def _mountains(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky()
    scene.clouds(_wide(scene, 3), size=0.07)
    for depth, high, haze in ((0.15, 0.4, 0.5), (0.25, 0.26, 0.22)):
        scene.add(_peaks(scene, depth, high, haze), depth)
    line = scene.line(0.5, scene.horizon - 0.01 * scene.unit, 0.04)
    strip = scene.land(0.5, line, colours.middle, colours.hazy(colours.middle, 0.3))
    scene.row(strip, line, lambda size: props.pine(size, colours, chance), count=_wide(scene, 16), size=(0.1, 0.19), kinds=4)
    scene.add(strip, 0.5)
    strip, line = _ground(scene)
    _sprinkle(scene, strip, lambda size: props.rock(size, colours, chance), _wide(scene, 5), (0.025, 0.05))
    _sprinkle(scene, strip, _flower(scene), _wide(scene, 18), (0.03, 0.05))
    scene.add(strip, 1.0)
    scene.foreground([_clump(scene) for _ in range(4)])


def _snow(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky()
    scene.add(_peaks(scene, 0.15, 0.3, 0.5), 0.15)
    for depth, haze, count in ((0.35, 0.45, 14), (0.6, 0.1, 8)):
        line = scene.line(depth, scene.horizon - (0.6 - depth) * 0.1 * scene.unit, 0.04)
        tinted = _faded(colours, haze)
        strip = scene.land(depth, line, tinted.middle, colours.hazy(colours.middle, 0.5))
        scene.row(
            strip,
            line,
            lambda size, tinted=tinted: props.pine(size, tinted, chance, snow=True),
            count=_wide(scene, count),
            size=(0.16 + depth * 0.1, 0.26 + depth * 0.2),
            kinds=4,
        )
        scene.add(strip, depth)
    strip, _ = _ground(scene, swing=0.018)
    _sprinkle(scene, strip, lambda size: props.rock(size, colours, chance, colour=mix(colours.shade, colours.far, 0.4)), _wide(scene, 5), (0.02, 0.045))
    scene.add(strip, 1.0)
    drift = mix(colours.ground, colours.shade, 0.35)
    scene.foreground([props.rock(chance.uniform(0.09, 0.14) * scene.unit, colours, chance, colour=drift) for _ in range(4)])


def _desert(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky()
    scene.add(_mesas(scene), 0.2)
    for depth, level, haze in ((0.35, -0.05, 0.3), (0.6, 0.0, 0.05)):
        line = scene.line(depth, scene.horizon + level * scene.unit, 0.05, length=1.5)
        strip = scene.land(depth, line, colours.hazy(colours.middle, haze), colours.hazy(colours.far, haze))
        scene.row(strip, line, lambda size: props.cactus(size, colours, chance), count=_wide(scene, 3), size=(0.12, 0.22))
        scene.add(strip, depth)
    strip, _ = _ground(scene, swing=0.03)
    _sprinkle(scene, strip, lambda size: props.rock(size, colours, chance, colour=mix(colours.shade, colours.wood, 0.3)), _wide(scene, 7), (0.02, 0.05))
    scene.add(strip, 1.0)
    scene.foreground([props.cactus(chance.uniform(0.3, 0.42) * scene.unit, colours, chance) for _ in range(2)])


def _beach(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky(low=0.15)
    scene.clouds(_wide(scene, 3), size=0.075)
    scene.add(_sea(scene), 0.3)
    strip = scene.strip(1.0)
    shore = scene.line(1.0, scene.horizon + 0.09 * scene.unit, 0.02, length=1.6)
    wet = mix(colours.ground, colours.wood, 0.28)
    scene.land(1.0, shore - 0.022 * scene.unit, mix(colours.middle, _WHITE, 0.75), mix(colours.middle, _WHITE, 0.7), onto=strip)
    scene.land(1.0, shore, wet, wet, onto=strip)
    scene.land(1.0, shore + 0.03 * scene.unit, colours.ground, colours.shade, onto=strip, span=0.34)
    for x in (0.1, 0.9):
        spot = (x + chance.uniform(-0.05, 0.05)) * strip.width
        scene.stand(strip, props.palm(chance.uniform(0.5, 0.66) * scene.unit, colours, chance), spot, scene.horizon + 0.17 * scene.unit)
    if chance.random() < 0.7:
        scene.stand(strip, props.parasol(0.24 * scene.unit, colours), strip.width * chance.uniform(0.25, 0.75), scene.horizon + 0.18 * scene.unit)
    _sprinkle(scene, strip, lambda size: props.rock(size, colours, chance, colour=mix(colours.shade, _WHITE, 0.3)), _wide(scene, 6), (0.012, 0.025))
    scene.add(strip, 1.0)
    scene.foreground([props.tuft(chance.uniform(0.12, 0.18) * scene.unit, colours.leaf, chance) for _ in range(4)])


def _city(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky()
    scene.clouds(_wide(scene, 2))
    for depth, haze, size, count in ((0.18, 0.55, (0.3, 0.62), 13), (0.35, 0.28, (0.26, 0.56), 10), (0.6, 0.0, (0.2, 0.4), 7)):
        strip = scene.strip(depth)
        count = _wide(scene, count)
        for place in range(count):
            tone = mix(colours.middle if place % 2 else colours.far, chance.choice(colours.accents), 0.16)
            high = chance.uniform(*size) * scene.unit
            across = strip.width / count * chance.uniform(0.85, 1.15) / high * 100
            picture = props.tower(high, across, colours.hazy(tone, haze), colours, chance)
            scene.stand(strip, picture, (place + 0.5) / count * strip.width, scene.horizon + 0.03 * scene.unit)
        scene.add(strip, depth)
    strip = scene.strip(1.0)
    flat = np.full(strip.width, scene.horizon + 0.015 * scene.unit, dtype=np.float32)
    scene.land(1.0, flat, mix(colours.ground, _WHITE, 0.15), colours.ground, onto=strip)
    kerb = flat + (scene.height - scene.horizon) * 0.78
    scene.land(1.0, kerb, mix(colours.ground, _WHITE, 0.3), mix(colours.ground, _WHITE, 0.3), onto=strip)
    scene.land(1.0, kerb + 0.014 * scene.unit, colours.shade, mix(colours.shade, _BLACK, 0.2), onto=strip)
    lamps = _wide(scene, 4)
    for place in range(lamps):
        scene.stand(strip, props.lamp(0.36 * scene.unit, colours), (place + 0.5) / lamps * strip.width, scene.horizon + 0.06 * scene.unit)
    for place in range(_wide(scene, 3)):
        scene.stand(strip, props.tree(0.24 * scene.unit, colours, chance), (place + chance.random()) / _wide(scene, 3) * strip.width, scene.horizon + 0.05 * scene.unit)
    scene.add(strip, 1.0)


def _space(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky(body=False)
    strip = scene.strip(0.2)
    side = chance.uniform(0.15, 0.4)
    big = props.planet(0.34 * scene.unit, colours.accents[chance.choice((0, 3))], ring=colours.accents[1])
    small = props.planet(0.13 * scene.unit, colours.accents[1])
    scene.stand(strip, big, strip.width * side, scene.horizon * 0.62)
    scene.stand(strip, small, strip.width * (side + 0.42), scene.horizon * chance.uniform(0.3, 0.5))
    scene.add(strip, 0.2)
    for depth, haze, swing in ((0.35, 0.55, 0.07), (0.6, 0.25, 0.05)):
        line = scene.line(depth, scene.horizon - (0.6 - depth) * 0.16 * scene.unit, swing, length=0.8)
        scene.add(scene.land(depth, line, colours.hazy(colours.middle, haze), colours.hazy(colours.far, haze)), depth)
    strip, _ = _ground(scene, bands=2, swing=0.01)
    draw = ImageDraw.Draw(strip)
    for _ in range(_wide(scene, 9)):
        x, y = chance.random() * strip.width, chance.uniform(scene.horizon + 0.07 * scene.unit, scene.height)
        wide = chance.uniform(0.03, 0.09) * scene.unit * (0.5 + y / scene.height)
        draw.ellipse((x - wide, y - wide * 0.24, x + wide, y + wide * 0.24), fill=(*mix(colours.shade, _BLACK, 0.14), 255))
        draw.ellipse((x - wide, y - wide * 0.17, x + wide, y + wide * 0.27), fill=(*mix(colours.ground, _WHITE, 0.1), 255))
        draw.ellipse((x - wide * 0.88, y - wide * 0.16, x + wide * 0.88, y + wide * 0.2), fill=(*mix(colours.shade, _BLACK, 0.05), 255))
    _sprinkle(scene, strip, lambda size: props.rock(size, colours, chance), _wide(scene, 6), (0.02, 0.05))
    scene.add(strip, 1.0)
    scene.foreground([props.rock(chance.uniform(0.12, 0.2) * scene.unit, colours, chance, colour=mix(colours.shade, colours.sky[1], 0.35)) for _ in range(3)])


def _faded(colours: Palette, haze: float) -> Palette:
    """The palette as seen from afar."""
    from dataclasses import replace

    names = ("middle", "leaf", "leaf_shade", "wood", "ground")
    return replace(colours, **{name: colours.hazy(getattr(colours, name), haze) for name in names})


def _flower(scene: Scenery) -> Callable[[float], Image.Image]:
    accents, chance = scene.colours.accents, scene.chance
    return lambda size: props.flower(size, scene.colours.leaf, chance.choice(accents[::2] + accents[3:]), accents[1])


def _clump(scene: Scenery) -> Image.Image:
    size = scene.chance.uniform(0.14, 0.24) * scene.unit
    if scene.chance.random() < 0.4:
        return _flower(scene)(size * 1.2)
    return props.tuft(size, scene.colours.leaf, scene.chance)


def _sprinkle(scene: Scenery, strip: Image.Image, draw: Callable[[float], Image.Image], count: int, size: tuple[float, float]) -> None:
    """Scatter things over the ground, the nearer the larger, in rows from the back so that none hides a nearer one."""
    drawn = [draw(scene.unit * (size[0] + (size[1] - size[0]) * index / 4)) for index in range(5)]
    near = sorted(scene.chance.random() for _ in range(count))
    for place in near:
        y = scene.horizon + (0.1 + 0.95 * place) * (scene.height - scene.horizon)
        kind = min(int(place * 5), 4)
        scene.stand(strip, scene.chance.choice(drawn[max(kind - 1, 0) : kind + 1]), scene.chance.random() * strip.width, y)


def _peaks(scene: Scenery, depth: float, high: float, haze: float) -> Image.Image:
    """A chain of mountains with snow on top and one side in the shade."""
    colours, chance = scene.colours, scene.chance
    strip = scene.strip(depth)
    fine = Image.new("RGBA", (strip.width * 2, scene.height * 2))
    draw = ImageDraw.Draw(fine)
    rock, snow = colours.hazy(colours.far, haze), colours.hazy(mix(colours.sun, _WHITE, 0.6), haze * 0.7)
    base, count = (scene.horizon + 0.06 * scene.unit) * 2, _wide(scene, 5)
    for place in sorted(range(count), key=lambda _: chance.random()):
        x, wide = (place + chance.uniform(0.2, 0.8)) / count * fine.width, chance.uniform(0.5, 0.75) * scene.unit
        top = base - chance.uniform(0.6, 1.1) * high * scene.unit * 2
        ridge = x + wide * chance.uniform(-0.1, 0.1)
        draw.polygon([(x, top), (x + wide, base), (x - wide, base)], fill=(*rock, 255))
        draw.polygon([(x, top), (x + wide, base), (ridge, base)], fill=(*mix(rock, colours.sky[0], 0.25), 255))
        part = 0.3
        left, right = x - wide * part, x + wide * part
        low = top + (base - top) * part
        zigzag = [(right, low), (x + wide * 0.12, low - 0.02 * scene.unit), (x, low + 0.03 * scene.unit), (x - wide * 0.14, low - 0.025 * scene.unit)]
        draw.polygon([(x, top), *zigzag, (left, low)], fill=(*snow, 255))
    strip.alpha_composite(fine.convert("RGBa").reduce(2).convert("RGBA"))
    return strip


def _mesas(scene: Scenery) -> Image.Image:
    """Table mountains."""
    colours, chance = scene.colours, scene.chance
    strip = scene.strip(0.2)
    draw = ImageDraw.Draw(strip)
    tone = colours.hazy(mix(colours.far, colours.accents[0], 0.25), 0.3)
    for place in range(_wide(scene, 3)):
        x = (place + chance.uniform(0.1, 0.9)) / _wide(scene, 3) * strip.width
        wide, high = chance.uniform(0.12, 0.26) * scene.unit, chance.uniform(0.12, 0.26) * scene.unit
        top = scene.horizon - high
        draw.polygon([(x - wide, top), (x + wide, top), (x + wide * 1.45, scene.height), (x - wide * 1.45, scene.height)], fill=(*tone, 255))
        draw.polygon([(x + wide * 0.5, top), (x + wide, top), (x + wide * 1.45, scene.height), (x + wide * 0.4, scene.height)], fill=(*mix(tone, _BLACK, 0.12), 255))
        for step in (0.25, 0.5):
            y = top + high * step
            draw.rectangle((x - wide * (1 + step * 0.3), y, x + wide * (1 + step * 0.3), y + 0.008 * scene.unit), fill=(*mix(tone, _WHITE, 0.14), 255))
    return strip.filter(ImageFilter.GaussianBlur(0.8))


def _sea(scene: Scenery) -> Image.Image:
    """The sea with lines of waves and a boat."""
    colours, chance = scene.colours, scene.chance
    strip = scene.strip(0.3)
    level = scene.horizon - 0.07 * scene.unit
    flat = np.full(strip.width, level, dtype=np.float32)
    scene.land(0.3, flat, mix(colours.far, colours.sky[2], 0.25), colours.middle, onto=strip, span=0.2)
    draw = ImageDraw.Draw(strip)
    for _ in range(_wide(scene, 46)):
        near = chance.random()
        x, y = chance.random() * strip.width, level + (0.012 + 0.18 * near) * scene.unit
        long, thick = (0.02 + 0.05 * near) * scene.unit, (0.0016 + 0.0034 * near) * scene.unit
        draw.rounded_rectangle((x - long, y - thick, x + long, y + thick), thick, fill=(*mix(colours.middle, _WHITE, 0.5), 255))
    scene.stand(strip, props.boat(chance.uniform(0.1, 0.16) * scene.unit, colours), strip.width * chance.uniform(0.2, 0.8), level + 0.03 * scene.unit)
    return strip


_PLACES: dict[str, Callable[[Scenery], None]] = {
    "meadow": _meadow,
    "forest": _forest,
    "mountains": _mountains,
    "snow": _snow,
    "desert": _desert,
    "beach": _beach,
    "city": _city,
    "space": _space,
    "room": interiors.room,
    "stage": interiors.stage,
}
