"""From what a person asked for to a plan of which every cell is allowed; or all that is wrong, before anything is paid."""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.api.params import REFERENCES, normalise, renamed
from happyhorse_widgets.engine.asking import check_named
from happyhorse_widgets.engine.request import own_names
from happyhorse_widgets.errors import InvalidRequest, NotFound

from .factors import factors_in
from .plan import lay_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from happyhorse_widgets.api.params import ModelSchema
    from happyhorse_widgets.engine.session import Session

    from .factors import Factor
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
    varied = next((each for each in factors if each.name == "model"), None)
    models = [fixed["model"]] if varied is None else [level.value for level in varied.levels]
    names = _checked_fields({} if fields is None else fields, models)
    schemas = _schemas(session, models, names)
    plan = lay_out(
        [_spelt(each, schemas) for each in factors],
        {name: _as_allowed(name, value, schemas) for name, value in fixed.items()},
        design=design,
        runs=runs,
        order_seed=drawn,
        fields=names,
    )
    return replace(plan, defaults=_defaults(plan, schemas))


def _checked_fields(given: Any, models: Sequence[Any]) -> dict[str, dict[str, str | None]]:
    """`fields` as they were given, where they can be meant."""
    form = 'such as fields={"model_xyz": {"aspect_ratio": "ratio", "resolution": None}}'
    if not isinstance(given, Mapping):
        raise InvalidRequest(
            f"fields is a {type(given).__name__}; it has, by model, what that calls our inputs, {form}."
        )
    problems = []
    for model, names in given.items():
        texts = isinstance(names, Mapping) and all(
            isinstance(ours, str) and (theirs is None or isinstance(theirs, str))
            for ours, theirs in names.items()
        )
        if not texts:
            problems.append(f"fields of {model} is {names!r:.60}; it must be a dict of names, {form}.")
        elif model not in models:
            problems.append(
                f"fields are given for {model}, which takes no part; the models are {', '.join(map(str, models))}."
            )
    if problems:
        raise InvalidRequest(*problems)
    return {model: dict(names) for model, names in given.items()}


def _schemas(
    session: Session, models: Sequence[Any], fields: Mapping[str, Mapping[str, str | None]]
) -> dict[str, ModelSchema]:
    """What every model takes, by our names. Raises `InvalidRequest` for models that there are not."""
    problems: list[str] = []
    schemas: dict[str, ModelSchema] = {}
    for model in models:
        if not isinstance(model, str):
            problems.append(f"model is {model!r:.60}; it must be a model's id.")
            continue
        names = {ours: theirs for ours, theirs in fields.get(model, {}).items() if theirs is not None}
        try:
            schemas[model] = renamed(session.schema(model), names)
        except InvalidRequest as error:
            problems += error.problems
        except NotFound:
            problems.append(f"There is no model {model}, or your account may not use it.")
    if problems:
        raise InvalidRequest(*problems)
    return schemas


def _defaults(plan: Plan, schemas: Mapping[str, ModelSchema]) -> dict[str, dict[str, Any]]:
    """By model, what `generate` would fill in of what was left open."""
    given = {*plan.fixed, *(each.name for each in plan.factors)}
    found: dict[str, dict[str, Any]] = {}
    for model, schema in schemas.items():
        absent = {name for name, theirs in plan.fields.get(model, {}).items() if theirs is None}
        wanted = [
            field for field in schema.fields if field.name in _DEFAULTS and field.name not in given | absent
        ]
        found[model] = {field.name: field.default for field in wanted if field.default is not None}
    return found


def _spelt(factor: Factor, schemas: Mapping[str, ModelSchema]) -> Factor:
    """The factor with its values as the models spell them, so that equal requests are seen to be equal."""
    levels = []
    for level in factor.levels:
        value = _as_allowed(factor.name, level.value, schemas)
        label = str(value) if level.label == str(level.value) else level.label
        levels.append(replace(level, value=value, label=label))
    if factor.name != REFERENCES:
        values = [json.dumps(level.value) for level in levels]
        if twice := [level for level, value in zip(levels, values, strict=True) if values.count(value) > 1]:
            raise InvalidRequest(
                f"{factor.name} has the level {twice[0].label} twice, spelt differently: each is run once, so give each once."
            )
    return replace(factor, levels=tuple(levels))


def _as_allowed(name: str, value: Any, schemas: Mapping[str, ModelSchema]) -> Any:
    if name in (REFERENCES, "model"):
        return value
    spelt = [normalise(schema, {name: value})[name] for schema in schemas.values()]
    return spelt[0] if all(each == spelt[0] for each in spelt) else value


def check(plan: Plan, session: Session) -> list[str]:
    """What is only unwise, one line each. Raises `InvalidRequest` with everything that is wrong, and in which cells."""
    errors: defaultdict[str, set[str]] = defaultdict(set)
    warnings: dict[str, None] = {}
    # One schema each throughout: what Scenario says may come in the middle.
    schemas = _schemas(session, plan.models(), plan.fields)
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
