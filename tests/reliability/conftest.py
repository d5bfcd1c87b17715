"""The stage on which each scenario is played, and sessions that the test holds in its own hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from happyhorse_widgets.engine.connect import connect
from happyhorse_widgets.engine.session import Session
from tests.conftest import StartSandbox
from tests.integration.conftest import open_session
from tests.reliability.small_scenario import SmallScenario
from tests.reliability.stage import Stage
from tests.scripted_server import KEY, SECRET, Reply, ScriptedServer, Seen
from tests.sessions import QUICK
from tests.videos import write_video

__all__ = ["open_session", "stage"]

Script = Callable[[Seen], Reply]
OpenOn = Callable[[Script], AbstractContextManager[Session]]


@pytest.fixture
def stage(start_sandbox: StartSandbox, tmp_path: Path) -> Iterator[Stage]:
    """A stage that is cleared with the test; `serve` starts its sandbox."""
    stage = Stage(start_sandbox, tmp_path)
    yield stage
    stage.clear()


@pytest.fixture
def scenario(tmp_path: Path) -> SmallScenario:
    """An honest Scenario with one video."""
    return SmallScenario(write_video(tmp_path / "served.mp4", frames=6).read_bytes())


@pytest.fixture
def open_on(scenario: SmallScenario, tmp_path: Path) -> OpenOn:
    """A session on a server that answers by a script around `scenario`."""

    @contextmanager
    def open_one(script: Script) -> Iterator[Session]:
        with ScriptedServer(script=script) as server:
            scenario.base = server.url
            session = connect(
                KEY, SECRET, base_url=f"{server.url}/v1", home=tmp_path / "home", settings=QUICK
            )
            try:
                yield session
            finally:
                session.close()

    return open_one
