"""Two walks through the whole job, each as one person does it: one by mouse, one by keyboard alone.

To film them: `pip install pytest-playwright`, `playwright install ffmpeg`, and then, slowly enough to be followed,
`pytest tests/browser/test_walks.py --video on --slowmo 80 --output films`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Notebook
from tests.browser.studio import ASTRONAUT, FOX, StudioView, drag
from tests.conftest import SandboxProcess, StartSandbox

#: The keys are in a file beside the notebook, as in real life.
CELL = """import json, pathlib
import happyhorse_widgets as hh

keys = json.loads(pathlib.Path("keys.json").read_text())
hh.connect(**keys, settings=hh.Settings(poll_interval=0.2, single_poll=0.2))
studio = hh.Studio()
studio"""
LIMIT = 60_000  # milliseconds until clips are made on a busy machine
RATE = 24  # frames per second
WRITTEN = "character1 waves at character2"
REORDERED = "character2 waves at character1"

NewNotebook = Callable[..., Notebook]


class Walk(StudioView):
    """A person before a notebook whose one cell shows a Studio, and the books of the sandbox that it pays."""

    def __init__(self, notebook: Notebook, sandbox: SandboxProcess, record: Path) -> None:
        self.notebook = notebook
        self.sandbox = sandbox
        self._record = record
        self.find()

    def find(self) -> None:
        """Look for the Studio once its cell has run."""
        self.notebook.wait(0)
        super().__init__(self.notebook.page, self.notebook.output(0).locator(".hh-studio"))
        self.generate = self.button(re.compile("^Generate"))
        self.chips = self.root.locator(".hh-prompt-mirror mark.hh-chip")
        self.said = self.root.locator("> .hh-unseen[role=status]")
        self.filled = self.root.locator(".hh-filled")

    def button(self, name: str | re.Pattern[str], within: Locator | None = None) -> Locator:
        """A button of the Studio, or of one part of it."""
        exact = isinstance(name, str)
        return (within or self.root).get_by_role("button", name=name, exact=exact)

    def asked(self) -> int:
        """How often a clip was asked for that is paid; none was asked for in vain."""
        lines = [json.loads(line) for line in self._record.read_text().splitlines()]
        posts = [line for line in lines if line["method"] == "POST" and "/generate/custom/" in line["path"]]
        asked = [line for line in posts if "dryRun" not in line["query"]]
        assert len(self.sandbox.ledger()["jobs"]) == len(asked)
        return len(asked)

    # -- what is to be seen after each step ------------------------------------------------------------------------

    def wrote(self, text: str) -> None:
        """The prompt, in which each mention is a chip with its character's colour."""
        expect(self.prompt).to_have_value(text)
        expect(self.chips).to_have_text(re.findall(r"character\d", text))
        for chip in self.chips.all():
            assert chip.inner_text() == f"character{chip.get_attribute('data-character')}"

    def reordered(self) -> None:
        """The astronaut is the first image now, and the prompt means whom it meant before."""
        expect(self.tiles.locator(".hh-tile-name")).to_have_text(["astronaut.png", "fox.png"])
        expect(self.tiles.locator(".hh-tile-label")).to_have_text(["character1", "character2"])
        self.wrote(REORDERED)

    def set_up(self) -> None:
        """What a clip was made of is on the desk, and both that it is, and the prompt, can be seen."""
        expect(self.filled).to_contain_text("The next press is noted as made from it.")
        expect(self.filled).to_be_in_viewport(ratio=0.9)
        expect(self.prompt).to_be_in_viewport(ratio=0.9)
        expect(self.prompt).to_be_focused()
        self.wrote(REORDERED)

    def made(self, count: int) -> None:
        """So many clips, each asked for once."""
        expect(self.root.locator(".hh-toolbar-count")).to_have_text(f"{count} clips", timeout=LIMIT)
        expect(self.root.locator('.hh-card:not([data-phase="ready"])')).to_have_count(0, timeout=LIMIT)
        assert self.asked() == count

    def at(self, card: Locator) -> float:
        """Seconds into the card's video, which has come to rest."""
        video = card.locator("video")
        page, handle = self.page, video.element_handle()
        page.wait_for_function(
            "(video) => video.paused && !video.seeking && video.readyState > 1", arg=handle
        )
        return float(video.evaluate("(video) => video.currentTime"))

    def playing(self, card: Locator) -> None:
        """The card's video runs."""
        video = card.locator("video").element_handle()
        self.page.wait_for_function("(video) => !video.paused && video.currentTime > 0.3", arg=video)

    def complete(self) -> None:
        """All that was there before the kernel ended, and nothing is paid anew."""
        expect(self.filled).to_contain_text("what you were preparing when the kernel ended")
        expect(self.tiles.locator("canvas")).to_have_count(3)
        first = self.cards.first
        frame = f"last frame of {first.get_attribute('data-clip')}.png"
        assert self.names() == ["astronaut.png", "fox.png", frame]
        self.made(4)
        expect(self.button("Favourite", first)).to_have_attribute("aria-pressed", "true")
        expect(first.locator(".hh-lineage")).to_contain_text(f"changed from “{REORDERED}")
        expect(self.root.locator('[aria-pressed="true"].hh-card-star')).to_have_count(1)


