"""Kernels that are interrupted, forked, or run side by side on one library."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading

import psutil
import pytest

from happyhorse_widgets.engine import tenure
from happyhorse_widgets.engine.states import State
from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library import ownership
from tests.conftest import SandboxProcess, StartSandbox
from tests.integration.conftest import OpenSession, StartKernel
from tests.sessions import LONG, picture, until

SLOW = {"speed": 20, "scale": 0.1}  # a clip takes some seconds


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1)


@pytest.mark.parametrize("how", ["clip.wait()", "asyncio.run(arrive())"])
def test_an_interrupt_ends_the_wait_and_neither_the_job_nor_the_sandbox(
    start_kernel: StartKernel, how: str
) -> None:
    kernel = start_kernel(
        f"""
import asyncio
connect(settings=hh.Settings(sandbox_speed=20, sandbox_scale=0.1))
clip = hh.generate("character1 waves", [picture()], duration=3)

async def arrive():
    await clip

def tell():
    until(lambda: clip.job_id and clip._waiters._waiting, "it is submitted, and waited for")
    say("waiting")

threading.Thread(target=tell).start()
try:
    {how}
except KeyboardInterrupt as interrupt:
    say("interrupted", interrupt)
say(clip.wait(LONG).state, clip.cost)
sys.stdin.readline()
"""
    )
    assert kernel.line() == "waiting"
    sandboxes = psutil.Process(kernel.process.pid).children()
    os.killpg(kernel.process.pid, signal.SIGINT)  # as Jupyter interrupts a kernel
    interrupted = kernel.line()
    if "wait" in how:
        assert interrupted.startswith("interrupted Stopped waiting. Clip clip_")
        assert interrupted.endswith("goes on in the background.")
    else:
        assert interrupted.startswith("interrupted")
    assert kernel.line() == "done 30.0"
    assert psutil.Process(kernel.process.pid).children() == sandboxes != []
    kernel.go_on()
    assert kernel.end() == (0, "", "")


def test_a_second_kernel_submits_through_the_first_and_goes_on_when_that_dies(
    start_kernel: StartKernel,
    start_sandbox: StartSandbox,
    open_session: OpenSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tenure, "_LOOK", 0.1)
    sandbox = start_sandbox(**SLOW)
    kernel = start_kernel(
        """
connect()
for line in sys.stdin:
    clip = hh.generate("character1 waves", [picture()], duration=3)
    until(lambda: clip.job_id, "it is submitted")
    say(clip.id)
""",
        sandbox,
    )
    kernel.go_on()
    clip_id = kernel.line()
    session = open_session(sandbox)
    assert session.resume() == []
    first = session.clip(clip_id)
    assert not first.is_over
    through = session.generate("character1 waves", [picture()], duration=3)
    assert f"process {kernel.process.pid} on" in through.note
    assert first.wait(LONG).is_done  # the other kernel did it; this one showed it
    assert through.wait(LONG).is_done
    assert session._engine._driven == {}

    kernel.go_on()
    second = session.clip(kernel.line())
    kernel.kill()
    assert second.wait(LONG).is_done  # now it was this one
    assert session.generate("character1 waves", [picture()], duration=3).wait(LONG).is_done
    charged = [charge["jobId"] for charge in sandbox.ledger()["charges"]]
    assert len(charged) == len(set(charged)) == 4


def test_a_kernel_with_another_account_cannot_submit_through_the_first(
    start_kernel: StartKernel, sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    kernel = start_kernel("connect()\nsay('mine')\ntime.sleep(LONG)\n", sandbox)
    assert kernel.line() == "mine"
    session = open_session(None)
    with pytest.raises(LibraryError, match=f"process {kernel.process.pid} on.*with another account"):
        session.generate("character1 waves", [picture()], duration=3)
    assert len(session.clips) == 0


def test_a_clip_keeps_to_the_budget_it_was_asked_under_whoever_sends_it(
    start_kernel: StartKernel, sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    kernel = start_kernel("connect()\nsay('mine')\ntime.sleep(LONG)\n", sandbox)
    assert kernel.line() == "mine"
    session = open_session(sandbox, budget=45)
    first, second = (session.generate("character1 waves", [picture()], duration=3) for _ in range(2))
    for clip in (first, second):
        until(lambda clip=clip: clip.is_over, "it is over")
    done, refused = sorted((first, second), key=lambda clip: clip.state)
    assert done.is_done
    assert "budget of 45" in str(refused.error)
    assert session.spent == 30


def test_a_kernel_that_lost_the_library_notices_and_follows(
    start_kernel: StartKernel,
    start_sandbox: StartSandbox,
    open_session: OpenSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tenure, "_LOOK", 0.1)
    monkeypatch.setattr(ownership, "BEAT", 0.1)
    sandbox = start_sandbox(speed=10, scale=0.1)
    session = open_session(sandbox)
    clip = session.generate("character1 waves", [picture()], duration=3)
    until(lambda: clip.job_id, "it is submitted")
    # To the other kernel this one looks dead, as after a long sleep to one on another machine.
    session._engine.journal._database.write(
        lambda connection: connection.execute("UPDATE owner SET started = '1'")
    ).result(LONG)
    kernel = start_kernel("connect()\nsay('mine')\ntime.sleep(LONG)\n", sandbox)
    assert kernel.line() == "mine"
    until(lambda: not session._engine.tenure.mine, "the loss is noticed")
    until(lambda: not session._engine._driven, "the clip is left to the other kernel")
    through = session.generate("character1 waves", [picture()], duration=3)
    assert clip.wait(LONG).is_done
    assert through.wait(LONG).is_done
    assert session._engine._driven == {}
    assert len(sandbox.ledger()["charges"]) == 2


def test_a_forked_child_is_told_what_it_cannot_do_and_can_do_the_rest(
    start_kernel: StartKernel, sandbox: SandboxProcess
) -> None:
    kernel = start_kernel(
        """
