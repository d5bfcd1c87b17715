"""What waits for a person: lost answers, jobs and files, and the two ways on from there."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from happyhorse_widgets.engine.states import State
from happyhorse_widgets.errors import InvalidImage, InvalidRequest, JobRejected, JobUncertain
from happyhorse_widgets.widgets.card import actions
from tests.conftest import StartSandbox
from tests.integration.conftest import OpenSession
from tests.sessions import LONG, QUICK, picture, until

FAST: dict[str, Any] = {"speed": 400, "scale": 0.1}


def rule(path: str, fault: str, method: str = "*", **options: Any) -> dict[str, Any]:
    """A fault for requests to `path`; `skip`, `times` and `query` go into its match."""
    match = {key: options.pop(key) for key in ("skip", "times", "query") if key in options}
    return {"match": {"path": path, "method": method, **match}, "fault": fault, **options}


def generate_fault(fault: str, **options: Any) -> dict[str, Any]:
    return rule("/v1/generate/custom/*", fault, "POST", query={"dryRun": None}, **options)


def events(session: Any, clip: Any) -> list[str]:
    return [event["to_state"] for event in session._engine.journal.events(clip.id)]


def uncertain(clip: Any, words: str) -> None:
    with pytest.raises(JobUncertain, match=words):
        clip.wait(LONG)
    assert clip.state is State.NEEDS_USER


def test_a_job_that_was_listed_too_late_is_found_by_another_look(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    faults = [
        generate_fault("lost_answer", times=1),
        rule("/v1/jobs", "list_lag", "GET", seconds=3600, times=2),
    ]
    sandbox = start_sandbox(**FAST, faults=faults)
    clip = open_session(sandbox).generate("character1 waves", [picture()], duration=3)
    uncertain(clip, "none that fits.*about 30 creative units")
    assert actions(clip) == ["look", "resubmit"]
    assert "Nothing is paid" in clip.look_again()
    assert clip.wait(LONG).is_done
    assert clip.error is None
    assert "nothing to look for" in clip.look_again()
    assert len(sandbox.ledger()["charges"]) == 1


def test_submitting_again_makes_one_new_clip_however_often_it_is_asked(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    sandbox = start_sandbox(**FAST, faults=[generate_fault("reset", times=1)])
    session = open_session(sandbox)
    clip = session.generate("character1 waves", [picture()], duration=3, seed=5)
    uncertain(clip, "none that fits")
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(clip.submit_again())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    (new,) = set(found)
    assert new.id != clip.id
    assert new.request == clip.request
    assert new.wait(LONG).is_done
    assert len(found) == 8
    assert len(sandbox.ledger()["charges"]) == 1
    until(lambda: clip.successor_id == new.id, "the first clip knows its successor")
    assert clip.submit_again() is new
    assert session.spent == 60  # the first one may have been charged
    clip.look_again()
    uncertain(clip, "none that fits")  # the new clip's job is not taken for its own


def test_a_job_that_scenario_forgot_is_for_its_person_and_found_when_it_is_back(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    gone = rule("/v1/jobs/*", "status", "GET", status=404, reason="no such job", times=5)
    sandbox = start_sandbox(**FAST, faults=[gone])
    session = open_session(sandbox, settings=replace(QUICK, unseen=0.05))
    clip = session.generate("character1 waves", [picture()], duration=3)
    uncertain(clip, f"does not know job {clip.job_id or 'job_'}.*cost 30 creative units.*look again")
    assert events(session, clip)[-2:] == ["submitted", "needs_user"]
    clip.look_again()
    assert clip.wait(LONG).is_done
    assert len(sandbox.ledger()["charges"]) == 1


def test_a_file_that_cannot_be_had_is_fetched_again_when_its_person_says_so(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    lost = rule("/cdn/*", "status", "GET", status=404, reason="gone", times=16)
    sandbox = start_sandbox(**FAST, faults=[lost])
    session = open_session(sandbox)
    clip = session.generate("character1 waves", [picture()], duration=3)
    uncertain(clip, "made and paid, but its file cannot be had")
    clip.look_again()
    assert clip.wait(LONG).is_done
    assert events(session, clip)[-4:] == ["needs_user", "succeeded", "downloading", "done"]
    assert len(sandbox.ledger()["charges"]) == 1


def test_what_failed_can_be_asked_for_again_and_what_runs_cannot(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    sandbox = start_sandbox(
        speed=20, scale=0.1, faults=[generate_fault("status", status=422, reason="no", times=1)]
    )
    session = open_session(sandbox)
    clip = session.generate("character1 waves", [picture()], duration=3)
    with pytest.raises(JobRejected):
        clip.wait(LONG)
    assert actions(clip) == ["again"]
    first, second = clip.submit_again(), clip.submit_again()
    assert first.id != second.id
    with pytest.raises(InvalidRequest, match=f"{first.id} is on its way"):
        first.submit_again()
    assert first.wait(LONG).is_done
    assert second.wait(LONG).is_done


def test_an_image_that_was_only_an_address_has_to_be_given_again(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    session = open_session(start_sandbox(**FAST), settings=replace(QUICK, local_addresses=True))
    clip = session.generate("character1 waves", ["https://127.0.0.1:49151/no.png"], duration=3)
    clip.cancel()
    until(lambda: clip.is_over, "it is withdrawn")
    with pytest.raises(InvalidImage, match=r"character1: no\.png is not in this library any more"):
        clip.submit_again()


def test_trouble_that_passes_is_told_with_what_is_safe(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    faults = [
        rule("/v1/uploads*", "status", "POST", status=503, times=6),
        rule("/v1/jobs/*", "status", "GET", status=503, times=6),
        rule("/v1/assets/*", "status", "GET", status=503, times=6),
    ]
    session = open_session(start_sandbox(**FAST, faults=faults))
    notes: set[str] = set()
    session.observe(lambda clip: notes.add(clip.note))
    clip = session.generate("character1 waves", [picture()], duration=3)
    assert clip.wait(LONG).note == ""
    for safe in ("Nothing was paid", "The job goes on", "The clip is made"):
        assert any("503" in note and safe in note and "by itself" in note for note in notes), (safe, notes)
