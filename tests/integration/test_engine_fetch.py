"""Images from addresses: nothing hostile is read on, waited for, connected to or unpacked."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import sqlite3
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from happyhorse_widgets.engine.fetch import fetch_image
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import (
    ConfigurationError,
    HappyHorseError,
    InvalidImage,
    JobRejected,
    TransportFault,
)
from happyhorse_widgets.media.images import MAX_BYTES, ReferenceImage
from tests.conftest import SandboxProcess, StartSandbox
from tests.endless import endless
from tests.integration.conftest import OpenSession
from tests.names import run_named
from tests.scripted_server import Reply, ScriptedServer
from tests.sessions import LONG, QUICK, picture

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def fetch(url: str, *, local: bool = True, seconds: float = LONG) -> ReferenceImage:
    return asyncio.run(fetch_image(url, name="fox.png", local=local, seconds=seconds))


def test_an_image_arrives() -> None:
    data = picture()
    with ScriptedServer(Reply(200, data)) as server:
        assert fetch(f"{server.url}/fox.png").data == data


def test_the_one_that_announces_too_much_is_not_read() -> None:
    with endless(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000000\r\n\r\n", bytes(65536), pause=0.05) as (
        url,
        sent,
    ):
        with pytest.raises(InvalidImage, match=r"larger than 10 MB"):
            fetch(url)
        assert sent() < 2_000_000


@pytest.mark.parametrize(
    "framing", ["", "Transfer-Encoding: chunked\r\n"], ids=["until it closes", "chunked"]
)
def test_the_one_that_never_ends_is_left_at_the_limit(framing: str) -> None:
    piece = bytes(65536)
    chunk = b"10000\r\n" + piece + b"\r\n" if framing else piece
    with endless(f"HTTP/1.1 200 OK\r\n{framing}\r\n".encode(), chunk) as (url, sent):
        with pytest.raises(InvalidImage, match=r"larger than 10 MB"):
            fetch(url)
        assert sent() < 3 * MAX_BYTES  # what the network holds on its way is more than what was read


def test_the_one_that_drips_is_not_waited_for() -> None:
    with (
        endless(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"\x89", pause=0.02) as (url, _),
        pytest.raises(InvalidImage, match=r"fox\.png did not arrive within 0\.5 seconds"),
    ):
        fetch(url, seconds=0.5)


def test_what_comes_packed_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(200_000_000), 1)
    assert len(bomb) < MAX_BYTES
    with ScriptedServer(Reply(200, bomb, {"Content-Encoding": "gzip"})) as server:
        tracemalloc.start()
        with pytest.raises(InvalidImage, match="packed"):
            fetch(f"{server.url}/fox.png")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert server.seen[0].headers["accept-encoding"] == "identity"
    assert peak < 20_000_000


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (
            "http://169.254.169.254/latest/meta-data/",
            r"169\.254\.169\.254 is this machine, or lies in the network",
        ),
        ("http://[::ffff:169.254.169.254]/", "is this machine, or lies in the network"),
        ("//0.0.0.0/fox.png", "is this machine, or lies in the network"),
        ("file:///etc/passwd", "only http and https"),
        ("ftp://127.0.0.1/fox.png", "only http and https"),
        ("http://anna:CANARY@127.0.0.1/fox.png", "user name or a password"),
        ("http://127.0.0.1:22/", "port 22"),
        ("http://[broken", "gives no answer that can be read|names no server"),
        ("/again", "redirects more than 5 times"),
    ],
)
def test_each_redirect_is_checked_like_the_first_address(location: str, words: str) -> None:
    with (
        ScriptedServer(script=lambda _: Reply(302, b"", {"Location": location})) as server,
        pytest.raises(InvalidImage, match=words) as caught,
    ):
        fetch(f"{server.url}/fox.png")
    assert "CANARY" not in str(caught.value)


def test_a_redirect_to_another_server_is_followed() -> None:
    data = picture()
    with (
        ScriptedServer(Reply(200, data)) as there,
        ScriptedServer(Reply(302, b"", {"Location": f"{there.url}/x"})) as here,
    ):
        assert fetch(f"{here.url}/fox.png").data == data
    assert there.seen[0].headers["host"] == f"127.0.0.1:{there.port}"


def test_it_connects_to_the_number_that_was_checked_and_asks_for_no_other() -> None:
    data = picture()
    with ScriptedServer(Reply(200, data)) as server:
        url = f"http://images.example:{server.port}/fox.png?Signature=CANARY"
        # Asked again, the name would lead to where clouds keep their credentials.
        image, asked = run_named(
            fetch_image(url, name="fox.png", local=True),
            {"images.example": [["127.0.0.1"], ["169.254.169.254"]]},
        )
    assert image.data == data
    assert asked == ["images.example"]
    assert server.seen[0].headers["host"] == f"images.example:{server.port}"


def test_the_next_number_is_tried_where_one_does_not_answer() -> None:
    with ScriptedServer(Reply(200, picture())) as server:
        url = f"http://images.example:{server.port}/fox.png"
        run_named(
            fetch_image(url, name="fox.png", local=True), {"images.example": [["127.0.0.2", "127.0.0.1"]]}
        )
    assert len(server.seen) == 1


def test_nobody_answers() -> None:
    with ScriptedServer() as server:
        gone = server.url
    with pytest.raises(TransportFault, match="no connection") as caught:
        fetch(f"{gone}/fox.png?Signature=CANARY")
    assert not caught.value.sent
    assert "CANARY" not in str(caught.value)


def test_through_a_proxy_the_name_goes_as_it_is_and_the_address_is_checked_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = picture()
    with ScriptedServer(Reply(200, data)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert fetch("http://images.invalid/fox.png", local=False).data == data
        with pytest.raises(InvalidImage, match="is this machine"):
            fetch("http://169.254.169.254/latest", local=False)
    assert [seen.target for seen in proxy.seen] == ["http://images.invalid/fox.png"]


def test_a_request_says_nothing_of_the_one_who_asks() -> None:
    again = Reply(302, b"", {"Location": "/fox.png", "Set-Cookie": "a=b"})
    with ScriptedServer(again, Reply(200, picture())) as server:
        fetch(f"{server.url}/start")
    told = {name for seen in server.seen for name in seen.headers}
    assert told == {"host", "user-agent", "accept", "accept-encoding", "connection"}


# -- the whole way, from generate on ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1)


def test_by_default_this_machine_is_refused_unpaid_with_words_that_say_what_to_do(
    sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    session: Session = open_session(sandbox)
    before = sandbox.ledger()
    with ScriptedServer(script=lambda _: Reply(200, picture())) as server:
        url = f"{server.url}/fox.png?Signature=CANARY"
        clip = session.generate("character1 waves", [url], duration=3)
        with pytest.raises(JobRejected, match=r"Save the image, and give the file.*Nothing was paid"):
            clip.wait(LONG)
        with pytest.raises(InvalidImage, match="Save the image"):
            session.estimate("character1 waves", [url], duration=3)
    assert server.connections == 0
    after = sandbox.ledger()
    assert (after["jobs"], after["uploads"]) == (before["jobs"], before["uploads"])


@pytest.mark.parametrize(
    "source", ["file:///etc/passwd", "ftp://example.com/a.png", "https://anna:CANARY@example.com/a.png"]
)
def test_an_address_that_cannot_be_meant_makes_no_clip(
    sandbox: SandboxProcess, open_session: OpenSession, source: str
) -> None:
    session = open_session(sandbox)
    with pytest.raises(InvalidImage, match="character1: ") as caught:
        session.generate("character1 waves", [source], duration=3)
    assert "CANARY" not in str(caught.value)
    assert len(session.clips) == 0


def test_a_signed_address_leaves_nothing_in_the_home(
    sandbox: SandboxProcess, open_session: OpenSession, tmp_path: Path
) -> None:
    session = open_session(sandbox, settings=replace(QUICK, local_addresses=True))
    answers = iter([Reply(200, picture()), Reply(404, b"")])
    with ScriptedServer(script=lambda _: next(answers)) as server:
        for _ in range(2):
            # So long that the database takes pages for it alone, which are free afterwards.
            url = f"{server.url}/fox.png?Signature={'CANARY' * 1000}"
            clip = session.generate("character1 waves", [url], duration=3)
            with contextlib.suppress(HappyHorseError):
                clip.wait(LONG)
            for language in ("python", "curl", "javascript"):
                assert "CANARY" not in clip.code(language)
    session.close()
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert [path for path in files if b"CANARY" in path.read_bytes()] == []
    with contextlib.closing(sqlite3.connect(tmp_path / "home" / "library.sqlite3")) as database:
        assert database.execute("SELECT count(*) FROM jobs").fetchone() == (2,)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_local_addresses_is_yes_or_no(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"local_addresses is .*; it must be True or False"):
        replace(QUICK, local_addresses=value)
