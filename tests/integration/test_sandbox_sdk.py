"""The sandbox is faithful: Scenario's own SDK drives it, with strict validation of every answer against its types."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

import httpx2
import pytest
import scenario_sdk
from PIL import Image
from scenario_sdk import Scenario

from tests.conftest import SandboxProcess, StartSandbox

pytestmark = pytest.mark.usefixtures("measured_processes")
MODEL = "model_alibaba-happy-horse-reference-to-video"
Found = TypeVar("Found")


@pytest.fixture(scope="module")
def server(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    """One sandbox for all tests here: fast, and with small frames."""
    return start_shared_sandbox(speed=200, scale=0.1, parallel=50)


@pytest.fixture
def client(server: SandboxProcess) -> Iterator[Scenario]:
    with sdk(server) as client:
        yield client


@pytest.fixture(scope="module")
def images(server: SandboxProcess) -> list[str]:
    """Two uploaded images."""
    with sdk(server) as client:
        return [
            client.assets.upload(name=f"{colour}.png", image=base64.b64encode(png(colour)).decode()).asset.id
            for colour in ("red", "blue")
        ]


def sdk(server: SandboxProcess, *, strict: bool = True) -> Scenario:
    return Scenario(
        api_key=server.key,
        api_secret=server.secret,
        base_url=server.base_url,
        max_retries=0,
        _strict_response_validation=strict,
    )


def png(colour: str, size: tuple[int, int] = (480, 420)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def until(read: Callable[[], Found], done: Callable[[Found], bool], limit: float = 60.0) -> Found:
    """Read again and again until it is as wished."""
    ends = time.monotonic() + limit
    while not done(found := read()):
        assert time.monotonic() < ends, f"still {found}"
        time.sleep(0.02)
    return found


def body(images: list[str], **more: Any) -> dict[str, Any]:
    return {
        "prompt": "character1 waves at character2",
        "referenceImages": images,
        "resolution": "720P",
        "duration": 3,
    } | more


def finished(client: Scenario, images: list[str], **more: Any) -> Any:
    """A clip's job, once it is a success."""
    return successful(client, client.generate.run_model(MODEL, body=body(images, **more)).job.job_id)


def moderated(client: Scenario, images: list[str]) -> Any:
    """A job that the provider's moderation has stopped."""
    job_id = client.generate.run_model(MODEL, body=body(images, prompt="character1 [moderated]")).job.job_id
    return until(lambda: client.jobs.retrieve(job_id).job, lambda job: job.status == "failure")


def successful(client: Scenario, job_id: str, seen: list[Any] | None = None) -> Any:
    """The job, once it is a success; `seen` takes all that was seen of it."""
    seen = [] if seen is None else seen
    until(
        lambda: seen.append(client.jobs.retrieve(job_id).job),
        lambda _: seen[-1].status in {"success", "failure"},
    )
    assert seen[-1].status == "success", seen[-1].metadata.error
    return seen[-1]


def test_upload_in_one_call_takes_base64_and_data_urls(client: Scenario) -> None:
    text = base64.b64encode(png("green", (500, 410))).decode()
    for image in (text, f"data:image/png;base64,{text}"):
        asset = client.assets.upload(name="green.png", image=image).asset
        assert (asset.kind, asset.mime_type, asset.status) == ("image", "image/png", "success")
        assert (asset.properties.width, asset.properties.height) == (500, 410)
        assert httpx2.get(asset.url).content == base64.b64decode(text)


@pytest.mark.parametrize(
    "image", ["no base64!", "data:image/png,plain", base64.b64encode(b"%PDF-1.7 no image").decode()]
)
def test_upload_in_one_call_refuses_what_is_no_image(client: Scenario, image: str) -> None:
    with pytest.raises(scenario_sdk.BadRequestError, match="image"):
        client.assets.upload(name="a.png", image=image)


def test_upload_in_parts(client: Scenario) -> None:
    data = png("orange", (900, 700))
    half = len(data) // 2
    upload = client.uploads.create(
        kind="image", file_name="orange.png", content_type="image/png", file_size=len(data), parts=2
    ).upload
    assert upload.status == "pending"
    assert [part.number for part in upload.parts] == [1, 2]
    assert datetime.fromisoformat(upload.parts[0].expires).timestamp() > time.time()
    for part, piece in zip(upload.parts, (data[:half], data[half:]), strict=True):
        assert "/v1/" not in part.url
        assert httpx2.put(part.url, content=piece).headers["etag"]
    client.uploads.trigger_action(upload.id, action="complete")
    done = until(lambda: client.uploads.retrieve(upload.id).upload, lambda one: one.status == "imported")
    asset = client.assets.retrieve(done.entity_id).asset
    assert httpx2.get(asset.url).content == data


