"""What a person sees, and presses, when an answer was lost, a clip failed, or the kernel was killed."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import comm
import pytest
from playwright.sync_api import Locator, Page, expect

import happyhorse_widgets as hh
from tests.browser.bare import WholeStudio
from tests.browser.lab import TALL, Notebook, wait_until
from tests.browser.studio import FOX
from tests.browser.test_tray_in_lab import FRAMES
from tests.conftest import SandboxProcess, StartSandbox
from tests.sessions import QUICK, Kernel
from tests.unit.comms import RecordingComm

LIMIT = 60_000  # milliseconds until a clip is made on a busy machine

CONNECT = """\
import happyhorse_widgets as hh
quick = hh.Settings(
    quiescence=0.5, reconcile_scans=2, reconcile_gap=0.1, poll_interval=0.2, single_poll=0.2,
    sandbox_speed=400, sandbox_scale=0.2,
)
"""
CLIP = 'clip = hh.generate({prompt!r}, ["fox.png", "astronaut.png"], duration=3, seed=7)\nclip'

NewNotebook = Callable[..., Notebook]


def on(sandbox: SandboxProcess, prompt: str = "character1 waves at character2") -> str:
    """A cell that makes a clip on a sandbox of the test's, and shows its card."""
    keys = {"api_key": sandbox.key, "api_secret": sandbox.secret, "base_url": sandbox.base_url}
    return f"{CONNECT}hh.connect(settings=quick, **{keys!r})\n{CLIP.format(prompt=prompt)}"


def card_in(notebook: Notebook, cell: int = 0) -> Locator:
    return notebook.output(cell).locator("article.hh-card")


#: What a card offers in every state.
ALWAYS = ["Reuse", "Vary seed"]


def buttons(card: Locator) -> list[str]:
    """The names of the buttons that can be seen."""
    return [name for name in card.get_by_role("button").all_inner_texts() if name]


# Which phases the card goes through from now on.
PHASES = """(card) => {
    window.phases = [];
    const look = () => window.phases.at(-1) !== card.dataset.phase && window.phases.push(card.dataset.phase);
    new MutationObserver(look).observe(card, { attributes: true, attributeFilter: ["data-phase"] });
}"""


def submission(fault: str, **options: object) -> dict[str, object]:
    match = {"method": "POST", "path": "/v1/generate/custom/*", "query": {"dryRun": None}, "times": 1}
    return {"match": match, "fault": fault, **options}


def test_a_lost_answer_asks_its_person_who_looks_again_and_submits_again(
    new_notebook: NewNotebook, folder: Path, start_sandbox: StartSandbox
) -> None:
    # A look takes so long that the page gets to show it.
    lists = {"match": {"path": "/v1/jobs"}, "fault": "latency", "seconds": 1.0}
    sandbox = start_sandbox(speed=400, scale=0.2, faults=[submission("reset"), lists])
    notebook = new_notebook(on(sandbox), folder=folder)
    notebook.run(0)
    card = card_in(notebook)
    expect(card).to_have_attribute("data-phase", "asking", timeout=LIMIT)
    expect(card.locator(".hh-card-heading")).to_have_text("Needs a look")
    expect(card.locator(".hh-card-trouble")).to_contain_text("if it was, it cost about")
    assert buttons(card) == ["Look again", "Submit again", *ALWAYS]
    again = card.get_by_role("button", name="Submit again")
    assert "costs about" in (again.get_attribute("title") or "")
    first = card.get_attribute("data-clip")

    card.evaluate(PHASES)
    card.get_by_role("button", name="Look again").press("Enter")
    expect(card.locator(".hh-card-said")).to_contain_text("Nothing is paid by that")
    notebook.page.wait_for_function("() => window.phases.length > 1 && window.phases.at(-1) === 'asking'")
    assert sandbox.ledger()["jobs"] == []

    again.dblclick()
    expect(card).to_have_attribute("data-phase", "ready", timeout=LIMIT)
    assert card.get_attribute("data-clip") != first
    expect(card.locator(".hh-card-trouble")).to_be_empty()
    assert len(sandbox.ledger()["jobs"]) == 1


