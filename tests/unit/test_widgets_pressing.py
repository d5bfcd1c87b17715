"""What a press makes, and what a view's messages set, when something about them is odd."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comm
import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.api.models import Model, ModelInput
from happyhorse_widgets.api.params import ModelSchema, schema_from_model
from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import InvalidRequest, LibraryError
from happyhorse_widgets.widgets.assets import STATIC
from happyhorse_widgets.widgets.pressing import Pressing, Wanted
from tests.conftest import SandboxProcess, StartSandbox
from tests.unit.comms import Ask, RecordingComm, asking, until

FOX = STATIC / "samples" / "fox.png"
HAPPY_HORSE = "model_alibaba-happy-horse-reference-to-video"
COMPATIBLE = "model_sandbox-compatible-reference-to-video"


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=200, scale=0.1)


@pytest.fixture
def session(sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Session]:
    session = hh.connect(sandbox.key, sandbox.secret, base_url=sandbox.base_url, home=tmp_path / "home")
    yield session
    session.close()


@pytest.fixture
def studio(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[hh.Studio]:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    studio = hh.Studio(session, references=[FOX], prompt="character1 waves", duration=3)
    yield studio
    studio.close()


@pytest.fixture
def ask(studio: hh.Studio) -> Ask:
    return asking(studio.comm)


def press(ask: Ask, studio: hh.Studio, name: str, **values: Any) -> dict[str, Any]:
    form = dict(studio._form) | values
    tiles = form.pop("tiles")
    return ask("studio-generate", {"press": name, "values": form, "tiles": tiles})


def model_with_seed(**bounds: Any) -> ModelSchema:
    inputs = (
        ModelInput(name="prompt", type="string"),
        ModelInput(name="referenceImages", type="file_array", kind="image"),
        ModelInput(name="seed", **{"type": "number", **bounds}),
    )
    return schema_from_model(Model(id="model_other", name="Other", inputs=inputs))


def failing(submit: Callable[..., Clip], at: int, error: Exception) -> Callable[..., Clip]:
    """`submit`, whose call of this number fails."""
    calls = iter(range(1, 1000))

    def one(*given: Any, **more: Any) -> Clip:
        if next(calls) == at:
            raise error
        return submit(*given, **more)

    return one


# -- seeds -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "allowed"),
    [
        ({"min": 0, "max": 3}, range(4)),
        ({"min": 5_000_000, "max": 9_000_000}, range(5_000_000, 6_000_000)),
        ({"min": -1, "max": -1}, range(-1, 0)),
        ({"max": float("inf")}, range(1_000_000)),
        ({"allowed_values": (7, 9)}, (7, 9)),
        ({"type": "string"}, (None,)),
    ],
    ids=["few", "a minimum", "below zero", "without end", "some", "text"],
)
def test_seeds_are_drawn_from_what_the_model_takes(
    session: Session, monkeypatch: pytest.MonkeyPatch, bounds: dict[str, Any], allowed: Any
) -> None:
    monkeypatch.setattr(session, "schema", lambda _model: model_with_seed(**bounds))
    drawn: list[int | None] = []
    drawing = threading.Thread(
        target=lambda: drawn.extend(Pressing(session).draw("model_other", 8)), daemon=True
    )
    drawing.start()
    drawing.join(30)
    assert len(drawn) == 8
    assert all(seed in allowed for seed in drawn)
    assert len(set(drawn)) == min(8, len(allowed)) or len(allowed) < 8


@pytest.mark.parametrize("many", [0, -1, 9, 1_000_001])
def test_so_many_clips_are_refused_at_once_and_the_next_press_is_made(
    studio: hh.Studio, ask: Ask, many: int
) -> None:
    refused = press(ask, studio, "p1", variations=many)
    assert (refused["clips"], refused["problems"][0]["field"]) == ([], "variations")
    code = ask("studio-code", {"values": {"variations": many}, "tiles": studio._form["tiles"]})
    assert (code["name"], "1 to 8 can" in code["message"]) == ("InvalidRequest", True)
    assert len(press(ask, studio, "p2")["clips"]) == 1


def test_the_first_seed_is_checked_like_the_last(studio: hh.Studio, ask: Ask) -> None:
    answer = press(ask, studio, "p1", seed=-1, variations=3)
    assert [problem["field"] for problem in answer["problems"]] == ["seed"]
    assert len(studio.clips) == 0


# -- a press that fails half-way ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [LibraryError("The disk is full."), OSError(28, "secret")], ids=["ours", "other"]
)
def test_a_press_that_failed_half_way_is_not_made_again(
    studio: hh.Studio, ask: Ask, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(studio.session, "submit", failing(studio.session.submit, 2, error))
    first = press(ask, studio, "p1", variations=3)
    again = press(ask, studio, "p1", variations=3)
    assert [card["press"] for card in first["clips"]] == ["p1/0"]
    assert "Only 1 of 3 clips were made." in first["problems"][0]["message"]
    assert "secret" not in str(first)
    assert [card["id"] for card in again["clips"]] == [card["id"] for card in first["clips"]]
    assert again["problems"] == first["problems"]
    assert len(studio.clips) == 1


def test_generate_gives_the_clips_that_were_made_and_goes_on_behind_them(
    studio: hh.Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.seed, studio.seed_mode, studio.variations = 5, "next", 3
    monkeypatch.setattr(
        studio.session, "submit", failing(studio.session.submit, 3, LibraryError("The disk is full."))
    )
    with pytest.warns(UserWarning, match=r"Only 2 of 3 clips were made\. The disk is full\."):
        clips = studio.generate()
    assert [clip.request.seed for clip in clips] == [5, 6]
    assert studio.seed == 7
    assert [clip.request.seed for clip in studio.generate()] == [7, 8, 9]


def test_a_press_that_failed_before_its_first_clip_stays_failed(
    studio: hh.Studio, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "submit", failing(session.submit, 1, LibraryError("The disk is full.")))
    pressing = Pressing(session)
    values = {"duration": 3, "aspect_ratio": "1:1", "resolution": "720P"}
    wanted = Wanted("character1 waves", studio.references, HAPPY_HORSE, values)
    assert str(pressing.make("p1", wanted).error) == "The disk is full."
    assert pressing.make("p1", wanted).clips == ()
    assert len(pressing.make("p2", wanted).clips) == 1


@pytest.mark.parametrize(
    "presses", [["a", "a"], ["a", "b"], [None, None]], ids=["told twice", "two", "without"]
)
def test_submit_again_makes_one_clip_for_each_press(
    studio: hh.Studio, ask: Ask, presses: list[str | None]
) -> None:
    clip = studio.session.submit("character1 is [moderated]", [FOX], duration=3)
    until(lambda: clip.is_over)
    said = [ask("clip-act", clip=clip.id, action="again", press=press)["said"] for press in presses]
    assert len(set(said)) == len(studio.clips) - 1 == (1 if presses == ["a", "a"] else 2)


def test_a_better_wording_is_paid_once_for_each_press(studio: hh.Studio, ask: Ask) -> None:
    wish = {"wish": "enhance", "text": "character1 waves", "tiles": studio._form["tiles"], "aliases": {}}
    one = ask("prompt-propose", wish, press="a")
    spent = studio.session.spent
    assert spent == one["units"] > 0
    again = ask("prompt-propose", wish, press="a")
    assert (again["text"], studio.session.spent) == (one["text"], spent)
    ask("prompt-propose", wish, press="b")
    assert studio.session.spent == 2 * spent


# -- a model that is still being asked about -------------------------------------------------------------------------------


def held_back(session: Session, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Scenario's answers about models wait for this."""
    go, real = threading.Event(), session.schema_async

    async def schema_async(model: str) -> ModelSchema:
        await asyncio.to_thread(go.wait, 60)
        return await real(model)

    monkeypatch.setattr(session, "schema_async", schema_async)
    return go


