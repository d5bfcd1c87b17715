"""The sandbox's check of a body against a model's inputs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from happyhorse_widgets.sandbox.schema import COMPATIBLE, HAPPY_HORSE, HAPPY_HORSE_1_1, MODELS, check

GOOD = {"prompt": "character1 waves", "referenceImages": ["asset_1"]}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("model_id", [HAPPY_HORSE, HAPPY_HORSE_1_1, COMPATIBLE])
def test_defaults_are_filled_in(model_id: str) -> None:
    model = MODELS[model_id]
    values, problems = check(model, GOOD)
    assert problems == []
    assert values["aspectRatio"] == "16:9"
    assert values["duration"] == model.default("duration")
    assert "seed" not in values


def test_all_problems_are_told_at_once() -> None:
    _, problems = check(MODELS[HAPPY_HORSE], {"referenceImages": [], "duration": 99, "seed": -1})
    assert [problem.split('"')[1] for problem in problems] == [
        "prompt",
        "referenceImages",
        "duration",
        "seed",
    ]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"prompt": "  "}, "at least 1"),
        ({"prompt": 5}, "must be a string"),
        ({"prompt": "a" * 2501}, "at most 2500"),
        ({"referenceImages": "asset_1"}, "is required"),
        ({"referenceImages": ["asset_1"] * 10}, "between 1 and 9"),
        ({"referenceImages": ["asset_1", 5]}, "asset ids"),
        ({"aspectRatio": "4:5"}, "16:9"),
        ({"resolution": "1080p"}, "720P, 1080P"),
        ({"duration": 3.5}, "steps of 1"),
        ({"duration": True}, "must be a number"),
        ({"duration": "5"}, "must be a number"),
        ({"seed": 2**31}, "at most 2147483647"),
    ],
)
def test_each_bound_is_held(wrong: dict[str, Any], reason: str) -> None:
    _, problems = check(MODELS[HAPPY_HORSE], GOOD | wrong)
    assert len(problems) == 1
    assert reason in problems[0]


@pytest.mark.parametrize(
    "edge",
    [
        {"duration": 3},
        {"duration": 15.0},
        {"seed": 0},
        {"seed": 2**31 - 1},
        {"prompt": "é" * 2500},
        {"resolution": "720P"},
    ],
)
def test_bounds_belong_to_what_is_allowed(edge: dict[str, Any]) -> None:
    values, problems = check(MODELS[HAPPY_HORSE], GOOD | edge)
    assert problems == []
    assert edge.items() <= values.items()


def test_models_differ() -> None:
    assert check(MODELS[HAPPY_HORSE_1_1], GOOD | {"aspectRatio": "21:9"})[1] == []
    assert "4, 8" in check(MODELS[COMPATIBLE], GOOD | {"duration": 5})[1][0]


@pytest.mark.parametrize(
    ("resolution", "duration", "cost"),
    [("720P", 3, 18), ("1080P", 5, 50), ("1080P", 15, 150), ("720P", 5.0, 30)],
)
def test_prices(resolution: str, duration: float, cost: float) -> None:
    values, _ = check(MODELS[HAPPY_HORSE], GOOD | {"resolution": resolution, "duration": duration})
    assert MODELS[HAPPY_HORSE].cost(values) == cost


@given(
    body=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            [*GOOD, "aspectRatio", "resolution", "duration", "seed", "other"], json_values
        ),
    ),
    model=st.sampled_from(list(MODELS.values())),
)
def test_any_body_is_either_wrong_or_can_be_priced(body: dict[str, Any], model: Any) -> None:
    values, problems = check(model, body)
    assert "other" not in values
    if not problems:
        assert model.cost(values) > 0
        assert set(GOOD) <= set(values)
