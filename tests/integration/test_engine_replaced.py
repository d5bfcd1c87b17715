"""A file that is replaced on the server while it is fetched: what arrives is the one or the other, never a mixture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.engine.downloads import Arrived, Download
from tests.scripted_server import Reply, ScriptedServer, Seen, call
from tests.videos import write_video


@pytest.mark.parametrize("honours_if_range", [True, False])
def test_a_file_that_was_replaced_half_way_arrives_whole(tmp_path: Path, honours_if_range: bool) -> None:
    old = write_video(tmp_path / "old.mp4", frames=40, faststart=True).read_bytes()
    new = write_video(tmp_path / "new.mp4", frames=20, faststart=True).read_bytes()
    padding = len(old) - len(new)  # an empty box, so that their size does not tell them apart
    new += padding.to_bytes(4, "big") + b"free" + bytes(padding - 8)
    ranges: list[str] = []

    def serve(seen: Seen) -> Reply:
        if not seen.target.startswith("/file"):
            address = f"{server.url}/file"
            return Reply(
                200, {"asset": {"id": "asset_1", "kind": "video", "url": address, "status": "success"}}
            )
        asked = seen.headers.get("range", "")
        ranges.append(asked)
        if len(ranges) == 1:
            return Reply(200, old[: len(old) // 2], {"ETag": '"old"'}, close=True, announced=len(old))
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        if not start or (honours_if_range and seen.headers.get("if-range") == '"old"'):
            return Reply(200, new, {"ETag": '"new"'})
        extent = f"bytes {start}-{len(new) - 1}/{len(new)}"
        return Reply(206, new[start:], {"ETag": '"new"', "Content-Range": extent})

    async def use(client: ScenarioClient) -> Arrived:
        return await Download(client, "asset_1", target, pause=0.0, progress=lambda *_: None).run()

    target = tmp_path / "clip.mp4"
    with ScriptedServer(script=serve) as server:
        arrived: Any = call(server, use)
    assert target.read_bytes() == new
    assert arrived.facts.frames == 20
    assert ranges[1].startswith("bytes=")
    assert ranges[2:] == ([] if honours_if_range else [""])
