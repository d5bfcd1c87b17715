"""Places with a roof: a room and a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .palette import mix
from .stamp import Stamp, box, ellipse, smooth

if TYPE_CHECKING:
    from .palette import Colour, Palette
    from .scenery import Scenery

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def room(scene: Scenery) -> None:
    """A living room: papered wall, window, pictures, a sofa, a plant and a rug."""
    colours, chance = scene.colours, scene.chance
    wall = mix(colours.far, chance.choice(colours.accents), chance.uniform(0.08, 0.3))
    strip = scene.strip(0.5)
    draw = ImageDraw.Draw(strip)
    draw.rectangle((0, 0, strip.width, scene.height), fill=(*wall, 255))
    stripe = 0.07 * scene.unit
    for place in range(0, int(strip.width / stripe), 2):
        draw.rectangle(
            (place * stripe, 0, (place + 1) * stripe, scene.horizon), fill=(*mix(wall, _WHITE, 0.07), 255)
        )
    skirting = scene.horizon - 0.035 * scene.unit
    draw.rectangle((0, skirting, strip.width, scene.horizon + 4), fill=(*mix(wall, _WHITE, 0.55), 255))
    middle, left = strip.width / 2, chance.choice((-1, 1))
    scene.stand(
        strip,
        _window(0.36 * scene.unit, colours),
        middle - left * 0.24 * scene.width,
        scene.horizon - 0.17 * scene.unit,
    )
    for step, size in ((0.1, 0.15), (0.3, 0.2)):
        picture = _framed(
            size * scene.unit, colours, chance.choice(colours.accents), chance.choice(colours.accents)
        )
        scene.stand(strip, picture, middle + left * step * scene.unit, scene.horizon - 0.3 * scene.unit)
    scene.add(strip, 0.5)
    strip = _boards(scene, colours.ground, colours.shade)
    scene.stand(
        strip,
        _sofa(0.3 * scene.unit, colours.accents[3]),
        strip.width / 2 + left * 0.26 * scene.width,
        scene.horizon + 0.06 * scene.unit,
    )
    scene.stand(
        strip,
        _plant(0.34 * scene.unit, colours),
        strip.width / 2 - left * 0.41 * scene.width,
        scene.horizon + 0.07 * scene.unit,
    )
    rug = Stamp(0.2 * scene.unit, 520)
    rug.fill(mix(colours.accents[0], colours.shade, 0.2), ellipse(260, 50, 258, 49))
    rug.fill(mix(colours.accents[2], colours.shade, 0.1), ellipse(260, 50, 228, 41))
    rug.fill(mix(colours.accents[0], colours.shade, 0.2), ellipse(260, 50, 212, 37))
    scene.stand(strip, rug.done(), strip.width / 2, scene.floor + 0.07 * scene.unit)
    scene.add(strip, 1.0)


def stage(scene: Scenery) -> None:
    """A theatre's stage: curtains, boards, and the light of two spots."""
    colours = scene.colours
    strip = scene.strip(0.4)
    draw = ImageDraw.Draw(strip)
    dark = mix(colours.far, (24, 10, 40), 0.72)
    draw.rectangle((0, 0, strip.width, scene.height), fill=(*dark, 255))
    fold = 0.075 * scene.unit
    for place in range(int(strip.width / fold) + 1):
        tone = mix(mix(colours.far, dark, 0.35), _BLACK, 0.16 * (place % 2))
        draw.rectangle((place * fold, 0, (place + 1) * fold, scene.horizon + 4), fill=(*tone, 255))
    light = Image.new("L", strip.size)
    cone = ImageDraw.Draw(light)
    for start, end in ((0.24, 0.4), (0.76, 0.6)):
        x0, x1, wide = start * strip.width, end * strip.width, 0.26 * scene.unit
        cone.polygon(
            [(x0 - 8, -8), (x0 + 8, -8), (x1 + wide, scene.height), (x1 - wide, scene.height)], fill=62
        )
    light = light.filter(ImageFilter.GaussianBlur(0.014 * scene.unit))
    strip.alpha_composite(
        Image.merge("RGBA", [*Image.new("RGB", strip.size, colours.accents[1]).split(), light])
    )
    scene.add(strip, 0.4)
    strip = _boards(scene, mix(colours.ground, colours.shade, 0.2), mix(colours.shade, _BLACK, 0.25))
    pool = Image.new("L", strip.size)
    wide, high = 0.62 * scene.unit, 0.13 * scene.unit
    middle = strip.width / 2
    ImageDraw.Draw(pool).ellipse(
        (middle - wide, scene.floor - high, middle + wide, scene.floor + high), fill=95
    )
    pool = pool.filter(ImageFilter.GaussianBlur(0.02 * scene.unit))
    strip.alpha_composite(
        Image.merge("RGBA", [*Image.new("RGB", strip.size, colours.accents[1]).split(), pool])
    )
    scene.add(strip, 1.0)
    front = scene.strip(1.25)
    draw = ImageDraw.Draw(front)
    _curtain(scene, draw, front.width, colours.middle)
    scene.add(front, 1.25, before=True)


