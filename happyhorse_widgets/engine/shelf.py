"""The clips of a library as a person handles them: all of them, or those that a search finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.library.searching import EVERY, ORDERS

from .frames import clips_frame
from .states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd

    from happyhorse_widgets.library.clips import ClipRecord, Clips
    from happyhorse_widgets.library.searching import Query

    from .clip import Clip

#: So many clips are read at a time.
_PAGE = 50


class Shelf(Sequence["Clip"]):
    """Clips in an order: iterate, count, take by position, by slice or by local id.

    `session.clips` holds every clip of the home that was not deleted, newest first; `search` gives a shelf with some of them. A
    shelf holds no clips itself: it asks the library each time, so what is new is on it at once.
    """

    def __init__(
        self,
        records: Clips,
        make: Callable[[ClipRecord], Clip],
        query: Query = EVERY,
        *,
        deleted: bool = False,
    ) -> None:
        self._records = records
        self._make = make
        self._wider = query
        self._deleted = deleted
        self._query = query.deleted(deleted)

    def search(
        self,
        text: str = "",
        *,
        favourite: bool | None = None,
        tags: Iterable[str] = (),
        states: Iterable[str] | None = None,
        models: Iterable[str] | None = None,
        ratios: Iterable[str] | None = None,
        sandbox: bool | None = None,
        deleted: bool = False,
        order: str = "newest",
    ) -> Shelf:
        """The clips of this shelf for which all of this holds, in another order.

        - `text`: every word of it is in the prompt, the notes, the tags or the id, whatever its case and accents
        - `favourite`: True for favourites, False for the others
        - `tags`: the clip has every one of them, whatever their case
        - `states`, `models`, `ratios`: the clip has one of them; None for any
        - `sandbox`: True for simulated clips, False for the others
        - `deleted`: True for deleted clips instead of those that are shown
        - `order`: "newest", "oldest", "longest" (by the length asked for) or "dearest" (by what was charged)

        Raises `InvalidRequest` for an order or a state that does not exist.
        """
        if order not in ORDERS:
            raise InvalidRequest(f"Clips cannot be sorted by {order!r}; they can by {', '.join(ORDERS)}.")
        query = self._wider.sorted_by(order).saying(text, _several(tags))
        if favourite is not None:
            query = query.favourites(favourite)
        if sandbox is not None:
            query = query.narrowed("sandbox = ?", int(sandbox))
        if states is not None:
            query = query.among("state", _states(states))
        if models is not None:
            query = query.among("model", _several(models))
        if ratios is not None:
            query = query.ratios(_several(ratios))
        return Shelf(self._records, self._make, query, deleted=deleted or self._deleted)

    def ids(self) -> list[str]:
        """The local ids of the clips, in their order."""
        return self._records.ids(self._query)

    def outline(self, limit: int) -> list[tuple[str, str | None]]:
        """The local id and the aspect ratio asked for (None: none) of the first `limit` clips, in their order."""
        return self._records.outline(self._query, limit)

    def models(self) -> list[str]:
        """The ids of the clips' models, each once, by the alphabet."""
        return self._records.models(self._query)

    def tags(self) -> list[str]:
        """The tags of the clips, each once, by the alphabet."""
        return self._records.tags(self._query)

    def to_frame(self) -> pd.DataFrame:
        """A row for each clip, in their order.

        `clip_id`, `created_at` (UTC), what was asked for by its Python name (`references`: their names), `sha256` (of the file),
        `state`, `cost` (creative units), `seconds` (that the job took, by Scenario's clock), `seed_used`, `path`, `sandbox`,
        `error`, `favourite`, `tags` (a list), `notes`, then the other inputs of models that have some. Needs pandas, of the extra
        `research`; raises `MissingExtra` without it.
        """
        return clips_frame(self)

    def __iter__(self) -> Iterator[Clip]:
        ids = self.ids()
        for first in range(0, len(ids), _PAGE):
            yield from self._clips(ids[first : first + _PAGE])

    def __len__(self) -> int:
        return self._records.count(self._query)

    def __contains__(self, clip: object) -> bool:
        clip_id = getattr(clip, "id", clip)
        return isinstance(clip_id, str) and self._has(clip_id)

    @overload
    def __getitem__(self, key: int | str) -> Clip: ...
    @overload
    def __getitem__(self, key: slice) -> list[Clip]: ...
    def __getitem__(self, key: int | str | slice) -> Clip | list[Clip]:
        if isinstance(key, str):
            if not self._has(key):
                raise KeyError(f"There is no clip {key} in {self!r}.")
            return self._clips([key])[0]
        if isinstance(key, slice):
            positions = range(len(self))[key]
            first, last = min(positions, default=0), max(positions, default=-1)
            ids = self._records.ids(self._query, limit=last - first + 1, skip=first)
            return self._clips([ids[at - first] for at in positions if at - first < len(ids)])
        position = key if key >= 0 else key + len(self)
        ids = self._records.ids(self._query, limit=1, skip=position) if position >= 0 else []
        if not ids:
            raise IndexError(f"There is no clip at position {key}; there are {len(self)}.")
        return self._clips(ids)[0]

    def _has(self, clip_id: str) -> bool:
        return self._records.count(self._query.narrowed("id = ?", clip_id)) == 1

    def _clips(self, ids: Sequence[str]) -> list[Clip]:
        records = {record.id: record for record in self._records.those(ids)}
        return [self._make(records[clip_id]) for clip_id in ids]

    def __repr__(self) -> str:
        return f"<{len(self)} clips>"


def _several(values: Iterable[str]) -> list[str]:
    return [values] if isinstance(values, str) else list(values)


def _states(states: Iterable[str]) -> list[str]:
    try:
        return [State(state) for state in _several(states)]
    except ValueError:
        raise InvalidRequest(
            f"{_several(states)!r} are not all states; these are: {', '.join(State)}."
        ) from None
