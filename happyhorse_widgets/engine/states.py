"""The life of a clip as a pure state machine: no input, no output, no clock.

    draft → uploading → intent → sending → submitted → running → succeeded → downloading → done
                                    │
                                    └→ unknown → needs_user        an answer was lost; see `after_submission`

    rejected    refused before it started; nothing was paid       failed      Scenario could not make it
    withdrawn   taken back before it was sent; nothing was paid   canceled    ended on Scenario's side
    needs_user  a person has to decide: no job was found, the job is known no longer, or its file cannot be had

Every transition is committed to the journal before the step it announces is taken, so that a process that is killed
anywhere can go on from what the journal says.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from happyhorse_widgets.errors import (
    ApiError,
    AuthenticationError,
    NotFound,
    PermissionDenied,
    RateLimited,
    RequestRejected,
    TransportFault,
)


class State(StrEnum):
    """Where a clip is. The values are what the journal stores."""

    DRAFT = "draft"
    UPLOADING = "uploading"
    INTENT = "intent"
    SENDING = "sending"
    SUBMITTED = "submitted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DOWNLOADING = "downloading"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELED = "canceled"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"
    NEEDS_USER = "needs_user"


#: Nothing follows these.
TERMINAL: Final = frozenset({State.DONE, State.REJECTED, State.FAILED, State.CANCELED, State.WITHDRAWN})
#: Over before it was sent, so that nothing was paid.
NEVER_SENT: Final = frozenset({State.REJECTED, State.WITHDRAWN})
#: The engine leaves a clip alone here; only a person can move it on.
RESTING: Final = TERMINAL | {State.NEEDS_USER}
#: Nothing has been sent yet, so the clip can be taken back for free.
WITHDRAWABLE: Final = frozenset({State.DRAFT, State.UPLOADING, State.INTENT})
#: These take, or may take, one of the plan's parallel places.
IN_FLIGHT: Final = frozenset({State.SENDING, State.UNKNOWN, State.SUBMITTED, State.RUNNING})
#: Money is spent, or may be.
CHARGEABLE: Final = IN_FLIGHT | {State.SUCCEEDED, State.DOWNLOADING, State.DONE, State.NEEDS_USER}

_ENDED_REMOTELY: Final = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELED})

_FOLLOWERS: Final[dict[State, frozenset[State]]] = {
    State.DRAFT: frozenset({State.UPLOADING, State.REJECTED, State.WITHDRAWN}),
    State.UPLOADING: frozenset({State.INTENT, State.REJECTED, State.WITHDRAWN}),
    State.INTENT: frozenset({State.SENDING, State.REJECTED, State.WITHDRAWN}),
    State.SENDING: frozenset({State.SUBMITTED, State.INTENT, State.REJECTED, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.SUBMITTED, State.NEEDS_USER}),
    State.NEEDS_USER: frozenset({State.UNKNOWN, State.SUBMITTED, State.SUCCEEDED}),
    State.SUBMITTED: frozenset({State.RUNNING, State.NEEDS_USER}) | _ENDED_REMOTELY,
    State.RUNNING: frozenset({State.NEEDS_USER}) | _ENDED_REMOTELY,
    State.SUCCEEDED: frozenset({State.DOWNLOADING, State.NEEDS_USER}),
    State.DOWNLOADING: frozenset({State.DONE, State.NEEDS_USER}),
} | {state: frozenset() for state in TERMINAL}


class IllegalTransition(AssertionError):
    """A step that the machine does not have: a mistake in this package, never in its input."""


def check_transition(current: State, following: State) -> None:
    """Raise `IllegalTransition` unless `following` may come right after `current`."""
    if following not in _FOLLOWERS[current]:
        raise IllegalTransition(f"{current} cannot become {following}")


def followers(state: State) -> frozenset[State]:
    """The states that may come right after `state`."""
    return _FOLLOWERS[state]


def after_submission(error: ApiError) -> State:
    """Where a clip goes when its one POST did not bring a job.

    No byte sent, or refused for now → `intent` (it may be sent again). Refused for good → `rejected`. Everything else,
    such as a reset, a time-out, a 5xx or an unreadable answer, may have been charged → `unknown`.
    """
    if isinstance(error, RateLimited) or (isinstance(error, TransportFault) and not error.sent):
        return State.INTENT
    if isinstance(error, AuthenticationError | PermissionDenied | RequestRejected | NotFound):
        return State.REJECTED
    return State.UNKNOWN


def when_looked_at_again(*, has_job: bool, has_outputs: bool) -> State:
    """Where a clip that waits for its person goes on when that person asks for another look."""
    if has_outputs:
        return State.SUCCEEDED
    return State.SUBMITTED if has_job else State.UNKNOWN


_JOB_STATES: Final = {
    "success": State.SUCCEEDED,
    "failure": State.FAILED,
    "canceled": State.CANCELED,
    "warming-up": State.RUNNING,
    "in-progress": State.RUNNING,
    "finalizing": State.RUNNING,
}


def of_job(status: str) -> State:
    """The state that a job's `status` on the wire stands for; a status nobody knows yet counts as submitted."""
    return _JOB_STATES.get(status, State.SUBMITTED)
