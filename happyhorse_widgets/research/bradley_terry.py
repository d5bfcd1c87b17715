"""The Bradley–Terry model of paired comparisons with Davidson's ties, by maximum likelihood.

Of two models with log strengths a and b the first is preferred with a probability proportional to exp(a), the second to
exp(b), and neither to ν·exp((a + b) / 2). With ν = 0 there are no ties, and it is the model of Bradley and Terry.

The search is our own, by Newton's method on whole arrays: choix has no ties, and fits one set of votes at a time, where a
bootstrap has a thousand. Nor can it hold some strengths where a maximum exists for a part of the models only. Tests hold this to
choix, evalica and statsmodels.

R. A. Bradley and M. E. Terry, "Rank Analysis of Incomplete Block Designs: I", Biometrika 39 (1952) 324–345.
R. R. Davidson, "On Extending the Bradley-Terry Model to Accommodate Ties in Paired Comparison Experiments", Journal of the
American Statistical Association 65 (1970) 317–328.
A. Albert and J. A. Anderson, "On the Existence of Maximum Likelihood Estimates in Logistic Regression Models", Biometrika 71
(1984) 1–10, for when the maximum exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

_STEPS = 1000
_CLOSE = 1e-10
#: The longest step of one log strength: a longer one leaves the region in which the slope says something.
_LONGEST = 2.0
#: How hard a strength is pulled to where it shall be: by so many votes for each unit of distance.
_PULL = 1e3


@dataclass(frozen=True, slots=True)
class Pairs:
    """Which models were compared: `first[p]` and `second[p]` are the indices of pair p's two, below `models`."""

    first: Indices
    second: Indices
    models: int


def fit(
    pairs: Pairs,
    counts: Floats,
    *,
    precision: float = 0.0,
    groups: Indices | None = None,
    known: tuple[Floats, Floats] | None = None,
    pull: tuple[Floats, Floats] | None = None,
) -> tuple[Floats, Floats]:
    """The log strengths, shape (..., models), each with mean 0, and ln ν, shape (...), where the likelihood is greatest.

    `counts` has the shape (..., pairs, 3): how often the first was preferred, neither, and the second. Leading axes are samples
    that are fitted at once. Where no vote of a sample is a tie its ln ν is −inf. Without a prior the maximum must exist (see
    `bonds`). What helps where it does not:

    - `precision`: of a normal prior around 0 on each log strength and on ln ν
    - `groups`, shape (..., models): only votes within a group count, and each group has the mean 0
    - `known`: log strengths, shape (models,), and ln ν, shape (), that are held; NaN where they are to be found
    - `pull`: weights, shape (models,), whose product with the log strengths is drawn to a value, shape (...)

    Raises ArithmeticError where the search does not end.
    """
    shape, models = counts.shape[:-2], pairs.models
    votes = counts.reshape(-1, *counts.shape[-2:])
    labels = np.zeros((1, models), np.intp) if groups is None else groups.reshape(-1, models)
    if groups is not None:
        votes = votes * (labels[:, pairs.first] == labels[:, pairs.second])[..., None]
    same = labels[:, :, None] == labels[:, None, :]
    # Only differences within a group matter to the likelihood: its mean is held.
    anchors = np.broadcast_to(same / same.sum(axis=2, keepdims=True), (len(votes), models, models))
    tied = votes[:, :, 1].sum(axis=1) > 0
    strengths = np.zeros((len(votes), models))
    ties = np.where(tied, 0.0, -np.inf)
    held = np.zeros(models + 1, dtype=bool)
    if known is not None:
        held = np.append(~np.isnan(known[0]), True)
        strengths += np.nan_to_num(known[0])
        ties[:] = known[1]
    active = np.arange(len(votes))
    for _ in range(_STEPS):
        slope, curvature = _derivatives(pairs, votes[active], strengths[active], ties[active], precision)
        curvature[:, :-1, :-1] += anchors[active]
        if pull is not None:
            weights, values = pull
            away = strengths[active] @ weights - values.reshape(-1)[active]
            slope[:, :-1] -= _PULL * away[:, None] * weights
            curvature[:, :-1, :-1] += _PULL * np.outer(weights, weights)
        slope[:, held] = 0.0
        curvature[:, held, :] = curvature[:, :, held] = 0.0
        curvature[:, held, held] = 1.0
        step = np.linalg.solve(curvature, slope[..., None])[..., 0]
        step *= np.minimum(1.0, _LONGEST / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-300))
        strengths[active] += step[:, :-1]
        ties[active] = np.where(tied[active], ties[active] + step[:, -1], ties[active])
        active = active[np.abs(step).max(axis=1) > _CLOSE]
        if not active.size:
            if known is None:
                strengths -= strengths.mean(axis=1, keepdims=True)
            return strengths.reshape(*shape, models), ties.reshape(shape)
    raise ArithmeticError("The Bradley–Terry likelihood has no maximum that could be found.")


