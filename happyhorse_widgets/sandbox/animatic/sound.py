"""The soundtrack: a music box over soft chords, composed from the seed, with the place's own murmur."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples: TypeAlias = NDArray[np.float32]

#: Samples per second and channel.
SAMPLE_RATE = 48_000

_MAJOR, _MINOR = (0, 2, 4, 7, 9), (0, 3, 5, 7, 10)
_CHORDS = (
    ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14)),
    ((0, 3, 7), (8, 12, 15), (3, 7, 10), (10, 14, 17)),
)
_MURMUR = {"beach": 0.05, "forest": 0.016, "city": 0.022, "snow": 0.02, "desert": 0.02, "mountains": 0.018}


def compose(seed: int, length: int, *, setting: str, dark: bool) -> Samples:
    """Music of `length` samples as float32 (2, length) within ±1; the same for the same arguments."""
    chance = random.Random(seed)
    sound = np.zeros((2, length), dtype=np.float32)
    root, scale = 220 * 2 ** (chance.randrange(-3, 5) / 12), _MINOR if dark else _MAJOR
    beat = 60 / chance.choice((84, 92, 100, 112))
    bars = math.ceil(length / SAMPLE_RATE / (4 * beat))
    degree = chance.randrange(3, 8)
    for bar in range(bars):
        for tone in _CHORDS[dark][bar % 4]:
            _add(sound, bar * 4 * beat, _pad(root / 2 * 2 ** (tone / 12), 4.4 * beat), 0.05, 0.5)
        for step in range(8):
            if chance.random() < (0.85 if step % 2 == 0 else 0.4):
                degree = min(max(degree + chance.choice((-2, -1, -1, 1, 1, 2)), 0), 12)
                pitch = root * 2 * 2 ** (scale[degree % 5] / 12 + degree // 5 - 1)
                _add(sound, (bar * 4 + step / 2) * beat, _pluck(pitch), 0.17, chance.uniform(0.25, 0.75))
    murmur = _MURMUR.get(setting, 0.0)
    if murmur:
        noise = np.random.default_rng(seed).standard_normal(length).astype(np.float32)
        soft = np.convolve(noise, np.hanning(96).astype(np.float32) / 10, mode="same")
        swell = 0.6 + 0.4 * np.sin(math.tau * np.arange(length, dtype=np.float32) / SAMPLE_RATE / 4.3)
        sound += murmur * soft * swell
    fade = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.25 * SAMPLE_RATE))
    faded: Samples = (np.tanh(sound) * fade).astype(np.float32)
    return faded


def _add(sound: Samples, at: float, tone: Samples, level: float, right: float) -> None:
    start = round(at * SAMPLE_RATE)
    part = tone[: max(sound.shape[1] - start, 0)]
    sound[0, start : start + len(part)] += part * level * math.cos(right * math.pi / 2) * 1.4
    sound[1, start : start + len(part)] += part * level * math.sin(right * math.pi / 2) * 1.4


def _pluck(pitch: float) -> Samples:
    time = np.arange(round(1.1 * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    turn = np.float32(math.tau * pitch) * time
    tone = np.sin(turn) * np.exp(-4.5 * time) + 0.35 * np.sin(3.01 * turn) * np.exp(-11 * time)
    attack = np.minimum(1, time * 250)
    return np.asarray(tone * attack, dtype=np.float32)


def _pad(pitch: float, length: float) -> Samples:
    time = np.arange(round(length * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    turn = np.float32(math.tau * pitch) * time
    shape = np.sin(np.minimum(time / length, 1) * math.pi) ** 0.7
    return np.asarray((np.sin(turn) + 0.4 * np.sin(2.003 * turn)) * shape, dtype=np.float32)
