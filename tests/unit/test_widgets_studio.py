"""The Studio's side in the kernel, with a real session on a real sandbox and the browser's end of the comm in hand."""

from __future__ import annotations

import gc
import hashlib
import json
import shlex
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import comm
import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import (
    BudgetExceeded,
    ConfigurationError,
    InvalidImage,
    InvalidRequest,
    NotFound,
)
from happyhorse_widgets.media.images import load_image
from happyhorse_widgets.widgets.assets import STATIC
from happyhorse_widgets.widgets.estimate import LiveEstimate
from tests.conftest import SandboxProcess, StartSandbox
from tests.sessions import Kernel
from tests.unit.comms import Ask, RecordingComm, asking, until
from tests.unit.test_widgets_tray import png

FOX, ASTRONAUT = STATIC / "samples" / "fox.png", STATIC / "samples" / "astronaut.png"
HAPPY_HORSE = "model_alibaba-happy-horse-reference-to-video"


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=200, scale=0.1)


@pytest.fixture
def session(sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Session]:
    session = hh.connect(
        sandbox.key,
        sandbox.secret,
        base_url=sandbox.base_url,
        home=tmp_path / "home",
        settings=hh.Settings(poll_interval=0.1, single_poll=0.1),
    )
    yield session
    session.close()


@pytest.fixture
def studio(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[hh.Studio]:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    studio = hh.Studio(session)
    yield studio
    studio.close()


@pytest.fixture
def ask(studio: hh.Studio) -> Ask:
    """Send a request as a view does, and wait for its answer."""
    return asking(studio.comm)


def press(ask: Ask, studio: hh.Studio, name: str = "p1", **values: Any) -> dict[str, Any]:
    form = dict(studio._form) | values
    tiles = form.pop("tiles")
    return ask("studio-generate", {"press": name, "values": form, "tiles": tiles})


# -- from Python -------------------------------------------------------------------------------------------------------


def test_settings_are_traits_to_give_read_set_and_observe(session: Session) -> None:
    studio = hh.Studio(session, prompt="character1 waves", references=[FOX], duration=7, seed=3)
    heard: list[int] = []
    studio.observe(lambda change: heard.append(change["new"]), "duration")
    studio.duration = 9
    assert heard == [9]
    assert studio._form["duration"] == 9
    assert studio._form["prompt"] == "character1 waves"
    assert [source.name for source in studio.references] == ["fox.png"]
    assert (studio.aspect_ratio, studio.resolution, studio.seed) == ("16:9", "1080P", 3)
    assert studio.model == HAPPY_HORSE
    studio.close()


def test_unknown_arguments_and_unusable_values_are_refused(session: Session, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"'promt'. Did you mean prompt\?"):
        hh.Studio(session, promt="x")
    with pytest.raises(InvalidImage, match=r"character1: .*gone\.png.* does not exist"):
        hh.Studio(session, references=[tmp_path / "gone.png"])
    with pytest.raises(InvalidRequest, match="9 are the most"):
        hh.Studio(session, references=[FOX] * 10)
    with pytest.raises(NotFound):
        hh.Studio(session, model="model_nobody")


def test_generate_makes_the_clip_that_is_set_up(studio: hh.Studio, sandbox: SandboxProcess) -> None:
    studio.references = [FOX, ASTRONAUT]
    studio.prompt = "character1 greets character2"
    studio.aspect_ratio, studio.resolution, studio.duration, studio.seed = "1:1", "720P", 3, 11
    (clip,) = studio.generate()
    request = clip.wait(60).request
    assert [reference.name for reference in request.references] == ["fox.png", "astronaut.png"]
    assert (request.aspect_ratio, request.resolution, request.duration, request.seed) == (
        "1:1",
        "720P",
        3,
        11,
    )
    assert clip.path is not None
    assert clip.path.stat().st_size > 0
    assert studio.clips[0] is clip


def test_generate_refuses_what_is_not_allowed_before_anything_is_paid(
    studio: hh.Studio, sandbox: SandboxProcess
) -> None:
    before = len(sandbox.ledger()["jobs"])
    studio.prompt, studio.duration = "character2 waves", 16
    with pytest.raises(InvalidRequest) as caught:
        studio.generate()
    told = "\n".join(caught.value.problems)
    assert "No reference image" in told
    assert "character2" in told
    assert "duration must be a whole number from 3 to 15" in told
    assert len(sandbox.ledger()["jobs"]) == before


def test_a_model_that_nobody_has_is_refused_and_not_taken(studio: hh.Studio) -> None:
    with pytest.raises(NotFound):
        studio.model = "model_nobody"
    assert studio.model == HAPPY_HORSE


def test_the_other_model_brings_its_own_choices(studio: hh.Studio) -> None:
    studio.model = f"{HAPPY_HORSE}-1.1"
    known = {model["id"]: model for model in studio._schema["models"]}
    assert "21:9" in known[studio.model]["fields"]["aspect_ratio"]["allowed"]
    assert "21:9" not in known[HAPPY_HORSE]["fields"]["aspect_ratio"]["allowed"]
    assert known[studio.model]["label"] == "Happy Horse 1.1"


# -- from a view -------------------------------------------------------------------------------------------------------


def test_no_image_and_no_key_is_in_what_is_synced(
    studio: hh.Studio, sandbox: SandboxProcess, ask: Ask
) -> None:
    studio.references = [FOX]
    ask("clips-find", {"query": {}})
    sent = repr([(data, buffers) for _, data, buffers, _ in studio.comm.published])
    assert "fox.png" in sent
    assert sandbox.secret not in sent
    assert len(repr(studio.get_state())) - len(studio._esm) - len(studio._css) < 50_000


def test_an_edit_sets_the_traits(studio: hh.Studio, ask: Ask) -> None:
    values = {
        "prompt": "character1 runs",
        "duration": 4,
        "seed": 5,
        "aspect_ratio": "3:4",
        "resolution": "720P",
    }
    assert ask("studio-edit", {"values": values})["kind"] == "reply"
    assert {name: getattr(studio, name) for name in values} == values
    assert ask("studio-edit", {"values": {"seed": None}})["kind"] == "reply"
    assert studio.seed is None


def test_the_form_is_sent_before_the_edit_is_answered(studio: hh.Studio, ask: Ask) -> None:
    ask("studio-edit", {"values": {"prompt": "new"}})
    kinds = [
        data["state"]["_form"]["prompt"] if data["method"] == "update" else data["content"]["kind"]
        for _, data, _, _ in studio.comm.published[1:]
        if data["method"] == "custom" or "_form" in data["state"]
    ]
    assert kinds == ["new", "reply"]


@pytest.mark.parametrize(
    "content",
    [
        {"values": {"duration": "long"}},
        {"values": {"prompt": 3}},
        {"values": {"model": 3}},
        {"values": 1},
        {},
    ],
)
def test_an_edit_that_cannot_be_is_answered_in_words(
    studio: hh.Studio, ask: Ask, content: dict[str, Any]
) -> None:
    before = dict(studio._form)
    answer = ask("studio-edit", content)
    assert (answer["kind"], answer["name"]) == ("error", "InvalidRequest")
    assert studio._form == before


def test_settings_that_are_not_settings_are_left_alone(studio: hh.Studio, ask: Ask) -> None:
    ask("studio-edit", {"values": {"_esm": "alert(1)", "session": None, "layout": None}})
    assert studio.session is not None
    assert studio._esm != "alert(1)"


def test_an_image_comes_in_chunks_and_goes_on_to_scenario(
    studio: hh.Studio, sandbox: SandboxProcess, ask: Ask
) -> None:
    studio.duration = 99  # so that no estimate is asked for, which would upload the image, too
    data = png(700, seed=4)
    size = len(data)
    assert size > 1_000_000
    assert ask("tile-add", {"tile": "t1", "name": "noise.png", "size": size})["kind"] == "reply"
    assert ask("tile-offer", {"tile": "t1", "sha256": hashlib.sha256(data).hexdigest()})["known"] is False
    for offset in range(0, size, 1 << 20):
        answer = ask("tile-chunk", {"tile": "t1", "offset": offset}, [data[offset : offset + (1 << 20)]])
        assert answer["kind"] == "reply", answer
    until(lambda: studio.references)
    assert studio.references[0].data == data
    assert studio._form["tiles"] == ["t1"]
    until(lambda: studio._tiles["t1"]["state"] == "ready")
    uploads = until(lambda: [u for u in sandbox.ledger()["uploads"] if "noise.png" in repr(u)])
    assert len(uploads) == 1
    ask("tile-add", {"tile": "t2", "name": "again.png", "size": size})
    assert ask("tile-offer", {"tile": "t2", "sha256": hashlib.sha256(data).hexdigest()})["known"] is True


def test_images_from_python_are_uploaded_before_they_are_needed(
    studio: hh.Studio, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    studio.duration = 99
    path = tmp_path / "ahead.png"
    path.write_bytes(png(500, seed=5))
    studio.references = [path]
    until(lambda: "ahead.png" in repr(sandbox.ledger()["uploads"]))


def test_an_image_that_is_none_is_answered_in_words(studio: hh.Studio, ask: Ask) -> None:
    ask("tile-add", {"tile": "t1", "name": "a.png", "size": 6})
    ask("tile-offer", {"tile": "t1", "sha256": None})
    answer = ask("tile-chunk", {"tile": "t1", "offset": 0}, [b"GIF89a"])
    assert answer["name"] == "InvalidImage"
    assert "GIF" in answer["message"]
    until(lambda: studio._tiles["t1"]["state"] == "failed")
    assert studio.references == ()


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("tile-add", {"tile": "t1", "name": "big.png", "size": 12_000_000}),
        ("tile-add", {"tile": "t1", "name": "a.png", "size": "12"}),
        ("tile-chunk", {"tile": "t1", "offset": 0}),
        ("tile-offer", {"tile": "nobody", "sha256": None}),
        ("studio-generate", {"press": "p"}),
    ],
)
def test_messages_that_cannot_be_are_answered_and_change_nothing(
    studio: hh.Studio, ask: Ask, kind: str, content: dict[str, Any]
) -> None:
    assert ask(kind, content)["kind"] == "error"
    assert studio._form["tiles"] == []
    assert len(studio.clips) == 0


