"""Looking after running jobs: one loop per account and project, one page for a hundred jobs.

Up to three jobs are asked for by id, each first when this model's jobs begin to be ready; more are watched through the list of
jobs that changed. Nothing here gives up: no wall-clock limit turns a job into a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import (
    ApiError,
    HappyHorseError,
    NotFound,
    ProtocolFault,
    RateLimited,
    ServerFault,
)

from .paging import every_page
from .schedule import Mark, Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from happyhorse_widgets.api.client import ScenarioClient
    from happyhorse_widgets.api.models import Job

    from .connection import Connection
    from .settings import Settings

#: Up to so many jobs are asked for one by one.
_FEW = 3
#: A job that Scenario did not know so often, `unseen` seconds apart, is for its person to decide on.
_LOST_LOOKS = 5
#: Seconds between two wake-ups at least.
_BREATH = 0.01


@dataclass(slots=True)
class _Watched:
    due: float
    """Loop time of the next look by id."""
    seen: tuple[float | None, str] | None = None
    trouble: ApiError | None = None
    """Why it could not be seen when it was last asked for."""
    misses: int = 0
    """How often in a row it did not."""


class Watcher:
    """Tells `on_job` what became of the jobs it watches, and `on_trouble` why it cannot see one of them (None: it can).

    `on_lost` is told of a job that Scenario does not know any more, however often it is asked.
    """

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        *,
        on_job: Callable[[str, Job], None],
        on_trouble: Callable[[str, HappyHorseError | None], None],
        on_lost: Callable[[str, NotFound], None],
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._on_job = on_job
        self._on_trouble = on_trouble
        self._on_lost = on_lost
        self._watched: dict[str, _Watched] = {}
        self._mark = Mark()
        self._pace = Pace(settings.poll_interval)
        self._list_due = 0.0
        self._added = asyncio.Event()

    def watch(self, job_id: str, *, since: float, first_look: float) -> None:
        """Watch a job that was sent at server time `since`; look for it by itself after `first_look` seconds."""
        self._watched[job_id] = _Watched(due=_now() + first_look)
        self._mark.reach_back(since)
        self._added.set()

    def forget(self, job_id: str) -> None:
        """Stop watching."""
        many = self._many
        self._watched.pop(job_id, None)
        if many and not self._many:
            self._watch_each()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self._added.clear()
            if self._watched:
                await self._look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._delay()):
                    await self._added.wait()

    @property
    def _many(self) -> bool:
        return len(self._watched) > _FEW

    def _delay(self) -> float | None:
        if not self._watched:
            return None
        due = self._list_due if self._many else min(entry.due for entry in self._watched.values())
        return max(_BREATH, due - _now())

    async def _look(self) -> None:
        trouble: HappyHorseError | None = None
        try:
            await self._look_where_due(await self._connection.client())
        except HappyHorseError as error:
            trouble = error
            if isinstance(error, RateLimited):
                self._pace.refused()
            self._put_off(getattr(error, "retry_after", None) or self._pace.current)
        for job_id, entry in list(self._watched.items()):
            self._on_trouble(job_id, trouble or entry.trouble)

    async def _look_where_due(self, client: ScenarioClient) -> None:
        if not self._many:
            if await self._look_by_id(client, self._settings.single_poll):
                self._pace.answered()
        elif self._list_due <= _now():
            try:
                await self._look_at_list(client)
            except (ProtocolFault, ServerFault):  # it may be the list alone that cannot be had
                await self._look_by_id(client, self._settings.unseen)
                raise
            await self._look_by_id(client, self._settings.unseen)
            self._pace.answered()
            self._list_due = _now() + self._pace.current

    async def _look_at_list(self, client: ScenarioClient) -> None:
        after = self._mark.after
        async for page in every_page(client, types=("custom",), updated_after=after):
            for job in page.jobs:
                if job.updated_at is not None:
                    self._mark.note(job.updated_at)
                self._tell(job)

    async def _look_by_id(self, client: ScenarioClient, again_after: float) -> bool:
        """Look at the jobs whose turn it is; whether any was seen."""
        seen = False
        waiting = sorted(self._watched.items(), key=lambda item: item[1].due)
        due = [job_id for job_id, entry in waiting if entry.due <= _now()]
        for job_id in due[:_FEW]:
            try:
                job = await client.job(job_id)
            except (NotFound, ServerFault, ProtocolFault) as error:  # which says nothing about the other jobs
                again = self._settings.unseen if isinstance(error, NotFound) else again_after
                self._saw(job_id, error, max(again, error.retry_after or 0.0))
            else:
                seen = True
                self._saw(job_id, None, again_after)
                self._tell(job)
        return seen

    def _saw(self, job_id: str, trouble: ApiError | None, again_after: float) -> None:
        if (entry := self._watched.get(job_id)) is not None:
            entry.trouble, entry.due = trouble, _now() + again_after
            entry.misses = entry.misses + 1 if isinstance(trouble, NotFound) else 0
            if isinstance(trouble, NotFound) and entry.misses >= _LOST_LOOKS:
                self._on_lost(job_id, trouble)

    def _tell(self, job: Job) -> None:
        entry = self._watched.get(job.job_id)
        if entry is None:
            return
        entry.trouble, entry.misses = None, 0
        if self._many:
            entry.due = _now() + self._settings.unseen
        if job.updated_at is None or (job.updated_at, job.status) != entry.seen:
            entry.seen = job.updated_at, job.status
            self._on_job(job.job_id, job)

    def _watch_each(self) -> None:
        # The list answered for the few that are left, so their own looks were put off: they take the place of its next one.
        for entry in self._watched.values():
            if entry.seen is not None and not entry.misses:
                entry.due = min(entry.due, max(self._list_due, _now()))

    def _put_off(self, seconds: float) -> None:
        self._list_due = _now() + seconds
        for entry in self._watched.values():
            entry.due = max(entry.due, self._list_due)


def _now() -> float:
    return asyncio.get_running_loop().time()
