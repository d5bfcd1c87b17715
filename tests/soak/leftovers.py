"""What a process has open, before and after."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil

from happyhorse_widgets.engine import loop


class Leftovers:
    """Remembers what was there when it was made."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._files = self._process.num_fds()
        self._threads = set(threading.enumerate())
        self._children = set(self._process.children(recursive=True))

    def found(self, home: Path) -> list[str]:
        """What is there now and was not then, once the engine's loop has ended; and half-written files in `home`."""
        loop._stop()
        loop._forget()  # it would be stopped once more when the interpreter ends
        threads = [thread.name for thread in threading.enumerate() if thread not in self._threads]
        sockets = [
            str(one.laddr) for one in self._process.net_connections() if one.status != psutil.CONN_NONE
        ]
        children = set(self._process.children(recursive=True)) - self._children
        files = self._process.num_fds() - self._files
        found = [f"thread {name}" for name in threads] + [f"socket {address}" for address in sockets]
        found += [f"process {child.pid}" for child in children] + [str(part) for part in home.rglob("*.part")]
        return [*found, *([f"{files} file descriptors"] if files > 0 else [])]
