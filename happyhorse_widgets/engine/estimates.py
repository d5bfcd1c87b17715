"""What a clip will cost and how long it will take, asked before anything is paid."""

from __future__ import annotations

import asyncio
import json
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from happyhorse_widgets.api.params import ModelSchema
    from happyhorse_widgets.library.clips import Clips

    from .connection import Connection
    from .request import Request


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a clip is expected to cost, and how long it should take.

    `creative_units` as Scenario's dry run says. `seconds` from submission to success: the median of this library's own
    history, else what Scenario states for the model, else None.
    """

    creative_units: float
    seconds: float | None


class Estimates:
    """Dry runs, remembered by what has an impact on the cost."""

    def __init__(self, connection: Connection, clips: Clips) -> None:
        self._connection = connection
        self._clips = clips
        self._costs: dict[tuple[object, ...], float] = {}

    async def of(self, schema: ModelSchema, request: Request, asset_ids: Sequence[str]) -> Estimate:
        """The estimate for a request. Raises what the client raises; a dry run costs nothing."""
        known = await self.recalled(schema, request)
        if known is None:
            client = await self._connection.client()
            answer = await client.estimate(request.model, request.body(schema, asset_ids))
            self._costs[cost_key(schema, request)] = answer.creative_units_cost
            known = await self.recalled(schema, request)
            assert known is not None
        return known

    async def recalled(self, schema: ModelSchema, request: Request) -> Estimate | None:
        """The estimate, where a request of the same cost was asked about before."""
        cost = self.cost(schema, request)
        return None if cost is None else Estimate(cost, await asyncio.to_thread(self.seconds, schema))

    def cost(self, schema: ModelSchema, request: Request) -> float | None:
        """What such a request costs, as far as it is known without asking; from any thread."""
        return self._costs.get(cost_key(schema, request))

    def seconds(self, schema: ModelSchema) -> float | None:
        """How long this model's jobs take, from submission to success; None where nothing is known. Reads the library."""
        durations = self._clips.durations(endpoint=self._connection.name, model=schema.model_id)
        return statistics.median(durations) if durations else schema.latency_p50


def cost_key(schema: ModelSchema, request: Request) -> tuple[object, ...]:
    """What has an impact on the cost: equal for requests that cost the same."""
    schema = request.in_schema(schema)
    values = request.values() | {"references": len(request.references)}
    # A schema that says of no field that it has an impact does not say.
    fields = [field for field in schema.fields if field.cost_impact] or schema.fields
    return (request.model, *(_hashable(values.get(field.name)) for field in fields))


def _hashable(value: object) -> object:
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value
