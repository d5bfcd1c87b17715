"""From votes to a ranking that can be published: ratings with intervals, and who was preferred to whom."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from happyhorse_widgets.errors import InvalidRequest

from .bradley_terry import fit, unbounded
from .votes import BOTH_BAD, checked, counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Kept: TypeAlias = Literal["tie", "drop"]

#: Rating points of one unit of log strength: as in Elo's scale, 400 points are odds of ten to one.
POINTS = 400 / math.log(10)
#: The mean rating of all models.
CENTRE = 1000.0
_SMALLEST = 2
#: The precision of the prior that keeps a resample finite in which one model was always preferred: a standard deviation of 32
#: log odds, 5,500 points.
_WEAK = 1e-3
#: The same where the votes themselves leave a rating without a bound; its interval says that it has none.
_STRONGER = 0.1


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
      400 points are odds of 10 to 1 among votes that prefer one; the mean of all models is 1,000
    - `lower`, `upper`: the bootstrap's percentile interval (B. Efron, "Bootstrap Methods: Another Look at the Jackknife",
      Annals of Statistics 7 (1979) 1–26) of `confidence`, from `resamples` resamples of the votes drawn with `seed`. Where
      the votes leave a rating without a bound, as that of a model that always won, it is infinite
    - `votes`: how many votes it took part in
    - `preliminary`: fewer of them than `preliminary_below`, or an interval without a bound

    With `cluster`, such as "rater", all votes with the same value of that column are drawn together: for votes that depend on
    each other. `both_bad` votes count as ties, or with "drop" not at all. `attrs` of the frame has the settings, and `ties`, the
    parameter ν of the ties.

    Raises `InvalidRequest` for votes that cannot be used, and for settings out of their range; warns of votes on several
    questions (a column `question`), which are better ranked each by itself.
    """
    _check_settings(confidence, resamples, both_bad, cluster, votes)
    used = checked(votes)
    if "question" in used.columns and used["question"].nunique() > 1:
        warnings.warn(
            f"The votes answer {used['question'].nunique()} questions, which are counted as one. Rank each by itself: "
            "votes[votes.question == ...].",
            stacklevel=2,
        )
    if both_bad == "drop":
        used = used[used["winner"] != BOTH_BAD]
    models = sorted({*used["model_a"], *used["model_b"]})
    if len(models) < _SMALLEST:
        raise InvalidRequest("There are no votes to rank by: at least one vote between two models is needed.")
    pairs, counts, cells = counted(used, models)
    left_open = unbounded(pairs, counts)
    strengths, ties = fit(pairs, counts, precision=_STRONGER if left_open.anything else 0.0)
    drawn = _resampled(counts, cells, None if cluster is None else used[cluster], resamples, seed)
    tail = (1 - confidence) / 2
    samples, _ = fit(pairs, drawn, precision=_STRONGER if left_open.anything else _WEAK)
    lower, upper = np.quantile(samples, [tail, 1 - tail], axis=0)
    lower[left_open.down], upper[left_open.up] = -np.inf, np.inf
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
    found.attrs = {
        "method": "Bradley–Terry with Davidson's ties, maximum likelihood; percentile bootstrap",
        "confidence": confidence,
        "resamples": resamples,
        "seed": seed,
        "both_bad": both_bad,
        "cluster": cluster,
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


def _resampled(
    counts: Floats, cells: NDArray[np.intp], clusters: pd.Series | None, resamples: int, seed: int
) -> Floats:
    """Counts of as many votes, or clusters of votes, drawn with replacement: shape (resamples, pairs, 3)."""
    generator = np.random.default_rng(seed)
    if clusters is None:
        alone = generator.multinomial(int(counts.sum()), (counts / counts.sum()).ravel(), size=resamples)
        drawn = alone.astype(np.float64)
    else:
        codes, names = pd.factorize(clusters, use_na_sentinel=False)
        each = np.zeros((len(names), counts.size))
        np.add.at(each, (codes, cells), 1.0)
        groups = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
        drawn = groups @ each
    return drawn.reshape(resamples, *counts.shape)


def win_matrix(votes: pd.DataFrame) -> pd.DataFrame:
    """How often the row's model was preferred to the column's: the share of their votes, a tie counting half; NaN for none."""
    used = checked(votes)
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
    """
    used = checked(votes)
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
