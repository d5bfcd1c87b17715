"""From what a person asked for to a plan of which every cell is allowed; or all that is wrong, before anything is paid."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.api.params import REFERENCES, renamed
from happyhorse_widgets.engine.asking import check_named
from happyhorse_widgets.engine.request import own_names
from happyhorse_widgets.errors import InvalidRequest, NotFound

from .factors import factors_in
from .plan import lay_out

if TYPE_CHECKING:
    from happyhorse_widgets.engine.session import Session

    from .plan import Plan

#: What `generate` asks for where nothing is said, as far as the model has it.
_DEFAULTS = ("aspect_ratio", "resolution", "duration")
_SHOWN = 4


def drawn_up(
    given: Mapping[str, Any],
    session: Session,
    *,
    design: str,
    runs: int | None,
    order_seed: int | None,
    fields: Mapping[str, Mapping[str, str | None]] | None,
) -> Plan:
    """The plan of what a person asked for, with what they left open filled in; see `sweep`. Its images are in the library.

    Raises `InvalidRequest` for what cannot be varied, designs that do not fit, models that there are not, and wrong `fields`.
    """
    factors, fixed = factors_in(given, session.keep)
    if "model" not in fixed and not any(each.name == "model" for each in factors):
        fixed["model"] = session.model
    drawn = secrets.randbelow(2**31) if order_seed is None else order_seed
    if not isinstance(drawn, int) or isinstance(drawn, bool):
        raise InvalidRequest(f"order_seed is {drawn!r:.60}; it must be a whole number.")
    plan = lay_out(factors, fixed, design=design, runs=runs, order_seed=drawn, fields=fields or {})
    return _completed(plan, session)


def _completed(plan: Plan, session: Session) -> Plan:
    """The plan with what its models' schemas fill in."""
    given = {*plan.fixed, *(each.name for each in plan.factors)}
    defaults: dict[str, dict[str, Any]] = {}
    problems = _wrong_fields(plan)
    for model in plan.models() if not problems else ():
        if not isinstance(model, str):
            problems.append(f"model is {model!r:.60}; it must be a model's id.")
            continue
        try:
            schema = renamed(session.schema(model), plan.names(model))
        except InvalidRequest as error:
            problems += error.problems
            continue
        except NotFound:
            problems.append(f"There is no model {model}, or your account may not use it.")
            continue
        absent = {name for name, theirs in plan.fields.get(model, {}).items() if theirs is None}
        wanted = [
            field for field in schema.fields if field.name in _DEFAULTS and field.name not in given | absent
        ]
        defaults[model] = {field.name: field.default for field in wanted if field.default is not None}
    if problems:
        raise InvalidRequest(*problems)
    return replace(plan, defaults=defaults)


def _wrong_fields(plan: Plan) -> list[str]:
    problems = []
    models = plan.models()
    for model, names in plan.fields.items():
        texts = isinstance(names, Mapping) and all(
            isinstance(ours, str) and (theirs is None or isinstance(theirs, str))
            for ours, theirs in names.items()
        )
        if not texts:
            problems.append(
                f'fields of {model} must be names, such as {{"aspect_ratio": "ratio", "resolution": None}}.'
            )
        elif model not in models:
            problems.append(
                f"fields are given for {model}, which takes no part; the models are {', '.join(map(str, models))}."
            )
    return problems


def check(plan: Plan, session: Session) -> list[str]:
    """What is only unwise, one line each. Raises `InvalidRequest` with everything that is wrong, and in which cells."""
    errors: defaultdict[str, set[str]] = defaultdict(set)
    warnings: dict[str, None] = {}
    # One schema each throughout: what Scenario says may come in the middle.
    schemas = {model: renamed(session.schema(model), plan.names(model)) for model in plan.models()}
    for cell in plan.cells:
        values = plan.values(cell)
        schema, references = schemas[values.pop("model")], values.pop(REFERENCES, ())
        for problem in check_named(schema, values, own_names(references)):
            if problem.severity == "error":
                errors[problem.message].add(cell.key)
            else:
                warnings[problem.message] = None
    if errors:
        raise InvalidRequest(*(f"{message}{_where(plan, keys)}" for message, keys in errors.items()))
    return list(warnings)


def _where(plan: Plan, keys: set[str]) -> str:
    """Which cells are meant, by the level that they share where they share one."""
    if len(keys) == len(plan.cells):
        return ""
    for factor in plan.factors:
        for level in factor.levels:
            if keys == {cell.key for cell in plan.cells if cell.levels[factor.name] == level.label}:
                return f" ({factor.name} {level.label})"
    shown = ", ".join(sorted(keys)[:_SHOWN])
    return f" (in {len(keys)} of {len(plan.cells)} cells: {shown}{' …' if len(keys) > _SHOWN else ''})"
