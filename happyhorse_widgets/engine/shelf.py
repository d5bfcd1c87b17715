"""The clips of a library as a person handles them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from happyhorse_widgets.library.clips import ClipRecord, Clips

    from .clip import Clip


class Shelf(Sequence["Clip"]):
    """Every clip of a home, newest first: iterate, count, take by position, by slice or by local id."""

    def __init__(self, records: Clips, make: Callable[[ClipRecord], Clip]) -> None:
        self._records = records
        self._make = make

    def newest(self, limit: int) -> list[Clip]:
        """The newest `limit` clips."""
        return [self._make(record) for record in self._records.newest(limit)]

    def __iter__(self) -> Iterator[Clip]:
        return (self._make(record) for record in self._records.newest())

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
            return [self._make(record) for record in self._records.newest()[key]]
        return self._make(self._records.newest()[key])

    def __repr__(self) -> str:
        return f"<{len(self)} clips>"