session = connect()
clip = hh.generate("character1 waves", [picture()], duration=3)
until(lambda: clip.job_id, "nothing is being imported any more: to fork in the middle of that is asking for a deadlock")

from happyhorse_widgets.engine import loop
from happyhorse_widgets.engine.connect import generate
connecting = sys.modules[generate.__module__]
held, forked = threading.Event(), threading.Event()

def hold():
    with connecting._lock, loop._lock:
        held.set()
        forked.wait(LONG)

threading.Thread(target=hold).start()
held.wait(LONG)
if (child := os.fork()) == 0:
    try:
        for use in (clip.wait, lambda: session.generate("character1 waves", [picture()]), lambda: len(session.clips)):
            try:
                use()
            except hh.errors.LibraryError as error:
                say(error)
        own = connect(home=os.environ["HOME_FOLDER"] + "-child")
        assert hh.default_session() is hh.default_session() is own
        say(hh.generate("character1 waves", [picture()], duration=3).wait(LONG).state)
        own.close()
    finally:
        os._exit(0)
forked.set()
os.waitpid(child, 0)
say(clip.wait(LONG).state)
""",
        sandbox,
    )
    assert "was forked: wait for it there" in kernel.line()
    assert "closed" in kernel.line()
    assert "was forked" in kernel.line()
    assert kernel.line() == "done"
    assert kernel.line() == "done"
    status, _, complaints = kernel.end()
    assert status == 0
    assert "Traceback" not in complaints


@pytest.mark.parametrize("when", ["before it is written down", "while it is written down"])
def test_an_interrupt_of_generate_leaves_no_clip_that_could_be_paid(
    sandbox: SandboxProcess, open_session: OpenSession, when: str
) -> None:
    session = open_session(sandbox)
    jobs = len(sandbox.ledger()["jobs"])
    go_on = threading.Event()
    other = sqlite3.connect(session.home / "library.sqlite3", isolation_level=None)
    if when.startswith("before"):
        session._database.write(lambda connection: go_on.wait(LONG))
    else:
        other.execute("BEGIN IMMEDIATE")  # the writer waits for this to end

    def interrupt() -> None:
        until(session._engine._entering.locked, "the clip is being entered")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        session.generate("character1 waves", ["asset_1"], duration=3)
    other.close()
    go_on.set()
    assert session.generate("character1 waves", [picture()], duration=3).wait(LONG).is_done
    assert len(session.clips) == (1 if when.startswith("before") else 2)
    assert {clip.state for clip in session.clips} <= {State.DONE, State.WITHDRAWN}
    assert session.resume() == []
    assert len(sandbox.ledger()["jobs"]) == jobs + 1


def test_a_clip_in_hand_is_true_again_after_another_kernel_finished_it(
    start_kernel: StartKernel, start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    sandbox = start_sandbox(**SLOW)
    session = open_session(sandbox)
    clip = session.generate("character1 waves", [picture()], duration=3)
    until(lambda: clip.job_id, "it is submitted")
    session.close()
    kernel = start_kernel(f"say(connect().clip({clip.id!r}).wait(LONG).state)", sandbox)
    assert kernel.line() == "done"
    assert kernel.end() == (0, "", "")
    assert not clip.is_done
    open_session(sandbox)
    assert clip.wait(LONG).is_done
    assert len(sandbox.ledger()["charges"]) == 1
