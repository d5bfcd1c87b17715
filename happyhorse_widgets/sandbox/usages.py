"""Usages: what the account has used over time, as the ledger tells it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from .charges import Charge, charges
from .context import project_of, sandbox
from .jobs import Job, view
from .wire import USER, answer, iso, parse_iso

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_DAY = 86_400.0
_KINDS = frozenset(
    {
        "usages",
        "activity",
        "consumption",
        "model-usages",
        "asset-usages",
        "nsfw-usages",
        "quality-gate-usages",
    }
)
_RANGES = {
    "last-hour": _DAY / 24,
    "last-day": _DAY,
    "last-three-days": 3 * _DAY,
    "last-seven-days": 7 * _DAY,
    "last-thirty-one-days": 31 * _DAY,
}
_MAX_ACTIVITY = 100


async def usages(request: Request) -> Response:
    """`GET /usages`: by default the last 31 days, all types, in points of one day."""
    box, query = sandbox(request), request.query_params
    now = box.now()
    start, end = _span(request, now)
    projects = set(filter(None, (query.get("projectIds") or project_of(request) or "").split(",")))
    jobs = [job for job in box.ledger.all_jobs() if not projects or job.owner in projects]
    inside = [one for one in charges(jobs, now) if start <= one.at <= end]
    wanted = set(query.get("type", "").split(",")) & _KINDS or _KINDS
    parts = {
        "usages": ("usages", _usages(inside)),
        "consumption": ("consumption", _consumption(inside)),
        "model-usages": ("modelUsages", _model_usages(inside)),
        "asset-usages": ("assetUsages", _asset_usages(jobs, now, start, end)),
        "activity": ("activity", _activity(inside, query.get("activityOffset", "0"))),
        "nsfw-usages": ("nsfwUsages", []),
        "quality-gate-usages": ("qualityGateUsages", []),
    }
    return answer({name: content for kind, (name, content) in parts.items() if kind in wanted})


def _span(request: Request, now: float) -> tuple[float, float]:
    query = request.query_params
    start, end = query.get("startDate"), query.get("endDate")
    if (start is None) != (end is None):
        raise HTTPException(400, '"startDate" and "endDate" are required together')
    if start is not None and end is not None:
        return parse_iso(start, "startDate"), parse_iso(end, "endDate")
    span = _RANGES.get(query.get("timeRange", "last-thirty-one-days"))
    if span is None:
        raise HTTPException(400, f'"timeRange" must be one of {", ".join(_RANGES)}')
    return now - span, now


def _usages(inside: list[Charge]) -> list[dict[str, Any]]:
    costs: defaultdict[float, float] = defaultdict(float)
    refunds: defaultdict[float, float] = defaultdict(float)
    counts: Counter[float] = Counter()
    for one in inside:
        day = _day(one.at)
        costs[day] += max(one.creative_units, 0.0)
        refunds[day] += max(-one.creative_units, 0.0)
        counts[day] += one.creative_units > 0 and one.job.job_type == "custom"
    series: dict[str, dict[float, float] | Counter[float]] = {
        "creative-unit-cost": costs,
        "refunds": refunds,
        "custom": counts,
    }
    return [
        {
            "usageName": name,
            "granularity": "1d",
            "points": [
                {"time": iso(day), "value": f"{value:g}", "apiKey": f"{value:g}"}
                for day, value in sorted(points.items())
            ],
        }
        for name, points in series.items()
    ]


def _consumption(inside: list[Charge]) -> list[dict[str, Any]]:
    value = sum(one.creative_units for one in inside)
    return [{"userId": USER, "value": value, "discount": 0, "total": value}]


def _model_usages(inside: list[Charge]) -> list[dict[str, Any]]:
    found: defaultdict[str, defaultdict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in inside:
        if one.job.render is not None:
            found[one.job.render["model_id"]][_day(one.at)].append(one.creative_units)
    return [
        {
            "modelId": model_id,
            "points": [
                {
                    "time": iso(day),
                    "cost": sum(costs),
                    "apiKeyCost": sum(costs),
                    "discount": 0,
                    "apiKeyDiscount": 0,
                    "jobs": sum(cost > 0 for cost in costs),
                }
                for day, costs in sorted(days.items())
            ],
        }
        for model_id, days in found.items()
    ]


def _asset_usages(jobs: list[Job], now: float, start: float, end: float) -> list[dict[str, Any]]:
    counts: Counter[float] = Counter()
    for job in jobs:
        seen = view(job, now)
        if job.asset_id and seen.status == "success" and start <= seen.updated_at <= end:
            counts[_day(seen.updated_at)] += 1
    points = [
        {"time": iso(day), "count": count, "countApiKey": count} for day, count in sorted(counts.items())
    ]
    return [{"kind": "video", "points": points}]


def _activity(inside: list[Charge], offset: str) -> list[dict[str, Any]]:
    first = int(offset) if offset.isdigit() else 0
    return [
        {
            "action": "custom" if one.creative_units > 0 else "refunds",
            "data": {"jobId": one.job.job_id, "isApiKey": True},
            "projectId": one.job.owner,
            "userId": USER,
            "time": iso(one.at),
            "creativeUnitsCost": one.creative_units,
        }
        for one in reversed(inside)
    ][first : first + _MAX_ACTIVITY]


def _day(moment: float) -> float:
    return moment - moment % _DAY
