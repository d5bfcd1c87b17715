"""A sweep's grid in a real browser, with a real sweep behind it; and in JupyterLab, as a person would use it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import comm
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

import happyhorse_widgets as hh
from happyhorse_widgets.engine.connect import default_session
from happyhorse_widgets.widgets.sweep import SweepGrid
from happyhorse_widgets.widgets.sweeptwin import sweep_html
from tests.browser.audit import cramped, grave
from tests.browser.bare import BareStudio
from tests.browser.lab import Notebook
from tests.scripted_server import KEY, SECRET, Reply, ScriptedServer
from tests.sessions import LONG, picture
from tests.two_models import HASTY, Studio
from tests.unit.comms import RecordingComm
from tests.videos import write_video

#: Milliseconds in which clips are made, on a machine that has other things to do.
SLOW = 60_000

_SHOW = """async (site) => {
    const { default: widget } = await import(`${site}sweep.js`);
    const view = new AbortController();
    const place = document.body.appendChild(document.createElement("div"));
    widget.render({ model: window.model, el: place, signal: view.signal });
    window.endView = () => view.abort();
}"""


class BareGrid(BareStudio):
    """A sweep's grid in a page."""

    entry = "sweep"
    show = _SHOW

    def __init__(self, page: Page, grid: SweepGrid) -> None:
        super().__init__(page, grid)  # type: ignore[arg-type]
        self.sweep = grid.sweep
        self.root = page.locator(".hh-sweep")
        self.counts = self.root.locator(".hh-sweep-line").first
        self.run = self.root.get_by_role("button", name=re.compile("^Run "))
        self.retry = self.root.get_by_role("button", name=re.compile("^Retry "))
        self.status = self.root.locator(":scope > [role=status]")
        expect(self.root.locator(".hh-sweep-cell").first).to_be_visible()

    def cell(self, name: str) -> Locator:
        """The cell that is told by its levels."""
        return self.root.get_by_role("button", name=re.compile(f"^{re.escape(name)}: "))

    def table(self) -> list[list[str]]:
        """What the rows are called, and the names of their cells."""
        script = """(rows) => rows.map((row) => [
            [...row.querySelectorAll("th > :not(.hh-unseen)")].map((line) => line.textContent).join(" "),
            ...[...row.querySelectorAll("button")].map((cell) => cell.dataset.cell),
        ])"""
        found: list[list[str]] = self.root.locator("tbody tr").evaluate_all(script)
        return found

    def asked(self, kind: str) -> list[list[str]]:
        """The clips that messages of this kind were about."""
        found: list[list[str]] = self.page.evaluate(
            "(kind) => window.sent.filter((each) => each.kind === kind).map((each) => each.clips)", kind
        )
        return found


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[Studio]:
    """A server, and a default session on it."""
    scenario = Studio(write_video(tmp_path / "served.mp4", frames=6).read_bytes())
    with ScriptedServer(script=scenario) as server:
        scenario.base = server.url
        session = hh.connect(KEY, SECRET, base_url=f"{server.url}/v1", home=tmp_path / "home", settings=HASTY)
        yield scenario
        session.close()


@pytest.fixture
def show(
    page: Page, scenario: Studio, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[hh.Sweep], BareGrid]]:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    grids: list[SweepGrid] = []

    def open_one(sweep: hh.Sweep) -> BareGrid:
        grids.append(SweepGrid(sweep))
        return BareGrid(page, grids[-1])

    yield open_one
    page.evaluate("() => window.endView()")
    for grid in grids:
        grid.close()


Show = Callable[[hh.Sweep], BareGrid]


