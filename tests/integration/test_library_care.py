"""Checking, exporting and merging a real library: what can be had again is, nothing is paid, nothing is thrown away."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import threading
import zipfile
from pathlib import Path

import pytest

from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library.check import Kind
from tests.conftest import SandboxProcess, StartSandbox
from tests.integration.conftest import OpenSession, StartKernel
from tests.sessions import LONG, picture, until
from tests.unit.test_library_check import spoil_an_index


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1)


def make(session: Session, **values: object) -> Clip:
    return session.generate("character1 waves", [picture()], duration=3, **values).wait(LONG)


def image_of(session: Session, clip: Clip) -> Path:
    return session.home / (clip.request.references[0].file or "")


def test_what_is_gone_or_damaged_comes_back_and_costs_nothing(
    sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    session = open_session(sandbox)
    gone, damaged, fine = make(session), make(session), make(session)
    charges, facts, sha256 = sandbox.ledger()["charges"], gone.facts, gone.sha256
    assert session.library.check().sound
    assert gone.path and damaged.path and fine.path
    whole, before = damaged.path.read_bytes(), fine.path.stat().st_mtime_ns
    gone.path.unlink()
    damaged.path.write_bytes(b"scratched" + whole[9:])
    (session.home / "posters" / f"{fine.id}.jpg").unlink()
    (session.home / "posters" / f"{gone.id}.jpg").write_bytes(b"")
    image_of(session, gone).unlink()
    image_of(session, damaged).write_bytes(b"x" * 10)

    found = session.library.check(repair=False)
    assert {(one.kind, one.repaired) for one in found.findings} == {
        (Kind.MISSING, False),
        (Kind.DAMAGED, False),
    }
    assert not gone.path.exists()
    assert not (session.home / "set-aside").exists()

    checkup = session.library.check()
    assert checkup.sound, checkup
    assert len(checkup.repaired) == 6
    assert (gone.state, gone.facts, gone.sha256) == ("done", facts, sha256)
    assert damaged.path.read_bytes() == whole
    assert fine.path.stat().st_mtime_ns == before
    assert gone.poster_jpeg()
    assert fine.poster_jpeg()
    kept = sorted(file.name for file in (session.home / "set-aside").iterdir())
    assert kept == sorted([f"{damaged.id}.mp4", f"{gone.id}.jpg", image_of(session, damaged).name])
    assert (session.home / "set-aside" / f"{damaged.id}.mp4").read_bytes().startswith(b"scratched")
    assert session.library.check().findings == ()
    assert sandbox.ledger()["charges"] == charges
    assert session._engine.journal.events(gone.id)[-1]["detail"] == "It was downloaded again"


def test_an_image_that_only_scenario_has_comes_back(
    sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    session = open_session(sandbox)
    clip = make(session)
    image = image_of(session, clip)
    data = image.read_bytes()
    image.unlink()
    session._database.write(lambda connection: connection.execute("DELETE FROM images")).result(LONG)
    checkup = session.library.check()
    assert [(one.kind, one.repaired) for one in checkup.findings] == [(Kind.LOST_UPLOAD, True)]
    assert image.read_bytes() == data
    assert session.library.check().findings == ()


def test_what_scenario_has_no_more_is_told_and_left_as_it_is(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    sandbox = start_sandbox(speed=400, scale=0.1)
    session = open_session(sandbox)
    gone, damaged = make(session), make(session)
    asset_ids = [one for clip in (gone, damaged) for one in clip.to_dict()["asset_ids"]]
    sandbox.http.request("DELETE", "/assets", json={"assetIds": asset_ids}).raise_for_status()
    assert gone.path and damaged.path
    gone.path.unlink()
    damaged.path.write_bytes(b"scratched")
    checkup = session.library.check()
    assert not checkup.sound
    assert [one.clip_id for one in checkup.remaining] == [damaged.id, gone.id]
    assert all("Scenario has it no more" in one.message for one in checkup.remaining)
    assert damaged.path.read_bytes() == b"scratched"
    assert gone.state == "done"


def test_another_video_under_the_same_id_is_not_taken(
    sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    session = open_session(sandbox)
    clip = make(session)
    changed = "UPDATE outputs SET sha256 = 'of another', facts = json_set(facts, '$.frames', 7)"
    session._database.write(lambda connection: connection.execute(changed)).result(LONG)
    assert clip.path
    clip.path.write_bytes(b"the last copy")
    (finding,) = session.library.check().remaining
    assert "is another video, which was not taken" in finding.message
    assert clip.path.read_bytes() == b"the last copy"
    assert list(session.home.glob("*/*.part")) == []


def test_without_a_network_the_rest_is_checked_and_nothing_hangs(
    start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    sandbox = start_sandbox(speed=400, scale=0.1)
    session = open_session(sandbox)
    clips = [make(session) for _ in range(3)]
    sandbox.kill()
    for clip in clips:
        assert clip.path
        clip.path.unlink()
    (session.home / "posters" / f"{clips[0].id}.jpg").unlink()
    checkup = session.library.check()
    assert len(checkup.remaining) == 4  # the poster has nothing to be drawn from
    assert checkup.images == 3


def test_a_clip_of_another_account_is_told_and_a_video_that_was_not_noted_is_adopted(
    sandbox: SandboxProcess, open_session: OpenSession, start_kernel: StartKernel, tmp_path: Path
) -> None:
    kernel = start_kernel(
        """
