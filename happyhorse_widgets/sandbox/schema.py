"""The models of the sandbox: their inputs as the API publishes them, their prices, and the check of a request's body.

Prices, in creative units (CU) for each second of video; failed jobs are refunded:

    model                                   720P   1080P
    Happy Horse                                6      10
    Happy Horse 1.1                            7      12
    Sandbox Compatible (deprecated)            3       –

Body fields that a model does not have are ignored, and so is a bare string where a list of images belongs: the
request then fails for the want of images, as with the real API.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

HAPPY_HORSE = "model_alibaba-happy-horse-reference-to-video"
HAPPY_HORSE_1_1 = "model_alibaba-happy-horse-reference-to-video-1.1"
COMPATIBLE = "model_sandbox-compatible-reference-to-video"

#: What one prompt enhancement or one translation costs, in creative units.
TEXT_COST = 1.0

_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4")
_MAX_IMAGE_SIZE = 10_000_000


@dataclass(frozen=True, slots=True)
class VideoModel:
    """A model: `inputs` as `GET /models/{id}` lists them, `price` in CU per second of video by resolution.

    `pace` scales how long a generation takes, 1.0 being Happy Horse.
    """

    model_id: str
    name: str
    description: str
    inputs: tuple[Mapping[str, Any], ...]
    price: Mapping[str, float]
    tags: tuple[str, ...] = ()
    pace: float = 1.0

    def cost(self, values: Mapping[str, Any]) -> float:
        """What a job with these checked inputs costs, in creative units."""
        return round(self.price[values["resolution"]] * float(values["duration"]), 2)

    def default(self, name: str) -> Any:
        """The default of one input, or None."""
        return next((spec.get("default") for spec in self.inputs if spec["name"] == name), None)


def check(model: VideoModel, body: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Pick the model's inputs out of a body: the values, defaults filled in, and one message for each fault."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for spec in model.inputs:
        name, value = spec["name"], body.get(spec["name"])
        if spec["type"] == "file_array" and not isinstance(value, list):
            value = None
        if value is None:
            value = spec.get("default")
        if value is None:
            if spec["required"]["always"]:
                problems.append(f'Input "{name}" is required')
            continue
        fault = _CHECKS[spec["type"]](spec, value)
        if fault:
            problems.append(f'Input "{name}" {fault}')
        else:
            values[name] = value
    return values, problems


def _check_string(spec: Mapping[str, Any], value: Any) -> str:
    if not isinstance(value, str):
        return "must be a string"
    if "allowedValues" in spec and value not in spec["allowedValues"]:
        return f"must be one of {', '.join(spec['allowedValues'])}"
    if len(value.strip()) < spec.get("minLength", 0):
        return f"must have at least {spec['minLength']} character(s)"
    if len(value) > spec.get("maxLength", math.inf):
        return f"must have at most {spec['maxLength']} characters"
    return ""


def _check_number(spec: Mapping[str, Any], value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "must be a number"
    if "allowedValues" in spec and value not in spec["allowedValues"]:
        return f"must be one of {', '.join(map(str, spec['allowedValues']))}"
    if value < spec.get("min", -math.inf):
        return f"must be at least {spec['min']}"
    if value > spec.get("max", math.inf):
        return f"must be at most {spec['max']}"
    if "step" in spec and (value - spec.get("min", 0)) % spec["step"]:
        return f"must go in steps of {spec['step']} from {spec.get('min', 0)}"
    return ""


def _check_files(spec: Mapping[str, Any], value: Any) -> str:
    if not all(isinstance(item, str) and item for item in value):
        return "must be a list of asset ids"
    if not spec["min"] <= len(value) <= spec["max"]:
        return f"must have between {spec['min']} and {spec['max']} items"
    return ""


_CHECKS = {"string": _check_string, "number": _check_number, "file_array": _check_files}


def _input(
    name: str, form: str, label: str, description: str, *, required: bool = False, **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "type": form,
        "label": label,
        "description": description,
        "required": {"always": required},
        "costImpact": name in {"resolution", "duration"},
        **more,
    }


def _inputs(
    *, ratios: tuple[str, ...], resolutions: tuple[str, ...], images: int, duration: Mapping[str, Any]
) -> tuple[Mapping[str, Any], ...]:
    return (
        _input(
            "prompt",
            "string",
            "Prompt",
            "What happens in the video. Name the subjects character1, character2 … in the order of the images.",
            required=True,
            minLength=1,
            maxLength=2500,
            prompt=True,
            promptSpark=True,
            placeholder="character1 waves at character2",
        ),
        _input(
            "referenceImages",
            "file_array",
            "Reference images",
            "Images of the subjects. JPEG, PNG or WEBP, at most 10 MB each.",
            required=True,
            kind="image",
            min=1,
            max=images,
            maxSize=_MAX_IMAGE_SIZE,
            hint="At least 400 px on the shortest side are advised.",
        ),
        _input(
            "aspectRatio",
            "string",
            "Aspect ratio",
            "The shape of the video.",
            allowedValues=list(ratios),
            default="16:9",
        ),
        _input(
            "resolution",
            "string",
            "Resolution",
            "The size of the video.",
            allowedValues=list(resolutions),
            default=resolutions[-1],
        ),
        _input("duration", "number", "Duration", "The length of the video in seconds.", **duration),
        _input(
            "seed",
            "number",
            "Seed",
            "The same seed helps to get a similar video again; drawn at random when absent.",
            min=0,
            max=2_147_483_647,
            step=1,
        ),
    )


_SECONDS = {"min": 3, "max": 15, "step": 1, "default": 5}

MODELS: Mapping[str, VideoModel] = {
    model.model_id: model
    for model in (
        VideoModel(
            HAPPY_HORSE,
            "Happy Horse Reference to Video",
            "Makes a video with up to nine subjects taken from reference images.",
            _inputs(ratios=_RATIOS, resolutions=("720P", "1080P"), images=9, duration=_SECONDS),
            {"720P": 6.0, "1080P": 10.0},
        ),
        VideoModel(
            HAPPY_HORSE_1_1,
            "Happy Horse Reference to Video 1.1",
            "Makes a video with up to nine subjects taken from reference images, in more shapes.",
            _inputs(
                ratios=(*_RATIOS, "4:5", "5:4", "9:21", "21:9"),
                resolutions=("720P", "1080P"),
                images=9,
                duration=_SECONDS,
            ),
            {"720P": 7.0, "1080P": 12.0},
            pace=0.9,
        ),
        VideoModel(
            COMPATIBLE,
            "Sandbox Compatible Reference to Video",
            "Exists in the sandbox only: another model with the same fields, narrower bounds, and a successor.",
            _inputs(
                ratios=_RATIOS[:3],
                resolutions=("720P",),
                images=4,
                duration={"allowedValues": [4, 8], "default": 4},
            ),
            {"720P": 3.0},
            tags=(f"deprecated:{HAPPY_HORSE_1_1}",),
            pace=0.6,
        ),
    )
}
