"""The player, the comparison and the moving posters in a real browser, without a Jupyter: with real videos, whose frames tell
their number by their brightness."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from happyhorse_widgets.media.frames import without_sound
from happyhorse_widgets.media.webm import to_webm
from happyhorse_widgets.widgets import assets
from tests.browser.bare import serve_script
from tests.browser.lab import wait_until
from tests.videos import RATE, grey, index_of, write_video

SITE = "https://widgets.test/"  # never reached: a secure page, so that it has a clipboard
SERVED = '{"baseUrl": "/"}'
FRAMES = 30
SHEETS = ("controls", "player", "stage", "together", "hover", "card")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: a and b of 30 frames with sound, short of 20 without, new.* in HEVC, odd.mp4 with a sound that is not AAC."""
    folder = tmp_path_factory.mktemp("videos")
    for name, frames in (("a", FRAMES), ("b", FRAMES), ("short", 20)):
        write_video(folder / f"{name}.mp4", frames=frames, audio=name != "short", faststart=True)
    write_other(folder / "new.mp4", "libx265", "aac")
    write_other(folder / "odd.mp4", "libx264", "ac3", frames=72)
    without_sound(folder / "new.mp4", folder / "new.silent.mp4")
    without_sound(folder / "a.mp4", folder / "a.silent.mp4")
    to_webm(folder / "a.mp4", folder / "a.webm")
    return folder


