"""Several videos in one, beside each other on one clock, each with its label."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from happyhorse_widgets.errors import InvalidRequest, MediaError

from .frames import opened
from .probe import VideoFacts, probe
from .sheets import Take, written

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

#: Pixels on a side: H.264 at level 5.1 goes no further, and few players do.
MOST = 4096
#: Of the grey that a plate is painted with: black and white as television counts them.
_BLACK, _SPAN = 16, 219
_OPTIONS = {"preset": "veryfast", "crf": "18"}
#: How high the pictures are, at most, where nobody says.
_HEIGHT = 360
#: FFmpeg's numbers for BT.709, and for what a file does not say.
_BT709, _UNSAID = 1, 2
#: From so many lines on, players take colours of which nothing is said for BT.709's; below, for BT.601's.
_HIGH = 720
#: FFmpeg's SWS_BILINEAR, FULL_CHR_H_INT, FULL_CHR_H_INP and ACCURATE_RND: without the latter colours are off by a few steps.
_EXACT = 0x2 | 0x2000 | 0x4000 | 0x40000


def side_by_side(
    takes: Sequence[Take],
    target: str | os.PathLike[str],
    *,
    columns: int | None = None,
    height: int | None = _HEIGHT,
    comment: str = "",
    progress: Callable[[float], None] = lambda _share: None,
) -> None:
    """Write one MP4 (H.264, no sound, its index first) in which the clips play beside each other.

    Each picture is `height` pixels high (None: as high as there is room for, 360 at most), as wide as the widest clip needs, with
    its label below it, so that all of the picture stays visible. `columns` stand side by side, by default as many as there are
    rows, or one more. The rate is the fastest clip's; a clip that is over stands on its last frame until the longest is over,
    too. The colours are BT.709's, also of clips in others. `comment` goes into the file's metadata. `progress` is called with 0–1
    after each frame, and may raise to stop.

    One frame of each clip is in memory at a time. Raises `InvalidRequest` where there is no clip, or the whole would pass 4,096
    pixels on a side, and `MediaError` where a file cannot be decoded.
    """
    facts = [probe(take.path) for take in takes]
    plan = _roomy(facts, columns) if height is None else _Plan(facts, columns, height)
    plan.check()
    rate = max(Fraction(fact.frame_rate).limit_denominator(1001) for fact in facts)
    length = max(fact.duration - take.start for take, fact in zip(takes, facts, strict=True))
    count = max(1, round(length * float(rate)))
    canvas = _Canvas(plan)
    for index, take in enumerate(takes):
        canvas.label(index, take.label)
    showing = [
        _showing(take, (width, plan.height), count, float(rate))
        for take, width in zip(takes, plan.sizes, strict=True)
    ]
    with av.open(str(Path(target)), "w", format="mp4", options={"movflags": "faststart"}) as output:
        output.metadata["comment"] = comment
        stream = output.add_stream("libx264", rate=rate, options=_OPTIONS)
        stream.width, stream.height, stream.pix_fmt = plan.across, plan.down, "yuv420p"
        context = stream.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries = context.color_trc = _BT709
        for number, pictures in enumerate(zip(*showing, strict=True)):
            for index, picture in enumerate(pictures):
                canvas.show(index, picture)
            frame = av.VideoFrame.from_ndarray(canvas.whole, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1) / rate
            output.mux(stream.encode(frame))
            progress((number + 1) / count)
        output.mux(stream.encode())


class _Plan:
    """Where each clip's picture and label are; all of it even, as H.264's colours need."""

    def __init__(self, facts: Sequence[VideoFacts], columns: int | None, height: int) -> None:
        if not facts or height < 2:
            raise InvalidRequest(
                f"A montage has at least 1 clip and 2 pixels in height, not {len(facts)} and {height}."
            )
        self.height = height // 2 * 2
        self.sizes = [_even(self.height * fact.width / fact.height) for fact in facts]
        self.width = max(self.sizes)
        self.band = _even(max(16, self.height * 0.08))
        square = math.ceil(math.sqrt(len(facts)))
        self.columns = min(len(facts), max(1, square if columns is None else columns))
        self.across = self.columns * self.width
        self.down = -(-len(facts) // self.columns) * (self.height + self.band)
        self.fits = max(self.across, self.down) <= MOST

    def check(self) -> None:
        """Raise `InvalidRequest` where the whole is too large."""
        if not self.fits:
            raise InvalidRequest(
                f"The video would be {self.across} × {self.down} pixels; a side has at most {MOST:,}. Take a smaller height, "
                "fewer clips, or another number of columns."
            )

    def corner(self, index: int) -> tuple[int, int]:
        """The left and upper edge of a clip's box."""
        return index % self.columns * self.width, index // self.columns * (self.height + self.band)


