"""The Studio in a real JupyterLab: the whole job by mouse and by keyboard."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from happyhorse_widgets.api.checks import mentions
from tests.browser.lab import Notebook, wait_until
from tests.browser.studio import ASTRONAUT, FOX, OPEN, StudioView, plays_and_seeks

TOLD = "print(studio.aspect_ratio, studio.resolution, studio.duration, studio.seed, studio.model[-3:], len(studio.references))"
# Keeps the kernel busy until its folder has a file of this name.
BUSY = "import time, pathlib\nwhile not pathlib.Path('enough').exists(): time.sleep(0.1)"
CLIP_LIMIT = 60_000

NewNotebook = Callable[..., Notebook]


class Studio(StudioView):
    """The Studio of a notebook's first cell, and what is in it."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        notebook.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        super().__init__(notebook.page, notebook.run(0).locator(".hh-studio"))

    def find(self) -> None:
        """Look for it anew, after the cell was run again."""
        super().__init__(self.page, self.notebook.output(0).locator(".hh-studio"))

    def told(self, index: int = 1) -> str:
        """What a cell of the notebook prints."""
        return self.notebook.run(index).inner_text()


@pytest.fixture
def open_studio(new_notebook: NewNotebook) -> Callable[..., Studio]:
    return lambda *cells: Studio(new_notebook(OPEN, *(cells or (TOLD,))))


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """An image of a given size; noise, so that its file is as large as its pixels."""

    def make(name: str, width: int = 480, height: int = 480, *, noise: bool = False) -> Path:
        random = np.random.default_rng(len(name) + width)
        pixels = random.integers(0, 255, (height, width, 3) if noise else (1, 1, 3), dtype=np.uint8)
        path = tmp_path / name
        Image.fromarray(np.broadcast_to(pixels, (height, width, 3))).save(path)
        return path

    return make


def hand_over(studio: Studio, event: str, target: Locator, *files: Path) -> None:
    """Drop or paste files, as the browser does: one event with a DataTransfer that holds them."""
    data = [[path.name, b64encode(path.read_bytes()).decode()] for path in files]
    transfer = studio.page.evaluate_handle(
        """(files) => {
            const transfer = new DataTransfer();
            for (const [name, data] of files) {
                const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
                transfer.items.add(new File([bytes], name, { type: "image/png" }));
            }
            return transfer;
        }""",
        data,
    )
    if event == "paste":
        script = """(element, data) => element.dispatchEvent(
            new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }))"""
        target.evaluate(script, transfer)
    else:
        for kind in ("dragenter", "dragover", "drop"):
            target.dispatch_event(kind, {"dataTransfer": transfer})


def test_the_whole_job_by_mouse_while_the_kernel_is_busy(open_studio: Callable[..., Studio]) -> None:
    studio = open_studio(TOLD, BUSY, "len(studio.clips)")
    studio.choose(FOX, ASTRONAUT)
    studio.arrived(2)
    assert studio.names() == ["fox.png", "astronaut.png"]
    studio.prompt.click()
    studio.page.keyboard.type("character1 waves at character2")
    chips = studio.root.locator(".hh-prompt-mirror mark")
    expect(chips).to_have_text(["character1", "character2"])
    assert [chip.get_attribute("data-character") for chip in chips.all()] == ["1", "2"]
    studio.root.get_by_text("9:16", exact=True).click()
    studio.root.get_by_text("720P", exact=True).click()
    slider = studio.root.get_by_role("slider", name="Duration")
    box = slider.bounding_box()
    assert box
    slider.click(position={"x": 8, "y": box["height"] / 2})
    expect(studio.root.get_by_role("spinbutton", name="Duration")).to_have_value("3")
    studio.root.get_by_role("button", name="Draw a seed").click()
    seed = studio.root.get_by_role("spinbutton", name="Seed").input_value()
    assert seed.isdigit()
    studio.root.get_by_role("combobox", name="Model").select_option(label="Happy Horse 1.1")
    expect(studio.root.get_by_text("21:9", exact=True)).to_be_visible()
    expect(studio.price).to_contain_text(re.compile(r"≈ [\d.]+ CU simulated"))
    wait_until(lambda: f"9:16 720P 3 {seed} 1.1 2" in studio.told(), 20, "the kernel to have all edits")

    studio.notebook.start(2)
    expect(studio.notebook.cell(2).locator(".jp-InputArea-prompt").first).to_have_text("[*]:")
    for count in (1, 2, 3):
        studio.generate.click()
        expect(studio.cards).to_have_count(count)
    expect(studio.ready).to_have_count(3, timeout=CLIP_LIMIT)
    for number in range(3):
        plays_and_seeks(studio.cards.nth(number))
    expect(studio.notebook.cell(2).locator(".jp-InputArea-prompt").first).to_have_text("[*]:")
    expect(studio.root.locator(".hh-money")).not_to_have_text("0 CU simulated")
    (studio.notebook.folder / "enough").touch()
    studio.notebook.wait(2)
    assert "3" in studio.told(3)


