"""What all tests share: a factory for sandboxes, each a real process of its own, reached over HTTP."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import coverage
import httpx2
import pytest
from hypothesis import settings

import happyhorse_widgets

# A busy machine is no fault of the code.
settings.register_profile("without deadlines", deadline=None)
settings.load_profile("without deadlines")

_SOURCES = Path(happyhorse_widgets.__file__).parents[1]

StartSandbox = Callable[..., "SandboxProcess"]


def sandbox_environment() -> dict[str, str]:
    """An environment in which a child process finds the package, installed or not."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(_SOURCES), os.environ.get("PYTHONPATH", "")])}


class SandboxProcess:
    """One sandbox, serving. `home` is its ledger's folder; `http` a client with its credentials, at its base URL."""

    def __init__(self, home: Path, arguments: Sequence[str], keys: tuple[str, str] | None = None) -> None:
        self.home = home
        self.key, self.secret = keys or (secrets.token_hex(8), secrets.token_hex(8))
        home.mkdir(parents=True, exist_ok=True)
        self._log = home / f"stderr-{secrets.token_hex(4)}.txt"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "happyhorse_widgets.sandbox",
                    "--die-with-parent",
                    "--home",
                    home,
                    *arguments,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=sandbox_environment()
                | {"HAPPYHORSE_SANDBOX_KEY": self.key, "HAPPYHORSE_SANDBOX_SECRET": self.secret},
            )
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"The sandbox did not start:\n{self.log()}")
        self.ready: dict[str, Any] = json.loads(line)
        self.base_url: str = self.ready["base_url"]
        self.pid: int = self.ready["pid"]
        self.http = httpx2.Client(base_url=self.base_url, auth=(self.key, self.secret), timeout=30)

    def ledger(self) -> dict[str, Any]:
        """What the sandbox holds: its jobs, charges and uploads."""
        return self.http.get(self.base_url.removesuffix("/v1") + "/sandbox/ledger").raise_for_status().json()

    def log(self) -> str:
        """What it wrote to stderr."""
        return self._log.read_text()

    def stop(self) -> int:
        """End it as a session does, by closing its stdin; its exit status."""
        self.http.close()
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(30)

    def kill(self) -> None:
        """End it without warning."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self.stop()


def _factory(folder: Path) -> Iterator[StartSandbox]:
    started: list[SandboxProcess] = []

    def start(
        home: Path | None = None,
        *,
        faults: Sequence[dict[str, Any]] = (),
        follows: SandboxProcess | None = None,
        **options: float | str | Path,
    ) -> SandboxProcess:
        keys = None
        if follows is not None:
            home, keys = follows.home, (follows.key, follows.secret)
            options = {"port": httpx2.URL(follows.base_url).port or 0, **options}
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        if faults:
            script = folder / f"faults-{len(started)}.json"
            script.write_text(json.dumps(list(faults)))
            arguments.append(f"--faults={script}")
        started.append(SandboxProcess(home or folder / "sandbox", arguments, keys))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write down what was measured: a worker of pytest-xdist that does not end within ten seconds is killed."""
    measuring = coverage.Coverage.current()
    if measuring and hasattr(session.config, "workerinput"):
        measuring.stop()
        measuring.save()


@pytest.fixture(scope="session", autouse=True)
def _coverage_settings() -> Iterator[dict[str, str]]:
    # Measured, a process that draws a clip takes twice as long, and most tests start one only to have a clip.
    settings = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("COVERAGE_")}
    yield settings
    os.environ.update(settings)


@pytest.fixture(scope="module")
def measured_processes(_coverage_settings: dict[str, str]) -> Iterator[None]:
    """What the module's tests start is measured for coverage, too: for code that is tested as a process of its own."""
    os.environ.update(_coverage_settings)
    yield
    for name in _coverage_settings:
        del os.environ[name]


@pytest.fixture
def start_sandbox(tmp_path: Path) -> Iterator[StartSandbox]:
    """Start sandboxes that end with the test: `start_sandbox(home=…, faults=[…], speed=…, scale=…, parallel=…)`.

    `home` is `tmp_path / "sandbox"` by default; other options are those of the command line. With `follows` it takes the place
    of a sandbox that has ended: the same home, address and keys.
    """
    yield from _factory(tmp_path)


@pytest.fixture(scope="module")
def start_shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartSandbox]:
    """The same, for sandboxes that all tests of a module use."""
    yield from _factory(tmp_path_factory.mktemp("shared"))
