"""Clips on one clock in a real browser, without a Jupyter: how they are laid out, brought together in time, and saved."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

import happyhorse_widgets as hh
from happyhorse_widgets.widgets.card import card_state
from happyhorse_widgets.widgets.differing import differing
from tests.browser.audit import cramped, grave
from tests.browser.comparisons import begin, shower, sides
from tests.browser.test_front_end import jupyterlab_theme
from tests.browser.test_player import PLAYED, SITE, all_shown, settle
from tests.shelves import fill
from tests.videos import grey, write_video

FRAMES = 30
NAMES = ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four clips of 30 frames, the first two with sound."""
    folder = tmp_path_factory.mktemp("compared")
    for index, name in enumerate(NAMES):
        write_video(folder / f"{name}.mp4", frames=FRAMES, audio=index < 2, faststart=True)
    return folder


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A profile for each test: what one remembers, the next has not heard of."""
    context = browser.new_context(viewport={"width": 900, "height": 900})
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def compare(page: Page, videos: Path) -> Callable[..., Locator]:
    """Shows so many clips; gives the panel, with the focus on it."""
    return shower(page, videos)


def painted(place: Locator) -> np.ndarray:
    """What is really to be seen there: the brightness of each pixel, (height, width)."""
    return np.asarray(Image.open(io.BytesIO(place.screenshot())).convert("L"))


def test_a_grid_has_a_heading_for_each_level_and_says_nothing_twice(compare: Callable[..., Locator]) -> None:
    panel = compare(4, rows="prompt", columns="seed")
    assert panel.locator(".hh-together-heading").all_inner_texts() == ["seed 1", "seed 2", "calm", "wild"]
    boxes = {name: panel.get_by_role("figure", name=f"Clip {name}:").bounding_box() for name in "ABCD"}
    assert boxes["A"]["x"] == boxes["C"]["x"] < boxes["B"]["x"] == boxes["D"]["x"]
    assert boxes["A"]["y"] == boxes["B"]["y"] < boxes["C"]["y"] == boxes["D"]["y"]
    words = panel.locator("figure").nth(3).get_by_role("listitem")
    expect(words).to_have_text(["new"])
    expect(panel.get_by_role("figure", name="Clip D: wild, seed 2, new")).to_be_visible()

    panel.get_by_label("rows").select_option("model")
    panel.get_by_label("columns").select_option("prompt")
    assert panel.locator(".hh-together-heading").all_inner_texts() == ["calm", "wild", "old", "new"]
    assert sides(panel) == ["A", "B", "C", "D"]
    boxes = {name: panel.get_by_role("figure", name=f"Clip {name}:").bounding_box() for name in "ABCD"}
    assert boxes["A"]["x"] == boxes["B"]["x"] < boxes["C"]["x"] == boxes["D"]["x"]
    assert boxes["A"]["y"] == boxes["C"]["y"] < boxes["B"]["y"] < boxes["D"]["y"], "two in one cell"
    panel.get_by_label("rows").select_option("")
    panel.get_by_label("columns").select_option("")
    expect(panel.locator(".hh-together-heading")).to_have_count(0)
    expect(panel.locator("figure").first.get_by_role("listitem")).to_have_text(["calm", "seed 1", "old"])


def test_two_of_many_are_chosen_and_only_they_play(compare: Callable[..., Locator]) -> None:
    panel = compare(4, mode="side by side")
    page = panel.page
    assert sides(panel) == ["A", "B"]
    assert page.evaluate("() => [...document.querySelectorAll('video[src]')].length") == 2
    panel.get_by_label("second").select_option("3")
    assert sides(panel) == ["A", "D"]
    panel.get_by_label("first").select_option("3")
    assert sides(panel) == ["D", "A"], "they change places"
    panel.get_by_role("button", name="Swap the two").click()
    assert sides(panel) == ["A", "D"]
    panel.focus()
    page.keyboard.press("Space")
    page.wait_for_function(
        "() => [...document.querySelectorAll('video')].filter((video) => video.currentTime > 0.2).length === 2"
    )
    page.keyboard.press("1")
    assert sides(panel) == ["A", "B", "C", "D"]
    page.wait_for_function(
        "() => [...document.querySelectorAll('video')].every((video) => video.currentTime > 0.4)"
    )
    page.keyboard.press("k")
    assert len(set(all_shown(panel))) == 1, "the others have come to the same time"


def test_clips_that_begin_later_stay_so_far_ahead(compare: Callable[..., Locator]) -> None:
    panel = compare(2)
    page = panel.page
    begin(panel, "B", 7)
    assert all_shown(panel) == [0, 7]
    assert page.evaluate("() => document.querySelector('.hh-together-sides').dataset.mode") == "grid"
    page.keyboard.press("ArrowRight")
    settle(panel, 1)
    assert all_shown(panel) == [1, 8]
    begin(panel, "A", 4)
    assert all_shown(panel) == [5, 8], "the clock stays where it is"
    page.keyboard.press("End")
    assert all_shown(panel) == [29, 29]
    settle(panel, 25)
    page.keyboard.press("Home")
    assert all_shown(panel) == [4, 7]
    page.keyboard.press("Space")
    apart = [two - one for one, two in page.evaluate(PLAYED, 24)]
    assert sorted(abs(each - 3) for each in apart)[len(apart) * 8 // 10] <= 1, apart
    page.keyboard.press("Space")
    one, two = all_shown(panel)
    assert two - one == 3
    panel.get_by_role("button", name="Align").click()
    expect(panel.get_by_role("spinbutton", name="A begins at frame")).to_be_visible()


def test_a_line_wipes_between_two_clips(compare: Callable[..., Locator]) -> None:
    panel = compare(2, mode="wipe")
    page = panel.page
    begin(panel, "B", 20)
    assert all_shown(panel) == [0, 20]
    picture = panel.locator(".hh-together-over")

    def brightness(share: float) -> float:
        pixels = painted(picture)
        at = round(share * pixels.shape[1])
        return float(np.median(pixels[20:60, at - 3 : at + 3]))

    assert [brightness(0.1), brightness(0.4)] == [pytest.approx(grey(0), abs=4)] * 2
    assert [brightness(0.6), brightness(0.9)] == [pytest.approx(grey(20), abs=4)] * 2
    line = panel.get_by_role("slider", name="Dividing line")
    box = picture.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 120, steps=3)
    page.mouse.up()
    expect(line).to_have_attribute("aria-valuenow", "25")
    assert brightness(0.4) == pytest.approx(grey(20), abs=4)
    line.press("ArrowLeft")
    expect(line).to_have_attribute("aria-valuenow", "24")
    assert all_shown(panel) == [0, 20], "the key was the line's"
    line.press("End")
    assert brightness(0.9) == pytest.approx(grey(0), abs=4)
    line.press("Home")
    line.press("Shift+ArrowRight")
    expect(line).to_have_attribute("aria-valuenow", "10")
    page.keyboard.press("2")
    expect(line).to_be_hidden()


def test_two_clips_take_turns_in_one_place(compare: Callable[..., Locator]) -> None:
    panel = compare(2)
    page = panel.page
    begin(panel, "B", 20)
    page.keyboard.press("4")
    expect(panel.get_by_role("radio", name="Flicker")).to_be_checked()
    picture = panel.locator("figure").first.locator(".hh-together-picture")

    def brightness() -> float:
        return float(np.median(painted(picture)[20:60, 20:60]))

    assert brightness() == pytest.approx(grey(0), abs=4)
    page.keyboard.press("x")
    expect(panel.locator(".hh-player-said")).to_have_text("Clip B")
    assert brightness() == pytest.approx(grey(20), abs=4)
    page.keyboard.press("x")
    assert brightness() == pytest.approx(grey(0), abs=4)
    panel.get_by_label("change").select_option("0.5")
    turn = "(name) => document.querySelector('figure[data-turn] .hh-together-letter').textContent === name"
    for name in ("B", "A", "B"):
        page.wait_for_function(turn, arg=name)
    seconds = [
        float(each.get_attribute("value") or 0)
        for each in panel.get_by_label("change").locator("option").all()
    ]
    assert min(each for each in seconds if each) > 1 / 3, "it never flashes more than three times a second"


HEARD = """() => {
    const [[video], [audio]] = ["video", "audio"].map((name) => document.querySelectorAll(name));
    return !audio.paused && audio.currentTime > 0.2 && Math.abs(audio.currentTime - video.currentTime) < 0.15;
}"""


# The speed of every player at once after it was chosen, before any is slowed down to keep with the others.
FASTER = """(select, speed) => {
    select.value = speed;
    select.dispatchEvent(new Event("change"));
    return [...document.querySelectorAll("video")].map((video) => video.playbackRate);
}"""


def test_one_clip_is_heard_and_its_sound_follows_its_picture(compare: Callable[..., Locator]) -> None:
    panel = compare(2)
    page = panel.page
    panel.get_by_role("combobox", name="Speed").select_option("0.25")  # so that there is time to look
    panel.focus()
    page.keyboard.press("Space")
    page.wait_for_function(HEARD)
    quiet = "() => [...document.querySelectorAll('video')].map((video) => video.webkitAudioDecodedByteCount)"
    assert page.evaluate(quiet) == [0, 0], "players without sound keep one time"
    sounds = "() => [...document.querySelectorAll('audio')].map((audio) => !audio.paused)"
    assert page.evaluate(sounds) == [True, False]
    speed = panel.get_by_role("combobox", name="Speed")
    assert speed.evaluate(FASTER, "0.5") == [0.5, 0.5], "all players go at that speed"
    speed.evaluate(FASTER, "0.25")
    panel.get_by_role("button", name="Hear B").click()
    page.wait_for_function(f"() => String(({sounds})()) === 'false,true'")
    page.keyboard.press("m")
    page.wait_for_function(f"() => String(({sounds})()) === 'false,false'")
    assert page.evaluate("() => [...document.querySelectorAll('video')].every((video) => video.muted)")
    odd = """async (site) => {
        const { silenced } = await import(`${site}shared/silence.js`);
        const url = URL.createObjectURL(new Blob(["no video at all, and long enough"]));
        return (await silenced(url, new AbortController().signal)) === url;
    }"""
    assert page.evaluate(odd, SITE), "what cannot be read plays as it is"


def test_page_and_kernel_tell_clips_apart_in_the_same_words(
    compare: Callable[..., Locator], tmp_path: Path
) -> None:
    page = compare(2).page
    fill(tmp_path / "home", 8)
    session = hh.connect(sandbox=True, home=tmp_path / "home")
    told = """async ([site, states]) => (await import(`${site}shared/differing.js`)).differing(states)"""
    for some in ((0, 5), (1, 3, 6), range(8)):
        clips = [session.clips[number] for number in some]
        words = page.evaluate(told, [SITE, [card_state(clip) for clip in clips]])
        assert [set(each.values()) for each in differing(clips)] == [set(each) for each in words]
    session.close()


UNFINISHED = """() => {
    window.kernel = { "compare-open": () => {
        window.late = structuredClone(window.states[1]);
        Object.assign(window.states[1], { phase: "busy", heading: "Generating", video: null });
        return [{ states: window.states, levels: [{ seed: "seed 1" }, { seed: "seed 2" }], rows: "", columns: "" }];
    } };
}"""


def test_what_is_not_finished_joins_in_when_it_is(compare: Callable[..., Locator]) -> None:
    panel = compare(2, before=UNFINISHED)
    page = panel.page
    expect(panel.get_by_role("figure", name="Clip B: seed 2")).to_contain_text("Generating")
    page.keyboard.press("ArrowRight")
    settle(panel, 1)
    news = "(phase) => window.hear({ kind: 'clips-changed', clips: [{ ...window.late, ...phase }] })"
    page.evaluate(news, {"phase": "failed", "heading": "Failed", "video": None})
    expect(panel.get_by_role("figure", name="Clip B: seed 2")).to_contain_text("Failed")
    page.evaluate(news, {})
    page.wait_for_function("() => document.querySelectorAll('video[src]').length === 2")
    expect(panel.get_by_text("Failed")).to_have_count(0)
    assert all_shown(panel) == [1, 1]


def test_the_kernel_and_the_page_change_the_mode(compare: Callable[..., Locator]) -> None:
    panel = compare(2)
    for mode in ("wipe", "flicker", "side by side", "grid"):
        panel.page.evaluate("(mode) => window.set('mode', mode)", mode)
        expect(panel.get_by_role("radio", name=mode)).to_be_checked()
    panel.get_by_role("radio", name="Grid").press("ArrowRight")
    expect(panel.get_by_role("radio", name="Side by side")).to_be_checked()
    assert all_shown(panel) == [0, 0], "the key was not the players'"
    sent = panel.page.evaluate("() => window.asked.map(({ kind }) => kind)")
    assert set(sent) <= {"hello", "compare-open", "clip-images"}
    panel.page.evaluate("() => window.close()")
    expect(panel).to_have_count(0)
    assert panel.page.evaluate("() => window.listeners.length") == 0


EXPORT = """(bytes) => {
    const whole = new Uint8Array(bytes).buffer;
    let left = 1;
    const file = { name: "comparison-1.jpg", served: null, size: bytes.length, type: "image/jpeg" };
    window.kernel["compare-export"] = ({ way }) => (way === "strip" ? [left-- ? { progress: 0.4 } : { file }] : undefined);
    window.kernel["compare-chunk"] = ({ offset, length }) => [{}, [new DataView(whole, offset, length)]];
}"""


def test_what_is_shown_is_what_is_saved(compare: Callable[..., Locator]) -> None:
    panel = compare(4, rows="prompt", columns="seed")
    page = panel.page
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "JPEG")
    page.evaluate(EXPORT, list(out.getvalue()))
    begin(panel, "C", 5)
    with page.expect_download() as download:
        panel.get_by_role("button", name="Frame strip").click()
    assert download.value.suggested_filename == "comparison-1.jpg"
    assert Path(download.value.path()).read_bytes() == out.getvalue()
    asked = page.evaluate("() => window.asked.filter(({ kind }) => kind === 'compare-export')")
    assert len(asked) == 2
    assert {name: asked[0][name] for name in ("way", "clips", "begins", "columns")} == {
        "way": "strip",
        "clips": ["a", "b", "c", "d"],
        "begins": [0, 0, 5, 0],
        "columns": 2,
    }
    assert asked[0]["labels"][3] == "D · wild · seed 2 · new"
    expect(panel.locator(".hh-together-progress")).to_have_text("Saved")
    page.keyboard.press("Escape")
    panel.get_by_role("radio", name="Wipe").check(force=True)
    panel.get_by_role("button", name="Video").click()
    expect(panel.locator(".hh-together-progress")).to_have_text("No such thing.")
    last = page.evaluate("() => window.asked.findLast(({ kind }) => kind === 'compare-export')")
    assert (last["clips"], last["columns"]) == (["a", "b"], 2)
    expect(panel.get_by_role("button", name="Video")).to_be_enabled()


def test_a_video_of_a_table_with_a_gap_claims_no_columns(compare: Callable[..., Locator]) -> None:
    panel = compare(4, rows="prompt", columns="seed")
    page = panel.page

    exports = "() => window.asked.filter(({ kind }) => kind === 'compare-export')"

    def asked() -> tuple[list[str], int | None]:
        before = len(page.evaluate(exports))
        panel.get_by_role("button", name="Video").click()
        page.wait_for_function(f"(before) => ({exports})().length > before", arg=before)
        last = page.evaluate(exports)[-1]
        return last["clips"], last["columns"]

    assert asked() == (["a", "b", "c", "d"], 2)
    panel.get_by_label("rows").select_option("model")
    assert asked() == (["a", "c", "b", "d"], None), "two in one cell"
    panel.get_by_label("rows").select_option("prompt")
    gone = {"phase": "busy", "heading": "Generating", "video": None}
    page.evaluate(
        "(gone) => window.hear({ kind: 'clips-changed', clips: [{ ...window.states[1], ...gone }] })", gone
    )
    assert asked() == (["a", "c", "d"], None), "c would stand below seed 2"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_it_at_every_width(compare: Callable[..., Locator], dark: bool) -> None:
    panel = compare(4, rows="prompt", columns="seed")
    page = panel.page
    page.add_style_tag(content=jupyterlab_theme(dark))
    page.evaluate("(light) => { document.body.dataset.jpThemeLight = light }", "false" if dark else "true")
    panel.get_by_role("button", name="Align").click()
    for mode in ("1", "2", "3", "4"):
        panel.focus()
        page.keyboard.press(mode)
        assert grave(page, ".hh-root") == []
        assert cramped(page.locator(".hh-root"), (360, 760, 1280)) == []