def test_a_thumbnail_is_given_for_an_image_from_python(studio: hh.Studio, ask: Ask) -> None:
    studio.references = [FOX]
    request = ask("tile-picture", {"tile": studio._form["tiles"][0]})["request"]
    (buffers,) = (
        b for _, data, b, _ in studio.comm.published if (data.get("content") or {}).get("request") == request
    )
    assert buffers[0][:3] == b"\xff\xd8\xff"
    assert len(buffers[0]) < 40_000


def test_a_press_makes_one_clip_however_often_it_is_sent(
    studio: hh.Studio, sandbox: SandboxProcess, ask: Ask
) -> None:
    studio.references, studio.prompt, studio.duration = [FOX], "character1 waves once only", 3
    first, again, other = press(ask, studio), press(ask, studio), press(ask, studio, "p2")
    (one,), (same,), (more,) = first["clips"], again["clips"], other["clips"]
    assert one["id"] == same["id"] != more["id"]
    assert one["press"] == "p1/0"
    assert len(studio.clips) == 2
    for clip in studio.clips:
        clip.wait(60)
    jobs = [job for job in sandbox.ledger()["jobs"] if "waves once only" in repr(job)]
    assert len(jobs) == 2


def test_a_press_takes_what_was_on_the_screen_not_what_came_later(studio: hh.Studio, ask: Ask) -> None:
    studio.references, studio.prompt = [FOX], "later"
    answer = press(ask, studio, prompt="character1 as it was", duration=3, seed=8)
    clip = studio.clips[0]
    assert [clip.id] == [card["id"] for card in answer["clips"]]
    assert (clip.request.prompt, clip.request.duration, clip.request.seed) == ("character1 as it was", 3, 8)


