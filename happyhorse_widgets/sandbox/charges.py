"""What was charged and refunded, and the whole ledger for whoever wants to check.

A generation is charged when it is accepted. One that fails or is canceled is refunded when it ends, unless its billing
says `disableRefund`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .context import sandbox
from .jobs import Job, to_wire, view
from .uploads import to_wire as upload_to_wire
from .wire import answer, iso

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Charge:
    """Creative units taken for a job, or, below zero, given back."""

    job: Job
    creative_units: float
    at: float


def charges(jobs: Iterable[Job], now: float) -> list[Charge]:
    """What these jobs have cost by `now`, in order of time."""
    found = []
    for job in jobs:
        found.append(Charge(job, job.cost, job.created_at))
        seen = view(job, now)
        if seen.status in {"failure", "canceled"} and not job.disable_refund:
            found.append(Charge(job, -job.cost, seen.updated_at))
    return sorted(found, key=lambda charge: charge.at)


async def ledger(request: Request) -> Response:
    """`GET /sandbox/ledger`: everything, for tests and lessons. Not part of the real API."""
    box = sandbox(request)
    now, jobs = box.now(), box.ledger.all_jobs()
    return answer(
        {
            "jobs": [to_wire(job, now) for job in jobs],
            "charges": [
                {"jobId": one.job.job_id, "creativeUnits": one.creative_units, "at": iso(one.at)}
                for one in charges(jobs, now)
            ],
            "uploads": [upload_to_wire(box, upload) for upload in box.ledger.all_uploads()],
        }
    )