def test_one_press_runs_what_was_seen_and_another_what_failed(show: Show, scenario: Studio) -> None:
    scenario.failing = 2
    prompts = {"calm": "character1 sits", "wild": "character1 leaps <b>over</b> it"}
    grid = show(hh.sweep(prompts, [picture()], seed=[1, 2, 3], duration=[3], name="Foxes"))
    expect(grid.counts).to_have_text("FoxesSANDBOX6 cells · 6 planned")
    expect(grid.run).to_have_text("Run 6 clips ≈ 180 CU simulated")
    expect(grid.retry).to_be_hidden()
    expect(grid.cell("prompt calm, seed 2")).to_have_text("Planned")
    assert grid.table() == [["prompt calm", "c1", "c2", "c3"], ["prompt wild", "c4", "c5", "c6"]]
    assert scenario.bodies == []

    grid.run.focus()
    grid.page.keyboard.press("Enter")
    grid.page.keyboard.press("Enter")  # who presses twice pays once
    expect(grid.status).to_have_text("4 clips ready, 2 failed.", timeout=SLOW)
    expect(grid.counts).to_have_text("FoxesSANDBOX6 cells · 4 ready · 2 failed")
    expect(grid.root).to_contain_text("120 CU simulated spent")
    assert len(scenario.bodies) == 6
    # The button that spends is gone, and the focus is on no other that does.
    expect(grid.run).to_be_hidden()
    assert "hh-sweep-cell" in grid.page.evaluate("() => document.activeElement.className")
    expect(grid.root.locator(".hh-sweep-cell img[src]")).to_have_count(4, timeout=SLOW)

    expect(grid.retry).to_have_text("Retry 2 failed ≈ 60 CU simulated")
    grid.retry.click()
    expect(grid.counts).to_have_text("FoxesSANDBOX6 cells · 6 ready", timeout=SLOW)
    expect(grid.retry).to_be_hidden()
    assert len(scenario.bodies) == 8
    assert grid.sweep.spent == 180


def test_a_press_never_spends_more_than_was_seen(show: Show, scenario: Studio) -> None:
    study = hh.sweep("character1 waves", [picture()], seed=[1, 2, 3], duration=3)
    grid = show(study)
    expect(grid.run).to_have_text("Run 3 clips ≈ 90 CU simulated")
    study.session.budget = 80
    expect(grid.root).to_contain_text("80 CU left of the budget")
    grid.run.click()
    expect(grid.status).to_contain_text(
        "cost about 90 creative units; 0 of the budget of 80 are spent. Nothing was sent."
    )
    press = {
        "kind": "sweep-run",
        "clips": 2,
        "expected": 500,
        "retry": False,
        "press": "p",
        "request": "mine",
    }
    grid.page.evaluate("(press) => window.model.send(press)", press)
    answers = grid.studio.comm
    grid.page.wait_for_function("() => window.sent.length > 1")
    expect(grid.run).to_be_visible()
    assert isinstance(answers, RecordingComm)
    assert scenario.bodies == []
    study.session.budget = None
    grid.run.click()
    expect(grid.status).to_have_text("3 clips ready, 0 failed.", timeout=SLOW)
    said = [message["said"] for message in answers.messages if message.get("request") == "mine"]
    assert said == ["There are 3 clips to run now, not 2: look again, and press again."]


def test_nothing_is_sent_before_its_price_is_known(show: Show, scenario: Studio) -> None:
    refusal = Reply(403, {"error": "Forbidden", "reason": "no dry runs today"})
    scenario.garble("dry run", [lambda honest: refusal])
    grid = show(hh.sweep("character1 waves", [picture()], seed=[1, 2, 3], duration=3))
    expect(grid.run).to_have_attribute(
        "title", re.compile("What they cost is not known: .*no dry runs today")
    )
    expect(grid.run).to_have_text("Run 3 clips")
    grid.run.click()
    expect(grid.status).to_contain_text("What they cost is not known, so nothing was sent.")
    assert scenario.bodies == []
    # It was asked again, and the trouble is over.
    expect(grid.run).to_have_text("Run 3 clips ≈ 90 CU simulated", timeout=SLOW)
    expect(grid.run).to_have_attribute("title", re.compile("^Ask for every clip"))


