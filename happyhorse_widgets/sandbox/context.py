"""What every route needs: the options the server was started with, the ledger, the signer and the renderers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from .wire import PROJECT

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from starlette.requests import Request

    from .ledger import Ledger
    from .rendering import Renderers
    from .signing import Signer


@dataclass(frozen=True, slots=True)
class Options:
    """How a sandbox is run.

    `speed` divides all simulated waiting. `parallel` is the plan's limit of generations at a time, `scale` the size of
    rendered frames relative to the real ones, `workers` how many videos are rendered at a time, `url_ttl` for how many
    seconds a download's address is valid. `clock_offset` seconds are added to the machine's clock, `record` is a file to
    which every request is written down. With `die_with_parent` the end of stdin ends the server.
    """

    home: Path
    port: int = 0
    speed: float = 20.0
    parallel: int = 8
    scale: float = 1.0
    workers: int = 1
    url_ttl: float = 3600.0
    faults: Path | None = None
    clock_offset: float = 0.0
    record: Path | None = None
    die_with_parent: bool = False

    def now(self) -> float:
        """The server's clock, in epoch seconds; whole milliseconds, like the dates of the API."""
        return round(time.time() + self.clock_offset, 3)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One running sandbox. `checking` lets uploads be looked at one at a time, `examples` be made once."""

    options: Options
    ledger: Ledger
    signer: Signer
    renderers: Renderers
    checking: asyncio.Lock
    examples: asyncio.Lock

    def now(self) -> float:
        """The server's clock, in epoch seconds."""
        return self.options.now()


def sandbox(request: Request) -> Sandbox:
    """The sandbox that serves this request."""
    found: Sandbox = request.app.state.sandbox
    return found


def project_of(request: Request) -> str | None:
    """The project that the request names, or None."""
    return request.query_params.get("projectId") or None


def owner_of(request: Request) -> str:
    """The project that owns what the request makes."""
    return project_of(request) or PROJECT


def assert_owned(request: Request, owner: str, what: str) -> None:
    """Answer 404 if the request names a project, and it is not this owner."""
    if project_of(request) not in {None, owner}:
        raise HTTPException(404, f"{what} was not found in this project")
