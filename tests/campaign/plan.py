"""What one run does, drawn from its seed: how the server behaves, what is asked, and where kernels are killed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Rules = list[dict[str, Any]]

#: Seconds: a charge that comes after its answer, and how long new jobs stay off the list. The protocol waits longer.
LATE = 0.6
#: The POST that costs money, and the files of finished jobs.
GENERATE = {"method": "POST", "path": "/v1/generate/custom/*", "query": {"dryRun": None}}
FILE = {"path": "/cdn/*"}
LIST = {"path": "/v1/jobs"}


def rule(match: dict[str, Any], fault: str, probability: float = 1.0, **options: Any) -> dict[str, Any]:
    return {"match": {**match, "probability": probability}, "fault": fault, **options}


def _none(_: random.Random) -> Rules:
    return []


def _lost_answer(draw: random.Random) -> Rules:
    return [rule(GENERATE, "lost_answer", 0.5, close=draw.choice(["rst", "fin"]))]


def _closed_before(draw: random.Random) -> Rules:
    return [rule(GENERATE, "reset", 0.4, close=draw.choice(["rst", "fin"]))]


def _late_504(draw: random.Random) -> Rules:
    late = draw.uniform(0.1, LATE)
    return [rule(GENERATE, "status", 0.5, status=504, html=True, processed=True, after=late)]


def _free_500(_: random.Random) -> Rules:
    return [rule(GENERATE, "status", 0.4, status=500, reason="Out of order")]


def _truncated(draw: random.Random) -> Rules:
    return [rule(GENERATE, "truncate", 0.5, fraction=draw.uniform(0.0, 0.95))]


def _plan_limit(_: random.Random) -> Rules:
    limit = {"actionName": "parallelCustomJobs", "actionLimit": 2}
    return [rule(GENERATE, "status", 0.2, status=429, reason="Slow down", details=limit, retryAfter=0.2)]


def _list_lag(draw: random.Random) -> Rules:
    pages = draw.randint(1, 3)
    return [
        rule(LIST, "list_lag", seconds=LATE),
        rule(LIST, "empty_pages", pages=pages),
        *_lost_answer(draw),
    ]


def _slow(draw: random.Random) -> Rules:
    return [rule({}, "latency", 0.3, seconds=draw.uniform(0.05, 0.4))]


def _redirected(_: random.Random) -> Rules:
    return [rule(GENERATE, "redirect", 0.4, status=307, location="/v1/generate/custom/elsewhere")]


def _bad_jobs(_: random.Random) -> Rules:
    return [
        rule(GENERATE, "job", 0.25, outcome="failure"),
        rule(GENERATE, "job", 0.25, outcome="moderation"),
        rule(GENERATE, "job", 0.25, outcome="failure", disableRefund=True),
        rule(GENERATE, "job", 0.25, outcome="canceled"),
    ]


def _bad_files(draw: random.Random) -> Rules:
    return [
        rule({"path": "/v1/assets/*"}, "expired_url", 0.3),
        rule(FILE, "truncate", 0.4, fraction=draw.uniform(0.1, 0.9)),
        rule(FILE, "reset", 0.15),
        rule(FILE, "ignore_range", 0.3),
        rule(FILE, "changed_etag", 0.3),
    ]


#: So many kinds of fault any request can meet in a `mixture`.
KINDS = 7


def mixture(draw: random.Random, share: float) -> Rules:
    """Everything that can go wrong, each in so many cases of one."""

    def some(match: dict[str, Any], fault: str, **options: Any) -> dict[str, Any]:
        return rule({**match, "seed": draw.getrandbits(32)}, fault, share, **options)

    everywhere = [
        some({}, "latency", seconds=0.2),
        some({}, "reset", close=draw.choice(["rst", "fin"])),
        some({}, "lost_answer", close=draw.choice(["rst", "fin"])),
        some({}, "truncate", fraction=draw.uniform(0.0, 0.95)),
        some({}, "status", status=503, html=True, retryAfter=0.1),
        some({}, "status", status=500, reason="Out of order"),
        some({"path": "/v1/*"}, "status", status=429, reason="Slow down", retryAfter=0.1),
    ]
    paid = [
        some(GENERATE, "status", status=422, reason="The prompt names a person"),
        some(GENERATE, "status", status=504, processed=True, after=LATE),
        some(GENERATE, "redirect"),
        *(some(GENERATE, "job", outcome=outcome) for outcome in ("failure", "moderation", "canceled")),
    ]
    lists = [some(LIST, "list_lag", seconds=LATE), some(LIST, "empty_pages", pages=2)]
    files = [
        some({"path": "/v1/assets/*"}, "expired_url"),
        some(FILE, "ignore_range"),
        some(FILE, "changed_etag"),
    ]
    return [*everywhere, *paid, *lists, *files]


@dataclass(frozen=True)
class Behaviour:
    """How a server behaves: its fault script, how many jobs it takes at once, how often it goes away for a while."""

    name: str
    rules: Callable[[random.Random], Rules]
    parallel: int = 50
    outages: int = 0


BEHAVIOURS = (
    Behaviour("none", _none),
    Behaviour("answer lost after the charge", _lost_answer),
    Behaviour("closed before processing", _closed_before),
    Behaviour("504, charged late", _late_504),
    Behaviour("500, not charged", _free_500),
    Behaviour("truncated 200", _truncated),
    Behaviour("server gone for a while", _none, outages=2),
    Behaviour("429 with a plan's limit", _plan_limit, parallel=2),
    Behaviour("list lags, empty pages", _list_lag),
    Behaviour("slow answers", _slow),
    Behaviour("307 on the POST", _redirected),
    Behaviour("jobs fail, are canceled", _bad_jobs),
    Behaviour("broken downloads", _bad_files),
    Behaviour("5 % of everything", lambda draw: mixture(draw, 0.05), parallel=4),
)

#: Where a kernel is killed, and how many times that place may be passed before.
KILL_POINTS = {
    "after the draft": 4,
    "after the intent": 4,
    "after sending, before the POST": 4,
    "during the POST": 3,
    "after the answer, before its commit": 3,
    "while looking for lost jobs": 2,
    "during a download": 3,
    "between the file and its commit": 3,
    "after some commit": 40,
    "at some moment": 1,
}
#: In so many of the runs two kernels work on the library at once.
_BESIDE = 0.2
_LEAVES_DOUBT = (
    "after sending, before the POST",
    "during the POST",
    "after the answer, before its commit",
)


@dataclass(frozen=True)
class Kill:
    """End a kernel at the `nth` passage of `point`; at "some moment", after `seconds`."""

    point: str
    nth: int
    seconds: float


@dataclass(frozen=True)
class Plan:
    """One run. `kernels` has what each kernel is asked for: (prompt, seed) pairs; the last one is not killed.

    `beside` is what a second kernel on the same library, beside the first, is asked for; without it there is none.
    """

    seed: int
    number: int
    behaviour: Behaviour
    point: str
    rules: Rules
    kills: Sequence[Kill]
    kernels: Sequence[Sequence[tuple[str, int]]]
    outages: Sequence[tuple[float, float]] = ()
    beside: Sequence[tuple[str, int]] = ()

    @property
    def name(self) -> str:
        return (
            f"run {self.number}: {self.behaviour.name}, killed {', '.join(kill.point for kill in self.kills)}"
        )


def plan_of(seed: int, number: int, behaviours: Sequence[Behaviour] = BEHAVIOURS) -> Plan:
    """Run `number` of the campaign of `seed`: every behaviour meets every kill point before one comes twice."""
    pairs = [(behaviour, point) for behaviour in behaviours for point in KILL_POINTS]
    sweep, place = divmod(number, len(pairs))
    random.Random(f"{seed} {sweep}").shuffle(pairs)
    behaviour, point = pairs[place]
    draw = random.Random(f"{seed} {number}")
    kills = _kills(draw, point)
    # The first one is asked for most; whoever is killed at a draft is asked for one at least.
    asked = [
        _requests(draw, 4, 8),
        *(_requests(draw, 1 if _at_draft(kill) else 0, 2) for kill in kills[1:]),
        [],
    ]
    return Plan(
        seed=seed,
        number=number,
        behaviour=behaviour,
        point=point,
        rules=_seeded(behaviour.rules(draw), draw),
        kills=kills,
        kernels=asked,
        outages=[(draw.uniform(0.05, 1.5), draw.uniform(0.2, 1.0)) for _ in range(behaviour.outages)],
        beside=_requests(draw, 1, 2) if draw.random() < _BESIDE else (),
    )


def _kills(draw: random.Random, point: str) -> list[Kill]:
    first = [draw.choice(_LEAVES_DOUBT), point] if point == "while looking for lost jobs" else [point]
    more = draw.choices([0, 1, 2], [6, 3, 1])[0]
    points = [*first, *draw.choices(list(KILL_POINTS), k=more)]
    passages = [draw.randint(1, KILL_POINTS[one] if number == 0 else 1) for number, one in enumerate(points)]
    return [Kill(*one, draw.uniform(0.02, 1.5)) for one in zip(points, passages, strict=True)]


def _at_draft(kill: Kill) -> bool:
    return kill.point == "after the draft"


def _requests(draw: random.Random, least: int, most: int) -> list[tuple[str, int]]:
    """Some of them the same: (prompt, seed)."""
    count = draw.randint(least, most)
    kinds = draw.randint(1, max(1, count))
    return [(f"character1 waves {draw.randint(1, kinds)} times", 7) for _ in range(count)]


def _seeded(rules: Rules, draw: random.Random) -> Rules:
    return [{**one, "match": {**one["match"], "seed": draw.getrandbits(32)}} for one in rules]
