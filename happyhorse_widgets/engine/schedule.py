"""When to do what: back-off, first looks, polling marks and places in the plan. Pure: no clock, no input, no output."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def backoff(attempt: int, *, first: float, most: float, source: random.Random | None = None) -> float:
    """Seconds to wait before retry number `attempt` (0 is the first): full jitter under a doubling ceiling.

    After M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    ceiling = min(most, first * 2.0 ** min(attempt, 30))
    return (source or random).uniform(0.0, ceiling)


def first_look(durations: Sequence[float], *, p50: float | None) -> float:
    """Seconds after submission before a job is worth a look of its own.

    The 2 % quantile of what this model's jobs took so far; before there are ten of those, a quarter of the median that
    Scenario states, and nothing where it states none.
    """
    if len(durations) >= 10:
        ordered = sorted(durations)
        return ordered[int(0.02 * (len(ordered) - 1))]
    return 0.25 * p50 if p50 else 0.0


@dataclass(frozen=True, slots=True)
class Queue:
    """How many jobs run, how many clips wait for a place, and how many may run at once (None: not known)."""

    running: int
    waiting: int
    limit: int | None


class Places:
    """How many jobs may be in flight: the plan's parallel limit, as it was told, or learned from its refusals.

    A refusal takes the limit down to what Scenario names (or to what is in flight); each job that ends lifts it by a
    quarter, so that a larger plan or a place freed elsewhere is found again.
    """

    def __init__(self) -> None:
        self.limit: float | None = None
        self.holders: set[str] = set()

    def told(self, limit: int) -> None:
        """Note the plan's limit as Scenario states it, where nothing was learned from a refusal yet."""
        if self.limit is None:
            self.limit = float(max(1, limit))

    def free(self) -> bool:
        """Whether another job may be sent."""
        return self.limit is None or len(self.holders) < int(self.limit)

    def take(self, clip_id: str) -> None:
        """Note that a job is, or may be, in flight."""
        self.holders.add(clip_id)

    def leave(self, clip_id: str) -> None:
        """Note that a job has ended."""
        if clip_id in self.holders:
            self.holders.remove(clip_id)
            if self.limit is not None:
                self.limit += 0.25

    def refused(self, clip_id: str, named: int | None) -> None:
        """Note that Scenario had no place for this job; `named` is the limit it stated."""
        self.holders.discard(clip_id)
        in_flight = len(self.holders)
        self.limit = float(max(1, min(named, in_flight) if named is not None else in_flight))


class Pace:
    """Seconds between two looks at the list, and after a refusal: doubled by each, recovering in equal steps."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self.current = interval

    def refused(self) -> None:
        """Scenario said that we ask too often."""
        self.current = min(self.current * 2, self._interval * 16)

    def answered(self) -> None:
        """A look went well."""
        self.current = max(self._interval, self.current - self._interval / 2)


class Mark:
    """How far the list of jobs was read: the largest server time seen.

    Lists lag, so every look goes back by `overlap` seconds and shows some jobs again.
    """

    def __init__(self, *, overlap: float = 10.0) -> None:
        self._overlap = overlap
        self._latest: float | None = None

    def reach_back(self, at: float) -> None:
        """See to it that what changed from this server time on is shown."""
        self._latest = at if self._latest is None else min(self._latest, at)

    def note(self, updated_at: float) -> None:
        """A job that changed at this server time was seen."""
        self._latest = updated_at if self._latest is None else max(self._latest, updated_at)

    @property
    def after(self) -> float:
        """The server time (seconds since the epoch) to ask from."""
        return 0.0 if self._latest is None else max(0.0, self._latest - self._overlap)
