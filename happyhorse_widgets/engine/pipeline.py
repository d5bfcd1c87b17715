"""A clip's way through the states: each step commits where it leads, so that any process can take over after it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import (
    HappyHorseError,
    LibraryError,
    NotFound,
    ProtocolFault,
    RequestRejected,
    ServerFault,
)
from happyhorse_widgets.library.journal import Journal, StaleTransition
from happyhorse_widgets.library.posters import draw_poster

from .downloads import Arrived, Download, already_here
from .endings import Ending, ending_of_job, ending_of_trouble, job_unknown, meanwhile
from .schedule import backoff, first_look
from .states import IN_FLIGHT, State, of_job
from .transition import move
from .uploads import named_assets
from .watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from happyhorse_widgets.api.models import Job
    from happyhorse_widgets.api.params import ModelSchema
    from happyhorse_widgets.library.clips import ClipRecord, Clips, OutputRecord
    from happyhorse_widgets.library.files import Home

    from .clip import Clip
    from .connection import Connection
    from .estimates import Estimates
    from .reconcile import Reconciler
    from .request import Reference
    from .schemas import Schemas
    from .settings import Settings
    from .submit import Submitter
    from .uploads import Uploads


class Pipeline:
    """Drives clips from whatever state they are in to one of rest. One for each session; lives on the engine's loop."""

    def __init__(
        self,
        *,
        connection: Connection,
        journal: Journal,
        records: Clips,
        home: Home,
        uploads: Uploads,
        submitter: Submitter,
        reconciler: Reconciler,
        estimates: Estimates,
        schemas: Schemas,
        settings: Settings,
        budget: Callable[[], float | None],
        changed: Callable[[Clip], None],
    ) -> None:
        self._connection = connection
        self._journal = journal
        self._records = records
        self._home = home
        self._uploads = uploads
        self._submitter = submitter
        self._reconciler = reconciler
        self._estimates = estimates
        self._schemas = schemas
        self._settings = settings
        self._budget = budget
        self._changed = changed
        self._watched: dict[str, Clip] = {}
        self._news: dict[str, asyncio.Queue[Job | NotFound]] = {}
        self.watcher = Watcher(
            connection,
            settings,
            on_job=self._on_news,
            on_trouble=self._on_trouble,
            on_lost=self._on_news,
        )
        self._steps: dict[State, Callable[[Clip], Awaitable[ClipRecord]]] = {
            State.DRAFT: self._fetch_references,
            State.UPLOADING: self._upload,
            State.INTENT: self._send,
            State.SENDING: self._doubt,
            State.UNKNOWN: self._settle,
            State.SUBMITTED: self._follow,
            State.RUNNING: self._follow,
            State.SUCCEEDED: self._expect,
            State.DOWNLOADING: self._download,
        }

    async def drive(self, clip: Clip) -> None:
        """Take the clip on until it rests. Trouble that passes is waited out; the clip's note says what it is."""
        self._changed(clip)
        if clip.state in IN_FLIGHT:
            self._submitter.places.take(clip.id)
        try:
            await self._drive(clip)
        finally:
            await self._submitter.leave(clip.id)

    async def _drive(self, clip: Clip) -> None:
        trouble: HappyHorseError | None = None
        failures = 0
        while not clip.is_over:
            try:
                record = await self._step(clip, ending_of_trouble(clip.state, trouble, failures))
            except StaleTransition:
                record = await self._journal_says(clip)
            except HappyHorseError as met:
                trouble, failures = met, failures + 1
                if ending_of_trouble(clip.state, met, failures) is None:
                    await self._wait_out(clip, met, failures)
                record = await self._journal_says(clip)
            else:
                trouble, failures = None, 0
            self._take(clip, record)
            if record.state not in IN_FLIGHT:
                await self._submitter.leave(clip.id)

    async def _step(self, clip: Clip, ending: Ending | None) -> ClipRecord:
        if ending is None:
            return await self._steps[clip.state](clip)
        # The request is kept; an address that was given in it is not, for it may have been signed.
        request = clip.request.without_addresses().to_dict()
        return await move(self._journal, clip.record, ending.state, error=ending.told, request=request)

    async def _wait_out(self, clip: Clip, trouble: HappyHorseError, failures: int) -> None:
        self._note(clip, meanwhile(clip.state, trouble))
        # Never quite zero: trouble on this machine answers at once, and would be met again in a tight loop.
        first, most = self._settings.retry_first, self._settings.retry_most
        await asyncio.sleep(first / 2 + backoff(failures, first=first, most=most))

    async def _journal_says(self, clip: Clip) -> ClipRecord:
        try:
            return await asyncio.to_thread(self._records.get, clip.id) or clip.record
        except LibraryError:
            return clip.record

    def _take(self, clip: Clip, record: ClipRecord) -> None:
        if clip.is_over:  # it was taken back meanwhile
            return
        if record.state != clip.state:
            clip.note = ""
            clip.progress = None
        clip.take(record)
        self._changed(clip)

    def _note(self, clip: Clip, note: str) -> None:
        if clip.note != note:
            clip.note = note
            self._changed(clip)

    def _advance(self, clip: Clip, progress: float | None) -> None:
        if clip.progress != progress:
            clip.progress = progress
            self._changed(clip)

    # -- before it is paid -------------------------------------------------------------------------------------------

    async def _fetch_references(self, clip: Clip) -> ClipRecord:
        request = clip.request
        for index, reference in enumerate(request.references):
            request = request.with_reference(index, await self._uploads.at_home(reference))
        return await move(self._journal, clip.record, State.UPLOADING, request=request.to_dict())

    async def _upload(self, clip: Clip) -> ClipRecord:
        sizes = [0] * len(clip.request.references)
        totals = list(sizes)

        async def one(index: int, reference: Reference) -> str:
            def progress(sent: int, total: int) -> None:
                sizes[index], totals[index] = sent, total
                self._advance(clip, sum(sizes) / sum(totals))

            return await self._uploads.asset_id(reference, progress)

        asset_ids = await asyncio.gather(*(one(*item) for item in enumerate(clip.request.references)))
        schema = await self._schemas.of(clip.request.model)
        body = clip.request.body(schema, asset_ids)
        with self._uploads.doubted_if_refused(asset_ids):
            estimate = await self._estimate(clip, schema, asset_ids)
        return await move(self._journal, clip.record, State.INTENT, body=body, estimate=estimate)

    async def _estimate(self, clip: Clip, schema: ModelSchema, asset_ids: Sequence[str]) -> float | None:
        try:
            return (await self._estimates.of(schema, clip.request, asset_ids)).creative_units
        except (ServerFault, ProtocolFault):
            if self._budget() is not None or clip.record.budget is not None:
                raise  # without a price a budget could not be kept
            return None

    async def _send(self, clip: Clip) -> ClipRecord:
        record, refusal = await self._submitter.send(clip.record, lambda sending: self._take(clip, sending))
        if isinstance(refusal, NotFound | RequestRejected):
            self._uploads.doubt(named_assets(record))
        if refusal is not None and record.state == State.INTENT:
            self._take(clip, record)
            self._note(clip, meanwhile(clip.state, refusal))
            await asyncio.sleep(self._submitter.pause(record, refusal))
        return record

    # -- when an answer was lost -------------------------------------------------------------------------------------

    async def _doubt(self, clip: Clip) -> ClipRecord:
        return await move(self._journal, clip.record, State.UNKNOWN)

    async def _settle(self, clip: Clip) -> ClipRecord:
        return await self._reconciler.settle(clip.record)

    # -- while Scenario works ----------------------------------------------------------------------------------------

    async def _follow(self, clip: Clip) -> ClipRecord:
        job_id = clip.record.remote_id
        assert job_id
        if job_id not in self._news:
            await self._watch(clip, job_id)
        while True:
            news = await self._news[job_id].get()
            if isinstance(news, NotFound):
                self._watch_no_more(job_id)
                return await self._undecided(clip, job_unknown(clip.record))
            state = of_job(news.status)
            if state is State.RUNNING and clip.state is State.SUBMITTED:
                self._take(clip, await move(self._journal, clip.record, state))
            if news.has_ended:
                self._watch_no_more(job_id)
                return await self._ended(clip, state, news)
            self._advance(clip, news.progress)

    def _watch_no_more(self, job_id: str) -> None:
        self.watcher.forget(job_id)
        del self._news[job_id], self._watched[job_id]

    async def _undecided(self, clip: Clip, ending: Ending) -> ClipRecord:
        return await move(self._journal, clip.record, ending.state, error=ending.told)

    async def _watch(self, clip: Clip, job_id: str) -> None:
        record = clip.record
        schema = self._schemas.known(record.model)
        durations = await asyncio.to_thread(
            self._records.durations, endpoint=record.endpoint, model=record.model
        )
        look = first_look(durations, p50=None if schema is None else schema.latency_p50)
        # Written by another machine's clock, perhaps, or before ours was set back: never later than now.
        elapsed = 0.0 if record.submitted_at is None else max(0.0, time.time() - record.submitted_at)
        self._news[job_id] = asyncio.Queue()
        self._watched[job_id] = clip
        self.watcher.watch(job_id, since=record.sent_at or 0.0, first_look=max(0.0, look - elapsed))

    async def _ended(self, clip: Clip, state: State, job: Job) -> ClipRecord:
        cost = clip.record.cost if job.billing is None or job.billing.cu_cost is None else job.billing.cu_cost
        ending = ending_of_job(state, job, cost or clip.record.cost)
        if ending is not None:
            return await move(
                self._journal,
                clip.record,
                ending.state,
                cost=cost,
                refunded=ending.refunded,
                error=ending.told,
            )
        began, ended = job.created_at, job.updated_at
        took = None if began is None or ended is None else max(0.0, ended - began)
        await asyncio.wrap_future(self._journal.expect_outputs(clip.id, job.asset_ids))
        return await move(self._journal, clip.record, state, cost=cost, took=took)

    def _on_news(self, job_id: str, news: Job | NotFound) -> None:
        if job_id in self._news:
            self._news[job_id].put_nowait(news)

    def _on_trouble(self, job_id: str, trouble: HappyHorseError | None) -> None:
        if job_id in self._watched:
            clip = self._watched[job_id]
            self._note(clip, "" if trouble is None else meanwhile(clip.state, trouble))

    # -- when it is made ---------------------------------------------------------------------------------------------

    async def _expect(self, clip: Clip) -> ClipRecord:
        if not clip.record.outputs:
            client = await self._connection.client()
            job = await client.job(clip.job_id or "")
            if not job.asset_ids:
                raise NotFound("Scenario says that this job succeeded, but names no file.")
            await asyncio.wrap_future(self._journal.expect_outputs(clip.id, job.asset_ids))
        return await move(self._journal, clip.record, State.DOWNLOADING)

    async def _download(self, clip: Clip) -> ClipRecord:
        seed = clip.record.seed_used
        for output in clip.record.outputs:
            if output.path is None:
                arrived = await self._bring(clip, output)
                seed = arrived.seed if seed is None else seed
        if not self._home.poster(clip.id).exists():
            await asyncio.to_thread(draw_poster, self._home, clip.id)
        if seed is None:  # the file was fetched by a process that died before it wrote this down
            seed = await self._seed_of(clip.record.outputs)
        return await move(self._journal, clip.record, State.DONE, seed_used=seed)

    async def _seed_of(self, outputs: Sequence[OutputRecord]) -> int | None:
        """The seed that Scenario says a clip was made with, or None: a clip that is here does not wait for an answer."""
        with contextlib.suppress(HappyHorseError):
            client = await self._connection.client()
            return (await client.asset(outputs[0].asset_id)).seed
        return None

    async def _bring(self, clip: Clip, output: OutputRecord) -> Arrived:
        target = self._home.clip(clip.id, output.position)
        arrived = await asyncio.to_thread(already_here, target)
        if arrived is None:
            client = await self._connection.client()
            arrived = await Download(
                client,
                output.asset_id,
                target,
                pause=self._settings.retry_first,
                progress=lambda done, total: self._advance(clip, done / total if total else None),
            ).run()
        await asyncio.wrap_future(
            self._journal.have_output(
                clip.id,
                output.position,
                path=self._home.relative(target),
                size=arrived.facts.size,
                sha256=arrived.sha256,
                facts=asdict(arrived.facts),
            )
        )
        return arrived
