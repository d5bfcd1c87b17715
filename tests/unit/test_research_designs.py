"""Designs: which conditions are run, and that lots fall the same way for ever."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.research.designs import by_lot, conditions

COUNTS = st.lists(st.integers(1, 4), min_size=0, max_size=4)
SEEDS = st.integers(0, 2**31)


def design(name: str, counts: list[int], *, runs: int | None = None, seed: int = 0) -> list[tuple[int, ...]]:
    return conditions(name, counts, runs=runs, seed=seed)


def test_a_factorial_has_every_combination_the_last_factor_fastest() -> None:
    assert design("factorial", [2, 3]) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert design("factorial", []) == [()]


@given(COUNTS)
def test_one_at_a_time_changes_one_factor_of_the_first_condition(counts: list[int]) -> None:
    found = design("one-at-a-time", counts)
    assert found[0] == (0,) * len(counts)
    assert len(set(found)) == len(found) == 1 + sum(count - 1 for count in counts)
    assert all(sum(level > 0 for level in condition) <= 1 for condition in found)
    assert set(found) <= set(design("factorial", counts))


@given(st.integers(2, 6), SEEDS)
def test_in_a_latin_square_each_level_meets_each_level_of_the_others_once(n: int, seed: int) -> None:
    found = design("latin-square", [n, n, n], seed=seed)
    every = set(itertools.product(range(n), repeat=2))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        pairs = [(condition[one], condition[other]) for condition in found]
        assert set(pairs) == every
        assert len(pairs) == len(every)


def test_latin_squares_of_three_are_drawn_from_all_twelve_about_evenly() -> None:
    seen = Counter(tuple(design("latin-square", [3, 3, 3], seed=seed)) for seed in range(1200))
    assert len(seen) == 12
    assert min(seen.values()) > 60  # 100 expected each; 4 standard deviations less


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), SEEDS, st.data())
def test_a_random_design_draws_without_replacement(counts: list[int], seed: int, data: st.DataObject) -> None:
    total = math.prod(counts)
    runs = data.draw(st.integers(1, total))
    found = design("random", counts, runs=runs, seed=seed)
    assert found == design("random", counts, runs=runs, seed=seed)
    assert found == sorted(set(found))
    assert len(found) == runs
    assert set(found) <= set(design("factorial", counts))


def test_a_random_design_draws_each_condition_about_as_often() -> None:
    seen = Counter(
        each for seed in range(1000) for each in design("random", [3, 4], runs=3, seed=seed)
    )  # 250 expected each
    assert len(seen) == 12
    assert all(190 < count < 310 for count in seen.values())


def test_a_random_design_finds_few_among_very_many() -> None:
    found = design("random", [100] * 6, runs=5, seed=1)
    assert len(found) == 5
    assert max(max(condition) for condition in found) > 50


def test_lots_are_those_that_sha256_gives_in_any_language() -> None:
    def lot(thing: str) -> str:
        return hashlib.sha256(f"7:order:{thing}".encode()).hexdigest()

    assert by_lot(7, "order", ["c1", "c2", "c3"]) == sorted(["c1", "c2", "c3"], key=lot)
    assert by_lot(7, "order", ["c1", "c2", "c3", "c4"]) == ["c2", "c4", "c1", "c3"]  # by sha256sum
    assert by_lot(7, "draw", range(9)) != by_lot(7, "order", range(9))
    assert by_lot(8, "order", range(9)) != by_lot(7, "order", range(9))


@pytest.mark.parametrize(
    ("name", "counts", "runs", "words"),
    [
        ("full", [2], None, "one of factorial, one-at-a-time, latin-square, random"),
        ("latin-square", [3, 3], None, "three factors beside the seed.*these have 3, 3"),
        ("latin-square", [2, 3, 3], None, "equally many levels"),
        ("latin-square", [1, 1, 1], None, "2 or more each"),
        ("random", [2, 2], None, 'runs says how many conditions design="random" draws'),
        ("random", [2, 2], 5, "there are 4 conditions, so it must be 1 to 4"),
        ("random", [2, 2], True, "runs is True"),
        ("factorial", [2, 2], 3, "goes with that design, and with no other"),
        ("factorial", [101, 100], None, "has 10,100 conditions; 10,000 are the most"),
        ("latin-square", [101, 101, 101], None, "has 10,201 conditions"),
    ],
)
def test_a_design_that_does_not_fit_says_why(
    name: str, counts: list[int], runs: int | None, words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        design(name, counts, runs=runs)
