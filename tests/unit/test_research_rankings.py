"""Rankings agree with other implementations, with what was published, and with the truth they are drawn from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.research.bradley_terry import Pairs, fit, unbounded
from happyhorse_widgets.research.rankings import CENTRE, POINTS, duels, rankings, win_matrix
from tests.votes import (
    PUBLISHED,
    TEAMS,
    WINS,
    by_choix,
    by_evalica,
    by_regression,
    drawn,
    votes_from,
    votes_of,
)


def test_the_published_strengths_are_found() -> None:
    found = rankings(votes_of(WINS, TEAMS), resamples=10)
    assert list(found.index) == TEAMS
    strengths = (found["rating"] - found.loc["Baltimore", "rating"]) / POINTS
    assert strengths.to_list() == pytest.approx(PUBLISHED, abs=0.006)
    assert found["rating"].mean() == pytest.approx(CENTRE)
    assert found["votes"].to_list() == (WINS.sum(axis=0) + WINS.sum(axis=1)).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_davidson_agrees_with_the_log_linear_model(seed: int) -> None:
    strengths = np.random.default_rng(seed).normal(size=6)
    pairs, counts = drawn(strengths, 0.7, 40, seed)
    found, ties = fit(pairs, counts)
    expected, expected_ties = by_regression(pairs, counts)
    assert found == pytest.approx(expected, abs=1e-8)
    assert float(ties) == pytest.approx(expected_ties, abs=1e-8)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("other", [by_choix, by_evalica])
def test_without_ties_it_agrees_with_other_implementations(
    other: Callable[[pd.DataFrame], pd.Series], seed: int
) -> None:
    strengths = np.random.default_rng(seed).normal(scale=0.5, size=6)
    votes = votes_from(*drawn(strengths, 0.0, 40, seed))
    found = rankings(votes, resamples=10)["rating"].sort_index()
    pd.testing.assert_series_equal(
        found, CENTRE + POINTS * other(votes), check_names=False, check_exact=False, rtol=0, atol=1e-4
    )


def test_several_samples_are_fitted_as_one_by_one() -> None:
    pairs, first = drawn(np.array([0.5, 0.0, -0.5]), 0.5, 30, 1)
    _, second = drawn(np.array([-1.0, 0.0, 1.0]), 0.0, 30, 2)
    strengths, ties = fit(pairs, np.stack([first, second]))
    for number, counts in enumerate((first, second)):
        alone, alone_ties = fit(pairs, counts)
        assert strengths[number] == pytest.approx(alone, abs=1e-9)
        assert ties[number] == pytest.approx(alone_ties, abs=1e-9)
    assert np.isneginf(ties[1])


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    truth = np.array([0.8, 0.2, -0.2, -0.8])
    covered = []
    for seed in range(150):
        pairs, counts = drawn(truth, 0.4, 25, seed)
        found = rankings(votes_from(pairs, counts), resamples=300, confidence=0.9, seed=seed).sort_index()
        rated = CENTRE + POINTS * truth
        covered += ((found["lower"] <= rated) & (rated <= found["upper"])).to_list()
    assert np.mean(covered) == pytest.approx(0.9, abs=0.04)


def test_who_always_won_has_no_upper_bound() -> None:
    votes = pd.DataFrame(
        [("best", "mid", "a")] * 20
        + [("mid", "low", "a"), ("low", "mid", "a")] * 20
        + [("best", "low", "a")] * 20,
        columns=["model_a", "model_b", "winner"],
    )
    found = rankings(votes)
    assert next(iter(found.index)) == "best"
    assert np.isposinf(found.loc["best", "upper"])
    assert np.isneginf(found.loc["mid", "lower"])
    assert found["preliminary"].all()
    assert (found["lower"] <= found["rating"]).all()
    assert (found["rating"] <= found["upper"]).all()


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["a", "b", "tie", "both_bad"])),
        min_size=1,
    )
)
def test_any_votes_give_a_ranking_or_say_what_is_wrong(rows: list[tuple[int, int, str]]) -> None:
    votes = pd.DataFrame(
        [(f"m{a}", f"m{b}", w) for a, b, w in rows], columns=["model_a", "model_b", "winner"]
    )
    if any(a == b for a, b, _ in rows):
        with pytest.raises(InvalidRequest, match="must be two models"):
            rankings(votes)
        return
    found = rankings(votes, resamples=20)
    assert list(found.columns) == ["rating", "lower", "upper", "votes", "preliminary"]
    assert np.isfinite(found["rating"]).all()
    assert found["votes"].sum() == 2 * len(votes)
    swapped = votes.rename(columns={"model_a": "model_b", "model_b": "model_a"})
    swapped["winner"] = swapped["winner"].replace({"a": "b", "b": "a"})
    again = rankings(swapped, resamples=20)
    pd.testing.assert_frame_equal(found.sort_index(), again.sort_index(), check_exact=False)


def test_duels_and_the_matrix_are_counted_and_tested_exactly() -> None:
    votes = pd.DataFrame(
        [("x", "y", "a")] * 8 + [("y", "x", "a")] + [("x", "y", "tie")] * 2,
        columns=["model_a", "model_b", "winner"],
    )
    row = duels(votes).loc[("x", "y")]
    assert (row["wins"], row["ties"], row["losses"]) == (8, 2, 1)
    assert row["p"] == pytest.approx(2 * (1 + 9) / 2**9)  # by hand
    assert (row["lower"], row["upper"]) == pytest.approx((0.5650, 0.9801), abs=1e-4)  # Wilson's, of 8 in 9
    assert win_matrix(votes).loc["x", "y"] == pytest.approx(9 / 11)
    assert win_matrix(votes).loc["y", "x"] == pytest.approx(2 / 11)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"winner": ["a", "left"]}, "row 1: 'left'"),
        ({"model_b": ["y", None]}, "must be names"),
        ({"model_a": ["y", "x"]}, "must be two models"),
    ],
)
def test_what_is_no_vote_is_named(change: dict[str, list[object]], told: str) -> None:
    votes = pd.DataFrame({"model_a": ["x", "x"], "model_b": ["y", "y"], "winner": ["a", "b"]} | change)
    with pytest.raises(InvalidRequest, match=told):
        rankings(votes)


def test_settings_out_of_range_are_refused() -> None:
    votes = votes_of(WINS, TEAMS)
    for settings in ({"confidence": 1.0}, {"resamples": 0}, {"both_bad": "x"}, {"cluster": "rater"}):
        with pytest.raises(InvalidRequest):
            rankings(votes, **settings)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="no column winner"):
        rankings(votes.drop(columns="winner"))
    with pytest.raises(InvalidRequest, match="at least one vote"):
        rankings(votes[:0])


@pytest.mark.parametrize(
    ("counts", "up", "down", "ties"),
    [
        ([[3, 0, 1], [1, 0, 1]], [0, 0, 0], [0, 0, 0], False),
        ([[3, 0, 0], [1, 0, 1]], [1, 0, 0], [0, 1, 1], False),  # the first always won
        (
            [[3, 2, 1], [1, 2, 0]],
            [0, 0, 0],
            [0, 0, 0],
            False,
        ),  # a tie is a bound where others tell how likely ties are
        ([[3, 2, 0], [1, 2, 0]], [1, 0, 0], [0, 0, 1], True),  # but not by itself
        ([[0, 2, 0], [0, 2, 0]], [1, 1, 1], [1, 1, 1], True),
    ],
)
def test_what_the_votes_leave_open(
    counts: list[list[int]], up: list[int], down: list[int], ties: bool
) -> None:
    pairs = Pairs(np.array([0, 1]), np.array([1, 2]), 3)
    found = unbounded(pairs, np.array(counts, dtype=float))
    assert found.ties is ties
    assert found.up.astype(int).tolist() == up
    assert found.down.astype(int).tolist() == down


def test_votes_on_several_questions_are_ranked_with_a_warning() -> None:
    votes = pd.DataFrame(
        [("a", "b", "a", "Sharper?"), ("a", "b", "b", "Better?")],
        columns=["model_a", "model_b", "winner", "question"],
    )
    with pytest.warns(UserWarning, match="2 questions"):
        rankings(votes, resamples=10)
