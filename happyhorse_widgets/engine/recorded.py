"""What a clip is, as the journal has it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from .endings import error_of
from .states import RESTING, WITHDRAWABLE, State

if TYPE_CHECKING:
    from pathlib import Path

    from happyhorse_widgets.errors import JobError
    from happyhorse_widgets.library.clips import ClipRecord

    from .request import Request


class Recorded(ABC):
    """The part of a clip that is read from its record. Nothing here waits, and nothing is changed."""

    #: What was asked.
    request: Request
    _record: ClipRecord

    @property
    @abstractmethod
    def _home(self) -> Path:
        """The folder that its files are in."""

    @property
    def record(self) -> ClipRecord:
        """The clip as the journal has it."""
        return self._record

    @property
    def id(self) -> str:
        """The clip's local id, which also names its file."""
        return self._record.id

    @property
    def job_id(self) -> str | None:
        """Scenario's id of the job; None before it was submitted."""
        return self._record.remote_id

    @property
    def state(self) -> State:
        """Where the clip is; see `engine.states`. A `State` is a string."""
        return State(self._record.state)

    @property
    def is_done(self) -> bool:
        """Whether the finished file is on the disk."""
        return self.state is State.DONE

    @property
    def is_over(self) -> bool:
        """Whether the engine has nothing more to do for it: done, failed, or waiting for a person's decision."""
        return self.state in RESTING

    @property
    def cost(self) -> float | None:
        """What Scenario charged, in creative units; 0.0 when it was refunded, None before it is known."""
        return 0.0 if self._record.refunded else self._record.cost

    @property
    def estimate(self) -> float | None:
        """What it was expected to cost, in creative units; None where that is not known."""
        return self._record.estimate

    @property
    def seed_used(self) -> int | None:
        """The seed the model used, where it says so; `request.seed` is the one asked for."""
        return self._record.seed_used

    @property
    def sandbox(self) -> bool:
        """Whether this is a simulation."""
        return self._record.sandbox

    @property
    def created_at(self) -> float:
        """When it was asked for, in seconds since the epoch."""
        return self._record.created_at

    @property
    def finished_at(self) -> float | None:
        """When it came to rest, in seconds since the epoch; None before."""
        return self._record.finished_at

    @property
    def elapsed(self) -> float:
        """Seconds from the request to its end, or to now."""
        return (self.finished_at or time.time()) - self.created_at

    @property
    def path(self) -> Path | None:
        """The finished MP4; None before it is on the disk, whole and verified."""
        first = self._record.outputs[0] if self._record.outputs else None
        return None if first is None or first.path is None or not self.is_done else self._home / first.path

    @property
    def facts(self) -> dict[str, Any] | None:
        """Width, height, frame rate, duration, codecs and size of the finished file; None before."""
        return self._record.outputs[0].facts if self._record.outputs else None

    @property
    def sha256(self) -> str | None:
        """Of the finished file, in hex; None before."""
        return self._record.outputs[0].sha256 if self._record.outputs else None

    @property
    def error(self) -> JobError | None:
        """Why there is no video, in words; None while there may be one."""
        return error_of(self._record)

    @property
    def favourite(self) -> bool:
        """Whether a person likes it best; see `mark`."""
        return self._record.favourite

    @property
    def tags(self) -> tuple[str, ...]:
        """The words that a person sorts it by; see `mark`."""
        return self._record.tags

    @property
    def notes(self) -> str:
        """What a person wrote about it; see `mark`."""
        return self._record.notes

    @property
    def deleted_at(self) -> float | None:
        """When it was deleted, in seconds since the epoch; None while it is shown."""
        return self._record.deleted_at

    @property
    def successor_id(self) -> str | None:
        """The local id of the clip that was submitted in its place while it waited for a decision; else None."""
        return self._record.successor

    @property
    def can_withdraw(self) -> bool:
        """Whether it can still be taken back for free."""
        return self.state in WITHDRAWABLE

    def to_dict(self) -> dict[str, Any]:
        """Everything needed to make it again and to know what became of it, as plain JSON types."""
        record = self._record
        return {
            "id": self.id,
            "job_id": self.job_id,
            "state": str(self.state),
            "sandbox": self.sandbox,
            "model": record.model,
            "request": self.request.to_dict(),
            "seed_used": self.seed_used,
            "estimate": self.estimate,
            "cost": self.cost,
            "created_at": self.created_at,
            "finished_at": self.finished_at,
            "asset_ids": [output.asset_id for output in record.outputs],
            "path": None if self.path is None else str(self.path),
            "sha256": self.sha256,
            "facts": self.facts,
            "favourite": self.favourite,
            "tags": list(self.tags),
            "notes": self.notes,
            "deleted_at": self.deleted_at,
            "parent": record.parent,
            "relation": record.relation,
            "error": None if self.error is None else str(self.error),
            "versions": record.versions,
        }
