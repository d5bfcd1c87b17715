"""What models take: as Scenario says, once it has answered, and until then as this package knows it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from happyhorse_widgets.api.params import ModelSchema, schema_from_model, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from .connection import Connection

log = logging.getLogger(__name__)

#: Where a snapshot serves, Scenario is asked again so many seconds after it could not be reached.
_AGAIN = 60.0


class Schemas:
    """The schemas of one account, asked for once each."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._learned: dict[str, ModelSchema] = {}
        self._asking: dict[str, asyncio.Task[ModelSchema]] = {}
        self._not_before: dict[str, float] = {}
        self._observers: list[Callable[[ModelSchema], None]] = []

    def observe(self, callback: Callable[[ModelSchema], None]) -> Callable[[], None]:
        """Have `callback` told of every schema that Scenario has told; it runs on the engine's loop and must not block.

        Returns a function that ends it. Both from any thread.
        """
        self._observers.append(callback)

        def end() -> None:
            with contextlib.suppress(ValueError):
                self._observers.remove(callback)

        return end

    def known(self, model_id: str) -> ModelSchema | None:
        """The schema as far as it is known without asking; from any thread."""
        return self._learned.get(model_id) or snapshot(model_id)

    def is_learned(self, model_id: str) -> bool:
        """Whether Scenario has told it; from any thread."""
        return model_id in self._learned

    async def of(self, model_id: str) -> ModelSchema:
        """What is known, with Scenario asked in the background; for a model that this package does not know, its answer.

        On the engine's loop. Raises what the client raises for a model that is not known.
        """
        known = self.known(model_id)
        now = asyncio.get_running_loop().time()
        if known is None or not (self.is_learned(model_id) or now < self._not_before.get(model_id, 0.0)):
            asking = self._ask(model_id)
            if known is None:
                return await asyncio.shield(asking)
        return known

    async def close(self) -> None:
        """Ask no more."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    def _ask(self, model_id: str) -> asyncio.Task[ModelSchema]:
        task = self._asking.get(model_id)
        if task is None:
            self._not_before[model_id] = asyncio.get_running_loop().time() + _AGAIN
            task = self._asking[model_id] = asyncio.create_task(self._learn(model_id))
            task.add_done_callback(lambda done: self._answered(model_id, done))
        return task

    def _answered(self, model_id: str, task: asyncio.Task[ModelSchema]) -> None:
        del self._asking[model_id]
        if not task.cancelled():
            task.exception()  # whoever waits is told; where a snapshot serves nobody does

    async def _learn(self, model_id: str) -> ModelSchema:
        client = await self._connection.client()
        schema = schema_from_model(await client.model(model_id))
        self._learned[model_id] = schema
        for callback in list(self._observers):
            try:
                callback(schema)
            except Exception:
                log.exception("an observer of schemas failed")
        return schema
