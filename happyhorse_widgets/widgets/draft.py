"""What is being prepared, kept in the library, so that a later Studio can go on with it.

Each Studio keeps its own draft under a name that was free, so that none writes over another's, in this kernel or in another one
on the same library. A Studio that goes on with a draft takes its name over; where the other one is changed once more, that takes
a new name.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import secrets
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.engine.loop import at_exit
from happyhorse_widgets.errors import HappyHorseError
from happyhorse_widgets.library.ownership import surely_runs, this_process

from .desk import SETTINGS, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from happyhorse_widgets.engine.session import Session
    from happyhorse_widgets.library.saved import Saved

#: Seconds between a change and its keeping; changes in between are kept with it.
_PAUSE = 1.5
_NAME = "studio"
#: So many drafts are kept; of more than that the oldest go which no living kernel holds.
_MOST = 30

#: Those of this process that keep a draft.
_keepers: weakref.WeakSet[Draft] = weakref.WeakSet()
#: The sessions in which a Studio asked for a draft to go on with.
_asked: weakref.WeakSet[Session] = weakref.WeakSet()


class Draft:
    """Keeps what `read` gives, settings, `references` and what is `following` the model, a moment after each `changed`.

    Nothing is kept before `begin`: what a Studio is opened with is no work of its person.
    """

    def __init__(self, session: Session, read: Callable[[], dict[str, Any]]) -> None:
        self._session = session
        self._read = read
        self._id = secrets.token_hex(8)
        self._name = ""
        self._begun = self._due = False
        self._lock = threading.Lock()
        self._keeping = threading.Lock()

    def begin(self) -> None:
        """Keep every change from now on."""
        self._begun = True
        _keepers.add(self)
        # A kernel may be restarted within the pause. Called before the session is closed, which was opened before.
        keep = weakref.WeakMethod(self.flush)
        at_exit(lambda: (flush := keep()) and flush())

    def changed(self) -> None:
        """Say that there is something new to keep; from any thread."""
        with self._lock:
            if self._due or not (self._begun and self._session.open):
                return
            self._due = True
        self._session.run(self._later())

    def flush(self) -> None:
        """Keep what is still to be kept now."""
        with self._keeping, contextlib.suppress(HappyHorseError):  # a draft is no reason to trouble anybody
            with self._lock:
                due, self._due = self._due, False
            if due:
                self._keep(self._read())

    async def _later(self) -> None:
        await asyncio.sleep(_PAUSE)
        await asyncio.to_thread(self.flush)

    def _keep(self, now: Mapping[str, Any]) -> None:
        drafts = self._session.saved("draft")
        if self._name and _keeper(drafts.get(self._name)).get("id") != self._id:
            self._name = ""  # another Studio goes on with it
        kept = {name: now[name] for name in (*SETTINGS, "following")}
        kept["references"] = packed(now["references"])
        if not _is_work(kept):
            drafts.pop(self._name, None)
            return
        if not self._name:
            _make_room(drafts)
            names = (_NAME if number == 1 else f"{_NAME} {number}" for number in itertools.count(1))
            self._name = next(name for name in names if name not in drafts)
        drafts[self._name] = {**kept, "keeper": self._claim(), "notebook": _notebook(), "at": time.time()}

    def _claim(self) -> dict[str, Any]:
        return {"id": self._id, **this_process()}

    def take_up(self) -> tuple[dict[str, Any], str]:
        """What was being prepared, and a line that says so; nothing where there was neither a prompt nor an image.

        For the first Studio of a session that is the newest draft that no living kernel holds, one of this notebook before all
        others; for each later one, and where there is none, the newest of this kernel.
        """
        first = self._session not in _asked
        _asked.add(self._session)
        for keeper in list(_keepers):
            keeper.flush()
        try:
            drafts = self._session.saved("draft")
            found = sorted(((name, each) for name, each in drafts.items() if _is_work(each)), key=_nearness)
            here = [name for name, each in found if _is_here(each)]
            left = [name for name, each in found if not _is_here(each) and not _is_held(each)]
            names = [*left, *here] if first else [*here, *left]
            if not names:
                return {}, ""
            kept = dict(found)[names[0]]
            self._name = names[0]
            drafts[self._name] = {**kept, "keeper": self._claim()}
        except HappyHorseError:
            return {}, ""
        where = "in another Studio" if names[0] in here else "when the kernel ended"
        return self._unpacked(kept, f"Here is what you were preparing {where}.")

    def _unpacked(self, kept: dict[str, Any], text: str) -> tuple[dict[str, Any], str]:
        values: dict[str, Any] = {name: kept[name] for name in (*SETTINGS, "following") if name in kept}
        try:
            images, lost = unpacked(kept.get("references") or [], self._session.home)
        except (TypeError, AttributeError, ValueError):
            return values, f"{text} Its images could not be read."
        if lost:
            text += f" {'One image' if lost == 1 else f'{lost} images'} could not be found in this folder any more."
        return values | {"references": images}, text


def _notebook() -> str:
    """The notebook of this kernel, where Jupyter says so."""
    return os.getenv("JPY_SESSION_NAME", "")


def _is_work(kept: Any) -> bool:
    return isinstance(kept, dict) and bool(kept.get("prompt") or kept.get("references"))


def _nearness(found: tuple[str, dict[str, Any]]) -> tuple[bool, float]:
    """Sorts the drafts of this notebook first, and the newest of them."""
    at = found[1].get("at")
    return found[1].get("notebook") != _notebook(), -at if isinstance(at, int | float) else 0.0


def _keeper(kept: Any) -> dict[str, Any]:
    """Who keeps a draft; empty where nobody is named."""
    keeper = kept.get("keeper") if isinstance(kept, dict) else None
    return keeper if isinstance(keeper, dict) else {}


def _is_here(kept: Any) -> bool:
    return this_process().items() <= _keeper(kept).items()


def _is_held(kept: Any) -> bool:
    """Whether a living kernel keeps it, as far as that can be seen."""
    try:
        return surely_runs(_keeper(kept))
    except KeyError:
        return False


def _make_room(drafts: Saved) -> None:
    """Forget the oldest drafts where there are too many."""
    found = sorted(drafts.items(), key=lambda item: _nearness(item)[1] if isinstance(item[1], dict) else 0.0)
    for name, kept in found[_MOST - 1 :]:
        if not _is_held(kept):
            drafts.pop(name, None)
