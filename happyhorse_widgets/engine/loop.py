"""One daemon thread with one asyncio loop: everything that waits lives there.

A busy kernel then neither delays a download nor freezes a card. The doorway is small: hand over a coroutine, get a future
that can be awaited from any loop or waited for from any thread.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future

T = TypeVar("T")


class EngineLoop:
    """The thread and its loop. Use `engine_loop()`: a process has one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="happyhorse-engine", daemon=True)
        self._thread.start()

    @property
    def usable(self) -> bool:
        """False after a fork, where the thread is gone, and after it has ended."""
        return self._pid == os.getpid() and self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start `work` on the loop; from any thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def is_here(self) -> bool:
        """Whether the calling thread is the engine's own, where nothing may block."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()


_lock = threading.Lock()
_current: EngineLoop | None = None


def engine_loop() -> EngineLoop:
    """The process's loop, started on first use."""
    global _current  # noqa: PLW0603 (one per process is the point)
    with _lock:
        if _current is None or not _current.usable:
            _current = EngineLoop()
        return _current
