"""What stands about in the scenes: trees, rocks, houses, clouds, furniture. All stand on the bottom of their picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .palette import mix
from .stamp import Stamp, box, ellipse, smooth

if TYPE_CHECKING:
    import random

    from PIL import Image

    from .palette import Colour, Palette

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def tree(height: float, colours: Palette, chance: random.Random) -> Image.Image:
    """A leafy tree with a round crown."""
    stamp = Stamp(height, 70)
    stamp.fill(colours.wood, [(32, 55), (38, 55), (40, 100), (30, 100)])
    stamp.stroke(colours.wood, [(35, 66), (46, 52)], 3.5)
    lean = chance.uniform(-3, 3)
    crown = stamp.fill(
        colours.leaf,
        ellipse(35 + lean, 26, 24, 25),
        ellipse(19, 40, 17, 17),
        ellipse(51, 40, 17, 17),
        ellipse(35, 48, 20, 15),
    )
    stamp.fill(
        colours.leaf_shade, smooth([(52, 4), (75, 20), (75, 70), (25, 70), (42, 56), (54, 34)]), inside=crown
    )
    light = mix(colours.leaf, _WHITE, 0.16)
    stamp.fill(light, ellipse(25 + lean, 18, 7, 5.5), ellipse(15, 34, 4, 3), inside=crown)
    return stamp.done()


def pine(height: float, colours: Palette, chance: random.Random, *, snow: bool = False) -> Image.Image:
    """A fir of three or four tiers, with snow on them if wanted."""
    stamp = Stamp(height, 56)
    stamp.fill(colours.wood, box(25, 84, 31, 100))
    tiers = chance.choice((3, 4))
    for tier in range(tiers):
        bottom = 90 - tier * (72 / tiers)
        wide = 27 - tier * (15 / tiers) * 1.2
        top = max(bottom - 100 / tiers - 6, 2)
        sides = [(28, top), (28 + wide, bottom), (28 + wide * 0.55, bottom - 3), (28, bottom + 2)]
        skirt = [*sides, (28 - wide * 0.55, bottom - 3), (28 - wide, bottom)]
        filled = stamp.fill(colours.leaf, skirt)
        stamp.fill(colours.leaf_shade, [(28, top), (60, top), (60, 100), (31, 100)], inside=filled)
        if snow:
            depth = (bottom - top) * 0.42
            cap = [
                (0, top),
                (56, top),
                (56, top + depth),
                (34, top + depth - 4),
                (28, top + depth + 3),
                (20, top + depth - 2),
                (0, top + depth),
            ]
            stamp.fill(mix(colours.ground, _WHITE, 0.5), cap, inside=filled)
    return stamp.done()


def trunk(height: float, colours: Palette, chance: random.Random) -> Image.Image:
    """A tall trunk whose crown is above the picture."""
    stamp = Stamp(height, 22)
    lean = chance.uniform(-2, 2)
    bark = stamp.fill(
        colours.wood,
        smooth([(7 + lean, -6), (15 + lean, -6), (14, 60), (16, 92), (21, 101), (1, 101), (6, 92), (8, 60)]),
    )
    stamp.fill(
        mix(colours.wood, _BLACK, 0.18),
        smooth([(12.5 + lean, -6), (24, -6), (24, 101), (14, 101), (11.5, 60)]),
        inside=bark,
    )
    for _ in range(3):
        y = chance.uniform(15, 85)
        stamp.stroke(mix(colours.wood, _BLACK, 0.3), [(9, y), (10, y + 4)], 0.9)
    return stamp.done()


def palm(height: float, colours: Palette, chance: random.Random) -> Image.Image:
    """A palm that leans to one side."""
    stamp = Stamp(height, 90)
    lean = chance.choice((-1, 1)) * chance.uniform(4, 12)
    top = (45 + lean, 30.0)
    stamp.fill(
        colours.wood,
        smooth(
            [
                (42, 100),
                (50, 100),
                (47 + lean * 0.4, 64),
                (top[0] + 2, top[1]),
                (top[0] - 2, top[1]),
                (43 + lean * 0.4, 64),
            ]
        ),
    )
    leaves = ((-42, 12), (-36, -8), (-22, -24), (0, -27), (22, -24), (36, -8), (42, 12), (-18, 20), (18, 20))
    for index, (x, y) in enumerate(leaves):
        tip = (top[0] + x * 0.95, top[1] + y)
        over = (top[0] + x * 0.5, top[1] + y * 0.5 - 9)
        under = (top[0] + x * 0.5, top[1] + y * 0.5 - 1)
        stamp.fill(colours.leaf_shade if index % 2 else colours.leaf, smooth([top, over, tip, under]))
    stamp.fill(
        mix(colours.wood, _BLACK, 0.25),
        ellipse(top[0] - 3, top[1] + 3, 3),
        ellipse(top[0] + 4, top[1] + 3, 3),
    )
    return stamp.done()


def cactus(height: float, colours: Palette, chance: random.Random) -> Image.Image:
    """A saguaro with two arms."""
    stamp = Stamp(height, 64)
    left, right = chance.uniform(30, 48), chance.uniform(24, 42)
    for colour, shift in ((colours.leaf, 0.0), (colours.leaf_shade, 0.0)):
        if colour is colours.leaf:
            stamp.stroke(colour, [(32, 66), (14, 64), (12, left)], 9)
            stamp.stroke(colour, [(32, 76), (50, 73), (52, right + 12)], 9)
            stamp.stroke(colour, [(32, 104), (32, 14)], 15)
        else:
            for x, y0, y1 in (
                (35 + shift, 12, 100),
                (29, 16, 100),
                (13.5, left + 2, 58),
                (53.5, right + 14, 66),
            ):
                stamp.stroke(colour, [(x, y0), (x, y1)], 1.3)
    stamp.fill(colours.accents[3], ellipse(32, 7, 4.5, 3.5))
    return stamp.done()


def bush(height: float, colours: Palette, chance: random.Random) -> Image.Image:
    """A low bush, sometimes with berries."""
    stamp = Stamp(height, 150)
    leaves = stamp.fill(
        colours.leaf,
        ellipse(38, 66, 36, 38),
        ellipse(78, 52, 40, 48),
        ellipse(116, 70, 32, 34),
        box(8, 72, 144, 101),
    )
    stamp.fill(
        colours.leaf_shade, smooth([(98, 10), (160, 40), (150, 110), (40, 110), (90, 80)]), inside=leaves
    )
    if chance.random() < 0.5:
        spots = [ellipse(chance.uniform(20, 130), chance.uniform(40, 90), 4.5) for _ in range(7)]
        stamp.fill(colours.accents[0], *spots, inside=leaves)
    return stamp.done()


def rock(
    height: float, colours: Palette, chance: random.Random, *, colour: Colour | None = None
) -> Image.Image:
    """A boulder."""
    stamp = Stamp(height, 150)
    stone = colour or mix(colours.shade, (128, 128, 140), 0.6)
    peak = chance.uniform(45, 85)
    body = stamp.fill(stone, [(6, 100), (18, 52), (peak - 18, 12), (peak + 22, 6), (128, 42), (146, 100)])
    stamp.fill(
        mix(stone, _WHITE, 0.22),
        [(18, 52), (peak - 18, 12), (peak + 22, 6), (peak + 6, 44), (44, 60)],
        inside=body,
    )
    stamp.fill(mix(stone, _BLACK, 0.16), [(128, 42), (146, 100), (88, 100), (106, 66)], inside=body)
    return stamp.done()


def house(height: float, colours: Palette, chance: random.Random) -> Image.Image:
    """A cottage with a pitched roof."""
    stamp = Stamp(height, 110)
    wall = mix(colours.accents[2], chance.choice(colours.accents), 0.25)
    lit = (255, 214, 120) if colours.dark else mix(colours.sky[1], _BLACK, 0.25)
    roof = mix(colours.accents[0], _BLACK, 0.12)
    stamp.fill(mix(wall, _BLACK, 0.2), box(76, 14, 86, 40))
    stamp.fill(wall, box(14, 44, 96, 100))
    stamp.fill(mix(wall, _BLACK, 0.1), box(66, 44, 96, 100))
    stamp.fill(roof, [(4, 50), (34, 14), (76, 14), (106, 50)])
    stamp.fill(mix(roof, _BLACK, 0.14), [(60, 14), (76, 14), (106, 50), (70, 50)])
    stamp.fill(colours.wood, box(46, 70, 62, 100, 3))
    for x in (24, 76):
        stamp.fill(lit, box(x, 60, x + 14, 78, 2))
        stamp.fill(wall, box(x + 6.3, 60, x + 7.7, 78), box(x, 68.3, x + 14, 69.7))
    return stamp.done()


def tower(height: float, wide: float, colour: Colour, colours: Palette, chance: random.Random) -> Image.Image:
    """A block of flats or offices, `wide` hundredths of its height across, with windows."""
    stamp = Stamp(height, wide + 4)
    body = stamp.fill(colour, box(2, 6, wide + 2, 101))
    stamp.fill(mix(colour, _BLACK, 0.1), box(wide * 0.68, 6, wide + 2, 101), inside=body)
    style = chance.randrange(3)
    if style == 0:
        stamp.fill(colour, box(wide * 0.3, 1, wide * 0.7, 8))
    elif style == 1:
        stamp.stroke(mix(colour, _BLACK, 0.2), [(wide / 2, 8), (wide / 2, 1)], 1.2)
    columns = max(2, round(wide / 7))
    pitch = (wide - 4) / columns
    windows = [(x, y) for x in range(columns) for y in range(int(86 / pitch / 1.25))]
    glass = mix(colour, _BLACK, 0.22) if colours.dark else mix(colour, _WHITE, 0.32)
    for share, tone in (
        (1.0, glass),
        (0.34 if colours.dark else 0.12, (255, 213, 128) if colours.dark else mix(colour, _WHITE, 0.6)),
    ):
        chosen = [(x, y) for x, y in windows if chance.random() < share]
        stamp.fill(
            tone,
            *(
                box(
                    4.5 + x * pitch,
                    11 + y * pitch * 1.25,
                    4.5 + x * pitch + pitch * 0.6,
                    11 + y * pitch * 1.25 + pitch * 0.75,
                )
                for x, y in chosen
            ),
        )
    return stamp.done()


def lamp(height: float, colours: Palette) -> Image.Image:
    """A street lamp, lit at night."""
    stamp = Stamp(height, 24)
    metal = mix(colours.shade, (30, 36, 48), 0.65)
    stamp.fill(metal, box(11, 18, 13, 100), box(8, 94, 16, 100, 1), [(7, 6), (17, 6), (12, 1)])
    stamp.fill((255, 226, 150) if colours.dark else (240, 244, 246), [(7, 7), (17, 7), (15, 18), (9, 18)])
    return stamp.done()


def cloud(height: float, colour: Colour, chance: random.Random) -> Image.Image:
    """A cloud with a flat belly."""
    stamp = Stamp(height, 260)
    puffs = [
        ellipse(x, 100 - r * 0.92, r, r)
        for x, r in ((60, 34), (110, chance.uniform(46, 52)), (165, chance.uniform(36, 46)), (205, 26))
    ]
    body = stamp.fill(colour, *puffs, box(24, 66, 236, 100, 17))
    stamp.fill(
        mix(colour, (120, 140, 190), 0.12),
        smooth([(20, 92), (120, 84), (250, 70), (250, 110), (20, 110)]),
        inside=body,
    )
    return stamp.done()


def tuft(height: float, colour: Colour, chance: random.Random) -> Image.Image:
    """A tuft of grass."""
    stamp = Stamp(height, 110)
    for index in range(7):
        x, lean = 26 + index * 9.5, (index - 3) * 9 + chance.uniform(-5, 5)
        high = chance.uniform(4, 36) + abs(index - 3) * 8
        tone = mix(colour, _WHITE if index % 2 else _BLACK, 0.09)
        stamp.fill(
            tone,
            [
                (x - 5, 101),
                (x + lean * 0.45 - 3, (101 + high) / 2),
                (x + lean, high),
                (x + lean * 0.45 + 3, (101 + high) / 2),
                (x + 5, 101),
            ],
        )
    return stamp.done()


def flower(height: float, stem: Colour, petals: Colour, heart: Colour) -> Image.Image:
    """A flower of five petals."""
    stamp = Stamp(height, 50)
    stamp.stroke(stem, [(25, 28), (24, 100)], 4)
    stamp.fill(stem, smooth([(24, 82), (38, 66), (40, 72)]), smooth([(24, 90), (10, 74), (8, 80)]))
    stamp.fill(
        petals,
        *(
            ellipse(25 + x, 22 + y, 8.5)
            for x, y in ((0, -11), (10.5, -3.4), (6.5, 9), (-6.5, 9), (-10.5, -3.4))
        ),
    )
    stamp.fill(heart, ellipse(25, 22, 6.5))
    return stamp.done()


def boat(height: float, colours: Palette) -> Image.Image:
    """A small sailing boat."""
    stamp = Stamp(height, 90)
    stamp.fill(mix(colours.accents[2], colours.sky[2], 0.1), [(43, 6), (43, 74), (8, 74)])
    stamp.fill(mix(colours.accents[0], colours.sky[2], 0.15), [(47, 18), (47, 74), (78, 74)])
    stamp.fill(colours.wood, [(4, 80), (86, 80), (74, 100), (18, 100)], box(44, 4, 46, 82))
    return stamp.done()


def parasol(height: float, colours: Palette) -> Image.Image:
    """A striped parasol."""
    stamp = Stamp(height, 110)
    stamp.fill(mix(colours.wood, _WHITE, 0.3), box(53.5, 12, 56.5, 100))
    roof = stamp.fill(colours.accents[0], [*ellipse(55, 46, 50, 40)[24:], (105, 46)])
    stamp.fill(
        colours.accents[2],
        [(55, 4), (38, 4), (22, 50), (40, 50)],
        [(55, 4), (72, 4), (88, 50), (70, 50)],
        inside=roof,
    )
    return stamp.done()


def planet(size: float, colour: Colour, *, ring: Colour | None = None) -> Image.Image:
    """A banded planet, ringed if a colour for it is given."""
    stamp = Stamp(size, 180)
    disc = stamp.fill(colour, ellipse(90, 50, 40))
    stamp.fill(mix(colour, _WHITE, 0.18), smooth([(40, 26), (140, 18), (140, 30), (40, 40)]), inside=disc)
    stamp.fill(mix(colour, _BLACK, 0.12), smooth([(40, 60), (140, 50), (140, 62), (40, 70)]), inside=disc)
    stamp.fill(
        mix(colour, _BLACK, 0.3),
        smooth([(112, 4), (140, 30), (128, 90), (84, 98), (112, 70), (120, 40)]),
        inside=disc,
    )
    if ring is not None:
        points = [
            (90 + 72 * (x - 90) / 40, 50 + 15 * (y - 50) / 40 - (x - 90) * 0.28)
            for x, y in ellipse(90, 50, 40)[:25]
        ]
        stamp.stroke(ring, points, 4.5)
    return stamp.done()
