"""Renders a simulated clip: a real MP4 of the promised size, rate and length, drawn from the very request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from .animatic.film import Film
from .animatic.sound import SAMPLE_RATE
from .sizes import FRAME_RATE, frame_count, frame_size

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from .animatic.canvas import Bytes

__all__ = ["frame_count", "frame_size", "render"]

_BT709, _LIMITED = 1, 1
# The number of threads is part of the result: another one gives other bytes.
_X264 = {
    "preset": "superfast",
    "crf": "22",
    "profile": "high",
    "bf": "0",
    "x264-params": "threads=2:weightp=0:ref=1",
}
# The encoder's default search takes two to four times as long, in a small clip as long as all the rest.
_AAC = {"aac_coder": "fast"}
# Frames that are drawn ahead of the encoder, and the threads that draw them.
_AHEAD, _THREADS = 3, 2


def render(
    target: str | os.PathLike[str],
    *,
    prompt: str,
    images: Sequence[bytes | os.PathLike[str]],
    width: int,
    height: int,
    duration: float,
    seed: int,
    model_id: str,
) -> None:
    """Write the clip that a request gives: H.264 High at 24 frames a second, AAC stereo at 48 kHz, `moov` last.

    `images` are the files of the references or their bytes, 1 to 9, in the order of the prompt's characters. `width`
    and `height` are even, from 16 pixels; `duration` is in seconds, and the clip has `frame_count(duration)` frames. The
    same request gives the same bytes on one machine; any other request gives another picture.
    """
    data = [image if isinstance(image, bytes) else Path(image).read_bytes() for image in images]
    film = Film(
        prompt=prompt,
        images=data,
        width=width,
        height=height,
        duration=duration,
        seed=seed,
        model_id=model_id,
    )
    # Without the encoder's version and the time of day in the file, the same request gives the same bytes.
    with av.open(str(Path(target)), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("libx264", rate=FRAME_RATE, options=_X264)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        context = video.codec_context
        context.thread_count, context.gop_size = _THREADS, 2 * FRAME_RATE
        context.color_range = _LIMITED
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo", bit_rate=64_000, options=_AAC)
        sound = _chunks(film)
        for array in _drawn(film):
            frame = av.VideoFrame.from_ndarray(array, format="yuv420p")
            frame.color_range, frame.colorspace = _LIMITED, _BT709
            container.mux(video.encode(frame))
            container.mux(audio.encode(next(sound)))
        container.mux(video.encode())
        container.mux(audio.encode())


def _drawn(film: Film) -> Iterator[Bytes]:
    """All frames in order, a few drawn ahead in other threads: NumPy and Pillow let go of the interpreter's lock."""
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = [pool.submit(film.frame, index) for index in range(min(_AHEAD, film.frames))]
        for index in range(film.frames):
            yield waiting.pop(0).result()
            if index + _AHEAD < film.frames:
                waiting.append(pool.submit(film.frame, index + _AHEAD))


def _chunks(film: Film) -> Iterator[av.AudioFrame]:
    """The soundtrack in pieces, one for each frame of the picture."""
    sound, step = film.sound(), SAMPLE_RATE // FRAME_RATE
    for index in range(film.frames):
        part = np.ascontiguousarray(sound[:, index * step : (index + 1) * step])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = SAMPLE_RATE, index * step
        yield frame
