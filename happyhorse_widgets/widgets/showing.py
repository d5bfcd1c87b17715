"""Pairs of clips as a rater may see them: under names that are drawn anew each time, both of the same size.

What goes to the browser must not tell the sides apart. Each side's video comes through the kernel, under a name that only this
showing has, without what its file says of itself, and with so much padding that both are equally long.
"""

from __future__ import annotations

import logging
import math
import secrets
import struct
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import HappyHorseError, InvalidRequest, LibraryError
from happyhorse_widgets.library.files import part_of, publish, writing
from happyhorse_widgets.media.blinding import anonymous_copy, spoiled_copy
from happyhorse_widgets.research.poll import new_ballot
from happyhorse_widgets.research.turns import turns_in_all

from .card import CHUNK
from .rpc import Content, Reply

if TYPE_CHECKING:
    from pathlib import Path

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.session import Session
    from happyhorse_widgets.research.poll import Poll
    from happyhorse_widgets.research.turns import Turn

_log = logging.getLogger(__name__)
#: Both videos of a pair are padded to the same multiple of this many bytes.
_STEP = 1 << 16
_BOX = struct.Struct(">I4s")
#: So many pairs are kept that were shown and not voted on.
_KEPT = 100
_TROUBLE = "The next pair cannot be shown. Whoever made this arena finds the reason in arena.left_out."
_GONE = "This pair is not shown any more."
_OVER = "That was the last pair. Thank you."


@dataclass(frozen=True, slots=True)
class _Showing:
    """One pair before one rater. `paths` has the video of either side by its name, `size` is that of both in bytes."""

    rater: str
    turn: Turn
    paths: dict[str, Path]
    size: int


