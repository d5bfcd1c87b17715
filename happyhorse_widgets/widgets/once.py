"""What a press of a button asks for is done once, however often the press is told."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.engine.loop import engine_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

#: So many presses are remembered.
_REMEMBERED = 1000


class Once:
    """Remembers presses by their ids. From any thread."""

    def __init__(self) -> None:
        self._begun: dict[str, Future[Any]] = {}
        self._lock = threading.Lock()

    def answer(self, press: Any, work: Callable[[], Coroutine[Any, Any, Any]]) -> Future[Any]:
        """Begin `work` on the engine's loop; for a press that was told before, what came or comes of that.

        Without an id it is begun each time. Who no longer wants the answer cancels that, and not what was begun for it.
        """
        if not isinstance(press, str):
            return engine_loop().run(work())
        with self._lock:
            if press not in self._begun:
                self._begun[press] = engine_loop().run(work())
                while len(self._begun) > _REMEMBERED:
                    del self._begun[next(iter(self._begun))]
            return engine_loop().run(_result(self._begun[press]))


async def _result(begun: Future[Any]) -> Any:
    return await asyncio.shield(asyncio.wrap_future(begun))
