"""What people said of clips travels with them, and where two libraries come together neither side loses anything."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from happyhorse_widgets.engine.states import RESTING
from happyhorse_widgets.library.clips import ClipRecord, Clips
from happyhorse_widgets.library.folding import folded
from happyhorse_widgets.library.joining import _both
from happyhorse_widgets.library.saved import Saved
from tests.libraries import SOON, Shelf
from tests.unit.test_library_transfer import rewrite


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "source")
    for name in ("a", "b", "c"):
        shelf.clip(f"clip_{name}", "failed")
    yield shelf
    shelf.close()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "target")
    yield shelf
    shelf.close()


def record(shelf: Shelf, clip_id: str) -> ClipRecord:
    found = Clips(shelf.database).get(clip_id)
    assert found is not None
    return found


def said(shelf: Shelf, clip_id: str) -> tuple[bool, tuple[str, ...], str]:
    found = record(shelf, clip_id)
    return found.favourite, found.tags, found.notes


def mark(shelf: Shelf, clip_id: str, **values: Any) -> None:
    shelf.marks.mark(clip_id, **values).result(SOON)


def test_marks_travel_with_their_clips(source: Shelf, target: Shelf, tmp_path: Path) -> None:
    mark(source, "clip_a", favourite=True, tags=["Fox", "雪"], notes="two\n\nlines \u202e")
    mark(source, "clip_b", notes="plain")
    source.export(tmp_path / "clips.zip")
    merged = target.merge(tmp_path / "clips.zip")
    assert (merged.clips, merged.marked) == (("clip_a", "clip_b", "clip_c"), ())
    assert [said(target, f"clip_{name}") for name in "abc"] == [
        said(source, f"clip_{name}") for name in "abc"
    ]
    assert said(target, "clip_a") == (True, ("Fox", "雪"), "two\n\nlines \u202e")
    assert (
        target.journal.events("clip_a")[-1]["detail"] == "marked"
    )  # as there: an import adds nothing of its own
    with zipfile.ZipFile(tmp_path / "clips.zip") as archive:
        lines = archive.read("journal/catalogue.jsonl").splitlines()
    assert [json.loads(line)["job_id"] for line in lines] == [
        "clip_a",
        "clip_b",
    ]  # who has nothing to say is silent


def test_lineage_travels(source: Shelf, target: Shelf, tmp_path: Path) -> None:
    source.journal.create(
        "clip_child",
        state="failed",
        endpoint="e",
        project="",
        sandbox=True,
        model="m",
        request={"prompt": "x", "references": []},
        versions={},
        parent="clip_a",
        relation="varied",
    ).result(SOON)
    source.export(tmp_path / "clips.zip", "clip_child")
    target.merge(tmp_path / "clips.zip")
    child = record(target, "clip_child")
    assert (child.parent, child.relation) == ("clip_a", "varied")
    assert Clips(target.database).deletions(["clip_a"]) == {}
    assert Clips(target.database).made_from("clip_a") == [child]


def test_both_sides_keep_what_they_said(source: Shelf, target: Shelf, tmp_path: Path) -> None:
    source.export(tmp_path / "bare.zip")
    target.merge(tmp_path / "bare.zip")
    mark(source, "clip_a", favourite=True, tags=["fox", "night"], notes="theirs")
    mark(target, "clip_a", tags=["FOX", "day"], notes="ours")
    mark(target, "clip_b", favourite=True, notes="only ours")
    source.export(tmp_path / "clips.zip")
    latest = target.journal.latest()
    merged = target.merge(tmp_path / "clips.zip")
    assert (merged.clips, merged.known) == ((), ("clip_a", "clip_b", "clip_c"))
    assert merged.marked == ("clip_a",)
    assert "What was said there of 1 of these was added" in repr(merged)
    assert said(target, "clip_a") == (True, ("FOX", "day", "night"), "ours\n\ntheirs")
    assert said(target, "clip_b") == (True, (), "only ours")
    assert target.journal.news(latest)[1] == ["clip_a"]  # so that every kernel hears of it
    assert Clips(target.database).ids() == Clips(source.database).ids()
    before = target.contents()
    assert target.merge(tmp_path / "clips.zip").marked == ()  # again adds nothing
    assert target.contents() == before


def test_a_clip_that_has_gone_another_way_here_gets_the_marks_all_the_same(
    source: Shelf, target: Shelf, tmp_path: Path
) -> None:
    source.export(tmp_path / "bare.zip")
    target.merge(tmp_path / "bare.zip")
    target.journal.move("clip_a", "failed", "failed", refunded=True).result(SOON)
    mark(source, "clip_a", notes="theirs")
    source.export(tmp_path / "clips.zip")
    merged = target.merge(tmp_path / "clips.zip")
    assert merged.left_out == {"clip_a": "another form of it is here, which stays as it is"}
    assert merged.marked == ("clip_a",)
    assert (record(target, "clip_a").notes, record(target, "clip_a").refunded) == ("theirs", True)


def test_what_is_deleted_here_stays_deleted_and_what_is_deleted_there_does_not_travel(
    source: Shelf, target: Shelf, tmp_path: Path
) -> None:
    source.export(tmp_path / "bare.zip")
    target.merge(tmp_path / "bare.zip")
    target.marks.delete("clip_a", resting=RESTING).result(SOON)
    source.marks.delete("clip_b", resting=RESTING).result(SOON)
    mark(source, "clip_a", favourite=True)
    exported = source.export(tmp_path / "clips.zip")
    assert (exported.clips, exported.left_out) == (("clip_a", "clip_c"), {})
    target.merge(tmp_path / "clips.zip")
    assert record(target, "clip_a").deleted_at is not None
    assert record(target, "clip_a").favourite
    assert record(target, "clip_b").deleted_at is None
    exported = source.export(tmp_path / "one.zip", "clip_b")
    assert (exported.clips, exported.left_out) == ((), {"clip_b": "it is deleted: restore it first"})


NOTES = st.text("ab \n", max_size=6)


@given(NOTES, NOTES)
def test_notes_of_both_sides_are_kept_once(ours: str, theirs: str) -> None:
    both = _both(ours, theirs)
    assert ours.strip() in both
    assert theirs.strip() in both
    assert len(both) <= len(ours) + len(theirs) + 2
    assert _both(both, theirs) == _both(both, ours) == both


MARKS = st.fixed_dictionaries(
    {
        "favourite": st.booleans(),
        "tags": st.lists(st.sampled_from(["fox", "Fox", "night", "雪"]), max_size=3),
        "notes": NOTES,
    }
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shelf, Shelf, Path]]:
    """Two libraries with the same clip, and a place for zips."""
    folder = tmp_path_factory.mktemp("pair")
    here, there = Shelf(folder / "here"), Shelf(folder / "there")
    here.clip("clip_a", "failed")
    here.export(folder / "bare.zip")
    there.merge(folder / "bare.zip")
    yield here, there, folder
    here.close()
    there.close()


@settings(max_examples=10)
@given(MARKS, MARKS)
def test_two_libraries_that_take_each_other_in_say_the_same_and_all_of_it(
    pair: tuple[Shelf, Shelf, Path], ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    here, there, folder = pair
    mark(here, "clip_a", **ours)
    mark(there, "clip_a", **theirs)
    for source, target in ((there, here), (here, there)):
        source.export(folder / "clips.zip")
        target.merge(folder / "clips.zip")
    favourite, tags, notes = said(here, "clip_a")
    assert favourite == (ours["favourite"] or theirs["favourite"])
    assert {folded(tag) for tag in tags} == {folded(tag) for tag in ours["tags"] + theirs["tags"]}
    assert ours["notes"].strip() in notes
    assert theirs["notes"].strip() in notes
    assert said(there, "clip_a")[0] == favourite
    assert {folded(tag) for tag in said(there, "clip_a")[1]} == {folded(tag) for tag in tags}
    assert said(there, "clip_a")[2].strip() == notes.strip()


def test_presets_and_templates_travel_with_everything_and_drafts_do_not(
    source: Shelf, target: Shelf, tmp_path: Path
) -> None:
    for kind in ("preset", "template", "draft"):
        Saved(source.database, kind)["wide"] = {"from": "source"}
    Saved(source.database, "preset")["same"] = [1]
    Saved(target.database, "preset").update({"wide": {"from": "target"}, "same": [1]})
    source.export(tmp_path / "some.zip", "clip_a")
    assert target.merge(tmp_path / "some.zip").saved == ()
    source.export(tmp_path / "all.zip")
    merged = target.merge(tmp_path / "all.zip")
    assert merged.saved == ("wide (2)", "wide")
    assert "2 saved things came in: wide (2), wide." in repr(merged)
    assert dict(Saved(target.database, "preset")) == {
        "wide": {"from": "target"},
        "same": [1],
        "wide (2)": {"from": "source"},
    }
    assert dict(Saved(target.database, "template")) == {"wide": {"from": "source"}}
    assert dict(Saved(target.database, "draft")) == {}
    before = target.contents()
    assert target.merge(tmp_path / "all.zip").saved == ()
    assert target.contents() == before


def test_an_export_of_an_older_package_comes_in(source: Shelf, target: Shelf, tmp_path: Path) -> None:
    source.export(tmp_path / "clips.zip")
    with zipfile.ZipFile(tmp_path / "clips.zip") as archive:
        rows = [json.loads(line) for line in archive.read("journal/jobs.jsonl").splitlines()]
    for row in rows:
        del row["parent"], row["relation"]
    changed = {
        "journal/catalogue.jsonl": None,
        "journal/saved.jsonl": None,
        "journal/jobs.jsonl": b"\n".join(json.dumps(row).encode() for row in rows),
    }
    rewrite(tmp_path / "clips.zip", tmp_path / "older.zip", changed)
    assert target.merge(tmp_path / "older.zip").clips == ("clip_a", "clip_b", "clip_c")
    assert source.merge(tmp_path / "older.zip").known == ("clip_a", "clip_b", "clip_c")
