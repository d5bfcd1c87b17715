"""The one step that costs money, taken once.

`intent` is in the journal before this begins. Then: a place in the plan, the budget, a commit of `sending` with the server's
clock, exactly one POST, a commit of what it brought. See `states.after_submission` for what an answer, or none, leads to.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import ApiError, BudgetExceeded, RateLimited

from .schedule import Places, backoff
from .states import CHARGEABLE, State, after_submission
from .transition import move

if TYPE_CHECKING:
    from collections.abc import Callable

    from happyhorse_widgets.api.client import ScenarioClient
    from happyhorse_widgets.api.models import Submission
    from happyhorse_widgets.library.clips import ClipRecord, Clips
    from happyhorse_widgets.library.journal import Journal

    from .connection import Connection
    from .settings import Settings


class Submitter:
    """Sends clips, at most as many at once as the plan allows, and never past the budget."""

    def __init__(
        self,
        connection: Connection,
        project: str,
        journal: Journal,
        clips: Clips,
        settings: Settings,
        *,
        epoch: Callable[[], int],
        budget: Callable[[], float | None],
    ) -> None:
        self.places = Places()
        self._connection = connection
        self._project = project
        self._journal = journal
        self._clips = clips
        self._settings = settings
        self._epoch = epoch
        self._budget = budget
        self._freed = asyncio.Condition()
        self._purse = asyncio.Lock()
        self._sending: set[asyncio.Task[ClipRecord]] = set()

    async def send(self, record: ClipRecord) -> ClipRecord:
        """Take a clip from `intent` to wherever its one POST leads; the result may be `intent` again, to be sent later.

        Raises `BudgetExceeded` before anything is sent, `LibraryError` when the journal cannot be written.
        """
        client = await self._connection.client()
        async with self._freed:
            await self._freed.wait_for(self.places.free)
            self.places.take(record.id)
        try:
            sending = await self._commit_sending(client, record)
        except BaseException:
            await self.leave(record.id)
            raise
        # Shielded: from here on money may be spent, so the answer is waited for and written down whoever stops waiting.
        task = asyncio.create_task(self._post(client, sending))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return await asyncio.shield(task)

    async def leave(self, clip_id: str) -> None:
        """A job has ended or was not sent: its place is free."""
        async with self._freed:
            self.places.leave(clip_id)
            self._freed.notify_all()

    async def settle(self, seconds: float) -> None:
        """Wait for the answers that are under way, so that closing leaves no doubt behind where that is avoidable."""
        if self._sending:
            await asyncio.wait(set(self._sending), timeout=seconds)

    async def _commit_sending(self, client: ScenarioClient, record: ClipRecord) -> ClipRecord:
        async with self._purse:
            budget = self._budget()
            if budget is not None:
                spent = self._clips.charged(
                    frozenset(CHARGEABLE), endpoint=self._connection.name, project=self._project
                )
                cost = record.estimate or 0.0
                if spent + cost > budget:
                    raise BudgetExceeded(
                        f"This clip costs about {cost:g} creative units; {spent:g} of the budget of {budget:g} are spent. "
                        "Nothing was sent. Raise the budget with connect(budget=…), or ask for a shorter or smaller clip."
                    )
            return await move(
                self._journal,
                record,
                State.SENDING,
                epoch=self._epoch(),
                attempt=record.attempt + 1,
                sent_at=client.server_now(),
                fingerprint=fingerprint(record),
            )

    async def _post(self, client: ScenarioClient, record: ClipRecord) -> ClipRecord:
        assert record.body is not None
        try:
            submission = await client.generate(record.model, record.body)
        except ApiError as error:
            return await self._not_submitted(record, error)
        return await self._submitted(record, submission)

    async def _submitted(self, record: ClipRecord, submission: Submission) -> ClipRecord:
        return await move(
            self._journal,
            record,
            State.SUBMITTED,
            remote_id=submission.job.job_id,
            cost=submission.creative_units_cost,
            submitted_at=record.updated_at,
        )

    async def _not_submitted(self, record: ClipRecord, error: ApiError) -> ClipRecord:
        state = after_submission(error)
        told = (
            None
            if state is State.INTENT
            else {"kind": type(error).__name__, "message": str(error), "hint": ""}
        )
        moved = await move(self._journal, record, state, detail=type(error).__name__, error=told)
        if state is State.INTENT:
            await self._pause(record, error)
        elif state is State.REJECTED:
            await self.leave(record.id)
        return moved

    async def _pause(self, record: ClipRecord, error: ApiError) -> None:
        wait = backoff(record.attempt, first=self._settings.retry_first, most=self._settings.retry_most)
        async with self._freed:
            if isinstance(error, RateLimited):
                self.places.refused(record.id, error.limit)
                # Several clips are told to come back at the same moment; they should not all do so.
                wait += (error.retry_after or 0.0) * random.uniform(1.0, 1.1)
            else:
                self.places.leave(record.id)
            self._freed.notify_all()
        await asyncio.sleep(wait)


def fingerprint(record: ClipRecord) -> str:
    """Names what was sent: equal for identical submissions to one account and project."""
    content = [record.endpoint, record.project, record.model, record.body]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
