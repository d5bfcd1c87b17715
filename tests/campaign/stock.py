"""Videos drawn once and told apart by a remark: to draw one for each job would cost more than everything else together."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av

from happyhorse_widgets.sandbox.render import render
from happyhorse_widgets.sandbox.sizes import frame_size

from .pictures import picture

_COUNT = 4


def draw_stock(folder: Path, *, scale: float) -> None:
    """Render a few small clips into `folder`."""
    folder.mkdir(parents=True)
    width, height = frame_size("16:9", "720P", scale=scale)
    for number in range(_COUNT):
        render(
            folder / f"{number}.mp4",
            prompt=f"character1 waves {number} times",
            images=[picture(number)],
            width=width,
            height=height,
            duration=3,
            seed=number,
            model_id="model_alibaba-happy-horse-reference-to-video",
        )


def from_stock(folder: Path) -> Callable[..., None]:
    """What can stand in for `render`: another file for every call, whole and of the right length."""

    def copy(target: str | os.PathLike[str], *, seed: int, **_: Any) -> None:
        source = folder / f"{seed % _COUNT}.mp4"
        with av.open(str(source)) as film, av.open(os.fspath(target), "w", format="mp4") as output:
            output.metadata["comment"] = secrets.token_hex(8)
            copies = [output.add_stream_from_template(stream) for stream in film.streams]
            for packet in film.demux():
                if packet.dts is not None:
                    packet.stream = copies[packet.stream_index]
                    output.mux(packet)

    return copy
