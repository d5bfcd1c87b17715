"""Emptying the trash removes files and nothing else, and only those of deleted clips."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from happyhorse_widgets.engine.states import CHARGEABLE, RESTING
from happyhorse_widgets.library import trash
from happyhorse_widgets.library.clips import ClipRecord, Clips
from happyhorse_widgets.library.trash import Emptied
from tests.libraries import ENDPOINT, SOON, Shelf
from tests.unit.test_library_check import check


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """Two finished clips that share an image, the first of them deleted."""
    shelf = Shelf(tmp_path / "home")
    image = shelf.image((255, 0, 0))
    shelf.video("clip_a", image)
    shelf.video("clip_b", image)
    shelf.marks.delete("clip_a", resting=RESTING).result(SOON)
    yield shelf
    shelf.close()


def empty(shelf: Shelf, older_than: float = 0.0) -> Emptied:
    return trash.empty(shelf.database, shelf.home, older_than=older_than, resting=RESTING, pulse=lambda: None)


def record(shelf: Shelf, clip_id: str) -> ClipRecord:
    found = Clips(shelf.database).get(clip_id)
    assert found is not None
    return found


def files(shelf: Shelf) -> set[str]:
    folders = (shelf.home.clips, shelf.home.images, shelf.home.posters)
    return {shelf.home.relative(file) for folder in folders for file in folder.iterdir()}


def test_files_go_and_rows_stay(shelf: Shelf) -> None:
    clips = Clips(shelf.database)
    charged = clips.charged(frozenset(CHARGEABLE), endpoint=ENDPOINT, project="")
    before, jobs = files(shelf), shelf.rows("jobs")
    shelf.home.playable.mkdir()
    for clip_id in ("clip_a", "clip_b"):
        (shelf.home.playable / f"{clip_id}.webm").write_bytes(b"a copy")
    size = (
        shelf.home.clip("clip_a").stat().st_size + shelf.home.poster("clip_a").stat().st_size + len(b"a copy")
    )
    latest = shelf.journal.latest()
    emptied = empty(shelf)
    assert emptied == Emptied(("clip_a",), size, ())
    assert repr(emptied).startswith("The files of 1 deleted clips were removed")
    assert before - files(shelf) == {"clips/clip_a.mp4", "posters/clip_a.jpg"}
    assert [copy.name for copy in shelf.home.playable.iterdir()] == ["clip_b.webm"]
    assert shelf.rows("jobs") == jobs
    assert clips.charged(frozenset(CHARGEABLE), endpoint=ENDPOINT, project="") == charged == 60.0
    (output,) = record(shelf, "clip_a").outputs
    assert (output.path, output.state) == (None, "removed")
    assert output.sha256 is not None  # so that what is downloaded again can be told to be the same
    assert shelf.journal.news(latest)[1] == ["clip_a"]
    assert empty(shelf) == Emptied((), 0, ())
    assert shelf.journal.news(latest)[0] == latest + 1


def test_only_what_was_deleted_long_enough_ago(shelf: Shelf) -> None:
    assert empty(shelf, older_than=3600.0).clips == ()
    shelf.database.write(
        lambda connection: connection.execute(
            "UPDATE catalogue SET deleted_at = deleted_at - 3601 WHERE deleted_at > 0"
        )
    ).result(SOON)
    assert empty(shelf, older_than=3600.0).clips == ("clip_a",)


def test_a_clip_that_goes_on_keeps_its_file(shelf: Shelf) -> None:
    shelf.database.write(
        lambda connection: connection.execute("UPDATE jobs SET state = 'downloading' WHERE id = 'clip_a'")
    ).result(SOON)
    assert empty(shelf) == Emptied((), 0, ())
    assert "clips/clip_a.mp4" in files(shelf)


def test_a_file_that_cannot_be_removed_is_named(shelf: Shelf) -> None:
    path = shelf.home.clip("clip_a")
    path.unlink()
    path.mkdir()  # which nobody can unlink, not even the superuser
    emptied = empty(shelf)
    assert (emptied.clips, emptied.remaining) == (("clip_a",), (path,))
    assert f"{path} could not be removed" in repr(emptied)
    path.rmdir()
    assert empty(shelf) == Emptied((), 0, ())


def test_a_killed_process_leaves_what_the_next_time_removes(shelf: Shelf) -> None:
    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    with pytest.raises(Killed):
        trash.empty(shelf.database, shelf.home, older_than=0.0, resting=RESTING, pulse=die)
    assert "clips/clip_a.mp4" in files(shelf)
    assert check(shelf) == []
    assert empty(shelf).clips == ("clip_a",)
    assert "clips/clip_a.mp4" not in files(shelf)


def test_a_check_misses_nothing_of_a_deleted_clip_until_it_is_restored(shelf: Shelf) -> None:
    shelf.home.poster("clip_a").unlink()
    assert check(shelf) == []
    empty(shelf)
    assert check(shelf) == []
    shelf.marks.restore("clip_a").result(SOON)
    assert check(shelf) == [("missing", "clips/clip_a.mp4"), ("missing", "posters/clip_a.jpg")]


def test_a_clip_without_its_file_is_not_exported(shelf: Shelf, tmp_path: Path) -> None:
    empty(shelf)
    shelf.marks.restore("clip_a").result(SOON)
    exported = shelf.export(tmp_path / "clips.zip")
    assert (exported.clips, exported.left_out) == (("clip_b",), {"clip_a": "its file went with the trash"})
    other = Shelf(tmp_path / "other")
    assert other.merge(tmp_path / "clips.zip").clips == ("clip_b",)
    other.close()


def test_a_clip_whose_file_went_is_known_when_it_comes_in_again(shelf: Shelf, tmp_path: Path) -> None:
    shelf.marks.restore("clip_a").result(SOON)
    shelf.export(tmp_path / "clips.zip", "clip_a")
    shelf.marks.delete("clip_a", resting=RESTING).result(SOON)
    empty(shelf)
    before = shelf.contents()
    assert shelf.merge(tmp_path / "clips.zip").known == ("clip_a",)
    assert shelf.contents() == before
