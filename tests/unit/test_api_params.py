"""Fields and bounds: the snapshot, what the API's schema does to it, and the body that is sent."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from happyhorse_widgets.api.models import (
    Model,
    ModelInput,
    PerformanceStats,
    PerformanceVariant,
    Requirement,
    Units,
)
from happyhorse_widgets.api.params import (
    HAPPY_HORSE,
    HAPPY_HORSE_1_1,
    Field,
    ModelSchema,
    normalise,
    schema_from_model,
    snapshot,
    wire_body,
)


def known(model_id: str = HAPPY_HORSE) -> ModelSchema:
    schema = snapshot(model_id)
    assert schema is not None
    return schema


def field(schema: ModelSchema, name: str) -> Field:
    found = schema.field(name)
    assert found is not None
    return found


def test_the_snapshot_is_the_documented_table() -> None:
    schema = known()
    assert [(f.name, f.wire, f.required, f.default) for f in schema.fields] == [
        ("prompt", "prompt", True, None),
        ("references", "referenceImages", True, None),
        ("aspect_ratio", "aspectRatio", False, "16:9"),
        ("resolution", "resolution", False, "1080P"),
        ("duration", "duration", False, 5),
        ("seed", "seed", False, None),
    ]
    assert (field(schema, "duration").minimum, field(schema, "duration").maximum) == (3, 15)
    assert field(schema, "seed").maximum == 2**31 - 1
    assert field(schema, "prompt").max_length == 2500
    assert (field(schema, "references").max_length, field(schema, "references").max_size) == (9, 10_000_000)
    assert field(schema, "aspect_ratio").allowed == ("16:9", "9:16", "1:1", "4:3", "3:4")
    newer = ("16:9", "9:16", "1:1", "4:3", "3:4", "4:5", "5:4", "9:21", "21:9")
    assert field(known(HAPPY_HORSE_1_1), "aspect_ratio").allowed == newer
    assert snapshot("model_other") is None
    assert schema.field("fps") is None


def test_an_empty_answer_leaves_the_snapshot() -> None:
    assert schema_from_model(Model(id=HAPPY_HORSE)) == known()


def test_what_the_api_says_goes_over_the_snapshot_and_what_it_leaves_out_stays() -> None:
    told = Model(
        id=HAPPY_HORSE,
        name="Happy Horse",
        tags=("video", "deprecated:model_next"),
        inputs=(
            ModelInput(name="duration", type="number", max=20.0),
            ModelInput(name="aspectRatio", allowed_values=("1:1", None, {"a": 1}, "2:1"), default="1:1"),
            ModelInput(name="prompt", max_length=4000, required=Requirement(always=False), label="Text"),
            ModelInput(name="referenceImages", type="file_array", max=12.0),
            ModelInput(name="watermark", type="boolean", default=False, cost_impact=True),
            ModelInput(name="cameraFPSMode", type="string"),
        ),
        performance_stats=PerformanceStats(
            variants=(
                PerformanceVariant(variant_key="fast", total_latency_p50_sec=10.0),
                PerformanceVariant(
                    variant_key="usual",
                    total_latency_p50_sec=90.0,
                    total_latency_p75_sec=120.0,
                    cost_per_asset_p50=Units(40.0),
                ),
            ),
            default="usual",
        ),
    )
    schema = schema_from_model(told)
    assert (schema.name, schema.deprecated_by) == ("Happy Horse", "model_next")
    assert (schema.latency_p50, schema.latency_p75, schema.cost_p50) == (90.0, 120.0, 40.0)
    duration = field(schema, "duration")
    assert (duration.minimum, duration.maximum, duration.step, duration.default) == (3, 20.0, 1, 5)
    assert (field(schema, "aspect_ratio").allowed, field(schema, "aspect_ratio").default) == (
        ("1:1", "2:1"),
        "1:1",
    )
    prompt = field(schema, "prompt")
    assert (prompt.max_length, prompt.min_length, prompt.required, prompt.label) == (4000, 1, False, "Text")
    assert (field(schema, "references").min_length, field(schema, "references").max_length) == (1, 12)
    assert field(schema, "watermark") == Field(
        name="watermark", wire="watermark", type="boolean", default=False, cost_impact=True
    )
    assert field(schema, "camera_fpsmode").wire == "cameraFPSMode"
    assert field(schema, "seed") == field(known(), "seed")


def test_bounds_that_nothing_fits_are_not_believed() -> None:
    model = Model(id=HAPPY_HORSE, inputs=(ModelInput(name="duration", min=9.0, max=4.0),))
    assert field(schema_from_model(model), "duration").maximum == 15


def test_another_model_is_what_the_api_says() -> None:
    schema = schema_from_model(
        Model(id="model_x", inputs=(ModelInput(name="numFrames", type="number", min=1.0),))
    )
    assert (schema.name, [f.name for f in schema.fields]) == ("model_x", ["num_frames"])


@pytest.mark.parametrize(
    ("tags", "replacement"),
    [((), None), (("new",), None), (("deprecated",), ""), (("Deprecated: model_y ",), "model_y")],
)
def test_the_tag_of_a_retired_model_names_its_replacement(
    tags: tuple[str, ...], replacement: str | None
) -> None:
    assert schema_from_model(Model(id="m", tags=tags)).deprecated_by == replacement


def test_numbers_and_choices_are_written_as_the_api_writes_them() -> None:
    values = {
        "duration": 5.0,
        "seed": np.int64(2**31 - 1),
        "resolution": " 1080p",
        "aspect_ratio": "16:9",
        "prompt": "1080p ",
        "extra": np.float32(1.5),
    }
    normal = normalise(known(), values)
    assert normal == {
        "duration": 5,
        "seed": 2**31 - 1,
        "resolution": "1080P",
        "aspect_ratio": "16:9",
        "prompt": "1080p ",
        "extra": 1.5,
    }
    assert {name: type(value) for name, value in normal.items()} == {
        "duration": int,
        "seed": int,
        "resolution": str,
        "aspect_ratio": str,
        "prompt": str,
        "extra": float,
    }


@pytest.mark.parametrize(
    "value", [True, None, "long", math.inf, Fraction(1, 3), 10**400, [5], np.bool_(True)]
)
def test_what_is_no_number_stays_what_it_is(value: Any) -> None:
    assert normalise(known(), {"duration": value})["duration"] is value


def test_the_body_has_wire_names_and_no_nulls() -> None:
    values = {"prompt": "a", "duration": np.int32(4), "seed": None, "resolution": "720p"}
    assert wire_body(known(), values, ("asset_1",)) == {
        "prompt": "a",
        "referenceImages": ["asset_1"],
        "resolution": "720P",
        "duration": 4,
    }


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(), st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.lists(st.none()))
    )
)
def test_normalising_never_raises_and_changes_nothing_twice(values: dict[str, Any]) -> None:
    once = normalise(known(), values | {"duration": next(iter(values.values()), None)})
    assert repr(normalise(known(), once)) == repr(once)
