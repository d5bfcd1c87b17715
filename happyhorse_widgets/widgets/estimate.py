"""What the clip that is being set up would cost, asked while a person is still setting it up."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import HappyHorseError, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from happyhorse_widgets.engine.request import Reference
    from happyhorse_widgets.engine.session import Session
    from happyhorse_widgets.media.images import ReferenceImage

#: How long nothing must change before Scenario is asked, in seconds.
_PAUSE = 0.4
#: A dry run needs a prompt, and no prompt has an impact on the cost: so one is asked for while none is written.
_ANY_PROMPT = "A prompt."


class LiveEstimate:
    """Keeps `state` true for the settings that it was last told; calls `changed` from the engine's loop.

    `state` is what the browser shows: `status` ("none" while there is nothing to ask for, "asking", "known" or
    "unavailable"), `units` (creative units), `seconds`, and `reason` where it is unavailable.
    """

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._lock = threading.Lock()
        self._asked: tuple[Any, ...] = ()
        self._model = ""
        self._work: Future[None] | None = None
        self.state = _state("none")

    def ask(self, references: Sequence[ReferenceImage | Reference], *, model: str, **values: Any) -> None:
        """Say what is set up now. Returns at once, and asks only where what has an impact on the cost is new."""
        asked = self._impact(len(references), model, values)
        with self._lock:
            if asked == self._asked and self.state["status"] in ("known", "asking"):
                return
            self._asked = asked
            self.stop()
            if not references:
                self.state = _state("none")
                return
            # Of another model the last price says nothing; of this one it is near enough to stay while it is asked.
            before = self.state if model == self._model else _state("none")
            self._model = model
            self.state = {**before, "status": "asking"}
            self._work = self._session.run(self._find(asked, list(references), model, values))

    def _impact(self, count: int, model: str, values: dict[str, Any]) -> tuple[Any, ...]:
        schema = self._session.known_schema(model)
        fields = schema.fields if schema else ()
        names = [field.name for field in fields if field.cost_impact] or sorted(values)
        return (model, count, *(values.get(name) for name in names))

    def stop(self) -> None:
        """Ask no more."""
        if self._work is not None:
            self._work.cancel()

    async def _find(
        self,
        asked: tuple[Any, ...],
        references: list[ReferenceImage | Reference],
        model: str,
        values: dict[str, Any],
    ) -> None:
        await asyncio.sleep(_PAUSE)
        try:
            found = await self._session.estimate_async(_ANY_PROMPT, references, model=model, **values)
            state = _state("known", units=found.creative_units, seconds=found.seconds)
        except InvalidRequest:
            state = _state("none")  # the field itself says what is wrong
        except HappyHorseError as error:
            state = _state("unavailable", reason=str(error))
        with self._lock:
            if asked == self._asked:
                self.state = state
        self._changed()


def _state(status: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "units": None, "seconds": None, "reason": "", **more}