def test_an_upload_that_is_no_image_fails_with_a_reason(client: Scenario) -> None:
    data = b"GIF89a" + bytes(100)
    upload = client.uploads.create(
        kind="image", file_name="a.png", content_type="image/png", file_size=len(data), parts=1
    ).upload
    httpx2.put(upload.parts[0].url, content=data)
    client.uploads.trigger_action(upload.id, action="complete")
    failed = until(lambda: client.uploads.retrieve(upload.id).upload, lambda one: one.status == "failed")
    assert failed.entity_id is None
    assert failed.error_message


def test_an_upload_of_another_size_than_announced_fails(client: Scenario) -> None:
    data = png("orange")
    upload = client.uploads.create(
        kind="image", file_name="a.png", content_type="image/png", file_size=len(data) + 1, parts=1
    ).upload
    httpx2.put(upload.parts[0].url, content=data)
    client.uploads.trigger_action(upload.id, action="complete")
    client.uploads.trigger_action(upload.id, action="complete")
    failed = until(lambda: client.uploads.retrieve(upload.id).upload, lambda one: one.status == "failed")
    assert f"{len(data) + 1} were announced" in failed.error_message


def test_parts_are_stored_for_signed_addresses_only(server: SandboxProcess, client: Scenario) -> None:
    upload = client.uploads.create(
        kind="image", file_name="a.png", content_type="image/png", file_size=4, parts=1
    ).upload
    url = upload.parts[0].url
    for refused, status, code in (
        (httpx2.put(url, content=b"more than announced"), 400, "EntityTooLarge"),
        (httpx2.put(url, content=b"1234", auth=(server.key, server.secret)), 400, "InvalidArgument"),
        (httpx2.put(url.replace("/1?", "/2?"), content=b"1234"), 403, "AccessDenied"),
        (httpx2.put(url.replace(upload.id, "upload_other"), content=b"1234"), 403, "AccessDenied"),
    ):
        assert (refused.status_code, f"<Code>{code}</Code>" in refused.text) == (status, True)
    with pytest.raises(scenario_sdk.BadRequestError, match="Part 1 of 1"):
        client.uploads.trigger_action(upload.id, action="complete")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"kind": "video"}, "kind"),
        ({"file_name": ""}, "fileName"),
        ({"file_size": 0}, "fileSize"),
        ({"file_size": 10**9}, "fileSize"),
        ({"file_size": 1.5}, "fileSize"),
        ({"parts": 101}, "parts"),
        ({"asset_options": "hide"}, "assetOptions"),
    ],
)
def test_uploads_refuse_what_they_cannot_take(client: Scenario, wrong: dict[str, Any], named: str) -> None:
    good = {"kind": "image", "file_name": "a.png", "content_type": "image/png", "file_size": 4, "parts": 1}
    with pytest.raises(scenario_sdk.BadRequestError, match=named):
        client.uploads.create(**(good | wrong))


def test_completing_without_all_parts_is_refused(client: Scenario) -> None:
    upload = client.uploads.create(
        kind="image", file_name="a.png", content_type="image/png", file_size=10, parts=2
    ).upload
    httpx2.put(upload.parts[0].url, content=b"12345")
    with pytest.raises(scenario_sdk.BadRequestError, match="Part 2 of 2"):
        client.uploads.trigger_action(upload.id, action="complete")


