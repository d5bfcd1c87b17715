"""A clip in a person's hand: what it is, what it costs, where its file is, and ways to wait for it."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from happyhorse_widgets.errors import HappyHorseError, LibraryError, WaitTimeout
from happyhorse_widgets.media import frames as video_frames

from .code import code_for
from .endings import error_of
from .loop import engine_loop
from .request import Request
from .states import RESTING, WITHDRAWABLE, State
from .waiting import Waiters

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from concurrent.futures import Future

    import numpy as np
    from IPython.display import Video
    from PIL import Image

    from happyhorse_widgets.errors import JobError
    from happyhorse_widgets.library.clips import ClipRecord


class Keeper(Protocol):
    """What a clip asks of the session it belongs to."""

    home: Path

    def act(self, clip: Clip, action: str) -> Future[str]:
        """Carry out "cancel", "look", "detach" or "watch" on the engine's loop; resolves to what happened, in words."""

    def submit_again(self, clip: Clip) -> Clip:
        """A new clip of the same request."""

    def observe(self, callback: Callable[[Clip], None]) -> Callable[[], None]:
        """Have `callback` told, on the engine's thread, of every clip that changed; returns what ends it."""

    def usual_seconds(self, model: str) -> float | None:
        """How long this model's jobs take, as far as it is known without asking."""


