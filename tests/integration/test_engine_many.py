"""Many clips at once, places in the plan, a budget, a busy main thread, and taking clips back."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace

import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.engine.states import State
from happyhorse_widgets.errors import BudgetExceeded, JobCanceled, JobRejected, JobWithdrawn
from tests.conftest import SandboxProcess, StartSandbox
from tests.integration.conftest import OpenSession
from tests.scripted_server import ScriptedServer, Silence
from tests.sessions import LONG, QUICK, picture, until

GENERATE = {"method": "POST", "path": "/v1/generate/custom/*", "query": {"dryRun": None}}


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1, parallel=50)


@pytest.fixture
def session(sandbox: SandboxProcess, open_session: OpenSession) -> Session:
    return open_session(sandbox)


def jobs_of(sandbox: SandboxProcess, clips: list[Clip]) -> list[str]:
    """The ids of the jobs that the sandbox has for these clips, by their prompts."""
    prompts = {clip.request.prompt for clip in clips}
    return [job["jobId"] for job in sandbox.ledger()["jobs"] if job["metadata"]["input"]["prompt"] in prompts]


def test_ten_clips_at_once_all_arrive_each_paid_once(session: Session, sandbox: SandboxProcess) -> None:
    image = picture()
    before = len(sandbox.ledger()["uploads"])
    clips = [session.generate(f"character1 waves {n} times", [image], duration=3) for n in range(10)]
    for clip in clips:
        clip.wait(LONG)
    assert sorted(jobs_of(sandbox, clips)) == sorted(clip.job_id or "" for clip in clips)
    assert len(sandbox.ledger()["uploads"]) == before + 1  # all ten share the one image
    assert len({clip.sha256 for clip in clips}) == 10
    assert session.spent == sum(clip.cost or 0 for clip in clips)


def test_the_last_three_of_many_arrive_as_soon_as_the_others(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    # Asked for one by one again, they must not wait until the list would have been doubted.
    session = open_session(start_sandbox(speed=60, scale=0.1), settings=replace(QUICK, unseen=10 * LONG))
    durations = (3, 3, 15, 15, 15)
    clips = [session.generate("character1 waves", [picture()], duration=duration) for duration in durations]
    for clip in clips:
        assert clip.wait(LONG).is_done


def test_a_clip_past_the_budget_is_refused_before_it_is_sent(
    session: Session, sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    first = session.generate("character1 waves", [picture()], duration=3).wait(LONG)
    price = first.cost
    assert price
    assert open_session(sandbox, budget=2.5 * price) is session
    clips = [session.generate(f"character1 waves {n} times at us", [picture()], duration=3) for n in range(3)]
    for clip in clips:
        with contextlib.suppress(JobRejected):
            clip.wait(LONG)
    assert sorted(clip.state for clip in clips) == ["done", "rejected", "rejected"]
    refused = next(clip for clip in clips if clip.error)
    assert (refused.record.error or {})["kind"] == BudgetExceeded.__name__
    assert f"of the budget of {2.5 * price:g} are spent" in str(refused.error)
    assert len(jobs_of(sandbox, clips)) == 1
    assert session.spent == 2 * price
    session.budget = None
    assert session.generate("character1 waves", [picture()], duration=3).wait(LONG).is_done


def test_a_busy_main_thread_keeps_no_clip_from_arriving(session: Session) -> None:
    arrived = threading.Event()
    end = session.observe(lambda clip: arrived.set() if clip.is_done else None)
    clip = session.generate("character1 waves", [picture()], duration=3)
    deadline = time.monotonic() + LONG
    spins = 0
    while not arrived.is_set() and time.monotonic() < deadline:
        spins += 1  # this thread never waits, and never lets go of the interpreter by itself
    end()
    assert clip.is_done
    assert clip.path is not None
    assert clip.path.exists()
    assert spins > 1000


def test_a_clip_is_taken_back_for_free_before_it_is_sent(
    sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    session = open_session(sandbox, settings=replace(QUICK, local_addresses=True))
    with ScriptedServer(script=lambda seen: Silence()) as server:
        address = f"{server.url}/fox.png?Signature=CANARY"
        clip = session.generate("character1 waits for its image", [address], duration=3)
        until(lambda: server.seen, "the image is being fetched")
        assert clip.can_withdraw
        waiting = session.run(clip._arrival())
        assert clip.cancel() == "The clip was taken back before it was sent. Nothing was paid."
        with pytest.raises(JobWithdrawn, match="Nothing was paid"):
            waiting.result(LONG)
    assert clip.state is State.WITHDRAWN
    assert "CANARY" not in str(clip.to_dict())
    assert clip.cancel() == "There is nothing to cancel: the clip is withdrawn."
    assert jobs_of(sandbox, [clip]) == []


def test_a_clip_that_is_taken_back_at_any_moment_is_either_free_or_arrives(
    session: Session, sandbox: SandboxProcess
) -> None:
    states = [State.DRAFT, State.UPLOADING, State.INTENT, State.SENDING, State.SUBMITTED]
    reached = {(n, state): threading.Event() for n in range(10) for state in states}
    clips: list[Clip] = []

    def note(clip: Clip) -> None:
        number = int(clip.request.prompt.rpartition(" ")[2])
        for state in states[: states.index(clip.state) + 1] if clip.state in states else states:
            reached[number, state].set()

    end = session.observe(note)
    said = []
    for number in range(10):
        clips.append(session.generate(f"character1 withdraws number {number}", [picture()], duration=3))
        assert reached[number, states[number % len(states)]].wait(LONG)
        said.append(clips[-1].cancel())
    for clip in clips:
        with contextlib.suppress(JobWithdrawn):
            clip.wait(LONG)
    end()
    assert {clip.state for clip in clips} <= {State.WITHDRAWN, State.DONE}
    for clip, sentence in zip(clips, said, strict=True):
        assert len(jobs_of(sandbox, [clip])) == (clip.state is State.DONE)
        assert ("Nothing was paid" in sentence) == (clip.state is State.WITHDRAWN)
    assert State.WITHDRAWN in {clip.state for clip in clips}


def test_a_clip_that_moves_on_before_it_is_sent_can_still_be_taken_back(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    slow = {"match": {"method": "POST", "path": "/v1/uploads"}, "fault": "latency", "seconds": 5}
    session = open_session(start_sandbox(faults=[slow]))
    for number in range(20):  # some of these meet the step from draft to uploading
        clip = session.generate(f"character1 withdraws number {number}", [picture()], duration=3)
        assert clip.cancel() == "The clip was taken back before it was sent. Nothing was paid."


def test_a_cancel_that_scenario_refuses_is_never_shown_as_one(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    granted = {"match": {"path": "/v1/jobs/*/action", "skip": 1, "times": 1}, "fault": "allow_cancel"}
    sandbox = start_sandbox(speed=15, scale=0.1, faults=[granted])
    session = open_session(sandbox)
    clip = session.generate("character1 waves", [picture()], duration=3)
    until(lambda: clip.state in (State.SUBMITTED, State.RUNNING), "the job is under way")
    assert clip.cancel().startswith("The job goes on, paid, and the clip will arrive: ")
    assert not clip.is_over
    assert clip.detach().startswith("Nobody watches this clip any more.")
    assert clip.detached
    assert clip.cancel().startswith("Scenario was asked to cancel the job")
    with pytest.raises(JobCanceled, match="canceled on Scenario's side"):
        clip.wait(LONG)
    assert (clip.cost, session.spent) == (30, 30)  # whether it comes back is not known


def test_a_cancel_whose_answer_was_lost_is_neither_shown_as_one_nor_as_refused(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    path = "/v1/jobs/*/action"
    busy = {"fault": "status", "status": 503, "retryAfter": 100}  # longer than anybody waits: not repeated
    unanswered = {"match": {"path": path, "times": 1}, **busy}
    granted = {"match": {"path": path}, "fault": "allow_cancel"}
    lost = {
        "match": {"path": path, "times": 1},
        "fault": "lost_answer",
    }  # it takes effect; the next attempt is refused
    session = open_session(start_sandbox(speed=15, scale=0.1, faults=[unanswered, granted, lost]))
    clip = session.generate("character1 waves", [picture()], duration=3)
    until(lambda: clip.state in (State.SUBMITTED, State.RUNNING), "the job is under way")
    not_known = "Whether the job was canceled is not known: "
    said = clip.cancel()
    assert said.startswith(not_known) and "503" in said
    said = clip.cancel()
    assert said.startswith(not_known) and "it has ended" in said
    with pytest.raises(JobCanceled, match="canceled on Scenario's side"):
        clip.wait(LONG)


def test_a_detached_clip_arrives(session: Session) -> None:
    clip = session.generate("character1 waves", [picture()], duration=3)
    assert "will be in the library" in clip.detach()
    assert clip.wait(LONG).is_done


def test_an_hour_of_waits_leaves_nothing_behind(session: Session) -> None:
    clip = session.generate("character1 waves", [picture()], duration=3)
    for _ in range(50):
        with contextlib.suppress(hh.errors.WaitTimeout):
            clip.wait(0.001)
    assert len(clip._waiters._waiting) == 0
    clip.wait(LONG)
