"""Votes whose ranking is known: drawn from a model, or published; and the same rankings by other implementations."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from happyhorse_widgets.research.bradley_terry import Pairs

#: Games of the American League's East in 1987, wins of the row over the column, and the strengths that were published for them:
#: A. Agresti, "Categorical Data Analysis", 2nd ed., Wiley 2002, section 10.6.
TEAMS = ["Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore"]
WINS = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ]
)
PUBLISHED = [1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0.0]


NAN = math.nan
#: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C: 12 units, 4 observers, values missing.
OBSERVED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]
#: The worked example of Fleiss' κ on Wikipedia: of 14 raters so many put each of 10 subjects into each of 5 categories.
RATED = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def votes_of(wins: NDArray[np.int_], names: list[str]) -> pd.DataFrame:
    """A vote for each win."""
    return pd.DataFrame(
        [
            (names[one], names[other], "a")
            for one in range(len(names))
            for other in range(len(names))
            for _ in range(wins[one, other])
        ],
        columns=["model_a", "model_b", "winner"],
    )


def drawn(
    strengths: NDArray[np.float64], ties: float, each: int, seed: int
) -> tuple[Pairs, NDArray[np.float64]]:
    """Counts of `each` votes on every pair, drawn from the model itself."""
    first, second = np.triu_indices(len(strengths), 1)
    weights = np.stack(
        [
            np.exp(strengths[first]),
            ties * np.exp((strengths[first] + strengths[second]) / 2),
            np.exp(strengths[second]),
        ],
        axis=1,
    )
    chances = weights / weights.sum(axis=1, keepdims=True)
    generator = np.random.default_rng(seed)
    counts = np.array([generator.multinomial(each, chance) for chance in chances], dtype=np.float64)
    return Pairs(first, second, len(strengths)), counts


def votes_from(pairs: Pairs, counts: NDArray[np.float64]) -> pd.DataFrame:
    """The same as votes, half of them with the sides exchanged."""
    rows = []
    for one, other, line in zip(pairs.first, pairs.second, counts.astype(int), strict=True):
        for outcome, count in zip(("a", "tie", "b"), line, strict=True):
            for number in range(count):
                swapped = {"a": "b", "b": "a", "tie": "tie"}[outcome]
                rows.append(
                    (f"m{other}", f"m{one}", swapped) if number % 2 else (f"m{one}", f"m{other}", outcome)
                )
    return pd.DataFrame(rows, columns=["model_a", "model_b", "winner"])


def by_regression(pairs: Pairs, counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Davidson's model as a log-linear one, by statsmodels (C. D. Sinclair, GLIM for Preference, 1982)."""
    import statsmodels.api as sm  # these implementations take seconds to import

    rows, seen = [], []
    for number, (one, other) in enumerate(zip(pairs.first, pairs.second, strict=True)):
        for outcome, (left, right, tie) in enumerate(((1, 0, 0), (0.5, 0.5, 1), (0, 1, 0))):
            row = np.zeros(pairs.models + 1 + len(pairs.first))
            row[one] += left
            row[other] += right
            row[pairs.models] = tie
            row[pairs.models + 1 + number] = 1
            rows.append(row[1:])  # the first model's strength is 0
            seen.append(counts[number, outcome])
    found = (
        sm.GLM(np.array(seen), np.array(rows), family=sm.families.Poisson())
        .fit(tol=1e-13, maxiter=300)
        .params
    )
    strengths = np.concatenate([[0.0], found[: pairs.models - 1]])
    return strengths - strengths.mean(), float(found[pairs.models - 1])


def by_choix(votes: pd.DataFrame) -> pd.Series:
    """Log strengths of votes without ties, by name, with mean 0: by choix, to the last digit that its search gives."""
    import choix

    names = sorted({*votes["model_a"], *votes["model_b"]})
    place = {name: number for number, name in enumerate(names)}
    wins = [
        (place[a], place[b]) if winner == "a" else (place[b], place[a])
        for a, b, winner in votes[["model_a", "model_b", "winner"]].itertuples(index=False)
    ]
    found = choix.opt_pairwise(len(names), wins, tol=1e-12)
    return pd.Series(found - found.mean(), index=names)


def by_evalica(votes: pd.DataFrame) -> pd.Series:
    """The same by evalica."""
    import evalica

    sides = votes["winner"].map({"a": evalica.Winner.X, "b": evalica.Winner.Y})
    scores = evalica.bradley_terry(
        votes["model_a"], votes["model_b"], sides, tolerance=1e-12, limit=10_000
    ).scores.sort_index()
    found = np.log(scores)
    return found - found.mean()


def by_coincidences(votes: list[tuple[int, int, str]]) -> float:
    """Krippendorff's α of (item, rater, answer), by the coincidence matrix, one pair of values after the other."""
    items: dict[int, dict[int, str]] = {}
    for item, rater, answer in votes:
        items.setdefault(item, {}).setdefault(rater, answer)
    together: Counter[tuple[str, str]] = Counter()
    for given_ in items.values():
        for one, other in itertools.permutations(given_.values(), 2):
            together[one, other] += 1 / (len(given_) - 1)
    margins: Counter[str] = Counter()
    for (one, _), share in together.items():
        margins[one] += share
    total = sum(margins.values())
    apart = sum(share for (one, other), share in together.items() if one != other)
    expected = sum(margins[one] * margins[other] for one, other in itertools.permutations(margins, 2)) / (
        total - 1
    )
    return 1 - apart / expected
