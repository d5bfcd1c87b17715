"""The one clock of a comparison in a real browser, where its clips are of different lengths, or come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.comparisons import begin, shower
from tests.browser.test_player import all_shown, settle
from tests.videos import write_video

#: Of each clip; fewer than 36, so that each frame has a brightness of its own.
LENGTHS = {"a": 20, "b": 34, "c": 24, "d": 34}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four clips without sound, the longest of which is not the first."""
    folder = tmp_path_factory.mktemp("lengths")
    for name, frames in LENGTHS.items():
        write_video(folder / f"{name}.mp4", frames=frames, audio=False, faststart=True)
    return folder


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A profile for each test."""
    context = browser.new_context(viewport={"width": 900, "height": 900})
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def compare(page: Page, videos: Path) -> Callable[..., Locator]:
    """Shows so many clips; gives the panel, with the focus on it."""
    return shower(page, videos)


def scrub(panel: Locator, frame: int) -> None:
    """Go to a frame by the scrubber, and leave the focus on the panel."""
    panel.get_by_role("slider", name="Position").fill(str(frame))
    settle(panel, frame)
    panel.focus()


def stands(panel: Locator, frame: int) -> None:
    """Wait until it has stopped at that frame."""
    expect(panel.get_by_role("button", name="Play", exact=True)).to_be_visible()
    settle(panel, frame)


# The frames that the clock goes through until it has come round twice.
ROUNDS = """() => new Promise((resolve) => {
    const text = document.querySelector(".hh-player-frame");
    const seen = [];
    let rounds = 0;
    new MutationObserver((_changes, observer) => {
        const frame = Number(text.textContent.slice(1));
        if (seen.length && frame < seen.at(-1)) rounds += 1;
        seen.push(frame);
        if (rounds < 2) return;
        observer.disconnect();
        resolve(seen);
    }).observe(text, { childList: true, characterData: true, subtree: true });
})"""


@pytest.mark.parametrize("later", [None, "B"], ids=["the second is longer", "the second begins later"])
def test_a_range_loops_whichever_clip_is_the_longest(
    compare: Callable[..., Locator], later: str | None
) -> None:
    panel = compare(2)
    page = panel.page
    if later:
        begin(panel, later, 4)
    scrub(panel, 10)
    page.keyboard.press("i")
    scrub(panel, 17)
    page.keyboard.press("o")
    page.keyboard.press("Space")
    assert min(page.evaluate(ROUNDS)) == 10
    page.keyboard.press("Space")
    expect(panel.get_by_role("button", name="Play", exact=True)).to_be_visible()


# Chromium often says that a video has ended which was sent to its last frame; it need not, and others do not.
STRICT = """() => {
    const { get } = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "ended");
    Object.defineProperty(HTMLMediaElement.prototype, "ended", {
        get() { return get.call(this) && this.currentTime >= this.duration - 0.01; },
    });
}"""


def test_who_stands_at_its_end_does_not_hold_up_the_others(compare: Callable[..., Locator]) -> None:
    panel = compare(2, before=STRICT)
    page = panel.page
    scrub(panel, 26)
    assert all_shown(panel) == [19, 26]
    page.keyboard.press("Space")
    stands(panel, 33)
    assert all_shown(panel) == [19, 33]


def test_going_to_the_end_while_it_plays_stops_or_begins_again(compare: Callable[..., Locator]) -> None:
    panel = compare(2)
    page = panel.page
    panel.get_by_role("combobox", name="Speed").select_option("0.25")  # so that it is not there by itself
    panel.focus()
    page.keyboard.press("Space")
    page.keyboard.press("End")
    stands(panel, 33)
    panel.get_by_role("button", name="Loop", exact=True).click()
    panel.focus()
    page.keyboard.press("Space")
    page.keyboard.press("End")
    page.wait_for_function(
        "() => { const at = document.querySelectorAll('video')[1].currentTime; return at > 0.1 && at < 1 }"
    )
    expect(panel.get_by_role("button", name="Pause")).to_be_visible()


def test_a_range_beyond_the_end_of_shorter_clips_waits_for_longer_ones(
    compare: Callable[..., Locator],
) -> None:
    panel = compare(4)
    page = panel.page
    clear = panel.get_by_role("button", name="Clear the range")
    scrub(panel, 28)
    page.keyboard.press("i")
    expect(clear).to_be_enabled()
    panel.get_by_role("radio", name="Side by side").check(force=True)
    panel.get_by_label("second").select_option("2")
    expect(clear).to_be_disabled()
    panel.focus()
    page.keyboard.press("Space")
    stands(panel, 23)
    page.keyboard.press("1")
    expect(clear).to_be_enabled()
    page.keyboard.press("2")
    panel.get_by_label("second").select_option("1")
    scrub(panel, 20)
    page.keyboard.press("i")
    panel.get_by_label("second").select_option("2")
    panel.focus()
    page.keyboard.press("Space")
    assert set(page.evaluate(ROUNDS)) <= {20, 21, 22, 23}, "as much of it as there is"


HEAR = """(facts) => window.hear({ kind: "clips-changed", clips: [{ ...window.states[1], ...facts }] })"""


def test_news_of_a_star_leaves_every_clip_where_it_is(compare: Callable[..., Locator]) -> None:
    panel = compare(2)
    page = panel.page
    scrub(panel, 12)
    asked = "() => window.asked.filter(({ kind }) => kind === 'clip-images').length"
    before = page.evaluate(asked)
    page.evaluate(HEAR, {"favorite": True})
    page.keyboard.press("ArrowRight")
    settle(panel, 13)
    assert all_shown(panel) == [13, 13]
    assert page.evaluate(asked) == before


def test_a_clip_that_is_deleted_leaves_and_comes_back_at_the_same_frame(
    compare: Callable[..., Locator],
) -> None:
    panel = compare(3)
    page = panel.page
    scrub(panel, 6)
    page.evaluate(HEAR, {"phase": "stopped", "heading": "Deleted", "video": None})
    expect(panel.get_by_role("figure", name="Clip B")).to_contain_text("Deleted")
    scrub(panel, 9)
    page.keyboard.press("Space")
    stands(panel, 23)  # now the longest
    at = page.evaluate("() => [...document.querySelectorAll('video')].map((video) => video.currentTime)")
    assert at[1] == pytest.approx(6.5 / 24, abs=1e-3), "it has been left alone"
    scrub(panel, 8)
    page.evaluate(HEAR, {})
    expect(panel.get_by_text("Deleted")).to_have_count(0)
    assert all_shown(panel) == [8, 8, 8]
