"""Answers are read tolerantly: an odd field costs that field, and no bytes raise anything but ProtocolFault."""

from __future__ import annotations

import json
import math
import pickle
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from happyhorse_widgets.api import models
from happyhorse_widgets.api.decoding import decode, decode_json, decode_list, iso
from happyhorse_widgets.api.models import (
    Answer,
    Asset,
    Estimate,
    Job,
    JobPage,
    Limits,
    Model,
    Submission,
    Upload,
)
from happyhorse_widgets.api.params import schema_from_model
from happyhorse_widgets.api.signedurls import SignedUrl
from happyhorse_widgets.errors import ProtocolFault

JOB: dict[str, Any] = {
    "jobId": "job_1",
    "jobType": "custom",
    "status": "in-progress",
    "progress": 0.4,
    "createdAt": "2026-01-31T12:00:00.000Z",
    "updatedAt": "2026-01-31T12:00:20.500Z",
    "statusHistory": [{"status": "queued", "date": "2026-01-31T12:00:00.000Z"}],
    "metadata": {"input": {"prompt": "a", "referenceImages": ["asset_1"]}, "assetIds": ["asset_2"]},
    "billing": {"cuCost": 40, "cuDiscount": 0},
    "authorId": "u",
}
ASSET: dict[str, Any] = {
    "id": "asset_2",
    "kind": "video",
    "mimeType": "video/mp4",
    "status": "success",
    "url": "https://cdn.example/a.mp4?Expires=1&Signature=s",
    "properties": {
        "size": 1000,
        "width": 1920,
        "height": 1080,
        "duration": 5.1,
        "frameRate": 24,
        "codecName": "h264",
    },
    "firstFrame": {"assetId": "asset_3", "url": "https://cdn.example/f.png?Signature=s"},
    "metadata": {
        "seed": "7",
        "thumbnail": {"assetId": "asset_4", "url": "https://cdn.example/t?Signature=s"},
    },
    "tags": ["a"],
    "createdAt": "2026-01-31T12:00:00Z",
}
MODEL: dict[str, Any] = {
    "id": "model_alibaba-happy-horse-reference-to-video",
    "name": "Happy Horse",
    "tags": ["deprecated:model_b"],
    "inputs": [
        {
            "name": "duration",
            "type": "number",
            "min": 3,
            "max": 15,
            "step": 1,
            "default": 5,
            "costImpact": True,
        },
        {
            "name": "aspectRatio",
            "type": "string",
            "allowedValues": ["16:9", "1:1"],
            "required": {"always": False},
        },
    ],
    "performanceStats": {
        "variants": [
            {
                "variantKey": "v",
                "totalLatencyP50Sec": 90,
                "totalLatencyP75Sec": 120.5,
                "costPerAssetP50CU": 40,
            }
        ],
        "default": "v",
    },
}
UPLOAD: dict[str, Any] = {
    "id": "up_1",
    "status": "pending",
    "parts": [
        {"number": 1, "url": "https://s3.example/p?X-Amz-Signature=s", "expires": "2026-01-31T13:00:00Z"}
    ],
}
LIMITS: dict[str, Any] = {
    "plan": "cu-pro",
    "limits": {"parallelCustomJobs": 5, "creativeUnits": 10000},
    "values": {"creativeUnits": 12.5},
    "period": {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"},
    "oneShotCreativeUnits": [],
}
SUBMISSION: dict[str, Any] = {"job": JOB, "creativeUnitsCost": 40, "costDetails": {"custom": 40}}
REAL = [
    (Job, "job", {"job": JOB}),
    (JobPage, None, {"jobs": [JOB, {**JOB, "jobId": "job_2"}], "nextPaginationToken": "t"}),
    (Asset, "asset", {"asset": ASSET}),
    (Model, "model", {"model": MODEL}),
    (Upload, "upload", {"upload": UPLOAD}),
    (Limits, None, LIMITS),
    (Submission, None, SUBMISSION),
    (Estimate, None, {"creativeUnitsCost": 12, "costDetails": {}}),
]
KINDS = [
    kind
    for kind in vars(models).values()
    if isinstance(kind, type) and issubclass(kind, Answer) and kind is not Answer
]


def read(kind: Any, raw: Any, at: str | None = None) -> Any:
    return decode(kind, json.dumps(raw).encode(), at=at)


def test_a_job() -> None:
    job = read(Job, {"job": JOB}, "job")
    assert (job.job_id, job.job_type, job.status, job.progress) == ("job_1", "custom", "in-progress", 0.4)
    assert (job.created_at, job.updated_at) == (1769860800.0, 1769860820.5)
    assert job.input == {"prompt": "a", "referenceImages": ["asset_1"]}
    assert job.asset_ids == ("asset_2",)
    assert (job.billing.cu_cost, job.billing.disable_refund) == (40.0, False)
    assert job.status_history[0].status == "queued"
    assert (job.error, job.hint, job.has_ended) == ("", "", False)


@pytest.mark.parametrize(
    ("status", "expected", "has_ended"),
    [
        ("success", "success", True),
        ("failed", "failure", True),
        ("failure", "failure", True),
        ("cancelled", "canceled", True),
        ("processing", "in-progress", False),
        ("IN_PROGRESS", "in-progress", False),
        ("reticulating", "reticulating", False),
        (None, "unknown", False),
        (7, "unknown", False),
    ],
)
def test_statuses_are_normalised_and_unknown_ones_run(status: Any, expected: str, has_ended: bool) -> None:
    job = read(Job, {"job": {**JOB, "status": status}}, "job")
    assert (job.status, job.has_ended) == (expected, has_ended)


def test_a_failed_job_tells_why_in_words_fit_to_be_shown() -> None:
    told = {
        "error": "Blocked\n\x1b[31mby moderation",
        "hint": "<b>Change</b> it",
        "assetIds": [None, 5, "", "a"],
    }
    job = read(Job, {"job": {**JOB, "metadata": told}}, "job")
    assert (job.error, job.hint, job.asset_ids) == ("Blocked [31mby moderation", "", ("a",))


def test_one_odd_field_costs_that_field_only() -> None:
    odd = {
        **JOB,
        "progress": "a lot",
        "createdAt": "yesterday",
        "updatedAt": 1769860820500,
        "statusHistory": [None, {"status": 5}, {"status": "queued", "date": -1}],
        "metadata": [1],
        "billing": {"cuCost": "40.5", "cuDiscount": None, "disableRefund": "true"},
    }
    job = read(Job, {"job": odd}, "job")
    assert (job.progress, job.created_at, job.updated_at) == (None, None, 1769860820.5)
    assert [(change.status, change.date) for change in job.status_history] == [("queued", None)]
    assert (job.metadata, job.input, job.asset_ids) == ({}, {}, ())
    assert (job.billing.cu_cost, job.billing.cu_discount, job.billing.disable_refund) == (40.5, None, True)


def test_one_odd_job_costs_that_job_only() -> None:
    page = read(JobPage, {"jobs": [None, {}, {"jobId": ""}, JOB, "x"], "nextPaginationToken": ""})
    assert ([job.job_id for job in page.jobs], page.next_token) == (["job_1"], None)
    assert read(JobPage, {"jobs": [], "nextPaginationToken": "t"}).next_token == "t"


@pytest.mark.parametrize(
    ("progress", "expected"), [(-1, 0.0), (0.5, 0.5), (45, 1.0), ("0.25", 0.25), (True, None)]
)
def test_progress_is_a_share(progress: Any, expected: float | None) -> None:
    assert read(Job, {"job": {**JOB, "progress": progress}}, "job").progress == expected


def test_an_asset_whose_url_does_not_show_and_whose_metadata_can_be_kept() -> None:
    asset = read(Asset, {"asset": ASSET}, "asset")
    assert asset.url == ASSET["url"]
    assert (asset.properties.width, asset.properties.frame_rate, asset.properties.duration) == (
        1920,
        24.0,
        5.1,
    )
    assert (asset.first_frame.asset_id, asset.last_frame, asset.seed) == ("asset_3", None, 7)
    assert "Signature" not in repr(asset)
    assert "Signature" not in json.dumps(asset.metadata)
    assert "Signature" not in repr(read(Upload, {"upload": UPLOAD}, "upload"))


def test_an_odd_asset_keeps_its_id() -> None:
    odd = {
        "id": "asset_2",
        "tags": "a",
        "url": ["x"],
        "properties": {
            "size": 1.5,
            "width": "1920",
            "height": 1e300,
            "duration": "1e9999",
            "frameRate": "24.0",
        },
        "firstFrame": "x",
        "createdAt": "0000-00-00",
    }
    asset = read(Asset, {"asset": odd}, "asset")
    assert asset == Asset(id="asset_2", properties=models.FileProperties(width=1920, frame_rate=24.0))


@pytest.mark.parametrize(
    ("refund", "expected"), [("true", True), (True, True), ("false", False), ("no", False), (1, False)]
)
def test_an_odd_bill(refund: Any, expected: bool) -> None:
    bill = {"cuCost": "1e400", "disableRefund": refund}
    job = read(Job, {"job": {**JOB, "billing": bill, "createdAt": "0001-01-01T00:00:00+14:00"}}, "job")
    assert (job.billing, job.created_at) == (models.Billing(disable_refund=expected), None)


@pytest.mark.parametrize(
    ("seed", "expected"), [("7", 7), (7, 7), (7.0, 7), (True, None), ("x", None), (-1, None)]
)
def test_the_seed_of_an_asset(seed: Any, expected: int | None) -> None:
    assert read(Asset, {"asset": {**ASSET, "metadata": {"seed": seed}}}, "asset").seed == expected


def test_a_model_and_its_statistics() -> None:
    model = read(Model, {"model": MODEL}, "model")
    schema = schema_from_model(model)
    assert (schema.deprecated_by, schema.latency_p50, schema.latency_p75, schema.cost_p50) == (
        "model_b",
        90.0,
        120.5,
        40.0,
    )
    duration = schema.field("duration")
    assert duration is not None
    assert (duration.default, duration.cost_impact) == (5, True)


def test_limits() -> None:
    limits = read(Limits, LIMITS)
    assert (limits.plan, limits.limits.parallel_custom_jobs, limits.values.creative_units) == (
        "cu-pro",
        5.0,
        12.5,
    )


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (Submission, {"creativeUnitsCost": 40}),
        (Submission, {"job": {"status": "queued"}, "creativeUnitsCost": 40}),
        (Submission, {"job": {"jobId": 5}}),
        (Submission, []),
        (Estimate, {}),
        (Estimate, {"creativeUnitsCost": -1}),
        (Estimate, {"creativeUnitsCost": "NaN"}),
        (JobPage, {"nextPaginationToken": "t"}),
    ],
)
def test_what_makes_an_answer_useless_is_a_protocol_fault(kind: Any, raw: Any) -> None:
    with pytest.raises(ProtocolFault, match="cannot be read"):
        read(kind, raw)


