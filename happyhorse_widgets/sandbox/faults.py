"""The fault script: a JSON file that says what goes wrong, shared by lessons and tests. This docstring is its reference.

The file is a list of rules. A rule says which requests it concerns and what happens to them:

    [{"match": {"method": "POST", "path": "/v1/generate/custom/*", "query": {"dryRun": null}, "times": 1},
      "fault": "lost_answer"}]

`match` (all optional; without any, every request):
    method          "GET", "POST" …
    path            the path with * and ? as wildcards: "/v1/jobs", "/v1/*", "/cdn/*", "/storage/*"
    query           parameters that must have these values; null: must be absent
    skip, times     pass over the first `skip` requests that match; then fire at most `times` times
    probability     0–1, the chance for each that is left; `seed` makes the draws repeatable
Requests are counted for each rule, from the start of the server. All rules that fire apply, in the file's order, but
only one can end the exchange: once one does, later ones of that kind do not see the request, and do not count it.
Requests without valid credentials meet no faults.

`fault`, what ends the exchange:
    latency         nothing else, after `seconds`
    status          answers `status` (such as 429, 500, 504) instead; `reason`, `retryAfter` (header, seconds),
                    `details` (object), `html` (a gateway's page instead of JSON). With `processed` the request takes
                    effect all the same, `after` seconds later: a 504 whose job is charged all the same
    reset           closes the connection before anything was processed; `close`: "rst" or "fin"
    lost_answer     processes the request, then closes the connection without an answer; `close` as above
    truncate        processes the request, and closes after `fraction` (0–1) of the answer's body
    redirect        answers `status` (307) with `location`
`fault`, what changes the answer:
    job             on POST /v1/generate/custom/*: the new job ends as `outcome`: "failure", "moderation", "canceled",
                    or "stall" (never); `disableRefund` keeps the money
    allow_cancel    on POST /v1/jobs/*/action: the cancel is granted
    list_lag        on GET /v1/jobs: jobs made in the last `seconds` are not listed yet
    empty_pages     on GET /v1/jobs: the first `pages` pages are empty, with a token
    expired_url     on any answer with assets: the addresses in it are valid for `seconds` (0) only
    ignore_range    on GET /cdn/*: the whole file with 200, whatever Range asks
    changed_etag    on GET /cdn/*: another ETag, as if the file had been replaced
"""

from __future__ import annotations

import random
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from happyhorse_widgets.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.types import Scope

Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]

_KEY = "happyhorse.faults"


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which requests a rule concerns."""

    method: str = "*"
    path: str = "*"
    query: dict[str, str | None] = {}
    skip: Count = 0
    times: Annotated[int, Meta(ge=1)] | None = None
    probability: Share = 1.0
    seed: int = 0

    def concerns(self, method: str, path: str, query: Mapping[str, str]) -> bool:
        """Whether a request is of this kind, before any counting."""
        return (
            self.method in {"*", method}
            and fnmatchcase(path, self.path)
            and all(query.get(name) == value for name, value in self.query.items())
        )


class Fault(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="fault", rename="camel", kw_only=True
):
    """A rule. The subclasses are the vocabulary above."""

    match: Match = Match()


class Ending(Fault, frozen=True):
    """A rule that ends the exchange."""


class Latency(Fault, frozen=True, tag="latency"):
    seconds: Seconds


class Status(Ending, frozen=True, tag="status"):
    status: Annotated[int, Meta(ge=200, le=599)]
    reason: str = "A fault of the fault script"
    retry_after: float | None = None
    details: dict[str, Any] | None = None
    html: bool = False
    processed: bool = False
    after: Seconds = 0.0


class Reset(Ending, frozen=True, tag="reset"):
    close: Literal["rst", "fin"] = "rst"


class LostAnswer(Ending, frozen=True, tag="lost_answer"):
    close: Literal["rst", "fin"] = "rst"


class Truncate(Ending, frozen=True, tag="truncate"):
    fraction: Share = 0.5


class Redirect(Ending, frozen=True, tag="redirect"):
    status: Literal[301, 302, 303, 307, 308] = 307
    location: str = "/elsewhere"


class JobOutcome(Fault, frozen=True, tag="job"):
    outcome: Literal["failure", "moderation", "canceled", "stall"]
    disable_refund: bool = False


class AllowCancel(Fault, frozen=True, tag="allow_cancel"):
    pass


class ListLag(Fault, frozen=True, tag="list_lag"):
    seconds: Seconds


class EmptyPages(Fault, frozen=True, tag="empty_pages"):
    pages: Annotated[int, Meta(ge=1)] = 1


class ExpiredUrl(Fault, frozen=True, tag="expired_url"):
    seconds: Seconds = 0.0


class IgnoreRange(Fault, frozen=True, tag="ignore_range"):
    pass


class ChangedEtag(Fault, frozen=True, tag="changed_etag"):
    pass


Rule = (
    Latency
    | Status
    | Reset
    | LostAnswer
    | Truncate
    | Redirect
    | JobOutcome
    | AllowCancel
    | ListLag
    | EmptyPages
    | ExpiredUrl
    | IgnoreRange
    | ChangedEtag
)
AnyFault = TypeVar("AnyFault", bound=Fault)


class FaultScript:
    """The rules of one server, with their counts."""

    def __init__(self, rules: list[Rule]) -> None:
        self._rules = rules
        self._matched = [0] * len(rules)
        self._fired = [0] * len(rules)

    def select(self, method: str, path: str, query: Mapping[str, str]) -> tuple[Fault, ...]:
        """The faults of the next request, in the script's order; counts it."""
        firing: list[Fault] = []
        for index, rule in enumerate(self._rules):
            too_late = isinstance(rule, Ending) and any(isinstance(one, Ending) for one in firing)
            if not too_late and rule.match.concerns(method, path, query) and self._fires(index, rule.match):
                firing.append(rule)
        return tuple(firing)

    def _fires(self, index: int, match: Match) -> bool:
        self._matched[index] += 1
        if self._matched[index] <= match.skip or self._fired[index] == match.times:
            return False
        # One draw for each request that matches, so that other rules do not shift it.
        draw = random.Random(f"{match.seed} {index} {self._matched[index]}")
        if draw.random() >= match.probability:
            return False
        self._fired[index] += 1
        return True


def load_script(path: Path) -> FaultScript:
    """Read a fault script. Raises `ConfigurationError` naming the rule and field that is wrong."""
    try:
        return parse_script(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"The fault script {path} cannot be read: {error.strerror}.") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"The fault script {path} is wrong: {error}") from error


def parse_script(text: bytes) -> FaultScript:
    """Read a fault script's text. Raises `ConfigurationError`."""
    try:
        return FaultScript(msgspec.json.decode(text, type=list[Rule]))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # "… - at `$[0].match`": $ is the script, [0] its first rule.
        raise ConfigurationError(
            f"{error}. See happyhorse_widgets.sandbox.faults for the vocabulary."
        ) from error


def attach(scope: Scope, faults: tuple[Fault, ...]) -> None:
    """Let the routes know a request's faults."""
    scope[_KEY] = faults


def active(scope: Scope, kind: type[AnyFault]) -> AnyFault | None:
    """The first fault of this kind that applies to the request, or None."""
    return next((fault for fault in scope.get(_KEY, ()) if isinstance(fault, kind)), None)
