"""What is wrong with a request is told all at once, in a person's words, with what is allowed and what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from happyhorse_widgets.api.checks import Problem, check, check_sizes, mentions
from happyhorse_widgets.api.models import Model, ModelInput, Requirement
from happyhorse_widgets.api.params import (
    HAPPY_HORSE,
    HAPPY_HORSE_1_1,
    ModelSchema,
    schema_from_model,
    snapshot,
)

GOOD = "character1 waves at character2"


def known(model_id: str = HAPPY_HORSE) -> ModelSchema:
    schema = snapshot(model_id)
    assert schema is not None
    return schema


def errors(values: dict[str, Any], references: int = 2, schema: ModelSchema | None = None) -> list[str]:
    found = check(schema or known(), {"prompt": GOOD, **values}, references=references)
    return [problem.message for problem in found if problem.severity == "error"]


def warnings(prompt: str, references: int) -> list[str]:
    found = check(known(), {"prompt": prompt}, references=references)
    return [problem.message for problem in found if problem.severity == "warning"]


def test_a_good_request_has_no_problem() -> None:
    values = {"aspect_ratio": "9:16", "resolution": "720p", "duration": 5.0, "seed": np.int64(7)}
    assert check(known(), {"prompt": GOOD, **values}, references=2) == ()
    assert check(known(), {"prompt": GOOD, "seed": None, "duration": None}, references=2) == ()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"duration": 2}, "duration must be a whole number from 3 to 15; 2 was given."),
        ({"duration": 16}, "duration must be a whole number from 3 to 15; 16 was given."),
        ({"duration": "long"}, 'duration must be a whole number from 3 to 15; "long" was given.'),
        ({"duration": "5"}, 'duration must be a whole number from 3 to 15; "5" was given.'),
        ({"duration": 4.5}, "duration must be a whole number from 3 to 15; 4.5 was given."),
        ({"duration": True}, "duration must be a whole number from 3 to 15; True was given."),
        (
            {"seed": True},
            "seed must be a whole number from 0 to 2147483647; True was given. Leave it out for a random one.",
        ),
        ({"duration": float("nan")}, "duration must be a whole number from 3 to 15; nan was given."),
        ({"duration": 10**5000}, "duration must be a whole number from 3 to 15; a huge number was given."),
        ({"duration": [5]}, "duration must be a whole number from 3 to 15; a list was given."),
        (
            {"seed": -1},
            "seed must be a whole number from 0 to 2147483647; -1 was given. Leave it out for a random one.",
        ),
        (
            {"seed": 2**31},
            "seed must be a whole number from 0 to 2147483647; 2147483648 was given. Leave it out for a random one.",
        ),
        (
            {"seed": 1.5},
            "seed must be a whole number from 0 to 2147483647; 1.5 was given. Leave it out for a random one.",
        ),
        ({"aspect_ratio": "2:1"}, 'aspect_ratio "2:1" is not one of 16:9, 9:16, 1:1, 4:3, 3:4.'),
        (
            {"aspect_ratio": "21:9"},
            (
                'aspect_ratio "21:9" is not one of 16:9, 9:16, 1:1, 4:3, 3:4.'
                f' Happy Horse 1.1 has it: choose model="{HAPPY_HORSE_1_1}".'
            ),
        ),
        ({"aspect_ratio": 1.5}, 'aspect_ratio must be text, such as "16:9"; 1.5 was given.'),
        ({"resolution": "4K"}, 'resolution "4K" is not one of 720P, 1080P.'),
        ({"prompt": ""}, "prompt is empty: say what should happen, in words."),
        ({"prompt": " \n"}, "prompt is empty: say what should happen, in words."),
        ({"prompt": None}, "prompt is missing: it must be given."),
        ({"prompt": 5}, "prompt must be text; 5 was given."),
        (
            {"prompt": "é" * 2612},
            "prompt has 2,612 characters; at most 2,500 are allowed: shorten it by 112.",
        ),
        ({"ratio": "1:1"}, 'Happy Horse 1.0 has no setting called "ratio". Did you mean aspect_ratio?'),
        ({"sed": None}, 'Happy Horse 1.0 has no setting called "sed". Did you mean seed?'),
        (
            {"aspectRatio": "1:1"},
            'Happy Horse 1.0 has no setting called "aspectRatio". Did you mean aspect_ratio?',
        ),
        (
            {"referenceImages": []},
            'Happy Horse 1.0 has no setting called "referenceImages". Did you mean references?',
        ),
        (
            {"xyz": 1},
            (
                'Happy Horse 1.0 has no setting called "xyz".'
                " It has prompt, references, aspect_ratio, resolution, duration, seed."
            ),
        ),
    ],
)
def test_each_error_says_what_was_given_and_what_is_allowed(values: dict[str, Any], message: str) -> None:
    assert errors(values) == [message]


def test_the_newer_model_takes_the_wider_ratio() -> None:
    assert errors({"aspect_ratio": "21:9"}, schema=known(HAPPY_HORSE_1_1)) == []
    assert errors({"aspect_ratio": "2:1"}, schema=known(HAPPY_HORSE_1_1)) == [
        'aspect_ratio "2:1" is not one of 16:9, 9:16, 1:1, 4:3, 3:4, 4:5, 5:4, 9:21, 21:9.'
    ]


@pytest.mark.parametrize(
    ("references", "message"),
    [
        (0, "No reference image was given; the model takes 1 to 9: add 1."),
        (10, "10 reference images were given; the model takes 1 to 9: leave out 1."),
    ],
)
def test_the_number_of_images(references: int, message: str) -> None:
    assert errors({"prompt": "a horse runs"}, references) == [message]


@pytest.mark.parametrize(
    ("prompt", "references", "message"),
    [
        (
            "character4 runs",
            3,
            (
                "The prompt mentions character4, but there are 3 reference images (character1 to character3):"
                " add the missing image, or mention one that is there."
            ),
        ),
        (
            "Character3 runs",
            1,
            (
                "The prompt mentions character3, but there is 1 reference image (character1):"
                " add the missing images, or mention one that is there."
            ),
        ),
        (
            "character0 runs",
            3,
            "The prompt mentions character0, but images are counted from 1: write character1 for the first.",
        ),
        (
            "character01 runs",
            3,
            "The prompt mentions character01, but images are counted from 1: write character1 for the first.",
        ),
        (
            "character10 runs",
            3,
            "The prompt mentions character10, but the model takes at most 9 images: character1 to character9.",
        ),
        (
            "character" + "9" * 5000,
            3,
            (
                "The prompt mentions character999999999999…, but the model takes at most 9 images:"
                " character1 to character9."
            ),
        ),
    ],
)
def test_a_mention_without_an_image_names_it(prompt: str, references: int, message: str) -> None:
    assert message in errors({"prompt": prompt}, references)


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("character1, CHARACTER2; character1's hat", ("1", "2")),
        ("让character1跑向character2。", ("1", "2")),
        ("character 1, characters1, character1b, xcharacter1, character_1, character1_2, character１", ()),
    ],
)
def test_what_counts_as_a_mention(prompt: str, found: tuple[str, ...]) -> None:
    assert mentions(prompt) == found


def test_images_that_are_never_mentioned_are_a_warning() -> None:
    assert warnings("character2 runs", 3) == [
        (
            "character1, character3 are never mentioned in the prompt, so the model may leave those images out."
            " Mention or remove them."
        )
    ]
    assert warnings("Character1 runs", 2) == [
        "character2 is never mentioned in the prompt, so the model may leave that image out. Mention or remove it."
    ]
    assert warnings(GOOD, 2) == []


def test_a_mention_without_any_image() -> None:
    assert (
        "The prompt mentions character2, but there is no image: add one, or take the mention out."
        in errors({"prompt": "character2 runs"}, 0)
    )


def test_all_problems_come_at_once_and_name_their_fields() -> None:
    values = {"prompt": "character4", "duration": 2, "seed": -1, "aspect_ratio": "2:1", "colour": "red"}
    found = check(known(), values, references=3)
    assert [(p.field, p.severity) for p in found] == [
        ("colour", "error"),
        ("aspect_ratio", "error"),
        ("duration", "error"),
        ("seed", "error"),
        ("prompt", "error"),
        ("prompt", "warning"),
    ]


def test_the_bounds_are_the_schemas() -> None:
    schema = known()
    wider = replace(
        schema,
        fields=tuple(
            replace(f, maximum=60) if f.name == "duration" else replace(f, max_length=12) if f.max_size else f
            for f in schema.fields
        ),
    )
    assert errors({"duration": 60}, 2, wider) == []
    assert errors({"duration": 61}, 2, wider) == [
        "duration must be a whole number from 3 to 60; 61 was given."
    ]
    assert errors({"prompt": "character12"}, 12, wider) == []


def test_another_models_fields_are_checked_by_its_schema() -> None:
    schema = schema_from_model(
        Model(
            id="m",
            name="Other",
            inputs=(
                ModelInput(name="loop", type="boolean"),
                ModelInput(name="frames", type="number", allowed_values=(24, 48)),
                ModelInput(name="style", type="string", min_length=3, required=Requirement(always=True)),
                ModelInput(name="strength", type="number", min=0.5),
                ModelInput(name="extra", type="model_array"),
                ModelInput(name="guidance", type="number", max=9.5),
                ModelInput(name="chaos", type="number"),
                ModelInput(name="note", type="string"),
            ),
        )
    )
    values = {"loop": "yes", "frames": 25, "style": "ab", "strength": 0.25, "extra": ["m"]}
    values |= {"guidance": 10, "chaos": "much", "note": ""}
    assert [p.message for p in check(schema, values, references=1)] == [
        'loop must be True or False; "yes" was given.',
        "frames must be one of 24, 48; 25 was given.",
        "style has 2 characters; at least 3 are needed.",
        "strength must be a number from 0.5 up; 0.25 was given.",
        "guidance must be a number up to 9.5; 10 was given.",
        'chaos must be a number; "much" was given.',
        "Other takes no reference images.",
    ]
    assert check(schema, {"loop": True, "frames": 24.0, "style": "abc", "strength": 0.5}, references=0) == ()
    assert check(schema, {}, references=0) == (
        Problem("style", "error", "style is missing: it must be given."),
    )


@pytest.mark.parametrize(
    ("bounds", "good", "bad", "allowed"),
    [
        (
            {"min": 5, "max": 15, "step": 5},
            [5, 10.0, 15],
            [7, 12.5],
            "a whole number from 5 to 15 in steps of 5",
        ),
        ({"min": 3, "step": 5}, [3, 8, 10**30 + 3], [5], "a whole number from 3 up in steps of 5"),
        ({"max": 15, "step": 5}, [-5, 0, 10], [7], "a whole number up to 15 in steps of 5 from 0"),
        (
            {"min": 0.1, "max": 1, "step": 0.1},
            [0.3, 0.7, 1],
            [0.35],
            "a number from 0.1 to 1 in steps of 0.1",
        ),
        ({"min": 0.5, "max": 9, "step": 1}, [0.5, 2.5], [1], "a number from 0.5 to 9 in steps of 1"),
        ({"step": 1}, [-3, 10**5000], [0.5], "a whole number"),
    ],
)
def test_a_number_goes_in_the_steps_of_the_model_from_its_least(
    bounds: dict[str, float], good: list[float], bad: list[float], allowed: str
) -> None:
    inputs = (ModelInput(name="x", type="number", **bounds),)
    schema = schema_from_model(Model(id="model_other", name="Other", inputs=inputs))
    assert [check(schema, {"x": value}, references=0) for value in good] == [()] * len(good)
    for value in bad:
        (problem,) = check(schema, {"x": value}, references=0)
        assert problem.message == f"x must be {allowed}; {value} was given."


def test_an_image_larger_than_the_model_takes_is_named() -> None:
    fields = (replace(f, max_size=2_000_000) if f.max_size else f for f in known().fields)
    schema = replace(known(), fields=tuple(fields))
    found = check_sizes(schema, [None, 2_000_000, 2_000_001], ["", "", "Ada"])
    assert found == (
        Problem(
            "references",
            "error",
            "character3 (Ada) has 2,000,001 bytes; the model takes at most 2,000,000 for each image."
            " Shrink it, or save it as JPEG.",
        ),
    )
    assert check_sizes(replace(schema, fields=()), [10**9]) == ()


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["prompt", "aspect_ratio", "resolution", "duration", "seed", "x"]) | st.text(),
        st.one_of(
            st.none(), st.booleans(), st.text(), st.floats(), st.integers(), st.binary(), st.lists(st.none())
        ),
    ),
    st.integers(0, 1000),
)
def test_checking_never_raises(values: dict[str, Any], references: int) -> None:
    for problem in check(known(), values, references=references):
        assert problem.message.endswith((".", "?"))
