"""The server's clock, from Date headers."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from happyhorse_widgets.api.clock import ServerClock, http_date


def told(server_time: float) -> str:
    return formatdate(server_time, usegmt=True)  # whole seconds, rounded down


def test_before_any_answer_it_is_this_machines_clock() -> None:
    assert ServerClock().offset == 0.0


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.lists(st.floats(0, 100), min_size=1, max_size=20), st.floats(0, 2))
def test_the_offset_is_within_a_second_and_a_round_trip(
    offset: float, moments: list[float], delay: float
) -> None:
    clock = ServerClock()
    for moment in moments:
        sent = 1.7e9 + moment
        answered = sent + delay / 2
        clock.learn(told(int(answered + offset)), sent=sent, received=sent + delay)
    assert abs(clock.offset - offset) <= (1 + delay) / 2 + 1e-3


def test_answers_at_other_fractions_of_a_second_narrow_it_down() -> None:
    clock = ServerClock()
    for tenth in range(10):
        now = 1.7e9 + tenth * 1.1
        clock.learn(told(int(now + 3600.25)), sent=now, received=now)
    assert abs(clock.offset - 3600.25) <= 0.06


def test_a_clock_that_was_set_is_followed() -> None:
    clock = ServerClock()
    clock.learn(told(1.7e9), sent=1.7e9, received=1.7e9)
    clock.learn(told(1.7e9), sent=1.7e9 + 3600, received=1.7e9 + 3600)
    assert abs(clock.offset + 3600) <= 1


def test_now_is_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 2e9)
    clock = ServerClock()
    clock.learn(told(1.7e9), sent=2e9, received=2e9)
    assert clock.now() == pytest.approx(1.7e9 + 0.5)


@pytest.mark.parametrize(
    ("date", "age"), [(None, None), ("", None), ("yesterday", None), (told(1.7e9), "60"), ("0", None)]
)
def test_what_tells_nothing_changes_nothing(date: str | None, age: str | None) -> None:
    clock = ServerClock()
    clock.learn(date, sent=1.8e9, received=1.8e9, age=age)
    assert clock.offset == 0.0


@settings(deadline=None)
@given(st.text())
def test_no_date_raises(text: str) -> None:
    http_date(text)


def test_a_date_without_a_zone_is_utc() -> None:
    assert http_date("Sat, 31 Jan 2026 12:00:00 -0000") == http_date("Sat, 31 Jan 2026 12:00:00 GMT")
