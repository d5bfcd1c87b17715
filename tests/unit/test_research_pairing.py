"""Which clips are compared, in which order, and on which sides: what a study's design has to hold, for any number of raters."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.library.ballots import Ballot, Ballots, Side, counting
from happyhorse_widgets.research.ballots import progress, rater_table
from happyhorse_widgets.research.information import information
from happyhorse_widgets.research.pairing import Entry, Pair, pairs_among
from happyhorse_widgets.research.poll import Poll, begin_poll, checked_rules
from happyhorse_widgets.research.turns import APART, LEAD, Rules, Turn, draw, next_turn, turns_in_all
from tests.libraries import Shelf


def entry(level: str, **factors: object) -> Entry:
    name = f"clip_{level}_{'_'.join(map(str, factors.values()))}"
    return Entry(Side(name, "0" * 64, level), {key: str(value) for key, value in factors.items()})


def pairs_of(levels: str, each: int) -> tuple[Pair, ...]:
    """`each` pairs of any two of the levels."""
    return pairs_among(entry(level, seed=seed) for level in levels for seed in range(each)).pairs


def rules(**given: object) -> Rules:
    return Rules(
        **{"seed": 5, "pairing": "balanced", "repeats": 0.0, "checks": 0.0, "votes_wanted": None, **given}
    )


def cast(turn: Turn, rater: str, ballots: list[Ballot], winner: str = "a", **more: object) -> Ballot:
    ballot = Ballot(
        id=f"ballot_{len(ballots):032x}",
        arena="arena",
        rater=rater,
        position=turn.position,
        kind=turn.kind,
        left=turn.left,
        right=turn.right,
        spoiled=turn.spoiled,
        **{"answers": {"better": winner}, "at": float(len(ballots)), **more},
    )
    ballots.append(ballot)
    return ballot


def voted(given: Rules, pairs: tuple[Pair, ...], raters: list[str], limit: int = 10_000) -> list[Ballot]:
    """All that the raters see, each in turn, until nobody has anything left."""
    ballots: list[Ballot] = []
    for rater in itertools.cycle(raters):
        turns = [next_turn(given, pairs, each, ballots) for each in raters]
        if not any(turns) or len(ballots) >= limit:
            return ballots
        if (turn := turns[raters.index(rater)]) is not None:
            cast(turn, rater, ballots)
    return ballots


# -- pairs -------------------------------------------------------------------------------------------------------------


def test_a_pair_differs_in_nothing_but_the_factor() -> None:
    entries = [entry(model, model=model, prompt=p, seed=s) for model in "xyz" for p in "pq" for s in (1, 2)]
    found = pairs_among(entries, by="model")
    factors = {each.side.clip_id: each.factors for each in entries}
    assert len(found.pairs) == 3 * 4
    assert (found.unpaired, found.confounded) == ((), {})
    for pair in found.pairs:
        one, other = factors[pair.one.clip_id], factors[pair.other.clip_id]
        assert {name for name in one if one[name] != other[name]} == {"model"}


def test_what_two_levels_have_not_in_common_is_not_held_equal_and_is_said() -> None:
    entries = [entry(level, prompt=p, seed=s) for level, s in (("x", 1), ("y", 2)) for p in "pq"]
    found = pairs_among(entries)
    assert [pair.key for pair in found.pairs] == ["clip_x_p_1 clip_y_p_2", "clip_x_q_1 clip_y_q_2"]
    assert found.confounded == {("x", "y"): ("seed",)}


def test_a_factor_that_only_some_clips_have_is_held_equal_too() -> None:
    scaled = [entry(model, model=model, scale=scale) for model in "xy" for scale in (7, 9)]
    found = pairs_among(scaled, by="model")
    assert [pair.key for pair in found.pairs] == ["clip_x_x_7 clip_y_y_7", "clip_x_x_9 clip_y_y_9"]
    assert found.confounded == {}
    plain = pairs_among([entry("w", model="w"), *scaled], by="model")
    assert plain.confounded == {("w", "x"): ("scale",), ("w", "y"): ("scale",)}


def test_clips_without_a_counterpart_are_named() -> None:
    found = pairs_among([entry("x", seed=1), entry("x", seed=2), entry("y", seed=2), entry("y", seed=3)])
    assert [pair.key for pair in found.pairs] == ["clip_x_2 clip_y_2"]
    assert found.unpaired == ("clip_x_1", "clip_y_3")


# -- turns -------------------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(
    levels=st.sampled_from(["xy", "xyz"]),
    each=st.integers(1, 4),
    raters=st.integers(1, 3),
    repeats=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    checks=st.sampled_from([0.0, 0.15, 0.5]),
    seed=st.integers(0, 99),
)
def test_a_whole_study_is_counterbalanced(
    levels: str, each: int, raters: int, repeats: float, checks: float, seed: int
) -> None:
    pairs, given = pairs_of(levels, each), rules(repeats=repeats, checks=checks, seed=seed)
    names = [f"rater {number}" for number in range(raters)]
    ballots = voted(given, pairs, names)
    for rater in names:
        mine = [ballot for ballot in ballots if ballot.rater == rater]
        votes = [ballot for ballot in mine if ballot.kind == "vote"]
        assert [ballot.position for ballot in mine] == list(range(turns_in_all(given, len(pairs), rater)))
        assert sorted(ballot.pair for ballot in votes) == [pair.key for pair in pairs]
        for two in itertools.combinations(levels, 2):
            left = Counter(b.left.level for b in votes if {b.left.level, b.right.level} == {*two})
            assert abs(left[two[0]] - left[two[1]]) <= LEAD
        for kind, rate in (("repeat", repeats), ("check", checks)):
            assert abs(sum(b.kind == kind for b in mine) - rate * len(votes)) <= 1
        first = {ballot.pair: ballot for ballot in votes}
        for again in (b for b in mine if b.kind == "repeat"):
            before = first.pop(again.pair)  # once only
            assert (again.left, again.right) == (before.right, before.left)
            assert again.position > before.position
        for check in (b for b in mine if b.kind == "check"):
            assert check.left == check.right
            assert check.spoiled in {"left", "right"}


def test_over_all_raters_each_clip_of_a_pair_is_as_often_left() -> None:
    pairs = pairs_of("xy", 6)
    ballots = voted(rules(), pairs, [f"rater {number}" for number in range(8)])
    for pair in pairs:
        left = Counter(ballot.left.clip_id for ballot in ballots if ballot.pair == pair.key)
        assert sum(left.values()) == 8
        assert max(left.values()) - min(left.values()) <= 4
    levels = Counter(ballot.left.level for ballot in ballots)
    assert abs(levels["x"] - levels["y"]) <= 8 * LEAD


def test_no_rater_can_tell_the_next_side_from_the_one_before() -> None:
    pairs = pairs_of("xy", 40)
    same = []
    for seed in range(20):
        left = [ballot.left.level for ballot in voted(rules(seed=seed), pairs, ["Ada"])]
        same.append([one == other for one, other in itertools.pairwise(left)])
    # By lot it is the same in a half, but after every second lead of two; were one always evened out at once, then never in
    # every second trial.
    for parity in (0, 1):
        share = [each for row in same for each in row[parity::2]]
        assert 0.2 < sum(share) / len(share) < 0.55


def test_a_clip_that_cannot_be_shown_is_in_no_turn() -> None:
    pairs = pairs_of("xy", 4)
    given = rules(checks=1.0)
    ballots: list[Ballot] = []
    while (turn := next_turn(given, pairs, "Ada", ballots)) is not None and turn.kind != "check":
        cast(turn, "Ada", ballots)
    assert turn is not None
    assert next_turn(given, [], "Ada", ballots) is None  # though a check is due
    cast(turn, "Ada", ballots, answers={}, supersedes=cast(turn, "Ada", ballots).id)
    assert next_turn(given, pairs, "Ada", ballots) == turn
    able = [pair for pair in pairs if turn.left.clip_id not in pair.key.split()]
    other = next_turn(given, able, "Ada", ballots)
    assert other is not None
    assert other.left.clip_id != turn.left.clip_id


def test_a_repeat_comes_a_while_after_its_pair() -> None:
    ballots = voted(rules(repeats=0.3), pairs_of("xy", 20), ["Ada"])
    place = {(ballot.pair, ballot.kind): ballot.position for ballot in ballots}
    apart = [place[pair, "repeat"] - place[pair, "vote"] for pair, kind in place if kind == "repeat"]
    assert len(apart) >= 5
    assert min(apart[:-1]) > APART


def test_each_rater_has_an_order_of_their_own_which_follows_from_seed_and_name() -> None:
    pairs = pairs_of("xy", 8)
    orders = {
        (seed, rater): tuple((b.pair, b.left) for b in voted(rules(seed=seed), pairs, [rater]))
        for seed in (1, 2)
        for rater in ("Ada", "Bo")
    }
    assert len(set(orders.values())) == 4
    assert orders[1, "Ada"] == tuple((b.pair, b.left) for b in voted(rules(seed=1), pairs, ["Ada"]))
    # Written down: another machine, or another Python, must give the same study.
    assert draw(1, "Ada", "pair") == 0.40096728194233566


def test_pairs_with_the_fewest_votes_come_first_whoever_gave_them() -> None:
    pairs = pairs_of("xyz", 4)
    ballots = voted(rules(), pairs, ["Ada", "Bo", "Cy"], limit=len(pairs) + 6)
    on = Counter(ballot.pair for ballot in ballots)
    assert {on[pair.key] for pair in pairs} <= {1, 2}
    for seed in range(10):
        alone = voted(rules(seed=seed), pairs, ["Ada"], limit=8)
        of = Counter(frozenset((ballot.left.level, ballot.right.level)) for ballot in alone)
        assert sorted(of.values()) == [2, 3, 3]


def test_the_arena_ends_with_the_votes_that_are_wanted() -> None:
    ballots = voted(rules(votes_wanted=7), pairs_of("xy", 6), ["Ada", "Bo"])
    assert sum(ballot.kind == "vote" for ballot in ballots) == 7


def test_what_is_taken_back_comes_again_just_so() -> None:
    pairs, given = pairs_of("xy", 5), rules(checks=0.4, repeats=0.4)
    ballots: list[Ballot] = []
    for _ in range(6):
        turn = next_turn(given, pairs, "Ada", ballots)
        assert turn is not None
        last = cast(turn, "Ada", ballots)
        if turn.kind == "vote":  # others change what has the fewest votes, and which side is due
            for other in ("Bo", "Cy"):
                cast(Turn(turn.position, "vote", turn.right, turn.left), other, ballots)
        cast(turn, "Ada", ballots, answers={}, supersedes=last.id)
        assert next_turn(given, pairs, "Ada", ballots) == turn
        cast(turn, "Ada", ballots, "b")
    assert [b.position for b in counting(ballots) if b.rater == "Ada"] == list(range(6))


# -- information ---------------------------------------------------------------------------------------------------------


def ballots_on(counts: dict[tuple[str, str], tuple[int, int]]) -> list[Ballot]:
    """Votes on two levels: so many for the first, so many for the second."""
    made: list[Ballot] = []
    for (one, other), (first, second) in counts.items():
        for winner in "a" * first + "b" * second:
            turn = Turn(len(made), "vote", entry(one, seed=0).side, entry(other, seed=0).side)
            cast(turn, "Ada", made, winner)
    return made


def test_without_votes_every_pair_tells_the_same() -> None:
    told = information([], {("x", "y"), ("x", "z"), ("y", "z")})
    # Fisher's information on a difference of 0 is 1/4 without ties; with ν = exp(0) = 1 it is 1/6. The prior's variance is 2.
    assert set(map(round6, told.values())) <= {round6(math.log1p(2 / 4) / 2), round6(math.log1p(2 / 6) / 2)}
    assert len(set(map(round6, told.values()))) == 1


def round6(value: float) -> float:
    return round(value, 6)


def test_a_close_match_and_one_that_is_little_known_tell_most() -> None:
    wanted = {("x", "y"), ("x", "z")}
    close = information(ballots_on({("x", "y"): (10, 10), ("x", "z"): (19, 1)}), wanted)
    assert close["x", "y"] > close["x", "z"]
    known = information(ballots_on({("x", "y"): (50, 50), ("x", "z"): (2, 2)}), wanted)
    assert known["x", "z"] > known["x", "y"]


def test_informative_pairing_asks_where_most_is_to_be_learned() -> None:
    pairs = pairs_of("xyz", 30)
    ballots = ballots_on({("x", "y"): (10, 10), ("x", "z"): (19, 1), ("y", "z"): (19, 1)})
    turn = next_turn(rules(pairing="informative"), pairs, "Bo", ballots)
    assert turn is not None
    assert {turn.left.level, turn.right.level} == {"x", "y"}


# -- raters ---------------------------------------------------------------------------------------------------------------


def test_what_is_told_of_raters(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "home")
    ballots = Ballots(shelf.database)
    x, y = entry("x", seed=0).side, entry("y", seed=0).side
    poll = Poll("arena_" + "0" * 16, "", rules(), pairs_of("xy", 1), {"q": "q?"}, {}, ballots)
    ballots.begin(poll.id, "", {}).result()
    turns = [
        ("vote", x, y, "", "a"),
        ("repeat", y, x, "", "b"),
        ("repeat", y, x, "", "a"),
        ("check", x, x, "left", "b"),
    ]
    turns += [("check", y, y, "right", "b"), ("check", y, y, "right", "tie"), ("vote", x, y, "", "tie")]
    for position, (kind, left, right, spoiled, winner) in enumerate(turns):
        poll.cast(
            poll.ballot("Ada", Turn(position, kind, left, right, spoiled), {"q": winner}, 1.0 + position)
        )
    poll.cast(poll.ballot("Bo", Turn(0, "vote", y, x), {"q": "b"}, None))
    table = rater_table(ballots.to_frame())
    ada, bo = table.loc["Ada"], table.loc["Bo"]
    assert (ada["votes"], ada["repeats"], ada["checks"]) == (2, 2, 3)
    assert ada["repeated"] == 1 / 2
    assert ada["passed"] == pytest.approx(1 / 3)
    assert ada["left"] == pytest.approx(2 / 3)
    assert ada["seconds"] == 4.0
    assert (bo["votes"], bo["repeats"], bo["checks"], bo["left"]) == (1, 0, 0, 0.0)
    assert bo[["repeated", "passed", "seconds"]].isna().all()
    told = progress(ballots.counting(), poll.pairs, 10)
    assert (told.votes, told.raters) == (3, {"Ada": 2, "Bo": 1})
    assert str(told) == "3 of 10 votes by 2 raters on 1 pair, 3 on each"
    frame = ballots.to_frame()
    assert rater_table(frame.iloc[:0]).empty
    assert rater_table(frame.astype(dict.fromkeys(["rater", "winner", "kind"], "category"))).equals(table)
    with pytest.warns(UserWarning, match="8 of 16 answers"):
        assert rater_table(pd.concat([frame, frame])).equals(table)
    with pytest.raises(InvalidRequest, match=r"rater must be given.*row 7"):
        rater_table(frame.assign(rater=[*["Ada"] * 7, math.nan]))
    shelf.close()


def test_only_the_last_vote_can_be_taken_back(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "home")
    poll = begin_poll(
        Ballots(shelf.database),
        name="",
        by="x",
        entries=[],
        pairs=pairs_of("xy", 3),
        questions={"q": "q"},
        rules=checked_rules(pairing="balanced", repeats=0, checks=0, votes_wanted=None, seed=1),
    )
    cast_by_ada = [poll.cast(poll.ballot("Ada", poll.turn("Ada"), {"q": "a"}, None)) for _ in range(2)]
    with pytest.raises(InvalidRequest, match="Only the last"):
        poll.take_back("Ada", cast_by_ada[0].id)
    with pytest.raises(InvalidRequest, match="Only the last"):
        poll.take_back("Bo", cast_by_ada[1].id)
    for _ in range(2):  # told twice, it is taken back once
        poll.take_back("Ada", cast_by_ada[1].id)
    assert [ballot.id for ballot in poll.ballots.counting()] == [cast_by_ada[0].id]
    poll.take_back("Ada", cast_by_ada[0].id)
    assert poll.last("Ada") is None
    shelf.close()
