"""A small honest Scenario in this process, which answers some calls with what it is told to instead."""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from happyhorse_widgets.api.decoding import iso
from tests.scripted_server import Reply, Seen

#: Makes a garbled answer out of the honest one.
Garble = Callable[[Reply], Reply]

#: The calls of the engine, by what a request looks like.
CALLS = {
    "model": r"GET /v1/models/[^?]*",
    "new upload": r"POST /v1/uploads\b(?!/)",
    "part": r"PUT /storage/",
    "complete": r"POST /v1/uploads/[^/]+/action",
    "upload": r"GET /v1/uploads/",
    "dry run": r"POST /v1/generate/custom/[^?]*\?(.*&)?dryRun",
    "generate": r"POST /v1/generate/custom/",
    "job": r"GET /v1/jobs/",
    "search": r"GET /v1/jobs\?(.*&)?createdAfter",
    "list": r"GET /v1/jobs\?",
    "asset": r"GET /v1/assets/",
    "file": r"GET /cdn/",
}
#: What it asks beside a clip's way, each before those above.
ASIDE = {
    "cancel": r"POST /v1/jobs/[^/]+/action",
    "teams": r"GET /v1/teams\b(?!/)",
    "limits": r"GET /v1/teams/",
    "text price": r"POST /v1/generate/(prompt|translate)\?(.*&)?dryRun",
    "enhance": r"POST /v1/generate/prompt",
    "translate": r"POST /v1/generate/translate",
    "guide": r"GET /v1/models/[^?]*/prompt-guide",
}
#: Those whose answer is no JSON.
FILES = frozenset({"part", "file"})


