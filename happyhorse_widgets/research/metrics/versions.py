"""With which libraries a process measures: other versions may round otherwise."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version

import av

_DISTRIBUTIONS = ("happyhorse_widgets", "av", "numpy", "pillow", "scikit-image", "scipy")


@lru_cache(maxsize=1)
def installed() -> dict[str, str]:
    """The version of each library that the numbers depend on, by its name, in this process."""
    return {name: version(name) for name in _DISTRIBUTIONS} | {"ffmpeg": av.ffmpeg_version_info}


def told() -> str:
    """The same in one line: with this a row says where it was measured."""
    return ", ".join(f"{name} {number}" for name, number in installed().items())
