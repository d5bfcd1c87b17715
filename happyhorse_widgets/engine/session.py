"""A session: one account and project, one home, and everything that is done there."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import platform
import secrets
import warnings
from concurrent.futures import CancelledError, Future
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.api.checks import Problem, check
from happyhorse_widgets.api.params import HAPPY_HORSE, ModelSchema
from happyhorse_widgets.errors import InvalidRequest, LibraryError
from happyhorse_widgets.library.database import Database
from happyhorse_widgets.library.files import Home
from happyhorse_widgets.library.journal import StaleTransition

from .asking import Asked, ask
from .connection import Connection
from .engine import CLOSED, Engine
from .library import Library
from .loop import engine_loop
from .request import Reference, Request
from .roster import Roster
from .settings import Settings
from .shelf import Shelf
from .states import CHARGEABLE, NEVER_SENT, State

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence
    from pathlib import Path

    from happyhorse_widgets.api.config import Endpoint
    from happyhorse_widgets.library.clips import ClipRecord
    from happyhorse_widgets.media.images import ReferenceImage

    from .clip import Clip
    from .estimates import Estimate
    from .local import LocalSandbox
    from .request import ReferenceSource


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
        self._roster: Roster = Roster() if heir_of is None else heir_of._roster
        self._database = Database(home.database)
        try:
            self._engine = Engine(
                Connection(target, self.settings),
                self._database,
                home,
                self._project,
                self.settings,
                self._roster,
                self,
                budget=lambda: self.budget,
            )
        except BaseException:
            self._database.close()
            raise
        self._records = self._engine.records
        try:
            for clip in self._roster.in_hand():  # of the session that this one takes over from
                clip.keeper, clip.halted = self, None
                clip.take(self._records.get(clip.id) or clip.record)
                self._halt_if_foreign(clip)
            self.resume()
        except BaseException:
            self.close()
            raise

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
            warnings.warn(line, stacklevel=2)
        return clip

    def submit(
        self, prompt: str, references: Iterable[ReferenceSource], *, model: str | None = None, **values: Any
    ) -> Clip:
        """What `generate` does, for callers that show `clip.warnings` in their own way.

        The clip is in the journal and its images are in the home when this returns.
        """
        self._check_open()
        asked = ask(self.schema(model), prompt, references, values, has=self._engine.uploads.has)
        for image in asked.images:
            self._engine.uploads.keep(image)
        return self._enter(asked)

    def submit_again(self, clip: Clip) -> Clip:
        """Ask for the same once more, as a new clip, which is paid like any other.

        For a clip that waits for its person, to ask twice gives the same new clip. Raises `InvalidRequest` while the clip is on
        its way, or where a reference image is not in the library any more.
        """
        if not clip.is_over:
            raise InvalidRequest(
                f"Clip {clip.id} is on its way ({clip.state}): wait for it, or generate another one."
            )
        request = clip.request
        self._check_open()
        asked = ask(
            self.schema(request.model),
            request.prompt,
            request.references,
            {
                name: value
                for name, value in request.values().items()
                if name != "prompt" and value is not None
            },
            has=self._engine.uploads.has,
        )
        try:
            new = self._enter(asked, instead_of=clip.id if clip.state is State.NEEDS_USER else None)
        except StaleTransition:
            self._reread(clip)
            raise InvalidRequest(
                f"Clip {clip.id} has gone on meanwhile: somebody had another look, or it was found. See what becomes of it first."
            ) from None
        self._reread(clip)  # which names its successor now
        return new

    def _reread(self, clip: Clip) -> None:
        with contextlib.suppress(LibraryError):  # it is heard of a moment later
            if (latest := self._records.get(clip.id)) is not None:
                clip.take(latest)
                self._roster.changed(clip)

    def _check_open(self) -> None:
        if not self.open:
            raise LibraryError(CLOSED)
        if self._engine.tenure.require():
            self.resume()

    def _enter(self, asked: Asked, *, instead_of: str | None = None) -> Clip:
        def create(clip_id: str) -> Future[ClipRecord]:
            return self._written_down(clip_id, asked.request, instead_of)

        return self._engine.enter(f"clip_{secrets.token_hex(6)}", create, asked.warnings)

    def _written_down(self, clip_id: str, request: Request, instead_of: str | None) -> Future[ClipRecord]:
        return self._engine.journal.create(
            clip_id,
            state=State.DRAFT,
            endpoint=self._engine.connection.name,
            project=self._project,
            sandbox=self.sandbox,
            model=request.model,
            request=request.to_dict(),
            versions=_versions(),
            budget=self.budget,
            instead_of=instead_of,
            waiting=State.NEEDS_USER,
            forgone=NEVER_SENT,
        )

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
        try:
            found: Estimate = self.run(
                self.estimate_async(prompt, references, model=model, **values)
            ).result()
        except CancelledError:
            raise LibraryError(CLOSED) from None
        return found

    async def estimate_async(
        self, prompt: str, references: Iterable[ReferenceSource], *, model: str | None = None, **values: Any
    ) -> Estimate:
        """`estimate` for code on the engine's loop (see `run`)."""
        engine = self._engine
        with engine.until_closed():
            schema = await engine.schemas.of(model or self.model)
            asked = await asyncio.to_thread(ask, schema, prompt, references, values, has=engine.uploads.has)
            known = await engine.estimates.recalled(schema, asked.request)
            if known is not None:
                return known
            for image in asked.images:
                await asyncio.to_thread(engine.uploads.keep, image)
            at_home = [await engine.uploads.at_home(reference) for reference in asked.request.references]
            asset_ids = await asyncio.gather(*map(engine.uploads.asset_id, at_home))
            return await engine.estimates.of(schema, asked.request, asset_ids)

    def preupload(
        self, image: ReferenceImage, progress: Callable[[int, int], None] | None = None
    ) -> Future[str]:
        """Send an image ahead of the clip that will use it; the same bytes are sent once.

        The bytes are in the home when this returns. `progress` gets the bytes sent and the total, on the engine's loop. The
        future gives the asset id.
        """
        self._engine.uploads.keep(image)
        return self.run(self._engine.uploads.asset_id(Reference.of(image), progress))

    # -- what there is -----------------------------------------------------------------------------------------------

    @property
    def clips(self) -> Shelf:
        """Every clip of this home, newest first."""
        return Shelf(self._records, self._clip)

    def clip(self, clip_id: str) -> Clip:
        """The clip with this local id. Raises `KeyError` where there is none."""
        return self.clips[clip_id]

    @cached_property
    def library(self) -> Library:
        """The folder as a whole: `check` it, `export` from it, `merge` into it."""
        return Library(
            self._engine,
            self._database,
            Home(self.home),
            project=self._project,
            roster=self._roster,
            pause=self.settings.retry_first,
        )

    @property
    def sandbox(self) -> bool:
        """Whether clips are simulated, and cost nothing real."""
        return self._engine.connection.sandbox

    @property
    def spent(self) -> float:
        """Creative units that this home's clips of this account and project cost, or may have; refunds are taken off."""
        return self._records.charged(
            frozenset(CHARGEABLE), endpoint=self._engine.connection.name, project=self._project
        )

    def schema(self, model: str | None = None) -> ModelSchema:
        """What a model takes: as Scenario says, once it has answered, and until then as this package knows it.

        For a model that this package does not know it waits for the answer, and raises what the client raises.
        """
        model_id = model or self.model
        known = self._engine.schemas.known(model_id)
        if known is not None and (self._engine.schemas.is_learned(model_id) or not self.open):
            return known
        answer: Future[ModelSchema] = self.run(self._engine.schemas.of(model_id))
        return answer.result() if known is None else known

    def usual_seconds(self, model: str) -> float | None:
        """How long this model's jobs take from submission to success, as far as it is known without asking; else None."""
        schema = self._engine.schemas.known(model)
        return None if schema is None else self._engine.estimates.seconds(schema)

    def observe(self, callback: Callable[[Clip], None]) -> Callable[[], None]:
        """Have `callback` told of every clip that changed; it runs on the engine's thread and must not block.

        Returns a function that ends it.
        """
        return self._roster.observe(callback)

    # -- living ------------------------------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """False once `close` was called, and in a process that was forked from the session's own."""
        return self._engine.open

    def run(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Start a coroutine on the engine's loop."""
        return engine_loop().run(work)

    def resume(self) -> list[Clip]:
        """Go on with every clip that is not at rest; happens by itself when a session begins. Returns those clips."""
        return self._engine.resume()

    def act(self, clip: Clip, action: str) -> Future[str]:
        """Carry out "cancel", "look", "detach" or "watch"; resolves to a sentence that says what happened."""
        if action == "cancel":
            return self.run(self._engine.cancel(clip))
        if action == "look":
            return self.run(self._engine.look_again(clip))
        return self.run(self._watched(clip, action == "watch"))

    async def _watched(self, clip: Clip, watched: bool) -> str:
        clip.detached = not watched
        self._roster.changed(clip)
        if watched:
            return "This clip is watched again."
        return "Nobody watches this clip any more. Its job goes on, and its file will be in the library."

    def serves(self, target: Endpoint | LocalSandbox, settings: Settings) -> bool:
        """Whether this session leads there already, with the same keys and settings."""
        return self.settings == settings and self._engine.connection.leads_to(target)

    def close(self, *, heir: bool = False) -> None:
        """Stop: answers under way are waited for, the rest goes on when a session is opened on this home again.

        Those who wait for a clip get a `LibraryError`; with `heir` they go on waiting, for a session that takes the clips over.
        """
        if self.open:
            self._engine.close()
            self._database.close()
        if not heir:
            for clip in self._roster.in_hand():
                if clip.keeper is self:
                    clip.halt(LibraryError(CLOSED))

    def _clip(self, record: ClipRecord) -> Clip:
        clip = self._roster.clip(record, self, self._records.get)
        self._halt_if_foreign(clip)
        return clip

    def _halt_if_foreign(self, clip: Clip) -> None:
        account = (clip.record.endpoint, clip.record.project)
        if not clip.is_over and account != (self._engine.connection.name, self._project):
            where = f"{account[0]}, project {account[1]}" if account[1] else account[0]
            clip.halt(
                LibraryError(
                    f"Clip {clip.id} was made with another account ({where}), and goes on in a session of that."
                )
            )

    def __repr__(self) -> str:
        where = "sandbox" if self.sandbox else self._engine.connection.name
        return f"<Session {where} home={str(self.home)!r} model={self.model!r}>"


@cache
def _versions() -> dict[str, str]:
    return {
        "happyhorse_widgets": importlib.metadata.version("happyhorse_widgets"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