def test_the_whole_job_by_keyboard(open_studio: Callable[..., Studio]) -> None:
    studio = open_studio()
    keys = studio.page.keyboard
    add = studio.root.get_by_role("button", name="Drop, paste or choose images")
    with studio.page.expect_file_chooser() as chooser:
        add.press("Enter")
    chooser.value.set_files([FOX, ASTRONAUT])
    studio.arrived(2)

    def tab_to(target: Locator) -> None:
        for _ in range(20):
            keys.press("Tab")
            if target.evaluate("(element) => element === document.activeElement"):
                return
        pytest.fail(f"Tab does not reach {target}")

    tab_to(studio.prompt)
    keys.type("character1 dances with character2")
    ratio = studio.root.get_by_role("radio", name="16:9", exact=True)
    tab_to(ratio)
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    tab_to(studio.root.get_by_role("radio", name="1080P"))
    keys.press("ArrowLeft")
    tab_to(studio.root.get_by_role("slider", name="Duration"))
    keys.press("ArrowLeft")
    tab_to(studio.root.get_by_role("spinbutton", name="Duration"))
    keys.press("Control+a")
    keys.type("4")
    tab_to(studio.root.get_by_role("spinbutton", name="Seed"))
    keys.type("77")
    tab_to(studio.root.get_by_role("combobox", name="Model"))
    keys.press("ArrowDown")
    expect(studio.root.get_by_text("21:9", exact=True)).to_be_visible()
    tab_to(studio.generate)
    keys.press("Enter")
    expect(studio.cards).to_have_count(1)
    keys.press("Space")
    expect(studio.cards).to_have_count(2)
    studio.prompt.focus()
    keys.press("Control+Enter")
    expect(studio.cards).to_have_count(3)
    expect(studio.ready).to_have_count(3, timeout=CLIP_LIMIT)
    expect(studio.cards.first).to_contain_text(re.compile("1:1.*720P.*4 s.*seed 77.*Happy Horse 1.1"))
    wait_until(lambda: "1:1 720P 4 77 1.1 2" in studio.told(), 20, "the kernel to have all edits")


def test_images_are_dropped_and_pasted_one_or_many(
    open_studio: Callable[..., Studio], picture: Callable[..., Path]
) -> None:
    studio = open_studio()
    hand_over(studio, "drop", studio.root.locator(".hh-tray"), picture("one.png"))
    studio.arrived(1)
    hand_over(studio, "drop", studio.prompt, picture("two.png"), picture("three.png"))
    studio.arrived(3)
    studio.prompt.focus()
    hand_over(studio, "paste", studio.prompt, picture("four.png"))
    studio.arrived(4)
    expect(studio.prompt).to_have_value("")
    assert studio.names() == ["one.png", "two.png", "three.png", "four.png"]
    wait_until(lambda: "deo 4" in studio.told(), 20, "the kernel to have all four")


