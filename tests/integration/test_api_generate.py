"""The paid call: exactly one POST on a connection of its own, whatever comes back, and an error that tells what is known."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import pytest

from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.api.config import Credentials, Endpoint
from happyhorse_widgets.api.models import Submission
from happyhorse_widgets.api.transport import Timeouts, Transport, tls_context
from happyhorse_widgets.errors import (
    ApiError,
    AuthenticationError,
    ProtocolFault,
    RateLimited,
    RequestRejected,
    ServerFault,
    TransportFault,
)
from tests.scripted_server import (
    CLOSE,
    KEY,
    SECRET,
    Reply,
    Reset,
    ScriptedServer,
    Seen,
    Silence,
    call,
    job_body,
)

BODY = {"prompt": "character1 waves é", "referenceImages": ["asset_1"], "duration": 5, "odd": None}
ACCEPTED = {"job": job_body(), "creativeUnitsCost": 40}
WHOLE = Reply(200, ACCEPTED).encoded()


async def generate(client: ScenarioClient) -> Submission:
    return await client.generate("model_a", BODY)


def test_it_posts_the_body_as_it_is_and_returns_the_job() -> None:
    with ScriptedServer(Reply(200, ACCEPTED)) as server:
        submission = call(server, generate)
    assert (submission.job.job_id, submission.creative_units_cost) == ("job_1", 40.0)
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("POST", "/v1/generate/custom/model_a?projectId=proj_1")
    assert (seen.json, seen.headers["content-type"]) == (BODY, "application/json")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reset(), TransportFault),
        (CLOSE, TransportFault),
        (Silence(), TransportFault),
        (Reply(raw=WHOLE[:-20], close=True), TransportFault),
        (Reply(raw=WHOLE[:40], close=True), TransportFault),
        (Reply(raw=b"nonsense\r\n\r\n", close=True), TransportFault),
        (Reply(200, b"<html>please sign in</html>"), ProtocolFault),
        (Reply(200, b""), ProtocolFault),
        (Reply(204, b""), ProtocolFault),
        (Reply(200, {"job": {}}), ProtocolFault),
        (Reply(269, {"creativeUnitsCost": 40}), ProtocolFault),
        (Reply(200, b"\x1f\x8bxxxx", {"Content-Encoding": "gzip"}), ProtocolFault),
        (Reply(301, b"", {"Location": "/v1/elsewhere"}), ProtocolFault),
        (Reply(307, b"", {"Location": "/v1/elsewhere"}), ProtocolFault),
        (Reply(308, b"", {"Location": "/v1/elsewhere"}), ProtocolFault),
        (Reply(307, b"", {"Location": ":s:2*+9@:2'"}), TransportFault),
        (Reply(400, {"message": "no"}), RequestRejected),
        (Reply(401, {"message": "no"}), AuthenticationError),
        (Reply(408, b""), ServerFault),
        (Reply(409, b""), ServerFault),
        (Reply(429, b"", {"Retry-After": "0"}), RateLimited),
        (Reply(500, b""), ServerFault),
        (Reply(503, b"<html>", {"Retry-After": "0"}), ServerFault),
        (Reply(504, b""), ServerFault),
    ],
)
def test_no_failure_is_answered_by_a_second_post(reply: Reply, kind: type[ApiError]) -> None:
    with ScriptedServer(script=lambda _seen: reply) as server, pytest.raises(ApiError) as caught:
        call(server, generate, timeouts=Timeouts(read=0.3))
    assert type(caught.value) is kind
    assert (len(server.seen), server.connections) == (1, 1)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    if isinstance(caught.value, TransportFault):
        assert caught.value.sent is True


def test_an_answer_that_drips_without_end_is_given_up() -> None:
    with ScriptedServer(Silence()) as server, pytest.raises(TransportFault) as caught:
        call(server, generate, timeouts=Timeouts(read=30, total=0.3))
    assert caught.value.sent is True
    assert len(server.seen) == 1


def test_each_post_has_a_connection_of_its_own_even_beside_idle_ones() -> None:
    def script(seen: Seen) -> Reply:
        return Reply(200, ACCEPTED)

    async def use(client: ScenarioClient) -> None:
        for _ in range(2):
            await asyncio.gather(*(client.job("job_1") for _ in range(3)))
            await client.generate("model_a", BODY)

    with ScriptedServer(script=script) as server:
        call(server, use)
    paid = [seen for seen in server.seen if seen.method == "POST"]
    others = {seen.connection for seen in server.seen if seen.method == "GET"}
    assert len({seen.connection for seen in paid}) == 2
    assert not {seen.connection for seen in paid} & others
    assert [seen.headers["connection"] for seen in paid] == ["close", "close"]


def test_many_at_once_are_one_post_each() -> None:
    async def use(client: ScenarioClient) -> list[Any]:
        return await asyncio.gather(
            *(client.generate("model_a", {"n": n}) for n in range(20)), return_exceptions=True
        )

    def script(seen: Seen) -> Reply:
        return Reset() if seen.json["n"] % 2 else Reply(200, ACCEPTED)

    with ScriptedServer(script=script) as server:
        results = call(server, use)
    assert sorted(seen.json["n"] for seen in server.seen) == list(range(20))
    assert sum(isinstance(result, Submission) for result in results) == 10


def endpoint(url: str) -> Endpoint:
    return Endpoint(url, None, Credentials(KEY, SECRET))


async def attempt(url: str, timeouts: Timeouts) -> TransportFault:
    client = ScenarioClient(Transport(endpoint(url), timeouts=timeouts))
    try:
        await client.generate("model_a", BODY)
    except TransportFault as error:
        return error
    finally:
        await client.aclose()
    raise AssertionError("it was answered")


def test_a_refused_connection_sent_nothing() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        error = asyncio.run(attempt(url, Timeouts()))
    assert error.sent is False
    assert "refused" in str(error)


def test_failed_tls_sent_nothing() -> None:
    received = bytearray()

    async def answer_in_plain_text(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read(2**16))
        writer.write(b"HTTP/1.1 400 This is no TLS\r\n\r\n")
        writer.close()

    async def run() -> TransportFault:
        async with await asyncio.start_server(answer_in_plain_text, "127.0.0.1", 0) as server:
            return await attempt(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", Timeouts())

    error = asyncio.run(run())
    assert error.sent is False
    assert received[0] == 0x16  # a TLS handshake, in which nothing of the request stands
    assert b"generate" not in received


def test_certificates_and_host_names_are_verified() -> None:
    context = tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_closed_client_sends_nothing() -> None:
    async def use(client: ScenarioClient) -> None:
        await client.aclose()
        await client.generate("model_a", BODY)

    with ScriptedServer() as server, pytest.raises(TransportFault, match="closed") as caught:
        call(server, use)
    assert caught.value.sent is False
    assert server.connections == 0


def test_a_full_backlog_sent_nothing() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        error = asyncio.run(attempt(f"http://127.0.0.1:{address[1]}/v1", Timeouts(connect=0.3)))
        for filler in fillers:
            filler.close()
    assert error.sent is False
