"""What a model takes: its fields with their bounds, as the API tells them and as a snapshot until it has.

`Field` and `ModelSchema` say what is allowed; `wire_body` writes a request. Whether a request is allowed is
said by `check`, in `checks`, which holds no number of its own.
"""

from __future__ import annotations

import numbers
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from happyhorse_widgets.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from happyhorse_widgets.api.models import Model, ModelInput, PerformanceStats, PerformanceVariant

N = TypeVar("N", int, float)

HAPPY_HORSE = "model_alibaba-happy-horse-reference-to-video"
HAPPY_HORSE_1_1 = "model_alibaba-happy-horse-reference-to-video-1.1"
REFERENCES = "references"
"""The Python name of the field that takes the reference images; `referenceImages` on the wire."""


@dataclass(frozen=True, slots=True)
class Field:
    """One input of a model.

    `name` is Python's, `wire` the API's. `minimum`, `maximum` and `step` bound numbers; `min_length` and
    `max_length` count the characters of a text or the items of a list; `max_size` is in bytes. None: no
    bound.
    """

    name: str
    wire: str
    type: str
    required: bool = False
    default: Any = None
    allowed: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    max_size: int | None = None
    cost_impact: bool = False
    label: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ModelSchema:
    """A model's fields and statistics: latencies in seconds, cost in creative units, None where not known.

    `deprecated_by` is the id of the model that replaces a retired one ("" when none is named), None while it
    is not.
    """

    model_id: str
    name: str
    fields: tuple[Field, ...]
    deprecated_by: str | None = None
    latency_p50: float | None = None
    latency_p75: float | None = None
    cost_p50: float | None = None

    def field(self, name: str) -> Field | None:
        """The field with the Python name `name`, or None."""
        return next((field for field in self.fields if field.name == name), None)


_FIELDS = (
    Field(
        name="prompt",
        wire="prompt",
        type="string",
        required=True,
        min_length=1,
        max_length=2500,
        label="Prompt",
        description="What happens, naming the subjects character1, character2 … in the order of the images.",
    ),
    Field(
        name=REFERENCES,
        wire="referenceImages",
        type="file_array",
        required=True,
        min_length=1,
        max_length=9,
        max_size=10_000_000,
        label="Reference images",
        description="JPEG, PNG or WEBP; the shortest side must have more than 200 pixels; 400 or more is advised.",
    ),
    Field(
        name="aspect_ratio",
        wire="aspectRatio",
        type="string",
        default="16:9",
        allowed=("16:9", "9:16", "1:1", "4:3", "3:4"),
        label="Aspect ratio",
        description="Width to height of the clip.",
    ),
    Field(
        name="resolution",
        wire="resolution",
        type="string",
        default="1080P",
        allowed=("720P", "1080P"),
        cost_impact=True,
        label="Resolution",
        description="Pixels of the clip's shorter side.",
    ),
    Field(
        name="duration",
        wire="duration",
        type="number",
        default=5,
        minimum=3,
        maximum=15,
        step=1,
        cost_impact=True,
        label="Duration",
        description="Length of the clip in whole seconds.",
    ),
    Field(
        name="seed",
        wire="seed",
        type="number",
        minimum=0,
        maximum=2_147_483_647,
        step=1,
        label="Seed",
        description="The same seed helps to get a similar clip again, but does not promise the same one.",
    ),
)
_MORE_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "4:5", "5:4", "9:21", "21:9")
_SNAPSHOTS = {
    HAPPY_HORSE: ModelSchema(HAPPY_HORSE, "Happy Horse 1.0", _FIELDS),
    HAPPY_HORSE_1_1: ModelSchema(
        HAPPY_HORSE_1_1,
        "Happy Horse 1.1",
        tuple(replace(f, allowed=_MORE_RATIOS) if f.name == "aspect_ratio" else f for f in _FIELDS),
    ),
}


def snapshot(model_id: str) -> ModelSchema | None:
    """What was known of a Happy Horse model when this package was made; None for any other model."""
    return _SNAPSHOTS.get(model_id)


def snapshots() -> tuple[ModelSchema, ...]:
    """All of them, oldest model first."""
    return tuple(_SNAPSHOTS.values())


def schema_from_model(model: Model) -> ModelSchema:
    """The schema that `GET /models/{id}` told.

    What it leaves out of a model with a snapshot comes from there. Of any other model the list of images is the field
    `references`, whatever the API calls it.
    """
    known = snapshot(model.id)
    fields = {field.wire: field for field in known.fields} if known else {}
    images = "" if known else _image_list(model.inputs)
    for given in model.inputs:
        taken = {field.name for field in fields.values() if field.wire != given.name}
        name = REFERENCES if given.name == images else _python_name(given.name)
        while name in taken or (name == REFERENCES and images not in ("", given.name)):
            name += "_"  # as one does in Python where a name is taken
        fields[given.name] = _merged(given, fields.get(given.name) or Field(name, given.name, type=""))
    variant = _usual_variant(model.performance_stats)
    return ModelSchema(
        model_id=model.id,
        name=model.name or (known.name if known else model.id),
        fields=tuple(fields.values()),
        deprecated_by=_replacement(model.tags),
        latency_p50=variant.total_latency_p50_sec if variant else None,
        latency_p75=variant.total_latency_p75_sec if variant else None,
        cost_p50=variant.cost_per_asset_p50 if variant else None,
    )


