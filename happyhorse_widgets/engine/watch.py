"""Looking after running jobs: one loop per account and project, one page for a hundred jobs.

Up to three jobs are asked for by id, each first when this model's jobs begin to be ready; more are watched through the list of
jobs that changed. Nothing here gives up: no wall-clock limit turns a job into a failure.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import ApiError, RateLimited

from .schedule import Mark, Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from happyhorse_widgets.api.client import ScenarioClient
    from happyhorse_widgets.api.models import Job

    from .connection import Connection
    from .settings import Settings

#: Up to so many jobs are asked for one by one.
_FEW = 3


@dataclass(slots=True)
class _Watched:
    due: float
    """Loop time of the next look by id."""
    updated_at: float | None = None


class Watcher:
    """Tells `on_job` what became of the jobs it watches, and `on_trouble` why it cannot see them (None: it can again)."""

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        *,
        on_job: Callable[[Job], None],
        on_trouble: Callable[[ApiError | None], None],
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._on_job = on_job
        self._on_trouble = on_trouble
        self._watched: dict[str, _Watched] = {}
        self._mark = Mark()
        self._pace = Pace(settings.poll_interval)
        self._changed = asyncio.Event()

    def watch(self, job_id: str, *, since: float, first_look: float) -> None:
        """Watch a job that was sent at server time `since`; look for it by itself after `first_look` seconds."""
        self._watched[job_id] = _Watched(due=_now() + first_look)
        self._mark.reach_back(since)
        self._changed.set()

    def forget(self, job_id: str) -> None:
        """Stop watching."""
        self._watched.pop(job_id, None)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self._changed.clear()
            if self._watched:
                await self._look()
            delay = self._delay()
            try:
                await asyncio.wait_for(self._changed.wait(), delay)
            except TimeoutError:
                continue

    def _delay(self) -> float | None:
        if not self._watched:
            return None
        if len(self._watched) > _FEW:
            return self._pace.current
        return max(0.01, min(entry.due for entry in self._watched.values()) - _now())

    async def _look(self) -> None:
        try:
            client = await self._connection.client()
            if len(self._watched) > _FEW:
                await self._look_at_list(client)
                await self._look_by_id(client, self._settings.unseen)
            else:
                await self._look_by_id(client, self._settings.single_poll)
        except RateLimited as error:
            self._pace.refused()
            self._put_off(error.retry_after or self._pace.current)
        except ApiError as error:
            self._on_trouble(error)
            self._put_off(self._pace.current)
        else:
            self._pace.answered()
            self._on_trouble(None)

    async def _look_at_list(self, client: ScenarioClient) -> None:
        after, token = self._mark.after, None
        while True:
            page = await client.jobs(types=("custom",), updated_after=after, page_size=100, token=token)
            for job in page.jobs:
                if job.updated_at is not None:
                    self._mark.note(job.updated_at)
                self._tell(job)
            token = page.next_token
            if not token:  # a page may be empty while there are more
                return

    async def _look_by_id(self, client: ScenarioClient, again_after: float) -> None:
        due = [job_id for job_id, entry in self._watched.items() if entry.due <= _now()]
        for job_id in due[:_FEW]:
            job = await client.job(job_id)
            if job_id in self._watched:
                self._watched[job_id].due = _now() + again_after
            self._tell(job)

    def _tell(self, job: Job) -> None:
        entry = self._watched.get(job.job_id)
        if entry is None:
            return
        if len(self._watched) > _FEW:
            entry.due = _now() + self._settings.unseen
        if job.updated_at is None or job.updated_at != entry.updated_at:
            entry.updated_at = job.updated_at
            self._on_job(job)

    def _put_off(self, seconds: float) -> None:
        for entry in self._watched.values():
            entry.due = max(entry.due, _now() + seconds)


def _now() -> float:
    return asyncio.get_running_loop().time()
