"""The tray of reference images in a real browser, on a real Studio: everything that a person does with images."""

from __future__ import annotations

import io
import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comm
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

import happyhorse_widgets as hh
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import InvalidImage
from happyhorse_widgets.media.images import load_image, require_large
from tests.browser.bare import SITE, BareStudio
from tests.browser.studio import drag
from tests.conftest import SandboxProcess, StartSandbox
from tests.integration.test_photo_metadata import holding, serving
from tests.unit.comms import RecordingComm
from tests.unit.test_media_metadata import CANARY, photo, picture


def png(number: int, size: tuple[int, int] = (480, 420)) -> bytes:
    """A picture unlike those of other numbers."""
    pixels = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.2)


@pytest.fixture
def session(sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Session]:
    settings = hh.Settings(poll_interval=0.1, single_poll=0.1, local_addresses=True)
    keys = (sandbox.key, sandbox.secret)
    session = hh.connect(*keys, base_url=sandbox.base_url, home=tmp_path / "home", settings=settings)
    yield session
    session.close()


@pytest.fixture
def tray(session: Session, page: Page, monkeypatch: pytest.MonkeyPatch) -> Iterator[BareStudio]:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    studio = hh.Studio(session)
    yield BareStudio(page, studio)
    page.evaluate("() => window.endView()")
    studio.close()


@pytest.fixture
def other(session: Session, page: Page, tray: BareStudio) -> Callable[[], BareStudio]:
    """Opens another view of the same Studio, in a page of its own."""
    return lambda: BareStudio(page.context.new_page(), tray.studio)


def choose(tray: BareStudio, *files: tuple[str, bytes], button: str = "Drop, paste or choose images") -> None:
    with tray.page.expect_file_chooser() as chooser:
        tray.root.get_by_role("button", name=button).click()
    chooser.value.set_files([{"name": n, "mimeType": "image/png", "buffer": data} for n, data in files])


def ready(tray: BareStudio, count: int) -> None:
    """Wait until so many images are in the kernel and with Scenario, each with its picture."""
    expect(tray.tiles).to_have_count(count)
    expect(tray.tiles.locator("canvas")).to_have_count(count)
    heard(tray, lambda: len(tray.studio.references) == count, "the images")
    expect(tray.tiles.locator("progress:visible")).to_have_count(0)


def three(tray: BareStudio) -> None:
    choose(tray, ("a.png", png(1)), ("b.png", png(2)), ("c.png", png(3)))
    ready(tray, 3)


def names(tray: BareStudio) -> list[str]:
    return tray.tiles.locator(".hh-tile-name").all_inner_texts()


def heard(tray: BareStudio, look: Callable[[], object], what: str) -> None:
    """Wait for something in the kernel, while the page's messages go through."""
    deadline = time.monotonic() + 30
    while not look():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        tray.page.wait_for_timeout(10)


def sent(tray: BareStudio, kind: str) -> list[dict[str, Any]]:
    return tray.page.evaluate("(kind) => window.sent.filter((content) => content.kind === kind)", kind)


def hand_over(target: Locator, event: str, **data: str) -> None:
    """Drop or paste data of these types (`text_plain` is text/plain) on an element, as the browser does."""
    script = """([element, event, data]) => {
        const transfer = new DataTransfer();
        for (const [type, value] of Object.entries(data)) transfer.setData(type, value);
        const options = { bubbles: true, cancelable: true };
        if (event === "paste") element.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: transfer }));
        else for (const type of ["dragenter", "dragover", "drop"])
            element.dispatchEvent(new DragEvent(type, { ...options, dataTransfer: transfer }));
    }"""
    types = {name.replace("_", "/", 1).replace("_", "-"): value for name, value in data.items()}
    target.page.evaluate(script, [target.element_handle(), event, types])


def undo(tray: BareStudio) -> Locator:
    return tray.root.get_by_role("button", name="Undo")


