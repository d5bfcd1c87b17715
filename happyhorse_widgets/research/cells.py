"""The cells of a sweep, and the tidy frame of them: a row for each, from its levels to its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.api.params import REFERENCES
from happyhorse_widgets.engine.frames import OUTCOME, beside, called, outcome, tidy
from happyhorse_widgets.engine.request import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from happyhorse_widgets.engine.clip import Clip

    from .plan import Plan

#: The state of a cell whose clip was not asked for yet.
PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a sweep: `levels` has the label of each factor, `values` what is asked for, by Python names.

    `clip` is its clip, None before it was asked for; cells that ask for the same share one.
    """

    key: str
    levels: dict[str, str]
    values: dict[str, Any]
    clip: Clip | None

    @property
    def state(self) -> str:
        """Where its clip is (see `Clip.state`), or "planned"."""
        return PLANNED if self.clip is None else str(self.clip.state)


def sweep_frame(plan: Plan, cells: Sequence[Cell]) -> pd.DataFrame:
    """See `Sweep.to_frame`."""
    order = {cell.key: number for number, cell in enumerate(plan.cells, 1)}
    names = dict.fromkeys(
        ("prompt", REFERENCES, *PARAMETERS, "model", *plan.fixed, *(each.name for each in plan.factors))
    )
    ours = {"cell", "order", *OUTCOME}
    rows = [
        {
            "cell": cell.key,
            "order": order[cell.key],
            **{beside(name, ours): _level(plan, cell, name) for name in names},
            **outcome(cell.clip),
            "state": cell.state,
        }
        for cell in cells
    ]
    return tidy(rows)


def _level(plan: Plan, cell: Cell, name: str) -> Any:
    """What is in a parameter's column: a factor's number, else its label; what is fixed as it is."""
    factor = plan.factor(name)
    if factor is not None:
        label = cell.levels[name]
        value = factor.value(label)
        return value if label == str(value) else label
    value = cell.values.get(name)
    return called(value) if name == REFERENCES and value is not None else value
