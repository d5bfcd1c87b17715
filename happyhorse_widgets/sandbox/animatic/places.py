"""The places where a clip can play."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from . import interiors, nature, props
from .palette import mix
from .scenery import Scenery

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from .palette import Palette

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def build(setting: str, width: int, height: int, colours: Palette, chance: random.Random) -> Scenery:
    """A whole scene."""
    scene = Scenery(width, height, colours, chance)
    SETTINGS[setting](scene)
    return scene


def _beach(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky(low=0.15)
    scene.clouds(scene.count(3), size=0.075)
    scene.add(_sea(scene), 0.3)
    strip = scene.strip(1.0)
    shore = scene.line(1.0, scene.horizon + 0.09 * scene.unit, 0.02, length=1.6)
    wet = mix(colours.ground, colours.wood, 0.28)
    scene.land(
        1.0,
        shore - 0.022 * scene.unit,
        mix(colours.middle, _WHITE, 0.75),
        mix(colours.middle, _WHITE, 0.7),
        onto=strip,
    )
    scene.land(1.0, shore, wet, wet, onto=strip)
    scene.land(1.0, shore + 0.03 * scene.unit, colours.ground, colours.shade, onto=strip, span=0.34)
    for x in (0.1, 0.9):
        spot = (x + chance.uniform(-0.05, 0.05)) * strip.width
        scene.stand(
            strip,
            props.palm(chance.uniform(0.5, 0.66) * scene.unit, colours, chance),
            spot,
            scene.horizon + 0.17 * scene.unit,
        )
    if chance.random() < 0.7:
        scene.stand(
            strip,
            props.parasol(0.24 * scene.unit, colours),
            strip.width * chance.uniform(0.25, 0.75),
            scene.horizon + 0.18 * scene.unit,
        )
    scene.sprinkle(
        strip,
        partial(props.rock, colours=colours, chance=chance, colour=mix(colours.shade, _WHITE, 0.3)),
        scene.count(6),
        (0.012, 0.025),
    )
    scene.add(strip, 1.0)
    scene.foreground(
        [props.tuft(chance.uniform(0.12, 0.18) * scene.unit, colours.leaf, chance) for _ in range(4)]
    )


def _city(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky()
    scene.clouds(scene.count(2))
    skylines = (0.18, 0.55, (0.3, 0.62), 13), (0.35, 0.28, (0.26, 0.56), 10), (0.6, 0.0, (0.2, 0.4), 7)
    for depth, haze, size, number in skylines:
        strip, count = scene.strip(depth), scene.count(number)
        for place in range(count):
            tone = mix(colours.middle if place % 2 else colours.far, chance.choice(colours.accents), 0.16)
            high = chance.uniform(*size) * scene.unit
            across = strip.width / count * chance.uniform(0.85, 1.15) / high * 100
            picture = props.tower(high, across, colours.hazy(tone, haze), colours, chance)
            x = (place + 0.5) / count * strip.width
            scene.stand(strip, picture, x, scene.horizon + 0.03 * scene.unit)
        scene.add(strip, depth)
    scene.add(_street(scene), 1.0)


def _street(scene: Scenery) -> Image.Image:
    """A pavement with lamps and trees, and a road in front."""
    colours, chance = scene.colours, scene.chance
    strip = scene.strip(1.0)
    flat = np.full(strip.width, scene.horizon + 0.015 * scene.unit, dtype=np.float32)
    scene.land(1.0, flat, mix(colours.ground, _WHITE, 0.15), colours.ground, onto=strip)
    kerb, edge = flat + (scene.height - scene.horizon) * 0.78, mix(colours.ground, _WHITE, 0.3)
    scene.land(1.0, kerb, edge, edge, onto=strip)
    scene.land(1.0, kerb + 0.014 * scene.unit, colours.shade, mix(colours.shade, _BLACK, 0.2), onto=strip)
    trees, lamps = scene.count(3), scene.count(4)
    for place in range(trees):
        x = (place + chance.random()) / trees * strip.width
        scene.stand(
            strip, props.tree(0.24 * scene.unit, colours, chance), x, scene.horizon + 0.05 * scene.unit
        )
    for place in range(lamps):
        x = (place + 0.5) / lamps * strip.width
        scene.stand(strip, props.lamp(0.36 * scene.unit, colours), x, scene.horizon + 0.06 * scene.unit)
    return strip


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
        scene.add(
            scene.land(depth, line, colours.hazy(colours.middle, haze), colours.hazy(colours.far, haze)),
            depth,
        )
    strip, _ = scene.ground(bands=2, swing=0.01)
    draw = ImageDraw.Draw(strip)
    for _ in range(scene.count(9)):
        x, y = chance.random() * strip.width, chance.uniform(scene.horizon + 0.07 * scene.unit, scene.height)
        wide = chance.uniform(0.03, 0.09) * scene.unit * (0.5 + y / scene.height)
        draw.ellipse(
            (x - wide, y - wide * 0.24, x + wide, y + wide * 0.24),
            fill=(*mix(colours.shade, _BLACK, 0.14), 255),
        )
        draw.ellipse(
            (x - wide, y - wide * 0.17, x + wide, y + wide * 0.27),
            fill=(*mix(colours.ground, _WHITE, 0.1), 255),
        )
        draw.ellipse(
            (x - wide * 0.88, y - wide * 0.16, x + wide * 0.88, y + wide * 0.2),
            fill=(*mix(colours.shade, _BLACK, 0.05), 255),
        )
    scene.sprinkle(strip, partial(props.rock, colours=colours, chance=chance), scene.count(6), (0.02, 0.05))
    scene.add(strip, 1.0)
    scene.foreground(
        [
            props.rock(
                chance.uniform(0.12, 0.2) * scene.unit,
                colours,
                chance,
                colour=mix(colours.shade, colours.sky[1], 0.35),
            )
            for _ in range(3)
        ]
    )


def _sea(scene: Scenery) -> Image.Image:
    """The sea with lines of waves and a boat."""
    colours, chance = scene.colours, scene.chance
    strip = scene.strip(0.3)
    level = scene.horizon - 0.07 * scene.unit
    flat = np.full(strip.width, level, dtype=np.float32)
    scene.land(0.3, flat, mix(colours.far, colours.sky[2], 0.25), colours.middle, onto=strip, span=0.2)
    draw = ImageDraw.Draw(strip)
    for _ in range(scene.count(46)):
        near = chance.random()
        x, y = chance.random() * strip.width, level + (0.012 + 0.18 * near) * scene.unit
        long, thick = (0.02 + 0.05 * near) * scene.unit, (0.0016 + 0.0034 * near) * scene.unit
        draw.rounded_rectangle(
            (x - long, y - thick, x + long, y + thick), thick, fill=(*mix(colours.middle, _WHITE, 0.5), 255)
        )
    scene.stand(
        strip,
        props.boat(chance.uniform(0.1, 0.16) * scene.unit, colours),
        strip.width * chance.uniform(0.2, 0.8),
        level + 0.03 * scene.unit,
    )
    return strip


#: What draws each setting.
SETTINGS: dict[str, Callable[[Scenery], None]] = {
    "meadow": nature.meadow,
    "forest": nature.forest,
    "mountains": nature.mountains,
    "snow": nature.snow,
    "desert": nature.desert,
    "beach": _beach,
    "city": _city,
    "space": _space,
    "room": interiors.room,
    "stage": interiors.stage,
}
