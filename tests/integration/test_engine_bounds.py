"""What a server sends or names decides neither how much is written nor where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.engine import downloads
from happyhorse_widgets.engine.downloads import Arrived, Download
from happyhorse_widgets.errors import HappyHorseError, MediaError, ProtocolFault, TransportFault
from tests.endless import endless
from tests.scripted_server import Reply, ScriptedServer, Seen, call
from tests.videos import write_video

HOSTILE = [
    "../../evil",
    "..\\..\\evil",
    "/etc/evil",
    "..",
    "evil\0.mp4",
    "~/evil",
    "a/b?projectId=evil",
    "%2e%2e%2fevil",
]


def fetched(server: ScriptedServer, target: Path, asset_id: str = "asset_1") -> Arrived:
    async def use(client: ScenarioClient) -> Arrived:
        return await Download(client, asset_id, target, pause=0.0, progress=lambda *_: None).run()

    arrived: Arrived = call(server, use)
    return arrived


def naming(url: str) -> Any:
    """A server whose asset is at `url`."""
    return lambda _: Reply(
        200, {"asset": {"id": "asset_1", "kind": "video", "url": url, "status": "success"}}
    )


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "clips").mkdir()
    return tmp_path / "clips" / "clip_1.mp4"


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("200 OK\r\nContent-Length: 5000000000000\r\n", "sends more than 4 GiB"),
        (
            "206 Partial\r\nContent-Range: bytes 0-9/5000000000000\r\nContent-Length: 10\r\n",
            "sends more than 4 GiB",
        ),
        (
            "206 Partial\r\nContent-Range: bytes 0-999999/1000000\r\n",
            "more than the 1000000 bytes that it announced",
        ),
        ("206 Partial\r\nContent-Range: bytes 0-9/" + "9" * 5000 + "\r\n", "without saying which"),
    ],
    ids=["announced", "announced in a part", "more than announced", "a number without end"],
)
def test_a_video_that_is_too_large_is_left(target: Path, head: str, words: str) -> None:
    with (
        endless(f"HTTP/1.1 {head}\r\n".encode(), bytes(65536)) as (url, sent),
        ScriptedServer(script=naming(url)) as server,
    ):
        with pytest.raises((MediaError, ProtocolFault), match=words):
            fetched(server, target)
        assert sent() < 50_000_000
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    "framing", ["", "Transfer-Encoding: chunked\r\n"], ids=["until it closes", "chunked"]
)
def test_a_video_without_end_is_left_at_the_limit(
    target: Path, framing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_MAX_BYTES", 8 << 20)  # the true one would take a minute to reach
    piece = bytes(65536)
    chunk = b"10000\r\n" + piece + b"\r\n" if framing else piece
    with (
        endless(f"HTTP/1.1 200 OK\r\n{framing}\r\n".encode(), chunk) as (url, sent),
        ScriptedServer(script=naming(url)) as server,
    ):
        with pytest.raises(MediaError, match="which is no clip"):
            fetched(server, target)
        assert sent() < 80_000_000
    assert list(target.parent.iterdir()) == []


def test_the_limit_is_far_above_every_clip() -> None:
    assert downloads._MAX_BYTES >= 10 * 15 * 25_000_000  # ten times fifteen seconds at 200 Mbit/s


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_a_server_gives_decide_no_path(target: Path, tmp_path: Path, name: str) -> None:
    data = write_video(tmp_path / "made.mp4").read_bytes()
    before = set(tmp_path.rglob("*"))
    printable = name.replace("\0", "")

    def script(seen: Seen) -> Reply:
        if seen.target.startswith("/file"):
            shown = {
                "Content-Disposition": f'attachment; filename="{printable}"',
                "Content-Location": f"/{printable}",
            }
            return Reply(200, data, shown)
        asset = {"id": name, "kind": "video", "url": f"{server.url}/file", "status": "success"}
        return Reply(200, {"asset": {**asset, "metadata": {"name": name, "fileName": name}}})

    with ScriptedServer(script=script) as server:
        if name == "..":
            with pytest.raises(HappyHorseError, match="consists of dots"):
                fetched(server, target, asset_id=name)
            assert server.seen == []
            return
        fetched(server, target, asset_id=name)
    path = server.seen[0].target.partition("?")[0].removeprefix("/v1/assets/")
    assert "/" not in path
    assert "?" not in path
    assert set(tmp_path.rglob("*")) - before == {target}


@pytest.mark.parametrize("name", ["../generate/custom/model_a", "..", "up_1/../../jobs", "up_1?x=", "up_1#"])
def test_an_uploads_id_leads_to_no_other_call(name: str) -> None:
    def script(seen: Seen) -> Reply:
        if seen.method == "PUT":
            return Reply(200, b"")
        parts = [{"number": 1, "url": f"{server.url}/part"}]
        status = "pending" if seen.target.startswith("/v1/uploads?") else "imported"
        return Reply(200, {"upload": {"id": name, "status": status, "parts": parts, "entityId": "asset_1"}})

    async def use(client: ScenarioClient) -> str | HappyHorseError:
        try:
            return await client.upload(b"data", name="a.png", media_type="image/png")
        except HappyHorseError as error:
            return error

    with ScriptedServer(script=script) as server:
        told = call(server, use)
    assert (told == "asset_1") == (name != "..")
    for seen in server.seen:
        path = seen.target.partition("?")[0]
        assert path in ("/part", "/v1/uploads") or path.startswith("/v1/uploads/")
        assert path.count("/") <= 4
        assert ".." not in path.split("/")


def test_an_address_that_is_no_https_one_is_not_opened(target: Path) -> None:
    for url in (
        "file:///etc/passwd",
        "ftp://example.com/a.mp4",
        "http://example.com/a.mp4",
        "//example.com/a",
    ):
        with ScriptedServer(script=naming(url)) as server, pytest.raises((ProtocolFault, TransportFault)):
            fetched(server, target)
    assert list(target.parent.iterdir()) == []
