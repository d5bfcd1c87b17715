"""Copies of a real clip for programs that cannot play it, as a card asks for them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import comm
import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.media.probe import probe
from happyhorse_widgets.widgets.card import card_state
from happyhorse_widgets.widgets.clip import ClipCard
from tests.integration.test_widgets_clip import Answers, generate
from tests.sessions import LONG, QUICK
from tests.unit.comms import RecordingComm


@pytest.fixture(autouse=True)
def comms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clip]:
    """A finished clip."""
    home = tmp_path_factory.mktemp("work") / "happyhorse"
    with_session = hh.connect(sandbox=True, home=home, settings=QUICK)
    yield generate(with_session).wait(LONG)
    with_session.close()


def have(answers: Answers, version: str) -> tuple[dict[str, Any], list[float]]:
    """Ask until the file is there, as a view does: the file, and what was said of the progress meanwhile."""
    shares: list[float] = []
    for _ in range(200):
        content, _ = answers.ask("clip-version", version=version)
        if "progress" not in content:
            return content, shares
        shares.append(content["progress"])
    pytest.fail("the copy did not come")


def whole(answers: Answers, size: int, version: str) -> bytes:
    chunk = 500_000
    asked = ({"offset": at, "length": min(chunk, size - at)} for at in range(0, size, chunk))
    return b"".join(answers.ask("clip-chunk", version=version, **part)[1][0] for part in asked)


def test_a_card_knows_its_frames_and_whether_there_is_sound(done: Clip) -> None:
    facts = probe(done.path)
    video = card_state(done)["video"]
    assert (video["rate"], video["frames"], video["sound"]) == (24.0, facts.frames, True)


@pytest.mark.parametrize(
    ("version", "name", "kind"), [("silent", ".silent.mp4", "video/mp4"), ("webm", ".webm", "video/webm")]
)
def test_a_copy_is_made_once_and_comes_in_chunks(done: Clip, version: str, name: str, kind: str) -> None:
    answers = Answers(ClipCard(done))
    content, shares = have(answers, version)
    path = done.keeper.home / "playable" / f"{done.id}{name}"
    assert shares == sorted(shares)
    assert content["file"] == {"served": None, "size": path.stat().st_size, "type": kind}
    made = path.stat().st_mtime_ns
    assert have(Answers(ClipCard(done)), version)[0]["file"] == content["file"]
    assert path.stat().st_mtime_ns == made
    assert whole(answers, path.stat().st_size, version) == path.read_bytes()
    assert [entry.name for entry in path.parent.iterdir() if entry.name.endswith(".part")] == []


@pytest.mark.parametrize("kind", ["clip-version", "clip-chunk"])
def test_a_version_that_there_is_not_is_refused(done: Clip, kind: str) -> None:
    content, _ = Answers(ClipCard(done)).ask(kind, version="../../etc/passwd", offset=0, length=10)
    assert (content["kind"], content["name"]) == ("error", "InvalidRequest")
    assert "original, silent, webm" in content["message"]


def test_a_copy_of_a_video_that_is_gone_is_told(done: Clip, tmp_path: Path) -> None:
    shutil.rmtree(done.keeper.home / "playable", ignore_errors=True)
    away = Path(shutil.move(done.path, tmp_path))
    try:
        content, _ = Answers(ClipCard(done)).ask("clip-version", version="silent")
    finally:
        shutil.move(away, done.path)
    assert (content["kind"], content["name"]) == ("error", "LibraryError")
    assert "Put it back" in content["message"]
