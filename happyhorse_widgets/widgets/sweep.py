"""A sweep as a live grid: conditions by seeds, each cell a small poster that fills in."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets
from IPython import get_ipython
from IPython.display import display

from happyhorse_widgets.errors import HappyHorseError, InvalidRequest
from happyhorse_widgets.research.spending import expected_cost_async

from .base import Widget
from .bridge import bridge
from .card import phase_of, serve_clips
from .curating import serve_curation
from .feed import ClipFeed
from .once import Once
from .rpc import Buffers, Content, Kind
from .sweeptwin import SweepTwin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.request import Request
    from happyhorse_widgets.research.factors import Factor
    from happyhorse_widgets.research.sweep import Sweep

_PLANNED = {"clip": None, "phase": "planned", "heading": "Planned", "progress": None}


class SweepGrid(Widget):
    """What a bare sweep shows in a notebook. Closing it leaves the sweep as it is."""

    entry: ClassVar[str] = "sweep"

    _summary: Any = traitlets.Dict().tag(sync=True)
    _twin: Any = traitlets.Unicode().tag(sync=True)

    def __init__(self, sweep: Sweep, *, twin: str = "") -> None:
        self.sweep = sweep
        self._unpriced = ""
        self._pricing = False
        self._told = dict(self._states())
        self._once = Once()
        self.set_trait("_twin", twin)
        self.set_trait("_summary", self._summed())
        super().__init__()
        session = sweep.session
        serve_clips(self.rpc, session.clip, again=self._again)
        serve_curation(self.rpc, session.clip, session.clips.tags)
        ClipFeed(session, lambda: None).serve(self.rpc)
        self.rpc.on(Kind.SWEEP_CELLS, self._aside(lambda _content: self._whole()))
        self.rpc.on(Kind.SWEEP_RUN, self._press)
        self._channel = bridge().open(self._news, self._write)
        self._endings = [session.observe(self._changed), session.observe_budget(self._channel.mark)]
        self._price()

    def __repr__(self) -> str:
        return f"<SweepGrid of {self.sweep!r}>"

    def close(self) -> None:
        """Take the grid out of the browser; the sweep goes on."""
        if hasattr(self, "_channel"):  # ipywidgets closes half-made widgets, too
            for end in self._endings:
                end()
            self._channel.close()
        super().close()

    # -- what is shown ---------------------------------------------------------------------------------------------

    def _states(self) -> Iterable[tuple[str, dict[str, Any]]]:
        return ((key, cell_state(clip)) for key, clip in self.sweep.outline())

    def _whole(self) -> dict[str, Any]:
        sweep = self.sweep
        planned = {cell.key: cell.levels for cell in sweep.plan.cells}
        places = {
            factor.name: {level.label: number for number, level in enumerate(factor.levels)}
            for factor in sweep.plan.factors
        }
        return {
            "factors": [_told_of(factor) for factor in sweep.plan.factors],
            "cells": [
                [key, [places[name][planned[key][name]] for name in places], state]
                for key, state in self._states()
            ],
        }

    def _summed(self) -> dict[str, Any]:
        sweep, session = self.sweep, self.sweep.session
        todo, failed = sweep.unasked(), sweep.failed()
        phases = Counter(cell_state(clip)["phase"] for clip in sweep.clips)
        return {
            "name": sweep.name,
            "cells": len(sweep.plan.cells),
            "phases": {"planned": len(todo), **phases},
            "attempts": len(sweep.attempts),
            "run": {"clips": len(todo), "expected": self._expected(todo.values())},
            "retry": {"clips": len(failed), "expected": self._expected(failed.values())},
            "unpriced": self._unpriced,
            "spent": sweep.spent,
            "left": None if session.budget is None else max(0.0, session.budget - session.spent),
            "sandbox": session.sandbox,
        }

    def _expected(self, requests: Iterable[Request]) -> float | None:
        costs = [self.sweep.session.usual_cost(request) for request in requests]
        return None if None in costs else math.fsum(cost for cost in costs if cost is not None)

    def _price(self) -> None:
        """Have Scenario asked for the prices that are not known, unless it is being asked, or would not say."""
        session, sweep = self.sweep.session, self.sweep
        offered = [*sweep.unasked().values(), *sweep.failed().values()]
        if not self._pricing and not self._unpriced and self._expected(offered) is None:
            self._pricing = True
            asked = session.run(expected_cost_async(session, offered))
            asked.add_done_callback(lambda asked: self._priced(asked, offered))

    def _priced(self, asked: Future[float], offered: list[Request]) -> None:
        if asked.cancelled():  # the session was closed: nobody is to be asked any more
            return
        if isinstance(error := asked.exception(), HappyHorseError):
            self._unpriced = str(error)
        elif self._expected(offered) is None:
            self._unpriced = "Scenario did not say."
        self._pricing = False
        self._channel.mark()

    def _changed(self, _clip: Clip) -> None:
        if self.sweep.session.open:  # else there is nothing to read any more
            self._channel.mark()

    def _news(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The summary, and the states of the cells that changed since they were last told."""
        states = dict(self._states())
        news = [{"cell": key, **state} for key, state in states.items() if self._told.get(key) != state]
        self._told = states
        self._price()
        return self._summed(), news

    def _write(self, news: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
        summary, cells = news
        if cells:
            self.send({"kind": Kind.SWEEP_CHANGED, "cells": cells})
        self.set_trait("_summary", summary)

    # -- what is asked ---------------------------------------------------------------------------------------------

    def _aside(self, work: Callable[[Content], Any]) -> Callable[[Content, Buffers], Future[Any]]:
        return lambda content, _buffers: self.sweep.session.run(asyncio.to_thread(work, content))

    def _press(self, content: Content, _buffers: Buffers) -> Future[Any]:
        async def said() -> Content:
            return {"said": await asyncio.to_thread(self._run, content)}

        return self._once.answer(content.get("press"), said)

    def _run(self, content: Content) -> str:
        retrying, seen, limit = (content.get(name) for name in ("retry", "clips", "expected"))
        if not isinstance(seen, int) or not isinstance(limit, int | float | None):
            raise InvalidRequest(
                "A press says how many clips it is about, and what they are expected to cost."
            )
        now = len(self.sweep.failed() if retrying else self.sweep.unasked())
        if now != seen:
            self._channel.mark()
            return f"There are {now} clips to run now, not {seen}: look again, and press again."
        if limit is None:
            why, self._unpriced = self._unpriced, ""
            self._price()
            self._channel.mark()
            return (
                f"What they cost is not known, so nothing was sent. {why or 'Scenario is being asked.'} Press again when the"
                " price is there."
            )
        if retrying:
            self.sweep.retry(limit)
        else:
            self.sweep.start(limit)
        self._channel.mark()
        return f"{seen} {'clip is' if seen == 1 else 'clips are'} on the way."

    def _again(self, clip: Clip) -> Clip:
        """A clip that is asked for again takes its cell, where it failed there; in place of another nothing is paid anew."""
        sweep = self.sweep
        standing = sweep.replacement(clip)
        if standing is None:
            return clip.submit_again()
        if standing is not clip:
            return standing
        new = sweep.retry(cells=[key for key, its in sweep.outline() if its is clip])
        self._channel.mark()
        return new[0] if new else clip.submit_again()


def cell_state(clip: Clip | None) -> dict[str, Any]:
    """What a cell shows of its clip; `phase` and `heading` are as on the clip's card."""
    if clip is None:
        return _PLANNED
    phase, heading = phase_of(clip)
    progress = None if clip.progress is None else round(clip.progress, 2)
    return {"clip": clip.id, "phase": phase, "heading": heading, "progress": progress}


def _told_of(factor: Factor) -> dict[str, Any]:
    levels = [
        {"label": level.label, "text": level.value if isinstance(level.value, str) else level.label}
        for level in factor.levels
    ]
    return {"name": factor.name.replace("_", " "), "levels": levels}


def display_sweep(sweep: Sweep) -> None:
    """Show `sweep` in the cell that runs: a live grid, and a table for when there is no kernel.

    Outside a notebook the sweep's text is printed.
    """
    if getattr(get_ipython(), "kernel", None) is None:
        print(repr(sweep))
        return
    twin = secrets.token_hex(8)
    display(SweepGrid(sweep, twin=twin))  # type: ignore[no-untyped-call]
    SweepTwin(sweep, twin).show()
