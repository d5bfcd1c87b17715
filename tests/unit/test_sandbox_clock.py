"""The clock of the sandbox's jobs: where a job stands is a function of the time, and it never goes back."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from happyhorse_widgets.sandbox.jobs import Job, course, generation_seconds, instant, stop_for, to_wire, view

BORN = 1_800_000_000.0
ORDER = ["pending", "queued", "warming-up", "in-progress", "finalizing", "success", "failure", "canceled"]

seconds = st.floats(0.001, 300)
moments = st.lists(st.floats(0, 400), min_size=2, max_size=20).map(
    lambda found: [BORN + one for one in sorted(found)]
)


def made(
    takes: float, *, outcome: str = "success", rendered_after: float | None = 0.0, error: str | None = None
) -> Job:
    stages = course(BORN, takes)
    return Job(
        job_id="job_1",
        job_type="custom",
        owner="proj_1",
        inputs={"prompt": "a"},
        created_at=BORN,
        stages=stages,
        cost=5.0,
        outcome=outcome,
        stop=stop_for(stages, outcome),
        asset_id="asset_1",
        render={"seed": 1},
        rendered_at=None if rendered_after is None else BORN + rendered_after,
        render_error=error,
    )


@example(  # known of half a millisecond before the failure's own, rounded date
    takes=1.0,
    outcome="success",
    rendered_after=1.265625,
    error="no memory",
    times=[BORN + 1.265625, BORN + 2],
)
@given(
    takes=seconds,
    outcome=st.sampled_from(["success", "failure", "moderation", "canceled", "stall"]),
    rendered_after=st.none() | st.floats(0, 400),
    error=st.none() | st.just("no memory"),
    times=moments,
)
def test_time_only_moves_a_job_on(
    takes: float, outcome: str, rendered_after: float | None, error: str | None, times: list[float]
) -> None:
    job = made(takes, outcome=outcome, rendered_after=rendered_after, error=error)
    # A rendering is only known of once it is over.
    known = [
        view(
            job
            if rendered_after is None or now >= BORN + rendered_after
            else msgspec.structs.replace(job, rendered_at=None, render_error=None),
            now,
        )
        for now in times
    ]
    for now, seen in zip(times, known, strict=True):
        assert 0 <= seen.progress <= 1
        assert seen.updated_at <= now + 0.001
        assert seen.status == seen.history[-1][0]
        assert [moment for _, moment in seen.history] == sorted(moment for _, moment in seen.history)
    for before, after in itertools.pairwise(known):
        assert ORDER.index(before.status) <= ORDER.index(after.status)
        assert before.progress <= after.progress
        assert before.updated_at <= after.updated_at
        if before.ended:
            assert before == after


@given(takes=seconds, rendered_after=st.floats(0, 600))
def test_success_needs_both_the_time_and_the_video(takes: float, rendered_after: float) -> None:
    job = made(takes, rendered_after=rendered_after)
    ends = BORN + max(takes, rendered_after)
    assert view(job, ends + 0.002).status == "success"
    assert view(job, ends - 0.002).status != "success"
    assert view(made(takes, rendered_after=None), BORN + 10_000).status == "finalizing"


def test_a_job_goes_through_all_statuses() -> None:
    seen = view(made(100), BORN + 100)
    assert [status for status, _ in seen.history] == [
        "pending",
        "queued",
        "warming-up",
        "in-progress",
        "finalizing",
        "success",
    ]
    assert (seen.progress, seen.ended) == (1.0, True)
    assert view(made(100), BORN).status == "pending"
    halfway = view(made(100), BORN + 18 + 38)
    assert (halfway.status, halfway.progress) == ("in-progress", pytest.approx(0.475, abs=0.02))


@pytest.mark.parametrize(
    ("outcome", "status"), [("failure", "failure"), ("moderation", "failure"), ("canceled", "canceled")]
)
def test_other_endings_come_on_the_way_and_stay(outcome: str, status: str) -> None:
    job = made(100, outcome=outcome, rendered_after=None)
    assert view(job, BORN + 30).status == "in-progress"
    assert view(job, BORN + 45) == view(job, BORN + 9999)
    assert view(job, BORN + 45).status == status
    assert ("error" in to_wire(job, BORN + 45)["metadata"]) == (status == "failure")


def test_a_stall_never_ends() -> None:
    job = made(100, outcome="stall", rendered_after=None)
    assert view(job, BORN + 10**8) == view(job, BORN + 100)
    assert view(job, BORN + 100).status == "in-progress"


def test_a_failed_rendering_ends_the_job() -> None:
    wire = to_wire(made(100, rendered_after=20, error="no memory"), BORN + 21)
    assert wire["status"] == "failure"
    assert "no memory" in wire["metadata"]["error"]
    assert wire["metadata"]["assetIds"] == []


def test_an_instant_job_is_done_when_it_is_made() -> None:
    job = Job("job_1", "translate", "proj_1", {}, BORN, instant(BORN), 1.0, output={"translation": "a"})
    wire = to_wire(job, BORN)
    assert (wire["status"], wire["metadata"]["output"]) == ("success", {"translation": "a"})


@given(
    job_id=st.text(),
    resolution=st.sampled_from(["720P", "1080P"]),
    duration=st.integers(3, 15),
    pace=st.floats(0.5, 2),
)
def test_generations_take_what_they_take_in_reality(
    job_id: str, resolution: str, duration: int, pace: float
) -> None:
    takes = generation_seconds(job_id, resolution=resolution, duration=duration, pace=pace)
    assert 40 <= takes <= 300
    assert takes == generation_seconds(job_id, resolution=resolution, duration=duration, pace=pace)
    assert takes <= generation_seconds(job_id, resolution="1080P", duration=15, pace=pace)
