"""The colours of a scene: its own, in the light of the hour, with the haze of distance."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import random

#: Red, green and blue, 0–255.
Colour: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Hour:
    sky: tuple[str, str, str]
    light: tuple[float, float, float]
    haze: str
    sun: str


_HOURS = {
    "day": _Hour(("#58aee6", "#a6dbf3", "#e9f7ef"), (1.0, 1.0, 1.0), "#d4ecf3", "#fff4c9"),
    "sunset": _Hour(("#5b5a9f", "#ea8b7c", "#ffdca4"), (1.02, 0.85, 0.80), "#f7b792", "#fff0c2"),
    "dawn": _Hour(("#8aa7e2", "#f2c5d2", "#fff1dd"), (1.0, 0.94, 0.96), "#f3dbe0", "#fffaf0"),
    "night": _Hour(("#0b1538", "#1e3069", "#435c9c"), (0.45, 0.53, 0.78), "#3a4f8c", "#f6f2da"),
}
# Far, middle and near ground, its shade, leaves, their shade, wood; then four accents.
_SETTINGS = {
    "meadow": "#8fc9ae #6cb67f #93cf72 #5fae58 #4ea267 #3b875a #7b5741 #f25f5c #ffd84d #ffffff #c77dff",
    "forest": "#7dbaa6 #4c9379 #79b25c #4b8a45 #37805f #2a664f #6b4a38 #f25f5c #f7c548 #fff3e0 #e07a5f",
    "mountains": "#8ba6d3 #74a892 #9ac86e #67a457 #4b9466 #3a7c5a #78553f #ff7f6b #ffd84d #ffffff #8fa8ff",
    "desert": "#e4a97c #db955c #f3c77f #dba257 #6fa062 #568650 #8d5f42 #e8584f #ffd84d #fff3e0 #f28fb1",
    "beach": "#3b9fca #63c6d6 #f7e0ab #e8c587 #4ea56c #3a8a5d #9a6b47 #f25f5c #ffd84d #ffffff #2f7fd1",
    "snow": "#b3cbe8 #d3e3f3 #f6fafd #d5e4f1 #4c8577 #3a6d66 #735545 #e8584f #ffd84d #ffffff #5aa9e6",
    "city": "#a5b6d0 #7d8fb3 #a3a9b6 #7d8492 #4ea267 #3b875a #5d6270 #f25f5c #ffd84d #ffffff #39b5a6",
    "room": "#f3dcbd #e6c59d #c98f60 #a9714a #4ea267 #3b875a #8a5a3c #e8584f #f2b84b #fff6e8 #3f8fa6",
    "space": "#5c5a8c #7f7aa8 #c9c4d8 #9691ad #6b6fa0 #565a88 #7a7590 #ff7f6b #ffd166 #ffffff #5fd4c9",
    "stage": "#8f2f45 #b23a55 #c88b58 #9b6239 #4ea267 #3b875a #6d4530 #ffd166 #ffe9b0 #ffffff #7fd1ff",
}


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours ready for use. `light` multiplies the subjects' own colours; `dark` is True where lamps shine."""

    sky: tuple[Colour, Colour, Colour]
    sun: Colour
    far: Colour
    middle: Colour
    ground: Colour
    shade: Colour
    leaf: Colour
    leaf_shade: Colour
    wood: Colour
    accents: tuple[Colour, ...]
    light: tuple[float, float, float]
    dark: bool

    def hazy(self, colour: Colour, amount: float) -> Colour:
        """As seen from afar: nearer to the sky at the horizon."""
        return mix(colour, self.sky[2], amount)

    def faded(self, amount: float) -> Palette:
        """The palette of things that are far away."""
        return replace(
            self,
            middle=self.hazy(self.middle, amount),
            ground=self.hazy(self.ground, amount),
            leaf=self.hazy(self.leaf, amount),
            leaf_shade=self.hazy(self.leaf_shade, amount),
            wood=self.hazy(self.wood, amount),
        )


def palette(setting: str, time: str, chance: random.Random) -> Palette:
    """The colours for a setting and an hour, a little different for each seed."""
    hour = _HOURS["night" if setting == "space" else time]
    light = (0.72, 0.74, 0.92) if setting == "space" else hour.light
    if setting in ("room", "stage"):
        light = tuple(1 - (1 - part) * 0.45 for part in light)  # type: ignore[assignment]
    turn = chance.uniform(-0.025, 0.025)
    own = [_lit(_turned(_hex(text), turn), light) for text in _SETTINGS[setting].split()]
    sky = tuple(_turned(_hex(text), turn / 2) for text in hour.sky)
    if setting == "space":
        sky = (_hex("#070a1f"), _hex("#171a45"), _turned(_hex("#40306e"), turn * 4))
    gentle = tuple(round(1 - (1 - part) * 0.34, 3) for part in light)
    return Palette(
        sky=(sky[0], sky[1], sky[2]),
        sun=_hex(hour.sun),
        far=own[0],
        middle=own[1],
        ground=own[2],
        shade=own[3],
        leaf=own[4],
        leaf_shade=own[5],
        wood=own[6],
        accents=tuple(own[7:]),
        light=(gentle[0], gentle[1], gentle[2]),
        dark=hour is _HOURS["night"],
    )


def mix(first: Colour, second: Colour, amount: float) -> Colour:
    """Between two colours: 0 is the first, 1 the second."""
    red, green, blue = (round(a + (b - a) * amount) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _hex(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _lit(colour: Colour, light: tuple[float, ...]) -> Colour:
    red, green, blue = (min(255, round(part * factor)) for part, factor in zip(colour, light, strict=True))
    return red, green, blue


def _turned(colour: Colour, turn: float) -> Colour:
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    red, green, blue = (
        round(part * 255) for part in colorsys.hls_to_rgb((hue + turn) % 1, lightness, saturation)
    )
    return red, green, blue
