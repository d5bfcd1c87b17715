"""Rankings agree with other implementations, with what was published, and with the truth they are drawn from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.research.bradley_terry import Pairs, bonds, fit, reference_of
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


def simulated(seed: int) -> pd.DataFrame:
    """Votes without ties on six models."""
    return votes_from(*drawn(np.random.default_rng(seed).normal(scale=0.5, size=6), 0.0, 40, seed))


@pytest.mark.parametrize(
    "votes",
    [*map(simulated, range(5)), votes_of(WINS, TEAMS)],
    ids=[*(f"simulated {n}" for n in range(5)), "published"],
)
@pytest.mark.parametrize("other", [by_choix, by_evalica])
def test_without_ties_it_agrees_with_other_implementations(
    other: Callable[[pd.DataFrame], pd.Series], votes: pd.DataFrame
) -> None:
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
        centred = [int(name[1:]) for name in found.attrs["centred_on"]]
        rated = CENTRE + POINTS * (truth - truth[centred].mean())
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
    assert np.isposinf(found["upper"]).tolist() == [True, False, False]
    assert np.isfinite(found["lower"]).all()
    assert found["preliminary"].tolist() == [True, False, False]
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
        ([[3, 0, 0], [1, 0, 1]], [1, 0, 0], [0, 0, 0], False),  # the first always won
        ([[3, 0, 0], [1, 0, 0]], [1, 1, 0], [0, 1, 1], False),  # no two are bound together
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
    seen = np.array(counts, dtype=float)
    found = bonds(pairs, seen)
    above, below = found.ends(reference_of(pairs, seen, found))
    assert bool(found.ties) is ties
    assert above.astype(int).tolist() == up
    assert below.astype(int).tolist() == down


def test_the_bonds_are_those_of_a_linear_programme() -> None:
    lots = np.random.default_rng(3)
    first, second = np.triu_indices(4, 1)
    pairs = Pairs(first, second, 4)
    for _ in range(150):
        counts = (lots.random((len(first), 3)) < lots.choice([0.15, 0.3, 0.5])).astype(float)
        found = bonds(pairs, counts)
        reference = reference_of(pairs, counts, found)
        above, below = found.ends(reference)
        assert above.tolist() == [by_programme(pairs, counts, reference, model, 1.0) for model in range(4)]
        assert below.tolist() == [by_programme(pairs, counts, reference, model, -1.0) for model in range(4)]


def by_programme(
    pairs: Pairs, counts: NDArray[np.float64], reference: NDArray[np.bool_], model: int, way: float
) -> bool:
    """Whether a strength is open on one side, after Albert and Anderson: no outcome that was seen may lose against another."""
    tied = bool(counts[:, 1].any())
    rows = []
    for (one, other), seen in zip(zip(pairs.first, pairs.second, strict=True), counts > 0, strict=True):
        logits = np.zeros((3, pairs.models + 1))
        logits[0, one] = logits[2, other] = 0.5
        logits[0, other] = logits[2, one] = -0.5
        logits[1, -1] = 1.0
        outcomes = [0, 1, 2] if tied else [0, 2]
        rows += [logits[b] - logits[a] for a in outcomes if seen[a] for b in outcomes if b != a]
    aim = np.append(reference / -reference.sum(), 0.0)
    aim[model] += 1.0
    limits = [(-1.0, 1.0)] * pairs.models + [(-1.0, 1.0) if tied else (0.0, 0.0)]
    if not rows:
        return bool(np.abs(aim).max() > 0)
    found = linprog(-way * aim, np.array(rows), np.zeros(len(rows)), bounds=limits)
    return bool(-found.fun > 1e-6)


def counted_votes(*rows: tuple[str, str, str, int]) -> pd.DataFrame:
    """So many votes of each kind."""
    return pd.DataFrame(
        [row[:3] for row in rows for _ in range(row[3])], columns=["model_a", "model_b", "winner"]
    )


THREE = tuple((a, b, w, n) for a, b in ("AB", "AC", "BC") for w, n in (("a", 300), ("b", 200)))


def test_a_resample_without_a_maximum_counts_as_infinite() -> None:
    # Of 98 votes 3 are for y: none of them is in e⁻³ = 5 % of all resamples, which is more than the 2.5 % of a tail.
    found = rankings(counted_votes(("x", "y", "a", 95), ("x", "y", "b", 3)))
    assert np.isposinf(found.loc["x", "upper"])
    assert np.isneginf(found.loc["y", "lower"])
    assert found["preliminary"].all()
    assert CENTRE < found.loc["x", "lower"] < found.loc["x", "rating"]
    held = rankings(counted_votes(("x", "y", "a", 90), ("x", "y", "b", 10)))  # in 0.003 %
    assert np.isfinite(held[["lower", "upper"]]).all(axis=None)
    assert not held["preliminary"].any()


def test_a_model_that_resamples_miss_is_not_pulled_to_the_middle() -> None:
    votes = counted_votes(*THREE, ("D", "A", "a", 12), ("D", "A", "b", 4)).assign(rater=range(3016 // 2 + 8))
    votes.loc[
        votes["model_a"] == "D", "rater"
    ] = -1  # all of its votes are by one person, whom a third of resamples miss
    found = rankings(votes, cluster="rater", resamples=200)
    assert np.isinf(found.loc["D", ["lower", "upper"]].astype(float)).all()
    assert found["preliminary"].sum() == 1  # nor are the others torn along
    assert found.attrs["centred_on"] == list("ABC")
    assert found.attrs["by_prior"] == []


def test_a_newcomer_with_one_vote_moves_nobody() -> None:
    before = rankings(counted_votes(*THREE), resamples=200)
    after = rankings(counted_votes(*THREE, ("D", "A", "a", 1)), resamples=200)
    assert after.loc[list("ABC"), "rating"].to_list() == pytest.approx(before["rating"].to_list(), abs=1e-6)
    assert np.isfinite(after.loc[list("ABC"), ["lower", "upper"]]).all(axis=None)
    assert not after.loc[list("ABC"), "preliminary"].any()
    assert np.isposinf(after.loc["D", "upper"])
    assert after.attrs["centred_on"] == list("ABC")
    assert (before.attrs["prior"], before.attrs["by_prior"]) == (0.0, [])
    assert (after.attrs["prior"], after.attrs["by_prior"]) == (0.1, ["D"])
    assert "maximum likelihood, except for D: the mode under a normal prior" in after.attrs["method"]


def test_where_one_end_is_open_the_other_is_by_the_likelihood_ratio() -> None:
    found = rankings(counted_votes(("x", "y", "a", 20)))
    # 2 · 20 · ln(1 / p) = 3.8415, the quantile of χ²: p = 0.9084, of which the odds are a difference of 2.2944.
    assert found.loc["x", "lower"] == pytest.approx(CENTRE + POINTS * 2.2944 / 2, abs=0.5)
    assert found.loc["y", "upper"] == pytest.approx(CENTRE - POINTS * 2.2944 / 2, abs=0.5)
    assert found.attrs["by_prior"] == ["x", "y"]
    assert "maximum likelihood," not in found.attrs["method"]


def test_an_order_that_every_vote_follows_leaves_all_of_it_open() -> None:
    names = [f"m{number:02}" for number in range(15)]
    votes = counted_votes(*((a, b, "a", 5) for place, a in enumerate(names) for b in names[place + 1 :]))
    found = rankings(votes, resamples=20)
    assert list(found.index) == names
    assert np.isposinf(found["upper"]).tolist() == [True] * 14 + [False]
    assert np.isneginf(found["lower"]).tolist() == [False] + [True] * 14
    assert found.attrs["by_prior"] == names


def test_clusters_that_say_nothing_of_an_interval_are_refused_and_few_are_warned_of() -> None:
    votes = counted_votes(("x", "y", "a", 30), ("x", "y", "b", 20))
    with pytest.raises(InvalidRequest, match="at least 2"):
        rankings(votes.assign(rater="Ada"), cluster="rater")
    with pytest.raises(InvalidRequest, match="row 3"):
        rankings(votes.assign(rater=["Ada", "Bo", "Cy", None, *["Di"] * 46]), cluster="rater")
    with pytest.warns(UserWarning, match="only 2 clusters"):
        found = rankings(votes.assign(rater=["Ada", "Bo"] * 25), cluster="rater")
    assert found.attrs["clusters"] == 2


def test_columns_of_any_kind_are_read() -> None:
    plain = counted_votes(("1", "2", "a", 8), ("2", "1", "a", 5))
    numbers = plain.assign(model_a=plain["model_a"].astype(int), model_b=plain["model_b"].astype(float))
    for votes in (numbers, plain.astype("category"), numbers.astype("category")):
        pd.testing.assert_frame_equal(rankings(votes, resamples=10), rankings(plain, resamples=10))
        pd.testing.assert_frame_equal(duels(votes), duels(plain))
        pd.testing.assert_frame_equal(win_matrix(votes), win_matrix(plain))
    one_way = counted_votes(("x", "y", "a", 3)).astype("category")  # no name is in both columns
    assert duels(one_way).loc[("x", "y"), "wins"] == 3
    with pytest.raises(InvalidRequest, match="row 0: 'x' and ''"):
        duels(one_way.assign(model_b=pd.Categorical([None, "y", "y"])))


def test_a_ballot_counts_once() -> None:
    votes = counted_votes(("x", "y", "a", 8), ("x", "y", "b", 5)).assign(ballot=range(13), question="q")
    with pytest.warns(UserWarning, match="13 of 26 answers"):
        assert rankings(pd.concat([votes, votes]), resamples=10)["votes"].tolist() == [13, 13]
    both = pd.concat([votes.assign(question="p"), votes])
    with pytest.warns(UserWarning, match="2 questions"):
        assert rankings(both, resamples=10)["votes"].tolist() == [26, 26]
    with pytest.raises(InvalidRequest, match="row 0: 0"):
        duels(pd.concat([votes, votes.assign(winner="tie")]))


def test_votes_on_several_questions_are_ranked_with_a_warning() -> None:
    votes = pd.DataFrame(
        [("a", "b", "a", "Sharper?"), ("a", "b", "b", "Better?")],
        columns=["model_a", "model_b", "winner", "question"],
    )
    for told in (rankings, duels, win_matrix):
        with pytest.warns(UserWarning, match="2 questions"):
            told(votes)
