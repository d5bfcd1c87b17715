"""The front end's modules in a real browser, without a Jupyter: imported as they are and as anywidget gets them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from happyhorse_widgets.widgets import assets
from tests.browser.bare import SITE, open_site

ENTRIES = sorted(path.stem for path in assets.STATIC.glob("*.js") if "export default" in path.read_text())
MODULES = sorted(path.relative_to(assets.STATIC).as_posix() for path in assets.STATIC.rglob("*.js"))

FROM_BLOB = """async (script) => {
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    return (await import(url)).default;
}"""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A profile for each test: a clock that one stops stands still for the whole profile."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def site(page: Page) -> Page:
    """An empty page of a server that gives the front end's scripts."""
    open_site(page)
    return page


def test_each_module_can_be_imported_as_it_is(site: Page) -> None:
    def as_it_is(route: Route) -> None:
        path = assets.STATIC / route.request.url.removeprefix(f"{SITE}plain/")
        route.fulfill(path=path, content_type="text/javascript")

    site.route(f"{SITE}plain/**", as_it_is)
    kinds = """async ([site, modules]) => {
        const kind = (path) => import(`${site}plain/${path}`).then((module) => typeof module, String);
        return Object.fromEntries(await Promise.all(modules.map(async (path) => [path, await kind(path)])));
    }"""
    assert site.evaluate(kinds, [SITE, MODULES]) == dict.fromkeys(MODULES, "object")


def test_each_entry_renders_from_one_script(site: Page) -> None:
    kinds = f"""async (scripts) => {{
        const kind = (script) => ({FROM_BLOB})(script).then(({{ render }}) => typeof render, String);
        return Object.fromEntries(await Promise.all(scripts.map(async ([entry, script]) => [entry, await kind(script)])));
    }}"""
    scripts = [[entry, assets.script(entry)] for entry in ENTRIES]
    assert site.evaluate(kinds, scripts) == dict.fromkeys(ENTRIES, "function")


def test_modules_keep_their_names_to_themselves(site: Page, tmp_path: Path) -> None:
    modules = {
        "shared/left.js": 'const name = "left";\nexport function left() { return name; }\nexport const same = 1;',
        "shared/right.js": (
            'import { left as name, same } from "./left.js";\nconst left = "right";\n'
            "export const right = () => `${name()} ${left} ${same}`;\n"
            "export async function later() { return left; }\nexport class Box { value = same; }"
        ),
        "entry.js": (
            'import {\n  right,\n  Box as Same,\n  later,\n} from "./shared/right.js";\n'
            'import { left } from "./shared/left.js";\nconst same = "entry";\n'
            "export default async () => [right(), left(), new Same().value, await later(), same];"
        ),
    }
    for path, text in modules.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    told = site.evaluate(
        f"async (script) => (await ({FROM_BLOB})(script))()", assets.script("entry", tmp_path)
    )
    assert told == ["left right 1", "left", 1, "right", "entry"]


def test_shortcuts_are_suppressed_on_elements_made_later_too(site: Page) -> None:
    marked = """async (site) => {
        const { suppressShortcuts } = await import(`${site}shared/keys.js`);
        const root = document.createElement("div");
        root.append(document.createElement("button"));
        document.body.append(root);
        const end = new AbortController();
        suppressShortcuts(root, end.signal);
        const later = document.createElement("div");
        later.append(document.createElement("input"), document.createElement("p"));
        root.append(later);
        await Promise.resolve();
        later.querySelector("p").tabIndex = 0;
        await Promise.resolve();
        const marks = () => [...root.querySelectorAll("[data-lm-suppress-shortcuts=true]")].map((e) => e.localName);
        const alive = [root.hasAttribute("data-lm-suppress-shortcuts"), ...marks()];
        end.abort();
        root.append(document.createElement("select"));
        await Promise.resolve();
        return [alive, marks().includes("select")];
    }"""
    assert site.evaluate(marked, SITE) == [[True, "button", "input", "p"], False]


RPC = """async ([site, script]) => {
    const { connect, KIND } = await import(`${site}shared/rpc.js`);
    const listeners = new Map();
    const sent = [];
    const model = {
        send: (content, callbacks, buffers) => sent.push(content),
        on: (event, listener) => listeners.set(event, listener),
        off: (event) => listeners.delete(event),
    };
    const answer = (content, buffers = []) => listeners.get("msg:custom")(content, buffers);
    const view = new AbortController();
    const rpc = connect(model, view.signal);
    return await new (Object.getPrototypeOf(async () => {}).constructor)(
        "rpc", "KIND", "sent", "answer", "view", "listeners", script)(rpc, KIND, sent, answer, view, listeners);
}"""


def rpc(site: Page, script: str) -> Any:
    return site.evaluate(RPC, [SITE, script])


def test_a_request_gets_its_own_answer_only(site: Page) -> None:
    script = """
        const asked = rpc.request(KIND.CLIP_IMAGES, { clip: "c" });
        const { request } = sent.find((content) => content.kind === "clip-images");
        answer({ kind: "reply", request: "another-view-1", n: 1 });
        answer({ kind: "reply", request, n: 2 });
        return (await asked).content.n;
    """
    assert rpc(site, script) == 2


