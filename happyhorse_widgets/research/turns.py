"""Whose turn it is: which pair a rater sees next, on which sides, and when a pair comes again or is a check.

All of it follows from the arena's seed, the rater's name and the ballots that were cast, so that it can be checked afterwards and
goes on after a crash where it stopped. Each rater sees each pair once, and some of them a second time.

Sides. Of the pairs of the same two levels each level is on the left as often as on the right, for every rater (at most one
apart), and so is each of two clips, over all raters, as far as that allows: minimisation, S. J. Pocock and R. Simon, "Sequential
Treatment Assignment with Balancing for Prognostic Factors in the Controlled Clinical Trial", Biometrics 31 (1975) 103–115.

Repeats. A pair that the rater has seen a while ago comes again with its sides swapped, which shows how far raters agree with
themselves, and not with a side.

Checks. A clip beside a copy of itself that was spoiled so that nobody who looks can prefer it, as are the gold questions of
ITU-T P.808 and of T. Hoßfeld et al., "Best Practices for QoE Crowdtesting: QoE Assessment With Crowdsourcing", IEEE Transactions
on Multimedia 16 (2014) 541–558. A clip beside itself would be none: who sees no difference and guesses has looked, and who always
says "tie" has not.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from happyhorse_widgets.library.ballots import counting, pair_of

from .information import information

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from happyhorse_widgets.library.ballots import Ballot, Side

    from .pairing import Pair

Choice: TypeAlias = Literal["balanced", "informative"]

#: So many other pairs lie between a pair and its repeat, where there are so many.
APART = 5


@dataclass(frozen=True, slots=True)
class Rules:
    """How an arena goes about it: see `happyhorse_widgets.Arena` for what each of these means."""

    seed: int
    pairing: Choice
    repeats: float
    checks: float
    votes_wanted: int | None


@dataclass(frozen=True, slots=True)
class Turn:
    """What a rater sees next: `spoiled` is "left" or "right" where that side is to be a spoiled copy."""

    position: int
    kind: str
    left: Side
    right: Side
    spoiled: str = ""


def next_turn(rules: Rules, pairs: Sequence[Pair], rater: str, ballots: Sequence[Ballot]) -> Turn | None:
    """What `rater` sees next of `pairs`, by the `ballots` that were cast so far; None where nothing is left for them to do."""
    counted = counting(ballots)
    mine = sorted((each for each in counted if each.rater == rater), key=lambda each: each.position)
    position = mine[-1].position + 1 if mine else 0
    here = frozenset(pair.key for pair in pairs)
    again = _taken_back(ballots, rater, position)
    if again is not None and (
        again.kind == "check" or pair_of(again.left.clip_id, again.right.clip_id) in here
    ):
        return again
    done = Counter(each.kind for each in mine)
    seen = {each.pair for each in mine if each.kind == "vote"}
    enough = rules.votes_wanted is not None and _votes(counted) >= rules.votes_wanted
    fresh = [] if enough else [pair for pair in pairs if pair.key not in seen]
    votes = done["vote"]
    if done["check"] < due(rules, rater, "check", votes):
        return _check(rules, pairs, rater, position)
    if done["repeat"] < due(rules, rater, "repeat", votes):
        repeat = _repeat(rules, rater, position, mine, here, last=not fresh)
        if repeat is not None:
            return repeat
    if not fresh:
        return None
    pair = _chosen(rules, fresh, rater, counted)
    left, right = _sides(rules, pair, rater, position, counted)
    return Turn(position, "vote", left, right)


def due(rules: Rules, rater: str, kind: str, votes: int) -> int:
    """How many repeats or checks a rater has to have seen after so many votes: one at some moment of each stretch of votes."""
    rate = {"repeat": rules.repeats, "check": rules.checks}[kind]
    if rate == 0:
        return 0
    whole = math.floor(votes * rate)
    return whole + (votes * rate > whole + draw(rules.seed, rater, kind, whole))


def turns_in_all(rules: Rules, pairs: int, rater: str) -> int:
    """How many pairs a rater sees who goes on to the end, repeats and checks among them."""
    return pairs + due(rules, rater, "repeat", pairs) + due(rules, rater, "check", pairs)


def draw(seed: int, *words: object) -> float:
    """A number from 0 to 1, the same for the same words on every machine."""
    digest = hashlib.sha256(json.dumps([seed, *words]).encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56


def _votes(counted: Iterable[Ballot]) -> int:
    return sum(each.kind == "vote" for each in counted)


def _taken_back(ballots: Sequence[Ballot], rater: str, position: int) -> Turn | None:
    """The turn at a position whose vote was taken back: the same pair on the same sides."""
    last = next(
        (each for each in reversed(ballots) if (each.rater, each.position) == (rater, position)), None
    )
    if last is None or last.answers:
        return None
    return Turn(position, last.kind, last.left, last.right, last.spoiled)


def _check(rules: Rules, pairs: Sequence[Pair], rater: str, position: int) -> Turn:
    sides = sorted({side for pair in pairs for side in (pair.one, pair.other)}, key=lambda side: side.clip_id)
    side = sides[int(draw(rules.seed, rater, position, "clip") * len(sides))]
    spoiled = "left" if draw(rules.seed, rater, position, "spoiled") < 0.5 else "right"
    return Turn(position, "check", side, side, spoiled)


def _repeat(
    rules: Rules, rater: str, position: int, mine: Sequence[Ballot], here: frozenset[str], *, last: bool
) -> Turn | None:
    repeated = {each.pair for each in mine if each.kind == "repeat"}
    old = mine if last else mine[: max(0, len(mine) - APART)]
    able = [each for each in old if each.kind == "vote" and each.pair in here - repeated]
    if not able:
        return None
    first = able[int(draw(rules.seed, rater, position, "repeat") * len(able))]
    return Turn(position, "repeat", first.right, first.left)


def _chosen(rules: Rules, fresh: Sequence[Pair], rater: str, counted: Sequence[Ballot]) -> Pair:
    votes = [each for each in counted if each.kind == "vote"]
    by_pair = Counter(each.pair for each in votes)
    by_levels = Counter(frozenset((each.left.level, each.right.level)) for each in votes)
    if rules.pairing == "informative":
        worth = information(votes, {pair.levels for pair in fresh})
    else:
        worth = {pair.levels: -by_levels[frozenset(pair.levels)] for pair in fresh}

    def order(pair: Pair) -> tuple[float, int, float]:
        return -worth[pair.levels], by_pair[pair.key], draw(rules.seed, rater, pair.key)

    return min(fresh, key=order)


def _sides(
    rules: Rules, pair: Pair, rater: str, position: int, counted: Sequence[Ballot]
) -> tuple[Side, Side]:
    """The sides on which both levels, and then both clips, have been equally often."""
    votes = [each for each in counted if each.kind == "vote"]
    levels = [
        each.left.level
        for each in votes
        if each.rater == rater and {each.left.level, each.right.level} == {*pair.levels}
    ]
    clips = [each.left.clip_id for each in votes if each.pair == pair.key]
    first, second = pair.levels
    lean = (levels.count(first) - levels.count(second)) or (
        clips.count(pair.one.clip_id) - clips.count(pair.other.clip_id)
    )
    swap = draw(rules.seed, rater, position, "sides") < 0.5 if lean == 0 else lean > 0
    return (pair.other, pair.one) if swap else (pair.one, pair.other)
