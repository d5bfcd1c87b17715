"""Can a model be used here? A prompt and a list of images are needed; the inputs that nothing here sets keep their defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from happyhorse_widgets.api.params import REFERENCES, normalise

if TYPE_CHECKING:
    from happyhorse_widgets.api.params import Field, ModelSchema

#: What a request here can set, and the type that it has.
_SETTABLE: Final = {
    "prompt": "string",
    REFERENCES: "file_array",
    "aspect_ratio": "string",
    "resolution": "string",
    "duration": "number",
    "seed": "number",
}


def settable(schema: ModelSchema) -> tuple[Field, ...]:
    """The inputs of a model that a request here sets."""
    return tuple(field for field in schema.fields if _SETTABLE.get(field.name) == field.type)


def defaults(schema: ModelSchema) -> dict[str, Any]:
    """What the model takes where a request here leaves something out, as the API writes it."""
    known = {field.name: field.default for field in settable(schema) if field.default is not None}
    return normalise(schema, known)


def others(schema: ModelSchema) -> tuple[Field, ...]:
    """The inputs of a model that nothing here sets."""
    known = settable(schema)
    return tuple(field for field in schema.fields if field not in known)


def obstacles(schema: ModelSchema) -> tuple[str, ...]:
    """Why a model cannot be used here, one sentence for each reason; empty for one that can."""
    known = {field.name for field in settable(schema)}
    found = []
    if "prompt" not in known:
        found.append("It takes no prompt.")
    if REFERENCES not in known:
        found.append("It takes no list of reference images.")
    found += [
        f"It needs {field.label or field.wire}, which cannot be set here."
        for field in others(schema)
        if field.required and field.default is None
    ]
    return tuple(found)
