"""A page with a comparison on it whose kernel is the test's own, and what a person does to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, Route

from happyhorse_widgets.media.probe import probe
from happyhorse_widgets.widgets import assets
from tests.browser.bare import serve_script
from tests.browser.test_player import SITE, serve_range

# A model whose kernel is `window.kernel`: what it answers to each kind of request.
_VIEW = """async ([site, files, count, mode, rows, columns]) => {
    const { default: widget } = await import(`${site}compare.js`);
    const listeners = [];
    const fire = (event, ...given) => listeners.forEach(([name, callback]) => name === event && callback(...given));
    const traits = { _twin: "", mode };
    const names = ["a", "b", "c", "d"];
    window.states = names.slice(0, count).map((name, index) => ({
        id: name, phase: "ready", heading: "Ready", ratio: "4:3", prompt: "p", references: [], parameters: [],
        video: { served: `${name}.mp4`, name: `${name}.mp4`, rate: 24, ...files[name] },
    }));
    const levels = window.states.map((_, index) => ({
        prompt: index < 2 ? "calm" : "wild", seed: `seed ${(index % 2) + 1}`, model: index === 3 ? "new" : "old",
    }));
    window.asked = [];
    window.kernel = {
        hello: () => [{ now: 0 }],
        "compare-open": () => [{ states: window.states, levels, rows, columns }],
        ...window.kernel,
    };
    window.hear = (content) => fire("msg:custom", content, []);
    window.set = (name, value) => {
        traits[name] = value;
        fire(`change:${name}`);
    };
    window.model = {
        get: (name) => traits[name],
        on: (event, callback) => listeners.push([event, callback]),
        off: (event, callback) => listeners.splice(listeners.findIndex((each) => each[0] === event && each[1] === callback), 1),
        send(content) {
            window.asked.push(content);
            const [answer, buffers = []] = window.kernel[content.kind]?.(content) ?? [];
            const failed = { kind: "error", name: "InvalidRequest", message: "No such thing.", problems: [] };
            const reply = { ...(answer ? { kind: "reply", ...answer } : failed), request: content.request };
            setTimeout(() => fire("msg:custom", reply, buffers));
        },
    };
    window.listeners = listeners;
    window.shows = (video) => {
        const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
        canvas.drawImage(video, 0, 0, 1, 1);
        return Math.round((canvas.getImageData(0, 0, 1, 1).data[0] - 20) / 6);
    };
    window.close = widget.render({ model: window.model, el: document.body });
}"""

_THERE = "() => [...document.querySelectorAll('figure:not([hidden]) video[src]')].every((video) => video.readyState > 1)"


def shower(page: Page, videos: Path) -> Callable[..., Locator]:
    """What shows so many of the clips a to d of a folder, and gives the panel, with the focus on it."""
    facts = {path.stem: probe(path) for path in videos.iterdir()}
    files = {
        name: {"size": fact.size, "frames": fact.frames, "sound": fact.audio_codec is not None}
        for name, fact in facts.items()
    }

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix(SITE).partition("?")[0]
        file = videos / path.removeprefix("files/")
        if path.startswith("files/") and file.is_file():
            serve_range(route, file)
        elif not serve_script(route, path):
            config = '<script id="jupyter-config-data" type="application/json">{"baseUrl": "/"}</script>'
            route.fulfill(body=f"<!doctype html><title>t</title>{config}", content_type="text/html")

    def show(
        count: int = 2, mode: str = "grid", rows: str = "", columns: str = "", before: str = "() => {}"
    ) -> Locator:
        page.goto(SITE)
        page.evaluate(before)
        page.add_style_tag(content=assets.stylesheet("compare"))
        page.evaluate(_VIEW, [SITE, files, count, mode, rows, columns])
        panel = page.get_by_role("region", name="Comparison of")
        panel.focus()
        page.wait_for_function(_THERE)
        return panel

    page.route(f"{SITE}**", serve)
    return show


def sides(panel: Locator) -> list[str]:
    """The letters of the clips that are to be seen, in order."""
    return panel.locator("figure:visible .hh-together-letter").all_inner_texts()


def begin(panel: Locator, letter: str, frame: int) -> None:
    """Have a clip begin at a frame."""
    align = panel.get_by_role("button", name="Align")
    if align.get_attribute("aria-pressed") != "true":
        align.click()
    panel.get_by_role("spinbutton", name=f"{letter} begins at frame").fill(str(frame))
    panel.get_by_role("spinbutton", name=f"{letter} begins at frame").press("Enter")
    panel.focus()
