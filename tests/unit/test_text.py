"""Half a character, which Python keeps and nothing else takes, is mended where it comes in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import happyhorse_widgets as hh
from happyhorse_widgets.engine.request import Reference, Request
from happyhorse_widgets.media.images import load_image
from happyhorse_widgets.text import whole, whole_in
from happyhorse_widgets.widgets.assets import STATIC
from tests.libraries import Shelf

FOX = STATIC / "samples" / "fox.png"
HALF = "\ud83d"


@given(st.text(st.characters()))
def test_what_was_mended_can_be_written_and_stays_as_it_is(text: str) -> None:
    mended = whole(text)
    mended.encode()
    assert whole(mended) == mended
    assert text.isascii() <= (mended == text)


def test_halves_that_belong_together_are_joined() -> None:
    assert whole(f"a{HALF}\ude00b") == "a😀b"
    assert whole(f"a{HALF}b") == "a\ufffdb"
    assert whole_in({f"k{HALF}": [f"{HALF}", 1, None, {"x": "😀"}]}) == {
        "k\ufffd": ["\ufffd", 1, None, {"x": "😀"}]
    }


def test_requests_and_images_hold_whole_text() -> None:
    image = load_image(FOX, name=f"fox{HALF}.png")
    assert image.name == "fox\ufffd.png"
    request = Request(f"character1 {HALF}", (Reference(f"fox{HALF}", alias=f"Fox{HALF}"),), "model_1")
    assert request.prompt == "character1 \ufffd"
    assert (request.references[0].name, request.references[0].alias) == ("fox\ufffd", "Fox\ufffd")
    old: dict[str, Any] = {**request.to_dict(), "prompt": f"kept {HALF}"}
    assert Request.from_dict(old).prompt == "kept \ufffd"


def test_a_library_with_half_a_character_can_be_shown_searched_and_exported(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "home")
    shelf.video("clip_a")
    old = "UPDATE jobs SET request = json_set(request, '$.prompt', json('\"a fox \\ud83d\"'))"
    shelf.database.write(lambda connection: connection.execute(old)).result(60)
    shelf.database.close()
    session = hh.connect(sandbox=True, home=tmp_path / "home")
    try:
        (clip,) = session.clips
        assert clip.request.prompt == "a fox \ufffd"
        assert session.prompts() == ["a fox \ufffd"]
        session.library.export(tmp_path / "all.zip")
        session.saved("template")["t"] = {"text": HALF}
        assert session.saved("template")["t"] == {"text": "\ufffd"}
    finally:
        session.close()


@pytest.mark.parametrize("widget", [hh.Studio, hh.Gallery])
def test_widgets_open_on_it(tmp_path: Path, widget: Any) -> None:
    session = hh.connect(sandbox=True, home=tmp_path / "home", settings=hh.Settings(sandbox_speed=400))
    try:
        clip = session.generate(f"character1 {HALF}", [FOX], duration=3)
        assert clip.request.prompt == "character1 \ufffd"
        clip.wait(60)
        widget(session).close()
        studio = hh.Studio(session, prompt=f"x{HALF}", aliases={"t": HALF})
        assert (studio.prompt, studio.aliases) == ("x\ufffd", {"t": "\ufffd"})
        studio.close()
    finally:
        session.close()
