"""What the inliner accepts, what it refuses, and what it carries along."""

from __future__ import annotations

from pathlib import Path

import pytest

from happyhorse_widgets.widgets import assets


def write(root: Path, **modules: str) -> Path:
    for name, text in modules.items():
        path = root / name.replace("__", "/").replace("_js", ".js").replace("_css", ".css")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        ('import * as x from "./x.js";', "form that cannot"),
        ('import x from "./x.js";', "form that cannot"),
        ('import "./x.js";', "form that cannot"),
        ('import { a } from "lodash";', "form that cannot"),
        ("import { a } from './x.js';", "form that cannot"),
        ('  import { a } from "./x.js";', "form that cannot"),
        ('const x = await import("./x.js");', "form that cannot"),
        ("const here = import.meta.url;", "form that cannot"),
        ("export let a = 1;", "form that cannot"),
        ("const a = 1;\nexport { a };", "form that cannot"),
        ('export * from "./x.js";', "form that cannot"),
        ('import { a, b c } from "./x.js";', "not a name"),
        ('import { missing } from "./x.js";', "does not export"),
        ('import { a } from "./nowhere.js";', "no module nowhere.js"),
        ('import { circle } from "./circle.js";', "circle: entry.js → circle.js → entry.js"),
    ],
)
def test_a_form_that_cannot_be_put_into_one_script_is_refused(
    tmp_path: Path, form: str, complaint: str
) -> None:
    circle = 'import { a } from "./entry.js";\nexport const circle = a;'
    write(tmp_path, entry_js=f"{form}\nexport default {{}};", x_js="export const a = 1;", circle_js=circle)
    with pytest.raises(assets.AssetError, match=complaint):
        assets.script("entry", tmp_path)


def test_an_entry_needs_a_default_export(tmp_path: Path) -> None:
    write(tmp_path, entry_js="export const a = 1;")
    with pytest.raises(assets.AssetError, match="needs an `export default`"):
        assets.script("entry", tmp_path)


def test_words_in_comments_and_strings_are_left_alone(tmp_path: Path) -> None:
    text = '/**\n * import("./x.js") is the type of x\n */\n// import.meta\nexport default "we export goods";'
    assert "we export goods" in assets.script("entry", write(tmp_path, entry_js=text))


def test_the_style_sheets_of_every_module_are_carried_along_after_the_theme(tmp_path: Path) -> None:
    write(
        tmp_path,
        theme_css=".theme {}",
        entry_js='import { a } from "./shared/part.js";\nexport default a;',
        entry_css=".entry {}",
        shared__part_js="export const a = 1;",
        shared__part_css=".part {}",
        shared__other_css=".other {}",
    )
    sheet = assets.stylesheet("entry", tmp_path)
    assert sheet.index(".theme") < sheet.index(".part") < sheet.index(".entry")
    assert ".other" not in sheet


def test_files_are_read_once_or_under_hot_reload_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, theme_css="", entry_js="export default 1;")
    first = assets.script("entry", tmp_path), assets.stylesheet("entry", tmp_path)
    write(tmp_path, theme_css=".new {}", entry_js="export default 2;")
    monkeypatch.delenv("ANYWIDGET_HMR", raising=False)
    assert (assets.script("entry", tmp_path), assets.stylesheet("entry", tmp_path)) == first
    monkeypatch.setenv("ANYWIDGET_HMR", "1")
    assert "2" in assets.script("entry", tmp_path)
    assert ".new" in assets.stylesheet("entry", tmp_path)


def test_no_module_of_ours_parses_data_as_html() -> None:
    for path in assets.STATIC.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "save_changes(",
            "eval(",
        ):
            assert word not in text, f"{path.name} uses {word}"