def log_likelihood(pairs: Pairs, counts: Floats, strengths: Floats, ties: Floats) -> Floats:
    """Of `counts`, shape (..., pairs, 3), given log strengths, shape (..., models), and ln ν: shape (...)."""
    a, b = strengths[..., pairs.first], strengths[..., pairs.second]
    logits = np.stack([a, np.broadcast_to(ties[..., None], a.shape) + (a + b) / 2, b], axis=-1)
    most = logits.max(axis=-1, keepdims=True)
    whole = most + np.log(np.exp(logits - most).sum(axis=-1, keepdims=True))
    seen = counts > 0
    found: Floats = np.where(seen, counts * np.where(seen, logits - whole, 0.0), 0.0).sum(axis=(-2, -1))
    return found


def _derivatives(
    pairs: Pairs, votes: Floats, strengths: Floats, ties: Floats, precision: float
) -> tuple[Floats, Floats]:
    """The gradient of the log likelihood in (strengths, ln ν), and the negative of its second derivatives."""
    count, models = len(votes), pairs.models
    a, b = strengths[:, pairs.first], strengths[:, pairs.second]
    middle = (a + b) / 2
    logits = np.stack([a - middle, np.broadcast_to(ties[:, None], a.shape), b - middle], axis=-1)
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    chances = weights / weights.sum(axis=-1, keepdims=True)
    total = votes.sum(axis=-1)
    # Each outcome's logit falls or rises by half of the first strength and half of the second, and by ln ν for a tie.
    half = (votes[..., 0] - votes[..., 2] - total * (chances[..., 0] - chances[..., 2])) / 2
    slope = np.zeros((count, models + 1))
    curvature = np.zeros((count, models + 1, models + 1))
    each = np.arange(count)[:, None]
    np.add.at(slope, (each, pairs.first), half)
    np.add.at(slope, (each, pairs.second), -half)
    slope[:, -1] = (votes[..., 1] - total * chances[..., 1]).sum(axis=1)
    lean = chances[..., 0] - chances[..., 2]
    spread = total * (chances[..., 0] + chances[..., 2] - lean**2) / 4
    across = -total * chances[..., 1] * lean / 2
    for one, other, sign in ((pairs.first, pairs.second, 1.0), (pairs.second, pairs.first, -1.0)):
        np.add.at(curvature, (each, one, one), spread)
        np.add.at(curvature, (each, one, other), -spread)
        np.add.at(curvature[:, :, models], (each, one), sign * across)
        np.add.at(curvature[:, models, :], (each, one), sign * across)
    curvature[:, -1, -1] = (total * chances[..., 1] * (1 - chances[..., 1])).sum(axis=1)
    slope[:, :-1] -= precision * strengths
    slope[:, -1] -= precision * np.where(np.isneginf(ties), 0.0, ties)
    curvature[:, :-1, :-1] += precision * np.eye(models)
    curvature[:, -1, -1] += precision + np.isneginf(ties)  # ln ν stays where it is −inf
    return slope, curvature


