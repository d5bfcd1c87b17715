"""A job that cannot be looked at, or whose record is odd, holds up neither the others nor itself for ever."""

from __future__ import annotations

import pytest

from tests.reliability.conftest import OpenOn
from tests.reliability.small_scenario import SmallScenario
from tests.scripted_server import Reply, Seen
from tests.sessions import LONG, picture, until

BROKEN = {
    "a fault of the server": Reply(500, {"error": "x", "reason": "this job is broken"}),
    "an unreadable job": Reply(200, {"job": {"nothing": 1}}),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
def test_the_others_arrive_while_one_job_cannot_be_looked_at_and_it_arrives_later(
    scenario: SmallScenario, open_on: OpenOn, answer: Reply
) -> None:
    broken: set[str] = set()

    def script(seen: Seen) -> Reply:
        honest = scenario(seen)
        return answer if seen.method == "GET" and seen.target.rpartition("/")[2] in broken else honest

    scenario.asleep = True
    with open_on(script) as session:
        bad, good = (session.generate(f"character1 waves {n} times", [picture()], duration=3) for n in (1, 2))
        until(lambda: bad.job_id and good.job_id, "both are submitted")
        broken.add(bad.job_id or "")
        scenario.asleep = False
        assert good.wait(LONG).is_done
        until(lambda: "looked at again by itself" in bad.note, "its card says what is the matter")
        assert not bad.is_over
        broken.clear()
        assert bad.wait(LONG).is_done
    assert list(scenario.paid.values()) == [1, 1]


def test_a_job_whose_record_is_always_of_the_same_time_arrives(
    scenario: SmallScenario, open_on: OpenOn
) -> None:
    def script(seen: Seen) -> Reply:
        reply = scenario(seen)
        for job in scenario.jobs.values():
            job["updatedAt"] = job["createdAt"]  # as with whole seconds, or a status beside a slower record
        return reply

    with open_on(script) as session:
        scenario.asleep = True
        clip = session.generate("character1 waves", [picture()], duration=3)
        until(lambda: scenario.calls["job"] > 1, "it was seen as it is")
        scenario.asleep = False
        assert clip.wait(LONG).is_done
    assert list(scenario.paid.values()) == [1]
