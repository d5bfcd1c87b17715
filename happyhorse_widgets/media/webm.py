"""A WebM copy of a video, for programs without H.264."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from .frames import opened
from .probe import probe

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

#: At the speed of a live broadcast: a few seconds for a clip, at a quality that the eye takes for the original.
_OPTIONS = {"deadline": "realtime", "cpu-used": "7", "row-mt": "1", "crf": "28", "b": "0", "g": "24"}


def to_webm(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    progress: Callable[[float], None] = lambda _share: None,
) -> None:
    """Write the picture of `source` to `target` as VP9 in WebM, frame by frame, at its size and rate; without sound.

    `progress` is called with 0–1. Raises `MediaError` where `source` is cut, not a video or cannot be decoded.
    """
    import av

    facts = probe(source)
    with opened(source) as container, av.open(str(Path(target)), "w", format="webm") as output:
        rate = container.streams.video[0].average_rate or Fraction(facts.frame_rate)
        stream = output.add_stream("libvpx-vp9", rate=rate, options=_OPTIONS)
        stream.width, stream.height, stream.pix_fmt = facts.width, facts.height, "yuv420p"
        for index, frame in enumerate(container.decode(video=0)):
            frame.pts, frame.time_base = index, Fraction(1) / rate
            output.mux(stream.encode(frame.reformat(format="yuv420p")))
            progress(min(1.0, (index + 1) / facts.frames))
        output.mux(stream.encode())
