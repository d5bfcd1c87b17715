"""The clips in people's hands: one `Clip` object for each, and who is told when one changes."""

from __future__ import annotations

import contextlib
import logging
import threading
import weakref
from typing import TYPE_CHECKING

from .clip import Clip, Keeper
from .states import RESTING

if TYPE_CHECKING:
    from collections.abc import Callable

    from happyhorse_widgets.library.clips import ClipRecord

log = logging.getLogger(__name__)


class Roster:
    """Outlives a session: the one that takes over its clips takes over its roster. Safe to use from any thread."""

    def __init__(self) -> None:
        self._clips: weakref.WeakValueDictionary[str, Clip] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()
        self._observers: list[Callable[[Clip], None]] = []
        self._observing = threading.Lock()

    def clip(
        self, record: ClipRecord, keeper: Keeper, latest: Callable[[str], ClipRecord | None] | None = None
    ) -> Clip:
        """The clip of a record: the one that somebody has, else a new one.

        `latest` reads the record once more. It is needed where the clip may be driven: whoever drove it may have brought it to
        rest, and let go of it, since the record was read.
        """
        with self._lock:
            clip = self._clips.get(record.id)
            if clip is None:
                if latest is not None and record.state not in RESTING:
                    record = latest(record.id) or record
                clip = self._clips[record.id] = Clip(keeper, record)
            return clip

    def in_hand(self) -> list[Clip]:
        """The clips that anybody has."""
        with self._lock:
            return list(self._clips.values())

    def observe(self, callback: Callable[[Clip], None]) -> Callable[[], None]:
        """Have `callback` told of every clip that changed; returns a function that ends it."""
        with self._observing:
            self._observers.append(callback)

        def end() -> None:
            with self._observing, contextlib.suppress(ValueError):
                self._observers.remove(callback)

        return end

    def changed(self, clip: Clip) -> None:
        """Tell everybody. An observer that fails does not keep the others from being told."""
        with self._observing:
            observers = list(self._observers)
        for callback in observers:
            try:
                callback(clip)
            except Exception:
                log.exception("an observer of clips failed")
