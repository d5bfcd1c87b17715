"""Agreement of raters: published examples, a second computation, and votes whose agreement is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.research.agreement import _alpha, _kappa, agreement
from tests.votes import OBSERVED, RATED, by_coincidences

COLUMNS = ["item", "rater", "model_a", "model_b", "winner"]
ANSWERS = ["a", "b", "tie", "both_bad"]


def test_the_published_alpha_is_found() -> None:
    assert _alpha(pd.DataFrame(OBSERVED).T) == pytest.approx(0.743, abs=5e-4)


def test_the_published_kappa_is_found() -> None:
    table = pd.DataFrame([np.repeat(np.arange(5.0), counts) for counts in RATED])
    kappa, items = _kappa(table)
    assert (kappa, items) == (pytest.approx(0.210, abs=5e-4), 10)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 3), st.sampled_from(ANSWERS), st.booleans()), max_size=40
    )
)
def test_alpha_agrees_with_a_second_computation_whatever_side_was_left(
    given_votes: list[tuple[int, int, str, bool]],
) -> None:
    plain = [(item, rater, answer) for item, rater, answer, _ in given_votes]
    swapped = {"a": "b", "b": "a"}
    votes = pd.DataFrame(
        [
            (item, rater, "y", "x", swapped.get(answer, answer)) if turn else (item, rater, "x", "y", answer)
            for item, rater, answer, turn in given_votes
        ],
        columns=COLUMNS,
    )
    found = agreement(votes)
    try:
        expected = by_coincidences(plain)
    except ZeroDivisionError:  # nothing to compare, or only one answer was ever given
        return
    assert found.krippendorff_alpha == pytest.approx(expected, abs=1e-9)


def test_raters_who_always_agree_and_one_who_does_not_agree_with_themselves() -> None:
    rows = [(item, rater, "x", "y", "ab"[item % 2]) for item in range(6) for rater in ("Ada", "Bob", "Eve")]
    votes = pd.DataFrame(rows, columns=COLUMNS).assign(kind="vote")
    found = agreement(votes)
    assert (found.krippendorff_alpha, found.fleiss_kappa) == (pytest.approx(1.0), pytest.approx(1.0))
    assert (found.items, found.raters, found.items_in_kappa) == (6, 3, 6)
    assert math.isnan(found.repeats)
    again = pd.DataFrame(
        [
            (0, "Ada", "y", "x", "b", "repeat"),
            (1, "Ada", "x", "y", "a", "repeat"),
            (2, "Ada", "x", "y", "b", "check"),
        ],
        columns=[*COLUMNS, "kind"],
    )
    assert agreement(pd.concat([votes, again])).repeats == 0.5


def test_items_may_be_named_by_several_columns() -> None:
    rows = [
        (1, rater, "x", "y", answer, asked) for rater in (1, 2) for answer, asked in (("a", "p"), ("b", "q"))
    ]
    votes = pd.DataFrame(rows, columns=[*COLUMNS, "question"])
    assert agreement(votes, item=["item", "question"]).items == 2
    assert agreement(votes, item=["item", "question"]).krippendorff_alpha == pytest.approx(1.0)


def test_what_cannot_be_computed_is_not_a_number() -> None:
    alone = agreement(pd.DataFrame([(1, "Ada", "x", "y", "a")], columns=COLUMNS))
    assert math.isnan(alone.krippendorff_alpha)
    assert math.isnan(alone.fleiss_kappa)
    same = agreement(pd.DataFrame([(1, rater, "x", "y", "a") for rater in (1, 2)], columns=COLUMNS))
    assert (math.isnan(same.fleiss_kappa), same.items_in_kappa) == (True, 1)


def test_an_item_is_a_pair_of_clips_where_votes_name_it() -> None:
    votes = pd.DataFrame([(1, rater, "x", "y", "a", "p") for rater in (1, 2)], columns=[*COLUMNS, "pair"])
    assert agreement(votes.assign(item=[1, 2])).items == agreement(votes.drop(columns="item")).items == 1
    assert agreement(votes.assign(item=[1, 2]), item="item").items == 2


def test_missing_columns_are_named() -> None:
    with pytest.raises(InvalidRequest, match="no column pair"):
        agreement(pd.DataFrame([(1, "Ada", "x", "y", "a")], columns=COLUMNS), item="pair")


def test_an_item_is_of_one_question_and_one_arena() -> None:
    rows = [
        (1, rater, "x", "y", answer, asked, arena)
        for rater in (1, 2)
        for answer, asked in (("a", "p"), ("b", "q"))
        for arena in ("n", "m")
    ]
    votes = pd.DataFrame(rows, columns=[*COLUMNS, "question", "arena"])
    with pytest.warns(UserWarning, match="2 questions"):
        found = agreement(votes)
    assert (found.items, found.krippendorff_alpha) == (4, pytest.approx(1.0))
    assert math.isnan(found.repeats)
    assert agreement(votes.astype("category"), item=["item", "question"]) == agreement(
        votes, item=["item", "question"]
    )


@pytest.mark.parametrize("nobody", [None, math.nan, " "])
def test_who_is_nobody_is_no_rater(nobody: object) -> None:
    votes = pd.DataFrame([(1, "Ada", "x", "y", "a"), (1, nobody, "x", "y", "a")], columns=COLUMNS)
    with pytest.raises(InvalidRequest, match=r"rater must be given for each vote.*row 1"):
        agreement(votes)
