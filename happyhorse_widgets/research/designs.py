"""Which combinations of factors a study runs, and in what order. Pure: the same seed gives the same answer for ever.

What is drawn by lot is drawn by SHA-256 of the seed and the thing's name, so that anybody can check it in any language,
whatever becomes of Python's own generator.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from typing import TYPE_CHECKING, Final, TypeVar

from happyhorse_widgets.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")

DESIGNS: Final = ("factorial", "one-at-a-time", "latin-square", "random")
#: The most conditions, or cells, that a study may have: what nobody can pay for is a mistake.
MOST = 10_000

#: One level of each factor, by their numbers from 0.
Condition = tuple[int, ...]


def conditions(design: str, counts: Sequence[int], *, runs: int | None, seed: int) -> list[Condition]:
    """The conditions of a design for factors with `counts` levels each, in standard order: the last factor changes fastest.

    - "factorial": every combination
    - "one-at-a-time": the first level of every factor, and from there each other level of each factor alone
    - "latin-square": three factors of equally many levels n; of the n³ combinations n², in which each level of a factor meets
      each level of the two others once. R. A. Fisher, "The Design of Experiments", Oliver & Boyd 1935, chapter V. The cyclic
      square, with rows, columns and letters permuted by lot; from n = 4 on that reaches not every Latin square
    - "random": `runs` combinations, drawn by lot without replacement

    Raises `InvalidRequest` where the design does not fit.
    """
    problem = _misfit(design, counts, runs)
    if problem:
        raise InvalidRequest(problem)
    if design == "one-at-a-time":
        return _one_at_a_time(counts)
    if design == "latin-square":
        return _latin_square(counts[0], seed)
    if design == "random":
        assert runs is not None
        return [_condition(number, counts) for number in _drawn(seed, math.prod(counts), runs)]
    return list(itertools.product(*map(range, counts)))


def by_lot(seed: int, purpose: str, things: Iterable[T]) -> list[T]:
    """The things in the order of SHA-256("seed:purpose:thing"), which no two purposes share."""
    return sorted(things, key=lambda thing: _lot(seed, purpose, thing))


def _lot(seed: int, purpose: str, thing: object) -> bytes:
    return hashlib.sha256(f"{seed}:{purpose}:{thing}".encode()).digest()


def _misfit(design: str, counts: Sequence[int], runs: int | None) -> str:
    total = math.prod(counts)
    if design not in DESIGNS:
        return f"design is {design!r:.60}; it must be one of {', '.join(DESIGNS)}."
    if (runs is not None) != (design == "random"):
        return 'runs says how many conditions design="random" draws; it goes with that design, and with no other.'
    if design == "random" and (not isinstance(runs, int) or isinstance(runs, bool) or not 1 <= runs <= total):
        return f"runs is {runs!r:.60}; there are {total:,} conditions, so it must be 1 to {total:,}."
    if design == "latin-square" and (len(counts) != 3 or len(set(counts)) != 1 or counts[0] < 2):
        given = ", ".join(map(str, counts)) or "none"
        return (
            "A Latin square needs three factors beside the seed, with equally many levels, 2 or more each;"
            f" these have {given}."
        )
    size = {
        "one-at-a-time": 1 + sum(count - 1 for count in counts),
        "latin-square": counts[0] ** 2 if counts else 0,
        "random": runs or 0,
    }.get(design, total)
    if size > MOST:
        return f"This design has {size:,} conditions; {MOST:,} are the most. Take fewer levels, or another design."
    return ""


def _one_at_a_time(counts: Sequence[int]) -> list[Condition]:
    base = (0,) * len(counts)
    found = {base}
    for factor, count in enumerate(counts):
        found |= {(*base[:factor], level, *base[factor + 1 :]) for level in range(1, count)}
    return sorted(found)


def _latin_square(n: int, seed: int) -> list[Condition]:
    rows, columns, letters = (by_lot(seed, purpose, range(n)) for purpose in ("rows", "columns", "letters"))
    return [
        (row, column, letters[(rows[row] + columns[column]) % n]) for row in range(n) for column in range(n)
    ]


def _drawn(seed: int, total: int, runs: int) -> list[int]:
    """`runs` different numbers below `total`, in order, without a list of all that there are."""
    if runs * 2 > total:
        return sorted(by_lot(seed, "draw", range(total))[:runs])
    found: set[int] = set()
    for attempt in itertools.count():
        found.add(int.from_bytes(_lot(seed, "draw", attempt)) % total)
        if len(found) == runs:
            return sorted(found)
    raise AssertionError


def _condition(number: int, counts: Sequence[int]) -> Condition:
    levels = []
    for count in reversed(counts):
        number, level = divmod(number, count)
        levels.append(level)
    return tuple(reversed(levels))
