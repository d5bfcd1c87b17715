"""What the library knows of a clip, and how to find clips."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import LibraryError

from .catalogue import distinct
from .folding import folded, prompt_in
from .searching import EVERY

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from .database import Database
    from .searching import Query

#: So many placeholders go into one statement; SQLite's own limit is 999 in older versions.
_BATCH = 500
#: The state of an output whose file went with the trash.
REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """One file that a job made. `path` is relative to the home and None until the file is there whole."""

    asset_id: str
    position: int
    state: str
    path: str | None
    size: int | None
    sha256: str | None
    facts: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """A clip as the journal has it: everything needed to make it again, and what became of it.

    Times are seconds since the epoch by this machine's clock, except `sent_at`, which is the server's. `took` is how many
    seconds the job took by the server's clock. Costs are creative units. `request` is what was asked (with image hashes),
    `body` what was sent, `error` {"kind", "message", "hint"}. `budget` is the one it was asked under (None: no limit),
    `successor` the clip that was submitted in its place after an answer was lost, `parent` the clip that it was made from and
    `relation` how. The last four are the person's own (see `catalogue`); `deleted_at` is None while it is shown.
    """

    id: str
    created_at: float
    updated_at: float
    finished_at: float | None
    state: str
    endpoint: str
    project: str
    sandbox: bool
    model: str
    request: dict[str, Any]
    body: dict[str, Any] | None
    fingerprint: str | None
    attempt: int
    sent_at: float | None
    submitted_at: float | None
    took: float | None
    remote_id: str | None
    estimate: float | None
    cost: float | None
    refunded: bool
    seed_used: int | None
    error: dict[str, Any] | None
    versions: dict[str, str]
    budget: float | None
    successor: str | None
    parent: str | None
    relation: str
    favourite: bool
    tags: tuple[str, ...]
    notes: str
    deleted_at: float | None
    marked_at: float
    outputs: tuple[OutputRecord, ...]

    def with_marks_of(self, other: ClipRecord) -> ClipRecord:
        """The same clip with what a person said of it in `other`."""
        return replace(self, **{name: getattr(other, name) for name in _MARKS})


_MARKS = {"favourite": 0, "tags": "[]", "notes": "", "deleted_at": None, "marked_at": 0}
_COLUMNS = [name for name in ClipRecord.__slots__ if name != "outputs"]
_JSON = ("request", "body", "error", "versions")


def exists(connection: sqlite3.Connection, clip_id: str) -> bool:
    """Whether there is a clip with this local id, deleted or not."""
    return connection.execute("SELECT 1 FROM jobs WHERE id = ?", (clip_id,)).fetchone() is not None


class Clips:
    """Read access to the clips in a library; usable from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, clip_id: str) -> ClipRecord | None:
        """The clip with this local id, or None."""
        return next(iter(self._select("WHERE id = ?", (clip_id,))), None)

    def those(self, clip_ids: Sequence[str]) -> list[ClipRecord]:
        """The clips with these local ids, oldest first; those that are not there are left out."""
        found: list[ClipRecord] = []
        for first in range(0, len(clip_ids), _BATCH):
            batch = clip_ids[first : first + _BATCH]
            found += self._select(f"WHERE id IN ({','.join('?' * len(batch))})", tuple(batch))
        return sorted(found, key=lambda record: (record.created_at, record.id))

    def newest(self, limit: int, *, after: ClipRecord | None = None, skip: int = 0) -> list[ClipRecord]:
        """At most `limit` clips, newest first: from the newest on, or those that come after the clip `after`.

        `skip` passes over so many of them first.
        """
        older, values = (
            ("", ()) if after is None else ("WHERE (created_at, id) < (?, ?)", (after.created_at, after.id))
        )
        return self._select(
            f"{older} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?", (*values, limit, skip)
        )

    def count(self, query: Query = EVERY) -> int:
        """How many clips there are."""
        statement = f"SELECT COUNT(*) FROM jobs {query.where}"  # noqa: S608 (placeholders only)
        return int(
            self._database.read(lambda connection: connection.execute(statement, query.values).fetchone()[0])
        )

    def ids(self, query: Query = EVERY, *, limit: int = -1, skip: int = 0) -> list[str]:
        """The local ids of the clips that are looked for, in their order: `limit` (-1: all) of them, after the first `skip`."""
        statement = f"SELECT id FROM jobs {query.where} {query.order_by} LIMIT ? OFFSET ?"  # noqa: S608 (placeholders only)
        values = (*query.values, limit, skip)
        return self._database.read(
            lambda connection: [row[0] for row in connection.execute(statement, values)]
        )

    def outline(self, query: Query, limit: int) -> list[tuple[str, str | None]]:
        """The id and the aspect ratio asked for (None: none) of the first `limit` clips that are looked for, in their order."""
        statement = (
            "SELECT id, (SELECT ratio FROM catalogue WHERE job_id = jobs.id)"  # noqa: S608 (placeholders only)
            f" FROM jobs {query.where} {query.order_by} LIMIT ?"
        )
        rows = self._database.read(
            lambda connection: connection.execute(statement, (*query.values, limit)).fetchall()
        )
        return [(row[0], row[1]) for row in rows]

    def models(self, query: Query = EVERY) -> list[str]:
        """The models of the clips that are looked for, each once, by the alphabet."""
        statement = f"SELECT DISTINCT model FROM jobs {query.where} ORDER BY model"  # noqa: S608 (placeholders only)
        rows = self._database.read(lambda connection: connection.execute(statement, query.values).fetchall())
        return [row[0] for row in rows]

    def tags(self, query: Query = EVERY) -> list[str]:
        """The tags of the clips that are looked for, each once whatever its case, by the alphabet."""
        statement = (
            f"SELECT tags FROM catalogue WHERE tags <> '[]' AND job_id IN (SELECT id FROM jobs {query.where})"  # noqa: S608
        )
        rows = self._database.read(lambda connection: connection.execute(statement, query.values).fetchall())
        return sorted(distinct(tag for row in rows for tag in json.loads(row["tags"])), key=folded)

    def prompts(self, query: Query, text: str, limit: int) -> list[str]:
        """At most `limit` distinct prompts of the clips that are looked for, in their order, with every word of `text`."""
        words = folded(text).split()
        query = query.saying(text)  # looks at notes and tags too, but reads less
        statement = f"SELECT request FROM jobs {query.where} {query.order_by}"  # noqa: S608 (placeholders only)

        def work(connection: sqlite3.Connection) -> list[str]:
            found: dict[str, None] = {}
            for row in connection.execute(statement, query.values):
                prompt = prompt_in(row["request"])
                if prompt and prompt not in found and all(word in folded(prompt) for word in words):
                    found[prompt] = None
                    if len(found) >= limit:
                        break
            return list(found)

        return self._database.read(work)

    def deletions(self, clip_ids: Sequence[str]) -> dict[str, float | None]:
        """When those of the clips that are in the library were deleted; None for those that are shown."""
        return {record.id: record.deleted_at for record in self.those(clip_ids)}

    def made_from(self, clip_id: str) -> list[ClipRecord]:
        """The clips whose parent is this one, or that have a frame of it among their references; oldest first."""
        # The first condition of the second part is the index's own: so only clips with a frame of any other are read.
        query = (
            "SELECT id FROM jobs WHERE parent = ? UNION"
            """ SELECT id FROM jobs WHERE instr(request, '"clip_id": "') AND instr(request, ?)"""
        )
        values = (clip_id, f'"clip_id": {json.dumps(clip_id)}')
        return self.those(
            self._database.read(lambda connection: [row[0] for row in connection.execute(query, values)])
        )

    def in_states(self, states: frozenset[str], *, endpoint: str, project: str) -> list[ClipRecord]:
        """The clips of one account and project that are in one of `states`, oldest first."""
        marks = ",".join("?" * len(states))
        return self._select(
            f"WHERE endpoint = ? AND project = ? AND state IN ({marks}) ORDER BY created_at, id",
            (endpoint, project, *sorted(states)),
        )

    def charged(self, states: frozenset[str], *, endpoint: str, project: str) -> float:
        """What `charged` says, asked by itself."""
        return self._database.read(
            lambda connection: charged(connection, states, endpoint=endpoint, project=project)
        )

    def durations(self, *, endpoint: str, model: str) -> list[float]:
        """How long this home's latest jobs of a model took, by the server's clock, in seconds; newest first, at most 200."""
        query = (
            "SELECT took FROM jobs WHERE endpoint = ? AND model = ? AND took IS NOT NULL AND imported_at IS NULL"
            " ORDER BY created_at DESC LIMIT 200"
        )
        rows = self._database.read(lambda connection: connection.execute(query, (endpoint, model)).fetchall())
        return [float(row["took"]) for row in rows]

    def _select(self, clause: str, values: tuple[Any, ...]) -> list[ClipRecord]:
        return self._database.read(lambda connection: _read(connection, clause, values))


