"""`python -m tests.soak --clips 1000 --minutes 10 --faults 0.05`: many clips in flight at once, and what they leave behind.

Prints a line now and then, and the figures at the end. Exit status 1 where a clip did not finish, was lost or paid twice,
where anything was left over, or where memory grew faster than `--growth` allows.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

import httpx2

from tests.campaign.plan import KINDS, mixture
from tests.campaign.verdict import Verdict, judge
from tests.conftest import SandboxProcess

from .flight import SCALE, Flight, Memory
from .leftovers import Leftovers

#: MB a minute. All clips are held to the end, and each comes to know its job, file and costs: 1,000 of them took 24 MB for that
#: in 11.5 minutes, 2.1 a minute. What is twice as much is not explained by it.
_GROWTH = 4.2
#: Seconds that the sandbox's jobs take at a speed of 1, at the median.
_TYPICAL = 48.0


def main() -> int:
    """Parse the command line and run the soak."""
    options = _options()
    leftovers = Leftovers()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        home = Path(folder)
        faults = mixture(random.Random(options.seed), options.faults / KINDS) if options.faults else []
        # All are in flight for most of the time; without minutes they are made as fast as can be.
        speed = _TYPICAL / (0.8 * 60 * options.minutes) if options.minutes else 150.0
        sandbox = _sandbox(home, faults, clips=options.clips, speed=speed)
        flight = Flight(
            sandbox, home / "home", clips=options.clips, every=options.every, hasty=not options.minutes
        )
        seconds = flight.run(longest=120 * options.minutes + 300)
        verdict = judge(home / "home", sandbox.home, _ledger(sandbox), None, flight.told)
        sandbox.stop()
        left = leftovers.found(home / "home")
    problems = [*verdict.problems, *(f"left over: {thing}" for thing in left), *flight.problems]
    if options.minutes:
        problems += too_much(flight.memory, options.growth)
    _report(options, flight, verdict, seconds)
    print("\n".join(problems) if problems else "nothing was lost, paid twice or left over")
    return 1 if problems else 0


def too_much(memory: Memory, bound: float) -> list[str]:
    """What is wrong with memory that grew by more than `bound` MB a minute."""
    if memory.growth <= bound:
        return []
    return [f"memory grew by {memory.growth:.1f} MB a minute, which is more than {bound:g}"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.split("\n\n")[0])
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="how long the jobs take; 0: as short as can be"
    )
    parser.add_argument(
        "--faults",
        type=float,
        default=0.05,
        help=f"share of all requests that meet one of {KINDS} kinds of fault, an equal part each kind; those that only "
        "submissions, lists or files meet come on top, each as often",
    )
    parser.add_argument(
        "--growth",
        type=float,
        default=_GROWTH,
        help="MB a minute that memory may grow by, where the jobs take minutes",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=15.0, help="seconds between two lines")
    return parser.parse_args()


def _sandbox(folder: Path, faults: list[dict[str, object]], *, clips: int, speed: float) -> SandboxProcess:
    script = folder / "faults.json"
    script.write_text(json.dumps(faults))
    options = {"faults": script, "speed": speed, "scale": SCALE, "parallel": clips}
    return SandboxProcess(folder / "sandbox", [f"--{name}={value}" for name, value in options.items()])


def _ledger(sandbox: SandboxProcess) -> dict[str, object]:
    for _ in range(100):  # the fault script knows no mercy
        try:
            return sandbox.ledger()
        except (httpx2.HTTPError, ValueError):
            continue
    raise RuntimeError("the ledger cannot be read")


def _report(options: argparse.Namespace, flight: Flight, verdict: Verdict, seconds: float) -> None:
    memory = flight.memory
    again = verdict.intents - options.clips
    print(
        f"{options.clips} clips, {options.faults:.0%} faults, {seconds / 60:.1f} min; {again} submitted again by their person: "
        f"{verdict.done} done, {verdict.ended} refused, failed or canceled, {verdict.needs_user} replaced by those; "
        f"{verdict.charges} jobs charged, "
        f"{verdict.lost} lost, {verdict.overpaid} overpaid, {verdict.unfinished} unfinished, {verdict.wrong} wrong"
    )
    print(
        f"memory: {memory.first:.0f} MB once all were in flight, {memory.last:.0f} MB at the end, at most {memory.most:.0f} MB: "
        f"{memory.growth:+.2f} MB a minute; slope {memory.slope(least=0, most=0):+.2f} MB a minute before the first was done, "
        f"{memory.slope(least=options.clips // 4, most=options.clips):+.2f} from a quarter on; processor {flight.processor:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
