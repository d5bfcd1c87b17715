"""The Studio where notebooks are shown beside JupyterLab: Notebook 7, Voilà on a Jupyter server, and Voilà alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.hosts import Notebook7, running_voila, voila_address
from tests.browser.lab import STEP_LIMIT, Lab, Notebook
from tests.browser.studio import OPEN, StudioView, plays_and_seeks

CLIP_LIMIT = 60_000
RAN = "ran = globals().get('ran', 0) + 1; print('ran', ran)"
HOSTS = ("Notebook 7", "Voilà", "Voilà alone")

FOCUSABLE = "button:visible, input:visible, select:visible, summary:visible, a:visible, [tabindex]:visible"
SHORTCUTS = ("a", "b", "x", "d", "d", "m", "0", "0", "z")

# Which states the newest card goes through, from before it is there.
WATCH = """(root) => {
    window.phases = [];
    const look = () => {
        const phase = root.querySelector(".hh-card")?.dataset.phase;
        if (phase && phase !== window.phases.at(-1)) window.phases.push(phase);
    };
    new MutationObserver(look).observe(root, { subtree: true, childList: true, attributes: true });
}"""

# The darkest and lightest that text and ground are, from 0 to 1, as WCAG weighs them.
LUMINANCE = """(element, property) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(element)[property];
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue] = [...context.getImageData(0, 0, 1, 1).data].map((value) => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}"""


@dataclass(frozen=True)
class Place:
    """A Studio that is open in one of the hosts; `notebook` where the host shows one that can be edited."""

    host: str
    studio: StudioView
    notebook: Notebook | None


@pytest.fixture(scope="module", params=HOSTS)
def place(
    request: pytest.FixtureRequest,
    lab: Lab,
    context: BrowserContext,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """A Studio in each host. An error that no script of ours caught fails the last test of the host."""
    host, notebook = request.param, None
    page = context.new_page()
    errors: list[str] = []  # the widgets' own scripts come from blobs; Notebook 7.6 has an error of its own
    page.on("pageerror", lambda error: "blob:" in (error.stack or "") and errors.append(str(error)))
    with ExitStack() as stack:
        if host.startswith("Voilà"):
            alone = host.endswith("alone")
            address = (
                stack.enter_context(running_voila(tmp_path_factory.mktemp("voila"), [OPEN]))
                if alone
                else voila_address(lab, [OPEN], "dark")
            )
            page.goto(address)
            root = page.locator(".hh-studio")
        else:
            notebook = Notebook7(page, lab, [OPEN, RAN])
            root = notebook.run(0).locator(".hh-studio")
        expect(root).to_be_visible(timeout=2 * STEP_LIMIT)
        yield Place(host, StudioView(page, root), notebook)
        if notebook:
            notebook.theme("light")  # the server remembers it for every page
        page.close()
        lab.end_kernels()
    assert errors == []


def test_the_sample_becomes_a_clip_that_plays_and_seeks(place: Place) -> None:
    studio = place.studio
    studio.root.get_by_role("button", name="Try a sample").click()
    studio.arrived(2)
    expect(studio.root.locator(".hh-prompt-mirror mark")).to_have_text(["character1", "character2"])
    studio.root.evaluate(WATCH)
    studio.generate.click()
    expect(studio.ready).to_have_count(1, timeout=CLIP_LIMIT)
    assert studio.page.evaluate("window.phases") == ["busy", "ready"]
    plays_and_seeks(studio.cards.first)
    video = studio.cards.first.locator("video")
    reach = "(video) => [video.seekable.length, video.seekable.end(0) - video.duration, video.currentSrc.split(':')[0]]"
    # Where the server gives the file, the clip plays while the kernel is busy; elsewhere the kernel sends it.
    assert video.evaluate(reach) == [1, 0, "blob" if place.host == "Voilà alone" else "http"]


def test_keys_do_not_reach_the_notebook(place: Place) -> None:
    studio, keys = place.studio, place.studio.page.keyboard
    studio.prompt.fill("")
    studio.prompt.focus()
    keys.type("a b x dd m 00")
    keys.press("Shift+Enter")
    keys.type("second line")
    expect(studio.prompt).to_have_value("a b x dd m 00\nsecond line")
    for element in studio.root.locator(FOCUSABLE).element_handles():
        if not element.evaluate("(element) => (element.focus(), element === document.activeElement)"):
            continue  # disabled, or gone with what an earlier key closed
        for key in SHORTCUTS:
            keys.press(key)
    expect(studio.prompt).to_have_value("a b x dd m 00\nsecond line")
    for target in (studio.prompt, studio.root.get_by_role("radio", name="16:9", exact=True), studio.generate):
        target.press("Shift+Enter")
    expect(studio.root).to_be_visible()
    if place.notebook:
        expect(studio.page.locator(".jp-Notebook .jp-Cell")).to_have_count(2)
        expect(studio.page.locator(".jp-Dialog")).to_have_count(0)
        assert "[1]:" in place.notebook.cell(0).locator(".jp-InputArea-prompt").first.inner_text()
        assert "ran 1" in place.notebook.run(1).inner_text()


def test_dark_is_dark_and_light_is_light(place: Place) -> None:
    themes = {"Voilà": ("dark",), "Voilà alone": ("light",)}.get(place.host, ("dark", "light"))
    studio = place.studio
    for theme in themes:
        if place.notebook:
            place.notebook.theme(theme)
        expect(studio.root).to_have_css("color-scheme", theme)
        for part in (studio.root, studio.prompt, studio.root.get_by_role("button", name="Draw a seed")):
            ink = part.evaluate(LUMINANCE, "color")
            assert ink > 0.5 if theme == "dark" else ink < 0.1, part
        ground = studio.root.evaluate(LUMINANCE, "backgroundColor")
        assert ground < 0.05 if theme == "dark" else ground > 0.9
