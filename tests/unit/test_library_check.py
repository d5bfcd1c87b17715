"""A check of a library finds everything that is wrong with it, and nothing that is not."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from happyhorse_widgets.engine.states import RESTING, State
from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library.check import Checkup, Finding, Kind, findings, survey
from tests.libraries import ENDPOINT, SOON, Shelf

LONG_AGO = time.time() - 7200


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """Two finished clips with images, one on its way, one failed."""
    shelf = Shelf(tmp_path / "home")
    shelf.video("clip_a", shelf.image((255, 0, 0)))
    shelf.video("clip_b", shelf.image((0, 0, 255)))
    shelf.clip("clip_failed", "failed")
    shelf.clip("clip_running", "running", remote_id="job_r")
    yield shelf
    shelf.close()


def check(shelf: Shelf) -> list[tuple[str, str]]:
    """What is found: kind and path."""
    for folder in (shelf.home.clips, shelf.home.images, shelf.home.posters):
        for file in folder.iterdir():
            if file.stat().st_mtime > LONG_AGO and "fresh" not in file.name:
                os.utime(file, (LONG_AGO, LONG_AGO))
    found = survey(shelf.database, shelf.home)
    moving = frozenset(State) - RESTING
    wrong = findings(shelf.home, found, moving=moving, arriving=State.DOWNLOADING, pulse=lambda: None)
    return sorted((finding.kind, finding.path) for finding in wrong)


def image_of(shelf: Shelf, number: int) -> Path:
    return shelf.home.root / shelf.rows("images", "path")[number][0]


def test_a_sound_library_has_nothing_to_find(shelf: Shelf) -> None:
    assert check(shelf) == []
    assert shelf.database.problems() == []


def test_files_that_are_gone(shelf: Shelf) -> None:
    shelf.home.clip("clip_a").unlink()
    shelf.home.poster("clip_b").unlink()
    image_of(shelf, 0).unlink()
    assert check(shelf) == [
        ("missing", "clips/clip_a.mp4"),
        ("missing", shelf.rows("images", "path")[0][0]),
        ("missing", "posters/clip_b.jpg"),
    ]


def test_files_that_are_not_what_they_were(shelf: Shelf) -> None:
    video = shelf.home.clip("clip_a")
    video.write_bytes(video.read_bytes()[:-1] + b"\0")  # the same size
    shelf.home.clip("clip_b").write_bytes(b"")
    shelf.home.poster("clip_a").write_bytes(b"\xff\xd8\xff but no picture")
    image_of(shelf, 1).write_bytes(b"x")
    assert check(shelf) == [
        ("damaged", "clips/clip_a.mp4"),
        ("damaged", "clips/clip_b.mp4"),
        ("damaged", shelf.rows("images", "path")[1][0]),
        ("damaged", "posters/clip_a.jpg"),
    ]


def test_a_done_clip_that_never_got_its_file(shelf: Shelf) -> None:
    shelf.clip("clip_c", "done", remote_id="job_c")
    shelf.journal.expect_outputs("clip_c", ["asset_c"]).result(SOON)
    assert check(shelf) == [("missing", "clips/clip_c.mp4"), ("missing", "posters/clip_c.jpg")]


def test_files_that_nobody_knows(shelf: Shelf) -> None:
    (shelf.home.clips / "holiday.mp4").write_bytes(b"a film of mine")
    (shelf.home.clips / "clip_failed.mp4").write_bytes(b"not a clip's")
    (shelf.home.images / "notes.txt").write_bytes(b"x")
    (shelf.home.posters / "clip_gone.jpg").write_bytes(b"x")
    assert check(shelf) == [
        ("orphan", "clips/clip_failed.mp4"),
        ("orphan", "clips/holiday.mp4"),
        ("orphan", "images/notes.txt"),
        ("orphan", "posters/clip_gone.jpg"),
    ]


def test_what_may_be_on_its_way_is_left_alone(shelf: Shelf) -> None:
    (shelf.home.images / "fresh.png").write_bytes(b"its row is about to be written")
    (shelf.home.clips / "clip_running.mp4").write_bytes(b"about to be noted")
    (shelf.home.clips / "clip_running.mp4.1-0123abcd.part").write_bytes(b"half")
    os.utime(shelf.home.clips / "clip_running.mp4.1-0123abcd.part")
    (shelf.home.clips / ".ipynb_checkpoints").mkdir()
    (shelf.home.images / ".DS_Store").write_bytes(b"x")
    found = survey(shelf.database, shelf.home)
    wrong = findings(
        shelf.home, found, moving=frozenset(State) - RESTING, arriving="downloading", pulse=lambda: None
    )
    assert list(wrong) == []


def test_what_a_killed_process_left(shelf: Shelf) -> None:
    shelf.clip("clip_d", "downloading", endpoint=ENDPOINT, remote_id="job_d")
    shelf.home.clip("clip_d").write_bytes(b"perhaps whole")
    (shelf.home.clips / "clip_x.mp4.1-0123abcd.part").write_bytes(b"half")
    (shelf.home.clips / "mine.part").write_bytes(b"a person's")
    assert check(shelf) == [
        ("abandoned", "clips/clip_x.mp4.1-0123abcd.part"),
        ("orphan", "clips/mine.part"),
        ("unnoted", "clips/clip_d.mp4"),
    ]


def test_an_upload_whose_image_is_gone(shelf: Shelf) -> None:
    shelf.journal.have_upload("f" * 64, endpoint=ENDPOINT, project="", asset_id="asset_1").result(SOON)
    assert check(shelf) == [("lost upload", "")]


def test_a_check_can_be_ended(shelf: Shelf) -> None:
    def give_up() -> None:
        raise LibraryError("Stopped.")

    found = survey(shelf.database, shelf.home)
    with pytest.raises(LibraryError, match="Stopped"):
        list(findings(shelf.home, found, moving=frozenset(), arriving="downloading", pulse=give_up))


def test_rows_and_indexes_that_do_not_agree(shelf: Shelf) -> None:
    shelf.close()
    spoil_an_index(shelf.home.database)
    again = Shelf(shelf.home.root)
    assert any("missing from index jobs_by_state" in problem for problem in again.database.problems())
    again.database.write(lambda connection: connection.execute("REINDEX")).result(SOON)
    assert again.database.problems() == []
    again.close()


def spoil_an_index(path: Path) -> None:
    """Make an index that lacks a row, as a bad sector or a bad copy does."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema = ON")
    row = connection.execute("SELECT * FROM sqlite_master WHERE name = 'jobs_by_state'").fetchone()
    connection.execute("DELETE FROM sqlite_master WHERE name = 'jobs_by_state'")
    connection.close()
    connection = sqlite3.connect(path, isolation_level=None)
    request = '{"prompt": "x", "references": [], "model": "m"}'
    connection.execute(
        "INSERT INTO jobs (id, created_at, updated_at, state, endpoint, sandbox, model, request, versions)"
        " VALUES ('clip_z', 0, 0, 'failed', 'sandbox', 1, 'model_1', ?, '{}')",
        (request,),
    )
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", row)
    connection.close()


def test_the_result_says_it_in_words() -> None:
    repaired = Finding(Kind.MISSING, "Clip clip_a: it is missing. It was downloaded again.", repaired=True)
    open_ = Finding(Kind.DAMAGED, "Clip clip_b: it is damaged.")
    orphan = Finding(Kind.ORPHAN, "clips/mine.mp4 belongs to no clip.")
    checkup = Checkup(1200, 30, 7, 5_600_000, (repaired, open_, orphan))
    assert not checkup.sound
    assert (checkup.repaired, checkup.remaining, checkup.orphans) == ((repaired,), (open_,), (orphan,))
    assert repr(checkup) == (
        "1,200 clips, 30 images and 7 posters verified (5.6 MB): not all is well.\n"
        "Repaired:\n  Clip clip_a: it is missing. It was downloaded again.\n"
        "Not repaired:\n  Clip clip_b: it is damaged.\n"
        "Files that belong to no clip, left where they are:\n  clips/mine.mp4 belongs to no clip."
    )
    assert Checkup(1, 0, 0, 0, (orphan,)).sound
    many = repr(Checkup(1, 0, 0, 0, (open_,) * 30))
    assert many.endswith("… and 10 more: see `findings`.")
