"""Plans of sweeps: what is a factor, what each cell asks for, and the file that a study is registered with."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from happyhorse_widgets.api.params import HAPPY_HORSE, Field, ModelSchema, renamed, wire_body
from happyhorse_widgets.engine.request import Reference
from happyhorse_widgets.errors import InvalidImage, InvalidRequest, MissingExtra
from happyhorse_widgets.extras import needs
from happyhorse_widgets.media.images import load_image
from happyhorse_widgets.research.attempts import key_of
from happyhorse_widgets.research.cells import Cell, sweep_frame
from happyhorse_widgets.research.factors import Factor, factors_in
from happyhorse_widgets.research.plan import Plan, lay_out
from happyhorse_widgets.research.planfile import bring_images, read_plan, restored, write_plan
from tests.sessions import picture


def keep(images: Any) -> tuple[Reference, ...]:
    """References that stand for names: the content of "fox" is always the same."""
    names = images.items() if isinstance(images, dict) else (("", name) for name in images)
    found = []
    for alias, name in names:
        if name == "lost":
            raise InvalidImage("lost is not a picture.")
        sha256 = name.encode().hex().ljust(64, "0")
        found.append(Reference(f"{name}.png", sha256, "image/png", 420, 400, alias=alias))
    return tuple(found)


def planned(*, fields: Any = None, design: str = "factorial", order_seed: int = 5, **given: Any) -> Plan:
    values = {"prompt": "character1 waves", "references": ["fox"], "model": "model_a"} | given
    factors, fixed = factors_in(values, keep)
    return lay_out(factors, fixed, design=design, runs=None, order_seed=order_seed, fields=fields or {})


def labels(factors: tuple[Factor, ...], name: str) -> list[str]:
    return [level.label for factor in factors if factor.name == name for level in factor.levels]


# -- factors -----------------------------------------------------------------------------------------------------------


def test_lists_and_dicts_are_factors_and_all_else_is_fixed() -> None:
    given = {
        "prompt": {"calm": "character1 sits", "wild": "character1 leaps"},
        "seed": range(1, 4),
        "duration": np.array([3, 5]),
        "guidance": (1.5, None),
        "resolution": "720P",
        "aspect_ratio": None,
    }
    factors, fixed = factors_in(given, keep)
    assert [factor.name for factor in factors] == ["prompt", "seed", "duration", "guidance"]
    assert fixed == {"resolution": "720P"}
    assert labels(factors, "prompt") == ["calm", "wild"]
    assert factors[0].value("wild") == "character1 leaps"
    assert [(level.label, level.value) for level in factors[2].levels] == [("3", 3), ("5", 5)]
    assert type(factors[2].levels[0].value) is int
    assert labels(factors, "guidance") == ["1.5", "default"]


def test_long_texts_are_called_by_their_beginnings_and_kept_apart() -> None:
    texts = ["character1 " + "walks on and on " * 9 + end for end in ("slowly", "fast")]
    factors, _ = factors_in({"prompt": texts}, keep)
    first, second = labels(factors, "prompt")
    assert len(first) <= 60
    assert first.endswith("…")
    assert second == f"{first} (2)"
    assert [level.value for level in factors[0].levels] == texts


def test_a_list_of_images_is_fixed_and_a_list_of_lists_is_a_factor() -> None:
    for fixed_set in (["fox", "ada"], {"Rex": "fox", "Ada": "ada"}):
        factors, fixed = factors_in({"references": fixed_set}, keep)
        assert factors == ()
        assert [image.name for image in fixed["references"]] == ["fox.png", "ada.png"]
    (factor,), _ = factors_in({"references": [["fox", "ada"], {"Rex": "fox"}, ("cat",)]}, keep)
    assert [level.label for level in factor.levels] == ["fox.png + ada.png", "Rex", "cat.png"]
    (factor,), _ = factors_in({"references": {"one": ["fox"], "other": ["ada"]}}, keep)
    assert factor.value("other")[0].name == "ada.png"


def test_everything_that_cannot_be_varied_is_told_at_once() -> None:
    given = {
        "prompt": [],
        "references": [["fox"], "ada"],
        "seed": [1, 1.0],
        "duration": {"": 3},
        "guidance": [object()],
        "noise": float("nan"),
    }
    with pytest.raises(InvalidRequest) as caught:
        factors_in(given, keep)
    assert caught.value.problems == (
        "prompt is empty: a factor has at least one level.",
        "references mixes images and lists of images. One set of images is [a, b]; a factor is a list of such lists.",
        "seed has the level 1 twice: each is run once, so give each once.",
        "The levels of duration are called by texts of one line, such as {'calm': …}.",
        "guidance has a object in it; texts, finite numbers, True, False and None can be varied.",
        "noise has a float in it; texts, finite numbers, True, False and None can be varied.",
    )
    with pytest.raises(InvalidRequest, match=r"references 2: lost is not a picture"):
        factors_in({"references": [["fox"], ["lost"]]}, keep)


# -- cells -------------------------------------------------------------------------------------------------------------


def test_every_condition_is_run_with_the_same_seeds_in_an_order_by_lot() -> None:
    plan = planned(seed=[1, 2, 3], prompt=["a", "b"], duration=[3, 5])
    assert plan.factors[-1].name == "seed"
    assert sorted(cell.key for cell in plan.cells) == [f"c{number:02}" for number in range(1, 13)]
    assert [cell.key for cell in plan.cells] != sorted(cell.key for cell in plan.cells)
    seeds: dict[tuple[str, str], list[str]] = {}
    for cell in plan.cells:
        seeds.setdefault((cell.levels["prompt"], cell.levels["duration"]), []).append(cell.levels["seed"])
    assert [sorted(found) for found in seeds.values()] == [["1", "2", "3"]] * 4
    other = planned(seed=[1, 2, 3], prompt=["a", "b"], duration=[3, 5], order_seed=6)
    assert [cell.key for cell in other.cells] != [cell.key for cell in plan.cells]
    assert (other.question, other.sha256 == plan.sha256) == (plan.question, False)


def test_seeds_are_no_factor_of_a_latin_square() -> None:
    three = {"prompt": ["a", "b", "c"], "duration": [3, 4, 5], "resolution": ["x", "y", "z"]}
    plan = planned(**three, seed=[1, 2], design="latin-square")
    assert len(plan.cells) == 9 * 2


def test_too_many_cells_are_refused_before_they_are_made() -> None:
    with pytest.raises(InvalidRequest, match="has 20,000 cells; 10,000 are the most"):
        planned(seed=range(200), guidance=range(100))


def test_a_cell_asks_for_what_it_says_in_the_models_own_words() -> None:
    fields = {"model_b": {"aspect_ratio": "ratio", "resolution": None}}
    plan = planned(
        model=["model_a", "model_b"],
        resolution=["720P", "1080P"],
        aspect_ratio="1:1",
        guidance=7,
        fields=fields,
    )
    requests = {(c.levels["model"], c.levels["resolution"]): plan.request(c) for c in plan.cells}
    first, second = requests["model_a", "720P"], requests["model_b", "720P"]
    assert (first.resolution, first.aspect_ratio, first.inputs, first.fields) == (
        "720P",
        "1:1",
        {"guidance": 7},
        {},
    )
    assert (second.resolution, second.fields) == (None, {"aspect_ratio": "ratio"})
    # Without a resolution both cells of this model ask for the same.
    assert key_of(second) == key_of(requests["model_b", "1080P"])
    assert len({key_of(request) for request in requests.values()}) == 3


def test_requests_are_the_same_whatever_their_images_are_called() -> None:
    asked = Reference("fox.png", "ab" * 32, "image/png", alias="Rex")
    same = Reference("a copy.png", "ab" * 32, "image/png", alias="Max")
    other = Reference("fox.png", "cd" * 32, "image/png", alias="Rex")

    def key(image: Reference, prompt: str) -> str:
        plan = planned(prompt=prompt)
        return key_of(plan.request(plan.cells[0]).with_reference(0, image))

    assert key(asked, "Rex waves") == key(same, "Max waves") == key(same, "character1 waves")
    assert key(asked, "Rex waves") != key(other, "Rex waves")
    assert key(asked, "Rex waves") != key(asked, "Rex sits")


# -- models that call things differently -------------------------------------------------------------------------------

OTHER = ModelSchema(
    "model_b",
    "Other",
    (
        Field("text", "text", "string", required=True),
        Field("image", "image", "file", required=True),
        Field("ratio", "ratio", "string", allowed=("1:1", "wide")),
        Field("seed", "seed", "number"),
    ),
)


def test_a_schema_in_our_names_takes_one_image_and_sends_the_models_names() -> None:
    names = {"prompt": "text", "references": "image", "aspect_ratio": "ratio"}
    schema = renamed(OTHER, names)
    images = schema.field("references")
    assert images is not None
    assert (images.min_length, images.max_length) == (1, 1)
    body = wire_body(schema, {"prompt": "x", "aspect_ratio": "WIDE", "seed": 3}, ["asset_1"])
    assert body == {"text": "x", "image": "asset_1", "ratio": "wide", "seed": 3}
    # Whatever has our name already makes way.
    assert [field.name for field in renamed(OTHER, {"seed": "ratio"}).fields] == [
        "text",
        "image",
        "seed",
        "seed_",
    ]
    with pytest.raises(InvalidRequest, match="Other has no input called pictures, size; it has text, image"):
        renamed(OTHER, {"references": "pictures", "resolution": "size", "prompt": "text"})


# -- the file ----------------------------------------------------------------------------------------------------------

TEXTS = st.text(min_size=1, max_size=30)


@pytest.mark.parametrize("ending", [".json", ".yaml"])
@settings(max_examples=60)
@example(prompts=["a\x85b", "\u2028", "\ufeffx", "two\n\nlines\r\n"], order_seed=1, guidance=1e-7)
@given(
    prompts=st.lists(TEXTS, min_size=1, max_size=3, unique=True),
    order_seed=st.integers(0, 2**31),
    guidance=st.floats(allow_nan=False, allow_infinity=False),
)
def test_what_is_written_is_read_again_bit_by_bit(
    ending: str,
    prompts: list[str],
    order_seed: int,
    guidance: float,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / f"study{ending}"
    plan = planned(prompt=prompts, order_seed=order_seed, guidance=guidance, seed=[1, None])
    write_plan(path, "a study", plan)
    written = path.read_bytes()
    name, again = read_plan(path)
    assert (name, again) == ("a study", plan)
    assert again.sha256 == plan.sha256
    write_plan(path, name, again)
    assert path.read_bytes() == written


def test_yaml_and_json_hold_the_same(tmp_path: Path) -> None:
    plan = planned(seed=[1, 2], aspect_ratio="16:9")
    for ending in ("json", "yaml"):
        write_plan(tmp_path / f"study.{ending}", "a study", plan)
    held = json.loads((tmp_path / "study.json").read_text())
    assert held == yaml.safe_load((tmp_path / "study.yaml").read_text())
    assert held["sha256"] == plan.sha256
    assert held["plan"]["fixed"]["references"] == [
        {
            "name": "fox.png",
            "sha256": b"fox".hex().ljust(64, "0"),
            "media_type": "image/png",
            "width": 420,
            "height": 400,
        }
    ]


def edited(tmp_path: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    path = tmp_path / "study.json"
    write_plan(path, "a study", planned(seed=[1, 2]))
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda data: data["plan"]["factors"][0]["levels"][0].update(value=9),
            "was changed after it was written",
        ),
        (lambda data: data.update(sha256="0" * 64), "was changed after it was written"),
        (lambda data: data.update(format=2), "in format 2; this version reads format 1"),
        (lambda data: data.pop("kind"), r"is no plan of a sweep: sweep\.save\(\) writes one"),
        (lambda data: data.update(name=" "), "does not say what the sweep is called"),
        (lambda data: data["plan"].update(more=1), "something in it that no plan has"),
        (lambda data: data["plan"].pop("cells"), "no plan of a sweep .*cells"),
        (lambda data: data["plan"]["cells"][0]["levels"].update(seed="7"), "no plan of a sweep .*7"),
        (lambda data: data["plan"]["cells"].append(data["plan"]["cells"][0]), "two cells have the same key"),
        (
            lambda data: data["plan"]["fixed"].update(references=[{"name": "x", "url": "http://x/y.png"}]),
            "by its content",
        ),
        (
            lambda data: data["plan"]["fixed"].update(references=[{"name": "x", "sha256": "../x"}]),
            "by its content",
        ),
        (lambda data: data["plan"]["fixed"].update(prompt=7), "no plan of a sweep"),
    ],
)
def test_a_file_that_is_no_plan_or_was_changed_is_refused(tmp_path: Path, edit: Any, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        read_plan(edited(tmp_path, edit))


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda plan: plan["cells"].pop(), "contradicts itself: its cells, or their order, do not follow"),
        (lambda plan: plan["cells"].reverse(), "contradicts itself"),
        (lambda plan: plan.update(design="bogus", cells=[]), "study.json is no plan of a sweep: .*bogus"),
        (lambda plan: plan["fixed"].update(duration=float("nan")), "is no plan of a sweep"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused_whoever_signed_it(
    tmp_path: Path, edit: Any, words: str
) -> None:
    def signed(data: dict[str, Any]) -> None:
        edit(data["plan"])
        text = json.dumps(data["plan"], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        data["sha256"] = hashlib.sha256(text.encode()).hexdigest()

    with pytest.raises(InvalidRequest, match=words):
        read_plan(edited(tmp_path, signed))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("study.json", "{", "no JSON that can be read"),
        ("study.json", "[" * 100_000, "no JSON that can be read"),
        ("study.yaml", "a: [", "no YAML that can be read"),
        ("study.yaml", "a: &a [x]\nb: *a\n", "repeats itself by reference"),
        ("study.yaml", "!!python/object/apply:os.getcwd []", "no YAML that can be read"),
        ("study.yaml", "- 1", "is no plan of a sweep"),
        ("study.txt", "", "ends in .json, .yaml, .yml"),
        ("none.json", None, "cannot be read"),
    ],
)
def test_what_is_no_file_of_a_plan_says_what_is_wrong(
    tmp_path: Path, name: str, text: str | None, words: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InvalidRequest, match=words):
        read_plan(tmp_path / name)


def test_images_of_a_plan_come_from_the_library_or_from_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "fox.png").write_bytes(picture())
    image = load_image(tmp_path / "fox.png")
    reference = Reference.of(image)
    plan = lay_out(
        (),
        {"prompt": "x", "model": HAPPY_HORSE, "references": (reference,)},
        design="factorial",
        runs=None,
        order_seed=1,
        fields={},
    )
    kept: list[Any] = []

    def library(images: list[Any]) -> None:
        if images == [reference]:
            raise InvalidImage("It is not here.")
        kept.extend(images)

    bring_images(plan, tmp_path, library)
    assert kept == [image]
    (tmp_path / "fox.png").write_bytes(picture())  # another picture of that name
    with pytest.raises(
        InvalidRequest, match=r"fox\.png \(sha256 .*\) is not in this library. Put the very image beside"
    ):
        bring_images(plan, tmp_path, library)
    shutil.rmtree(tmp_path)
    bring_images(plan, tmp_path, kept.extend)
    assert kept[1:] == [reference]


def test_images_of_one_name_lie_beside_a_plan_by_their_hashes(tmp_path: Path) -> None:
    images = [load_image(picture()) for _ in range(2)]
    references = tuple(map(Reference.of, images))
    assert {reference.name for reference in references} == {"image.png"}
    plan = lay_out(
        (),
        {"prompt": "x", "model": HAPPY_HORSE, "references": references},
        design="factorial",
        runs=None,
        order_seed=1,
        fields={},
    )
    kept: list[str] = []

    def library(given: list[Any]) -> None:
        if isinstance(given[0], Reference):
            raise InvalidImage("It is not here.")
        kept.append(given[0].sha256)

    (tmp_path / "image.png").write_bytes(images[0].data)
    with pytest.raises(InvalidRequest) as caught:
        bring_images(plan, tmp_path, library)
    other = tmp_path / f"{images[1].sha256}.png"
    (problem,) = caught.value.problems
    assert problem.endswith(f"beside the plan, as {tmp_path / 'image.png'} or {other}.")
    other.write_bytes(images[1].data)
    kept.clear()
    bring_images(plan, tmp_path, library)
    assert kept == [image.sha256 for image in images]


def test_a_column_of_several_kinds_of_levels_holds_their_labels_and_goes_through_files(
    tmp_path: Path,
) -> None:
    plan = planned(seed=[1, None], guidance=[2, 4.5], style=[True, 3], duration=[3, None])
    cells = [Cell(cell.key, dict(cell.levels), plan.values(cell), None) for cell in plan.cells]
    frame = sweep_frame(plan, cells)
    for name, levels in {
        "seed": {"1", "default"},
        "style": {"True", "3"},
        "duration": {"3", "default"},
    }.items():
        assert set(frame[name]) == levels
    assert frame["guidance"].dtype == float
    frame.to_parquet(tmp_path / "cells.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "cells.parquet"), frame)
    frame.to_csv(tmp_path / "cells.csv", index=False)
    again = pd.read_csv(tmp_path / "cells.csv")
    for name in ("cell", "order", "seed", "guidance", "style", "duration"):
        assert again[name].tolist() == frame[name].tolist()


def test_a_saved_plan_that_cannot_be_one_is_refused() -> None:
    plan = planned(seed=[1, 2])
    assert restored(plan.to_dict(), "kept") == plan
    for data in (None, [], {}, {**plan.to_dict(), "order_seed": "1"}):
        with pytest.raises(InvalidRequest, match="kept is no plan of a sweep"):
            restored(data, "kept")


# -- libraries that are not there --------------------------------------------------------------------------------------


def test_a_missing_library_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert needs("json") is json
    with pytest.raises(
        MissingExtra, match=r'no_such_thing is not installed.*pip install "happyhorse_widgets\[research\]"'
    ):
        needs("no_such_thing.within")
    (tmp_path / "lacking.py").write_text("import another_thing_that_is_missing")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="another_thing_that_is_missing") as caught:
        needs("lacking")
    assert not isinstance(caught.value, MissingExtra)
