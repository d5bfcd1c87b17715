"""Streams from signed URLs: without credentials, over allowed addresses only, in large pieces, with errors of ours."""

from __future__ import annotations

import re
from typing import Any

import pytest

from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.api.storage import RECEIVE_PIECE
from happyhorse_widgets.api.transport import Timeouts
from happyhorse_widgets.errors import (
    HappyHorseError,
    NotFound,
    PermissionDenied,
    ProtocolFault,
    RequestRejected,
    ServerFault,
    TransportFault,
)
from tests.scripted_server import Reply, Reset, ScriptedServer, Seen, Silence, call

FILE = bytes(range(256)) * 4096 + b"tail"
SIGNED = "/a.mp4?Expires=1893456000&Signature=topsecret"


def fetch(server: ScriptedServer, path: str = SIGNED, **asked: Any) -> Any:
    """Status, headers and pieces of a download of `path` (or of a whole URL), or the error that it ended with."""
    url = path if "://" in path else server.url + path
    timeouts = asked.pop("timeouts", None)

    async def use(client: ScenarioClient) -> Any:
        pieces: list[bytes] = []
        try:
            async with client.open_download(url, **asked) as download:
                assert "topsecret" not in repr(download)
                async for piece in download.pieces:
                    pieces.append(piece)  # noqa: PERF401 - what came is kept when the rest does not
                return download.status, download.headers, pieces
        except HappyHorseError as error:
            error.received = pieces  # type: ignore[attr-defined]
            return error

    return call(server, use, timeouts=timeouts)


def test_a_whole_file() -> None:
    with ScriptedServer(Reply(200, FILE, {"ETag": '"e1"', "Content-Type": "video/mp4"})) as server:
        status, headers, pieces = fetch(server)
    assert (status, headers["etag"], headers["content-length"]) == (200, '"e1"', str(len(FILE)))
    assert b"".join(pieces) == FILE
    assert all(len(piece) >= RECEIVE_PIECE for piece in pieces[:-1])
    (seen,) = server.seen
    assert (seen.method, seen.target, seen.headers["accept-encoding"]) == ("GET", SIGNED, "identity")
    assert not {"authorization", "cookie", "range", "if-range", "referer"} & set(seen.headers)


def test_the_rest_of_a_file() -> None:
    part = Reply(206, FILE[10:], {"Content-Range": f"bytes 10-{len(FILE) - 1}/{len(FILE)}"})
    with ScriptedServer(part) as server:
        status, headers, pieces = fetch(server, range_from=10, etag='"e1"')
    assert (status, b"".join(pieces)) == (206, FILE[10:])
    assert headers["content-range"].startswith("bytes 10-")
    assert (server.seen[0].headers["range"], server.seen[0].headers["if-range"]) == ("bytes=10-", '"e1"')


def test_from_the_first_byte_no_range_is_asked_for() -> None:
    with ScriptedServer(Reply(200, b"x")) as server:
        fetch(server, range_from=0, etag='"e1"')
    assert not {"range", "if-range"} & set(server.seen[0].headers)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, PermissionDenied),
        (404, NotFound),
        (410, NotFound),
        (416, RequestRejected),
        (408, ServerFault),
        (429, ServerFault),
        (500, ServerFault),
        (503, ServerFault),
        (204, ProtocolFault),
        (304, ProtocolFault),
    ],
)
def test_each_refusal_is_an_error_with_its_status_and_without_the_url(
    status: int, kind: type[Exception]
) -> None:
    with ScriptedServer(Reply(status, b"<Error><Key>a.mp4?Signature=topsecret</Key></Error>")) as server:
        error = fetch(server)
    assert type(error) is kind
    assert error.status == status
    assert re.search("Try again|Ask for|must be asked for", str(error))
    assert "topsecret" not in str(error)
    assert "a.mp4" not in str(error)
    assert error.__context__ is None