# -- moving, removing, undo --------------------------------------------------------------------------------------------


def test_a_removed_image_comes_back_by_the_button_and_by_the_key(tray: BareStudio) -> None:
    three(tray)
    expect(undo(tray)).to_be_hidden()
    tray.tiles.nth(1).get_by_role("button", name="Remove").click()
    assert names(tray) == ["a.png", "c.png"]
    expect(tray.root.locator(".hh-tray-done")).to_have_text("character2 removed")
    undo(tray).click()
    assert names(tray) == ["a.png", "b.png", "c.png"]
    expect(undo(tray)).to_be_hidden()
    tray.tiles.nth(2).get_by_role("button", name="character3").press("Delete")
    tray.tiles.nth(0).get_by_role("button", name="character1").press("Alt+ArrowRight")
    assert names(tray) == ["b.png", "a.png"]
    tray.page.keyboard.press("Control+z")
    assert names(tray) == ["a.png", "b.png"]
    tray.page.keyboard.press("Meta+z")
    assert names(tray) == ["a.png", "b.png", "c.png"]
    expect(tray.tiles.locator("canvas")).to_have_count(3)
    heard(tray, lambda: [s.name for s in tray.studio.references] == ["a.png", "b.png", "c.png"], "the order")
    assert len(sent(tray, "tile-offer")) == 3  # nothing was sent again


def test_the_last_image_is_removed_and_brought_back_by_keyboard_alone(tray: BareStudio) -> None:
    choose(tray, ("a.png", png(1)))
    ready(tray, 1)
    tray.root.get_by_role("button", name="character1").press("Backspace")
    expect(tray.tiles).to_have_count(0)
    tray.page.keyboard.press("Control+z")
    expect(tray.tiles).to_have_count(1)
    assert tray.page.evaluate("() => document.activeElement.closest('.hh-tray') !== null")


def test_a_tile_is_dragged_by_its_picture_and_to_the_end(tray: BareStudio) -> None:
    three(tray)
    first = tray.tiles.nth(0).locator(".hh-tile-picture")
    drag(first, tray.tiles.nth(1).locator(".hh-tile-facts"))
    assert names(tray) == ["b.png", "a.png", "c.png"]
    drag(first, tray.root.locator(".hh-add"))
    assert names(tray) == ["a.png", "c.png", "b.png"]
    undo(tray).click()
    undo(tray).click()
    assert names(tray) == ["a.png", "b.png", "c.png"]


def test_a_tile_shows_that_it_takes_another_wherever_that_is_held_over_it(tray: BareStudio) -> None:
    three(tray)
    mouse, target = tray.page.mouse, tray.tiles.nth(1)
    tray.tiles.nth(0).locator(".hh-tile-picture").hover()
    mouse.down()
    for part, moves in ((".hh-tile-picture", 2), (".hh-tile-facts", 1)):
        box = target.locator(part).bounding_box()
        assert box
        for step in range(moves):
            mouse.move(box["x"] + box["width"] / 2 + step, box["y"] + box["height"] / 2)
        expect(target).to_have_class(re.compile("hh-drop-here"))
    mouse.up()
    expect(target).not_to_have_class(re.compile("hh-drop-here"))


def test_an_image_that_is_removed_on_its_way_arrives_once_that_is_taken_back(tray: BareStudio) -> None:
    tray.page.evaluate(
        """() => {
            const { toKernel } = window;
            window.losing = true;
            window.toKernel = (content, buffers) =>
                content.kind === "tile-chunk" && window.losing ? null : toKernel(content, buffers);
        }"""
    )
    choose(tray, ("a.png", png(1)))
    heard(tray, lambda: sent(tray, "tile-chunk"), "the bytes to be on their way")
    expect(tray.tiles.locator("progress")).to_be_visible()
    tray.tiles.nth(0).get_by_role("button", name="Remove").click()
    expect(tray.tiles).to_have_count(0)
    tray.page.evaluate("() => { window.losing = false; }")
    undo(tray).click()
    ready(tray, 1)
    heard(tray, lambda: [s.name for s in tray.studio.references] == ["a.png"], "the image")


