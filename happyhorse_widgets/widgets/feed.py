"""The clips of a session as a Studio shows them: pages of the library, what changed, and what a press made."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Any

from .card import card_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.session import Session

#: How many clips are shown at first, and how many more each time.
PAGE = 20
#: The most that one message holds: at 6 kB for the longest prompt it stays well under 1 MB.
_MOST = 100
#: How many presses of the button are remembered, so that one that is sent twice makes one clip.
_PRESSES = 1000


class ClipFeed:
    """Gives the states of cards; `changed` is called, on any thread, when `changes` has something new."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._tell = changed
        self._waiting: queue.SimpleQueue[Clip] = queue.SimpleQueue()
        self._presses: dict[str, str] = {}
        self._pressing = threading.Lock()
        self._stop_observing: Callable[[], None] | None = None

    def start(self) -> None:
        """Listen to the session."""
        self._stop_observing = self._session.observe(self._changed)

    def stop(self) -> None:
        """Listen no more."""
        if self._stop_observing is not None:
            self._stop_observing()

    def newest(self, count: int = PAGE, *, after: str | None = None) -> dict[str, Any]:
        """`count` clips, newest first, or those that come after the clip `after`; `more` says whether others follow."""
        found: list[Clip] = []
        skipping = after is not None
        for clip in self._session.clips:
            if skipping:
                skipping = clip.id != after
                continue
            found.append(clip)
            if len(found) > count:
                break
        return {"clips": [card_state(clip) for clip in found[:count]], "more": len(found) > count}

    def some(self, ids: list[Any]) -> dict[str, Any]:
        """The clips with these ids; those that are not there are left out."""
        found = []
        for clip_id in ids[:_MOST]:
            with contextlib.suppress(KeyError):
                found.append(card_state(self._session.clip(str(clip_id))))
        return {"clips": found}

    def changes(self) -> list[dict[str, Any]]:
        """The states of the clips that changed since it was last asked, each with the `press` that made it, or None."""
        clips: dict[str, Clip] = {}
        while len(clips) < _MOST:
            try:
                clip = self._waiting.get_nowait()
            except queue.Empty:
                break
            clips[clip.id] = clip
        else:
            self._tell()
        with self._pressing:  # a clip that is just being made is told when it is known which press made it
            pressed = {clip_id: press for press, clip_id in self._presses.items()}
        return [{**card_state(clip), "press": pressed.get(clip.id)} for clip in clips.values()]

    def make(self, press: str, **request: Any) -> dict[str, Any]:
        """The answer to a press of the button: the `clip` it made, now or when it came before, or its `problems`."""
        with self._pressing:
            if press not in self._presses:
                errors = [found for found in self._session.check(**request) if found.severity == "error"]
                if errors:
                    return {"problems": [{"field": e.field, "message": e.message} for e in errors]}
                self._presses[press] = self._session.submit(**request).id
                while len(self._presses) > _PRESSES:
                    del self._presses[next(iter(self._presses))]
            clip = self._session.clip(self._presses[press])
        return {"clip": {**card_state(clip), "press": press}}

    def _changed(self, clip: Clip) -> None:
        self._waiting.put(clip)
        self._tell()
