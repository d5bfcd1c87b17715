"""Which clips are looked for, and in what order."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .folding import folded

if TYPE_CHECKING:
    from collections.abc import Iterable

_NEWEST = "created_at DESC, id DESC"
#: What clips may be sorted by. "longest" is by the length that was asked for, "dearest" by what was charged.
ORDERS: dict[str, str] = {
    "newest": _NEWEST,
    "oldest": "created_at, id",
    "longest": f"(SELECT seconds FROM catalogue WHERE job_id = jobs.id) DESC, {_NEWEST}",  # noqa: S608 (a constant)
    "dearest": f"CASE refunded WHEN 0 THEN COALESCE(cost, 0) ELSE 0 END DESC, {_NEWEST}",
}
_DELETED = "id IN (SELECT job_id FROM catalogue WHERE deleted_at IS NOT NULL)"
_FAVOURITE = "id IN (SELECT job_id FROM catalogue WHERE favourite = 1)"
#: Of a text that is longer, as one that was pasted, the longest words are looked for; SQLite takes a thousand conditions.
_MOST_WORDS = 50
_TAG = "EXISTS (SELECT 1 FROM json_each(tags) WHERE folded(value) = ?)"


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions on rows of `jobs`, all of which hold, with the values of their placeholders, and an order of `ORDERS`."""

    conditions: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    order: str = "newest"

    @property
    def where(self) -> str:
        """The conditions as a clause; "" where there are none."""
        return f"WHERE {' AND '.join(self.conditions)}" if self.conditions else ""

    @property
    def order_by(self) -> str:
        """The order as a clause."""
        return f"ORDER BY {ORDERS[self.order]}"

    def narrowed(self, condition: str, *values: Any) -> Query:
        """The same with one more condition."""
        return replace(self, conditions=(*self.conditions, condition), values=(*self.values, *values))

    def sorted_by(self, order: str) -> Query:
        """The same in another order of `ORDERS`."""
        return replace(self, order=order)

    def among(self, column: str, allowed: Iterable[str]) -> Query:
        """Only those whose column of `jobs` has one of the values."""
        condition = f"{column} IN (SELECT value FROM json_each(?))"  # noqa: S608 (names are ours)
        return self.narrowed(condition, json.dumps(list(allowed)))

    def ratios(self, allowed: Iterable[str]) -> Query:
        """Only those that were asked for in one of these aspect ratios."""
        return self.narrowed(
            "id IN (SELECT job_id FROM catalogue WHERE ratio IN (SELECT value FROM json_each(?)))",
            json.dumps(list(allowed)),
        )

    def favourites(self, wanted: bool) -> Query:
        """Only favourites, or only the others."""
        return self.narrowed(_FAVOURITE if wanted else f"NOT {_FAVOURITE}")

    def deleted(self, wanted: bool) -> Query:
        """Only deleted ones, or only the others."""
        return self.narrowed(_DELETED if wanted else f"NOT {_DELETED}")

    def saying(self, text: str, tags: Iterable[str] = ()) -> Query:
        """Only those with every word of `text` in prompt, notes, tags or id, and with every one of `tags`.

        Of more than 50 words the longest 50 count.
        """
        words = sorted(set(folded(text).split()), key=len, reverse=True)[:_MOST_WORDS]
        names = [" ".join(folded(tag).split()) for tag in tags]
        if not words and not names:
            return self
        conditions = ["instr(words, ?)"] * len(words) + [_TAG] * len(names)
        return self.narrowed(
            f"id IN (SELECT job_id FROM catalogue WHERE {' AND '.join(conditions)})",  # noqa: S608 (placeholders only)
            *words,
            *names,
        )


#: Every clip, also those that are not shown any more.
EVERY = Query()
