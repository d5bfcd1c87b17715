"""Which clips are compared with each other: two levels of one factor, all else equal.

Blind pairs answer one question only where nothing but the factor differs. So a pair holds the same prompt, references, seed and
other parameters, as far as the two levels have any value of them in common. What they have not in common changes together with
the factor: it is confounded with it, and said.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from happyhorse_widgets.library.ballots import Side, pair_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Entry:
    """A clip that takes part: its `side` of any pair, and its factors by name, as texts; models may have different ones."""

    side: Side
    factors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two clips of different levels; `one` is of the level that comes first by name."""

    one: Side
    other: Side

    @property
    def key(self) -> str:
        """The two clips' ids, in order, with a blank between."""
        return pair_of(self.one.clip_id, self.other.clip_id)

    @property
    def levels(self) -> tuple[str, str]:
        """What is compared."""
        return self.one.level, self.other.level


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pairs of a study, in order of their keys.

    `confounded` names by two levels the factors that they have no value of in common; `unpaired` are the ids of clips without a
    counterpart.
    """

    pairs: tuple[Pair, ...]
    confounded: Mapping[tuple[str, str], tuple[str, ...]]
    unpaired: tuple[str, ...]


def pairs_among(entries: Iterable[Entry], *, by: str | None = None) -> Pairing:
    """Every pair of clips of two levels that are otherwise equal. `by` is the factor that makes the levels, where it is one."""
    levels: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: entry.side.clip_id):
        levels[entry.side.level].append(entry)
    pairs: list[Pair] = []
    confounded = {}
    for first, second in itertools.combinations(sorted(levels), 2):
        shared, apart = _factors(levels[first], levels[second], by)
        if apart:
            confounded[first, second] = apart
        counterparts: dict[tuple[str | None, ...], list[Side]] = defaultdict(list)
        for entry in levels[second]:
            counterparts[_values(entry, shared)].append(entry.side)
        for entry in levels[first]:
            pairs += [Pair(entry.side, other) for other in counterparts[_values(entry, shared)]]
    paired = {side.clip_id for pair in pairs for side in (pair.one, pair.other)}
    everybody = [entry.side.clip_id for level in levels.values() for entry in level]
    unpaired = tuple(sorted(clip_id for clip_id in everybody if clip_id not in paired))
    return Pairing(tuple(sorted(pairs, key=lambda pair: pair.key)), confounded, unpaired)


def _factors(
    first: Sequence[Entry], second: Sequence[Entry], by: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The factors that are held equal in pairs of two levels, and those that cannot be."""
    shared: list[str] = []
    apart: list[str] = []
    for name in dict.fromkeys(name for entry in (*first, *second) for name in entry.factors):
        if name == by:
            continue
        ours = {entry.factors.get(name) for entry in first}
        theirs = {entry.factors.get(name) for entry in second}
        (apart if ours.isdisjoint(theirs) else shared).append(name)
    return tuple(shared), tuple(apart)


def _values(entry: Entry, names: Sequence[str]) -> tuple[str | None, ...]:
    return tuple(entry.factors.get(name) for name in names)
