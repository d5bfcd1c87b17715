"""Prompts in every script: typed, composed by an input method, from right to left; the coloured mirror stays under them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.lab import Lab, Notebook, wait_until
from tests.browser.studio import ASTRONAUT, FOX, OPEN, StudioView

TWO = f"studio.references = [{str(FOX)!r}, {str(ASTRONAUT)!r}]; studio.seed = 1"
TOLD = "print(repr(studio.prompt))"

ENGLISH = "On a hill character1 meets character2, and both of them look at the sunset over the sea until it is dark."
CHINESE = "在日落时分，character1 和 character2 并肩走过草地，然后character1向镜头挥手。"
ARABIC = "يمشي character1 مع character2 في الحديقة عند الغروب، ثم يلوح character1 للكاميرا."
HEBREW = "character1 הולך עם character2 בשדה"
MIXED = "他说 “مرحبا” to character2\ncharacter1 שלום\n\n  and   goes."

# For each mark of the mirror: its text, where it begins in the whole, and which letter of the textarea is drawn
# there by its second and last letter: at the edge of a run the caret of right-to-left text has two places.
MARKS = """(editor) => {
    const area = editor.querySelector("textarea");
    const mirror = editor.querySelector(".hh-prompt-mirror");
    const letter = (text, index) => {
        const range = document.createRange();
        range.setStart(text, index);
        range.setEnd(text, index + 1);
        const { left, width, top, height } = range.getClientRects()[0];
        // Just inside its left half: there the caret goes before it, as these letters run from left to right.
        const found = document.caretPositionFromPoint(left + width / 4, top + height / 2);
        return found.offsetNode === area || found.offsetNode.getRootNode().host === area ? found.offset : -1;
    };
    return [...mirror.querySelectorAll("mark.hh-chip")].map((mark) => {
        const before = document.createRange();
        before.setStart(mirror, 0);
        before.setEndBefore(mark);
        const last = mark.textContent.length - 1;
        return [mark.textContent, before.toString().length, letter(mark.firstChild, 1) - 1, letter(mark.firstChild, last) - last];
    });
}"""


@pytest.fixture(scope="module")
def notebook(lab: Lab, context: BrowserContext) -> Iterator[Notebook]:
    """A notebook with a Studio that has two images."""
    page = context.new_page()
    notebook = Notebook(page, lab, [OPEN, TWO, TOLD])
    notebook.run(0)
    notebook.run(1)
    yield notebook
    page.close()
    lab.end_kernels()


@pytest.fixture
def studio(notebook: Notebook) -> StudioView:
    """The Studio, with an empty prompt."""
    studio = StudioView(notebook.page, notebook.output(0).locator(".hh-studio"))
    studio.prompt.fill("")
    studio.prompt.focus()
    return studio


@pytest.mark.parametrize(
    ("text", "direction"),
    [(ENGLISH, "ltr"), (CHINESE, "ltr"), (ARABIC, "rtl"), (HEBREW, "ltr"), (MIXED, "ltr")],
    ids=["English", "Chinese", "Arabic", "Hebrew", "mixed"],
)
def test_the_mirror_lies_under_what_is_written(
    studio: StudioView, notebook: Notebook, text: str, direction: str
) -> None:
    # With `insert_text` one input event brings it, as a paste or a keyboard of another script does.
    studio.page.keyboard.insert_text(text)
    expect(studio.prompt).to_have_value(text)
    marks = studio.root.locator(".hh-prompt-mirror mark.hh-chip")
    expect(marks).to_have_count(text.count("character"))
    for part in (studio.prompt, studio.root.locator(".hh-prompt-mirror")):
        assert part.evaluate("(element, dir) => element.matches(`:dir(${dir})`)", direction)
    editor = studio.root.locator(".hh-prompt-editor")
    editor.scroll_into_view_if_needed()
    told = editor.evaluate(MARKS)
    assert [text[start : start + len(mark)] for mark, start, _, _ in told] == [mark for mark, *_ in told]
    assert [(start, start) for _, start, _, _ in told] == [(first, last) for _, _, first, last in told]
    wait_until(lambda: repr(text) in notebook.run(2).inner_text(), 20, "the kernel to have the prompt")


def test_an_input_method_composes_undisturbed(studio: StudioView, notebook: Notebook) -> None:
    page, keys = studio.page, studio.page.keyboard
    keys.type("character1 ")
    method = page.context.new_cdp_session(page)
    for composed in ("n", "ni", "ni h", "ni hao", "你好"):
        place = {"selectionStart": len(composed), "selectionEnd": len(composed)}
        method.send("Input.imeSetComposition", {"text": composed, **place})
        expect(studio.prompt).to_have_value(f"character1 {composed}")
    method.send("Input.insertText", {"text": "你好"})
    keys.type(" character2")
    expect(studio.prompt).to_have_value("character1 你好 character2")
    expect(studio.root.locator(".hh-prompt-mirror mark.hh-chip")).to_have_text(["character1", "character2"])
    wait_until(
        lambda: "character1 你好 character2" in notebook.run(2).inner_text(), 20, "the kernel to have it"
    )
    assert studio.cards.count() == 0


def test_the_completion_waits_for_an_input_method(studio: StudioView) -> None:
    page = studio.page
    method = page.context.new_cdp_session(page)
    method.send("Input.imeSetComposition", {"text": "cha", "selectionStart": 3, "selectionEnd": 3})
    expect(studio.prompt).to_have_value("cha")
    expect(studio.proposed).to_have_count(0)
    method.send("Input.imeSetComposition", {"text": "", "selectionStart": 0, "selectionEnd": 0})
    expect(studio.prompt).to_have_value("")
