"""A clip's way through the states: each step commits where it leads, so that any process can take over after it."""

from __future__ import annotations

import asyncio
import io
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from happyhorse_widgets.api.params import ModelSchema, wire_body
from happyhorse_widgets.errors import (
    ApiError,
    AuthenticationError,
    BudgetExceeded,
    HappyHorseError,
    InvalidRequest,
    MediaError,
    NotFound,
    PermissionDenied,
    ProtocolFault,
    RequestRejected,
    ServerFault,
)
from happyhorse_widgets.library.files import Home, write_whole
from happyhorse_widgets.library.journal import Journal, StaleTransition
from happyhorse_widgets.media.frames import poster

from .downloads import Arrived, Download, already_here
from .fetch import fetch_image
from .request import Reference
from .schedule import backoff, first_look
from .states import IN_FLIGHT, WITHDRAWABLE, State, followers, of_job
from .transition import move
from .watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from happyhorse_widgets.api.models import Job
    from happyhorse_widgets.library.clips import ClipRecord, Clips, OutputRecord

    from .clip import Clip
    from .connection import Connection
    from .estimates import Estimates
    from .reconcile import Reconciler
    from .settings import Settings
    from .submit import Submitter
    from .uploads import Uploads

#: Asking again does not help: the request, the key or the plan would have to change.
_REFUSALS = (AuthenticationError, PermissionDenied, RequestRejected, NotFound, BudgetExceeded, InvalidRequest)
#: A file that Scenario serves broken so often is taken for broken on its side.
_BROKEN_FILES = 4
_POSTER_SIDE = 480


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
        settings: Settings,
        schema: Callable[[str], ModelSchema],
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
        self._settings = settings
        self._schema = schema
        self._budget = budget
        self._changed = changed
        self._clips: dict[str, Clip] = {}
        self._news: dict[str, asyncio.Queue[Job]] = {}
        self.watcher = Watcher(connection, settings, on_job=self._on_job, on_trouble=self._on_trouble)
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
        self._clips[clip.id] = clip
        if clip.state in IN_FLIGHT:
            self._submitter.places.take(clip.id)
        failures = 0
        while not clip.is_over:
            before = clip.state
            try:
                record = await self._steps[before](clip)
                failures = 0
            except StaleTransition:
                record = self._journal_says(clip)
            except HappyHorseError as error:
                failures += 1
                record = await self._trouble(clip, error, failures)
            if before in IN_FLIGHT and record.state not in IN_FLIGHT:
                await self._submitter.leave(clip.id)
            self._take(clip, record)
        del self._clips[clip.id]

    async def _trouble(self, clip: Clip, error: HappyHorseError, failures: int) -> ClipRecord:
        if clip.state in WITHDRAWABLE and isinstance(error, _REFUSALS):
            told = {"kind": type(error).__name__, "message": str(error), "hint": ""}
            return await move(self._journal, clip.record, State.REJECTED, error=told)
        broken = isinstance(error, MediaError) and failures >= _BROKEN_FILES
        if clip.state in (State.SUCCEEDED, State.DOWNLOADING) and (broken or isinstance(error, NotFound)):
            message = f"{error} The clip was made and paid, but its file cannot be had. Ask Scenario's support for a refund."
            told = {"kind": type(error).__name__, "message": message, "hint": ""}
            return await move(self._journal, clip.record, State.FAILED, error=told)
        self._note(clip, str(error))
        # Never quite zero: trouble on this machine answers at once, and would be met again in a tight loop.
        first, most = self._settings.retry_first, self._settings.retry_most
        await asyncio.sleep(first / 2 + backoff(failures, first=first, most=most))
        return self._journal_says(clip)

    def _journal_says(self, clip: Clip) -> ClipRecord:
        record = self._records.get(clip.id)
        assert record is not None
        return record

    def _take(self, clip: Clip, record: ClipRecord) -> None:
        if record.state != clip.state:
            clip.note = ""
            clip.progress = None
        clip.take(record)
        self._changed(clip)

    def _note(self, clip: Clip, note: str) -> None:
        if clip.note != note:
            clip.note = note
            self._changed(clip)

    def _advance(self, clip: Clip, done: int, total: int | None) -> None:
        clip.progress = done / total if total else None
        self._changed(clip)

    # -- before it is paid -------------------------------------------------------------------------------------------

    async def _fetch_references(self, clip: Clip) -> ClipRecord:
        request = clip.request
        for index, reference in enumerate(request.references):
            if reference.url is not None:
                image = await fetch_image(reference.url, name=reference.name)
                await asyncio.to_thread(self._uploads.keep, image)
                request = request.with_reference(index, Reference.of(image))
        return await move(self._journal, clip.record, State.UPLOADING, request=request.to_dict())

    async def _upload(self, clip: Clip) -> ClipRecord:
        sizes = [0] * len(clip.request.references)
        totals = list(sizes)

        async def one(index: int, reference: Reference) -> str:
            def progress(sent: int, total: int) -> None:
                sizes[index], totals[index] = sent, total
                self._advance(clip, sum(sizes), sum(totals))

            return await self._uploads.asset_id(reference, progress)

        asset_ids = await asyncio.gather(*(one(*item) for item in enumerate(clip.request.references)))
        schema = self._schema(clip.request.model)
        body = wire_body(schema, clip.request.values(), asset_ids)
        estimate = await self._estimate(clip, schema, asset_ids)
        return await move(self._journal, clip.record, State.INTENT, body=body, estimate=estimate)

    async def _estimate(self, clip: Clip, schema: ModelSchema, asset_ids: Sequence[str]) -> float | None:
        try:
            return (await self._estimates.of(schema, clip.request, asset_ids)).creative_units
        except (ServerFault, ProtocolFault):
            if self._budget() is not None:  # without a price a budget could not be kept
                raise
            return None

    async def _send(self, clip: Clip) -> ClipRecord:
        return await self._submitter.send(clip.record)

    # -- when an answer was lost -------------------------------------------------------------------------------------

    async def _doubt(self, clip: Clip) -> ClipRecord:
        return await move(self._journal, clip.record, State.UNKNOWN)

    async def _settle(self, clip: Clip) -> ClipRecord:
        return await self._reconciler.settle(clip.record)

    # -- while Scenario works ----------------------------------------------------------------------------------------

    async def _follow(self, clip: Clip) -> ClipRecord:
        record = clip.record
        assert record.remote_id
        if record.remote_id not in self._news:
            self._news[record.remote_id] = asyncio.Queue()
            schema = self._schema(clip.request.model)
            look = first_look(
                self._records.durations(endpoint=record.endpoint, model=record.model), p50=schema.latency_p50
            )
            running = time.time() - (record.submitted_at or time.time())
            self.watcher.watch(
                record.remote_id, since=record.sent_at or 0.0, first_look=max(0.0, look - running)
            )
        while True:
            job = await self._news[record.remote_id].get()
            state = of_job(job.status)
            if state in followers(clip.state):
                break
            clip.progress = job.progress
            self._changed(clip)
        if job.has_ended:
            self.watcher.forget(record.remote_id)
            del self._news[record.remote_id]
            return await self._ended(clip, state, job)
        return await move(self._journal, clip.record, state)

    async def _ended(self, clip: Clip, state: State, job: Job) -> ClipRecord:
        cost = clip.record.cost if job.billing is None or job.billing.cu_cost is None else job.billing.cu_cost
        if state is State.SUCCEEDED:
            await asyncio.wrap_future(self._journal.expect_outputs(clip.id, job.asset_ids))
            return await move(self._journal, clip.record, state, cost=cost)
        refunded = state is State.FAILED and not (job.billing is not None and job.billing.disable_refund)
        told = {"kind": str(state), "message": _failure(job, refunded=refunded), "hint": job.hint}
        return await move(self._journal, clip.record, state, cost=cost, refunded=refunded, error=told)

    def _on_job(self, job: Job) -> None:
        if job.job_id in self._news:
            self._news[job.job_id].put_nowait(job)

    def _on_trouble(self, error: ApiError | None) -> None:
        for clip in list(self._clips.values()):
            if clip.state in (State.SUBMITTED, State.RUNNING):
                self._note(clip, "" if error is None else str(error))

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
            await asyncio.to_thread(_draw_poster, self._home.clip(clip.id), self._home.poster(clip.id))
        return await move(self._journal, clip.record, State.DONE, seed_used=seed)

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
                progress=lambda done, total: self._advance(clip, done, total),
            ).run()
        record = await asyncio.wrap_future(
            self._journal.have_output(
                clip.id,
                output.position,
                path=self._home.relative(target),
                size=arrived.facts.size,
                sha256=arrived.sha256,
                facts=asdict(arrived.facts),
            )
        )
        clip.take(record)
        return arrived


def _failure(job: Job, *, refunded: bool) -> str:
    reason = job.error or "Scenario gives no reason."
    money = "Scenario refunds it." if refunded else "Scenario does not refund it."
    return f"The job failed: {reason.rstrip('.')}. {money}"


def _draw_poster(video: Path, target: Path) -> None:
    image = poster(video)
    image.thumbnail((_POSTER_SIDE, _POSTER_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80, optimize=True)
    write_whole(target, buffer.getvalue())
