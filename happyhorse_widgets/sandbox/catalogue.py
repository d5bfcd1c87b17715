"""What the API tells about its models: inputs, usual times and costs, the guide to prompts, examples.

The usual times are those of this server, its `speed` included, so that a client which believes them is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from .assets import to_wire as asset_to_wire
from .context import Sandbox, sandbox
from .examples import example_assets
from .jobs import typical_seconds
from .schema import MODELS, VideoModel
from .wire import SINCE, TEAM, answer, iso

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_JITTER_P75 = 1.25

_PROMPT_GUIDE = """# Prompting {name}

- Name each subject as `character1`, `character2` …: the number is the place of its image in the list.
- Say who does what, then where, then how it is filmed: *character1 waves at character2 on a beach at sunset, slow dolly in*.
- One action for every three seconds is plenty.
- Describe what is to be seen. What is not to be seen is better left out than forbidden.
- The same seed with one changed word shows what that word does.
"""


async def retrieve(request: Request) -> Response:
    """`GET /models/{id}`."""
    return answer({"model": _to_wire(sandbox(request), _found(request))})


async def prompt_guide(request: Request) -> Response:
    """`GET /models/{id}/prompt-guide`."""
    return answer({"promptGuide": {"value": _PROMPT_GUIDE.format(name=_found(request).name)}})


async def examples(request: Request) -> Response:
    """`GET /models/{id}/examples`."""
    model, box = _found(request), sandbox(request)
    found = await example_assets(box, model)
    return answer(
        {
            "examples": [
                {"modelId": model.model_id, "asset": asset_to_wire(box, request, asset)} for asset in found
            ]
        }
    )


def _found(request: Request) -> VideoModel:
    model_id = request.path_params["model_id"]
    model = MODELS.get(model_id)
    if model is None:
        raise HTTPException(404, f"Model {model_id} was not found")
    return model


def _to_wire(box: Sandbox, model: VideoModel) -> dict[str, Any]:
    variants = [_variant(box, model, resolution) for resolution in model.price]
    return {
        "id": model.model_id,
        "name": model.name,
        "shortDescription": model.description,
        "type": "custom",
        "custom": True,
        "status": "trained",
        "privacy": "public",
        "source": "other",
        "capabilities": ["img2video"],
        "tags": list(model.tags),
        "inputs": model.inputs,
        "performanceStats": {"variants": variants, "default": variants[-1]["variantKey"]},
        "collectionIds": [],
        "exampleAssetIds": [],
        "trainingImagesNumber": 0,
        "ownerId": TEAM,
        "createdAt": iso(SINCE),
        "updatedAt": iso(SINCE),
    }


def _variant(box: Sandbox, model: VideoModel, resolution: str) -> dict[str, Any]:
    duration = model.default("duration")
    # The middle of the spread that jobs have.
    p50 = 1.1 * typical_seconds(resolution=resolution, duration=duration, pace=model.pace) / box.options.speed
    costs = [model.price[resolution] * seconds for seconds in _durations(model)]
    return {
        "variantKey": f"img2video:{resolution}",
        "capability": "img2video",
        "resolution": resolution,
        "computedAt": iso(SINCE),
        "totalLatencyP50Sec": round(p50, 3),
        "totalLatencyP75Sec": round(p50 * _JITTER_P75, 3),
        "inferenceLatencyP50Sec": round(p50 * 0.8, 3),
        "inferenceLatencyP75Sec": round(p50 * 0.8 * _JITTER_P75, 3),
        "costPerAssetP50CU": model.price[resolution] * duration,
        "costPerAssetMinCU": min(costs),
        "costPerAssetMaxCU": max(costs),
    }


def _durations(model: VideoModel) -> list[float]:
    spec = next(spec for spec in model.inputs if spec["name"] == "duration")
    return spec.get("allowedValues") or [spec["min"], spec["max"]]
