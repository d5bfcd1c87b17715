"""A comparison in a JupyterLab: what is done to it there, and what it leaves in the notebook."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from happyhorse_widgets.media.probe import probe
from tests.browser.lab import STEP_LIMIT, Notebook
from tests.browser.test_player import settle
from tests.shelves import fill

THERE = "() => [...document.querySelectorAll('figure:not([hidden]) video[src]')].filter((video) => video.readyState > 1).length"

TELL = """import happyhorse_widgets as hh
session = hh.connect(sandbox=True, home="happyhorse")
compare = hh.Compare(session.clips, mode="side by side")
compare"""


def test_a_comparison_in_a_notebook_plays_saves_and_leaves_a_contact_sheet(
    new_notebook: Callable[..., Notebook], folder: Path
) -> None:
    fill(folder / "happyhorse", 3)
    notebook = new_notebook(TELL, 'print(compare.video("mine.mp4", height=96).name)', folder=folder)
    page = notebook.page
    panel = notebook.run(0).get_by_role("region", name="Comparison of 3 clips")
    expect(panel).to_be_visible(timeout=STEP_LIMIT)
    page.wait_for_function(f"() => ({THERE})() === 2")
    panel.focus()
    page.keyboard.press("ArrowRight")
    settle(panel, 1)
    page.keyboard.press("1")
    expect(panel.locator("figure:visible")).to_have_count(3)
    with page.expect_download(timeout=STEP_LIMIT) as download:
        panel.get_by_role("button", name="Video").click()
    facts = probe(download.value.path())
    assert (facts.width, facts.frames) == (2 * 480, 6)
    expect(notebook.run(1)).to_contain_text("mine.mp4")
    assert probe(folder / "mine.mp4").height == 2 * (96 + 16)
    saved: Any = notebook.save()
    live, static = saved.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in live.data
    assert "3 clips compared: A · " in static.data["text/plain"]
    assert static.data["image/jpeg"] and "clip_000000000001" in static.data["text/html"]
