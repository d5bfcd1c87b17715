"""Several Studios in one notebook, and several views of one."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.lab import Notebook, wait_until
from tests.browser.studio import OPEN, StudioView

NewNotebook = Callable[..., Notebook]

ANOTHER = "other = hh.Studio()\nother"
TOLD = "print([studio.prompt, studio.seed, len(studio.references), other.prompt, other.seed, len(other.references)])"
LIMIT = 60_000


def test_studios_of_one_notebook_share_their_clips_and_nothing_else(new_notebook: NewNotebook) -> None:
    notebook = new_notebook(OPEN, ANOTHER, TOLD)
    one = StudioView(notebook.page, notebook.run(0).locator(".hh-studio"))
    two = StudioView(notebook.page, notebook.run(1).locator(".hh-studio"))
    two.root.get_by_role("button", name="Try a sample").click()
    two.arrived(2)
    expect(two.prompt).not_to_have_value("")
    sample = two.prompt.input_value()
    one.prompt.fill("character1 sleeps")
    expect(two.prompt).to_have_value(sample)
    expect(one.tiles).to_have_count(0)
    two.generate.click()
    expect(two.ready).to_have_count(1, timeout=LIMIT)
    one.root.evaluate(
        "(root) => root.scrollIntoView({ block: 'end' })"
    )  # what is far from the view is not drawn
    expect(one.ready).to_have_count(1, timeout=LIMIT)
    told = f"['character1 sleeps', None, 0, '{sample}', None, 2]"
    wait_until(lambda: told in notebook.run(2).inner_text(), 20, "the kernel to have both prompts")


def test_two_views_of_one_studio_show_one_thing_and_do_not_fight(new_notebook: NewNotebook) -> None:
    notebook = new_notebook(OPEN, "print(repr(studio.prompt))")
    page = notebook.page
    page.set_viewport_size({"width": 1600, "height": 900})
    page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    one = StudioView(page, notebook.run(0).locator(".hh-studio"))
    notebook.command("notebook:create-output-view")
    two = StudioView(page, page.locator(".jp-LinkedOutputView .hh-studio"))

    one.root.get_by_role("button", name="Try a sample").click()
    for view in (one, two):
        expect(view.tiles.locator("canvas, img")).to_have_count(2)
    expect(one.prompt).not_to_have_value("")
    expect(two.prompt).to_have_value(one.prompt.input_value())
    two.root.get_by_text("9:16", exact=True).click()
    expect(one.root.get_by_role("radio", name="9:16", exact=True)).to_be_checked()
    two.tile(2).get_by_role("button", name="character2").press("Alt+ArrowLeft")
    expect(one.tile(1)).to_contain_text(two.tile(1).locator(".hh-tile-name").inner_text())

    # Letters from both by turns, faster than the kernel answers: none is lost, and in the end both show the same.
    for view in (one, two):
        view.prompt.fill("")
    expect(one.prompt).to_have_value("")
    for view, letters in ((one, "abcdefgh"), (two, "ijklmnop")):
        view.prompt.press("End")
        page.keyboard.type(letters)
        expect((two if view is one else one).prompt).to_have_value(view.prompt.input_value())
    expect(one.prompt).to_have_value("abcdefghijklmnop")
    one.prompt.click()  # the notebook is in front again
    wait_until(lambda: "'abcdefghijklmnop'" in notebook.run(1).inner_text(), 20, "the kernel to have it")

    one.prompt.fill("character1 waves at character2")
    expect(two.prompt).to_have_value("character1 waves at character2")
    two.generate.click()
    for view in (one, two):
        expect(view.ready).to_have_count(1, timeout=LIMIT)
    page.locator(".jp-LinkedOutputView").first.evaluate("(view) => view.remove()")
    one.prompt.click()
    one.prompt.fill("still here")
    wait_until(
        lambda: "'still here'" in notebook.run(1).inner_text(), 20, "the kernel to hear the view that stays"
    )
