"""Whether subjects stay what they are: from frame to frame, and as their reference images show them."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from .embedding import cosines, embedded
from .frames import SAMPLED, shrunk, stride

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from .definitions import Value
    from .embedding import Embedder, Vectors
    from .frames import Frame, Pixels

#: The shorter side, in pixels, that embedders see of a whole frame.
_SEEN = 384
_BATCH = 16
#: The side of the squares that frames are searched in: what CLIP and DINO take.
_SQUARE = 224
#: How high the windows are that a subject is looked for in, as shares of the frame's shorter side.
_HEIGHTS = (1.0, 2 / 3, 1 / 2)
#: How wide a window may be for its height, and how narrow.
_WIDEST = 2.0
_GREY = (128, 128, 128, 255)


class OverTime:
    """`subject_consistency`: of frames taken about 8 times a second, how like the first and the one before each is."""

    def __init__(self, embedder: Embedder, fps: float) -> None:
        self._embedder = embedder
        self._stride = stride(fps, SAMPLED)
        self._waiting: list[Pixels] = []
        self._first: Vectors | None = None
        self._before: Vectors | None = None
        self._found: list[float] = []

    def add(self, index: int, frame: Frame) -> None:
        """See `Measuring`."""
        if index % self._stride:
            return
        self._waiting.append(shrunk(frame.rgb, _SEEN))
        if len(self._waiting) == _BATCH:
            self._compare()

    def result(self) -> dict[str, Value]:
        """See `Measuring`."""
        if self._waiting:
            self._compare()
        return {"subject_consistency": float(np.mean(self._found)) if self._found else math.nan}

    def _compare(self) -> None:
        for vector in embedded(self._embedder, np.stack(self._waiting)):
            if self._first is None or self._before is None:
                self._first = vector
            else:
                self._found.append(float(cosines(vector, self._first) + cosines(vector, self._before)) / 2)
            self._before = vector
        self._waiting.clear()


class ToReferences:
    """`subject_consistency_character1` and so on: how like its reference the likest part of each of the `stills` is."""

    def __init__(
        self, embedder: Embedder, references: Mapping[str, str | os.PathLike[str]], stills: Iterable[int]
    ) -> None:
        self._embedder = embedder
        self._stills = frozenset(stills)
        pictures = {name: reference_picture(path) for name, path in references.items()}
        self._shapes = {name: _shape(picture) for name, picture in pictures.items()}
        squares = {name: _square(picture, (0, 0, *picture.size)) for name, picture in pictures.items()}
        self._wanted = {name: embedded(embedder, square[None])[0] for name, square in squares.items()}
        self._found: dict[str, list[float]] = {name: [] for name in references}

    def add(self, index: int, frame: Frame) -> None:
        """See `Measuring`."""
        if index not in self._stills or not self._wanted:
            return
        image = Image.fromarray(shrunk(frame.rgb, _SEEN))
        for shape in sorted(set(self._shapes.values())):
            squares = np.stack([_square(image, box) for box in windows(*image.size, shape)])
            vectors = embedded(self._embedder, squares)
            for name, wanted in self._wanted.items():
                if self._shapes[name] == shape:
                    self._found[name].append(float(cosines(vectors, wanted).max()))

    def result(self) -> dict[str, Value]:
        """See `Measuring`."""
        return {
            f"subject_consistency_{name}": float(np.mean(found)) if found else math.nan
            for name, found in self._found.items()
        }


def reference_picture(path: str | os.PathLike[str]) -> Image.Image:
    """A reference image as RGB, upright; what is transparent in it is grey."""
    with Image.open(path) as image:
        whole = ImageOps.exif_transpose(image).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", whole.size, _GREY), whole).convert("RGB")


def _shape(picture: Image.Image) -> float:
    """How wide it is for its height, in steps of a tenth, so that references of nearly one shape share their windows."""
    return round(min(_WIDEST, max(1 / _WIDEST, picture.width / picture.height)), 1)


def _square(image: Image.Image, box: tuple[int, int, int, int]) -> Pixels:
    return np.asarray(image.resize((_SQUARE, _SQUARE), Image.Resampling.BILINEAR, box=box))


@lru_cache(maxsize=64)
def windows(width: int, height: int, shape: float) -> list[tuple[int, int, int, int]]:
    """The boxes (left, top, right, bottom) to look for something of `shape`, width for height, in a frame of that size.

    Windows of each size overlap by half, and reach both ends.
    """
    found: list[tuple[int, int, int, int]] = []
    for share in _HEIGHTS:
        tall = min(share * min(width, height), width / shape)
        wide = tall * shape
        found += [
            (left, top, min(width, left + round(wide)), min(height, top + round(tall)))
            for top in _places(height, tall)
            for left in _places(width, wide)
        ]
    return found


def _places(whole: int, part: float) -> list[int]:
    count = 1 + math.ceil((whole - part) / (part / 2) - 1e-9)
    return [round(place) for place in np.linspace(0, whole - part, max(1, count))]
