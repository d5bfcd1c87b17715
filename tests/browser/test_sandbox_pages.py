"""A web page that is open in the same browser cannot drive the sandbox, not even with its key."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.conftest import StartSandbox
from tests.scripted_server import Reply, ScriptedServer

ATTEMPTS = """async ([base, key, secret]) => {
    const headers = { Authorization: "Basic " + btoa(`${key}:${secret}`), "Content-Type": "application/json" };
    const body = JSON.stringify({ kind: "image", fileName: "a.png", contentType: "image/png", fileSize: 4, parts: 1 });
    const outcome = (work) => work.then((answer) => `${answer.type} ${answer.status}`, (error) => error.name);
    const origin = base.replace("/v1", "").replace("http://", "");
    const frame = document.createElement("iframe");
    document.body.append(Object.assign(frame, { src: `http://${key}:${secret}@${origin}/v1/jobs` }));
    const form = document.createElement("form");
    Object.assign(form, { method: "POST", action: `${base}/uploads`, target: "nowhere", enctype: "text/plain" });
    document.body.append(form);
    form.append(Object.assign(document.createElement("input"), { name: body.slice(0, -1), value: "}" }));
    form.submit();
    return Promise.all([
        outcome(fetch(`${base}/jobs`)),
        outcome(fetch(`${base}/jobs`, { headers })),
        outcome(fetch(`${base}/uploads`, { method: "POST", headers, body })),
        outcome(fetch(`${base}/uploads`, { method: "POST", body, mode: "no-cors", credentials: "include" })),
        outcome(fetch(`http://${origin}/sandbox/ledger`, { headers })),
    ]);
}"""


def test_a_page_of_another_origin_gets_nowhere(page: Page, start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(speed=400)
    before = sandbox.ledger()
    statuses: list[int] = []
    page.on(
        "response",
        lambda answer: statuses.append(answer.status) if answer.url.startswith(sandbox.base_url) else None,
    )
    with ScriptedServer(
        script=lambda _: Reply(200, b"<title>elsewhere</title>", {"Content-Type": "text/html"})
    ) as other:
        page.goto(other.url)
        told = page.evaluate(ATTEMPTS, [sandbox.base_url, sandbox.key, sandbox.secret])
        page.wait_for_load_state("networkidle")
    assert told == ["TypeError", "TypeError", "TypeError", "opaque 0", "TypeError"]
    assert statuses
    assert set(statuses) == {403}
    assert sandbox.ledger() == before
