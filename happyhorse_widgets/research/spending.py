"""What requests are expected to cost, what clips have cost, and the refusal of what would cost too much."""

from __future__ import annotations

import math
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.engine.engine import CLOSED
from happyhorse_widgets.engine.states import CHARGEABLE
from happyhorse_widgets.errors import BudgetExceeded, InvalidRequest, LibraryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.request import Request
    from happyhorse_widgets.engine.session import Session


def charged(clips: Iterable[Clip]) -> float:
    """Creative units that the clips cost, or may have; refunds are taken off."""
    return math.fsum(_charge(clip) for clip in clips)


def _charge(clip: Clip) -> float:
    if clip.cost is not None:
        return clip.cost
    return (clip.estimate or 0.0) if clip.state in CHARGEABLE else 0.0


def given_in(request: Request) -> dict[str, Any]:
    """What `Session.submit` takes for this request, beside its prompt and references."""
    values = {
        name: value for name, value in request.values().items() if name != "prompt" and value is not None
    }
    return {**values, "model": request.model, "fields": request.fields}


def expected_cost(session: Session, requests: Sequence[Request]) -> float:
    """Creative units that the requests will cost together; blocks while Scenario is asked, and raises what that raises."""
    try:
        found: float = session.run(expected_cost_async(session, requests)).result()
    except CancelledError:
        raise LibraryError(CLOSED) from None
    return found


async def expected_cost_async(session: Session, requests: Sequence[Request]) -> float:
    """`expected_cost` for code on the engine's loop."""
    costs = []
    for request in requests:
        known = session.usual_cost(request)
        if known is None:
            asked = await session.estimate_async(request.prompt, request.references, **given_in(request))
            known = asked.creative_units
        costs.append(known)
    return math.fsum(costs)


def refuse_beyond(session: Session, requests: Sequence[Request], limit: float | None) -> None:
    """Raise `BudgetExceeded` where the requests would cost more than `limit`, or than is left of the session's budget."""
    if limit is not None and (
        isinstance(limit, bool) or not isinstance(limit, int | float) or not limit >= 0
    ):
        raise InvalidRequest(f"limit is {limit!r:.60}; it must be a number of creative units, 0 or more.")
    budget = session.budget
    if limit is None and budget is None:
        return
    cost = expected_cost(session, requests)
    clips = "1 clip" if len(requests) == 1 else f"{len(requests)} clips"
    what = f"{clips} of this sweep cost about {cost:g} creative units"
    if limit is not None and cost > limit:
        raise BudgetExceeded(
            f"{what}; the limit is {limit:g}. Nothing was sent. Raise the limit, or plan fewer cells."
        )
    spent, pledged = session.spent, session.pledged
    if budget is not None and spent + pledged + cost > budget:
        promised = f", and {pledged:g} are promised to clips on their way" if pledged else ""
        raise BudgetExceeded(
            f"{what}; {spent:g} of the budget of {budget:g} are spent{promised}. Nothing was sent. Raise it with"
            " session.budget = …, or plan fewer or shorter clips."
        )
