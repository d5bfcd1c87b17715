"""What single frames look like: sharp or soft, dark or bright."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.measure import blur_effect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .definitions import Value
    from .frames import Frame

#: Up to here, and from here on, of 255, a pixel has lost its shadows or its lights.
DARK, BRIGHT = 5, 250


class Quality:
    """`sharpness`, `exposure`, `clipped_dark` and `clipped_bright`: means over the frames with an index in `stills`."""

    def __init__(self, stills: Iterable[int]) -> None:
        self._stills = frozenset(stills)
        self._seen: list[tuple[float, float, float, float]] = []

    def add(self, index: int, frame: Frame) -> None:
        """See `Measuring`."""
        if index not in self._stills:
            return
        luma = frame.luma
        # A picture without a single edge can neither be sharp nor blurred.
        sharp = (
            np.nan
            if luma.min() == luma.max()
            else 1.0 - float(blur_effect(luma.astype(np.float32) / np.float32(255)))
        )
        exposure, dark, bright = (
            float(luma.mean()) / 255,
            float((luma <= DARK).mean()),
            float((luma >= BRIGHT).mean()),
        )
        self._seen.append((sharp, exposure, dark, bright))

    def result(self) -> dict[str, Value]:
        """See `Measuring`."""
        table = np.array(self._seen, dtype=np.float64).reshape(-1, 4)
        edged = table[~np.isnan(table[:, 0]), 0]
        return {
            "sharpness": float(edged.mean()) if len(edged) else float("nan"),
            **{
                name: float(table[:, column].mean()) if len(table) else float("nan")
                for column, name in enumerate(("exposure", "clipped_dark", "clipped_bright"), 1)
            },
        }
