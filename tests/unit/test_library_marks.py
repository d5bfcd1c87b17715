"""What people say of clips, and small things that they save: kept as given, by any process, heard of by the others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from happyhorse_widgets.engine.states import CHARGEABLE, RESTING
from happyhorse_widgets.errors import InvalidRequest, LibraryError
from happyhorse_widgets.library.clips import ClipRecord, Clips
from happyhorse_widgets.library.database import Database
from happyhorse_widgets.library.journal import Journal, StaleTransition
from happyhorse_widgets.library.marks import Marks
from happyhorse_widgets.library.saved import Saved
from tests.libraries import ENDPOINT, SOON, Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "home")
    shelf.clip("clip_a", "failed", cost=30.0)
    shelf.clip("clip_running", "running", remote_id="job_r")
    yield shelf
    shelf.close()


def record(shelf: Shelf, clip_id: str = "clip_a") -> ClipRecord:
    found = Clips(shelf.database).get(clip_id)
    assert found is not None
    return found


def test_only_what_is_given_is_changed(shelf: Shelf) -> None:
    marks = Marks(shelf.database)
    marks.mark("clip_a", favourite=True, tags=["fox"], notes="good").result(SOON)
    marked = marks.mark("clip_a", notes="better").result(SOON)
    assert (marked.favourite, marked.tags, marked.notes) == (True, ("fox",), "better")
    marked = marks.mark("clip_a", favourite=False, tags=[]).result(SOON)
    assert (marked.favourite, marked.tags, marked.notes) == (False, (), "better")
    assert marked == record(shelf)


def test_tags_are_tidied(shelf: Shelf) -> None:
    marked = (
        Marks(shelf.database).mark("clip_a", tags=[" for  the\nfilm ", "FOX", "fox", "", "\0"]).result(SOON)
    )
    assert marked.tags == ("for the film", "FOX")
    assert Marks(shelf.database).mark("clip_a", tags="fox").result(SOON).tags == ("fox",)


def test_tags_are_added_to_and_removed_from_those_that_are_there(shelf: Shelf) -> None:
    marks = Marks(shelf.database)
    marks.mark("clip_a", tags=["sea", "fox"])
    assert marks.mark("clip_a", add_tags=["dusk", "FOX"]).result(SOON).tags == ("sea", "fox", "dusk")
    assert marks.mark("clip_a", remove_tags=["SEA", "gone"]).result(SOON).tags == ("fox", "dusk")
    both = marks.mark("clip_a", tags=["one", "two"], remove_tags=["one"], add_tags=["three"])
    assert both.result(SOON).tags == ("two", "three")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"tags": ["x" * 101]}, "A tag has at most 100 characters; 'xxxxxxxxxxxxxxxxxxxx'… has 101"),
        ({"tags": [str(n) for n in range(51)]}, "A clip can have 50 tags; these are 51"),
        ({"tags": ["fox", 7]}, "Tags are texts"),
        ({"remove_tags": [7]}, "Tags are texts"),
        ({"notes": "x" * 20_001}, "at most 20,000 characters; these have 20,001"),
        ({"notes": 7}, "Notes are a text"),
    ],
)
def test_what_no_mark_can_be(shelf: Shelf, values: dict[str, Any], told: str) -> None:
    before = record(shelf)
    with pytest.raises(InvalidRequest, match=told):
        Marks(shelf.database).mark("clip_a", **values)
    assert record(shelf) == before


def test_text_that_sqlite_cannot_keep_is_kept_without_that(shelf: Shelf) -> None:
    marked = Marks(shelf.database).mark("clip_a", notes="a\ud800b\0c 🦊", tags=["x\udfff"]).result(SOON)
    assert (marked.notes, marked.tags) == ("a\ufffdbc 🦊", ("x\ufffd",))


def test_a_mark_leaves_the_row_that_money_is_in_alone_and_an_event_behind(shelf: Shelf) -> None:
    journal, marks = Journal(shelf.database), Marks(shelf.database)
    before, row = journal.latest(), shelf.rows("jobs")
    first = marks.mark("clip_running", favourite=True).result(SOON)
    assert shelf.rows("jobs") == row
    assert journal.news(before) == (before + 1, ["clip_running"])
    assert [event["to_state"] for event in journal.events("clip_running")][-2:] == ["running", "running"]
    again = marks.mark("clip_running", favourite=True).result(SOON)  # which says nothing new
    assert journal.latest() == before + 1
    assert again.marked_at == first.marked_at > 0


def test_a_later_mark_is_newer_whatever_the_clock_says(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = Marks(shelf.database)
    first = marks.mark("clip_a", notes="one").result(SOON)
    monkeypatch.setattr("happyhorse_widgets.library.catalogue.time.time", lambda: 1.0)
    second = marks.mark("clip_a", notes="two").result(SOON)
    third = marks.delete("clip_a", resting=RESTING).result(SOON)
    assert first.marked_at < second.marked_at < third.marked_at


def test_deleting_and_restoring_change_nothing_that_counts(shelf: Shelf) -> None:
    marks, clips = Marks(shelf.database), Clips(shelf.database)
    charged = clips.charged(frozenset(CHARGEABLE), endpoint=ENDPOINT, project="")
    assert charged == 30.0
    deleted = marks.delete("clip_a", resting=RESTING).result(SOON)
    assert deleted.deleted_at is not None
    assert marks.delete("clip_a", resting=RESTING).result(SOON) == deleted  # twice is once
    assert clips.charged(frozenset(CHARGEABLE), endpoint=ENDPOINT, project="") == charged
    assert clips.deletions(["clip_a", "clip_running", "clip_x"]) == {
        "clip_a": deleted.deleted_at,
        "clip_running": None,
    }
    restored = marks.restore("clip_a").result(SOON)
    assert restored.deleted_at is None
    assert restored.marked_at > deleted.marked_at


def test_a_clip_on_its_way_cannot_be_deleted_and_one_that_is_not_there_cannot_be_marked(shelf: Shelf) -> None:
    marks = Marks(shelf.database)
    with pytest.raises(StaleTransition, match="running"):
        marks.delete("clip_running", resting=RESTING).result(SOON)
    assert record(shelf, "clip_running").deleted_at is None
    for work in (
        marks.mark("clip_x", notes=""),
        marks.restore("clip_x"),
        marks.delete("clip_x", resting=RESTING),
    ):
        with pytest.raises(LibraryError, match="There is no clip clip_x"):
            work.result(SOON)


# -- saved things ------------------------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "library.sqlite3")
    yield database
    database.close()


def test_what_is_saved_is_a_mapping_of_its_kind(database: Database) -> None:
    presets, templates = Saved(database, "preset"), Saved(database, "template")
    presets["wide"] = {"aspect_ratio": "21:9", "duration": 5, "seed": None}
    presets["tall"] = ["a", 1.5, True]
    templates["wide"] = "character1 walks"
    presets["wide"] = {"aspect_ratio": "16:9"}
    assert dict(presets) == {"wide": {"aspect_ratio": "16:9"}, "tall": ["a", 1.5, True]}
    assert list(presets) == ["wide", "tall"]  # in the order in which they were first saved
    assert (len(presets), "tall" in presets, "x" in presets, presets.get(7)) == (2, True, False, None)
    del presets["wide"]
    assert list(presets) == ["tall"]
    assert dict(templates) == {"wide": "character1 walks"}
    for missing in ("wide", "\ud800"):
        with pytest.raises(KeyError):
            del presets[missing]
        with pytest.raises(KeyError):
            presets[missing]
    assert presets.setdefault("new", 1) == 1
    assert repr(presets) == "<2 saved, kind 'preset'>"


def test_what_is_read_is_a_copy_and_another_kernel_sees_the_same(database: Database) -> None:
    Saved(database, "preset")["wide"] = {"a": [1]}
    Saved(database, "preset")["wide"]["a"].append(2)
    other = Database(database.path)
    assert dict(Saved(other, "preset")) == {"wide": {"a": [1]}}
    Saved(other, "preset")["wide"] = "changed"
    other.close()
    assert Saved(database, "preset")["wide"] == "changed"


@pytest.mark.parametrize("value", [math.nan, {1, 2}, b"x", object()])
def test_what_cannot_be_saved(database: Database, value: object) -> None:
    presets = Saved(database, "preset")
    with pytest.raises(InvalidRequest, match="'wide' cannot be saved: texts, finite numbers"):
        presets["wide"] = value
    for name in ("", " ", "\ud800", 7):
        with pytest.raises(InvalidRequest, match="A saved preset needs a name"):
            presets[name] = 1  # type: ignore[index]
    assert len(presets) == 0