def test_a_submission_whose_cost_cannot_be_read_is_still_a_job() -> None:
    submission = read(Submission, {"job": JOB, "creativeUnitsCost": -5, "costDetails": 3})
    assert (submission.job.job_id, submission.creative_units_cost, submission.cost_details) == (
        "job_1",
        None,
        {},
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html><h1>502</h1>", "HTML"),
        (b"", "cut or not JSON"),
        (b'{"job": {"jobId": "jo', "cut or not JSON"),
        (b"[" * 200_000, "cut or not JSON"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "cut or not JSON"),
        (b"9" * 10_000, "cut or not JSON"),
        (b"null", "no job"),
        (b"[]", "no job"),
    ],
)
def test_what_is_no_answer_is_a_protocol_fault_without_its_bytes(data: bytes, words: str) -> None:
    with pytest.raises(ProtocolFault, match=words) as caught:
        decode(Job, data, at="job")
    assert len(str(caught.value)) < 200
    assert caught.value.__context__ is None


def test_a_text_cut_inside_an_emoji_does_not_cost_the_page() -> None:
    data = json.dumps(
        {"jobs": [JOB, {**JOB, "jobId": "job_2", "metadata": {"input": {"prompt": "\ud83d"}}}]}
    ).encode()
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(data)
    page = decode(JobPage, data)
    assert [job.job_id for job in page.jobs] == ["job_1", "job_2"]
    assert page.jobs[1].input == {"prompt": "\ufffd"}
    json.dumps(page.jobs[1].metadata, ensure_ascii=False).encode()


