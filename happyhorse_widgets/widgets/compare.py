"""Clips beside each other on one clock, in one notebook cell."""

from __future__ import annotations

import asyncio
import io
import math
import queue
import secrets
import threading
from base64 import b64encode
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import traitlets
from IPython.display import display
from PIL import Image

from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.connect import default_session
from happyhorse_widgets.engine.loop import engine_loop
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.library.files import part_of, publish, writing
from happyhorse_widgets.research.contenders import clips_of

from .base import Widget
from .bridge import bridge
from .card import card_state, serve_clips
from .differing import differing, in_words
from .exports import MOST, Shown, described, serve_exports
from .fallback import twin_html
from .rpc import Buffers, Content, Kind
from .twin import Twin

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from happyhorse_widgets.engine.session import Session

T = TypeVar("T")

MODES = ("grid", "side by side", "wipe", "flicker")
#: Of the still of each clip that a saved notebook keeps, in pixels.
_STILL = 108


class Compare(Widget):
    """Clips beside each other on one clock: play, scrub, step, loop, change speed, and all move together.

    - `clips`: 2 to 36 clips, their local ids, or a sweep
    - `rows`, `columns`: the factors that make the grid's rows and columns: of a sweep its own, else those in which the requests
      differ (`prompt`, `references`, `seed`, `aspect_ratio`, `resolution`, `duration`, `model`, or another input of the models).
      "" is for none; None chooses
    - `mode`: "grid" shows all; "side by side", "wipe" (a line that is moved between two in the same place) and "flicker" (now
      one, now the other) show two
    - `session`: where ids are looked up; by default the one of the last `connect`

    Only what tells the clips apart is said of them. What is not finished yet joins in when it is. The mode can be changed later,
    here and on the page. Raises `InvalidRequest` for another number of clips, and for a factor or mode that there is not.
    """

    entry: ClassVar[str] = "compare"

    mode: Any = traitlets.Unicode("grid").tag(sync=True)
    """How the clips are shown; one of `MODES`."""
    _twin: Any = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        clips: Any,
        *,
        rows: str | None = None,
        columns: str | None = None,
        mode: str = "grid",
        session: Session | None = None,
    ) -> None:
        found, levels = _resolved(clips, session)
        if not 2 <= len(found) <= MOST:
            raise InvalidRequest(
                f"A comparison has 2 to {MOST} clips, not {len(found)}. Choose some of them, such as clips[:{MOST}]."
            )
        self._clips = found
        self._levels = levels
        self._rows, self._columns = _arranged(levels, rows, columns)
        self._waiting: queue.SimpleQueue[Clip] = queue.SimpleQueue()
        super().__init__(mode=mode)
        by_id = {clip.id: clip for clip in found}
        serve_clips(self.rpc, by_id.__getitem__)
        serve_exports(self.rpc, by_id.__getitem__, found[0].keeper.home)
        self.rpc.on(Kind.COMPARE_OPEN, self._open_for)
        self._static = Twin(self._twin, self._bundle)
        self._channel = bridge().open(self._changes, self._tell)
        self._stops = [keeper.observe(self._changed) for keeper in {clip.keeper for clip in found}]

    @property
    def clips(self) -> tuple[Clip, ...]:
        """The clips that are compared, in order."""
        return tuple(self._clips)

    @property
    def labels(self) -> tuple[str, ...]:
        """What each clip is called: a letter, and what tells it from the others."""
        return tuple(
            " · ".join([_letter(index), *levels.values()]) for index, levels in enumerate(self._levels)
        )

    def strip(self, path: str | os.PathLike[str] | None = None, frames: int = 8) -> Image.Image:
        """One row for each clip, of `frames` pictures at the same times, from the first frame to the last of the longest; RGB.

        With `path` it is saved there, too, in the format that the name says. Raises `InvalidRequest` for `frames` below 1 and for
        a clip without a video, and OSError where it cannot be written.
        """
        from happyhorse_widgets.media.sheets import strip

        takes = [shown.take() for shown in self._shown()]
        sheet = _aside(lambda _check: strip(takes, frames=frames))
        if path is not None:
            sheet.save(Path(path).expanduser())
        return sheet

    def video(self, path: str | os.PathLike[str], *, columns: int | None = None, height: int = 360) -> Path:
        """Write an MP4 in which all clips play beside each other, each `height` pixels high with its label below; returns where.

        H.264 without sound, its index first. The clips' ids and hashes are in its metadata (`comment`). `columns` stand side by
        side, by default as many as there are rows, or one more. A file of that name is replaced when the new one is whole.
        Interrupting stops it. Raises `InvalidRequest` where the whole would pass 4,096 pixels on a side and for a clip without a
        video, and `LibraryError` where it cannot be written.
        """
        from happyhorse_widgets.media.montage import side_by_side

        target = Path(path).expanduser().absolute()
        shown = self._shown()
        takes = [one.take() for one in shown]
        part = part_of(target)

        def write(check: Callable[[float], None]) -> None:
            with writing(target):
                try:
                    side_by_side(
                        takes,
                        part,
                        columns=columns,
                        height=height,
                        comment=described(shown),
                        progress=check,
                    )
                    publish(part, target)
                finally:
                    part.unlink(missing_ok=True)

        _aside(write)
        return target

    def close(self) -> None:
        """Take the comparison out of the browser. The clips stay."""
        if hasattr(self, "_stops"):  # ipywidgets closes half-made widgets, too
            for stop in self._stops:
                stop()
            self._channel.close()
            self._static.close()
        super().close()

    def __repr__(self) -> str:
        return f"<Compare {len(self._clips)} clips>"

    def _ipython_display_(self) -> None:
        data, metadata = self._repr_mimebundle_() or ({}, {})
        data["text/plain"] = "Run this cell to open the comparison."  # what a notebook without a kernel shows
        display(data, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]
        self._static.show()

    @traitlets.default("_twin")
    def _default_twin(self) -> str:
        return secrets.token_hex(8)

    @traitlets.validate("mode")
    def _known_mode(self, proposal: Any) -> str:
        mode: str = proposal["value"]
        if mode not in MODES:
            raise InvalidRequest(f"There is no mode {mode!r}; choose one of {', '.join(MODES)}.")
        return mode

    def _shown(self) -> list[Shown]:
        return [Shown(clip, label) for clip, label in zip(self._clips, self.labels, strict=True)]

    def _open_for(self, _content: Content, _buffers: Buffers) -> Content:
        return {
            "states": [card_state(clip) for clip in self._clips],
            "levels": self._levels,
            "rows": self._rows,
            "columns": self._columns,
        }

    def _changed(self, clip: Clip) -> None:
        if clip in self._clips:
            self._waiting.put(clip)
            self._channel.mark()
            if clip.is_over:
                self._static.mark()

    def _changes(self) -> list[dict[str, Any]]:
        clips = {}
        while not self._waiting.empty():
            clip = self._waiting.get()
            clips[clip.id] = clip
        return [card_state(clip) for clip in clips.values()]

    def _tell(self, clips: list[dict[str, Any]]) -> None:
        if clips:
            self.send({"kind": Kind.CLIPS_CHANGED, "clips": clips})

    def _bundle(self) -> dict[str, str]:
        """The contact sheet as an image, and what it shows in words."""
        from happyhorse_widgets.media.sheets import contact_sheet

        order, across = _placed(self._levels, self._rows, self._columns)
        stills = [self._clips[index].poster_jpeg() for index in order]
        pictures = [None if still is None else Image.open(io.BytesIO(still)) for still in stills]
        labels = [self.labels[index] for index in order]
        sheet, out = (
            contact_sheet(list(zip(pictures, labels, strict=True)), columns=across, height=_STILL),
            io.BytesIO(),
        )
        sheet.save(out, "JPEG", quality=85)
        image = b64encode(out.getvalue()).decode()
        mark = ", simulated by the sandbox" if any(clip.sandbox for clip in self._clips) else ""
        told = "; ".join(f"{labels[at]} ({self._clips[index].id})" for at, index in enumerate(order))
        text = f"{len(order)} clips compared{mark}: {told}."
        picture = (
            f'<img width="{sheet.width}" style="max-width: 100%; height: auto" src="data:image/jpeg;base64,{image}" '
            f'alt="First frames of the clips">'
        )
        return {
            "text/html": twin_html(f"{picture}<p>{escape(text)}</p>", self._twin),
            "text/plain": text,
            "image/jpeg": image,
        }


