"""A model of clips in a library, told apart from the code that it is held against."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from happyhorse_widgets.engine.states import State

#: States in which no money can be gone unless the journal holds a cost.
FREE = {"draft", "uploading", "intent", "rejected", "withdrawn", "failed", "canceled"}
UNITS = st.none() | st.integers(0, 100).map(float)
#: What a step may bring: there are few jobs, so that one is offered twice.
FACTS = st.fixed_dictionaries(
    {
        "cost": UNITS,
        "estimate": UNITS,
        "refunded": st.booleans(),
        "job": st.sampled_from(["job_1", "job_2", "job_3"]),
    }
)


_SENT = (State.UPLOADING, State.INTENT, State.SENDING)
#: How far clips may have come already.
WAYS = (
    (),
    _SENT[:2],
    _SENT,
    (*_SENT, State.UNKNOWN),
    (*_SENT, State.UNKNOWN, State.NEEDS_USER),
    (*_SENT, State.SUBMITTED),
    (*_SENT, State.SUBMITTED, State.NEEDS_USER),
    (*_SENT, State.SUBMITTED, State.FAILED),
    (*_SENT, State.SUBMITTED, State.RUNNING, State.SUCCEEDED),
    (*_SENT, State.SUBMITTED, State.SUCCEEDED, State.DOWNLOADING, State.DONE),
)


@dataclass
class Known:
    """What the model knows of a clip."""

    endpoint: str
    state: str = "draft"
    steps: list[tuple[str, str]] = field(default_factory=lambda: [("", "draft")])
    remote_id: str | None = None
    cost: float | None = None
    estimate: float | None = None
    refunded: bool = False
    successor: str | None = None
    outputs: int = 0
    favourite: bool = False
    deleted: bool = False

    @property
    def charged(self) -> float:
        if self.refunded or (self.state in FREE and self.cost is None):
            return 0.0
        return self.cost if self.cost is not None else self.estimate or 0.0