def test_an_image_of_the_page_can_be_dragged_in(open_studio: Callable[..., Studio]) -> None:
    script = "from IPython.display import Image\nfrom pathlib import Path\n"
    studio = open_studio(f"{script}Image(data=Path({str(FOX)!r}).read_bytes(), width=120)")
    studio.page.set_viewport_size(
        {"width": 1280, "height": 1400}
    )  # both in view: nothing scrolls during the drag
    image = studio.notebook.run(1).locator("img")
    expect(image).to_be_visible()
    image.drag_to(studio.root.locator(".hh-tray"))
    studio.arrived(1)


def test_tiles_are_reordered_by_drag_and_by_keyboard_and_removed(
    open_studio: Callable[..., Studio], picture: Callable[..., Path]
) -> None:
    studio = open_studio("print([source.name for source in studio.references])")
    studio.choose(picture("a.png"), picture("bb.png"), picture("ccc.png"))
    studio.arrived(3)
    studio.tile(3).locator(".hh-tile-picture").drag_to(studio.tile(1).locator(".hh-tile-picture"))
    expect(studio.tile(1)).to_contain_text("ccc.png")
    assert studio.names() == ["ccc.png", "a.png", "bb.png"]
    studio.tile(1).get_by_role("button", name="Move right").press("Enter")
    assert studio.names() == ["a.png", "ccc.png", "bb.png"]
    studio.tile(3).get_by_role("button", name="character3").press("Alt+ArrowLeft")
    assert studio.names() == ["a.png", "bb.png", "ccc.png"]
    # The focus goes with the tile, so that the next press moves it on.
    expect(studio.tile(2).get_by_role("button", name="character2")).to_be_focused()
    studio.page.keyboard.press("Alt+ArrowLeft")
    assert studio.names() == ["bb.png", "a.png", "ccc.png"]
    assert studio.tiles.locator(".hh-tile-label").all_inner_texts() == [
        "character1",
        "character2",
        "character3",
    ]
    studio.tile(2).get_by_role("button", name="Remove").click()
    assert studio.names() == ["bb.png", "ccc.png"]
    wait_until(lambda: "['bb.png', 'ccc.png']" in studio.told(), 20, "the kernel to know the order")


def test_what_cannot_be_used_is_said_on_its_tile(
    open_studio: Callable[..., Studio], picture: Callable[..., Path], tmp_path: Path
) -> None:
    studio = open_studio()
    large, document, cut = tmp_path / "large.png", tmp_path / "notes.png", tmp_path / "cut.png"
    large.write_bytes(FOX.read_bytes() + bytes(12_000_000 - FOX.stat().st_size))
    document.write_bytes(b"%PDF-1.7 and so on")
    cut.write_bytes(FOX.read_bytes()[:5000])
    studio.choose(large, document, picture("small.png", 300, 200), cut)
    refused = studio.root.locator(".hh-tile-refused")
    expect(refused).to_have_count(2)
    expect(refused.nth(0)).to_contain_text("large.png12.0 MB: at most 10 MB")
    expect(refused.nth(1)).to_contain_text("notes.pngA PDF file: use JPEG, PNG or WEBP")
    expect(studio.tile(1)).to_contain_text("shortest side is 200 px")
    expect(studio.tile(2)).to_contain_text("cannot be decoded")
    studio.prompt.fill("character1 waves")
    studio.generate.click()
    expect(studio.problems.first).to_contain_text("character2 cannot be used")
    expect(studio.cards).to_have_count(0)
    refused.nth(0).get_by_role("button").click()
    expect(refused).to_have_count(1)
    studio.tile(2).get_by_role("button", name="Remove").click()
    expect(studio.tiles).to_have_count(1)
    studio.choose(*(picture(f"{'n' * n}.png") for n in range(1, 10)))
    expect(studio.tiles).to_have_count(9)
    expect(refused.last).to_contain_text("Nine images are the most")


