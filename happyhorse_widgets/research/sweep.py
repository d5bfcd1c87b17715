"""Sweeps: one request, varied by a plan; every clip asked for once, whatever happens to the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.engine.connect import default_session
from happyhorse_widgets.engine.states import State
from happyhorse_widgets.errors import InvalidRequest, JobError, WaitTimeout

from .attempts import FAILED, Attempts, key_of
from .cells import Cell, sweep_frame
from .planfile import bring_images, is_file_name, read_plan, restored, write_plan
from .planning import check, drawn_up
from .spending import charged, expected_cost, refuse_beyond

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterable, Mapping

    import pandas as pd

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.request import Request
    from happyhorse_widgets.engine.session import Session

    from .plan import Plan

#: The kind under which sweeps are saved in a library.
KIND = "sweep"


class Sweep:
    """A study of one request by a plan; made by `hh.sweep`, found again by `Sweep.open`.

    In a notebook a bare sweep shows a live grid. Nothing is sent before `start`, `wait` or `await`.
    """

    def __init__(self, session: Session, name: str, plan: Plan, salt: str | None = None) -> None:
        self.session = session
        #: What it is called in its library.
        self.name = name
        #: Everything that was decided before the first clip was asked for.
        self.plan = plan
        requests = [(cell.key, plan.request(cell)) for cell in plan.cells]
        self._key = {cell: key_of(request) for cell, request in requests}
        self._requests = {self._key[cell]: request for cell, request in requests}
        self._attempts = None if salt is None else Attempts(session, salt)

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

    # -- what there is ---------------------------------------------------------------------------------------------

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell with its clip, in standard order: the last factor changes fastest, and the seed before all."""
        planned = {cell.key: cell for cell in self.plan.cells}
        return tuple(
            Cell(key, dict(planned[key].levels), self.plan.values(planned[key]), clip)
            for key, clip in self.outline()
        )

    def outline(self) -> list[tuple[str, Clip | None]]:
        """The key of every cell and its clip, in the order of `cells`."""
        self._look()
        return [(key, self._latest(self._key[key])) for key in sorted(self._key)]

    @property
    def clips(self) -> list[Clip]:
        """The clips of the cells, each once, in the order of the cells; those not asked for yet are left out."""
        return list(dict.fromkeys(clip for _, clip in self.outline() if clip is not None))

    @property
    def failures(self) -> tuple[Cell, ...]:
        """The cells that have come to rest without a video; `retry` asks for them anew.

        A cell in the state "needs_user" may have been paid: a person decides, by its clip's `look_again` or `submit_again`.
        """
        return tuple(cell for cell in self.cells if cell.clip is not None and _has_failed(cell.clip))

    @property
    def attempts(self) -> list[Clip]:
        """Every clip that was asked for, with those that failed and had another asked for in their place."""
        self._look()
        return [] if self._attempts is None else self._attempts.all()

    @property
    def spent(self) -> float:
        """Creative units that all attempts cost, or may have; refunds are taken off."""
        return charged(self.attempts)

    def estimate(self) -> float:
        """Creative units of what is still to be paid: clips that were not asked for, or not sent, yet. Nothing is paid.

        Blocks while Scenario is asked; images are uploaded, which is free. Raises what `Session.estimate` raises.
        """
        return expected_cost(self.session, self._unpaid())

    def unasked(self) -> dict[str, Request]:
        """The distinct requests that no clip was asked for yet, by their keys, in the order of the plan."""
        self._look()
        return {key: request for key, request in self._requests.items() if self._latest(key) is None}

    def failed(self) -> dict[str, Request]:
        """The distinct requests that `retry` would ask for anew, in the same form."""
        self._look()
        latest = {key: self._latest(key) for key in self._requests}
        return {
            key: self._requests[key]
            for key, clip in latest.items()
            if clip is not None and clip.state in FAILED
        }

    def to_frame(self) -> pd.DataFrame:
        """A row for each cell, in standard order.

        `cell`, `order` (of submission, from 1), the parameters by their Python names (of a factor the level: its label, or the
        number itself), `clip_id`, `sha256` (of the file), `state`, `cost` (creative units), `seconds` (that the job took, by
        Scenario's clock), `seed_used`, `path`, `sandbox`, `error`. Needs pandas, of the extra `research`.
        """
        return sweep_frame(self.plan, self.cells)

    # -- doing -----------------------------------------------------------------------------------------------------

    def start(self, limit: float | None = None) -> Sweep:
        """Ask for every clip that was not asked for yet, in the plan's order; returns once all are written down, in one step.

        Raises `BudgetExceeded` before anything is sent where they are expected to cost more than `limit` creative units, or, with
        what was spent and promised, more than the session's budget.
        """
        self._submit(self.unasked(), limit)
        return self

    def retry(self, limit: float | None = None, *, cells: Iterable[str] | None = None) -> list[Clip]:
        """Ask anew for what failed, was refused, canceled or withdrawn, and for nothing else; gives the new clips.

        `cells` are the keys of those that are meant; None: all of them. `limit` and what is raised are as for `start`.
        """
        failed = self.failed()
        if cells is not None:
            meant = {self._key[cell] for cell in cells if cell in self._key}
            failed = {key: request for key, request in failed.items() if key in meant}
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
        await asyncio.to_thread(self.start)
        for clip in self.clips:
            with contextlib.suppress(JobError):
                await clip
        return self

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the plan alone to a .json or .yaml file, to be registered or run again: `hh.sweep(plan="study.yaml")`.

        The same plan gives the same bytes, with a SHA-256 over it. Images stand in it by their content: give them along.
        """
        target = Path(path).expanduser()
        write_plan(target, self.name, self.plan)
        return target

    def __repr__(self) -> str:
        states = Counter(cell.state for cell in self.cells)
        told = ", ".join(f"{count} {state}" for state, count in states.items())
        return f"<Sweep {self.name} of {len(self.plan.cells)} cells: {told}>"

    def _ipython_display_(self) -> None:
        _presenter(self)

    # -- within ----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        if self._attempts is not None:
            self._attempts.look(self._requests)

    def _latest(self, key: str) -> Clip | None:
        return None if self._attempts is None else self._attempts.latest(key)

    def _unpaid(self) -> list[Request]:
        self._look()
        latest = {key: self._latest(key) for key in self._requests}
        return [self._requests[key] for key, clip in latest.items() if clip is None or clip.can_withdraw]

    def _submit(self, requests: Mapping[str, Request], limit: float | None) -> list[Clip]:
        if not requests:
            return []
        refuse_beyond(self.session, list(requests.values()), limit)
        return self._committed().submit(requests)

    def _committed(self) -> Attempts:
        """The plan is in the library, and with it the salt that settles the ids of all clips to come."""
        if self._attempts is None:
            new = {"plan": self.plan.to_dict(), "salt": secrets.token_hex(16)}
            kept = self.session.saved(KIND).setdefault(self.name, new)
            if restored(kept.get("plan"), self.name).sha256 != self.plan.sha256:
                raise _taken(self.name)
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
    for line in check(laid, session):
        warnings.warn(line, stacklevel=2)

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
    raise _taken(called)


def _from_file(path: Path, name: str | None, session: Session) -> Sweep:
    path = path.expanduser()
    called, plan = read_plan(path)
    bring_images(plan, path.parent, session.keep)
    check(plan, session)
    return _found(session, name or called, plan, lambda known: known.sha256 == plan.sha256)


def _taken(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"There is a sweep called {name!r} in this library, with another plan. Choose another name, or go on with that one:"
        f" hh.Sweep.open({name!r})."
    )


def _has_failed(clip: Clip) -> bool:
    return clip.state in FAILED or clip.state is State.NEEDS_USER


def _print(sweep: Sweep) -> None:
    print(repr(sweep))


_presenter: Callable[[Sweep], None] = _print


def set_presenter(presenter: Callable[[Sweep], None]) -> None:
    """Choose how a notebook shows a bare sweep. The façade puts in the widget layer, which may not be imported here."""
    global _presenter  # noqa: PLW0603 (a plug point, filled once)
    _presenter = presenter