def _boards(scene: Scenery, near: Colour, far: Colour) -> Image.Image:
    """A floor of boards that run towards the horizon."""
    strip = scene.strip(1.0)
    flat = np.full(strip.width, scene.horizon, dtype=np.float32)
    scene.land(1.0, flat, mix(near, far, 0.35), near, onto=strip, span=0.3)
    draw = ImageDraw.Draw(strip)
    middle, gap = strip.width / 2, 0.16 * scene.unit
    for place in range(-24, 25):
        top, bottom = middle + place * gap * 0.55, middle + place * gap * 1.5
        draw.line(
            [(top, scene.horizon), (bottom, strip.height)],
            fill=(*mix(near, far, 0.55), 255),
            width=max(1, round(0.0028 * scene.unit)),
        )
    draw.line(
        [(0, scene.horizon), (strip.width, scene.horizon)],
        fill=(*mix(far, _BLACK, 0.25), 255),
        width=max(1, round(0.004 * scene.unit)),
    )
    return strip


def _curtain(scene: Scenery, draw: ImageDraw.ImageDraw, width: int, colour: Colour) -> None:
    """Curtains drawn to both sides, and a valance."""
    wide, fold = 0.085 * scene.width + (width - scene.width) / 2, 0.036 * scene.unit
    for step in range(int(wide / fold) + 1):
        tone = (*mix(colour, _BLACK if step % 2 else _WHITE, 0.12 if step % 2 else 0.05), 255)
        near, far = step * fold, (step + 1) * fold
        pinch = 1 - 0.28 * near / wide
        for flip in (False, True):
            points = [
                (near, 0),
                (far, 0),
                (far * pinch, scene.height * 0.6),
                (far * 1.02, scene.height + 99),
                (near * 1.02, scene.height + 99),
                (near * pinch, scene.height * 0.6),
            ]
            draw.polygon([(width - x, y) if flip else (x, y) for x, y in points], fill=tone)
    scallop = 0.2 * scene.unit
    for place in range(int(width / scallop) + 1):
        x = place * scallop
        draw.ellipse(
            (x, -0.11 * scene.unit, x + scallop, 0.085 * scene.unit),
            fill=(*mix(colour, _WHITE, 0.07 * (place % 2)), 255),
        )


def _window(size: float, colours: Palette) -> Image.Image:
    """A window with the sky of the hour and curtains."""
    stamp = Stamp(size, 110)
    white = mix(colours.accents[2], colours.far, 0.15)
    stamp.fill(white, box(12, 2, 98, 98, 3))
    pane = stamp.fill(colours.sky[1], box(17, 7, 93, 92))
    stamp.fill(
        colours.sky[2], smooth([(10, 66), (40, 56), (70, 70), (105, 60), (105, 100), (10, 100)]), inside=pane
    )
    stamp.fill(colours.sun, ellipse(72, 28, 9), inside=pane)
    stamp.fill(
        colours.leaf, smooth([(10, 84), (34, 72), (62, 86), (105, 76), (105, 104), (10, 104)]), inside=pane
    )
    stamp.fill(white, box(53.5, 7, 56.5, 92), box(17, 47, 93, 50), box(8, 92, 102, 98, 2))
    for x0, x1 in ((4, 24), (106, 86)):
        stamp.fill(
            colours.accents[1],
            smooth([(x0, 0), (x1, 0), (x1 + (x0 - x1) * 0.5, 52), (x1 + (x0 - x1) * 0.2, 97), (x0, 97)]),
        )
    return stamp.done()


def _framed(size: float, colours: Palette, first: Colour, second: Colour) -> Image.Image:
    stamp = Stamp(size, 84)
    stamp.fill(colours.wood, box(2, 2, 82, 98, 2))
    pane = stamp.fill(mix(colours.far, _WHITE, 0.6), box(9, 9, 75, 91))
    stamp.fill(mix(first, _WHITE, 0.2), ellipse(50, 38, 15), inside=pane)
    stamp.fill(
        mix(second, _BLACK, 0.1),
        smooth([(0, 74), (30, 56), (60, 72), (90, 60), (90, 110), (0, 110)]),
        inside=pane,
    )
    return stamp.done()


def _sofa(size: float, colour: Colour) -> Image.Image:
    stamp = Stamp(size, 220)
    low = mix(colour, _BLACK, 0.14)
    stamp.fill(mix(colour, _BLACK, 0.5), box(26, 88, 34, 100), box(186, 88, 194, 100))
    stamp.fill(colour, box(22, 8, 198, 80, 14))
    stamp.fill(low, box(12, 56, 208, 92, 8))
    stamp.fill(mix(colour, _WHITE, 0.12), box(30, 44, 109, 68, 8), box(111, 44, 190, 68, 8))
    stamp.fill(colour, box(6, 34, 34, 92, 12), box(186, 34, 214, 92, 12))
    return stamp.done()


def _plant(size: float, colours: Palette) -> Image.Image:
    stamp = Stamp(size, 80)
    for index, (x, y) in enumerate(((8, 34), (20, 10), (40, 2), (60, 10), (72, 34), (28, 30), (52, 30))):
        tone = colours.leaf_shade if index % 2 else colours.leaf
        stamp.fill(
            tone,
            smooth([(40, 74), ((40 + x) / 2 - 8, (74 + y) / 2), (x, y), ((40 + x) / 2 + 8, (74 + y) / 2)]),
        )
    pot = stamp.fill(colours.accents[0], [(24, 70), (56, 70), (52, 100), (28, 100)])
    stamp.fill(mix(colours.accents[0], _BLACK, 0.15), box(44, 60, 60, 104), inside=pot)
    stamp.fill(mix(colours.accents[0], _WHITE, 0.12), box(22, 66, 58, 75, 2))
    return stamp.done()
