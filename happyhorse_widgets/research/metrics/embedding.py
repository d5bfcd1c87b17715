"""What pictures are compared by: a light default, and the protocol by which learned models take its place."""

from __future__ import annotations

import pickle
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import cloudpickle
import numpy as np
from PIL import Image
from skimage.color import rgb2lab
from skimage.feature import hog

from happyhorse_widgets.errors import InvalidRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .frames import Pixels

    Vectors = NDArray[np.float64]

_SIDE = 64
#: Of L*, a* and b*. In sRGB blue has the least b*, −107.9, and magenta the most a*, 98.2.
_RANGES = ((0, 100), (-110, 110), (-110, 110))


class Embedder(Protocol):
    """Turns pictures into vectors whose angle says how far the pictures show the same, such as CLIP's or DINO's image encoder.

    The measures call it with a few dozen pictures at a time. It is sent along with every clip, and kept by the process that
    measures: one with large weights had better hold their path, and load them when it is first called.
    """

    name: str
    """What it is, with its version, as it is to stand in a paper."""

    def __call__(self, frames: Pixels) -> NDArray[Any]:
        """Of `frames`, uint8 RGB of shape (n, height, width, 3), n vectors: floats of shape (n, d), none of them zero."""


class ColourAndShape:
    """The default: which colours a picture has, and which way its edges run, at 64 × 64 pixels.

    A vector's first half is the square root of a joint histogram of CIELAB (4 × 8 × 8 bins, of L* from 0 to 100, a* and b* from
    −110 to 110, which is all that sRGB has); its second a histogram of oriented
    gradients (N. Dalal and B. Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005, pages 886–893; 8
    directions, cells of 16 × 16 pixels, blocks of 2 × 2 cells) of the brightness, less its mean. Both halves have length 1. It
    tells apart pictures that look different at a glance; it knows nothing of identity, of faces or of what things are.
    """

    name = "colour-and-shape-2"

    def __call__(self, frames: Pixels) -> Vectors:
        """See `Embedder`."""
        return np.stack([self._one(frame) for frame in frames])

    def _one(self, frame: Pixels) -> Vectors:
        image = Image.fromarray(frame).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
        lab = rgb2lab(np.asarray(image)).reshape(-1, 3)
        counts, _ = np.histogramdd(lab, bins=(4, 8, 8), range=_RANGES)
        edges = hog(
            np.asarray(image.convert("L")), orientations=8, pixels_per_cell=(16, 16), cells_per_block=(2, 2)
        )
        vector: Vectors = np.concatenate([_unit(np.sqrt(counts.ravel())), _unit(edges - edges.mean())])
        return vector


def _unit(vector: Vectors) -> Vectors:
    length = float(np.sqrt((vector * vector).sum()))
    return vector / length if length else vector


def embedded(embedder: Embedder, frames: Pixels) -> Vectors:
    """The vectors of `frames`, each of length 1, so that products of two are their cosine.

    Raises ValueError for what are no vectors: a wrong shape, values that are not finite, a zero vector.
    """
    found = np.asarray(embedder(frames), dtype=np.float64)
    if found.ndim != 2 or len(found) != len(frames):
        raise ValueError(
            f"The embedder {embedder.name} gave shape {found.shape} for {len(frames)} frames; wanted is (n, d)."
        )
    lengths = np.sqrt((found * found).sum(axis=1, keepdims=True))
    if not np.isfinite(found).all() or not lengths.all():
        raise ValueError(f"The embedder {embedder.name} gave a vector that is zero or not finite.")
    vectors: Vectors = found / lengths
    return vectors


def cosines(vectors: Vectors, other: Vectors) -> Vectors:
    """The cosines between `vectors`, of length 1 and shape (n, d) or (d,), and `other`, shape (d,); at least 0, as in VBench."""
    # Not by a matrix product: that of a linear algebra library may round otherwise with other numbers of threads.
    found: Vectors = np.maximum(0.0, (vectors * other).sum(axis=-1))
    return found


class Portable:
    """An embedder that can be sent to another process, also one from a notebook's cell, and arrives there once."""

    def __init__(self, embedder: Embedder) -> None:
        self.name = embedder.name
        self.embedder = embedder

    @cached_property
    def embedder(self) -> Embedder:
        """The embedder itself.

        One that was sent is opened here, not as it arrives: a process that fails at that looks as if it had been killed. Raises
        RuntimeError where this process cannot open it.
        """
        try:
            embedder: Embedder = pickle.loads(self._pickled)  # noqa: S301 (it comes from the process that asked for the work)
        except Exception as error:
            raise RuntimeError(
                f"The embedder {self.name} cannot be opened by the process that measures ({type(error).__name__}: {error}). "
                'Install there what it needs, or measure with executor="serial".'
            ) from error
        return embedder

    @cached_property
    def _pickled(self) -> bytes:
        try:
            pickled: bytes = cloudpickle.dumps(self.embedder)
        except Exception as error:
            raise InvalidRequest(
                f"The embedder {self.name} cannot be sent to other processes ({error}). Let it load what it holds when "
                'it is first called, or measure with executor="serial".'
            ) from error
        return pickled

    def check(self) -> None:
        """Raises `InvalidRequest` where the embedder cannot be sent to other processes."""
        self._pickled  # noqa: B018 (made once, here or when it is sent)

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self.name, self._pickled)


@lru_cache(maxsize=1)
def _arrived(name: str, pickled: bytes) -> Portable:
    portable = Portable.__new__(Portable)
    portable.name, portable._pickled = name, pickled
    return portable
