"""What a session knows without asking a person: what was spent, what runs, what models take."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import LibraryError

from .code import code_for_requests
from .connection import OWN_SANDBOX
from .loop import engine_loop
from .request import Request
from .states import CHARGEABLE, WITHDRAWABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from happyhorse_widgets.api.params import ModelSchema
    from happyhorse_widgets.library.clips import Clips

    from .engine import Engine
    from .schedule import Queue
    from .texts import Texts


class Lookups:
    """The part of a session that answers questions. `model` is the default of those that name none."""

    home: Path
    model: str
    _engine: Engine
    _project: str
    _records: Clips
    _spent_before: float

    @property
    def open(self) -> bool:
        """False once `close` was called, and in a process that was forked from the session's own."""
        return self._engine.open

    def run(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Start a coroutine on the engine's loop."""
        return engine_loop().run(work)

    @property
    def texts(self) -> Texts:
        """Help with writing prompts: a better wording, a translation, the model's guide; for code on the engine's loop."""
        return self._engine.texts

    @property
    def account(self) -> tuple[str, str]:
        """Whom clips are asked of: the name of the service's address, or of the sandbox, and the project or ""."""
        return self._engine.connection.name, self._project

    @property
    def sandbox(self) -> bool:
        """Whether clips are simulated, and cost nothing real."""
        return self._engine.connection.sandbox

    @property
    def spent(self) -> float:
        """Creative units that this home's clips and text calls of this account and project cost, or may have.

        Refunds are taken off.
        """
        return self._records.charged(
            frozenset(CHARGEABLE), endpoint=self._engine.connection.name, project=self._project
        )

    @property
    def spent_here(self) -> float:
        """The part of `spent` that has come since this session began."""
        return self.spent - self._spent_before

    @property
    def pledged(self) -> float:
        """Creative units that clips which are not sent yet are expected to cost, as far as that is known."""
        found = 0.0
        for record in self._records.in_states(
            WITHDRAWABLE, endpoint=self._engine.connection.name, project=self._project
        ):
            cost = record.estimate
            if cost is None:
                cost = self.usual_cost(Request.from_dict(record.request))
            found += cost or 0.0
        return found

    @property
    def queue(self) -> Queue:
        """How many jobs run here, how many clips wait for a place in the plan, and how many may run at once."""
        return self._engine.queue()

    def code(self, language: str, requests: Sequence[Request]) -> str:
        """Code in "python", "curl" or "javascript" that would make a clip of each request, which differ in their seeds only.

        It takes the keys from the environment. "curl" and "javascript" ask this session's address, and know images by the asset
        ids that they were uploaded under. An image that was not is named in angle brackets; so is every one where the session
        has a sandbox of its own, which nobody else can ask: Scenario's address stands there. Raises `InvalidRequest` for another
        language.
        """
        endpoint, images = self._engine.connection.name, requests[0].references
        if endpoint != OWN_SANDBOX:
            with contextlib.suppress(LibraryError):  # the session was closed
                images = tuple(self._engine.uploads.with_asset_id(image) for image in images)
        return code_for_requests(
            language,
            [replace(request, references=images) for request in requests],
            self.known_schema(requests[0].model),
            endpoint=endpoint,
            project=self._project,
            home=self.home,
        )

    def usual_cost(self, request: Request) -> float | None:
        """What such a request costs in creative units, as far as it is known without asking; else None."""
        schema = self._engine.schemas.known(request.model)
        return None if schema is None else self._engine.estimates.cost(schema, request)

    def known_schema(self, model: str) -> ModelSchema | None:
        """`schema` without waiting: None for a model that nothing is known of yet."""
        return self._engine.schemas.known(model)

    async def schema_async(self, model: str) -> ModelSchema:
        """`schema` for code on the engine's loop (see `run`)."""
        with self._engine.until_closed():
            return await self._engine.schemas.of(model)

    def observe_schemas(self, callback: Callable[[ModelSchema], None]) -> Callable[[], None]:
        """Have `callback` told what a model takes whenever Scenario has said it; on the engine's thread, it must not block.

        Returns a function that ends it.
        """
        return self._engine.schemas.observe(callback)

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
