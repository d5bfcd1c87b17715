"""Intervals of log strengths: by the bootstrap, and by the likelihood ratio where the votes leave a strength open on one side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import chi2

from .bradley_terry import fit, log_likelihood

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .bradley_terry import Bonds, Pairs

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]

#: The precision of the prior that keeps the other strengths finite along a profile: a standard deviation of 10 log odds.
_FLAT = 1e-2
#: The log strengths among which the end of an interval is looked for, and at how many places, first of all and then between two.
_FARTHEST, _PLACES = 20.0, 41


def steady(bound: Bonds, reference: Bools, confidence: float) -> Bools:
    """Those of the `reference` that stay bound together in all but the tail of the resamples, shape (models,).

    From them strengths are measured: from a model that some resamples miss, no other could be told. What is with the others
    least often is left out first; where no two stay together it is the whole reference.
    """
    kept = reference.copy()
    while kept.sum() > 1:
        groups = bound.groups[:, kept]
        whole = (groups == groups[:, :1]).all(axis=1) & ~bound.ties
        if whole.mean() > 1 - (1 - confidence) / 2:
            return kept
        together = (groups[:, :, None] == groups[:, None, :]).mean(axis=(0, 2))
        kept[np.flatnonzero(kept)[together.argmin()]] = False
    return reference


def bootstrapped(
    pairs: Pairs, drawn: Floats, bound: Bonds, reference: Bools, confidence: float
) -> tuple[Floats, Floats]:
    """The ends of the percentile intervals of log strengths, measured from the mean of the `reference`, each of shape (models,).

    `drawn` has the counts of each resample, shape (resamples, pairs, 3), and `bound` the bonds of each. A strength that a
    resample leaves open on one side is ±∞ in it, and one that it leaves open on both counts as −∞ for the lower end and as +∞ for
    the upper: an end that falls among such resamples is infinite.
    """
    above, below = bound.ends(reference)
    is_open = above | below
    whole = ~is_open[:, reference].any(axis=1) & ~bound.ties
    found = np.full(is_open.shape, np.nan)
    if whole.any():
        strengths, _ = fit(pairs, drawn[whole], groups=bound.groups[whole])
        found[whole] = strengths - strengths[:, reference].mean(axis=1, keepdims=True)
    # Where nothing bounds ν a strength may be neither open nor known.
    unknown = (above & below) | (np.isnan(found) & ~is_open)
    one_way = np.where(above, np.inf, np.where(below, -np.inf, found))
    tail = (1 - confidence) / 2
    # Order statistics: between a number and infinity there is nothing to interpolate.
    lower = np.quantile(np.where(unknown, -np.inf, one_way), tail, axis=0, method="lower")
    upper = np.quantile(np.where(unknown, np.inf, one_way), 1 - tail, axis=0, method="higher")
    # Where nearly all resamples leave a strength open on one side they say nothing of its other end.
    return np.where(np.isposinf(lower), -np.inf, lower), np.where(np.isneginf(upper), np.inf, upper)


def likely_end(
    pairs: Pairs, counts: Floats, reference: Bools, model: int, confidence: float
) -> tuple[float, float]:
    """Between what the log strength of `model`, measured from the mean of the `reference`, is not too unlikely.

    The likelihood with all others where they fit best is so great there that twice the logarithm of the greatest over it is at
    most the quantile of χ² with one degree of freedom: D. J. Venzon and S. H. Moolgavkar, "A Method for Computing Profile-
    Likelihood-Based Confidence Intervals", Journal of the Royal Statistical Society C 37 (1988) 87–94. Resamples of votes that
    always went one way do the same, and say nothing. Infinite where the likelihood does not fall so far.
    """
    weights = reference / -reference.sum()
    weights[model] += 1.0

    def profile(places: Floats) -> tuple[Floats, Floats]:
        """The strength, as near to each of the places as it was pulled, and the likelihood's logarithm there."""
        same = np.broadcast_to(counts, (len(places), *counts.shape))
        strengths, ties = fit(pairs, same, precision=_FLAT, pull=(weights, places))
        return strengths @ weights, log_likelihood(pairs, same, strengths, ties)

    places = np.linspace(-_FARTHEST, _FARTHEST, _PLACES)
    _, values = profile(places)
    limit = values.max() - float(chi2.ppf(confidence, 1)) / 2
    likely = np.flatnonzero(values >= limit)
    lower, upper = -np.inf, np.inf
    if likely[0] > 0:
        reached, values = profile(np.linspace(places[likely[0] - 1], places[likely[0]], _PLACES))
        lower = float(np.interp(limit, values, reached))
    if likely[-1] < _PLACES - 1:
        reached, values = profile(np.linspace(places[likely[-1] + 1], places[likely[-1]], _PLACES))
        upper = float(np.interp(limit, values, reached))
    return lower, upper
