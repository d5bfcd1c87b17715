"""Journal and state machine together: whatever hands, restarts and changes of owner do, the library tells a possible story."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from happyhorse_widgets.engine.states import (
    CHARGEABLE,
    NEVER_SENT,
    RESTING,
    TERMINAL,
    IllegalTransition,
    State,
    followers,
    when_looked_at_again,
)
from happyhorse_widgets.engine.transition import move
from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library import ownership
from happyhorse_widgets.library.clips import ClipRecord, Clips
from happyhorse_widgets.library.database import Database
from happyhorse_widgets.library.journal import Journal, StaleTransition
from happyhorse_widgets.library.marks import Marks
from happyhorse_widgets.library.searching import EVERY
from tests.reliability.known import FACTS, WAYS, Known

SOON = 30
ACCOUNTS = ("sandbox", "https://example.com/v1")


class Hand:
    """A kernel on the library: what it has in its hands may be old, and so may its claim."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self.journal, self.clips = Journal(self.database), Clips(self.database)
        self.marks = Marks(self.database)
        self.epoch = ownership.claim(self.database, (ACCOUNTS[0], "")).result(SOON).epoch
        self.holds: dict[str, ClipRecord] = {}


class TwoHands(RuleBasedStateMachine):
    """Two kernels with one library beside a model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "library.sqlite3"
        self.runner = asyncio.Runner()
        self.known: dict[str, Known] = {}
        self.hands = [Hand(self.path), Hand(self.path)]
        self.epoch = self.hands[0].epoch

    def teardown(self) -> None:
        for hand in self.hands:
            hand.database.close()
        self.runner.close()
        self.folder.cleanup()

    def pick(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.known)), label="clip")

    @initialize(endpoints=st.lists(st.sampled_from(ACCOUNTS), min_size=3, max_size=5), data=st.data())
    def begin(self, endpoints: list[str], data: st.DataObject) -> None:
        """Some clips are under way already, for rules without any have nothing to do."""
        for number, endpoint in enumerate(endpoints):
            self.create(number % 2, endpoint)
            facts = data.draw(FACTS)
            for following in data.draw(st.sampled_from(WAYS)):
                self.hands[0].holds[f"clip_{number}"] = self.read(0, f"clip_{number}")
                if following in followers(State(self.known[f"clip_{number}"].state)):
                    self.attempt(0, f"clip_{number}", following, facts)

    @rule(hand=st.integers(0, 1), endpoint=st.sampled_from(ACCOUNTS))
    def create(self, hand: int, endpoint: str) -> None:
        clip_id = f"clip_{len(self.known)}"
        self.hands[hand].holds[clip_id] = self.enter(hand, clip_id, endpoint)
        self.known[clip_id] = Known(endpoint)

    def enter(self, hand: int, clip_id: str, endpoint: str, instead_of: str | None = None) -> ClipRecord:
        return (
            self.hands[hand]
            .journal.create(
                clip_id,
                state=State.DRAFT,
                endpoint=endpoint,
                project="",
                sandbox=True,
                model="model_1",
                request={},
                versions={},
                instead_of=instead_of,
                waiting=State.NEEDS_USER,
                forgone=NEVER_SENT,
            )
            .result(SOON)
        )

    @rule(hand=st.integers(0, 1), data=st.data())
    def look(self, hand: int, data: st.DataObject) -> None:
        clip_id = self.pick(data)
        self.hands[hand].holds[clip_id] = self.read(hand, clip_id)

    @precondition(lambda self: any(hand.holds for hand in self.hands))
    @rule(hand=st.integers(0, 1), data=st.data(), facts=FACTS)
    def step(self, hand: int, data: st.DataObject, facts: dict[str, Any]) -> None:
        """A hand takes a clip on as far as it knows: what it holds may be old, and the step impossible."""
        holds = self.hands[hand].holds
        if holds:
            clip_id = data.draw(st.sampled_from(sorted(holds)), label="clip")
            possible = sorted(followers(State(holds[clip_id].state)))
            following = data.draw(st.sampled_from(possible * 3 + list(State)), label="to")
            self.attempt(hand, clip_id, State(following), facts)

    @rule(hand=st.integers(0, 1), data=st.data(), facts=FACTS, steps=st.integers(1, 10))
    def drive(self, hand: int, data: st.DataObject, facts: dict[str, Any], steps: int) -> None:
        """A hand that looks before each step takes a clip a good way on."""
        clip_id = self.pick(data)
        for _ in range(steps):
            record = self.hands[hand].holds[clip_id] = self.read(hand, clip_id)
            possible = sorted(followers(State(record.state)))
            if not possible:
                return
            far = [state for state in possible if state not in (State.REJECTED, State.WITHDRAWN)]
            self.attempt(
                hand, clip_id, State(data.draw(st.sampled_from(far * 5 + possible), label="to")), facts
            )

    @rule(data=st.data(), facts=FACTS)
    def race(self, data: st.DataObject, facts: dict[str, Any]) -> None:
        """Both hands saw the same, and both act on it: one comes too late."""
        clip_id = self.pick(data)
        for hand in (0, 1):
            self.hands[hand].holds[clip_id] = self.read(hand, clip_id)
        possible = sorted(followers(State(self.known[clip_id].state)))
        if possible:
            for hand in (0, 1):
                following = State(data.draw(st.sampled_from(possible), label=f"hand {hand} to"))
                self.attempt(hand, clip_id, following, facts)

    @rule(hand=st.integers(0, 1), data=st.data(), favourite=st.booleans())
    def mark(self, hand: int, data: st.DataObject, favourite: bool) -> None:
        """What a person says of a clip is no step of it, whoever drives it meanwhile."""
        clip_id = self.pick(data)
        self.hands[hand].marks.mark(clip_id, favourite=favourite).result(SOON)
        self.known[clip_id].favourite = favourite

    @rule(hand=st.integers(0, 1), data=st.data())
    def delete_or_restore(self, hand: int, data: st.DataObject) -> None:
        clip_id = self.pick(data)
        known, marks = self.known[clip_id], self.hands[hand].marks
        if known.deleted:
            marks.restore(clip_id).result(SOON)
        else:
            with contextlib.nullcontext() if known.state in RESTING else pytest.raises(StaleTransition):
                marks.delete(clip_id, resting=RESTING).result(SOON)
        known.deleted = not known.deleted and known.state in RESTING

    def attempt(self, hand: int, clip_id: str, following: State, facts: dict[str, Any]) -> None:
        """The step from what the hand holds, which has to be refused where the model says so."""
        holds, known = self.hands[hand].holds, self.known[clip_id]
        record = holds[clip_id]
        values = self.values_of(following, record, facts)
        if following is State.SENDING:
            values["epoch"] = self.hands[hand].epoch
        expected = self.refusal(record, known, following, values)
        with pytest.raises(expected) if expected else contextlib.nullcontext():
            holds[clip_id] = self.runner.run(move(self.hands[hand].journal, record, following, **values))
        if expected is None:
            known.steps.append((known.state, following))
            known.state = following
            for name in ("remote_id", "cost", "estimate", "refunded"):
                if name in values:
                    setattr(known, name, values[name])

    def read(self, hand: int, clip_id: str) -> ClipRecord:
        record = self.hands[hand].clips.get(clip_id)
        assert record is not None
        return record

    @staticmethod
    def values_of(following: State, record: ClipRecord, facts: dict[str, Any]) -> dict[str, Any]:
        """What the engine writes down with such a step."""
        match following:
            case State.INTENT:
                return {"estimate": facts["estimate"], "body": {"prompt": "p"}}
            case State.SENDING:
                return {"attempt": record.attempt + 1, "sent_at": 1.0, "fingerprint": "f"}
            case State.SUBMITTED:
                job = {} if record.remote_id else {"remote_id": facts["job"]}
                return {**job, "cost": facts["cost"], "submitted_at": 2.0}
            case State.FAILED | State.CANCELED:
                return {name: facts[name] for name in ("cost", "refunded")} | {"error": {"message": "m"}}
        return {}

    def refusal(
        self, record: ClipRecord, known: Known, following: State, values: dict[str, Any]
    ) -> type[BaseException] | None:
        if following not in followers(State(record.state)):
            return IllegalTransition
        if values.get("epoch", self.epoch) != self.epoch:
            return LibraryError
        if record.state != known.state:
            return StaleTransition
        taken = {other.remote_id for other in self.known.values() if other.endpoint == known.endpoint}
        return LibraryError if values.get("remote_id") in taken - {None} else None

    @precondition(lambda self: any(known.state == "succeeded" for known in self.known.values()))
    @rule(hand=st.integers(0, 1), data=st.data())
    def expect_outputs(self, hand: int, data: st.DataObject) -> None:
        ready = sorted(clip_id for clip_id, known in self.known.items() if known.state == "succeeded")
        clip_id = data.draw(st.sampled_from(ready), label="clip")
        self.hands[hand].holds[clip_id] = (
            self.hands[hand].journal.expect_outputs(clip_id, ["asset_1"]).result(SOON)
        )
        self.known[clip_id].outputs = 1

    @precondition(lambda self: any(known.state == "needs_user" for known in self.known.values()))
    @rule(hand=st.integers(0, 1), data=st.data())
    def submit_again(self, hand: int, data: st.DataObject) -> None:
        """However often, and by whichever hand: one successor, as long as something may come of it."""
        waiting = sorted(clip_id for clip_id, known in self.known.items() if known.state == "needs_user")
        clip_id = data.draw(st.sampled_from(waiting), label="clip")
        known = self.known[clip_id]
        new = f"clip_{len(self.known)}"
        entered = self.enter(hand, new, known.endpoint, instead_of=clip_id)
        if known.successor is None or self.known[known.successor].state in NEVER_SENT:
            known.successor = new
            self.known[new] = Known(known.endpoint)
        again = self.enter(1 - hand, f"clip_{len(self.known)}", known.endpoint, instead_of=clip_id)
        assert entered.id == again.id == known.successor

    @precondition(lambda self: any(known.state == "needs_user" for known in self.known.values()))
    @rule(hand=st.integers(0, 1), data=st.data())
    def look_again(self, hand: int, data: st.DataObject) -> None:
        """What a person's button does is a step that the machine has."""
        waiting = sorted(clip_id for clip_id, known in self.known.items() if known.state == "needs_user")
        clip_id = data.draw(st.sampled_from(waiting), label="clip")
        record = self.read(hand, clip_id)
        following = when_looked_at_again(
            has_job=record.remote_id is not None, has_outputs=bool(record.outputs)
        )
        self.hands[hand].holds[clip_id] = self.runner.run(move(self.hands[hand].journal, record, following))
        self.known[clip_id].steps.append(("needs_user", following))
        self.known[clip_id].state = following

    @rule(hand=st.integers(0, 1), data=st.data())
    def crash_within_a_write(self, hand: int, data: st.DataObject) -> None:
        """What was not committed did not happen."""
        clip_id = self.pick(data)

        def work(connection: Any) -> None:
            connection.execute("UPDATE jobs SET state = 'done', cost = 999 WHERE id = ?", (clip_id,))
            connection.execute(
                "INSERT INTO events (job_id, at, from_state, to_state) VALUES (?, 0, 'x', 'done')", (clip_id,)
            )
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            self.hands[hand].database.write(work).result(SOON)

    @rule(hand=st.integers(0, 1))
    def restart(self, hand: int) -> None:
        """A new kernel knows what the library says, and nothing else; what was being sent is in doubt."""
        self.hands[hand].database.close()
        self.hands[hand] = new = Hand(self.path)
        for known in self.known.values():
            if known.state == "sending":
                known.steps.append(("sending", "unknown"))
                known.state = "unknown"
        for endpoint in ACCOUNTS:
            for record in new.clips.in_states(frozenset({State.SENDING}), endpoint=endpoint, project=""):
                self.runner.run(move(new.journal, record, State.UNKNOWN))

    @rule(hand=st.integers(0, 1))
    def change_hands(self, hand: int) -> None:
        """The owner dies, and this hand takes the library over; the other one does not know yet."""
        database = self.hands[hand].database
        database.write(lambda connection: connection.execute("UPDATE owner SET pid = 0")).result(SOON)
        owner = ownership.claim(database, (ACCOUNTS[0], "")).result(SOON)
        assert owner.mine
        assert owner.epoch == self.epoch + 1
        self.hands[hand].epoch = self.epoch = owner.epoch

    @rule(change=st.sampled_from(["DELETE FROM events", "UPDATE events SET to_state = 'done'"]))
    def tamper(self, change: str) -> None:
        with pytest.raises(LibraryError, match="append-only"):
            self.hands[0].database.write(lambda connection: connection.execute(change)).result(SOON)

    @invariant()
    def the_library_is_as_the_model(self) -> None:
        for hand in self.hands:
            assert hand.clips.count() == len(self.known)
            shown = {clip_id for clip_id, known in self.known.items() if not known.deleted}
            assert set(hand.clips.ids(EVERY.deleted(False))) == shown
        hand = self.hands[0]
        for clip_id, known in self.known.items():
            record = hand.clips.get(clip_id)
            assert record is not None
            found = (record.state, record.remote_id, record.cost, record.refunded, record.successor)
            assert found == (known.state, known.remote_id, known.cost, known.refunded, known.successor)
            assert (record.favourite, record.deleted_at is not None) == (known.favourite, known.deleted)
            assert (record.finished_at is not None) == (record.state in RESTING)
            assert len(record.outputs) == known.outputs

    @invariant()
    def the_events_tell_how_each_clip_came_to_its_state(self) -> None:
        for clip_id, known in self.known.items():
            steps = [
                (event["from_state"], event["to_state"])
                for event in self.hands[1].journal.events(clip_id)
                if event["from_state"] != event["to_state"]  # as what a person says of a clip is told
            ]
            assert steps == known.steps
            assert steps[0] == ("", State.DRAFT)
            assert steps[-1][1] == known.state
            for (_, before), (left, after) in pairwise(steps):
                assert left == before
                assert after in followers(State(before))
                assert before not in TERMINAL

    @invariant()
    def no_job_belongs_to_two_clips(self) -> None:
        for endpoint in ACCOUNTS:
            ids = [
                known.remote_id
                for known in self.known.values()
                if known.endpoint == endpoint and known.remote_id
            ]
            assert len(ids) == len(set(ids))
            assert self.hands[0].journal.bound(endpoint) == set(ids)

    @invariant()
    def the_money_adds_up(self) -> None:
        for endpoint in ACCOUNTS:
            charged = self.hands[1].clips.charged(frozenset(CHARGEABLE), endpoint=endpoint, project="")
            assert charged == sum(
                known.charged for known in self.known.values() if known.endpoint == endpoint
            )


TwoHands.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
test_two_hands_and_one_library = TwoHands.TestCase
