"""`python -m tests.benchmarks.sandbox`: how long the sandbox draws a clip, and how much memory that takes.

Each run is a process of its own, as in the sandbox. Prints the seconds, how many times the clip's length they are, those that
the processors worked, and the peak of resident memory; and first the machine's load, which all but the last depend on.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from happyhorse_widgets.api.params import HAPPY_HORSE
from happyhorse_widgets.sandbox.render import render
from happyhorse_widgets.sandbox.sizes import FRAME_RATE, frame_count, frame_size

IMAGES = Path(__file__).resolve().parents[2] / "notebooks" / "images"


def drawn(ratio: str, resolution: str, duration: float, seed: int) -> tuple[float, float, float]:
    """Seconds to draw a clip, those of all processors together, and the peak of this process's memory in MB."""
    width, height = frame_size(ratio, resolution)
    with tempfile.TemporaryDirectory() as folder:
        began, worked = time.perf_counter(), time.process_time()
        render(
            Path(folder) / "clip.mp4",
            prompt="character1 waves at character2 in a meadow",
            images=[IMAGES / "fox.png", IMAGES / "astronaut.png"],
            width=width,
            height=height,
            duration=duration,
            seed=seed,
            model_id=HAPPY_HORSE,
        )
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
    return seconds, worked, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sandbox", description=__doc__)
    parser.add_argument("--resolution", default="1080P", help="720P or 1080P")
    parser.add_argument("--duration", type=float, default=5, help="seconds, as they are asked for")
    parser.add_argument("--runs", type=int, default=5, help="clips of each ratio")
    given = parser.parse_args()
    length = frame_count(given.duration) / FRAME_RATE
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as processes:
        for ratio in ("16:9", "9:16", "1:1"):
            runs = [
                processes.submit(drawn, ratio, given.resolution, given.duration, seed)
                for seed in range(given.runs)
            ]
            seconds, worked, peaks = zip(*(run.result() for run in runs), strict=True)
            median = statistics.median(seconds)
            print(
                f"{ratio:<5} {given.resolution}, {length:.2f} s: median {median:5.2f} s ({median / length:.2f} × its length), "
                f"worst {max(seconds):5.2f} s, processors {statistics.median(worked):5.2f} s, peak {max(peaks):.0f} MB"
            )


if __name__ == "__main__":
    main()