def test_a_large_image_arrives_whole_and_is_not_sent_twice(
    open_studio: Callable[..., Studio], picture: Callable[..., Path]
) -> None:
    hashes = "import hashlib\nprint([hashlib.sha256(r.data).hexdigest()[:12] for r in studio.references])"
    studio = open_studio(hashes)
    path = picture("noise.png", 1700, 1700, noise=True)
    assert path.stat().st_size > 8_000_000
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    studio.choose(path)
    studio.arrived(1)
    wait_until(lambda: studio.told().count(digest) == 1, 20, "the image in the kernel")
    studio.page.evaluate(
        """() => {
            window.sentBytes = 0;
            const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (data) {
                window.sentBytes += data.byteLength ?? data.length;
                return send.call(this, data);
            };
        }"""
    )
    studio.choose(path)
    studio.arrived(2)
    wait_until(lambda: studio.told().count(digest) == 2, 20, "the image to be known twice")
    assert 0 < studio.page.evaluate("() => window.sentBytes") < 100_000


def test_typed_keys_stay_in_the_studio(open_studio: Callable[..., Studio]) -> None:
    studio = open_studio("ran = globals().get('ran', 0) + 1; print('ran', ran)")
    keys = studio.page.keyboard
    studio.prompt.focus()
    keys.type("a b x dd m 00")
    keys.press("Shift+Enter")
    keys.type("second line")
    expect(studio.prompt).to_have_value("a b x dd m 00\nsecond line")
    keys.press("Control+z")
    expect(studio.prompt).not_to_have_value("a b x dd m 00\nsecond line")
    keys.press("Control+Shift+z")
    for target in (
        studio.generate,
        studio.root.get_by_role("button", name="Drop, paste or choose images"),
        studio.root.get_by_role("button", name="Draw a seed"),
        studio.root.get_by_role("radio", name="16:9", exact=True),
        studio.root.get_by_role("slider", name="Duration"),
        studio.root.get_by_role("combobox", name="Model"),
        studio.root.get_by_role("button", name="Try a sample"),
    ):
        if target.is_visible():
            target.focus()
            for key in ("a", "b", "x", "d", "d", "m", "0", "0", "Shift+Enter"):
                keys.press(key)
    expect(studio.notebook.page.locator(".jp-Notebook .jp-Cell")).to_have_count(2)
    expect(studio.page.get_by_role("dialog")).to_have_count(0)
    expect(studio.root).to_be_visible()
    expect(studio.prompt).to_have_value("a b x dd m 00\nsecond line")
    assert "[1]:" in studio.notebook.cell(0).locator(".jp-InputArea-prompt").first.inner_text()
    assert "ran 1" in studio.told()


def test_mentions_are_marked_inserted_and_checked(
    open_studio: Callable[..., Studio], picture: Callable[..., Path]
) -> None:
    studio = open_studio()
    notes = studio.root.locator(".hh-prompt .hh-note")
    studio.prompt.fill("character1 runs")
    expect(notes).to_have_text([re.compile("character1 has no image: there are none")])
    studio.choose(picture("a.png"), picture("bb.png"))
    expect(notes).to_have_text([re.compile("character2 is never mentioned")])
    studio.prompt.fill("Look, runs.")
    studio.prompt.evaluate("(area) => area.setSelectionRange(5, 5)")
    studio.tile(2).get_by_role("button", name="character2").click()
    expect(studio.prompt).to_have_value("Look, character2 runs.")
    expect(studio.prompt).to_be_focused()
    studio.page.keyboard.press("Control+z")
    expect(studio.prompt).to_have_value("Look, runs.")
    for text in (
        "character10 CHARACTER1, xcharacter1 character1x",
        "你好character2再见 character01 character_1",
    ):
        studio.prompt.fill(text)
        marked = studio.root.locator(".hh-prompt-mirror mark.hh-chip").all_inner_texts()
        assert tuple(mark.lower().removeprefix("character") for mark in marked) == mentions(text)
    studio.prompt.fill("Character1 and character2 and character12" + "!" * 2500)
    expect(studio.root.locator(".hh-prompt-mirror mark.hh-chip")).to_have_text(
        ["Character1", "character2", "character12"]
    )
    expect(notes.nth(0)).to_contain_text("41 characters too long: the model takes 2,500")
    expect(notes.nth(1)).to_contain_text("character12 has no image: there are 2")
    expect(studio.root.locator(".hh-count")).to_have_text("2,541 / 2,500")


