"""Frames out of a finished video, and copies of it with the same packets: the index moved to the front, the sound left out."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from happyhorse_widgets.errors import MediaError

from .probe import probe

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    import numpy as np
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray


def poster(path: str | os.PathLike[str], *, at: float = 0.0) -> Image.Image:
    """The frame shown at `at` seconds (by default the first), as an RGB image.

    The last one where `at` is beyond the end. Raises `MediaError` where the file cannot be decoded.
    """
    with opened(path) as container:
        frame = _frame_at(container, at)
        if frame is None:
            raise MediaError(f"{Path(path).name} has no frame that can be decoded.")
        return Image.fromarray(frame.to_ndarray(format="rgb24"))


def last_frame(path: str | os.PathLike[str]) -> Image.Image:
    """The last frame as an RGB image. Raises `MediaError` where the file cannot be decoded."""
    return poster(path, at=float("inf"))


def sample(path: str | os.PathLike[str], n: int) -> NDArray[np.uint8]:
    """`n` evenly spaced frames, the first and the last among them, as uint8 (n, height, width, 3).

    Where the video has fewer than `n` frames, some come more than once; `n` = 1 gives the first. Raises
    `MediaError` where the file cannot be decoded and ValueError for `n` below 1.
    """
    import numpy as np

    if n < 1:
        raise ValueError(f"n is {n}; ask for at least 1 frame.")
    facts = probe(path)
    found: NDArray[np.uint8] = np.empty((n, facts.height, facts.width, 3), dtype=np.uint8)
    decoded = 0
    with opened(path) as container:
        shown = sum(1 for packet in container.demux(video=0) if packet.size and not packet.is_discard)
        wanted = np.rint(np.linspace(0, shown - 1, n)).astype(int)
        container.seek(0)
        for index, frame in enumerate(container.decode(video=0)):
            decoded = index + 1
            places = np.flatnonzero(wanted == index)
            if places.size:
                found[places] = frame.to_ndarray(format="rgb24")
            if index == wanted[-1]:
                break
    if decoded <= wanted[-1]:
        raise MediaError(f"{Path(path).name}: of {shown} frames only {decoded} can be decoded.")
    return found


def move_moov_first(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Write `source` to `target` with its index (`moov`) before the data, so that a player starts at once.

    Nothing is encoded again: video and audio packets and their times stay as they are; other streams are
    left out. A file that already begins with its index is copied. Raises `MediaError` where `source` is cut
    or not a video.
    """
    if probe(source).faststart:
        shutil.copyfile(source, target)
        return
    _copy(source, target, sound=True)


def without_sound(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Write `source` to `target` as an MP4 of the picture alone, with its index first.

    Nothing is encoded again. Raises `MediaError` where `source` is cut or not a video.
    """
    probe(source)
    _copy(source, target, sound=False)


def _copy(source: str | os.PathLike[str], target: str | os.PathLike[str], *, sound: bool) -> None:
    import av

    with opened(source) as container:
        streams = [*container.streams.video, *(container.streams.audio if sound else ())]
        with av.open(str(Path(target)), "w", format="mp4", options={"movflags": "faststart"}) as output:
            output.metadata.update(container.metadata)
            copies = {stream.index: output.add_stream_from_template(stream) for stream in streams}
            for packet in container.demux(streams):
                if packet.dts is None:
                    continue  # the mark of a stream's end
                packet.stream = copies[packet.stream_index]
                output.mux_one(packet)


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[InputContainer]:
    """The opened file, which has a video stream; what goes wrong while it is open becomes a `MediaError`."""
    import av

    path = Path(path)
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise MediaError(f"{path.name} has no video stream.")
            yield container
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"{path.name} cannot be read as a video ({reason}).") from error


def _frame_at(container: InputContainer, at: float) -> VideoFrame | None:
    """The last frame that begins at or before `at` seconds; the first where none does."""
    stream = container.streams.video[0]
    if at > 0 and stream.time_base is not None and stream.duration:
        ticks = min(at / stream.time_base, stream.duration - 1)
        container.seek(int(ticks) + (stream.start_time or 0), stream=stream)
    found = None
    for frame in container.decode(video=0):
        if found is not None and frame.time > at:
            break
        found = frame
    return found
