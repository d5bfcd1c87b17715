"""Copies of a video for blind comparison: one that says nothing of where it comes from, and one that is spoiled."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .frames import opened
from .probe import probe

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from av.bitstream import BitStreamFilterContext
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame

#: What encoders write about themselves and their settings is in messages beside the picture (SEI), which are of type 6.
_SILENT = {"h264": "filter_units=remove_types=6"}
#: The height of a spoiled copy in pixels, and how many pictures a second it has.
_SPOILED_HEIGHT, _SPOILED_RATE = 36, 2


def anonymous_copy(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Write the picture and sound of `source` to an MP4 without titles, dates, and what its encoder says about itself.

    Nothing is encoded again. Raises `MediaError` where `source` is cut or not a video.
    """
    from av.bitstream import BitStreamFilterContext

    codec = probe(source).video_codec
    with opened(source) as container, _written(target) as output:
        video = container.streams.video[0]
        sources = [video, *container.streams.audio[:1]]
        copies = {stream.index: output.add_stream_from_template(stream) for stream in sources}
        for stream in copies.values():
            stream.metadata.clear()
        silence = BitStreamFilterContext(_SILENT[codec], video) if codec in _SILENT else None
        for packet in container.demux(sources):
            if packet.dts is None:
                continue  # the mark of a stream's end
            stream_index = packet.stream_index
            for kept in _filtered(silence if stream_index == video.index else None, packet):
                kept.stream = copies[stream_index]
                output.mux_one(kept)


def spoiled_copy(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Write `source` to an MP4 of the same length that nobody can prefer: a few blurs, held for half a second each, no sound.

    Raises `MediaError` where `source` cannot be decoded.
    """
    import av

    facts = probe(source)
    height = _SPOILED_HEIGHT
    width = max(2, round(height * facts.width / facts.height / 2) * 2)
    with opened(source) as container, _written(target) as output:
        rate = Fraction(facts.frame_rate).limit_denominator(1001)
        stream = output.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        held: VideoFrame | None = None
        for index, frame in enumerate(container.decode(video=0)):
            if held is None or index % max(1, round(facts.frame_rate / _SPOILED_RATE)) == 0:
                held = frame.reformat(width, height, "yuv420p")
            picture = av.VideoFrame.from_ndarray(held.to_ndarray(), format="yuv420p")
            picture.pts, picture.time_base = index, 1 / rate
            output.mux(stream.encode(picture))
        output.mux(stream.encode())


def _written(target: str | os.PathLike[str]) -> OutputContainer:
    import av

    options = {"movflags": "faststart", "fflags": "bitexact"}
    return av.open(str(Path(target)), "w", format="mp4", options=options)


def _filtered(silence: BitStreamFilterContext | None, packet: Packet[Any]) -> Iterator[Packet[Any]]:
    if silence is None:
        yield packet
    else:
        yield from silence.filter(packet)
