"""One example for each model: a short video of two drawn figures, rendered when it is first asked for."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PIL import Image, ImageDraw

from .assets import import_image
from .generate import new_job
from .pictures import inspect
from .schema import VideoModel, check
from .wire import PROJECT

if TYPE_CHECKING:
    from .context import Sandbox
    from .ledger import Asset

_PROMPT = "character1 waves at character2 on a hill, soft morning light"
_SEED = 7
_COLOURS = ((214, 92, 60), (58, 128, 190))


async def example_assets(box: Sandbox, model: VideoModel) -> list[Asset]:
    """The example's video, made at the first call; empty when it cannot be rendered."""
    asset_id = f"asset_example-{model.model_id.removeprefix('model_')}"
    async with box.examples:
        if asset_id not in box.ledger.assets([asset_id]):
            await _make(box, model, asset_id)
    return list(box.ledger.assets([asset_id]).values())


async def _make(box: Sandbox, model: VideoModel, asset_id: str) -> None:
    images = []
    for number, colour in enumerate(_COLOURS, 1):
        data = _figure(colour)
        picture = inspect(data)
        assert not isinstance(picture, str)
        images.append(await import_image(box, data, picture, name=f"example-{number}.png", owner=PROJECT))
    values, _ = check(model, {"prompt": _PROMPT, "referenceImages": [image.asset_id for image in images]})
    job = replace(new_job(box, model, values | {"seed": _SEED}, owner=PROJECT), asset_id=asset_id)
    for asset in await box.renderers.render(job):
        # Examples are there for everybody, without a job.
        box.ledger.add_asset(replace(asset, job_id=None))


def _figure(colour: tuple[int, int, int]) -> bytes:
    image = Image.new("RGB", (480, 480), (240, 240, 236))
    draw = ImageDraw.Draw(image)
    draw.ellipse((170, 50, 310, 190), fill=colour)
    draw.rounded_rectangle((140, 200, 340, 440), radius=60, fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