class Booth:
    """Shows the pairs of a poll and takes what is said of them. All of it blocks, and is called on threads.

    `unable` says why clips could not be shown when they were last needed; their pairs are passed over, and tried again later.
    """

    def __init__(self, session: Session, poll: Poll) -> None:
        self.unable: dict[str, str] = {}
        self._session = session
        self._poll = poll
        self._showings: OrderedDict[str, _Showing] = OrderedDict()
        self._making = threading.Lock()
        self._lock = threading.Lock()

    def next(self, rater: str) -> Content:
        """The answer to `Kind.ARENA_NEXT`."""
        last = self._poll.last(rater)
        told = {"last": None if last is None else last.id}
        without: frozenset[str] = frozenset()
        while (turn := self._poll.turn(rater, without=without)) is not None:
            files = self._files(turn)
            if files is not None:
                return {**self._shown(rater, turn, files), **told}
            without |= self.unable.keys() & {turn.left.clip_id, turn.right.clip_id}
        if without:
            raise LibraryError(_TROUBLE)
        return {"over": _OVER, **told}

    def get_ready(self, rater: str, showing: str) -> None:
        """Have the files of the pair that will most likely come after this one."""
        turn = self._poll.turn_after(rater, self._showing(showing, rater).turn)
        if turn is not None:
            self._files(turn)

    def chunk(self, side: Any, offset: Any, length: Any) -> Reply:
        """The answer to `Kind.ARENA_CHUNK`: bytes of the video, and then of the padding that makes both equally long."""
        with self._lock:
            shown = next((each for each in self._showings.values() if side in each.paths), None)
        if shown is None:
            raise InvalidRequest(_GONE)
        numbers = isinstance(offset, int) and isinstance(length, int)
        if not (numbers and 0 <= offset < shown.size and 0 < length <= CHUNK):
            raise InvalidRequest(f"A chunk is 1 to {CHUNK} bytes of the {shown.size} that there are.")
        try:
            return Reply(buffers=[_padded(shown.paths[side], shown.size, offset, length)])
        except OSError as error:
            _log.warning("A clip cannot be read: %s", error)
            raise LibraryError(_TROUBLE) from None

    def vote(self, rater: str, content: Content) -> None:
        """Commit what is said of a pair. Raises `InvalidRequest` for what cannot be a vote, and where it has one already."""
        showing, answers, seconds = (
            str(content.get("showing")),
            content.get("answers"),
            content.get("seconds"),
        )
        turn = self._showing(showing, rater).turn
        known = isinstance(seconds, int | float) and math.isfinite(seconds) and seconds >= 0
        ballot = self._poll.ballot(
            rater, turn, answers if isinstance(answers, dict) else {}, seconds if known else None, showing
        )
        self._poll.cast(ballot)

    def _showing(self, showing: str, rater: str) -> _Showing:
        with self._lock:
            shown = self._showings.get(showing)
        if shown is None or shown.rater != rater:
            raise InvalidRequest(_GONE)
        return shown

    def _shown(self, rater: str, turn: Turn, files: tuple[Path, Path]) -> dict[str, Any]:
        sides = [secrets.token_hex(8), secrets.token_hex(8)]
        # The header of the padding needs room, too.
        longest = max(path.stat().st_size for path in files) + _BOX.size
        size = math.ceil(longest / _STEP) * _STEP
        showing = new_ballot()
        with self._lock:
            self._showings[showing] = _Showing(rater, turn, dict(zip(sides, files, strict=True)), size)
            while len(self._showings) > _KEPT:
                self._showings.popitem(last=False)
        total = turns_in_all(self._poll.rules, len(self._poll.pairs), rater)
        return {
            "showing": showing,
            "sides": sides,
            "bytes": size,
            "ratio": self._ratio(turn),
            "position": turn.position,
            "total": max(total, turn.position + 1),
        }

    def _ratio(self, turn: Turn) -> float:
        """Of the box that both sides have: the clips' own where they share one, else a square."""
        shapes = [self._session.clip(side.clip_id).facts or {} for side in (turn.left, turn.right)]
        ratios = {round(facts.get("width", 16) / facts.get("height", 9), 2) for facts in shapes}
        return ratios.pop() if len(ratios) == 1 else 1.0

    def _files(self, turn: Turn) -> tuple[Path, Path] | None:
        """The files of both sides; None where one cannot be shown, which is noted then."""
        made = []
        for name, side in (("left", turn.left), ("right", turn.right)):
            try:
                clip = self._session.clip(side.clip_id)
                made.append(self._copy(clip, side.sha256, spoiled=turn.spoiled == name))
                self.unable.pop(side.clip_id, None)
            except (HappyHorseError, KeyError, OSError) as error:
                _log.warning("Clip %s cannot be shown in the arena: %s", side.clip_id, error)
                self.unable[side.clip_id] = f"it cannot be shown: {error}"
                return None
        return made[0], made[1]

    def _copy(self, clip: Clip, sha256: str, *, spoiled: bool) -> Path:
        """The copy of a clip that may be shown; made once, and kept beside the others in `home/playable`."""
        if clip.path is None or clip.sha256 != sha256:
            raise LibraryError("its video is not there, or is another one than when the arena was made")
        kind = "spoiled" if spoiled else "blind"
        target: Path = clip.keeper.home / "playable" / f"{clip.id}.{sha256[:12]}.{kind}.mp4"
        with self._making:
            if not target.exists():
                part = part_of(target)
                with writing(target):
                    target.parent.mkdir(exist_ok=True)
                    try:
                        (spoiled_copy if spoiled else anonymous_copy)(clip.path, part)
                        publish(part, target)
                    finally:
                        part.unlink(missing_ok=True)
        return target


def _padded(path: Path, size: int, offset: int, length: int) -> bytes:
    """Bytes of the file as it is with a box of nothing behind it, `size` bytes in all."""
    own = path.stat().st_size
    padding = _BOX.pack(size - own, b"free")
    with path.open("rb") as file:
        file.seek(offset)
        found = file.read(length)
    end = min(offset + length, size)
    behind = padding[max(0, offset - own) : max(0, end - own)]
    return (found + behind).ljust(end - offset, b"\0")
