"""The one door to a new state: the machine is asked, then the journal."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from .states import RESTING, State, check_transition

if TYPE_CHECKING:
    from happyhorse_widgets.library.clips import ClipRecord
    from happyhorse_widgets.library.journal import Journal


async def move(journal: Journal, record: ClipRecord, following: State, **values: Any) -> ClipRecord:
    """Commit the step from `record.state` to `following`, with `values` (see `Journal.move`); the clip as it is then.

    Raises `IllegalTransition` for a step that the machine does not have, `StaleTransition` when the clip was moved by
    another hand, `LibraryError` when the journal cannot be written.
    """
    current = State(record.state)
    check_transition(current, following)
    values["finished_at"] = time.time() if following in RESTING else None
    return await asyncio.wrap_future(journal.move(record.id, current, following, **values))
