"""The one step that costs money, taken once.

`intent` is in the journal before this begins. Then: a place in the plan, the budget, a commit of `sending` with the server's
clock, exactly one POST, a commit of what it brought. See `states.after_submission` for what an answer, or none, leads to.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from functools import partial
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import ApiError, BudgetExceeded, RateLimited
from happyhorse_widgets.library.clips import charged

from .endings import refusal
from .schedule import Places, backoff
from .states import CHARGEABLE, State, after_submission
from .transition import move

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from happyhorse_widgets.api.client import ScenarioClient
    from happyhorse_widgets.library.clips import ClipRecord
    from happyhorse_widgets.library.journal import Journal

    from .connection import Connection
    from .settings import Settings

    Announce = Callable[[ClipRecord], None]


class Submitter:
    """Sends clips, at most as many at once as the plan allows, and never past a budget.

    A clip keeps to the budget it was asked under, whoever sends it, and to that of the session that sends it.
    """

    def __init__(
        self,
        connection: Connection,
        project: str,
        journal: Journal,
        settings: Settings,
        *,
        epoch: Callable[[], int],
        budget: Callable[[], float | None],
    ) -> None:
        self.places = Places()
        self._connection = connection
        self._project = project
        self._journal = journal
        self._settings = settings
        self._epoch = epoch
        self._budget = budget
        self._freed = asyncio.Condition()
        self._sending: set[asyncio.Task[tuple[ClipRecord, ApiError | None]]] = set()

    async def send(self, record: ClipRecord, announce: Announce) -> tuple[ClipRecord, ApiError | None]:
        """Take a clip from `intent` to wherever its one POST leads, and say what went wrong.

        Where that is `intent` again it is to be sent again after a `pause`. `announce` is told when the POST begins. Raises
        `BudgetExceeded` before anything is sent, `LibraryError` when the journal cannot be written.
        """
        client = await self._connection.client()
        await client.learn_time()  # by which a lost answer would be looked for
        async with self._freed:
            await self._freed.wait_for(self.places.free)
            self.places.take(record.id)
        # Shielded: from here on money may be spent, so the answer is waited for and written down whoever stops waiting.
        task = asyncio.create_task(self._step(client, record, announce))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return await asyncio.shield(task)

    def pause(self, record: ClipRecord, error: ApiError) -> float:
        """Seconds to wait before a clip that was refused for now is sent again."""
        wait = backoff(record.attempt, first=self._settings.retry_first, most=self._settings.retry_most)
        # Several clips are told to come back at the same moment; they should not all do so.
        return wait + (error.retry_after or 0.0) * random.uniform(1.0, 1.1)

    async def leave(self, clip_id: str) -> None:
        """A job has ended or was not sent: its place, if it has one, is free."""
        if clip_id in self.places.holders:
            async with self._freed:
                self.places.leave(clip_id)
                self._freed.notify_all()

    async def close(self, seconds: float) -> None:
        """Wait for the answers that are under way, so that closing leaves no doubt behind where that is avoidable."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=seconds)
        late = list(self._sending)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _step(
        self, client: ScenarioClient, record: ClipRecord, announce: Announce
    ) -> tuple[ClipRecord, ApiError | None]:
        try:
            sending = await self._commit_sending(client, record)
        except BaseException:
            await self.leave(record.id)
            raise
        announce(sending)
        assert sending.body is not None
        try:
            submission = await client.generate(sending.model, sending.body)
        except ApiError as error:
            return await self._not_submitted(sending, error), error
        submitted = await move(
            self._journal,
            sending,
            State.SUBMITTED,
            remote_id=submission.job.job_id,
            cost=submission.creative_units_cost,
            submitted_at=sending.updated_at,
        )
        return submitted, None

    async def _commit_sending(self, client: ScenarioClient, record: ClipRecord) -> ClipRecord:
        return await move(
            self._journal,
            record,
            State.SENDING,
            epoch=self._epoch(),
            check=partial(self._check_budget, record),
            attempt=record.attempt + 1,
            sent_at=client.server_now(),
            fingerprint=fingerprint(record),
        )

    def _check_budget(self, record: ClipRecord, connection: sqlite3.Connection) -> None:
        # In the transaction that writes the expense down: another kernel may spend from the same budget.
        budget = min((limit for limit in (self._budget(), record.budget) if limit is not None), default=None)
        if budget is None:
            return
        if record.estimate is None:
            raise BudgetExceeded(
                f"What this clip costs is not known, so the budget of {budget:g} creative units could not be kept. Nothing was "
                "sent. Generate it again, or lift the budget with connect(budget=None)."
            )
        where = {"endpoint": self._connection.name, "project": self._project}
        spent = charged(connection, frozenset(CHARGEABLE), **where)
        if spent + record.estimate > budget:
            raise BudgetExceeded(
                f"This clip costs about {record.estimate:g} creative units; {spent:g} of the budget of {budget:g} are spent. "
                "Nothing was sent. Raise the budget with connect(budget=…), or ask for a shorter or smaller clip."
            )

    async def _not_submitted(self, record: ClipRecord, error: ApiError) -> ClipRecord:
        state = after_submission(error)
        told = refusal(error).told if state is State.REJECTED else None
        moved = await move(
            self._journal, record, state, detail=f"{type(error).__name__}: {error}", error=told
        )
        # One that names no limit is about how fast we ask, and says nothing about places.
        if isinstance(error, RateLimited) and (error.action is not None or error.limit is not None):
            async with self._freed:
                self.places.refused(record.id, error.limit)
                self._freed.notify_all()  # who was refused pauses: meanwhile its place is another's
        elif state is not State.UNKNOWN:  # there the job may exist, and hold its place
            await self.leave(record.id)
        return moved


def fingerprint(record: ClipRecord) -> str:
    """Names what was sent: equal for identical submissions to one account and project."""
    content = [record.endpoint, record.project, record.model, record.body]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
