"""Words from prompts, files, servers and other people's libraries are shown as words, whatever they pretend to be.

Every place that shows text gets the same attack, which sets `window.pwned` where any part of it is run.
"""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Dialog, Locator, Page, expect

from tests.browser.lab import TALL, Lab, Notebook, lasting_page
from tests.conftest import sandbox_environment

SAMPLES = Path(__file__).parents[2] / "happyhorse_widgets" / "widgets" / "static" / "samples"
LIMIT = 60_000
ATTACK = (
    '<script>window.pwned="script"</script>'
    "<img src=x onerror=\"window.pwned='img'\">"
    "<svg onload=\"window.pwned='svg'\"><animate onbegin=\"window.pwned='smil'\" attributeName=x dur=1s></svg>"
    "<iframe srcdoc=\"<script>parent.pwned='iframe'</script>\"></iframe>"
    '<a href="javascript:window.pwned=1">link</a> [md](javascript:window.pwned=2) javascript:window.pwned=3'
    "</p></div></span></textarea></title></style></script><script>window.pwned='out'</script>"
    "\" onmouseover=\"window.pwned='attribute'\" x='' onfocus='window.pwned=4' autofocus \""
    "&lt;img src=x onerror=window.pwned=5&gt; &#60;script&#62;window.pwned=6&#60;/script&#62;"
    "{{constructor.constructor('window.pwned=7')()}} ${window.pwned=8} <!-- --> ]]> %3Cscript%3E"
    r"$\href{javascript:window.pwned=9}{\style{color:red}{math}}$ $$x^2$$ \(y\) \[z\]"
)
#: What turns round, hides or colours the words after it.
TRICKS = "\u202e\u2066\u200b\ufeff\u0301\x1b[31m"

MAKE = f"""\
import contextlib, json, sqlite3
import happyhorse_widgets as hh
attack, tricks = {ATTACK!r}, {TRICKS!r}
settings = hh.Settings(sandbox_speed=400, sandbox_scale=0.1, poll_interval=0.1, single_poll=0.1)
session = hh.connect(sandbox=True, settings=settings)
clip = hh.generate("character1 waves: " + attack + tricks, ["fox.png"], duration=3)
await clip
session.close()
# What another person may put into a library that they give away.
with contextlib.closing(sqlite3.connect("happyhorse/library.sqlite3")) as database, database:
    database.row_factory = sqlite3.Row
    row = dict(database.execute("SELECT * FROM jobs").fetchone())
    request = json.loads(row["request"])
    request["references"][0]["name"] = attack + tricks
    request |= {{"model": attack, "seed": None}}
    row |= {{"request": json.dumps(request), "model": attack, "seed_used": None}}
    database.execute("UPDATE jobs SET request = :request, model = :model", row)
    request |= {{"aspect_ratio": attack, "resolution": attack}}
    told = json.dumps({{"kind": attack, "message": attack + tricks, "hint": attack}})
    for state in ("failed", "needs_user", "rejected"):
        # Their ids come after every real one, and so do they.
        other = {{**row, "id": "clip_x" + state, "state": state, "remote_id": None}}
        other |= {{"error": told, "request": json.dumps(request)}}
        names = ", ".join(other)
        database.execute(f"INSERT INTO jobs ({{names}}) VALUES ({{', '.join('?' * len(other))}})", list(other.values()))
"""
SHOW = """\
session = hh.connect(sandbox=True, settings=settings)
for clip in session.clips:
    display(clip)
"""
STUDIO = "studio = hh.Studio(prompt=attack + tricks)\nstudio"
TOLD = "print(studio.references[0].name == attack[:120])"


@pytest.fixture(scope="module")
def notebook(lab: Lab, context: BrowserContext) -> Iterator[Notebook]:
    """A notebook with a hostile library, one clip that is done and three that are not: their cards, and a Studio."""
    folder = lab.folder()
    (folder / "fox.png").write_bytes((SAMPLES / "fox.png").read_bytes())
    with lasting_page(context) as page, undisturbed(page):
        page.set_viewport_size(TALL)
        notebook = Notebook(page, lab, [MAKE, SHOW, STUDIO, TOLD], folder)
        for cell in range(3):
            notebook.run(cell, LIMIT)
        yield notebook
    lab.end_kernels()


@contextmanager
def undisturbed(page: Page) -> Iterator[None]:
    """No dialog opens, and no part of the attack is run in the page, up to the end."""
    dialogs: list[str] = []

    def opened(dialog: Dialog) -> None:
        if dialog.type != "beforeunload":  # that one is JupyterLab's own
            dialogs.append(dialog.message)
        dialog.accept()

    page.on("dialog", opened)
    yield
    unharmed(page)
    assert dialogs == []


def unharmed(page: Page) -> None:
    """Nothing was run, nothing was made of the attack but text, and no formula of it."""
    assert page.evaluate("() => window.pwned ?? null") is None
    made = page.evaluate(
        """() => {
            const ours = [...document.querySelectorAll("[class*=hh-]")];
            const inside = (selector) => ours.flatMap((part) => [...part.querySelectorAll(selector)]);
            const marks = "script, iframe, animate, object, embed, a[href^='javascript:'], img[src=x], mjx-container, .MathJax";
            const attributes = inside("*").flatMap((part) => part.getAttributeNames());
            return [inside(marks).map((part) => part.outerHTML), attributes.filter((name) => name.startsWith("on"))];
        }"""
    )
    assert made == [[], []]