def test_bad_input_is_answered_by_field(studio: hh.Studio, sandbox: SandboxProcess, ask: Ask) -> None:
    studio.references = [FOX]
    answer = press(ask, studio, prompt="character3 waves", duration=16, aspect_ratio="2:1", seed=-1)
    assert [problem["field"] for problem in answer["problems"]] == [
        "aspect_ratio",
        "duration",
        "seed",
        "prompt",
    ]
    assert len(studio.clips) == 0


def test_clips_are_told_to_every_view_as_they_change(studio: hh.Studio, ask: Ask) -> None:
    studio.references, studio.prompt, studio.duration = [FOX], "character1 waves", 3
    clip_id = press(ask, studio)["clips"][0]["id"]
    studio.clips[0].wait(60)

    def told() -> list[dict[str, Any]]:
        changes = [m for m in studio.comm.messages if m["kind"] == "clips-changed"]
        return [clip for change in changes for clip in change["clips"] if clip["id"] == clip_id]

    until(lambda: any(clip["phase"] == "ready" for clip in told()))
    assert {clip["press"] for clip in told()} == {"p1/0"}
    until(lambda: studio._session["spent"] > 0)


def test_a_page_that_is_opened_again_has_the_newest_clips_without_asking(studio: hh.Studio) -> None:
    studio.references, studio.prompt, studio.duration = [FOX], "character1 waves", 3
    made = [studio.generate()[0].id for _ in range(23)][::-1]
    page = studio.get_state()["_page"]
    assert [clip["id"] for clip in page["clips"]] == made[:20]
    assert page["total"] == 23


