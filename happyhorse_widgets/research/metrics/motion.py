"""What changes from frame to frame: flicker, how far things move, and how evenly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy.ndimage import map_coordinates
from scipy.ndimage import shift as moved
from skimage.registration import optical_flow_ilk, phase_cross_correlation

from .frames import stride

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .definitions import Value
    from .frames import Frame, Pixels

    Floats = NDArray[np.float32]

#: VBench's rule for a dynamic clip (vbench/dynamic_degree.py): the fastest 5 % of the pixels move by more than 6 pixels in an
#: eighth of a second, where the shorter side has 256, in at least 4 of 16 samples.
_FASTEST = 0.05
_THRESHOLD = 6.0 / 256.0
_EIGHTH = 1 / 8
_SAMPLES_OF = 4 / 16
#: A picture with less contrast than this is not made to have more.
_LEAST_CONTRAST = 0.02
#: By what factor the pan that was found must bring two frames closer to be believed.
_BELIEVED = 0.8
#: Flow is measured at no more than about so many frames a second.
_RATE = 24.0


class Flicker:
    """`temporal_flickering`, over all frames at their own size."""

    def __init__(self) -> None:
        self._before: Pixels | None = None
        self._differences: list[float] = []

    def add(self, _: int, frame: Frame) -> None:
        """See `Measuring`."""
        if self._before is not None:
            # In 8 bits, so that two frames of 1080p need 6 MB beside themselves, not 50.
            apart = np.maximum(self._before, frame.rgb) - np.minimum(self._before, frame.rgb)
            self._differences.append(float(apart.mean(dtype=np.float64)))
        self._before = frame.rgb

    def result(self) -> dict[str, Value]:
        """See `Measuring`."""
        found = self._differences
        return {"temporal_flickering": 1.0 - float(np.mean(found)) / 255.0 if found else math.nan}


class Motion:
    """`motion_amplitude`, `dynamic_degree` and `motion_smoothness`, from the flow over every second frame.

    Of three frames the flow from the first to the third says how far things moved; and half of it, from either side, is a guess
    at the second, which shows how even that was. The next three begin where these ended, so that no frame goes unseen.
    """

    def __init__(self, fps: float, width: int) -> None:
        self._fps, self._width = fps, width
        self._stride = stride(fps, _RATE)
        self._three: list[Floats] = []
        self._amplitudes: list[float] = []
        self._fastest: list[float] = []
        self._smoothness: list[float] = []

    def add(self, index: int, frame: Frame) -> None:
        """See `Measuring`."""
        if index % self._stride:
            return
        grey = np.asarray(Image.fromarray(frame.small).convert("L"), dtype=np.float32) / np.float32(255)
        self._three.append(grey)
        if len(self._three) < 3:
            return
        first, second, third = self._three
        flow = _flow(first, third)
        self._smoothness.append(
            1.0 - float(np.abs(second - _halfway(first, third, flow)).mean(dtype=np.float64))
        )
        lengths = np.hypot(flow[0], flow[1]).ravel()
        most = max(1, int(lengths.size * _FASTEST))
        seconds = 2 * self._stride / self._fps
        self._amplitudes.append(
            float(lengths.mean(dtype=np.float64)) * self._width / grey.shape[1] / (2 * self._stride)
        )
        self._fastest.append(
            float(np.partition(lengths, -most)[-most:].mean(dtype=np.float64))
            / min(grey.shape)
            * _EIGHTH
            / seconds
        )
        self._three = [third]

    def result(self) -> dict[str, Value]:
        """See `Measuring`."""
        if not self._fastest:
            return {"motion_amplitude": math.nan, "dynamic_degree": math.nan, "motion_smoothness": math.nan}
        needed = max(1, round(_SAMPLES_OF * (len(self._fastest) + 1)))
        return {
            "motion_amplitude": float(np.mean(self._amplitudes)),
            "dynamic_degree": float(sum(one > _THRESHOLD for one in self._fastest) >= needed),
            "motion_smoothness": float(np.mean(self._smoothness)),
        }


def _flow(first: Floats, third: Floats) -> Floats:
    """How far each pixel of `first` has moved in `third`: rows and columns, shape (2, height, width), in pixels.

    Both are brought to one brightness and contrast first, so that a fade is no motion. What the whole picture moves by, which may
    be more than the local method can follow, is found by phase correlation, and taken out of the way.
    """
    before, after = _levelled(first), _levelled(third)
    if not (before.any() and after.any()):  # one colour tells of no motion
        return np.zeros((2, *first.shape), dtype=np.float32)
    found, _, _ = phase_cross_correlation(before, after)
    pan = -np.asarray(found, dtype=np.float32)
    brought = moved(after, -pan, order=0, mode="nearest")
    if np.abs(before - brought).mean() > _BELIEVED * np.abs(before - after).mean():
        pan, brought = np.zeros_like(pan), after
    flow: Floats = (
        optical_flow_ilk(before, brought, radius=7, num_warp=3, prefilter=True) + pan[:, None, None]
    )
    return flow


def _levelled(grey: Floats) -> Floats:
    levelled: Floats = (grey - grey.mean()) / max(grey.std(), np.float32(_LEAST_CONTRAST))
    return levelled


def _halfway(first: Floats, third: Floats, flow: Floats) -> Floats:
    """The frame in the middle, if everything moves evenly: the mean of both ends, each moved by half of the flow."""
    grid = np.indices(first.shape, dtype=np.float32)
    before = map_coordinates(first, grid - flow / 2, order=1, mode="nearest")
    after = map_coordinates(third, grid + flow / 2, order=1, mode="nearest")
    middle: Floats = (before + after) / 2
    return middle
