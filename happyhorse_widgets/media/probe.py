"""Technical facts of an MP4 file, and whether it is whole."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from happyhorse_widgets.errors import MediaError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

_TOP_LEVEL = frozenset(b"ftyp styp moov mdat free skip wide uuid meta sidx moof mfra pdin".split())


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a video file is.

    `width` and `height` are in pixels, `frame_rate` in frames per second, `duration` in seconds of the video
    stream, `size` in bytes. `faststart` is True where the index (`moov`) comes before the data (`mdat`), so
    that a browser can begin to play before it has the whole file. Without sound `audio_codec` is None and
    `audio_channels` 0.
    """

    width: int
    height: int
    frame_rate: float
    duration: float
    frames: int
    video_codec: str
    video_profile: str | None
    pixel_format: str
    audio_codec: str | None
    audio_channels: int
    size: int
    faststart: bool


def probe(path: str | os.PathLike[str]) -> VideoFacts:
    """Read the facts of an MP4 file, and make sure that no byte is missing.

    Every packet is read, none is decoded. Raises `MediaError` where the file is missing, empty, cut anywhere,
    not an MP4 or without a video stream.
    """
    import av

    path = Path(path)
    boxes = _boxes(path)
    for needed, name in ((b"moov", "index (moov)"), (b"mdat", "data (mdat)")):
        if needed not in boxes:
            raise MediaError(f"{path.name} is cut: its {name} is missing. Download it again.")
    try:
        return _facts(path, faststart=boxes.index(b"moov") < boxes.index(b"mdat"))
    except (av.FFmpegError, ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"{path.name} cannot be read as a video ({reason}). Download it again.") from error


def _facts(path: Path, *, faststart: bool) -> VideoFacts:
    import av

    # Without edit lists the demuxer gives every sample that the index promises, so that none can be missed.
    with av.open(str(path), options={"ignore_editlist": "1"}) as container:
        if not container.streams.video:
            raise MediaError(f"{path.name} has no video stream.")
        video = container.streams.video[0]
        audio = container.streams.audio[0] if container.streams.audio else None
        rate, base, context = video.average_rate, video.time_base, video.codec_context
        whole = (packet for packet in container.demux() if packet.size and not packet.is_corrupt)
        counted = Counter(packet.stream_index for packet in whole)
        if any(counted[stream.index] < max(stream.frames, stream is video) for stream in container.streams):
            raise MediaError(f"{path.name} is cut: data that its index names is missing. Download it again.")
        if not rate or base is None:
            raise MediaError(f"{path.name} does not say how fast it plays.")
        return VideoFacts(
            width=context.width,
            height=context.height,
            frame_rate=float(rate),
            duration=float(video.duration * base) if video.duration else float(counted[video.index] / rate),
            frames=counted[video.index],
            video_codec=context.name,
            video_profile=video.profile,
            pixel_format=context.pix_fmt or "unknown",
            audio_codec=audio.codec_context.name if audio else None,
            audio_channels=audio.codec_context.channels if audio else 0,
            size=path.stat().st_size,
            faststart=faststart,
        )


def _boxes(path: Path) -> list[bytes]:
    """The kinds of the top-level boxes. Raises `MediaError` where one reaches beyond the end of the file."""
    try:
        with path.open("rb") as file:
            boxes = list(_walk(file, path.stat().st_size, path.name))
    except OSError as error:
        raise MediaError(f"{path} cannot be read ({error.strerror}).") from error
    if not boxes:
        raise MediaError(f"{path.name} is empty. Download it again.")
    return boxes


def _walk(file: IO[bytes], end: int, name: str) -> Iterator[bytes]:
    offset = 0
    while offset < end:
        file.seek(offset)
        head = file.read(16)
        if len(head) < 8:
            raise MediaError(f"{name} is cut in the middle of a box. Download it again.")
        size, kind = struct.unpack(">I4s", head[:8])
        if kind not in _TOP_LEVEL or (offset == 0 and kind != b"ftyp"):
            raise MediaError(f"{name} is not an MP4 video, or is damaged at byte {offset}.")
        if size == 1:  # the size follows in 64 bits
            size = struct.unpack(">Q", head[8:])[0] if len(head) == 16 else end + 1
        elif size == 0:  # the box reaches to the end of the file
            size = end - offset
        if size < 8 or offset + size > end:
            raise MediaError(f"{name} is cut: {end:,} bytes are there, more are promised. Download it again.")
        yield kind
        offset += size
