"""Plain failures: told in a person's words with what happened to the money, or waited out until the clip is there."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import JobCanceled, JobFailed, JobRejected
from happyhorse_widgets.media.frames import move_moov_first
from happyhorse_widgets.widgets.fallback import static_bundle
from tests.conftest import SandboxProcess, StartSandbox
from tests.integration.conftest import OpenSession
from tests.sessions import LONG, picture, until

#: Which requests: the POST that costs money, the file of a clip, one job, the list of jobs, what is known of an asset.
GENERATE = {"method": "POST", "path": "/v1/generate/custom/*", "query": {"dryRun": None}}
FILE = {"method": "GET", "path": "/cdn/*"}
JOB = {"method": "GET", "path": "/v1/jobs/*"}


def rule(
    match: dict[str, Any], fault: str, *, skip: int = 0, times: int = 1, **options: Any
) -> dict[str, Any]:
    return {"match": {**match, "skip": skip, "times": times}, "fault": fault, **options}


def states_of(session: Session, clip_id: str) -> list[str]:
    return [event["to_state"] for event in session._engine.journal.events(clip_id)]


def assert_is_the_file(session: Session, sandbox: SandboxProcess, clip_id: str, tmp_path: Path) -> None:
    """The clip's file is what the sandbox rendered, with its index moved to the front, bit for bit."""
    clip = session.clip(clip_id)
    move_moov_first(sandbox.home / "files" / clip.to_dict()["asset_ids"][0], tmp_path / "expected.mp4")
    expected = hashlib.sha256((tmp_path / "expected.mp4").read_bytes()).hexdigest()
    assert clip.path is not None
    assert clip.sha256 == hashlib.sha256(clip.path.read_bytes()).hexdigest() == expected
    assert list(session.home.rglob("*.part")) == []