def words(place: Locator) -> str:
    return " ".join(place.evaluate("(place) => place.textContent").split())


def test_cards_and_the_studio_show_words_as_words(notebook: Notebook) -> None:
    cards = notebook.output(1).locator("article.hh-card")
    expect(cards).to_have_count(4)
    for card in cards.all():
        assert words(card).count(ATTACK) >= 3  # the prompt, the reference's name, the model
    expect(cards.nth(3)).to_have_attribute("data-phase", "ready")
    for card in cards.all()[:3]:
        assert ATTACK in words(card.locator(".hh-card-trouble"))
    unharmed(notebook.page)

    studio = notebook.output(2).locator(".hh-studio")
    expect(studio.locator(".hh-card:not(.hh-waiting)")).to_have_count(4)
    expect(studio.get_by_role("textbox", name="Prompt")).to_have_value(ATTACK + TRICKS)
    assert ATTACK in words(studio.locator(".hh-prompt-mirror"))
    for card in studio.locator(".hh-card").all():
        assert words(card).count(ATTACK) >= 3
    # Everything is touched that might run something when it is.
    for part in notebook.page.locator(".hh-root *").all()[:60]:
        part.dispatch_event("mouseover")
        part.dispatch_event("focus")
    unharmed(notebook.page)


def test_a_files_name_from_the_browser_is_words_and_no_path(notebook: Notebook) -> None:
    studio = notebook.output(2).locator(".hh-studio")
    transfer = notebook.page.evaluate_handle(
        """([names, data]) => {
            const transfer = new DataTransfer();
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            for (const [name, size] of names)
                transfer.items.add(new File([bytes.slice(0, size ?? bytes.length)], name, { type: "image/png" }));
            return transfer;
        }""",
        [
            [[ATTACK, None], ["../../../escaped.png", None], [ATTACK + ".pdf", 3]],
            b64encode((SAMPLES / "fox.png").read_bytes()).decode(),
        ],
    )
    for kind in ("dragenter", "dragover", "drop"):
        studio.dispatch_event(kind, {"dataTransfer": transfer})
    tiles = studio.locator(".hh-tile:not(.hh-tile-refused)")
    expect(tiles).to_have_count(2)
    expect(tiles.locator("progress:visible")).to_have_count(0)
    expect(tiles.nth(0).locator(".hh-tile-name")).to_have_text(ATTACK[:120].strip())
    expect(studio.locator(".hh-tile-refused .hh-tile-name")).to_have_text(ATTACK + ".pdf")
    unharmed(notebook.page)
    assert notebook.run(3).inner_text().strip() == "True"
    # It lies in the home under its content's name; nothing was written where its own name leads.
    written = {path.name for path in notebook.lab.root.rglob("*") if path.suffix == ".png"}
    assert "escaped.png" not in written
    assert not list(notebook.lab.root.parent.rglob("escaped*"))


def test_plain_text_and_code_of_a_clip_hold_the_words_within_their_quotes(notebook: Notebook) -> None:
    code = (
        "import ast, shlex\n"
        "for clip in session.clips:\n"
        "    ast.parse(clip.code('python'))\n"
        "    body = shlex.split(clip.code('curl').replace('\\\\\\n', ' '))[-1]\n"
        "    assert attack in json.loads(body)['prompt']\n"
        "    assert '\\x1b' not in repr(clip)\n"
        "print('held')"
    )
    notebook.page.evaluate(
        "(code) => window.jupyterapp.shell.currentWidget.content.widgets[3].model.sharedModel.setSource(code)",
        code,
    )
    assert notebook.run(3).inner_text().strip() == "held"


def test_an_exported_page_runs_nothing(notebook: Notebook, page: Page) -> None:
    notebook.save()
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(notebook.path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env=sandbox_environment())
    with undisturbed(page):
        page.goto(notebook.path.with_suffix(".html").as_uri())
        twins = page.locator("[class*=hh-twin-]")
        expect(twins).to_have_count(5)
        for each in twins.all():
            assert ATTACK in words(each)
            # The page's MathJax leaves what is so called alone; it comes from the network, which is not there.
            assert {"mathjax_ignore", "tex2jax_ignore"} <= set((each.get_attribute("class") or "").split())


def test_what_stays_in_the_notebook_is_words_too(notebook: Notebook, lab: Lab) -> None:
    page = notebook.page
    notebook.save()
    for trusted in (True, False):
        page.goto("about:blank")
        lab.end_kernels()
        if not trusted:
            notebook.distrust()
        notebook.open()
        twin = notebook.output(1).locator("[class*=hh-twin-]")
        expect(twin).to_have_count(4)
        for each in twin.all():
            assert ATTACK in words(each)
        expect(twin.nth(3).locator("video")).to_be_visible()
        unharmed(page)
