"""A kernel, forked: it opens a session, asks for clips, and waits until all is at rest, unless it is killed before."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.connect import connect
from happyhorse_widgets.engine.settings import Settings
from happyhorse_widgets.engine.states import State
from happyhorse_widgets.errors import InvalidRequest, JobError, WaitTimeout

from .broken import BROKEN
from .killing import arm
from .plan import Kill

#: The protocol with its waits cut short, in proportion: nothing is charged or listed later than `plan.LATE`, and the server's
#: clock is known to about a second.
SETTINGS = Settings(
    quiescence=2.4,
    reconcile_scans=2,
    reconcile_gap=0.15,
    poll_interval=0.1,
    single_poll=0.1,
    unseen=1.0,
    retry_first=0.05,
    retry_most=0.3,
)
#: Seconds within which everything has come to rest; far more than is needed.
PATIENCE = 60.0
#: The exit statuses of a kernel that has seen something not come to rest, and one clip submitted again twice.
UNFINISHED, TWICE = 3, 4


@dataclass(frozen=True)
class Kernel:
    """What one kernel does. `broken` names a protocol of `broken.BROKEN` in the place of ours."""

    base_url: str
    key: str
    secret: str
    home: Path
    picture: bytes
    requests: Sequence[tuple[str, int]]
    kill: Kill | None
    broken: str | None = None

    def run(self) -> None:
        """Says the id of each clip as soon as `generate` has given it."""
        warnings.simplefilter("ignore")
        settings = SETTINGS
        if self.broken is not None:
            breaking, hasty = BROKEN[self.broken]
            breaking()
            settings = dataclasses.replace(settings, **hasty)
        if self.kill is not None:
            arm(self.kill)
        session = connect(
            self.key, self.secret, base_url=self.base_url, home=self.home, budget=10_000.0, settings=settings
        )
        for prompt, seed in self.requests:
            clip = session.generate(prompt, [self.picture], duration=3, resolution="720P", seed=seed)
            _tell(clip)
        _arrive(list(session.clips))
        patient = self.broken != "impatient"
        for clip in [clip for clip in session.clips if clip.state == State.NEEDS_USER]:
            self._decide(clip, patient=patient)
        session.close()

    def _decide(self, clip: Clip, *, patient: bool) -> None:
        """What a person does with a clip that waits for it: look again, and for every other one submit again."""
        if patient:
            clip.look_again()
            _arrive([clip])
        if clip.state == State.NEEDS_USER and clip.successor_id is None and crc32(clip.id.encode()) % 2:
            try:
                new = clip.submit_again()
            except InvalidRequest:  # the person at the other kernel looks again: first see what comes of that
                _arrive([clip])
                self._decide(clip, patient=patient)
                return
            _tell(new)
            if clip.successor_id != new.id:
                sys.exit(TWICE)
            try:
                twice = clip.submit_again()  # a button that was pressed twice
            except InvalidRequest:
                if clip.state == State.NEEDS_USER:
                    raise  # refused only where the other person has looked again meanwhile
            else:
                if twice.id != new.id:
                    sys.exit(TWICE)
            _arrive([new])


def _tell(clip: Clip) -> None:
    os.write(1, f"{clip.id}\n".encode())


def _arrive(clips: list[Clip]) -> None:
    for clip in clips:
        try:
            with contextlib.suppress(JobError):
                clip.wait(PATIENCE)
        except WaitTimeout as late:
            sys.stderr.write(f"{late} Note: {clip.note or '-'}\n")
            sys.exit(UNFINISHED)
