"""The sandbox as a child process: started on first use, ended with its parent."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from happyhorse_widgets.api.config import KEY_VARIABLE, SECRET_VARIABLE, Credentials, Endpoint
from happyhorse_widgets.errors import ConfigurationError
from happyhorse_widgets.library.files import writing

if TYPE_CHECKING:
    from pathlib import Path

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


class LocalSandbox:
    """A sandbox server of this session's own, on a free loopback port, with a key that nobody else knows.

    The child ends when its standard input does, which the system sees to even when this process is killed. Its ledger is in
    the home, so that to the next kernel it looks like a service that never went away.
    """

    def __init__(self, home: Path, *, speed: float, scale: float) -> None:
        self._home = home / "sandbox"
        self._speed = speed
        self._scale = scale
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint: Endpoint | None = None

    def endpoint(self) -> Endpoint:
        """Where the sandbox serves; starts it, or starts it again if it has died. Blocks until it answers.

        Raises `ConfigurationError`, with the end of its log, where it does not start.
        """
        with self._lock:
            if self._endpoint is None or self._process is None or self._process.poll() is not None:
                self._endpoint = self._start()
            return self._endpoint

    def stop(self) -> None:
        """End the child and wait for it."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with process:  # waits, and closes its standard output too
            _close_input(process)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()

    def _start(self) -> Endpoint:
        self._end()
        key, secret = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        log = self._home / "server.log"
        with writing(log):
            # What is asked of the sandbox, and its log, are nobody else's on this machine.
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            errors = log.open("wb")
        command = [sys.executable, "-m", "happyhorse_widgets.sandbox", "--die-with-parent"]
        command += ["--home", str(self._home), "--speed", str(self._speed), "--scale", str(self._scale)]
        with errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(key, secret),
                # Jupyter interrupts a kernel's whole process group; that must not end the sandbox.
                start_new_session=True,
            )
        try:
            base_url = json.loads(_first_line(self._process, _START_SECONDS))["base_url"]
        except (ValueError, LookupError, TypeError):
            self._process.kill()
            self._end()
            tail = log.read_text(errors="replace")[-2000:]
            raise ConfigurationError(
                f"The sandbox did not start. The end of its log, {log}:\n{tail}"
            ) from None
        return Endpoint(base_url, None, Credentials(key, secret))


def _environment(key: str, secret: str) -> dict[str, str]:
    """The child's: with its own key pair, and without one for Scenario, with which it has no business."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in (KEY_VARIABLE, SECRET_VARIABLE)
    }
    return {**inherited, "HAPPYHORSE_SANDBOX_KEY": key, "HAPPYHORSE_SANDBOX_SECRET": secret}


def _close_input(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def _first_line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """What the child says first; empty where it ends or says nothing in time."""
    assert process.stdout
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if select.select([process.stdout], [], [], 0.2)[0]:
            return process.stdout.readline()
    return b""
