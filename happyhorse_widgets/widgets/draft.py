"""What is being prepared, kept in the library, so that a kernel's first Studio can go on with it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import HappyHorseError

from .desk import SETTINGS, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from happyhorse_widgets.engine.session import Session

#: Seconds between a change and its keeping; changes in between are kept with it.
_PAUSE = 1.5
_NAME = "studio"

#: The sessions whose first Studio was opened already.
_opened: weakref.WeakSet[Session] = weakref.WeakSet()


class Draft:
    """Keeps what `read` gives, settings and `references`, a moment after each `changed`. Of several Studios the last counts."""

    def __init__(self, session: Session, read: Callable[[], dict[str, Any]]) -> None:
        self._session = session
        self._read = read
        self._lock = threading.Lock()
        self._due = False

    def changed(self) -> None:
        """Say that there is something new to keep; from any thread."""
        with self._lock:
            if self._due or not self._session.open:
                return
            self._due = True
        self._session.run(self._later())

    def flush(self) -> None:
        """Keep what is still to be kept now."""
        with self._lock:
            due, self._due = self._due, False
        if not due:
            return
        now = self._read()
        kept = {name: now[name] for name in SETTINGS} | {"references": packed(now["references"])}
        with contextlib.suppress(HappyHorseError):  # a draft is no reason to trouble anybody
            self._session.saved("draft")[_NAME] = kept

    async def _later(self) -> None:
        await asyncio.sleep(_PAUSE)
        await asyncio.to_thread(self.flush)


def take_up(session: Session) -> tuple[dict[str, Any], str]:
    """What was being prepared when the last kernel ended, for the first Studio of a session, and a line that says so.

    Nothing for any later Studio, and where there was neither a prompt nor an image.
    """
    if session in _opened:
        return {}, ""
    _opened.add(session)
    try:
        kept = session.saved("draft").get(_NAME)
    except HappyHorseError:
        return {}, ""
    if not isinstance(kept, dict) or not (kept.get("prompt") or kept.get("references")):
        return {}, ""
    images, lost = unpacked(kept.get("references") or [], session.home)
    values = {name: kept[name] for name in SETTINGS if name in kept} | {"references": images}
    text = "Here is what you were preparing when the kernel ended."
    if lost:
        text += (
            f" {'One image' if lost == 1 else f'{lost} images'} could not be found in this folder any more."
        )
    return values, text