class Clip:
    """One clip, from the request to the file.

    Made by `generate`, found again in `session.clips`. Await it, or call `wait()`; either gives the clip itself once its file is
    on the disk, or raises a `JobError` that says what happened, what it cost and what to do. Interrupting a wait never cancels
    the job.
    """

    def __init__(self, keeper: Keeper, record: ClipRecord) -> None:
        #: The session that drives it.
        self.keeper = keeper
        self._record = record
        self._waiters = Waiters(lambda: self.is_over or self.halted is not None)
        self._pid = os.getpid()
        self.request = Request.from_dict(record.request)
        #: What is only advised against, in words; known to the process that asked for the clip.
        self.warnings: tuple[str, ...] = ()
        #: Why the clip does not move at the moment (no network, no place in the plan), or "".
        self.note = ""
        #: Why nobody drives it on (the session was closed), which those who wait are told; else None.
        self.halted: HappyHorseError | None = None
        #: 0 to 1 while uploading, generating or downloading; None where nothing is known.
        self.progress: float | None = None
        #: Whether nobody watches any more; the clip arrives all the same.
        self.detached = False

    # -- what it is ------------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The clip's local id, which also names its file."""
        return self._record.id

    @property
    def job_id(self) -> str | None:
        """Scenario's id of the job; None before it was submitted."""
        return self._record.remote_id

    @property
    def state(self) -> State:
        """Where the clip is; see `engine.states`. A `State` is a string."""
        return State(self._record.state)

    @property
    def is_done(self) -> bool:
        """Whether the finished file is on the disk."""
        return self.state is State.DONE

    @property
    def is_over(self) -> bool:
        """Whether the engine has nothing more to do for it: done, failed, or waiting for a person's decision."""
        return self.state in RESTING

    @property
    def cost(self) -> float | None:
        """What Scenario charged, in creative units; 0.0 when it was refunded, None before it is known."""
        return 0.0 if self._record.refunded else self._record.cost

    @property
    def estimate(self) -> float | None:
        """What it was expected to cost, in creative units; None where that is not known."""
        return self._record.estimate

    @property
    def seed_used(self) -> int | None:
        """The seed the model used, where it says so; `request.seed` is the one asked for."""
        return self._record.seed_used

    @property
    def sandbox(self) -> bool:
        """Whether this is a simulation."""
        return self._record.sandbox

    @property
    def created_at(self) -> float:
        """When it was asked for, in seconds since the epoch."""
        return self._record.created_at

    @property
    def finished_at(self) -> float | None:
        """When it came to rest, in seconds since the epoch; None before."""
        return self._record.finished_at

    @property
    def elapsed(self) -> float:
        """Seconds from the request to its end, or to now."""
        return (self.finished_at or time.time()) - self.created_at

    @property
    def path(self) -> Path | None:
        """The finished MP4; None before it is on the disk, whole and verified."""
        first = self._record.outputs[0] if self._record.outputs else None
        return (
            None if first is None or first.path is None or not self.is_done else self.keeper.home / first.path
        )

    @property
    def facts(self) -> dict[str, Any] | None:
        """Width, height, frame rate, duration, codecs and size of the finished file; None before."""
        return self._record.outputs[0].facts if self._record.outputs else None

    @property
    def sha256(self) -> str | None:
        """Of the finished file, in hex; None before."""
        return self._record.outputs[0].sha256 if self._record.outputs else None

    @property
    def error(self) -> JobError | None:
        """Why there is no video, in words; None while there may be one."""
        return error_of(self._record)

    def to_dict(self) -> dict[str, Any]:
        """Everything needed to make it again and to know what became of it, as plain JSON types."""
        record = self._record
        return {
            "id": self.id,
            "job_id": self.job_id,
            "state": str(self.state),
            "sandbox": self.sandbox,
            "model": record.model,
            "request": self.request.to_dict(),
            "seed_used": self.seed_used,
            "estimate": self.estimate,
            "cost": self.cost,
            "created_at": self.created_at,
            "finished_at": self.finished_at,
            "asset_ids": [output.asset_id for output in record.outputs],
            "path": None if self.path is None else str(self.path),
            "sha256": self.sha256,
            "facts": self.facts,
            "error": None if self.error is None else str(self.error),
            "versions": record.versions,
        }

    def code(self, language: str = "python") -> str:
        """Code that would make it again, in "python", "curl" or "javascript"; it takes the keys from the environment.

        Where an image has no asset id yet, as before it was uploaded, its name stands in angle brackets.
        """
        return code_for(language, self._record, self.keeper.home)

    def __repr__(self) -> str:
        where = f" {self.path}" if self.path else ""
        mark = " sandbox" if self.sandbox else ""
        return f"<Clip {self.id} {self.state}{mark}{where}>"

    # -- waiting ---------------------------------------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, Clip]:
        return self._arrival().__await__()

    async def _arrival(self) -> Clip:
        self._check_process()
        await self._waiters.arrival()
        return self._outcome()

    def wait(self, timeout: float | None = None) -> Clip:
        """Wait, at most `timeout` seconds, for code that cannot await; in a cell too.

        Returns the clip. Raises a `JobError` when there will be no video, `WaitTimeout` when the time is up, `LibraryError` when
        the session was closed, and `KeyboardInterrupt` when interrupted; in the last three cases the job goes on.
        """
        self._check_process()
        if engine_loop().is_here():
            raise RuntimeError("wait() on the engine's own thread would wait for itself: await the clip.")
        try:
            arrived = self._waiters.wait(timeout)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"Stopped waiting. Clip {self.id} goes on in the background.") from None
        if not arrived:
            raise WaitTimeout(
                f"Clip {self.id} is not ready after {timeout:g} s (it is {self.state}); it goes on in the background."
            )
        return self._outcome()

    def _outcome(self) -> Clip:
        why = self.error if self.is_over else self.halted
        if why is not None:
            raise why
        return self

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            raise LibraryError(
                f"Clip {self.id} is driven by process {self._pid}, from which this one was forked: wait for it there."
            )

    # -- doing -----------------------------------------------------------------------------------------------------

    def cancel(self) -> str:
        """Take the clip back. Returns a sentence that says what that meant.

        Before it was sent it is withdrawn: free, guaranteed. Afterwards Scenario is asked to cancel, which it usually refuses for
        generations such as this one: then the job goes on, paid, and the clip arrives.
        """
        return self._act("cancel")

    def detach(self) -> str:
        """Stop watching. The engine goes on, and the clip arrives. Returns a sentence that says so."""
        return self._act("detach")

    def _act(self, action: str) -> str:
        if engine_loop().is_here():
            raise RuntimeError("An observer runs on the engine's own thread, and must not wait for it.")
        return self.keeper.act(self, action).result()

    def look_again(self) -> str:
        """Where the clip waits for a decision (`needs_user`): look for its job, or fetch its file, once more, free of charge.

        Returns a sentence that says what happens; await the clip for the outcome.
        """
        return self._act("look")

    def submit_again(self) -> Clip:
        """Ask for the same once more, as a new clip; it costs what any clip costs.

        For a clip that is over. One that waits for a decision (`needs_user`) gets one successor: asking twice gives the same
        new clip. Raises `InvalidRequest` while the clip is on its way, or where a reference image is not kept any more.
        """
        return self.keeper.submit_again(self)

    @property
    def successor_id(self) -> str | None:
        """The local id of the clip that was submitted in its place while it waited for a decision; else None."""
        return self._record.successor

    @property
    def can_withdraw(self) -> bool:
        """Whether it can still be taken back for free."""
        return self.state in WITHDRAWABLE

    # -- looking ---------------------------------------------------------------------------------------------------

    def video(self, embed: bool | None = None, width: int | None = None) -> Video:
        """The finished clip as an `IPython.display.Video`.

        `embed` puts the file's bytes into the notebook (a third larger than the file); by default the notebook points to the
        file where that is below the working folder, and embeds it elsewhere. `width` is in CSS pixels.
        """
        from IPython.display import Video  # heavy, and not needed by a script

        path = self._finished()
        below = path.is_relative_to(Path.cwd())
        if embed or (embed is None and not below):
            source: dict[str, Any] = {"data": path.read_bytes(), "embed": True}
        else:
            # An absolute path is no address; Jupyter serves what lies below the notebook.
            source = {
                "url": quote((path.relative_to(Path.cwd()) if below else path).as_posix()),
                "embed": False,
            }
        return Video(**source, mimetype="video/mp4", width=width, html_attributes="controls")  # type: ignore[no-untyped-call]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Copy the finished MP4 to a file, or into a folder under the clip's own name. Returns where it is.

        A file of that name is replaced. Raises OSError where it cannot be written.
        """
        target = Path(path).expanduser()
        if target.is_dir():
            target = target / self._finished().name
        with contextlib.suppress(shutil.SameFileError):
            shutil.copyfile(self._finished(), target)
        return target

    def poster(self) -> Image.Image:
        """The first frame as a PIL image of the clip's own size."""
        return video_frames.poster(self._finished())

    def frames(self, n: int) -> np.ndarray[Any, Any]:
        """`n` frames, evenly spaced from the first to the last: uint8, shape (n, height, width, 3)."""
        return video_frames.sample(self._finished(), n)

    def last_frame(self) -> Image.Image:
        """The last frame as a PIL image: a reference from which another clip goes on."""
        return video_frames.last_frame(self._finished())

    def poster_jpeg(self) -> bytes | None:
        """A small JPEG of the first frame, at most about 40 KB; None before the clip is done."""
        file = self.keeper.home / "posters" / f"{self.id}.jpg"
        return file.read_bytes() if self.is_done and file.exists() else None

    def _finished(self) -> Path:
        path = self.path
        if path is None:
            raise self.error or HappyHorseError(
                f"Clip {self.id} is not ready yet: await it first (it is {self.state})."
            )
        if not path.exists():
            raise LibraryError(f"The file of clip {self.id} is gone: {path}. Put it back, or make it again.")
        return path

    def _ipython_display_(self) -> None:
        _presenter(self)

    # -- kept up to date by the engine ------------------------------------------------------------------------------

    @property
    def record(self) -> ClipRecord:
        """The clip as the journal has it."""
        return self._record

    def take(self, record: ClipRecord) -> None:
        """Show what was committed, and let those go who wait; called by the engine after each commit."""
        if record.request != self._record.request:
            self.request = Request.from_dict(record.request)
        self._record = record
        self._waiters.release()

    def halt(self, why: HappyHorseError) -> None:
        """Tell those who wait that nobody drives the clip on; called by the engine."""
        self.halted = why
        self._waiters.release()


def _print(clip: Clip) -> None:
    print(repr(clip))


_presenter: Callable[[Clip], None] = _print


def set_presenter(presenter: Callable[[Clip], None]) -> None:
    """Choose how a notebook shows a bare clip. The widget layer, which may not be imported from here, is put in by the façade."""
    global _presenter  # noqa: PLW0603 (a plug point, filled once)
    _presenter = presenter
