"""Two hands on one clip: two kernels, two accounts, two buttons, a locked database. Nothing is lost, nothing is paid twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from happyhorse_widgets.engine import tenure
from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.states import State
from happyhorse_widgets.errors import InvalidRequest, JobRejected
from happyhorse_widgets.library import database
from tests.conftest import StartSandbox
from tests.integration.conftest import OpenSession
from tests.reliability.hands import ask, interrupted_commit, locked_while_reading, lost
from tests.reliability.stage import GENERATE, PRICE, SEARCH, Stage, rule
from tests.sessions import LONG, QUICK, picture, until

OWNER = "connect()\nsay('mine')\nsys.stdin.readline()\n"


@pytest.fixture(autouse=True)
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sessions of this process look often for what other kernels did."""
    monkeypatch.setattr(tenure, "_LOOK", 0.1)


# -- two kernels -----------------------------------------------------------------------------------------------------------


def test_who_submits_again_what_is_looked_for_elsewhere_is_refused(
    stage: Stage, open_session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenure, "_LOOK", LONG)  # this kernel does not hear of the other's look in time
    stage.serve(rule(GENERATE, "lost_answer"), rule(SEARCH, "list_lag", seconds=3600, times=2))
    kernel = stage.kernel(
        """
session = connect()
clip = session.generate("character1 waves", [picture()], duration=3)
rest(clip)
say(clip.id)
sys.stdin.readline()
say(clip.look_again())
sys.stdin.readline()
"""
    )
    clip_id = kernel.line()
    clip = open_session(stage.sandbox).clip(clip_id)
    assert clip.state is State.NEEDS_USER
    kernel.go_on()
    assert kernel.line().startswith("Looking again")
    assert clip.state is State.NEEDS_USER
    with pytest.raises(InvalidRequest, match=f"Clip {clip.id} has gone on meanwhile"):
        clip.submit_again()
    until(lambda: stage.clips()[0]["state"] == "done", "the other kernel has found the job")
    assert stage.outcome() == (1, [PRICE], ["done"])


