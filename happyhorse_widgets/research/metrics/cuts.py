"""Where a clip cuts to another shot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .definitions import Value
    from .frames import Frame

#: The defaults of PySceneDetect's AdaptiveDetector.
_RATIO, _LEAST, _WINDOW, _SHORTEST = 3.0, 15.0, 2, 15
_MOST, _NOTHING = 255.0, 1e-5
#: The hues of Pillow are 256 around the circle, those of OpenCV, which the thresholds are made for, 180.
_HUES = 180 / 256


class Cuts:
    """`scene_cuts` and `scene_cut_frames`."""

    def __init__(self) -> None:
        self._before: NDArray[np.int32] | None = None
        self._scores: list[float] = []

    def add(self, _: int, frame: Frame) -> None:
        """See `Measuring`."""
        colours = np.asarray(Image.fromarray(frame.small).convert("HSV")).astype(np.int32)
        colours[..., 0] = colours[..., 0] * _HUES
        changed = (
            0.0 if self._before is None else float(np.abs(colours - self._before).mean(dtype=np.float64))
        )
        self._scores.append(changed)
        self._before = colours

    def result(self) -> dict[str, Value]:
        """See `Measuring`."""
        found = cuts_in(self._scores)
        return {"scene_cuts": len(found), "scene_cut_frames": " ".join(map(str, found))}


def cuts_in(scores: list[float]) -> list[int]:
    """The frames that begin a shot, from how far each differs from the one before (the first by 0).

    One that differs much more than its neighbours, two on each side, differ from theirs. PySceneDetect counts the shortest
    shot's 15 frames up to the last neighbour: 13 frames from one cut, or from the beginning, to the next are enough.
    """
    found: list[int] = []
    last = 0
    for index in range(_WINDOW, len(scores) - _WINDOW):
        around = scores[index - _WINDOW : index] + scores[index + 1 : index + 1 + _WINDOW]
        usual = sum(around) / len(around)
        ratio = min(scores[index] / usual, _MOST) if usual >= _NOTHING else _MOST
        if ratio >= _RATIO and scores[index] >= _LEAST and index + _WINDOW - last >= _SHORTEST:
            found.append(index)
            last = index
    return found