@dataclass(frozen=True, slots=True)
class Bonds:
    """What binds strengths to each other, and what the votes leave open; each array has a leading axis for each of `counts`."""

    apart: Floats
    """Shape (..., models, models): how far the second's strength may rise above the first's in a direction in which the votes get
    no less likely, while ln ν rises by ½ or, where it has a bound, not at all; ∞ for as far as one likes."""
    groups: Indices
    """Shape (..., models): the same number for models whose differences have a bound on both sides."""
    ties: Bools
    """Shape (...): nothing bounds ν from above, as where all votes are ties."""

    def ends(self, reference: Bools) -> tuple[Bools, Bools]:
        """Whose strength, measured from the mean of the `reference`, has no bound from above, and from below: (..., models)."""
        above = self.apart[..., reference, :].mean(axis=-2) > 0
        below = self.apart[..., :, reference].mean(axis=-1) > 0
        return above, below


def bonds(pairs: Pairs, counts: Floats) -> Bonds:
    """What binds the strengths, of `counts` of the shape (..., pairs, 3).

    In a direction without a bound every outcome that was seen gets no less likely against those that were not: with the steps d
    of the log strengths and t of ln ν, d_i − d_j ≥ 0 and ≥ 2t where i was preferred to j, and |d_i − d_j| ≤ 2t where neither was.
    These are bounds on differences, whose consequences are shortest paths (R. W. Floyd, "Algorithm 97: Shortest Path",
    Communications of the ACM 5 (1962) 345). Around a circle with more preferences than ties they leave only t = 0, and then a
    model is bound to whoever it can be reached from: without ties that is the condition of L. R. Ford Jr., "Solution of a Ranking
    Problem from Binary Comparisons", American Mathematical Monthly 64 (1957) 28–33.
    """
    shape, models = counts.shape[:-2], pairs.models
    seen = counts.reshape(-1, *counts.shape[-2:]) > 0
    apart = np.full((len(seen), models, models), np.inf)
    either = np.where(seen[..., 1], 1.0, np.inf)
    apart[:, pairs.first, pairs.second] = np.where(seen[..., 0], -1.0, either)
    apart[:, pairs.second, pairs.first] = np.where(seen[..., 2], -1.0, either)
    each = np.arange(models)
    apart[:, each, each] = 0.0
    through = np.empty_like(apart)
    for middle in range(models):
        np.add(apart[:, :, middle, None], apart[:, None, middle, :], out=through)
        np.minimum(apart, through, out=apart)
        # Around a circle the steps would fall without end: no path without one is as short as that.
        np.maximum(apart, -models, out=apart)
    ties = np.asarray(seen[..., 1].any(axis=1) & (apart[:, each, each] >= 0).all(axis=1))
    apart = np.where(ties[:, None, None] | np.isinf(apart), apart, 0.0)
    together = (apart <= 0) & (apart.swapaxes(1, 2) <= 0)
    return Bonds(
        apart.reshape(*shape, models, models),
        together.argmax(axis=2).reshape(*shape, models),
        np.asarray(ties.reshape(shape)),
    )


def reference_of(pairs: Pairs, counts: Floats, bound: Bonds) -> Bools:
    """The models from whose mean strengths are measured, shape (models,): the largest group that the votes bind together.

    Of groups of equally many models it is the one with more votes within. Where these are equally many, too, and where nothing
    bounds ν, it is all models.
    """
    inside = bound.groups[pairs.first] == bound.groups[pairs.second]
    votes = np.bincount(bound.groups[pairs.first], counts.sum(axis=1) * inside, pairs.models)
    sizes = np.bincount(bound.groups, minlength=pairs.models)
    best = max(zip(sizes, votes, strict=True))
    largest = np.flatnonzero((sizes == best[0]) & (votes == best[1]))
    if bound.ties or len(largest) > 1:
        return np.ones(pairs.models, dtype=bool)
    found: Bools = bound.groups == largest[0]
    return found