def test_the_prompts_mirror_lies_under_its_letters(open_studio: Callable[..., Studio]) -> None:
    """Long words, several lines, a right-to-left paragraph: the height of both stays the same, and so do the chips."""
    studio = open_studio()
    text = "character1 " + "a" * 300 + " character2\n\nאבג character3 דהו\n你好character4再见\n"
    studio.prompt.fill(text)
    expect(studio.root.locator(".hh-prompt-mirror mark")).to_have_count(4)
    heights = studio.root.locator(".hh-prompt-editor").evaluate(
        "(box) => [box.clientHeight, box.children[0].scrollHeight, box.children[1].scrollHeight]"
    )
    assert len(set(heights)) == 1
    styles = studio.root.locator(".hh-prompt-editor").evaluate(
        """(box) => ["fontFamily", "fontSize", "lineHeight", "letterSpacing", "padding", "direction", "width", "whiteSpace",
            "overflowWrap", "wordBreak", "textAlign", "unicodeBidi"].map((name) =>
            [getComputedStyle(box.children[0])[name], getComputedStyle(box.children[1])[name]])"""
    )
    assert all(mirror == area for mirror, area in styles), styles


def test_typing_is_never_overwritten_and_views_stay_in_step(open_studio: Callable[..., Studio]) -> None:
    studio = open_studio(
        "studio", "studio.prompt = 'from Python'; studio.duration = 12", "print(repr(studio.prompt))"
    )
    second = studio.notebook.run(1).locator(".hh-studio")
    expect(second).to_be_visible()
    text = "character1 walks along the river and does not stop until the sea is there"
    studio.prompt.click()
    studio.page.keyboard.type(text, delay=15)
    expect(studio.prompt).to_have_value(text)
    expect(second.get_by_role("textbox", name="Prompt")).to_have_value(text)
    wait_until(lambda: repr(text) in studio.told(3), 20, "the kernel to have the prompt")
    studio.told(2)
    for view in (studio.root, second):
        expect(view.get_by_role("textbox", name="Prompt")).to_have_value("from Python")
        expect(view.get_by_role("spinbutton", name="Duration")).to_have_value("12")
    second.get_by_text("4:3", exact=True).click()
    expect(studio.root.get_by_role("radio", name="4:3", exact=True)).to_be_checked()
    second.locator("canvas").first.wait_for(state="detached")


def test_bad_input_is_shown_beside_its_field_and_nothing_is_lost(open_studio: Callable[..., Studio]) -> None:
    studio = open_studio()
    studio.generate.click()
    expect(studio.problems.first).to_contain_text("Add at least one reference image")
    studio.choose(FOX)
    studio.arrived(1)
    studio.prompt.fill("character1 sings")
    number = studio.root.get_by_role("spinbutton", name="Duration")
    number.fill("16")
    beside = studio.root.locator(".hh-duration .hh-note:visible")
    expect(beside).to_have_text("16 is not a whole number from 3 to 15.")
    studio.generate.click()
    expect(studio.problems).to_have_text(["16 is not a whole number from 3 to 15."])
    expect(studio.cards).to_have_count(0)
    expect(studio.prompt).to_have_value("character1 sings")
    expect(number).to_have_value("16")
    number.fill("3")
    expect(beside).to_be_hidden()
    studio.root.get_by_role("combobox", name="Model").select_option(label="Happy Horse 1.1")
    studio.root.get_by_text("21:9", exact=True).click()
    studio.root.get_by_role("combobox", name="Model").select_option(label="Happy Horse 1.0")
    expect(studio.root.locator(".hh-aspect_ratio .hh-note")).to_contain_text("This model has no 21:9")
    expect(studio.root.get_by_role("radio", name="21:9")).to_be_checked()
    studio.root.get_by_text("1:1", exact=True).click()
    expect(studio.root.locator(".hh-aspect_ratio .hh-note")).to_be_hidden()
    expect(studio.root.get_by_text("21:9", exact=True)).to_have_count(0)
    studio.generate.click()
    expect(studio.ready).to_have_count(1, timeout=CLIP_LIMIT)


