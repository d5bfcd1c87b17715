"""A clip's card in a real JupyterLab, with a real engine and sandbox."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.lab import Lab, Notebook, folder_with_images, lasting_page, wait_until, write_notebook
from tests.conftest import sandbox_environment

LIMIT = 60_000  # milliseconds until a clip is made on a busy machine
HOSTILE = "character1 waves at character2 <img src=x onerror=\"window.hacked=1\"> & <b>'quotes'</b>" * 3

CONNECT = """\
import happyhorse_widgets as hh
fast = hh.Settings(sandbox_speed={speed}, sandbox_scale=0.2, poll_interval=0.2, single_poll=0.2)
session = hh.connect(sandbox=True, settings=fast)
"""
CLIP = 'clip = hh.generate({prompt!r}, ["fox.png", "astronaut.png"], duration=3, seed=7)\nclip'

NewNotebook = Callable[..., Notebook]


def make(prompt: str = "character1 waves at character2", speed: float = 400) -> str:
    """A cell that makes a clip and shows its card."""
    return CONNECT.format(speed=speed) + CLIP.format(prompt=prompt)


def card_in(notebook: Notebook, cell: int = 0) -> Locator:
    """The live card in the cell's output."""
    return notebook.output(cell).locator("article.hh-card")


def ready(card: Locator) -> Locator:
    """Wait until the card is ready, and its video can be played; the video."""
    expect(card).to_have_attribute("data-phase", "ready", timeout=LIMIT)
    expect(card.locator("video")).to_have_attribute("src", re.compile("."))
    return card.locator("video")


PLAY_AND_SEEK = """async (video) => {
    const once = (type) => new Promise((resolve) => video.addEventListener(type, resolve, { once: true }));
    video.muted = true;
    await video.play();
    while (video.currentTime === 0) await once("timeupdate");
    const played = video.currentTime;
    video.pause();
    const seeked = once("seeked");
    video.currentTime = 2;
    await seeked;
    return [played, video.currentTime, video.duration];
}"""


def plays_and_seeks(video: Locator) -> None:
    played, sought, duration = video.evaluate(PLAY_AND_SEEK)
    assert 0 < played < duration
    assert sought == pytest.approx(2, abs=0.05)
    assert duration == pytest.approx(3, abs=0.15)


def visible_parts(notebook: Notebook, cell: int = 0) -> list[str]:
    """The outputs of the cell that can be seen: "card", "twin", or the text."""
    parts = []
    for part in notebook.output(cell).locator(".jp-OutputArea-child").all():
        if part.is_visible():
            live, static = part.locator("article.hh-card"), part.locator("[class^=hh-twin-]")
            parts.append("card" if live.count() else "twin" if static.count() else part.inner_text())
    return parts


