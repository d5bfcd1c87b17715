"""Every ballot stays: through a second cast, being taken back, an export, two hands at once, and a kernel that is killed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from happyhorse_widgets.errors import InvalidRequest, LibraryError
from happyhorse_widgets.library.ballots import Ballot, Ballots, Side, checked_rater
from happyhorse_widgets.library.database import MIGRATIONS, Database
from tests.arenas import fill_arena
from tests.libraries import SOON, Shelf, vote_and_take_back
from tests.sessions import Kernel
from tests.unit.test_library_database import version_of

ARENA = "arena_0123456789abcdef"
LEFT, RIGHT = Side("clip_l", "1" * 64, "one"), Side("clip_r", "2" * 64, "two")


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "home")
    yield shelf
    shelf.close()


@pytest.fixture
def ballots(shelf: Shelf) -> Ballots:
    ballots = Ballots(shelf.database)
    ballots.begin(ARENA, "first", {"seed": 7}).result(SOON)
    return ballots


def ballot(number: int, **changes: object) -> Ballot:
    made = Ballot(
        id=f"ballot_{number:032x}",
        arena=ARENA,
        rater="Ada",
        position=number,
        kind="vote",
        left=LEFT,
        right=RIGHT,
        spoiled="",
        answers={"better": "a"},
        seconds=1.5,
    )
    return replace(made, **changes)


def test_what_was_cast_is_read_as_it_was(ballots: Ballots) -> None:
    cast = ballots.cast(ballot(0, answers={"better": "both_bad", "closer?": "tie"})).result(SOON)
    assert ballots.all() == ballots.all(ARENA) == [cast]
    assert cast.pair == "clip_l clip_r" == replace(cast, left=RIGHT, right=LEFT).pair
    assert [(each.id, each.name, each.plan) for each in ballots.arenas()] == [(ARENA, "first", {"seed": 7})]


def test_the_same_ballot_is_one_however_often_it_is_cast(ballots: Ballots) -> None:
    for _ in range(3):
        ballots.cast(ballot(0)).result(SOON)
    assert len(ballots.all()) == 1
    with pytest.raises(InvalidRequest, match="has its vote already"):
        ballots.cast(ballot(0, answers={"better": "b"})).result(SOON)
    assert ballots.all() == [ballot(0, at=ballots.all()[0].at)]


def test_a_rater_has_one_vote_at_each_position(ballots: Ballots) -> None:
    ballots.cast(ballot(0)).result(SOON)
    with pytest.raises(InvalidRequest, match="another window"):
        ballots.cast(ballot(1, position=0)).result(SOON)
    ballots.cast(ballot(2, position=0, rater="Bo")).result(SOON)
    assert [each.rater for each in ballots.counting()] == ["Ada", "Bo"]


def test_a_ballot_that_is_taken_back_stays_and_does_not_count(ballots: Ballots) -> None:
    first = ballots.cast(ballot(0)).result(SOON)
    back = ballot(1, position=0, answers={}, supersedes=first.id)
    ballots.cast(back).result(SOON)
    assert ballots.counting() == []
    with pytest.raises(InvalidRequest, match="taken back already"):
        ballots.cast(replace(back, id=ballot(2).id)).result(SOON)
    again = ballots.cast(ballot(3, position=0, answers={"better": "b"})).result(SOON)
    assert ballots.counting() == [again]
    assert [each.id for each in ballots.all()] == [first.id, back.id, again.id]
    assert ballots.to_frame()["winner"].tolist() == ["b"]


@pytest.mark.parametrize("change", ["DELETE FROM ballots", "UPDATE ballots SET rater = 'Eve'"])
def test_no_ballot_can_be_changed_or_removed(ballots: Ballots, shelf: Shelf, change: str) -> None:
    ballots.cast(ballot(0)).result(SOON)
    with pytest.raises(LibraryError, match="append-only"):
        shelf.database.write(lambda connection: connection.execute(change)).result(SOON)
    assert len(ballots.all()) == 1


def test_an_arena_has_to_be_there(ballots: Ballots) -> None:
    with pytest.raises(LibraryError, match="FOREIGN KEY"):
        ballots.cast(ballot(0, arena="arena_ffffffffffffffff")).result(SOON)


def test_the_frame_has_a_row_for_each_answer(ballots: Ballots) -> None:
    assert ballots.to_frame().empty
    ballots.cast(ballot(0, answers={"better": "a", "closer": "tie"})).result(SOON)
    ballots.cast(ballot(1, kind="check", right=LEFT, spoiled="right", seconds=None)).result(SOON)
    frame = ballots.to_frame("first")
    assert list(ballots.to_frame(ARENA).columns) == list(frame.columns)
    assert frame[["question", "winner", "kind", "spoiled"]].to_numpy().tolist() == [
        ["better", "a", "vote", ""],
        ["closer", "tie", "vote", ""],
        ["better", "a", "check", "right"],
    ]
    row = frame.iloc[0]
    assert (row["model_a"], row["clip_a"], row["sha256_a"], row["left"]) == ("one", "clip_l", "1" * 64, "one")
    assert (row["model_b"], row["clip_b"], row["sha256_b"], row["pair"]) == (
        "two",
        "clip_r",
        "2" * 64,
        "clip_l clip_r",
    )
    assert frame["seconds"].isna().tolist() == [False, False, True]
    assert str(frame["at"].dt.tz) == "UTC"
    with pytest.raises(InvalidRequest, match=r"no arena 'second'.*first"):
        ballots.to_frame("second")


@pytest.mark.parametrize("name", ["", "  \n", "x" * 101, None, 7])
def test_what_is_no_name(name: object) -> None:
    with pytest.raises(InvalidRequest, match="name or a pseudonym"):
        checked_rater(name)


def test_names_are_kept_in_one_form() -> None:
    assert checked_rater("  Ada \n Love\0lace\ud83d ") == "Ada Lovelace\ufffd"


def test_ballots_travel_and_come_together(tmp_path: Path, shelf: Shelf) -> None:
    for name in ("clip_a", "clip_b", "clip_c"):
        shelf.clip(name, "failed")
    cast = vote_and_take_back(shelf.database, ("clip_a", "clip_b"))
    exported = shelf.export(tmp_path / "all.zip")
    assert exported.ballots == 3
    assert "3 ballots" in repr(exported)
    other = Shelf(tmp_path / "other")
    theirs = Ballots(other.database)
    merged = other.merge(tmp_path / "all.zip")
    assert merged.ballots == 3
    assert "3 ballots came in" in repr(merged)
    assert theirs.all() == cast
    assert theirs.arenas() == Ballots(shelf.database).arenas()
    theirs.cast(replace(cast[2], id=ballot(9).id, rater="Bo", at=5.0)).result(SOON)
    assert other.merge(tmp_path / "all.zip").ballots == 0
    other.export(tmp_path / "back.zip")
    assert shelf.merge(tmp_path / "back.zip").ballots == 1
    assert [each.rater for each in Ballots(shelf.database).counting()] == ["Zoë", "Bo"]
    assert shelf.database.problems() == other.database.problems() == []
    other.close()


def test_with_some_clips_go_the_ballots_on_two_of_them(tmp_path: Path, shelf: Shelf) -> None:
    for name in ("clip_a", "clip_b", "clip_c"):
        shelf.clip(name, "failed")
    vote_and_take_back(shelf.database, ("clip_a", "clip_b"))
    assert shelf.export(tmp_path / "two.zip", "clip_a", "clip_b").ballots == 3
    assert shelf.export(tmp_path / "one.zip", "clip_a", "clip_c").ballots == 0
    other = Shelf(tmp_path / "other")
    assert other.merge(tmp_path / "one.zip").ballots == 0
    assert Ballots(other.database).arenas() == []
    other.close()


def test_a_library_without_ballots_gets_room_for_them(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite3"
    connection = sqlite3.connect(path)
    connection.create_function("search_words", 4, lambda *_: "")
    for script in MIGRATIONS[:3]:
        connection.executescript(script)
    connection.execute("PRAGMA user_version = 3")
    connection.commit()
    connection.close()
    database = Database(path)
    assert len(vote_and_take_back(database, ("clip_a", "clip_b"))) == 3
    database.close()
    assert version_of(path) == len(MIGRATIONS)


VOTE = """
import comm
from tests.unit.comms import RecordingComm, asking
comm.create_comm = RecordingComm
session = connect()
arena = hh.Arena(session.clips, seed=1, repeats=0.5, checks=0.0)
ask = asking(arena.comm)
while True:
    pair = ask("arena-next", rater="Ada")
    if "over" in pair:
        break
    answers = {"Which clip is better?": "b"}
    ask("arena-vote", rater="Ada", showing=pair["showing"], answers=answers, seconds=1)
    say(pair["showing"])
say("over")
"""


def test_a_kernel_that_is_killed_loses_no_ballot_and_none_counts_twice(tmp_path: Path) -> None:
    fill_arena(tmp_path / "home", seeds=3)
    told: list[str] = []
    for kills in (2, 3):  # at some moment after so many answers, while the next is on its way
        kernel = Kernel(VOTE, tmp_path / "home")
        told += [kernel.line() for _ in range(kills)]
        kernel.kill()
    kernel = Kernel(VOTE, tmp_path / "home")
    while (line := kernel.line()) != "over":
        assert line, kernel.end()
        told.append(line)
    kernel.end()
    database = Database(tmp_path / "home" / "library.sqlite3")
    counted = Ballots(database).counting()
    assert set(told) <= {each.id for each in counted}
    assert [each.position for each in counted] == list(range(9))  # six pairs, three of them twice
    votes = [each.pair for each in counted if each.kind == "vote"]
    assert len(votes) == len(set(votes)) == 6
    assert database.problems() == []
    database.close()
