"""Whose turn it is: which pair a rater sees next, on which sides, and when a pair comes again or is a check.

All of it follows from the arena's seed, the rater's name and the ballots that were cast, so that it can be checked afterwards and
goes on after a crash where it stopped. Each rater sees each pair once, and some of them a second time.

Sides. Of the pairs of the same two levels each level is on the left about as often as on the right, for every rater: never more
than two apart. Up to there the side is drawn by lot, so that nobody who has seen one pair knows the sides of the next; only who
has kept count of a lead of two could. The lot favours, four to one, the clip of the pair that was less often on the left, over
all raters: the biased coin of S. J. Pocock and R. Simon, "Sequential Treatment Assignment with Balancing for Prognostic Factors
in the Controlled Clinical Trial", Biometrics 31 (1975) 103–115. The limit is the big stick of J. F. Soares and C. F. J. Wu, "Some
Restricted Randomization Rules in Sequential Designs", Communications in Statistics A 12 (1983) 2017–2034.

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
#: By how many a level may lead on the left, among a rater's pairs of the same two levels.
LEAD = 2
#: How likely the lot puts that clip on the left which was there less often.
_FAVOURED = 0.8


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
    if not pairs:
        return None
    again = _taken_back(ballots, rater, position)
    if again is not None and _is_able(again, pairs, here):
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


def _is_able(turn: Turn, pairs: Sequence[Pair], here: frozenset[str]) -> bool:
    """Whether what it shows is among the pairs; a check shows one clip of any."""
    if turn.kind == "check":
        return any(turn.left.clip_id in (pair.one.clip_id, pair.other.clip_id) for pair in pairs)
    return pair_of(turn.left.clip_id, turn.right.clip_id) in here


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
    """The sides: by lot where neither level leads, as far as this rater has seen them, by two on the left."""
    votes = [each for each in counted if each.kind == "vote"]
    levels = [
        each.left.level
        for each in votes
        if each.rater == rater and {each.left.level, each.right.level} == {*pair.levels}
    ]
    clips = [each.left.clip_id for each in votes if each.pair == pair.key]
    first, second = pair.levels
    lead = levels.count(first) - levels.count(second)
    lean = clips.count(pair.one.clip_id) - clips.count(pair.other.clip_id)
    favoured = _FAVOURED if lean > 0 else 1 - _FAVOURED if lean < 0 else 0.5
    by_lot = draw(rules.seed, rater, position, "sides") < favoured
    swap = by_lot if abs(lead) < LEAD else lead > 0
    return (pair.other, pair.one) if swap else (pair.one, pair.other)
