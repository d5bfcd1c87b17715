"""The prompt in a real browser, without a Jupyter: mentions, completion, moving tiles, proposals, templates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from happyhorse_widgets.widgets import assets
from tests.browser.bare import SITE, open_site

TABLE = json.loads((Path(__file__).parents[1] / "mentions.json").read_text(encoding="utf-8"))

# The prompt of a Studio, with a scripted widget for its kernel: `answers` by the kind of a request.
DESK = """async ([site, form, files, answers]) => {
    const [{ createForm }, { createArrangement }, { createPrompt }, { connect }, { follow }] = await Promise.all(
        ["form", "arrange", "prompt", "shared/rpc", "shared/lifetime"].map((name) => import(`${site}${name}.js`)));
    const listeners = new Map();
    const traits = {
        _form: { prompt: "", tiles: [], aliases: {}, model: "m", ...form },
        _tiles: Object.fromEntries(form.tiles.map((id, index) => [id, { name: files[index] }])),
        _session: { sandbox: true },
    };
    const hear = (event, ...given) => (listeners.get(event) ?? []).forEach((listener) => listener(...given));
    window.asked = [];
    const kind = (content) => (content.message ? "error" : "reply");
    window.reply = (request, content) => hear("msg:custom", { kind: kind(content), problems: [], ...content, request });
    const model = {
        get: (name) => traits[name],
        on: (event, listener) => listeners.set(event, [...(listeners.get(event) ?? []), listener]),
        off: (event, listener) => listeners.set(event, listeners.get(event).filter((each) => each !== listener)),
        send(content) {
            window.asked.push(content);
            if (content.kind === "studio-edit") traits._form = { ...traits._form, ...content.values };
            const answer = answers[content.kind] ?? (content.kind.startsWith("prompt-") ? null : {});
            if (answer) Promise.resolve().then(() => window.reply(content.request, answer));
        },
    };
    window.fromPython = (values) => {
        traits._form = { ...traits._form, ...values };
        hear("change:_form");
    };
    window.said = [];
    const signal = new AbortController().signal;
    const rpc = connect(model, signal);
    window.form = createForm(model, rpc, signal, () => {});
    const announce = (text) => window.said.push(text);
    const nameOf = (id) => traits._tiles[id].name;
    window.arrangement = createArrangement({ form: window.form, announce, nameOf });
    const picture = () => Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
    window.prompt = createPrompt({
        model, rpc, form: window.form, signal, announce, limit: () => 2500, submit: () => (window.submitted = true),
        characters: () => window.form.get("tiles").map((id, index) => ({
            id, number: index + 1, alias: window.form.get("aliases")[id] ?? "", name: traits._tiles[id].name, picture })),
    });
    const root = document.createElement("div");
    root.className = "hh-root hh-studio";
    root.append(window.prompt.element);
    document.body.append(root);
}"""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A profile for each test, as wide as the narrowest output cell."""
    context = browser.new_context(viewport={"width": 360, "height": 800})
    yield context
    context.close()


@pytest.fixture
def site(page: Page) -> Page:
    """An empty page of a server that serves the modules as they are."""
    open_site(page)
    page.add_style_tag(content=assets.stylesheet("studio"))
    return page


