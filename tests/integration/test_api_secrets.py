"""A canary: a known key goes through everything that can go wrong, and shows up nowhere but in the header it is for."""

from __future__ import annotations

import asyncio
import base64
import gc
import logging
import pickle
import traceback
from typing import Any

import httpcore2
import httpx2
import pytest

from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.api.config import Credentials, Endpoint
from happyhorse_widgets.api.transport import Timeouts, Transport
from happyhorse_widgets.errors import ApiError
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
    client_of,
    endpoint_of,
    job_body,
)

TOKEN = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
SIGNED = "Signature=topsecret"
CANARIES = (KEY, SECRET, TOKEN, "topsecret")


def echo(status: int) -> Any:
    """A server that repeats what it was sent in its answer."""

    def script(seen: Seen) -> Reply:
        told = (
            f"{KEY} and {SECRET} by {seen.headers.get('authorization')}, see https://cdn.example/x?{SIGNED}"
        )
        return Reply(status, {"message": told, "details": {"actionName": told, "actionLimit": 1}})

    return script


def always(reply: Reply) -> Any:
    return lambda _seen: reply


TROUBLES = {
    "401": echo(401),
    "403": echo(403),
    "400": echo(400),
    "429": echo(429),
    "500": echo(500),
    "307": always(Reply(307, b"", {"Location": "https://cdn.example/x"})),
    "html": always(Reply(200, f"<html>{KEY}</html>".encode())),
    "no job": echo(200),
    "reset": always(Reset()),
    "close": always(CLOSE),
    "time-out": always(Silence()),
}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that anything logs."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx2", "httpcore2", "asyncio", "hpack", "anyio"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def told_of(error: BaseException) -> str:
    """All that can be had from an error: words, attributes, pickle, and a traceback with the locals of our frames."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    for frame in trace.stack:
        if "/tests/" in frame.filename:
            frame.locals = None  # this test's own frames hold the canary
    assert error.__context__ is None
    assert error.__cause__ is None
    return " ".join(
        [
            str(error),
            repr(error),
            repr(vars(error)),
            "".join(trace.format()),
            pickle.dumps(error, 0).decode("latin-1"),
        ]
    )


def leaked(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("paid", [True, False], ids=["paid", "repeated"])
def test_no_error_and_no_log_line_has_the_key(
    trouble: str, paid: bool, log: pytest.LogCaptureFixture
) -> None:
    async def use(client: ScenarioClient) -> None:
        if paid:
            await client.generate("model_a", {"prompt": "a"})
        else:
            await client.job("job_1")

    with ScriptedServer(script=TROUBLES[trouble]) as server, pytest.raises(ApiError) as caught:
        call(server, use, timeouts=Timeouts(read=0.2))
    assert server.seen[0].headers["authorization"] == f"Basic {TOKEN}"
    assert leaked(told_of(caught.value)) == []
    assert any(record.name.startswith("httpcore2") for record in log.records)
    assert leaked(log.text) == []


def test_the_pickle_of_an_error_is_whole() -> None:
    with ScriptedServer(script=echo(429)) as server, pytest.raises(ApiError) as caught:
        call(server, lambda client: client.job("job_1"))
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), vars(again)) == (
        type(caught.value),
        str(caught.value),
        vars(caught.value),
    )


def test_a_refused_connection_does_not_have_the_key(log: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        client = ScenarioClient(Transport(Endpoint("http://127.0.0.1:9/v1", None, Credentials(KEY, SECRET))))
        try:
            await client.generate("model_a", {"prompt": "a"})
        finally:
            await client.aclose()

    with pytest.raises(ApiError) as caught:
        asyncio.run(run())
    assert leaked(told_of(caught.value) + log.text) == []


def test_nothing_that_a_client_is_made_of_shows_the_key() -> None:
    async def run(server: ScriptedServer) -> str:
        async with client_of(server) as client:
            await client.job("job_1")
            return described(client)

    with ScriptedServer(Reply(200, {"job": job_body()})) as server:
        assert leaked(asyncio.run(run(server))) == []
        assert leaked(described(endpoint_of(server))) == []


def described(thing: Any, depth: int = 6) -> str:
    """`repr` and `vars` of a thing and of all that it is made of, as an inspector or a traceback shows them."""
    seen: set[int] = set()
    texts: list[str] = []

    def look(item: Any, left: int) -> None:
        if id(item) in seen or left == 0 or isinstance(item, type):
            return
        seen.add(id(item))
        texts.append(repr(item))
        slots = [getattr(item, name, None) for name in getattr(type(item), "__slots__", ())]
        inner = [*getattr(item, "__dict__", {}).values(), *slots]
        if isinstance(item, (list, tuple, set)):
            inner += item
        if isinstance(item, dict):
            inner += item.values()
        for value in inner:
            look(value, left - 1)

    look(thing, depth)
    assert len(texts) > 3
    return " ".join(texts)


def test_clients_and_transports_cannot_be_pickled() -> None:
    async def run(server: ScriptedServer) -> None:
        async with client_of(server) as client:
            for thing in (client, client._transport):
                with pytest.raises(TypeError, match="cannot be pickled"):
                    pickle.dumps(thing)

    with ScriptedServer() as server:
        asyncio.run(run(server))


def told_by(request: httpx2.Request | httpcore2.Request) -> str:
    """All headers of a request as they are, where its `repr` hides the secret one."""
    return str(request.headers.raw if isinstance(request, httpx2.Request) else request.headers)


def test_no_header_with_the_key_outlives_its_exchange() -> None:
    async def run(server: ScriptedServer) -> list[Any]:
        async with client_of(server) as client:
            await client.job("job_1")
            with pytest.raises(ApiError):
                await client.job("job_2")
            gc.collect()
            return [
                thing
                for thing in gc.get_objects()
                if type(thing) in (httpx2.Request, httpcore2.Request) and TOKEN in told_by(thing)
            ]

    with ScriptedServer(Reply(200, {"job": job_body()}), Reply(404, b"")) as server:
        assert asyncio.run(run(server)) == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"file"),
        Reply(302, b"", {"Location": f"/y?{SIGNED}"}),
        Reply(403, f"<Error>{SIGNED}</Error>".encode()),
        Reply(200, b"fi", announced=4, close=True),
        Reset(),
        Silence(),
    ],
)
def test_a_signed_url_is_in_no_log_line_and_no_error(reply: Reply, log: pytest.LogCaptureFixture) -> None:
    error: ApiError | None = None

    async def use(client: ScenarioClient) -> None:
        nonlocal error
        await client.job("job_1")
        try:
            async with client.open_download(f"{server.url}/x?{SIGNED}") as download:
                async for _ in download.pieces:
                    pass
        except ApiError as caught:
            error = caught

    def script(seen: Seen) -> Reply:
        return Reply(200, {"job": job_body()}) if "/jobs/" in seen.target else reply

    with ScriptedServer(script=script) as server:
        call(server, use, timeouts=Timeouts(read=0.2))
    files = [seen for seen in server.seen if "/jobs/" not in seen.target]
    assert files[0].target == f"/x?{SIGNED}"
    assert not any("authorization" in seen.headers for seen in files)
    assert "/jobs/job_1" in log.text  # the API's own calls are still logged
    assert leaked(log.text) == []
    if error is not None:
        assert leaked(told_of(error)) == []


def test_a_signed_upload_address_is_in_no_log_line_and_no_error(log: pytest.LogCaptureFixture) -> None:
    def script(seen: Seen) -> Reply:
        if seen.method == "PUT":
            return Reply(400, SIGNED.encode())
        part = {"number": 1, "url": f"{server.url}/part?{SIGNED}"}
        return Reply(200, {"upload": {"id": "up_1", "status": "pending", "parts": [part]}})

    with ScriptedServer(script=script) as server, pytest.raises(ApiError) as caught:
        call(server, lambda client: client.upload(b"data", name="a.png", media_type="image/png"))
    assert server.count("PUT", "/part") == 1
    assert leaked(told_of(caught.value) + log.text) == []
