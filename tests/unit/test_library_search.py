"""Searching a library finds what plain Python finds in the same clips, in the same order."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from happyhorse_widgets.engine.shelf import Shelf
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.library import catalogue
from happyhorse_widgets.library.clips import Clips
from happyhorse_widgets.library.database import Database
from happyhorse_widgets.library.folding import folded
from happyhorse_widgets.library.searching import ORDERS

SOON = 30
STATES = ["done", "failed", "needs_user"]
RATIOS = ["16:9", "9:16", None]
TAGS = ["fox", "Fox", "für den Film", "雪", "a\ud800"]
TEXT = st.text("aAäÄeéßSsİiıＦf雪が\u0301 \n\0\ud800-", max_size=12)


@dataclass
class Fact:
    """A clip as the oracle knows it."""

    id: str
    age: int = 0
    prompt: str = ""
    notes: str = ""
    tags: list[str] = field(default_factory=list)
    favourite: bool = False
    deleted: bool = False
    state: str = "done"
    model: str = "model_1"
    ratio: str | None = "16:9"
    seconds: int | None = 5
    cost: float | None = None
    refunded: bool = False
    sandbox: bool = True


FACTS = st.builds(
    Fact,
    id=st.just(""),
    age=st.integers(0, 3),
    prompt=TEXT,
    notes=TEXT,
    tags=st.lists(st.sampled_from(TAGS), max_size=3),
    favourite=st.booleans(),
    deleted=st.booleans(),
    state=st.sampled_from(STATES),
    model=st.sampled_from(["model_1", "model_2"]),
    ratio=st.sampled_from(RATIOS),
    seconds=st.sampled_from([3, 5, None]),
    cost=st.sampled_from([None, 0.0, 30.0, 50.0]),
    refunded=st.booleans(),
    sandbox=st.booleans(),
)
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text("aäeßİi雪fc_0 \ud800", max_size=4),
        "favourite": st.none() | st.booleans(),
        "tags": st.lists(st.sampled_from(TAGS), max_size=2),
        "states": st.none() | st.sets(st.sampled_from(STATES)),
        "models": st.none() | st.sets(st.sampled_from(["model_1", "model_2", "model_3"])),
        "ratios": st.none() | st.sets(st.sampled_from(["16:9", "9:16"])),
        "sandbox": st.none() | st.booleans(),
        "deleted": st.booleans(),
        "order": st.sampled_from(["newest", "oldest", "longest", "dearest"]),
    },
)


def fill(database: Database, facts: list[Fact]) -> None:
    """Make these the clips of the library."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM catalogue")
        connection.execute("DELETE FROM jobs")
        for fact in facts:
            request = {"prompt": fact.prompt, "aspect_ratio": fact.ratio, "duration": fact.seconds}
            connection.execute(
                "INSERT INTO jobs (id, created_at, updated_at, state, endpoint, sandbox, model, request, versions, cost,"
                " refunded) VALUES (?, ?, 0, ?, 'e', ?, ?, ?, '{}', ?, ?)",
                (
                    fact.id,
                    fact.age,
                    fact.state,
                    fact.sandbox,
                    fact.model,
                    json.dumps({**request, "references": []}),
                    fact.cost,
                    fact.refunded,
                ),
            )
            catalogue.enter(connection, fact.id)
            catalogue.mark(connection, fact.id, favourite=fact.favourite, tags=fact.tags, notes=fact.notes)
            catalogue.set_deleted(connection, fact.id, 1.0 if fact.deleted else None)

    database.write(work).result(SOON)


