"""When running jobs are looked at: first when they may be ready, and less often for a while where that is refused."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from happyhorse_widgets.engine.session import Session
from tests.reliability.conftest import OpenOn
from tests.reliability.small_scenario import SmallScenario
from tests.scripted_server import Reply, Seen
from tests.sessions import LONG, QUICK, picture, until
from tests.shelves import fill

#: Seconds from the submission to the first look, as it is learned here.
LOOK = 1.0
# One that names a limit: the client itself does not repeat the call.
REFUSED = Reply(429, {"reason": "too often", "details": {"actionName": "looks", "actionLimit": 1}})


def states_its_median(reply: Reply) -> Reply:
    """The model's answer with a median of which the first look is a quarter."""
    reply.body["model"]["performanceStats"] = {"variants": [{"totalLatencyP50Sec": 4 * LOOK}]}
    return reply


def remembers(session: Session) -> None:
    """Have the library's clips made by this account, each in that time."""
    with closing(sqlite3.connect(session.home / "library.sqlite3")) as library, library:
        made = "UPDATE jobs SET took = ?, endpoint = ?, model = ?, remote_id = 'earlier_' || remote_id"
        library.execute(made, (LOOK, session.account[0], session.model))


@pytest.mark.parametrize("learned", ["from the model", "from earlier clips"])
def test_a_job_is_first_looked_at_when_it_may_be_ready(
    scenario: SmallScenario, open_on: OpenOn, tmp_path: Path, learned: str
) -> None:
    looks: list[float] = []

    def script(seen: Seen) -> Reply:
        if seen.method == "GET" and seen.target.startswith("/v1/jobs/"):
            looks.append(time.time())
        return scenario(seen)

    if learned == "from the model":
        scenario.garble("model", [states_its_median])
    else:
        fill(tmp_path / "home", 12)
    with open_on(script) as session:
        if learned == "from earlier clips":
            remembers(session)
        clip = session.generate("character1 waves", [picture()], duration=3).wait(LONG)
        assert clip.record.submitted_at is not None
        assert looks[0] - clip.record.submitted_at >= LOOK
        assert looks[1] - looks[0] < LOOK  # from then on as often as ever


def test_looks_that_are_refused_become_fewer_and_then_as_many_as_before(
    scenario: SmallScenario, open_on: OpenOn
) -> None:
    refused = {2, 3, 4, 30}
    looks: list[float] = []

    def script(seen: Seen) -> Reply:
        if seen.method != "GET" or not seen.target.startswith("/v1/jobs/"):
            return scenario(seen)
        looks.append(time.monotonic())
        return REFUSED if len(looks) in refused else scenario(seen)

    scenario.asleep = True
    with open_on(script) as session:
        clip = session.generate("character1 waves", [picture()], duration=3)
        until(lambda: len(looks) > 31, "it was looked at often")
        scenario.asleep = False
        assert clip.wait(LONG).is_done
    after = {number: later - at for number, (at, later) in enumerate(pairwise(looks), 1)}
    for number, doubled in ((2, 2), (3, 4), (4, 8)):
        assert after[number] >= doubled * QUICK.poll_interval
    assert (
        2 * QUICK.poll_interval <= after[30] < after[4]
    )  # the looks that went well have made up for the others