@pytest.fixture
def walk(new_notebook: NewNotebook, start_sandbox: StartSandbox, tmp_path: Path) -> Callable[[], Walk]:
    """Opens a notebook; what it gives is called once the notebook's cell was run."""
    record = tmp_path / "requests.jsonl"
    sandbox = start_sandbox(speed=40, scale=0.4, record=record)
    notebook = new_notebook(CELL)
    keys = {"api_key": sandbox.key, "api_secret": sandbox.secret, "base_url": sandbox.base_url}
    (notebook.folder / "keys.json").write_text(json.dumps(keys))
    return lambda: Walk(notebook, sandbox, record)


class Keys:
    """Somebody without a mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.press = page.keyboard.press
        self.type = page.keyboard.type

    def tab_to(self, target: Locator, key: str = "Tab") -> None:
        """Press Tab, or another key, until `target` has the focus."""
        for _ in range(80):
            self.press(key)
            if target.evaluate_all("(found) => found.includes(document.activeElement)"):
                return
        pytest.fail(f"{key} does not reach {target}")


def test_the_whole_job_by_mouse(walk: Callable[[], Walk], page: Page) -> None:
    toolbar = page.locator(".jp-NotebookPanel-toolbar")
    run = toolbar.get_by_role("button", name=re.compile("^Run this cell and advance"))
    run.click()
    studio = walk()
    studio.choose(FOX, ASTRONAUT)
    studio.arrived(2)
    studio.prompt.click()
    page.keyboard.type("@")
    expect(studio.proposed).to_have_count(2)
    expect(studio.proposed.locator("canvas")).to_have_count(2)
    studio.proposed.filter(has_text="fox.png").click()
    page.keyboard.type(" waves at cha")
    studio.proposed.filter(has_text="astronaut.png").click()
    studio.wrote(WRITTEN)

    drag(studio.tile(2).locator(".hh-tile-picture"), studio.tile(1).locator(".hh-tile-picture"))
    studio.reordered()

    for _ in range(2):
        studio.button("One clip more").click()
    expect(studio.generate).to_have_text("Generate 3")
    studio.generate.click()
    expect(studio.cards).to_have_count(3)
    studio.made(3)

    card = studio.cards.first
    studio.button("Play", card).click()
    studio.playing(card)
    studio.button("Pause", card).click()
    studio.at(card)
    studio.button("One frame on", card).click()
    before = studio.at(card)
    studio.button("One frame on", card).click()
    assert studio.at(card) - before == pytest.approx(1 / RATE, abs=1e-4)

    studio.button("Reuse", card).click()
    studio.set_up()
    studio.root.get_by_text("1:1", exact=True).click()
    expect(studio.generate).to_have_text("Generate")
    studio.generate.click()
    studio.made(4)
    expect(card).to_contain_text("1:1")
    expect(card.locator(".hh-lineage")).to_contain_text(f"changed from “{REORDERED}")

    studio.button("More actions", card).click()
    studio.root.get_by_role("menuitem", name="Last frame → reference").click()
    studio.arrived(3)
    expect(card.locator(".hh-card-said")).to_have_text("Added to the references as character3.")
    studio.button("Favourite", card).click()
    expect(studio.button("Favourite", card)).to_have_attribute("aria-pressed", "true")

    page.get_by_role("menuitem", name="Kernel").click()
    page.get_by_role("menuitem", name=re.compile("^Restart Kernel…")).click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    studio.notebook.cell(0).locator(".jp-InputArea-prompt").first.click()
    run.click()
    studio.find()
    studio.complete()
    studio.wrote(REORDERED)


def test_the_whole_job_by_keyboard_alone(walk: Callable[[], Walk], page: Page) -> None:
    keys = Keys(page)
    cell = page.locator(".jp-Notebook .jp-Cell").first
    keys.tab_to(cell)
    keys.press("Control+Enter")
    studio = walk()
    with page.expect_file_chooser() as chooser:
        keys.tab_to(studio.button("Drop, paste or choose images"))
        keys.press("Enter")
    chooser.value.set_files([FOX, ASTRONAUT])
    studio.arrived(2)
    keys.tab_to(studio.prompt)
    keys.type("@")
    expect(studio.proposed).to_have_count(2)
    keys.press("Enter")
    keys.type(" waves at cha")
    expect(studio.proposed).to_have_count(2)
    keys.press("ArrowDown")
    keys.press("Enter")
    studio.wrote(WRITTEN)

    keys.tab_to(studio.button("character2"), "Shift+Tab")
    keys.press("Alt+ArrowLeft")
    studio.reordered()
    expect(studio.tile(1).locator(".hh-tile-label")).to_be_focused()
    expect(studio.said).to_have_text("character2 is now character1. The prompt was changed to match.")

    keys.tab_to(studio.root.get_by_role("spinbutton", name="Clips for each press"))
    for _ in range(2):
        keys.press("ArrowUp")
    keys.tab_to(studio.generate)
    expect(studio.generate).to_have_text("Generate 3")
    keys.press("Enter")
    expect(studio.cards).to_have_count(3)
    studio.made(3)
    expect(studio.generate).to_be_focused()

    card = studio.cards.first
    keys.tab_to(card)
    keys.press("Enter")
    expect(card.get_by_role("group", name="Player")).to_be_focused()
    keys.press("Space")
    studio.playing(card)
    keys.press("Space")
    studio.at(card)
    keys.press("ArrowRight")
    before = studio.at(card)
    keys.press("ArrowRight")
    assert studio.at(card) - before == pytest.approx(1 / RATE, abs=1e-4)

    keys.tab_to(studio.button("Reuse", card))
    keys.press("Enter")
    studio.set_up()
    expect(studio.generate).to_have_text("Generate")
    keys.press("Control+End")
    keys.type(" at night")
    keys.press("Control+Enter")
    studio.made(4)
    expect(card.locator(".hh-card-prompt")).to_have_text(f"{REORDERED} at night")
    expect(card.locator(".hh-lineage")).to_contain_text(f"changed from “{REORDERED}")

    keys.tab_to(studio.button("More actions", card))
    keys.press("Enter")
    expect(page.get_by_role("menuitem", name="Last frame → reference")).to_be_focused()
    keys.press("Enter")
    studio.arrived(3)
    expect(card.locator(".hh-card-said")).to_have_text("Added to the references as character3.")
    expect(studio.button("More actions", card)).to_be_focused()
    keys.tab_to(studio.button("Favourite", card), "Shift+Tab")
    keys.press("Space")
    expect(studio.button("Favourite", card)).to_have_attribute("aria-pressed", "true")

    keys.press("Escape")
    expect(card).to_be_focused()
    keys.press("Control+Home")
    expect(studio.root.get_by_role("searchbox")).to_be_focused()
    keys.tab_to(cell, "Shift+Tab")
    keys.press("0")
    keys.press("0")
    expect(page.get_by_role("button", name="Confirm Kernel Restart")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    keys.press("Control+Enter")
    studio.find()
    studio.complete()
    studio.wrote(f"{REORDERED} at night")