def test_jobs_that_fail_say_why_and_whether_the_money_comes_back(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    sandbox = start_sandbox(
        speed=400,
        scale=0.1,
        faults=[
            rule(GENERATE, "job", skip=1, outcome="failure", disableRefund=True),
            rule(GENERATE, "job", skip=2, outcome="canceled"),
        ],
    )
    session = open_session(sandbox)
    image = picture()

    def fail(prompt: str, kind: type[Exception], words: str) -> Any:
        clip = session.generate(prompt, [image], duration=3)
        with pytest.raises(kind, match=words) as caught:
            clip.wait(LONG)
        assert str(caught.value) == str(clip.error)
        assert clip.path is clip.poster_jpeg() is None
        return clip

    moderated = fail("character1 [moderated]", JobFailed, r"blocked by .* moderation\. Scenario refunds it")
    assert "30 creative units come back. You can submit it again, which is a new job and costs anew." in str(
        moderated.error
    )
    assert "Rephrase the prompt" in moderated.error.hint
    for words in ("30 creative units come back", "submit it again", "costs anew", "Rephrase the prompt"):
        assert words in static_bundle(moderated, "twin")["text/html"]
    assert (moderated.cost, session.spent) == (0, 0)
    kept = fail(
        "character1 waves",
        JobFailed,
        "failed on the provider's side.*does not refund it: 30 .* stay paid.*anew",
    )
    assert (kept.cost, session.spent) == (30, 30)
    fail(
        "character1 waves",
        JobCanceled,
        "canceled on Scenario's side.*Whether it is refunded.*30 .* may.*anew",
    )
    assert session.spent == 60
    charges = [charge["creativeUnits"] for charge in sandbox.ledger()["charges"]]
    assert sorted(charges) == [-30, -30, 30, 30, 30]  # the sandbox gave back the canceled one as well


def test_a_refusal_is_told_in_the_servers_words_and_costs_nothing(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    reason = "The prompt names a person"
    sandbox = start_sandbox(
        speed=400, scale=0.1, faults=[rule(GENERATE, "status", status=422, reason=reason)]
    )
    session = open_session(sandbox)
    clip = session.generate("character1 waves", [picture()], duration=3)
    with pytest.raises(JobRejected, match=rf"{reason}.*Nothing was paid\."):
        clip.wait(LONG)
    assert sandbox.ledger()["jobs"] == []
    assert session.generate("character1 waves", [picture()], duration=3).wait(LONG).is_done


def test_a_download_is_resumed_after_cuts_and_with_fresh_addresses(
    start_sandbox: StartSandbox, open_session: OpenSession, tmp_path: Path
) -> None:
    sandbox = start_sandbox(
        speed=400,
        scale=0.2,
        faults=[
            rule({"path": "/v1/assets/*", "method": "GET"}, "expired_url"),
            rule(FILE, "truncate", skip=1, fraction=0.3),
            rule(FILE, "truncate", skip=2, fraction=0.5),
            rule(FILE, "reset", skip=3),
        ],
    )
    session = open_session(sandbox)
    clip = session.generate("character1 waves", [picture()], duration=3).wait(LONG)
    assert_is_the_file(session, sandbox, clip.id, tmp_path)


def test_trouble_that_passes_is_shown_and_waited_out(
    start_sandbox: StartSandbox, open_session: OpenSession, tmp_path: Path
) -> None:
    sandbox = start_sandbox(
        speed=400,
        scale=0.1,
        faults=[
            rule({"path": "/v1/uploads"}, "status", times=6, status=503, html=True),
            rule(GENERATE, "status", status=429, retryAfter=0.1, reason="Slow down"),
            rule(JOB, "status", times=6, status=500, reason="Out of order"),
            rule(FILE, "status", times=6, status=502),
        ],
    )
    session = open_session(sandbox)
    notes: list[str] = []
    session.observe(lambda clip: notes.append(clip.note))
    clip = session.generate("character1 waves", [picture()], duration=3).wait(LONG)
    assert clip.note == ""
    for words in ("503", "Slow down", "Out of order", "502"):
        assert any(words in note for note in notes), words
    assert len(sandbox.ledger()["jobs"]) == 1
    assert_is_the_file(session, sandbox, clip.id, tmp_path)


def test_one_job_that_scenario_has_lost_does_not_hide_the_others(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    sandbox = start_sandbox(speed=400, scale=0.1)
    session = open_session(sandbox)
    image = picture()
    lost = session.generate("character1 waves", [image], duration=3)
    lost.wait(LONG)
    session._engine.journal.move(lost.id, "done", "submitted").result(LONG)
    session._engine.journal._database.write(
        lambda connection: connection.execute(
            "UPDATE jobs SET remote_id = 'job_absent' WHERE id = ?", (lost.id,)
        )
    ).result(LONG)
    lost.take(session._records.get(lost.id))  # type: ignore[arg-type]
    session.resume()
    until(lambda: "not know" in lost.note, "the lost job is noticed")
    for clip in [session.generate("character1 waves", [image], duration=3) for _ in range(5)]:
        assert clip.wait(LONG).is_done
    assert "not know" in f"{lost.note} {lost.error}"  # by now it may have been left to its person


def test_a_sandbox_that_was_killed_is_started_again_and_the_clip_arrives(
    open_session: OpenSession, start_sandbox: StartSandbox
) -> None:
    session = open_session(None)
    running = session.generate("character1 waves", [picture()], duration=3)
    until(lambda: running.job_id, "the job is there")
    (sandbox,) = [
        child for child in psutil.Process().children() if "happyhorse_widgets.sandbox" in child.cmdline()
    ]
    os.kill(sandbox.pid, signal.SIGKILL)
    later = session.generate("character1 waves again", [picture()], duration=3)
    assert running.wait(LONG).is_done
    assert later.wait(LONG).is_done
    session.close()
    assert not psutil.pid_exists(sandbox.pid)
    ledger = start_sandbox(session.home / "sandbox").ledger()
    assert {job["jobId"] for job in ledger["jobs"]} == {running.job_id, later.job_id}
