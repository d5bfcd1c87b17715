"""The comparison's side in the kernel: what is compared, what tells it apart, the files made of it, and what a notebook keeps."""

from __future__ import annotations

import base64
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import comm
import pytest
from PIL import Image

import happyhorse_widgets as hh
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.media.probe import probe
from happyhorse_widgets.widgets.exports import MOST
from tests.shelves import clip_id, fill
from tests.unit.comms import Ask, RecordingComm, asking, until

COUNT = 40


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    home = tmp_path_factory.mktemp("compare") / "home"
    fill(home, COUNT)
    session = hh.connect(sandbox=True, home=home)
    yield session
    session.close()


@pytest.fixture(autouse=True)
def _recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)


def opened(session: Session, *numbers: int, **look: Any) -> tuple[hh.Compare, Ask]:
    compare = hh.Compare([clip_id(number) for number in numbers], session=session, **look)
    return compare, asking(compare.comm)


def cell(clip: hh.Clip | None, **levels: str) -> SimpleNamespace:
    return SimpleNamespace(clip=clip, levels=levels)


def test_clips_are_told_apart_by_what_differs_in_their_requests(session: Session) -> None:
    compare, ask = opened(session, 3, 8, 4)
    answer = ask("compare-open")
    assert [state["id"] for state in answer["states"]] == [clip_id(3), clip_id(8), clip_id(4)]
    assert [level["seed"] for level in answer["levels"]] == ["seed 3", "seed 8", "seed 4"]
    assert [level["aspect_ratio"] for level in answer["levels"]] == ["16:9", "16:9", "4:3"]
    assert answer["levels"][0]["prompt"] == "… a red kite, take 3, …"
    assert set(answer["levels"][0]) == {"prompt", "seed", "aspect_ratio"}
    assert (answer["rows"], answer["columns"]) == ("", ""), "each prompt has a seed of its own: no table"
    assert compare.labels[1] == "B · … a red kite, take 8, … · seed 8 · 16:9"
    assert compare.clips[0] is session.clip(clip_id(3))
    assert len(json.dumps(answer, default=str)) < 20_000
    compare.close()


def test_clips_are_told_apart_by_inputs_that_only_some_models_have(tmp_path: Path) -> None:
    fill(tmp_path / "home", 3)
    other = """UPDATE jobs SET request = json_set(
        request, '$.prompt', 'x', '$.aspect_ratio', '1:1', '$.seed', 3, '$.inputs', json(?)) WHERE id = ?"""
    inputs = [
        (given, clip_id(number))
        for number, given in enumerate(('{"guidance_scale": 7}', '{"guidance_scale": 9.5}', "{}"))
    ]
    with closing(sqlite3.connect(tmp_path / "home" / "library.sqlite3")) as library, library:
        library.executemany(other, inputs)
    session = hh.connect(sandbox=True, home=tmp_path / "home")
    compare = hh.Compare([clip_id(number) for number in range(3)], session=session, columns="guidance_scale")
    assert compare.labels == ("A · guidance scale 7", "B · guidance scale 9.5", "C · –")
    compare.close()
    session.close()


def test_a_sweeps_cells_are_told_apart_by_its_own_levels(session: Session) -> None:
    clips = [session.clip(clip_id(number)) for number in range(4)]
    cells = [
        cell(clips[0], prompt="calm", seed="1", model="m"),
        cell(clips[1], prompt="calm", seed="2", model="m"),
        cell(clips[2], prompt="wild", seed="1", model="m"),
        cell(clips[2], prompt="wild", seed="2", model="m"),
        cell(None, prompt="wild", seed="3", model="m"),
    ]
    sweep = SimpleNamespace(cells=cells, clips=clips)
    plain = asking(hh.Compare(sweep).comm)("compare-open")
    assert (plain["rows"], plain["columns"]) == ("prompt", "seed")
    flat = asking(hh.Compare(sweep, rows="").comm)("compare-open")
    assert (flat["rows"], flat["columns"]) == ("", "seed")
    compare = hh.Compare(sweep, columns="prompt")
    answer = asking(compare.comm)("compare-open")
    assert answer["levels"][1] == {"prompt": "calm", "seed": "seed 2"}
    assert (answer["rows"], answer["columns"]) == ("seed", "prompt")
    assert [clip.id for clip in compare.clips] == [clip_id(0), clip_id(1), clip_id(2), clip_id(2)]
    compare.close()


def test_what_cannot_be_compared_is_said(session: Session) -> None:
    ids = [clip_id(number) for number in range(COUNT)]
    for clips, words in (
        (ids[:1], "2 to 36 clips, not 1"),
        (ids, "not 40"),
        (["clip_gone", ids[0]], "'clip_gone' is no clip"),
        ([3, 4], "3 is no clip"),
        (SimpleNamespace(cells=[cell(None, seed="1")]), "not 0"),
    ):
        with pytest.raises(InvalidRequest, match=words):
            hh.Compare(clips, session=session)
    with pytest.raises(InvalidRequest, match="do not differ in 'resolution'; these are: prompt, seed"):
        opened(session, 0, 3, rows="resolution")
    with pytest.raises(InvalidRequest, match="no mode 'side'; choose one of grid, side by side"):
        opened(session, 0, 1, mode="side")
    compare, _ = opened(session, 0, 1)
    with pytest.raises(InvalidRequest, match="no mode"):
        compare.mode = "blink"
    compare.mode = "wipe"
    assert compare.comm.updates("mode") == ["wipe"]
    compare.close()


