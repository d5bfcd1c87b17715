"""The Studio's side in the kernel, with a real session on a real sandbox and the browser's end of the comm in hand."""

from __future__ import annotations

import gc
import hashlib
import itertools
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comm
import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import InvalidImage, InvalidRequest, NotFound
from happyhorse_widgets.media.images import load_image
from happyhorse_widgets.widgets.assets import STATIC
from happyhorse_widgets.widgets.estimate import LiveEstimate
from tests.conftest import SandboxProcess, StartSandbox
from tests.unit.comms import RecordingComm
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


Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(studio: hh.Studio) -> Ask:
    """Send a request as a view does, and wait for its answer."""
    numbers = itertools.count()

    def ask(
        kind: str, content: dict[str, Any] | None = None, buffers: list[bytes] | None = None
    ) -> dict[str, Any]:
        request = f"view-{next(numbers)}"
        message = {"method": "custom", "content": {**(content or {}), "kind": kind, "request": request}}
        views = [memoryview(data) for data in buffers or []]
        studio.comm.handle_msg({"content": {"data": message}, "buffers": views})
        return until(lambda: next((m for m in studio.comm.messages if m.get("request") == request), None))

    return ask


def until(look: Callable[[], Any], limit: float = 30.0) -> Any:
    """Look until there is something."""
    deadline = time.monotonic() + limit
    while not (found := look()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


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
    clip = studio.generate().wait(60)
    request = clip.request
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
    ask("studio-clips", {})
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
    assert first["clip"]["id"] == again["clip"]["id"] != other["clip"]["id"]
    assert first["clip"]["press"] == "p1"
    assert len(studio.clips) == 2
    for clip in studio.clips:
        clip.wait(60)
    jobs = [job for job in sandbox.ledger()["jobs"] if "waves once only" in repr(job)]
    assert len(jobs) == 2


def test_a_press_takes_what_was_on_the_screen_not_what_came_later(studio: hh.Studio, ask: Ask) -> None:
    studio.references, studio.prompt = [FOX], "later"
    answer = press(ask, studio, prompt="character1 as it was", duration=3, seed=8)
    clip = studio.clips[0]
    assert clip.id == answer["clip"]["id"]
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
    clip_id = press(ask, studio)["clip"]["id"]
    studio.clips[0].wait(60)

    def told() -> list[dict[str, Any]]:
        changes = [m for m in studio.comm.messages if m["kind"] == "studio-changed"]
        return [clip for change in changes for clip in change["clips"] if clip["id"] == clip_id]

    until(lambda: any(clip["phase"] == "ready" for clip in told()))
    assert {clip["press"] for clip in told()} == {"p1"}
    until(lambda: studio._session["spent"] > 0)


def test_clips_come_in_pages_newest_first(studio: hh.Studio, ask: Ask) -> None:
    studio.references, studio.prompt, studio.duration = [FOX], "character1 waves", 3
    made = [studio.generate().id for _ in range(23)][::-1]
    first = ask("studio-clips", {})
    assert [clip["id"] for clip in first["clips"]] == made[:20]
    assert first["more"] is True
    second = ask("studio-clips", {"before": made[19]})
    assert [clip["id"] for clip in second["clips"]] == made[20:]
    assert second["more"] is False
    some = ask("studio-clips", {"ids": [made[3], made[21]]})
    assert [clip["id"] for clip in some["clips"]] == [made[3], made[21]]
    # What a page that is opened again gets without asking.
    assert [clip["id"] for clip in studio.get_state()["_page"]["clips"]] == made[:20]


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
    clip = studio.generate()
    studio.close()
    assert clip.wait(60).is_done
