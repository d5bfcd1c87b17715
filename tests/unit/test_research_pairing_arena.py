"""The arena that a person makes, without its widget: which clips take part, by which levels, and what may be asked."""

from __future__ import annotations

import shutil
import sqlite3
import warnings
from contextlib import closing
from pathlib import Path

import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.errors import InvalidRequest, LibraryError
from happyhorse_widgets.research.contenders import field_of
from happyhorse_widgets.research.poll import checked_questions, checked_rules
from happyhorse_widgets.research.report_voting import gathered
from happyhorse_widgets.widgets.showing import Booth
from tests.arenas import MODELS, fill_arena


def test_the_same_call_goes_on_with_the_same_arena(tmp_path: Path) -> None:
    fill_arena(tmp_path / "home")
    session = hh.connect(sandbox=True, home=tmp_path / "home")
    first = hh.Arena(session.clips)
    turn = first.turn("Ada")
    assert turn is not None
    first.vote("Ada", turn, "b", seconds=2.0)
    same = hh.Arena(list(session.clips)[::-1], votes_wanted=3)
    assert (same.id, same.plan["seed"]) == (first.id, first.plan["seed"])
    assert same.votes["winner"].tolist() == ["b"]
    others = [hh.Arena(session.clips, **other) for other in ({"name": "n"}, {"seed": 1}, {"repeats": 0.5})]
    assert len({first.id, *(other.id for other in others)}) == 4
    assert [side for side, *_ in first.plan["clips"]] == sorted(clip.id for clip in session.clips)
    assert first.name == ""
    assert repr(same).endswith(": 1 of 3 votes by 1 rater on 4 pairs, 0 to 1 on each>")
    assert session.ballots.to_frame(first.id).equals(first.votes)
    session.close()


def test_a_booth_passes_over_a_check_that_was_taken_back_and_cannot_be_shown(tmp_path: Path) -> None:
    fill_arena(tmp_path / "home")
    session = hh.connect(sandbox=True, home=tmp_path / "home")
    arena = hh.Arena(session.clips, checks=1.0, repeats=0, seed=1)
    booth = Booth(session, arena._poll)
    while (turn := arena.turn("Ada")) is not None and turn.kind != "check":
        arena.vote("Ada", turn, "tie")
    assert turn is not None
    arena._poll.take_back("Ada", arena.vote("Ada", turn, "tie").id)
    gone = session.clip(turn.left.clip_id).path
    assert gone is not None
    gone.unlink()
    assert "showing" in booth.next("Ada")
    assert set(booth.unable) == {turn.left.clip_id}
    for clip in session.clips:
        if clip.path is not None:
            clip.path.unlink(missing_ok=True)
    shutil.rmtree(session.home / "playable")
    with pytest.raises(LibraryError, match="cannot be shown"):  # though a check is due
        booth.next("Ada")
    session.close()


def test_levels_come_from_a_factor_a_dict_or_a_function(tmp_path: Path) -> None:
    ids = fill_arena(tmp_path / "home")
    session = hh.connect(sandbox=True, home=tmp_path / "home")
    assert {pair.levels for pair in hh.Arena(ids).pairs} == {("model_one", "model_two")}
    assert len(hh.Arena(session.clips, by="prompt").pairs) == 4
    with pytest.warns(UserWarning, match="6 clips take no part"):
        some = hh.Arena(session.clips, by={"old": ids[:1], "new": [session.clip(ids[4])]})
    assert [pair.levels for pair in some.pairs] == [("new", "old")]
    assert some.left_out == dict.fromkeys({*ids} - {ids[0], ids[4]}, "it is of no level")
    assert some.votes.attrs["left_out"] == some.left_out
    with pytest.warns(UserWarning, match="'new' and 'old' differ in all of seed, model, which votes"):
        hh.Arena(session.clips, by={"old": ids[:1], "new": ids[5:6]})
    seeds = hh.Arena(session.clips, by=lambda clip: f"seed {clip.request.seed}")
    assert {pair.levels for pair in seeds.pairs} == {("seed 0", "seed 1")}
    with pytest.raises(InvalidRequest, match="no factor 'colour'"):
        hh.Arena(session.clips, by="colour")
    with pytest.raises(InvalidRequest, match="no pair to compare: the levels are 'default'"):
        hh.Arena(session.clips, by="resolution")
    with pytest.raises(InvalidRequest, match="no pair to compare: the levels are 'no references'"):
        hh.Arena(session.clips, by="references")
    with pytest.raises(InvalidRequest, match="'clip_gone' is no clip"):
        hh.Arena(["clip_gone"])
    with pytest.raises(InvalidRequest, match="in two levels"):
        hh.Arena(session.clips, by={"old": ids[:2], "new": ids[:1]})
    session.close()


