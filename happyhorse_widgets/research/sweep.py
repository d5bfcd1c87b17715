"""Sweeps: one request, varied by a plan; every clip asked for once, whatever happens to the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.engine.connect import default_session
from happyhorse_widgets.errors import InvalidRequest, JobError, WaitTimeout

from .attempts import Attempts
from .planfile import bring_images, is_file_name, read_plan, restored, write_plan
from .planning import check, drawn_up
from .spending import refuse_beyond
from .standing import KIND, Standing

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterable, Mapping

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.session import Session

    from .cells import Cell
    from .plan import Plan


class Sweep(Standing):
    """A study of one request by a plan; made by `hh.sweep`, found again by `Sweep.open`.

    In a notebook a bare sweep shows a live grid. Nothing is sent before `start`, `wait` or `await`.
    """

    @classmethod
    def open(cls, name: str | os.PathLike[str], session: Session | None = None) -> Sweep:
        """The sweep of that name in the session's library, or that of a plan's file (.json, .yaml).

        It goes on where it stopped with `start`, `wait` or `await`. Raises `InvalidRequest` where there is none.
        """
        session = session or default_session()
        if is_file_name(name):
            return _from_file(Path(name), None, session)
        kept = session.saved(KIND).get(str(name))
        if kept is None:
            known = ", ".join(session.saved(KIND)) or "none"
            raise InvalidRequest(
                f"There is no sweep called {str(name)!r:.80} in this library. Started here: {known}."
            )
        return cls(session, str(name), restored(kept.get("plan"), str(name)), str(kept.get("salt")))

    # -- doing -----------------------------------------------------------------------------------------------------

    def start(self, limit: float | None = None) -> Sweep:
        """Ask for every clip that was not asked for yet, in the plan's order; returns once all are written down, in one step.

        Raises `BudgetExceeded` before anything is sent where they are expected to cost more than `limit` creative units, or, with
        what was spent and promised, more than the session's budget.
        """
        self._start(limit)
        return self

    def retry(self, limit: float | None = None, *, cells: Iterable[str | Cell] | None = None) -> list[Clip]:
        """Ask anew for what failed, was refused, canceled or withdrawn, and for nothing else; gives the new clips.

        `cells` are those that are meant, or their keys; None: all of them. `limit` and what is raised are as for `start`; so is
        `InvalidRequest` for a cell that there is not.
        """
        failed = self._failed()
        if cells is not None:
            meant = {self._key[key] for key in self._named(cells)}
            failed = {key: number for key, number in failed.items() if key in meant}
        return self._submit(failed, limit)

    def wait(self, timeout: float | None = None) -> Sweep:
        """Start, and wait until every clip has come to rest; for at most `timeout` seconds.

        A clip that fails raises nothing: see `failures`. Raises what `start` raises, `WaitTimeout` when the time is up, and
        `LibraryError` when the session was closed.
        """
        self.start()
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        try:
            for clip in self.clips:
                with contextlib.suppress(JobError):
                    clip.wait(None if timeout is None else max(0.0, deadline - time.monotonic()))
        except WaitTimeout:
            over = sum(clip.is_over for clip in self.clips)
            raise WaitTimeout(
                f"Sweep {self.name} is not ready after {timeout:g} s ({over} of {len(self.clips)} clips are);"
                " it goes on in the background."
            ) from None
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"Stopped waiting. Sweep {self.name} goes on in the background."
            ) from None
        return self

    def __await__(self) -> Generator[Any, None, Sweep]:
        return self._arrival().__await__()

    async def _arrival(self) -> Sweep:
        stopped = threading.Event()
        try:
            await asyncio.to_thread(self._start, None, stopped)
        except asyncio.CancelledError:
            # The thread goes on with asking for prices, and must not go on to spend.
            stopped.set()
            raise
        for clip in self.clips:
            with contextlib.suppress(JobError):
                await clip
        return self

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the plan alone to a .json or .yaml file, to be registered or run again: `hh.sweep(plan="study.yaml")`.

        The same plan gives the same bytes, with a SHA-256 over it. Images stand in it by their content: give them along, beside
        it, by their names or as `<sha256>.png` (.jpg, .webp). From here on the plan is settled, and kept in the library under the
        sweep's name: the same call of `hh.sweep` gives this very plan again. Nothing is sent. Raises `InvalidRequest` for another
        ending, or where another plan has the name, and `LibraryError` where it cannot be written.
        """
        self._committed()
        target = Path(path).expanduser()
        write_plan(target, self.name, self.plan)
        return target

    def _ipython_display_(self) -> None:
        _presenter(self)

    # -- within ----------------------------------------------------------------------------------------------------

    def _start(self, limit: float | None = None, stopped: threading.Event | None = None) -> None:
        self._submit(dict.fromkeys(self.unasked(), 0), limit, stopped)

    def _submit(
        self, numbers: Mapping[str, int], limit: float | None, stopped: threading.Event | None = None
    ) -> list[Clip]:
        """Ask for the attempts of these numbers at the requests, where they do not cost too much."""
        if not numbers:
            return []
        requests = {key: self._requests[key] for key in numbers}
        refuse_beyond(self.session, list(requests.values()), limit)
        if stopped is not None and stopped.is_set():
            return []
        return self._committed().submit(requests, numbers)

    def _committed(self) -> Attempts:
        """The plan is in the library, and with it the salt that settles the ids of all clips to come."""
        if self._attempts is None:
            new = {"plan": self.plan.to_dict(), "salt": secrets.token_hex(16)}
            kept = self.session.saved(KIND).setdefault(self.name, new)
            if not self._is_this(kept):
                raise _taken(self.name, restored(kept.get("plan"), self.name).question == self.plan.question)
            self._attempts = Attempts(self.session, str(kept.get("salt")))
        return self._attempts


