"""What a session keeps: its clips, what a person says of them, and small things to be found again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.library.ballots import Ballots
from happyhorse_widgets.library.files import Home
from happyhorse_widgets.library.journal import StaleTransition
from happyhorse_widgets.library.marks import Marks
from happyhorse_widgets.library.saved import Saved
from happyhorse_widgets.library.searching import EVERY

from .library import Library
from .lookups import Lookups
from .shelf import Shelf
from .states import RESTING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from happyhorse_widgets.library.clips import ClipRecord
    from happyhorse_widgets.library.database import Database

    from .clip import Clip
    from .roster import Roster
    from .settings import Settings


class Holdings(Lookups, ABC):
    """The part of a session that keeps things in the library."""

    settings: Settings
    _database: Database
    _roster: Roster

    @property
    def clips(self) -> Shelf:
        """Every clip of this home that was not deleted, newest first; `session.clips.search(…)` finds some of them."""
        return Shelf(self._records, self._clip)

    def clip(self, clip_id: str) -> Clip:
        """The clip with this local id, also a deleted one. Raises `KeyError` where there is none."""
        record = self._records.get(clip_id)
        if record is None:
            raise KeyError(f"There is no clip {clip_id} in this library.")
        return self._clip(record)

    def those(self, clip_ids: Sequence[str]) -> dict[str, Clip]:
        """The clips with these local ids by them, also deleted ones; those that are not in the library are left out."""
        return {record.id: self._clip(record) for record in self._records.those(clip_ids)}

    @cached_property
    def library(self) -> Library:
        """The folder as a whole: `check` it, `export` from it, `merge` into it."""
        return Library(
            self._engine,
            self._database,
            Home(self.home),
            project=self._project,
            roster=self._roster,
            pause=self.settings.retry_first,
        )

    def saved(self, kind: str) -> Saved:
        """What was saved of this kind ("preset", "template", "draft"), by name: a mapping whose values are plain JSON."""
        return Saved(self._database, kind)

    @cached_property
    def ballots(self) -> Ballots:
        """The blind votes of this home; `session.ballots.to_frame()` has them as a table."""
        return Ballots(self._database)

    def prompts(self, text: str = "", limit: int = 50) -> list[str]:
        """The distinct prompts of this home's clips, newest first: at most `limit` of those with every word of `text`."""
        return self._records.prompts(EVERY.deleted(False), text, limit)

    def observe(self, callback: Callable[[Clip], None]) -> Callable[[], None]:
        """Have `callback` told of every clip that changed, here or by another kernel. Returns a function that ends it.

        It runs on the engine's thread, or on that of whoever asked for a clip or marked one, and must not block.
        """
        return self._roster.observe(callback)

    # -- what a person says of clips ---------------------------------------------------------------------------------

    def mark(
        self,
        clip: Clip,
        *,
        favourite: bool | None = None,
        tags: Iterable[str] | None = None,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        notes: str | None = None,
    ) -> None:
        """Set what is not None; see `Clip.mark`."""
        marking = self._marks.mark(
            clip.id, favourite=favourite, tags=tags, add_tags=add_tags, remove_tags=remove_tags, notes=notes
        )
        self._marked(clip, marking.result())

    def delete(self, clip: Clip) -> None:
        """Take a clip out of sight; see `Clip.delete`."""
        try:
            self._marked(clip, self._marks.delete(clip.id, resting=RESTING).result())
        except StaleTransition:
            raise InvalidRequest(
                f"Clip {clip.id} is on its way, and may be paid: wait until it has come to rest, or take it back first."
            ) from None

    def restore(self, clip: Clip) -> None:
        """Show a deleted clip again; see `Clip.restore`."""
        self._marked(clip, self._marks.restore(clip.id).result())

    def deletions(self, clip_ids: Sequence[str]) -> dict[str, float | None]:
        """When those of the clips that are in the library were deleted; None for those that are shown."""
        return self._records.deletions(clip_ids)

    def descendants(self, clip: Clip) -> list[Clip]:
        """The clips that come from this one; see `Clip.descendants`."""
        return [
            self._clip(record) for record in self._records.made_from(clip.id) if record.deleted_at is None
        ]

    @cached_property
    def _marks(self) -> Marks:
        return Marks(self._database)

    def _marked(self, clip: Clip, record: ClipRecord) -> None:
        if clip.take_marks(record):
            self._roster.changed(clip)

    @abstractmethod
    def _clip(self, record: ClipRecord) -> Clip:
        """The clip of a record, in this session's hands."""
