"""A small Scenario with a second model, which calls things differently, and jobs that fail when they are told to."""

from __future__ import annotations

from typing import Any

from happyhorse_widgets.engine.settings import Settings
from tests.reliability.small_scenario import SmallScenario
from tests.scripted_server import Reply, Seen

#: The protocol with next to no waits: this server answers at once.
HASTY = Settings(
    quiescence=0.01,
    reconcile_scans=1,
    reconcile_gap=0.01,
    poll_interval=0.02,
    single_poll=0.02,
    unseen=0.3,
    retry_first=0.01,
    retry_most=0.02,
)
OTHER = "model_other"
_OTHER_INPUTS = [
    {"name": "prompt", "type": "string", "required": {"always": True}},
    {"name": "image", "type": "file", "kind": "image", "required": {"always": True}},
    {"name": "ratio", "type": "string", "allowedValues": ["16:9", "1:1"], "default": "1:1"},
    {"name": "seed", "type": "number", "min": 0, "max": 100},
    {"name": "guidanceScale", "type": "number", "min": 1, "max": 10, "default": 5, "costImpact": True},
    {"name": "loras", "type": "string_array", "costImpact": True},
    {"name": "seconds", "type": "number", "min": 1, "max": 10},
]


class Studio(SmallScenario):
    """`failing` of the next jobs fail. `bodies` has the model and the body of each request that was paid."""

    failing = 0

    def __init__(self, video: bytes) -> None:
        super().__init__(video)
        self.bodies: list[tuple[str, dict[str, Any]]] = []
        self.failed: set[str] = set()

    def _model(self, seen: Seen) -> Reply:
        if OTHER in seen.target:
            return Reply(body={"model": {"id": OTHER, "name": "Other", "tags": [], "inputs": _OTHER_INPUTS}})
        if "model_none" in seen.target:
            return Reply(404, {"error": "Not Found", "reason": "no such model"})
        return super()._model(seen)

    def _generate(self, seen: Seen) -> Reply:
        reply = super()._generate(seen)
        self.bodies.append((seen.target.partition("?")[0].rpartition("/")[2], seen.json))
        if self.failing:
            self.failing -= 1
            self.failed.add(reply.body["job"]["jobId"])
        return reply

    def _moved(self, job: dict[str, Any]) -> dict[str, Any]:
        moved = super()._moved(job)
        if job["jobId"] in self.failed and moved["status"] == "success":
            moved |= {
                "status": "failure",
                "metadata": {**job["metadata"], "assetIds": [], "error": "it broke"},
            }
        return moved
