"""`python -m happyhorse_widgets.sandbox`: run the sandbox.

On stdout it prints one line of JSON when it serves: `{"base_url": "http://127.0.0.1:PORT/v1", "pid": N}`. The key pair
that it accepts comes from HAPPYHORSE_SANDBOX_KEY and HAPPYHORSE_SANDBOX_SECRET; without them it makes one for the run
and prints it on stderr. Exit status 2: it could not begin, and said why on stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from happyhorse_widgets.errors import ConfigurationError

from .context import Options
from .serve import run

if TYPE_CHECKING:
    from collections.abc import Callable

Number = TypeVar("Number", int, float)


def main() -> int:
    """Parse the command line and serve."""
    try:
        run(_options(sys.argv[1:]))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _options(arguments: list[str]) -> Options:
    defaults = Options(home=Path(os.getenv("HAPPYHORSE_HOME", "happyhorse")) / "sandbox")
    parser = argparse.ArgumentParser(
        prog="python -m happyhorse_widgets.sandbox",
        description="A local server that speaks Scenario's API and renders simulated clips.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--home", type=Path, default=defaults.home, help="folder of the ledger and the files")
    parser.add_argument(
        "--port", type=int, default=defaults.port, help="port on 127.0.0.1; 0 for any that is free"
    )
    parser.add_argument(
        "--speed", type=_above(0, float), default=defaults.speed, help="divides all simulated waiting"
    )
    parser.add_argument(
        "--faults", type=Path, help="fault script; happyhorse_widgets.sandbox.faults says what it holds"
    )
    parser.add_argument(
        "--parallel", type=_above(0, int), default=defaults.parallel, help="the plan's generations at a time"
    )
    parser.add_argument(
        "--scale", type=_above(0, float), default=defaults.scale, help="size of frames, 1 for the real one"
    )
    parser.add_argument(
        "--workers", type=_above(0, int), default=os.cpu_count() or 1, help="videos rendered at a time"
    )
    parser.add_argument(
        "--url-ttl", type=_above(0, float), default=defaults.url_ttl, help="seconds for which addresses hold"
    )
    parser.add_argument(
        "--clock-offset",
        type=float,
        default=defaults.clock_offset,
        help="seconds to add to this machine's clock",
    )
    parser.add_argument(
        "--record", type=Path, help="file to which every request is written down, in lines of JSON"
    )
    parser.add_argument(
        "--die-with-parent", action="store_true", help="end when stdin, a pipe from the parent, ends"
    )
    return Options(**vars(parser.parse_args(arguments)))


def _above(least: float, kind: Callable[[str], Number]) -> Callable[[str], Number]:
    def parse(text: str) -> Number:
        value = kind(text)
        if not value > least:
            raise argparse.ArgumentTypeError(f"{text} is not above {least}")
        return value

    return parse


if __name__ == "__main__":
    sys.exit(main())
