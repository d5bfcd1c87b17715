"""What a 429 means for the places in the plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from happyhorse_widgets.engine.connect import connect
from happyhorse_widgets.engine.schedule import Queue
from tests.campaign.plan import GENERATE
from tests.conftest import StartSandbox
from tests.sessions import LONG, QUICK, picture, until


@pytest.fixture
def refused_first(start_sandbox: StartSandbox, tmp_path: Any) -> Iterator[Any]:
    """A session whose first POSTs meet a 429 with these details."""
    opened = []

    def start(details: dict[str, Any] | None) -> Any:
        match = {**GENERATE, "times": 3}
        fault = {"match": match, "fault": "status", "status": 429, "retryAfter": 0.1, "details": details}
        sandbox = start_sandbox(speed=400, scale=0.03, parallel=50, faults=[fault])
        opened.append(
            connect(sandbox.key, sandbox.secret, base_url=sandbox.base_url, home=tmp_path, settings=QUICK)
        )
        return opened[-1]

    yield start
    for session in opened:
        session.close()


@pytest.mark.parametrize(
    ("details", "costs_places"),
    [
        (None, False),
        ({"actionName": "parallelCustomJobs", "actionLimit": 2}, True),
        ({"actionName": "parallelCustomJobs"}, True),
    ],
    ids=["asked too fast", "a plan's limit", "a plan's limit without its number"],
)
def test_only_a_plans_limit_costs_places(
    refused_first: Any, details: dict[str, Any] | None, costs_places: bool
) -> None:
    session = refused_first(details)
    clips = [
        session.generate(f"character1 waves {number} times", [picture()], duration=3) for number in range(6)
    ]
    for clip in clips:
        assert clip.wait(LONG).is_done
    assert max(clip.record.attempt for clip in clips) > 1  # somebody was refused
    assert (session._engine._submitter.places.limit is not None) == costs_places


def test_what_waits_for_a_place_is_a_queue_and_no_error(start_sandbox: StartSandbox, tmp_path: Any) -> None:
    sandbox = start_sandbox(speed=60, scale=0.03, parallel=2)
    session = connect(sandbox.key, sandbox.secret, base_url=sandbox.base_url, home=tmp_path, settings=QUICK)
    assert session.queue == Queue(0, 0, None)
    until(lambda: session.queue.limit == 2, "the plan's limit to be known")
    seen: set[tuple[int, int]] = set()
    told: set[str] = set()

    def look(clip: Any) -> None:
        seen.add((session.queue.running, session.queue.waiting))
        told.add(clip.note)

    session.observe(look)
    clips = [session.generate(f"character1 waves {n} times", [picture()], duration=3) for n in range(5)]
    for clip in clips:
        assert clip.wait(LONG).is_done
    until(lambda: session.queue == Queue(0, 0, 2), "everybody to have left")
    assert max(running for running, _ in seen) <= 3  # as jobs end, one more is tried now and then
    assert any(waiting >= 2 for _, waiting in seen)
    assert {note for note in told if "place" in note} <= {
        "All places of the plan are taken: it is sent by itself when one is free. Nothing was paid yet."
    }
    assert not [note for note in told if "429" in note]
    session.close()
