"""Teams, and the limits of the plan. Its creative units are counted but not enforced: the sandbox never runs dry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from .charges import charges
from .context import Sandbox, sandbox
from .wire import PROJECT, SINCE, TEAM, answer, iso

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_PERIOD = 15 * 86_400.0
_PLAN = "cu-pro"
_CREATIVE_UNITS = 100_000
_PLENTY = 100.0


async def teams(_: Request) -> Response:
    """`GET /teams`: one team with one project."""
    dates = {"createdAt": iso(SINCE), "updatedAt": iso(SINCE)}
    team = {
        "id": TEAM,
        "name": "Sandbox",
        "plan": _PLAN,
        "type": "shared",
        "projects": [{"id": PROJECT, "name": "Sandbox", **dates}],
        "context": {"invitationsCount": 0, "keysCount": 1, "usersCount": 1, "userRole": "key"},
        **dates,
    }
    return answer({"teams": [team]})


async def limits(request: Request) -> Response:
    """`GET /teams/{id}/limits`."""
    team_id, box = request.path_params["team_id"], sandbox(request)
    if team_id != TEAM:
        raise HTTPException(404, f"Team {team_id} was not found")
    now = box.now()
    return answer(
        {
            "plan": _PLAN,
            "limits": _limits(box),
            "values": {
                "apiKeys": 1,
                "canvasAssets": 0,
                "collections": 0,
                "creativeUnits": sum(one.creative_units for one in charges(box.ledger.all_jobs(), now)),
                "projects": 1,
                "seats": 1,
            },
            "period": {"start": iso(now - _PERIOD), "end": iso(now + _PERIOD)},
            "oneShotCreativeUnits": [],
        }
    )


def _limits(box: Sandbox) -> dict[str, float]:
    plenty = dict.fromkeys(
        (
            "apiKeys",
            "canvasAssetLayers",
            "canvasAssets",
            "collections",
            "defaultSeats",
            "downloadAssets",
            "downloadModel",
            "inferenceBatchSize",
            "maxCooldown",
            "maxTrainingDatasets",
            "minCooldown",
            "models",
            "OTPSessions",
            "parallelInferences",
            "parallelTraining",
            "parallelWorkflowRuns",
            "premiumGenerationSamples",
            "projects",
            "scalingFactor",
            "seats",
            "snapshotsRetention",
            "upload",
        ),
        _PLENTY,
    )
    return plenty | {"parallelCustomJobs": box.options.parallel, "creativeUnits": _CREATIVE_UNITS}