class Desk:
    """A prompt with images, and what it shows and sends."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.area = page.get_by_role("textbox", name="Prompt")
        self.menu = page.get_by_role("listbox", name="Characters")
        self.options = self.menu.get_by_role("option")
        self.notes = page.locator(".hh-prompt-below .hh-note")

    def type(self, text: str) -> None:
        self.area.focus()
        self.page.keyboard.type(text)

    def arrange(self, *order: str, said: str = "moved") -> None:
        self.page.evaluate("([order, said]) => arrangement.arrange(order, said)", [list(order), said])

    def undo(self) -> None:
        self.page.evaluate("() => arrangement.undo()")

    def form(self, name: str) -> Any:
        return self.page.evaluate("(name) => form.get(name)", name)

    def chips(self) -> list[list[str | None]]:
        return self.page.locator(".hh-prompt-mirror .hh-chip").evaluate_all(
            "(chips) => chips.map((chip) => [chip.textContent, chip.dataset.character ?? null])"
        )

    def tool(self, name: str) -> Locator:
        self.page.get_by_role("button", name=name, exact=True).click()
        return self.page.get_by_role("group", name=name, exact=True)

    def asked(self, kind: str) -> list[dict[str, Any]]:
        return self.page.evaluate("(kind) => asked.filter((each) => each.kind === kind)", kind)


OpenDesk = Callable[..., Desk]


@pytest.fixture
def desk(site: Page) -> OpenDesk:
    def open_desk(
        prompt: str = "", *, names: tuple[str, ...] = ("", ""), answers: dict[str, Any] | None = None
    ) -> Desk:
        tiles = [chr(ord("a") + index) for index in range(len(names))]
        aliases = {tile: name for tile, name in zip(tiles, names, strict=True) if name}
        files = [f"{tile}.png" for tile in tiles]
        form = {"prompt": prompt, "tiles": tiles, "aliases": aliases}
        site.evaluate(DESK, [SITE, form, files, answers or {}])
        return Desk(site)

    return open_desk


def test_the_browser_finds_mentions_as_python_does(site: Page) -> None:
    found = site.evaluate(
        """async ([site, table]) => {
            const { mentions, nameProblem, resolve } = await import(`${site}shared/mentions.js`);
            const prompts = table.prompts.map(({ text, names }) => ({
                text, names, found: mentions(text, names).map((each) => [text.slice(each.start, each.end), each.character]),
                wire: resolve(text, names),
            }));
            const names = table.names.map((each) => ({ ...each, problem: nameProblem(each.name, each.others) }));
            return { prompts, names };
        }""",
        [SITE, TABLE],
    )
    assert found == TABLE


def test_mentions_are_chips_in_their_colour(desk: OpenDesk) -> None:
    it = desk("Fox看着character2, character3 and ⟨removed: cat.png⟩", names=("Fox", ""))
    assert it.chips() == [
        ["Fox", "1"],
        ["character2", "2"],
        ["character3", None],
        ["⟨removed: cat.png⟩", None],
    ]
    assert "cat.png was removed" in it.notes.nth(0).inner_text()
    assert "character3 has no image" in it.notes.nth(1).inner_text()


def test_moving_a_tile_keeps_the_meaning_of_the_prompt(desk: OpenDesk) -> None:
    it = desk("Character1 waves at character2走向Fox.", names=("", "", "Fox"))
    it.arrange("b", "c", "a")
    expect(it.area).to_have_value("Character3 waves at character1走向Fox.")
    assert it.chips() == [["Character3", "3"], ["character1", "1"], ["Fox", "2"]]
    it.undo()
    expect(it.area).to_have_value("Character1 waves at character2走向Fox.")
    assert it.form("tiles") == ["a", "b", "c"]
    it.page.wait_for_function(
        "() => asked.findLast(({ kind }) => kind === 'studio-edit')?.values.prompt?.startsWith('Character1 waves')"
    )
    assert it.asked("studio-edit")[-1]["values"]["tiles"] == ["a", "b", "c"]


def test_a_removed_image_is_named_and_is_no_other_image(desk: OpenDesk) -> None:
    it = desk("character1, Fox and character3 dance", names=("", "Fox", ""))
    it.arrange("a", "c", said="character2 removed")
    expect(it.area).to_have_value("character1, ⟨removed: Fox⟩ and character2 dance")
    assert it.form("aliases") == {}
    assert "The image Fox was removed" in it.notes.first.inner_text()
    it.arrange("c")
    expect(it.area).to_have_value("⟨removed: a.png⟩, ⟨removed: Fox⟩ and character1 dance")
    it.undo()
    it.undo()
    expect(it.area).to_have_value("character1, Fox and character3 dance")
    assert it.form("aliases") == {"b": "Fox"}
    expect(it.notes).to_have_count(0)
    assert not it.page.evaluate("() => arrangement.canUndo()")


def test_undo_maps_back_only_the_mentions_of_a_prompt_that_was_edited(desk: OpenDesk) -> None:
    it = desk("character1 and character2", names=("", ""))
    it.arrange("b")
    it.area.press("End")
    it.type(" run; character1 wins, character5 does not")
    it.undo()
    expect(it.area).to_have_value("character1 and character2 run; character2 wins, character5 does not")


def test_images_of_one_name_are_told_apart(desk: OpenDesk) -> None:
    it = desk("character1 and character2", names=("", ""))
    it.page.evaluate("() => form.set('aliases', { a: 'x', b: 'X ' })")
    it.arrange("b")
    it.page.evaluate("() => form.set('aliases', { b: 'x' })")
    it.arrange()
    expect(it.area).to_have_value("⟨removed: x⟩ and ⟨removed: x (2)⟩")
    it.area.press("End")
    it.type("!")
    it.undo()
    expect(it.area).to_have_value("⟨removed: x⟩ and x!")


def test_what_python_changes_is_not_undone(desk: OpenDesk) -> None:
    it = desk("character1", names=("", ""))
    it.arrange("b", "a")
    assert it.page.evaluate("() => arrangement.canUndo()")
    it.page.wait_for_function("() => asked.some((each) => each.kind === 'studio-edit')")
    it.page.evaluate(
        "() => new Promise((resolve) => setTimeout(() => resolve(fromPython({ tiles: ['c'] }))))"
    )
    assert not it.page.evaluate("() => arrangement.canUndo()")
    assert it.form("tiles") == ["c"]


@pytest.mark.parametrize(
    ("typed", "names", "offered", "taken"),
    [
        ("look at @", ("", ""), ["character1", "character2"], "look at character1"),
        ("@2", ("", ""), ["character2"], "character2"),
        ("Now cha", ("", ""), ["character1", "character2"], "Now character1"),
        ("狐狸看着cha", ("", ""), ["character1", "character2"], "狐狸看着character1"),
        ("看着小", ("Ada", "小狐狸"), ["小狐狸"], "看着小狐狸"),
        ("看着@狐", ("Ada", "小狐狸"), ["小狐狸"], "看着小狐狸"),
        ("The fo", ("Fox", "Fog Horn"), ["Fox", "Fog Horn"], "The Fox"),
        ("a Fog H", ("Fox", "Fog Horn"), ["Fog Horn"], "a Fog Horn"),
    ],
)
def test_completion_offers_what_may_be_meant(
    desk: OpenDesk, typed: str, names: tuple[str, ...], offered: list[str], taken: str
) -> None:
    it = desk(names=names)
    it.type(typed)
    assert it.options.locator(".hh-mention").all_inner_texts() == offered
    assert it.options.locator("canvas").count() == len(offered)
    it.page.keyboard.press("Enter")
    expect(it.area).to_have_value(taken)
    expect(it.menu).to_be_hidden()
    assert it.form("prompt") == taken
    it.page.keyboard.press("Control+z")
    expect(it.area).to_have_value(typed)


@pytest.mark.parametrize("typed", ["The ch", "mecha", "f", "outfo", "character1", "me@example.org", "Fox"])
def test_completion_stays_closed_where_nothing_is_meant(desk: OpenDesk, typed: str) -> None:
    it = desk(names=("Fox", ""))
    it.type(typed)
    expect(it.menu).to_be_hidden()
    it.type("\n")
    expect(it.area).to_have_value(f"{typed}\n")


def test_completion_by_keyboard_is_told_to_screen_readers(desk: OpenDesk) -> None:
    it = desk(names=("", "Fox", ""))
    it.type("@")
    chosen = it.menu.locator("[aria-selected=true]")
    assert it.page.evaluate("() => said.at(-1)").startswith("3 characters: character1, a.png.")
    it.page.keyboard.press("ArrowUp")
    assert chosen.get_attribute("aria-label") == "character3, c.png"
    it.page.keyboard.press("ArrowUp")
    assert chosen.get_attribute("aria-label") == "Fox, character2, b.png"
    assert it.area.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    assert it.area.get_attribute("aria-controls") == it.menu.get_attribute("id")
    it.page.keyboard.press("Escape")
    expect(it.menu).to_be_hidden()
    assert it.area.get_attribute("aria-activedescendant") is None
    expect(it.area).to_have_value("@")
    it.page.keyboard.press("Backspace")
    it.type("@f")
    it.page.keyboard.press("Tab")
    expect(it.area).to_have_value("Fox")
    expect(it.area).to_be_focused()


def test_completion_by_mouse_at_the_caret_within_a_narrow_cell(desk: OpenDesk) -> None:
    it = desk()
    it.type("They walk along the river and there they meet @")
    box = it.menu.bounding_box()
    assert box
    sign = it.page.evaluate("""() => {
        const range = document.createRange();
        const node = document.querySelector(".hh-prompt-mirror").lastChild;
        range.setStart(node, node.data.indexOf("@"));
        range.setEnd(node, node.data.indexOf("@") + 1);
        return range.getBoundingClientRect().bottom;
    }""")
    assert 0 <= box["y"] - sign <= 12
    it.options.nth(1).click()
    expect(it.area).to_have_value("They walk along the river and there they meet character2")
    expect(it.area).to_be_focused()


def test_completion_stays_within_the_editor_wherever_the_caret_is(desk: OpenDesk) -> None:
    it = desk()
    editor = it.page.locator(".hh-prompt-editor").bounding_box()
    lefts = set()
    for _ in range(8):
        it.type("mmm @")
        box = it.menu.bounding_box()
        assert box and editor
        assert editor["x"] <= box["x"] and box["x"] + box["width"] <= editor["x"] + editor["width"]
        lefts.add(box["x"])
        it.page.keyboard.press("Backspace")
    assert len(lefts) > 1


def test_completion_waits_for_the_end_of_a_composition(desk: OpenDesk) -> None:
    it = desk(names=("小狐狸", ""))
    it.area.focus()
    session = it.page.context.new_cdp_session(it.page)
    session.send("Input.imeSetComposition", {"text": "cha", "selectionStart": 3, "selectionEnd": 3})
    expect(it.area).to_have_value("cha")
    expect(it.menu).to_be_hidden()
    session.send("Input.insertText", {"text": "小"})
    expect(it.area).to_have_value("小")
    assert it.options.locator(".hh-mention").all_inner_texts() == ["小狐狸"]


def test_the_browsers_own_undo_goes_on_working(desk: OpenDesk) -> None:
    it = desk(names=("Fox", ""))
    it.type("character1 and Fox and character2")
    assert len(it.chips()) == 3
    while it.area.input_value():
        before = it.area.input_value()
        it.page.keyboard.press("Control+z")
        assert it.area.input_value() != before
    assert it.chips() == []
    it.page.keyboard.press("Control+Shift+z")
    expect(it.area).not_to_have_value("")


ANSWERS = {
    "prompt-price": {"units": 1.5, "reason": ""},
    "prompt-propose": {"text": "character1 dances, and character3 watches.", "units": 2, "language": "en"},
}


def test_a_proposal_says_its_cost_and_changes_nothing_until_it_is_taken(desk: OpenDesk) -> None:
    it = desk("character1 meets Fox", names=("", "Fox"), answers=ANSWERS)
    panel = it.tool("Enhance")
    expect(panel).to_contain_text("Costs ≈ 1.5 CU (simulated)")
    assert it.asked("prompt-propose") == []
    panel.get_by_role("button", name="Ask for a better wording").click()
    expect(panel).to_contain_text("It cost 2 CU")
    assert panel.locator(".hh-note").all_inner_texts() == [
        "character2 (Fox) is in your prompt, and not in the proposal.",
        "character3 is in the proposal, and not in your prompt; it has no image.",
    ]
    [asked] = it.asked("prompt-propose")
    assert (asked["text"], asked["tiles"], asked["aliases"]) == (
        "character1 meets Fox",
        ["a", "b"],
        {"b": "Fox"},
    )
    expect(it.area).to_have_value("character1 meets Fox")
    panel.get_by_role("button", name="Use this").click()
    expect(it.area).to_have_value("character1 dances, and character3 watches.")
    it.page.keyboard.press("Control+z")
    expect(it.area).to_have_value("character1 meets Fox")


def test_a_proposal_that_is_refused_is_gone_and_one_that_was_paid_is_kept(desk: OpenDesk) -> None:
    it = desk("character1 runs", answers={"prompt-price": ANSWERS["prompt-price"]})
    it.tool("Translate").get_by_role("button", name="Translate to English").click()
    it.tool("Translate")  # closes it before the answer is there
    it.page.evaluate(
        "(answer) => reply(asked.find((each) => each.kind === 'prompt-propose').request, answer)",
        ANSWERS["prompt-propose"],
    )
    it.arrange("b", "a")  # meanwhile character1 has become character2
    panel = it.tool("Translate")
    expect(panel.locator(".hh-proposal-text").nth(1)).to_have_text(
        "character2 dances, and character3 watches."
    )
    panel.get_by_role("button", name="Keep mine").click()
    expect(it.area).to_have_value("character2 runs")
    expect(it.tool("Translate").get_by_role("button", name="Translate to English")).to_be_visible()
    assert len(it.asked("prompt-propose")) == 1


def test_a_proposal_that_fails_is_told_and_can_be_asked_for_again(desk: OpenDesk) -> None:
    refusal = {"name": "BudgetExceeded", "message": "This costs about 2 creative units."}
    it = desk("character1 runs", answers={**ANSWERS, "prompt-propose": refusal})
    panel = it.tool("Enhance")
    panel.get_by_role("button", name="Ask for a better wording").click()
    expect(panel.locator(".hh-note-error")).to_have_text("This costs about 2 creative units.")
    expect(panel.get_by_role("button", name="Ask for a better wording")).to_be_enabled()


def test_the_guide_is_elements_and_never_html(desk: OpenDesk) -> None:
    text = (
        "# How *to* write\n\nName **each** `characterN`.\nOne <img src=x onerror=alert(1)> line.\n\n- first\n- second\n\n"
        "1. one\n2. two\n\n```\n**code**\n```\n## snake_case_word [a](javascript:alert(1))"
    )
    guide = desk(answers={"prompt-guide": {"guide": text}}).tool("Guide").locator(".hh-guide")
    expect(guide.get_by_role("heading").first).to_have_text("How to write")
    assert guide.evaluate("(guide) => [...guide.children].map((each) => each.localName)") == [
        *("p", "p", "ul", "ol", "pre", "p")
    ]
    assert guide.locator("em, strong, code").all_inner_texts() == ["to", "each", "characterN", "**code**"]
    expect(guide).to_contain_text("One <img src=x onerror=alert(1)> line.")
    expect(guide.get_by_role("heading").last).to_have_text("snake_case_word [a](javascript:alert(1))")
    assert guide.locator("img, a, script").count() == 0


def test_templates_and_former_prompts_are_used_and_can_be_taken_back(desk: OpenDesk) -> None:
    kept = {"templates": [{"name": "Walk", "text": "character1 walks"}]}
    answers = {"prompt-templates": kept, "prompt-history": {"prompts": ["character2 sings", "<b>bold</b>"]}}
    it = desk("mine", answers=answers)
    panel = it.tool("Templates")
    panel.get_by_role("textbox", name="Name of the template").fill("Other")
    panel.get_by_role("button", name="Save this prompt").click()
    it.page.wait_for_function("() => asked.some((each) => each.save)")
    assert it.asked("prompt-templates")[-1]["save"] == {"name": "Other", "text": "mine"}
    panel.get_by_role("button", name="Delete Walk").click()
    it.page.wait_for_function("() => asked.some((each) => each.delete === 'Walk')")
    panel.get_by_role("button", name="Use Walk").click()
    expect(it.area).to_have_value("character1 walks")
    history = it.tool("History")
    expect(history.get_by_role("listitem")).to_have_count(2)
    history.get_by_role("searchbox").fill("sing")
    it.page.wait_for_function("() => asked.some((each) => each.text === 'sing')")
    history.get_by_role("button", name="Use character2 sings").click()
    expect(it.area).to_have_value("character2 sings")
    it.page.keyboard.press("Control+z")
    it.page.keyboard.press("Control+z")
    expect(it.area).to_have_value("mine")
