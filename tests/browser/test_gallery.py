"""The gallery in a real browser, with a real library of a thousand clips behind it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import comm
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

import happyhorse_widgets as hh
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.widgets.clip import ClipCard
from tests.browser.bare import BareStudio
from tests.browser.lab import wait_until
from tests.sessions import picture
from tests.shelves import clip_id, fill
from tests.unit.comms import RecordingComm, until
from tests.videos import write_video

COUNT = 1000
#: The clip whose frames are large enough for a reference.
LARGE = 996

_SHOW = """async (site) => {
    const { default: widget } = await import(`${site}gallery.js`);
    const view = new AbortController();
    const place = document.body.appendChild(document.createElement("div"));
    window.began = performance.now();
    widget.render({ model: window.model, el: place, signal: view.signal });
    window.endView = () => view.abort();
}"""


# The uppermost clip that is seen whole, once all that is near has its card.
_IN_VIEW = """() => {
    const within = (card) => card.getBoundingClientRect().top > 20 && card.getBoundingClientRect().top < innerHeight;
    const ready = !document.querySelector(".hh-waiting");
    return ready && [...document.querySelectorAll("article[data-clip]")].find(within)?.dataset.clip;
}"""


class BareGallery(BareStudio):
    """A gallery in a page."""

    entry = "gallery"
    show = _SHOW

    def __init__(self, page: Page, gallery: hh.Gallery) -> None:
        super().__init__(page, gallery)  # type: ignore[arg-type]
        self.root = page.locator(".hh-gallery")
        self.items = self.root.locator(".hh-clips-item")
        self.cards = self.root.locator(".hh-card:not(.hh-waiting)")
        self.count = self.root.locator(".hh-toolbar-count")
        expect(self.cards.or_(self.root.locator(".hh-poster:not(.hh-waiting)")).first).to_be_visible()

    def clip(self, number: int) -> Locator:
        """What shows the clip with this number."""
        return self.root.locator(f'article[data-clip="{clip_id(number)}"]')

    def scroll_to(self, y: int) -> None:
        self.page.evaluate("(y) => window.scrollTo(0, y)", y)

    def top(self, number: int) -> float:
        """How far below the view's upper edge a clip is."""
        box = self.clip(number).bounding_box()
        assert box
        return box["y"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("gallery") / "home"
    fill(home, COUNT)
    video = home / "clips" / f"{clip_id(LARGE)}.mp4"
    video.unlink()  # a link to the file that all have
    write_video(video, size=(640, 480), frames=6, faststart=True, audio=False)
    with closing(sqlite3.connect(home / "library.sqlite3")) as library, library:
        relate = "UPDATE jobs SET parent = ?, relation = 'varied' WHERE id = ?"
        library.execute(relate, (clip_id(500), clip_id(999)))
        library.execute(relate, ("clip_elsewhere", clip_id(998)))
    return home


@pytest.fixture
def session(home: Path) -> Iterator[Session]:
    # So slow that what is taken back at once was never sent.
    session = hh.connect(sandbox=True, home=home, settings=hh.Settings(sandbox_speed=0.1))
    yield session
    session.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A profile for each test: a layout that one chose is not remembered in the next."""
    context = browser.new_context(viewport={"width": 1000, "height": 800}, accept_downloads=True)
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def gallery(page: Page, session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[BareGallery]:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    widget = hh.Gallery(session)
    yield BareGallery(page, widget)
    page.evaluate("() => window.endView()")
    widget.close()


def nodes(page: Page) -> int:
    count: int = page.evaluate("() => document.querySelectorAll('.hh-root *').length")
    return count


def shown(gallery: BareGallery) -> list[str]:
    """The ids of the clips that have elements, in order."""
    keys: list[str] = gallery.items.evaluate_all("(items) => items.map((item) => item.dataset.key)")
    return keys


# -- only what is near -------------------------------------------------------------------------------------------------


def test_only_what_is_near_the_view_has_elements_wherever_that_is(gallery: BareGallery) -> None:
    expect(gallery.count).to_have_text("1,000 clips")
    assert shown(gallery)[0] == clip_id(999)
    assert nodes(gallery.page) < 1500
    height = gallery.page.evaluate("() => document.documentElement.scrollHeight")
    assert height > COUNT * 250
    for part in (0.3, 0.7, 1.0):
        gallery.scroll_to(int(height * part))
        gallery.page.wait_for_function(_IN_VIEW)
        assert gallery.items.count() < 20
        assert nodes(gallery.page) < 2500
        assert gallery.page.evaluate("() => document.querySelectorAll('video').length") < 20
    expect(gallery.clip(0)).to_be_in_viewport()
    # What has gone out of view has let its decoder go.
    assert clip_id(999) not in shown(gallery)


def test_what_is_in_view_stays_there_while_things_above_change(
    gallery: BareGallery, session: Session
) -> None:
    gallery.scroll_to(30_000)
    number = int(gallery.page.wait_for_function(_IN_VIEW).json_value()[5:])
    before = gallery.top(number)
    above = gallery.clip(number + 1)
    above.evaluate("(card) => { card.style.minHeight = `${card.offsetHeight + 333}px`; }")
    gallery.page.wait_for_function(
        "([id, y]) => Math.abs(document.querySelector(`article[data-clip='${id}']`).getBoundingClientRect().top - y) < 2",
        arg=[clip_id(number), before],
    )
    # A clip at the top goes, and comes back.
    for change in ("delete", "restore"):
        getattr(session.clip(clip_id(990)), change)()
        expect(gallery.count).to_have_text("999 clips" if change == "delete" else "1,000 clips")
        assert gallery.top(number) == pytest.approx(before, abs=2)


def test_the_focus_stays_however_far_it_is_scrolled(gallery: BareGallery) -> None:
    star = gallery.clip(999).get_by_role("button", name="Favourite")
    star.focus()
    gallery.scroll_to(50_000)
    expect(gallery.clip(999)).not_to_be_in_viewport()
    expect(star).to_be_focused()
    gallery.scroll_to(0)
    expect(star).to_be_focused()
    expect(gallery.clip(999)).to_be_in_viewport()
    for place, number in enumerate((999, 998)):
        expect(gallery.items.nth(place)).to_have_attribute("data-key", clip_id(number))


def test_it_scrolls_in_a_low_output_too(gallery: BareGallery) -> None:
    gallery.root.evaluate(
        "(root) => Object.assign(root.parentElement.style, { height: '400px', overflow: 'auto' })"
    )
    box = gallery.root.locator("xpath=..")
    box.evaluate("(box) => { box.scrollTop = 40_000; }")
    gallery.page.wait_for_function(_IN_VIEW)
    assert gallery.items.count() < 12
    card = gallery.root.locator("article[data-clip]").nth(3)
    expect(card).to_be_attached()
    gallery.clip(int(shown(gallery)[2][5:])).focus()
    for _ in range(5):
        gallery.page.keyboard.press("ArrowDown")
    focused = gallery.page.locator("article:focus")
    expect(focused).to_be_in_viewport(ratio=0.9)


# -- searching ---------------------------------------------------------------------------------------------------------


def test_search_filters_order_and_what_an_empty_result_says(gallery: BareGallery) -> None:
    field = gallery.root.get_by_role("searchbox")
    field.fill("kite 438")
    expect(gallery.count).to_have_text("1 of 1,000")
    expect(gallery.clip(438)).to_be_visible()
    field.fill("nothing like this")
    expect(gallery.items).to_have_count(0)
    expect(gallery.root.get_by_text("No clip matches.")).to_be_visible()
    gallery.root.get_by_role("button", name="Clear the search and the filters").click()
    expect(gallery.count).to_have_text("1,000 clips")
    expect(field).to_have_value("")
    gallery.root.get_by_role("combobox", name="Order").select_option(label="Oldest first")
    expect(gallery.clip(0)).to_be_visible()
    gallery.root.get_by_role("combobox", name="State").select_option(label="Failed")
    expect(gallery.items).to_have_count(0)


# -- one card ----------------------------------------------------------------------------------------------------------


def test_marks_are_made_in_place(gallery: BareGallery, session: Session) -> None:
    card, page = gallery.clip(998), gallery.page
    star = card.get_by_role("button", name="Favourite")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    menu = card.get_by_role("button", name="More actions")
    menu.press("Enter")
    expect(card.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.type("a")
    page.keyboard.press("Enter")
    expect(card.get_by_role("combobox", name="Add a tag")).to_be_focused()
    page.keyboard.type("sea, dusk ")
    page.keyboard.press("Enter")
    expect(card.get_by_role("list", name="Tags").get_by_role("listitem")).to_have_text(["sea", "dusk"])
    page.keyboard.press("Escape")
    expect(card).to_be_focused()
    menu.click()
    card.get_by_role("menuitem", name="Add a note").click()
    page.keyboard.type("good light")
    page.keyboard.press("Control+Enter")
    expect(card.get_by_role("button", name="good light")).to_be_visible()
    page.wait_for_function("() => window.sent.filter((m) => m.kind === 'clips-mark').length === 4")
    gallery.root.get_by_role("button", name="Only favourites").click()
    expect(gallery.count).to_have_text("1 of 1,000")
    clip = session.clip(clip_id(998))

    def kept() -> bool:
        page.evaluate("1")  # messages go through meanwhile
        return (clip.favourite, clip.tags, clip.notes) == (True, ("sea", "dusk"), "good light")

    wait_until(kept, 20, "the kernel to keep all marks")
    card.get_by_role("button", name="Remove the tag sea").click()
    expect(card.get_by_role("list", name="Tags").get_by_role("listitem")).to_have_text(["dusk"])
    clip.mark(favourite=False, tags=[], notes="")


def test_the_menu_follows_the_pattern(gallery: BareGallery) -> None:
    page, opener = gallery.page, gallery.clip(999).get_by_role("button", name="More actions")
    opener.focus()
    page.keyboard.press("ArrowUp")
    items = gallery.clip(999).get_by_role("menuitem")
    expect(items.last).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(items.first).to_be_focused()
    page.keyboard.press("End")
    expect(items.last).to_have_text("Delete")
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(items).to_have_count(0)
    expect(opener).to_have_attribute("aria-expanded", "false")
    opener.click()
    page.mouse.click(900, 700)
    expect(items).to_have_count(0)


def test_a_clip_as_code_is_shown_and_copied(gallery: BareGallery) -> None:
    gallery.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    card = gallery.clip(999)
    card.get_by_role("button", name="More actions").click()
    card.get_by_role("menuitem", name="Copy as code").click()
    code = card.locator(".hh-code-text")
    expect(code).to_contain_text("hh.generate(")
    card.get_by_role("button", name="cURL").click()
    expect(code).to_contain_text("curl --request POST")
    card.get_by_role("button", name="Copy", exact=True).click()
    expect(card.get_by_text("Copied.")).to_be_visible()
    assert gallery.page.evaluate("() => navigator.clipboard.readText()") == code.inner_text()
    gallery.page.keyboard.press("Escape")
    expect(code).to_have_count(0)


def test_lineage_leads_to_the_other_clip(gallery: BareGallery) -> None:
    expect(gallery.count).to_have_text("1,000 clips")
    link = gallery.clip(999).locator(".hh-lineage").get_by_role("button")
    expect(gallery.clip(999).locator(".hh-lineage")).to_contain_text(
        "varied from “character1 is a fox, take 500"
    )
    link.click()
    expect(gallery.clip(500)).to_be_focused()
    expect(gallery.clip(500)).to_be_in_viewport()
    gallery.clip(500).get_by_text("1 made from this").click()
    gallery.clip(500).locator(".hh-lineage-made").get_by_role("button").click()
    expect(gallery.clip(999)).to_be_focused()


def test_lineage_to_a_clip_that_is_gone_is_no_link(gallery: BareGallery, session: Session) -> None:
    expect(gallery.count).to_have_text("1,000 clips")
    lineage = gallery.clip(998).locator(".hh-lineage")
    expect(lineage.get_by_role("listitem")).to_have_text("varied from clip_elsewhere (not in this library)")
    expect(lineage.get_by_role("button")).to_have_count(0)
    lineage = gallery.clip(999).locator(".hh-lineage")
    expect(lineage.get_by_role("button")).to_be_visible()
    session.clip(clip_id(500)).delete()
    expect(lineage).to_contain_text(re.compile(r"varied from “character1 is a fox, take 500.*” \(deleted\)"))
    expect(lineage.get_by_role("button")).to_have_count(0)
    session.clip(clip_id(500)).restore()
    expect(lineage.get_by_role("button")).to_be_visible()


def test_a_search_stays_where_a_clip_cannot_be_shown(gallery: BareGallery, home: Path) -> None:
    search = gallery.root.get_by_role("searchbox")
    search.fill("999")
    expect(gallery.count).to_have_text("1 of 1,000")
    with closing(sqlite3.connect(home / "library.sqlite3")) as library, library:  # which nobody hears of
        library.execute(
            "UPDATE catalogue SET deleted_at = 1, marked_at = 1 WHERE job_id = ?", (clip_id(500),)
        )
    gallery.clip(999).locator(".hh-lineage").get_by_role("button").click()
    notice = gallery.root.get_by_role("group", name="Notice")
    expect(notice).to_contain_text("That clip is not in this library any more.")
    expect(search).to_have_value("999")
    expect(gallery.items).to_have_count(1)
    notice.get_by_role("button", name="Dismiss").click()
    expect(notice).to_be_hidden()
    with closing(sqlite3.connect(home / "library.sqlite3")) as library, library:
        library.execute(
            "UPDATE catalogue SET deleted_at = NULL, marked_at = 0 WHERE job_id = ?", (clip_id(500),)
        )


# -- several -----------------------------------------------------------------------------------------------------------


def test_several_are_chosen_marked_deleted_and_brought_back(gallery: BareGallery, session: Session) -> None:
    page, bar = gallery.page, gallery.root.get_by_role("group", name="Chosen clips")
    first = gallery.clip(999)
    first.hover()
    gallery.items.nth(0).get_by_role("checkbox").check()
    gallery.items.nth(3).get_by_role("checkbox").click(modifiers=["Shift"], force=True)
    expect(bar).to_contain_text("4 chosen")
    bar.get_by_role("textbox").fill("four")
    bar.get_by_role("textbox").press("Enter")
    expect(gallery.clip(996).get_by_role("list", name="Tags")).to_contain_text("four")
    gallery.root.get_by_role("combobox", name="Tag").select_option("four")
    expect(gallery.count).to_have_text("4 of 1,000")
    bar.get_by_role("button", name="Delete").click()
    expect(gallery.items).to_have_count(0)
    undo = gallery.root.get_by_role("group", name="Deleted clips")
    expect(undo).to_contain_text("Deleted 4 clips.")
    assert session.clip(clip_id(997)).deleted_at is not None
    undo.get_by_role("button", name="Undo").click()
    expect(gallery.items).to_have_count(4)
    expect(undo).to_be_hidden()
    assert session.clip(clip_id(997)).deleted_at is None
    for number in range(996, 1000):
        session.clip(clip_id(number)).mark(tags=[])
    page.keyboard.press("Escape")


def test_what_was_not_deleted_or_brought_back_is_there_and_says_why(
    gallery: BareGallery, session: Session
) -> None:
    def delete(number: int) -> None:
        gallery.clip(number).get_by_role("button", name="More actions").click()
        gallery.clip(number).get_by_role("menuitem", name="Delete").click()

    notice = gallery.root.get_by_role("group", name="Notice")
    undo = gallery.root.get_by_role("group", name="Deleted clips")
    delete(999)
    expect(undo).to_contain_text("Deleted 1 clip.")
    session.close()
    undo.get_by_role("button", name="Undo").click()
    expect(notice).to_contain_text("session has ended")
    expect(undo.get_by_role("button", name="Undo")).to_be_visible()
    notice.get_by_role("button", name="Dismiss").click()
    delete(998)
    expect(notice).to_contain_text("session has ended")
    expect(gallery.clip(998)).to_be_visible()
    again = hh.connect(sandbox=True, home=session.home)
    again.clip(clip_id(999)).restore()
    again.close()


def test_two_are_compared(gallery: BareGallery) -> None:
    for number in (999, 998):
        gallery.clip(number).get_by_role("button", name="More actions").click()
        gallery.clip(number).get_by_role("menuitem", name="Compare …").click()
    comparison = gallery.root.get_by_role("region", name="Comparison of 2 clips")
    expect(comparison).to_be_visible()
    comparison.get_by_role("button", name="Close the comparison").click()
    expect(comparison).to_have_count(0)
    expect(gallery.clip(999)).to_be_focused()


def test_the_keyboard_walks_chooses_and_leaves(gallery: BareGallery) -> None:
    page = gallery.page
    bar = gallery.root.get_by_role("group", name="Chosen clips")
    gallery.clip(999).focus()
    page.keyboard.press("ArrowDown")
    expect(gallery.clip(998)).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    expect(bar).to_contain_text("2 chosen")
    page.keyboard.press("Control+a")
    expect(bar).to_contain_text("1000 chosen")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    page.keyboard.press("End")
    expect(gallery.clip(0)).to_be_focused()
    expect(gallery.clip(0)).to_be_in_viewport()
    page.keyboard.press("PageUp")
    expect(gallery.clip(1)).to_be_focused()
    page.wait_for_function("() => !document.querySelector('.hh-waiting')")
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.closest('article') !== document.activeElement")
    page.keyboard.press("PageUp")
    expect(gallery.clip(2)).to_be_focused()
    page.keyboard.press("Control+Home")
    expect(gallery.root.get_by_role("searchbox")).to_be_focused()


# -- grid --------------------------------------------------------------------------------------------------------------


def test_the_grid_opens_a_whole_card_below_its_row(gallery: BareGallery) -> None:
    page = gallery.page
    gallery.root.get_by_role("button", name="Show as a grid").click()
    posters = gallery.root.locator(".hh-poster-image:visible")
    expect(posters.nth(7)).to_be_visible()
    assert nodes(page) < 1500
    tile = gallery.clip(998).locator(".hh-poster-open")
    tile.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    card = gallery.root.locator(".hh-clips-item[data-key^='open:'] article")
    expect(card).to_be_focused()
    opened = int((card.get_attribute("data-clip") or "")[5:])
    expect(gallery.root.locator(f'.hh-poster[data-clip="{clip_id(opened)}"] button')).to_have_attribute(
        "aria-expanded", "true"
    )
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(gallery.root.locator(f'.hh-poster[data-clip="{clip_id(opened)}"] button')).to_be_focused()


def test_new_clips_arrive_at_the_top(gallery: BareGallery, session: Session, tmp_path: Path) -> None:
    expect(gallery.count).to_have_text("1,000 clips")
    clip = session.submit("character1 is new here", [picture()], duration=3, resolution="720P")
    card = gallery.root.locator(f'article[data-clip="{clip.id}"]')
    expect(card).to_be_visible()
    assert shown(gallery)[0] == clip.id
    clip.cancel()
    expect(card).to_have_attribute("data-phase", "stopped")
    clip.delete()
    expect(card).to_have_count(0)


# -- what is done with a clip outside a Studio -------------------------------------------------------------------------


class BareCard(BareStudio):
    """A card that is an output of its own, in a page."""

    entry = "clip"
    show = _SHOW.replace("gallery.js", "clip.js")

    def __init__(self, page: Page, card: ClipCard) -> None:
        super().__init__(page, card)  # type: ignore[arg-type]
        self.cards = page.locator(".hh-clip .hh-card")


@pytest.fixture
def asked(session: Session) -> Iterator[hh.Clip]:
    """A clip of a model that the sandbox knows; it and what is made of it are taken back."""
    clip = session.submit("character1 is new here", [picture()], duration=3, resolution="720P", seed=5)
    yield clip
    for each in (*clip.descendants(), clip):
        each.cancel()
        until(lambda each=each: each.is_over)
        each.delete()


def test_a_seed_is_varied_in_the_gallery(asked: hh.Clip, gallery: BareGallery) -> None:
    expect(gallery.count).to_have_text("1,001 clips")
    card = gallery.root.locator(f'article[data-clip="{asked.id}"]')
    vary = card.get_by_role("button", name="Vary seed")
    expect(vary).to_have_attribute("title", re.compile("it costs"))
    vary.click()
    expect(card.locator(".hh-card-said")).to_have_text("On its way, as the first of the clips.")
    expect(gallery.count).to_have_text("1,002 clips")
    (clip,) = asked.descendants()
    assert shown(gallery)[:2] == [clip.id, asked.id]
    assert (clip.record.relation, clip.request.prompt) == ("varied", asked.request.prompt)
    assert clip.request.seed not in (None, 5)


def test_settings_and_frames_go_to_the_studio_that_is_open(
    asked: hh.Clip, gallery: BareGallery, session: Session
) -> None:
    card = gallery.root.locator(f'article[data-clip="{asked.id}"]')
    card.get_by_role("button", name="Reuse").click()
    expect(card.locator(".hh-card-said")).to_contain_text("run hh.Studio() in a cell")
    studio = hh.Studio(session)
    card.get_by_role("button", name="Reuse").click()
    expect(card.locator(".hh-card-said")).to_have_text("Set up in the Studio that was opened last.")
    assert (studio.prompt, studio.seed, studio.parent) == ("character1 is new here", 5, asked.id)
    gallery.clip(LARGE).get_by_role("button", name="More actions").click()
    gallery.clip(LARGE).get_by_role("menuitem", name="Last frame → reference").click()
    said = gallery.clip(LARGE).locator(".hh-card-said")
    expect(said).to_have_text("Added to the references as character2.")
    assert studio.references[1].clip_id == clip_id(LARGE)
    studio.close()
    card.get_by_role("button", name="Reuse").click()
    expect(card.locator(".hh-card-said")).to_contain_text("run hh.Studio() in a cell")


def test_a_seed_is_varied_on_a_card_of_its_own(
    asked: hh.Clip, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    widget = ClipCard(asked)
    card = BareCard(page, widget)
    expect(card.cards).to_have_count(1)
    card.cards.get_by_role("button", name="Vary seed").click()
    expect(card.cards).to_have_count(2)
    expect(card.cards.first.locator(".hh-card-said")).to_have_text("On its way, below.")
    (clip,) = asked.descendants()
    varied = card.cards.nth(1)
    expect(varied).to_have_attribute("data-clip", clip.id)
    expect(varied.locator(".hh-lineage")).to_contain_text("varied from")
    clip.cancel()
    expect(varied).to_have_attribute("data-phase", "stopped")
    page.evaluate("() => window.endView()")
    widget.close()
