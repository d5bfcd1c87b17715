"""What trouble does to a clip, and what is said of it: how it ends without a video, and whether its money comes back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import (
    AuthenticationError,
    BudgetExceeded,
    HappyHorseError,
    InvalidRequest,
    JobCanceled,
    JobError,
    JobFailed,
    JobRejected,
    JobUncertain,
    JobWithdrawn,
    MediaError,
    NotFound,
    PermissionDenied,
    RateLimited,
    RequestRejected,
)

from .states import WITHDRAWABLE, State

if TYPE_CHECKING:
    from happyhorse_widgets.api.models import Job
    from happyhorse_widgets.library.clips import ClipRecord

#: Asking again does not help: the request, the key or the plan would have to change.
_REFUSALS = (AuthenticationError, PermissionDenied, RequestRejected, NotFound, BudgetExceeded, InvalidRequest)
#: A file that was missing or broken so often is taken for lost on Scenario's side.
_LOST_FILES = 4
#: What the two buttons of a clip that waits for its person do.
_CHOICE = "You can look again, which is free, or submit again, which is a new job and costs anew."
#: What the one button of a clip does whose job ended without a video.
_AGAIN = "You can submit it again, which is a new job and costs anew."
#: What is raised, and what it says where the journal has no words.
_ERRORS: dict[str, tuple[type[JobError], str]] = {
    State.REJECTED: (JobRejected, "The clip was refused before it started. Nothing was paid."),
    State.FAILED: (JobFailed, f"Scenario could not make this clip and gives no reason. {_AGAIN}"),
    State.CANCELED: (JobCanceled, f"The job was canceled on Scenario's side. {_AGAIN}"),
    State.WITHDRAWN: (JobWithdrawn, "The clip was taken back before it was sent. Nothing was paid."),
    State.NEEDS_USER: (JobUncertain, f"This clip needs your decision. {_CHOICE}"),
}


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a clip comes to rest; `told` is what the journal keeps as its error."""

    state: State
    told: dict[str, str]
    refunded: bool = False


def refusal(error: HappyHorseError) -> Ending:
    """The end of a clip that was refused before it started."""
    return Ending(State.REJECTED, _told(type(error).__name__, f"{error} Nothing was paid."))


def ending_of_trouble(state: State, trouble: HappyHorseError | None, failures: int) -> Ending | None:
    """The end of a clip that met `trouble` in `state` for the `failures`-th time in a row; None: it passes, or there was none."""
    if state in WITHDRAWABLE and isinstance(trouble, _REFUSALS):
        return refusal(trouble)
    lost = isinstance(trouble, MediaError | NotFound) and failures >= _LOST_FILES
    if state in (State.SUCCEEDED, State.DOWNLOADING) and lost:
        what = (
            f"{trouble} The clip was made and paid, but its file cannot be had; Scenario's support can help."
        )
        return _undecided(type(trouble).__name__, what)
    return None


def meanwhile(state: State, trouble: HappyHorseError) -> str:
    """What a clip's card says while trouble passes: what happened, what is safe, and that nobody has to do anything."""
    if isinstance(trouble, RateLimited) and (trouble.action or trouble.limit) and state in WITHDRAWABLE:
        return (
            "All places of the plan are taken: it is sent by itself when one is free. Nothing was paid yet."
        )
    if state in WITHDRAWABLE:
        safe = "Nothing was paid; it is tried again by itself."
    elif state in (State.SUBMITTED, State.RUNNING):
        safe = "The job goes on; it is looked at again by itself."
    elif state in (State.SUCCEEDED, State.DOWNLOADING):
        safe = "The clip is made; it is fetched again by itself."
    else:
        safe = "It is looked for again by itself, which costs nothing."
    return f"{trouble} {safe}"


def answer_lost(record: ClipRecord) -> Ending:
    """Of a clip whose submission was not answered, and for which no job was found since."""
    cost = (
        "what such a clip costs" if record.estimate is None else f"about {record.estimate:g} creative units"
    )
    what = (
        "Scenario's answer to the submission was lost, and its list of jobs shows none that fits. So it was probably not "
        f"charged; if it was, it cost {cost}."
    )
    return _undecided("answer_lost", what)


def job_unknown(record: ClipRecord) -> Ending:
    """Of a clip whose job Scenario does not know any more."""
    cost = "It was charged" if record.cost is None else f"It cost {record.cost:g} creative units"
    what = f"Scenario does not know job {record.remote_id} any more. {cost}; its support can help."
    return _undecided("job_unknown", what)


def _undecided(kind: str, what: str) -> Ending:
    return Ending(State.NEEDS_USER, _told(kind, f"{what} {_CHOICE}"))


def ending_of_job(state: State, job: Job, cost: float | None) -> Ending | None:
    """The end of a clip whose job came to `state` and was charged `cost` creative units; None where there is a video."""
    if state not in (State.FAILED, State.CANCELED):
        return None
    reason = (job.error or "Scenario gives no reason").rstrip(".")
    kept = job.billing is not None and job.billing.disable_refund
    refunded = state is State.FAILED and not kept
    units = "what it cost" if cost is None else f"{cost:g} creative units"
    if kept:
        money = f"Scenario does not refund it: {units} stay paid."
    elif refunded:
        money = f"Scenario refunds it: {units} come back."
    else:
        money = f"Whether it is refunded, your account on Scenario shows: {units} may stay paid."
    what = "The job failed" if state is State.FAILED else "The job was canceled on Scenario's side"
    return Ending(state, _told(str(state), f"{what}: {reason}. {money} {_AGAIN}", job.hint), refunded)


def error_of(record: ClipRecord) -> JobError | None:
    """Why a clip has no video, in words; None while there may be one."""
    if record.state not in _ERRORS:
        return None
    kind, words = _ERRORS[record.state]
    told = record.error or {}
    return kind(told.get("message") or words, clip_id=record.id, hint=told.get("hint") or "")


def _told(kind: str, message: str, hint: str = "") -> dict[str, str]:
    return {"kind": kind, "message": message, "hint": hint}
