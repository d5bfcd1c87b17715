"""`python -m tests.benchmarks.metrics`: how long measures take for each second of a clip, and what a second worker brings.

Prints the processor time of each measure, the time of whole clips in one process and spread over 1 and 2 workers, and the most
memory that a worker held. Clips are a texture that a camera moves over, with a tone, H.264 and AAC.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections import defaultdict
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

import happyhorse_widgets as hh
from happyhorse_widgets.media.probe import probe
from happyhorse_widgets.research.metrics.consistency import OverTime, ToReferences
from happyhorse_widgets.research.metrics.cuts import Cuts
from happyhorse_widgets.research.metrics.embedding import ColourAndShape, Portable
from happyhorse_widgets.research.metrics.frames import Measuring, decoded, spaced
from happyhorse_widgets.research.metrics.measuring import STILLS, ClipTask, Source, file_hash, measure_clip
from happyhorse_widgets.research.metrics.motion import Flicker, Motion
from happyhorse_widgets.research.metrics.quality import Quality
from happyhorse_widgets.research.metrics.sound import loudness
from tests.films import RATE, texture, tone, write_film

SIZES = {"720P": (1280, 720), "1080P": (1920, 1080)}


def film(path: Path, size: tuple[int, int], seconds: float, seed: int) -> Path:
    """A clip of a camera that moves by 4 pixels a frame."""
    width, height = size
    count = round(seconds * RATE)
    small = Image.fromarray(texture((width + 4 * count) // 4, height // 4, seed))
    large = np.asarray(small.resize((width + 4 * count, height)))
    frames = [np.ascontiguousarray(large[:, 4 * n : 4 * n + width]) for n in range(count)]
    return write_film(path, frames, tone(-20, seconds))


def each(path: Path, reference: Path) -> dict[str, float]:
    """Processor seconds of each measure, by name."""
    facts, embedder = probe(path), ColourAndShape()
    stills = spaced(facts.frames, STILLS)
    measures: dict[str, Measuring] = {
        "temporal flickering": Flicker(),
        "motion (3 columns)": Motion(facts.frame_rate, facts.width),
        "scene cuts": Cuts(),
        "sharpness, exposure": Quality(stills),
        "consistency over time": OverTime(embedder, facts.frame_rate),
        "consistency to 1 reference": ToReferences(embedder, {"character1": str(reference)}, stills),
    }
    spent: dict[str, float] = defaultdict(float)

    def timed(name: str, began: float) -> float:
        now = time.process_time()
        spent[name] += now - began
        return now

    now = time.process_time()
    for index, frame in enumerate(decoded(path)):
        _ = frame.small
        now = timed("decoding, shrinking", now)
        for name, measure in measures.items():
            measure.add(index, frame)
            now = timed(name, now)
    for name, measure in measures.items():
        measure.result()
        now = timed(name, now)
    loudness(path)
    now = timed("loudness", now)
    probe(path)
    file_hash(Source(path.name, str(path)))
    timed("facts, hash", now)
    return spent


def peak(task: ClipTask) -> int:
    """The most memory, in bytes, that this process has held once it has measured a clip."""
    measure_clip(task)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def spread(paths: list[Path], executor: Executor | str) -> float:
    """Seconds that the clips take."""
    began = time.perf_counter()
    assert not hh.metrics(paths, executor=executor, progress=False)["error"].any()  # type: ignore[arg-type]
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.metrics", description=__doc__)
    parser.add_argument("--clips", type=int, default=6, help="how many clips are spread over workers")
    parser.add_argument("--seconds", type=float, default=3, help="how long each clip is")
    parser.add_argument("--rounds", type=int, default=3, help="how often; the fastest counts")
    given = parser.parse_args()
    print(
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, clips of {given.seconds:g} s at {RATE} fps"
    )
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference.png"
        Image.fromarray(texture(300, 400, 99)).save(reference)
        for name, size in SIZES.items():
            path = film(Path(folder) / f"{name}.mp4", size, given.seconds, 0)
            spent = each(path, reference)
            for what, seconds in spent.items():
                print(f"{name:>6}  {what:<28} {1000 * seconds / given.seconds:7.0f} ms per clip-second")
            print(
                f"{name:>6}  {'together':<28} {1000 * sum(spent.values()) / given.seconds:7.0f} ms per clip-second"
            )
            task = ClipTask(
                Source(path.name, str(path)), Portable(ColourAndShape()), {"character1": str(reference)}
            )
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                print(
                    f"{name:>6}  {'memory of a worker':<28} {pool.submit(peak, task).result() / 1e6:7.0f} MB at its peak"
                )
        paths = [film(Path(folder) / f"{n}.mp4", SIZES["720P"], given.seconds, n) for n in range(given.clips)]
        whole = given.clips * given.seconds
        took: dict[str, float] = {}
        pools = {n: ProcessPoolExecutor(n, mp_context=get_context("spawn")) for n in (1, 2)}
        for workers, pool in pools.items():
            spread(paths[:workers], pool)  # they start, and import
        # In turns, and the fastest of each: what else the machine does falls on all of them alike.
        for _ in range(given.rounds):
            for what, where in (
                ("in one process", "serial"),
                ("1 worker", pools[1]),
                ("2 workers", pools[2]),
            ):
                took[what] = min(took.get(what, float("inf")), spread(paths, where))
        for pool in pools.values():
            pool.shutdown()
        for what, seconds in took.items():
            print(
                f"{given.clips} clips of 720P, {what:<15} {seconds:6.1f} s   {seconds / whole:5.2f} s per clip-second"
            )
        print(f"2 workers are {took['1 worker'] / took['2 workers']:.2f} times as fast as 1")
        print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
