"""Repeating what may be repeated: idempotent calls, with full jitter, behind a budget that all share."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from happyhorse_widgets.errors import ApiError, ProtocolFault, RateLimited, ServerFault, TransportFault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retry:
    """How idempotent calls are repeated. Times in seconds.

    `attempts` counts the first one. The n-th wait is drawn from 0 to `first` × 2ⁿ⁻¹, at most `most` (full
    jitter). A Retry-After is waited for when it is no longer than `patience`; beyond it the error is raised
    at once. `budget` retries may be spent before successes have earned new ones, `earned` of a retry for each
    success: when the service is down for everybody, most calls then fail at once and do not add to its load.
    """

    attempts: int = 5
    first: float = 0.5
    most: float = 20.0
    patience: float = 60.0
    budget: float = 50.0
    earned: float = 0.2


def may_help(fault: ApiError) -> bool:
    """Whether the same idempotent call can be expected to succeed a little later."""
    match fault:
        case TransportFault():
            return True
        case ServerFault():
            return fault.status == 408 or (fault.status or 0) >= 500
        case RateLimited():
            return fault.action is None and fault.limit is None  # a plan's limit answers the same at once
        case ProtocolFault():
            return not 300 <= (fault.status or 0) < 400
        case _:
            return False


class Retrier:
    """Runs attempts by one `Retry`, with its token bucket. One per client, on one event loop."""

    def __init__(self, retry: Retry) -> None:
        self.retry = retry
        self._tokens = retry.budget

    async def run(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What `attempt` returns, or its last ApiError once no retry may help, is allowed or is paid for."""
        number = 0
        in_doubt = False
        while True:
            number += 1
            try:
                result = await attempt()
            except ApiError as error:
                fault = error
                fault.in_doubt = in_doubt
                unsent = isinstance(fault, TransportFault) and not fault.sent
                in_doubt = in_doubt or not (unsent or isinstance(fault, RateLimited))
            else:
                self._tokens = min(self.retry.budget, self._tokens + self.retry.earned)
                return result
            wait = self._wait(fault, number)
            if wait is None:
                raise fault
            await asyncio.sleep(wait)

    def _wait(self, fault: ApiError, number: int) -> float | None:
        if number >= self.retry.attempts or self._tokens < 1 or not may_help(fault):
            return None
        asked = fault.retry_after or 0.0
        if asked > self.retry.patience:
            return None
        self._tokens -= 1
        return asked + self.backoff(number)

    def backoff(self, number: int) -> float:
        """Seconds to wait after the `number`-th failure in a row (from 1), drawn anew each time."""
        ceiling = min(self.retry.most, self.retry.first * 2.0 ** min(number - 1, 30))
        return random.uniform(0.0, ceiling)