def test_what_python_changes_cannot_be_taken_back_here(tray: BareStudio) -> None:
    three(tray)
    tray.tiles.nth(0).get_by_role("button", name="Remove").click()
    expect(undo(tray)).to_be_visible()
    heard(tray, lambda: len(tray.studio.references) == 2, "the removal")
    tray.studio.references = [load_image(png(9), name="python.png")]
    expect(tray.tiles.locator(".hh-tile-name")).to_have_text(["python.png"])
    expect(tray.tiles.locator("canvas")).to_have_count(1)
    expect(undo(tray)).to_be_hidden()


# -- replacing ---------------------------------------------------------------------------------------------------------


def test_an_image_is_replaced_in_its_place_and_the_former_one_comes_back(tray: BareStudio) -> None:
    three(tray)
    own = tray.root.get_by_role("textbox", name="Own name of character2")
    own.fill("Fox")
    own.press("Enter")
    choose(tray, ("new.png", png(7)), button="Replace: image 2")
    expect(tray.tiles.nth(1)).to_contain_text("new.png")
    ready(tray, 3)
    expect(own).to_have_value("Fox")
    heard(
        tray, lambda: [s.name for s in tray.studio.references] == ["a.png", "new.png", "c.png"], "the new one"
    )
    assert [s.alias for s in tray.studio.references] == ["", "Fox", ""]
    expect(tray.root.locator(".hh-tray-done")).to_have_text("character2 replaced")
    undo(tray).click()
    expect(tray.tiles.nth(1)).to_contain_text("b.png")
    heard(
        tray,
        lambda: [s.name for s in tray.studio.references] == ["a.png", "b.png", "c.png"],
        "the former one",
    )
    assert tray.studio.references[1].alias == "Fox"


def test_why_a_replacement_cannot_be_taken_back_is_seen(tray: BareStudio) -> None:
    three(tray)
    choose(tray, ("new.png", png(7)), button="Replace: image 2")
    ready(tray, 3)
    heard(tray, lambda: tray.studio.references[1].name == "new.png", "the new one")
    tray.studio._tray.restore(tray.studio._form["tiles"][1])  # as by Undo in another view
    expect(tray.tiles.nth(1)).to_contain_text("b.png")
    undo(tray).click()
    expect(tray.root.locator(".hh-tray-done")).to_have_text(
        "The image that was here before is not kept any more."
    )


def test_a_replacement_is_seen_in_every_view(tray: BareStudio, other: Callable[[], BareStudio]) -> None:
    choose(tray, ("red.png", solid("red")))
    ready(tray, 1)
    second = other()
    expect(second.tiles.locator("canvas")).to_have_count(1)
    assert shade(second) == shade(tray) == "red"
    choose(second, ("blue.png", solid("blue")), button="Replace: image 1")
    expect(second.tiles.nth(0)).to_contain_text("blue.png")
    heard(second, lambda: [s.name for s in tray.studio.references] == ["blue.png"], "the new one")
    expect(tray.tiles.nth(0)).to_contain_text("blue.png")
    heard(tray, lambda: shade(tray) == "blue", "the new picture")
    second.page.close()


def solid(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (480, 420), colour).save(out, "PNG")
    return out.getvalue()


def shade(tray: BareStudio) -> str:
    """Of the middle of the first tile's picture; thumbnails from the kernel are JPEG, which is not exact."""
    canvas = tray.tiles.nth(0).locator("canvas")
    script = "(c) => [...c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data].slice(0, 3)"
    red, _, blue = canvas.evaluate(script)
    return "red" if red > 200 > 50 > blue else "blue" if blue > 200 > 50 > red else "something else"


