"""Small things that a person wants to find again, beside the clips: presets, templates, what is on the desk."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.text import whole_in

if TYPE_CHECKING:
    from .database import Database


class Saved(MutableMapping[str, Any]):
    """The things of one kind by their names, in the order in which they were first saved.

    Values are what JSON can hold; what is read is a copy. Every access reads the library's file, so that all kernels see the
    same; setting and removing wait for the commit. From any thread. Raises `InvalidRequest` for what cannot be saved, and
    `LibraryError` where the library cannot be read or written.
    """

    def __init__(self, database: Database, kind: str) -> None:
        self._database = database
        self.kind = kind

    def __getitem__(self, name: str) -> Any:
        row = self._database.read(
            lambda connection: connection.execute(
                "SELECT value FROM saved WHERE kind = ? AND name = ?", (self.kind, _plain(name))
            ).fetchone()
        )
        if row is None:
            raise KeyError(name)
        return whole_in(json.loads(row["value"]))

    def __setitem__(self, name: str, value: Any) -> None:
        text = _as_json(self.kind, name, value)
        self._database.write(
            lambda connection: connection.execute(
                "INSERT INTO saved (kind, name, value, at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (kind, name) DO UPDATE SET value = excluded.value, at = excluded.at",
                (self.kind, name, text, time.time()),
            )
        ).result()

    def setdefault(self, name: str, default: Any = None) -> Any:
        """What is saved under the name; where there is nothing `default`, saved now.

        Of several at once, in whatever kernels, one wins, and all get what that one saved.
        """
        text = _as_json(self.kind, name, default)
        self._database.write(
            lambda connection: connection.execute(
                "INSERT INTO saved (kind, name, value, at) VALUES (?, ?, ?, ?) ON CONFLICT (kind, name) DO NOTHING",
                (self.kind, name, text, time.time()),
            )
        ).result()
        return self[name]

    def __delitem__(self, name: str) -> None:
        removed = self._database.write(
            lambda connection: (
                connection.execute(
                    "DELETE FROM saved WHERE kind = ? AND name = ?", (self.kind, _plain(name))
                ).rowcount
            )
        ).result()
        if not removed:
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        rows = self._database.read(
            lambda connection: connection.execute(
                "SELECT name FROM saved WHERE kind = ? ORDER BY rowid", (self.kind,)
            ).fetchall()
        )
        return iter([str(row["name"]) for row in rows])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{len(self)} saved, kind {self.kind!r}>"


def _plain(name: object) -> str:
    """The name as a parameter of a statement; what no name can be is found nowhere."""
    return name if isinstance(name, str) and _is_text(name) else ""


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_json(kind: str, name: object, value: Any) -> str:
    if not isinstance(name, str) or not name.strip() or not _is_text(name):
        raise InvalidRequest(f"A saved {kind} needs a name: a text that is not empty.")
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"{name!r} cannot be saved: texts, finite numbers, True, False, None, and lists and dicts of them can ({error})."
        ) from None