def test_an_error_reaches_the_one_who_asked(site: Page) -> None:
    script = """
        const asked = rpc.request(KIND.CLIP_IMAGES);
        const { request } = sent.find((content) => content.kind === "clip-images");
        answer({ kind: "error", request, name: "InvalidRequest", message: "no", problems: ["a", "b"] });
        return await asked.catch((error) => [error.name, error.message, error.problems]);
    """
    assert rpc(site, script) == ["InvalidRequest", "no", ["a", "b"]]


def test_a_request_can_be_cancelled(site: Page) -> None:
    script = """
        const one = new AbortController();
        const asked = rpc.request(KIND.CLIP_CHUNK, {}, { signal: one.signal }).catch((error) => error.name);
        one.abort();
        const name = await asked;
        const of = (kind) => sent.find((content) => content.kind === kind)?.request;
        return [name, of("clip-chunk") === of("cancel")];
    """
    assert rpc(site, script) == ["AbortError", True]


def test_a_view_that_is_gone_says_and_hears_nothing_more(site: Page) -> None:
    script = """
        const asked = rpc.request(KIND.CLIP_CHUNK).catch((error) => error.name);
        view.abort();
        const before = sent.length;
        const late = rpc.request(KIND.CLIP_CHUNK).catch((error) => error.name);
        return [await asked, await late, sent.length - before, listeners.size];
    """
    assert rpc(site, script) == ["AbortError", "AbortError", 0, 0]


def test_a_kernel_counts_as_lost_until_it_answers_again(site: Page) -> None:
    script = """
        const heard = [];
        rpc.onLost((lost) => heard.push(lost));
        const greetings = () => sent.filter((content) => content.kind === "hello");
        const before = greetings().length;
        listeners.get("comm_live_update")();
        const { request } = greetings().at(-1);
        heard.push(greetings().length - before);
        answer({ kind: "reply", request, now: 0 });
        await Promise.resolve().then();
        return heard;
    """
    assert rpc(site, script) == [True, 1, False]


def test_hello_is_said_three_times_and_sets_the_clock(site: Page) -> None:
    site.clock.install(time=0)
    site.clock.pause_at(1000)
    script = """
        window.greet = () => sent.filter((content) => content.kind === "hello");
        window.hear = (now) => window.greet().forEach(({ request }) => answer({ kind: "reply", request, now }));
        window.kernel = () => rpc.now() - Date.now() / 1000;
    """
    rpc(site, script)
    counts = []
    for step in (0, 499, 1, 999, 1, 60_000):
        site.clock.run_for(step)
        counts.append(site.evaluate("() => window.greet().length"))
    assert counts == [1, 1, 2, 2, 3, 3]
    site.evaluate("() => window.hear(Date.now() / 1000 + 3600)")
    assert site.evaluate("() => Promise.resolve().then(() => window.kernel())") == pytest.approx(3600, abs=1)


LUMINANCE = """([pairs, dark]) => {
    document.body.dataset.jpThemeLight = dark ? "false" : "true";
    const root = document.createElement("div");
    root.className = "hh-root";
    const probe = document.createElement("span");
    root.append(probe);
    document.body.append(root);
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const rgb = (value, ground) => {
        probe.style.color = value;
        canvas.fillStyle = ground ?? "#000";
        canvas.fillRect(0, 0, 1, 1);
        canvas.fillStyle = getComputedStyle(probe).color;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
        return `rgb(${r} ${g} ${b})`;
    };
    const luminance = (colour) => {
        const parts = colour.match(/\\d+/g).map((part) => part / 255);
        const [r, g, b] = parts.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratios = {};
    for (const [front, back] of pairs) {
        const ground = rgb(back, rgb("var(--hh-bg)"));
        const [low, high] = [luminance(rgb(front, ground)), luminance(ground)].sort((a, b) => a - b);
        ratios[`${front} on ${back}`] = (high + 0.05) / (low + 0.05);
    }
    return ratios;
}"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("host", ["bare", "jupyterlab"])
def test_text_has_contrast_enough(site: Page, dark: bool, host: str) -> None:
    if host == "jupyterlab":
        site.add_style_tag(content=jupyterlab_theme(dark))
    elif dark:
        site.evaluate("() => document.documentElement.setAttribute('theme', 'dark')")
    site.add_style_tag(content=assets.stylesheet("clip"))
    grounds = ["var(--hh-bg)", "var(--hh-bg-raised)", "var(--hh-bg-sunken)"]
    texts = ["text", "text-quiet", "error", "warning", "success", *(f"c{n}-ink" for n in range(1, 10))]
    pairs = [(f"var(--hh-{text})", ground) for text in texts for ground in grounds]
    pairs += [("var(--hh-on-accent)", "var(--hh-accent)")]
    for n in range(1, 10):
        tint = f"color-mix(in srgb, var(--hh-c{n}) var(--hh-tint), transparent)"
        pairs += [(f"var(--hh-c{n}-on)", f"var(--hh-c{n})"), (f"var(--hh-c{n}-ink)", tint)]
    ratios = site.evaluate(LUMINANCE, [pairs, dark])
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < 4.5} == {}


def jupyterlab_theme(dark: bool) -> str:
    """The variables of JupyterLab's own theme, as it is installed."""
    from jupyterlab.commands import get_app_dir

    name = "dark" if dark else "light"
    folder = Path(get_app_dir()) / "themes" / "@jupyterlab" / f"theme-{name}-extension"
    return (folder / "index.css").read_text()
