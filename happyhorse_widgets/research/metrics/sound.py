"""How loud a clip is, by FFmpeg's meter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import av
from av.filter import Graph

from happyhorse_widgets.media.frames import opened

if TYPE_CHECKING:
    import os

    from .definitions import Value

#: Where the meter says how loud everything was that it has heard so far, in LUFS.
_INTEGRATED = "lavfi.r128.I"


def loudness(path: str | os.PathLike[str]) -> dict[str, Value]:
    """The column `loudness` of the first audio stream, NaN without one. Raises `MediaError` where it cannot be decoded.

    FFmpeg's filter `ebur128` does the K-weighting, the blocks of 400 ms and both gates; it rounds to 0.01 LU.
    """
    found = math.nan
    with opened(path) as container:
        if not container.streams.audio:
            return {"loudness": found}
        graph = Graph()
        source = graph.add_abuffer(template=container.streams.audio[0])
        meter, sink = graph.add("ebur128", "metadata=1:framelog=quiet"), graph.add("abuffersink")
        source.link_to(meter)
        meter.link_to(sink)
        graph.configure()
        for frame in container.decode(audio=0):
            graph.push(frame)
            found = _heard(graph, found)
        graph.push(None)
        found = _heard(graph, found)
    return {"loudness": found}


def _heard(graph: Graph, before: float) -> float:
    """What the meter says by now; `before` where it has nothing new."""
    while True:
        try:
            said = graph.pull().metadata.get(_INTEGRATED)
        except (av.BlockingIOError, av.EOFError):  # it wants more, or has had it all
            return before
        before = before if said is None else float(said)