def charged(connection: sqlite3.Connection, states: frozenset[str], *, endpoint: str, project: str) -> float:
    """Creative units spent, or possibly spent, by the clips in `states` and by text calls; refunds are taken off.

    Clips that were imported count nothing: another home has paid them.
    """
    marks = ",".join("?" * len(states))
    query = (
        "SELECT (SELECT COALESCE(SUM(cost), 0) FROM text_costs WHERE endpoint = ? AND project = ?) +"  # noqa: S608
        f" COALESCE(SUM(COALESCE(cost, estimate, 0)), 0) FROM jobs "
        f"WHERE endpoint = ? AND project = ? AND refunded = 0 AND imported_at IS NULL"
        f" AND (state IN ({marks}) OR cost IS NOT NULL)"
    )
    values = (endpoint, project, endpoint, project, *sorted(states))
    return float(connection.execute(query, values).fetchone()[0])


def read_clip(connection: sqlite3.Connection, clip_id: str) -> ClipRecord:
    """The clip as it is inside the current transaction. Raises `LibraryError` where there is none."""
    found = _read(connection, "WHERE id = ?", (clip_id,))
    if not found:
        raise LibraryError(f"There is no clip {clip_id} in this library.")
    return found[0]


def _read(connection: sqlite3.Connection, clause: str, values: tuple[Any, ...]) -> list[ClipRecord]:
    # Clauses are ours, with placeholders for values.
    rows = connection.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM jobs LEFT JOIN catalogue ON job_id = id {clause}",  # noqa: S608
        values,
    ).fetchall()
    query = f"SELECT * FROM outputs WHERE job_id IN (SELECT id FROM jobs {clause}) ORDER BY position"  # noqa: S608
    outputs: dict[str, list[OutputRecord]] = {}
    for output in connection.execute(query, values):
        outputs.setdefault(output["job_id"], []).append(_output(output))
    return [_record(row, tuple(outputs.get(row["id"], ()))) for row in rows]


def _record(row: sqlite3.Row, outputs: tuple[OutputRecord, ...]) -> ClipRecord:
    values: dict[str, Any] = dict(row)
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    values["sandbox"] = bool(values["sandbox"])
    values["refunded"] = bool(values["refunded"])
    if values["marked_at"] is None:  # written by a kernel of an older version, which knows no catalogue
        values |= _MARKS
    values["favourite"] = bool(values["favourite"])
    values["tags"] = tuple(json.loads(values["tags"]))
    return ClipRecord(**values, outputs=outputs)


def _output(row: sqlite3.Row) -> OutputRecord:
    values = {name: row[name] for name in OutputRecord.__slots__}
    values["facts"] = None if row["facts"] is None else json.loads(row["facts"])
    return OutputRecord(**values)
