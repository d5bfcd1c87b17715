"""What nobody has set follows the defaults of the model; what somebody has set stays, and is refused where it cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comm
import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import InvalidImage, InvalidRequest
from happyhorse_widgets.media.images import load_image
from happyhorse_widgets.widgets.assets import STATIC
from tests.conftest import SandboxProcess, StartSandbox
from tests.reliability.small_scenario import SmallScenario
from tests.scripted_server import KEY, SECRET, Reply, ScriptedServer, Seen
from tests.sessions import picture
from tests.unit.comms import RecordingComm, asking, until
from tests.unit.test_widgets_tray import png

FOX = STATIC / "samples" / "fox.png"
HAPPY_HORSE = "model_alibaba-happy-horse-reference-to-video"
COMPATIBLE = "model_sandbox-compatible-reference-to-video"
USUAL, OF_COMPATIBLE = ("16:9", "1080P", 5), ("16:9", "720P", 4)

Connect = Callable[..., Session]


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=200, scale=0.1)


@pytest.fixture
def connect(sandbox: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """A session on the same home each time, as each new kernel has one."""
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    opened: list[Session] = []

    def connect(**options: Any) -> Session:
        where = {"base_url": sandbox.base_url, "home": tmp_path / "home", **options}
        opened.append(hh.connect(sandbox.key, sandbox.secret, **where))
        return opened[-1]

    yield connect
    for session in opened:
        session.close()


@pytest.fixture
def studio(connect: Connect) -> Iterator[hh.Studio]:
    studio = hh.Studio(connect(), references=[FOX], prompt="character1 waves")
    yield studio
    studio.close()


def shape(studio: hh.Studio) -> tuple[str, str, int]:
    form = studio._form
    assert all(form[name] == getattr(studio, name) for name in ("aspect_ratio", "resolution", "duration"))
    return studio.aspect_ratio, studio.resolution, studio.duration


def wrong(studio: hh.Studio) -> list[str]:
    values = {name: getattr(studio, name) for name in ("aspect_ratio", "resolution", "duration")}
    found = studio.session.check(studio.prompt, studio.references, model=studio.model, **values)
    return [problem.field for problem in found if problem.severity == "error"]


def test_what_nobody_set_is_the_default_of_the_model_that_is_chosen(studio: hh.Studio) -> None:
    assert shape(studio) == USUAL
    studio.model = COMPATIBLE
    assert shape(studio) == OF_COMPATIBLE
    assert wrong(studio) == []
    (clip,) = studio.generate()
    assert (clip.request.resolution, clip.request.duration) == ("720P", 4)
    studio.model = HAPPY_HORSE
    assert shape(studio) == USUAL
    # No view was ever shown one model with the defaults of the other.
    shown = {(form["model"], form["resolution"], form["duration"]) for form in studio.comm.updates("_form")}
    assert shown == {(COMPATIBLE, "720P", 4), (HAPPY_HORSE, "1080P", 5)}


@pytest.mark.parametrize("way", ["argument", "trait", "view"])
def test_what_somebody_set_stays_though_it_is_the_default_and_is_refused(connect: Connect, way: str) -> None:
    session = connect()
    given = {"resolution": "1080P"} if way == "argument" else {}
    studio = hh.Studio(session, references=[FOX], prompt="character1 waves", **given)
    if way == "trait":
        studio.resolution = "1080P"
    elif way == "view":
        asking(studio.comm)("studio-edit", {"values": {"model": COMPATIBLE, "resolution": "1080P"}})
    studio.model = COMPATIBLE
    assert shape(studio) == ("16:9", "1080P", 4)
    assert studio._form["following"] == ("aspect_ratio", "duration")
    assert wrong(studio) == ["resolution"]
    with pytest.raises(InvalidRequest, match="resolution"):
        studio.generate()
    studio.close()


def test_what_is_refused_is_not_set(studio: hh.Studio) -> None:
    answer = asking(studio.comm)("studio-edit", {"values": {"duration": "long"}})
    assert answer["kind"] == "error"
    studio.model = COMPATIBLE
    assert shape(studio) == OF_COMPATIBLE


def test_a_preset_sets_what_it_holds_and_undo_has_it_follow_again(studio: hh.Studio) -> None:
    ask = asking(studio.comm)
    ask("studio-presets", {"save": "p", "values": {"resolution": "1080P"}})
    ask("studio-presets", {"load": "p"})
    studio.model = COMPATIBLE
    assert shape(studio) == ("16:9", "1080P", 4)
    ask("studio-undo")
    assert (studio.model, shape(studio)) == (HAPPY_HORSE, USUAL)
    studio.model = COMPATIBLE
    assert shape(studio) == OF_COMPATIBLE


def test_a_draft_knows_what_was_set_in_another_kernel(connect: Connect) -> None:
    session = connect()
    studio = hh.Studio(session)
    studio.prompt, studio.duration, studio.model = "character1 waves", 5, COMPATIBLE
    assert shape(studio) == ("16:9", "720P", 5)
    studio.close()
    session.close()
    again = hh.Studio(connect())
    until(lambda: again.model == COMPATIBLE)
    until(lambda: shape(again) == ("16:9", "720P", 5))
    again.model = HAPPY_HORSE
    assert shape(again) == USUAL
    again.close()


@pytest.mark.parametrize("kept", [{}, {"following": 5}, {"following": [["x"], "prompt", "seed"]}])
def test_a_draft_that_does_not_say_was_all_set_by_somebody(connect: Connect, kept: dict[str, Any]) -> None:
    session = connect()
    values = {"prompt": "mine", "aspect_ratio": "16:9", "resolution": "1080P", "duration": 5}
    session.saved("draft")["studio"] = values | kept
    studio = hh.Studio(session)
    studio.model = COMPATIBLE
    assert shape(studio) == USUAL
    studio.close()


# -- what Scenario says later ------------------------------------------------------------------------------------------


class Strict(SmallScenario):
    """Its clips last 5, 10 or 15 seconds, 10 by default, of at most two images of 100 kB."""

    def _model(self, seen: Seen) -> Reply:
        reply = super()._model(seen)
        inputs = {each["name"]: each for each in reply.body["model"]["inputs"]}
        inputs["duration"] |= {"min": 5, "step": 5, "default": 10}
        inputs["referenceImages"] |= {"maxLength": 2, "maxSize": 100_000}
        return reply


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Callable[[], Session]]:
    """Opens a session with it."""
    opened: list[Session] = []
    scenario = Strict(b"")
    with ScriptedServer(script=scenario) as server:
        scenario.base = server.url

        def connect() -> Session:
            opened.append(hh.connect(KEY, SECRET, base_url=f"{server.url}/v1", home=tmp_path / "strict"))
            return opened[-1]

        yield connect
        for session in opened:
            session.close()


def test_a_default_that_scenario_tells_later_is_followed_and_is_no_work_of_anybody(
    strict: Callable[[], Session],
) -> None:
    session = strict()
    studio = hh.Studio(session, prompt="an example")
    mine = hh.Studio(session, duration=5)
    until(lambda: studio.duration == 10 and mine._schema["models"][0]["fields"]["duration"]["step"] == 5)
    assert mine.duration == 5
    studio._draft.flush()
    assert dict(session.saved("draft")) == {}
    for each in (studio, mine):
        each.close()


def test_an_image_that_is_too_large_for_the_model_is_refused_before_it_is_sent(
    strict: Callable[[], Session],
) -> None:
    session = strict()
    large, small = load_image(png(300), name="large.png"), load_image(picture(), name="small.png")
    until(lambda: session._engine.schemas.is_learned(session.schema().model_id))
    words = f"character2 (Big) has {len(large.data):,} bytes; the model takes at most 100,000 for each image."
    (problem,) = session.check("character1 and Big", {"Small": small, "Big": large}, duration=10)
    assert (problem.field, problem.message.startswith(words)) == ("references", True)
    with pytest.raises(InvalidImage) as caught:
        session.generate("character1 and Big", {"Small": small, "Big": large}, duration=10)
    assert caught.value.problems[0].startswith(words)
    assert len(session.clips) == 0
