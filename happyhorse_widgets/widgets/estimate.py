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
        self._work: Future[None] | None = None
        self.state = _state("none")

    def ask(self, references: Sequence[ReferenceImage | Reference], *, model: str, **values: Any) -> None:
        """Say what is set up now. Returns at once, and asks only when that is new."""
        asked = (
            model,
            *sorted(values.items(), key=str),
            *(source.sha256 or source.name for source in references),
        )
        with self._lock:
            if asked == self._asked:
                return
            self._asked = asked
            self.stop()
            if not references:
                self.state = _state("none")
                return
            self.state = {**self.state, "status": "asking"}
            self._work = self._session.run(self._find(list(references), model, values))

    def stop(self) -> None:
        """Ask no more."""
        if self._work is not None:
            self._work.cancel()

    async def _find(
        self, references: list[ReferenceImage | Reference], model: str, values: dict[str, Any]
    ) -> None:
        await asyncio.sleep(_PAUSE)
        try:
            found = await self._session.estimate_async(_ANY_PROMPT, references, model=model, **values)
            self.state = _state("known", units=found.creative_units, seconds=found.seconds)
        except InvalidRequest:
            self.state = _state("none")  # the field itself says what is wrong
        except HappyHorseError as error:
            self.state = _state("unavailable", reason=str(error))
        self._changed()


def _state(status: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "units": None, "seconds": None, "reason": "", **more}
