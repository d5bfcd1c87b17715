"""The arena in a real browser, with a real library behind it: voting, and that nothing tells which side is which."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import comm
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

import happyhorse_widgets as hh
from happyhorse_widgets.engine.session import Session
from tests.arenas import fill_arena
from tests.browser.audit import cramped, focus, grave
from tests.browser.bare import BareStudio
from tests.browser.lab import STEP_LIMIT, Lab, Notebook
from tests.unit.comms import RecordingComm

_SHOW = """async (site) => {
    const { default: widget } = await import(`${site}arena.js`);
    const view = new AbortController();
    const place = document.body.appendChild(document.createElement("div"));
    widget.render({ model: window.model, el: place, signal: view.signal });
    window.endView = () => view.abort();
}"""
BETTER = "Which clip is better?"


class BareArena(BareStudio):
    """An arena in a page."""

    entry = "arena"
    show = _SHOW

    def __init__(self, page: Page, arena: hh.Arena) -> None:
        super().__init__(page, arena)  # type: ignore[arg-type]
        self.arena = arena
        self.root = page.locator(".hh-arena")
        self.name = self.root.get_by_label("Your name or a pseudonym")
        self.duel = self.root.locator(".hh-duel")
        self.count = self.root.locator(".hh-arena-head .hh-number")
        self.trouble = self.root.get_by_role("alert")

    def begin(self, rater: str = "Ada") -> None:
        """Say who votes, and wait for the first pair."""
        self.name.fill(rater)
        self.name.press("Enter")
        self.at(1)

    def at(self, number: int) -> None:
        """Wait until the pair of this number, from 1, can be voted on."""
        expect(self.count).to_have_text(re.compile(rf"^Pair {number} of \d+$"), timeout=STEP_LIMIT)
        expect(self.root.locator("section[aria-busy]")).to_have_count(0, timeout=STEP_LIMIT)
        expect(self.duel).to_have_attribute("data-ready", "", timeout=STEP_LIMIT)

    def press(self, name: str) -> None:
        self.root.get_by_role("button", name=name, exact=True).click()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("arena") / "home"
    fill_arena(home)
    return home


@pytest.fixture(scope="module")
def session(home: Path) -> Iterator[Session]:
    session = hh.connect(sandbox=True, home=home)
    yield session
    session.close()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1000, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(STEP_LIMIT)
    yield context
    context.close()


OpenArena = Callable[..., BareArena]


@pytest.fixture
def open_arena(
    page: Page, session: Session, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenArena]:
    """Opens an arena that no other test has: `open_arena(**arguments)`."""
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    opened: list[hh.Arena] = []

    def make(**given: Any) -> BareArena:
        plain = {"name": request.node.name, "repeats": 0.0, "checks": 0.0, "seed": 1, "session": session}
        arena = hh.Arena(session.clips, **{**plain, **given})
        opened.append(arena)
        return BareArena(page, arena)

    yield make
    page.evaluate("() => window.endView()")
    for arena in opened:
        arena.close()


def test_a_whole_round_by_keyboard(open_arena: OpenArena) -> None:
    view = open_arena()
    view.begin("  Ada   Lovelace ")
    for number, key in enumerate(("ArrowLeft", "ArrowRight", "t", "x"), 1):
        view.at(number)
        assert len(view.arena.votes) == number - 1
        view.page.keyboard.press(key)
    expect(view.root.locator(".hh-arena-over")).to_have_text(
        "That was the last pair. Thank you.", timeout=STEP_LIMIT
    )
    votes = view.arena.votes
    assert votes["winner"].tolist() == ["a", "b", "tie", "both_bad"]
    assert set(votes["rater"]) == {"Ada Lovelace"}
    assert set(votes["left"]) == {"model_one", "model_two"}
    assert votes["pair"].is_unique
    assert (votes["seconds"] > 0).all()


def test_several_questions_are_answered_before_the_next_pair_comes(open_arena: OpenArena) -> None:
    view = open_arena(questions={"better": BETTER, "closer": "Which is closer to the image?"}, rater="Ada")
    view.press("Begin")
    view.at(1)
    choices = view.root.locator(".hh-answers-row")
    next_pair = view.root.get_by_role("button", name="Next pair")
    expect(next_pair).to_have_attribute("aria-disabled", "true")
    view.page.keyboard.press("b")
    view.page.keyboard.press("Enter")  # not yet
    choices.nth(1).get_by_role("button", name="Both bad").click()
    choices.nth(0).get_by_role("button", name="Tie").click()  # another thought
    assert view.arena.votes.empty
    next_pair.click()
    view.at(2)
    assert view.arena.votes[["question", "winner"]].to_numpy().tolist() == [
        ["better", "tie"],
        ["closer", "both_bad"],
    ]


def test_the_last_vote_can_be_taken_back_and_the_pair_comes_again(
    open_arena: OpenArena, session: Session
) -> None:
    view = open_arena()
    view.begin()
    undo = view.root.get_by_role("button", name="Take back the last vote")
    expect(undo).to_have_attribute("aria-disabled", "true")
    view.press("A")
    view.at(2)
    before = session.ballots.counting(view.arena.id)
    undo.click()
    view.at(1)
    expect(undo).to_have_attribute("aria-disabled", "true")
    assert session.ballots.counting(view.arena.id) == []
    view.press("B")
    view.at(2)
    (after,) = session.ballots.counting(view.arena.id)
    assert (after.left, after.right, after.position) == (before[0].left, before[0].right, 0)
    assert after.answers == {BETTER: "b"}
    assert len(session.ballots.all(view.arena.id)) == 3


def test_a_laptop_that_is_passed_around(open_arena: OpenArena) -> None:
    view = open_arena()
    view.name.press("Enter")
    expect(view.name).to_have_attribute("aria-invalid", "true")
    for rater in ("Ada", "Bo"):
        view.begin(rater)
        expect(view.root.get_by_text(f"Rater: {rater}")).to_be_visible()
        view.press("A")
        view.at(2)
        view.press("Another rater")
        expect(view.name).to_be_focused()
    view.name.fill("Ada")
    view.name.press("Enter")
    view.at(2)
    assert view.arena.votes["rater"].tolist() == ["Ada", "Bo"]


def test_the_next_pair_waits_for_the_vote_to_be_written(open_arena: OpenArena, home: Path) -> None:
    view = open_arena()
    view.begin()
    sent = "() => window.sent.filter(({ kind }) => kind === 'arena-next').length"
    with closing(sqlite3.connect(home / "library.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # nobody can write now
        view.press("A")
        expect(view.root.locator("section[aria-busy]")).to_have_count(1)
        view.page.keyboard.press("b")  # is for no pair
        view.page.wait_for_function("() => window.sent.some(({ kind }) => kind === 'arena-vote')")
        assert view.page.evaluate(sent) == 1
        assert view.arena.progress.votes == 0
        other.execute("COMMIT")
    view.at(2)
    assert view.arena.votes["winner"].tolist() == ["a"]


def test_a_vote_that_could_not_be_written_is_told_again_and_is_one(
    open_arena: OpenArena, session: Session
) -> None:
    view = open_arena()
    view.begin()
    refuse = "CREATE TEMP TRIGGER full BEFORE INSERT ON ballots BEGIN SELECT RAISE (ABORT, 'disk full'); END"
    session._database.write(lambda connection: connection.execute(refuse)).result()
    view.press("A")
    expect(view.trouble).to_contain_text("disk full", timeout=STEP_LIMIT)
    assert view.arena.progress.votes == 0
    session._database.write(lambda connection: connection.execute("DROP TRIGGER full")).result()
    view.press("Try again")
    view.at(2)
    expect(view.trouble).to_be_hidden()
    assert view.arena.votes["winner"].tolist() == ["a"]


def test_a_pair_that_was_voted_on_in_another_window_is_passed(open_arena: OpenArena) -> None:
    view = open_arena()
    view.begin()
    turn = view.arena.turn("Ada")
    assert turn is not None
    view.arena.vote("Ada", turn, "tie")
    view.press("A")
    view.at(2)
    assert view.arena.votes["winner"].tolist() == ["tie"]


def test_a_clip_that_is_gone_is_passed_and_the_rater_hears_no_name(
    open_arena: OpenArena, session: Session
) -> None:
    view = open_arena(by=lambda clip: clip.request.model if clip.request.seed == 0 else None)
    turn = view.arena.turn("Ada")
    assert turn is not None
    broken = session.clip(turn.left.clip_id).path
    assert broken is not None
    for copy in session.home.glob(f"playable/{turn.left.clip_id}.*"):
        copy.unlink()
    aside = broken.rename(broken.with_suffix(".aside"))
    view.begin()
    view.press("A")
    expect(view.trouble).to_contain_text("The next pair cannot be shown", timeout=STEP_LIMIT)
    assert turn.left.clip_id not in view.page.content()
    assert list(view.arena.left_out)[-1] == turn.left.clip_id
    aside.rename(broken)
    view.press("Try again")
    view.at(2)
    assert turn.left.clip_id not in view.arena.left_out


# -- nothing tells the sides apart -----------------------------------------------------------------------------------------

#: Everything that the page shows or holds of either side, with letters, names of blobs and places put aside.
_SIDES = """() => [...document.querySelectorAll(".hh-duel-side")].map((side, index) => {
    const video = side.querySelector("video");
    const { width, height } = side.querySelector(".hh-duel-picture").getBoundingClientRect();
    const style = getComputedStyle(video);
    const kept = ["visibility", "objectFit", "backgroundColor", "opacity", "filter", "display"].map((name) => style[name]);
    const letter = "AB"[index];
    return {
        html: side.outerHTML.replace(/blob:[^"]+/g, "blob").replace(new RegExp(`(?<![a-z])${letter}(?![a-z])`, "g"), "?"),
        box: [Math.round(width), Math.round(height), video.clientWidth, video.clientHeight],
        style: kept,
        properties: Object.keys(video).sort(),
        state: [video.muted, video.loop, video.preload, video.title, video.poster, video.src.split("/").length],
    };
})"""
_SIZES = """async () => Promise.all([...document.querySelectorAll("video")].map(async ({ src }) => {
    const blob = await (await fetch(src)).blob();
    return [blob.size, blob.type, [...new Uint8Array(await blob.slice(0, 32).arrayBuffer())].join()];
}))"""


def told_of(arena: hh.Arena) -> list[str]:
    """Words that name what is compared: none of them may reach the browser."""
    sides = [side for pair in arena.pairs for side in (pair.one, pair.other)]
    return [
        *{text for side in sides for text in (side.clip_id, side.sha256, side.sha256[:12], side.level)},
        "prompt 0",
    ]


def test_nothing_in_the_page_tells_the_sides_apart(open_arena: OpenArena) -> None:
    view = open_arena(checks=0.5)
    view.begin()
    for number in range(1, 6):
        view.at(number)
        left, right = view.page.evaluate(_SIDES)
        assert left == right
        assert len({tuple(size) for size in view.page.evaluate(_SIZES)}) == 1
        page = view.page.content()
        assert [word for word in told_of(view.arena) if word in page] == []
        view.page.keyboard.press("a")
    wide = [
        each.left.level for each in view.arena.session.ballots.counting(view.arena.id) if each.kind == "vote"
    ]
    assert {*wide} == {"model_one", "model_two"}  # it was not always the same model on the left


def test_nothing_on_the_wire_tells_the_sides_apart(open_arena: OpenArena) -> None:
    view = open_arena(seed=4)
    comm = view.arena.comm
    view.begin()
    for number in range(1, 5):
        view.at(number)
        view.page.keyboard.press("b")
    expect(view.root.locator(".hh-arena-over")).to_be_visible(timeout=STEP_LIMIT)
    published = [(data, buffers) for _, data, buffers, _ in comm.published]
    whole = b"".join(json.dumps(data).encode() + b"".join(buffers) for data, buffers in published)
    assert [word for word in told_of(view.arena) if word.encode() in whole] == []
    assert b"x264" not in whole  # the encoder's settings, which are beside the picture
    traits = json.dumps(
        {name: value for name, value in view.arena.get_state().items() if name not in ("_esm", "_css")}
    )
    assert [word for word in told_of(view.arena) if word in traits] == []
    sent = view.page.evaluate("() => window.sent")
    shown = [data["content"] for data, _ in published if "showing" in (data.get("content") or {})]
    asked = [each for each in sent if each["kind"] == "arena-chunk"]
    names = [side for each in shown for side in each["sides"]]
    assert len(set(names)) == len(names) == 8  # drawn anew for each showing
    assert len({each["showing"] for each in shown}) == 4
    assert {tuple(sorted(each)) for each in shown} == {tuple(sorted(shown[0]))}
    for each in shown:  # both are fetched in the same pieces
        pieces = [[(a["offset"], a["length"]) for a in asked if a["side"] == side] for side in each["sides"]]
        assert pieces[0] == pieces[1]
        assert sum(length for _, length in pieces[0]) == each["bytes"]
    assert {each["bytes"] % (1 << 16) for each in shown} == {0}
    assert [each["side"] for each in asked[::2]] != [
        each["sides"][0] for each in shown
    ]  # nor always the left first


def test_neither_side_is_seen_before_both_can_play(open_arena: OpenArena, page: Page) -> None:
    view = open_arena()
    page.evaluate("""() => {
        window.early = [];
        const seen = (video) => getComputedStyle(video).visibility === "visible";
        const look = () => {
            const videos = [...document.querySelectorAll("video")];
            const whole = videos.length === 2 && videos.every((video) => seen(video) && video.readyState >= 3);
            if (videos.some(seen) && !whole) window.early.push(videos.map((video) => video.readyState));
            requestAnimationFrame(look);
        };
        look();
    }""")
    view.begin()
    for number in (2, 3):
        view.page.keyboard.press("a")
        view.at(number)
    assert page.evaluate("() => window.early") == []


def test_both_play_on_one_clock_again_and_again(open_arena: OpenArena) -> None:
    view = open_arena()
    view.begin()
    times = "() => [...document.querySelectorAll('video')].map((video) => [video.currentTime, video.paused])"
    assert [paused for _, paused in view.page.evaluate(times)] == [True, True]  # less motion is asked for
    view.page.keyboard.press(" ")
    view.page.wait_for_function("""() => {
        const [a, b] = [...document.querySelectorAll("video")].map((video) => video.currentTime);
        window.most = Math.max(window.most ?? 0, a);
        return window.most > 1.2 && a > 0.1 && a < 0.8 && !document.querySelector("video").paused;
    }""")
    view.press("Pause")
    view.page.wait_for_function(
        "() => [...document.querySelectorAll('video')].every((video) => video.paused && !video.seeking)"
    )
    (a, _), (b, _) = view.page.evaluate(times)
    assert abs(a - b) < 1 / 24
    view.press("Hear B")
    muted = "() => [...document.querySelectorAll('video')].map((video) => video.muted)"
    assert view.page.evaluate(muted) == [True, False]
    view.press("Hear B")
    assert view.page.evaluate(muted) == [True, True]


def test_it_is_for_everybody_and_fits_everywhere(open_arena: OpenArena) -> None:
    view = open_arena(questions=["Which clip is better, all in all?", "W" * 120])
    assert [*grave(view.page, ".hh-arena"), *cramped(view.root)] == []
    view.begin()
    assert [*grave(view.page, ".hh-arena"), *cramped(view.root)] == []
    assert focus(view.page)["seen"]
    view.page.evaluate("() => document.documentElement.setAttribute('theme', 'dark')")
    assert grave(view.page, ".hh-arena") == []
    expect(view.root.get_by_role("status").first).to_have_text(
        re.compile(r"^Pair 1 of \d+\. Which clip is better")
    )


# -- in JupyterLab -----------------------------------------------------------------------------------------------------------

OPEN = """import happyhorse_widgets as hh
session = hh.connect(sandbox=True, home="home")
arena = hh.Arena(session.clips, repeats=0, checks=0, seed=1)
arena"""
TELL = "print(list(arena.votes.winner), arena.progress)"


def test_voting_in_jupyterlab_reaches_the_library_and_no_cell(
    new_notebook: Callable[..., Notebook], lab: Lab
) -> None:
    folder = lab.folder()
    ids = fill_arena(folder / "home")
    notebook = new_notebook(OPEN, TELL, folder=folder)
    root = notebook.run(0).locator(".hh-arena")
    heights = root.locator("kbd").evaluate_all("(keys) => keys.map((key) => key.offsetHeight)")
    assert 0 < max(heights) < 24, "a key's name is broken into lines"
    root.get_by_label("Your name or a pseudonym").fill("Ada")
    root.get_by_role("button", name="Begin").click()
    for number, key in enumerate("abxt", 1):
        expect(root.locator(".hh-arena-head .hh-number")).to_have_text(
            f"Pair {number} of 4", timeout=STEP_LIMIT
        )
        expect(root.locator(".hh-duel[data-ready]")).to_be_visible(timeout=STEP_LIMIT)
        notebook.page.keyboard.press(key)
    expect(root.locator(".hh-arena-over")).to_be_visible(timeout=STEP_LIMIT)
    expect(notebook.page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(2)
    told = "['a', 'b', 'both_bad', 'tie'] 4 votes by 1 rater on 4 pairs, 1 on each"
    expect(notebook.run(1)).to_contain_text(told)
    saved = json.dumps(notebook.save()["cells"][0]["outputs"])
    assert "Blind comparison: 4 votes by 1 rater" in saved
    assert [word for word in (*ids, "model_one", "model_two") if word in saved] == []
