"""One run: a server that misbehaves, kernels that are killed one after the other, and the verdict."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .kernel import PATIENCE, UNFINISHED, Kernel
from .pictures import picture
from .plan import LATE, Kill, Plan
from .processes import end, fork, wait
from .server import Server
from .verdict import Verdict, judge

SPEED = 150.0
_SIGKILL = -9


@dataclass
class Outcome:
    """What became of one run; `fired` are the kill points at which a kernel ended."""

    plan: Plan
    fired: list[str]
    verdict: Verdict
    seconds: float

    def to_wire(self) -> dict[str, Any]:
        return {"fired": self.fired, "verdict": asdict(self.verdict), "seconds": self.seconds}

    @classmethod
    def of_wire(cls, plan: Plan, wire: dict[str, Any]) -> Outcome:
        return cls(plan, wire["fired"], Verdict(**wire["verdict"]), wire["seconds"])


def carry_out(plan: Plan, folder: Path, stock: Path, *, broken: str | None = None) -> Outcome:
    """Works in `folder`, with videos out of `stock`. Forks: for a process with a single thread."""
    begun = time.monotonic()
    server = Server(folder, plan.rules, stock, parallel=plan.behaviour.parallel, speed=SPEED)
    kernels = _Kernels(server, plan, folder, broken)
    beside = kernels.start(plan.beside, None) if plan.beside else None
    for number, requests in enumerate(plan.kernels):
        kill = plan.kills[number] if number < len(plan.kills) else None
        kernels.finish(kernels.start(requests, kill))
    if beside is not None:
        kernels.finish(beside)
    kernels.outages.end()
    _let_pass(LATE if "after" in str(plan.rules) else 0.0)
    verdict = judge(folder / "home", server.home, server.ledger(), server.posts(), kernels.told)
    server.kill()
    for failure in kernels.failures:
        log = (folder / "kernel.log").read_text()[-3000:]
        verdict.note("unfinished", 1, f"a kernel: {failure}\n{log}")
    return Outcome(plan, kernels.fired, verdict, time.monotonic() - begun)


class _Kernels:
    """The kernels of one run: what they said, where they were killed, and what should not have become of them."""

    def __init__(self, server: Server, plan: Plan, folder: Path, broken: str | None) -> None:
        self.outages = _Outages(server, plan)
        self.told: set[str] = set()
        self.fired: list[str] = []
        self.failures: list[str] = []
        self._server, self._folder, self._broken = server, folder, broken
        self._picture = picture(plan.seed, plan.number)

    def start(self, requests: Sequence[tuple[str, int]], kill: Kill | None) -> tuple[int, int, Kill | None]:
        """Its process, and where it says what it has asked for."""
        kernel = Kernel(
            base_url=self._server.base_url,
            key=self._server.key,
            secret=self._server.secret,
            home=self._folder / "home",
            picture=self._picture,
            requests=requests,
            kill=kill,
            broken=self._broken,
        )
        said, stdout = os.pipe()
        pid = fork(kernel.run, log=self._folder / "kernel.log", stdout=stdout)
        os.close(stdout)
        return pid, said, kill

    def finish(self, started: tuple[int, int, Kill | None]) -> None:
        """Wait for its end."""
        pid, said, kill = started
        status = wait(pid, time.monotonic() + PATIENCE + 30, self.outages.pass_by)
        if status is None:
            end(pid)
        with os.fdopen(said) as lines:
            self.told |= {line.strip() for line in lines}
        if status == _SIGKILL and kill is not None:
            self.fired.append(kill.point)
        elif status in (None, UNFINISHED):
            self.failures.append("it is not at rest")
        elif status != 0:
            self.failures.append(f"it ended with {status}")


class _Outages:
    """The times at which the server goes away, and comes back."""

    def __init__(self, server: Server, plan: Plan) -> None:
        self._server = server
        self._left = list(plan.outages)
        self._away = False
        self._next = time.monotonic() + (self._left[0][0] if self._left else 0.0)

    def pass_by(self) -> None:
        if not self._left or time.monotonic() < self._next:
            return
        if self._away:
            self._server.start()
            self._away = False
            self._left.pop(0)
            self._next = time.monotonic() + (self._left[0][0] if self._left else 0.0)
        else:
            self._server.kill()
            self._away = True
            self._next = time.monotonic() + self._left[0][1]

    def end(self) -> None:
        self._left.clear()
        if self._away:
            self._server.start()


def _let_pass(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(left)