def test_model_schema(client: Scenario) -> None:
    model = client.models.retrieve(MODEL).model
    inputs = {spec.name: spec for spec in model.inputs}
    assert inputs["prompt"].required.always and inputs["prompt"].max_length == 2500
    assert (inputs["referenceImages"].type, inputs["referenceImages"].kind) == ("file_array", "image")
    assert (inputs["referenceImages"].min, inputs["referenceImages"].max) == (1, 9)
    assert inputs["referenceImages"].max_size == 10_000_000
    assert inputs["aspectRatio"].allowed_values == ["16:9", "9:16", "1:1", "4:3", "3:4"]
    assert (inputs["resolution"].allowed_values, inputs["resolution"].default) == (["720P", "1080P"], "1080P")
    assert (inputs["duration"].min, inputs["duration"].max, inputs["duration"].step) == (3, 15, 1)
    assert inputs["seed"].max == 2_147_483_647
    assert {name for name, spec in inputs.items() if spec.cost_impact} == {"resolution", "duration"}
    assert all(
        one.total_latency_p50_sec and one.cost_per_asset_p50_cu for one in model.performance_stats.variants
    )
    newer = client.models.retrieve(f"{MODEL}-1.1").model
    assert len({spec.name: spec for spec in newer.inputs}["aspectRatio"].allowed_values) == 9
    other = client.models.retrieve("model_sandbox-compatible-reference-to-video").model
    assert other.tags == [f"deprecated:{MODEL}-1.1"]


def test_dry_run_is_269_with_the_price_and_no_job(
    server: SandboxProcess, client: Scenario, images: list[str]
) -> None:
    before = len(server.ledger()["jobs"])
    raw = client.generate.with_raw_response.run_model(MODEL, body=body(images), dry_run="true")
    assert raw.status_code == 269
    # The SDK takes 269 for a success, and has no type for it: a model without its job.
    with sdk(server, strict=False) as loose:
        estimate = loose.generate.run_model(MODEL, body=body(images), dry_run="true")
    assert estimate.creative_units_cost == 18
    assert estimate.cost_details.custom_generation == 18
    assert estimate.job is None
    assert len(server.ledger()["jobs"]) == before


def test_generate_watch_and_download(client: Scenario, images: list[str]) -> None:
    submitted = client.generate.run_model(MODEL, body=body(images, seed=7))
    assert submitted.job.status == "pending"
    assert submitted.creative_units_cost == submitted.job.billing.cu_cost == 18
    seen: list[Any] = []
    job = successful(client, submitted.job.job_id, seen)
    assert [one.progress for one in seen] == sorted(one.progress for one in seen)
    assert [one.status for one in job.status_history] == [
        *("pending", "queued", "warming-up", "in-progress", "finalizing", "success")
    ]
    assert body(images, seed=7).items() <= job.metadata.input.items()
    asset = client.assets.retrieve(job.metadata.asset_ids[0]).asset
    assert (asset.kind, asset.mime_type, asset.properties.frame_rate) == ("video", "video/mp4", 24)
    assert asset.properties.duration == pytest.approx(3, abs=0.1)
    assert asset.metadata.seed == "7"
    assert asset.metadata.reference_images == images
    video = httpx2.get(asset.url)
    assert video.headers["content-type"] == "video/mp4"
    assert len(video.content) == asset.properties.size
    for frame in (asset.first_frame, asset.last_frame):
        assert Image.open(io.BytesIO(httpx2.get(frame.url).content)).width == asset.properties.width


def test_a_seed_is_drawn_and_told_when_none_is_given(client: Scenario, images: list[str]) -> None:
    jobs = [finished(client, images) for _ in range(2)]
    assert all("seed" not in job.metadata.input for job in jobs)
    seeds = {client.assets.retrieve(job.metadata.asset_ids[0]).asset.metadata.seed for job in jobs}
    assert len(seeds) == 2
    assert all(0 <= int(seed) <= 2_147_483_647 for seed in seeds)


def test_the_same_request_gives_the_same_bytes(client: Scenario, images: list[str]) -> None:
    videos = []
    for seed in (11, 11, 12):
        job = finished(client, images, seed=seed)
        videos.append(httpx2.get(client.assets.retrieve(job.metadata.asset_ids[0]).asset.url).content)
    assert videos[0] == videos[1] != videos[2]


def test_jobs_are_listed_page_by_page(client: Scenario, images: list[str]) -> None:
    made = [client.generate.run_model(MODEL, body=body(images)).job.job_id for _ in range(5)]
    client.generate.translate(prompt="in between")
    by_creation = [job.job_id for job in client.jobs.list(page_size=2)]
    assert [one for one in by_creation if one in made] == made[::-1]
    for job_id in made:
        successful(client, job_id)
    listed = list(client.jobs.list(types=["custom"], page_size=2))
    assert set(made) <= {job.job_id for job in listed}
    assert {job.job_type for job in listed} == {"custom"}
    assert [job.updated_at for job in listed] == sorted((job.updated_at for job in listed), reverse=True)
    assert all(job.status == "success" for job in client.jobs.list(status="success", type="custom"))
    assert list(client.jobs.list(types=["inference"])) == []


