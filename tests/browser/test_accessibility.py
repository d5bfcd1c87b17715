"""The Studio for everybody: axe-core's rules, both themes and every width."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from tests.browser.audit import cramped, grave
from tests.browser.lab import Lab, Notebook
from tests.browser.studio import ASTRONAUT, FOX, StudioView
from tests.conftest import StartSandbox
from tests.screenshots import photograph

LIMIT = 60_000
STATES = ("empty", "failed", "busy", "full", "card", "gallery")
THEMES = ("light", "dark")
SUBMISSION = {"method": "POST", "path": "/v1/generate/custom/*", "query": {"dryRun": None}}
FAULTS = [
    {"match": {**SUBMISSION, "times": 1}, "fault": "job", "outcome": "moderation"},
    {"match": {**SUBMISSION, "skip": 2}, "fault": "job", "outcome": "stall"},
]
CONNECT = """import happyhorse_widgets as hh
session = hh.connect(settings=hh.Settings(poll_interval=0.2, single_poll=0.2), **{keys!r})
studio = hh.Studio()
studio"""
TWO = (
    f"studio.references, studio.prompt = [{str(FOX)!r}, {str(ASTRONAUT)!r}], 'character1 waves at character2'"
)
# Nine images, and a prompt of every kind of text that is as long as the model takes.
FULL = """from PIL import Image
studio.references = [Image.new("RGB", (400 + 40 * n, 480), (25 * n, 90, 200)) for n in range(9)]
said = "character1 meets character9 and character12. 狐狸和 character2 مرحبا شكرا " + "W" * 60 + " "
studio.prompt = (said * 40)[:2500]"""
CARD = "session.clips[-2]"
GALLERY = "hh.Gallery()"


@pytest.fixture(scope="module")
def found(
    lab: Lab, context: BrowserContext, start_shared_sandbox: StartSandbox
) -> Iterator[dict[str, list[str]]]:
    """What is wrong in each state and theme, and at which widths: all found in one walk through one Studio."""
    sandbox = start_shared_sandbox(speed=400, scale=0.2, faults=FAULTS)
    keys = {"api_key": sandbox.key, "api_secret": sandbox.secret, "base_url": sandbox.base_url}
    page = context.new_page()
    page.set_viewport_size({"width": 1900, "height": 1000})
    page.emulate_media(reduced_motion="reduce")  # no colour is measured half-way
    notebook = Notebook(page, lab, [CONNECT.format(keys=keys), TWO, FULL, CARD, GALLERY])
    notebook.command("application:toggle-left-area")
    studio = StudioView(page, notebook.run(0).locator(".hh-studio"))
    wrong: dict[str, list[str]] = {}

    def look(state: str, root: Locator, selector: str) -> None:
        wrong[f"{state}, widths"] = cramped(root)
        for theme in THEMES:
            notebook.theme(theme)
            wrong[f"{state}, {theme}"] = grave(page, selector)
            photograph(root, f"{state}, {theme}")

    look("empty", studio.root, ".hh-studio")
    notebook.run(1)
    studio.arrived(2)
    for phase in ("failed", "ready", "busy"):
        studio.generate.click()
        expect(studio.cards.first).to_have_attribute("data-phase", phase, timeout=LIMIT)
        if phase != "ready":
            look(phase, studio.root, ".hh-studio")
        else:
            photograph(studio.root, "ready, dark")
    notebook.run(2)
    studio.arrived(9)
    expect(studio.root.locator(".hh-prompt mark.hh-chip").first).to_be_visible()
    look("full", studio.root, ".hh-studio")
    wrong["opened"] = list(opened(studio))
    for index, state in ((3, "card"), (4, "gallery")):
        root = notebook.run(index).locator(".hh-root:visible").first
        expect(root.locator('[data-phase="ready"]').first).to_be_visible(timeout=LIMIT)
        root.evaluate("(root, id) => { root.id = id; }", state)
        look(state, root, f"#{state}")
    notebook.theme("light")  # the server remembers it for every page
    yield wrong
    page.close()
    lab.end_kernels()


def opened(studio: StudioView) -> Iterator[str]:
    """What is wrong with each menu and panel while it is open, wide and narrow; closed again by Escape.

    Of cards in the same state one is opened: their menus are the same.
    """
    seen = set()
    for opener in studio.root.locator('[aria-expanded="false"]:visible').element_handles():
        if not opener.is_visible():
            continue
        name = opener.get_attribute("aria-label") or opener.inner_text()
        kind = (name, opener.evaluate("(opener) => opener.closest('[data-phase]')?.dataset.phase"))
        if kind in seen:
            continue
        seen.add(kind)
        opener.focus()
        studio.page.keyboard.press("Enter")
        if opener.get_attribute("aria-expanded") != "true":
            yield f"{name}: Enter does not open it"
            continue
        for trouble in (*cramped(studio.root, (360, 1280)), *grave(studio.page, ".hh-studio")):
            yield f"{name}: {trouble}"
        studio.page.keyboard.press("Escape")
        if opener.get_attribute("aria-expanded") == "true":
            studio.page.keyboard.press(
                "Enter"
            )  # a panel that stays beside the rest is closed by its own button
        if opener.get_attribute("aria-expanded") == "true":
            yield f"{name}: neither Escape nor Enter closes it"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_serious(found: dict[str, list[str]], state: str, theme: str) -> None:
    assert found[f"{state}, {theme}"] == []


@pytest.mark.parametrize("state", STATES)
def test_everything_fits_at_every_width(found: dict[str, list[str]], state: str) -> None:
    assert found[f"{state}, widths"] == []


def test_menus_and_panels_are_well_while_they_are_open(found: dict[str, list[str]]) -> None:
    assert "\n".join(found["opened"]) == ""
