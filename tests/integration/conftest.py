"""Sessions with a sandbox that the test holds in its hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from happyhorse_widgets.engine.connect import connect
from happyhorse_widgets.engine.session import Session
from tests.conftest import SandboxProcess
from tests.sessions import QUICK, Kernel

OpenSession = Callable[..., Session]
StartKernel = Callable[..., Kernel]


@pytest.fixture
def open_session(tmp_path: Path) -> Iterator[OpenSession]:
    """Open sessions that are closed with the test: `open_session(sandbox, **what connect takes)`.

    `home` is `tmp_path / "home"` and `settings` are quick by default; `sandbox` None lets the session start its own.
    """
    opened: list[Session] = []

    def open_one(sandbox: SandboxProcess | None, **options: Any) -> Session:
        if sandbox is None:
            target: dict[str, Any] = {"sandbox": True}
        else:
            target = {"api_key": sandbox.key, "api_secret": sandbox.secret, "base_url": sandbox.base_url}
        opened.append(connect(**{"home": tmp_path / "home", "settings": QUICK, **target, **options}))
        return opened[-1]

    yield open_one
    for session in opened:
        session.close()


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[StartKernel]:
    """Start processes that are gone with the test: `start_kernel(code, sandbox)`, with the home of `open_session`."""
    started: list[Kernel] = []

    def start(code: str, sandbox: SandboxProcess | None = None) -> Kernel:
        started.append(Kernel(code, tmp_path / "home", sandbox))
        return started[-1]

    yield start
    for kernel in started:
        kernel.kill()
        kernel.process.communicate()
