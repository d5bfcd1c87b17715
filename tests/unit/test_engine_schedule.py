"""When to do what: bounds of waits, and places that are neither exceeded nor lost."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from happyhorse_widgets.engine.schedule import Mark, Pace, Places, backoff, first_look

SECONDS = st.floats(0.01, 600)


@given(attempt=st.integers(0, 10_000), first=SECONDS, most=SECONDS, seed=st.integers())
def test_a_back_off_stays_under_its_ceiling(attempt: int, first: float, most: float, seed: int) -> None:
    wait = backoff(attempt, first=first, most=most, source=random.Random(seed))
    assert 0 <= wait <= min(most, first * 2.0 ** min(attempt, 100))


def test_the_ceiling_doubles_and_is_reached() -> None:
    source = random.Random(1)
    for attempt, ceiling in enumerate([0.5, 1, 2, 4, 8, 16, 20, 20]):
        drawn = [backoff(attempt, first=0.5, most=20, source=source) for _ in range(400)]
        assert 0.95 * ceiling < max(drawn) <= ceiling
        assert min(drawn) < 0.05 * ceiling  # full jitter: no wait is a wait too


@given(durations=st.lists(SECONDS, min_size=10, max_size=200), p50=st.none() | SECONDS)
def test_the_first_look_comes_before_nearly_every_job_is_ready(
    durations: list[float], p50: float | None
) -> None:
    look = first_look(durations, p50=p50)
    assert look in durations
    assert sum(duration < look for duration in durations) <= 0.02 * len(durations)


@given(durations=st.lists(SECONDS, max_size=9))
def test_with_little_history_the_stated_median_serves(durations: list[float]) -> None:
    assert first_look(durations, p50=80.0) == 20.0
    assert first_look(durations, p50=None) == 0.0


CLIPS = st.sampled_from([f"clip_{number}" for number in range(8)])


class Sharing(RuleBasedStateMachine):
    """A plan with a true limit that we are not told, and clips that want its places."""

    def __init__(self) -> None:
        super().__init__()
        self.places = Places()
        self.in_flight: set[str] = set()

    @precondition(lambda self: self.places.free())
    @rule(clip=CLIPS)
    def send(self, clip: str) -> None:
        if self.places.limit is not None and clip not in self.in_flight:
            assert len(self.in_flight) < self.places.limit
        self.places.take(clip)
        self.in_flight.add(clip)

    @rule(clip=CLIPS)
    def found_again_after_a_restart(self, clip: str) -> None:
        self.places.take(clip)
        self.in_flight.add(clip)

    @rule(clip=CLIPS)
    def end(self, clip: str) -> None:
        before = self.places.limit
        self.places.leave(clip)
        if before is not None:
            assert self.places.limit == before + (0.25 if clip in self.in_flight else 0)
        self.in_flight.discard(clip)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), named=st.none() | st.integers(0, 10))
    def refuse(self, data: st.DataObject, named: int | None) -> None:
        clip = data.draw(st.sampled_from(sorted(self.in_flight)))
        self.places.refused(clip, named)
        self.in_flight.discard(clip)
        assert self.places.limit is not None
        assert 1 <= self.places.limit <= max(1, len(self.in_flight))
        if named is not None:
            assert self.places.limit <= max(1, named)

    @invariant()
    def nobody_is_lost(self) -> None:
        assert self.places.holders == self.in_flight

    @invariant()
    def an_empty_plan_has_room(self) -> None:
        assert self.in_flight or self.places.free()


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_a_lowered_limit_is_lifted_slowly() -> None:
    places = Places()
    for name in "abcd":
        places.take(name)
    places.refused("d", 3)
    assert not places.free()
    for name in "abc":
        places.leave(name)
    assert places.limit == 3.75  # three more at a time until the fourth has ended as well
    places.take("e")
    places.leave("e")
    assert places.limit == 4


def test_a_pace_doubles_and_recovers_in_equal_steps() -> None:
    pace = Pace(2.0)
    seen = []
    for _ in range(6):
        pace.refused()
        seen.append(pace.current)
    assert seen == [4, 8, 16, 32, 32, 32]
    for _ in range(40):
        before = pace.current
        pace.answered()
        assert pace.current == pytest.approx(max(2.0, before - 1.0))
    assert pace.current == 2.0


def test_a_mark_goes_forward_with_what_was_seen_and_back_for_who_is_new() -> None:
    mark = Mark(overlap=10)
    assert mark.after == 0.0
    mark.reach_back(1000.0)
    mark.note(1200.0)
    mark.note(1100.0)
    assert mark.after == 1190.0
    mark.reach_back(1150.0)
    assert mark.after == 1140.0
    mark.reach_back(1300.0)
    assert mark.after == 1140.0
