"""A real Studio in this process and its tray in a page, without a Jupyter between them: messages go by bindings of the page."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

from playwright.sync_api import Page, Route

import happyhorse_widgets as hh
from happyhorse_widgets.widgets import assets

#: Nothing listens there: every request is answered by the test. On localhost a page may compute hashes.
SITE = "http://localhost:8123/"
_TRAITS = (
    "_form",
    "_tiles",
    "_schema",
    "_session",
    "_estimate",
    "_filled",
    "_page",
    "_twin",
    "_about",
    "_summary",
    "state",
    "varied",
    "twin",
)

_MODEL = """async ([site, state]) => {
    const callbacks = new Map();
    const encode = async (buffer) => new Promise((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
        reader.readAsDataURL(new Blob([buffer]));
    });
    const decode = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
    const fire = (event, ...given) => [...(callbacks.get(event) ?? [])].forEach((callback) => callback(...given));
    window.sent = [];
    let last = Promise.resolve();
    window.model = {
        get: (name) => state[name],
        send(content, _, buffers = []) {
            window.sent.push({ ...content, bytes: buffers.map((buffer) => buffer.byteLength) });
            last = last.then(async () => window.toKernel(content, await Promise.all([...buffers].map(encode))));
        },
        on: (event, callback) => callbacks.set(event, [...(callbacks.get(event) ?? []), callback]),
        off: (event, callback) => callbacks.set(event, (callbacks.get(event) ?? []).filter((each) => each !== callback)),
    };
    const listen = async () => {
        for (const { method, state: news, content, buffers } of await window.fromKernel()) {
            if (method === "update") {
                Object.assign(state, news);
                for (const name of Object.keys(news)) fire(`change:${name}`);
            } else fire("msg:custom", content, buffers.map(decode));
        }
        setTimeout(listen, 20);
    };
    listen();
}"""

_TRAY = """async (site) => {
    const { createTray } = await import(`${site}tray.js`);
    const { createForm } = await import(`${site}form.js`);
    const { createArrangement } = await import(`${site}arrange.js`);
    const { connect } = await import(`${site}shared/rpc.js`);
    const root = document.createElement("div");
    const field = document.createElement("textarea");
    root.className = "hh-root hh-studio";
    document.body.append(root);
    const view = new AbortController();
    const { signal } = view;
    const { model } = window;
    const rpc = connect(model, signal);
    window.said = [];
    window.mentioned = [];
    const announce = (text) => window.said.push(text);
    const form = createForm(model, rpc, signal, announce);
    const arrangement = createArrangement({ form, announce, nameOf: (id) => model.get("_tiles")[id]?.name ?? "an image" });
    const { arrange, undo } = arrangement;
    const mention = (number) => window.mentioned.push(number);
    const tray = createTray({ model, rpc, form, signal, announce, arrangement, arrange, undo, zone: root, mention });
    root.append(tray.element, field);
    Object.assign(window, { tray, form, rpc, endView: () => view.abort() });
}"""


_WHOLE = """async (site) => {
    const { default: widget } = await import(`${site}studio.js`);
    const view = new AbortController();
    widget.render({ model: window.model, el: document.body, signal: view.signal });
    window.endView = () => view.abort();
}"""


class BareStudio:
    """The tray of `studio` in `page`; `studio.comm` has to be a `RecordingComm`."""

    entry = "tray"
    show = _TRAY

    def __init__(self, page: Page, studio: hh.Studio) -> None:
        self.page = page
        self.studio = studio
        self._heard = 0
        page.expose_function("toKernel", self._receive)
        page.expose_function("fromKernel", self._news)
        open_site(page)
        page.add_style_tag(content=assets.stylesheet(self.entry))
        page.add_style_tag(content=(assets.STATIC / "studio.css").read_text())
        self._heard = len(studio.comm.published)
        state = studio.get_state()
        page.evaluate(_MODEL, [SITE, {name: state[name] for name in state if name in _TRAITS}])
        page.evaluate(self.show, SITE)
        self.root = page.locator(".hh-studio")
        self.tiles = page.locator(".hh-tiles .hh-tile")

    def _receive(self, content: dict[str, Any], buffers: list[str]) -> None:
        message = {"method": "custom", "content": content}
        given = [memoryview(b64decode(buffer)) for buffer in buffers]
        self.studio.comm.handle_msg({"content": {"data": message}, "buffers": given})

    def _news(self) -> list[dict[str, Any]]:
        published = self.studio.comm.published[self._heard :]
        self._heard += len(published)
        return [
            {**data, "buffers": [b64encode(buffer).decode() for buffer in buffers]}
            for _, data, buffers, _ in published
            if data and data.get("method") in ("update", "custom")
        ]


class WholeStudio(BareStudio):
    """The whole of `studio` in `page`."""

    entry = "studio"
    show = _WHOLE


def open_site(page: Page) -> None:
    """Show an empty page of a server that gives the front end's scripts."""
    page.route(f"{SITE}**", _serve)
    page.goto(SITE)


def _serve(route: Route) -> None:
    if not serve_script(route, route.request.url.removeprefix(SITE)):
        route.fulfill(body="<!doctype html><title>empty</title>", content_type="text/html")


def serve_script(route: Route, path: str) -> bool:
    """Answer with an entry as anywidget gets it, in one script, or with another module as it is; False for anything else."""
    file = assets.STATIC / path
    if not (file.suffix == ".js" and file.is_file()):
        return False
    text = file.read_text()
    script = assets.script(file.stem) if "export default" in text else text
    route.fulfill(body=script, content_type="text/javascript")
    return True
