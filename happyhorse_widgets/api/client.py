"""Scenario's calls, one method each, with the names and units of Python."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from happyhorse_widgets.api.decoding import decode, decode_list, iso
from happyhorse_widgets.api.models import (
    Asset,
    Estimate,
    Example,
    Job,
    JobPage,
    Limits,
    Model,
    PromptGuide,
    Prompts,
    Submission,
    Team,
    Translation,
    Usages,
)
from happyhorse_widgets.api.storage import Storage
from happyhorse_widgets.api.transport import segment
from happyhorse_widgets.api.uploads import Pacing, Uploader
from happyhorse_widgets.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from happyhorse_widgets.api.storage import Download
    from happyhorse_widgets.api.transport import Transport

T = TypeVar("T")

MAX_PAGE = 100
"""Jobs that one page of the list can hold."""
_BULK = 200


class ScenarioClient:
    """The API as one user of one project sees it. Belongs to one event loop; close it with `aclose`.

    Every method raises the ApiError that fits. All but `generate`, `enhance_prompt` and `translate`, which
    cost creative units, are idempotent and are repeated as the transport's `Retry` says.
    """

    def __init__(
        self, transport: Transport, *, storage: Storage | None = None, pacing: Pacing | None = None
    ) -> None:
        self._transport = transport
        self._storage = storage or Storage(timeouts=transport.timeouts)
        project = transport.endpoint.project
        self._query = {"projectId": project} if project else {}
        self._uploader = Uploader(transport, self._storage, pacing=pacing or Pacing(), query=self._query)

    # Generating

    async def estimate(self, model_id: str, body: Mapping[str, Any]) -> Estimate:
        """What `generate` would cost, in creative units. Makes no job."""
        return await self._dry_run(f"/generate/custom/{segment(model_id)}", body)

    async def generate(self, model_id: str, body: Mapping[str, Any]) -> Submission:
        """Start a job and pay for it: exactly one POST of `body` as it is, on a connection of its own.

        After a TransportFault with `sent`, a ServerFault or a ProtocolFault the job may exist and be paid:
        look for it among `jobs` before sending again. A cancelled wait loses the answer too: shield it.
        """
        return await self._transport.call_once(
            "POST",
            f"/generate/custom/{segment(model_id)}",
            query=self._query,
            body=body,
            decode=partial(decode, Submission),
        )

    async def enhance_prompt(
        self,
        prompt: str,
        *,
        model_id: str | None = None,
        asset_ids: Sequence[str] = (),
        count: int = 1,
        mode: str = "contextual-v2",
    ) -> Prompts:
        """`count` proposals to replace `prompt`, written for `model_id` with the images in view.

        May cost units.
        """
        body = _enhancing(prompt, model_id, asset_ids, count, mode)
        return await self._transport.call_once(
            "POST", "/generate/prompt", query=self._query, body=body, decode=partial(decode, Prompts)
        )

    async def estimate_enhancement(
        self, prompt: str, *, model_id: str | None = None, asset_ids: Sequence[str] = ()
    ) -> Estimate:
        """What `enhance_prompt` would cost for one proposal. Makes none."""
        return await self._dry_run("/generate/prompt", _enhancing(prompt, model_id, asset_ids))

    async def translate(self, prompt: str) -> Translation:
        """`prompt` in English. May cost units."""
        return await self._transport.call_once(
            "POST",
            "/generate/translate",
            query=self._query,
            body={"prompt": prompt},
            decode=partial(decode, Translation),
        )

    async def estimate_translation(self, prompt: str) -> Estimate:
        """What `translate` would cost. Makes none."""
        return await self._dry_run("/generate/translate", {"prompt": prompt})

    # Jobs

    async def job(self, job_id: str) -> Job:
        """One job."""
        return await self._get(f"/jobs/{segment(job_id)}", partial(decode, Job, at="job"))

    async def jobs(
        self,
        *,
        types: Sequence[str] = (),
        updated_after: float | None = None,
        created_after: float | None = None,
        page_size: int = MAX_PAGE,
        token: str | None = None,
    ) -> JobPage:
        """One page of the project's jobs; `token` is the page before's `next_token`. Times in server epoch
        seconds.

        With `types` jobs come by their update and may be narrowed by `updated_after`, without by their
        creation and `created_after`; Scenario refuses the other two combinations, and so does this
        (InvalidRequest).
        """
        if (created_after is not None and types) or (updated_after is not None and not types):
            raise InvalidRequest(
                "Jobs can be listed with types and updated_after, or with created_after and no types."
            )
        query = {"pageSize": str(page_size)}
        if types:
            query["types"] = ",".join(types)
        if updated_after is not None:
            query["updatedAfter"] = iso(updated_after)
        if created_after is not None:
            query["createdAfter"] = iso(created_after)
        if token is not None:
            query["paginationToken"] = token
        return await self._get("/jobs", partial(decode, JobPage), query)

    async def cancel(self, job_id: str) -> Job:
        """Ask Scenario to cancel a job.

        A generation is usually refused (RequestRejected), and nothing changes then.
        """
        return await self._transport.call(
            "POST",
            f"/jobs/{segment(job_id)}/action",
            query=self._query,
            body={"action": "cancel"},
            decode=partial(decode, Job, at="job"),
        )

    # Models

    async def model(self, model_id: str) -> Model:
        """A model with its inputs."""
        return await self._get(f"/models/{segment(model_id)}", partial(decode, Model, at="model"))

    async def prompt_guide(self, model_id: str) -> str:
        """How to write for a model, in Markdown; "" when there is no guide."""
        path = f"/models/{segment(model_id)}/prompt-guide"
        return (await self._get(path, partial(decode, PromptGuide, at="promptGuide"))).value

    async def examples(self, model_id: str) -> tuple[Example, ...]:
        """Published results of a model."""
        return await self._get(
            f"/models/{segment(model_id)}/examples", partial(decode_list, Example, at="examples")
        )

    # Files

    async def upload(
        self, data: bytes, *, name: str, media_type: str, progress: Callable[[int, int], None] | None = None
    ) -> str:
        """Upload an image and return its asset id once it is imported.

        `progress` gets the bytes sent and the total, on the event loop. Raises RequestRejected when Scenario
        cannot use the image.
        """
        return await self._uploader.upload(data, name=name, media_type=media_type, progress=progress)

    async def asset(self, asset_id: str) -> Asset:
        """One asset, with a fresh signed URL."""
        return await self._get(f"/assets/{segment(asset_id)}", partial(decode, Asset, at="asset"))

    async def assets(self, asset_ids: Iterable[str]) -> tuple[Asset, ...]:
        """The assets that exist among `asset_ids`, in bulk calls of 200, in the server's order."""
        ids = list(dict.fromkeys(asset_ids))
        found: list[Asset] = []
        for start in range(0, len(ids), _BULK):
            found += await self._transport.call(
                "POST",
                "/assets/get-bulk",
                query=self._query,
                body={"assetIds": ids[start : start + _BULK]},
                decode=partial(decode_list, Asset, at="assets"),
            )
        return tuple(found)

    async def tag_asset(self, asset_id: str, *, add: Iterable[str] = (), delete: Iterable[str] = ()) -> None:
        """Add and delete tags of an asset; tags that are there, or are not, are no error."""
        await self._transport.call(
            "PUT",
            f"/assets/{segment(asset_id)}/tags",
            query=self._query,
            body={"add": list(add), "delete": list(delete), "strict": False},
            decode=_nothing,
        )

    def open_download(
        self, url: str, *, range_from: int | None = None, etag: str | None = None
    ) -> AbstractAsyncContextManager[Download]:
        """The file at an asset's signed URL, as `Storage.open` says: without credentials, in pieces."""
        return self._storage.open(url, range_from=range_from, etag=etag)

    # The account

    async def teams(self) -> tuple[Team, ...]:
        """The teams that the key belongs to."""
        return await self._transport.call("GET", "/teams", decode=partial(decode_list, Team, at="teams"))

    async def limits(self, team_id: str) -> Limits:
        """A team's plan and its limits."""
        return await self._transport.call(
            "GET", f"/teams/{segment(team_id)}/limits", decode=partial(decode, Limits)
        )

    async def usages(self, *, time_range: str = "last-thirty-one-days", team_id: str | None = None) -> Usages:
        """Creative units consumed, by user.

        `time_range` is last-hour, last-day, last-three-days, last-seven-days or last-thirty-one-days.
        """
        query = {"type": "consumption", "timeRange": time_range}
        if team_id is not None:
            query["teamId"] = team_id
        if self._transport.endpoint.project:
            query["projectIds"] = self._transport.endpoint.project
        return await self._transport.call("GET", "/usages", query=query, decode=partial(decode, Usages))

    async def learn_time(self) -> None:
        """Ask for the server's time where no answer has told it yet."""
        if not self._transport.clock.known:
            await self.jobs(types=("custom",), page_size=1)

    def server_now(self) -> float:
        """The server's time in epoch seconds, this machine's until an answer told."""
        return self._transport.clock.now()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()
        await self._storage.aclose()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client cannot be pickled: it holds connections and credentials")

    async def _dry_run(self, path: str, body: Mapping[str, Any]) -> Estimate:
        query = {**self._query, "dryRun": "true"}
        return await self._transport.call(
            "POST", path, query=query, body=body, decode=partial(decode, Estimate)
        )

    async def _get(
        self, path: str, decoder: Callable[[bytes], T], query: Mapping[str, str] | None = None
    ) -> T:
        return await self._transport.call("GET", path, query={**self._query, **(query or {})}, decode=decoder)


def _enhancing(
    prompt: str,
    model_id: str | None,
    asset_ids: Sequence[str],
    count: int = 1,
    mode: str = "contextual-v2",
) -> dict[str, Any]:
    body: dict[str, Any] = {"mode": mode, "prompt": prompt, "numResults": count}
    if model_id is not None:
        body["modelId"] = model_id
    if asset_ids:
        body["images"] = list(asset_ids)
    return body


def _nothing(_data: bytes) -> None:
    return None
