"""What a sweep leaves in a saved notebook: a table of its cells with their clips, useful without a kernel."""

from __future__ import annotations

import io
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from IPython import get_ipython
from IPython.display import display, update_display
from PIL import Image

from happyhorse_widgets.text import whole

from .bridge import bridge
from .card import PHASES
from .fallback import twin_html, video_html

if TYPE_CHECKING:
    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.research.cells import Cell
    from happyhorse_widgets.research.factors import Factor
    from happyhorse_widgets.research.sweep import Sweep

#: So many cells have their clip, with a poster of about 5 kB each, and so many are in the table at all.
_CLIPS, _CELLS = 64, 500
#: The longer side of a clip, in pixels: as many as the buttons of a player need.
_SIDE = 240


class SweepTwin:
    """The static output beside a sweep's grid, which hides it while it lives. Written anew as clips come to rest."""

    def __init__(self, sweep: Sweep, name: str) -> None:
        self._sweep = sweep
        self._name = name
        self._channel = bridge().open(self._bundle, self._update)

    def show(self) -> None:
        """Put it into the cell that runs."""
        display(self._bundle(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]
        self._sweep.session.observe(self._changed)
        # A notebook that is executed by a program is saved when its last cell ends.
        get_ipython().events.register("post_run_cell", lambda _result: self._channel.flush())

    @property
    def _display_id(self) -> str:
        return f"happyhorse-{self._name}"

    def _changed(self, clip: Clip) -> None:
        if clip.is_over:
            self._channel.mark()

    def _update(self, bundle: dict[str, str]) -> None:
        update_display(bundle, raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]

    def _bundle(self) -> dict[str, str]:
        return {
            "text/html": twin_html(sweep_html(self._sweep), self._name),
            "text/plain": repr(self._sweep),
        }


def sweep_html(sweep: Sweep) -> str:
    """The sweep as HTML, with only tags and attributes that survive in a notebook that is not trusted."""
    cells = sweep.cells
    *rows, across = [each for each in sweep.plan.factors if len(each.levels) > 1] or (None,)
    done = sum(cell.clip is not None and cell.clip.is_done for cell in cells)
    mark = ", simulated by the sandbox" if sweep.session.sandbox else ""
    told = (
        f"Sweep {sweep.name}: {done} of {len(cells)} cells ready, {sweep.spent:g} creative units spent{mark}."
    )
    table = "" if across is None else _table([row for row in rows if row is not None], across, cells[:_CELLS])
    more = f"<p>The first {_CELLS} cells are shown.</p>" if len(cells) > _CELLS else ""
    return f'<p>{escape(told)}</p><div style="overflow-x: auto">{table}</div>{more}'


def _table(rows: list[Factor], across: Factor, cells: tuple[Cell, ...]) -> str:
    grid: dict[tuple[str, ...], dict[str, Cell]] = {}
    for cell in cells:
        grid.setdefault(tuple(cell.levels[row.name] for row in rows), {})[cell.levels[across.name]] = cell
    pictured = {cell.key for cell in cells[:_CLIPS]}
    heads = [escape(row.name) for row in rows]
    heads += [escape(f"{across.name} {level.label}") for level in across.levels]
    lines = [f"<tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"]
    for labels, found in grid.items():
        named = "".join(f"<th>{escape(label)}</th>" for label in labels)
        shown = "".join(_shown(found.get(level.label), pictured) for level in across.levels)
        lines.append(f"<tr>{named}{shown}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _shown(cell: Cell | None, pictured: set[str]) -> str:
    if cell is None:
        return "<td></td>"
    clip = cell.clip
    words = "Planned" if clip is None else PHASES[clip.state][1]
    poster = clip.poster_jpeg() if clip is not None and clip.is_done and cell.key in pictured else None
    if poster is None:
        return f"<td>{escape(words)}</td>"
    assert clip is not None
    name = whole(", ".join(cell.levels.values()))
    video = video_html(clip, _small(poster), (_SIDE, _SIDE), name)
    return f"<td>{video}<br>{escape(clip.id)}</td>"


@lru_cache(maxsize=256)
def _small(jpeg: bytes) -> bytes:
    with Image.open(io.BytesIO(jpeg)) as image:
        image.thumbnail((_SIDE, _SIDE))
        out = io.BytesIO()
        image.convert("RGB").save(out, "JPEG", quality=80)
    return out.getvalue()
