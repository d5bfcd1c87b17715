"""One clip, ready to be drawn frame by frame."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

from happyhorse_widgets.sandbox.sizes import FRAME_RATE, frame_count

from . import motion, places, sound
from .badge import badge, caption
from .canvas import Canvas, packed, patch
from .cast import assemble
from .direction import direct
from .palette import palette
from .weather import Weather

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from .canvas import Bytes, Patch
    from .sound import Samples


class Film:
    """A scene, its subjects and their movements.

    The same arguments give the same frames and sound. Prompt, seed and model decide on the scene; the images are the
    subjects, and give each of them its own rhythm; the duration sets the pace.
    """

    def __init__(
        self,
        *,
        prompt: str,
        images: Sequence[bytes],
        width: int,
        height: int,
        duration: float,
        seed: int,
        model_id: str,
    ) -> None:
        self.width, self.height = width, height
        self.frames = frame_count(duration)
        self._length = self.frames / FRAME_RATE
        self._seed = int.from_bytes(
            hashlib.sha256(repr((prompt, seed, model_id)).encode()).digest()[:8], "big"
        )
        chance = random.Random(self._seed)
        self._direction = direct(prompt, len(images), chance)
        colours = palette(self._direction.setting, self._direction.time, chance)
        scene = places.build(self._direction.setting, width, height, colours, chance)
        self._behind, self._before = scene.behind, scene.before
        self._dark = colours.dark
        kind = self._direction.weather or ("snowfall" if self._direction.setting == "snow" else None)
        self._weather = Weather(kind, width, height, colours, chance) if kind else None
        self._subjects = assemble(images, self._direction, scene)
        self._marks = _marks(
            width, height, prompt, f"seed {seed} · {duration:g} s · {width}x{height} · {_short(model_id)}"
        )

    def frame(self, index: int) -> Bytes:
        """Frame `index` as planar YUV 4:2:0: uint8 (height × 3/2, width)."""
        time = index / FRAME_RATE
        canvas = Canvas(self.width, self.height)
        size = self.width, self.height
        view = motion.camera(self._direction.camera, self._direction.reverse, time, self._length, size)
        limits, limit = [], self.height
        for layer, _ in reversed(self._behind):
            limits.append(limit)
            limit = min(limit, layer.solid_from(canvas, view))
        for (layer, drift), until in zip(self._behind, reversed(limits), strict=True):
            layer.draw(canvas, view, until=until, shift=drift * time)
        for subject in self._subjects:
            subject.draw(canvas, view, time, self._length)
        for layer in self._before:
            layer.draw(canvas, view, until=self.height)
        if self._weather:
            self._weather.draw(canvas, view, time)
        if view.zoom > 1:
            canvas.magnify(view.zoom)
        for left, top, mark in self._marks:
            canvas.blend(left, top, mark)
        return canvas.array

    def sound(self) -> Samples:
        """The soundtrack, exactly as long as the picture."""
        length = self.frames * sound.SAMPLE_RATE // FRAME_RATE
        return sound.compose(self._seed, length, setting=self._direction.setting, dark=self._dark)


def _marks(width: int, height: int, prompt: str, details: str) -> list[tuple[int, int, Patch]]:
    """What is burnt in: the badge in the upper left corner, the caption in the lower."""
    margin = max(2, round(0.033 * min(width, height) / 2) * 2)
    sign, text = badge(width, height), caption(width, height, prompt, details)
    marks = [(margin, margin, _whole(sign))]
    if text is not None:
        marks.append((margin, (height - margin - text.height) // 2 * 2, _whole(text)))
    return marks


def _whole(picture: Image.Image) -> Patch:
    even = picture.crop((0, 0, picture.width + picture.width % 2, picture.height + picture.height % 2))
    return patch(packed(even))


def _short(model_id: str) -> str:
    """What tells one model from another, in a few letters."""
    return model_id.removeprefix("model_").removeprefix("alibaba-").replace("-reference-to-video", "")[:32]
