"""`python -m tests.campaign --intents N --seed S`: kill kernels among misbehaving servers, and count what went wrong.

Prints a table, and for every run that went wrong what it was and how to run it alone. Exit status 1 where anything was
lost, overpaid, unfinished or wrong.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from happyhorse_widgets.api.transport import tls_context
from happyhorse_widgets.engine import session

from .broken import BROKEN
from .plan import BEHAVIOURS, KILL_POINTS, Behaviour, Plan, plan_of
from .processes import fork
from .run import Outcome, carry_out
from .stock import draw_stock
from .table import table

#: Size of the frames against the real one.
_SCALE = 0.03
#: Seconds after which a run is given up.
_LONGEST = 300.0


def main() -> int:
    """Parse the command line and run the campaign."""
    options = _options()
    _preload()
    begun = time.monotonic()
    outcomes = list(_campaign(options))
    seconds = time.monotonic() - begun
    print(table(outcomes, options.behaviours))
    intents = sum(outcome.verdict.intents for outcome in outcomes)
    fired = Counter(point for outcome in outcomes for point in outcome.fired)
    print("\nkilled:", ", ".join(f"{point} {fired[point]}×" for point in KILL_POINTS))
    print(f"seed {options.seed}: {intents} intents in {seconds:.0f} s, {intents / seconds:.1f} a second")
    bad = [outcome for outcome in outcomes if outcome.verdict.problems]
    for outcome in bad:
        print(
            f"\n{outcome.plan.name}\n  again: python -m tests.campaign --seed {options.seed} --run {outcome.plan.number}"
        )
        print("\n".join(f"  {problem}" for problem in outcome.verdict.problems))
    return 1 if bad else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__.split("\n\n")[0])
    parser.add_argument("--intents", type=int, default=1000, help="how many intents at least (default 1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--jobs", type=int, default=5 * (os.cpu_count() or 1), help="runs at a time; most of each is waiting"
    )
    parser.add_argument("--run", type=int, help="only this one")
    parser.add_argument(
        "--behaviours", type=_behaviours, default=BEHAVIOURS, help="only these, by number from 0: 1,3"
    )
    parser.add_argument(
        "--broken", choices=BROKEN, help="a protocol that loses money, which has to be found out"
    )
    parser.add_argument("--keep", type=Path, help="a folder in which every run leaves what it made")
    return parser.parse_args()


def _behaviours(text: str) -> list[Behaviour]:
    return [BEHAVIOURS[int(number)] for number in text.split(",")]


def _preload() -> None:
    """Import and compute once what every kernel and every sandbox needs."""
    for module in ("engine.connect", "sandbox.serve", "sandbox.worker", "sandbox.render", "media.frames"):
        import_module(f"happyhorse_widgets.{module}")
    for module in ("uvicorn.protocols.http.h11_impl", "uvicorn.lifespan.on", "uvicorn.loops.asyncio"):
        import_module(module)
    tls_context()
    session._versions()
    tasks = Path("/proc/self/task")
    if tasks.is_dir() and len(list(tasks.iterdir())) > 1:
        raise RuntimeError("a thread runs before the first fork")
    gc.collect()
    gc.freeze()


def _campaign(options: argparse.Namespace) -> Iterator[Outcome]:
    # A process that is killed needs no disk: what it wrote is with the system. Memory is faster.
    memory = Path("/dev/shm")
    folder = options.keep or Path(
        tempfile.mkdtemp(prefix="campaign-", dir=memory if memory.is_dir() else None)
    )
    os.waitpid(fork(lambda: draw_stock(folder / "stock", scale=_SCALE)), 0)
    running: dict[int, tuple[int, Plan, float]] = {}
    intents, number = 0, options.run or 0
    try:
        while running or intents < options.intents:
            while len(running) < options.jobs and intents + 4 * len(running) < options.intents:
                plan = plan_of(options.seed, number, options.behaviours)
                said, pid = _begin(plan, folder, options.broken)
                running[said] = (pid, plan, time.monotonic() + _LONGEST)
                number += 1
                if options.run is not None:
                    options.intents = 0
            for said in _ready(running):
                pid, plan, _ = running.pop(said)
                outcome = _finish(said, pid, plan, folder / str(plan.number))
                intents += outcome.verdict.intents
                if not (options.keep or outcome.verdict.problems):
                    shutil.rmtree(folder / str(plan.number))
                yield outcome
    finally:
        for pid, _, _ in running.values():
            os.killpg(pid, signal.SIGKILL)
        if options.keep is None:
            shutil.rmtree(folder)


def _begin(plan: Plan, folder: Path, broken: str | None) -> tuple[int, int]:
    """Start a run; where it will say what came of it, and its process, which leads a group of its own."""
    own = folder / str(plan.number)
    own.mkdir(parents=True)
    said, saying = os.pipe()

    def work() -> None:
        os.setpgid(0, 0)
        os.close(said)
        outcome = carry_out(plan, own, folder / "stock", broken=broken)
        with os.fdopen(saying, "w") as out:
            json.dump(outcome.to_wire(), out)

    pid = fork(work, log=own / "run.log")
    os.close(saying)
    return said, pid


def _ready(running: dict[int, tuple[int, Plan, float]]) -> list[int]:
    ready, _, _ = select.select(list(running), [], [], 1.0)
    late = [said for said, (_, _, deadline) in running.items() if time.monotonic() > deadline]
    for said in late:
        os.killpg(running[said][0], signal.SIGKILL)
    return ready


def _finish(said: int, pid: int, plan: Plan, folder: Path) -> Outcome:
    with os.fdopen(said) as lines:
        text = lines.read()
    os.waitpid(pid, 0)
    if text:
        return Outcome.of_wire(plan, json.loads(text))
    failed = Outcome.of_wire(plan, {"fired": [], "verdict": {}, "seconds": 0.0})
    failed.verdict.note("unfinished", 1, f"the run itself broke\n{(folder / 'run.log').read_text()}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