def test_a_replacement_that_is_no_image_says_so_and_can_be_taken_back(tray: BareStudio) -> None:
    three(tray)
    choose(tray, ("cut.png", png(5)[:200]), button="Replace: image 1")
    expect(tray.tiles.nth(0).locator(".hh-note-error")).to_contain_text("cannot be decoded")
    problems = tray.page.evaluate("() => window.tray.problems().map((problem) => problem.message)")
    assert problems[0].startswith("character1 cannot be used: Begins like a PNG")
    undo(tray).click()
    expect(tray.tiles.nth(0)).to_contain_text("a.png")
    expect(tray.tiles.nth(0).locator(".hh-note-error")).to_have_count(0)
    assert tray.page.evaluate("() => window.tray.problems()") == []


# -- names -------------------------------------------------------------------------------------------------------------


def test_own_names_are_edited_in_place_and_the_prompt_follows(tray: BareStudio) -> None:
    three(tray)
    tray.page.evaluate("() => window.form.set('prompt', 'character1 greets Fox')")
    first = tray.root.get_by_role("textbox", name="Own name of character1")
    first.fill("  Fox ")
    first.press("Enter")
    expect(first).to_have_value("Fox")
    expect(tray.root.get_by_role("button", name="character1")).to_be_focused()
    heard(tray, lambda: [s.alias for s in tray.studio.references] == ["Fox", "", ""], "the name")
    first.fill("Wolf")
    first.blur()
    assert tray.page.evaluate("() => window.form.get('prompt')") == "character1 greets Wolf"
    first.fill("Bear")
    first.press("Escape")
    expect(first).to_have_value("Wolf")
    first.fill("")
    first.press("Enter")
    assert tray.page.evaluate("() => window.form.get('prompt')") == "character1 greets character1"
    heard(tray, lambda: tray.studio.aliases == {}, "the name to be gone")


def test_a_name_is_taken_back_and_the_prompt_with_it(tray: BareStudio) -> None:
    three(tray)
    said = tray.root.locator(".hh-tray-done")
    own = tray.root.get_by_role("textbox", name="Own name of character1")

    def prompt() -> str:
        text: str = tray.page.evaluate("() => window.form.get('prompt')")
        return text

    for name in ("Fox", "Wolf"):
        own.fill(name)
        own.press("Enter")
        expect(said).to_have_text(f"character1 is called {name}")
        tray.page.evaluate("(name) => window.form.set('prompt', `${name} greets character2`)", name)
    tray.page.evaluate("() => window.form.set('prompt', 'Wolf greets character2, and Wolf waves')")
    tray.page.keyboard.press("Control+z")
    expect(own).to_have_value("Fox")
    assert prompt() == "Fox greets character2, and Fox waves"
    undo(tray).click()
    expect(own).to_have_value("")
    assert prompt() == "character1 greets character2, and character1 waves"
    expect(undo(tray)).to_be_hidden()
    heard(tray, lambda: tray.studio.aliases == {}, "the name to be gone")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("wolf", "Two images are called wolf"),
        ("character3", "cannot contain character3"),
        ("?!", "at least one letter"),
    ],
)
def test_a_name_that_cannot_be_used_says_why_on_its_tile(tray: BareStudio, typed: str, words: str) -> None:
    three(tray)
    second = tray.root.get_by_role("textbox", name="Own name of character2")
    second.fill("Wolf")
    second.press("Enter")
    first = tray.root.get_by_role("textbox", name="Own name of character1")
    first.fill(typed)
    first.press("Enter")
    expect(tray.tiles.nth(0).locator(".hh-note-error")).to_contain_text(words)
    expect(first).to_have_attribute("aria-invalid", "true")
    expect(first).to_be_focused()
    first.fill("Fox")
    first.press("Enter")
    expect(tray.tiles.nth(0).locator(".hh-note-error")).to_have_count(0)
    heard(tray, lambda: [s.alias for s in tray.studio.references] == ["Fox", "Wolf", ""], "the names")


