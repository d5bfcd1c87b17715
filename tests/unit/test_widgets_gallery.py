"""The gallery's side in the kernel: what lists of clips ask, and what a person says of clips."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import comm
import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.engine.states import State
from happyhorse_widgets.widgets.card import PHASES
from happyhorse_widgets.widgets.clip import ClipCard
from tests.shelves import clip_id, fill
from tests.unit.comms import Ask, RecordingComm, asking, until

COUNT = 60


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("gallery") / "home"
    fill(home, COUNT)
    return home


@pytest.fixture
def session(home: Path) -> Iterator[Session]:
    session = hh.connect(sandbox=True, home=home)
    yield session
    session.close()


@pytest.fixture
def gallery(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[hh.Gallery]:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    gallery = hh.Gallery(session)
    yield gallery
    gallery.close()


@pytest.fixture
def ask(gallery: hh.Gallery) -> Ask:
    """Send a request as a view does, and wait for its answer."""
    return asking(gallery.comm)


def found(ask: Ask, **query: Any) -> list[str]:
    return [each for each, _ in ask("clips-find", query=query)["clips"]]


def test_a_search_gives_ids_and_ratios_in_order(ask: Ask) -> None:
    answer = ask("clips-find", query={})
    assert answer["clips"][:2] == [[clip_id(59), "4:3"], [clip_id(58), "16:9"]]
    assert (len(answer["clips"]), answer["total"]) == (COUNT, COUNT)
    assert answer["models"] == [{"id": "model_1", "label": "model_1"}]
    assert found(ask, order="oldest")[0] == clip_id(0)
    assert found(ask, text="KITE 58") == [clip_id(58)]
    assert found(ask, phase="failed") == []
    assert len(found(ask, phase="ready", model="model_1")) == COUNT
    assert found(ask, favourite=True) == found(ask, tag="none") == []
    assert ask("clips-find", query="fox")["kind"] == "error"


def test_every_state_belongs_to_a_phase_that_can_be_filtered() -> None:
    toolbar = (Path(hh.__file__).parent / "widgets" / "static" / "toolbar.js").read_text()
    assert set(PHASES) == set(State)
    assert all(f'["{phase}", ' in toolbar for phase, _ in PHASES.values())


def test_states_and_posters_come_for_those_that_are_asked_for(gallery: hh.Gallery, ask: Ask) -> None:
    wanted = [clip_id(7), "clip_gone", clip_id(3)]
    states = ask("clips-states", clips=wanted)["clips"]
    assert [state["id"] for state in states] == [clip_id(7), clip_id(3)]
    assert states[0]["prompt"].startswith("character1 is two cats")
    request = ask("clips-posters", clips=wanted)["request"]
    (buffers,) = (
        sent
        for _, data, sent, _ in gallery.comm.published
        if (data.get("content") or {}).get("request") == request
    )
    assert [buffer[:3] for buffer in buffers] == [b"\xff\xd8\xff", b"", b"\xff\xd8\xff"]
    assert ask("clips-states", clips="all")["kind"] == "error"


def test_what_is_sent_stays_small(gallery: hh.Gallery, ask: Ask) -> None:
    ids = [clip_id(number) for number in range(COUNT)]
    assert len(json.dumps(ask("clips-states", clips=ids))) < 200_000
    assert len(json.dumps(ask("clips-find", query={}))) < 40 * COUNT
    assert len(json.dumps(gallery.get_state()["_page"])) < 100_000


def test_marks_are_kept_and_told_to_every_view(gallery: hh.Gallery, session: Session, ask: Ask) -> None:
    one, two = clip_id(10), clip_id(11)
    answer = ask("clips-mark", clips=[one, two], favourite=True, notes="good light")
    assert [(state["favourite"], state["notes"]) for state in answer["clips"]] == [(True, "good light")] * 2
    assert ask("clips-mark", clips=[one], add=["Sea"])["tags"] == ["Sea"]
    assert ask("clips-mark", clips=[one, two], add=["dusk"])["clips"][0]["tags"] == ["Sea", "dusk"]
    assert session.clip(two).tags == ("dusk",)
    assert found(ask, favourite=True) == found(ask, tag="dusk") == [two, one]

    def told() -> list[dict[str, Any]]:
        changes = [m for m in gallery.comm.messages if m["kind"] == "clips-changed"]
        return [clip for change in changes for clip in change["clips"]]

    until(lambda: any(clip["id"] == one and clip["tags"] == ["Sea", "dusk"] for clip in told()))
    assert ask("clips-mark", clips=[one], add=["fog"], remove=["SEA"])["clips"][0]["tags"] == ["dusk", "fog"]
    ask("clips-mark", clips=[one, two], favourite=False, remove=["dusk", "fog"], notes="")
    assert session.clip(one).tags == session.clip(two).tags == ()


def test_of_two_marks_the_later_one_stays(gallery: hh.Gallery, session: Session) -> None:
    """A person presses twice in a moment, and the kernel reads both at once."""
    versions = [f"version {number}" for number in range(40)]
    for each in versions:
        content = {"kind": "clips-mark", "request": each, "clips": [clip_id(10)], "notes": each}
        gallery.comm.handle_msg(
            {"content": {"data": {"method": "custom", "content": content}}, "buffers": []}
        )
    until(lambda: {m.get("request") for m in gallery.comm.messages} >= set(versions))
    assert session.clip(clip_id(10)).notes == versions[-1]
    session.clip(clip_id(10)).mark(notes="")


@pytest.mark.parametrize(
    "mark",
    [
        {"favourite": 1},
        {"add": "sea"},
        {"add": [1]},
        {"remove": "sea"},
        {"notes": 3},
        {"clips": ["clip_gone"]},
        {"clips": 1},
    ],
)
def test_marks_that_cannot_be_are_answered_in_words(ask: Ask, mark: dict[str, Any]) -> None:
    assert ask("clips-mark", **{"clips": [clip_id(12)], **mark})["name"] == "InvalidRequest"


def test_deleted_clips_are_nowhere_and_come_back(session: Session, ask: Ask) -> None:
    ids = [clip_id(20), clip_id(21)]
    answer = ask("clips-delete", clips=[*ids, "clip_gone"])
    assert answer["done"] == ids
    assert "clip_gone" in answer["problems"][0]
    assert ask("clips-states", clips=ids)["clips"] == []
    assert len(found(ask)) == len(session.clips) == COUNT - 2
    assert ask("clips-delete", clips=ids, back=True)["done"] == ids
    assert len(found(ask)) == COUNT


def test_a_deleted_clips_own_card_offers_to_bring_it_back(session: Session, ask: Ask) -> None:
    ask("clips-delete", clips=[clip_id(22)])
    card = ClipCard(session.clip(clip_id(22)))
    assert (card.state["heading"], card.state["actions"]) == ("Deleted", ["restore"])
    assert ask("clip-act", clip=clip_id(22), action="restore")["kind"] == "reply"
    assert session.clip(clip_id(22)).deleted_at is None
    card.close()


def test_the_code_of_a_clip_comes_in_every_language(session: Session, ask: Ask) -> None:
    code = ask("clip-code", clip=clip_id(5))["code"]
    assert set(code) == {"python", "curl", "javascript"}
    assert "take 5" in code["python"]
    assert "SCENARIO_SDK_API_KEY" in code["curl"]


def test_a_card_names_what_it_comes_from_and_what_came_of_it(session: Session, ask: Ask) -> None:
    database = session._database
    relation = "UPDATE jobs SET parent = ?, relation = 'varied' WHERE id = ?"
    database.write(lambda connection: connection.execute(relation, (clip_id(30), clip_id(31)))).result(10)
    parent, child = ask("clips-states", clips=[clip_id(30), clip_id(31)])["clips"]
    words = session.clip(clip_id(30)).request.prompt[:40]
    assert [(each["relation"], each["id"]) for each in child["lineage"]] == [("varied", clip_id(30))]
    assert child["lineage"][0]["words"].startswith(words)
    assert (parent["made_count"], parent["made"][0]["id"]) == (1, clip_id(31))


def test_a_closed_gallery_hears_nothing_more(session: Session, gallery: hh.Gallery) -> None:
    link = gallery.comm
    gallery.close()
    before = len(link.published)
    session.clip(clip_id(40)).mark(favourite=True)
    session.clip(clip_id(40)).mark(favourite=False)
    assert len(link.published) == before