def test_a_press_while_the_kernel_cannot_answer_is_kept(open_studio: Callable[..., Studio]) -> None:
    """A cell that holds the interpreter itself: not even another thread of the kernel can run."""
    hold = "import re; re.match(r'(a+)+$', 'a' * 27 + 'b') is None"
    studio = open_studio(hold, "print(len(studio.clips))")
    studio.root.get_by_role("button", name="Try a sample").click()
    studio.arrived(2)
    expect(studio.price).to_contain_text("≈")
    studio.notebook.start(1)
    expect(studio.notebook.cell(1).locator(".jp-InputArea-prompt").first).to_have_text("[*]:")
    studio.generate.click()
    expect(studio.cards).to_have_count(1)
    expect(studio.cards.first).to_contain_text("Preparing")
    expect(studio.cards.first).to_contain_text("Waiting for the kernel")
    studio.notebook.wait(1)
    expect(studio.ready).to_have_count(1, timeout=CLIP_LIMIT)
    expect(studio.cards).to_have_count(1)
    assert "1" in studio.told(2).splitlines()


def test_a_press_whose_message_is_lost_is_sent_again(open_studio: Callable[..., Studio]) -> None:
    studio = open_studio("print(len(studio.clips), 'made')")
    studio.root.get_by_role("button", name="Try a sample").click()
    studio.arrived(2)
    studio.page.evaluate(
        """() => {
            window.lost = 0;
            const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (data) {
                const text = typeof data === "string" ? data : new TextDecoder().decode(data);
                if (text.includes("studio-generate") && !window.lost) window.lost += 1;
                else return send.call(this, data);
            };
        }"""
    )
    studio.generate.click()
    expect(studio.cards.first).to_contain_text("Waiting for the kernel")
    assert studio.page.evaluate("() => window.lost") == 1
    expect(studio.ready).to_have_count(1, timeout=CLIP_LIMIT)
    assert "1 made" in studio.told()


def test_the_page_is_loaded_again_and_everything_is_there(open_studio: Callable[..., Studio]) -> None:
    studio = open_studio()
    studio.choose(FOX, ASTRONAUT)
    studio.arrived(2)
    studio.prompt.fill("character1 and character2 build a kite")
    studio.root.get_by_text("1:1", exact=True).click()
    studio.generate.click()
    expect(studio.ready).to_have_count(1, timeout=CLIP_LIMIT)
    studio.notebook.save()
    studio.page.reload()
    studio.page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.isReady")
    studio.find()
    studio.arrived(2)
    expect(studio.prompt).to_have_value("character1 and character2 build a kite")
    expect(studio.root.get_by_role("radio", name="1:1", exact=True)).to_be_checked()
    expect(studio.ready).to_have_count(1)
    plays_and_seeks(studio.cards.first)
    studio.generate.click()
    expect(studio.cards).to_have_count(2)
    expect(studio.ready).to_have_count(2, timeout=CLIP_LIMIT)


def test_a_kernel_that_is_gone_is_said_and_nothing_is_lost(open_studio: Callable[..., Studio]) -> None:
    studio = open_studio()
    studio.root.get_by_role("button", name="Try a sample").click()
    studio.arrived(2)
    studio.generate.click()
    expect(studio.ready).to_have_count(1, timeout=CLIP_LIMIT)
    studio.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    studio.prompt.fill("character1 and character2 are still here")
    expect(studio.problems).to_contain_text(["run the cell again"])
    studio.generate.click()
    expect(studio.problems).to_contain_text(["run the cell again"])
    expect(studio.cards).to_have_count(1)
    expect(studio.prompt).to_have_value("character1 and character2 are still here")
    studio.notebook.run(0)
    studio.find()
    expect(studio.ready).to_have_count(1)
    # What the old kernel knew of is on the desk of the new one.
    expect(studio.root.locator(".hh-filled")).to_contain_text("what you were preparing")
    studio.arrived(2)
    expect(studio.prompt).to_have_value(re.compile("walk side by side through a meadow"))
    plays_and_seeks(studio.cards.first)


