"""The campaign in figures: a line for each behaviour of the server, and one for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .plan import Behaviour
from .run import Outcome

_COUNTS = (
    "intents",
    "posts",
    "charges",
    "done",
    "needs_user",
    "ended",
    "lost",
    "overpaid",
    "unfinished",
    "wrong",
)
_HEAD = (
    "server",
    "runs",
    "kills",
    "intents",
    "POSTs",
    "charges",
    "done",
    "needs a person",
    "refused or failed",
)
_HEAD += ("lost", "overpaid", "unfinished", "wrong")


def table(outcomes: Iterable[Outcome], behaviours: Sequence[Behaviour]) -> str:
    """As Markdown, padded so that it can be read as it is."""
    outcomes = list(outcomes)
    rows = [
        _row(one.name, [outcome for outcome in outcomes if outcome.plan.behaviour == one])
        for one in behaviours
    ]
    rows = [_HEAD, *rows, _row("all", outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["| " + " | ".join(_padded(row, widths)) + " |" for row in rows]
    rule = (
        "|"
        + "|".join("-" * (width + 1) + (":" if column else "-") for column, width in enumerate(widths))
        + "|"
    )
    return "\n".join([lines[0], rule, *lines[1:]])


def _row(name: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    counts = [sum(getattr(outcome.verdict, count) for outcome in outcomes) for count in _COUNTS]
    kills = sum(len(outcome.fired) for outcome in outcomes)
    return (name, *map(str, (len(outcomes), kills, *counts)))


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
