"""Waiting for something to be over: on any thread, in any asyncio loop, in a notebook's cell.

An interrupt is only seen when the waiting thread wakes, so every wait wakes several times a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TICK = 0.2


class Waiters:
    """Those who wait until `is_over()` is true; whoever makes it true calls `release`."""

    def __init__(self, is_over: Callable[[], bool]) -> None:
        self._is_over = is_over
        self._lock = threading.Lock()
        self._waiting: set[Future[None]] = set()

    def release(self) -> None:
        """Let everybody go if it is over; from any thread."""
        if not self._is_over():
            return
        with self._lock:
            released, self._waiting = self._waiting, set()
        for waiter in released:
            if waiter.set_running_or_notify_cancel():
                waiter.set_result(None)

    def wait(self, timeout: float | None) -> bool:
        """Block for at most `timeout` seconds (None: for ever); whether it is over then.

        Inside a running loop, such as the one that runs a notebook's cells, that loop goes on meanwhile.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self._block(timeout)
        import nest_asyncio2  # patches asyncio: only where it is needed

        try:
            nest_asyncio2.apply(loop)
        except ValueError:  # a loop that is not asyncio's own, such as uvloop's, cannot be nested
            return self._block(timeout)
        nested = loop.create_task(self.arrival(timeout))
        try:
            return loop.run_until_complete(nested)
        finally:
            nested.cancel()

    async def arrival(self, timeout: float | None = None) -> bool:
        """The same for code that can await."""
        deadline = _deadline(timeout)
        with self._waiter() as waiter:
            arrived = asyncio.wrap_future(waiter)
            while not arrived.done() and (left := _left(deadline)) > 0:
                await asyncio.wait({arrived}, timeout=left)
        return self._is_over()

    def _block(self, timeout: float | None) -> bool:
        deadline = _deadline(timeout)
        with self._waiter() as waiter:
            while not waiter.done() and (left := _left(deadline)) > 0:
                with contextlib.suppress(TimeoutError):
                    waiter.result(left)
        return self._is_over()

    @contextlib.contextmanager
    def _waiter(self) -> Iterator[Future[None]]:
        waiter: Future[None] = Future()
        with self._lock:
            self._waiting.add(waiter)
        self.release()  # it may have been over before anybody waited
        try:
            yield waiter
        finally:
            with self._lock:
                self._waiting.discard(waiter)
            waiter.cancel()


def _deadline(timeout: float | None) -> float:
    return float("inf") if timeout is None else time.monotonic() + timeout


def _left(deadline: float) -> float:
    return min(_TICK, deadline - time.monotonic())
