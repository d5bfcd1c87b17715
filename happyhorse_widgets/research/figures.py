"""Figures for a paper, by matplotlib: ratings with their intervals, measures by factor, and contact sheets."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.extras import needs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .cells import Cell
    from .sweep import Sweep
else:
    Figure = needs("matplotlib.figure").Figure

#: M. Okabe and K. Ito, "Color Universal Design", 2002: told apart by colour-blind people, and in print.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
_INK, _FAINT = "#222222", "#999999"
_WIDE, _TALLEST = 1.9, 1.2  # inches of a frame on a contact sheet, and how many times as high it may be
_ROW = 0.36  # inches for each line of a figure
_DOTS = 150  # to the inch
_THUMBNAIL = 320  # pixels, the longer side of a frame on a contact sheet
_WORDS: dict[str, Any] = {"parse_math": False}  # two dollar signs in a prompt are no formula
_SHOWN = 3  # the numbers above this many are spread over the width of their column


class Chart(Figure):
    """A matplotlib figure that a notebook shows as it is, without pyplot; `savefig` writes PNG, SVG and PDF."""

    def _repr_png_(self) -> bytes:
        out = io.BytesIO()
        self.savefig(out, format="png", dpi=_DOTS)
        return out.getvalue()

    def svg(self) -> bytes:
        """As SVG; the same data give the same bytes."""
        out = io.BytesIO()
        with needs("matplotlib").rc_context({"svg.hashsalt": "happyhorse_widgets"}):
            self.savefig(out, format="svg", metadata={"Date": None})
        return out.getvalue()


class Sheet(Chart):
    """A chart made of photographs, which a notebook keeps as a JPEG: a tenth of the size of a PNG."""

    _repr_png_ = None  # type: ignore[assignment]

    def _repr_jpeg_(self) -> bytes:
        out = io.BytesIO()
        self.savefig(out, format="jpeg", dpi=_DOTS, pil_kwargs={"quality": 80})
        return out.getvalue()


def forest(ranking: pd.DataFrame, *, title: str = "") -> Chart:
    """Ratings with their intervals, the best on top: what `rankings` gives, as a forest plot.

    Preliminary ones are hollow; an interval without a bound ends in an arrow. Returns the figure. Raises `InvalidRequest` where
    the frame is not one of `rankings`.
    """
    _require(ranking, ("rating", "lower", "upper", "votes", "preliminary"), "what hh.rankings gives")
    rows = ranking.sort_values("rating", kind="stable")
    finite = rows[["rating", "lower", "upper"]].to_numpy(float)
    finite = finite[np.isfinite(finite)]
    margin = 0.08 * max(np.ptp(finite), 50.0)
    left, right = finite.min() - margin, finite.max() + margin
    figure, axes = _canvas(len(rows) + 2, title)
    for place, row in enumerate(rows.itertuples()):
        ends = (max(row.lower, left), min(row.upper, right))
        axes.plot(ends, (place, place), color=_COLOURS[0], linewidth=1.5, solid_capstyle="butt")
        for end, bound, mark in ((left, row.lower, "<"), (right, row.upper, ">")):
            if not np.isfinite(bound):
                axes.plot(end, place, mark, color=_COLOURS[0], markersize=5, clip_on=False)
        inside = "white" if row.preliminary else _COLOURS[0]
        axes.plot(row.rating, place, "o", color=_COLOURS[0], markerfacecolor=inside, markersize=6)
    names = [
        f"{name}  ({row.votes} votes{', preliminary' if row.preliminary else ''})"
        for name, row in zip(rows.index, rows.itertuples(), strict=True)
    ]
    axes.set_yticks(range(len(rows)), [_short(name, 48) for name in names], **_WORDS)
    axes.set_xlim(left, right)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    share = ranking.attrs.get("confidence")
    axes.set_xlabel("Rating" if share is None else f"Rating, with {100 * share:g} % intervals")
    return figure


def distributions(frame: pd.DataFrame, measure: str, by: str, *, title: str = "") -> Chart:
    """Every clip's `measure`, a line for each level of the factor `by`, with the median marked.

    `frame` has both as columns, such as `sweep.to_frame().merge(hh.metrics(sweep)[[measure]], left_on="clip_id",
    right_index=True)`. Levels keep their order in the frame; rows without a value are left out, and counted beside the level;
    rows without a level are left out, and counted below. Raises `InvalidRequest` for columns that are not there, and where no row
    with a level has a value.
    """
    _require(frame, (measure, by), "a column for the measure and one for the factor")
    values = needs("pandas").to_numeric(frame[measure], errors="coerce")
    placed = frame[by].notna()
    if not np.isfinite(values[placed]).any():
        raise InvalidRequest(
            f"No row has a value of {measure!r} and a level of {by!r}: there is nothing to draw."
        )
    levels = list(dict.fromkeys(frame.loc[placed, by]))
    figure, axes = _canvas(len(levels) * 2 + 2, title)
    names = []
    for place, level in enumerate(reversed(levels)):
        found = values[frame[by] == level]
        given = found[np.isfinite(found)].sort_values()
        # Spread in a fixed pattern, not at random: the same data draw the same figure.
        offsets = ((np.arange(len(given)) * 0.618034) % 1 - 0.5) * (0.5 if len(given) > _SHOWN else 0.0)
        colour = _COLOURS[(len(levels) - 1 - place) % len(_COLOURS)]
        axes.plot(given, place + offsets, "o", color=colour, alpha=0.75, markersize=5, markeredgewidth=0)
        if len(given):
            axes.plot([given.median()] * 2, (place - 0.35, place + 0.35), color=_INK, linewidth=2)
        missing = len(found) - len(given)
        names.append(
            f"{_short(str(level), 40)}  (n = {len(given)}{f', {missing} without' if missing else ''})"
        )
    axes.set_yticks(range(len(levels)), names, **_WORDS)
    axes.set_ylim(-0.6, len(levels) - 0.4)
    axes.set_ylabel(by, **_WORDS)
    nowhere = f" ({int((~placed).sum())} rows without {by} left out)" if not placed.all() else ""
    axes.set_xlabel(f"{measure.replace('_', ' ')}{nowhere}", **_WORDS)
    return figure


def contact_sheet(sweep: Sweep, *, frames: int = 5, title: str = "") -> Sheet:
    """A row for each cell of a sweep, with `frames` frames of its clip at equal distances, from the first to the last.

    A cell without a clip says why. Raises `InvalidRequest` for less than one frame.
    """
    if frames < 1:
        raise InvalidRequest(f"frames is {frames!r}; a contact sheet needs at least one for each clip.")
    cells = sweep.cells
    heights = [_WIDE * min(_TALLEST, _shape(cell)) for cell in cells]
    figure = Sheet(figsize=(2.2 + _WIDE * frames, 0.4 + sum(heights)), layout="constrained")
    if title:
        figure.suptitle(title, color=_INK, **_WORDS)
    grid: Any = figure.subplots(len(cells), frames, squeeze=False, height_ratios=heights)
    for row, cell in zip(grid, cells, strict=True):
        _draw_cell(row, cell, frames)
    return figure


def _shape(cell: Cell) -> float:
    """Height over width of the cell's frames."""
    facts = None if cell.clip is None else cell.clip.facts
    return 9 / 16 if facts is None else facts["height"] / facts["width"]


