"""`python -m tests.benchmarks.studio`: how a Studio over a large library feels, in a real JupyterLab.

Prints how long the first row of clips takes to show, how long a keystroke in the prompt takes to be painted (beside the same in a
plain text field of the same page), and the frames while the whole library is scrolled through.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import CDPSession, Page, expect, sync_playwright

from tests.browser.lab import STEP_LIMIT, Notebook, running_lab
from tests.browser.studio import OPEN, StudioView
from tests.chromium import ARGUMENTS, find_chromium
from tests.shelves import fill

TEXT = "character1 walks with character2 towards character9 through the rain, slowly. "

CONNECT, SHOW = OPEN.rsplit("\n", 2)[0], "studio = hh.Studio()\nstudio"

# When the cell was run; when the first of the Studio's clips was to be seen with all its words, and when with its picture.
_WATCH = """() => {
    const ran = performance.now();
    window.shown = {};
    const look = () => {
        const card = document.querySelector(".hh-studio .hh-card:not(.hh-waiting)");
        if (card) window.shown.card ??= performance.now() - ran;
        if (card?.querySelector("video[poster]")) window.shown.picture ??= performance.now() - ran;
        else requestAnimationFrame(look);
    };
    look();
}"""

# From a key's own time to the moment after the next paint, for every key in the element.
_KEYS = """(area) => {
    area.addEventListener("keydown", (event) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => window.painted.push(performance.now() - event.timeStamp);
        port2.postMessage(0);
    }));
}"""

_SCROLL = """async ([list, steps]) => {
    const scroller = (() => {
        for (let one = list; one; one = one.parentElement)
            if (one.scrollHeight > one.clientHeight + 10 && /auto|scroll/.test(getComputedStyle(one).overflowY)) return one;
        return document.scrollingElement;
    })();
    const frames = [];
    let before = await new Promise(requestAnimationFrame);
    for (let step = 0; step < steps; step += 1) {
        scroller.scrollTop += scroller.scrollHeight / steps;
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - before);
        before = now;
    }
    return frames;
}"""


def typed(page: Page, keys: int) -> tuple[list[float], float]:
    """Type so many keys, each when the one before was painted, into what has the focus.

    Returns the times to paint, and what the page's main thread works for a key: both in milliseconds.
    """
    page.evaluate("() => { window.painted = []; }")
    measured = page.context.new_cdp_session(page)
    measured.send("Performance.enable")
    before = _work(measured)
    for number in range(keys):
        page.keyboard.press({" ": "Space"}.get(TEXT[number % len(TEXT)], TEXT[number % len(TEXT)]))
        page.wait_for_function("(count) => window.painted.length >= count", arg=number + 1, polling=40)
    work = _work(measured) - before
    return list(page.evaluate("() => window.painted")), 1000 * work / keys


def _work(measured: CDPSession) -> float:
    """Seconds for which the main thread was at work."""
    metrics = {each["name"]: each["value"] for each in measured.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def told(what: str, times: Sequence[float], work: float | None = None) -> None:
    """Print a line of figures."""
    ordered = sorted(times)
    at = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    print(
        f"{what:<48} median {statistics.median(ordered):6.1f} ms   95 % {at:6.1f} ms   worst {ordered[-1]:6.1f} ms"
        + ("" if work is None else f"   main thread {work:4.1f} ms")
    )


def _window(text: str) -> tuple[int, int]:
    """The two of "1440x900", in CSS pixels."""
    width, height = text.split("x")
    return int(width), int(height)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.studio", description=__doc__)
    parser.add_argument("--clips", type=int, default=1000, help="how many clips the library has")
    parser.add_argument("--keys", type=int, default=200, help="how many keys are typed")
    parser.add_argument(
        "--window", type=_window, default=(1440, 900), metavar="WIDTHxHEIGHT", help="while keys are typed"
    )
    given = parser.parse_args()
    width, height = given.window
    with (
        tempfile.TemporaryDirectory() as folder,
        running_lab(Path(folder)) as lab,
        sync_playwright() as tools,
    ):
        browser = tools.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1600, "height": 1200})
        work = lab.folder()
        fill(work / "happyhorse", given.clips)
        notebook = Notebook(page, lab, [CONNECT, SHOW], work)
        page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        notebook.run(0)
        page.evaluate(_WATCH)
        studio = StudioView(page, notebook.run(1).locator(".hh-studio"))
        page.wait_for_function("() => window.shown.picture")
        shown = page.evaluate("() => window.shown")
        print(
            f"{given.clips:,} clips: the first row is there {shown['card']:.0f} ms after the cell was run, "
            f"its pictures {shown['picture']:.0f} ms"
        )
        page.set_viewport_size({"width": width, "height": height})
        pictures = []
        for number in range(9):
            pixels = np.random.default_rng(number).integers(0, 255, (640, 640, 3), dtype=np.uint8)
            pictures.append(Path(folder) / f"{number}.png")
            Image.fromarray(pixels).save(pictures[-1])
        studio.choose(*pictures)
        studio.arrived(9)
        expect(studio.price).to_contain_text("≈", timeout=STEP_LIMIT)
        studio.prompt.evaluate(_KEYS)
        studio.prompt.click()
        told(f"key, {width} × {height}, 9 images, {studio.cards.count()} cards", *typed(page, given.keys))
        page.evaluate(
            "() => document.body.prepend(Object.assign(document.createElement('textarea'), { id: 'plain' }))"
        )
        plain = page.locator("#plain")
        plain.evaluate(_KEYS)
        plain.evaluate("(area) => area.focus()")
        told("key to paint in a plain text field beside it", *typed(page, given.keys))
        plain.evaluate("(area) => area.remove()")
        frames = page.evaluate(_SCROLL, [studio.root.locator(".hh-clips-list").element_handle(), 400])
        told(f"a frame while {given.clips:,} clips are scrolled through", frames)
        browser.close()


if __name__ == "__main__":
    main()
