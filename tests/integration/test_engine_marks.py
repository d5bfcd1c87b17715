"""Clips that are marked, deleted and made anew: told to everybody, in every kernel, and never a matter of money."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from happyhorse_widgets.engine import tenure
from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.lineage import Origin
from happyhorse_widgets.engine.request import Reference
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.engine.states import State
from happyhorse_widgets.errors import InvalidImage, InvalidRequest, LibraryError
from happyhorse_widgets.media.images import load_image
from tests.conftest import SandboxProcess, StartSandbox
from tests.integration.conftest import OpenSession, StartKernel
from tests.sessions import LONG, picture, until


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1)


def make(session: Session, **values: object) -> Clip:
    return session.generate("character1 waves", [picture()], **{"duration": 3, **values}).wait(LONG)


def test_a_mark_is_told_and_kept(sandbox: SandboxProcess, open_session: OpenSession) -> None:
    session = open_session(sandbox)
    clip = make(session)
    told: list[tuple[str, bool, tuple[str, ...], str, bool]] = []
    session.observe(lambda c: told.append((c.id, c.favourite, c.tags, c.notes, c.deleted_at is not None)))
    marking = threading.Thread(target=lambda: clip.mark(favourite=True, tags=["fox"], notes="good"))
    marking.start()
    marking.join()
    clip.delete()
    clip.restore()
    assert told[:3] == [
        (clip.id, True, ("fox",), "good", False),
        (clip.id, True, ("fox",), "good", True),
        (clip.id, True, ("fox",), "good", False),
    ]
    described = clip.to_dict()
    assert [described[name] for name in ("favourite", "tags", "notes", "deleted_at")] == [
        True,
        ["fox"],
        "good",
        None,
    ]
    with pytest.raises(InvalidRequest, match="at most 100 characters"):
        clip.mark(tags=["x" * 101])
    session.close()
    with pytest.raises(LibraryError, match="closed"):
        clip.mark(favourite=False)
    again = open_session(sandbox).clip(clip.id)
    assert again is clip
    assert (again.favourite, again.tags, again.notes) == (True, ("fox",), "good")


def test_clips_are_a_tidy_frame_that_goes_through_parquet(
    sandbox: SandboxProcess, open_session: OpenSession, tmp_path: Path
) -> None:
    session = open_session(sandbox)
    assert list(session.clips.to_frame().columns[:3]) == ["clip_id", "created_at", "prompt"]
    seeded, free = make(session, seed=2**31 - 1), make(session, resolution="720P")
    seeded.mark(tags=["fox", "snow"])
    frame = session.clips.to_frame()
    assert list(frame["clip_id"]) == [free.id, seeded.id]
    row = frame.set_index("clip_id").loc[seeded.id]
    assert (row["prompt"], row["seed"], row["duration"], row["cost"]) == (
        "character1 waves",
        2**31 - 1,
        3,
        seeded.cost,
    )
    assert (row["sha256"], row["state"], list(row["tags"])) == (seeded.sha256, "done", ["fox", "snow"])
    assert row["created_at"].timestamp() == pytest.approx(seeded.created_at, abs=1e-3)
    assert frame["seed"].isna().tolist() == [True, False]
    frame.to_parquet(tmp_path / "clips.parquet")
    again = pd.read_parquet(tmp_path / "clips.parquet")
    pd.testing.assert_frame_equal(again.assign(tags=again["tags"].map(list)), frame)
    assert len(session.clips.search(tags=["fox"]).to_frame()) == 1


def test_a_deleted_clip_is_in_no_list_and_costs_what_it_cost(
    sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    session = open_session(sandbox)
    first, second = make(session), make(session, seed=3)
    spent, path, charges = session.spent, first.path, len(sandbox.ledger()["charges"])
    first.delete()
    assert session.spent == spent == 60.0
    assert list(session.clips) == [second]
    assert session.clips.search(deleted=True).ids() == [first.id]
    assert session.clip(first.id) is first  # so that it can be restored
    assert first not in session.clips
    assert session.prompts() == ["character1 waves"]
    with pytest.raises(KeyError, match="There is no clip"):
        session.clips[first.id]
    assert session.library.check().sound

    emptied = session.library.empty_trash()
    assert emptied.clips == (first.id,)
    assert path is not None
    assert not path.exists()
    assert first.path is None
    assert first.is_done
    assert first.poster_jpeg() is None
    assert session.spent == spent
    with pytest.raises(LibraryError, match="went with the trash"):
        first.poster()
    second.delete()
    assert session.library.empty_trash(older_than=3600).clips == ()
    assert session.prompts() == []

    first.restore()
    assert session.library.check().repaired
    assert first.path == path
    assert path.exists()
    assert len(sandbox.ledger()["charges"]) == charges


def test_a_clip_on_its_way_cannot_be_deleted(start_sandbox: StartSandbox, open_session: OpenSession) -> None:
    session = open_session(start_sandbox(speed=20, scale=0.1))
    clip = session.generate("character1 waves", [picture()], duration=3)
    with pytest.raises(InvalidRequest, match="is on its way, and may be paid"):
        clip.delete()
    clip.mark(favourite=True)  # which does not hinder it
    assert clip.wait(LONG).is_done
    assert clip.favourite
    clip.delete()


def test_where_clips_come_from(sandbox: SandboxProcess, open_session: OpenSession) -> None:
    session = open_session(sandbox)
    first = make(session, seed=1)
    varied, reused = first.remake(seed=2), first.remake(prompt="character1 jumps", seed=1)
    told = session.submit(
        "character1 waves", first.request.references, duration=3, parent=first.id, relation="reused"
    )
    frame = replace(load_image(picture()), clip_id=first.id)
    continued = session.generate("character1 and character2", [frame, picture()], duration=3, parent=told.id)
    for clip in (varied, reused, told, continued):
        clip.wait(LONG)
    assert (varied.request.seed, varied.request.references) == (2, first.request.references)
    assert reused.request.prompt == "character1 jumps"
    assert first.lineage == ()
    assert varied.lineage == (Origin("varied", first.id),)
    assert reused.lineage == told.lineage == (Origin("reused", first.id),)
    assert continued.lineage == (Origin("reused", told.id), Origin("continued", first.id))
    assert first.descendants() == [varied, reused, told, continued]
    assert told.descendants() == [continued]
    assert continued.descendants() == []
    assert told.submit_again().lineage == told.lineage  # what is made in its place comes from the same

    first.delete()
    reused.delete()
    assert varied.lineage == (Origin("varied", first.id, "deleted"),)
    assert varied not in first.descendants()[1:]
    assert reused not in first.descendants()
    session.library.empty_trash()
    assert varied.lineage == (Origin("varied", first.id, "deleted"),)
    assert session.clip(varied.lineage[0].clip_id) is first
    session.close()
    assert varied.lineage == (Origin("varied", first.id, ""),)


def test_what_a_clip_cannot_come_from(sandbox: SandboxProcess, open_session: OpenSession) -> None:
    session = open_session(sandbox)
    first = make(session)
    count = len(session.clips)
    for parent, relation in (("clip_x", ""), (first.id, "copied")):
        with pytest.raises(InvalidRequest, match="parent is the id of a clip in this library"):
            session.submit("character1 waves", [picture()], parent=parent, relation=relation)
    with pytest.raises(InvalidRequest):
        first.remake(duration=99)
    with pytest.raises(InvalidRequest, match="mood"):
        first.remake(mood="gay")
    (session.home / (first.request.references[0].file or "")).unlink()
    with pytest.raises(InvalidImage, match="not in this library any more"):
        first.remake(seed=4)
    assert len(session.clips) == count


def test_what_is_read_late_does_not_take_a_mark_back(
    sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    session = open_session(sandbox)
    clip = make(session)
    early = clip.record
    clip.mark(favourite=True)
    clip.take(early)  # as the engine does with what it read before the mark was committed
    assert clip.favourite
    late = clip.record
    clip.mark(favourite=False)
    assert clip.take_marks(late) is False
    assert not clip.favourite


def test_what_another_kernel_says_is_heard_here(
    start_kernel: StartKernel,
    sandbox: SandboxProcess,
    open_session: OpenSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tenure, "_LOOK", 0.1)
    session = open_session(sandbox)
    clip = make(session)
    heard: list[tuple[str, tuple[str, ...], str]] = []
    session.observe(lambda c: heard.append((c.id, c.tags, c.notes)))
    kernel = start_kernel(
        f"""