def test_a_saved_notebook_shows_the_clips_without_a_kernel(
    open_studio: Callable[..., Studio], page: Page
) -> None:
    studio = open_studio()
    studio.root.get_by_role("button", name="Try a sample").click()
    studio.arrived(2)
    studio.root.get_by_role("spinbutton", name="Duration").fill("3")
    twin = studio.notebook.output(0).get_by_text("Happy Horse Studio: ")
    expect(twin).to_be_hidden()
    studio.generate.click()
    expect(studio.ready).to_have_count(1, timeout=CLIP_LIMIT)
    expect(twin).to_contain_text("1 clip,")
    saved = str(studio.notebook.save())
    assert "walk side by side through a meadow" in saved
    assert "<video controls" in saved
    assert "Run this cell to open the Studio." in saved
    assert "data:image/png" not in saved
    assert len(saved) < 200_000


def test_many_clips_are_scrolled_through(new_notebook: NewNotebook) -> None:
    fill = f"for n in range(45): session.submit('character1 waves', [{str(FOX)!r}], duration=3, seed=n)"
    before, after = OPEN.split("studio = ")
    studio = Studio(
        new_notebook(f"{before}{fill}\nstudio = {after}", "for clip in session.clips: clip.cancel()")
    )
    expect(studio.root.locator(".hh-toolbar-count")).to_have_text("45 clips")
    expect(studio.cards.first).to_contain_text("seed 44")
    studio.cards.first.focus()
    studio.page.keyboard.press("End")
    last = studio.root.locator("article:focus")
    expect(last).to_contain_text("seed 0")
    expect(last).to_be_in_viewport()
    # Only what is near the view has cards, in the notebook's own scrolling, too.
    assert studio.cards.count() < 20
    studio.page.keyboard.press("Home")
    expect(studio.cards.first).to_be_focused()
    expect(studio.cards.first).to_contain_text("seed 44")


def test_own_names_are_completed_stay_with_their_images_and_are_numbers_on_the_wire(
    open_studio: Callable[..., Studio],
) -> None:
    studio = open_studio(
        "clip = session.clips[0]; print(clip.request.prompt, '|', clip.request.wire_values()['prompt'], '|', session.spent > 0)"
    )
    studio.choose(FOX, ASTRONAUT)
    studio.arrived(2)
    own = studio.tile(1).get_by_role("textbox")
    own.fill("Reineke")
    own.press("Enter")
    studio.prompt.click()
    keys, menu = studio.page.keyboard, studio.root.get_by_role("listbox", name="Characters")
    keys.type("Rei")
    expect(menu.get_by_role("option")).to_have_count(1)
    keys.press("Enter")
    keys.type(" waves at @")
    expect(menu.get_by_role("option").locator("canvas")).to_have_count(2)
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(studio.prompt).to_have_value("Reineke waves at character2")
    studio.tile(1).get_by_role("button", name="Move right").click()
    expect(studio.prompt).to_have_value("Reineke waves at character1")
    assert studio.names() == ["astronaut.png", "fox.png"]
    studio.tile(2).get_by_role("button", name="Remove").click()
    expect(studio.prompt).to_have_value("⟨removed: Reineke⟩ waves at character1")
    studio.generate.click()
    expect(studio.problems).to_have_text([re.compile("The image Reineke was removed")])
    studio.root.get_by_role("button", name="Undo", exact=True).click()
    expect(studio.prompt).to_have_value("Reineke waves at character1")
    studio.root.get_by_role("button", name="Enhance").click()
    studio.root.get_by_role("button", name="Ask for a better wording").click()
    studio.root.get_by_role("button", name="Use this").click()
    expect(studio.prompt).to_have_value(re.compile(r"^Reineke waves at character1\. Slow dolly in"))
    studio.prompt.press("Control+z")
    expect(studio.prompt).to_have_value("Reineke waves at character1")
    studio.generate.click()
    expect(studio.cards).to_have_count(1)
    assert studio.told().strip() == "Reineke waves at character1 | character2 waves at character1 | True"
