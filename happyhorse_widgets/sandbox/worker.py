"""A process that renders: requests come in on stdin, answers go out on stdout, one JSON line each.

Rendering takes all the processor it can get, so it runs apart from the server and at low priority. When stdin ends, as
it does when the server dies however it dies, so does this process, even in the middle of a video.
"""

from __future__ import annotations

import hashlib
import os
import queue
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from .sizes import frame_size

if TYPE_CHECKING:
    from PIL import Image

_NICENESS = 5


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """What to render: the inputs of the job, where its images are, and where the results go.

    `target`, `first_frame` and `last_frame` appear whole or not at all; `draft` is the file in the making. `scale`
    makes the video smaller than the real one.
    """

    model_id: str
    prompt: str
    images: list[str]
    aspect_ratio: str
    resolution: str
    duration: float
    seed: int
    draft: str
    target: str
    first_frame: str
    last_frame: str
    scale: float = 1.0


class Result(msgspec.Struct, frozen=True, rename="camel"):
    """What was rendered, or `error`. `properties` and hashes are those of the files that were written."""

    error: str | None = None
    properties: dict[str, Any] = {}
    sha256: str = ""
    frame_properties: list[dict[str, Any]] = []
    frame_sha256: list[str] = []


def main() -> None:
    """Serve stdin until it ends."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    orders: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read, args=(orders,), daemon=True).start()
    while line := orders.get():
        result = _carry_out(msgspec.json.decode(line, type=Order))
        orders.task_done()
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
        sys.stdout.buffer.flush()


def _read(orders: queue.Queue[bytes]) -> None:
    for line in sys.stdin.buffer:
        orders.put(line)
    if orders.unfinished_tasks:  # also what has not been begun
        os._exit(1)
    orders.put(b"")


def _carry_out(order: Order) -> Result:
    try:
        return _render(order)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is the job that fails, not this process)
        return Result(error=f"{type(error).__name__}: {error}")
    finally:
        Path(order.draft).unlink(missing_ok=True)


def _render(order: Order) -> Result:
    # Imported here: numpy and PyAV are for this process alone, and only once there is something to render.
    from happyhorse_widgets.media.frames import last_frame, poster
    from happyhorse_widgets.media.probe import probe

    from .render import render

    width, height = frame_size(order.aspect_ratio, order.resolution, scale=order.scale)
    render(
        order.draft,
        prompt=order.prompt,
        images=[Path(image) for image in order.images],
        width=width,
        height=height,
        duration=order.duration,
        seed=order.seed,
        model_id=order.model_id,
    )
    facts = probe(order.draft)
    frames = [_save(poster(order.draft), order.first_frame), _save(last_frame(order.draft), order.last_frame)]
    data = Path(order.draft).read_bytes()
    Path(order.draft).replace(order.target)
    return Result(
        properties={
            "size": facts.size,
            "width": facts.width,
            "height": facts.height,
            "duration": round(facts.duration, 3),
            "frameRate": facts.frame_rate,
            "nbFrames": facts.frames,
            "codecName": facts.video_codec,
            "channels": facts.audio_channels,
        },
        sha256=hashlib.sha256(data).hexdigest(),
        frame_properties=[properties for properties, _ in frames],
        frame_sha256=[digest for _, digest in frames],
    )


def _save(image: Image.Image, target: str) -> tuple[dict[str, Any], str]:
    image.save(target, format="JPEG", quality=90)
    data = Path(target).read_bytes()
    return {"size": len(data), "width": image.width, "height": image.height}, hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    main()
