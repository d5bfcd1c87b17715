"""What is being prepared outlives its Studio and its kernel, and no Studio writes over what another one keeps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.widgets.assets import STATIC
from tests.sessions import Kernel
from tests.unit.comms import until

FOX = STATIC / "samples" / "fox.png"

Connect = Callable[[], Session]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def connect(home: Path) -> Iterator[Connect]:
    opened: list[Session] = []

    def connect() -> Session:
        opened.append(hh.connect(sandbox=True, home=home))
        return opened[-1]

    yield connect
    for session in opened:
        session.close()


def kept(session: Session) -> set[str]:
    """The prompts of all drafts."""
    return {draft["prompt"] for draft in session.saved("draft").values()}


def prepared(code: str, home: Path) -> None:
    """Run `code` in a kernel of its own, which ends."""
    assert Kernel(f"session = connect(); {code}", home).end()[0] == 0


def test_the_cell_that_is_run_again_shows_what_was_typed(connect: Connect) -> None:
    session = connect()
    first = hh.Studio(session)
    first.prompt, first.references = "an hour of careful writing", [FOX]
    again = hh.Studio(session)
    assert (again.prompt, len(again.references)) == ("an hour of careful writing", 1)
    assert "in another Studio" in again._filled["text"]
    again.duration = 6
    again._draft.flush()
    assert kept(session) == {"an hour of careful writing"}
    again._filler.undo()
    assert (again.prompt, again.references) == ("", ())


def test_studios_of_one_kernel_do_not_write_over_each_other(connect: Connect) -> None:
    session = connect()
    one = hh.Studio(session)
    one.prompt = "the story of one"
    two = hh.Studio(session)
    two.prompt = "the story of two"
    two._draft.flush()
    one.prompt = "the story of one, longer"
    one._draft.flush()
    assert kept(session) == {"the story of one, longer", "the story of two"}


def test_a_studio_with_arguments_keeps_nothing_until_it_is_changed(home: Path, connect: Connect) -> None:
    prepared("studio = hh.Studio(session); studio.prompt = 'an hour of careful writing'", home)
    session = connect()
    example = hh.Studio(session, prompt="an example of cell 1", references=[FOX])
    example._draft.flush()
    assert kept(session) == {"an hour of careful writing"}
    example.prompt = "the example, changed"
    mine = hh.Studio(session)
    assert mine.prompt == "an hour of careful writing"
    assert "when the kernel ended" in mine._filled["text"]
    assert kept(session) == {"an hour of careful writing", "the example, changed"}


def test_a_second_kernel_neither_takes_nor_overwrites_what_the_first_prepares(
    home: Path, connect: Connect
) -> None:
    session = connect()
    mine = hh.Studio(session)
    mine.prompt = "I am typing in kernel A"
    mine._draft.flush()
    prepared("studio = hh.Studio(session); assert studio.prompt == ''; studio.prompt = 'a note of B'", home)
    assert kept(session) == {"I am typing in kernel A", "a note of B"}
    prepared("studio = hh.Studio(session); assert studio.prompt == 'a note of B'; studio.prompt += '!'", home)
    assert kept(session) == {"I am typing in kernel A", "a note of B!"}


def test_each_notebook_goes_on_with_its_own(
    home: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for notebook in ("one.ipynb", "two.ipynb"):
        monkeypatch.setenv("JPY_SESSION_NAME", notebook)
        code = f"studio = hh.Studio(session, prompt=''); studio.prompt = 'of {notebook}'"
        prepared(code, home)
    monkeypatch.setenv("JPY_SESSION_NAME", "one.ipynb")
    session = connect()
    assert hh.Studio(session).prompt == "of one.ipynb"


def test_what_was_emptied_is_not_kept(connect: Connect) -> None:
    session = connect()
    studio = hh.Studio(session)
    studio.prompt = "something"
    studio._draft.flush()
    studio.prompt = ""
    studio._draft.flush()
    assert dict(session.saved("draft")) == {}


@pytest.mark.parametrize(
    "bad",
    [
        {"prompt": "mine", "references": [{"sha256": "x"}]},
        {"prompt": "mine", "references": {"a": 1}},
        {"prompt": "mine", "references": [{"name": "a.png", "file": 5}]},
        {"prompt": "mine", "references": 7},
        {"prompt": "mine", "duration": 5.5, "variations": 12, "seed_mode": "sweep", "model": 7, "parent": {}},
        {"prompt": "mine", "keeper": {"pid": []}, "at": "late", "notebook": 3},
        {"prompt": "mine", "keeper": 5, "model": "model_gone"},
    ],
)
def test_a_draft_that_cannot_be_read_keeps_no_studio_from_opening(
    connect: Connect, bad: dict[str, Any]
) -> None:
    session = connect()
    session.saved("draft").update({"studio": bad, "other": 5})
    studio = hh.Studio(session)
    assert studio.prompt == "mine"
    assert "preparing" in studio._filled["text"]
    assert (studio.duration, studio.variations, studio.seed_mode) == (5, 1, "random")


def test_drafts_do_not_pile_up(connect: Connect) -> None:
    session = connect()
    session.saved("draft").update({f"old {n}": {"prompt": f"number {n}", "at": float(n)} for n in range(40)})
    studio = hh.Studio(session, prompt="")
    studio.prompt = "new"
    studio._draft.flush()
    assert len(session.saved("draft")) == 30
    assert kept(session) >= {"new", "number 39", "number 11"}


def test_what_was_typed_is_kept_a_moment_later_by_itself(connect: Connect) -> None:
    session = connect()
    studio = hh.Studio(session)
    typing = threading.Thread(target=lambda: setattr(studio, "prompt", "typed"))
    typing.start()
    typing.join()
    until(lambda: kept(session) == {"typed"})
