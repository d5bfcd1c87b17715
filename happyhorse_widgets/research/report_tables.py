"""Frames as tables of a page: shown to people as they are read, and given to programs as CSV, in full precision."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from markupsafe import Markup

from happyhorse_widgets.extras import needs

if TYPE_CHECKING:
    import pandas as pd

_HASH = 64
_LINE = 40  # characters that stay on one line of a table


@dataclass(frozen=True, slots=True)
class Table:
    """A frame with a `title`; its file is called `name`.csv. `folded` tables are opened by whoever wants to read them."""

    title: str
    name: str
    frame: pd.DataFrame
    folded: bool = False


def shown(table: Table) -> Markup:
    """The table as HTML, with the way to its CSV below. Every text in it is escaped."""
    plain = _plain(table.frame)
    heads = "".join(f"<th>{escape(str(column))}" for column in plain.columns)
    rows = "".join(
        "<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in plain.itertuples(index=False)
    )
    body = f'<div class="scroll"><table class="data"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    csv = base64.b64encode(plain.to_csv(index=False).encode()).decode()
    file = escape(f"{table.name}.csv", quote=True)
    link = f'<p><a download="{file}" href="data:text/csv;charset=utf-8;base64,{csv}">{file}</a></p>'
    title = escape(table.title)
    if table.folded:
        return Markup(f"<details><summary>{title} ({len(plain):,} rows)</summary>{body}{link}</details>")  # noqa: S704 (escaped above)
    return Markup(f"<h3>{title}</h3>{body}{link}")  # noqa: S704 (escaped above)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """With the names of rows as columns, which have "_" behind them where another column is called so."""
    if all(name is None for name in frame.index.names):
        return frame
    taken, names = {str(column) for column in frame.columns}, []
    for name in frame.index.names:
        free = str(name)
        while free in taken:
            free += "_"
        taken.add(free)
        names.append(free)
    return frame.rename_axis(index=names).reset_index()


def _cell(value: object) -> str:
    if needs("pandas").isna(value):
        return "<td>"
    if isinstance(value, float):
        return f'<td class="number">{number(value)}'
    if isinstance(value, int) and not isinstance(value, bool):
        return f'<td class="number">{value:,}'
    text = str(value)
    hashed = len(text) == _HASH and text.isalnum()
    kind = ' class="hash"' if hashed else ' class="long"' if len(text) > _LINE else ""
    return f"<td{kind}>{escape(text)}"


def number(value: float) -> str:
    """With four significant digits, as many as a person compares."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
