"""A sandbox with its faults, a library, the kernels that come and go there, and what the two sides have written down."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import signal
import socket
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from happyhorse_widgets.media.frames import move_moov_first
from tests.conftest import StartSandbox
from tests.sessions import Kernel

#: Which requests: the POST that costs money, the job list as a search sees it, the file of a clip.
GENERATE = {"method": "POST", "path": "/v1/generate/custom/*", "query": {"dryRun": None}}
SEARCH = {"method": "GET", "path": "/v1/jobs", "query": {"types": None}}
FILE = {"method": "GET", "path": "/cdn/*"}

#: What one clip of these tests costs.
PRICE = 30

_PRELUDE = """
import asyncio, dataclasses
from tests.reliability.moments import *

def set_waits(**settings):
    global QUICK
    QUICK = dataclasses.replace(QUICK, **settings)

"""


def rule(
    match: dict[str, Any], fault: str, *, skip: int = 0, times: int = 1, **options: Any
) -> dict[str, Any]:
    """A rule of a fault script."""
    return {"match": {**match, "skip": skip, "times": times}, "fault": fault, **options}


def lasting_port() -> int:
    """A free port outside the range that systems deal out, so that nobody else gets it while its server is away."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


class Outcome(NamedTuple):
    """POSTs that the server saw come, creative units that it charged, and where the journal says that the clips are."""

    posts: int
    charges: list[float]
    states: list[str]


class Stage:
    """Where one scenario is played; `home` is the library's folder."""

    def __init__(self, start_sandbox: StartSandbox, folder: Path) -> None:
        self._start_sandbox = start_sandbox
        self._folder = folder
        self._record = folder / "requests.jsonl"
        self._kernels: list[Kernel] = []
        self.home = folder / "home"

    def serve(self, *faults: dict[str, Any], **options: Any) -> None:
        """Start the sandbox; or another in its place, if it has been stopped."""
        if hasattr(self, "sandbox"):
            options = {"follows": self.sandbox, **options}
        defaults = {"speed": 400, "scale": 0.1, "record": self._record}
        self.sandbox = self._start_sandbox(faults=faults, **{**defaults, **options})

    # -- kernels -----------------------------------------------------------------------------------------------------

    def kernel(self, code: str) -> Kernel:
        """Start a kernel that has all of `tests.reliability.moments` at hand."""
        self._kernels.append(Kernel(_PRELUDE + code, self.home, self.sandbox))
        return self._kernels[-1]

    def lives(self, code: str) -> str:
        """Run a kernel to its end; what it said."""
        status, said, complaints = self.kernel(code).end()
        assert (status, complaints) == (0, ""), complaints
        return said

    def dies(self, code: str) -> None:
        """Run a kernel that kills itself."""
        status, _, complaints = self.kernel(code).end()
        assert status == -signal.SIGKILL, complaints

    def clear(self) -> None:
        """End what still runs."""
        for kernel in self._kernels:
            kernel.kill()
            kernel.process.communicate()

    # -- what there is -----------------------------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        """How it stands, on both sides."""
        charges = [one["creativeUnits"] for one in self.sandbox.ledger()["charges"]]
        return Outcome(len(self.posts()), charges, [clip["state"] for clip in self.clips()])

    def requests(self, method: str, path: str) -> list[dict[str, Any]]:
        """The requests that came for a path, or for what is below one that ends with a slash; oldest first."""
        lines = self._record.read_text().splitlines() if self._record.exists() else []
        found = [line for line in map(json.loads, lines) if line["method"] == method]
        return [
            line
            for line in found
            if line["path"] == path or (path.endswith("/") and line["path"].startswith(path))
        ]

    def posts(self) -> list[dict[str, Any]]:
        """The requests that cost money."""
        return [
            line for line in self.requests("POST", "/v1/generate/custom/") if "dryRun" not in line["query"]
        ]

    def searches(self) -> list[dict[str, Any]]:
        """The requests that look for lost jobs, but for further pages."""
        lines = self.requests("GET", "/v1/jobs")
        return [
            line
            for line in lines
            if "createdAfter=" in line["query"] and "paginationToken=" not in line["query"]
        ]

    def clips(self) -> list[dict[str, Any]]:
        """The clips as the journal's file has them, oldest first."""
        return self._read("SELECT * FROM jobs ORDER BY created_at, id")

    def owner(self) -> int:
        """The process that owns the library, as the journal's file has it."""
        (owner,) = self._read("SELECT pid FROM owner")
        return int(owner["pid"])

    def steps(self) -> list[str]:
        """Every state that a clip has come to, in order."""
        return [event["to_state"] for event in self._read("SELECT to_state FROM events ORDER BY seq")]

    def _read(self, query: str) -> list[dict[str, Any]]:
        with contextlib.closing(sqlite3.connect(self.home / "library.sqlite3")) as library:
            library.row_factory = sqlite3.Row
            return [dict(row) for row in library.execute(query)]

    def assert_whole(self) -> None:
        """Each clip's file is what the sandbox rendered, bit for bit, with its index in front; and there is no other clip."""
        outputs = self._read("SELECT * FROM outputs")
        assert len(outputs) == len(self.clips())
        for output in outputs:
            expected = self._folder / "expected.mp4"
            move_moov_first(self.sandbox.home / "files" / output["asset_id"], expected)
            assert output["sha256"] == _digest(self.home / output["path"]) == _digest(expected)
        assert self.files("*.mp4") == sorted(Path(output["path"]).name for output in outputs)

    def files(self, pattern: str) -> list[str]:
        """The names in the library's folder of clips that match."""
        return sorted(path.name for path in (self.home / "clips").glob(pattern))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
