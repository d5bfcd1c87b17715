"""The only carrier of state from the engine's thread to traits.

The engine says that something changed (`Channel.mark`: a note, never a wait). The bridge's own thread then
reads the whole state and writes it to the widget: at most `rate` times a second for all channels together, and at
most `channel_rate` times for one of them, so that Jupyter's limits on messages are never met, however many clips
there are. States in between are skipped; the last one is always written, also when a channel is closed.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


class Channel:
    """One state on its way to one widget. Made by `Bridge.open`."""

    def __init__(self, bridge: Bridge, read: Callable[[], Any], write: Callable[[Any], None]) -> None:
        self._bridge = bridge
        self._read = read
        self._write = write
        self.due = float("-inf")
        """The earliest time, by the bridge's clock, of the next write."""
        self.closed = False

    def mark(self) -> None:
        """Say that the state changed. From any thread; returns at once."""
        self._bridge.mark(self)

    def flush(self) -> None:
        """Write the state now if it was not written yet. From any thread."""
        self._bridge.flush(self)

    def close(self) -> None:
        """Write the last state if it was not written yet, then carry no more. From any thread."""
        self._bridge.release(self)

    def carry(self) -> None:
        """Write the state as it is now."""
        try:
            self._write(self._read())
        except Exception:  # noqa: BLE001 - one widget whose comm is gone must not stop the others
            _log.exception("A state could not be carried to its widget.")


class Bridge:
    """Carries the states of any number of channels on one thread.

    `rate` and `channel_rate` are writes per second; `clock` gives seconds that only grow.
    """

    def __init__(
        self, *, rate: float = 10.0, channel_rate: float = 4.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._spacing = 1 / rate
        self._channel_spacing = 1 / channel_rate
        self._clock = clock
        self._due = float("-inf")
        self._changed = threading.Condition()
        self._marked: dict[Channel, None] = {}  # a set in the order of the first mark: nobody is passed over
        self._carrier: threading.Thread | None = None  # who writes at the moment: one at a time
        self._carried_now: Channel | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def open(self, read: Callable[[], Any], write: Callable[[Any], None]) -> Channel:
        """A channel that carries what `read()` returns to `write(state)`. Both must be quick."""
        return Channel(self, read, write)

    def mark(self, channel: Channel) -> None:
        """Note that the state of `channel` changed."""
        with self._changed:
            if self._closed or channel.closed:
                return
            self._marked.setdefault(channel)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="happyhorse-bridge", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def release(self, channel: Channel) -> None:
        """Write the state of `channel` now if it is still to be written, and take no more marks of it."""
        with self._changed:
            if channel.closed:
                return  # a widget that was closed is closed again when it is collected, on any thread and under any lock
            channel.closed = True
        self.flush(channel)

    def flush(self, channel: Channel) -> None:
        """Write the state of `channel` now, whatever the rates, if it is still to be written."""
        with self._changed:
            if channel not in self._marked and channel is not self._carried_now:
                # A widget that is being collected always leaves here: it may hold up the one that is written.
                return
            here = threading.current_thread()
            nested = self._carrier is here  # called by a write, which is not waited for
            # Writes come one after the other, so that the last state is the last one written.
            self._changed.wait_for(lambda: nested or self._carrier is None)
            if channel not in self._marked:
                return
            del self._marked[channel]
            self._carrier, self._carried_now = here, channel
        channel.carry()
        if not nested:
            self._carried(channel)

    def close(self) -> None:
        """Write every state that is still to be written, whatever the rates, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while (channel := self._next()) is not None:
            channel.carry()
            self._carried(channel)

    def _next(self) -> Channel | None:
        """The channel whose turn it is, once its time has come; None when closed and nothing is left."""
        with self._changed:
            while True:
                now = float("inf") if self._closed else self._clock()
                first = next((c for c in self._marked if max(c.due, self._due) <= now), None)
                if first is not None and self._carrier is None:
                    del self._marked[first]
                    self._carrier, self._carried_now = threading.current_thread(), first
                    return first
                if self._closed and not self._marked:
                    return None
                waits = (max(c.due, self._due) - now for c in self._marked)
                self._changed.wait(min(waits, default=None) if self._carrier is None else None)

    def _carried(self, channel: Channel) -> None:
        with self._changed:
            now = self._clock()
            self._due, channel.due = now + self._spacing, now + self._channel_spacing
            self._carrier = self._carried_now = None
            self._changed.notify_all()


@cache
def bridge() -> Bridge:
    """The bridge of this process."""
    return Bridge()