def test_jobs_are_listed_after_a_date(client: Scenario, images: list[str]) -> None:
    first, second = (finished(client, images) for _ in range(2))
    after_creation = [job.job_id for job in client.jobs.list(created_after=first.created_at)]
    assert second.job_id in after_creation and first.job_id not in after_creation
    after_update = [job.job_id for job in client.jobs.list(types=["custom"], updated_after=first.updated_at)]
    assert second.job_id in after_update and first.job_id not in after_update


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"created_after": "2026-01-01T00:00:00Z", "types": ["custom"]}, "createdAfter"),
        ({"created_after": "2026-01-01T00:00:00Z", "status": "success"}, "createdAfter"),
        ({"updated_after": "2026-01-01T00:00:00Z"}, "updatedAfter"),
        ({"created_after": "yesterday"}, "createdAfter"),
        ({"page_size": 101}, "pageSize"),
        ({"page_size": 0}, "pageSize"),
        ({"pagination_token": "nonsense"}, "paginationToken"),
    ],
)
def test_lists_refuse_what_the_api_refuses(client: Scenario, wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(scenario_sdk.BadRequestError, match=named):
        list(client.jobs.list(**wrong))


def test_cancel_is_refused(client: Scenario, images: list[str]) -> None:
    job_id = client.generate.run_model(MODEL, body=body(images)).job.job_id
    with pytest.raises(scenario_sdk.BadRequestError, match="cannot be canceled"):
        client.jobs.trigger_action(job_id, action="cancel")
    assert successful(client, job_id).billing.cu_cost == 18


def test_assets_in_bulk(client: Scenario, images: list[str]) -> None:
    found = client.assets.get_bulk(asset_ids=[images[1], "asset_nowhere", images[0]]).assets
    assert [asset.id for asset in found] == images[::-1]
    with pytest.raises(scenario_sdk.BadRequestError, match="200"):
        client.assets.get_bulk(asset_ids=["asset_nowhere"] * 201)


def test_download_in_ranges(client: Scenario, images: list[str]) -> None:
    url = client.assets.retrieve(images[0]).asset.url
    whole = httpx2.get(url)
    etag = whole.headers["etag"]
    part = httpx2.get(url, headers={"range": "bytes=10-19", "if-range": etag})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    rest = httpx2.get(url, headers={"range": "bytes=-5"})
    assert (rest.status_code, rest.content) == (206, whole.content[-5:])
    changed = httpx2.get(url, headers={"range": "bytes=10-19", "if-range": '"other"'})
    assert (changed.status_code, changed.content) == (200, whole.content)
    head = httpx2.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (
        200,
        str(len(whole.content)),
        b"",
    )
    beyond = httpx2.get(url, headers={"range": "bytes=999999999-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")


def test_downloads_take_no_credentials(server: SandboxProcess, client: Scenario, images: list[str]) -> None:
    url = client.assets.retrieve(images[0]).asset.url
    refused = httpx2.get(url, auth=(server.key, server.secret))
    assert refused.status_code == 400
    assert "Only one auth mechanism allowed" in refused.text


def test_addresses_expire_and_are_signed_again(start_sandbox: StartSandbox) -> None:
    with sdk(start_sandbox(url_ttl=2)) as client:
        asset = client.assets.upload(name="red.png", image=base64.b64encode(png("red")).decode()).asset
        assert httpx2.get(asset.url).status_code == 200
        refused = until(lambda: httpx2.get(asset.url), lambda answer: answer.status_code == 403)
        assert refused.headers["content-type"].startswith("application/xml")
        fresh = client.assets.retrieve(asset.id).asset.url
        assert httpx2.get(fresh).status_code == 200
        assert httpx2.get(fresh.replace(asset.id, "asset_other")).status_code == 403


def test_the_expiry_stands_in_the_query_in_two_ways(client: Scenario, images: list[str]) -> None:
    image = httpx2.URL(client.assets.retrieve(images[0]).asset.url).params
    assert int(image["Expires"]) > time.time()
    job = finished(client, images)
    video = httpx2.URL(client.assets.retrieve(job.metadata.asset_ids[0]).asset.url).params
    assert "Expires" not in video
    policy = base64.b64decode(video["Policy"].replace("-", "+").replace("_", "=").replace("~", "/"))
    assert b'"AWS:EpochTime":' in policy


def test_tags(client: Scenario, images: list[str]) -> None:
    changed = client.assets.update_tags(images[0], add=["happy", "horse"])
    assert changed.added == ["happy", "horse"]
    changed = client.assets.update_tags(images[0], add=["horse", "new"], delete=["happy", "none"])
    assert (changed.added, changed.deleted) == (["new"], ["happy"])
    assert client.assets.retrieve(images[0]).asset.tags == ["horse", "new"]
    with pytest.raises(scenario_sdk.BadRequestError, match="already exists"):
        client.assets.update_tags(images[0], add=["horse"], strict=True)


def test_deleted_assets_are_gone(client: Scenario) -> None:
    asset = client.assets.upload(name="red.png", image=base64.b64encode(png("red")).decode()).asset
    client.assets.delete_multiple(asset_ids=[asset.id])
    with pytest.raises(scenario_sdk.NotFoundError, match=asset.id):
        client.assets.retrieve(asset.id)
    assert httpx2.get(asset.url).status_code == 404


def test_prompt_enhancement(client: Scenario, images: list[str]) -> None:
    answer = client.generate.prompt(
        mode="contextual-v2", prompt="character1 waves", images=images, num_results=3
    )
    assert len(set(answer.prompts)) == 3
    assert all("character1 waves" in prompt and "character2" in prompt for prompt in answer.prompts)
    assert (answer.job.job_type, answer.job.status, answer.creative_units_cost) == (
        "generate-prompt",
        "success",
        1,
    )


def test_translation(client: Scenario) -> None:
    chinese = client.generate.translate(prompt="马在沙滩上奔跑")
    assert chinese.detected_language == "zh"
    assert "马在沙滩上奔跑" in chinese.translation
    assert client.generate.translate(prompt="a horse runs").translation == "a horse runs"


def test_prompt_guide_and_examples(client: Scenario) -> None:
    assert "character1" in client.models.prompt_guide.retrieve(MODEL).prompt_guide.value
    (example,) = client.models.examples.list(MODEL).examples
    assert (example.api_model_id, example.asset.kind) == (MODEL, "video")
    assert httpx2.get(example.asset.url).status_code == 200
    assert client.models.examples.list(MODEL).examples[0].asset.id == example.asset.id


def test_teams_and_limits(client: Scenario) -> None:
    (team,) = client.teams.list().teams
    limits = client.teams.retrieve_limits(team.id)
    assert limits.limits.parallel_custom_jobs == 50
    assert limits.limits.creative_units > limits.values.creative_units


def test_usages_tell_what_was_charged(start_sandbox: StartSandbox) -> None:
    with sdk(start_sandbox(speed=500, scale=0.1)) as client:
        images = [client.assets.upload(name="red.png", image=base64.b64encode(png("red")).decode()).asset.id]
        finished(client, images)
        assert moderated(client, images).status == "failure"
        found = client.usages.list()
        values = {one.usage_name: sum(float(point.value) for point in one.points) for one in found.usages}
        assert values == {"creative-unit-cost": 36, "refunds": 18, "custom": 2}
        assert found.consumption[0].total == 18
        assert found.api_model_usages[0].points[0].jobs == 2
        assert found.asset_usages[0].points[0].count == 1
        assert [one.action for one in found.activity] == ["refunds", "custom", "custom"]
        assert client.usages.list(type=["consumption"]).usages is None


def test_a_moderated_prompt_fails_and_says_why(client: Scenario, images: list[str]) -> None:
    job = moderated(client, images)
    assert job.status == "failure"
    assert "moderation" in job.metadata.error and "Rephrase" in job.metadata.hint
    assert job.metadata.asset_ids == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "a" * 2501}, "prompt"),
        ({"referenceImages": []}, "referenceImages"),
        ({"referenceImages": ["asset_nowhere"]}, "asset_nowhere"),
        ({"referenceImages": "asset_bare-string"}, '"referenceImages" is required'),
        ({"aspectRatio": "2:1"}, "aspectRatio"),
        ({"resolution": "4K"}, "resolution"),
        ({"duration": 2}, "duration"),
        ({"duration": 16}, "duration"),
        ({"duration": 3.5}, "duration"),
        ({"duration": "long"}, "duration"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"seed": True}, "seed"),
    ],
)
def test_generate_refuses_wrong_inputs(
    server: SandboxProcess, client: Scenario, images: list[str], wrong: dict[str, Any], named: str
) -> None:
    before = len(server.ledger()["jobs"])
    for dry_run in ({}, {"dry_run": "true"}):
        with pytest.raises(scenario_sdk.BadRequestError) as caught:
            client.generate.run_model(MODEL, body=body(images) | wrong, **dry_run)
        assert named in caught.value.body["reason"]
    assert len(server.ledger()["jobs"]) == before