def test_what_failed_in_an_earlier_kernel_has_its_price(show: Show, scenario: Studio, tmp_path: Path) -> None:
    scenario.failing = 1
    hh.sweep("character1 waves", [picture()], seed=[1, 2], duration=3, name="Foxes").wait(LONG)
    first = default_session()
    first.close()
    session = hh.connect(KEY, SECRET, base_url=f"{scenario.base}/v1", home=tmp_path / "home", settings=HASTY)
    grid = show(hh.Sweep.open("Foxes"))
    expect(grid.retry).to_have_text("Retry 1 failed ≈ 30 CU simulated", timeout=SLOW)
    # A card that was not drawn again yet asks for the same a second time: it is one clip.
    (failed,) = grid.sweep.failures
    assert failed.clip is not None
    for press in ("one", "other"):
        message = {"kind": "clip-act", "clip": failed.clip.id, "action": "again", "press": press}
        grid.page.evaluate("(message) => window.model.send(message)", message | {"request": press})
    expect(grid.counts).to_have_text("FoxesSANDBOX2 cells · 2 ready", timeout=SLOW)
    assert len(scenario.bodies) == 3
    session.close()


def test_a_clip_never_stands_under_the_name_of_another(show: Show, scenario: Studio) -> None:
    grid = show(hh.sweep("character1 waves", [picture()], seed=[1, 2], duration=3).wait(LONG))
    grid.cell("seed 1").click()
    card = grid.root.locator(".hh-card")
    expect(card).to_be_visible()
    grid.page.evaluate("() => { window.send = window.model.send; window.model.send = () => {}; }")
    grid.cell("seed 2").click()
    expect(grid.root.locator(".hh-sweep-opened")).to_contain_text("seed 2")
    expect(card).to_have_count(0)
    expect(grid.root.locator(".hh-sweep-opened")).to_contain_text("Loading …")
    grid.page.evaluate("() => { window.model.send = window.send; }")


def test_cells_are_laid_out_by_factors_and_walked_by_the_arrows(show: Show, scenario: Studio) -> None:
    study = hh.sweep(
        {"a": "character1 sits", "b": "character1 leaps"},
        [picture()],
        seed=[1, 2],
        duration=[3, 4, 5],
        design="one-at-a-time",
    )
    grid = show(study.wait(LONG))
    # Base, two other lengths, one other prompt; each with both seeds.
    assert [row[0] for row in grid.table()] == [
        "prompt a duration 3",
        "duration 4",
        "duration 5",
        "prompt b duration 3",
    ]
    grid.root.get_by_label("Columns").select_option("duration")
    rows = grid.table()
    assert [row[0] for row in rows] == ["prompt a seed 1", "seed 2", "prompt b seed 1", "seed 2"]
    assert [len(row) for row in rows] == [4, 4, 2, 2]
    assert grid.root.get_by_label("Rows").locator("option[disabled]").inner_text() == "duration"
    grid.cell("prompt a, duration 4, seed 2").focus()
    focused = "() => document.activeElement.getAttribute('aria-label')"
    steps = {
        "ArrowRight": "5, seed 2",
        "ArrowDown": "5, seed 2",
        "ArrowUp": "5, seed 1",
    }  # there is none below
    for key, name in steps.items():
        grid.page.keyboard.press(key)
        assert grid.page.evaluate(focused) == f"prompt a, duration {name}: Ready"
    expect(grid.root.locator(".hh-sweep-cell[tabindex='0']")).to_have_count(1)
    # A cell opens below the table, and gives the focus back.
    grid.page.keyboard.press("Enter")
    card = grid.root.locator(".hh-card")
    expect(card).to_contain_text("character1 sits")
    expect(grid.cell("prompt a, duration 5, seed 1")).to_have_attribute("aria-expanded", "true")
    grid.page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    assert grid.page.evaluate(focused) == "prompt a, duration 5, seed 1: Ready"
    assert grave(grid.page, ".hh-sweep") == []
    assert cramped(grid.root) == []


