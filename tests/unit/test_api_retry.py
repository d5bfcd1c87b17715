"""Which faults are tried again, how often, how long is waited, and what the budget allows."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from happyhorse_widgets.api.retry import Retrier, Retry, may_help
from happyhorse_widgets.errors import (
    ApiError,
    AuthenticationError,
    NotFound,
    PermissionDenied,
    ProtocolFault,
    RateLimited,
    RequestRejected,
    ServerFault,
    TransportFault,
)


def failing(retrier: Retrier, fault: ApiError, *, times: int = 10**6) -> int:
    """How many attempts are made at a call that fails `times` times."""
    attempts = 0

    async def attempt() -> int:
        nonlocal attempts
        attempts += 1
        if attempts <= times:
            raise fault
        return attempts

    with contextlib.suppress(type(fault)):
        asyncio.run(retrier.run(attempt))
    return attempts


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (TransportFault("", sent=True), True),
        (TransportFault("", sent=False), True),
        (ServerFault("", status=500), True),
        (ServerFault("", status=504), True),
        (ServerFault("", status=408), True),
        (ServerFault("", status=409), False),
        (RateLimited(""), True),
        (RateLimited("", action="custom"), False),
        (RateLimited("", limit=2), False),
        (ProtocolFault("", status=200), True),
        (ProtocolFault("", status=307), False),
        (RequestRejected("", status=422), False),
        (AuthenticationError("", status=401), False),
        (PermissionDenied("", status=403), False),
        (NotFound("", status=404), False),
    ],
)
def test_only_what_may_pass_is_tried_again(fault: ApiError, expected: bool) -> None:
    assert may_help(fault) is expected
    assert failing(Retrier(Retry(first=0, most=0)), fault) == (5 if expected else 1)


def test_the_first_success_ends_it() -> None:
    assert failing(Retrier(Retry(first=0, most=0)), ServerFault("", status=500), times=2) == 3


def test_the_budget_ends_retries_for_all_calls_and_successes_earn_new_ones() -> None:
    retrier = Retrier(Retry(first=0, most=0, budget=6, earned=0.5))
    fault = ServerFault("", status=500)
    assert [failing(retrier, fault) for _ in range(4)] == [5, 3, 1, 1]
    for _ in range(4):
        assert failing(retrier, fault, times=0) == 1
    assert [failing(retrier, fault) for _ in range(2)] == [3, 1]


def test_a_long_retry_after_is_not_waited_for_and_a_short_one_is() -> None:
    waited: list[float] = []

    class Patient(Retrier):
        def _wait(self, fault: ApiError, number: int) -> float | None:
            wait = super()._wait(fault, number)
            if wait is not None:
                waited.append(wait)
            return None if wait is None else 0.0

    retrier = Patient(Retry(first=0, most=0, patience=60))
    assert failing(retrier, RateLimited("", retry_after=3600)) == 1
    assert waited == []
    assert failing(retrier, RateLimited("", retry_after=7)) == 5
    assert waited == [7.0] * 4


def test_waits_are_fully_jittered_and_bounded() -> None:
    retrier = Retrier(Retry())
    for number, ceiling in [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (7, 20.0), (500, 20.0)]:
        waits = [retrier.backoff(number) for _ in range(400)]
        assert 0 <= min(waits) < ceiling * 0.1
        assert ceiling * 0.9 < max(waits) <= ceiling
