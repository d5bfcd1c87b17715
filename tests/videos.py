"""Small real MP4 files whose frames can be told apart: frame i is a plain grey of `grey(i)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

RATE = 24


def grey(index: int) -> int:
    """The brightness of frame `index` (0–255), 6 apart from its neighbours'."""
    return 20 + 6 * (index % 36)


def index_of(image: Image.Image) -> int:
    """Which frame this is, by its brightness."""
    return round((float(np.asarray(image.convert("L")).mean()) - 20) / 6)


def write_video(
    path: Path,
    *,
    frames: int = 30,
    size: tuple[int, int] = (64, 48),
    audio: bool = True,
    faststart: bool = False,
) -> Path:
    """Encode H.264 with B-frames, and AAC stereo of the same length unless `audio` is False."""
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        video = container.add_stream(
            "libx264", rate=RATE, options={"preset": "veryfast", "crf": "12", "g": "12"}
        )
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        sound = container.add_stream("aac", rate=48_000, layout="stereo") if audio else None
        for index in range(frames):
            picture = np.full((size[1], size[0], 3), grey(index), dtype=np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            if sound is not None:
                time = (np.arange(48_000 // RATE) + index * 48_000 // RATE) / 48_000
                tone = np.tile(np.sin(2 * np.pi * 440 * time).astype(np.float32) * 0.2, (2, 1))
                samples = av.AudioFrame.from_ndarray(tone, format="fltp", layout="stereo")
                samples.sample_rate = 48_000
                samples.pts = index * 48_000 // RATE
                container.mux(sound.encode(samples))
        container.mux(video.encode())
        if sound is not None:
            container.mux(sound.encode())
    return path
