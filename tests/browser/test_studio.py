"""The Studio in a real JupyterLab: the whole job by mouse and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.lab import Lab, Notebook, lasting_page, wait_until
from tests.browser.studio import ASTRONAUT, FOX, OPEN, StudioView, drag, plays_and_seeks

TOLD = "print(studio.aspect_ratio, studio.resolution, studio.duration, studio.seed, studio.model[-3:], len(studio.references))"
# Keeps the kernel busy until its folder has a file of this name.
BUSY = "import time, pathlib\nwhile not pathlib.Path('enough').exists(): time.sleep(0.1)"
RAN = "ran = globals().get('ran', 0) + 1; print('ran', ran)"
IMAGE = f"""from IPython.display import Image
from pathlib import Path
Image(data=Path({str(FOX)!r}).read_bytes(), width=120)"""
# Holds the interpreter itself for some seconds: not even another thread of the kernel can run.
HOLD = "import ctypes; ctypes.PyDLL(None).sleep(8)"
MADE = "print(len(studio.clips), 'made')"
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

    def prepare(self) -> int:
        """Have an image and a prompt, so that a clip can be asked for; how many there are already."""
        if not self.tiles.count():
            self.choose(FOX)
            expect(self.tiles).to_have_count(1)
        self.arrived(self.tiles.count())
        self.prompt.fill("character1 waves")
        return self.cards.count()

    def told(self, index: int = 1) -> str:
        """What a cell of the notebook prints."""
        return self.notebook.run(index).inner_text()


@pytest.fixture(scope="module")
def desk(lab: Lab, context: BrowserContext) -> Iterator[Studio]:
    """A Studio that several tests use, whatever the one before left in it."""
    with lasting_page(context) as page:
        yield Studio(Notebook(page, lab, [OPEN, RAN, IMAGE, HOLD, MADE]))
    lab.end_kernels()


@pytest.fixture
def open_studio(new_notebook: NewNotebook) -> Callable[..., Studio]:
    return lambda *cells: Studio(new_notebook(OPEN, *(cells or (TOLD,))))


def test_typed_keys_stay_in_the_studio(desk: Studio) -> None:
    studio, keys = desk, desk.page.keyboard
    studio.prompt.fill("")
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
    expect(studio.notebook.page.locator(".jp-Notebook .jp-Cell")).to_have_count(5)
    expect(studio.page.get_by_role("dialog")).to_have_count(0)
    expect(studio.root).to_be_visible()
    expect(studio.prompt).to_have_value("a b x dd m 00\nsecond line")
    assert "[1]:" in studio.notebook.cell(0).locator(".jp-InputArea-prompt").first.inner_text()
    assert "ran 1" in studio.told()


def test_an_image_of_the_page_can_be_dragged_in(desk: Studio) -> None:
    before = desk.tiles.count()
    # Both in view: nothing scrolls during the drag.
    desk.page.set_viewport_size({"width": 1280, "height": 1700})
    image = desk.notebook.run(2).locator("img")
    expect(image).to_be_visible()
    drag(image, desk.root.locator(".hh-tray"))
    desk.arrived(before + 1)


def test_a_press_while_the_kernel_cannot_answer_is_kept(desk: Studio) -> None:
    clips = desk.prepare()
    expect(desk.price).to_contain_text("≈")
    desk.notebook.start(3)
    expect(desk.notebook.cell(3).locator(".jp-InputArea-prompt").first).to_have_text("[*]:")
    desk.generate.click()
    expect(desk.cards).to_have_count(clips + 1)
    expect(desk.cards.first).to_contain_text("Preparing")
    expect(desk.cards.first).to_contain_text("Waiting for the kernel")
    desk.notebook.wait(3)
    expect(desk.ready).to_have_count(clips + 1, timeout=CLIP_LIMIT)
    expect(desk.cards).to_have_count(clips + 1)
    assert f"{clips + 1} made" in desk.told(4)


def test_a_press_whose_message_is_lost_is_sent_again(desk: Studio) -> None:
    clips = desk.prepare()
    desk.page.evaluate(
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
    desk.generate.click()
    expect(desk.cards.first).to_contain_text("Waiting for the kernel")
    assert desk.page.evaluate("() => window.lost") == 1
    expect(desk.ready).to_have_count(clips + 1, timeout=CLIP_LIMIT)
    assert f"{clips + 1} made" in desk.told(4)


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


def test_the_page_is_loaded_again_and_everything_is_there(open_studio: Callable[..., Studio]) -> None:
    studio = open_studio()
    studio.choose(FOX, ASTRONAUT)
    studio.arrived(2)
    studio.prompt.fill("character1 and character2 build a kite")
    studio.root.get_by_text("1:1", exact=True).click()
    twin = studio.notebook.output(0).get_by_text("Happy Horse Studio: ")
    expect(twin).to_be_hidden()
    studio.generate.click()
    expect(studio.ready).to_have_count(1, timeout=CLIP_LIMIT)
    expect(twin).to_contain_text("1 clip,")
    saved = str(studio.notebook.save())
    for part in ("build a kite", "<video controls", "Run this cell to open the Studio."):
        assert part in saved, "what is there without a kernel"
    assert "data:image/png" not in saved
    assert len(saved) < 200_000
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


def test_the_page_is_loaded_again_while_a_cell_runs(open_studio: Callable[..., Studio]) -> None:
    studio = open_studio(BUSY)
    studio.choose(FOX)
    studio.arrived(1)
    studio.notebook.save()
    studio.notebook.start(1)
    expect(studio.notebook.cell(1).locator(".jp-InputArea-prompt").first).to_have_text("[*]:")
    asked: list[str] = []

    def note(sent: str | bytes) -> None:
        asked.append(str(sent))

    studio.page.on("websocket", lambda socket: socket.on("framesent", note))
    studio.page.reload()
    # The kernel does not say in time what widgets there are: then JupyterLab asks one by one.
    wait_until(
        lambda: studio.page.evaluate("1") and any("comm_info_request" in sent for sent in asked),
        30,
        "JupyterLab to ask which widgets there are",
    )
    (studio.notebook.folder / "enough").touch()
    studio.find()
    studio.arrived(1)
    studio.prompt.fill("character1 waves")
    studio.generate.click()
    expect(studio.ready).to_have_count(1, timeout=CLIP_LIMIT)


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


def test_many_clips_are_scrolled_through(new_notebook: NewNotebook) -> None:
    fill = f"for n in range(45): session.submit('character1 waves', [{str(FOX)!r}], duration=3, seed=n)"
    before, after = OPEN.split("studio = ")
    studio = Studio(
        new_notebook(f"{before}{fill}\nstudio = {after}", "for clip in session.clips: clip.cancel()")
    )
    expect(studio.root.locator(".hh-toolbar-count")).to_have_text("45 clips")
    expect(studio.cards.first).to_contain_text("seed 44")
    studio.cards.first.focus()
    last = studio.root.locator("article:focus")

    def at_the_end() -> bool:
        studio.page.keyboard.press("End")  # the list may not know all of its clips yet
        return "seed 0" in last.inner_text()

    wait_until(at_the_end, 20, "the end of the list")
    expect(last).to_be_in_viewport()
    # Only what is near the view has cards, in the notebook's own scrolling, too.
    assert studio.cards.count() < 20
    studio.page.keyboard.press("Home")
    expect(studio.cards.first).to_be_focused()
    expect(studio.cards.first).to_contain_text("seed 44")
