"""`python -m tests [pytest arguments]`: a Chromium, all tests, the package's coverage."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.chromium import ENVIRONMENT, NoChromium, install_chromium

ROOT = Path(__file__).resolve().parent.parent
#: All tests take a while, some of it waiting: three at a time keep two cores busy. The tests of one file stay together: they
#: share servers. The files keep their order: those with a browser and the reliability runs take longest and begin first, the
#: many quick ones fill up the end.
SIDE_BY_SIDE = ["--numprocesses=3", "--dist=loadfile", "--no-loadscope-reorder", "--durations=25"]


def main(arguments: list[str]) -> int:
    """Run pytest under coverage and return its exit code, or coverage's where only that fails (below 90 %)."""
    try:
        browser = install_chromium()
    except NoChromium as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"Chromium: {browser}", flush=True)
    # Started in the background (`… &`) a process is deaf to interrupts, and so are its children, which tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    environment = {**os.environ, ENVIRONMENT: browser}
    _coverage("erase", environment=environment)
    tests = _coverage("run", "-m", "pytest", *(arguments or SIDE_BY_SIDE), environment=environment)
    _coverage("combine", "--quiet", environment=environment)
    # A part of the tests says nothing about the whole package: it is measured, but passes at any coverage.
    partly = ["--fail-under=0"] if arguments else []
    covered = _coverage("report", *partly, environment=environment)
    return tests or covered


def _coverage(*arguments: str, environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "coverage", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