RECORD = """(card) => {
    const stage = card.querySelector(".hh-card-stage");
    const seen = (window.seen = { headings: [], sizes: new Set() });
    const look = () => {
        const heading = card.querySelector(".hh-card-heading").textContent;
        if (seen.headings.at(-1) !== heading) seen.headings.push(heading);
        const { width, height } = stage.getBoundingClientRect();
        seen.sizes.add(`${Math.round(width)}x${Math.round(height)}`);
    };
    look();
    new MutationObserver(look).observe(card, { subtree: true, childList: true, attributes: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def shown(lab: Lab, context: BrowserContext) -> Iterator[Notebook]:
    """A notebook whose first cell shows a card that is ready."""
    with lasting_page(context) as page:
        # Slow enough that the card is there before the clip: what became of it is announced then.
        notebook = Notebook(page, lab, [make(HOSTILE, speed=20), "1"], folder_with_images(lab))
        notebook.run(0)
        ready(card_in(notebook))
        yield notebook
    lab.end_kernels()


def test_the_card_says_what_was_asked_and_what_it_cost_as_plain_text(shown: Notebook) -> None:
    notebook, card = shown, card_in(shown)
    expect(card.locator(".hh-card-prompt")).to_have_text(HOSTILE)
    expect(card.locator(".hh-mention")).to_have_text(["character1", "character2"] * 3)
    expect(card.locator(".hh-card-badge")).to_be_visible()
    for fact in ("16:9", "1080P", "3 s", "seed 7", "Happy Horse 1.0", re.compile(r"^\d+ CU simulated$")):
        expect(card.locator(".hh-card-facts").get_by_text(fact, exact=True)).to_be_visible()
    expect(card.get_by_role("list", name="Reference images").locator("img[src^='blob:']")).to_have_count(2)
    expect(card.get_by_role("status")).to_have_text("Ready.")
    assert notebook.page.evaluate("() => window.hacked") is None


def test_keys_in_the_card_never_reach_the_notebook(shown: Notebook) -> None:
    notebook, card = shown, card_in(shown)
    prompt = notebook.cell(0).locator(".jp-InputArea-prompt").first
    before = prompt.inner_text()
    for target in (
        card.get_by_role("link", name="Save as…"),
        card.get_by_role("button", name="Play", exact=True),
        card.get_by_role("group", name="Player"),
    ):
        for key in ("a", "b", "x", "d", "d", "0", "0", "m", "Control+Enter"):
            target.focus()
            notebook.page.keyboard.press(key)
            expect(notebook.page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(2)
    expect(notebook.page.locator(".jp-Notebook .jp-Cell")).to_have_count(2)
    expect(notebook.page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(2)
    assert prompt.inner_text() == before
    card.get_by_role("button", name="Play", exact=True).focus()
    notebook.page.keyboard.press("Shift+Enter")
    expect(card.get_by_role("button", name="Pause")).to_be_visible()
    assert prompt.inner_text() == before, "Shift+Enter presses the button and runs no cell"


def test_saving_gives_the_file_with_a_telling_name(shown: Notebook) -> None:
    with shown.page.expect_download() as download:
        card_in(shown).get_by_role("link", name="Save as…").click()
    assert re.fullmatch(
        r"character1-waves-at-character2-img-src-\w{6}\.mp4", download.value.suggested_filename
    )
    (clip,) = (shown.folder / "happyhorse" / "clips").glob("*.mp4")
    assert Path(download.value.path()).read_bytes() == clip.read_bytes()


TOO_WIDE = """(card) => {
    const edge = card.closest(".jp-OutputArea").getBoundingClientRect().right + 1;
    const wide = (e) => e.clientWidth > 1 && (e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > edge);
    return [card, ...card.querySelectorAll("*")].filter(wide).map((e) => e.className || e.localName);
}"""


def test_the_card_fits_its_cell(shown: Notebook) -> None:
    card = card_in(shown)
    for theme in ("dark", "light"):  # which it stays for the others
        shown.theme(theme)
        for width in (1280, 420):
            shown.narrow(width)
            expect(card).to_be_visible()
            wait_until(lambda: card.evaluate(TOO_WIDE) == [], 10, f"the card to fit: {theme}, {width} px")


def test_an_exported_page_shows_the_clip_once_and_plays_it(shown: Notebook, page: Page) -> None:
    shown.save()
    export(shown.path)
    shows_the_clip_once(page, shown.path.with_suffix(".html"))


def test_what_remains_without_a_kernel(shown: Notebook, lab: Lab) -> None:
    from nbformat import validate

    notebook, page = shown, shown.page
    notebook.narrow(1280)
    wait_until(lambda: visible_parts(notebook) == ["card"], 10, "only the card to be seen")
    saved = notebook.save()
    validate(saved)
    live, twin = saved.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in live.data
    assert set(twin.data) == {"text/html", "text/plain", "image/jpeg"}
    assert notebook.path.stat().st_size < 150_000

    page.goto("about:blank")
    lab.end_kernels()
    notebook.open()
    expect(notebook.output(0).locator("video:visible")).to_have_count(1)
    wait_until(lambda: visible_parts(notebook) == ["twin"], 10, "only the twin to be seen")
    plays_and_seeks(notebook.output(0).locator("video"))

    # Changed by another program, the notebook is no longer trusted: Lab takes out scripts, styles and more.
    page.goto("about:blank")
    lab.end_kernels()
    notebook.distrust()
    notebook.open()
    video = notebook.output(0).locator("video:visible")
    expect(video).to_have_count(1)
    assert video.get_attribute("poster").startswith("data:image/jpeg")
    expect(notebook.output(0).get_by_text(HOSTILE)).to_be_visible()
    plays_and_seeks(video)
    assert page.evaluate("() => window.hacked") is None


def test_from_request_to_playing_video_while_the_kernel_is_busy(
    new_notebook: NewNotebook, folder: Path
) -> None:
    notebook = new_notebook(make(speed=10), "import time; time.sleep(60)", folder=folder)
    notebook.run(0)
    card = card_in(notebook)
    card.evaluate(RECORD)
    notebook.start(1)
    video = ready(card)
    plays_and_seeks(video)
    assert "/files/" in video.evaluate("(video) => video.currentSrc")
    expect(notebook.cell(1).locator(".jp-InputArea-prompt").first).to_have_text("[*]:")
    seen = notebook.page.evaluate("() => ({ headings: window.seen.headings, sizes: [...window.seen.sizes] })")
    assert seen["headings"][-1] == "Ready"
    assert "Generating" in seen["headings"]
    assert len(seen["sizes"]) == 1, "the stage keeps its size from the first moment to the last"
    picture = card.locator(".hh-player-picture").bounding_box()
    assert picture is not None and picture["width"] / picture["height"] == pytest.approx(16 / 9, abs=0.02)


def test_a_failure_is_told_in_words(new_notebook: NewNotebook, folder: Path) -> None:
    notebook = new_notebook(make("character1 dances [moderated]", speed=20), folder=folder)
    notebook.run(0)
    card = card_in(notebook)
    expect(card).to_have_attribute("data-phase", "failed", timeout=LIMIT)
    expect(card.locator(".hh-card-heading")).to_have_text("Failed")
    expect(card.locator(".hh-card-trouble")).to_contain_text(
        re.compile("content moderation.*refund.*Rephrase", re.DOTALL)
    )
    expect(card.locator(".hh-card-facts")).to_contain_text("0 CU simulated")
    expect(card.get_by_role("status")).to_contain_text("content moderation")
    expect(card.locator(".hh-card-acts").get_by_role("button")).to_have_text(["Submit again"])


def test_a_notebook_executed_by_a_program_keeps_the_clip(folder: Path, page: Page) -> None:
    path = write_notebook(folder, [make(HOSTILE), "clip.wait(60);"])
    export(path, "--execute")
    shows_the_clip_once(page, path.with_suffix(".html"))


def export(path: Path, *options: str) -> None:
    """Have nbconvert write the notebook as a page beside itself."""
    command = [sys.executable, "-m", "nbconvert", "--to", "html", *options, str(path)]
    command += ["--ExecutePreprocessor.iopub_timeout=60"]  # else what a busy kernel shows late is left out
    subprocess.run(command, check=True, capture_output=True, timeout=120, env=sandbox_environment())


def shows_the_clip_once(page: Page, path: Path) -> None:
    """The exported page shows the clip, and nothing else as an output of the first cell; and it plays."""
    page.route("https://**", lambda route: route.abort())
    page.goto(path.as_uri(), wait_until="domcontentloaded")
    expect(page.locator("video:visible")).to_have_count(1)
    first = page.locator(".jp-OutputArea").first
    expect(first.locator(".jp-OutputArea-child:visible")).to_have_count(1)
    expect(first.get_by_text(HOSTILE)).to_be_visible()
    plays_and_seeks(page.locator("video:visible"))
    assert page.evaluate("() => window.hacked") is None


def test_a_file_that_jupyter_does_not_serve_comes_from_the_kernel(
    new_notebook: NewNotebook, folder: Path, tmp_path: Path
) -> None:
    cell = make().replace("sandbox=True", f"sandbox=True, home={str(tmp_path / 'home')!r}")
    notebook = new_notebook(cell, folder=folder)
    notebook.run(0)
    expect(card_in(notebook)).to_have_attribute("data-phase", "ready", timeout=LIMIT)
    card_in(notebook).get_by_role("button", name="One frame on").click()  # fetched when somebody wants it
    video = ready(card_in(notebook))
    url = video.evaluate("(video) => video.currentSrc")
    assert url.startswith("blob:")
    plays_and_seeks(video)
    notebook.command("notebook:clear-all-cell-outputs")
    expect(card_in(notebook)).to_have_count(0)
    gone = "async (url) => { try { await fetch(url); return false; } catch { return true; } }"
    notebook.page.wait_for_function(gone, arg=url)  # the Blob URL is revoked with the view


def test_buttons_work_while_a_cell_is_running(new_notebook: NewNotebook, folder: Path) -> None:
    notebook = new_notebook(make(speed=2), "import time; time.sleep(60)", folder=folder)
    notebook.run(0)
    card = card_in(notebook)
    expect(card.locator("img[src^='blob:']")).to_have_count(2)  # the kernel has heard this view
    notebook.start(1)
    expect(notebook.cell(1).locator(".jp-InputArea-prompt").first).to_have_text("[*]:")
    # News from the kernel comes from another thread; it must not turn the way back to the shell that is blocked.
    expect(card.get_by_role("progressbar")).to_have_attribute(
        "aria-valuenow", re.compile(r"[1-9]"), timeout=LIMIT
    )
    card.get_by_role("button", name="Stop watching").click()
    expect(card.locator(".hh-card-heading")).to_have_text("In the background")
    expect(card).to_contain_text("The job is paid and goes on")
    expect(notebook.cell(1).locator(".jp-InputArea-prompt").first).to_have_text("[*]:")


def test_several_views_of_one_card(new_notebook: NewNotebook, folder: Path) -> None:
    show = "from happyhorse_widgets.widgets.clip import ClipCard\ncard = ClipCard(clip)\ncard"
    notebook = new_notebook(make(speed=20), show, "card", "card.close()", folder=folder)
    for cell in (0, 1, 2):
        notebook.run(cell)
    first, second = card_in(notebook, 1), card_in(notebook, 2)
    ready(first)
    second.scroll_into_view_if_needed()
    plays_and_seeks(ready(second))
    first.get_by_role("button", name="Play", exact=True).click()
    expect(first.get_by_role("button", name="Pause")).to_be_visible()
    expect(second.get_by_role("button", name="Pause")).to_have_count(0)
    notebook.run(3)
    expect(first).to_have_count(0)
    expect(second).to_have_count(0)
    expect(card_in(notebook, 0)).to_be_visible()


def test_a_reloaded_page_shows_the_card_again(new_notebook: NewNotebook, folder: Path, page: Page) -> None:
    notebook = new_notebook(make(speed=8), folder=folder)
    notebook.run(0)
    notebook.save()
    page.reload()
    card = card_in(notebook)
    expect(card).to_be_visible(timeout=LIMIT)
    wait_until(lambda: visible_parts(notebook) == ["card"], 10, "only the card to be seen")
    plays_and_seeks(ready(card))


def test_a_card_whose_kernel_is_gone_says_so_and_plays_on(new_notebook: NewNotebook, folder: Path) -> None:
    again = (
        'hh.connect(sandbox=True, home="slow", settings=hh.Settings(sandbox_speed=1, sandbox_scale=0.1))\n'
    )
    notebook = new_notebook(make(), again + CLIP.format(prompt="character1 sleeps"), folder=folder)
    for cell in (0, 1):
        notebook.run(cell)
    done, busy = card_in(notebook, 0), card_in(notebook, 1)
    video = ready(done)
    expect(busy.locator(".hh-card-heading")).to_have_text(re.compile("Queued|Generating"))
    notebook.restart_kernel()
    expect(busy.locator(".hh-card-heading")).to_have_text("The kernel has stopped")
    expect(busy).to_contain_text(re.compile(r'hh\.connect\(\)\.clip\("clip_\w+"\) shows it again'))
    expect(busy.get_by_role("button", name="Stop watching")).to_be_disabled()
    plays_and_seeks(video)
