"""The bridge writes seldom, fairly, and always the last state."""

from __future__ import annotations

import itertools
import logging
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from happyhorse_widgets.widgets.bridge import Bridge, Channel

LIMIT = 20.0  # seconds until a test that waits is given up


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Target:
    """A state, and the record of what was written of it: (time, state)."""

    def __init__(self, bridge: Bridge, clock: Clock) -> None:
        self.state = 0
        self.written: list[tuple[float, int]] = []
        self.arrived = threading.Condition()
        self._clock = clock
        self.channel = bridge.open(lambda: self.state, self._write)

    def _write(self, state: int) -> None:
        with self.arrived:
            self.written.append((self._clock(), state))
            self.arrived.notify_all()

    def change(self) -> None:
        self.state += 1
        self.channel.mark()

    def wait_for(self, state: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.written[-1:] and self.written[-1][1] == state, LIMIT)


def advance(bridge: Bridge, clock: Clock, seconds: float) -> None:
    clock.now += seconds
    with bridge._changed:
        bridge._changed.notify_all()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.integers(0, 4)), st.tuples(st.just("advance"), st.floats(0, 0.5))
    ),
    max_size=60,
)


@given(steps)
def test_rates_are_kept_and_the_last_state_arrives(steps: list[tuple[str, Any]]) -> None:
    clock = Clock()
    bridge = Bridge(rate=10, channel_rate=4, clock=clock)
    targets = [Target(bridge, clock) for _ in range(5)]
    for step, value in steps:
        if step == "change":
            targets[value].change()
        else:
            advance(bridge, clock, value)
    before = [len(target.written) for target in targets]
    bridge.close()
    for target, count in zip(targets, before, strict=True):
        states = [state for _, state in target.written]
        assert states == sorted(states), "states go forward"
        assert states[-1:] == ([target.state] if target.state else []), "the last state is written"
        # What is written while the bridge closes is exempt from the rates.
        times = [time for time, _ in target.written[:count]]
        assert all(later - earlier >= 0.25 for earlier, later in itertools.pairwise(times))
    times = sorted(t.written[i][0] for t, count in zip(targets, before, strict=True) for i in range(count))
    assert all(later - earlier >= 0.1 - 1e-9 for earlier, later in itertools.pairwise(times))


def test_nobody_is_passed_over() -> None:
    clock = Clock()
    bridge = Bridge(rate=10, channel_rate=4, clock=clock)
    busy, quiet = Target(bridge, clock), Target(bridge, clock)
    busy.change()
    busy.wait_for(1)
    for _ in range(3):
        busy.change()
    quiet.change()
    busy.change()
    advance(bridge, clock, 0.1)
    quiet.wait_for(1)  # its own turn came first: the busy one must wait longer
    assert busy.written[-1][1] == 1
    bridge.close()
    assert busy.written[-1][1] == 5


def test_many_threads_may_mark_at_once() -> None:
    bridge = Bridge(rate=5_000, channel_rate=5_000)
    lock = threading.Lock()
    state = {"n": 0}
    written: list[int] = []
    channel = bridge.open(lambda: state["n"], written.append)

    def work() -> None:
        for _ in range(500):
            with lock:
                state["n"] += 1
            channel.mark()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bridge.close()
    assert written[-1] == 4_000
    assert written == sorted(written)


def test_a_closed_channel_wrote_its_last_state_and_takes_no_more() -> None:
    clock = Clock()
    bridge = Bridge(clock=clock)
    target = Target(bridge, clock)
    target.change()
    target.wait_for(1)
    target.change()  # not due yet
    target.channel.close()
    assert target.written[-1][1] == 2
    target.change()
    bridge.close()
    assert target.written[-1][1] == 2


def test_a_state_may_be_flushed_before_its_time() -> None:
    clock = Clock()
    bridge = Bridge(clock=clock)
    target = Target(bridge, clock)
    target.channel.flush()
    assert target.written == [], "nothing was marked"
    target.change()
    target.wait_for(1)
    target.change()
    target.channel.flush()
    assert target.written[-1][1] == 2
    target.change()
    assert target.channel.closed is False
    bridge.close()
    assert target.written[-1][1] == 3


def test_a_flush_and_the_bridges_own_write_never_go_backwards() -> None:
    bridge = Bridge(rate=100_000, channel_rate=100_000)
    lock = threading.Lock()
    state = {"n": 0}
    written: list[int] = []
    channel = bridge.open(lambda: state["n"], written.append)

    def work() -> None:
        for _ in range(300):
            with lock:
                state["n"] += 1
            channel.mark()
            channel.flush()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    bridge.close()
    assert written == sorted(written)
    assert written[-1] == 1_200


def test_closing_waits_for_a_write_that_is_under_way() -> None:
    bridge = Bridge()
    started, go_on = threading.Event(), threading.Event()
    written: list[str] = []

    def write(state: str) -> None:
        started.set()
        assert go_on.wait(LIMIT)
        written.append(state)

    channel = bridge.open(lambda: "state", write)
    channel.mark()
    assert started.wait(LIMIT)
    closing = threading.Thread(target=channel.close)
    closing.start()
    assert written == []
    go_on.set()
    closing.join(LIMIT)
    assert written == ["state"]
    bridge.close()


@pytest.mark.parametrize("flush", [False, True], ids=["by the bridge", "by a flush"])
def test_a_channel_may_be_closed_by_its_own_write(flush: bool) -> None:
    clock = Clock()
    bridge = Bridge(clock=clock)
    other = Target(bridge, clock)
    done = threading.Event()
    channels: list[Channel] = []

    def write(_state: object) -> None:
        channels[0].close()
        other.change()
        other.channel.close()
        done.set()

    channels.append(bridge.open(lambda: None, write))
    if flush:
        other.change()
        other.wait_for(1)  # now nothing is due, and only the flush writes
    channels[0].mark()
    if flush:
        channels[0].flush()
    assert done.wait(LIMIT)
    bridge.close()
    assert other.written[-1][1] == other.state


def test_one_that_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    bridge = Bridge(clock=clock)
    target = Target(bridge, clock)

    def fail() -> None:
        raise RuntimeError("its comm is gone")

    with caplog.at_level(logging.ERROR):
        bridge.open(fail, print).mark()
        target.change()
        bridge.close()
    assert target.written[-1][1] == 1
    assert "its comm is gone" in caplog.text


def test_after_the_end_nothing_is_carried() -> None:
    bridge = Bridge()
    written: list[None] = []
    channel = bridge.open(lambda: None, written.append)
    bridge.close()
    channel.mark()
    bridge.close()
    assert written == []


def test_a_channel_with_nothing_to_write_ends_while_another_is_written() -> None:
    bridge = Bridge()
    writing, done = threading.Event(), threading.Event()

    def write(_state: object) -> None:
        writing.set()
        assert done.wait(30)

    held, idle = bridge.open(lambda: 0, write), bridge.open(lambda: 0, lambda _: None)
    held.mark()
    assert writing.wait(30)
    closing = threading.Thread(target=idle.close, daemon=True)
    closing.start()
    closing.join(30)
    closed_meanwhile = not closing.is_alive()
    done.set()
    bridge.close()
    assert closed_meanwhile
