"""Which of Scenario's models can be used here, and what of theirs is left alone."""

from __future__ import annotations

from typing import Any

import msgspec

from happyhorse_widgets.api.checks import check
from happyhorse_widgets.api.compatible import obstacles, others, settable
from happyhorse_widgets.api.models import Model
from happyhorse_widgets.api.params import ModelSchema, schema_from_model, snapshots, wire_body

PROMPT = {"name": "prompt", "type": "string", "required": {"always": True}}
IMAGES = {
    "name": "inputImages",
    "type": "file_array",
    "kind": "image",
    "max": 4,
    "required": {"always": True},
}


def model(*inputs: dict[str, Any]) -> ModelSchema:
    return schema_from_model(msgspec.convert({"id": "model_x", "name": "X", "inputs": inputs}, Model))


def test_happy_horse_can_be_used_with_nothing_left_over() -> None:
    for schema in snapshots():
        assert (obstacles(schema), others(schema)) == ((), ())


def test_another_list_of_images_serves_as_references() -> None:
    schema = model(PROMPT, IMAGES, {"name": "motion", "type": "number", "label": "Motion", "default": 3})
    assert obstacles(schema) == ()
    assert [field.name for field in settable(schema)] == ["prompt", "references"]
    assert [(field.label, field.default) for field in others(schema)] == [("Motion", 3)]
    assert check(schema, {"prompt": "character1"}, references=1) == ()
    assert wire_body(schema, {"prompt": "x"}, ["asset_1"]) == {"prompt": "x", "inputImages": ["asset_1"]}


def test_the_usual_name_goes_before_another_list() -> None:
    schema = model(PROMPT, IMAGES | {"required": None}, IMAGES | {"name": "referenceImages"})
    field = schema.field("references")
    assert field is not None
    assert field.wire == "referenceImages"


def test_every_input_has_a_name_of_its_own() -> None:
    videos = {"name": "references", "type": "file_array", "kind": "video"}
    twice = [{"name": "camera_fixed", "type": "boolean"}, {"name": "cameraFixed", "type": "boolean"}]
    for inputs in ([PROMPT, videos, IMAGES, *twice], [*twice, IMAGES, videos, PROMPT]):
        schema = model(*inputs)
        assert len({field.name for field in schema.fields}) == len(inputs)
        assert wire_body(schema, {"prompt": "x"}, ["asset_1"]) == {"prompt": "x", "inputImages": ["asset_1"]}


def test_what_keeps_a_model_from_being_used_is_said() -> None:
    assert obstacles(model(IMAGES)) == ("It takes no prompt.",)
    assert obstacles(model(PROMPT)) == ("It takes no list of reference images.",)
    videos = IMAGES | {"kind": "video"}
    assert obstacles(model(PROMPT, videos)) == (
        "It takes no list of reference images.",
        "It needs inputImages, which cannot be set here.",
    )
    mask = {"name": "mask", "label": "Mask", "type": "file", "required": {"always": True}}
    assert obstacles(model(PROMPT, IMAGES, mask)) == ("It needs Mask, which cannot be set here.",)


def test_a_parameter_of_another_type_is_left_alone() -> None:
    choices = {"name": "duration", "type": "string", "allowedValues": ["5", "10"], "default": "5"}
    schema = model(PROMPT, IMAGES, choices)
    assert obstacles(schema) == ()
    assert [field.name for field in others(schema)] == ["duration"]