def _roomy(facts: Sequence[VideoFacts], columns: int | None) -> _Plan:
    """The highest that fits; where even the lowest does not, that."""
    plans = (_Plan(facts, columns, height) for height in range(_HEIGHT, 1, -2))
    return next((plan for plan in plans if plan.fits), _Plan(facts, columns, 2))


class _Canvas:
    """The frame that is being put together: planar YUV 4:2:0, as it is encoded."""

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        wide, high = plan.across, plan.down
        self.whole: NDArray[np.uint8] = np.full((high * 3 // 2, wide), 128, dtype=np.uint8)
        self._planes = _planes(self.whole, wide, high)
        self._planes[0][:] = _BLACK

    def show(self, index: int, picture: NDArray[np.uint8]) -> None:
        """Put a clip's picture, planar as well, into its box."""
        plan, width = self._plan, self._plan.sizes[index]
        left, top = plan.corner(index)
        left += (plan.width - width) // 4 * 2
        for plane, part, finer in zip(
            self._planes, _planes(picture, width, plan.height), (1, 2, 2), strict=True
        ):
            x, y = left // finer, top // finer
            plane[y : y + part.shape[0], x : x + part.shape[1]] = part

    def label(self, index: int, text: str) -> None:
        """Write a clip's label below its box."""
        plan = self._plan
        left, top = plan.corner(index)
        margin = plan.band // 4
        plate = written(text, plan.width - 2 * margin, plan.band, ink="#ffffff", paper="#000000")
        grey = np.asarray(plate.convert("L"), dtype=np.uint16)
        y = top + plan.height
        self._planes[0][y : y + plan.band, left + margin : left + margin + plate.width] = (
            _BLACK + grey * _SPAN // 255
        )


def _planes(whole: NDArray[np.uint8], width: int, height: int) -> tuple[NDArray[np.uint8], ...]:
    """Views of the brightness and of the two colours, which are half as wide and high."""
    flat, size = whole.reshape(-1), width * height
    small = (height // 2, width // 2)
    return (
        flat[:size].reshape(height, width),
        flat[size : size * 5 // 4].reshape(small),
        flat[size * 5 // 4 :].reshape(small),
    )


def _showing(take: Take, size: tuple[int, int], count: int, rate: float) -> Iterator[NDArray[np.uint8]]:
    """The clip's picture, `size` wide and high, at each of `count` moments, `rate` a second."""
    with opened(take.path) as container:
        frames = container.decode(video=0)
        held = next(frames, None)
        if held is None:
            raise MediaError(f"{take.path.name} has no frame that can be decoded.")
        coming = next(frames, None)
        picture: NDArray[np.uint8] | None = None
        for number in range(count):
            now = take.start + (number + 0.5) / rate
            while coming is not None and coming.time <= now:
                held, coming, picture = coming, next(frames, None), None
            if picture is None:
                picture = _resized(held, size)
            yield picture


def _resized(frame: VideoFrame, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The frame as planar YUV 4:2:0 of the colours that all are encoded in: clips of one montage may mean other ones."""
    guess = Colorspace.ITU709 if frame.height >= _HIGH else Colorspace.ITU601
    small = frame.reformat(
        *size,
        format="yuv420p",
        src_colorspace=guess if frame.colorspace == _UNSAID else None,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=_EXACT,
    )
    return np.asarray(small.to_ndarray(), dtype=np.uint8)


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)