@pytest.mark.parametrize("later", [HAPPY_HORSE, f"{HAPPY_HORSE}-1.1"])
def test_the_model_that_was_chosen_last_stays(
    studio: hh.Studio, session: Session, ask: Ask, monkeypatch: pytest.MonkeyPatch, later: str
) -> None:
    go = held_back(session, monkeypatch)
    studio.comm.say({"kind": "studio-model", "model": COMPATIBLE, "request": "slow"})
    assert ask("studio-edit", {"values": {"model": later}})["kind"] == "reply"
    go.set()
    until(lambda: [each for each in studio.comm.messages if each.get("request") == "slow"])
    assert studio.model == later


def test_a_preset_whose_model_is_gone_says_so(studio: hh.Studio, session: Session, ask: Ask) -> None:
    session.saved("preset")["old"] = {"model": "model_gone", "duration": 4}
    assert ask("studio-presets", {"load": "old"})["kind"] == "reply"
    until(lambda: "The model is left as it was: Scenario has no model model_gone" in studio._filled["text"])
    assert (studio.duration, studio.model) == (4, HAPPY_HORSE)


def test_a_press_of_an_unknown_model_does_not_hold_up_the_kernel(
    studio: hh.Studio, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, real = threading.Event(), session.schema

    def schema(model: str) -> ModelSchema:
        if model == COMPATIBLE:
            assert threading.current_thread() is not threading.main_thread()
            go.wait(60)
        return real(model)

    monkeypatch.setattr(session, "schema", schema)
    form = dict(studio._form) | {"model": COMPATIBLE, "duration": 4, "resolution": "720P"}
    message = {"press": "p1", "values": form, "tiles": form.pop("tiles")}
    pressed, code = studio._press(message, []), studio._give_code(message, [])
    assert not (pressed.done() or code.done())
    go.set()
    assert len(pressed.result(60)["clips"]) == 1
    assert COMPATIBLE in code.result(60)["code"]["python"]


# -- messages of a wrong type ------------------------------------------------------------------------------------------


def test_one_bad_setting_does_not_drop_the_others(studio: hh.Studio, ask: Ask) -> None:
    answer = ask(
        "studio-edit", {"values": {"variations": 99, "prompt": "character1 runs", "duration": "x", "seed": 4}}
    )
    assert answer["name"] == "InvalidRequest"
    assert len(answer["problems"]) == 2
    assert (studio.prompt, studio.seed, studio.variations, studio.duration) == ("character1 runs", 4, 1, 3)


@pytest.mark.parametrize("tiles", ["abc", 5, [["x"]], {"a": 1}, None])
def test_tiles_that_are_no_list_of_ids_are_refused_and_take_nothing_off(
    studio: hh.Studio, ask: Ask, tiles: Any
) -> None:
    before, values = studio._form["tiles"], {"prompt": "character1 waves"}
    for kind, content in (
        ("studio-edit", {"values": {"tiles": tiles}}),
        ("studio-generate", {"press": "p1", "values": values, "tiles": tiles}),
        ("studio-code", {"values": values, "tiles": tiles}),
    ):
        assert ask(kind, content)["name"] == "InvalidRequest"
    assert studio._form["tiles"] == before


@pytest.mark.parametrize("values", [[], "x", 5, None])
def test_values_that_are_no_settings_are_refused(studio: hh.Studio, ask: Ask, values: Any) -> None:
    tiles = studio._form["tiles"]
    for kind in ("studio-edit", "studio-generate", "studio-code"):
        assert ask(kind, {"press": "p1", "values": values, "tiles": tiles})["name"] == "InvalidRequest"


# -- filling -----------------------------------------------------------------------------------------------------------


def test_a_clip_that_left_settings_to_the_model_is_set_up_with_the_models_own(
    studio: hh.Studio, ask: Ask
) -> None:
    clip = studio.session.submit("character1 runs", [FOX], seed=3)
    studio.duration, studio.aspect_ratio, studio.prompt = 9, "1:1", "what I typed"
    assert ask("studio-reuse", {"clip": clip.id})["kind"] == "reply"
    assert (studio.prompt, studio.duration, studio.aspect_ratio, studio.seed) == (
        "character1 runs",
        5,
        "16:9",
        3,
    )
    ask("studio-undo")
    assert (studio.prompt, studio.duration, studio.aspect_ratio) == ("what I typed", 9, "1:1")


def test_what_cannot_be_set_is_left_and_named_and_the_rest_can_be_undone(
    studio: hh.Studio, session: Session, ask: Ask
) -> None:
    session.saved("preset")["odd"] = {
        "duration": 5.5,
        "variations": 12,
        "resolution": "720P",
        "seed_mode": "sweep",
    }
    assert ask("studio-presets", {"load": "odd"})["kind"] == "reply"
    assert (studio.resolution, studio.duration, studio.variations) == ("720P", 3, 1)
    assert studio._filled["text"].endswith("cannot be set: duration, seed_mode, variations.")
    ask("studio-undo")
    assert studio.resolution == "1080P"


def test_undo_can_be_undone(studio: hh.Studio, ask: Ask) -> None:
    ask("studio-presets", {"save": "p", "values": {"duration": 8}})
    ask("studio-presets", {"load": "p"})
    studio.prompt = "character1 dances, and that took a while to write"
    ask("studio-undo")
    assert (studio.prompt, studio.duration) == ("character1 waves", 3)
    assert studio._filled["text"]
    ask("studio-undo")
    assert (studio.prompt, studio.duration) == ("character1 dances, and that took a while to write", 8)


def test_a_preset_keeps_only_what_can_be_set_and_what_is_none_is_not_listed(
    studio: hh.Studio, session: Session, ask: Ask
) -> None:
    values = {"duration": 7.5, "variations": 12, "model": {"a": 1}, "resolution": "720P", "seed": None}
    (kept,) = ask("studio-presets", {"save": "p", "values": values})["presets"]
    assert (kept["summary"], session.saved("preset")["p"]) == ("720P", {"resolution": "720P", "seed": None})
    session.saved("preset")["foreign"] = 5
    assert [each["name"] for each in ask("studio-presets", {})["presets"]] == ["p"]
    for bad in ({"save": None}, {"load": "foreign"}, {"save": " ", "values": [1]}):
        assert ask("studio-presets", bad)["name"] == "InvalidRequest"


def test_a_code_for_no_variations_is_refused_in_python_too(studio: hh.Studio) -> None:
    with pytest.raises(InvalidRequest, match="0 clips at once"):
        studio._requests(Wanted("x", (), HAPPY_HORSE, {}, None, 0))