def test_other_inputs_of_a_model_are_held_equal_or_told(tmp_path: Path) -> None:
    fill_arena(tmp_path / "home", prompts=1)
    scale = "UPDATE jobs SET request = json_set(request, '$.seed', 3, '$.inputs', json(?)) WHERE id LIKE ?"
    scales = [(f'{{"guidance_scale": {number}}}', f"%_{seed}") for seed, number in enumerate((7, 9.5))]
    with closing(sqlite3.connect(tmp_path / "home" / "library.sqlite3")) as library, library:
        library.executemany(scale, scales)
    session = hh.connect(sandbox=True, home=tmp_path / "home")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        arena = hh.Arena(session.clips)
    asked = [{side.clip_id for side in (pair.one, pair.other)} for pair in arena.pairs]
    assert asked == [{f"clip_{model}_0_{seed}" for model in MODELS} for seed in (0, 1)]
    assert {pair.levels for pair in hh.Arena(session.clips, by="guidance_scale").pairs} == {("7", "9.5")}
    with pytest.warns(UserWarning, match="differ in all of model, guidance_scale, which votes"):
        apart = hh.Arena(["clip_model_one_0_0", "clip_model_two_0_1"])
    assert "'model_one' and 'model_two' differ in all of model, guidance_scale" in gathered(apart.votes)
    assert "differ in all of" not in gathered(arena.votes)
    with pytest.raises(InvalidRequest, match="duration, model, guidance_scale, or give"):
        hh.Arena(session.clips, by="colour")
    session.close()


def test_a_sweeps_own_levels_are_used(tmp_path: Path) -> None:
    class Cell:
        def __init__(self, clip: hh.Clip, level: str) -> None:
            self.clip, self.levels = clip, {"style": level}

    class Sweep:
        def __init__(self, clips: list[hh.Clip]) -> None:
            self.clips = clips
            self.cells = [Cell(clip, "calm" if "one" in clip.id else "wild") for clip in clips]

    fill_arena(tmp_path / "home")
    session = hh.connect(sandbox=True, home=tmp_path / "home")
    field = field_of(session, Sweep(list(session.clips)), "style")
    assert {each.side.level for each in field.entries} == {"calm", "wild"}
    session.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"pairing": "random"}, "pairing is 'random'"),
        ({"repeats": 1.5}, "repeats is 1.5"),
        ({"checks": -1}, "checks is -1"),
        ({"votes_wanted": 0}, "votes_wanted is 0"),
        ({"seed": "x"}, "seed is 'x'"),
    ],
)
def test_rules_out_of_their_range(given: dict[str, object], said: str) -> None:
    plain = {"pairing": "balanced", "repeats": 0.1, "checks": 0.05, "votes_wanted": None, "seed": None}
    with pytest.raises(InvalidRequest, match=said):
        checked_rules(**{**plain, **given})


def test_questions_are_a_text_a_list_or_named() -> None:
    assert checked_questions("Which  one?") == {"Which one?": "Which one?"}
    assert checked_questions(["one?", "two?"]) == {"one?": "one?", "two?": "two?"}
    assert checked_questions({"q": "Which one?"}) == {"q": "Which one?"}
    for wrong in ([], "", ["x", "x"], {"q": ""}, 7, ["x" * 501], [str(n) for n in range(11)]):
        with pytest.raises(InvalidRequest):
            checked_questions(wrong)