def _image_list(inputs: Sequence[ModelInput]) -> str:
    """The API's name of the input that takes the reference images; "" where there is none."""
    lists = [given.name for given in inputs if given.type == "file_array" and given.kind in ("", "image")]
    usual = "referenceImages"
    return usual if usual in lists else next(iter(lists), "")


def _merged(given: ModelInput, base: Field) -> Field:
    form = given.type or base.type
    low, high = _bounds(given.min, given.max, base.minimum, base.maximum)
    least, most = given.min_length, given.max_length
    if form.endswith("_array"):  # lists are counted by either pair of bounds
        least = _whole_or_none(given.min) if least is None else least
        most = _whole_or_none(given.max) if most is None else most
        low = high = None
    shortest, longest = _bounds(least, most, base.min_length, base.max_length)
    allowed = tuple(value for value in given.allowed_values if isinstance(value, (str, int, float)))
    return Field(
        name=base.name,
        wire=base.wire,
        type=form,
        required=base.required if given.required is None else given.required.always,
        default=base.default if given.default is None else given.default,
        allowed=allowed or base.allowed,
        minimum=low,
        maximum=high,
        step=given.step or base.step,
        min_length=shortest,
        max_length=longest,
        max_size=given.max_size or base.max_size,
        cost_impact=base.cost_impact if given.cost_impact is None else given.cost_impact,
        label=given.label or base.label,
        description=" ".join(filter(None, (given.description, given.hint))) or base.description,
    )


def _bounds(
    low: N | None, high: N | None, base_low: N | None, base_high: N | None
) -> tuple[N | None, N | None]:
    """The bounds given, each from the base where missing; the base's where no value could satisfy them."""
    merged_low, merged_high = base_low if low is None else low, base_high if high is None else high
    if merged_low is not None and merged_high is not None and merged_low > merged_high:
        return base_low, base_high
    return merged_low, merged_high


def _whole_or_none(number: float | None) -> int | None:
    return None if number is None else int(number)


def _python_name(wire: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", wire).lower()


def _replacement(tags: Sequence[str]) -> str | None:
    for tag in tags:
        word, _, replacement = tag.partition(":")
        if word.strip().lower() == "deprecated":
            return replacement.strip()
    return None


def _usual_variant(stats: PerformanceStats) -> PerformanceVariant | None:
    usual = [variant for variant in stats.variants if variant.variant_key == stats.default]
    return next(iter(usual or stats.variants), None)


def normalise(schema: ModelSchema, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` as the API writes them: whole numbers as int (5.0, NumPy's), choices in the API's spelling
    (1080p).

    Values that fit no field stay as they are, for `check` to find.
    """
    return {name: _normal(schema.field(name), value) for name, value in values.items()}


def _normal(field: Field | None, value: Any) -> Any:
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        value = int(value)
    elif isinstance(value, numbers.Real) and not isinstance(value, (bool, numbers.Rational)):
        number = float(value)
        value = int(number) if number.is_integer() else number
    if field is not None and isinstance(value, str) and field.allowed:
        spelling = value.strip().casefold()
        return next((choice for choice in field.allowed if str(choice).casefold() == spelling), value)
    return value


def renamed(schema: ModelSchema, names: Mapping[str, str]) -> ModelSchema:
    """The schema with other Python names: `names` has ours, and what the model, or Python, calls each of these inputs.

    So another model's `ratio` is asked for as `aspect_ratio`. An input that takes one image can be the references, too.
    Raises `InvalidRequest` that names all inputs that the model does not have.
    """
    found = {name: _called(schema, theirs) for name, theirs in names.items()}
    missing = [theirs for name, theirs in names.items() if found[name] is None]
    if missing:
        raise InvalidRequest(
            f"{schema.name} has no input called {', '.join(missing)}; it has {', '.join(f.wire for f in schema.fields)}."
        )
    ours = {field.wire: name for name, field in found.items() if field is not None}
    return replace(schema, fields=tuple(_renamed(field, ours) for field in schema.fields))


def _called(schema: ModelSchema, name: str) -> Field | None:
    return next((field for field in schema.fields if name in (field.name, field.wire)), None)


def _renamed(field: Field, ours: Mapping[str, str]) -> Field:
    name = ours.get(field.wire)
    if name is None:
        return replace(field, name=field.name + "_" * (field.name in ours.values()))
    if name == REFERENCES and field.type == "file":
        return replace(field, name=name, min_length=int(field.required), max_length=1)
    return replace(field, name=name)


def wire_body(schema: ModelSchema, values: Mapping[str, Any], asset_ids: Sequence[str]) -> dict[str, Any]:
    """The body of a request for `values` (by Python names) that `check` found no error in.

    None is left out, so that the model's own default holds; the reference images are a list wherever the model takes one.
    """
    normal = normalise(schema, values)
    body: dict[str, Any] = {}
    for field in schema.fields:
        if field.name == REFERENCES:
            if field.type != "file":
                body[field.wire] = list(asset_ids)
            elif asset_ids:
                body[field.wire] = asset_ids[0]
        elif normal.get(field.name) is not None:
            body[field.wire] = normal[field.name]
    return body
