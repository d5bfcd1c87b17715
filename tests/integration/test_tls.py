"""Certificates and host names are verified, always: who cannot show a good one gets not one byte of a request."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import happyhorse_widgets
from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.api.transport import tls_context
from happyhorse_widgets.engine.fetch import fetch_image
from happyhorse_widgets.errors import ApiError, TransportFault
from tests.integration.test_api_secrets import leaked, told_of
from tests.names import run_named
from tests.scripted_server import Reply, ScriptedServer, call, job_body
from tests.sessions import picture

#: Made for these tests, good for nothing else: `authority.pem` has signed `here.pem` (127.0.0.1, localhost,
#: images.example), `elsewhere.pem` (elsewhere.example) and `expired.pem`, and has never heard of `stranger.pem`.
CERTIFICATES = Path(__file__).parents[1] / "certificates"
BAD = ["elsewhere", "expired", "stranger"]


def served_by(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    return context


@pytest.fixture(params=[True], autouse=True)
def trusting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The authority is trusted in the way that OpenSSL documents, unless the test says no; so it is in a new process."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    if request.param:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "authority.pem"))
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()


async def _download(client: ScenarioClient, server: ScriptedServer) -> None:
    async with client.open_download(f"{server.url}/x?Signature=CANARY") as download:
        async for _ in download.pieces:
            pass


async def _put(client: ScenarioClient, server: ScriptedServer) -> None:
    await client._storage.put(f"{server.url}/x?Signature=CANARY", memoryview(b"part"), on_sent=lambda _: None)


Use = Callable[[ScenarioClient, ScriptedServer], Awaitable[Any]]
WAYS: dict[str, Use] = {
    "repeated": lambda client, _: client.job("job_1"),
    "paid": lambda client, _: client.generate("model_a", {"prompt": "a"}),
    "download": _download,
    "upload": _put,
}


def go(way: str, server: ScriptedServer) -> None:
    async def use(client: ScenarioClient) -> Any:
        return await WAYS[way](client, server)

    call(server, use)


@pytest.mark.parametrize("way", WAYS)
def test_a_server_with_a_trusted_certificate_is_talked_to(way: str) -> None:
    with ScriptedServer(script=lambda _: Reply(200, {"job": job_body()}), tls=served_by("here")) as server:
        go(way, server)
    assert len(server.seen) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("certificate", BAD)
def test_a_server_without_one_is_told_nothing(
    way: str, certificate: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx2", "httpcore2", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    with ScriptedServer(script=lambda _: Reply(200, b""), tls=served_by(certificate)) as server:
        with pytest.raises(TransportFault, match=r"The certificate of 127\.0\.0\.1 is not trusted") as caught:
            go(way, server)
        assert (server.connections, server.seen) == (0, [])  # no handshake ended well, so nothing was said
    assert not caught.value.sent
    assert leaked(told_of(caught.value) + caplog.text) == []
    assert "CANARY" not in str(caught.value) + caplog.text


@pytest.mark.parametrize("trusting", [False], indirect=True)
@pytest.mark.parametrize("way", WAYS)
def test_an_authority_that_this_machine_does_not_trust_counts_for_nothing(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What other programs take for a switch is none here.
    for name, value in {"PYTHONHTTPSVERIFY": "0", "CURL_CA_BUNDLE": "", "REQUESTS_CA_BUNDLE": ""}.items():
        monkeypatch.setenv(name, value)
    with ScriptedServer(script=lambda _: Reply(200, b""), tls=served_by("here")) as server:
        with pytest.raises(ApiError, match="not trusted"):
            go(way, server)
        assert server.seen == []


@pytest.mark.parametrize(("certificate", "trusted"), [("here", True), *((name, False) for name in BAD)])
def test_a_fetched_image_is_checked_against_the_name_though_the_connection_goes_to_a_number(
    certificate: str, trusted: bool
) -> None:
    data = picture()
    with ScriptedServer(script=lambda _: Reply(200, data), tls=served_by(certificate)) as server:
        url = f"https://images.example:{server.port}/fox.png"
        work = fetch_image(url, name="fox.png", local=True)
        names = {"images.example": [["127.0.0.1"]]}
        if trusted:
            assert run_named(work, names)[0].data == data
        else:
            with pytest.raises(TransportFault):
                run_named(work, names)
            assert server.seen == []


def test_it_is_the_name_that_counts_and_not_the_number() -> None:
    # The certificate is good for 127.0.0.1 and images.example, and for no other name that leads there.
    with ScriptedServer(script=lambda _: Reply(200, picture()), tls=served_by("here")) as server:
        work = fetch_image(f"https://other.example:{server.port}/fox.png", name="fox.png", local=True)
        with pytest.raises(TransportFault):
            run_named(work, {"other.example": [["127.0.0.1"]]})
        assert server.seen == []


def test_plain_http_to_an_https_server_or_the_other_way_round_ends_in_an_error() -> None:
    with (
        ScriptedServer(script=lambda _: Reply(200, b"")) as plain,
        pytest.raises(TransportFault),
    ):
        asyncio.run(
            fetch_image(plain.url.replace("http:", "https:") + "/fox.png", name="fox.png", local=True)
        )


def test_no_line_of_the_package_turns_the_checks_off() -> None:
    switches = re.compile(
        r"verify\s*=\s*False|CERT_NONE|CERT_OPTIONAL|check_hostname|_create_unverified|ssl\.SSLContext\("
    )
    root = Path(happyhorse_widgets.__file__).parent
    found = [path.name for path in root.rglob("*.py") if switches.search(path.read_text(encoding="utf-8"))]
    assert found == []
    context = tls_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