def test_the_cost_is_shown_before_it_is_spent(studio: hh.Studio) -> None:
    assert studio._estimate["status"] == "none"
    studio.references = [FOX]
    studio.duration = 3
    until(lambda: studio._estimate["status"] == "known")
    cheap = studio._estimate["units"]
    assert cheap > 0
    assert studio._estimate["seconds"] > 0
    studio.duration = 15
    until(lambda: studio._estimate["units"] > cheap)
    studio.duration = 99
    until(lambda: studio._estimate["status"] == "none")
    assert studio.session.spent == 0


def test_a_cost_that_cannot_be_asked_is_said_to_be_unknown(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(speed=200)
    settings = hh.Settings(retry_first=0.01, retry_most=0.01)
    session = hh.connect(
        sandbox.key, sandbox.secret, base_url=sandbox.base_url, home=tmp_path / "home", settings=settings
    )
    studio = hh.Studio(session)
    sandbox.kill()
    studio.references = [FOX]
    until(lambda: studio._estimate["status"] == "unavailable")
    assert studio._estimate["reason"]
    studio.close()
    session.close()


def test_the_sample_is_set_up_at_one_click(studio: hh.Studio, ask: Ask) -> None:
    assert ask("studio-sample")["kind"] == "reply"
    assert [source.name for source in studio.references] == ["fox.png", "astronaut.png"]
    assert "character1" in studio.prompt
    problems = studio.session.check(studio.prompt, studio.references)
    assert problems == ()


def test_typing_a_long_prompt_stays_small_and_slow_on_the_wire(studio: hh.Studio, ask: Ask) -> None:
    for length in range(0, 2500, 250):
        ask("studio-edit", {"values": {"prompt": "x" * length}})
    updates = studio.comm.updates("_form")
    assert len(updates) <= 10
    assert max(len(repr(update)) for update in updates) < 3000


def test_only_the_last_of_many_changes_is_asked_about(session: Session) -> None:
    told: list[dict[str, Any]] = []
    live = LiveEstimate(session, lambda: told.append(live.state))

    def ask(duration: int) -> None:
        live.ask([load_image(FOX)], model=HAPPY_HORSE, resolution="720P", duration=duration)

    for duration in (3, 15, 4, 10, 5):
        ask(duration)
    until(lambda: told)
    ask(6)
    until(lambda: live.state["status"] == "known" and told[1:])
    expected = [session.estimate("x", [FOX], resolution="720P", duration=n).creative_units for n in (5, 6)]
    assert [state["units"] for state in told] == expected


def test_what_costs_nothing_more_is_not_asked_about_again(session: Session) -> None:
    live = LiveEstimate(session, lambda: None)
    image = load_image(FOX)
    values = {"resolution": "720P", "duration": 5}
    live.ask([image], model=HAPPY_HORSE, seed=1, aspect_ratio="16:9", **values)
    until(lambda: live.state["status"] == "known")
    before = live.state
    live.ask([image], model=HAPPY_HORSE, seed=2, aspect_ratio="1:1", **values)
    assert live.state is before
    live.ask([image], model=HAPPY_HORSE, seed=2, aspect_ratio="1:1", resolution="1080P", duration=5)
    assert live.state["status"] == "asking"
    until(lambda: live.state["units"] > before["units"])


def test_a_closed_studio_is_forgotten(studio: hh.Studio, session: Session) -> None:
    def open_and_close() -> weakref.ref[hh.Studio]:
        other = hh.Studio(session, references=[FOX])
        until(lambda: other._estimate["status"] == "known")
        other.close()
        return weakref.ref(other)

    gone = open_and_close()
    studio.duration = 7  # gives the bridge another state to carry than the closed one's last
    until(lambda: gc.collect() >= 0 and gone() is None)


def test_a_closed_studio_leaves_its_clips_alone(session: Session) -> None:
    studio = hh.Studio(session, references=[FOX], prompt="character1 waves", duration=3)
    (clip,) = studio.generate()
    studio.close()
    assert clip.wait(60).is_done


# -- seeds, variations, presses ----------------------------------------------------------------------------------------


def test_a_seed_is_fixed_by_giving_it_and_random_by_taking_it_away(studio: hh.Studio, ask: Ask) -> None:
    assert (studio.seed, studio.seed_mode) == (None, "random")
    studio.seed = 7
    assert studio.seed_mode == "fixed"
    studio.seed_mode = "next"
    assert studio.seed == 7
    studio.seed = None
    assert studio.seed_mode == "random"
    studio.seed_mode = "fixed"
    assert isinstance(studio.seed, int)
    ask("studio-edit", {"values": {"seed": None, "seed_mode": "random"}})
    assert (studio._form["seed"], studio._form["seed_mode"]) == (None, "random")


@pytest.mark.parametrize(
    ("mode", "seeds", "following"), [("fixed", [5, 6, 7], 5), ("next", [5, 6, 7], 8)], ids=["fixed", "next"]
)
def test_variations_count_on_from_a_given_seed(
    studio: hh.Studio, mode: str, seeds: list[int], following: int
) -> None:
    studio.references, studio.prompt, studio.duration = [FOX], "character1 waves", 3
    studio.seed, studio.seed_mode, studio.variations = 5, mode, 3
    assert [clip.request.seed for clip in studio.generate()] == seeds
    assert studio.seed == following


def test_random_variations_get_a_known_seed_each(studio: hh.Studio) -> None:
    studio.references, studio.prompt, studio.duration, studio.variations = [FOX], "character1 waves", 3, 8
    clips = studio.generate()
    drawn = {clip.request.seed for clip in clips}
    assert len(drawn) == 8
    assert all(isinstance(seed, int) for seed in drawn)
    assert studio.seed is None
    assert studio._form["drawn"] == clips[-1].request.seed


def test_all_clips_of_one_press_are_one_answer_however_often_it_is_sent(studio: hh.Studio, ask: Ask) -> None:
    studio.references = [FOX]
    first = press(ask, studio, prompt="character1 waves", duration=3, variations=3)
    again = press(ask, studio, prompt="character1 waves", duration=3, variations=3)
    assert [card["press"] for card in first["clips"]] == ["p1/0", "p1/1", "p1/2"]
    assert [card["id"] for card in again["clips"]] == [card["id"] for card in first["clips"]]
    assert len(studio.clips) == 3


def test_one_bad_variation_makes_none(studio: hh.Studio, ask: Ask) -> None:
    studio.references = [FOX]
    answer = press(ask, studio, prompt="character1 waves", seed=2_147_483_646, variations=3)
    assert [problem["field"] for problem in answer["problems"]] == ["seed"]
    answer = press(ask, studio, "p2", prompt="character1 waves", variations=9)
    assert "1 to 8" in answer["problems"][0]["message"]
    assert press(ask, studio, "p3", prompt="character1 waves", seed="7")["kind"] == "error"
    assert len(studio.clips) == 0


def test_a_budget_that_is_set_in_a_cell_is_shown_at_once(studio: hh.Studio) -> None:
    assert studio._session["budget"] is None
    studio.session.budget = 7
    until(lambda: studio._session["budget"] == studio._session["left"] == 7)
    with pytest.raises(ConfigurationError, match="budget is '8'; it must be a number"):
        studio.session.budget = "8"  # type: ignore[assignment]
    assert studio.session.budget == 7


def test_a_press_past_the_budget_is_refused_as_a_whole(studio: hh.Studio, ask: Ask) -> None:
    studio.references, studio.prompt, studio.duration, studio.variations = [FOX], "character1 waves", 3, 2
    one = studio.session.estimate("x", [FOX], duration=3).creative_units
    studio.session.budget = 1.5 * one
    with pytest.raises(BudgetExceeded, match="2 clips cost"):
        studio.generate()
    answer = press(ask, studio)
    assert answer["problems"][0]["field"] == "budget"
    assert len(studio.clips) == 0
    until(lambda: studio._session["left"] == 1.5 * one)
    studio.variations = 1
    (clip,) = studio.generate()
    with pytest.raises(BudgetExceeded):  # what is on its way counts, too
        studio.generate()
    clip.wait(60)


# -- models and what they take -----------------------------------------------------------------------------------------

COMPATIBLE = "model_sandbox-compatible-reference-to-video"


def model_in(studio: hh.Studio, model: str) -> dict[str, Any]:
    return next(entry for entry in studio._schema["models"] if entry["id"] == model)


def test_what_scenario_says_of_a_model_arrives_by_itself(session: Session, studio: hh.Studio) -> None:
    told = until(
        lambda: model_in(studio, HAPPY_HORSE)["fields"]["resolution"]["help"] == "The size of the video."
    )
    assert told
    assert model_in(studio, HAPPY_HORSE)["fields"]["duration"]["default"] == 5


def test_another_model_is_used_by_its_id_and_offered_again(
    studio: hh.Studio, session: Session, ask: Ask
) -> None:
    assert ask("studio-model", {"model": f" {COMPATIBLE} "})["kind"] == "reply"
    assert studio.model == COMPATIBLE
    entry = until(lambda: COMPATIBLE in str(studio._schema) and model_in(studio, COMPATIBLE))
    assert entry["deprecated_by"] == f"{HAPPY_HORSE}-1.1"
    assert entry["fields"]["duration"]["allowed"] == [4, 8]
    studio.references, studio.prompt, studio.duration = [FOX], "character1 waves", 4
    studio.resolution = "1080P"
    with pytest.raises(InvalidRequest, match="resolution"):
        studio.generate()
    studio.resolution = "720P"
    (clip,) = studio.generate()
    assert clip.wait(60).is_done
    other = hh.Studio(session)
    assert COMPATIBLE in [each["id"] for each in other._schema["models"]]
    other.close()


def test_a_model_that_scenario_does_not_have_is_refused_in_words(studio: hh.Studio, ask: Ask) -> None:
    for model in ("model_nobody", "", "../teams"):
        answer = ask("studio-model", {"model": model})
        assert answer["kind"] == "error"
        assert answer["message"]
    assert studio.model == HAPPY_HORSE
    assert "model_nobody" not in str(studio._schema)


# -- filling, undo, draft ----------------------------------------------------------------------------------------------


def test_a_clip_is_set_up_again_and_the_next_press_knows_its_parent(studio: hh.Studio, ask: Ask) -> None:
    studio.references, studio.prompt, studio.duration = [FOX, ASTRONAUT], "character1 and character2 wave", 3
    studio.aspect_ratio, studio.seed = "1:1", 11
    (parent,) = studio.generate()
    studio.references, studio.prompt, studio.duration, studio.seed = [ASTRONAUT], "mine", 9, None
    tiles = studio._form["tiles"]
    studio.variations = 3
    assert ask("studio-reuse", {"clip": parent.id})["kind"] == "reply"
    assert studio.variations == 1, "it was one clip, and one is what the next press pays for"
    assert (studio.prompt, studio.duration, studio.aspect_ratio, studio.seed) == (
        "character1 and character2 wave",
        3,
        "1:1",
        11,
    )
    assert [source.name for source in studio.references] == ["fox.png", "astronaut.png"]
    assert parent.id[-6:] in studio._filled["text"]
    ask("studio-undo")
    assert (studio.prompt, studio.duration, studio.seed, studio.parent) == ("mine", 9, None, None)
    assert studio.variations == 3
    assert studio._form["tiles"] == tiles
    ask("studio-reuse", {"clip": parent.id})
    studio.prompt = "character1 and character2 run"
    (child,) = studio.generate()
    assert (child.record.parent, child.record.relation) == (parent.id, "reused")
    (stranger,) = studio.generate()
    assert stranger.record.parent is None


def test_a_seed_is_varied_without_touching_the_form(studio: hh.Studio, ask: Ask) -> None:
    studio.references, studio.prompt, studio.duration, studio.seed = [FOX], "character1 waves", 3, 4
    (parent,) = studio.generate()
    studio.prompt, studio.variations = "something else", 5
    (card,) = ask("studio-generate", {"press": "v", "vary": parent.id})["clips"]
    child = studio.session.clip(card["id"])
    assert child.request.prompt == "character1 waves"
    assert child.request.seed not in (4, None)
    assert (child.record.parent, child.record.relation) == (parent.id, "varied")
    assert (studio.prompt, studio.seed, studio.variations) == ("something else", 4, 5)
    assert ask("studio-generate", {"press": "v2", "vary": "clip_gone"})["kind"] == "error"


def test_presets_keep_parameters_only(studio: hh.Studio, session: Session, ask: Ask) -> None:
    studio.references, studio.prompt = [FOX], "character1 waves"
    studio.aspect_ratio, studio.duration, studio.seed, studio.variations = "9:16", 12, 3, 4
    (kept,) = ask("studio-presets", {"save": " Tall ", "values": studio._form})["presets"]
    assert (kept["name"], kept["summary"]) == ("Tall", "9:16 · 1080P · 12 s · seed 3 · ×4 · Happy Horse 1.0")
    assert "waves" not in repr(session.saved("preset")["Tall"])
    studio.prompt, studio.aspect_ratio, studio.seed = "other", "1:1", None
    ask("studio-presets", {"load": "Tall"})
    assert (studio.prompt, studio.aspect_ratio, studio.seed, studio.seed_mode) == (
        "other",
        "9:16",
        3,
        "fixed",
    )
    ask("studio-undo")
    assert (studio.aspect_ratio, studio.seed) == ("1:1", None)
    assert ask("studio-presets", {"save": " "})["kind"] == "error"
    assert ask("studio-presets", {"load": "nobody"})["kind"] == "error"
    assert ask("studio-presets", {"delete": "Tall"})["presets"] == []


def test_the_first_studio_of_a_new_kernel_goes_on_with_the_draft(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    def connect() -> Session:
        return hh.connect(sandbox.key, sandbox.secret, base_url=sandbox.base_url, home=tmp_path / "home")

    session = connect()
    studio = hh.Studio(session)
    studio.references = {"Fox": FOX, "Anna": ASTRONAUT}
    studio.prompt, studio.duration, studio.seed, studio.variations = "Fox waves at Anna", 8, 21, 3
    until(lambda: session.saved("draft").get("studio", {}).get("variations") == 3)
    until(lambda: len(list((tmp_path / "home" / "images").glob("*.png"))) == 2)
    studio.close()
    session.close()
    session = connect()
    first = hh.Studio(session)
    assert (first.prompt, first.duration, first.seed, first.seed_mode, first.variations) == (
        "Fox waves at Anna",
        8,
        21,
        "fixed",
        3,
    )
    assert [(source.name, source.alias) for source in first.references] == [
        ("fox.png", "Fox"),
        ("astronaut.png", "Anna"),
    ]
    assert first.request.wire_values()["prompt"] == "character1 waves at character2"
    assert "preparing" in first._filled["text"]
    first.close()
    session.close()


def test_what_was_typed_last_is_kept_when_the_kernel_ends(tmp_path: Path) -> None:
    code = (
        "session = connect(); studio = hh.Studio(session, prompt='before'); studio.prompt = 'the last word'"
    )
    assert Kernel(code, tmp_path / "home").end()[0] == 0
    session = hh.connect(sandbox=True, home=tmp_path / "home")
    assert session.saved("draft")["studio"]["prompt"] == "the last word"
    session.close()


def test_the_code_does_what_the_button_would(studio: hh.Studio, sandbox: SandboxProcess, ask: Ask) -> None:
    studio.references, studio.prompt, studio.duration = [FOX], "character1 waves", 3
    studio.seed, studio.variations = 40, 2
    until(lambda: list((studio.session.home / "images").glob("*.png")))
    made: dict[str, Any] = {}
    exec(studio.code(), made)  # in the session of the last `connect`
    assert [clip.request.seed for clip in made["clips"]] == [40, 41]
    assert made["clips"][0].request.values() == studio.request.values()
    answer = ask("studio-code", {"values": dict(studio._form), "tiles": studio._form["tiles"]})
    assert answer["code"] == {name: studio.code(name) for name in ("python", "curl", "javascript")}
    assert answer["code"]["curl"].count('"seed": 4') == 2
    assert sandbox.secret not in str(answer)
    with pytest.raises(InvalidRequest, match="no code in 'perl'"):
        studio.code("perl")


def test_the_curl_and_javascript_do_the_same_once_the_images_are_uploaded(
    studio: hh.Studio, sandbox: SandboxProcess
) -> None:
    studio.references, studio.prompt, studio.duration, studio.seed = (
        [FOX, ASTRONAUT],
        "character1 waves",
        3,
        40,
    )
    until(lambda: "<asset id of" not in studio.code("curl"))
    curl = shlex.split(studio.code("curl"))
    body = json.loads(curl[-1])
    uploaded = {each.get("entityId"): each["originalFileName"] for each in sandbox.ledger()["uploads"]}
    assert [uploaded[asset_id] for asset_id in body["referenceImages"]] == ["fox.png", "astronaut.png"]
    job_id = sandbox.http.post(curl[3], json=body).raise_for_status().json()["job"]["jobId"]
    job = next(job for job in sandbox.ledger()["jobs"] if job["jobId"] == job_id)
    assert body.items() <= job["metadata"]["input"].items()
    script = studio.code("javascript")
    assert f'fetch("{curl[3]}"' in script
    assert json.loads(script[script.index("stringify(") + 10 : script.index("),\n});")]) == body
    assert str(studio.session.home / "images") in studio.code("python"), "which goes on from the file"
