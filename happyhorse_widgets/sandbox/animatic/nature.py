"""Places under the open sky: meadow, forest, mountains, snow, desert."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFilter

from . import props
from .palette import mix

if TYPE_CHECKING:
    from .scenery import Scenery

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def meadow(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky()
    scene.clouds(scene.count(3))
    far = scene.line(0.25, scene.horizon - 0.1 * scene.unit, 0.07)
    scene.add(scene.land(0.25, far, colours.hazy(colours.far, 0.4), colours.hazy(colours.far, 0.75)), 0.25)
    line = scene.line(0.5, scene.horizon - 0.02 * scene.unit, 0.045)
    strip = scene.land(0.5, line, colours.middle, colours.hazy(colours.middle, 0.35))
    scene.row(
        strip,
        line,
        partial(props.tree, colours=colours, chance=chance),
        count=scene.count(7),
        size=(0.13, 0.21),
    )
    if chance.random() < 0.6:
        x = round(strip.width * chance.uniform(0.2, 0.8))
        scene.stand(strip, props.house(0.13 * scene.unit, colours, chance), x, line[x] + 0.012 * scene.unit)
    scene.row(
        strip,
        line,
        partial(props.bush, colours=colours, chance=chance),
        count=scene.count(6),
        size=(0.03, 0.05),
    )
    scene.add(strip, 0.5)
    strip, _ = scene.ground()
    scene.sprinkle(strip, scene.flower, scene.count(26), (0.03, 0.055))
    scene.sprinkle(
        strip, partial(props.tuft, colour=colours.shade, chance=chance), scene.count(22), (0.025, 0.045)
    )
    scene.add(strip, 1.0)
    scene.foreground([scene.clump() for _ in range(4)])


def forest(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky(low=0.2)
    for depth, haze, size, count in (
        (0.2, 0.62, (0.22, 0.34), 22),
        (0.4, 0.36, (0.3, 0.46), 15),
        (0.65, 0.12, (0.4, 0.62), 8),
    ):
        line = scene.line(depth, scene.horizon + (depth - 0.3) * 0.12 * scene.unit, 0.03)
        tinted = colours.faded(haze)
        strip = scene.strip(depth)
        kind = props.tree if chance.random() < 0.3 else props.pine
        draw = partial(kind, colours=tinted, chance=chance)
        scene.row(strip, line, draw, count=scene.count(count), size=size, sink=0.03, kinds=4)
        scene.land(depth, line + 0.02 * scene.unit, tinted.middle, tinted.middle, onto=strip)
        scene.add(strip, depth)
    strip, line = scene.ground()
    for x in (0.06, 0.2, 0.83, 0.95):
        high = chance.uniform(1.05, 1.2) * scene.horizon
        spot = (x + chance.uniform(-0.05, 0.05)) * strip.width
        scene.stand(
            strip,
            props.trunk(high, colours, chance),
            spot,
            scene.horizon + chance.uniform(0.03, 0.09) * scene.unit,
        )
    scene.sprinkle(
        strip, partial(props.tuft, colour=colours.leaf, chance=chance), scene.count(30), (0.03, 0.06)
    )
    scene.row(
        strip,
        line,
        partial(props.bush, colours=colours, chance=chance),
        count=scene.count(5),
        size=(0.06, 0.1),
        sink=0.03,
    )
    scene.add(strip, 1.0)
    scene.foreground([props.bush(chance.uniform(0.14, 0.2) * scene.unit, colours, chance) for _ in range(4)])


def mountains(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky()
    scene.clouds(scene.count(3), size=0.07)
    for depth, high, haze in ((0.15, 0.4, 0.5), (0.25, 0.26, 0.22)):
        scene.add(_peaks(scene, depth, high, haze), depth)
    line = scene.line(0.5, scene.horizon - 0.01 * scene.unit, 0.04)
    strip = scene.land(0.5, line, colours.middle, colours.hazy(colours.middle, 0.3))
    scene.row(
        strip,
        line,
        partial(props.pine, colours=colours, chance=chance),
        count=scene.count(16),
        size=(0.1, 0.19),
        kinds=4,
    )
    scene.add(strip, 0.5)
    strip, line = scene.ground()
    scene.sprinkle(strip, partial(props.rock, colours=colours, chance=chance), scene.count(5), (0.025, 0.05))
    scene.sprinkle(strip, scene.flower, scene.count(18), (0.03, 0.05))
    scene.add(strip, 1.0)
    scene.foreground([scene.clump() for _ in range(4)])


def snow(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky()
    scene.add(_peaks(scene, 0.15, 0.44, 0.5), 0.15)
    for depth, haze, count in ((0.35, 0.45, 14), (0.6, 0.1, 8)):
        line = scene.line(depth, scene.horizon - (0.6 - depth) * 0.1 * scene.unit, 0.04)
        tinted = colours.faded(haze)
        strip = scene.land(depth, line, tinted.middle, colours.hazy(colours.middle, 0.5))
        scene.row(
            strip,
            line,
            partial(props.pine, colours=tinted, chance=chance, snow=True),
            count=scene.count(count),
            size=(0.16 + depth * 0.1, 0.26 + depth * 0.2),
            kinds=4,
        )
        scene.add(strip, depth)
    strip, _ = scene.ground(swing=0.018)
    scene.sprinkle(
        strip,
        partial(props.rock, colours=colours, chance=chance, colour=mix(colours.shade, colours.far, 0.4)),
        scene.count(5),
        (0.02, 0.045),
    )
    scene.add(strip, 1.0)
    drift = mix(colours.ground, colours.shade, 0.35)
    scene.foreground(
        [props.rock(chance.uniform(0.09, 0.14) * scene.unit, colours, chance, colour=drift) for _ in range(4)]
    )


def desert(scene: Scenery) -> None:
    colours, chance = scene.colours, scene.chance
    scene.sky()
    scene.add(_mesas(scene), 0.2)
    for depth, level, haze in ((0.35, -0.05, 0.3), (0.6, 0.0, 0.05)):
        line = scene.line(depth, scene.horizon + level * scene.unit, 0.05, length=1.5)
        strip = scene.land(depth, line, colours.hazy(colours.middle, haze), colours.hazy(colours.far, haze))
        scene.row(
            strip,
            line,
            partial(props.cactus, colours=colours, chance=chance),
            count=scene.count(3),
            size=(0.12, 0.22),
        )
        scene.add(strip, depth)
    strip, _ = scene.ground(swing=0.03)
    scene.sprinkle(
        strip,
        partial(props.rock, colours=colours, chance=chance, colour=mix(colours.shade, colours.wood, 0.3)),
        scene.count(7),
        (0.02, 0.05),
    )
    scene.add(strip, 1.0)
    scene.foreground(
        [props.cactus(chance.uniform(0.3, 0.42) * scene.unit, colours, chance) for _ in range(2)]
    )


def _peaks(scene: Scenery, depth: float, high: float, haze: float) -> Image.Image:
    """A chain of mountains with snow on top and one side in the shade."""
    colours, chance = scene.colours, scene.chance
    strip = scene.strip(depth)
    fine = Image.new("RGBA", (strip.width * 2, scene.height * 2))
    draw = ImageDraw.Draw(fine)
    rock = (
        mix(colours.sky[0], colours.sky[2], 0.55 - haze * 0.5)
        if colours.dark
        else colours.hazy(colours.far, haze)
    )
    snow = colours.hazy(mix(colours.sun, _WHITE, 0.6), haze * 0.7)
    base, count = (scene.horizon + 0.06 * scene.unit) * 2, scene.count(5)
    for place in sorted(range(count), key=lambda _: chance.random()):
        x, wide = (
            (place + chance.uniform(0.2, 0.8)) / count * fine.width,
            chance.uniform(0.5, 0.75) * scene.unit,
        )
        top = base - chance.uniform(0.6, 1.1) * high * scene.unit * 2
        ridge = x + wide * chance.uniform(-0.1, 0.1)
        draw.polygon([(x, top), (x + wide, base), (x - wide, base)], fill=(*rock, 255))
        draw.polygon(
            [(x, top), (x + wide, base), (ridge, base)], fill=(*mix(rock, colours.sky[0], 0.25), 255)
        )
        part = 0.3
        left, right = x - wide * part, x + wide * part
        low = top + (base - top) * part
        zigzag = [
            (right, low),
            (x + wide * 0.12, low - 0.02 * scene.unit),
            (x, low + 0.03 * scene.unit),
            (x - wide * 0.14, low - 0.025 * scene.unit),
        ]
        draw.polygon([(x, top), *zigzag, (left, low)], fill=(*snow, 255))
    strip.alpha_composite(fine.convert("RGBa").reduce(2).convert("RGBA"))
    return strip


def _mesas(scene: Scenery) -> Image.Image:
    """Table mountains."""
    colours, chance = scene.colours, scene.chance
    strip = scene.strip(0.2)
    draw = ImageDraw.Draw(strip)
    tone = colours.hazy(mix(colours.far, colours.accents[0], 0.25), 0.3)
    for place in range(scene.count(3)):
        x = (place + chance.uniform(0.1, 0.9)) / scene.count(3) * strip.width
        wide, high = chance.uniform(0.12, 0.26) * scene.unit, chance.uniform(0.12, 0.26) * scene.unit
        top = scene.horizon - high
        draw.polygon(
            [
                (x - wide, top),
                (x + wide, top),
                (x + wide * 1.45, scene.height),
                (x - wide * 1.45, scene.height),
            ],
            fill=(*tone, 255),
        )
        draw.polygon(
            [
                (x + wide * 0.5, top),
                (x + wide, top),
                (x + wide * 1.45, scene.height),
                (x + wide * 0.4, scene.height),
            ],
            fill=(*mix(tone, _BLACK, 0.12), 255),
        )
        for step in (0.25, 0.5):
            y = top + high * step
            draw.rectangle(
                (x - wide * (1 + step * 0.3), y, x + wide * (1 + step * 0.3), y + 0.008 * scene.unit),
                fill=(*mix(tone, _WHITE, 0.14), 255),
            )
    return strip.convert("RGBa").filter(ImageFilter.GaussianBlur(0.8)).convert("RGBA")
