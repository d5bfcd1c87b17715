"""The frames of a clip, one after the other, in the sizes that measures look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

from happyhorse_widgets.errors import MediaError
from happyhorse_widgets.media.frames import opened

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

    from .definitions import Value

#: The shorter side, in pixels, of what motion and cuts are measured on.
SMALL = 128
#: Frames a second at which measures look that need not see each.
SAMPLED = 8.0


@dataclass
class Frame:
    """One decoded frame: `rgb` is uint8, shape (height, width, 3), of the clip's own size."""

    rgb: Pixels

    @cached_property
    def luma(self) -> Pixels:
        """The brightness of each pixel (ITU-R BT.601, gamma-encoded): uint8, shape (height, width)."""
        return np.asarray(Image.fromarray(self.rgb).convert("L"))

    @cached_property
    def small(self) -> Pixels:
        """`rgb` with a shorter side of at most `SMALL` pixels."""
        return shrunk(self.rgb, SMALL)


class Measuring(Protocol):
    """A measure that sees every frame once, in order, and keeps only what it needs."""

    def add(self, index: int, frame: Frame, /) -> None:
        """Look at frame `index`, counted from 0."""

    def result(self) -> dict[str, Value]:
        """The columns' values; NaN where there were too few frames."""


def decoded(path: str | os.PathLike[str]) -> Iterator[Frame]:
    """Every frame, one at a time. Raises `MediaError` where one of them cannot be decoded.

    FFmpeg conceals what is damaged by what was there before: that is not what the model made, and must not be measured as that.
    """
    name, found = Path(path).name, 0
    with opened(path) as container:
        # What an edit list cuts off is no frame of the clip's.
        shown = sum(1 for packet in container.demux(video=0) if packet.size and not packet.is_discard)
        container.seek(0)
        for found, frame in enumerate(container.decode(video=0), 1):
            if frame.is_corrupt:
                raise MediaError(f"{name} is damaged: frame {found - 1} is not whole. Download it again.")
            yield Frame(frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False))
    if found < shown:
        raise MediaError(
            f"{name} is damaged: of {shown} frames only {found} can be decoded. Download it again."
        )


def shrunk(rgb: Pixels, short: int) -> Pixels:
    """The picture with a shorter side of at most `short` pixels, averaged over what each new pixel covers."""
    height, width = rgb.shape[:2]
    scale = short / min(height, width)
    if scale >= 1:
        return rgb
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0))


def spaced(frames: int, count: int) -> list[int]:
    """The indices of `count` frames, evenly spaced from the first to the last; fewer where there are fewer frames."""
    return sorted({int(place) for place in np.rint(np.linspace(0, frames - 1, count))}) if frames else []


def stride(fps: float, rate: float) -> int:
    """Every how many-th frame to take for about `rate` of them a second."""
    return max(1, round(fps / rate))
