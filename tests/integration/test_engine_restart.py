"""Kernels that end or are killed, sessions that are closed or follow each other: nothing is lost, nothing is left behind."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import psutil
import pytest

from happyhorse_widgets.engine.loop import engine_loop
from happyhorse_widgets.engine.settings import Settings
from happyhorse_widgets.errors import LibraryError
from tests.conftest import SandboxProcess, StartSandbox
from tests.integration.conftest import OpenSession, StartKernel
from tests.sessions import LONG, picture, until

SLOW = {"speed": 20, "scale": 0.1}  # a clip takes some seconds


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1)


def processes_of(home: Path) -> list[psutil.Process]:
    """The processes that work for the library in `home`."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(home) in word for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_plain_python_makes_a_clip_and_ends_without_a_trace(
    start_kernel: StartKernel, tmp_path: Path
) -> None:
    kernel = start_kernel(
        """
        connect()
        clip = hh.generate("character1 waves", [picture()], duration=3, seed=7)
        say(clip.wait(LONG).path)
        """.replace("\n        ", "\n")
    )
    path = Path(kernel.line())
    assert kernel.end() == (0, "", "")
    assert path.parent == tmp_path / "home" / "clips"
    assert path.stat().st_size > 1000
    until(lambda: processes_of(tmp_path) == [], "the sandbox and its renderers are gone")


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "raise KeyError('the script has a mistake')"])
def test_a_script_that_does_not_wait_ends_at_once_and_the_next_one_gets_the_clip(
    start_kernel: StartKernel, open_session: OpenSession, tmp_path: Path, ending: str
) -> None:
    kernel = start_kernel(
        f"""
connect()
clips = [hh.generate("character1 waves", [picture()], duration=3, seed=seed) for seed in range(2)]
until(lambda: clips[0].state not in ("draft", "uploading"), "one is on its way")
say(*(clip.id for clip in clips))
{ending}
"""
    )
    ids = kernel.line().split()
    status, _, complaints = kernel.end()
    if "mistake" in ending:
        assert (status, complaints.count("Traceback")) == (1, 1)
        assert "the script has a mistake" in complaints
    else:
        assert (status, complaints) == (0, "")
    until(lambda: processes_of(tmp_path) == [], "the sandbox and its renderers are gone")
    session = open_session(None)
    for clip_id in ids:
        clip = session.clip(clip_id)
        assert clip.wait(LONG).is_done
        assert "unknown" not in [event["to_state"] for event in session._engine.journal.events(clip_id)]