def test_a_clip_that_failed_can_be_asked_for_again_on_its_card(
    new_notebook: NewNotebook, folder: Path, start_sandbox: StartSandbox
) -> None:
    sandbox = start_sandbox(speed=400, scale=0.2, faults=[submission("job", outcome="moderation")])
    notebook = new_notebook(on(sandbox), folder=folder)
    notebook.run(0)
    card = card_in(notebook)
    expect(card).to_have_attribute("data-phase", "failed", timeout=LIMIT)
    expect(card.locator(".hh-card-trouble")).to_contain_text("Scenario refunds it")
    assert buttons(card) == ["Submit again", *ALWAYS]
    card.get_by_role("button", name="Submit again").click()
    expect(card).to_have_attribute("data-phase", "ready", timeout=LIMIT)
    clip = card.get_attribute("data-clip")
    kept = notebook.output(0).locator(f'[class^=hh-twin-] video[src*="{clip}.mp4"]')
    expect(kept).to_be_attached(timeout=LIMIT)
    saved = notebook.save()
    html = "".join(output.get("data", {}).get("text/html", "") for output in saved.cells[0].outputs)
    assert f"{clip}.mp4" in html, "what the notebook keeps is the new clip"


def test_a_clip_that_nobody_watches_can_be_watched_again(
    new_notebook: NewNotebook, folder: Path, start_sandbox: StartSandbox
) -> None:
    sandbox = start_sandbox(speed=1, scale=0.2)
    notebook = new_notebook(on(sandbox), folder=folder)
    notebook.run(0)
    card = card_in(notebook)
    stop = card.get_by_role("button", name="Stop watching")
    expect(card.get_by_role("button", name="Ask to cancel")).to_be_visible(timeout=LIMIT)
    stop.click()
    expect(card.locator(".hh-card-heading")).to_have_text("In the background")
    assert buttons(card) == ["Watch again", "Ask to cancel", *ALWAYS]
    card.get_by_role("button", name="Ask to cancel").click()
    expect(card.locator(".hh-card-said")).to_contain_text("The job goes on, paid, and the clip will arrive")
    card.get_by_role("button", name="Watch again").click()
    expect(card.locator(".hh-card-heading")).not_to_have_text("In the background")
    assert buttons(card) == ["Stop watching", "Ask to cancel", *ALWAYS]


