"""Where a photo was taken, and by whom, never reaches Scenario, whichever way the photo comes; unless that is asked for."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.engine.settings import Settings
from happyhorse_widgets.media.images import load_image
from tests.conftest import SandboxProcess, StartSandbox
from tests.integration.conftest import OpenSession
from tests.sessions import LONG
from tests.unit.test_media_metadata import CANARY, KINDS, photo, picture


@pytest.fixture
def sandbox(start_sandbox: StartSandbox) -> SandboxProcess:
    return start_sandbox(speed=400, scale=0.1)


@pytest.fixture
def session(sandbox: SandboxProcess, open_session: OpenSession) -> Session:
    quick = Settings(poll_interval=0.1, single_poll=0.1, local_addresses=True)
    return open_session(sandbox, settings=quick)


def holding(folder: Path) -> list[str]:
    """The files below `folder` in which the place is written."""
    return [
        str(path) for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()
    ]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


WAYS: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "bytes": lambda path: path.read_bytes(),
    "loaded": load_image,
    "opened by Pillow": lambda path: Image.open(io.BytesIO(path.read_bytes())),
}


@pytest.mark.parametrize("orientation", [None, 6])
@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_comes_without_its_place_however_it_is_given(
    session: Session, sandbox: SandboxProcess, tmp_path: Path, kind: str, orientation: int | None
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, way in enumerate(WAYS):
        size = (440 + 8 * number, 420)  # each way another photo, or they would be uploaded once
        (folder / way).write_bytes(photo(kind, picture(size), orientation=orientation))
    (folder / "web").write_bytes(photo(kind, picture((500, 420)), orientation=orientation))
    assert len(holding(folder)) == len(WAYS) + 1
    given = [make(folder / way) for way, make in WAYS.items()]
    with serving(folder) as site:
        clip = session.generate("character1 walks", [*given, f"{site}web"], duration=3)
        clip.wait(LONG)
    assert sandbox.ledger()["uploads"]
    assert holding(sandbox.home) == []
    assert holding(session.home) == []


def test_a_photo_is_sent_as_it_is_where_that_is_asked_for(
    session: Session, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo("JPEG", picture((440, 420))))
    session.generate("character1 walks", [path], duration=3, keep_metadata=True).wait(LONG)
    assert len(holding(sandbox.home)) == 1
