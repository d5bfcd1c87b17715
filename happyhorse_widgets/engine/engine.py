"""What a session has on the engine's loop: the parts that drive clips, put together, kept running, and ended in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import ApiError, HappyHorseError, LibraryError, NotFound
from happyhorse_widgets.library.clips import Clips
from happyhorse_widgets.library.journal import Journal, StaleTransition
from happyhorse_widgets.library.text_costs import TextCosts

from .estimates import Estimates
from .loop import engine_loop
from .pipeline import Pipeline
from .plan import Plan
from .reconcile import Reconciler
from .request import Request
from .schedule import Queue
from .schemas import Schemas
from .states import (
    IN_FLIGHT,
    RESTING,
    TERMINAL,
    WITHDRAWABLE,
    State,
    after_submission,
    when_looked_at_again,
)
from .submit import Submitter
from .tenure import Tenure
from .texts import Texts
from .transition import move
from .uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from concurrent.futures import Future

    from happyhorse_widgets.library.clips import ClipRecord
    from happyhorse_widgets.library.database import Database
    from happyhorse_widgets.library.files import Home

    from .clip import Clip, Keeper
    from .connection import Connection
    from .roster import Roster
    from .settings import Settings

log = logging.getLogger(__name__)

CLOSED = "This session is closed. Make another with connect(): its clips go on there."


class Engine:
    """Drives the clips of one account and project in one home, from the moment it is made until `close`."""

    def __init__(
        self,
        connection: Connection,
        database: Database,
        home: Home,
        project: str,
        settings: Settings,
        roster: Roster,
        keeper: Keeper,
        *,
        budget: Callable[[], float | None],
    ) -> None:
        self.connection = connection
        self.records = Clips(database)
        self.journal = Journal(database)
        self._heard = self.journal.latest()
        self.tenure = Tenure(
            database,
            (connection.name, project),
            gained=lambda: asyncio.to_thread(self.resume),
            lost=self._lost,
            look=self._look,
        )
        if self.tenure.mine:
            home.sweep()
        self.schemas = Schemas(connection)
        self._plan = Plan(connection, project)
        self.estimates = Estimates(connection, self.records)
        self.uploads = Uploads(
            connection, project, self.journal, home, local_addresses=settings.local_addresses
        )
        self._project = project
        self._settings = settings
        self._roster = roster
        self._keeper = keeper
        self._pid = os.getpid()
        self._open = True
        self._entering = threading.Lock()
        self._driven: dict[str, Future[None]] = {}
        self._broken: set[str] = set()
        self._struck: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._submitter = Submitter(
            connection,
            project,
            self.journal,
            settings,
            epoch=lambda: self.tenure.epoch,
            budget=budget,
        )
        self.texts = Texts(
            connection,
            project,
            self.uploads,
            TextCosts(database),
            budget=budget,
        )
        self._pipeline = Pipeline(
            connection=connection,
            journal=self.journal,
            records=self.records,
            home=home,
            uploads=self.uploads,
            submitter=self._submitter,
            reconciler=Reconciler(connection, self.journal, settings),
            estimates=self.estimates,
            schemas=self.schemas,
            settings=settings,
            budget=budget,
            changed=roster.changed,
        )
        engine_loop().run(self._keep_running(self._pipeline.watcher.run))
        engine_loop().run(self._keep_running(self.tenure.run))

    @property
    def open(self) -> bool:
        """False once `close` was called, and in a process that was forked from the engine's own."""
        return self._open and self._pid == os.getpid()

    def enter(
        self, clip_id: str, create: Callable[[str], Future[ClipRecord]], warnings: tuple[str, ...]
    ) -> Clip:
        """Drive the clip that `create` writes down, here or through the library's owner; from any thread but the loop's."""
        with self._entering:
            entry = create(clip_id)
            try:
                record = entry.result()
            except BaseException:
                # Interrupted: nobody knows of this clip, so it must not come back, and be paid, now or in the next kernel.
                self._struck.add(clip_id)
                if not entry.cancel():
                    entry.add_done_callback(lambda done: self._strike(clip_id, done))
                raise
            return self._taken_on(record, warnings)

    def enter_all(
        self, create: Callable[[], Future[list[ClipRecord]]], warnings: Sequence[tuple[str, ...]]
    ) -> list[Clip]:
        """The same for several clips, whose ids whoever asks has chosen: where that is interrupted they go on all the same."""
        with self._entering:
            entry = create()
            try:
                records = entry.result()
            except BaseException:
                entry.add_done_callback(lambda _: engine_loop().run(asyncio.to_thread(self.resume)))
                raise
            return [self._taken_on(*each) for each in zip(records, warnings, strict=True)]

    def _taken_on(self, record: ClipRecord, warnings: tuple[str, ...]) -> Clip:
        clip = self._roster.clip(record, self._keeper)
        clip.warnings = warnings
        if clip.is_over or not self._is_ours(record):
            return clip
        if not self.tenure.mine:
            clip.note = self.tenure.waiting_for
            self._roster.changed(clip)
        elif clip.id not in self._driven:
            self._drive(clip)
        return clip

    def _is_ours(self, record: ClipRecord) -> bool:
        return (record.endpoint, record.project) == (self.connection.name, self._project)

    def _strike(self, clip_id: str, entry: Future[ClipRecord]) -> None:
        # Where it gave a clip that was there before, that one is somebody's.
        if entry.exception() is None and entry.result().id == clip_id:
            self.journal.move(clip_id, State.DRAFT, State.WITHDRAWN, finished_at=time.time())

    def resume(self) -> list[Clip]:
        """Drive every clip that is not at rest and not driven already; from any thread but the loop's. Returns those clips."""
        if not (self.open and self.tenure.mine):
            return []
        with self._entering:
            # Before the records are read: whoever comes to rest meanwhile is not woken.
            driven = self._struck | set(self._driven)
            clips = []
            for record in self._awake(frozenset(State) - RESTING):
                if record.id not in driven:
                    clip = self._roster.clip(record, self._keeper)
                    clip.take(record)
                    self._drive(clip)
                    clips.append(clip)
            return clips

    def queue(self) -> Queue:
        """What runs and what waits for a place; from any thread. The first call has Scenario asked for the plan's limit."""
        if self.open and not self._plan.asked:
            engine_loop().run(self._learn_plan())
        if not self.tenure.mine:  # another process drives them, and knows the places
            running, waiting = (len(self._awake(states)) for states in (IN_FLIGHT, frozenset({State.INTENT})))
            return Queue(running, waiting, self._plan.parallel)
        places = self._submitter.places
        driven = [clip for clip in self._roster.in_hand() if clip.id in self._driven]
        waiting = 0 if places.free() else sum(clip.state is State.INTENT for clip in driven)
        limits = [int(limit) for limit in (places.limit, self._plan.parallel) if limit is not None]
        return Queue(len(places.holders), waiting, min(limits, default=None))

    def _awake(self, states: frozenset[State]) -> list[ClipRecord]:
        return self.records.in_states(states, endpoint=self.connection.name, project=self._project)

    async def _learn_plan(self) -> None:
        with self.until_closed():
            await self._plan.learn()
        if self._plan.parallel is not None:
            self._submitter.places.told(self._plan.parallel)

    async def look_again(self, clip: Clip) -> str:
        """Go on with a clip that waits for its person; a sentence that says how. Nothing is paid by looking."""
        record = await asyncio.to_thread(self.records.get, clip.id) or clip.record
        if record.state != State.NEEDS_USER:
            return f"There is nothing to look for: the clip is {record.state}."
        if not self._is_ours(record):
            return "This clip was made with another account: look for it in a session of that."
        successor = await asyncio.to_thread(self.records.get, record.successor or "")
        if successor is not None and successor.state not in TERMINAL and successor.remote_id is None:
            # Their jobs look the same: a look for this one would take the other's.
            return f"Clip {successor.id} was submitted in its place: see what becomes of that one first."
        following = when_looked_at_again(
            has_job=record.remote_id is not None, has_outputs=bool(record.outputs)
        )
        try:
            clip.take(await move(self.journal, record, following, detail="asked to look again", error=None))
        except StaleTransition:
            return "Somebody is looking already."
        self._roster.changed(clip)
        await asyncio.to_thread(self.resume)
        return "Looking again. Nothing is paid by that."

    async def cancel(self, clip: Clip) -> str:
        """Take a clip back, or ask Scenario to; a sentence that says what happened."""
        record = clip.record
        while record.state in WITHDRAWABLE:
            request = Request.from_dict(record.request).without_addresses().to_dict()
            try:
                clip.take(await move(self.journal, record, State.WITHDRAWN, request=request))
            except StaleTransition:
                # It went a step on in this very moment, perhaps only to the next one before sending.
                latest = await asyncio.to_thread(self.records.get, clip.id)
                assert latest is not None
                record = latest
                clip.take(record)
            else:
                self._roster.changed(clip)
                return "The clip was taken back before it was sent. Nothing was paid."
        if clip.is_over:
            return f"There is nothing to cancel: the clip is {clip.state}."
        if clip.job_id is None:
            return (
                "It is too late to take the clip back: it is being sent. It may have been paid, and goes on."
            )
        try:
            await (await self.connection.client()).cancel(clip.job_id)
        except ApiError as error:
            if error.in_doubt or isinstance(error, NotFound) or after_submission(error) is State.UNKNOWN:
                unsure = "The card shows what becomes of it, and it may cost all the same."
                return f"Whether the job was canceled is not known: {error} {unsure}"
            return f"The job goes on, paid, and the clip will arrive: {error}"
        return "Scenario was asked to cancel the job; the card shows what becomes of it. It may cost all the same."

    def close(self) -> None:
        """End everything; answers under way are waited for. Not from the loop's own thread."""
        self._open = False
        engine_loop().run(self._stop()).result()
        self.tenure.end()

    @contextlib.contextmanager
    def until_closed(self) -> Iterator[None]:
        """Closing cancels the task that is in here."""
        task = asyncio.current_task()
        assert task is not None
        if not self.open:
            raise LibraryError(CLOSED)
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    async def _stop(self) -> None:
        await self._end(self._tasks)
        await self._submitter.close(self._settings.closing)
        await self.texts.close(self._settings.closing)
        await self.uploads.close()
        await self.schemas.close()
        await self.connection.close()

    async def _end(self, tasks: set[asyncio.Task[Any]]) -> None:
        ending = set(tasks)
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending, timeout=self._settings.closing)

    async def _keep_running(self, work: Callable[[], Awaitable[None]]) -> None:
        with self.until_closed():
            while True:
                try:
                    await work()
                except Exception:
                    log.exception(
                        "a part of the engine stopped for a reason that should not exist; it begins anew"
                    )
                    await asyncio.sleep(self._settings.poll_interval)

    # -- driving -----------------------------------------------------------------------------------------------------

    def _drive(self, clip: Clip) -> None:
        clip.halted, clip.note = None, ""
        work = self._driven[clip.id] = engine_loop().run(self._driving(clip))
        work.add_done_callback(lambda done: self._ended(clip, done))

    async def _driving(self, clip: Clip) -> None:
        if self.open:
            with self.until_closed():
                await self._pipeline.drive(clip)

    def _ended(self, clip: Clip, work: Future[None]) -> None:
        self._driven.pop(clip.id, None)
        if not work.cancelled() and (error := work.exception()) is not None:
            self._broken.add(clip.id)
            log.error("clip %s stopped for a reason that should not exist", clip.id, exc_info=error)
            clip.halt(
                HappyHorseError(
                    f"Clip {clip.id} has stopped for a reason that should not exist ({type(error).__name__}; the log has more). "
                    f"It is {clip.state}, and session.resume() goes on from there."
                )
            )
            self._roster.changed(clip)

    async def _lost(self) -> None:
        for work in list(self._driven.values()):
            work.cancel()

    async def _look(self) -> None:
        """Take notice of what other processes did: show it, and drive what they wrote down or woke."""
        heard, moved = await asyncio.to_thread(self.journal.news, self._heard)
        records = await asyncio.to_thread(self.records.those, moved)
        waking = False
        for record in records:
            clip = self._roster.clip(record, self._keeper)
            # Of a clip that is driven here, others can only take it back, or say something of it.
            if clip.id in self._driven and record.state != State.WITHDRAWN:
                if clip.take_marks(record):
                    self._roster.changed(clip)
                continue
            if record.updated_at >= clip.record.updated_at:
                clip.take(record)
                clip.note = "" if clip.is_over else self.tenure.waiting_for
                self._roster.changed(clip)
            waking = waking or (record.state not in RESTING and record.id not in self._broken)
        if waking:
            await asyncio.to_thread(self.resume)
        self._heard = heard  # last: what could not be read, or driven, is looked at again
