"""The desk in a real browser, on a real Studio: images, words and parameters, and what is said about them."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import comm
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

import happyhorse_widgets as hh
from happyhorse_widgets.api.checks import mentions
from tests.browser.audit import Keyboard, focus
from tests.browser.bare import WholeStudio
from tests.browser.lab import wait_until
from tests.browser.studio import ASTRONAUT, FOX, StudioView, drag
from tests.conftest import SandboxProcess, StartSandbox
from tests.unit.comms import RecordingComm

CLIP_LIMIT = 60_000


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1)


class Desk(StudioView):
    """An empty Studio on a page, and the one in this process that it shows."""

    def __init__(self, page: Page, studio: hh.Studio) -> None:
        super().__init__(page, WholeStudio(page, studio).root)
        self.studio = studio

    def until(self, look: Callable[[], object]) -> None:
        """Wait for something in the kernel, while the page's messages go through."""

        def pumped() -> object:
            self.page.evaluate("() => new Promise(requestAnimationFrame)")
            return look()

        wait_until(pumped, 30, "the kernel to hear of it")


@pytest.fixture
def desk(
    sandbox: SandboxProcess, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    settings = hh.Settings(poll_interval=0.1, single_poll=0.1)
    session = hh.connect(
        sandbox.key, sandbox.secret, base_url=sandbox.base_url, home=tmp_path / "home", settings=settings
    )
    studio = hh.Studio(session)
    yield Desk(page, studio)
    page.evaluate("() => window.endView()")
    studio.close()
    session.close()


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """An image of a given size, in one colour."""

    def make(name: str, width: int = 480, height: int = 480) -> Path:
        path = tmp_path / name
        Image.new("RGB", (width, height), (sum(map(ord, name)) % 256, 90, 160)).save(path)
        return path

    return make


def hand_over(studio: Desk, event: str, target: Locator, *files: Path) -> None:
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


def test_images_are_dropped_and_pasted_one_or_many(desk: Desk, picture: Callable[..., Path]) -> None:
    hand_over(desk, "drop", desk.root.locator(".hh-tray"), picture("one.png"))
    desk.arrived(1)
    hand_over(desk, "drop", desk.prompt, picture("two.png"), picture("three.png"))
    desk.arrived(3)
    desk.prompt.focus()
    hand_over(desk, "paste", desk.prompt, picture("four.png"))
    desk.arrived(4)
    expect(desk.prompt).to_have_value("")
    assert desk.names() == ["one.png", "two.png", "three.png", "four.png"]
    desk.until(lambda: [source.name for source in desk.studio.references] == desk.names())


def test_tiles_are_reordered_by_drag_and_by_keyboard_and_removed(
    desk: Desk, picture: Callable[..., Path]
) -> None:
    desk.choose(picture("a.png"), picture("bb.png"), picture("ccc.png"))
    desk.arrived(3)
    drag(desk.tile(3).locator(".hh-tile-picture"), desk.tile(1).locator(".hh-tile-picture"))
    expect(desk.tile(1)).to_contain_text("ccc.png")
    assert desk.names() == ["ccc.png", "a.png", "bb.png"]
    desk.tile(1).get_by_role("button", name="Move right").press("Enter")
    assert desk.names() == ["a.png", "ccc.png", "bb.png"]
    desk.tile(3).get_by_role("button", name="character3").press("Alt+ArrowLeft")
    assert desk.names() == ["a.png", "bb.png", "ccc.png"]
    # The focus goes with the tile, so that the next press moves it on.
    expect(desk.tile(2).get_by_role("button", name="character2")).to_be_focused()
    desk.page.keyboard.press("Alt+ArrowLeft")
    assert desk.names() == ["bb.png", "a.png", "ccc.png"]
    assert desk.tiles.locator(".hh-tile-label").all_inner_texts() == [
        "character1",
        "character2",
        "character3",
    ]
    desk.tile(2).get_by_role("button", name="Remove").click()
    assert desk.names() == ["bb.png", "ccc.png"]
    desk.until(lambda: [source.name for source in desk.studio.references] == ["bb.png", "ccc.png"])


def test_what_cannot_be_used_is_said_on_its_tile(
    desk: Desk, picture: Callable[..., Path], tmp_path: Path
) -> None:
    large, document, cut = tmp_path / "large.png", tmp_path / "notes.png", tmp_path / "cut.png"
    large.write_bytes(FOX.read_bytes() + bytes(12_000_000 - FOX.stat().st_size))
    document.write_bytes(b"%PDF-1.7 and so on")
    cut.write_bytes(FOX.read_bytes()[:5000])
    desk.choose(large, document, picture("small.png", 300, 220), cut, picture("tiny.png", 300, 200))
    refused = desk.root.locator(".hh-tile-refused")
    expect(refused).to_have_count(2)
    expect(refused.nth(0)).to_contain_text("large.png12.0 MB: at most 10 MB")
    expect(refused.nth(1)).to_contain_text("notes.pngA PDF file: use JPEG, PNG or WEBP")
    expect(desk.tile(1)).to_contain_text("shortest side is 220 px")
    expect(desk.tile(2)).to_contain_text("cannot be decoded")
    expect(desk.tile(3)).to_contain_text(
        "Is too small (300 × 200 px): the shortest side must have more than 200 px"
    )
    desk.prompt.fill("character1 waves")
    desk.generate.click()
    expect(desk.problems.first).to_contain_text("character2 cannot be used")
    expect(desk.problems.nth(1)).to_contain_text("character3 cannot be used: Is too small (300 × 200 px)")
    expect(desk.cards).to_have_count(0)
    expect(desk.prompt).to_have_value("character1 waves")
    desk.tile(3).get_by_role("button", name="Remove").click()
    refused.nth(0).get_by_role("button").click()
    expect(refused).to_have_count(1)
    desk.tile(2).get_by_role("button", name="Remove").click()
    expect(desk.tiles).to_have_count(1)
    desk.choose(*(picture(f"{'n' * n}.png") for n in range(1, 10)))
    expect(desk.tiles).to_have_count(9)
    expect(refused.last).to_contain_text("Nine images are the most")


def test_mentions_are_marked_inserted_and_checked(desk: Desk, picture: Callable[..., Path]) -> None:
    notes = desk.root.locator(".hh-prompt .hh-note")
    desk.prompt.fill("character1 runs")
    expect(notes).to_have_text([re.compile("character1 has no image: there are none")])
    desk.choose(picture("a.png"), picture("bb.png"))
    expect(notes).to_have_text([re.compile("character2 is never mentioned")])
    desk.prompt.fill("Look, runs.")
    desk.prompt.evaluate("(area) => area.setSelectionRange(5, 5)")
    desk.tile(2).get_by_role("button", name="character2").click()
    expect(desk.prompt).to_have_value("Look, character2 runs.")
    expect(desk.prompt).to_be_focused()
    desk.page.keyboard.press("Control+z")
    expect(desk.prompt).to_have_value("Look, runs.")
    for text in (
        "character10 CHARACTER1, xcharacter1 character1x",
        "你好character2再见 character01 character_1",
    ):
        desk.prompt.fill(text)
        marked = desk.root.locator(".hh-prompt-mirror mark.hh-chip").all_inner_texts()
        assert tuple(mark.lower().removeprefix("character") for mark in marked) == mentions(text)
    desk.prompt.fill("Character1 and character2 and character12" + "!" * 2500)
    expect(desk.root.locator(".hh-prompt-mirror mark.hh-chip")).to_have_text(
        ["Character1", "character2", "character12"]
    )
    expect(notes.nth(0)).to_contain_text("41 characters too long: the model takes 2,500")
    expect(notes.nth(1)).to_contain_text("character12 has no image: there are 2")
    expect(desk.root.locator(".hh-count")).to_have_text("2,541 / 2,500")


def test_bad_input_is_shown_beside_its_field_and_nothing_is_lost(desk: Desk) -> None:
    desk.generate.click()
    expect(desk.problems.first).to_contain_text("Add at least one reference image")
    desk.choose(FOX)
    desk.arrived(1)
    desk.prompt.fill("character1 sings")
    number = desk.root.get_by_role("spinbutton", name="Duration")
    number.fill("16")
    beside = desk.root.locator(".hh-duration .hh-note:visible")
    expect(beside).to_have_text("16 is not a whole number from 3 to 15.")
    desk.generate.click()
    expect(desk.problems).to_have_text(["16 is not a whole number from 3 to 15."])
    expect(desk.cards).to_have_count(0)
    expect(desk.prompt).to_have_value("character1 sings")
    expect(number).to_have_value("16")
    number.fill("3")
    expect(beside).to_be_hidden()
    desk.root.get_by_role("combobox", name="Model").select_option(label="Happy Horse 1.1")
    desk.root.get_by_text("21:9", exact=True).click()
    desk.root.get_by_role("combobox", name="Model").select_option(label="Happy Horse 1.0")
    expect(desk.root.locator(".hh-aspect_ratio .hh-note")).to_contain_text("This model has no 21:9")
    expect(desk.root.get_by_role("radio", name="21:9")).to_be_checked()
    desk.root.get_by_text("1:1", exact=True).click()
    expect(desk.root.locator(".hh-aspect_ratio .hh-note")).to_be_hidden()
    expect(desk.root.get_by_text("21:9", exact=True)).to_have_count(0)
    desk.generate.click()
    expect(desk.ready).to_have_count(1, timeout=CLIP_LIMIT)


def test_own_names_are_completed_stay_with_their_images_and_are_numbers_on_the_wire(
    desk: Desk,
) -> None:
    desk.choose(FOX, ASTRONAUT)
    desk.arrived(2)
    own = desk.tile(1).get_by_role("textbox")
    own.fill("Reineke")
    own.press("Enter")
    desk.prompt.click()
    keys, menu = desk.page.keyboard, desk.root.get_by_role("listbox", name="Characters")
    keys.type("Rei")
    expect(menu.get_by_role("option")).to_have_count(1)
    keys.press("Enter")
    keys.type(" waves at @")
    expect(menu.get_by_role("option").locator("canvas")).to_have_count(2)
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(desk.prompt).to_have_value("Reineke waves at character2")
    desk.tile(1).get_by_role("button", name="Move right").click()
    expect(desk.prompt).to_have_value("Reineke waves at character1")
    assert desk.names() == ["astronaut.png", "fox.png"]
    desk.tile(2).get_by_role("button", name="Remove").click()
    expect(desk.prompt).to_have_value("⟨removed: Reineke⟩ waves at character1")
    desk.generate.click()
    expect(desk.problems).to_have_text([re.compile("The image Reineke was removed")])
    desk.root.get_by_role("button", name="Undo", exact=True).click()
    expect(desk.prompt).to_have_value("Reineke waves at character1")
    desk.root.get_by_role("button", name="Enhance").click()
    desk.root.get_by_role("button", name="Ask for a better wording").click()
    desk.root.get_by_role("button", name="Use this").click()
    expect(desk.prompt).to_have_value(re.compile(r"^Reineke waves at character1\. Slow dolly in"))
    desk.prompt.press("Control+z")
    expect(desk.prompt).to_have_value("Reineke waves at character1")
    desk.generate.click()
    expect(desk.cards).to_have_count(1)
    desk.until(lambda: len(desk.studio.clips) == 1)
    request = desk.studio.clips[0].request
    assert request.prompt == "Reineke waves at character1"
    assert request.wire_values()["prompt"] == "character2 waves at character1"
    assert desk.studio.session.spent > 0, "the other wording was paid"


def test_the_whole_job_by_keyboard_with_focus_in_sight(desk: Desk) -> None:
    studio, page, keyboard = desk, desk.page, Keyboard(desk.page)
    add = studio.root.get_by_role("button", name="Drop, paste or choose images")
    with page.expect_file_chooser() as chooser:
        add.press("Enter")
    chooser.value.set_files([FOX, ASTRONAUT, FOX])
    studio.arrived(3)
    keyboard.to(studio.tile(3).get_by_role("button", name="character3"), "Shift+Tab")
    keyboard.press("Alt+ArrowLeft", "Alt+ArrowLeft")
    assert studio.names() == ["fox.png", "fox.png", "astronaut.png"]
    keyboard.press("Delete")
    expect(studio.tiles).to_have_count(2)

    keyboard.to(studio.prompt)
    page.keyboard.type("@")
    expect(studio.proposed).to_have_count(2)
    keyboard.press("ArrowDown", "Enter")
    page.keyboard.type(" waves at cha")
    expect(studio.proposed).not_to_have_count(0)
    keyboard.press("Escape", "Backspace", "Backspace", "Backspace")
    page.keyboard.type("character1")
    expect(studio.prompt).to_have_value("character2 waves at character1")

    keyboard.to(studio.generate)
    keyboard.press("Enter", "Space")
    expect(studio.cards).to_have_count(2)
    expect(studio.ready).to_have_count(2, timeout=CLIP_LIMIT)
    card = studio.cards.first
    keyboard.to(card.get_by_role("button", name="Play", exact=True))
    keyboard.press("Enter")
    page.wait_for_function("(video) => video.currentTime > 0.3", arg=card.locator("video").element_handle())
    favourite = card.get_by_role("button", name="Favourite")
    keyboard.to(favourite)
    keyboard.press("Enter")
    expect(favourite).to_have_attribute("aria-pressed", "true")
    keyboard.to(card.get_by_role("button", name="More actions"))
    keyboard.press("Enter")
    delete = studio.root.get_by_role("menuitem", name="Delete")
    keyboard.to(delete, "ArrowDown")
    keyboard.press("Enter")
    expect(studio.ready).to_have_count(1)
    assert keyboard.lost == []


def test_the_focus_goes_on_where_its_button_goes_away(desk: Desk) -> None:
    sample = desk.root.get_by_role("button", name="Try a sample")
    sample.focus()
    desk.page.keyboard.press("Enter")
    desk.arrived(2)
    expect(sample).to_be_hidden()
    assert focus(desk.page)["inside"]
    for count in (1, 0):
        desk.tile(1).get_by_role("button", name="Remove").focus()
        desk.page.keyboard.press("Enter")
        expect(desk.tiles).to_have_count(count)
        assert focus(desk.page)["inside"]
