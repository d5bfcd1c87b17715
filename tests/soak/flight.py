"""Many clips in flight in one session, from the first to the last, with the process's memory sampled."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import numpy as np
import psutil

from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.connect import connect
from happyhorse_widgets.engine.loop import engine_loop
from happyhorse_widgets.engine.settings import Settings
from happyhorse_widgets.engine.states import State
from tests.campaign.pictures import picture
from tests.conftest import SandboxProcess

SCALE = 0.03
SETTINGS = Settings(quiescence=10.0, reconcile_gap=2.0, unseen=20.0)
HASTY = Settings(quiescence=2.4, reconcile_gap=0.2, unseen=2.0, retry_first=0.05, retry_most=0.5)
_PICTURES = 20


@dataclass
class Memory:
    """Resident memory in MB over time, from the moment on at which all clips were in flight, with how many were done."""

    samples: list[tuple[float, float, int]] = field(default_factory=list)

    def sample(self, process: psutil.Process, done: int) -> None:
        self.samples.append((time.monotonic(), process.memory_info().rss / 1e6, done))

    @property
    def first(self) -> float:
        return self.samples[0][1]

    @property
    def last(self) -> float:
        return self.samples[-1][1]

    @property
    def most(self) -> float:
        return max(megabytes for _, megabytes, _ in self.samples)

    @property
    def growth(self) -> float:
        """MB a minute from the first sample to the last; 0.0 where there is but one."""
        minutes = (self.samples[-1][0] - self.samples[0][0]) / 60
        return (self.last - self.first) / minutes if minutes else 0.0

    def slope(self, *, least: int, most: int) -> float:
        """MB a minute, fitted, while so many were done; 0.0 where that was too short to tell."""
        chosen = np.array([(at, megabytes) for at, megabytes, done in self.samples if least <= done <= most])
        if len(chosen) < 3:
            return 0.0
        times, megabytes = chosen.T
        return float(np.polyfit((times - times[0]) / 60, megabytes, 1)[0])


class Flight:
    """`clips` clips against `sandbox`; says where they are every so many seconds."""

    def __init__(self, sandbox: SandboxProcess, home: Path, *, clips: int, every: float, hasty: bool) -> None:
        self._sandbox = sandbox
        self._home = home
        self._count = clips
        self._every = every
        self._settings = HASTY if hasty else SETTINGS
        self.told: set[str] = set()
        self.problems: list[str] = []
        self.memory = Memory()
        self.processor = 0.0

    def run(self, *, longest: float) -> float:
        """Until all rest, or for `longest` seconds; the seconds that it took."""
        import_module(
            "happyhorse_widgets.media.frames"
        )  # which is loaded by the first download otherwise, and looks like a leak
        begun, process = time.monotonic(), psutil.Process()
        keys = {"base_url": self._sandbox.base_url, "home": self._home, "settings": self._settings}
        session = connect(self._sandbox.key, self._sandbox.secret, **keys)
        pictures = [picture(number) for number in range(_PICTURES)]
        clips = [
            session.generate(
                f"character1 waves {number} times",
                [pictures[number % _PICTURES]],
                duration=3,
                resolution="720P",
            )
            for number in range(self._count)
        ]
        spoken = 0.0
        while _waiting(clips) and time.monotonic() - begun < longest:
            if all(clip.job_id or clip.is_over for clip in clips) or self.memory.samples:
                self.memory.sample(process, sum(clip.is_done for clip in clips))
            if time.monotonic() - spoken > self._every:
                spoken = time.monotonic()
                states = Counter(str(clip.state) for clip in clips)
                print(
                    f"{spoken - begun:5.0f} s  {process.memory_info().rss / 1e6:4.0f} MB  {dict(states)}",
                    flush=True,
                )
            # Their person decides at once.
            clips += [clip.submit_again() for clip in clips if _needs_its_person(clip)]
            time.sleep(0.5)
        self.told = {clip.id for clip in clips}
        self.memory.sample(process, sum(clip.is_done for clip in clips))
        session.close()
        left = engine_loop().run(_tasks()).result()
        self.problems = [f"left over: task {task}" for task in left]
        self.processor = sum(process.cpu_times()[:2])
        return time.monotonic() - begun


def _needs_its_person(clip: Clip) -> bool:
    return clip.state == State.NEEDS_USER and clip.successor_id is None


def _waiting(clips: list[Clip]) -> bool:
    return any(not clip.is_over or _needs_its_person(clip) for clip in clips)


async def _tasks() -> list[str]:
    own = asyncio.current_task()
    return [
        str(task) for task in asyncio.all_tasks() if task is not own and "EngineLoop._serve" not in str(task)
    ]