def test_a_video_is_no_reference_image(client: Scenario, images: list[str]) -> None:
    video = finished(client, images).metadata.asset_ids
    with pytest.raises(scenario_sdk.BadRequestError, match="is a video"):
        client.generate.run_model(MODEL, body=body(video))


def test_unknown_fields_are_ignored(client: Scenario, images: list[str]) -> None:
    job = client.generate.run_model(MODEL, body=body(images, style="noir")).job
    assert "style" not in job.metadata.input


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("POST", "/generate/prompt", {"prompt": "a"}, "mode"),
        ("POST", "/generate/prompt", {"mode": "inventive", "numResults": 6}, "numResults"),
        ("POST", "/generate/prompt", {"mode": "inventive", "images": "asset_1"}, "images"),
        ("POST", "/generate/translate", {}, "prompt"),
        ("POST", "/generate/translate?dryRun=maybe", {"prompt": "a"}, "dryRun"),
        ("POST", f"/generate/custom/{MODEL}?dryRun=false", {}, "dryRun"),
        ("GET", "/usages?timeRange=ever", None, "timeRange"),
        ("GET", "/usages?startDate=2026-01-01", None, "endDate"),
        ("POST", "/uploads/upload_1/action", {"action": "abort"}, "action"),
        ("POST", "/jobs/job_1/action", {"action": "abort"}, "job_1"),
    ],
)
def test_other_calls_say_what_is_wrong(
    server: SandboxProcess, method: str, path: str, body: dict[str, Any] | None, named: str
) -> None:
    answer = server.http.request(method, path, json=body)
    assert answer.status_code in {400, 404}
    assert named in answer.json()["reason"]


