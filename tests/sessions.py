"""What tests of the engine share: quick settings, pictures that differ, and waiting for a condition."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from happyhorse_widgets.engine.settings import Settings
from tests.conftest import SandboxProcess, sandbox_environment

#: The protocol with its waits cut short.
QUICK = Settings(
    quiescence=0.5,
    reconcile_scans=2,
    reconcile_gap=0.1,
    poll_interval=0.1,
    single_poll=0.1,
    unseen=1.0,
    retry_first=0.05,
    retry_most=0.3,
    sandbox_speed=400,
    sandbox_scale=0.1,
)
#: Nothing here takes so many seconds unless it is stuck.
LONG = 90.0

_numbers = itertools.count()


def picture(size: tuple[int, int] = (420, 400)) -> bytes:
    """A small PNG file unlike every other."""
    pixels = np.random.default_rng(next(_numbers)).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until `condition()` is true; fails with `what` when that takes too long."""
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline, f"still waiting until {what}"
        time.sleep(0.02)


_PRELUDE = """
import os, signal, sys, threading, time
import happyhorse_widgets as hh
from tests.sessions import LONG, QUICK, picture, until

def connect(**options):
    if "URL" in os.environ:
        options |= {"api_key": os.environ["KEY"], "api_secret": os.environ["SECRET"], "base_url": os.environ["URL"]}
    else:
        options |= {"sandbox": True}
    return hh.connect(**{"home": os.environ["HOME_FOLDER"], "settings": QUICK, **options})

def say(*words):
    print(*words, flush=True)
"""


class Kernel:
    """A process of its own that runs `code`, as a kernel does.

    There `connect()` opens a session on `home`, with `sandbox` or one of its own; `say(…)` is read by `line()` here.
    """

    def __init__(self, code: str, home: Path, sandbox: SandboxProcess | None = None) -> None:
        keys = (
            {} if sandbox is None else {"URL": sandbox.base_url, "KEY": sandbox.key, "SECRET": sandbox.secret}
        )
        self.process = subprocess.Popen(
            [sys.executable, "-W", "always::ResourceWarning", "-c", _PRELUDE + code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
            env=sandbox_environment() | keys | {"HOME_FOLDER": str(home)},
            start_new_session=True,  # so that a whole process group can be interrupted, as Jupyter does
        )

    def line(self) -> str:
        """The next line that it says; empty when it has ended."""
        line: str = self.process.stdout.readline()
        return line.strip()

    def go_on(self) -> None:
        """Give it a line to read."""
        self.process.stdin.write("go on\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """End it without warning."""
        self.process.kill()
        self.process.wait(LONG)

    def end(self) -> tuple[int, str, str]:
        """Wait for its end: exit status, what it still said, and what it complained about."""
        out, complaints = self.process.communicate(timeout=LONG)
        return self.process.returncode, out, complaints