def test_what_javascript_calls_numbers_is_nothing() -> None:
    assert decode_json(b'{"a": NaN, "b": -Infinity, "c": 1e999, "d": "\xff"}') == {
        "a": None,
        "b": None,
        "c": None,
        "d": "\ufffd",
    }


def test_metadata_nested_too_deeply_costs_the_metadata_only() -> None:
    deep: Any = "end"
    for _ in range(700):
        deep = {"d": deep}
    data = msgspec.json.encode({"job": {**JOB, "metadata": deep}})
    assert decode(Job, data, at="job").job_id == "job_1"


@pytest.fixture
def _far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time is not UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_far_east")
def test_times_go_to_the_wire_and_back() -> None:
    assert iso(1769860820.5) == "2026-01-31T12:00:20.500Z"
    assert read(Job, {"job": {**JOB, "updatedAt": iso(1769860820.5)}}, "job").updated_at == 1769860820.5
    assert (
        read(Job, {"job": {**JOB, "updatedAt": "2026-01-31T13:00:20.5+01:00"}}, "job").updated_at
        == 1769860820.5
    )
    assert read(Job, {"job": {**JOB, "updatedAt": "2026-01-31T12:00:20.5"}}, "job").updated_at == 1769860820.5


def test_a_list_of_answers() -> None:
    assert [
        asset.id for asset in decode_list(Asset, json.dumps({"assets": [ASSET, 5]}).encode(), at="assets")
    ] == ["asset_2"]
    with pytest.raises(ProtocolFault, match="no list of assets"):
        decode_list(Asset, b"{}", at="assets")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=20)
    | st.sampled_from(
        ["2026-01-31T12:00:00Z", "9999-12-31T23:59:59-14:00", "1e400", "https://c/?Signature=1"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["job", "jobs", "jobId", "status", "metadata", "x"]), inner, max_size=6
        )
    ),
    max_leaves=20,
)