def _draw_cell(row: Sequence[Axes], cell: Cell, frames: int) -> None:
    for axes in row:
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set_visible(False)
    label = "\n".join(_short(f"{name}: {level}", 34) for name, level in cell.levels.items())
    row[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=7, color=_INK, **_WORDS)
    if cell.clip is None or not cell.clip.is_done:
        why = cell.clip.error if cell.clip is not None and cell.clip.error is not None else cell.state
        row[0].text(0, 0.5, textwrap.fill(str(why), 60), fontsize=7, color=_INK, va="center", **_WORDS)
        return
    for axes, picture in zip(row, cell.clip.frames(frames), strict=True):
        small = Image.fromarray(picture)
        small.thumbnail((_THUMBNAIL, _THUMBNAIL))
        axes.imshow(np.asarray(small))


def _canvas(lines: int, title: str) -> tuple[Chart, Axes]:
    figure = Chart(figsize=(7.0, max(1.6, _ROW * lines)), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=10, color=_INK, **_WORDS)
    axes.grid(axis="x", color=_FAINT, alpha=0.3, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.tick_params(axis="x", labelsize=8)
    return figure, axes


def _require(frame: pd.DataFrame, columns: tuple[str, ...], what: str) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise InvalidRequest(
            f"The frame has no column {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}. It must be {what}."
        )


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