def test_a_stream_that_is_cut_gives_what_came_and_a_transport_fault() -> None:
    with ScriptedServer(Reply(200, FILE[:-5], announced=len(FILE), close=True)) as server:
        error = fetch(server)
    assert isinstance(error, TransportFault)
    assert error.sent is True
    assert b"".join(error.received) == FILE[:-5]  # type: ignore[attr-defined]
    assert "topsecret" not in str(error)
    assert error.__context__ is None


@pytest.mark.parametrize("trouble", [Reset(), Silence()])
def test_no_answer_is_a_transport_fault(trouble: Reply) -> None:
    with ScriptedServer(trouble) as server:
        error = fetch(server, timeouts=Timeouts(read=0.3))
    assert isinstance(error, TransportFault)
    assert "topsecret" not in str(error)


def test_a_stall_in_the_middle_is_a_transport_fault() -> None:
    def script(_seen: Seen) -> Reply:
        return Reply(200, FILE[:1000], announced=len(FILE))

    with ScriptedServer(script=script) as server:
        error = fetch(server, timeouts=Timeouts(read=0.3))
    assert isinstance(error, TransportFault)
    assert "too long" in str(error)


def test_a_file_that_was_packed_on_its_way_is_not_taken() -> None:
    with ScriptedServer(Reply(200, b"x", {"Content-Encoding": "gzip"})) as server:
        assert isinstance(fetch(server), ProtocolFault)


def test_redirects_are_followed_without_credentials_or_cookies() -> None:
    with ScriptedServer(Reply(200, b"file")) as other:
        hop = Reply(302, b"", {"Location": f"{other.url}/b?Signature=topsecret", "Set-Cookie": "a=b"})
        local = Reply(307, b"", {"Location": "/next"})
        with ScriptedServer(local, hop) as server:
            status, _, pieces = fetch(server, range_from=5)
    assert (status, pieces) == (200, [b"file"])
    assert [seen.target for seen in (*server.seen, *other.seen)] == [
        SIGNED,
        "/next",
        "/b?Signature=topsecret",
    ]
    for seen in (*server.seen, *other.seen):
        assert seen.headers["range"] == "bytes=5-"
        assert not {"authorization", "cookie"} & set(seen.headers)


def test_a_user_name_in_an_address_makes_no_credentials() -> None:
    with ScriptedServer(Reply(200, b"file")) as server:
        fetch(server, server.url.replace("://", "://user:password@") + "/a")
    assert "authorization" not in server.seen[0].headers


@pytest.mark.parametrize(
    "location",
    [
        "http://files.example/x?Signature=topsecret",
        "file:///etc/passwd",
        "ftp://h/x",
        "http://10.0.0.1/",
        "//[",
        "https://h/" + "x" * 70_000,
        "http://[::1/",
    ],
)
def test_a_redirect_to_what_is_not_https_is_not_followed(location: str) -> None:
    with ScriptedServer(Reply(302, b"", {"Location": location})) as server:
        error = fetch(server)
    assert isinstance(error, ProtocolFault)
    assert "topsecret" not in str(error)


def test_redirects_in_a_circle_end() -> None:
    with ScriptedServer(script=lambda seen: Reply(302, b"", {"Location": seen.target})) as server:
        assert isinstance(fetch(server), ProtocolFault)
    assert len(server.seen) == 6


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example/x?Signature=topsecret",
        "file:///etc/passwd",
        "",
        "x",
        "https://",
        "https://a b/",
        "https://h/" + "x" * 70_000,
    ],
)
def test_an_address_that_is_not_https_is_not_opened(url: str) -> None:
    with ScriptedServer() as server:
        error = fetch(server, f"{url}://" if "://" not in url else url)
    assert isinstance(error, ProtocolFault)
    assert "topsecret" not in str(error)


def test_a_download_that_is_left_early_closes_its_connection() -> None:
    def script(_seen: Seen) -> Reply:
        return Reply(200, FILE * 8)

    async def use(client: ScenarioClient) -> None:
        for _ in range(3):
            async with client.open_download(f"{server.url}/a") as download:
                await anext(download.pieces)

    with ScriptedServer(script=script) as server:
        call(server, use)
    assert server.connections == 3