def attempt(kind: Any, data: bytes, at: str | None) -> None:
    try:
        answer = decode(kind, data, at=at)
    except ProtocolFault:
        return
    assert_usable(answer)


def assert_usable(answer: Any) -> None:
    for name in type(answer).__struct_fields__:
        value = getattr(answer, name)
        if isinstance(value, float):
            assert math.isfinite(value)
        if isinstance(value, Answer):
            assert_usable(value)
        if isinstance(value, (dict, SignedUrl)):
            assert "Signature=" not in repr(value)
    if isinstance(answer, Job):
        json.dumps(
            [answer.metadata, answer.asset_ids, answer.error, answer.hint], ensure_ascii=False
        ).encode()
    if isinstance(answer, Model):
        schema_from_model(answer)

    pickle.dumps(answer)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(KINDS), JSON)
def test_no_json_raises_anything_else(kind: Any, raw: Any) -> None:
    attempt(kind, json.dumps(raw).encode(), None)
    attempt(kind, json.dumps({"job": raw}).encode("utf-8", "surrogatepass"), "job")


@st.composite
def mutated(draw: st.DrawFn) -> tuple[Any, str | None, Any]:
    """A real answer in which up to three values, anywhere, are something else."""
    kind, at, raw = draw(st.sampled_from(REAL))
    raw = json.loads(json.dumps(raw))
    for _ in range(draw(st.integers(1, 3))):
        holder: Any = raw
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            inner = holder[key]
            if isinstance(inner, (dict, list)) and inner and draw(st.booleans()):
                holder = inner
                continue
            holder[key] = draw(JSON)
            break
    return kind, at, raw


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(mutated())
def test_no_mutated_answer_raises_anything_else(case: tuple[Any, str | None, Any]) -> None:
    kind, at, raw = case
    attempt(kind, json.dumps(raw).encode(), at)


@settings(deadline=None)
@given(st.sampled_from(REAL), st.data())
def test_no_cut_or_garbled_answer_raises_anything_else(case: Any, data: st.DataObject) -> None:
    kind, at, raw = case
    encoded = bytearray(json.dumps(raw).encode())
    del encoded[data.draw(st.integers(0, len(encoded))) :]
    for _ in range(data.draw(st.integers(0, 3))):
        if encoded:
            encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    attempt(kind, bytes(encoded), at)


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.binary(max_size=200))
def test_no_bytes_raise_anything_else(kind: Any, data: bytes) -> None:
    attempt(kind, data, None)
