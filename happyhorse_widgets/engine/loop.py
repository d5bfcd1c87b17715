"""One daemon thread with one asyncio loop: everything that waits lives there.

A busy kernel then neither delays a download nor freezes a card. The doorway is small: hand over a coroutine, get a future
that can be awaited from any loop or waited for from any thread.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

#: `at_exit(function)` has it called when the interpreter ends, the latest first, while threads can still be given work: the
#: standard library's executors are shut down by a hook of `threading` of this name, before anything of `atexit` runs.
at_exit: Callable[[Callable[[], None]], object] = getattr(threading, "_register_atexit", atexit.register)


class EngineLoop:
    """The thread and its loop. Use `engine_loop()`: a process has one."""

    def __init__(self) -> None:
        self._end = asyncio.Event()
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=self._run, name="happyhorse-engine", daemon=True)
        self._thread.start()
        self._loop = self._started.result()

    def run(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start `work` on the loop; from any thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def is_here(self) -> bool:
        """Whether the calling thread is the engine's own, where nothing may block."""
        return threading.current_thread() is self._thread

    def stop(self) -> None:
        """Cancel what still runs, and end the thread."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._started.set_result(asyncio.get_running_loop())
        await self._end.wait()


_lock = threading.Lock()
_current: EngineLoop | None = None


def engine_loop() -> EngineLoop:
    """The process's loop, started on first use."""
    global _current  # noqa: PLW0603 (one per process is the point)
    with _lock:
        if _current is None:
            _current = EngineLoop()
        return _current


def _stop() -> None:
    if _current is not None:
        _current.stop()


def _forget() -> None:
    # A forked child has the memory, but not the thread; and somebody may have held the lock at that moment.
    global _lock, _current
    _lock, _current = threading.Lock(), None


at_exit(_stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