def _resolved(clips: Any, session: Session | None) -> tuple[list[Clip], list[dict[str, str]]]:
    """The clips, and what tells each from the others: of a sweep the levels of its cells, else what differs in the requests."""
    cells = getattr(clips, "cells", None)
    if cells is not None:
        made = [cell for cell in cells if cell.clip is not None]
        constant = {
            name for name in (made[0].levels if made else ()) if len({c.levels[name] for c in made}) == 1
        }
        levels = [
            {name: in_words(name, str(level)) for name, level in cell.levels.items() if name not in constant}
            for cell in made
        ]
        return [cell.clip for cell in made], levels

    def find(one: Clip | str) -> Clip:  # clips of several sessions may stand beside each other
        return one if isinstance(one, Clip) else (session or default_session()).clip(one)

    found = list(clips_of(clips, find))
    return found, differing(found) if found else []


def _arranged(levels: list[dict[str, str]], rows: str | None, columns: str | None) -> tuple[str, str]:
    """The factors of rows and columns, "" for none; where nobody chose, those that fill a table."""
    factors = list(levels[0])
    for given in (rows, columns):
        if given and given not in factors:
            known = f"these are: {', '.join(factors)}" if factors else "they are all alike"
            raise InvalidRequest(f"The clips do not differ in {given!r}; {known}.")
    # Seeds stand side by side, and whatever is listed first is read first.
    seeds_first = [
        *(name for name in factors if name == "seed"),
        *(name for name in reversed(factors) if name != "seed"),
    ]
    wide = seeds_first if columns is None else [columns]
    down = factors if rows is None else [rows]
    pairs = ((row, column) for column in wide for row in down if row != column)
    return next((pair for pair in pairs if _fills(levels, *pair)), (rows or "", columns or ""))


