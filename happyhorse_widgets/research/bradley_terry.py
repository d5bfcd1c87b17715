"""The Bradley–Terry model of paired comparisons with Davidson's ties, by maximum likelihood.

Of two models with log strengths a and b the first is preferred with a probability proportional to exp(a), the second to
exp(b), and neither to ν·exp((a + b) / 2). With ν = 0 there are no ties, and it is the model of Bradley and Terry.

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
from scipy.optimize import linprog

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

_STEPS = 200
_CLOSE = 1e-10
#: The longest step of one log strength: a longer one leaves the region in which the slope says something.
_LONGEST = 2.0
#: How far one can go in a direction that has no bound, where the programme stops at 1; rounding gives less.
_OPEN = 1e-6


@dataclass(frozen=True, slots=True)
class Pairs:
    """Which models were compared: `first[p]` and `second[p]` are the indices of pair p's two, below `models`."""

    first: Indices
    second: Indices
    models: int


def fit(pairs: Pairs, counts: Floats, *, precision: float = 0.0) -> tuple[Floats, Floats]:
    """The log strengths, shape (..., models), each with mean 0, and ln ν, shape (...), where the likelihood is greatest.

    `counts` has the shape (..., pairs, 3): how often the first was preferred, neither, and the second. Leading axes are samples
    that are fitted at once. `precision` is that of a normal prior around 0 on each log strength and on ln ν; without one the
    maximum must exist (see `unbounded`). Where no vote of a sample is a tie its ln ν is −inf.

    Raises ArithmeticError where the search does not end.
    """
    shape = counts.shape[:-2]
    votes = counts.reshape(-1, *counts.shape[-2:])
    samples = len(votes)
    tied = votes[:, :, 1].sum(axis=1) > 0
    strengths = np.zeros((samples, pairs.models))
    ties = np.where(tied, 0.0, -np.inf)
    active = np.arange(samples)
    for _ in range(_STEPS):
        slope, curvature = _derivatives(pairs, votes[active], strengths[active], ties[active], precision)
        step = np.linalg.solve(curvature, slope[..., None])[..., 0]
        step *= np.minimum(1.0, _LONGEST / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-300))
        strengths[active] += step[:, :-1]
        ties[active] = np.where(tied[active], ties[active] + step[:, -1], -np.inf)
        active = active[np.abs(step).max(axis=1) > _CLOSE]
        if not active.size:
            strengths -= strengths.mean(axis=1, keepdims=True)
            return strengths.reshape(*shape, pairs.models), ties.reshape(shape)
    raise ArithmeticError("The Bradley–Terry likelihood has no maximum that could be found.")


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
    # Only differences of strengths matter: the mean is held at 0, and ln ν where it is −inf.
    slope[:, :-1] -= precision * strengths
    slope[:, -1] -= precision * np.where(np.isneginf(ties), 0.0, ties)
    curvature[:, :-1, :-1] += precision * np.eye(models) + 1.0 / models
    curvature[:, -1, -1] += precision + np.isneginf(ties)
    return slope, curvature


@dataclass(frozen=True, slots=True)
class Unbounded:
    """What the votes leave open: whose strength may be as great, or as small, as one likes without making them less likely."""

    up: NDArray[np.bool_]
    """Shape (models,): nothing bounds it from above."""
    down: NDArray[np.bool_]
    """The same from below."""
    ties: bool
    """Nothing bounds ν from above, as where all votes are ties."""

    @property
    def anything(self) -> bool:
        """Whether the likelihood has no single maximum."""
        return self.ties or bool((self.up | self.down).any())


def unbounded(pairs: Pairs, counts: Floats) -> Unbounded:
    """What `counts`, shape (pairs, 3), leave open.

    There is no bound in a direction in which every outcome that was seen gets no less likely than each that was not: a linear
    programme for each end of each strength.
    """
    models, tied = pairs.models, bool(counts[:, 1].any())
    logits = np.zeros((len(counts), 3, models + 1))
    each = np.arange(len(counts))
    logits[each, 0, pairs.first] = logits[each, 2, pairs.second] = 0.5
    logits[each, 0, pairs.second] = logits[each, 2, pairs.first] = -0.5
    logits[each, 1, models] = 1.0
    outcomes = (0, 1, 2) if tied else (0, 2)
    rows = [
        logits[counts[:, seen] > 0, other] - logits[counts[:, seen] > 0, seen]
        for seen in outcomes
        for other in outcomes
        if other != seen
    ]
    together = np.append(np.ones(models), 0.0)[None]
    limits = [(-1.0, 1.0)] * models + [(-1.0, 1.0) if tied else (0.0, 0.0)]

    def open_in(direction: Floats) -> bool:
        found = linprog(
            -direction, np.concatenate(rows), np.zeros(sum(map(len, rows))), together, [0.0], limits
        )
        return bool(-found.fun > _OPEN)

    unit = np.eye(models + 1)
    return Unbounded(
        up=np.array([open_in(unit[model]) for model in range(models)]),
        down=np.array([open_in(-unit[model]) for model in range(models)]),
        ties=open_in(unit[models]),
    )