def write_other(path: Path, picture: str, sound: str, frames: int = FRAMES) -> None:
    """A video in other codecs than the model's; nothing can be told from its frames."""
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        video = container.add_stream(picture, rate=RATE, options={"preset": "ultrafast"})
        audio = container.add_stream(sound, rate=48_000, layout="stereo")
        assert isinstance(video, av.VideoStream) and isinstance(audio, av.AudioStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for index in range(frames):
            shade = np.full((48, 64, 3), grey(index), dtype=np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
            silence = av.AudioFrame.from_ndarray(
                np.zeros((2, 2000), np.float32), format="fltp", layout="stereo"
            )
            silence.sample_rate, silence.pts = 48_000, index * 2000
            container.mux(audio.encode(silence))
        container.mux(video.encode())
        container.mux(audio.encode())


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A profile for each test: what one remembers, the next has not heard of."""
    context = browser.new_context(viewport={"width": 700, "height": 700})
    context.set_default_timeout(10_000)
    yield context
    context.close()


# What every script below can use: `player(name, sizes)` puts one on the page; `kernel` answers the versions.
STAND = """
const { createStage } = await import(`${site}shared/stage.js`);
const { createPlayer } = await import(`${site}shared/player.js`);
const { suppressShortcuts } = await import(`${site}shared/keys.js`);
window.said = [];
window.asked = [];
window.kernel = {};
window.view = new AbortController();
const signal = window.view.signal;
const rpc = {
    now: () => 0,
    onLost() {},
    async request(kind, content) {
        window.asked.push([kind, content.version ?? ""]);
        const answer = window.kernel[`${kind} ${content.version ?? ""}`.trim()];
        if (!answer) throw new Error(`No answer to ${kind}`);
        return await answer(content);
    },
};
window.rpc = rpc;
window.state = (name, facts = {}, more = {}) => ({
    id: name, phase: "ready", heading: "Ready", note: "", ratio: "4:3", started: 0, ended: 1, expected: null, progress: null,
    detached: false, prompt: "p", references: ["fox.png"], parameters: ["5 s"], ...more,
    video: {
        served: `${name}.mp4`, size: window.sizes[`${name}.mp4`], name: `clip-${name}.mp4`, rate: 24, frames: 30, sound: true,
        ...facts,
    },
});
window.root = document.body.appendChild(document.createElement("div"));
window.root.className = "hh-root";
suppressShortcuts(window.root, signal);
window.player = (name, facts, own = signal) => {
    const card = document.createElement("article");
    card.className = "hh-card";
    card.dataset.phase = "ready";
    const stage = createStage({ rpc, signal: own });
    const made = createPlayer({ rpc, signal: own, stage: stage.el, say: (text) => window.said.push(text) });
    stage.el.style.inlineSize = "640px"; // wide enough for every control
    card.append(stage.el, ...made.actions);
    window.root.append(card);
    const state = window.state(name, facts);
    stage.update(state);
    made.update(state);
    return made;
};
window.shows = (video) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    canvas.drawImage(video, 0, 0, 1, 1);
    return Math.round((canvas.getImageData(0, 0, 1, 1).data[0] - 20) / 6);
};
"""

THERE = """(player) => {
    const there = (video) => video.src && !video.seeking && video.readyState > 1;
    return [...player.querySelectorAll("video")].every(there);
}"""
PAINTED = "() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"


@pytest.fixture
def stand(page: Page, videos: Path) -> Callable[[], Page]:
    """Opens a page that has the videos on its server, and `player`, `state`, `kernel` in its scripts."""

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix(SITE).partition("?")[0]
        file = videos / path.removeprefix("files/")
        if path.startswith("files/") and file.is_file():
            serve_range(route, file)
        elif not serve_script(route, path):
            config = f'<script id="jupyter-config-data" type="application/json">{SERVED}</script>'
            route.fulfill(
                body=f'<!doctype html><html lang="en"><title>t</title>{config}', content_type="text/html"
            )

    def open_page() -> Page:
        page.goto(SITE)
        sheets = [(assets.STATIC / "shared" / f"{name}.css").read_text() for name in SHEETS]
        page.add_style_tag(content="\n".join([(assets.STATIC / "theme.css").read_text(), *sheets]))
        sizes = {path.name: path.stat().st_size for path in videos.iterdir()}
        page.evaluate(f"async ([site, sizes]) => {{ window.sizes = sizes; {STAND} }}", [SITE, sizes])
        return page

    page.route(f"{SITE}**", serve)
    return open_page


def serve_range(route: Route, file: Path) -> None:
    """As Jupyter's server does it."""
    data = file.read_bytes()
    kind = "video/webm" if file.suffix == ".webm" else "video/mp4"
    first, _, last = route.request.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")
    end = min(int(last or len(data) - 1), len(data) - 1)
    headers = {
        "Content-Type": kind,
        "Accept-Ranges": "bytes",
        "Content-Range": f"bytes {first}-{end}/{len(data)}",
    }
    route.fulfill(status=206, body=data[int(first) : end + 1], headers=headers)


@pytest.fixture
def one(stand: Callable[[], Page]) -> Locator:
    """A player of the clip a, with its first frame on the screen and the focus on it."""
    player = added(stand())
    player.page.wait_for_function("() => document.querySelector('video').readyState > 1")
    return player


def added(page: Page, name: str = "a", facts: dict[str, Any] | None = None) -> Locator:
    page.evaluate("([name, facts]) => { window.made = window.player(name, facts) }", [name, facts or {}])
    players = page.get_by_role("group", name="Player")
    player = players.nth(players.count() - 1)
    player.focus()
    return player


def shown(player: Locator) -> int:
    """The number of the frame that is really on the screen, from its pixels."""
    return all_shown(player)[0]


def all_shown(player: Locator) -> list[int]:
    """The numbers of the frames of all its videos."""
    for _ in range(2):  # where one seek ends, another may begin
        player.page.wait_for_function(THERE, arg=player.element_handle())
        player.page.evaluate(PAINTED)
    frames: list[int] = player.evaluate("(player) => [...player.querySelectorAll('video')].map(window.shows)")
    return frames


def settle(player: Locator, frame: int) -> None:
    """Wait until the bar says that it is at the frame."""
    expect(player.locator(".hh-player-frame")).to_have_text(f"f{frame}")


def test_each_key_shows_exactly_its_frame(one: Locator) -> None:
    keys = one.page.keyboard
    steps = [
        ("ArrowRight", 1),
        (".", 2),
        ("ArrowRight", 3),
        ("ArrowLeft", 2),
        (",", 1),
        ("End", 29),
        ("ArrowRight", 29),
    ]
    for key, frame in [*steps, ("ArrowLeft", 28), ("Home", 0), ("ArrowLeft", 0)]:
        keys.press(key)
        settle(one, frame)
        assert shown(one) == frame, key
    for frame in range(1, FRAMES):
        keys.press("ArrowRight")
        settle(one, frame)
        assert (shown(one), one.page.evaluate("() => Math.floor(window.made.time() * 24)")) == (frame, frame)


def test_the_scrubber_goes_to_frames_and_says_where_it_is(one: Locator) -> None:
    scrubber = one.get_by_role("slider", name="Position")
    scrubber.fill("17")
    assert shown(one) == 17
    expect(scrubber).to_have_attribute("aria-valuetext", "0:00.70 of 0:01.25, frame 17")
    scrubber.press("ArrowLeft")
    assert shown(one) == 16


def test_playing_pausing_and_going_backwards(one: Locator) -> None:
    keys, video = one.page.keyboard, one.locator("video")
    loop = one.get_by_role("button", name="Loop", exact=True)
    loop.click()  # so that it still plays when the next key comes
    one.focus()
    keys.press("Space")
    expect(one.get_by_role("button", name="Pause")).to_be_visible()
    one.page.wait_for_function("(video) => video.currentTime > 0.5", arg=video.element_handle())
    keys.press("k")
    assert video.evaluate("(video) => video.paused")
    settle(one, shown(one))
    loop.click()
    keys.press("j")
    settle(one, 0)
    expect(one.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert shown(one) == 0
    loop.click()
    keys.press("l")
    keys.press("l")
    expect(one.get_by_role("status")).to_have_text("2×")
    assert video.evaluate("(video) => video.playbackRate") == 2
    keys.press("Shift+<")
    expect(one.get_by_role("combobox", name="Speed")).to_have_value("0.75")
    assert video.evaluate("(video) => video.playbackRate") == 1.5


# Bytes of the kernel that come when `arrive` is called.
LATE = """(bytes) => {
    const whole = new Uint8Array(bytes).buffer;
    const there = new Promise((resolve) => (window.arrive = resolve));
    window.kernel["clip-chunk original"] = async ({ offset, length }) => {
        await there;
        return { content: {}, buffers: [new DataView(whole, offset, length)] };
    };
}"""
FIFTY = """(video) => new Promise((resolve) => {
    const seen = [];
    const look = (now, { mediaTime }) => {
        seen.push(Math.round(mediaTime * 24));
        if (seen.length < 50) video.requestVideoFrameCallback(look);
        else resolve(seen);
    };
    video.requestVideoFrameCallback(look);
    video.addEventListener("pause", () => resolve(seen));
})"""


def test_a_range_loops_until_it_is_cleared(one: Locator) -> None:
    keys, video = one.page.keyboard, one.locator("video")
    one.get_by_role("slider", name="Position").fill("8")
    one.focus()
    keys.press("i")
    one.get_by_role("slider", name="Position").fill("14")
    one.focus()
    keys.press("o")
    expect(one.get_by_role("status")).to_have_text("Frames 8 to 14 loop")
    one.get_by_role("combobox", name="Speed").select_option("0.5")  # a busy machine sees the last frame late
    one.focus()
    keys.press("Space")
    seen = video.evaluate(FIFTY)
    assert min(seen) >= 8
    assert sorted(seen)[44] <= 15, "a frame or two more are on their way when the last one shows"
    assert seen.count(9) + seen.count(10) > 2, "it came round more than once"
    keys.press("Escape")
    expect(one.get_by_role("button", name="Clear the range")).to_be_disabled()
    expect(one.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert shown(one) == 29, "without a range it plays to the end"


def test_keys_are_the_players_only_while_it_has_the_focus(one: Locator) -> None:
    page = one.page
    page.evaluate("""() => {
        window.outside = [];
        document.addEventListener("keydown", ({ key }) => window.outside.push(key));
        document.body.prepend(Object.assign(document.createElement("input"), { id: "other" }));
    }""")
    for key in ("Space", "k", "i", "ArrowRight", "o", "Escape", "m", "Home", "ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate("() => window.outside") == []
    assert one.get_attribute("data-lm-suppress-shortcuts") == "true"
    settle(one, 1)
    page.keyboard.press("Control+k")
    page.keyboard.press("x")
    page.locator("#other").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => window.outside") == ["Control", "k", "x", "ArrowRight"]
    assert shown(one) == 1
    one.get_by_role("button", name="Copy this frame").focus()
    page.keyboard.press("ArrowRight")
    settle(one, 2)


def test_volume_and_mute_are_remembered(stand: Callable[[], Page]) -> None:
    player = added(stand())
    player.get_by_role("slider", name="Volume").fill("0.4")
    player.page.keyboard.press("m")
    again = added(stand())
    expect(again.get_by_role("button", name="Unmute")).to_be_visible()
    again.page.keyboard.press("m")
    state = again.locator("video").evaluate("(video) => [video.muted, video.volume]")
    assert state == [False, 0.4]


def test_sound_works_where_nothing_may_be_stored(stand: Callable[[], Page]) -> None:
    page = stand()
    page.evaluate(
        """() => Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } })"""
    )
    player = added(page)
    page.keyboard.press("m")
    expect(player.get_by_role("button", name="Unmute")).to_be_visible()
    page.keyboard.press("Space")
    assert player.locator("video").evaluate("(video) => video.muted")


def test_one_player_is_heard_at_a_time(stand: Callable[[], Page]) -> None:
    page = stand()
    page.evaluate("() => { window.player('a'); window.player('b') }")
    first, second = page.get_by_role("group", name="Player").all()
    for player in (first, second):
        player.get_by_role("button", name="Loop", exact=True).click()
        player.get_by_role("button", name="Play", exact=True).click()
        expect(player.get_by_role("button", name="Pause")).to_be_visible()
        page.wait_for_function("(video) => !video.paused", arg=player.locator("video").element_handle())
    expect(first.get_by_role("button", name="Unmute")).to_be_visible()
    state = "(video) => [video.muted, video.paused]"
    assert first.locator("video").evaluate(state) == [True, False]
    assert second.locator("video").evaluate(state) == [False, False]
    first.get_by_role("button", name="Unmute").click()
    assert second.locator("video").evaluate(state) == [True, False]


def test_a_player_whose_file_is_on_its_way_is_not_heard_beside_another(
    stand: Callable[[], Page], videos: Path
) -> None:
    page = stand()
    page.evaluate(LATE, list((videos / "b.mp4").read_bytes()))
    first = added(page, "b", {"served": None})
    first.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => window.asked.length > 0")
    added(page).get_by_role("button", name="Play", exact=True).click()
    expect(first.get_by_role("button", name="Unmute")).to_be_visible()
    page.evaluate("() => window.arrive()")
    page.wait_for_function("() => document.querySelector('video').currentTime > 0.3")
    assert first.locator("video").evaluate("(video) => video.muted")


def test_a_file_that_is_found_when_its_player_is_far_away_stays_closed(
    stand: Callable[[], Page], videos: Path
) -> None:
    page = stand()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(f"{SITE}files/b.mp4", hold)
    page.evaluate("() => { window.player('b'); for (let n = 0; n < 9; n += 1) window.player('a') }")
    wait_until(lambda: page.evaluate("1") and held, 10, "the page to ask for the file")
    page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function("() => [...document.querySelectorAll('video')].at(-1).hasAttribute('src')")
    page.unroute(f"{SITE}files/b.mp4")
    with page.expect_response(lambda response: response.url.endswith("b.mp4")):
        for route in held:
            serve_range(route, videos / "b.mp4")
    page.evaluate(PAINTED)
    assert not page.locator("video").first.get_attribute("src")
    page.evaluate("() => window.scrollTo(0, 0)")
    expect(page.locator("video").first).to_have_attribute("src", re.compile("b.mp4"))


def test_a_hundred_players_hold_a_few_files_and_find_their_place_again(stand: Callable[[], Page]) -> None:
    page = stand()
    first = added(page)
    first.get_by_role("slider", name="Position").fill("12")
    assert shown(first) == 12
    page.evaluate("() => { for (let n = 1; n < 100; n += 1) window.player('b') }")
    held = "() => [...document.querySelectorAll('video')].map((video) => video.hasAttribute('src'))"
    page.wait_for_function(f"() => ({held})().slice(0, 2).every(Boolean)")
    page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(f"() => ({held})().at(-1) && !({held})()[0]")
    assert sum(page.evaluate(held)) <= 12
    page.evaluate("() => window.scrollTo(0, 0)")
    page.wait_for_function(f"() => ({held})()[0]")
    assert shown(first) == 12
    page.evaluate("() => window.view.abort()")
    assert sum(page.evaluate(held)) == 0


def test_full_screen_and_back(one: Locator) -> None:
    whole = "(player) => document.fullscreenElement === player"
    one.page.keyboard.press("f")
    expect(one.get_by_role("button", name="Leave full screen")).to_be_visible()
    assert one.evaluate(whole)
    one.page.wait_for_function(
        "(picture) => picture.getBoundingClientRect().height === window.innerHeight",
        arg=one.locator(".hh-player-picture").element_handle(),
    )
    one.page.keyboard.press("f")
    expect(one.get_by_role("button", name="Full screen", exact=True)).to_be_visible()
    assert not one.evaluate(whole)


def test_the_frame_goes_to_the_clipboard(one: Locator) -> None:
    one.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=SITE)
    one.get_by_role("slider", name="Position").fill("21")
    one.get_by_role("button", name="Copy this frame").click()
    expect(one.get_by_role("status")).to_have_text("Frame 21 copied")
    read = """async () => {
        const [item] = await navigator.clipboard.read();
        return [...new Uint8Array(await (await item.getType("image/png")).arrayBuffer())];
    }"""
    image = Image.open(io.BytesIO(bytes(one.page.evaluate(read))))
    assert (image.format, image.size, index_of(image)) == ("PNG", (64, 48), 21)


def test_the_frame_is_saved_where_there_is_no_clipboard(one: Locator) -> None:
    one.page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    one.get_by_role("slider", name="Position").fill("5")
    with one.page.expect_download() as download:
        one.get_by_role("button", name="Copy this frame").click()
    assert download.value.suggested_filename == "clip-a-f5.png"
    assert index_of(Image.open(download.value.path())) == 5
    expect(one.get_by_role("status")).to_contain_text("clipboard is not allowed")


@pytest.mark.parametrize("width", [240, 300, 420, 640])
def test_every_control_is_within_reach(one: Locator, width: int) -> None:
    one.page.set_viewport_size({"width": width + 20, "height": 700})
    one.page.evaluate(
        "(width) => { document.querySelector('.hh-stage').style.inlineSize = `${width}px` }", width
    )
    one.page.evaluate(PAINTED)  # the controls have found their places
    before = one.bounding_box()
    more = one.get_by_role("button", name="More controls")
    if width < 620:
        more.click()
        expect(more).to_have_attribute("aria-expanded", "true")
    else:
        expect(more).to_be_hidden()
    names = [
        "Play",
        "One frame back",
        "One frame on",
        "Loop",
        "Loop from this frame",
        "Loop to this frame",
        "Copy this frame",
    ]
    controls = [one.get_by_role("button", name=name, exact=True) for name in [*names, "Mute", "Full screen"]]
    controls += [one.get_by_role("combobox", name="Speed"), one.get_by_role("slider", name="Volume")]
    assert before is not None
    for control in controls:
        expect(control).to_be_visible()
        box = control.bounding_box()
        assert (
            box is not None
            and box["x"] >= before["x"] - 1
            and box["x"] + box["width"] <= before["x"] + width + 1
        )
    assert one.bounding_box() == before, "nothing moved"
    if width < 620:
        one.page.keyboard.press("Escape")
        expect(one.get_by_role("combobox", name="Speed")).to_be_hidden() if width < 360 else None
        expect(more).to_be_focused()


# This Chromium lacks HEVC and AC-3, which stand here for what others lack: H.264 and AAC.
VERSION = """([version, path, steps]) => {
    const type = path.endsWith(".webm") ? "video/webm" : "video/mp4";
    window.kernel[`clip-version ${version}`] = () => {
        if (steps-- > 0) return { content: { progress: 0.5 } };
        return { content: { file: { served: path, size: window.sizes[path], type } } };
    };
}"""


CHUNKS = """(bytes) => {
    const whole = new Uint8Array(bytes).buffer;
    const part = (offset, length) => [new DataView(whole, offset, length)];
    window.kernel["clip-chunk original"] = ({ offset, length }) => ({ content: {}, buffers: part(offset, length) });
}"""


def test_a_clip_whose_sound_cannot_be_decoded_plays_without(stand: Callable[[], Page]) -> None:
    page = stand()
    page.evaluate(VERSION, ["silent", "a.silent.mp4", 0])
    player = added(page, "new.silent")
    page.wait_for_function(
        "() => window.said.some((text) => text.startsWith('No sound: this program cannot play'))"
    )
    page.keyboard.press("ArrowRight")
    assert shown(player) == 1
    assert page.evaluate("() => window.asked") == [["clip-version", "silent"]]
    added(page, "new.silent")
    page.wait_for_function(
        "() => [...document.querySelectorAll('video')].every((video) => video.readyState > 1)"
    )
    assert page.evaluate("() => window.asked") == [["clip-version", "silent"]] * 2, (
        "the next one begins with that"
    )


def test_the_copy_goes_on_playing_where_the_original_failed(stand: Callable[[], Page], videos: Path) -> None:
    page = stand()
    page.evaluate(VERSION, ["silent", "a.silent.mp4", 1])
    page.evaluate(CHUNKS, list((videos / "new.silent.mp4").read_bytes()))
    size = (videos / "new.silent.mp4").stat().st_size
    player = added(page, "a", {"served": None, "size": size})
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('video').currentTime > 0.3")
    expect(player.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert shown(player) == 29, "it played to the end"


@pytest.mark.parametrize("why", ["only its sound plays", "the silent copy fails too", "the browser says so"])
def test_a_clip_that_cannot_be_decoded_plays_as_webm(stand: Callable[[], Page], why: str) -> None:
    page = stand()
    if why == "the browser says so":
        page.evaluate("() => { HTMLVideoElement.prototype.canPlayType = () => '' }")
    page.evaluate(VERSION, ["silent", "new.silent.mp4", 0])
    page.evaluate(VERSION, ["webm", "a.webm", 2])
    player = added(page, "new" if why == "only its sound plays" else "new.silent")
    player.get_by_role("button", name="Loop", exact=True).click()  # so that it still plays when the key comes
    player.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => document.querySelector('video').currentTime > 0.3")
    page.keyboard.press("k")
    page.keyboard.press("Home")
    assert shown(player) == 0
    for frame in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        assert shown(player) == frame
    said = page.evaluate("() => window.said")
    assert "Making a copy that this program can play: 50 %" in said
    assert "This program cannot play H.264 video: a WebM copy without sound plays" in said[-1]
    silent = page.evaluate("() => window.asked.filter(([, version]) => version === 'silent').length")
    assert silent == (1 if why == "the silent copy fails too" else 0)


def test_what_cannot_be_played_at_all_can_be_saved(stand: Callable[[], Page]) -> None:
    page = stand()
    for version in ("silent", "webm"):
        page.evaluate(VERSION, [version, "new.silent.mp4", 0])
    added(page, "new")
    page.wait_for_function("() => window.said.at(-1)?.includes('It can be saved.')")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as…").click()
    assert download.value.suggested_filename == "clip-new.mp4"


def test_a_clip_that_plays_without_its_sound_says_why(stand: Callable[[], Page]) -> None:
    page = stand()
    added(page, "odd", {"frames": 72})
    page.keyboard.press("Space")
    page.wait_for_function(
        "() => window.said.some((text) => text.startsWith('No sound: this program cannot play'))"
    )
    assert page.evaluate("() => window.asked") == []


def test_the_kernels_bytes_are_fetched_when_somebody_wants_them(
    stand: Callable[[], Page], videos: Path
) -> None:
    page = stand()
    page.evaluate(CHUNKS, list((videos / "a.mp4").read_bytes()))
    player = added(page, "a", {"served": None})
    assert (
        page.evaluate("() => new Promise((resolve) => setTimeout(() => resolve(window.asked.length)))") == 0
    )
    page.keyboard.press("ArrowRight")
    assert shown(player) == 1
    assert player.locator("video").evaluate("(video) => video.src.startsWith('blob:')")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as…").click()
    assert Path(download.value.path()).read_bytes() == (videos / "a.mp4").read_bytes()
    assert page.evaluate("() => window.asked.length") == 1


HOVER = """async (site) => {
    const { hoverPlay } = await import(`${site}shared/hover.js`);
    for (const name of ["a", "b"]) {
        const poster = Object.assign(document.createElement("button"), { id: name, textContent: name });
        poster.style = "position: relative; display: block; width: 200px; height: 150px; margin-bottom: 40px";
        window.root.append(poster);
        hoverPlay(poster, { stage: poster, video: () => window.state(name).video, signal: window.view.signal });
    }
}"""


def test_a_poster_plays_muted_while_the_pointer_is_on_it(stand: Callable[[], Page]) -> None:
    page = stand()
    page.evaluate(HOVER, SITE)
    first, second = page.locator("#a video"), page.locator("#b video")
    page.locator("#a").hover()
    page.wait_for_function("() => document.querySelector('#a video')?.currentTime > 0.1")
    assert first.evaluate("(video) => [video.muted, video.loop]") == [True, True]
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # the focus is on the second now, the pointer still on the first
    expect(page.locator("#b")).to_be_focused()
    expect(second).to_be_visible()
    expect(first).to_have_count(0)
    page.keyboard.press("Shift+Tab")
    expect(second).to_have_count(0)


def test_nothing_moves_by_itself_with_reduced_motion(stand: Callable[[], Page]) -> None:
    page = stand()
    page.emulate_media(reduced_motion="reduce")
    page.evaluate(HOVER, SITE)
    page.locator("#a").hover()
    page.emulate_media(reduced_motion="no-preference")
    page.locator("#b").hover()
    expect(page.locator("#b video")).to_be_visible()
    expect(page.locator("#a video")).to_have_count(0)


COMPARE = """async ([site, clips]) => {
    const { createComparison } = await import(`${site}shared/together.js`);
    const states = clips.map(([name, facts, more]) => window.state(name, facts, more));
    const panel = createComparison({ states, rpc: window.rpc, signal: window.view.signal }).el;
    panel.addEventListener("close", () => (window.shut = true));
    window.root.append(panel);
    panel.focus();
}"""

PLAYED = """(last) => new Promise((resolve) => {
    const videos = [...document.querySelectorAll("video")];
    const seen = [];
    const look = () => {
        seen.push(videos.map(window.shows));
        if (Math.max(...seen.at(-1)) < last && seen.length < 1000) requestAnimationFrame(look);
        else resolve(seen);
    };
    look();
})"""


def slowed(panel: Locator) -> None:
    """Have it play at a quarter of its speed: it is not at its end before the next key, however busy the machine is."""
    panel.get_by_role("combobox", name="Speed").select_option("0.25")
    panel.focus()


def compared(page: Page, *clips: tuple[str, dict[str, Any], dict[str, Any]]) -> Locator:
    page.evaluate(COMPARE, [SITE, clips])
    panel = page.get_by_role("region", name="Comparison of")
    expect(panel).to_be_focused()
    return panel


def test_clips_beside_each_other_show_the_same_frame(stand: Callable[[], Page]) -> None:
    page = stand()
    panel = compared(page, ("a", {}, {}), ("b", {}, {}), ("short", {"frames": 20, "sound": False}, {}))
    for key, frame in [("ArrowRight", 1), (".", 2), ("ArrowLeft", 1)]:
        page.keyboard.press(key)
        settle(panel, frame)
        assert all_shown(panel) == [frame] * 3
    page.keyboard.press("End")
    assert all_shown(panel) == [29, 29, 19], "the shorter one waits at its end"
    page.keyboard.press("Home")
    loop = panel.get_by_role("button", name="Loop", exact=True)
    loop.click()  # so that it still plays when the next key comes
    panel.focus()
    page.keyboard.press("Space")
    seen = page.evaluate(PLAYED, 15)
    apart = [max(frames) - min(frames) for frames in seen]
    assert sorted(apart)[len(apart) * 8 // 10] <= 1, seen
    page.keyboard.press("Space")
    stopped = all_shown(panel)
    assert max(min(stopped[:2]), stopped[2]) == stopped[0] == stopped[1]
    loop.click()
    page.keyboard.press("j")
    settle(panel, 0)
    assert all_shown(panel) == [0, 0, 0]


def test_a_comparison_waits_for_the_slowest_side(stand: Callable[[], Page], videos: Path) -> None:
    page = stand()
    page.evaluate(LATE, list((videos / "b.mp4").read_bytes()))
    panel = compared(page, ("a", {}, {}), ("b", {"served": None}, {}))
    slowed(panel)
    page.keyboard.press("Space")
    expect(panel.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_function("() => document.querySelector('video').readyState > 2 && window.asked.length > 1")
    assert page.evaluate("() => document.querySelector('video').paused")
    page.evaluate("() => window.arrive()")
    page.wait_for_function(
        "() => [...document.querySelectorAll('video')].every((video) => video.currentTime > 0.3)"
    )
    page.keyboard.press("Space")
    first, second = all_shown(panel)
    assert first == second > 5


def test_a_comparison_waits_until_each_side_can_play(stand: Callable[[], Page], videos: Path) -> None:
    page = stand()
    held: list[Route] = []

    def slow(route: Route) -> None:
        if route.request.headers.get("range") == "bytes=0-0":
            serve_range(route, videos / "b.mp4")  # whether it is there
        else:
            held.append(route)

    page.route(f"{SITE}files/b.mp4", slow)
    with page.expect_request(
        lambda request: request.url.endswith("b.mp4") and "range" not in request.headers
    ):
        panel = compared(page, ("a", {}, {}), ("b", {}, {}))
    slowed(panel)
    page.keyboard.press("Space")
    expect(panel.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_function("() => document.querySelector('video').readyState > 2")
    assert page.evaluate("() => document.querySelector('video').paused")
    page.unroute(f"{SITE}files/b.mp4")
    for route in held:
        serve_range(route, videos / "b.mp4")
    page.wait_for_function(
        "() => [...document.querySelectorAll('video')].every((video) => video.currentTime > 0.3)"
    )
    page.keyboard.press("Space")
    first, second = all_shown(panel)
    assert first == second > 5


def test_a_comparison_says_only_what_differs_and_closes(stand: Callable[[], Page]) -> None:
    page = stand()
    rain = {"parameters": ["16:9", "5 s", "seed 1"], "prompt": "a fox walks in the rain at night"}
    snow = {"parameters": ["16:9", "5 s", "seed 2"], "prompt": "a fox walks in deep snow at night"}
    panel = compared(page, ("a", {}, rain), ("b", {}, snow))
    expect(panel.get_by_role("figure").nth(0).get_by_role("listitem")).to_have_text(
        ["seed 1", "… the rain …"]
    )
    expect(panel.get_by_role("figure").nth(1).get_by_role("listitem")).to_have_text(
        ["seed 2", "… deep snow …"]
    )
    heard = "() => [...document.querySelectorAll('audio')].map((audio) => !audio.muted)"
    assert page.evaluate(heard) == [True, False]
    panel.get_by_role("button", name="Hear B").click()
    assert page.evaluate(heard) == [False, True]
    expect(panel.get_by_role("button", name="Hear B")).to_have_attribute("aria-pressed", "true")
    files = page.locator("video").element_handles()
    panel.get_by_role("button", name="Close the comparison").click()
    expect(panel).to_have_count(0)
    assert page.evaluate("() => window.shut")
    assert [file.evaluate("(video) => video.hasAttribute('src')") for file in files] == [False, False]