def test_a_card_that_nobody_follows_says_why_and_counts_no_time(
    page: Page, tmp_path: Path, start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    trouble = {"match": {"path": "/v1/jobs/*", "method": "GET"}, "fault": "status", "status": 503}
    sandbox = start_sandbox(speed=400, scale=0.1, faults=[trouble])
    keys = (sandbox.key, sandbox.secret)
    session = hh.connect(*keys, base_url=sandbox.base_url, home=tmp_path / "home", settings=QUICK)
    studio = hh.Studio(session, references=[FOX], prompt="character1 waves", duration=3)
    card = WholeStudio(page, studio).root.locator(".hh-card")
    studio.generate()
    time, note = card.locator(".hh-card-time"), card.locator(".hh-card-note")
    card.get_by_role("button", name="Stop watching").click(timeout=LIMIT)
    expect(card.locator(".hh-card-heading")).to_have_text("In the background")
    expect(note).to_contain_text("The job is paid and goes on")
    expect(note).to_contain_text("503")  # trouble is not hidden by that
    expect(time).to_have_text(re.compile(r"^0:\d\d"))
    session.close()
    expect(card.locator(".hh-card-heading")).to_have_text("Not followed")
    expect(note).to_contain_text("This session is closed. Make another with connect()")
    expect(time).to_have_text("")
    expect(card.get_by_role("button", name="Watch again")).to_have_count(0)
    page.evaluate("() => window.endView()")
    studio.close()


OWNER = """
connect()
for line in sys.stdin:
    hh.generate("character1 comes from the other kernel", [picture()], duration=3)
    say("made")
"""


def test_a_notebook_beside_another_shows_its_clips_live_and_submits_through_it(
    new_notebook: NewNotebook, folder: Path
) -> None:
    owner = Kernel(OWNER, folder / "happyhorse")
    try:
        owner.go_on()
        assert owner.line() == "made"
        studio = f"{CONNECT}session = hh.connect(sandbox=True, settings=quick)\nhh.Studio()"
        notebook = new_notebook(studio, CLIP.format(prompt="character1 waves at character2"), folder=folder)
        notebook.page.set_viewport_size(TALL)
        notebook.run(0)
        cards = notebook.output(0).locator("article.hh-card")
        expect(cards).to_have_count(1)
        owner.go_on()
        expect(cards).to_have_count(2, timeout=LIMIT)  # nobody touched this notebook meanwhile
        notebook.run(1)
        expect(card_in(notebook, 1)).to_have_attribute("data-phase", "ready", timeout=LIMIT)
        expect(notebook.output(0).locator('.hh-card[data-phase="ready"]')).to_have_count(3, timeout=LIMIT)
    finally:
        owner.kill()
        owner.process.communicate()


TEN_SESSION = """\
import os
import happyhorse_widgets as hh
session = hh.connect(sandbox=True, settings=hh.Settings(sandbox_scale=0.2, sandbox_speed=6))
"""
TEN = f"""\
{TEN_SESSION}
clips = [hh.generate(f"character1 waves {{n}} times", ["fox.png"], duration=3, seed=7) for n in range(10)]
print(os.getpid(), end="")
clips[0]
"""
# All of the plan's eight places are taken: no answer is on its way that would have to be waited out.
SUBMITTED = """\
import time
while sum(clip.job_id is not None for clip in clips) < 8:
    time.sleep(0.01)
print(sum(clip.is_over for clip in clips), end="")
"""


def test_a_kernel_killed_in_the_middle_of_ten_jobs_loses_none_and_pays_none_twice(
    new_notebook: NewNotebook, folder: Path
) -> None:
    studio = f"{TEN_SESSION}studio = hh.Studio()\nstudio"
    notebook = new_notebook(
        TEN, SUBMITTED, studio, "print(sum(c.is_done for c in studio.clips), end='')", folder=folder
    )
    pid = int(notebook.run(0).locator(".jp-OutputArea-output").first.inner_text())
    card = card_in(notebook)
    expect(card).to_have_attribute("data-phase", "busy")
    assert notebook.run(1).inner_text() == "0", "all ten are on their way"
    os.kill(pid, signal.SIGKILL)
    # JupyterLab says so, and starts another.
    notebook.page.get_by_role("dialog").get_by_role("button", name="Ok").click(timeout=LIMIT)
    expect(card.locator(".hh-card-heading")).to_have_text("The kernel has stopped", timeout=LIMIT)
    expect(card).to_contain_text("Nothing is lost")
    output = notebook.run(2)
    expect(output.locator(".hh-toolbar-count")).to_have_text("10 clips")
    notebook.page.evaluate(FRAMES)
    answers: list[str] = []

    def ten_are_here() -> bool:
        answers.append(notebook.run(3).inner_text())
        return answers[-1] == "10"

    wait_until(ten_are_here, 180, "all ten to arrive")
    drawn = notebook.page.evaluate("() => window.frames_drawn")
    # However busy the machine is: while ten clips come, cells are run, and the page is drawn again and again for each.
    assert len(answers) > 3
    assert drawn > 3 * len(answers)
    output.get_by_role("combobox", name="State").select_option(label="Ready")
    expect(output.locator(".hh-toolbar-count")).to_have_text("10 of 10")
    output.locator(".hh-clips").scroll_into_view_if_needed()
    expect(output.locator('.hh-card[data-phase="ready"]').first).to_be_visible(timeout=LIMIT)
    ledger = sqlite3.connect(folder / "happyhorse" / "sandbox" / "ledger.sqlite3")
    try:
        assert ledger.execute("SELECT COUNT(*) FROM jobs").fetchone()[0] == 10, "each was paid once"
    finally:
        ledger.close()
    assert len(list((folder / "happyhorse" / "clips").glob("*.mp4"))) == 10