def test_only_cells_near_the_view_ask_for_their_posters(show: Show, scenario: Studio) -> None:
    study = hh.sweep(
        "character1 waves", [picture()], seed=range(40), duration=[3], resolution=["720P"], name="many"
    )
    grid = show(study)
    grid.page.set_viewport_size({"width": 400, "height": 400})
    study.start()
    study.wait(LONG)
    expect(grid.counts).to_contain_text("40 ready", timeout=SLOW)
    expect(grid.root.locator(".hh-sweep-cell img[src]").first).to_be_visible()
    asked = {clip for clips in grid.asked("clips-posters") for clip in clips}
    assert 0 < len(asked) < 25
    grid.cell("seed 39").scroll_into_view_if_needed()
    expect(grid.cell("seed 39").locator("img[src]")).to_be_visible()
    box = grid.root.bounding_box()
    assert box and box["width"] <= 400
    assert len(str(grid.studio.get_state()["_summary"])) < 1000


def test_what_stays_without_a_kernel_is_a_table_of_films(page: Page, scenario: Studio) -> None:
    scenario.failing = 1
    study = hh.sweep(
        {"<i>a</i>": "character1 sits", "b": "character1 leaps"}, [picture()], seed=[1, 2], duration=3
    )
    page.set_content(sweep_html(study))
    expect(page.locator("td", has_text="Planned")).to_have_count(4)
    study.wait(LONG)
    page.set_content(sweep_html(study))
    expect(page.locator("p").first).to_contain_text(
        "3 of 4 cells ready, 90 creative units spent, simulated by the sandbox."
    )
    assert page.locator("tr").nth(0).inner_text().split("\t") == ["prompt", "seed 1", "seed 2"]
    assert page.locator("tr th").nth(3).inner_text() == "<i>a</i>"
    films = page.locator("td video")
    assert [unquote(film.get_attribute("src") or "") for film in films.all()] == [
        os.path.relpath(clip.path or "") for clip in study.clips if clip.is_done
    ]
    posters = (
        "(all) => Promise.all(all.map((each) => Object.assign(new Image(), { src: each.poster }).decode()))"
    )
    assert len(films.evaluate_all(posters)) == 3
    expect(page.locator("td", has_text="Failed")).to_have_count(1)


def test_a_bare_sweep_in_a_notebook_is_a_live_grid_that_leaves_a_table(
    new_notebook: Callable[..., Notebook], folder: Path
) -> None:
    notebook = new_notebook(
        "import happyhorse_widgets as hh\n"
        "session = hh.connect(sandbox=True, settings=hh.Settings(sandbox_speed=400, sandbox_scale=0.1))\n"
        'study = hh.sweep("character1 waves", ["fox.png"], seed=[1, 2], duration=3, resolution="720P")\n'
        "study",
        "await study\nlen(study.clips)",
        folder=folder,
    )
    output = notebook.run(0, limit=60_000)
    grid = output.locator(".hh-sweep")
    expect(grid.locator(".hh-sweep-cell")).to_have_count(2)
    grid.get_by_role("button", name=re.compile("^Run 2 clips")).click()
    assert notebook.run(1, limit=120_000).inner_text().split() == ["[2]:", "2"]
    expect(grid.locator(".hh-sweep-line").first).to_contain_text("2 ready", timeout=SLOW)
    expect(grid.locator(".hh-sweep-cell img[src]")).to_have_count(2, timeout=SLOW)
    expect(output.locator("table:not(.hh-sweep-table)")).to_be_hidden()
    saved = notebook.save()
    kept = "".join(str(each.get("data", {}).get("text/html", "")) for each in saved.cells[0].outputs)
    assert "2 of 2 cells ready" in kept
    assert kept.count("data:image/jpeg;base64,") == 2