def between_publishing_and_commit(event, arguments):
    if event == "open" and str(arguments[0]).endswith("/home/clips"):
        say(clip.id)
        os.kill(os.getpid(), signal.SIGKILL)

session = connect()
done = hh.generate("character1 waves", [picture()], duration=3).wait(LONG)
say(done.id)
sys.addaudithook(between_publishing_and_commit)
clip = hh.generate("character1 waves", [picture()], duration=3)
clip.wait(LONG)
""",
        sandbox,
    )
    done_id, left_id = kernel.line(), kernel.line()
    kernel.process.wait(LONG)
    session = open_session(sandbox, project="another")
    left = session.clip(left_id)
    assert left.state == "downloading"
    charges = sandbox.ledger()["charges"]
    (session.home / "clips" / f"{done_id}.mp4").unlink()
    checkup = session.library.check()
    assert [one.kind for one in checkup.repaired] == [Kind.UNNOTED]
    (remaining,) = checkup.remaining
    assert "made with another account" in remaining.message
    assert remaining.clip_id == done_id
    assert left.wait(LONG).is_done
    assert left.path and left.poster_jpeg()
    assert sandbox.ledger()["charges"] == charges


def test_a_check_while_clips_are_on_their_way(start_sandbox: StartSandbox, open_session: OpenSession) -> None:
    sandbox = start_sandbox(speed=100, scale=0.1)
    session = open_session(sandbox)
    clips = [session.generate("character1 waves", [picture()], duration=3) for _ in range(12)]
    checks = 0
    while not all(clip.is_over for clip in clips):
        checkup = session.library.check()
        assert checkup.findings == (), checkup
        checks += 1
    assert checks > 3
    assert all(clip.is_done for clip in clips)
    assert len(sandbox.ledger()["charges"]) == 12
    assert session.library.check().clips == 12


def test_an_index_that_lacks_a_row_is_made_anew_and_a_copy_kept(
    sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    session = open_session(sandbox)
    make(session)
    session.close()
    spoil_an_index(session.home / "library.sqlite3")
    session = open_session(sandbox)
    checkup = session.library.check()
    (finding,) = checkup.findings
    assert (finding.kind, finding.repaired) == (Kind.JOURNAL, True)
    assert "missing from index jobs_by_state" in finding.message
    (copy,) = session.home.glob("library-v*.sqlite3")
    assert copy.name in finding.message
    assert session.library.check().findings == ()


def test_a_journal_with_lost_rows_is_told_and_not_touched(
    sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    session = open_session(sandbox)
    make(session)
    session.close()
    path = session.home / "library.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO events (job_id, at, from_state, to_state) VALUES ('clip_gone', 0, '', 'draft')"
    )
    connection.commit()
    connection.close()
    session = open_session(sandbox)
    checkup = session.library.check()
    (finding,) = checkup.remaining
    assert "a row of events names one of jobs that is not there" in finding.message
    assert "cannot be mended here" in finding.message
    assert list(session.home.glob("library-v*")) == []


@pytest.mark.parametrize("renames", range(1, 5))
def test_a_kernel_killed_during_a_repair_is_followed_by_one_that_completes_it(
    sandbox: SandboxProcess, open_session: OpenSession, start_kernel: StartKernel, renames: int
) -> None:
    kernel = start_kernel(
        f"""
session = connect()
clip = hh.generate("character1 waves", [picture()], duration=3).wait(LONG)
say(clip.id)
whole = clip.path.read_bytes()
clip.path.write_bytes(b"scratched" + whole[9:])
left = {renames}

def stop(event, arguments):
    global left
    if event == "os.rename":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(stop)
