"""The plan of a sweep: everything that is decided before the first clip is asked for, as plain data that can be published."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.api.params import REFERENCES
from happyhorse_widgets.engine.request import PARAMETERS, Request
from happyhorse_widgets.errors import InvalidRequest

from .designs import MOST, by_lot, conditions
from .factors import Factor  # noqa: TC001 (msgspec reads the annotations)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from happyhorse_widgets.engine.request import Reference

SEED = "seed"


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """One cell: `key` names it, `levels` has the label of each factor."""

    key: str
    levels: dict[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep varies, holds and asks for. Cells stand in the order in which they are submitted.

    The seed is the last factor. `fixed` has what every cell shares, by Python names. `defaults` has, by model, what was given
    neither way and was filled in from the model's schema. `fields` has, by model, what it calls the inputs that have another name
    here; None: the model has no such input, and is not given it.
    """

    factors: tuple[Factor, ...]
    fixed: dict[str, Any]
    design: str
    runs: int | None
    order_seed: int
    cells: tuple[PlannedCell, ...]
    fields: dict[str, dict[str, str | None]] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)

    def factor(self, name: str) -> Factor | None:
        """The factor of that name; None where it is not varied."""
        return next((each for each in self.factors if each.name == name), None)

    def models(self) -> list[str]:
        """The ids of all models that take part."""
        factor = self.factor("model")
        return [self.fixed["model"]] if factor is None else [level.value for level in factor.levels]

    def values(self, cell: PlannedCell) -> dict[str, Any]:
        """What the cell asks for, by Python names; with `model`, and `references` as a tuple of `Reference`."""
        varied = {each.name: each.value(cell.levels[each.name]) for each in self.factors}
        given = self.fixed | varied
        model = str(given["model"])
        given = self.defaults.get(model, {}) | given
        absent = {name for name, theirs in self.fields.get(model, {}).items() if theirs is None}
        return {name: value for name, value in given.items() if value is not None and name not in absent}

    def names(self, model: str) -> dict[str, str]:
        """What the model calls the inputs that have another name here."""
        return {ours: theirs for ours, theirs in self.fields.get(model, {}).items() if theirs is not None}

    def request(self, cell: PlannedCell) -> Request:
        """The cell's request."""
        values = self.values(cell)
        model, references = values.pop("model"), values.pop(REFERENCES, ())
        known = {name: values.pop(name) for name in PARAMETERS if name in values}
        return Request(
            **known, references=tuple(references), model=model, inputs=values, fields=self.names(model)
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "factors": [
                {
                    "name": each.name,
                    "levels": [
                        {"label": level.label, "value": _plain(each.name, level.value)}
                        for level in each.levels
                    ],
                }
                for each in self.factors
            ],
            "fixed": {name: _plain(name, value) for name, value in self.fixed.items()},
            "design": self.design,
            "runs": self.runs,
            "order_seed": self.order_seed,
            "cells": [{"key": cell.key, "levels": dict(cell.levels)} for cell in self.cells],
            "fields": {model: dict(names) for model, names in self.fields.items()},
            "defaults": {model: dict(values) for model, values in self.defaults.items()},
        }

    @property
    def sha256(self) -> str:
        """Of the plan as canonical JSON (sorted keys, UTF-8, no spaces), in hex."""
        return digest(self.to_dict())

    @property
    def question(self) -> str:
        """The SHA-256 of what a person asked, whatever was drawn by lot or filled in: equal for the same call of `hh.sweep`."""
        ours = ("order_seed", "cells", "defaults")
        return digest({name: value for name, value in self.to_dict().items() if name not in ours})


def lay_out(
    factors: Sequence[Factor],
    fixed: Mapping[str, Any],
    *,
    design: str,
    runs: int | None,
    order_seed: int,
    fields: Mapping[str, Mapping[str, str | None]],
) -> Plan:
    """The plan of a study. Every condition is run with every seed; raises `InvalidRequest` where the design does not fit."""
    varied = [each for each in factors if each.name != SEED]
    seeded = [each for each in factors if each.name == SEED]
    chosen = conditions(design, [len(each.levels) for each in varied], runs=runs, seed=order_seed)
    levels: list[dict[str, str]] = []
    for condition in chosen:
        labels = {each.name: each.levels[index].label for each, index in zip(varied, condition, strict=True)}
        levels += [{**labels, SEED: level.label} for each in seeded for level in each.levels] or [labels]
    if len(levels) > MOST:
        raise InvalidRequest(
            f"This sweep has {len(levels):,} cells; {MOST:,} are the most. Take fewer levels or seeds."
        )
    digits = len(str(len(levels)))
    cells = [PlannedCell(f"c{number:0{digits}}", each) for number, each in enumerate(levels, 1)]
    order = by_lot(order_seed, "order", [cell.key for cell in cells])
    known = {cell.key: cell for cell in cells}
    return Plan(
        factors=(*varied, *seeded),
        fixed=dict(fixed),
        design=design,
        runs=runs,
        order_seed=order_seed,
        cells=tuple(known[key] for key in order),
        fields={model: dict(names) for model, names in fields.items()},
    )


def digest(data: Any) -> str:
    """The SHA-256 of JSON data, whatever the order of its keys."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(name: str, value: Any) -> Any:
    return [described(reference) for reference in value] if name == REFERENCES else value


def described(reference: Reference) -> dict[str, Any]:
    """A reference image as a plan names it: by its content, or as an asset of Scenario's."""
    known = {
        "name": reference.name,
        "alias": reference.alias,
        "sha256": reference.sha256,
        "media_type": reference.media_type,
        "width": reference.width,
        "height": reference.height,
        "asset_id": reference.asset_id,
        "clip_id": reference.clip_id,
    }
    return {name: value for name, value in known.items() if value}
