"""Cuts the subject out of a reference image.

A plain background, also one with a soft gradient, is recognised at the image's border and removed from there inwards, with
soft edges. Where there is none, the whole picture becomes a card with rounded corners.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]
    Mask: TypeAlias = NDArray[np.bool_]

# Distances between colours, in 0–255 RGB.
_SAME, _ALIKE, _OTHER = 9.0, 26.0, 64.0

_Number = TypeVar("_Number", np.uint8, np.float32)


def cut_out(data: bytes, *, longest: int) -> Image.Image:
    """The subject of an image file as RGBA, cropped to what is visible.

    `longest` bounds the longer side of the picture before it is cropped, in pixels, and with it the time taken.
    """
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (longest, longest))
        picture = ImageOps.exif_transpose(image).convert("RGBA")
    picture.thumbnail((longest, longest), Image.Resampling.BOX)
    alpha = np.asarray(picture.getchannel("A"))
    if (_border(alpha) < 128).mean() > 0.3 and (alpha > 200).mean() > 0.02:
        return _cropped(picture)
    picture = picture.convert("RGB")
    cut = _without_background(picture)
    return _card(picture) if cut is None else _cropped(cut)


def _border(values: NDArray[_Number]) -> NDArray[_Number]:
    """The outermost rows and columns of an image, one after the other."""
    edge = max(1, min(values.shape[:2]) // 100)
    sides = values[:edge], values[-edge:], values[:, :edge], values[:, -edge:]
    return np.concatenate([side.reshape(-1, *values.shape[2:]) for side in sides])


def _without_background(picture: Image.Image) -> Image.Image | None:
    """The picture with a transparent background, or None where no plain background is seen."""
    pixels = np.asarray(picture, dtype=np.float32)
    ground = _background(pixels)
    if ground is None:
        return None
    distance = np.sqrt(_dot(pixels - ground, pixels - ground))
    # Looked for at half the size, which takes a quarter of the time.
    small = distance[::2, ::2]
    seeds = np.zeros(small.shape, dtype=np.bool_)
    seeds[[0, -1]] = seeds[:, [0, -1]] = True
    if np.ptp(ground[::16, ::16].mean(axis=(0, 1))) > 12:
        # A coloured background also shows through handles and between legs, where no path from the border leads.
        # Only where it fills a square: soft edges between two other colours pass through any colour.
        alike = Image.fromarray(small < _SAME).convert("L").filter(ImageFilter.BoxBlur(2))
        seeds |= np.asarray(alike) > 250
    reached = Image.fromarray(_reached(seeds, small < _ALIKE)).convert("L").resize(picture.size)
    outside = (distance < _ALIKE) & (np.asarray(reached.filter(ImageFilter.BoxBlur(1))) > 0)
    if not 0.03 < 1 - outside.mean() < 0.93:
        return None
    return _soften(picture, pixels, ground, outside)


def _background(pixels: Floats) -> Floats | None:
    """The colour behind the subject at each pixel: a smooth surface through the border, if most of it is that plain."""
    height, width = pixels.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    where, seen = _terms(_border(x), _border(y)), _border(pixels)
    median = np.median(seen, axis=0)
    near = _dot(seen - median, seen - median) < 90**2
    for _ in range(2):
        if near.mean() < 0.6:
            return None
        surface = np.linalg.lstsq(where[near], seen[near], rcond=None)[0].astype(np.float32)
        missed = seen - where @ surface
        near = _dot(missed, missed) < (_ALIKE / 2) ** 2
    if near.mean() < 0.6:
        return None
    return _terms(x, y) @ surface


def _terms(x: Floats, y: Floats) -> Floats:
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)


def _dot(first: Floats, second: Floats) -> Floats:
    return np.asarray(np.einsum("...c,...c->...", first, second), dtype=np.float32)


def _reached(seeds: Mask, open_: Mask) -> Mask:
    """The part of `open_` that is connected with the seeds: whole runs of rows and columns are filled in turn."""
    seeds = seeds & open_
    count = -1
    while count != (count := int(seeds.sum())):
        seeds = _fill_rows(_fill_rows(seeds, open_).T, open_.T).T
    return seeds


def _fill_rows(seeds: Mask, open_: Mask) -> Mask:
    rows = np.arange(open_.shape[0], dtype=np.int32)[:, None] * (open_.shape[1] + 1)
    runs = np.cumsum(~open_, axis=1, dtype=np.int32) + rows
    touched = np.zeros(int(runs[-1, -1]) + 1, dtype=np.bool_)
    touched[runs[seeds]] = True
    filled: Mask = open_ & touched[runs]
    return filled


def _soften(picture: Image.Image, pixels: Floats, ground: Floats, outside: Mask) -> Image.Image:
    """The subject with soft edges in its own colours, without the background that edge pixels are mixed with."""
    hidden = Image.fromarray(outside).convert("L").filter(ImageFilter.BoxBlur(2))
    band = np.asarray(hidden) > 4
    # What is surely inside, spread outwards, tells what an edge would look like without the background.
    solid = picture.convert("RGBA")
    solid.putalpha(Image.fromarray(~band).convert("L"))
    spread = np.asarray(solid.convert("RGBa").filter(ImageFilter.BoxBlur(4)))
    near = spread[:, :, 3] > 12
    edge = np.nonzero(band & (near | ~outside))
    own = spread[edge].astype(np.float32)
    inner = np.where(near[edge][:, None], own[:, :3] * (255 / np.maximum(own[:, 3:], 1)), pixels[edge])
    away, along = pixels[edge] - ground[edge], inner - ground[edge]
    mixed = _dot(away, along) / np.maximum(_dot(along, along), 1.0)
    # Thin lines have no inside to compare with: their distance from the background has to do.
    thin = (np.sqrt(_dot(away, away)) - _ALIKE) / (_OTHER - _ALIKE)
    alpha = np.where(near[edge], mixed, thin).clip(0, 1)
    alpha = np.where(outside[edge] & (alpha < 0.35), alpha * 0.5, alpha)
    cut = np.array(picture.convert("RGBA"))
    cut[outside, 3] = 0
    cut[edge] = np.rint(np.column_stack([inner, alpha * 255])).clip(0, 255).astype(np.uint8)
    return Image.fromarray(cut)


def _cropped(picture: Image.Image) -> Image.Image:
    visible = picture.getchannel("A").point(lambda value: 255 if value > 24 else 0)
    return picture.crop(visible.getbbox())


def _card(picture: Image.Image) -> Image.Image:
    """The whole picture as a photograph with a white rim and rounded corners."""
    rim = max(2, min(picture.size) // 28)
    width, height = picture.width + 2 * rim, picture.height + 2 * rim
    shape = Image.new("L", (width * 3, height * 3))
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, width * 3 - 1, height * 3 - 1), rim * 6, fill=255)
    card = Image.new("RGB", (width, height), "white")
    card.paste(picture, (rim, rim), _rounded(picture.size, rim))
    card.putalpha(shape.reduce(3))
    return card


def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    shape = Image.new("L", (size[0] * 3, size[1] * 3))
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, size[0] * 3 - 1, size[1] * 3 - 1), radius * 3, fill=255)
    return shape.reduce(3)
