"""Parameters, models, presets, prices and the button in a real browser, on a real Studio."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import comm
import pytest
from playwright.sync_api import Page, expect

import happyhorse_widgets as hh
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.media.images import load_image
from tests.browser.bare import WholeStudio
from tests.browser.lab import wait_until
from tests.browser.studio import FOX
from tests.browser.test_tray import png
from tests.conftest import SandboxProcess, StartSandbox
from tests.scripted_server import KEY, SECRET, ScriptedServer
from tests.unit.comms import RecordingComm
from tests.unit.test_widgets_following import Strict
from tests.unit.test_widgets_tray import png as noise

COMPATIBLE = "model_sandbox-compatible-reference-to-video"
CLIP_LIMIT = 60_000


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1)


@pytest.fixture
def session(sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Session]:
    settings = hh.Settings(poll_interval=0.1, single_poll=0.1)
    keys = (sandbox.key, sandbox.secret)
    session = hh.connect(*keys, base_url=sandbox.base_url, home=tmp_path / "home", settings=settings)
    yield session
    session.close()


@pytest.fixture
def view(session: Session, page: Page, monkeypatch: pytest.MonkeyPatch) -> Iterator[WholeStudio]:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    studio = hh.Studio(session, references=[FOX], prompt="character1 waves", duration=3)
    view = WholeStudio(page, studio)
    expect(view.root.get_by_role("radio", name="16:9")).to_be_checked()
    yield view
    page.evaluate("() => window.endView()")
    studio.close()


def heard(view: WholeStudio, look: Callable[[], object], what: str) -> None:
    """Wait for something in the kernel, while the page's messages go through."""

    def pumped() -> object:
        view.page.evaluate("() => new Promise(requestAnimationFrame)")
        return look()

    wait_until(pumped, 30, what)


def test_what_scenario_says_shows_without_a_touch_and_its_help_is_for_everybody(view: WholeStudio) -> None:
    opener = view.root.get_by_role("button", name="About resolution")
    bubble = view.root.locator(".hh-resolution .hh-help")
    # The sandbox's own words, which the package does not have.
    expect(bubble).to_have_text("The size of the video.")
    expect(bubble).to_be_hidden()
    opener.hover()
    expect(bubble).to_be_visible()
    view.page.mouse.move(0, 0)
    expect(bubble).to_be_hidden()
    view.root.get_by_role("spinbutton", name="Seed").focus()
    view.page.keyboard.press("Shift+Tab")
    for _ in range(20):
        if opener.evaluate("(element) => element === document.activeElement"):
            break
        view.page.keyboard.press("Shift+Tab")
    expect(bubble).to_be_visible()
    view.page.keyboard.press("Escape")
    expect(bubble).to_be_hidden()
    group = view.root.get_by_role("radiogroup", name="Resolution")
    described = group.evaluate(
        "(element) => element.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id).textContent)"
    )
    assert described[0] == "The size of the video."


def test_a_retired_model_with_other_bounds_is_announced_and_left_by_one_click(view: WholeStudio) -> None:
    root = view.root
    view.studio.resolution = "1080P"  # somebody's choice, though it is the default
    root.get_by_role("combobox", name="Model").select_option("another")
    root.get_by_label("Id of another model").fill("model_nobody")
    root.get_by_role("button", name="Use it").click()
    expect(root.locator(".hh-model .hh-note-error")).to_contain_text("Scenario has no model model_nobody")
    root.get_by_label("Id of another model").fill(COMPATIBLE)
    root.get_by_label("Id of another model").press("Enter")
    expect(root.get_by_role("combobox", name="Model")).to_have_value(COMPATIBLE)
    expect(root.locator(".hh-retired")).to_contain_text("Happy Horse 1.1 replaces it")
    # What is not allowed any more is said, and stays as it was set.
    expect(root.locator(".hh-resolution .hh-note")).to_have_text("This model has no 1080P: choose 720P.")
    expect(root.get_by_role("radio", name="1080P")).to_be_checked()
    expect(root.locator(".hh-duration:visible .hh-note")).to_have_text(
        "This model has no 3 s: choose 4 or 8."
    )
    root.get_by_role("button", name="Generate").click()
    expect(root.locator(".hh-problems li")).to_have_count(2)
    assert len(view.studio.clips) == 0
    root.get_by_text("8 s", exact=True).click()
    heard(view, lambda: view.studio.duration == 8, "the length to be a number in the kernel")
    root.get_by_role("button", name="Switch to Happy Horse 1.1").click()
    expect(root.locator(".hh-retired")).to_be_hidden()
    expect(root.get_by_role("radio", name="21:9")).to_be_visible()
    expect(root.locator(".hh-resolution .hh-note")).to_be_hidden()


