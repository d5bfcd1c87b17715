"""Finding the jobs whose answer was lost, instead of paying for them again.

After a quiet time in which the server could still charge late, the job list is searched several times for jobs that belong to
no clip and whose input holds every key that was sent, equal. Identical submissions are interchangeable: jobs are bound to them by
count, in order of creation. A clip for which nothing is found needs its person to decide.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import ApiError

from .states import State
from .transition import move

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from happyhorse_widgets.api.client import ScenarioClient
    from happyhorse_widgets.api.models import Job
    from happyhorse_widgets.library.clips import ClipRecord
    from happyhorse_widgets.library.journal import Journal

    from .connection import Connection
    from .settings import Settings

#: The server's clock is known to the second, and a job may be dated a little before its answer was sent.
_CLOCK_SLACK = 10.0


class Reconciler:
    """Settles clips in the state `unknown`. One search at a time, so that two clips never claim one job."""

    def __init__(self, connection: Connection, journal: Journal, settings: Settings) -> None:
        self._connection = connection
        self._journal = journal
        self._settings = settings
        self._lock = asyncio.Lock()
        self._waiting: dict[str, ClipRecord] = {}
        self._settled: dict[str, ClipRecord] = {}

    async def settle(self, record: ClipRecord) -> ClipRecord:
        """Wait until nothing can be charged any more, then bind the clip to its job or hand it to its person."""
        self._waiting[record.id] = record
        await self._quiet(record)
        async with self._lock:
            if record.id not in self._settled:  # an earlier search of the same round may have settled it
                await self._search()
        return self._settled.pop(record.id)

    async def _quiet(self, record: ClipRecord) -> None:
        while True:
            client = await self._connection.client()
            left = (record.sent_at or 0.0) + self._settings.quiescence - client.server_now()
            if left <= 0:
                return
            await asyncio.sleep(min(left, 5.0))  # in short naps: a machine that slept wakes up late

    async def _search(self) -> None:
        client = await self._connection.client()
        quiet_since = client.server_now() - self._settings.quiescence
        round_ = sorted(
            (record for record in self._waiting.values() if (record.sent_at or 0.0) <= quiet_since),
            key=lambda record: (record.sent_at or 0.0, record.created_at, record.id),
        )
        open_ = list(round_)
        for number in range(self._settings.reconcile_scans):
            if number:
                await asyncio.sleep(self._settings.reconcile_gap)
            jobs = await self._unbound_jobs(client, open_)
            for record, job in pair(open_, jobs):
                await self._bind(record, job)
                open_.remove(record)
            if not open_:
                return
        for record in open_:
            self._settled[record.id] = await move(
                self._journal, record, State.NEEDS_USER, detail="no job found"
            )
            del self._waiting[record.id]

    async def _unbound_jobs(self, client: ScenarioClient, records: Sequence[ClipRecord]) -> list[Job]:
        after = min(record.sent_at or 0.0 for record in records) - _CLOCK_SLACK
        found: dict[str, Job] = {}
        token: str | None = None
        while True:
            try:
                page = await client.jobs(created_after=max(0.0, after), page_size=100, token=token)
            except ApiError:
                await asyncio.sleep(
                    self._settings.retry_most
                )  # no answer is no evidence: the search goes on until it has one
                continue
            found.update((job.job_id, job) for job in page.jobs)
            token = page.next_token
            if not token:
                break
        bound = self._journal.bound(self._connection.name)
        return sorted(
            (job for job_id, job in found.items() if job_id not in bound),
            key=lambda job: (job.created_at or 0.0, job.job_id),
        )

    async def _bind(self, record: ClipRecord, job: Job) -> None:
        self._settled[record.id] = await move(
            self._journal,
            record,
            State.SUBMITTED,
            detail="found in the job list",
            remote_id=job.job_id,
            cost=None if job.billing is None else job.billing.cu_cost,
            submitted_at=record.updated_at,
            error=None,
        )
        del self._waiting[record.id]


def pair(records: Sequence[ClipRecord], jobs: Sequence[Job]) -> list[tuple[ClipRecord, Job]]:
    """Match clips with jobs, each at most once, both in the order given."""
    left = list(jobs)
    pairs: list[tuple[ClipRecord, Job]] = []
    for record in records:
        job = next((job for job in left if _made_from(job, record.body or {})), None)
        if job is not None:
            left.remove(job)
            pairs.append((record, job))
    return pairs


def _made_from(job: Job, body: Mapping[str, Any]) -> bool:
    return all(key in job.input and job.input[key] == value for key, value in body.items())
