"""Writing down what a person says of clips: favourite, tags, notes, and that one is not to be shown any more.

Any process may do so, whoever owns the library. Each change leaves an event behind, by which other processes hear of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import InvalidRequest

from . import catalogue
from .clips import ClipRecord, read_clip
from .folding import folded
from .journal import StaleTransition, note_event

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from concurrent.futures import Future

    from .database import Database

#: How many tags a clip may have, and how many characters a tag and the notes.
MOST_TAGS, LONGEST_TAG, LONGEST_NOTES = 50, 100, 20_000


class Marks:
    """The writer of what people say of clips. The futures resolve after the commit, with the clip as it is then.

    They raise `LibraryError` for an id that no clip has.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def mark(
        self,
        clip_id: str,
        *,
        favourite: bool | None = None,
        tags: Iterable[str] | None = None,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        notes: str | None = None,
    ) -> Future[ClipRecord]:
        """Set what is not None, and add to the tags and remove from them.

        Raises `InvalidRequest` at once for what no mark can be; so does the future where the tags become too many.
        """
        names = None if tags is None else _checked_tags(tags)
        more = _checked_tags(add_tags)
        away = {folded(tag) for tag in _checked_tags(remove_tags)}
        _check_notes(notes)

        def work(connection: sqlite3.Connection) -> ClipRecord:
            before = read_clip(connection, clip_id)
            after = names
            if more or away:  # of what is there now, whoever put it there meanwhile
                there = before.tags if names is None else names
                after = _checked_tags([*(tag for tag in there if folded(tag) not in away), *more])
            if not catalogue.mark(connection, clip_id, favourite=favourite, tags=after, notes=notes):
                return before
            note_event(connection, clip_id, time.time(), before.state, before.state, "marked")
            return read_clip(connection, clip_id)

        return self._database.write(work)

    def delete(self, clip_id: str, *, resting: frozenset[str]) -> Future[ClipRecord]:
        """Take a clip out of sight. The future raises `StaleTransition` where it is in none of the states `resting`."""

        def work(connection: sqlite3.Connection) -> ClipRecord:
            before = read_clip(connection, clip_id)
            if before.state not in resting:
                raise StaleTransition(f"{clip_id} is {before.state}")
            return _set_deleted(connection, before, time.time(), "deleted")

        return self._database.write(work)

    def restore(self, clip_id: str) -> Future[ClipRecord]:
        """Show a clip again that was deleted."""
        return self._database.write(
            lambda connection: _set_deleted(connection, read_clip(connection, clip_id), None, "restored")
        )


def _set_deleted(
    connection: sqlite3.Connection, before: ClipRecord, at: float | None, told: str
) -> ClipRecord:
    if not catalogue.set_deleted(connection, before.id, at):
        return before
    note_event(connection, before.id, time.time(), before.state, before.state, told)
    return read_clip(connection, before.id)


def _checked_tags(tags: Iterable[str]) -> list[str]:
    listed = [tags] if isinstance(tags, str) else list(tags)
    if not all(isinstance(tag, str) for tag in listed):
        raise InvalidRequest("Tags are texts: a list such as ['fox', 'for the film'].")
    names = catalogue.distinct(listed)
    if len(names) > MOST_TAGS:
        raise InvalidRequest(f"A clip can have {MOST_TAGS} tags; these are {len(names)}.")
    for name in names:
        if len(name) > LONGEST_TAG:
            raise InvalidRequest(
                f"A tag has at most {LONGEST_TAG} characters; {name[:20]!r}… has {len(name)}."
            )
    return names


def _check_notes(notes: str | None) -> None:
    if notes is not None and not isinstance(notes, str):
        raise InvalidRequest("Notes are a text.")
    if notes is not None and len(notes) > LONGEST_NOTES:
        raise InvalidRequest(
            f"Notes have at most {LONGEST_NOTES:,} characters; these have {len(notes):,}. Shorten them, or keep them in a file."
        )