def test_who_takes_a_library_over_goes_on_with_its_clips_though_it_could_not_be_read_at_first(
    stage: Stage, open_session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_LOCKED", 500)
    stage.serve(speed=20)
    kernel = stage.kernel(
        """
connect()
clip = hh.generate("character1 waves", [picture()], duration=3)
say(clip.id)
sys.stdin.readline()
"""
    )
    clip_id = kernel.line()
    session = open_session(stage.sandbox)
    clip = session.clip(clip_id)
    until(lambda: clip.state is State.RUNNING, "its job runs, and nothing more is heard until it ends")
    locked = locked_while_reading(monkeypatch, session.home, "in_states")
    kernel.kill()
    assert clip.wait(LONG).is_done
    assert locked.is_set()
    assert stage.outcome() == (1, [PRICE], ["done"])


def test_a_clip_that_another_kernel_wrote_down_is_made_though_it_could_not_be_read_at_first(
    stage: Stage, open_session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_LOCKED", 500)
    stage.serve()
    session = open_session(stage.sandbox)
    locked = locked_while_reading(monkeypatch, session.home, "those")
    kernel = stage.kernel(
        'connect()\nclip = hh.generate("character1 waves", [picture()], duration=3)\nsay(clip.id)\nsys.stdin.readline()\n'
    )
    assert session.clip(kernel.line()).wait(LONG).is_done
    assert locked.is_set()
    assert stage.outcome() == (1, [PRICE], ["done"])


def test_a_kernel_whose_clock_is_ahead_of_the_owners_sees_its_clip_arrive(
    stage: Stage, open_session: OpenSession
) -> None:
    stage.serve()
    kernel = stage.kernel("now = time.time\ntime.time = lambda: now() - 3600\n" + OWNER)
    assert kernel.line() == "mine"
    clip = ask(open_session(stage.sandbox))
    assert clip.wait(LONG).is_done
    assert stage.owner() == kernel.process.pid
    assert stage.outcome() == (1, [PRICE], ["done"])


def test_the_owner_hears_that_a_clip_which_waits_for_a_place_was_taken_back_elsewhere(
    stage: Stage, open_session: OpenSession
) -> None:
    stage.serve(speed=4, parallel=1)
    session = open_session(stage.sandbox)
    first = ask(session)
    until(lambda: first.job_id, "the first has the only place")
    clip = ask(session)
    submitter = session._engine._submitter
    until(lambda: clip.state is State.INTENT and submitter._freed._waiters, "the second waits for a place")
    assert "taken back before it was sent" in stage.lives(f"say(connect().clip({clip.id!r}).cancel())")
    until(lambda: clip.is_over, "the owner shows it")
    assert clip.state is State.WITHDRAWN
    assert stage.outcome().charges == [PRICE]
    assert [one["state"] for one in stage.clips()][1:] == ["withdrawn"]


def test_a_clip_that_is_done_is_not_said_to_wait_for_the_owner(
    stage: Stage, open_session: OpenSession
) -> None:
    stage.serve(rule(GENERATE, "reset"))
    kernel = stage.kernel(OWNER)
    assert kernel.line() == "mine"
    clip = lost(open_session(stage.sandbox))
    new = clip.submit_again()
    assert f"process {kernel.process.pid} on" in new.note
    assert new.wait(LONG).note == ""
    assert clip.submit_again() is new
    assert new.note == ""
    assert stage.outcome() == (2, [PRICE], ["needs_user", "done"])


# -- two submissions -------------------------------------------------------------------------------------------------------


def test_each_lost_answer_is_found_with_its_own_job_though_the_first_was_charged_last(
    stage: Stage, open_session: OpenSession
) -> None:
    late = rule(GENERATE, "status", status=504, processed=True, after=0.8)
    stage.serve(late, rule(GENERATE, "lost_answer"))
    session = open_session(stage.sandbox, settings=replace(QUICK, quiescence=2.0))
    image = picture()
    loose = session.generate("character1 waves", [image], duration=3)
    until(lambda: loose.state is State.UNKNOWN, "its answer is lost")
    exact = session.generate("character1 waves", [image], duration=3, seed=5)
    assert loose.wait(LONG).is_done
    assert exact.wait(LONG).is_done
    inputs = {job["jobId"]: job["metadata"]["input"] for job in stage.sandbox.ledger()["jobs"]}
    assert [inputs[clip.job_id].get("seed") for clip in (loose, exact)] == [None, 5]
    assert stage.outcome() == (2, [PRICE] * 2, ["done"] * 2)


def test_a_look_does_not_take_the_job_of_the_clip_that_was_submitted_in_its_place(
    stage: Stage, open_session: OpenSession
) -> None:
    stage.serve(rule(GENERATE, "reset"), rule(GENERATE, "truncate", fraction=0.5))
    session = open_session(stage.sandbox, settings=replace(QUICK, quiescence=1.0))
    clip = lost(session)
    new = clip.submit_again()
    until(lambda: new.state is State.UNKNOWN, "its answer is lost, too")
    assert f"Clip {new.id} was submitted in its place" in clip.look_again()
    assert new.wait(LONG).is_done
    assert stage.outcome() == (2, [PRICE], ["needs_user", "done"])


def test_a_clip_is_sent_though_the_one_it_waits_for_is_taken_back(
    stage: Stage, open_session: OpenSession
) -> None:
    full = {"actionName": "parallelCustomJobs", "actionLimit": 1}
    refused = rule(GENERATE, "status", status=429, retryAfter=1.0, details=full, times=3)
    stage.serve(rule(GENERATE, "latency", seconds=0.5, times=9), refused, parallel=50)
    session = open_session(stage.sandbox)
    clips = [ask(session), ask(session)]

    def pausing(clip: Clip) -> bool:
        return clip.record.attempt == 2 and clip.state is State.INTENT

    until(lambda: any(map(pausing, clips)), "one was refused twice")
    taken_back, other = sorted(clips, key=pausing, reverse=True)
    assert "taken back before it was sent" in taken_back.cancel()
    assert other.wait(LONG).is_done
    assert stage.outcome().charges == [PRICE]
    assert sorted(stage.outcome().states) == ["done", "withdrawn"]


# -- the button that submits again -----------------------------------------------------------------------------------------


def test_after_an_interrupted_press_the_next_one_makes_the_clip(
    stage: Stage, open_session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.serve(rule(GENERATE, "reset"))
    session = open_session(stage.sandbox)
    clip = lost(session)
    with interrupted_commit(monkeypatch, session):
        clip.submit_again()
    assert stage.outcome().states == ["needs_user", "withdrawn"]
    new = clip.submit_again()
    assert new.wait(LONG).is_done
    assert clip.successor_id == new.id
    assert stage.outcome() == (2, [PRICE], ["needs_user", "withdrawn", "done"])


def test_an_interrupted_second_press_leaves_the_clip_of_the_first(
    stage: Stage, open_session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.serve(rule(GENERATE, "reset"))
    owner = stage.kernel(
        """
from happyhorse_widgets.engine import tenure
tenure._LOOK = LONG  # what others write down stays a draft
session = connect()
clip = session.generate("character1 waves", [picture()], duration=3)
rest(clip)
say(clip.id)
sys.stdin.readline()
"""
    )
    clip_id = owner.line()
    session = open_session(stage.sandbox)
    clip = session.clip(clip_id)
    new = clip.submit_again()
    with interrupted_commit(monkeypatch, session):
        clip.submit_again()
    assert stage.outcome().states == ["needs_user", "draft"]
    owner.kill()
    assert new.wait(LONG).is_done
    assert stage.outcome() == (2, [PRICE], ["needs_user", "done"])


def test_a_clip_in_whose_place_nothing_came_can_be_submitted_again(
    stage: Stage, open_session: OpenSession
) -> None:
    stage.serve(rule(GENERATE, "reset"))
    session = open_session(stage.sandbox)
    clip = lost(session)
    session.budget = 1
    with pytest.raises(JobRejected, match="budget of 1"):
        clip.submit_again().wait(LONG)
    session.budget = None
    assert clip.submit_again().wait(LONG).is_done
    assert stage.outcome() == (2, [PRICE], ["needs_user", "rejected", "done"])


# -- two accounts ----------------------------------------------------------------------------------------------------------


def test_a_clip_of_another_account_is_not_looked_for_in_this_one(
    stage: Stage, start_sandbox: StartSandbox, open_session: OpenSession, tmp_path: Path
) -> None:
    stage.serve(rule(GENERATE, "reset"))
    session = open_session(stage.sandbox)
    clip = lost(session)
    session.close()
    other = start_sandbox(home=tmp_path / "other", speed=400, scale=0.1)
    foreign = open_session(other).clip(clip.id)
    assert "another account" in foreign.look_again()
    assert foreign.state is State.NEEDS_USER
    assert stage.outcome() == (1, [], ["needs_user"])


def test_a_successor_in_another_account_is_not_driven_in_this_one(
    stage: Stage, start_sandbox: StartSandbox, open_session: OpenSession, tmp_path: Path
) -> None:
    stage.serve(rule(GENERATE, "reset"))
    session = open_session(stage.sandbox)
    clip = lost(session)
    session.close()
    sandbox = start_sandbox(home=tmp_path / "other", speed=4, scale=0.1)
    other = open_session(sandbox)
    new = other.clip(clip.id).submit_again()
    until(lambda: new.job_id, "the other account has paid for it")
    other.close()
    back = open_session(stage.sandbox)
    assert back.clip(clip.id).submit_again().id == new.id
    assert back._engine._driven == {}
    assert [charge["creativeUnits"] for charge in sandbox.ledger()["charges"]] == [PRICE]
    assert stage.outcome().charges == []
    replaced, successor = stage.outcome().states
    assert replaced == "needs_user"
    assert successor in ("submitted", "running")


# -- an observer -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["cancel", "detach", "look_again"])
def test_an_observer_that_would_wait_for_its_own_thread_is_told_so(stage: Stage, action: str) -> None:
    stage.serve()
    said = stage.lives(
        f"""
def press(clip):
    if clip.state == "uploading" and not refused:
        try:
            clip.{action}()
        except RuntimeError as error:
            refused.append(error)

refused = []
session = connect()
session.observe(press)
clip = session.generate("character1 waves", [picture()], duration=3)
say(clip.wait(LONG).state, *refused)
"""
    )
    assert said == "done An observer runs on the engine's own thread, and must not wait for it.\n"
    assert stage.outcome() == (1, [PRICE], ["done"])
