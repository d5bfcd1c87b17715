"""How far two clips differ, frame by frame at equal times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy.fft import dctn
from skimage.metrics import structural_similarity
from skimage.transform import downscale_local_mean

from happyhorse_widgets.media.probe import probe

from .frames import SAMPLED, Frame, decoded
from .measuring import Source, file_hash, in_words
from .versions import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from happyhorse_widgets.media.probe import VideoFacts

    from .definitions import Value
    from .frames import Pixels

#: The shorter side, in pixels, that SSIM is made for: its authors' advice for the distance that people look from.
_VIEWED = 256
_HASHED, _KEPT = 32, 8
#: How far two aspect ratios may differ, as a share, and still be the same.
_SAME_SHAPE = 0.01


@dataclass(frozen=True, slots=True)
class PairTask:
    """Two clips to be compared."""

    first: Source
    second: Source


def measure_pair(task: PairTask) -> dict[str, Value]:
    """The row of one pair, by column: `sha256_a`, `sha256_b`, the measures, `versions`, and `error`, which says why they are
    missing, or "".

    Raises nothing, as `measure_clip`.
    """
    row: dict[str, Value] = {"error": "", "versions": told()}
    try:
        row["sha256_a"] = file_hash(task.first)
        row["sha256_b"] = file_hash(task.second)
        row |= _differences(task.first.path, task.second.path)
    except Exception as error:  # noqa: BLE001 (a pair that cannot be measured must not take the others with it)
        row["error"] = in_words(error)
    return row


def _differences(first: str, second: str) -> dict[str, Value]:
    one, other = probe(first), probe(second)
    moments = np.arange(0.0, min(one.duration, other.duration), 1 / SAMPLED)
    # The narrower where both have as many pixels: whichever of the two comes first, they are compared alike.
    sizes = (one.width, one.height), (other.width, other.height)
    width, height = min(sizes, key=lambda size: (math.prod(size), size))
    similar, squared, distances = [], [], []
    pairs = zip(_at(first, one, moments), _at(second, other, moments), strict=False)
    for a, b in ((_sized(a, width, height), _sized(b, width, height)) for a, b in pairs):
        similar.append(ssim(a.luma, b.luma))
        apart = np.maximum(a.rgb, b.rgb) - np.minimum(a.rgb, b.rgb)
        squared.append(float(np.square(apart, dtype=np.uint32).mean(dtype=np.float64)))
        distances.append(int((phash(a.rgb) != phash(b.rgb)).sum()))
    error = float(np.mean(squared)) if squared else math.nan
    return {
        "fit": _fit(one, other),
        "compared": len(similar),
        "ssim": float(np.mean(similar)) if similar else math.nan,
        "psnr": 10 * math.log10(255**2 / error) if error else math.inf,
        "phash_distance": float(np.mean(distances)) if distances else math.nan,
    }


def _at(path: str, facts: VideoFacts, moments: NDArray[np.float64]) -> Iterator[Frame]:
    """The frames nearest to these seconds, each once for every moment that it is nearest to."""
    wanted = np.minimum(np.rint(moments * facts.frame_rate).astype(int), facts.frames - 1)
    for index, frame in enumerate(decoded(path)):
        for _ in range(int((wanted == index).sum())):
            yield frame


def _sized(frame: Frame, width: int, height: int) -> Frame:
    if frame.rgb.shape[:2] == (height, width):
        return frame
    return Frame(np.asarray(Image.fromarray(frame.rgb).resize((width, height), Image.Resampling.LANCZOS)))


def _fit(one: VideoFacts, other: VideoFacts) -> str:
    if (one.width, one.height) == (other.width, other.height):
        return "equal"
    ratio = one.width / one.height * other.height / other.width
    return "scaled" if abs(ratio - 1) <= _SAME_SHAPE else "stretched"


def ssim(first: Pixels, second: Pixels) -> float:
    """The structural similarity of two grey pictures of one size, uint8, shape (height, width)."""
    factor = max(1, round(min(first.shape) / _VIEWED))
    a, b = (downscale_local_mean(one, (factor, factor)) for one in (first, second))
    return float(
        structural_similarity(
            a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
        )
    )


def phash(rgb: Pixels) -> NDArray[np.bool_]:
    """The perceptual hash of a picture: 64 bits, shape (8, 8)."""
    image = Image.fromarray(rgb).convert("L").resize((_HASHED, _HASHED), Image.Resampling.LANCZOS)
    low = dctn(np.asarray(image, dtype=np.float64))[:_KEPT, :_KEPT]
    bits: NDArray[np.bool_] = low > np.median(low)
    return bits