def test_what_nobody_set_follows_the_model_in_every_view_and_no_image_is_lost(
    session: Session, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    images = [load_image(png(n), name=f"{n}.png") for n in range(5)]
    studio = hh.Studio(session, references=images, prompt="character1 to character5")
    views = [WholeStudio(page, studio), WholeStudio(page.context.new_page(), studio)]
    root = views[0].root
    root.get_by_role("combobox", name="Model").select_option("another")
    root.get_by_label("Id of another model").fill(COMPATIBLE)
    root.get_by_role("button", name="Use it").click()
    for view in views:
        expect(view.root.get_by_role("combobox", name="Model")).to_have_value(COMPATIBLE)
        for name in ("720P", "4 s"):
            expect(view.root.get_by_role("radio", name=name)).to_be_checked()
        expect(view.root.locator(".hh-parameters .hh-note-error:visible")).to_have_count(0)
        expect(view.tiles.locator(".hh-note-error:visible")).to_have_count(1)
        expect(view.tiles.nth(4)).to_contain_text("This model takes 4 images at most")
    root.get_by_role("button", name="Generate").click()
    expect(root.locator(".hh-problems li")).to_have_text(
        "character5 cannot be used: This model takes 4 images at most: remove this one, or choose another model."
    )
    # At once, before the kernel has heard of it: nothing that was right is called wrong in between.
    shown = root.evaluate("""root => {
        const select = root.querySelector(".hh-model select");
        select.value = select.options[0].value;
        select.dispatchEvent(new Event("change", { bubbles: true }));
        return [".hh-resolution input:checked", ".hh-duration input[type=number]"].map((one) => root.querySelector(one).value);
    }""")
    assert shown == ["1080P", "5"]
    for view in views:
        expect(view.root.get_by_role("spinbutton", name="Duration")).to_have_value("5")
        expect(view.root.get_by_role("radio", name="1080P")).to_be_checked()
        expect(view.tiles.locator(".hh-note-error:visible")).to_have_count(0)
        expect(view.tiles).to_have_count(5)
    assert (studio.resolution, studio.duration, len(studio.references)) == ("1080P", 5, 5)
    for view in views:
        view.page.evaluate("() => window.endView()")
    views[1].page.close()
    studio.close()


def test_steps_and_sizes_are_the_models_and_what_is_half_typed_stays(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    scenario = Strict(b"")
    large = load_image(noise(300), name="large.png")
    with ScriptedServer(script=scenario) as server:
        scenario.base = server.url
        session = hh.connect(KEY, SECRET, base_url=f"{server.url}/v1", home=tmp_path / "home")
        studio = hh.Studio(session, references=[FOX, large], prompt="character1 meets character2")
        view = WholeStudio(page, studio)
        root, number = view.root, view.root.get_by_role("spinbutton", name="Duration")
        expect(number).to_have_value("10")
        expect(view.tiles.locator(".hh-note-error:visible")).to_have_text(
            re.compile(r"\d+ kB: this model takes at most 100 kB for each image")
        )
        number.fill("")
        root.get_by_role("combobox", name="Model").select_option(label="Happy Horse 1.1")
        heard(view, lambda: studio.model.endswith("1.1"), "the model")
        heard(view, lambda: "duration" not in studio._following, "what was half typed")
        note = root.locator(".hh-duration:visible .hh-note")
        expect(note).to_have_text("Type a whole number from 5 to 15 in steps of 5.")
        expect(number).to_have_value("")
        number.fill("7")
        expect(note).to_have_text("7 is not a whole number from 5 to 15 in steps of 5.")
        heard(view, lambda: studio.duration == 7, "the length")
        with pytest.raises(InvalidRequest, match="from 5 to 15 in steps of 5; 7 was given"):
            studio.generate()
        slider = root.get_by_role("slider", name="Duration")
        slider.press("Home")
        slider.press("ArrowRight")
        expect(number).to_have_value("10")
        expect(note).to_be_hidden()
        page.evaluate("() => window.endView()")
        studio.close()
        session.close()


def test_several_clips_of_one_press_are_priced_and_kept_within_the_budget(view: WholeStudio) -> None:
    root, studio = view.root, view.studio
    price = root.locator(".hh-price-text")
    expect(price).to_have_text(re.compile(r"≈ 30 CU simulated · about \d+ s"))
    for _ in range(2):
        root.get_by_role("button", name="One clip more").click()
    expect(price).to_contain_text("≈ 30 CU each, 90 CU simulated for 3")
    root.get_by_role("button", name="Generate 3", exact=True).click()
    expect(root.locator('.hh-card[data-phase="ready"]')).to_have_count(3, timeout=60_000)
    expect(root.locator(".hh-money")).to_have_text("90 CU simulated in this session")
    assert len({clip.request.seed for clip in studio.clips}) == 3
    studio.session.budget = 130
    root.get_by_role("spinbutton", name="Seed").fill("7")
    expect(root.locator(".hh-money")).to_contain_text("40 of 130 CU left")
    expect(root.locator(".hh-price .hh-note")).to_contain_text("More than the 40 CU that are left")
    root.get_by_role("button", name="Generate 3", exact=True).click()
    expect(root.locator(".hh-problems")).to_contain_text("These 3 clips cost about 90 creative units; 40 of")
    assert len(studio.clips) == 3


# What goes to the kernel waits until `release` is called.
HOLD = """() => {
    const real = window.toKernel;
    const released = new Promise((resolve) => (window.release = resolve));
    window.toKernel = (...given) => released.then(() => real(...given));
}"""
# Every state of the first card, and where each other one's box is in the list meanwhile.
WATCH = """async (list) => {
    for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame); // the list has settled
    const cards = () => [...list.querySelectorAll(".hh-card")];
    const others = cards().filter((card) => card.dataset.phase === "ready");
    window.seen = { phases: new Set(), boxes: new Set() };
    const look = () => {
        const { left, top } = list.getBoundingClientRect();
        const made = cards().find((card) => !others.includes(card));
        window.seen.phases.add(made?.querySelector(".hh-card-heading").textContent);
        const box = ({ x, y, width, height }) => [x - left, y - top, width, height].map(Math.round).join();
        window.seen.boxes.add(others.map((other) => box(other.getBoundingClientRect())).join(" "));
    };
    new MutationObserver(look).observe(list, { subtree: true, childList: true, attributes: true, characterData: true });
    look();
}"""


def test_no_other_card_moves_while_one_goes_from_preparing_to_ready(view: WholeStudio) -> None:
    view.page.set_viewport_size({"width": 1280, "height": 2600})  # all three are drawn
    ready = view.root.locator('.hh-card[data-phase="ready"]')
    generate = view.root.get_by_role("button", name="Generate", exact=True)
    for count in (1, 2):
        generate.click()
        expect(ready).to_have_count(count, timeout=CLIP_LIMIT)
    view.page.evaluate(HOLD)
    generate.click()
    expect(view.root.locator(".hh-card")).to_have_count(3)
    view.root.locator(".hh-clips-list").evaluate(WATCH)
    view.page.evaluate("() => window.release()")
    expect(ready).to_have_count(3, timeout=CLIP_LIMIT)
    expect(ready.first.locator("video")).to_have_attribute("poster", re.compile("^blob:"))
    seen = view.page.evaluate("() => ({ phases: [...window.seen.phases], boxes: [...window.seen.boxes] })")
    assert {"Preparing", "Ready"} <= set(seen["phases"])
    assert len(seen["boxes"]) == 1, seen


def test_clips_beyond_the_plan_are_shown_as_a_queue(
    page: Page, tmp_path: Path, start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    sandbox = start_sandbox(speed=2, scale=0.1, parallel=2)
    session = hh.connect(sandbox.key, sandbox.secret, base_url=sandbox.base_url, home=tmp_path / "home")
    studio = hh.Studio(session, references=[FOX], prompt="character1 waves", duration=3)
    view = WholeStudio(page, studio)
    queue = view.root.locator(".hh-queue")
    expect(queue).to_have_text("")
    for _ in range(5):
        view.root.get_by_role("button", name="Generate", exact=True).click()
    expect(queue).to_have_text(
        "2 running, 3 waiting for a place (the plan runs 2 at once)", timeout=CLIP_LIMIT
    )
    expect(view.root.locator('.hh-card[data-phase="busy"]').first).to_be_visible()
    expect(view.root.locator('.hh-card[data-phase="failed"], .hh-problems li')).to_have_count(0)
    page.evaluate("() => window.endView()")
    studio.close()
    session.close()


def test_the_next_seed_follows_each_press_however_quick(view: WholeStudio) -> None:
    root = view.root
    root.get_by_text("Next", exact=True).click()
    seed = root.get_by_role("spinbutton", name="Seed")
    seed.fill("40")
    generate = root.get_by_role("button", name="Generate", exact=True)
    generate.dblclick()
    expect(seed).to_have_value("42")
    heard(view, lambda: len(view.studio.clips) == 2, "both presses to arrive")
    assert sorted(clip.request.seed for clip in view.studio.clips) == [40, 41]
    root.get_by_text("Random", exact=True).click()
    expect(seed).to_have_value("")
    generate.click()
    heard(view, lambda: len(view.studio.clips) == 3, "the third press to arrive")
    drawn = view.studio.clips[0].request.seed
    root.get_by_role("button", name=f"Keep {drawn}").click()
    expect(seed).to_have_value(str(drawn))
    expect(root.get_by_role("radio", name="Fixed")).to_be_checked()
    seed.fill("")
    expect(root.get_by_role("radio", name="Random")).to_be_checked()


def test_a_preset_is_saved_loaded_taken_back_and_deleted_by_keyboard(view: WholeStudio) -> None:
    root, keys = view.root, view.page.keyboard
    root.get_by_text("9:16", exact=True).click()
    opener = root.get_by_role("button", name="Presets")
    opener.focus()
    keys.press("Enter")
    expect(root.locator(".hh-presets-panel")).to_contain_text("None yet")
    root.get_by_role("textbox", name="Name of the preset").focus()
    keys.type("<b>tall</b>")
    keys.press("Enter")
    entry = root.locator("button.hh-preset")
    expect(entry).to_have_text(re.compile(r"^<b>tall</b>\s*9:16"))
    root.get_by_text("1:1", exact=True).click()
    entry.focus()
    keys.press("Enter")
    expect(root.get_by_role("radio", name="9:16")).to_be_checked()
    expect(opener).to_be_focused()
    expect(root.locator(".hh-filled")).to_contain_text("The parameters of the preset “<b>tall</b>” were set.")
    root.locator(".hh-filled").get_by_role("button", name="Undo").press("Enter")
    expect(root.get_by_role("radio", name="1:1")).to_be_checked()
    expect(root.locator(".hh-filled")).to_contain_text("What was set up before is back.")
    root.locator(".hh-filled").get_by_role("button", name="Dismiss").press("Enter")
    expect(root.locator(".hh-filled")).to_be_hidden()
    # Rows are not drawn again while they stay the same: a key that is on its way to one would be lost.
    root.locator(".hh-presets-list").evaluate("""list => {
        window.drawn = 0;
        new MutationObserver((records) => { window.drawn += records.length; }).observe(list, { childList: true });
    }""")
    opener.press("Enter")
    root.get_by_role("button", name="Delete <b>tall</b>").press("Enter")
    expect(entry).to_have_count(0)
    assert view.page.evaluate("() => window.drawn") == 1
    keys.press("Escape")
    expect(root.locator(".hh-presets-panel")).to_be_hidden()


def test_a_preset_wins_over_an_edit_of_a_moment_before(view: WholeStudio) -> None:
    root = view.root
    root.get_by_text("9:16", exact=True).click()
    root.get_by_role("button", name="Presets").click()
    root.get_by_role("textbox", name="Name of the preset").fill("tall")
    root.get_by_role("button", name="Save these parameters").click()
    expect(root.locator("button.hh-preset")).to_be_visible()
    root.evaluate("""root => {
        root.querySelector("input[value='16:9']").click();
        root.querySelector("input[value='1:1']").click();
        root.querySelector("button.hh-preset").click();
    }""")
    expect(root.locator(".hh-filled")).to_contain_text("The parameters of the preset “tall” were set.")
    expect(root.get_by_role("radio", name="9:16")).to_be_checked()
    assert view.studio.aspect_ratio == "9:16"


def test_a_clip_is_reused_and_varied_from_its_card(view: WholeStudio) -> None:
    root, studio = view.root, view.studio
    root.get_by_role("button", name="Generate", exact=True).click()
    card = root.locator('.hh-card[data-phase="ready"]').last
    expect(card).to_be_visible(timeout=60_000)
    (parent,) = studio.clips
    studio.prompt, studio.duration = "another story", 9
    expect(root.get_by_role("spinbutton", name="Duration")).to_have_value("9")
    card.get_by_role("button", name="Vary seed").click()
    heard(view, lambda: len(studio.clips) == 2, "the variation to be made")
    assert (studio.clips[0].record.parent, studio.clips[0].record.relation) == (parent.id, "varied")
    assert studio.prompt == "another story"
    card.get_by_role("button", name="Reuse").click()
    expect(root.locator(".hh-filled")).to_contain_text(parent.id[-6:])
    expect(root.get_by_role("spinbutton", name="Duration")).to_have_value("3")
    expect(root.get_by_role("spinbutton", name="Seed")).to_have_value(str(parent.request.seed))
    root.get_by_text("1:1", exact=True).click()
    root.get_by_role("button", name="Generate", exact=True).dblclick()
    heard(view, lambda: len(studio.clips) == 4, "both presses to arrive")
    assert sorted(clip.record.parent or "" for clip in studio.clips[:2]) == ["", parent.id]
    expect(root.locator(".hh-filled")).to_be_hidden()


def test_the_code_of_what_is_set_up_is_shown(view: WholeStudio, sandbox: SandboxProcess) -> None:
    view.root.get_by_role("button", name="Copy as code").first.click()
    panel = view.root.locator(".hh-act-code")
    expect(panel).to_contain_text("'character1 waves'")
    panel.get_by_role("button", name="cURL").click()
    expect(panel).to_contain_text("curl --request POST")
    assert sandbox.secret not in panel.inner_text()
    view.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