def expected(facts: list[Fact], query: dict[str, Any]) -> list[str]:
    """What a search is to find, said plainly."""
    found = []
    for fact in facts:
        said = [folded(text) for text in (fact.prompt, fact.notes, *fact.tags, fact.id)]
        has = {folded(tag) for tag in fact.tags}
        if (
            all(any(word in text for text in said) for word in folded(query.get("text", "")).split())
            and all(folded(tag) in has for tag in query.get("tags", []))
            and query.get("favourite") in (None, fact.favourite)
            and query.get("sandbox") in (None, fact.sandbox)
            and (query.get("states") is None or fact.state in query["states"])
            and (query.get("models") is None or fact.model in query["models"])
            and (query.get("ratios") is None or fact.ratio in query["ratios"])
            and fact.deleted == query.get("deleted", False)
        ):
            found.append(fact)
    order = query.get("order", "newest")
    found.sort(key=lambda fact: (fact.age, fact.id), reverse=order != "oldest")
    if order == "longest":
        found.sort(key=lambda fact: -1 if fact.seconds is None else fact.seconds, reverse=True)
    if order == "dearest":
        found.sort(key=lambda fact: 0.0 if fact.refunded else fact.cost or 0.0, reverse=True)
    return [fact.id for fact in found]


def shelf_of(database: Database) -> Shelf:
    return Shelf(Clips(database), lambda record: SimpleNamespace(id=record.id, record=record))  # type: ignore[arg-type,return-value]


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "library.sqlite3")
        yield database
        database.close()


@example([Fact("", tags=["a\ud800"]), Fact("", tags=["a"])], {"tags": ["a\ud800"]})
@example([Fact("", notes="a\ud800c\0d")], {"text": "a\ud800c\0d"})
@given(st.lists(FACTS, max_size=6), QUERIES)
def test_a_search_finds_what_plain_python_finds(
    database: Database, facts: list[Fact], query: dict[str, Any]
) -> None:
    for number, fact in enumerate(facts):
        fact.id = f"clip_{number}"
    fill(database, facts)
    found, ids = shelf_of(database).search(**query), expected(facts, query)
    assert found.ids() == ids
    assert [clip.id for clip in found] == ids
    assert len(found) == len(ids)
    assert [clip.id for clip in found[1:4]] == ids[1:4]
    assert [clip.id for clip in found[::-2]] == ids[::-2]
    for fact in facts:
        assert (fact.id in found) == (fact.id in ids)


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("Zoë geht", "zoe"),
        ("ZOE", "zoë"),
        ("STRASSE", "straße"),
        ("İstanbul", "istanbul"),
        ("Ｆｏｘ", "fox"),
        ("ΜΆΓΟΣ", "μαγος"),
        ("Чёрный", "черный"),
        ("小狐狸在雪中", "狐狸"),
        ("שָׁלוֹם", "שלום"),
        ("nai\u0308ve", "naïve"),
    ],
)
def test_words_are_found_whatever_their_case_and_accents(database: Database, text: str, search: str) -> None:
    fill(database, [Fact("clip_a", prompt=text), Fact("clip_b", notes=text), Fact("clip_c", tags=[text])])
    assert sorted(shelf_of(database).search(search).ids()) == ["clip_a", "clip_b", "clip_c"]
    assert shelf_of(database).search(search + "x").ids() == []


def test_words_may_stand_in_different_places_but_not_across_them(database: Database) -> None:
    fill(database, [Fact("clip_a", prompt="a fox", notes="in snow", tags=["night"])])
    clips = shelf_of(database)
    assert clips.search("fox snow night clip_a").ids() == ["clip_a"]
    assert clips.search("foxin").ids() == []
    assert clips.search("%").ids() == clips.search("fo_").ids() == []


def test_orders(database: Database) -> None:
    facts = [
        Fact("clip_a", age=1, seconds=5, cost=30.0),
        Fact("clip_b", age=2, seconds=None, cost=100.0, refunded=True),
        Fact("clip_c", age=3, seconds=15, cost=None),
        Fact("clip_d", age=3, seconds=3, cost=50.0),
    ]
    fill(database, facts)
    found = {order: shelf_of(database).search(order=order).ids() for order in ORDERS}
    assert found == {
        "newest": ["clip_d", "clip_c", "clip_b", "clip_a"],
        "oldest": ["clip_a", "clip_b", "clip_c", "clip_d"],
        "longest": ["clip_c", "clip_a", "clip_d", "clip_b"],
        "dearest": ["clip_d", "clip_a", "clip_c", "clip_b"],
    }


