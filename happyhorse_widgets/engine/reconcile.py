"""Finding the jobs whose answer was lost, instead of paying for them again.

After a quiet time in which the server could still charge late, the job list is searched several times for jobs that belong to
no clip and whose input holds every key that was sent, equal. Identical submissions are interchangeable: jobs are bound to them by
count, in order of creation. A clip for which nothing is found needs its person to decide.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.library.journal import Journal, StaleTransition

from .endings import answer_lost
from .paging import every_page
from .states import State
from .transition import move

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from happyhorse_widgets.api.client import ScenarioClient
    from happyhorse_widgets.api.models import Job
    from happyhorse_widgets.library.clips import ClipRecord

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
        self._quieted: dict[str, float] = {}
        """The clips of which the server is done, and when they were sent by this machine's clock."""
        self._settled: dict[str, ClipRecord | StaleTransition] = {}

    async def settle(self, record: ClipRecord) -> ClipRecord:
        """Wait until nothing can be charged any more, then bind the clip to its job or hand it to its person.

        Raises what the client raises (no answer is no evidence: the search has to begin again), and `StaleTransition` when
        another hand moved the clip.
        """
        self._settled.pop(record.id, None)
        self._quieted.pop(record.id, None)
        self._waiting[record.id] = record
        try:
            while record.id not in self._settled:  # an earlier search of the same round may have settled it
                await self._quiet(record)
                async with self._lock:
                    if record.id not in self._settled:
                        await self._search()
            outcome = self._settled[record.id]
        finally:  # a search that failed, or was given up, leaves nothing behind that would answer the next one
            self._waiting.pop(record.id, None)
            self._settled.pop(record.id, None)
        if isinstance(outcome, StaleTransition):
            raise outcome
        return outcome

    async def _quiet(self, record: ClipRecord) -> None:
        """Until nothing can be charged any more, by the server's clock and by ours, of which either may be wrong.

        At the latest that is so long after this began.
        """
        sent_here = await asyncio.to_thread(self._sent_at_by_our_clock, record)
        loop, quiescence = asyncio.get_running_loop(), self._settings.quiescence
        latest = loop.time() + quiescence
        while True:
            client = await self._connection.client()
            await client.learn_time()
            elapsed = min(client.server_now() - (record.sent_at or 0.0), time.time() - sent_here)
            left = min(quiescence - elapsed, latest - loop.time())
            if left <= 0:
                self._quieted[record.id] = sent_here
                return
            await asyncio.sleep(min(left, 5.0))  # in short naps: a machine that slept wakes up late

    def _sent_at_by_our_clock(self, record: ClipRecord) -> float:
        events = self._journal.events(record.id)
        return max((event["at"] for event in events if event["to_state"] == State.SENDING), default=0.0)

    async def _search(self) -> None:
        client = await self._connection.client()
        round_ = sorted(
            (self._waiting[clip_id] for clip_id in self._quieted.keys() & self._waiting.keys()),
            key=lambda record: (record.sent_at or 0.0, record.created_at, record.id),
        )
        if not round_:  # whoever asked for this search has begun anew meanwhile
            return
        sent_here = min(self._quieted[record.id] for record in round_)
        open_ = list(round_)
        for number in range(self._settings.reconcile_scans):
            if number:
                await asyncio.sleep(self._settings.reconcile_gap)
            jobs = await self._unbound_jobs(client, open_, sent_here)
            for record, job in pair(open_, jobs):
                await self._bind(record, job)
                open_.remove(record)
            if not open_:
                return
        for record in open_:
            ending = answer_lost(record)
            await self._move(record, ending.state, detail="no job found", error=ending.told)

    async def _unbound_jobs(
        self, client: ScenarioClient, records: Sequence[ClipRecord], sent_here: float
    ) -> list[Job]:
        # By what the server's clock was taken for then, or is taken for now: a gateway on the way may have told a wrong time.
        ahead = client.server_now() - time.time()
        sent = min(sent_here + ahead, *(record.sent_at or 0.0 for record in records))
        after = max(0.0, sent - _CLOCK_SLACK)
        found: dict[str, Job] = {}
        async for page in every_page(client, created_after=after):
            found.update((job.job_id, job) for job in page.jobs)
        bound = await asyncio.to_thread(self._journal.bound, self._connection.name)
        return sorted(
            (job for job_id, job in found.items() if job_id not in bound),
            key=lambda job: (job.created_at or 0.0, job.job_id),
        )

    async def _bind(self, record: ClipRecord, job: Job) -> None:
        await self._move(
            record,
            State.SUBMITTED,
            detail="found in the job list",
            remote_id=job.job_id,
            cost=None if job.billing is None else job.billing.cu_cost,
            submitted_at=record.updated_at,
        )

    async def _move(self, record: ClipRecord, following: State, **values: Any) -> None:
        try:
            self._settled[record.id] = await move(self._journal, record, following, **values)
        except StaleTransition as stale:  # for whoever drives this clip; the search goes on for the others
            self._settled[record.id] = stale
        self._waiting.pop(record.id, None)
        self._quieted.pop(record.id, None)


def pair(records: Sequence[ClipRecord], jobs: Sequence[Job]) -> list[tuple[ClipRecord, Job]]:
    """Match clips with jobs, each at most once; both are given in order of creation.

    What says least fits most jobs, so it comes last: a clip without a seed would take the job of one with a seed. Of equal ones
    the latest comes first, and takes the newest job.
    """
    left = list(jobs)
    pairs: list[tuple[ClipRecord, Job]] = []
    for record in sorted(records, key=lambda record: (-len(record.body or {}), -(record.sent_at or 0.0))):
        job = next((job for job in reversed(left) if _made_from(job, record)), None)
        if job is not None:
            left.remove(job)
            pairs.append((record, job))
    return pairs


def _made_from(job: Job, record: ClipRecord) -> bool:
    sent: Mapping[str, Any] = record.body or {}
    same = all(key in job.input and job.input[key] == value for key, value in sent.items())
    return same and job.input.get("modelId", record.model) == record.model
