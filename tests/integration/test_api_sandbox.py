"""Every method of the client against the sandbox, a process of its own that shares no code with it."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from happyhorse_widgets.api.checks import check
from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.api.config import Credentials, Endpoint
from happyhorse_widgets.api.models import Job
from happyhorse_widgets.api.params import (
    HAPPY_HORSE,
    HAPPY_HORSE_1_1,
    schema_from_model,
    snapshot,
    wire_body,
)
from happyhorse_widgets.api.signedurls import signed_url_expiry
from happyhorse_widgets.api.transport import Transport
from happyhorse_widgets.api.uploads import PART_SIZE, Pacing
from happyhorse_widgets.errors import (
    AuthenticationError,
    NotFound,
    PermissionDenied,
    RateLimited,
    RequestRejected,
)
from tests.conftest import SandboxProcess, StartSandbox

PROMPT = "character1 waves at character2"


@pytest.fixture(scope="module")
def server(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=200, scale=0.1, parallel=50)


def call(
    server: SandboxProcess, use: Callable[[ScenarioClient], Awaitable[Any]], *, secret: str | None = None
) -> Any:
    """What `use` makes of a client of the sandbox."""

    async def run() -> Any:
        endpoint = Endpoint(server.base_url, None, Credentials(server.key, secret or server.secret))
        client = ScenarioClient(Transport(endpoint), pacing=Pacing(first=0.01, most=0.1, limit=60))
        try:
            return await use(client)
        finally:
            await client.aclose()

    return asyncio.run(run())


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (480, 420), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def images(server: SandboxProcess) -> list[str]:
    """Two uploaded images."""

    async def use(client: ScenarioClient) -> list[str]:
        return [
            await client.upload(png(colour), name=f"{colour}.png", media_type="image/png")
            for colour in ("red", "blue")
        ]

    found: list[str] = call(server, use)
    return found


def body(images: list[str], **values: Any) -> dict[str, Any]:
    schema = snapshot(HAPPY_HORSE)
    assert schema is not None
    values = {"prompt": PROMPT, "resolution": "720p", "duration": 3.0} | values
    assert check(schema, values, references=len(images)) == ()
    return wire_body(schema, values, images)


async def finished(client: ScenarioClient, job_id: str) -> Job:
    ends = time.monotonic() + 60
    while not (job := await client.job(job_id)).has_ended:
        assert time.monotonic() < ends, job
        await asyncio.sleep(0.02)
    return job


def test_the_models_schema_is_the_snapshot(server: SandboxProcess) -> None:
    for model_id in (HAPPY_HORSE, HAPPY_HORSE_1_1):
        told = schema_from_model(call(server, lambda client, model_id=model_id: client.model(model_id)))
        known = snapshot(model_id)
        assert known is not None
        for field in known.fields:
            read = told.field(field.name)
            assert read is not None
            for name in ("wire", "type", "required", "default", "allowed", "minimum", "maximum", "step"):
                assert getattr(read, name) == getattr(field, name), (field.name, name)
            for name in ("min_length", "max_length", "max_size", "cost_impact"):
                assert getattr(read, name) == getattr(field, name), (field.name, name)
        assert told.latency_p50
        assert told.cost_p50
        assert told.deprecated_by is None


def test_an_estimate_costs_nothing(server: SandboxProcess, images: list[str]) -> None:
    before = len(server.ledger()["jobs"])
    estimate = call(server, lambda client: client.estimate(HAPPY_HORSE, body(images)))
    assert estimate.creative_units_cost > 0
    assert len(server.ledger()["jobs"]) == before


def test_a_clip_from_submission_to_file(server: SandboxProcess, images: list[str]) -> None:
    async def use(client: ScenarioClient) -> None:
        sent = client.server_now()
        request = body(images, seed=np.int64(7))
        submission = await client.generate(HAPPY_HORSE, request)
        assert not submission.job.has_ended
        assert (
            submission.creative_units_cost
            == (await client.estimate(HAPPY_HORSE, request)).creative_units_cost
        )
        job = await finished(client, submission.job.job_id)
        assert (job.status, job.error, job.progress, job.job_type) == ("success", "", 1.0, "custom")
        assert request.items() <= job.input.items()
        assert job.created_at is not None
        assert sent - 60 < job.created_at <= (job.updated_at or 0) <= client.server_now() + 1
        (asset_id,) = job.asset_ids
        asset = await client.asset(asset_id)
        assert (asset.kind, asset.mime_type, asset.seed) == ("video", "video/mp4", 7)
        assert asset.url is not None
        assert (signed_url_expiry(asset.url) or 0) > client.server_now()
        whole = await fetch(client, asset.url)
        assert len(whole) == asset.properties.size
        assert whole[4:8] == b"ftyp"
        async with client.open_download(asset.url) as download:
            etag = download.headers.get("etag")
        assert await fetch(client, asset.url, range_from=1000, etag=etag) == whole[1000:]
        with pytest.raises(RequestRejected) as caught:
            await fetch(client, asset.url, range_from=len(whole) + 1)
        assert caught.value.status == 416
        with pytest.raises(PermissionDenied):
            await fetch(client, asset.url.partition("?")[0])
        assert asset.first_frame is not None
        assert {
            found.id for found in await client.assets([asset_id, asset.first_frame.asset_id, "asset_no"])
        } == {
            asset_id,
            asset.first_frame.asset_id,
        }
        await client.tag_asset(asset_id, add=["happyhorse"])
        assert "happyhorse" in (await client.asset(asset_id)).tags

    call(server, use)


async def fetch(client: ScenarioClient, url: str, **asked: Any) -> bytes:
    data = bytearray()
    async with client.open_download(url, **asked) as download:
        assert download.status == (206 if asked else 200)
        async for piece in download.pieces:
            data += piece
    return bytes(data)


def test_jobs_are_listed_by_update_and_by_creation(server: SandboxProcess, images: list[str]) -> None:
    async def use(client: ScenarioClient) -> None:
        start = client.server_now() - 60
        sent = {(await client.generate(HAPPY_HORSE, body(images, seed=seed))).job.job_id for seed in range(4)}
        for job_id in sent:
            await finished(
                client, job_id
            )  # a job that changes meanwhile moves to a page that was read already
        for how in ({"types": ("custom",), "updated_after": start}, {"created_after": start}):
            found: set[str] = set()
            token, pages = None, 0
            while True:
                page = await client.jobs(page_size=2, token=token, **how)  # type: ignore[arg-type]
                found |= {job.job_id for job in page.jobs}
                pages += 1
                token = page.next_token
                if token is None:
                    break
            assert sent <= found
            assert pages > 2

    call(server, use)


def test_a_generation_is_not_cancelled(server: SandboxProcess, images: list[str]) -> None:
    async def use(client: ScenarioClient) -> None:
        job_id = (await client.generate(HAPPY_HORSE, body(images))).job.job_id
        with pytest.raises(RequestRejected) as caught:
            await client.cancel(job_id)
        assert caught.value.reason
        await finished(client, job_id)

    call(server, use)


def test_a_failed_job_says_why(server: SandboxProcess, images: list[str]) -> None:
    async def use(client: ScenarioClient) -> Job:
        submission = await client.generate(HAPPY_HORSE, body(images, prompt=f"{PROMPT} [moderated]"))
        return await finished(client, submission.job.job_id)

    job = call(server, use)
    assert job.status == "failure"
    assert job.error
    assert job.hint
    assert job.billing is not None
    assert job.billing.disable_refund is False


def test_a_large_image_goes_up_in_parts(server: SandboxProcess) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG", compress_level=0)
    data = buffer.getvalue()
    assert PART_SIZE < len(data) < 10_000_000
    told: list[int] = []

    async def use(client: ScenarioClient) -> None:
        asset_id = await client.upload(
            data, name="noise.png", media_type="image/png", progress=lambda sent, _total: told.append(sent)
        )
        asset = await client.asset(asset_id)
        assert (asset.kind, asset.properties.width, asset.properties.height) == ("image", 1500, 1500)
        assert asset.url is not None
        assert await fetch(client, asset.url) == data

    call(server, use)
    assert told[-1] == len(data)


def test_what_is_no_image_is_refused_with_a_reason(server: SandboxProcess) -> None:
    with pytest.raises(RequestRejected) as caught:
        call(
            server, lambda client: client.upload(b"GIF89a" + bytes(99), name="a.png", media_type="image/png")
        )
    assert caught.value.reason


def test_help_with_prompts(server: SandboxProcess, images: list[str]) -> None:
    async def use(client: ScenarioClient) -> None:
        made = await client.enhance_prompt("a horse", model_id=HAPPY_HORSE, asset_ids=images, count=2)
        assert len(set(made.prompts)) == 2
        assert all("character1" in prompt for prompt in made.prompts)
        translated = await client.translate("马在跑")
        assert (translated.detected_language, translated.creative_units_cost) == (
            "zh",
            made.creative_units_cost,
        )
        assert translated.translation
        assert "character1" in await client.prompt_guide(HAPPY_HORSE)
        assert all(example.asset.id for example in await client.examples(HAPPY_HORSE))

    call(server, use)


def test_the_account(server: SandboxProcess, images: list[str]) -> None:
    async def use(client: ScenarioClient) -> None:
        (team,) = await client.teams()
        assert team.projects
        limits = await client.limits(team.id)
        assert (limits.plan, limits.limits.parallel_custom_jobs) == (team.plan, 50)
        before = (await client.usages()).consumption[0].total
        submission = await client.generate(HAPPY_HORSE, body(images))
        await finished(client, submission.job.job_id)
        after = (await client.usages()).consumption[0].total
        assert after - before == submission.creative_units_cost

    call(server, use)


def test_refusals_have_their_reasons(server: SandboxProcess, images: list[str]) -> None:
    with pytest.raises(AuthenticationError):
        call(server, lambda client: client.teams(), secret="wrong")
    with pytest.raises(NotFound) as unknown:
        call(server, lambda client: client.job("job_no"))
    with pytest.raises(NotFound):
        call(server, lambda client: client.model("model_no"))
    wrong = body(images) | {"duration": 99}
    with pytest.raises(RequestRejected) as refused:
        call(server, lambda client: client.generate(HAPPY_HORSE, wrong))
    assert "job_no" in unknown.value.reason
    assert "duration" in refused.value.reason


def test_the_plans_limit_is_told_as_such(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(speed=1, scale=0.1, parallel=1)

    async def use(client: ScenarioClient) -> None:
        asset_id = await client.upload(png("red"), name="red.png", media_type="image/png")
        request = body([asset_id], prompt="character1 runs")
        await client.generate(HAPPY_HORSE, request)
        with pytest.raises(RateLimited) as caught:
            await client.generate(HAPPY_HORSE, request)
        assert (caught.value.limit, caught.value.action) == (1, "parallelCustomJobs")

    call(server, use)
