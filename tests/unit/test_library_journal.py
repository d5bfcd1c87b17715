"""The journal: what was committed is what is read, and no two hands move one clip."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library.clips import ClipRecord, Clips
from happyhorse_widgets.library.database import Database
from happyhorse_widgets.library.journal import Journal, StaleTransition

SOON = 30
STATES = ["draft", "intent", "sending", "submitted", "done", "failed"]
ACCOUNTS = ["sandbox", "https://example.com/v1"]
JSON = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3)
UNITS = st.floats(0, 1000)


def create(
    journal: Journal,
    clip_id: str,
    endpoint: str = "sandbox",
    *,
    instead_of: str | None = None,
    **request: Any,
) -> ClipRecord:
    return journal.create(
        clip_id,
        state="draft",
        endpoint=endpoint,
        project="",
        sandbox=True,
        model="model_1",
        request=request,
        versions={"python": "3"},
        instead_of=instead_of,
        waiting="draft",
        forgone=frozenset({"withdrawn"}),
    ).result(SOON)


class Journalling(RuleBasedStateMachine):
    """A journal on a real file beside a dictionary; now and then the file is closed and opened again."""

    clips: Bundle[str] = Bundle("clips")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.model: dict[str, dict[str, Any]] = {}
        self.history: dict[str, list[tuple[str, str, str]]] = {}
        self.bound: dict[str, set[str]] = {account: set() for account in ACCOUNTS}
        self.epoch = 0
        self.open()

    def open(self) -> None:
        self.database = Database(Path(self.folder.name) / "library.sqlite3")
        self.journal, self.records = Journal(self.database), Clips(self.database)

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    @rule()
    def reopen(self) -> None:
        self.database.close()
        self.open()

    @rule(target=clips, endpoint=st.sampled_from(ACCOUNTS), request=JSON)
    def add(self, endpoint: str, request: dict[str, Any]) -> str:
        clip_id = f"clip_{len(self.model)}"
        create(self.journal, clip_id, endpoint, values=request)
        self.model[clip_id] = {"state": "draft", "endpoint": endpoint, "request": {"values": request}}
        self.history[clip_id] = [("", "draft", "")]
        return clip_id

    @rule(
        clip_id=clips,
        current=st.sampled_from(STATES),
        following=st.sampled_from(STATES),
        detail=st.text(max_size=5),
        body=JSON,
        cost=st.none() | UNITS,
        refunded=st.booleans(),
    )
    def move(
        self,
        clip_id: str,
        current: str,
        following: str,
        detail: str,
        body: dict[str, Any],
        cost: float | None,
        refunded: bool,
    ) -> None:
        values = {"body": body, "cost": cost, "refunded": refunded}
        moving = self.journal.move(clip_id, current, following, detail=detail, **values)
        if current != self.model[clip_id]["state"]:
            with pytest.raises(StaleTransition, match=f"{clip_id} is not {current} any more"):
                moving.result(SOON)
            return
        self.model[clip_id] |= {"state": following, **values}
        self.history[clip_id].append((current, following, detail))
        assert moving.result(SOON) == self.records.get(clip_id)

    @rule(clip_id=clips, remote_id=st.sampled_from(["job_1", "job_2", "job_3"]))
    def bind(self, clip_id: str, remote_id: str) -> None:
        mine = self.model[clip_id]
        moving = self.journal.move(clip_id, mine["state"], "submitted", remote_id=remote_id)
        if remote_id in self.bound[mine["endpoint"]] and mine.get("remote_id") != remote_id:
            with pytest.raises(LibraryError, match="UNIQUE"):
                moving.result(SOON)
            return
        moving.result(SOON)
        self.bound[mine["endpoint"]].discard(mine.get("remote_id", ""))
        self.bound[mine["endpoint"]].add(remote_id)
        self.history[clip_id].append((mine["state"], "submitted", ""))
        mine |= {"state": "submitted", "remote_id": remote_id}

    @rule(epoch=st.integers(1, 3))
    def change_hands(self, epoch: int) -> None:
        self.epoch = epoch
        self.database.write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO owner VALUES (1, ?, 1, '', '', '', 0, '[]')", (epoch,)
            )
        ).result(SOON)

    @rule(clip_id=clips, epoch=st.integers(1, 3))
    def move_as_owner(self, clip_id: str, epoch: int) -> None:
        mine = self.model[clip_id]
        moving = self.journal.move(clip_id, mine["state"], "sending", epoch=epoch)
        if epoch != self.epoch:
            with pytest.raises(LibraryError, match="taken over this library"):
                moving.result(SOON)
            return
        moving.result(SOON)
        self.history[clip_id].append((mine["state"], "sending", ""))
        mine["state"] = "sending"

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def tamper_with_the_past(self, data: st.DataObject) -> None:
        statement = data.draw(
            st.sampled_from(["DELETE FROM events", "UPDATE events SET to_state = 'done'"]), label="statement"
        )
        with pytest.raises(LibraryError, match="append-only"):
            self.database.write(lambda connection: connection.execute(statement)).result(SOON)

    @invariant()
    def what_is_read_is_what_was_committed(self) -> None:
        newest = self.records.newest(100)
        assert {record.id for record in newest} == set(self.model)
        assert self.records.count() == len(self.model)
        assert [record.created_at for record in newest] == sorted(
            (record.created_at for record in newest), reverse=True
        )
        for record in newest:
            expected = self.model[record.id]
            assert {name: getattr(record, name) for name in expected} == expected

    @invariant()
    def every_step_left_an_event(self) -> None:
        for clip_id, history in self.history.items():
            events = self.journal.events(clip_id)
            assert [(e["from_state"], e["to_state"], e["detail"]) for e in events] == history
            assert [e["at"] for e in events] == sorted(e["at"] for e in events)

    @invariant()
    def questions_are_answered_by_account(self) -> None:
        for account in ACCOUNTS:
            mine = {clip_id: one for clip_id, one in self.model.items() if one["endpoint"] == account}
            assert self.journal.bound(account) == self.bound[account]
            awake = self.records.in_states(frozenset({"draft", "sending"}), endpoint=account, project="")
            assert {record.id for record in awake} == {
                clip_id for clip_id, one in mine.items() if one["state"] in ("draft", "sending")
            }
            charged = self.records.charged(frozenset({"sending"}), endpoint=account, project="")
            assert charged == pytest.approx(
                sum(one.get("cost") or 0 for one in mine.values() if not one.get("refunded"))
            )


TestJournalling = Journalling.TestCase
TestJournalling.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "library.sqlite3")
    yield database
    database.close()


@pytest.fixture
def journal(database: Database) -> Journal:
    return Journal(database)


@pytest.fixture
def records(database: Database) -> Clips:
    return Clips(database)


def test_a_transition_sets_what_it_may_and_nothing_else(journal: Journal) -> None:
    create(journal, "clip_1")
    with pytest.raises(TypeError, match=r"\['created_at', 'nonsense'\]"):
        journal.move("clip_1", "draft", "intent", nonsense=1, created_at=0)
    assert [event["to_state"] for event in journal.events("clip_1")] == ["draft"]


def test_a_clip_that_is_not_there(journal: Journal, records: Clips) -> None:
    assert records.get("clip_0") is None
    with pytest.raises(StaleTransition):
        journal.move("clip_0", "draft", "intent").result(SOON)
    with pytest.raises(LibraryError, match="no clip clip_0"):
        journal.have_output("clip_0", 0, path="clips/a.mp4", size=1, sha256="ab", facts={}).result(SOON)


def test_of_two_hands_one_moves_the_clip(database: Database, tmp_path: Path) -> None:
    other = Database(tmp_path / "library.sqlite3")
    journals = [Journal(database), Journal(other)]
    outcomes = []
    for number in range(10):
        create(journals[0], f"clip_{number}")
        moves = [journal.move(f"clip_{number}", "draft", "sending") for journal in journals]
        outcomes.append(sorted(type(move.exception(SOON)).__name__ for move in moves))
    other.close()
    assert outcomes == [["NoneType", "StaleTransition"]] * 10


def test_outputs_belong_to_their_clip_and_are_noted_once(journal: Journal, records: Clips) -> None:
    for name in ("clip_1", "clip_2"):
        create(journal, name)
        journal.expect_outputs(name, [f"{name}_a", f"{name}_b"]).result(SOON)
    journal.expect_outputs("clip_1", ["another", "another", "third"]).result(SOON)
    record = journal.have_output(
        "clip_1", 0, path="clips/clip_1.mp4", size=10, sha256="ab", facts={"width": 2}
    ).result(SOON)
    assert [(output.asset_id, output.state, output.path, output.facts) for output in record.outputs] == [
        ("clip_1_a", "here", "clips/clip_1.mp4", {"width": 2}),
        ("clip_1_b", "expected", None, None),
        ("third", "expected", None, None),
    ]
    other = records.get("clip_2")
    assert other is not None
    assert [output.asset_id for output in other.outputs] == ["clip_2_a", "clip_2_b"]


def test_a_clip_has_one_successor_however_often_it_is_replaced(journal: Journal, records: Clips) -> None:
    create(journal, "clip_1")
    before = records.get("clip_1")
    first = create(journal, "clip_2", instead_of="clip_1")
    assert create(journal, "clip_3", instead_of="clip_1") == first
    assert first.id == "clip_2"
    assert records.get("clip_3") is None
    after = records.get("clip_1")
    assert before is not None
    assert after is not None
    assert after.successor == "clip_2"
    assert after.state == before.state
    journal.move("clip_2", "draft", "withdrawn").result(SOON)
    assert create(journal, "clip_3", instead_of="clip_1").id == "clip_3"  # for nothing came of the other
    journal.move("clip_1", "draft", "uploading").result(SOON)
    journal.move("clip_3", "draft", "withdrawn").result(SOON)
    with pytest.raises(StaleTransition, match="clip_1 is not draft any more"):
        create(journal, "clip_4", instead_of="clip_1")


def test_the_newer_record_is_told_whatever_the_clock_says(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = create(journal, "clip_1")
    monkeypatch.setattr(time, "time", lambda: first.created_at - 3600)  # another machine's, or set back
    second = journal.move("clip_1", "draft", "uploading").result(SOON)
    third = journal.move("clip_1", "uploading", "intent").result(SOON)
    assert first.updated_at < second.updated_at < third.updated_at


def test_news_are_what_any_process_moved_since(journal: Journal, tmp_path: Path) -> None:
    other = Journal(Database(tmp_path / "library.sqlite3"))
    assert journal.latest() == 0
    create(journal, "clip_1")
    seen = journal.latest()
    assert journal.news(seen) == (seen, [])
    create(other, "clip_2")
    other.move("clip_1", "draft", "withdrawn").result(SOON)
    latest, moved = journal.news(seen)
    assert moved == ["clip_2", "clip_1"]
    assert latest == journal.latest() == seen + 2
    other._database.close()


def test_uploads_are_known_by_content_account_and_project(journal: Journal) -> None:
    here = {"endpoint": "sandbox", "project": "one"}
    journal.have_upload("aa", asset_id="asset_1", **here).result(SOON)
    assert journal.uploaded("aa", **here) == "asset_1"
    assert journal.uploaded("bb", **here) is None
    assert journal.uploaded("aa", endpoint="sandbox", project="two") is None
    journal.have_upload("aa", asset_id="asset_2", **here).result(SOON)
    assert journal.uploaded("aa", **here) == "asset_2"


def test_what_a_sent_clip_may_cost_counts_until_the_cost_is_known(journal: Journal, records: Clips) -> None:
    def charged() -> float:
        return records.charged(frozenset({"sending", "done"}), endpoint="sandbox", project="")

    create(journal, "clip_1")
    journal.move("clip_1", "draft", "intent", estimate=30.0).result(SOON)
    assert charged() == 0
    journal.move("clip_1", "intent", "sending").result(SOON)
    assert charged() == 30
    journal.move("clip_1", "sending", "done", cost=25.0).result(SOON)
    assert charged() == 25
    journal.move("clip_1", "done", "failed").result(SOON)
    assert charged() == 25  # failed, and not refunded
    journal.move("clip_1", "failed", "failed", refunded=True).result(SOON)
    assert charged() == 0


def test_durations_are_the_latest_two_hundred_of_a_model(
    database: Database, journal: Journal, records: Clips
) -> None:
    for number in range(3):
        create(journal, f"clip_{number}")
        journal.move(f"clip_{number}", "draft", "done", took=10.0 * number).result(SOON)
    create(journal, "clip_untold")
    assert records.durations(endpoint="sandbox", model="model_1") == [20, 10, 0]
    assert records.durations(endpoint="sandbox", model="model_2") == []
    database.write(
        lambda connection: connection.executemany(
            "INSERT INTO jobs (id, created_at, updated_at, state, endpoint, sandbox, model, request, versions, took)"
            " VALUES (?, 0, 0, 'done', 'sandbox', 1, 'model_1', '{}', '{}', 1)",
            [(f"old_{number}",) for number in range(300)],
        )
    ).result(SOON)
    assert len(records.durations(endpoint="sandbox", model="model_1")) == 200


def test_pages_of_the_newest_miss_none_and_repeat_none(journal: Journal, records: Clips) -> None:
    for number in range(7):
        create(journal, f"clip_{number}")
    whole = [record.id for record in records.newest(100)]
    paged: list[str] = []
    page = records.newest(3)
    while page:
        paged += [record.id for record in page]
        create(journal, f"new_{len(paged)}")  # a clip that comes in between shifts nothing
        page = records.newest(3, after=page[-1])
    assert paged == whole
    assert [record.id for record in records.newest(2, skip=len(records.newest(100)) - 2)] == whole[-2:]


def test_no_address_with_a_signature_is_in_the_file(journal: Journal, tmp_path: Path) -> None:
    signed = "https://example.com/fox.png?Signature=CANARY"
    create(journal, "clip_1", references=[{"name": "fox.png", "url": None}])
    journal.move(
        "clip_1", "draft", "rejected", error={"kind": "InvalidImage", "message": "fox.png", "hint": ""}
    ).result(SOON)
    assert signed.encode() not in (tmp_path / "library.sqlite3").read_bytes()


def test_the_file_can_be_read_with_plain_sqlite(journal: Journal, tmp_path: Path) -> None:
    create(journal, "clip_1", prompt="a horse")
    connection = sqlite3.connect(tmp_path / "library.sqlite3")
    row = connection.execute("SELECT request FROM jobs").fetchone()
    connection.close()
    assert json.loads(row[0]) == {"prompt": "a horse"}