def test_text_helpers_can_be_priced_first(server: SandboxProcess, client: Scenario) -> None:
    before = len(server.ledger()["jobs"])
    raw = client.generate.with_raw_response.translate(prompt="马", dry_run="true")
    assert (raw.status_code, raw.json()) == (
        *(269, {"creativeUnitsCost": 1.0, "creativeUnitsDiscount": 0, "costDetails": {"translate": 1.0}}),
    )
    assert len(server.ledger()["jobs"]) == before


def test_usages_of_a_span_of_time(client: Scenario) -> None:
    client.generate.translate(prompt="a")
    spans = [
        ("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
        ("2020-01-01T00:00:00Z", "2100-01-02T00:00:00Z"),
    ]
    totals = [client.usages.list(start_date=start, end_date=end).consumption[0].total for start, end in spans]
    assert totals[0] == 0 < totals[1]


def test_projects_own_what_they_make(client: Scenario, images: list[str]) -> None:
    job = client.generate.run_model(MODEL, body=body(images), project_id="proj_mine").job
    assert job.owner_id == "proj_mine"
    assert [one.job_id for one in client.jobs.list(project_id="proj_mine")] == [job.job_id]
    with pytest.raises(scenario_sdk.NotFoundError, match="project"):
        client.jobs.retrieve(job.job_id, project_id="proj_other")


@pytest.mark.parametrize(
    "read",
    [
        lambda client: client.jobs.retrieve("job_nowhere"),
        lambda client: client.assets.retrieve("asset_nowhere"),
        lambda client: client.uploads.retrieve("upload_nowhere"),
        lambda client: client.models.retrieve("model_nowhere"),
        lambda client: client.generate.run_model("model_nowhere", body={}),
        lambda client: client.teams.retrieve_limits("team_nowhere"),
        lambda client: client.workflows.retrieve("workflow_nowhere"),
    ],
)
def test_what_does_not_exist_is_not_found(client: Scenario, read: Callable[[Scenario], object]) -> None:
    with pytest.raises(scenario_sdk.NotFoundError):
        read(client)


def test_a_wrong_secret_is_an_authentication_error(server: SandboxProcess) -> None:
    with (
        Scenario(api_key=server.key, api_secret="wrong", base_url=server.base_url, max_retries=0) as client,
        pytest.raises(scenario_sdk.AuthenticationError, match="secret"),
    ):
        client.teams.list()
