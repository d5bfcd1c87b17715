"""What is to be learned from one more vote on two models, as far as the votes say by now.

The votes give the strengths of the Bradley–Terry model (with Davidson's ties, see `bradley_terry`) with a normal prior, and their
covariance by Laplace's approximation. A vote whose outcome is least certain, on a difference that is least known, tells most: the
gain is ln(1 + information of the outcome × variance of the difference) / 2, by which the volume of what is still possible shrinks
(D-optimality: K. Chaloner and I. Verdinelli, "Bayesian Experimental Design: A Review", Statistical Science 10 (1995) 273–304; for
paired comparisons M. E. Glickman and S. T. Jensen, "Adaptive Paired Comparison Design", Journal of Statistical Planning and
Inference 127 (2005) 279–293). Of two differences that are known equally well it prefers the closer match.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from .bradley_terry import Pairs, fit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from happyhorse_widgets.library.ballots import Ballot

#: Of the prior on log strengths: a standard deviation of 1, which is 174 rating points.
_PRECISION = 1.0


def information(votes: Iterable[Ballot], wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """The expected gain, in nats, of one more vote on each pair of levels that is `wanted`.

    A ballot with several questions counts as a vote for each.
    """
    outcomes = Counter(
        (each.left.level, each.right.level, winner) for each in votes for winner in each.answers.values()
    )
    models = sorted(
        {model for left, right, _ in outcomes for model in (left, right)}
        | {model for pair in wanted for model in pair}
    )
    place = {model: index for index, model in enumerate(models)}
    compared = sorted(
        {(place[a], place[b]) if place[a] < place[b] else (place[b], place[a]) for a, b in wanted}
        | {(min(place[a], place[b]), max(place[a], place[b])) for a, b, _ in outcomes}
    )
    counts = np.zeros((len(compared), 3))
    row = {pair: index for index, pair in enumerate(compared)}
    for (left, right, winner), number in outcomes.items():
        one, other = place[left], place[right]
        column = {"a": 0, "b": 2}.get(winner, 1)
        if one > other:
            one, other, column = other, one, 2 - column
        counts[row[one, other], column] += number
    first, second = np.array(compared).T
    strengths, ties = fit(Pairs(first, second, len(models)), counts, precision=_PRECISION)
    weights = np.exp(
        np.stack(
            [strengths[first], ties + (strengths[first] + strengths[second]) / 2, strengths[second]], axis=1
        )
    )
    chances = weights / weights.sum(axis=1, keepdims=True)
    # Fisher's information on the difference of two log strengths, from one vote.
    each = (chances[:, 0] + chances[:, 2] - (chances[:, 0] - chances[:, 2]) ** 2) / 4
    known = _PRECISION * np.eye(len(models))
    for index, (one, other) in enumerate(compared):
        total = each[index] * counts[index].sum()
        known[[one, other], [one, other]] += total
        known[[one, other], [other, one]] -= total
    covariance = np.linalg.inv(known)
    found = {}
    for a, b in wanted:
        one, other = sorted((place[a], place[b]))
        variance = covariance[one, one] + covariance[other, other] - 2 * covariance[one, other]
        found[a, b] = math.log1p(float(each[row[one, other]] * variance)) / 2
    return found
