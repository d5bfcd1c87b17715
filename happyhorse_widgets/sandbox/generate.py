"""Generations: videos, and the two text helpers of the API.

A prompt that contains the word `[moderated]` is refused by the simulated provider: the job is accepted and charged,
fails after a while with the reason and a hint, and is refunded. Other endings come from the fault script.
"""

from __future__ import annotations

import random
import unicodedata
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from .assets import ready_assets
from .context import Sandbox, owner_of, sandbox
from .faults import JobOutcome, active
from .jobs import Job, course, generation_seconds, instant, stop_for, to_wire
from .schema import MODELS, TEXT_COST, VideoModel, check
from .wire import answer, is_dry_run, new_id, read_json, refusal, take_string, take_strings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

#: HTTP status of an estimate.
DRY_RUN_STATUS = 269

MODERATED = "[moderated]"
_MAX_SEED = 2_147_483_647
_MAX_RESULTS = 5

# By the first word of a letter's Unicode name.
_LANGUAGES = {
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CYRILLIC": "ru",
    "ARABIC": "ar",
    "HEBREW": "he",
    "GREEK": "el",
    "DEVANAGARI": "hi",
    "THAI": "th",
}
_STYLES = (
    "Slow dolly in, soft morning light, shallow depth of field.",
    "Handheld camera, lively street, warm evening colours.",
    "Wide establishing shot, drifting clouds, calm and cinematic.",
    "Low angle, quick pan that follows the movement, crisp shadows.",
    "Static frame, gentle motion, pastel palette.",
)


async def run_model(request: Request) -> Response:
    """`POST /generate/custom/{modelId}`: make a job, or with `dryRun` say what it would cost."""
    box, body, dry_run = sandbox(request), await read_json(request), is_dry_run(request)
    model = MODELS.get(request.path_params["model_id"])
    if model is None:
        raise HTTPException(404, f"Model {request.path_params['model_id']} was not found")
    values, problems = check(model, body)
    problems += _image_problems(box, model, values.get("referenceImages", []))
    if problems:
        return refusal(400, "; ".join(problems), details={"errors": problems})
    cost = model.cost(values)
    if dry_run:
        return answer(_price(cost, "custom-generation"), DRY_RUN_STATUS)
    fault = active(request.scope, JobOutcome)
    job = new_job(
        box,
        model,
        values,
        owner=owner_of(request),
        outcome=fault.outcome if fault else "moderation" if MODERATED in values["prompt"] else "success",
        disable_refund=fault is not None and fault.disable_refund,
    )
    limit = box.options.parallel
    if not box.ledger.add_job(job, limit=limit):
        reason = (
            f"Your plan allows {limit} generations at a time, and all are under way. Wait for one to end."
        )
        return refusal(429, reason, details={"actionName": "parallelCustomJobs", "actionLimit": limit})
    box.renderers.wake()
    # As it was accepted: a job of a fast sandbox is further by the time its answer is written.
    return answer({"job": to_wire(job, job.created_at), **_price(cost, "custom-generation")})


def new_job(
    box: Sandbox,
    model: VideoModel,
    values: dict[str, Any],
    *,
    owner: str,
    outcome: str = "success",
    disable_refund: bool = False,
) -> Job:
    """A job for checked inputs, with its whole course drawn. Nothing is written down yet."""
    now, job_id = box.now(), new_id("job")
    seconds = generation_seconds(
        job_id, resolution=values["resolution"], duration=values["duration"], pace=model.pace
    )
    stages = course(now, seconds / box.options.speed)
    seed = values.get("seed")
    return Job(
        job_id=job_id,
        job_type="custom",
        owner=owner,
        inputs=values | {"modelId": model.model_id},
        created_at=now,
        stages=stages,
        cost=model.cost(values),
        outcome=outcome,
        stop=stop_for(stages, outcome),
        asset_id=new_id("asset"),
        render={
            "model_id": model.model_id,
            "prompt": values["prompt"],
            "aspect_ratio": values["aspectRatio"],
            "resolution": values["resolution"],
            "duration": values["duration"],
            # A real random seed: two requests alike are meant to differ.
            "seed": int(seed) if seed is not None else random.SystemRandom().randint(0, _MAX_SEED),
        },
        disable_refund=disable_refund,
    )


