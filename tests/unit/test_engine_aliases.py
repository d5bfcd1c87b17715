"""Own names for reference images: found in a prompt, and sent as characterN."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from happyhorse_widgets.api.params import HAPPY_HORSE, REFERENCES, snapshot
from happyhorse_widgets.engine.aliases import mentions, name_problem, name_problems, named, resolve
from happyhorse_widgets.engine.asking import ask, check_named
from happyhorse_widgets.engine.request import Reference, own_names
from happyhorse_widgets.errors import InvalidRequest

# The browser's rules are held to the same table: tests/browser/test_prompt.py.
TABLE = json.loads((Path(__file__).parents[1] / "mentions.json").read_text(encoding="utf-8"))
IMAGE = Reference("image.png", asset_id="asset_1")


@pytest.mark.parametrize("case", TABLE["prompts"], ids=lambda case: case["text"][:20])
def test_mentions_are_found_as_the_table_says(case: dict[str, Any]) -> None:
    found = [
        [case["text"][mention.start : mention.end], mention.character]
        for mention in mentions(case["text"], case["names"])
    ]
    assert found == case["found"]
    assert resolve(case["text"], case["names"]) == case["wire"]


@pytest.mark.parametrize("case", TABLE["names"], ids=lambda case: case["name"][:20])
def test_own_names_are_refused_as_the_table_says(case: dict[str, Any]) -> None:
    assert name_problem(case["name"], case["others"]) == case["problem"]


def test_what_comes_from_the_model_gets_the_own_names_back() -> None:
    assert named("character1 meets character2, character12 and Character1", ["Fox", ""]) == (
        "Fox meets character2, character12 and Fox"
    )


def test_every_wrong_name_is_said_with_the_image_that_has_it() -> None:
    assert name_problems(["", "Fox", "character3", "fox"]) == [
        "character3: An own name cannot contain character3: that is how the model counts the images.",
        "character4: Two images are called fox.",
    ]


def test_the_keys_of_a_mapping_are_own_names() -> None:
    assert own_names({"Fox": "fox.png", "character2": "ada.png", "character1": "bo.png"}) == (
        "Fox",
        "",
        "character1",
    )
    assert own_names(["a.png", Reference("b.png", alias="Bo")]) == ("", "Bo")


def _ask(prompt: str, references: Any) -> Any:
    schema = snapshot(HAPPY_HORSE)
    assert schema is not None
    return ask(schema, prompt, references, {}, has=lambda _: True)


def test_a_request_keeps_what_was_typed_and_sends_what_the_model_knows() -> None:
    asked = _ask("Fox waves at Ada", {"Fox": IMAGE, "Ada": IMAGE})
    assert asked.warnings == ()
    assert asked.request.prompt == "Fox waves at Ada"
    assert [item.alias for item in asked.request.references] == ["Fox", "Ada"]
    assert asked.request.wire_values()["prompt"] == "character1 waves at character2"
    assert type(asked.request).from_dict(asked.request.to_dict()) == asked.request


def test_a_name_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"character1: An own name cannot contain character3"):
        _ask("character1 waves", {"character3": IMAGE})


def test_messages_say_the_own_name() -> None:
    schema = snapshot(HAPPY_HORSE)
    assert schema is not None
    found = check_named(schema, {"prompt": "Fox waves"}, ["Fox", "Ada"])
    assert [(each.field, each.severity) for each in found] == [("prompt", "warning")]
    assert found[0].message.startswith("character2 (Ada) is never mentioned")
    assert [each.field for each in check_named(schema, {"prompt": "Fox"}, ["Fox", "fox"])] == [
        REFERENCES,
        "prompt",
    ]


def test_an_image_that_was_removed_is_no_other_image() -> None:
    with pytest.raises(InvalidRequest, match=r"^fox\.png was removed, but the prompt still mentions it"):
        _ask("character1 meets ⟨removed: fox.png⟩", [IMAGE])


def test_the_length_is_that_of_what_is_sent() -> None:
    with pytest.raises(InvalidRequest, match="2,510 characters"):
        _ask("F " * 200 + "x" * 310, {"F": IMAGE})
