"""A job that cannot be looked at, or whose record is odd, holds up neither the others nor itself for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from happyhorse_widgets.engine.connect import connect
from happyhorse_widgets.engine.session import Session
from tests.reliability.small_scenario import SmallScenario
from tests.scripted_server import KEY, SECRET, Reply, ScriptedServer, Seen
from tests.sessions import LONG, QUICK, picture, until
from tests.videos import write_video

Script = Callable[[Seen], Reply]
OpenOn = Callable[[Script], AbstractContextManager[Session]]

BROKEN = {
    "a fault of the server": Reply(500, {"error": "x", "reason": "this job is broken"}),
    "an unreadable job": Reply(200, {"job": {"nothing": 1}}),
}


@pytest.fixture
def scenario(tmp_path: Path) -> SmallScenario:
    """An honest Scenario with one video."""
    return SmallScenario(write_video(tmp_path / "served.mp4", frames=6).read_bytes())


@pytest.fixture
def open_on(scenario: SmallScenario, tmp_path: Path) -> OpenOn:
    """A session on a server that answers by a script around `scenario`."""

    @contextmanager
    def open_one(script: Script) -> Iterator[Session]:
        with ScriptedServer(script=script) as server:
            scenario.base = server.url
            session = connect(
                KEY, SECRET, base_url=f"{server.url}/v1", home=tmp_path / "home", settings=QUICK
            )
            try:
                yield session
            finally:
                session.close()

    return open_one


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