say(session.library.check().sound)
""",
        sandbox,
    )
    clip_id, _ = kernel.line(), kernel.line()
    kernel.process.wait(LONG)
    session = open_session(sandbox)
    assert session.library.check().sound
    assert session.clip(clip_id).frames(2).shape[0] == 2
    assert len(list((session.home / "set-aside").iterdir())) == 1  # what was there is kept
    assert session.library.check().findings == ()


def test_blocking_on_the_engines_own_thread_is_refused_and_awaiting_works(
    sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    session = open_session(sandbox)

    async def wrongly() -> None:
        session.library.check()

    with pytest.raises(RuntimeError, match="await the method that ends in _async"):
        session.run(wrongly()).result(LONG)

    async def rightly() -> bool:
        checkup = await session.library.check_async(repair=False)
        return checkup.sound

    assert session.run(rightly()).result(LONG)


def test_closing_ends_a_check(sandbox: SandboxProcess, open_session: OpenSession) -> None:
    session = open_session(sandbox)
    make(session)
    reading, go_on = threading.Event(), threading.Event()

    async def hold() -> None:
        async with session.library._one_at_a_time:
            reading.set()
            await asyncio.to_thread(go_on.wait, LONG)

    session.run(hold())
    assert reading.wait(LONG)
    caught: list[BaseException] = []

    def check() -> None:
        try:
            session.library.check()
        except LibraryError as error:
            caught.append(error)

    thread = threading.Thread(target=check)
    thread.start()
    until(lambda: len(session._engine._tasks) > 2 or caught, "the check waits for its turn")
    session.close()
    go_on.set()
    thread.join(LONG)
    assert "session is closed" in str(caught[0])
    with pytest.raises(LibraryError, match="session is closed"):
        session.library.check()


def test_an_interrupt_ends_a_check_and_the_session_goes_on(
    sandbox: SandboxProcess, start_kernel: StartKernel
) -> None:
    kernel = start_kernel(
        """
import asyncio
session = connect()
library = session.library
never = asyncio.Event()

async def hold():
    async with library._one_at_a_time:
        await never.wait()

holding = session.run(hold())
try:
    say("checking")
    library.check()
except KeyboardInterrupt:
    say("interrupted")
holding.cancel()
say(library.check().sound)
""",
        sandbox,
    )
    assert kernel.line() == "checking"
    os.killpg(kernel.process.pid, signal.SIGINT)
    assert kernel.line() == "interrupted"
    assert kernel.line() == "True"
    assert kernel.end() == (0, "", "")


def test_clips_go_to_another_home_and_cost_nothing_there(
    sandbox: SandboxProcess, open_session: OpenSession, tmp_path: Path
) -> None:
    session = open_session(sandbox)
    first, second = make(session, seed=1), make(session, seed=2)
    exported = session.library.export(tmp_path)
    assert exported.path.parent == tmp_path
    assert session.library.export(tmp_path, first).path not in (exported.path, tmp_path)  # a name of its own
    assert exported.clips == (first.id, second.id)
    with zipfile.ZipFile(exported.path) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    for secret in (sandbox.key, sandbox.secret, "Signature=", "Policy=", str(tmp_path)):
        assert secret.encode() not in everything
    charges = sandbox.ledger()["charges"]
    assert session.spent > 0

    other = open_session(sandbox, home=tmp_path / "other", budget=session.spent / 2)
    merged = other.library.merge(exported.path)
    assert set(merged.clips) == {first.id, second.id}
    assert other.spent == 0
    here = other.clip(first.id)
    assert here.wait(LONG).path != first.path
    assert here.path and first.path
    assert here.path.read_bytes() == first.path.read_bytes()
    assert here.to_dict() | {"path": None} == first.to_dict() | {"path": None}
    assert here.poster_jpeg() == first.poster_jpeg()
    assert here.frames(2).shape[0] == 2
    assert other.library.check().findings == ()
    assert sandbox.ledger()["charges"] == charges
    again = here.submit_again().wait(LONG)  # its image has come along
    assert again.is_done
    assert other.spent > 0
    assert len(other.library.export(tmp_path / "all.zip").clips) == 3


def test_an_export_of_some_clips_and_places_where_none_can_be(
    sandbox: SandboxProcess, open_session: OpenSession, tmp_path: Path
) -> None:
    session = open_session(sandbox)
    first, second = make(session), make(session)
    assert session.library.export(tmp_path / "a.zip", first).clips == (first.id,)
    assert session.library.export(tmp_path / "a.zip", second.id).clips == (second.id,)
    assert session.library.export(tmp_path / "a.zip", session.clips[:1]).clips == (second.id,)
    for place in (session.home / "library.sqlite3", tmp_path / "absent" / "a.zip", first.path or ""):
        with pytest.raises(LibraryError, match="is no place for an export"):
            session.library.export(place)
    with pytest.raises(LibraryError, match="There is no clip clip_x"):
        session.library.export(tmp_path / "a.zip", ["clip_x"])


def test_clips_on_their_way_do_not_travel(
    start_sandbox: StartSandbox, open_session: OpenSession, tmp_path: Path
) -> None:
    sandbox = start_sandbox(speed=5, scale=0.1)
    session = open_session(sandbox)
    clip = session.generate("character1 waves", [picture()], duration=3)
    until(lambda: clip.job_id, "it is submitted")
    exported = session.library.export(tmp_path / "a.zip")
    assert (exported.clips, list(exported.left_out)) == ((), [clip.id])
    assert "is not finished" in exported.left_out[clip.id]
    other = open_session(sandbox, home=tmp_path / "other")
    assert other.library.merge(exported.path).clips == ()
    assert len(other.clips) == 0
