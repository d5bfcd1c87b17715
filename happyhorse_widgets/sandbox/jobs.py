"""Jobs, and their clock: status and progress as a pure function of the time.

A job's whole course is drawn when it is made, as the moments at which it enters each status. Reality takes about 40 s
to 5 min, longer for long and large videos; the server's `speed` divides that. Nothing needs to run for a job to go
on, and a server that was away finds its jobs where the clock says they are. Only the end waits for the video: a job is
a success once its time has passed *and* the file is rendered.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from .wire import USER, iso

if TYPE_CHECKING:
    from collections.abc import Sequence

Stage = tuple[str, float]
Stages = tuple[Stage, ...]

TERMINAL = frozenset({"success", "failure", "canceled"})

_SHARES = (
    ("pending", 0.02),
    ("queued", 0.08),
    ("warming-up", 0.08),
    ("in-progress", 0.76),
    ("finalizing", 0.06),
)
# How a generation that will not succeed stays, from 30 % of its "in-progress" on.
_STOPS = {"failure": "failure", "moderation": "failure", "canceled": "canceled", "stall": "in-progress"}
_STOPS_AT = 0.3
# Progress moves in steps, each of which counts as an update of the job.
_STEPS = 50

_REASONS = {
    "moderation": (
        "The request was blocked by the provider's content moderation.",
        "Rephrase the prompt or use other reference images, then generate again.",
    ),
    "failure": (
        "The generation failed on the provider's side.",
        "Try again; if it keeps failing, change the inputs.",
    ),
}


class Job(msgspec.Struct, frozen=True):
    """One job as the ledger keeps it. Times are epoch seconds.

    `stages` is the whole course drawn for it, `stop` where it leaves that course for good: the status it then keeps, and
    since when. `render` is what the video is made from, None for jobs without one; `rendered_at` says when its file was
    there, or, with `render_error`, since when it is known that it never will be.
    """

    job_id: str
    job_type: str
    owner: str
    inputs: dict[str, Any]
    created_at: float
    stages: Stages
    cost: float
    outcome: str = "success"
    stop: Stage | None = None
    asset_id: str | None = None
    render: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    disable_refund: bool = False
    rendered_at: float | None = None
    render_error: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A job at one moment: its status, progress (0–1), last update and the statuses it went through."""

    status: str
    progress: float
    updated_at: float
    history: Stages

    @property
    def ended(self) -> bool:
        """Whether the status is final."""
        return self.status in TERMINAL


def generation_seconds(job_id: str, *, resolution: str, duration: float, pace: float) -> float:
    """How long the real model might take for such a video: 40–300 s, varied by the job's id alone."""
    typical = typical_seconds(resolution=resolution, duration=duration, pace=pace)
    jitter = random.Random(job_id).uniform(0.8, 1.4)
    return min(max(typical * jitter, 40.0), 300.0)


def typical_seconds(*, resolution: str, duration: float, pace: float) -> float:
    """The median of `generation_seconds`, before its bounds."""
    return (45.0 + 9.0 * (duration - 3)) * (1.35 if resolution == "1080P" else 1.0) * pace


def course(created_at: float, seconds: float) -> Stages:
    """The moments at which a job that takes `seconds` enters each status."""
    stages: list[Stage] = []
    moment = created_at
    for status, share in _SHARES:
        stages.append((status, round(moment, 3)))
        moment += share * seconds
    return (*stages, ("success", round(moment, 3)))


def stop_for(stages: Stages, outcome: str) -> Stage | None:
    """Where a job of this course stops for an outcome: "failure", "moderation", "canceled", "stall"; None for "success"."""
    if outcome not in _STOPS:
        return None
    moments = dict(stages)
    begun, ended = moments["in-progress"], moments["finalizing"]
    return _STOPS[outcome], round(begun + (ended - begun) * _STOPS_AT, 3)


def instant(created_at: float) -> Stages:
    """The course of a job that is answered at once, such as a prompt enhancement."""
    return (("success", round(created_at, 3)),)


def view(job: Job, now: float) -> View:
    """The job as it is at `now`."""
    stages, stop = _true_course(job)
    until = now if stop is None else min(now, stop[1])
    history = tuple(stage for stage in stages if stage[1] <= until) or stages[:1]
    progress, updated_at = _progress(stages, until)
    updated_at = max(updated_at, history[-1][1])
    if stop is not None and now >= stop[1] and history[-1][0] != stop[0]:
        history, updated_at = (*history, stop), stop[1]
    if history[-1][0] == "success":
        progress = 1.0
    return View(history[-1][0], progress, updated_at, history)


def failure_of(job: Job) -> tuple[str, str]:
    """Why a job failed, and the hint that goes with it."""
    if job.render_error is not None:
        return (
            f"The video could not be rendered: {job.render_error}",
            "This is a fault of the sandbox; try again.",
        )
    return _REASONS.get(job.outcome, ("", ""))


def to_wire(job: Job, now: float, seen: View | None = None) -> dict[str, Any]:
    """The job as the API answers it."""
    seen = seen or view(job, now)
    metadata: dict[str, Any] = {"input": job.inputs, "assetIds": []}
    if seen.status == "success" and job.asset_id:
        metadata["assetIds"] = [job.asset_id]
    if seen.status == "success" and job.output is not None:
        metadata["output"] = job.output
    if seen.status == "failure":
        metadata["error"], metadata["hint"] = failure_of(job)
    billing: dict[str, Any] = {"cuCost": job.cost, "cuDiscount": 0}
    if job.disable_refund:
        billing["disableRefund"] = True
    return {
        "jobId": job.job_id,
        "jobType": job.job_type,
        "status": seen.status,
        "progress": seen.progress,
        "createdAt": iso(job.created_at),
        "updatedAt": iso(seen.updated_at),
        "statusHistory": [{"status": status, "date": iso(moment)} for status, moment in seen.history],
        "metadata": metadata,
        "billing": billing,
        "authorId": USER,
        "ownerId": job.owner,
    }


def _true_course(job: Job) -> tuple[Stages, Stage | None]:
    """The drawn course and stop, put right by what became of the rendering."""
    if job.render is None or job.stop is not None:
        return job.stages, job.stop
    *before, (status, end) = job.stages
    if job.rendered_at is None:
        return tuple(before), None
    if job.render_error is not None:
        return tuple(before), ("failure", round(job.rendered_at, 3))
    return (*before, (status, max(end, round(job.rendered_at, 3)))), None


def _progress(stages: Sequence[Stage], until: float) -> tuple[float, float]:
    """Progress at that moment, up to 0.95, and when it last moved."""
    moments = dict(stages)
    begun, ended = moments.get("in-progress"), moments.get("finalizing")
    if begun is None or ended is None or until < begun:
        return 0.0, stages[0][1]
    step = int(min((until - begun) / (ended - begun), 1.0) * _STEPS) if ended > begun else _STEPS
    return round(0.95 * step / _STEPS, 4), round(begun + (ended - begun) * step / _STEPS, 3)
