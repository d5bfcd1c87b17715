"""Small MP4 files whose motion, cuts and sound are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

Picture = NDArray[np.uint8]

RATE = 24
WIDTH, HEIGHT = 160, 120


def texture(width: int = WIDTH, height: int = HEIGHT, seed: int = 0, softness: float = 2.0) -> Picture:
    """Coloured clouds, uint8 RGB of shape (height, width, 3), that use the whole range."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    soft = gaussian_filter(noise, (softness, softness, 0))
    low, high = np.quantile(soft, [0.01, 0.99])
    return (np.clip((soft - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def grey(level: int, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """A picture of one grey."""
    return np.full((height, width, 3), level, dtype=np.uint8)


def slid(places: Sequence[float], width: int = WIDTH, height: int = HEIGHT, seed: int = 0) -> list[Picture]:
    """Frames that look at a large texture from so many pixels further left each."""
    most = int(np.ceil(max(places))) + 8
    large = texture(width + 2 * most, height, seed, softness=3.0 * height / HEIGHT).astype(np.float32)
    return [
        np.clip(shift(large, (0, place, 0), order=1, mode="nearest"), 0, 255).astype(np.uint8)[
            :, most : most + width
        ]
        for place in places
    ]


def tone(level: float, seconds: float, channels: int = 2, rate: int = 48_000) -> NDArray[np.float32]:
    """A sine of 1 kHz whose peak is `level` dB below full scale (−∞ for silence): float32, shape (channels, samples)."""
    samples = 10 ** (level / 20) * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * rate)) / rate)
    return np.tile(samples.astype(np.float32), (channels, 1))


def write_film(
    path: Path, frames: Sequence[Picture], sound: NDArray[np.float32] | None = None, rate: int = RATE
) -> Path:
    """Encode the frames as H.264 that keeps nearly every pixel, and the sound (at 48 kHz) as AAC."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        video = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "2"})
        video.width, video.height, video.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv444p"
        layout = "mono" if sound is not None and len(sound) == 1 else "stereo"
        audio = None if sound is None else container.add_stream("aac", rate=48_000, layout=layout)
        for frame in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(video.encode())
        if audio is not None and sound is not None:
            for start in range(0, sound.shape[1], 1024):
                piece = np.ascontiguousarray(sound[:, start : start + 1024])
                samples = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
                samples.sample_rate, samples.pts = 48_000, start
                container.mux(audio.encode(samples))
            container.mux(audio.encode())
    return path