def test_a_kernel_that_was_killed_is_followed_by_one_that_gets_its_clips(
    start_kernel: StartKernel, start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    sandbox = start_sandbox(**SLOW)
    kernel = start_kernel(
        """
connect()
clips = [hh.generate("character1 waves", [picture()], duration=3, seed=seed) for seed in range(4)]
until(lambda: all(clip.job_id for clip in clips), "all are submitted")
say(*(clip.id for clip in clips))
time.sleep(LONG)
""",
        sandbox,
    )
    ids = kernel.line().split()
    kernel.kill()
    session = open_session(sandbox)
    clips = [session.clip(clip_id) for clip_id in ids]
    assert not any(clip.is_over for clip in clips)
    for clip in clips:
        assert clip.wait(LONG).path is not None
    charges = sandbox.ledger()["charges"]
    assert sorted(charge["jobId"] for charge in charges) == sorted(clip.job_id or "" for clip in clips)


def test_a_kernel_that_was_killed_takes_its_own_sandbox_along_and_nothing_is_lost(
    start_kernel: StartKernel, open_session: OpenSession, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    kernel = start_kernel(
        """
connect(settings=hh.Settings(sandbox_speed=20, sandbox_scale=0.1))
clip = hh.generate("character1 waves", [picture()], duration=3)
until(lambda: clip.job_id, "it is submitted")
say(clip.id)
time.sleep(LONG)
"""
    )
    clip_id = kernel.line()
    kernel.kill()
    until(lambda: processes_of(tmp_path) == [], "the sandbox has ended with the kernel")
    session = open_session(None, settings=Settings(sandbox_speed=20, sandbox_scale=0.1))
    clip = session.clip(clip_id).wait(LONG)
    session.close()
    charges = start_sandbox(session.home / "sandbox").ledger()["charges"]
    assert [charge["jobId"] for charge in charges] == [clip.job_id]


def test_a_session_that_was_closed_leaves_nothing_running_and_is_taken_up_again(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    sandbox = start_sandbox(**SLOW)
    session = open_session(sandbox)
    clip = session.generate("character1 waves", [picture()], duration=3)
    until(lambda: clip.job_id, "it is submitted")
    waiting = session.run(clip._arrival())
    estimating = session.run(session.estimate_async("character1 waves", [picture()], duration=5))
    session.close()
    session.close()
    assert estimating.done()
    with pytest.raises(LibraryError, match=r"session is closed\. Make another"):
        waiting.result(LONG)

    async def tasks() -> list[str]:
        return [str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    (left,) = engine_loop().run(tasks()).result(LONG)
    assert "EngineLoop._serve" in left
    assert [thread.name for thread in threading.enumerate() if "journal" in thread.name] == []
    for use in (
        lambda: clip.wait(LONG),
        lambda: session.generate("character1 waves", [picture()]),
        lambda: session.estimate("character1 waves", [picture()]),
        lambda: len(session.clips),
    ):
        with pytest.raises(LibraryError, match="session"):
            use()

    again = open_session(sandbox)
    assert again is not session
    assert again.clip(clip.id) is clip  # what a person has in hand goes on with the new session
    assert clip.wait(LONG).is_done


def test_connecting_again_gives_the_same_session_or_one_that_takes_over(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    sandbox = start_sandbox(**SLOW)
    first = open_session(sandbox)
    seen: list[str] = []
    first.observe(lambda clip: seen.append(clip.state))
    clip = first.generate("character1 waves", [picture()], duration=3)
    waiting = threading.Thread(target=clip.wait, args=(LONG,))
    waiting.start()
    assert open_session(sandbox, budget=1000, model="model_other") is first
    assert (first.budget, first.model) == (1000, "model_other")

    second = open_session(sandbox, settings=Settings(retry_first=0.1, poll_interval=0.2, single_poll=0.2))
    assert second is not first
    assert not first.open
    assert (second.budget, clip.keeper) == (None, second)
    assert second.clip(clip.id) is clip
    waiting.join(LONG)  # it was not disturbed
    assert clip.is_done
    until(lambda: seen[-1] == "done", "the observer was told as well")
    assert len(sandbox.ledger()["charges"]) == 1


def test_a_take_over_that_fails_tells_those_who_wait(
    sandbox: SandboxProcess, open_session: OpenSession, tmp_path: Path
) -> None:
    session = open_session(sandbox)
    clip = session.generate("character1 waves", [picture()], duration=3).wait(LONG)
    session._engine.journal.move(clip.id, "done", "submitted").result(LONG)
    clip.take(session._records.get(clip.id))  # type: ignore[arg-type]
    (session.home / "library.sqlite3").write_text("not a library any more")
    with pytest.raises(LibraryError, match="not a sound library file"):
        open_session(sandbox, settings=Settings())
    with pytest.raises(LibraryError, match="closed"):
        clip.wait(LONG)


def test_a_budget_holds_from_the_first_moment_in_the_next_kernel(
    start_kernel: StartKernel, start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    sandbox = start_sandbox(speed=400, scale=0.1, parallel=1)
    kernel = start_kernel(
        """
session = connect()
clip = hh.generate("character1 waves", [picture()], duration=3)
clip.wait(LONG)
session._engine._submitter.places.limit = 0  # nobody is sent any more
clip = hh.generate("character1 waves", [picture()], duration=3)
until(lambda: clip.state == "intent", "it is written down")
say(clip.id)
time.sleep(LONG)
""",
        sandbox,
    )
    clip_id = kernel.line()
    kernel.kill()
    session = open_session(sandbox, budget=40)  # one clip costs 30
    with pytest.raises(Exception, match="of the budget of 40 are spent"):
        session.clip(clip_id).wait(LONG)
    assert len(sandbox.ledger()["jobs"]) == 1