async def enhance_prompt(request: Request) -> Response:
    """`POST /generate/prompt`: the prompt, with every reference named and a way to film it."""
    body = await read_json(request)
    take_string(body, "mode")
    prompt = take_string(body, "prompt", default="")
    images = take_strings(body, "images") or take_strings(body, "assetIds")
    count = body.get("numResults", 1)
    if not isinstance(count, (int, float)) or isinstance(count, bool) or not 1 <= count <= _MAX_RESULTS:
        raise HTTPException(400, f'"numResults" must be between 1 and {_MAX_RESULTS}')
    prompts = [_enhanced(prompt, len(images), style) for style in _STYLES[: int(count)]]
    return _text_answer(request, "generate-prompt", "prompt", body, {"prompts": prompts})


async def translate(request: Request) -> Response:
    """`POST /generate/translate`: English stays as it is; anything else is marked, for the sandbox knows no languages."""
    body = await read_json(request)
    prompt = take_string(body, "prompt")
    language = _language(prompt)
    translation = prompt if language == "en" else f"[translated from {language} by the sandbox] {prompt}"
    output = {"translation": translation, "detectedLanguage": language}
    return _text_answer(request, "translate", "translate", body, output)


def _image_problems(box: Sandbox, model: VideoModel, asset_ids: list[str]) -> list[str]:
    """What is wrong with the assets themselves."""
    spec = next(spec for spec in model.inputs if spec["name"] == "referenceImages")
    found = ready_assets(box, asset_ids)
    problems = []
    for asset_id in dict.fromkeys(asset_ids):
        asset = found.get(asset_id)
        if asset is None:
            problems.append(f'Input "referenceImages": asset {asset_id} was not found')
        elif asset.kind != spec["kind"]:
            problems.append(
                f'Input "referenceImages": asset {asset_id} is a {asset.kind}, not an {spec["kind"]}'
            )
        elif asset.properties["size"] > spec["maxSize"]:
            problems.append(
                f'Input "referenceImages": asset {asset_id} has more than {spec["maxSize"]} bytes'
            )
    return problems


def _text_answer(
    request: Request, job_type: str, action: str, body: Mapping[str, Any], output: dict[str, Any]
) -> Response:
    """What the text helpers share: a job that is done at once, its price, and the output beside it."""
    if is_dry_run(request):
        return answer(_price(TEXT_COST, action), DRY_RUN_STATUS)
    box = sandbox(request)
    now = box.now()
    # Images may come as data URLs, which have no place in a list of jobs.
    inputs = {name: value for name, value in body.items() if name not in {"image", "images"}}
    job = Job(
        job_id=new_id("job"),
        job_type=job_type,
        owner=owner_of(request),
        inputs=inputs,
        created_at=now,
        stages=instant(now),
        cost=TEXT_COST,
        output=output,
    )
    box.ledger.add_job(job)
    return answer({"job": to_wire(job, now), **output, **_price(TEXT_COST, action)})


def _price(cost: float, action: str) -> dict[str, Any]:
    return {"creativeUnitsCost": cost, "creativeUnitsDiscount": 0, "costDetails": {action: cost}}


def _enhanced(prompt: str, images: int, style: str) -> str:
    missing = [f"character{n}" for n in range(1, images + 1) if f"character{n}" not in prompt]
    sentences = [prompt.strip().rstrip(".")] if prompt.strip() else []
    if missing:
        sentences.append(f"Also in the scene: {', '.join(missing)}")
    return ". ".join([*sentences, style])


def _language(text: str) -> str:
    for letter in filter(str.isalpha, text):
        language = _LANGUAGES.get(unicodedata.name(letter, "").split(" ")[0])
        if language:
            return language
    return "en"
