"""Marks in a real browser: what the kernel tells while it has not answered yet takes nothing back."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.bare import SITE, open_site

#: `window.asked` has what was asked for; `settle` answers one, `tell` is the kernel's news.
_SHOW = """async (site) => {
    const { createMarks } = await import(`${site}shared/marks.js`);
    window.asked = [];
    const mark = (change) => new Promise((well, badly) => window.asked.push({ change, well, badly }));
    const marks = createMarks({ signal: new AbortController().signal, mark });
    document.body.append(marks.el);
    window.tell = (state) => marks.update({ id: "clip_a", tags: [], notes: "", ...state });
    window.settle = (index, how) => window.asked[index][how]();
    window.write = marks.write;
    window.tell({});
    marks.tag();
}"""


@pytest.fixture
def marks(page: Page) -> Page:
    open_site(page)
    page.evaluate(_SHOW, SITE)
    return page


def tags(page: Page) -> Locator:
    return page.get_by_role("list", name="Tags").get_by_role("listitem")


def asked(page: Page) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = page.evaluate("() => window.asked.map((each) => each.change)")
    return changes


def test_news_of_before_takes_no_tag_back(marks: Page) -> None:
    marks.keyboard.type("sea,")
    marks.evaluate("() => tell({ tags: [] })")  # the clip was starred a moment ago
    expect(tags(marks)).to_have_text(["sea"])
    marks.keyboard.type("dusk")
    marks.keyboard.press("Enter")
    expect(tags(marks)).to_have_text(["sea", "dusk"])
    assert asked(marks) == [{"add": ["sea"]}, {"add": ["dusk"]}], "never the whole list, which may be old"
    marks.evaluate("() => { tell({ tags: ['sea', 'elsewhere'] }); settle(0, 'well'); }")
    expect(tags(marks)).to_have_text(["sea", "elsewhere", "dusk"])
    marks.get_by_role("button", name="Remove the tag sea").click()
    assert asked(marks)[2] == {"remove": ["sea"]}
    expect(tags(marks)).to_have_text(["elsewhere", "dusk"])
    marks.evaluate("() => { tell({ tags: ['elsewhere', 'dusk'] }); settle(1, 'well'); settle(2, 'well'); }")
    expect(tags(marks)).to_have_text(["elsewhere", "dusk"])


def test_what_could_not_be_kept_stands_in_its_field_again(marks: Page) -> None:
    marks.keyboard.type("sea")
    marks.keyboard.press("Enter")
    marks.evaluate("() => settle(0, 'badly')")
    expect(tags(marks)).to_have_count(0)
    expect(marks.get_by_role("combobox", name="Add a tag")).to_have_value("sea")
    marks.evaluate("() => window.write()")
    marks.keyboard.type("good light")
    marks.keyboard.press("Control+Enter")
    expect(marks.get_by_role("button", name="good light")).to_be_visible()
    marks.evaluate("() => settle(asked.length - 1, 'badly')")
    note = marks.get_by_role("textbox", name="Note")
    expect(note).to_have_value("good light")
    note.press("Control+Enter")
    assert asked(marks)[-2:] == [{"notes": "good light"}] * 2


def test_another_clip_in_this_place_has_marks_of_its_own(marks: Page) -> None:
    marks.keyboard.type("sea,")
    marks.evaluate("() => tell({ id: 'clip_b', tags: ['fox'] })")
    expect(tags(marks)).to_have_text(["fox"])
    marks.evaluate("() => settle(0, 'badly')")
    expect(tags(marks)).to_have_text(["fox"])
    expect(marks.get_by_role("combobox", name="Add a tag")).to_have_value("")
