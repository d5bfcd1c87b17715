"""How a sweep stands: its cells, what became of each, what was spent, and what is still to be asked for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.engine.states import State
from happyhorse_widgets.errors import InvalidRequest

from .attempts import FAILED, Attempts, key_of
from .cells import Cell, sweep_frame
from .planfile import restored
from .spending import charged, expected_cost

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.request import Request
    from happyhorse_widgets.engine.session import Session

    from .plan import Plan

#: The kind under which sweeps are saved in a library.
KIND = "sweep"


class Standing:
    """The part of a `Sweep` that only looks."""

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
        return {key: self._requests[key] for key in self._failed()}

    def to_frame(self) -> pd.DataFrame:
        """A row for each cell, in standard order.

        `cell`, `order` (of submission, from 1), the parameters by their Python names (of a factor the level: its label, or the
        number itself where all of them are numbers), `clip_id`, `sha256` (of the file), `state`, `cost` (creative units),
        `seconds` (that the job took, by Scenario's clock), `seed_used`, `path`, `sandbox`, `error`. Needs pandas, of the
        extra `research`.
        """
        return sweep_frame(self.plan, self.cells)

    def replacement(self, clip: Clip) -> Clip | None:
        """What stands in the place of an attempt at a cell of this sweep: itself, or what was asked for after it.

        None for a clip that is none of the sweep's.
        """
        self._look()
        key = None if self._attempts is None else self._attempts.key_for(clip)
        return None if key is None else self._latest(key)

    def __repr__(self) -> str:
        states = Counter(cell.state for cell in self.cells)
        told = ", ".join(f"{count} {state}" for state, count in states.items())
        return f"<Sweep {self.name} of {len(self.plan.cells)} cells: {told}>"

    # -- within ----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        if self._attempts is None:
            # Another kernel may have begun it since.
            kept = self.session.saved(KIND).get(self.name)
            if kept is not None and self._is_this(kept):
                self._attempts = Attempts(self.session, str(kept.get("salt")))
        if self._attempts is not None:
            self._attempts.look(self._requests)

    def _is_this(self, kept: Mapping[str, Any]) -> bool:
        return restored(kept.get("plan"), self.name).sha256 == self.plan.sha256

    def _failed(self) -> dict[str, int]:
        self._look()
        return {} if self._attempts is None else self._attempts.failed(self._requests)

    def _named(self, cells: Iterable[str | Cell]) -> list[str]:
        given = [cells] if isinstance(cells, str | Cell) else list(cells)
        keys = [cell.key if isinstance(cell, Cell) else cell for cell in given]
        if wrong := [key for key in keys if key not in self._key]:
            first, *_, last = sorted(self._key)
            raise InvalidRequest(
                f"There is no cell {', '.join(f'{key!r:.40}' for key in wrong[:5])} in this sweep; its {len(self._key)} cells"
                f" have the keys {first} to {last}. Give cells of sweep.failures, or their keys."
            )
        return keys

    def _latest(self, key: str) -> Clip | None:
        return None if self._attempts is None else self._attempts.latest(key)

    def _unpaid(self) -> list[Request]:
        self._look()
        latest = {key: self._latest(key) for key in self._requests}
        return [self._requests[key] for key, clip in latest.items() if clip is None or clip.can_withdraw]


def _has_failed(clip: Clip) -> bool:
    return clip.state in FAILED or clip.state is State.NEEDS_USER