def test_names_from_python_are_shown_and_go_with_their_tiles(tray: BareStudio) -> None:
    three(tray)
    ids = tray.studio._form["tiles"]
    tray.studio.aliases = {ids[0]: "Fox", ids[2]: "Bear"}
    owns = tray.tiles.locator(".hh-tile-own")
    expect(owns.nth(2)).to_have_value("Bear")
    tray.tiles.nth(2).get_by_role("button", name="Move left").click()
    expect(owns.nth(1)).to_have_value("Bear")
    tray.tiles.nth(0).get_by_role("button", name="Remove").click()
    expect(owns.nth(0)).to_have_value("Bear")
    undo(tray).click()
    expect(owns.nth(0)).to_have_value("Fox")
    heard(tray, lambda: [s.alias for s in tray.studio.references] == ["Fox", "Bear", ""], "the names")


def test_what_the_prompts_menu_needs_is_told(tray: BareStudio) -> None:
    three(tray)
    tray.page.evaluate("() => window.form.set('aliases', { [window.form.get('tiles')[1]]: 'Fox' })")
    script = """() => window.tray.characters().map(({ number, alias, name, picture }) => {
        const drawn = picture();
        return [number, alias, name, drawn.width, drawn.isConnected, drawn.getContext("2d").getImageData(0, 0, 1, 1).data[3]];
    })"""
    assert tray.page.evaluate(script) == [
        [1, "", "a.png", 192, False, 255],
        [2, "Fox", "b.png", 192, False, 255],
        [3, "", "c.png", 192, False, 255],
    ]


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """A server of images on another address than the page's."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "fox 1.png").write_bytes(png(11))
    (folder / "page.html").write_text("<!doctype html><p>no image")
    with serving(folder) as site:
        yield site


def test_an_image_is_taken_from_an_address_that_is_typed(tray: BareStudio, elsewhere: str) -> None:
    opener = tray.root.get_by_role("button", name="From an address")
    opener.press("Enter")
    field = tray.root.get_by_role("textbox", name="Address of an image")
    expect(field).to_be_focused()
    field.fill(f"{elsewhere}fox%201.png?key=SECRET")
    field.press("Enter")
    expect(field).to_be_hidden()
    expect(opener).to_be_focused()
    ready(tray, 1)
    assert names(tray) == ["fox 1.png"]
    assert tray.studio.references[0].data == png(11)
    assert "SECRET" not in str([data for _, data, _, _ in tray.studio.comm.published])


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("paste", {"text_plain": "{0}fox%201.png"}),
        ("drop", {"text_uri_list": "{0}fox%201.png"}),
        ("drop", {"text_plain": " {0}fox%201.png\n"}),
        (
            "drop",
            {
                "text_uri_list": "{0}page.html",
                "text_html": '<a href="{0}page.html"><img src="{0}fox%201.png"></a>',
            },
        ),
    ],
    ids=["pasted", "link", "text", "image in a link"],
)
def test_an_address_is_dropped_or_pasted(
    tray: BareStudio, elsewhere: str, event: str, data: dict[str, str]
) -> None:
    given = {name: value.format(elsewhere) for name, value in data.items()}
    hand_over(tray.root.locator(".hh-add"), event, **given)
    ready(tray, 1)
    assert names(tray) == ["fox 1.png"]


def test_an_address_that_is_pasted_into_a_text_stays_text(tray: BareStudio, elsewhere: str) -> None:
    hand_over(tray.root.locator("textarea"), "paste", text_plain=f"{elsewhere}fox%201.png")
    hand_over(tray.root.locator("textarea"), "drop", text_plain=f"{elsewhere}fox%201.png")
    hand_over(tray.root.locator(".hh-add"), "paste", text_plain="just words")
    hand_over(tray.root.locator(".hh-add"), "paste", text_plain=f"{elsewhere}fox%201.png")
    ready(tray, 1)
    assert len(sent(tray, "tile-url")) == 1


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("gone.png", "Could not be fetched: its server answers 404"),
        ("page.html", "Is a web page; the model takes JPEG, PNG and WEBP"),
    ],
)
def test_why_an_address_gives_no_image_stands_on_its_tile(
    tray: BareStudio, elsewhere: str, end: str, words: str
) -> None:
    hand_over(tray.root.locator(".hh-add"), "paste", text_plain=f"{elsewhere}{end}")
    expect(tray.tiles.nth(0).locator(".hh-note-error")).to_contain_text(words)
    expect(tray.tiles.nth(0)).to_contain_text(end)
    assert any(words in said for said in tray.page.evaluate("() => window.said"))
    tray.tiles.nth(0).get_by_role("button", name="Remove").click()
    expect(tray.tiles).to_have_count(0)


def test_an_address_into_the_network_around_the_kernel_is_refused_in_words(
    tray: BareStudio, elsewhere: str
) -> None:
    object.__setattr__(tray.studio.session.settings, "local_addresses", False)
    hand_over(tray.root.locator(".hh-add"), "paste", text_plain=f"{elsewhere}fox%201.png")
    expect(tray.tiles.nth(0).locator(".hh-note-error")).to_contain_text("lies in the network around it")


@pytest.mark.parametrize("text", ["fox.png", "file:///etc/passwd", "javascript:alert(1)"])
def test_what_is_typed_and_is_no_address_is_refused(tray: BareStudio, text: str) -> None:
    tray.root.get_by_role("button", name="From an address").click()
    field = tray.root.get_by_role("textbox", name="Address of an image")
    field.fill(text)
    field.press("Enter")
    expect(tray.root.locator(".hh-tile-refused")).to_contain_text("begins with https:// or http://")
    expect(tray.tiles).to_have_count(0)
    assert sent(tray, "tile-url") == []


def test_an_image_that_only_this_page_knows_is_read_by_the_page(tray: BareStudio) -> None:
    data = f"data:image/png;base64,{b64encode(png(4)).decode()}"
    hand_over(tray.root.locator(".hh-add"), "drop", text_html=f'<img src="{data}">', text_uri_list=data)
    ready(tray, 1)
    assert tray.studio.references[0].data == png(4)
    assert sent(tray, "tile-url") == []
    hand_over(tray.root.locator(".hh-add"), "drop", text_uri_list=f"{SITE}nothing-here.png")
    expect(tray.root.locator(".hh-tile-refused")).to_contain_text("A web page: use JPEG, PNG or WEBP.")


def test_addresses_from_python_are_fetched_ahead_and_shown(tray: BareStudio, elsewhere: str) -> None:
    tray.studio.references = [f"{elsewhere}fox%201.png", load_image(png(3), name="b.png")]
    ready(tray, 2)
    heard(
        tray,
        lambda: [getattr(s, "data", None) for s in tray.studio.references] == [png(11), png(3)],
        "the images",
    )


# -- frames of clips ---------------------------------------------------------------------------------------------------


def test_frames_of_a_clip_become_references_that_know_their_clip(tray: BareStudio, session: Session) -> None:
    clip = session.generate("character1 walks", [png(21)], duration=3, aspect_ratio="1:1").wait(60)
    take = "([clip, at]) => window.tray.take(clip, at)"
    assert tray.page.evaluate(take, [clip.id, "last"]) == 1
    assert tray.page.evaluate(take, [clip.id, 1.25]) == 2
    ready(tray, 2)
    last, early = tray.studio.references
    assert (last.clip_id, early.clip_id) == (clip.id, clip.id)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(last.data))), np.asarray(clip.last_frame()))
    assert last.sha256 != early.sha256
    assert names(tray) == [f"last frame of {clip.id}.png", f"1.25 s of {clip.id}.png"]


def test_a_clip_that_is_not_there_says_so_on_its_tile(tray: BareStudio) -> None:
    tray.page.evaluate("() => window.tray.take('clip_nobody', 'last')")
    expect(tray.tiles.nth(0).locator(".hh-note-error")).to_contain_text("There is no clip clip_nobody")


def test_a_tenth_image_is_refused_whatever_it_comes_from(tray: BareStudio) -> None:
    tray.studio.references = [load_image(png(n), name=f"{n}.png") for n in range(9)]
    ready(tray, 9)
    expect(tray.root.locator(".hh-add")).to_be_hidden()
    assert tray.page.evaluate("() => window.tray.take('clip_1', 2)") == 0
    hand_over(
        tray.root.locator("textarea"), "drop", text_html='<img src="https://x.test/a.png">', text_uri_list="x"
    )
    expect(tray.root.locator(".hh-tile-refused")).to_have_count(2)
    expect(tray.root.locator(".hh-tile-refused").first).to_contain_text("Nine images are the most")
    expect(tray.tiles).to_have_count(9)


# -- what is sent ------------------------------------------------------------------------------------------------------


def test_the_same_image_is_sent_once_however_often_it_is_added(
    tray: BareStudio, sandbox: SandboxProcess
) -> None:
    before = len(sandbox.ledger()["uploads"])
    data = png(31)
    choose(tray, ("a.png", data), ("twin.png", data))
    ready(tray, 2)
    for _ in range(2):
        tray.tiles.nth(0).get_by_role("button", name="Remove").click()
    expect(tray.tiles).to_have_count(0)
    choose(tray, ("again.png", data))
    ready(tray, 1)
    assert len(sent(tray, "tile-chunk")) == 1
    heard(tray, lambda: len(sandbox.ledger()["uploads"]) > before, "the upload")
    assert len(sandbox.ledger()["uploads"]) == before + 1


def test_a_photo_loses_what_it_says_before_it_leaves_unless_that_is_asked_for(
    tray: BareStudio, session: Session, sandbox: SandboxProcess
) -> None:
    data = photo("JPEG", picture((440, 420)), orientation=6)
    choose(tray, ("holiday.jpg", data))
    ready(tray, 1)
    canvas = tray.tiles.locator("canvas")
    assert canvas.evaluate("(c) => c.width < c.height")  # upright in the page at once, as EXIF says
    assert (tray.studio.references[0].width, tray.studio.references[0].height) == (420, 440)
    heard(tray, lambda: sandbox.ledger()["uploads"] and not progress(tray), "the upload")
    assert holding(sandbox.home) == holding(session.home) == []
    choose(tray, ("same.jpg", data))
    ready(tray, 2)
    assert len(sent(tray, "tile-chunk")) == 1  # known by the hash of the file, though other bytes were kept
    tray.root.get_by_role("checkbox", name="Keep photo metadata").check()
    heard(tray, lambda: CANARY.encode() in tray.studio.references[0].data, "the setting")
    assert tray.studio.keep_metadata is True
    tray.studio.keep_metadata = False
    expect(tray.root.get_by_role("checkbox", name="Keep photo metadata")).not_to_be_checked()
    assert CANARY.encode() not in tray.studio.references[0].data


def progress(tray: BareStudio) -> int:
    return tray.tiles.locator("progress:visible").count()


def test_chunks_are_small_and_never_more_than_four_on_their_way(tray: BareStudio) -> None:
    tray.page.evaluate(
        """() => {
            let open = 0;
            window.most = 0;
            const asks = new Set();
            const { send } = window.model;
            window.model.send = (content, callbacks, buffers) => {
                if (content.kind === "tile-chunk") [asks.add(content.request), (window.most = Math.max(window.most, asks.size))];
                return send(content, callbacks, buffers);
            };
            window.model.on("msg:custom", (content) => asks.delete(content.request));
        }"""
    )
    noise = np.random.default_rng(0).integers(0, 256, (1300, 1300, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    data = out.getvalue()
    assert len(data) > 5_000_000
    choose(tray, ("big.png", data))
    ready(tray, 1)
    chunks = sent(tray, "tile-chunk")
    assert sum(chunk["bytes"][0] for chunk in chunks) == len(data)
    assert max(chunk["bytes"][0] for chunk in chunks) <= 1 << 20
    assert 2 <= tray.page.evaluate("() => window.most") <= 4
    assert tray.studio.references[0].data == data


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("small.png", (300, 500), "The shortest side is 300 px; at least 400 px is advised."),
        ("strip.png", (1300, 420), "It is 3.1 times as wide as high; at most 2.5 is advised."),
    ],
)
def test_what_is_unwise_is_said_at_once_and_by_the_kernel_in_the_same_words(
    tray: BareStudio, name: str, size: tuple[int, int], words: str
) -> None:
    tray.page.evaluate(
        "() => { window.real = window.toKernel; window.toKernel = () => new Promise((go) => (window.go = go)); }"
    )
    choose(tray, (name, png(3, size)))
    note = tray.tiles.nth(0).locator(".hh-note-warning")
    expect(note).to_contain_text(words)
    said = note.inner_text()
    assert load_image(png(3, size), name=name).warnings[0].endswith(said[1:])


def test_an_image_that_is_too_small_says_so_at_once_and_by_the_kernel_in_the_same_words(
    tray: BareStudio,
) -> None:
    tray.page.evaluate(
        "() => { window.real = window.toKernel; window.toKernel = () => new Promise((go) => (window.go = go)); }"
    )
    choose(tray, ("tiny.png", png(3, (200, 300))))
    note = tray.tiles.nth(0).locator(".hh-note-error")
    expect(note).to_contain_text("Is too small (200 × 300 px): the shortest side must have more than 200 px")
    said = note.inner_text()
    with pytest.raises(InvalidImage) as caught:
        require_large("tiny.png", 200, 300)
    assert str(caught.value) == f"tiny.png i{said[1:]}"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("scan.pdf", b"%PDF-1.7\n", "A PDF file: use JPEG, PNG or WEBP."),
        ("dance.gif", b"GIF89a" + bytes(20), "A GIF file"),
        ("empty.png", b"", "The file is empty."),
        ("big.png", png(1) + bytes(10_000_000), re.compile(r"10\.\d MB: at most 10 MB")),
    ],
)
def test_files_that_are_no_reference_images_are_named_and_refused(
    tray: BareStudio, name: str, data: bytes, words: Any
) -> None:
    choose(tray, (name, data), ("good.png", png(2)))
    refused = tray.root.locator(".hh-tile-refused")
    expect(refused).to_contain_text(name)
    expect(refused).to_contain_text(words)
    ready(tray, 1)
    refused.get_by_role("button", name="Dismiss").click()
    expect(refused).to_have_count(0)


def test_where_there_is_no_room_to_take_a_removal_back_that_is_said_and_stays_possible(
    tray: BareStudio,
) -> None:
    tray.studio.references = [load_image(png(n), name=f"{n}.png") for n in range(9)]
    ready(tray, 9)
    tray.tiles.nth(8).get_by_role("button", name="Remove").click()
    choose(tray, ("ninth.png", png(40)))
    ready(tray, 9)
    undo(tray).click()
    assert "Nine images are the most" in tray.page.evaluate("() => window.said.at(-1)")
    expect(tray.root.locator(".hh-tray-done")).to_have_text("Nine images are the most: remove one first.")
    tray.tiles.nth(8).get_by_role("button", name="Remove").click()
    undo(tray).click()
    expect(tray.tiles.nth(8)).to_contain_text("ninth.png")
    expect(undo(tray)).to_be_visible()
