"""The clips of a library as a person handles them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from happyhorse_widgets.library.clips import ClipRecord, Clips

    from .clip import Clip

#: So many clips are read at a time.
_PAGE = 50


class Shelf(Sequence["Clip"]):
    """Every clip of a home, newest first: iterate, count, take by position, by slice or by local id."""

    def __init__(self, records: Clips, make: Callable[[ClipRecord], Clip]) -> None:
        self._records = records
        self._make = make

    def __iter__(self) -> Iterator[Clip]:
        page = self._records.newest(_PAGE)
        while page:
            yield from map(self._make, page)
            page = self._records.newest(_PAGE, after=page[-1])

    def __len__(self) -> int:
        return self._records.count()

    @overload
    def __getitem__(self, key: int | str) -> Clip: ...
    @overload
    def __getitem__(self, key: slice) -> list[Clip]: ...
    def __getitem__(self, key: int | str | slice) -> Clip | list[Clip]:
        if isinstance(key, str):
            record = self._records.get(key)
            if record is None:
                raise KeyError(f"There is no clip {key} in this library.")
            return self._make(record)
        if isinstance(key, slice):
            positions = range(len(self))[key]
            first, last = min(positions, default=0), max(positions, default=-1)
            found = self._records.newest(last - first + 1, skip=first)
            return [self._make(found[at - first]) for at in positions if at - first < len(found)]
        position = key if key >= 0 else key + len(self)
        records = self._records.newest(1, skip=position) if position >= 0 else []
        if not records:
            raise IndexError(f"There is no clip at position {key}; there are {len(self)}.")
        return self._make(records[0])

    def __repr__(self) -> str:
        return f"<{len(self)} clips>"
