"""The tools that scenes are built with: sky, land, and things that stand on it, each at its depth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageFilter

from . import props
from .canvas import Layer
from .palette import mix
from .stamp import Stamp, ellipse

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .palette import Colour, Palette

    Line: TypeAlias = NDArray[np.float32]
    #: Draws a thing of a height in pixels.
    Draw: TypeAlias = Callable[[float], Image.Image]

#: How far the camera may travel from the middle, as parts of the frame's width and height.
TRAVEL = 0.075, 0.05

_WHITE = (255, 255, 255)


class Scenery:
    """A scene in the making, from back to front.

    `horizon` is the row where the land begins, `floor` the one where the foremost subjects stand; `unit` is the
    frame's shorter side. All are in pixels.
    """

    def __init__(self, width: int, height: int, colours: Palette, chance: random.Random) -> None:
        self.width, self.height, self.unit = width, height, min(width, height)
        self.colours, self.chance = colours, chance
        tall = height > width * 1.2
        self.horizon, self.floor = (0.58, 0.83) if tall else (0.60, 0.87)
        self.horizon, self.floor = round(self.horizon * height), round(self.floor * height)
        #: Layers behind the subjects, with their drift in pixels per second.
        self.behind: list[tuple[Layer, float]] = []
        #: Layers in front of the subjects.
        self.before: list[Layer] = []

    def strip(self, depth: float) -> Image.Image:
        """An empty picture for one depth: as high as the frame and wide enough for the camera's travel."""
        return Image.new("RGBA", (self.width + 2 * self._margin(depth), self.height + self._below(depth)))

    def add(self, picture: Image.Image, depth: float, *, drift: float = 0.0, before: bool = False) -> None:
        """Put a strip into the scene. One that begins opaque goes on upwards, for when the camera looks there."""
        above = 0
        if picture.getchannel("A").crop((0, 0, picture.width, 1)).getextrema() == (255, 255):
            above = (self._below(depth) + 1) // 2 * 2
            raised = Image.new("RGBA", (picture.width, picture.height + above))
            raised.paste(picture.crop((0, 0, picture.width, 1)).resize((picture.width, above)))
            raised.paste(picture, (0, above))
            picture = raised
        layer = Layer(picture, left=-self._margin(depth), top=-above, depth=depth)
        if before:
            self.before.append(layer)
        else:
            self.behind.append((layer, drift))

    def sky(self, *, body: bool = True, low: float = 0.0) -> None:
        """A sky of three colours with sun or moon, and stars where it is dark. `low` lowers the sun, in frame heights."""
        colours, chance = self.colours, self.chance
        width, rows = self.width + 2 * self._margin(0.1), round(self.horizon * 1.2) + 4
        x, y = chance.uniform(0.56, 0.86) * width, (chance.uniform(0.2, 0.34) + low) * self.horizon
        down, across = np.mgrid[0:rows:4, 0:width:4].astype(np.float32)
        place = (down / self.horizon).clip(0, 1)[:, :, None]
        top, middle, bottom = (np.array(colour, dtype=np.float32) for colour in colours.sky)
        blend = np.where(
            place < 0.55,
            top + (middle - top) * place / 0.55,
            middle + (bottom - middle) * (place - 0.55) / 0.45,
        )
        reach = ((across - x) ** 2 + (down - y) ** 2) / (0.42 * self.unit) ** 2
        glow = np.exp(-reach * 3)[:, :, None] * (0.5 if body else 0.2) * (0.6 if colours.dark else 1.0)
        blend += (np.array(mix(colours.sun, _WHITE, 0.4), dtype=np.float32) - blend) * glow
        picture = Image.fromarray(blend.clip(0, 255).astype(np.uint8)).resize(
            (width, rows), Image.Resampling.BICUBIC
        )
        strip = self.strip(0.1)
        strip.paste(picture.convert("RGBA"))
        if colours.dark:
            self._stars(strip, rows)
        if body:
            self._body(strip, x, y)
        self.add(strip.crop((0, 0, strip.width, rows)), 0.1)

    def land(
        self,
        depth: float,
        line: Line,
        top: Colour,
        bottom: Colour,
        *,
        span: float = 0.3,
        onto: Image.Image | None = None,
    ) -> Image.Image:
        """Everything below a line, in a gradient that is done after `span` frame heights, with a light rim."""
        strip = onto or self.strip(depth)
        first = max(int(np.min(line)) - 1, 0)
        rows = np.arange(first, strip.height, dtype=np.float32)[:, None]
        below = rows - line[None, :]
        steps = [
            mix(mix(top, bottom, step / 63), _WHITE, max(0.0, 0.13 - step * 0.045)) for step in range(64)
        ]
        shade = (below * (63 / (span * self.height))).clip(0, 63).astype(np.uint8)
        colour = np.array(steps, dtype=np.uint8)[shade]
        picture = Image.fromarray(colour)
        picture.putalpha(Image.fromarray(((below + 0.5).clip(0, 1) * 255).astype(np.uint8)))
        strip.alpha_composite(picture, (0, first))
        return strip

    def line(self, depth: float, level: float, swing: float, *, length: float = 1.0) -> Line:
        """A rolling line around row `level`; `swing` and the wave's `length` are parts of the frame's unit."""
        x = np.arange(self.strip_width(depth), dtype=np.float32) / (self.unit * length)
        waves = ((1.0, 0.55), (0.43, 0.28), (0.19, 0.12), (0.083, 0.05))
        total = sum(
            part * np.sin(math.tau * (x / wave + self.chance.random()), dtype=np.float32)
            for wave, part in waves
        )
        return np.asarray(level + swing * self.unit * total, dtype=np.float32)

    def strip_width(self, depth: float) -> int:
        """The width of a strip at one depth, in pixels."""
        return self.width + 2 * self._margin(depth)

    def stand(self, strip: Image.Image, picture: Image.Image, x: float, y: float) -> None:
        """Put a picture on a strip, its foot's middle at a point."""
        left, top = round(x - picture.width / 2), round(y - picture.height)
        cut = max(-left, 0), max(-top, 0)
        if cut[0] < picture.width and cut[1] < picture.height and left < strip.width and top < strip.height:
            strip.alpha_composite(picture, (max(left, 0), max(top, 0)), cut)

    def row(
        self,
        strip: Image.Image,
        line: Line,
        draw: Draw,
        *,
        count: int,
        size: tuple[float, float],
        sink: float = 0.01,
        kinds: int = 3,
    ) -> None:
        """Set `count` things out along a line. `size` bounds their height, in units; a few kinds are drawn and repeated."""
        drawn = [draw(self.chance.uniform(*size) * self.unit) for _ in range(min(kinds, count))]
        for place in range(count):
            x = (place + self.chance.uniform(0.15, 0.85)) / count * strip.width
            picture = self.chance.choice(drawn)
            if self.chance.random() < 0.5:
                picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            self.stand(strip, picture, x, float(line[min(int(x), len(line) - 1)]) + sink * self.unit)

    def count(self, number: float) -> int:
        """A number of things for a frame of 16:9, adapted to this one's shape."""
        return max(2, round(number * self.width / self.unit / 1.78))

    def ground(self, *, bands: int = 3, swing: float = 0.012) -> tuple[Image.Image, Line]:
        """The land that the subjects stand on, in bands that get darker towards the camera, and its upper line."""
        colours, strip, lines = self.colours, self.strip(1.0), []
        room = self.height - self.horizon
        for band in range(bands):
            lines.append(
                self.line(1.0, self.horizon + room * (0.05 + 0.3 * band), swing * (1 + band), length=1.4)
            )
            tone = mix(colours.ground, colours.shade, 0.85 * band / max(bands - 1, 1))
            self.land(1.0, lines[-1], tone, mix(tone, colours.shade, 0.35), onto=strip)
        return strip, lines[0]

    def sprinkle(self, strip: Image.Image, draw: Draw, count: int, size: tuple[float, float]) -> None:
        """Scatter things over the ground, the nearer the larger, from the back so that none hides a nearer one."""
        drawn = [draw(self.unit * (size[0] + (size[1] - size[0]) * step / 4)) for step in range(5)]
        for near in sorted(self.chance.random() for _ in range(count)):
            y = self.horizon + (0.1 + 0.95 * near) * (self.height - self.horizon)
            kind = min(int(near * 5), 4)
            picture = self.chance.choice(drawn[max(kind - 1, 0) : kind + 1])
            self.stand(strip, picture, self.chance.random() * strip.width, y)

    def flower(self, size: float) -> Image.Image:
        """A flower in one of the scene's colours."""
        accents = self.colours.accents
        petals = self.chance.choice((accents[0], accents[2], accents[3]))
        return props.flower(size, self.colours.leaf, petals, accents[1])

    def clump(self) -> Image.Image:
        """A tuft of grass or a flower for the foreground."""
        size = self.chance.uniform(0.14, 0.24) * self.unit
        return (
            self.flower(size * 1.2)
            if self.chance.random() < 0.4
            else props.tuft(size, self.colours.leaf, self.chance)
        )

    def clouds(self, count: int, *, colour: Colour | None = None, size: float = 0.09) -> None:
        """Clouds that drift."""
        tone = colour or mix(self.colours.sky[2], _WHITE, 0.15 if self.colours.dark else 0.72)
        if self.colours.dark and colour is None:
            tone = mix(tone, self.colours.sky[1], 0.55)
        for depth in (0.14, 0.2):
            strip = self.strip(depth)
            for place in range(count):
                x = (place + self.chance.uniform(0.1, 0.9)) / count * strip.width
                y = self.chance.uniform(0.16, 0.72) * self.horizon
                high = self.chance.uniform(0.6, 1.25) * size * self.unit
                self.stand(strip, props.cloud(high, tone, self.chance), x, y)
            self.add(strip, depth, drift=self.chance.uniform(0.004, 0.01) * self.unit)

    def foreground(self, pictures: Sequence[Image.Image], *, depth: float = 1.45) -> None:
        """Things close to the camera in the lower corners, out of focus."""
        strip = self.strip(depth)
        for index, picture in enumerate(pictures):
            side = index % 2
            inward = self.chance.uniform(-0.02, 0.13) * self.width
            x = self._margin(depth) + (inward if side == 0 else self.width - inward)
            self.stand(strip, picture, x, self.height + 0.03 * self.unit)
        reach = 0.006 * self.unit
        box = strip.getbbox() or (0, 0, strip.width, strip.height)
        box = 0, max(0, round(box[1] - 3 * reach)), strip.width, strip.height
        strip.paste(
            strip.crop(box).convert("RGBa").filter(ImageFilter.GaussianBlur(reach)).convert("RGBA"), box
        )
        self.add(strip, depth, before=True)

    def _margin(self, depth: float) -> int:
        # Even, for the colour planes; distant layers may drift.
        return math.ceil((TRAVEL[0] * self.width * depth + 0.16 * self.unit * min(depth, 0.25)) / 2 + 2) * 2

    def _below(self, depth: float) -> int:
        return math.ceil(TRAVEL[1] * self.height * depth) + 8

    def _stars(self, strip: Image.Image, rows: int) -> None:
        for size in (0.0028, 0.004, 0.0065):
            shape = Stamp(max(3.0, size * self.unit * 2))
            shape.fill(mix(self.colours.sun, _WHITE, 0.5), ellipse(50, 50, 44))
            bright = shape.done()
            stars = [bright]
            for part in (0.7, 0.5, 0.32):
                stars.append(bright.copy())
                stars[-1].putalpha(bright.getchannel("A").point([int(value * part) for value in range(256)]))
            for _ in range(round(0.24 / size * strip.width / strip.height)):
                x, y = self.chance.random() * strip.width, self.chance.random() ** 1.3 * rows * 0.8
                self.stand(strip, self.chance.choice(stars), x, y)

    def _body(self, strip: Image.Image, x: float, y: float) -> None:
        """The sun, or a moon with its craters."""
        size = self.chance.uniform(0.12, 0.16) * self.unit
        stamp = Stamp(size)
        disc = stamp.fill(self.colours.sun, ellipse(50, 50, 49))
        if self.colours.dark:
            grey = mix(self.colours.sun, self.colours.sky[1], 0.2)
            stamp.fill(
                grey,
                ellipse(34, 36, 10),
                ellipse(62, 58, 14),
                ellipse(40, 72, 7),
                ellipse(68, 28, 6),
                inside=disc,
            )
        self.stand(strip, stamp.done(), x, y + size / 2)
