"""The stage on which each scenario is played, and sessions that the test holds in its own hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import StartSandbox
from tests.integration.conftest import open_session
from tests.reliability.stage import Stage

__all__ = ["open_session", "stage"]


@pytest.fixture
def stage(start_sandbox: StartSandbox, tmp_path: Path) -> Iterator[Stage]:
    """A stage that is cleared with the test; `serve` starts its sandbox."""
    stage = Stage(start_sandbox, tmp_path)
    yield stage
    stage.clear()
