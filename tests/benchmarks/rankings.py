"""`python -m tests.benchmarks.rankings`: how far our rankings and agreements are from other implementations, and how often
their intervals hold the truth. Prints two tables.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from happyhorse_widgets.research.agreement import _alpha, _kappa, agreement
from happyhorse_widgets.research.bradley_terry import fit
from happyhorse_widgets.research.rankings import CENTRE, POINTS, duels, rankings
from tests.votes import (
    OBSERVED,
    PUBLISHED,
    RATED,
    TEAMS,
    WINS,
    by_choix,
    by_coincidences,
    by_evalica,
    by_regression,
    drawn,
    votes_from,
    votes_of,
)

Row = tuple[str, str, str, str]


def ratings(studies: int) -> Iterator[Row]:
    """Ratings against choix, evalica, statsmodels and a published table."""
    plain = []
    for seed in range(studies):
        strengths = np.random.default_rng(seed).normal(scale=0.5, size=6)
        plain.append(votes_from(*drawn(strengths, 0.0, 40, seed)))
    games = votes_of(WINS, TEAMS)
    for name, other in (("choix", by_choix), ("evalica", by_evalica)):
        for what, found in (
            (f"{studies} simulated studies, 6 models", plain),
            ("baseball, Agresti 2002", [games]),
        ):
            far = max(
                np.abs(
                    rankings(votes, resamples=1)["rating"].sort_index() - CENTRE - POINTS * other(votes)
                ).max()
                for votes in found
            )
            yield "Bradley–Terry", what, name, f"{far:.1e} points"
    best = rankings(games, resamples=1)["rating"]
    far = np.abs((best - best["Baltimore"]) / POINTS - pd.Series(PUBLISHED, TEAMS)).max()
    yield "Bradley–Terry", "baseball, Agresti 2002", "as published, 2 digits", f"{far:.1e} log odds"
    far = 0.0
    for seed in range(studies):
        counts = drawn(np.random.default_rng(seed).normal(size=6), 0.7, 40, seed)
        for ours, theirs in zip(fit(*counts), by_regression(*counts), strict=True):
            far = max(far, float(np.abs(ours - theirs).max()) * POINTS)
    yield (
        "with Davidson's ties",
        f"{studies} simulated studies, 6 models",
        "statsmodels, log-linear",
        f"{far:.1e} points",
    )


def small_samples(most: int) -> Iterator[Row]:
    """Wilson's intervals and sign tests of every result of up to `most` votes."""
    wilson = sign = 0.0
    for wins in range(most + 1):
        for losses in range(most + 1 - wins):
            if not wins + losses:
                continue
            votes = pd.DataFrame(
                [("x", "y", "a")] * wins + [("x", "y", "b")] * losses,
                columns=["model_a", "model_b", "winner"],
            )
            row = duels(votes).iloc[0]
            low, high = proportion_confint(wins, wins + losses, method="wilson")
            wilson = max(wilson, abs(row["lower"] - low), abs(row["upper"] - high))
            tail = sum(math.comb(wins + losses, k) for k in range(min(wins, losses) + 1))
            exact = min(1.0, 2 * tail / 2 ** (wins + losses))
            sign = max(sign, abs(row["p"] - exact))
    what = f"every result of up to {most} votes"
    yield "Wilson's interval", what, "statsmodels", f"{wilson:.1e}"
    yield "sign test", what, "whole numbers, exactly", f"{sign:.1e}"


def raters(studies: int) -> Iterator[Row]:
    """Agreement against published examples and a second computation."""
    far = abs(_alpha(pd.DataFrame(OBSERVED).T) - 0.743)
    yield "Krippendorff's α", "Krippendorff 2011, example C", "as published, 3 digits", f"{far:.1e}"
    far = 0.0
    for seed in range(studies):
        lots = np.random.default_rng(seed)
        votes = [
            (item, rater, str(lots.choice(["a", "b", "tie"])))
            for item in range(20)
            for rater in range(5)
            if lots.random() < 0.7
        ]
        frame = pd.DataFrame(votes, columns=["item", "rater", "winner"]).assign(model_a="x", model_b="y")
        far = max(far, abs(agreement(frame).krippendorff_alpha - by_coincidences(votes)))
    yield "Krippendorff's α", f"{studies} simulated studies, 30 % missing", "coincidence matrix", f"{far:.1e}"
    table = pd.DataFrame([np.repeat(np.arange(5.0), counts) for counts in RATED])
    far = abs(_kappa(table)[0] - 0.210)
    yield "Fleiss' κ", "10 subjects, 14 raters", "as published, 3 digits", f"{far:.1e}"


def coverage(models: int, votes: int, ties: float, studies: int) -> float:
    """The share of 95 % intervals, in simulated studies of `votes` votes on each pair, that hold the true rating."""
    truth = np.linspace(0.8, -0.8, models)
    held = []
    for seed in range(studies):
        found = rankings(votes_from(*drawn(truth, ties, votes, seed)), resamples=500, seed=seed).sort_index()
        centred = [int(name[1:]) for name in found.attrs["centred_on"]]
        rated = CENTRE + POINTS * (truth - truth[centred].mean())
        held += ((found["lower"] <= rated) & (rated <= found["upper"])).to_list()
    return float(np.mean(held))


def clustered(raters_: int, each: int, studies: int, cluster: str | None) -> float:
    """The same for two models where raters differ in what they prefer, by 0.8 log odds (standard deviation)."""
    held = []
    truth = 0.5
    for seed in range(studies):
        lots = np.random.default_rng(seed)
        own = lots.normal(truth, 0.8, raters_)
        # What is estimated is the strength in the whole population, of all raters together.
        whole = 1 / (1 + np.exp(-np.random.default_rng(0).normal(truth, 0.8, 200_000)))
        target = POINTS * math.log(whole.mean() / (1 - whole.mean())) / 2
        rows = [
            ("m0", "m1", "a" if lots.random() < 1 / (1 + math.exp(-taste)) else "b", rater)
            for rater, taste in enumerate(own)
            for _ in range(each)
        ]
        frame = pd.DataFrame(rows, columns=["model_a", "model_b", "winner", "rater"])
        found = rankings(frame, resamples=500, seed=seed, cluster=cluster)
        held.append(bool(found.loc["m0", "lower"] <= CENTRE + target <= found.loc["m0", "upper"]))
    return float(np.mean(held))


def main() -> None:
    """Compute and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.rankings", description=__doc__)
    parser.add_argument("--studies", type=int, default=20, help="how many are simulated for each comparison")
    parser.add_argument("--covered", type=int, default=1000, help="how many are simulated for the coverage")
    given = parser.parse_args()
    print("| what | data | against | largest difference |\n|---|---|---|---|")
    for row in (*ratings(given.studies), *small_samples(40), *raters(given.studies)):
        print(f"| {' | '.join(row)} |")
    print(f"\n| {given.covered:,} simulated studies | 95 % intervals that hold the truth |\n|---|--:|")
    for models, votes, ties in ((4, 10, 0.4), (4, 25, 0.4), (4, 100, 0.4), (8, 25, 0.0)):
        share = coverage(models, votes, ties, given.covered)
        tied = "with ties" if ties else "without ties"
        print(f"| {models} models, {votes} votes on each pair, {tied} | {100 * share:.1f} % |")
    for cluster, told in ((None, "votes drawn one by one"), ("rater", 'cluster="rater"')):
        share = clustered(30, 8, given.covered, cluster)
        print(f"| 2 models, 30 raters of different taste with 8 votes each, {told} | {100 * share:.1f} % |")


if __name__ == "__main__":
    main()