def _fills(levels: list[dict[str, str]], *factors: str) -> bool:
    """Whether a table of these factors would be full by two thirds at least."""
    named = [name for name in factors if name]
    cells = math.prod(len({level[name] for level in levels}) for name in named)
    return 2 * cells <= 3 * len(levels) and (len(named) == 2 or cells < len(levels))


def _placed(levels: list[dict[str, str]], rows: str, columns: str) -> tuple[list[int], int]:
    """The clips' positions in reading order, and how many stand side by side."""
    down, across = ([level.get(factor, "") for level in levels] for factor in (rows, columns))
    order = sorted(range(len(levels)), key=lambda at: (down.index(down[at]), across.index(across[at])))
    full = len(set(down)) * len(set(across)) == len(levels) == len(set(zip(down, across, strict=True)))
    return order, len(set(across)) if full and columns else min(4, len(levels))


def _letter(index: int) -> str:
    """A to Z, then AA; as on the page."""
    return (_letter(index // 26 - 1) if index > 25 else "") + chr(65 + index % 26)


def _aside(work: Callable[[Callable[[float], None]], T]) -> T:
    """What `work` gives, done on a thread; interrupting the wait ends it when it next tells how far it is."""
    if engine_loop().is_here():
        raise RuntimeError("The engine's own thread must not wait for this: use asyncio.to_thread.")
    stopped = threading.Event()

    def check(_share: float) -> None:
        if stopped.is_set():
            raise InterruptedError

    doing = engine_loop().run(asyncio.to_thread(work, check))
    try:
        return doing.result()
    finally:
        stopped.set()