def test_a_shelf_can_be_searched_further(database: Database) -> None:
    fill(
        database, [Fact("clip_a", prompt="fox", favourite=True), Fact("clip_b", prompt="fox"), Fact("clip_c")]
    )
    clips = shelf_of(database)
    assert clips.search("fox").search(favourite=True).ids() == ["clip_a"]
    fill(database, [Fact("clip_a", prompt="fox", deleted=True), Fact("clip_b", prompt="fox")])
    assert clips.ids() == ["clip_b"]
    assert clips.search(deleted=True).search("fox").ids() == ["clip_a"]


def test_positions_and_ids_that_are_not_there(database: Database) -> None:
    fill(database, [Fact("clip_a"), Fact("clip_b", deleted=True)])
    clips = shelf_of(database)
    assert (clips[0].id, clips[-1].id, clips["clip_a"].id) == ("clip_a",) * 3
    for key in (1, -2, "clip_b", "clip_x"):
        with pytest.raises((IndexError, KeyError), match="There is no clip"):
            clips[key]
    assert 7 not in clips


def test_what_cannot_be_looked_for(database: Database) -> None:
    with pytest.raises(InvalidRequest, match=r"by 'size'; they can by newest, oldest, longest, dearest"):
        shelf_of(database).search(order="size")
    with pytest.raises(InvalidRequest, match=r"\['ready'\] are not all states; these are: draft"):
        shelf_of(database).search(states=["ready"])


def test_one_text_stands_for_a_list_of_one(database: Database) -> None:
    fill(database, [Fact("clip_a", tags=["fox"]), Fact("clip_b", state="failed")])
    clips = shelf_of(database)
    assert clips.search(tags="FOX").ids() == clips.search(states="done").ids() == ["clip_a"]


def test_tags_in_use(database: Database) -> None:
    fill(
        database,
        [
            Fact("clip_a", tags=["Zug", "ähre"]),
            Fact("clip_b", tags=["zug", "fox"]),
            Fact("clip_c", tags=["gone"], deleted=True),
        ],
    )
    assert [tag.lower() for tag in shelf_of(database).tags()] == ["ähre", "fox", "zug"]
    assert shelf_of(database).search("clip_b").tags() == ["fox", "zug"]


def test_prompts_that_were_asked(database: Database) -> None:
    facts = [
        Fact("clip_a", age=1, prompt="A Fox runs"),
        Fact("clip_b", age=2, prompt="an owl", notes="fox"),
        Fact("clip_c", age=3, prompt="A Fox runs"),
        Fact("clip_d", age=4, prompt="secret", deleted=True),
        Fact("clip_e", age=5, prompt="a fox sleeps"),
    ]
    fill(database, facts)
    clips = Clips(database)
    shown = shelf_of(database)._query
    assert clips.prompts(shown, "", 50) == ["a fox sleeps", "A Fox runs", "an owl"]
    assert clips.prompts(shown, "FOX", 50) == ["a fox sleeps", "A Fox runs"]
    assert clips.prompts(shown, "fox", 1) == ["a fox sleeps"]


def test_a_clip_of_a_kernel_that_knows_no_catalogue_is_shown_and_can_be_marked(database: Database) -> None:
    fill(database, [Fact("clip_a", prompt="fox")])
    database.write(lambda connection: connection.execute("DELETE FROM catalogue")).result(SOON)
    clips = shelf_of(database)
    assert clips.ids() == ["clip_a"]
    assert (clips[0].record.tags, clips[0].record.favourite, clips[0].record.notes) == ((), False, "")
    database.write(lambda connection: catalogue.mark(connection, "clip_a", favourite=True)).result(SOON)
    assert clips.search("FOX", favourite=True).ids() == ["clip_a"]


def test_of_a_text_that_was_pasted_the_longest_words_count(database: Database) -> None:
    fill(database, [Fact("clip_0", prompt="a fox " + " ".join(f"word{n}" for n in range(200)))])
    text = " ".join([f"word{n}" for n in range(200)] + ["zz"] * 2000)
    assert shelf_of(database).search(text).ids() == ["clip_0"]
    assert shelf_of(database).search(f"{text} nowhere-to-be-found").ids() == []
