"""From votes to a ranking that can be published: ratings with intervals, and who was preferred to whom."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from happyhorse_widgets.errors import InvalidRequest

from .bradley_terry import bonds, fit, reference_of
from .intervals import bootstrapped, likely_end, steady
from .votes import BOTH_BAD, checked, counted, known_values, warn_of_questions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .bradley_terry import Bonds, Pairs

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]

Kept: TypeAlias = Literal["tie", "drop"]

#: Rating points of one unit of log strength: as in Elo's scale, 400 points are odds of ten to one.
POINTS = 400 / math.log(10)
#: The mean rating of the models from which ratings are measured.
CENTRE = 1000.0
_SMALLEST = 2
#: The precision of the normal prior that gives a rating to models to which the votes give none: a standard deviation of 3.2 log
#: odds, 550 points.
_PRIOR = 0.1
#: Below so many clusters resamples of them vary too little: A. C. Cameron, J. B. Gelbach and D. L. Miller, "Bootstrap-Based
#: Improvements for Inference with Clustered Errors", Review of Economics and Statistics 90 (2008) 414–427.
FEW_CLUSTERS = 10


def rankings(
    votes: pd.DataFrame,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    both_bad: Kept = "tie",
    cluster: str | None = None,
    preliminary_below: int = 30,
) -> pd.DataFrame:
    """Rate the models that were voted on, best first.

    `votes` has a row for each vote, with `model_a`, `model_b` and `winner` ("a", "b", "tie" or "both_bad"), as `Arena.votes`
    gives it. The answer is indexed by name:

    - `rating`: the maximum likelihood of the Bradley–Terry model with Davidson's ties (see `bradley_terry`), on Elo's scale:
      400 points are odds of 10 to 1 among votes that prefer one. The votes bind models together as far as a way of "was preferred
      to" and "tied with" leads from each to each other: the mean of the largest such group is 1,000, without those whom too many
      resamples tear from it (see `intervals.steady`). The likelihood has no maximum for a model outside of the group, such as one
      that always won: its rating is the mode under a normal prior, with the others held where they are; where there is no such
      group, so are all
    - `lower`, `upper`: the bootstrap's percentile interval (B. Efron, "Bootstrap Methods: Another Look at the Jackknife",
      Annals of Statistics 7 (1979) 1–26) of `confidence`, from `resamples` resamples of the votes drawn with `seed`; a resample
      that leaves a rating without a bound counts as infinite. Where the votes themselves leave it without one, the interval is
      infinite on that side, and ends on the other by the likelihood ratio (see `intervals.likely_end`)
    - `votes`: how many votes it took part in
    - `preliminary`: fewer of them than `preliminary_below`, or an interval without a bound

    With `cluster`, such as "rater", all votes with the same value of that column are drawn together: for votes that depend on
    each other; of less than 10 clusters, whose intervals are too narrow, there is a warning. `both_bad` votes count as ties, or
    with "drop" not at all. `attrs` of the frame has the settings, the number of `clusters`, `method` in words, `prior` (its
    precision; 0.0 where all ratings are of maximum likelihood), `by_prior` (the models that are rated by it), `centred_on` (those
    whose mean is 1,000), and `ties`, the parameter ν of the ties.

    Raises `InvalidRequest` for votes that cannot be used, for a `cluster` with less than two values or with rows that have none,
    and for settings out of their range; warns of votes on several questions (a column `question`), which are better ranked each
    by itself.
    """
    _check_settings(confidence, resamples, both_bad, cluster, votes)
    used = checked(votes)
    warn_of_questions(used)
    if both_bad == "drop":
        used = used[used["winner"] != BOTH_BAD]
    models = sorted({*used["model_a"], *used["model_b"]})
    if len(models) < _SMALLEST:
        raise InvalidRequest("There are no votes to rank by: at least one vote between two models is needed.")
    clusters = None if cluster is None else _clusters(used, cluster)
    pairs, counts, cells = counted(used, models)
    bound = bonds(pairs, counts)
    drawn = _resampled(counts, cells, clusters, resamples, seed)
    resampled = bonds(pairs, drawn)
    reference = steady(resampled, reference_of(pairs, counts, bound), confidence)
    above, below = bound.ends(reference)
    rated = ~(above | below) & ~bound.ties
    strengths, ties = _estimated(pairs, counts, bound, rated, reference)
    lower, upper = bootstrapped(pairs, drawn, resampled, reference, confidence)
    for model in np.flatnonzero(above | below):
        ends = likely_end(pairs, counts, reference, int(model), confidence)
        lower[model] = -np.inf if below[model] else min(ends[0], strengths[model])
        upper[model] = np.inf if above[model] else max(ends[1], strengths[model])
    taken_part = np.bincount(pairs.first, counts.sum(axis=1), len(models))
    taken_part += np.bincount(pairs.second, counts.sum(axis=1), len(models))
    found = pd.DataFrame(
        {
            "rating": CENTRE + POINTS * strengths,
            "lower": CENTRE + POINTS * lower,
            "upper": CENTRE + POINTS * upper,
            "votes": taken_part.astype(int),
        },
        index=pd.Index(models, name="model"),
    )
    found["preliminary"] = (found["votes"] < preliminary_below) | ~np.isfinite(
        found["upper"] - found["lower"]
    )
    by_prior = [model for model, is_rated in zip(models, rated, strict=True) if not is_rated]
    found.attrs = {
        "method": _method(by_prior, len(models)),
        "confidence": confidence,
        "resamples": resamples,
        "seed": seed,
        "both_bad": both_bad,
        "cluster": cluster,
        "clusters": None if clusters is None else int(clusters.nunique()),
        "prior": _PRIOR if by_prior else 0.0,
        "by_prior": by_prior,
        "centred_on": [model for model, is_one in zip(models, reference, strict=True) if is_one],
        "ties": float(np.exp(ties)),
    }
    return found.sort_values("rating", ascending=False, kind="stable")


def _check_settings(
    confidence: float, resamples: int, both_bad: str, cluster: str | None, votes: pd.DataFrame
) -> None:
    rules = {
        f"confidence is {confidence!r}; it must be between 0 and 1, such as 0.95.": not 0 < confidence < 1,
        f"resamples is {resamples!r}; it must be a whole number of at least 1.": resamples < 1,
        f"both_bad is {both_bad!r}; it must be 'tie' or 'drop'.": both_bad not in ("tie", "drop"),
        f"The votes have no column {cluster!r} to cluster by.": cluster is not None
        and cluster not in votes.columns,
    }
    broken = [rule for rule, is_broken in rules.items() if is_broken]
    if broken:
        raise InvalidRequest(*broken)


def _clusters(used: pd.DataFrame, cluster: str) -> pd.Series[str]:
    """The cluster of each vote. Raises `InvalidRequest` for a vote of none, and for less than two."""
    found = known_values(used, cluster)
    number = found.nunique()
    if number < _SMALLEST:
        raise InvalidRequest(
            f"All votes have the same {cluster!r}, {found.iloc[0]!r}: an interval by clusters needs at least 2 of them, better "
            f"{FEW_CLUSTERS} or more. Leave cluster out to draw votes one by one."
        )
    if number < FEW_CLUSTERS:
        warnings.warn(
            f"There are only {number} clusters ({cluster!r}): intervals from less than {FEW_CLUSTERS} are too narrow.",
            stacklevel=3,
        )
    return found


def _estimated(
    pairs: Pairs, counts: Floats, bound: Bonds, rated: Bools, reference: Bools
) -> tuple[Floats, Floats]:
    """The log strengths, with mean 0 over the `reference`, and ln ν.

    Of maximum likelihood for those that are `rated` by it, else the mode under the prior.
    """
    if not rated.any():
        return fit(pairs, counts, precision=_PRIOR)
    # In the limit of the likelihood only votes within a group say anything of its strengths, and of ν.
    within, ties = fit(pairs, counts, groups=bound.groups)
    within -= within[reference].mean()
    if rated.all():
        return within, ties
    strengths, _ = fit(pairs, counts, precision=_PRIOR, known=(np.where(rated, within, np.nan), ties))
    return strengths, ties


def _method(by_prior: list[str], models: int) -> str:
    mode = f"the mode under a normal prior (precision {_PRIOR:g} on log strengths)"
    if not by_prior:
        how = "maximum likelihood"
    elif len(by_prior) == models:
        how = f"{mode}, as no maximum of the likelihood exists"
    else:
        how = f"maximum likelihood, except for {', '.join(by_prior)}: {mode}, as no maximum exists for them"
    ends = "percentile bootstrap" + ("; likelihood ratio where one end is open" if by_prior else "")
    return f"Bradley–Terry with Davidson's ties, {how}; {ends}"


def _resampled(
    counts: Floats, cells: NDArray[np.intp], clusters: pd.Series[str] | None, resamples: int, seed: int
) -> Floats:
    """Counts of as many votes, or clusters of votes, drawn with replacement: shape (resamples, pairs, 3)."""
    generator = np.random.default_rng(seed)
    if clusters is None:
        alone = generator.multinomial(int(counts.sum()), (counts / counts.sum()).ravel(), size=resamples)
        drawn = alone.astype(np.float64)
    else:
        codes, names = pd.factorize(clusters)
        each = np.zeros((len(names), counts.size))
        np.add.at(each, (codes, cells), 1.0)
        groups = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
        drawn = groups @ each
    return drawn.reshape(resamples, *counts.shape)


def win_matrix(votes: pd.DataFrame) -> pd.DataFrame:
    """How often the row's model was preferred to the column's: the share of their votes, a tie counting half; NaN for none.

    Raises `InvalidRequest` for votes that cannot be used; warns of votes on several questions.
    """
    used = checked(votes)
    warn_of_questions(used)
    models = sorted({*used["model_a"], *used["model_b"]})
    pairs, counts, _ = counted(used, models)
    share = (counts[:, 0] + counts[:, 1] / 2) / counts.sum(axis=1)
    matrix = np.full((len(models), len(models)), np.nan)
    matrix[pairs.first, pairs.second], matrix[pairs.second, pairs.first] = share, 1 - share
    return pd.DataFrame(matrix, index=pd.Index(models, name="model"), columns=pd.Index(models, name="over"))


def duels(votes: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Each two models that were compared, for small samples, in which the ratings' intervals are only approximate.

    Indexed by the two names. `wins`, `ties`, `losses` are the first's; `share` is wins / (wins + losses), with its `lower` and
    `upper` after E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the American
    Statistical Association 22 (1927) 209–212; `p` is that of the exact two-sided sign test (W. J. Dixon and A. M. Mood, "The
    Statistical Sign Test", same journal 41 (1946) 557–566), in which ties count nothing. NaN where no vote preferred one.

    Raises `InvalidRequest` for votes that cannot be used; warns of votes on several questions.
    """
    used = checked(votes)
    warn_of_questions(used)
    models = sorted({*used["model_a"], *used["model_b"]})
    pairs, counts, _ = counted(used, models)
    rows = []
    for wins, ties, losses in counts.astype(int):
        share = lower = upper = p = math.nan
        if decided := wins + losses:
            test = binomtest(int(wins), int(decided))
            interval = test.proportion_ci(confidence, method="wilson")
            share, lower, upper, p = wins / decided, interval.low, interval.high, test.pvalue
        rows.append((wins, ties, losses, share, lower, upper, p))
    names = [(models[one], models[other]) for one, other in zip(pairs.first, pairs.second, strict=True)]
    return pd.DataFrame(
        rows,
        index=pd.MultiIndex.from_tuples(names, names=["model", "over"]),
        columns=["wins", "ties", "losses", "share", "lower", "upper", "p"],
    )
