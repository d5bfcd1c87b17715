"""The server's clock, learned from the Date header of its answers."""

from __future__ import annotations

import time
from datetime import UTC
from email.utils import parsedate_to_datetime


def http_date(text: str) -> float | None:
    """An HTTP date in epoch seconds, or None when it is none."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


class ServerClock:
    """How far the server's clock is ahead of this machine's, narrowed down by every answer.

    A Date header counts whole seconds, so one answer bounds the difference to about a second, and answers at
    other fractions of a second narrow it. Where the bounds contradict each other, a clock was set: the newest
    answer counts.
    """

    def __init__(self) -> None:
        self._low: float | None = None
        self._high = 0.0

    def learn(self, date: str | None, *, sent: float, received: float, age: str | None = None) -> None:
        """Learn from an answer's Date and Age headers, asked and read at these times of this machine's clock."""
        if date is None or (age or "0").strip() != "0":
            return  # a cache on the way answers with the Date of long ago
        told = http_date(date)
        if told is None or received < sent:
            return
        low, high = told - received, told + 1.0 - sent
        if self._low is not None and max(low, self._low) < min(high, self._high):
            low, high = max(low, self._low), min(high, self._high)
        self._low, self._high = low, high

    @property
    def known(self) -> bool:
        """Whether an answer has told the server's time."""
        return self._low is not None

    @property
    def offset(self) -> float:
        """Seconds that the server is ahead of this machine (negative: behind); 0 until an answer told."""
        return 0.0 if self._low is None else (self._low + self._high) / 2

    def now(self) -> float:
        """The server's time in epoch seconds."""
        return time.time() + self.offset
