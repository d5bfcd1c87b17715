"""Every other call: what it sends, what it returns, when it is repeated, and that no redirect takes the key along."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

import pytest

from happyhorse_widgets.api import transport
from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.api.retry import Retry
from happyhorse_widgets.api.transport import Timeouts
from happyhorse_widgets.errors import (
    ApiError,
    AuthenticationError,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    ProtocolFault,
    RateLimited,
    RequestRejected,
    ServerFault,
    TransportFault,
)
from tests.scripted_server import CLOSE, Reply, Reset, ScriptedServer, Seen, Silence, call, job_body

Use = Callable[[ScenarioClient], Awaitable[Any]]
JOB = Reply(200, {"job": job_body()})


async def ask_for_a_job(client: ScenarioClient) -> Any:
    return await client.job("job_1")


@pytest.mark.parametrize(
    ("use", "request_line", "body", "answer", "result"),
    [
        (
            lambda c: c.estimate("m", {"duration": 5}),
            "POST /v1/generate/custom/m?projectId=proj_1&dryRun=true",
            {"duration": 5},
            Reply(269, {"creativeUnitsCost": 12.5}),
            lambda estimate: estimate.creative_units_cost == 12.5,
        ),
        (
            lambda c: c.job("job/../1"),
            "GET /v1/jobs/job%2F..%2F1?projectId=proj_1",
            None,
            JOB,
            lambda job: job.job_id == "job_1",
        ),
        (
            lambda c: c.jobs(types=("custom", "upload"), updated_after=1769860820.5, token="t&1"),
            (
                "GET /v1/jobs?projectId=proj_1&pageSize=100&types=custom%2Cupload"
                "&updatedAfter=2026-01-31T12%3A00%3A20.500Z&paginationToken=t%261"
            ),
            None,
            Reply(200, {"jobs": [job_body()], "nextPaginationToken": "t2"}),
            lambda page: (len(page.jobs), page.next_token) == (1, "t2"),
        ),
        (
            lambda c: c.jobs(created_after=1769860800, page_size=5),
            "GET /v1/jobs?projectId=proj_1&pageSize=5&createdAfter=2026-01-31T12%3A00%3A00.000Z",
            None,
            Reply(200, {"jobs": []}),
            lambda page: (page.jobs, page.next_token) == ((), None),
        ),
        (
            lambda c: c.cancel("job_1"),
            "POST /v1/jobs/job_1/action?projectId=proj_1",
            {"action": "cancel"},
            Reply(200, {"job": job_body(status="canceled")}),
            lambda job: job.has_ended,
        ),
        (
            lambda c: c.model("m"),
            "GET /v1/models/m?projectId=proj_1",
            None,
            Reply(200, {"model": {"id": "m", "inputs": [{"name": "seed"}]}}),
            lambda model: model.inputs[0].name == "seed",
        ),
        (
            lambda c: c.prompt_guide("m"),
            "GET /v1/models/m/prompt-guide?projectId=proj_1",
            None,
            Reply(200, {"promptGuide": {"value": "# Guide"}}),
            lambda guide: guide == "# Guide",
        ),
        (
            lambda c: c.examples("m"),
            "GET /v1/models/m/examples?projectId=proj_1",
            None,
            Reply(200, {"examples": [{"modelId": "m", "asset": {"id": "a"}}]}),
            lambda examples: examples[0].asset.id == "a",
        ),
        (
            lambda c: c.enhance_prompt("a horse", model_id="m", asset_ids=("a",), count=2),
            "POST /v1/generate/prompt?projectId=proj_1",
            {"mode": "contextual-v2", "prompt": "a horse", "numResults": 2, "modelId": "m", "images": ["a"]},
            Reply(200, {"prompts": ["x", "y"], "job": job_body(), "creativeUnitsCost": 1}),
            lambda made: (made.prompts, made.creative_units_cost) == (("x", "y"), 1.0),
        ),
        (
            lambda c: c.translate("馬"),
            "POST /v1/generate/translate?projectId=proj_1",
            {"prompt": "馬"},
            Reply(200, {"translation": "horse", "detectedLanguage": "zh", "job": job_body()}),
            lambda made: (made.translation, made.detected_language) == ("horse", "zh"),
        ),
        (
            lambda c: c.asset("a"),
            "GET /v1/assets/a?projectId=proj_1",
            None,
            Reply(200, {"asset": {"id": "a", "url": "https://cdn.example/a?Signature=s"}}),
            lambda asset: asset.url.startswith("https://cdn.example/"),
        ),
        (
            lambda c: c.assets(["a", "b", "a"]),
            "POST /v1/assets/get-bulk?projectId=proj_1",
            {"assetIds": ["a", "b"]},
            Reply(200, {"assets": [{"id": "b"}]}),
            lambda assets: [asset.id for asset in assets] == ["b"],
        ),
        (
            lambda c: c.tag_asset("a", add=["x"]),
            "PUT /v1/assets/a/tags?projectId=proj_1",
            {"add": ["x"], "delete": [], "strict": False},
            Reply(200, b""),
            lambda nothing: nothing is None,
        ),
        (
            lambda c: c.teams(),
            "GET /v1/teams",
            None,
            Reply(200, {"teams": [{"id": "t", "projects": [{"id": "proj_1"}]}]}),
            lambda teams: teams[0].projects[0].id == "proj_1",
        ),
        (
            lambda c: c.limits("t"),
            "GET /v1/teams/t/limits",
            None,
            Reply(200, {"plan": "cu-pro", "limits": {"parallelCustomJobs": 5}}),
            lambda limits: limits.limits.parallel_custom_jobs == 5,
        ),
        (
            lambda c: c.usages(team_id="t"),
            "GET /v1/usages?type=consumption&timeRange=last-thirty-one-days&teamId=t&projectIds=proj_1",
            None,
            Reply(200, {"consumption": [{"userId": "u", "value": 3, "discount": 1, "total": 4}]}),
            lambda usages: usages.consumption[0].total == 4,
        ),
    ],
)
def test_each_call(
    use: Use, request_line: str, body: Any, answer: Reply, result: Callable[[Any], bool]
) -> None:
    with ScriptedServer(answer) as server:
        assert result(call(server, use))
    (seen,) = server.seen
    assert f"{seen.method} {seen.target}" == request_line
    assert (seen.json if seen.body else None) == body
    assert seen.headers["authorization"].startswith("Basic ")


def test_without_a_project_none_is_named() -> None:
    with ScriptedServer(JOB) as server:
        call(server, ask_for_a_job, project=None)
    assert server.seen[0].target == "/v1/jobs/job_1"


def test_many_assets_are_asked_for_in_bulk() -> None:
    def script(seen: Seen) -> Reply:
        return Reply(200, {"assets": [{"id": asset_id} for asset_id in seen.json["assetIds"]]})

    ids = [f"asset_{n}" for n in range(401)]
    with ScriptedServer(script=script) as server:
        assert [asset.id for asset in call(server, lambda client: client.assets(ids))] == ids
    assert [len(seen.json["assetIds"]) for seen in server.seen] == [200, 200, 1]


@pytest.mark.parametrize(
    "use",
    [
        lambda c: c.job(""),
        lambda c: c.job(".."),
        lambda c: c.jobs(types=("custom",), created_after=1.0),
        lambda c: c.jobs(updated_after=1.0),
    ],
)
def test_what_the_api_forbids_is_not_sent(use: Use) -> None:
    with ScriptedServer() as server, pytest.raises(InvalidRequest):
        call(server, use)
    assert server.seen == []


@pytest.mark.parametrize(
    "trouble",
    [
        Reset(),
        CLOSE,
        Reply(200, b'{"job": {"jobId', announced=999, close=True),
        Reply(200, b"<html>sign in</html>"),
        Reply(200, b'{"job": {"jobId'),
        Reply(408, b""),
        Reply(429, b"", {"Retry-After": "0"}),
        Reply(500, b""),
        Reply(502, b"<html>bad gateway</html>"),
        Reply(503, b""),
    ],
)
def test_passing_trouble_is_passed_over(trouble: Reply) -> None:
    with ScriptedServer(*[trouble] * 4, JOB) as server:
        assert call(server, ask_for_a_job).job_id == "job_1"
    assert len(server.seen) == 5


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [(Reset(), TransportFault), (Reply(500, b""), ServerFault), (Reply(429, b""), RateLimited)],
)
def test_after_five_attempts_the_last_error_is_told(trouble: Reply, kind: type[ApiError]) -> None:
    with ScriptedServer(*[trouble] * 6) as server, pytest.raises(kind):
        call(server, ask_for_a_job)
    assert len(server.seen) == 5


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Reply(400, b""), RequestRejected),
        (Reply(404, b""), NotFound),
        (Reply(429, {"details": {"actionName": "custom", "actionLimit": 2}}), RateLimited),
        (Reply(429, b"", {"Retry-After": "3600"}), RateLimited),
        (Reply(307, b"", {"Location": "/v1/jobs/job_2"}), ProtocolFault),
    ],
)
def test_a_refusal_is_not_asked_again(refusal: Reply, kind: type[ApiError]) -> None:
    with ScriptedServer(script=lambda _seen: refusal) as server, pytest.raises(kind):
        call(server, ask_for_a_job)
    assert len(server.seen) == 1


@pytest.mark.parametrize("use", [lambda c: c.enhance_prompt("a"), lambda c: c.translate("a")])
def test_other_calls_that_cost_are_sent_once(use: Use) -> None:
    with ScriptedServer(script=lambda _seen: Reply(500, b"")) as server, pytest.raises(ServerFault):
        call(server, use)
    assert len(server.seen) == 1


LATER, LOOK = "Try again a little later.", "look at your jobs and usage on Scenario before you send it again."


@pytest.mark.parametrize(
    ("trouble", "kind", "advice", "where_it_costs"),
    [
        (Reply(400, b""), RequestRejected, "change it first.", "change it first."),
        (Reply(401, b""), AuthenticationError, "Check that they belong together and were not revoked.", ""),
        (Reply(403, b""), PermissionDenied, "check both on Scenario.", ""),
        (Reply(404, b""), NotFound, "Check the id, and the project it belongs to.", ""),
        (Reply(429, b"", {"Retry-After": "70"}), RateLimited, "Wait 70 seconds.", ""),
        (Reply(429, b""), RateLimited, "Wait a little.", ""),
        (
            Reply(429, {"details": {"actionName": "custom", "actionLimit": 2}}),
            RateLimited,
            "Wait until a running job has ended, or change the plan.",
            "",
        ),
        (Reply(408, b""), ServerFault, LATER, LOOK),
        (Reply(500, {"message": "Oh."}), ServerFault, LATER, LOOK),
        (Reset(), TransportFault, "Check the network.", LOOK),
        (Reply(307, b"", {"Location": "/x"}), ProtocolFault, "Check the base URL.", LOOK),
        (Reply(200, b"<html>sign in</html>"), ProtocolFault, LATER, LOOK),
        (Reply(200, b'{"job": {"jobId'), ProtocolFault, LATER, LOOK),
        (Reply(200, {"job": {}}), ProtocolFault, LATER, LOOK),
        (Reply(200, b"\x1f\x8bxxxx", {"Content-Encoding": "gzip"}), ProtocolFault, LATER, LOOK),
        (Reply(200, b" " * (transport.MAX_ANSWER + 1)), ProtocolFault, LATER, LOOK),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
@pytest.mark.parametrize("costs", [False, True])
def test_each_message_says_what_to_do(
    trouble: Reply, kind: type[ApiError], advice: str, where_it_costs: str, costs: bool
) -> None:
    use: Use = (lambda client: client.translate("a")) if costs else ask_for_a_job
    with ScriptedServer(script=lambda _seen: trouble) as server, pytest.raises(kind) as caught:
        call(server, use, retry=Retry(attempts=1))
    assert str(caught.value).endswith((costs and where_it_costs) or advice)
    assert ("Try again" in str(caught.value)) is (advice == LATER and not costs)


def test_all_calls_of_a_client_share_one_retry_budget() -> None:
    async def use(client: ScenarioClient) -> list[Any]:
        return await asyncio.gather(*(client.job(f"job_{n}") for n in range(10)), return_exceptions=True)

    with ScriptedServer(script=lambda _seen: Reply(500, b"")) as server:
        call(server, use, retry=Retry(first=0, most=0, budget=7))
    assert len(server.seen) == 10 + 7


def test_a_server_that_says_nothing_is_given_up() -> None:
    with (
        ScriptedServer(script=lambda _seen: Silence()) as server,
        pytest.raises(TransportFault, match="too long"),
    ):
        call(server, ask_for_a_job, retry=Retry(attempts=2, first=0, most=0), timeouts=Timeouts(read=0.2))
    assert len(server.seen) == 2


def test_no_redirect_takes_the_key_elsewhere() -> None:
    with ScriptedServer(script=lambda _seen: JOB) as other:
        redirect = Reply(302, b"", {"Location": f"{other.url}/v1/jobs/job_1"})
        with (
            ScriptedServer(script=lambda _seen: redirect) as server,
            pytest.raises(ProtocolFault, match="redirect"),
        ):
            call(server, ask_for_a_job)
    assert other.connections == 0


def test_no_cookie_is_kept() -> None:
    with ScriptedServer(Reply(200, {"job": job_body()}, {"Set-Cookie": "a=b; Path=/"}), JOB) as server:

        async def use(client: ScenarioClient) -> None:
            await client.job("job_1")
            await client.job("job_1")

        call(server, use)
    assert "cookie" not in server.seen[1].headers


def test_an_endless_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER", 2**20)
    with (
        ScriptedServer(script=lambda _seen: Reply(200, b" " * 2**22, announced=2**40)) as server,
        pytest.raises(ProtocolFault, match="larger"),
    ):
        call(server, ask_for_a_job, retry=Retry(attempts=1))


def test_the_sandbox_is_reached_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ScriptedServer(JOB) as server:
        assert call(server, ask_for_a_job).job_id == "job_1"


def test_the_clock_is_the_servers() -> None:
    ahead = 7200.0

    def script(_seen: Seen) -> Reply:
        return Reply(404, b"", {"Date": formatdate(time.time() + ahead, usegmt=True)})

    async def use(client: ScenarioClient) -> float:
        assert abs(client.server_now() - time.time()) < 60
        with pytest.raises(NotFound):
            await client.job("job_1")
        return client.server_now() - time.time()

    with ScriptedServer(script=script) as server:
        assert abs(call(server, use) - ahead) < 5


def test_the_servers_time_is_asked_for_where_no_answer_has_told_it() -> None:
    date = formatdate(time.time() + 7200, usegmt=True)

    async def use(client: ScenarioClient) -> float:
        await client.learn_time()
        await client.learn_time()
        return client.server_now() - time.time()

    with ScriptedServer(script=lambda seen: Reply(200, {"jobs": []}, {"Date": date})) as server:
        assert 7190 < call(server, use) < 7210
    assert [seen.method for seen in server.seen] == ["GET"]
