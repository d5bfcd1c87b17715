"""Cards of real clips: a real session, its engine and a real sandbox, with the browser's end of the comm recorded."""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import comm
import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.engine.states import State
from happyhorse_widgets.widgets.bridge import bridge
from happyhorse_widgets.widgets.card import CHUNK, PHASES, card_state, file_name, model_name
from happyhorse_widgets.widgets.clip import ClipCard, display_clip
from happyhorse_widgets.widgets.fallback import static_bundle
from tests.sessions import LONG, QUICK, until
from tests.unit.comms import RecordingComm

IMAGES = Path(__file__).parents[2] / "notebooks" / "images"
HOSTILE = "character1 waves at character2 <img src=x onerror=alert(1)> & 'quotes'"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session with a sandbox of its own."""
    session = hh.connect(sandbox=True, home=tmp_path_factory.mktemp("work") / "happyhorse", settings=QUICK)
    yield session
    session.close()


@pytest.fixture(autouse=True)
def comms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)


def generate(session: Session, prompt: str = HOSTILE, **values: Any) -> Clip:
    images = [IMAGES / "fox.png", IMAGES / "astronaut.png"]
    return session.generate(prompt, images, **({"duration": 3, "seed": 7} | values))


@pytest.fixture(scope="module")
def done(session: Session) -> Clip:
    """A finished clip."""
    return generate(session).wait(LONG)


class Answers:
    """Asks a card as a view does, and waits for the answer."""

    _numbers = itertools.count()

    def __init__(self, card: ClipCard) -> None:
        self._card = card

    def ask(self, kind: str, **content: Any) -> tuple[dict[str, Any], list[bytes]]:
        request = f"view-{next(self._numbers)}"
        self._card.comm.say({"kind": kind, "request": request, "clip": self._card.clip.id, **content})
        found: list[tuple[dict[str, Any], list[bytes]]] = []

        def arrived() -> bool:
            for _, data, buffers, _ in list(self._card.comm.published):
                if data and data.get("method") == "custom" and data["content"]["request"] == request:
                    found.append((data["content"], buffers))
            return bool(found)

        until(arrived, "the card has answered")
        return found[0]


def test_every_state_has_a_phase_and_a_heading() -> None:
    assert set(PHASES) == set(State)


def test_a_card_follows_its_clip_to_the_end(session: Session) -> None:
    clip = generate(session)
    card = ClipCard(clip)
    clip.wait(LONG)
    until(lambda: card.state["phase"] == "ready", "the card is ready")
    sent = card.comm.updates("state")
    assert sent[-1] == card_state(clip)
    assert json.loads(json.dumps(sent)) == sent, "plain JSON"
    assert all(state["phase"] == "busy" for state in sent[:-1])
    assert [state["ratio"] for state in sent] == ["16:9"] * len(sent)
    assert max(len(json.dumps(state)) for state in sent) < 6_000
    card.close()


def test_a_closed_card_leaves_its_clip_alone(session: Session) -> None:
    clip = generate(session)
    card = ClipCard(clip)
    link = card.comm
    card.close()
    count = len(link.published)
    clip.wait(LONG)
    assert len(link.published) == count
    assert clip.is_done


def test_pictures_come_as_small_images(done: Clip) -> None:
    _, buffers = Answers(ClipCard(done)).ask("clip-images")
    assert len(buffers) == 3
    assert all(0 < len(data) < 12_000 for data in buffers[:2])
    assert buffers[2] == done.poster_jpeg()


def test_chunks_make_the_file(done: Clip) -> None:
    answers = Answers(ClipCard(done))
    size = done.path.stat().st_size
    parts = [answers.ask("clip-chunk", offset=at, length=5_000)[1][0] for at in range(0, size, 5_000)]
    assert b"".join(parts) == done.path.read_bytes()


@pytest.mark.parametrize(
    ("offset", "length"), [(-1, 10), (0, 0), (0, CHUNK + 1), ("0", 10), (0, None), (0.5, 10)]
)
def test_a_chunk_has_bounds(done: Clip, offset: Any, length: Any) -> None:
    content, _ = Answers(ClipCard(done)).ask("clip-chunk", offset=offset, length=length)
    assert (content["kind"], content["name"]) == ("error", "InvalidRequest")


def test_a_file_that_is_gone_is_told(session: Session) -> None:
    clip = generate(session).wait(LONG)
    clip.path.unlink()
    content, _ = Answers(ClipCard(clip)).ask("clip-chunk", offset=0, length=10)
    assert content["name"] == "LibraryError"
    assert clip.id in content["message"]


def test_a_card_answers_for_its_own_clip_only(session: Session, done: Clip) -> None:
    other = generate(session)
    content, _ = Answers(ClipCard(done)).ask("clip-images", clip=other.id)
    assert content["name"] == "InvalidRequest"


def test_a_reference_whose_bytes_are_gone_is_left_blank(session: Session) -> None:
    clip = session.generate("character1 waves", [IMAGES / "teapot.png"], duration=3).wait(LONG)
    (reference,) = clip.request.references
    (session.home / "images" / f"{reference.sha256}.png").unlink()
    _, buffers = Answers(ClipCard(clip)).ask("clip-images")
    assert buffers[0] == b""
    assert buffers[1] == clip.poster_jpeg()


def test_stopping_says_what_it_means(tmp_path: Path) -> None:
    slow = hh.Settings(sandbox_speed=1, sandbox_scale=0.1)
    session = hh.connect(sandbox=True, home=tmp_path / "happyhorse", settings=slow)
    clip = generate(session)
    card = ClipCard(clip)
    until(lambda: card.state["actions"] == ["detach", "cancel"], "the clip is submitted")
    content, _ = Answers(card).ask("clip-act", action="withdraw")
    assert "Too late" in content["said"]
    assert not clip.detached
    content, _ = Answers(card).ask("clip-act", action="detach")
    assert "goes on" in content["said"]
    until(
        lambda: card.state["detached"] and card.state["actions"] == ["watch", "cancel"], "the card shows it"
    )
    content, _ = Answers(card).ask("clip-act", action="watch")
    assert "watched again" in content["said"]
    until(lambda: not card.state["detached"], "the card shows that, too")
    content, _ = Answers(card).ask("clip-act", action="cancel")
    assert "goes on, paid" in content["said"]
    assert not clip.is_over
    session.close()


def test_a_clip_that_nobody_drives_on_says_why_on_its_card(tmp_path: Path) -> None:
    home = tmp_path / "happyhorse"

    def open_again() -> Session:
        return hh.connect(sandbox=True, home=home, settings=hh.Settings(sandbox_speed=1, sandbox_scale=0.1))

    def submitted_at(value: Any) -> None:
        with closing(sqlite3.connect(home / "library.sqlite3")) as library, library:
            library.execute("UPDATE jobs SET submitted_at = ?", (value,))

    session = open_again()
    clip = generate(session)
    card = ClipCard(clip)
    until(lambda: card.state["actions"] == ["detach", "cancel"], "the clip is submitted")
    session.close()
    until(lambda: card.state["phase"] == "halted", "the card shows that the session is closed")
    assert (card.state["heading"], card.state["actions"]) == ("Not followed", [])
    assert card.state["note"] == str(clip.halted)
    assert "This session is closed" in card.state["note"]

    known = clip.record.submitted_at
    submitted_at("no time at all")
    session = open_again()
    until(lambda: "session.resume() goes on" in card.state["note"], "the card shows that the engine stopped")
    assert (card.state["phase"], card.state["actions"]) == ("halted", [])
    submitted_at(known)
    assert session.resume() == [clip]
    until(lambda: card.state["phase"] == "busy", "the card shows that it goes on")
    assert card.state["actions"] == ["detach", "cancel"]
    session.close()


def test_only_what_has_a_job_can_be_left_to_itself(session: Session, done: Clip) -> None:
    def shown(state: State, job: str | None) -> dict[str, Any]:
        clip = Clip(session, replace(done.record, state=state, remote_id=job))
        clip.detached = True
        return card_state(clip)

    for state in (
        State.SENDING,
        State.UNKNOWN,
    ):  # whether there is a job, and anything was paid, is not known
        assert (shown(state, None)["actions"], shown(state, None)["detached"]) == ([], False)
    for state in (State.SUBMITTED, State.RUNNING):
        assert (shown(state, "job_1")["actions"], shown(state, "job_1")["detached"]) == (
            ["watch", "cancel"],
            True,
        )


def test_withdrawing_before_it_was_sent_is_free(tmp_path: Path) -> None:
    session = hh.connect(sandbox=True, home=tmp_path / "happyhorse", settings=QUICK)
    clip = generate(session)
    card = ClipCard(clip)
    until(lambda: clip.state is State.UPLOADING, "it uploads")  # for as long as the sandbox needs to start
    assert card_state(clip)["actions"] == ["withdraw"]
    content, _ = Answers(card).ask("clip-act", action="withdraw")
    assert "Nothing was paid" in content["said"]
    until(lambda: card.state["phase"] == "stopped", "the card shows it")
    assert card.state["cost"] in (None, 0)
    session.close()


def test_a_failure_is_told_in_words_with_what_it_cost(session: Session) -> None:
    clip = generate(session, "character1 and character2 [moderated] <script>alert(1)</script>")
    card = ClipCard(clip)
    until(lambda: card.state["phase"] == "failed", "the card shows the failure")
    assert "content moderation" in card.state["error"]["message"]
    assert "refund" in card.state["error"]["message"]
    assert "Rephrase the prompt" in card.state["error"]["hint"]
    assert card.state["cost"] == 0
    html = static_bundle(clip, "ab12")["text/html"]
    assert "content moderation" in html
    assert "<script" not in html


def test_the_static_twin_of_a_clip_that_is_being_made_says_where_to_find_it(session: Session) -> None:
    clip = generate(session)
    bundle = static_bundle(clip, "ab12")
    assert clip.id in bundle["text/html"]
    assert clip.id in bundle["text/plain"]
    assert "image/jpeg" not in bundle
    clip.wait(LONG)


def test_the_static_twin_of_a_finished_clip_plays_it(
    session: Session, done: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(session.home.parent / "notebook.ipynb"))
    bundle = static_bundle(done, "ab12")
    html = bundle["text/html"]
    assert f'src="happyhorse/clips/{done.id}.mp4"' in html
    assert 'poster="data:image/jpeg;base64,' in html
    assert 'preload="none"' in html
    assert "hh-twin-ab12" in html
    assert HOSTILE not in html
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; &#x27;quotes&#x27;" in html
    assert HOSTILE in bundle["text/plain"]
    assert len(html) < 70_000
    import nbformat

    nbformat.validate(nbformat.v4.new_output("display_data", data=bundle), "output", version=4)


def test_an_upright_clip_is_no_taller_than_a_screen(session: Session) -> None:
    clip = generate(session, aspect_ratio="9:16").wait(LONG)
    width = int(static_bundle(clip, "ab12")["text/html"].split('width="')[1].split('"')[0])
    assert width <= 480 * 9 / 16


def test_without_a_notebook_the_text_is_printed(done: Clip, capsys: pytest.CaptureFixture[str]) -> None:
    display_clip(done)
    assert done.id in capsys.readouterr().out
    done._ipython_display_()
    assert done.id in capsys.readouterr().out


def test_the_name_of_a_saved_file_is_safe_and_telling(session: Session, done: Clip) -> None:
    assert file_name(done) == f"character1-waves-at-character2-img-src-{done.id[-6:]}.mp4"
    clip = session.generate(
        "../../ 猫 waves: character1 \u202e" + "x" * 200, [IMAGES / "fox.png"], duration=3
    )
    assert file_name(clip).startswith("猫-waves-character1-xxx")
    assert len(file_name(clip)) <= 84
    assert os.sep not in file_name(clip)
    assert file_name(clip).endswith(".mp4")


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        ("model_alibaba-happy-horse-reference-to-video", "Happy Horse 1.0"),
        ("model_alibaba-happy-horse-reference-to-video-1.1", "Happy Horse 1.1"),
        ("model_other", "model_other"),
    ],
)
def test_models_have_a_persons_name(model_id: str, name: str) -> None:
    assert model_name(model_id) == name


def test_several_clips_at_once_all_show_their_end(session: Session) -> None:
    cards = [ClipCard(generate(session, seed=seed)) for seed in range(4)]
    for card in cards:
        card.clip.wait(LONG)
    until(lambda: all(card.state["phase"] == "ready" for card in cards), "all cards are ready")
    assert threading.active_count() < 60
    assert sum(thread.name == "happyhorse-bridge" for thread in threading.enumerate()) == 1
    assert bridge() is bridge()


def test_a_clip_whose_file_went_with_the_trash_says_so_and_can_be_made_again(session: Session) -> None:
    clip = generate(session, "character1 waves at character2 once").wait(LONG)
    clip.delete()
    assert card_state(clip)["note"] == ""
    session.library.empty_trash()
    clip.restore()
    state = card_state(clip)
    assert "went with the trash" in state["note"]
    assert (state["video"], state["actions"]) == (None, ["again"])
    answer, _ = Answers(ClipCard(clip)).ask("clip-chunk", offset=0, length=10)
    assert "its file went with the trash" in answer["message"]


def test_a_seed_is_varied_on_the_card_once_for_each_press_and_within_the_budget(session: Session) -> None:
    clip = generate(session)
    card = ClipCard(clip)
    answers = Answers(card)
    for _ in range(2):
        answer, _ = answers.ask("studio-generate", press="p", vary=clip.id)
        assert [state["lineage"][0]["id"] for state in answer["clips"]] == [clip.id]
    until(lambda: len(card.varied) == 1, "the clip that was made has a card")
    made = session.clip(card.varied[0]["id"])
    assert made.request.seed not in (None, clip.request.seed)
    assert clip.wait(LONG).is_done
    assert made.wait(LONG).is_done
    session.budget = session.spent
    refused, _ = answers.ask("studio-generate", press="q", vary=clip.id)
    session.budget = None
    assert (refused["clips"], refused["problems"][0]["field"]) == ([], "budget")
    assert clip.descendants() == [made]
    until(lambda: card.varied[0]["phase"] == "ready", "its card is ready")
    card.close()
