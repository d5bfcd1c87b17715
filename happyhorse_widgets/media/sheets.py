"""Stills of several clips on one sheet, each with its label: rows of frames at equal times, or one still of each."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from happyhorse_widgets.errors import InvalidRequest

from .frames import opened
from .probe import probe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from av.video.frame import VideoFrame

#: Between two pictures, in pixels, and around all of them.
_GAP = 4
_PAPER, _INK, _QUIET, _EMPTY = "#ffffff", "#1f1f1f", "#5c5c5c", "#f3f3f3"
#: Times are compared with this much room, in seconds: a frame's own time is rounded to the file's clock.
_ROUNDING = 1e-3


@dataclass(frozen=True, slots=True)
class Take:
    """One clip as it is shown beside others: its file, its label, and how many seconds of its beginning are passed over."""

    path: Path
    label: str
    start: float = 0.0


def strip(takes: Sequence[Take], *, frames: int = 8, height: int = 120) -> Image.Image:
    """One row for each clip, with `frames` pictures of `height` pixels at the same times, from the first frame of all to the last
    of the longest; RGB. What comes after a shorter clip's end stays empty.

    The label stands above its row, the times (in seconds after each clip's start) above all. Raises `InvalidRequest` where there
    is no clip, or for `frames` or `height` below 1, and `MediaError` where a file cannot be decoded.
    """
    if frames < 1 or height < 1 or not takes:
        raise InvalidRequest(
            f"A strip has at least 1 clip, 1 frame and 1 pixel, not {len(takes)}, {frames}, {height}."
        )
    facts = [probe(take.path) for take in takes]
    length = max(
        fact.duration - 1 / fact.frame_rate - take.start for take, fact in zip(takes, facts, strict=True)
    )
    times = [float(time) for time in np.linspace(0.0, max(0.0, length), frames)]
    width = max(round(height * fact.width / fact.height) for fact in facts)
    line = max(14, height // 7)
    across = frames * (width + _GAP) + _GAP
    sheet = Image.new("RGB", (across, _GAP + line + len(takes) * (line + height + 2 * _GAP)), _PAPER)
    for column, time in enumerate(times):
        sheet.paste(written(f"{time:.2f} s", width, line, ink=_QUIET), (_GAP + column * (width + _GAP), _GAP))
    top = _GAP + line + _GAP
    for take in takes:
        sheet.paste(written(take.label, across - 2 * _GAP, line), (_GAP, top))
        for column, still in enumerate(stills(take.path, [take.start + time for time in times], height)):
            left = _GAP + column * (width + _GAP)
            if still is None:
                sheet.paste(_EMPTY, (left, top + line, left + width, top + line + height))
            else:
                sheet.paste(still, (left, top + line))
        top += line + height + 2 * _GAP
    return sheet


def stills(path: Path, times: Sequence[float], height: int) -> list[Image.Image | None]:
    """The frames shown at `times` (seconds, in rising order), RGB, `height` pixels high; None where the clip has ended.

    The file is decoded once, as far as the last time. Raises `MediaError` where it cannot be.
    """
    found: list[Image.Image | None] = []
    with opened(path) as container:
        rate = container.streams.video[0].average_rate
        held: VideoFrame | None = None
        for frame in container.decode(video=0):
            while held is not None and len(found) < len(times) and times[len(found)] < frame.time - _ROUNDING:
                found.append(_small(held, height))
            if len(found) == len(times):
                break
            held = frame
        end = 0.0 if held is None else held.time + (1 / float(rate) if rate else 0.0)
        while held is not None and len(found) < len(times) and times[len(found)] < end:
            found.append(_small(held, height))
    return found + [None] * (len(times) - len(found))


def contact_sheet(
    pictures: Sequence[tuple[Image.Image | None, str]], *, columns: int, height: int = 120
) -> Image.Image:
    """One still of each clip with its label below, `columns` side by side, in boxes of one size, `height` pixels high; RGB.

    The box has the shape of the widest still; None, a clip without a picture yet, leaves it empty. Raises `InvalidRequest` where
    there is no clip.
    """
    if not pictures:
        raise InvalidRequest("A contact sheet needs at least one clip.")
    shapes = [still.width / still.height for still, _ in pictures if still is not None]
    width, line = round(height * max(shapes, default=16 / 9)), max(14, height // 7)
    down = -(-len(pictures) // columns)
    box = (width + _GAP, height + line + _GAP)
    sheet = Image.new("RGB", (columns * box[0] + _GAP, down * box[1] + _GAP), _PAPER)
    for index, (still, label) in enumerate(pictures):
        left, top = _GAP + index % columns * box[0], _GAP + index // columns * box[1]
        sheet.paste(_EMPTY, (left, top, left + width, top + height))
        if still is not None:
            small = ImageOps.contain(still.convert("RGB"), (width, height))
            sheet.paste(small, (left + (width - small.width) // 2, top + (height - small.height) // 2))
        sheet.paste(written(label, width, line), (left, top + height))
    return sheet


def written(text: str, width: int, height: int, *, ink: str = _INK, paper: str = _PAPER) -> Image.Image:
    """One line of text on a plate of that size; what does not fit ends in "…". RGB.

    Letters that Pillow's own font lacks (it has the Latin ones) are drawn as boxes.
    """
    plate = Image.new("RGB", (width, height), paper)
    font = ImageFont.load_default(max(6.0, height * 0.72))
    line = " ".join(text.split())

    def shown(count: int) -> str:
        return line if count >= len(line) else f"{line[:count].rstrip()}…"

    fit = bisect.bisect_left(
        range(len(line) + 1), x=True, key=lambda count: font.getlength(shown(count)) > width
    )
    ImageDraw.Draw(plate).text(
        (0, height / 2), line if fit > len(line) else shown(max(0, fit - 1)), ink, font, anchor="lm"
    )
    return plate


def _small(frame: VideoFrame, height: int) -> Image.Image:
    width = max(1, round(height * frame.width / frame.height))
    return Image.fromarray(frame.reformat(width=width, height=height, format="rgb24").to_ndarray())
