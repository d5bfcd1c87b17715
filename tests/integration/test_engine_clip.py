"""One clip over real HTTP, from the request to the file, and every way to wait for it and to look at it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from happyhorse_widgets.api.config import DEFAULT_BASE_URL
from happyhorse_widgets.api.params import HAPPY_HORSE
from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.code import code_for
from happyhorse_widgets.engine.loop import engine_loop
from happyhorse_widgets.engine.request import Reference, Request
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.engine.states import State
from happyhorse_widgets.errors import HappyHorseError, InvalidRequest, LibraryError, WaitTimeout
from happyhorse_widgets.media.images import load_image
from happyhorse_widgets.media.probe import probe
from tests.conftest import SandboxProcess, StartSandbox
from tests.integration.conftest import OpenSession
from tests.scripted_server import ScriptedServer, Silence
from tests.sessions import LONG, picture, until


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1)


@pytest.fixture
def session(sandbox: SandboxProcess, open_session: OpenSession) -> Session:
    return open_session(sandbox)


def test_a_clip_arrives_with_everything_that_is_needed_to_make_it_again(
    session: Session, sandbox: SandboxProcess
) -> None:
    images = [picture(), picture()]
    clip = session.generate(
        "character1 waves at character2", images, duration=3, seed=7, resolution="720P", aspect_ratio="1:1"
    )
    assert (clip.is_done, clip.path, clip.error) == (False, None, None)
    assert clip.wait(LONG) is clip

    told = json.loads(json.dumps(clip.to_dict()))
    job = next(job for job in sandbox.ledger()["jobs"] if job["jobId"] == clip.job_id)
    assert job["metadata"]["assetIds"] == told["asset_ids"]
    assert told["job_id"] == job["jobId"]
    assert (told["state"], told["model"], told["error"]) == ("done", HAPPY_HORSE, None)
    assert told["request"]["prompt"] == "character1 waves at character2"
    assert [reference["sha256"] for reference in told["request"]["references"]] == [
        hashlib.sha256(image).hexdigest() for image in images
    ]
    assert (told["request"]["seed"], told["seed_used"]) == (7, 7)
    assert told["cost"] == told["estimate"] == job["billing"]["cuCost"]
    assert set(told["versions"]) == {"happyhorse_widgets", "python", "platform"}
    assert told["created_at"] < told["finished_at"]
    assert clip.elapsed == told["finished_at"] - told["created_at"]
    assert session.spent == clip.cost


def test_a_seed_that_was_left_to_the_model_is_known_afterwards(
    session: Session, sandbox: SandboxProcess
) -> None:
    clip = session.generate("character1 waves", [picture()], duration=3).wait(LONG)
    asset = sandbox.http.get(f"/assets/{clip.to_dict()['asset_ids'][0]}").json()["asset"]
    assert (clip.request.seed, clip.seed_used) == (None, int(asset["metadata"]["seed"]))
    assert session.clip(clip.id).to_dict()["seed_used"] == clip.seed_used


@pytest.mark.parametrize(
    ("ratio", "resolution", "size"),
    [("16:9", "720P", (128, 72)), ("9:16", "720P", (72, 128)), ("9:16", "1080P", (108, 192))],
)
def test_the_file_is_whole_playable_from_its_first_byte_and_as_recorded(
    session: Session, ratio: str, resolution: str, size: tuple[int, int]
) -> None:
    clip = session.generate(
        "character1 waves", [picture()], aspect_ratio=ratio, resolution=resolution, duration=3
    ).wait(LONG)
    assert clip.path == session.home / "clips" / f"{clip.id}.mp4"
    data = clip.path.read_bytes()
    assert clip.sha256 == hashlib.sha256(data).hexdigest()
    assert data.index(b"moov") < data.index(b"mdat")
    facts = probe(clip.path)
    assert facts.faststart
    assert (facts.video_codec, facts.frame_rate, facts.size) == ("h264", 24, len(data))
    assert (facts.width, facts.height, facts.frames) == (*size, 74)  # a tenth of the true size
    assert clip.facts is not None
    assert clip.facts["size"] == len(data)
    assert sorted(path.name for path in session.home.rglob("*.part")) == []


def test_what_can_be_looked_at(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = session.generate("character1 waves", [picture()], duration=3).wait(LONG)
    assert clip.path is not None
    assert clip.facts is not None
    size = (clip.facts["width"], clip.facts["height"])
    first, last, frames = clip.poster(), clip.last_frame(), clip.frames(3)
    assert first.size == last.size == size
    assert frames.shape == (3, size[1], size[0], 3)
    assert np.array_equal(frames[0], np.asarray(first))
    assert np.array_equal(frames[-1], np.asarray(last))

    small = clip.poster_jpeg()
    assert small is not None
    assert len(small) <= 40_000
    assert Image.open(io.BytesIO(small)).format == "JPEG"

    assert clip.save(tmp_path / "copy.mp4").read_bytes() == clip.path.read_bytes()
    (tmp_path / "folder").mkdir()
    assert clip.save(str(tmp_path / "folder")) == tmp_path / "folder" / clip.path.name
    assert clip.save(clip.path) == clip.path  # onto itself: nothing is lost
    assert probe(clip.path).size == clip.facts["size"]
    with pytest.raises(FileNotFoundError):
        clip.save(tmp_path / "absent" / "copy.mp4")

    monkeypatch.chdir(tmp_path)
    shown = clip.video(width=320)
    assert (shown.url, shown.embed, shown.width) == (f"home/clips/{clip.id}.mp4", False, 320)
    assert clip.video(embed=True).data == clip.path.read_bytes()
    monkeypatch.chdir(tmp_path / "folder")
    assert clip.video().embed  # a page cannot point above itself

    assert repr(clip) == f"<Clip {clip.id} done sandbox {clip.path}>"
    clip.path.unlink()
    with pytest.raises(LibraryError, match="is gone"):
        clip.poster()


def test_a_folder_with_a_space_is_percent_encoded(
    sandbox: SandboxProcess, open_session: OpenSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session(sandbox, home=tmp_path / "my clips")
    clip = session.generate("character1 waves", [picture()], duration=3).wait(LONG)
    monkeypatch.chdir(tmp_path)
    url = clip.video().url
    assert " " not in url
    assert Path(unquote(url)).exists()


def test_the_code_for_a_clip_makes_it_again(session: Session, sandbox: SandboxProcess) -> None:
    quoted = 'character1 says "it\'s $HOME"\n`twice`'
    clip = session.generate(quoted, [picture()], duration=3, seed=7, aspect_ratio="1:1").wait(LONG)
    made: dict[str, object] = {}
    exec(clip.code(), made)  # in the session of the last `connect`
    again = made["clip"]
    assert isinstance(again, Clip)
    assert (again.request.values(), again.sha256) == (clip.request.values(), clip.sha256)
    assert again.request.references[0].sha256 == clip.request.references[0].sha256

    curl = shlex.split(clip.code("curl"))
    assert curl[:4] == ["curl", "--request", "POST", f"{sandbox.base_url}/generate/custom/{HAPPY_HORSE}"]
    assert curl[curl.index("--user") + 1] == "$SCENARIO_SDK_API_KEY:$SCENARIO_SDK_API_SECRET"
    assert json.loads(curl[-1]) == clip.record.body
    script = clip.code("javascript")
    assert json.loads(script[script.index("stringify(") + 10 : script.index("),\n});")]) == clip.record.body
    for language in ("python", "curl", "javascript"):
        assert sandbox.key not in clip.code(language)
        assert sandbox.secret not in clip.code(language)
    with pytest.raises(InvalidRequest, match="no code in 'perl'; there is in python, curl, javascript"):
        clip.code("perl")

    def curl_of(endpoint: str) -> list[str]:
        record = replace(clip.record, endpoint=endpoint)
        return shlex.split(code_for("curl", record, endpoint=session.account[0], home=session.home))

    # What a stranger's library says is no address to send keys to; an own sandbox's assets are nowhere else.
    assert curl_of("https://example.com/v1")[3].startswith(f"{DEFAULT_BASE_URL}/generate")
    own = curl_of("sandbox")
    assert own[3].startswith(f"{DEFAULT_BASE_URL}/generate")
    named = [f"<asset id of {clip.request.references[0].name}>"]
    assert json.loads(own[-1]) == clip.record.body | {"referenceImages": named}


def test_the_code_gives_every_image_and_sends_it_as_it_was_sent(session: Session) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    told = io.BytesIO()
    Image.new("RGB", (400, 400), "red").save(told, "JPEG", exif=exif)
    images = []
    for image in (load_image(told.getvalue(), keep_metadata=True), load_image(picture())):
        images.append(Reference.of(image))
        (session.home / str(images[-1].file)).write_bytes(image.data)
    twice = [replace(image, alias="Rex") for image in images]
    code = session.code("python", [Request("Rex waves", tuple(twice), HAPPY_HORSE)])
    assert code.count(str(session.home / "images")) == 2, "two of one name are two images all the same"
    assert "keep_metadata=True" in code
    assert "keep_metadata" not in session.code("python", [Request("x", tuple(images[1:]), HAPPY_HORSE)])


def test_the_code_of_a_clip_that_was_not_sent_names_its_images(session: Session) -> None:
    with ScriptedServer(script=lambda seen: Silence()) as server:
        address = f"{server.url}/fox.png;sig=CANARY?Signature=CANARY#CANARY"
        clip = session.generate("character1 waves", [address, "asset_1"], duration=3)
        sent = json.loads(shlex.split(clip.code("curl"))[-1])
        assert sent["referenceImages"] == ["<asset id of fox.png>", "asset_1"]
        assert f"['{server.url}/fox.png', 'asset_1']" in clip.code()
        assert "CANARY" not in clip.code()
        clip.cancel()


def test_a_wait_that_is_too_short_says_so_and_the_clip_goes_on(session: Session) -> None:
    clip = session.generate("character1 waves", [picture()], duration=3)
    for timeout in (0, 0.01):
        with pytest.raises(WaitTimeout, match="goes on in the background"):
            clip.wait(timeout)
    with pytest.raises(HappyHorseError, match="not ready yet"):
        clip.save("anywhere.mp4")
    assert clip.wait(LONG).is_done
    assert clip.wait(0).is_done


def test_it_can_be_awaited_in_any_loop(session: Session) -> None:
    clip = session.generate("character1 waves", [picture()], duration=3)

    async def in_a_loop_of_its_own() -> list[Clip]:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(clip, 0.01)
        return await asyncio.gather(*(asyncio.wait_for(clip, LONG) for _ in range(3)))

    assert asyncio.run(in_a_loop_of_its_own()) == [clip] * 3

    async def on_the_engine() -> Clip:
        with pytest.raises(RuntimeError, match="await the clip"):
            clip.wait()
        return await clip

    assert session.run(on_the_engine()).result(LONG) is clip


def test_it_can_be_waited_for_inside_a_running_loop_which_goes_on_meanwhile(session: Session) -> None:
    clip = session.generate("character1 waves", [picture()], duration=3)

    async def cell() -> tuple[Clip, int]:
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                beats += 1
                await asyncio.sleep(0.01)

        beating = asyncio.create_task(beat())
        found = clip.wait(LONG)
        beating.cancel()
        return found, beats

    found, beats = asyncio.run(cell())
    assert found.is_done
    assert beats > 3
    # Waiting so has changed asyncio for the whole process; the engine does not mind.
    assert session.generate("character1 waves", [picture()], duration=3).wait(LONG).is_done


def test_observers_are_told_of_every_state_on_the_engines_thread(session: Session) -> None:
    seen: list[tuple[State, bool]] = []

    def fails(clip: Clip) -> None:
        raise KeyError("an observer's own mistake")

    ends = [
        session.observe(fails),
        session.observe(lambda clip: seen.append((clip.state, engine_loop().is_here()))),
    ]
    session.generate("character1 waves", [picture()], duration=3).wait(LONG)
    until(lambda: seen[-1][0] == "done", "the observer was told as well")
    states = list(dict.fromkeys(state for state, _ in seen))
    path = [
        "draft",
        "uploading",
        "intent",
        "sending",
        "submitted",
        "running",
        "succeeded",
        "downloading",
        "done",
    ]
    assert [state for state in path if state in states] == states
    assert {"draft", "sending", "submitted", "done"} <= set(states)
    assert all(on_the_engine for _, on_the_engine in seen)
    for end in ends:
        end()
        end()
    told = len(seen)
    later: list[State] = []
    session.observe(lambda clip: later.append(clip.state))
    session.generate("character1 waves", [picture()], duration=3)
    until(lambda: "done" in later, "whoever observes now was told")
    assert len(seen) == told


def test_the_library_gives_clips_by_id_position_and_slice(session: Session) -> None:
    made = [session.generate("character1 waves", [picture()], duration=3) for _ in range(3)]
    newest_first = [clip.id for clip in reversed(made)]
    clips = session.clips
    assert [clip.id for clip in clips] == newest_first
    assert clips[0] is made[2]  # the very object, as long as somebody has it
    assert session.clip(made[0].id) is made[0]
    assert [clip.id for clip in clips[0:2]] == newest_first[:2]
    assert [clip.id for clip in clips[::-1]] == newest_first[::-1]
    assert [clips[-1].id, clips[-3].id] == [newest_first[2], newest_first[0]]
    assert clips[5:9] == []
    assert made[1] in clips
    assert repr(clips) == "<3 clips>"
    for wrong in (3, -4):
        with pytest.raises(IndexError, match="no clip at position"):
            clips[wrong]
    with pytest.raises(KeyError, match="no clip clip_absent"):
        session.clip("clip_absent")
    for clip in made:
        clip.wait(LONG)


def test_a_clip_that_nobody_held_is_found_finished(session: Session) -> None:
    clip_id = session.generate("character1 waves", [picture()], duration=3).id
    until(lambda: session.clip(clip_id).is_done, "the clip is there")
    assert session.clip(clip_id).wait(0).path is not None


def test_a_home_that_was_moved_still_works(
    sandbox: SandboxProcess, open_session: OpenSession, tmp_path: Path
) -> None:
    first = open_session(sandbox, home=tmp_path / "here")
    clip = first.generate("character1 waves", [picture()], duration=3).wait(LONG)
    first.close()
    shutil.move(tmp_path / "here", tmp_path / "there")
    second = open_session(sandbox, home=tmp_path / "there")
    again = second.clip(clip.id)
    assert again.path == tmp_path / "there" / "clips" / f"{clip.id}.mp4"
    assert again.facts is not None
    assert again.poster().size == (again.facts["width"], again.facts["height"])
    assert second.generate("character1 waves", again.request.references, duration=3).wait(LONG).is_done


def test_two_sessions_of_one_home_and_process(
    session: Session, start_sandbox: StartSandbox, open_session: OpenSession
) -> None:
    other = open_session(start_sandbox(speed=400, scale=0.1))
    assert other.home == session.home
    one, two = (each.generate("character1 waves", [picture()], duration=3) for each in (session, other))
    foreign = session.clip(two.id)
    with pytest.raises(LibraryError, match="made with another account"):
        foreign.wait(LONG)
    assert one.wait(LONG).is_done
    assert two.wait(LONG).is_done
    assert {clip.id for clip in session.clips} == {clip.id for clip in other.clips} == {one.id, two.id}
    assert session.spent == other.spent == one.cost  # each counts its own account
    other.close()
    assert session.generate("character1 waves", [picture()], duration=3).wait(LONG).is_done
