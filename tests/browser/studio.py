"""A Studio on a page, as a person meets it in any host: its parts by their names, and what one does with them."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import STEP_LIMIT, wait_until

#: A cell that opens a Studio on a sandbox that is quick.
OPEN = """import happyhorse_widgets as hh
session = hh.connect(sandbox=True, settings=hh.Settings(sandbox_scale=0.2, sandbox_speed=40, poll_interval=0.2, single_poll=0.2))
studio = hh.Studio()
studio"""
SAMPLES = Path(__file__).parents[2] / "happyhorse_widgets" / "widgets" / "static" / "samples"
FOX, ASTRONAUT = SAMPLES / "fox.png", SAMPLES / "astronaut.png"


class StudioView:
    """One view of a Studio: `root` is its outermost element."""

    def __init__(self, page: Page, root: Locator) -> None:
        expect(root).to_be_visible(timeout=STEP_LIMIT)
        self.page = page
        self.root = root
        self.prompt = root.get_by_role("textbox", name="Prompt")
        self.proposed = root.get_by_role("listbox", name="Characters").get_by_role("option")
        self.tiles = root.locator(".hh-tile:not(.hh-tile-refused)")
        self.cards = root.locator(".hh-card")
        self.ready = root.locator('.hh-card[data-phase="ready"]')
        self.generate = root.get_by_role("button", name="Generate", exact=True)
        self.price = root.locator(".hh-price")
        self.problems = root.locator(".hh-problems li")

    def choose(self, *files: Path) -> None:
        """Choose files by mouse."""
        with self.page.expect_file_chooser() as chooser:
            self.root.get_by_role("button", name="Drop, paste or choose images").click()
        chooser.value.set_files(list(files))

    def tile(self, number: int) -> Locator:
        """The tile of this character, counted from 1."""
        return self.tiles.nth(number - 1)

    def names(self) -> list[str]:
        """The names on the tiles, in their order."""
        return self.tiles.locator(".hh-tile-name").all_inner_texts()

    def arrived(self, count: int) -> None:
        """Wait until so many images are in the kernel, each with its picture."""
        expect(self.tiles.locator("canvas")).to_have_count(count)
        expect(self.tiles.locator("progress:visible")).to_have_count(0)


def drag(source: Locator, target: Locator) -> None:
    """Take hold of one thing, and let it go over the middle of another, once it is shown that it would be taken there.

    Where the page still moved under the hand, nothing is held: then once more, as a person would.
    """
    mouse = source.page.mouse

    def welcome() -> bool:
        source.hover()
        mouse.down()
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse.move(x, y, steps=12)
        mouse.move(x + 1, y)  # a browser asks what is welcome at the next move after it has entered
        if target.evaluate("(target) => target.closest('.hh-drop, .hh-drop-here') !== null"):
            return True
        mouse.up()
        return False

    wait_until(welcome, STEP_LIMIT / 1000, "a thing to be dragged")
    mouse.up()


def plays_and_seeks(card: Locator) -> None:
    """Have the card's video play, and move it to another time; fails where it does not."""
    card.scroll_into_view_if_needed()
    video = card.locator("video")
    card.get_by_role("button", name="Play", exact=True).click()
    page = card.page
    handle = video.element_handle()
    page.wait_for_function("(video) => video.currentTime > 0.3 && !video.paused", arg=handle)
    video.evaluate("(video) => { video.pause(); video.currentTime = 2; }")
    page.wait_for_function("(video) => !video.seeking && Math.abs(video.currentTime - 2) < 0.1", arg=handle)