class SmallScenario:
    """The script of a `ScriptedServer`. `garbled` holds what the next answers to a call are put through, then it is honest.

    `loses` makes so many of the next POSTs that cost money have no effect; while `asleep`, no job goes on.
    """

    def __init__(self, video: bytes) -> None:
        self.base = ""
        self.garbled: defaultdict[str, list[Garble]] = defaultdict(list)
        self.loses = 0
        self.asleep = False
        self.calls: Counter[str] = Counter()
        self.jobs: dict[str, dict[str, Any]] = {}
        self.paid: Counter[str] = Counter()
        self._video = video
        self._numbers = itertools.count(1)

    def garble(self, call: str, how: Iterable[Garble]) -> None:
        """Put the next answers to `call` through these, one after the other."""
        self.garbled[call] = list(how)

    def __call__(self, seen: Seen) -> Reply:
        request = f"{seen.method} {seen.target}"
        call = next(name for name, pattern in (ASIDE | CALLS).items() if re.match(pattern, request))
        self.calls[call] += 1
        honest = getattr(self, f"_{call.replace(' ', '_')}")(seen)
        waiting = self.garbled[call]
        return waiting.pop(0)(honest) if waiting else honest

    def _model(self, seen: Seen) -> Reply:
        inputs = [
            {"name": "prompt", "type": "string", "maxLength": 2500, "required": {"always": True}},
            {
                "name": "referenceImages",
                "type": "file_array",
                "kind": "image",
                "minLength": 1,
                "maxLength": 9,
            },
            {
                "name": "duration",
                "type": "number",
                "min": 3,
                "max": 15,
                "step": 1,
                "default": 5,
                "costImpact": True,
            },
            {"name": "resolution", "type": "string", "allowedValues": ["720P", "1080P"], "default": "1080P"},
            {"name": "aspectRatio", "type": "string", "allowedValues": ["16:9", "9:16"], "default": "16:9"},
            {"name": "seed", "type": "number", "min": 0, "max": 2147483647},
        ]
        model_id = _last(seen)
        return Reply(body={"model": {"id": model_id, "name": "A horse", "tags": [], "inputs": inputs}})

    def _cancel(self, seen: Seen) -> Reply:
        return Reply(400, {"error": "Bad Request", "reason": "this kind of job cannot be canceled"})

    def _teams(self, seen: Seen) -> Reply:
        return Reply(body={"teams": [{"id": "team_1", "name": "A team", "plan": "pro", "projects": []}]})

    def _limits(self, seen: Seen) -> Reply:
        return Reply(body={"plan": "pro", "limits": {"parallelCustomJobs": 9, "creativeUnits": 5000}})

    def _text_price(self, seen: Seen) -> Reply:
        return Reply(status=269, body={"creativeUnitsCost": 2, "costDetails": {}})

    def _enhance(self, seen: Seen) -> Reply:
        return Reply(body={"prompts": ["character1 waves slowly"], "creativeUnitsCost": 2})

    def _translate(self, seen: Seen) -> Reply:
        return Reply(
            body={"translation": "character1 waves", "detectedLanguage": "zh", "creativeUnitsCost": 2}
        )

    def _guide(self, seen: Seen) -> Reply:
        return Reply(body={"promptGuide": {"value": "# Write plainly"}})

    def _new_upload(self, seen: Seen) -> Reply:
        number = next(self._numbers)
        part = {
            "number": 1,
            "url": f"{self.base}/storage/{number}?Signature=s",
            "expires": iso(time.time() + 600),
        }
        return Reply(body={"upload": {"id": f"upload_{number}", "status": "pending", "parts": [part]}})

    def _part(self, seen: Seen) -> Reply:
        return Reply()

    def _complete(self, seen: Seen) -> Reply:
        return Reply(body={"upload": {"id": seen.target.split("/")[3], "status": "complete"}})

    def _upload(self, seen: Seen) -> Reply:
        upload = _last(seen)
        return Reply(body={"upload": {"id": upload, "status": "imported", "entityId": f"asset_{upload}"}})

    def _dry_run(self, seen: Seen) -> Reply:
        return Reply(status=269, body={"creativeUnitsCost": 30, "costDetails": {"custom": 30}})

    def _generate(self, seen: Seen) -> Reply:
        prompt = seen.json["prompt"]
        self.paid[prompt] += 1
        now = iso(time.time())
        job = {
            "jobId": f"job_{next(self._numbers)}",
            "jobType": "custom",
            "status": "queued",
            "progress": 0.0,
            "createdAt": now,
            "updatedAt": now,
            "statusHistory": [{"status": "queued", "date": now}],
            "metadata": {"input": seen.json, "assetIds": []},
            "billing": {"cuCost": 30, "cuDiscount": 0},
        }
        if self.loses:
            self.loses -= 1
        else:
            self.jobs[job["jobId"]] = job
        return Reply(body={"job": job, "creativeUnitsCost": 30, "costDetails": {"custom": 30}})

    def _job(self, seen: Seen) -> Reply:
        job = self.jobs.get(_last(seen))
        if job is None:
            return Reply(404, {"error": "Not Found", "reason": "no such job"})
        return Reply(body={"job": self._moved(job)})

    def _search(self, seen: Seen) -> Reply:
        after = parse_qs(urlsplit(seen.target).query)["createdAfter"][0]
        return Reply(body={"jobs": [job for job in self.jobs.values() if job["createdAt"] > after]})

    def _list(self, seen: Seen) -> Reply:
        return Reply(body={"jobs": [self._moved(job) for job in self.jobs.values()]})

    def _asset(self, seen: Seen) -> Reply:
        name = _last(seen)
        asset = {"id": name, "kind": "video", "url": f"{self.base}/cdn/{name}?Expires=9999999999&Signature=s"}
        return Reply(
            body={"asset": {**asset, "properties": {"size": len(self._video)}, "metadata": {"seed": "7"}}}
        )

    def _file(self, seen: Seen) -> Reply:
        headers = {"ETag": '"same"', "Content-Type": "video/mp4"}
        begin = re.fullmatch(r"bytes=(\d+)-", seen.headers.get("range", ""))
        if begin is None:
            return Reply(body=self._video, headers=headers)
        first, size = int(begin[1]), len(self._video)
        return Reply(
            206, self._video[first:], headers | {"Content-Range": f"bytes {first}-{size - 1}/{size}"}
        )

    def _moved(self, job: dict[str, Any]) -> dict[str, Any]:
        """Each look takes a job a step on."""
        if self.asleep:
            return job
        following = {"queued": "in-progress", "in-progress": "success"}.get(job["status"], job["status"])
        job |= {"status": following, "updatedAt": iso(time.time())}
        if following == "success":
            job["metadata"]["assetIds"] = [job["jobId"].replace("job_", "asset_made_")]
        return job


def _last(seen: Seen) -> str:
    return urlsplit(seen.target).path.rpartition("/")[2]
