"""The mark on every frame that says what this is: SANDBOX, a simulation. And a caption with the request."""

from __future__ import annotations

import bisect
import unicodedata

from PIL import Image, ImageDraw, ImageFont

_INK, _PAPER, _SIGNAL = (255, 255, 255, 255), (14, 18, 28, 205), (255, 190, 60, 255)


def badge(width: int, height: int) -> Image.Image:
    """The word SANDBOX and the word simulation on a dark plate, for a frame of that size.

    The letters stay legible where the frame is shown 360 pixels wide.
    """
    size = max(7.0, 0.042 * width if width <= height else max(0.034 * width, 0.055 * height))
    size = min(size, 0.075 * min(width, height) + 5)
    large, small = ImageFont.load_default(size), ImageFont.load_default(max(6.0, size * 0.5))
    heavy = max(1, round(size / 26))
    first, second = large.getbbox("SANDBOX", stroke_width=heavy), small.getbbox("simulation")
    pad, gap = size * 0.42, size * 0.24
    bar = size * 0.2
    inner = max(first[2] - first[0], second[2] - second[0])
    plate = Image.new(
        "RGBA",
        (round(inner + 2 * pad + bar), round(first[3] - first[1] + second[3] - second[1] + gap + 1.6 * pad)),
    )
    fine = Image.new("RGBA", (plate.width * 3, plate.height * 3))
    shape = ImageDraw.Draw(fine)
    shape.rounded_rectangle((0, 0, fine.width - 1, fine.height - 1), size * 0.7, fill=_PAPER)
    left, high = bar * 1.4 * 3, pad * 0.8 * 3
    shape.rounded_rectangle((left, high, left + bar * 1.5, fine.height - high), bar, fill=_SIGNAL)
    plate = fine.convert("RGBa").reduce(3).convert("RGBA")
    draw = ImageDraw.Draw(plate)
    x = pad + bar * 1.25
    draw.text(
        (x - first[0], 0.8 * pad - first[1]), "SANDBOX", _INK, large, stroke_width=heavy, stroke_fill=_INK
    )
    y = 0.8 * pad + first[3] - first[1] + gap - second[1]
    draw.text((x - second[0], y), "simulation", (255, 226, 170, 255), small)
    return plate


def caption(width: int, height: int, prompt: str, details: str) -> Image.Image | None:
    """The prompt's beginning and the request's details in one quiet line; None where the frame is too small for it.

    A prompt in a script that the built-in font lacks is left out.
    """
    size = 0.021 * min(width, height) + 0.002 * max(width, height)
    if size < 9:
        return None
    font = ImageFont.load_default(size)
    words = " ".join("".join(sign if sign.isprintable() else " " for sign in prompt).split())
    text = _fitting(words, details, font, 0.92 * width - 2 * size) if _drawable(words) else details
    box = font.getbbox(text)
    shape = Image.new("L", (round(box[2] - box[0] + 1.5 * size) * 3, round(1.9 * size) * 3))
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, shape.width - 1, shape.height - 1), 1.5 * size, fill=140)
    plate = Image.new("RGBA", (shape.width // 3, shape.height // 3), _PAPER)
    plate.putalpha(shape.reduce(3))
    where = 0.75 * size - box[0], 0.95 * size
    ImageDraw.Draw(plate).text(where, text, (255, 255, 255, 235), font, anchor="lm")
    return plate


def _fitting(
    words: str, details: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: float
) -> str:
    """As many letters of the prompt as there is room for, before the details."""

    def line(count: int) -> str:
        if count >= len(words):
            return f"“{words}”  ·  {details}"
        return f"“{words[:count].rstrip()}…”  ·  {details}"

    fit = bisect.bisect_left(
        range(len(words) + 1), x=True, key=lambda count: font.getlength(line(count)) > room
    )
    return line(fit - 1) if fit > 1 else details


def _drawable(text: str) -> bool:
    """Whether there are letters, and the built-in font has them: it knows the Latin ones."""
    return text != "" and all(
        ord(sign) < 0x250 or (ord(sign) < 0x2100 and unicodedata.category(sign)[0] == "P") for sign in text
    )
