"""Processes forked from one that has everything imported: to start an interpreter costs more than what it would do here.

The parent has a single thread, and never opens a session: threads, loops and databases begin in the children.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

#: The exit status of a child that raised.
BROKEN = 70
_PR_SET_PDEATHSIG = 1
_STANDARD = ((0, "r"), (1, "w"), (2, "w"))


def fork(work: Callable[[], object], *, log: Path | None = None, stdin: int = -1, stdout: int = -1) -> int:
    """Run `work` in a child and end it without any of the parent's clean-up; the child's process id.

    `stdin` and `stdout` replace the child's; its stderr goes to `log`, where an exception's traceback is then. On Linux the
    child does not outlive its parent.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        _child(work, log, stdin, stdout)
    return pid


def _child(work: Callable[[], object], log: Path | None, stdin: int, stdout: int) -> NoReturn:
    status = BROKEN
    try:
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if log is not None:
            _replace(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
        for given, place in ((stdin, 0), (stdout, 1)):
            if given >= 0:
                _replace(given, place)
        sys.stdin, sys.stdout, sys.stderr = (open(fd, mode, closefd=False) for fd, mode in _STANDARD)  # noqa: SIM115
        work()
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else BROKEN
    except BaseException:  # noqa: BLE001 (whatever it is: a child must not go on as its parent)
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _replace(given: int, place: int) -> None:
    os.dup2(given, place)
    if given != place:
        os.close(given)


def wait(pid: int, deadline: float, meanwhile: Callable[[], object] = lambda: None) -> int | None:
    """The exit status of a child (negative: the signal that ended it), or None where it has not ended by `deadline`.

    `meanwhile` is called several times a second.
    """
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            return None
        meanwhile()
        time.sleep(0.005)


def end(pid: int) -> None:
    """End a child of ours without warning."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
