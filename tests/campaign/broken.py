"""Protocols that lose money, put in the place of ours inside a kernel: the campaign has to find them out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.engine.states import State
from happyhorse_widgets.errors import ProtocolFault, ServerFault, TransportFault
from happyhorse_widgets.library.clips import ClipRecord, read_clip
from happyhorse_widgets.library.journal import Journal


def _retry_the_post() -> None:
    """What the official SDK does: a POST whose answer was lost is sent again."""
    generate = ScenarioClient.generate

    async def insisting(self: ScenarioClient, model_id: str, body: Any) -> Any:
        for _ in range(2):
            try:
                return await generate(self, model_id, body)
            except (TransportFault, ServerFault, ProtocolFault):
                continue
        return await generate(self, model_id, body)

    ScenarioClient.generate = insisting  # type: ignore[method-assign,assignment]


def _write_after_the_answer() -> None:
    """`sending` is written down together with what the POST brought."""
    move = Journal.move
    pending: dict[str, dict[str, Any]] = {}

    def moving(
        self: Journal, clip_id: str, current: str, following: str, **values: Any
    ) -> Future[ClipRecord]:
        if following == State.SENDING:
            values.pop("check", None)  # the budget's, of the write that is left out here
            pending[clip_id] = values
            pretended: Future[ClipRecord] = Future()
            record = self._database.read(lambda connection: read_clip(connection, clip_id))
            fields = {name: value for name, value in values.items() if name not in ("epoch", "detail")}
            pretended.set_result(dataclasses.replace(record, state=following, **fields))
            return pretended
        if current == State.SENDING and clip_id in pending:
            move(self, clip_id, State.INTENT, State.SENDING, **pending.pop(clip_id)).result()
        return move(self, clip_id, current, following, **values)

    Journal.move = moving  # type: ignore[method-assign,assignment]


_AT_ONCE = {"quiescence": 0.001, "reconcile_gap": 0.001}

#: By name: what it does to the kernel, and the settings it changes.
BROKEN: dict[str, tuple[Callable[[], None], dict[str, Any]]] = {
    "retry": (_retry_the_post, {}),
    "late-journal": (_write_after_the_answer, {}),
    "hasty": (lambda: None, _AT_ONCE),
    "impatient": (lambda: None, _AT_ONCE),  # with a person who submits again without another look
}
