"""A clip in a person's hand: ways to wait for it, to take it back, to say something of it, to go on from it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Protocol

from happyhorse_widgets.errors import HappyHorseError, LibraryError, WaitTimeout

from .code import code_for
from .lineage import Origin, origins
from .loop import engine_loop
from .request import Request
from .viewing import Viewable
from .waiting import Waiters

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from happyhorse_widgets.library.clips import ClipRecord


class Keeper(Protocol):
    """What a clip asks of the session it belongs to."""

    home: Path

    @property
    def account(self) -> tuple[str, str]:
        """The name of the service's address, or of the sandbox, and the project or ""."""

    def act(self, clip: Clip, action: str) -> Future[str]:
        """Carry out "cancel", "look", "detach" or "watch" on the engine's loop; resolves to what happened, in words."""

    def submit_again(self, clip: Clip) -> Clip:
        """A new clip of the same request."""

    def observe(self, callback: Callable[[Clip], None]) -> Callable[[], None]:
        """Have `callback` told of every clip that changed, on whatever thread; returns what ends it."""

    def usual_seconds(self, model: str) -> float | None:
        """How long this model's jobs take, as far as it is known without asking."""

    def mark(
        self,
        clip: Clip,
        *,
        favourite: bool | None = None,
        tags: Iterable[str] | None = None,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        notes: str | None = None,
    ) -> None:
        """Write down what is not None, and tell the observers."""

    def delete(self, clip: Clip) -> None:
        """Take the clip out of sight, and tell the observers."""

    def restore(self, clip: Clip) -> None:
        """Show it again, and tell the observers."""

    def remake(self, clip: Clip, changes: dict[str, Any]) -> Clip:
        """A new clip of the same request with changes."""

    def descendants(self, clip: Clip) -> list[Clip]:
        """The clips that come from it."""

    def clip(self, clip_id: str) -> Clip:
        """The clip with this local id, also a deleted one. Raises `KeyError` where there is none."""

    def deletions(self, clip_ids: Sequence[str]) -> dict[str, float | None]:
        """When those of the clips that are in the library were deleted; None for those that are shown."""


class Clip(Viewable):
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
        self._taking = threading.Lock()
        self.request = Request.from_dict(record.request)
        #: What is only advised against, in words; known to the process that asked for the clip.
        self.warnings: tuple[str, ...] = ()
        #: Why the clip does not move at the moment (no network, no place in the plan), or "".
        self.note = ""
        #: Why nobody drives it on (the session was closed), which those who wait are told, and its card shows; else None.
        self.halted: HappyHorseError | None = None
        #: 0 to 1 while uploading, generating or downloading; None where nothing is known.
        self.progress: float | None = None
        #: Whether nobody watches any more; the clip arrives all the same.
        self.detached = False

    def code(self, language: str = "python") -> str:
        """Code that would make it again, in "python", "curl" or "javascript"; it takes the keys from the environment.

        Where an image has no asset id yet, as before it was uploaded, or one of the session's own sandbox, its name stands in
        angle brackets. "curl" and "javascript" ask the address that the clip was asked of, and Scenario's for a clip of an own
        sandbox or of somebody else's library.
        """
        return code_for(language, self._record, endpoint=self.keeper.account[0], home=self.keeper.home)

    @property
    def _home(self) -> Path:
        return self.keeper.home

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
        generations such as this one: then the job goes on, paid, and the clip arrives. Where its answer was lost, the sentence
        says that it is not known.
        """
        return self._act("cancel")

    def detach(self) -> str:
        """Stop watching. The engine goes on, and the clip arrives. Returns a sentence that says what goes on."""
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

    # -- what a person says of it ------------------------------------------------------------------------------------

    def mark(
        self,
        *,
        favourite: bool | None = None,
        tags: Iterable[str] | None = None,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        notes: str | None = None,
    ) -> None:
        """Write down in the library what is not None; whoever observes the session is told, in other kernels too.

        `tags` replace those that were there, `remove_tags` are taken away and `add_tags` added, whoever else changes them
        meanwhile: at most 50 of at most 100 characters, each kept once whatever its case. `notes` are at most 20,000
        characters. Returns once it is written; from any thread. Raises `InvalidRequest` for what cannot be kept, and
        `LibraryError` where the library cannot be written.
        """
        self.keeper.mark(
            self, favourite=favourite, tags=tags, add_tags=add_tags, remove_tags=remove_tags, notes=notes
        )

    def delete(self) -> None:
        """Take it out of sight: it is in no list any more, and `restore` brings it back.

        Its file stays until `session.library.empty_trash()`; what it cost counts as before. Raises `InvalidRequest` while it is
        on its way. Like `mark` otherwise.
        """
        self.keeper.delete(self)

    def restore(self) -> None:
        """Show it again after `delete`; like `mark` otherwise."""
        self.keeper.restore(self)

    # -- where it comes from, and what came of it ----------------------------------------------------------------------

    def remake(self, **changes: Any) -> Clip:
        """The same request with changes, as a new clip: `clip.remake(seed=8)`, `clip.remake(prompt="…", duration=3)`.

        Takes what `generate` takes, costs what any clip costs, and raises what `generate` raises. The new clip's `lineage` names
        this one.
        """
        return self.keeper.remake(self, changes)

    @property
    def lineage(self) -> tuple[Origin, ...]:
        """The clips that it comes from: the one it was made anew from first, then those that it has a frame of."""
        found = origins(self._record, self.request)
        if not found:
            return ()
        try:
            deletions = self.keeper.deletions([clip_id for _, clip_id in found])
        except LibraryError:  # the session was closed
            return tuple(Origin(relation, clip_id, "") for relation, clip_id in found)
        return tuple(
            Origin(
                relation,
                clip_id,
                "missing"
                if clip_id not in deletions
                else "here"
                if deletions[clip_id] is None
                else "deleted",
            )
            for relation, clip_id in found
        )

    def descendants(self) -> list[Clip]:
        """The clips that come from this one, oldest first; deleted ones are left out."""
        return self.keeper.descendants(self)

    def _ipython_display_(self) -> None:
        _presenter(self)

    # -- kept up to date by the engine ------------------------------------------------------------------------------

    def take(self, record: ClipRecord) -> None:
        """Show what was committed, and let those go who wait; called by the engine after each commit."""
        with self._taking:
            if record.request != self._record.request:
                self.request = Request.from_dict(record.request)
            # What the engine read before a person marked the clip, and brings only now, does not take that back.
            newer = record.marked_at >= self._record.marked_at
            self._record = record if newer else record.with_marks_of(self._record)
        self._waiters.release()

    def take_marks(self, record: ClipRecord) -> bool:
        """Show what a person said of it, and nothing else of the record; whether that is news."""
        with self._taking:
            news = record.marked_at > self._record.marked_at
            if news:
                self._record = self._record.with_marks_of(record)
        return news

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