session = connect()
clip = session.clip({clip.id!r})
clip.mark(tags=["theirs"], notes="from there")
session.saved("preset")["wide"] = {{"aspect_ratio": "21:9"}}
say("marked")
sys.stdin.readline()
clip.delete()
say(len(session.clips), clip.notes)
""",
        sandbox,
    )
    assert kernel.line() == "marked"
    until(lambda: (clip.id, ("theirs",), "from there") in heard, "the mark is heard of")
    assert clip.tags == ("theirs",)
    assert session.saved("preset")["wide"] == {"aspect_ratio": "21:9"}
    clip.mark(notes="from here")
    assert (clip.tags, clip.notes) == (("theirs",), "from here")
    kernel.go_on()
    assert kernel.line() == "0 from here"
    until(lambda: clip.deleted_at, "the deletion is heard of")
    assert list(session.clips) == []
    assert kernel.end() == (0, "", "")


def test_what_another_kernel_says_of_a_clip_on_its_way_is_heard_here(
    start_kernel: StartKernel,
    start_sandbox: StartSandbox,
    open_session: OpenSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tenure, "_LOOK", 0.1)
    stall = {"match": {"method": "POST", "path": "/v1/generate/custom/*"}, "fault": "job", "outcome": "stall"}
    sandbox = start_sandbox(speed=400, scale=0.1, faults=[stall])  # it will not be done while this test runs
    session = open_session(sandbox)
    clip = session.generate("character1 waves", [picture()], duration=3)
    until(lambda: clip.state is State.RUNNING, "it is on its way")
    heard: list[str] = []
    session.observe(lambda changed: heard.append(changed.notes))
    kernel = start_kernel(f"connect().clip({clip.id!r}).mark(notes='from there')", sandbox)
    assert kernel.end() == (0, "", "")
    until(lambda: "from there" in heard, "the mark is heard of")
    assert (clip.notes, clip.state) == ("from there", State.RUNNING)


def test_marks_from_the_engines_own_thread_and_from_many_threads(
    sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    session = open_session(sandbox)
    clip = make(session)

    async def mark() -> None:
        await asyncio.sleep(0)
        clip.mark(notes="from the loop")

    session.run(mark()).result(LONG)
    assert clip.notes == "from the loop"
    threads = [threading.Thread(target=clip.mark, kwargs={"tags": [str(n)]}) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clip.tags == session.clips.search(clip.id)[0].tags == session._records.those([clip.id])[0].tags
    clip.mark(tags=["first"])
    threads = [threading.Thread(target=clip.mark, kwargs={"add_tags": [str(n)]}) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(clip.tags) == sorted(["first", *map(str, range(10))]), "none that was added is lost"
    with pytest.raises(InvalidRequest, match="can have 50 tags; these are 51"):
        clip.mark(add_tags=[f"more {n}" for n in range(40)])


def test_a_reference_that_is_no_frame_names_no_clip() -> None:
    assert Reference.of(load_image(picture())).clip_id is None
