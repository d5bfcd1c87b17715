"""Which clips are a sweep's: found by their ids, which are settled before anything is sent.

A clip's id follows from the sweep's salt, the account, the request and the number of the attempt. So whoever asks for the same
cell again, in the next kernel or in two at once, asks for the clip that is there, and nothing is paid twice.
"""

from __future__ import annotations

import hashlib
import json
import threading
from typing import TYPE_CHECKING, Final

from happyhorse_widgets.engine.states import TERMINAL, State

from .plan import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.request import Request
    from happyhorse_widgets.engine.session import Session

#: The clip has ended without a video, and can be asked for anew.
FAILED: Final = TERMINAL - {State.DONE}


def key_of(request: Request) -> str:
    """Equal for requests that ask for the same, whatever their images are called; 64 hex digits."""
    return digest(request.content())


class Attempts:
    """The clips of one sweep in one account, by the keys of their requests. From any thread."""

    def __init__(self, session: Session, salt: str) -> None:
        self._session = session
        self._salt = salt
        self._lock = threading.Lock()
        self._made: dict[str, list[Clip]] = {}
        self._successors: dict[str, Clip] = {}

    def look(self, keys: Iterable[str]) -> None:
        """Take notice of the attempts at these requests that were made meanwhile, here or by another kernel."""
        with self._lock:
            asked = [key for key in keys if self._may_have_more(key)]
            while asked:
                ids = {self._clip_id(key, len(self._made.get(key, ()))): key for key in asked}
                found = self._session.those(list(ids))
                for clip_id, clip in found.items():
                    self._made.setdefault(ids[clip_id], []).append(clip)
                asked = [ids[clip_id] for clip_id in found if self._may_have_more(ids[clip_id])]

    def latest(self, key: str) -> Clip | None:
        """The last attempt at a request, or what was submitted in its place; None where there was none."""
        *_, last = (None, *self._chain(self._made.get(key, [])[-1:]))
        return last

    def all(self) -> list[Clip]:
        """Every attempt at every request."""
        return [clip for made in list(self._made.values()) for clip in self._chain(made)]

    def failed(self, keys: Iterable[str]) -> dict[str, int]:
        """How many attempts were made at each of these requests whose last one failed: the number of the one to come."""
        with self._lock:
            made = {key: len(self._made.get(key, ())) for key in keys}
            return {
                key: number
                for key, number in made.items()
                if (last := self.latest(key)) is not None and last.state in FAILED
            }

    def key_for(self, clip: Clip) -> str | None:
        """The key of the request that this clip is an attempt at; None for a clip of something else."""
        return next((key for key, made in list(self._made.items()) if clip in self._chain(made)), None)

    def submit(self, requests: Mapping[str, Request], numbers: Mapping[str, int]) -> list[Clip]:
        """Ask for one attempt at each request; those that are there already are given, and paid once.

        `numbers` says, from 0, which attempt is meant, as it was when that was decided: two that decide the same, one of them
        while prices were asked for the other, mean the same clip.
        """
        ids = {self._clip_id(key, numbers[key]): key for key in requests}
        clips = self._session.submit_all({clip_id: requests[key] for clip_id, key in ids.items()})
        with self._lock:
            for clip in clips:
                made = self._made.setdefault(ids[clip.id], [])
                if len(made) == numbers[ids[clip.id]]:
                    made.append(clip)
        return clips

    def _may_have_more(self, key: str) -> bool:
        last = self.latest(key)
        return last is None or last.state in FAILED

    def _chain(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """The clips, each followed by those that were submitted in its place while it waited for a decision."""
        for clip in clips:
            yield clip
            following = clip.successor_id
            while following is not None:
                if following not in self._successors:
                    found = self._session.those([following])
                    if not found:
                        break
                    self._successors |= found
                yield self._successors[following]
                following = self._successors[following].successor_id

    def _clip_id(self, key: str, attempt: int) -> str:
        settled = json.dumps([self._salt, *self._session.account, key, attempt])
        return f"clip_{hashlib.sha256(settled.encode()).hexdigest()[:16]}"