def test_a_clip_that_changes_is_told_to_the_views(session: Session) -> None:
    compare, _ = opened(session, 5, 6)
    session.clip(clip_id(7)).mark(favourite=True)
    session.clip(clip_id(6)).mark(favourite=True)
    told = until(lambda: [m for m in compare.comm.messages if m["kind"] == "clips-changed"])
    assert [(clip["id"], clip["favourite"]) for clip in told[0]["clips"]] == [(clip_id(6), True)]
    compare.close()


def test_the_kernel_makes_the_files_that_a_view_asks_for(session: Session) -> None:
    compare, ask = opened(session, 0, 5, 10)
    wish = {"clips": [clip_id(0), clip_id(5)], "labels": ["A · calm", "B"], "begins": [0, 2], "columns": 2}

    def made(way: str) -> dict[str, Any]:
        return until(lambda: ask("compare-export", way=way, **wish).get("file"))

    strip, video = made("strip"), made("video")
    assert (strip["type"], video["type"]) == ("image/jpeg", "video/mp4")
    request = ask("compare-chunk", file=video["name"], offset=0, length=video["size"])["request"]
    (data,) = next(
        sent
        for _, message, sent, _ in compare.comm.published
        if (message.get("content") or {}).get("request") == request
    )
    path = session.home / "exports" / video["name"]
    assert data == path.read_bytes()
    assert (probe(path).width, probe(path).frames) == (960, 6)
    with av.open(str(path)) as container:
        told = container.metadata["comment"].splitlines()
    clip = session.clip(clip_id(5))
    assert told[1] == f"B: {clip.id} sha256 {clip.sha256}, from frame 2"
    before = path.stat().st_mtime_ns
    assert made("video") == video
    assert path.stat().st_mtime_ns == before, "it is made once"
    compare.close()


def test_a_video_of_many_columns_is_made_as_high_as_it_can_be(session: Session) -> None:
    compare, ask = opened(session, *range(0, 18, 2))
    wish = {
        "clips": [clip.id for clip in compare.clips],
        "labels": ["A"] * 9,
        "begins": [0] * 9,
        "columns": 9,
    }
    made = until(lambda: ask("compare-export", way="video", **wish).get("file"))
    facts = probe(session.home / "exports" / made["name"])
    assert (facts.width, facts.height) == (9 * 454, 340 + 28)  # of 4:3, and 9 × 480 would be 4,320
    compare.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"way": "film"},
        {"columns": 0},
        {"clips": ["clip_gone"]},
        {"labels": []},
        {"begins": [-1]},
        {"begins": ["0"]},
        {"clips": [clip_id(0)] * (MOST + 1), "labels": ["A"] * (MOST + 1), "begins": [0] * (MOST + 1)},
    ],
)
def test_files_that_cannot_be_are_refused_in_words(session: Session, wrong: dict[str, Any]) -> None:
    compare, ask = opened(session, 0, 1)
    wish = {"way": "strip", "clips": [clip_id(0)], "labels": ["A"], "begins": [0], "columns": None}
    assert ask("compare-export", **{**wish, **wrong})["name"] == "InvalidRequest"
    compare.close()


@pytest.mark.parametrize(
    "name", ["../library.sqlite3", "/etc/passwd", "..", "", f"../posters/{clip_id(0)}.jpg"]
)
def test_a_view_reads_nothing_but_the_files_made_for_it(session: Session, name: str) -> None:
    (session.home / "exports").mkdir(exist_ok=True)
    compare, ask = opened(session, 0, 1)
    assert ask("compare-chunk", file=name, offset=0, length=10)["kind"] == "error"
    compare.close()


def test_a_comparison_gives_a_strip_and_a_video_in_python(session: Session, tmp_path: Path) -> None:
    compare, _ = opened(session, 0, 5, 10)
    sheet = compare.strip(tmp_path / "strip.png", frames=3)
    assert Image.open(tmp_path / "strip.png").size == sheet.size
    path = compare.video(tmp_path / "three.mp4", columns=3, height=48)
    assert (path, probe(path).width) == (tmp_path / "three.mp4", 3 * 64)
    assert [file.name for file in tmp_path.iterdir() if "three" in file.name] == ["three.mp4"]
    with pytest.raises(InvalidRequest, match="4,096"):
        compare.video(tmp_path / "huge.mp4", height=4000)
    assert not list(tmp_path.glob("huge*"))
    compare.close()


def test_a_saved_notebook_keeps_a_contact_sheet(session: Session) -> None:
    compare, _ = opened(session, 0, 5, 10, rows="", columns="seed")
    bundle = compare._bundle()
    sheet = Image.open(io.BytesIO(base64.b64decode(bundle["image/jpeg"])))
    assert sheet.width == 3 * (round(108 * 64 / 48) + 4) + 4
    assert bundle["text/plain"].startswith("3 clips compared")
    assert f"({clip_id(5)})" in bundle["text/plain"] and clip_id(10) in bundle["text/html"]
    assert len(json.dumps(bundle)) < 100_000
    assert len(json.dumps({name: compare.get_state()[name] for name in ("mode", "_twin")})) < 1000
    compare.close()
