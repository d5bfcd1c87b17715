"""A session: one account and project, one home, and everything that is done there."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import logging
import platform
import secrets
import threading
import warnings
import weakref
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.api.checks import Problem, check
from happyhorse_widgets.api.params import HAPPY_HORSE, ModelSchema, normalise, schema_from_model, snapshot
from happyhorse_widgets.errors import ApiError, InvalidRequest, LibraryError
from happyhorse_widgets.library import ownership
from happyhorse_widgets.library.clips import Clips
from happyhorse_widgets.library.database import Database
from happyhorse_widgets.library.journal import Journal, StaleTransition
from happyhorse_widgets.media.images import ReferenceImage

from .clip import Clip
from .connection import Connection
from .estimates import Estimate, Estimates
from .loop import engine_loop
from .pipeline import Pipeline
from .reconcile import Reconciler
from .request import Reference, Request, advice, read_references
from .settings import Settings
from .shelf import Shelf
from .states import CHARGEABLE, RESTING, WITHDRAWABLE, State
from .submit import Submitter
from .transition import move
from .uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from happyhorse_widgets.api.config import Endpoint
    from happyhorse_widgets.library.clips import ClipRecord
    from happyhorse_widgets.library.files import Home

    from .local import LocalSandbox
    from .request import ReferenceSource

log = logging.getLogger(__name__)


class Session:
    """Makes clips, and keeps them. Get one from `connect`; without it the first use makes a default one.

    `budget` (creative units, None: no limit) may be changed at any time; so may `model`, the default of `generate`.
    """

    def __init__(
        self,
        target: Endpoint | LocalSandbox,
        *,
        home: Home,
        project: str | None = None,
        model: str | None = None,
        budget: float | None = None,
        settings: Settings | None = None,
        heir_of: Session | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.model = model or HAPPY_HORSE
        self.budget = budget
        self.home: Path = home.root
        self._project = project or ""
        self._connection = Connection(target, self.settings)
        self._database = Database(home.database)
        self._records = Clips(self._database)
        self._journal = Journal(self._database)
        self._estimates = Estimates(self._connection, self._records)
        self._uploads = Uploads(self._connection, self._project, self._journal, home)
        self._schemas: dict[str, ModelSchema] = {}
        self._asked: set[str] = set()
        self._clips: weakref.WeakValueDictionary[str, Clip] = weakref.WeakValueDictionary()
        self._observers: list[Callable[[Clip], None]] = []
        if heir_of is not None:
            self._inherit(heir_of)
        self._lock = threading.Lock()
        self._owner = ownership.claim(self._database).result()
        self._submitter = Submitter(
            self._connection,
            self._project,
            self._journal,
            self._records,
            self.settings,
            epoch=lambda: self._owner.epoch,
            budget=lambda: self.budget,
        )
        self._pipeline = Pipeline(
            connection=self._connection,
            journal=self._journal,
            records=self._records,
            home=home,
            uploads=self._uploads,
            submitter=self._submitter,
            reconciler=Reconciler(self._connection, self._journal, self.settings),
            estimates=self._estimates,
            settings=self.settings,
            schema=self.schema,
            budget=lambda: self.budget,
            changed=self._changed,
        )
        self._driven: dict[str, Future[None]] = {}
        self._standing = [self.run(self._pipeline.watcher.run()), self.run(self._beat())]
        #: False once `close` was called.
        self.open = True
        self.resume()

    # -- making clips ------------------------------------------------------------------------------------------------

    def generate(
        self,
        prompt: str,
        references: Iterable[ReferenceSource],
        *,
        aspect_ratio: str = "16:9",
        resolution: str = "1080P",
        duration: int = 5,
        seed: int | None = None,
        model: str | None = None,
        **unknown: Any,
    ) -> Clip:
        """Make a clip; returns at once. See `happyhorse_widgets.generate`, which does this in the default session."""
        values = {"aspect_ratio": aspect_ratio, "resolution": resolution, "duration": duration, "seed": seed}
        clip = self.submit(prompt, references, model=model, **values, **unknown)
        for line in clip.warnings:
            warnings.warn(line, stacklevel=3)
        return clip

    def submit(
        self, prompt: str, references: Iterable[ReferenceSource], *, model: str | None = None, **values: Any
    ) -> Clip:
        """What `generate` does, for callers that show `clip.warnings` in their own way.

        The clip is in the journal and its images are in the home when this returns.
        """
        self._must_own()
        images = read_references(references)
        request, remarks = self._checked(prompt, images, model, values)
        for image in images:
            if isinstance(image, ReferenceImage):
                self._uploads.keep(image)
        record = self._journal.create(
            f"clip_{secrets.token_hex(6)}",
            state=State.DRAFT,
            endpoint=self._connection.name,
            project=self._project,
            sandbox=self.sandbox,
            model=request.model,
            request=request.to_dict(),
            versions=_versions(),
        ).result()
        clip = self._clip(record, warnings=remarks)
        self._drive(clip)
        self._changed(clip)
        return clip

    def check(
        self, prompt: str, references: Sequence[Any] | int, *, model: str | None = None, **values: Any
    ) -> tuple[Problem, ...]:
        """All that is wrong, or unwise, with a request for so many references; nothing is sent."""
        count = references if isinstance(references, int) else len(references)
        return check(self.schema(model), {"prompt": prompt, **values}, references=count)

    def estimate(
        self, prompt: str, references: Iterable[ReferenceSource], *, model: str | None = None, **values: Any
    ) -> Estimate:
        """What a clip would cost in creative units, and how long it would take; nothing is paid.

        Takes what `generate` takes and raises what it raises. The images are uploaded, which is free, for the dry run names them.
        """
        work: Future[Estimate] = self.run(
            self.estimate_async(prompt, list(references), model=model, **values)
        )
        return work.result()

    async def estimate_async(
        self, prompt: str, references: Iterable[ReferenceSource], *, model: str | None = None, **values: Any
    ) -> Estimate:
        """`estimate` for code on the engine's loop (see `run`)."""
        images = await asyncio.to_thread(read_references, references)
        request, _ = self._checked(prompt, images, model, values)
        for image in images:
            if isinstance(image, ReferenceImage):
                await asyncio.to_thread(self._uploads.keep, image)
        asset_ids = await asyncio.gather(*(self._uploads.asset_id(item) for item in request.references))
        schema = self.schema(request.model)
        return await self._estimates.of(schema, request, asset_ids)

    def preupload(
        self, image: ReferenceImage, progress: Callable[[int, int], None] | None = None
    ) -> Future[str]:
        """Send an image ahead of the clip that will use it; the same bytes are sent once.

        `progress` gets the bytes sent and the total, on the engine's loop. The future gives the asset id.
        """
        self._uploads.keep(image)
        return self.run(self._uploads.asset_id(Reference.of(image), progress))

    def _checked(
        self, prompt: str, images: Sequence[Any], model: str | None, values: Mapping[str, Any]
    ) -> tuple[Request, tuple[str, ...]]:
        schema = self.schema(model)
        problems = check(schema, {"prompt": prompt, **values}, references=len(images))
        errors = [problem.message for problem in problems if problem.severity == "error"]
        if errors:
            raise InvalidRequest(*errors)
        known = {field.name for field in fields(Request)}
        normal = {name: value for name, value in normalise(schema, values).items() if name in known}
        references = tuple(
            Reference.of(image) if isinstance(image, ReferenceImage) else image for image in images
        )
        request = Request(prompt=prompt, references=references, model=schema.model_id, **normal)
        return request, (*advice(images), *(problem.message for problem in problems))

    # -- what there is -----------------------------------------------------------------------------------------------

    @property
    def clips(self) -> Shelf:
        """Every clip of this home, newest first."""
        return Shelf(self._records, self._clip)

    def clip(self, clip_id: str) -> Clip:
        """The clip with this local id. Raises `KeyError` where there is none."""
        return self.clips[clip_id]

    @property
    def sandbox(self) -> bool:
        """Whether clips are simulated, and cost nothing real."""
        return self._connection.sandbox

    @property
    def spent(self) -> float:
        """Creative units that this home's clips of this account and project cost, or may have; refunds are taken off."""
        return self._records.charged(
            frozenset(CHARGEABLE), endpoint=self._connection.name, project=self._project
        )

    def schema(self, model: str | None = None) -> ModelSchema:
        """What a model takes: as Scenario says, once it has answered, and until then as this package knows it.

        For a model that this package does not know it waits for the answer, and raises what the client raises.
        """
        model_id = model or self.model
        with self._lock:
            first = model_id not in self._asked
            self._asked.add(model_id)
        answer = self.run(self._learn_schema(model_id)) if first else None
        known = self._schemas.get(model_id) or snapshot(model_id)
        if known is None:
            known = (answer or self.run(self._learn_schema(model_id))).result()
        return known

    def usual_seconds(self, model: str) -> float | None:
        """How long this model's jobs take from submission to success, as far as it is known without asking; else None."""
        schema = self._schemas.get(model) or snapshot(model)
        return None if schema is None else self._estimates.seconds(schema)

    async def _learn_schema(self, model_id: str) -> ModelSchema:
        try:
            client = await self._connection.client()
            schema = schema_from_model(await client.model(model_id))
        except BaseException:
            with self._lock:
                self._asked.discard(model_id)
            raise
        self._schemas[model_id] = schema
        return schema

    def observe(self, callback: Callable[[Clip], None]) -> Callable[[], None]:
        """Have `callback` told of every clip that changed; it runs on the engine's thread and must not block.

        Returns a function that ends it.
        """
        with self._lock:
            self._observers.append(callback)

        def end() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._observers.remove(callback)

        return end

    # -- living ------------------------------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Start a coroutine on the engine's loop."""
        return engine_loop().run(work)

    def resume(self) -> list[Clip]:
        """Go on with every clip that is not at rest; happens by itself when a session begins. Returns those clips."""
        if not self._owner.mine:
            return []
        awake = frozenset(State) - RESTING
        clips = []
        for record in self._records.in_states(awake, endpoint=self._connection.name, project=self._project):
            if record.id not in self._driven:
                clip = self._clip(record)
                self._drive(clip)
                clips.append(clip)
        return clips

    def serves(self, target: Endpoint | LocalSandbox, settings: Settings) -> bool:
        """Whether this session leads there already, with the same keys and settings."""
        return self.settings == settings and self._connection.leads_to(target)

    def close(self) -> None:
        """Stop: answers under way are waited for, the rest goes on when a session is opened on this home again."""
        if not self.open:
            return
        self.open = False
        self.run(self._submitter.settle(self.settings.closing)).result()
        for task in (*self._standing, *self._driven.values()):
            task.cancel()
        self.run(self._connection.close()).result()
        if self._owner.mine:
            with contextlib.suppress(LibraryError):
                ownership.release(self._database, self._owner.epoch).result()
        self._database.close()

    def _inherit(self, other: Session) -> None:
        # Clips in a person's hands, and the cards that show them, live on with the session that takes over.
        self._observers = other._observers
        for clip in list(other._clips.values()):
            clip.keeper = self
            self._clips[clip.id] = clip

    def __repr__(self) -> str:
        where = "sandbox" if self.sandbox else self._connection.name
        return f"<Session {where} home={str(self.home)!r} model={self.model!r}>"

    def act(self, clip: Clip, action: str) -> Future[str]:
        """Carry out "cancel" or "detach"; resolves to a sentence that says what happened."""
        return self.run(self._cancel(clip) if action == "cancel" else self._detach(clip))

    async def _detach(self, clip: Clip) -> str:
        clip.detached = True
        self._changed(clip)
        return "Nobody watches this clip any more. Its job goes on, and its file will be in the library."

    async def _cancel(self, clip: Clip) -> str:
        try:
            if clip.state in WITHDRAWABLE:
                clip.take(await move(self._journal, clip.record, State.WITHDRAWN))
                self._changed(clip)
                return "The clip was taken back before it was sent. Nothing was paid."
        except StaleTransition:
            pass  # it was sent in this very moment
        if clip.is_over or clip.job_id is None:
            return f"There is nothing to cancel: the clip is {clip.state}."
        try:
            await (await self._connection.client()).cancel(clip.job_id)
        except ApiError as error:
            return f"The job goes on, paid, and the clip will arrive: {error}"
        return "Scenario was asked to cancel the job; the card shows what becomes of it. It may cost all the same."

    def _must_own(self) -> None:
        if not self.open:
            raise LibraryError("This session is closed. Make another with connect().")
        if not self._owner.mine:
            self._owner = ownership.claim(self._database).result()
            if not self._owner.mine:
                raise LibraryError(
                    f"Another kernel (process {self._owner.pid} on {self._owner.host}) works with the library {self.home}, and "
                    "one library has one who submits. Shut that kernel down, or choose another folder: connect(home=…)."
                )
            self.resume()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(ownership.BEAT)
            if self._owner.mine:
                with contextlib.suppress(LibraryError):
                    await asyncio.wrap_future(ownership.beat(self._database, self._owner.epoch))

    def _clip(self, record: ClipRecord, *, warnings: tuple[str, ...] = ()) -> Clip:
        with self._lock:
            clip = self._clips.get(record.id)
            if clip is None:
                clip = self._clips[record.id] = Clip(self, record, warnings=warnings)
            return clip

    def _drive(self, clip: Clip) -> None:
        work = self.run(self._pipeline.drive(clip))
        self._driven[clip.id] = work
        work.add_done_callback(lambda done: self._ended(clip.id, done))

    def _ended(self, clip_id: str, work: Future[None]) -> None:
        self._driven.pop(clip_id, None)
        if not work.cancelled() and (error := work.exception()) is not None:
            log.error("clip %s stopped for a reason that should not exist", clip_id, exc_info=error)

    def _changed(self, clip: Clip) -> None:
        with self._lock:
            observers = list(self._observers)
        for callback in observers:
            try:
                callback(clip)
            except Exception:
                log.exception("an observer of clips failed")


def _versions() -> dict[str, str]:
    return {
        "happyhorse_widgets": importlib.metadata.version("happyhorse_widgets"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
