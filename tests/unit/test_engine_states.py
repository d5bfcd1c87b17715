"""The life of a clip: which step may follow which, and where an answer, or none, leads."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from happyhorse_widgets.engine.states import (
    CHARGEABLE,
    IN_FLIGHT,
    RESTING,
    TERMINAL,
    WITHDRAWABLE,
    IllegalTransition,
    State,
    after_submission,
    check_transition,
    followers,
    of_job,
)
from happyhorse_widgets.errors import (
    ApiError,
    AuthenticationError,
    NotFound,
    PermissionDenied,
    ProtocolFault,
    RateLimited,
    RequestRejected,
    ServerFault,
    TransportFault,
)

#: The machine once more, as the sentences that describe it.
MODEL = {
    "draft": "uploading rejected withdrawn",
    "uploading": "intent rejected withdrawn",
    "intent": "sending rejected withdrawn",
    "sending": "submitted intent rejected unknown",
    "unknown": "submitted needs_user",
    "needs_user": "unknown submitted succeeded",
    "submitted": "running succeeded failed canceled needs_user",
    "running": "succeeded failed canceled needs_user",
    "succeeded": "downloading needs_user",
    "downloading": "done needs_user",
    "done": "",
    "rejected": "",
    "failed": "",
    "canceled": "",
    "withdrawn": "",
}


class Walk(RuleBasedStateMachine):
    """A clip that tries every step, allowed or not."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State.DRAFT
        self.sent = False
        self.ended = False

    @rule(following=st.sampled_from(State))
    def try_a_step(self, following: State) -> None:
        allowed = following.value in MODEL[self.state.value].split()
        if not allowed:
            with pytest.raises(IllegalTransition, match=f"{self.state} cannot become {following}"):
                check_transition(self.state, following)
            return
        check_transition(self.state, following)
        assert not self.ended
        self.state = following
        self.sent = self.sent or following is State.SENDING
        self.ended = following in TERMINAL

    @precondition(lambda self: MODEL[self.state.value])
    @rule(data=st.data())
    def take_a_step(self, data: st.DataObject) -> None:
        self.try_a_step(State(data.draw(st.sampled_from(MODEL[self.state.value].split()))))

    @invariant()
    def what_the_sets_promise(self) -> None:
        assert self.ended == (not followers(self.state))
        if self.state in WITHDRAWABLE:
            assert State.WITHDRAWN in followers(self.state)
        if not self.sent:
            assert self.state not in CHARGEABLE
        if self.state in IN_FLIGHT:
            assert self.state in CHARGEABLE


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


def test_the_model_names_every_state() -> None:
    assert set(MODEL) == {state.value for state in State}


def test_every_state_can_be_reached() -> None:
    reached, edge = {State.DRAFT}, [State.DRAFT]
    while edge:
        new = followers(edge.pop()) - reached
        reached |= new
        edge += new
    assert reached == set(State)


def test_nothing_follows_what_is_terminal_and_only_a_person_moves_what_rests() -> None:
    assert {state for state in State if not followers(state)} == TERMINAL
    assert {State.NEEDS_USER} == RESTING - TERMINAL


def test_money_is_spent_from_the_moment_of_sending() -> None:
    free = {State.DRAFT, State.UPLOADING, State.INTENT}
    assert free == WITHDRAWABLE
    never_paid = free | {State.REJECTED, State.WITHDRAWN}
    # Failed and canceled clips count by what their record says of cost and refund.
    assert set(State) - CHARGEABLE == never_paid | {State.FAILED, State.CANCELED}


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (TransportFault("no such name", sent=False), State.INTENT),
        (RateLimited("slower"), State.INTENT),
        (RateLimited("plan", action="parallelCustomJobs", limit=2), State.INTENT),
        (RequestRejected("bad", status=400), State.REJECTED),
        (AuthenticationError("key", status=401), State.REJECTED),
        (PermissionDenied("plan", status=403), State.REJECTED),
        (NotFound("model", status=404), State.REJECTED),
        (RequestRejected("bad", status=422), State.REJECTED),
        (ServerFault("timeout", status=408), State.UNKNOWN),
        (ServerFault("conflict", status=409), State.UNKNOWN),
        (ProtocolFault("redirect", status=307), State.UNKNOWN),
        (ServerFault("broken", status=500), State.UNKNOWN),
        (ServerFault("gateway", status=504), State.UNKNOWN),
        (TransportFault("reset", sent=True), State.UNKNOWN),
        (ProtocolFault("cut JSON", status=200), State.UNKNOWN),
        (ApiError("something new"), State.UNKNOWN),
    ],
    ids=lambda value: value if isinstance(value, State) else f"{type(value).__name__}-{value}",
)
def test_where_an_answer_leads(error: ApiError, state: State) -> None:
    assert after_submission(error) is state
    check_transition(State.SENDING, state)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending", State.SUBMITTED),
        ("queued", State.SUBMITTED),
        ("warming-up", State.RUNNING),
        ("in-progress", State.RUNNING),
        ("finalizing", State.RUNNING),
        ("success", State.SUCCEEDED),
        ("failure", State.FAILED),
        ("canceled", State.CANCELED),
        ("of-tomorrow", State.SUBMITTED),
    ],
)
def test_what_a_job_status_stands_for(status: str, state: State) -> None:
    assert of_job(status) is state