def sweep(
    prompt: Any = None,
    references: Any = None,
    *,
    seed: Any = None,
    aspect_ratio: Any = None,
    resolution: Any = None,
    duration: Any = None,
    model: Any = None,
    design: str = "factorial",
    runs: int | None = None,
    order_seed: int | None = None,
    name: str | None = None,
    fields: Mapping[str, Mapping[str, str | None]] | None = None,
    plan: str | os.PathLike[str] | None = None,
    session: Session | None = None,
    **factors: Any,
) -> Sweep:
    """Plan a study: one request, in which every list is varied. Nothing is sent before it is started.

        study = hh.sweep({"calm": "character1 sits", "wild": "character1 leaps"}, ["fox.png"], seed=[1, 2, 3], duration=[3, 5])
        study.estimate(); study.start(limit=2000); await study; study.to_frame()

    - A list is a factor, a dict a factor with named levels, anything else is fixed; so for `references` a list of lists, or a
      dict of lists. What is left out is as for `generate`. `factors` are further inputs of the models, by their Python names
    - `design`: "factorial", "one-at-a-time" (around the first level of each factor), "latin-square" (three factors of equally
      many levels) or "random" (`runs` conditions drawn by lot); see `research.designs`. A condition is one level of each factor
      but the seed, and every condition gets the same seeds
    - `order_seed`: a whole number that the order of submission, and what the design draws, follow from; None: drawn and recorded
    - `name`: what it is called in the library. The same call gives the same sweep there, unless the name differs
    - `fields`: by model, what it calls an input that has another name here, or None where it has no such input:
      `{"model_xyz": {"references": "images", "aspect_ratio": "ratio", "resolution": None}}`
    - `plan`: the file of a plan (see `Sweep.save`) instead of all that
    - `session`: default the one of the last `connect`

    Every cell is checked by its model's schema before anything is uploaded or paid. Cells that ask for the same share one clip.
    Raises `InvalidRequest` with all problems; what is only advised against is a Python warning.
    """
    session = session or default_session()
    given = {
        "prompt": prompt,
        "references": references,
        "seed": seed,
        "aspect_ratio": aspect_ratio,
        "resolution": resolution,
        "duration": duration,
        "model": model,
        **factors,
    }
    if plan is not None:
        if (
            any(value is not None for value in (*given.values(), runs, order_seed, fields))
            or design != "factorial"
        ):
            raise InvalidRequest(
                "plan= brings everything along: give nothing beside it but name and session."
            )
        return _from_file(Path(plan), name, session)
    laid = drawn_up(given, session, design=design, runs=runs, order_seed=order_seed, fields=fields)
    _warn(check(laid, session), stacklevel=3)

    def is_same(known: Plan) -> bool:
        return known.question == laid.question and order_seed in (None, known.order_seed)

    return _found(session, name, laid, is_same)


def _found(session: Session, name: str | None, plan: Plan, is_same: Callable[[Plan], bool]) -> Sweep:
    """The sweep of this plan, as it was begun before where it was."""
    called = name or f"{KIND}-{plan.question[:10]}"
    # The same question may have been asked before, to be run in another order.
    for each in (called,) if name else (called, f"{called}-{plan.order_seed}"):
        kept = session.saved(KIND).get(each)
        if kept is None:
            return Sweep(session, each, plan)
        known = restored(kept.get("plan"), each)
        if is_same(known):
            return Sweep(session, each, known, str(kept.get("salt")))
    raise _taken(called, known.question == plan.question)


def _from_file(path: Path, name: str | None, session: Session) -> Sweep:
    path = path.expanduser()
    called, plan = read_plan(path)
    bring_images(plan, path.parent, session.keep)
    _warn(check(plan, session), stacklevel=4)
    return _found(session, name or called, plan, lambda known: known.sha256 == plan.sha256)


def _warn(lines: Iterable[str], *, stacklevel: int) -> None:
    for line in lines:
        warnings.warn(line, stacklevel=stacklevel)


def _taken(name: str, is_same_question: bool) -> InvalidRequest:
    if is_same_question:
        return InvalidRequest(
            f"The same sweep is in this library already, as {name!r}, with another order of submission or other draws. Go on with"
            f" that one: hh.Sweep.open({name!r}). Under another name its clips would be asked for, and paid, again."
        )
    return InvalidRequest(
        f"There is a sweep called {name!r} in this library, with another plan. Choose another name, or go on with that one:"
        f" hh.Sweep.open({name!r})."
    )


def _print(sweep: Sweep) -> None:
    print(repr(sweep))


_presenter: Callable[[Sweep], None] = _print


def set_presenter(presenter: Callable[[Sweep], None]) -> None:
    """Choose how a notebook shows a bare sweep. The façade puts in the widget layer, which may not be imported here."""
    global _presenter  # noqa: PLW0603 (a plug point, filled once)
    _presenter = presenter
