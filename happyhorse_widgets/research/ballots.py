"""What ballots say of the raters: how many there are, whether they looked, and whether they would say it again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from happyhorse_widgets.extras import needs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from happyhorse_widgets.library.ballots import Ballot

    from .pairing import Pair

_OPPOSITE = {"a": "b", "b": "a", "tie": "tie", "both_bad": "both_bad"}
_WHOLE = {"left": "b", "right": "a"}
#: Columns that a person may have made categorical.
_TEXTS = ("kind", "winner", "spoiled", "arena", "pair", "question", "ballot", "clip_a")
#: The columns from which there is something to tell of the raters.
RATED = frozenset((*_TEXTS, "rater", "seconds"))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an arena is. `votes` leaves out repeats and checks; `wanted` is None where there is no limit.

    `raters` has the votes of each rater, `pairs` counts the pairs of clips, `fewest` and `most` the votes on one of them.
    """

    votes: int
    wanted: int | None
    raters: Mapping[str, int]
    pairs: int
    fewest: int
    most: int

    def __str__(self) -> str:
        each = f"{self.fewest}" if self.fewest == self.most else f"{self.fewest} to {self.most}"
        by = f"{_many(len(self.raters), 'rater')} on {_many(self.pairs, 'pair')}"
        votes = (
            _many(self.votes, "vote")
            if self.wanted is None
            else f"{self.votes:,} of {_many(self.wanted, 'vote')}"
        )
        return f"{votes} by {by}, {each} on each"


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def progress(counted: Iterable[Ballot], pairs: Sequence[Pair], wanted: int | None) -> Progress:
    """How far an arena with these `pairs` is, by the ballots that count."""
    votes = [ballot for ballot in counted if ballot.kind == "vote"]
    on = Counter(ballot.pair for ballot in votes)
    numbers = [on[pair.key] for pair in pairs]
    raters = Counter(ballot.rater for ballot in votes)
    return Progress(
        len(votes),
        wanted,
        dict(sorted(raters.items())),
        len(pairs),
        min(numbers, default=0),
        max(numbers, default=0),
    )


def rater_table(ballots: pd.DataFrame) -> pd.DataFrame:
    """What there is to know of each rater, from a frame as `session.ballots.to_frame()` gives it; indexed by `rater`.

    - `votes`: answers to questions about pairs of the study, each counted once
    - `repeats`, `repeated`: answers to pairs that came again with their sides swapped, and the share of them that preferred the
      same clip, or neither, as before
    - `checks`, `passed`: pairs with a spoiled copy, and the share in which some question was answered for the whole clip and
      none for the copy
    - `left`: of the answers that prefer a side, the share that prefers the left one
    - `seconds`: the median time for which a pair was seen

    Shares are NaN where there is nothing to count. Answers that stand there twice count once, with a warning. Raises
    `InvalidRequest` for rows without a rater, and `MissingExtra` without the extra `research`.
    """
    pd = needs("pandas")
    from .votes import known_values, once

    ballots = once(ballots)
    ballots = ballots.assign(
        rater=known_values(ballots, "rater"), **{name: ballots[name].astype(object) for name in _TEXTS}
    )
    asked = ballots[ballots["kind"] != "check"]
    table = pd.DataFrame(index=pd.Index(sorted(set(ballots["rater"])), name="rater"))
    by_rater = ballots.groupby("rater")
    table["votes"] = ballots[ballots["kind"] == "vote"].groupby("rater").size()
    again = _again(ballots)
    table["repeats"] = again.groupby("rater").size()
    table["repeated"] = again.groupby("rater")["same"].mean()
    passed = _checks(ballots)
    table["checks"] = passed.groupby("rater").size()
    table["passed"] = passed.groupby("rater")["passed"].mean()
    sided = asked[asked["winner"].isin(["a", "b"])]
    table["left"] = (sided["winner"] == "a").groupby(sided["rater"]).mean()
    table["seconds"] = by_rater["seconds"].median()
    counts = ["votes", "repeats", "checks"]
    table[counts] = table[counts].fillna(0).astype(int)
    shares = ["repeated", "passed", "left", "seconds"]
    table[shares] = table[shares].astype(float)
    return table


def _again(ballots: pd.DataFrame) -> pd.DataFrame:
    """The answers to repeats, and whether each is the `same` as before."""
    key = ["arena", "rater", "pair", "question"]
    first = ballots[ballots["kind"] == "vote"].drop_duplicates(key)
    joined = ballots[ballots["kind"] == "repeat"].merge(first, on=key, suffixes=("", "_first"))
    swapped = joined["clip_a"] != joined["clip_a_first"]
    before = joined["winner_first"].where(~swapped, joined["winner_first"].map(_OPPOSITE))
    return joined[["rater"]].assign(same=joined["winner"] == before)


def _checks(ballots: pd.DataFrame) -> pd.DataFrame:
    """The checks, a row each, and whether it was `passed`."""
    checks = ballots[ballots["kind"] == "check"]
    good = checks["winner"] == checks["spoiled"].map(_WHOLE)
    bad = checks["winner"].isin(["a", "b"]) & ~good
    by_ballot = (
        checks.assign(good=good, bad=bad).groupby(["rater", "ballot"])[["good", "bad"]].any().reset_index()
    )
    return by_ballot[["rater"]].assign(passed=by_ballot["good"] & ~by_ballot["bad"])
