"""Blind votes on pairs of clips: the arenas they were cast in, and every ballot, each a row that is never changed.

A ballot that is taken back stays: another one, without answers, supersedes it. So does a kernel that is killed: what was cast is
committed before the rater sees the next pair. A ballot names its clips by id and by the sha256 of the file that was seen.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.extras import needs

from .folding import writable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Future

    import pandas as pd

    from .database import Database

#: What a rater may answer: a is the clip on the left.
WINNERS = ("a", "b", "tie", "both_bad")
#: Why a pair was shown: for the study, once more with its sides swapped, or to see whether the rater looks.
KINDS = ("vote", "repeat", "check")
_LONGEST_NAME = 100
_COLUMNS = (
    "model_a", "model_b", "winner", "rater", "question", "pair", "clip_a", "clip_b", "sha256_a", "sha256_b",
    "left", "kind", "spoiled", "seconds", "at", "position", "arena", "ballot",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two clips of a ballot, and which level of the factor in question it stands for."""

    clip_id: str
    sha256: str
    level: str


@dataclass(frozen=True, slots=True)
class Ballot:
    """One pair as one rater saw it, and what they said of it.

    `position` counts the pairs of this rater in this arena from 0. `spoiled` is "left" or "right" in a check, where that side was
    a spoiled copy, else "". `answers` has one of `WINNERS` by question; it is empty where the ballot only takes back the one that
    it `supersedes`. `seconds` is how long the pair was seen.
    """

    id: str
    arena: str
    rater: str
    position: int
    kind: str
    left: Side
    right: Side
    spoiled: str
    answers: Mapping[str, str]
    seconds: float | None = None
    supersedes: str | None = None
    at: float = field(default_factory=time.time)

    @property
    def pair(self) -> str:
        """The two clips, whichever side they were on."""
        return pair_of(self.left.clip_id, self.right.clip_id)


def pair_of(one: str, other: str) -> str:
    """The name of a pair of clips: their ids in order, with a blank between."""
    return " ".join(sorted((one, other)))


@dataclass(frozen=True, slots=True)
class ArenaRecord:
    """An arena as it was set up: `plan` is plain JSON, and `id` its fingerprint."""

    id: str
    name: str
    created_at: float
    plan: dict[str, Any]


class Ballots:
    """The arenas and ballots of a library; `session.ballots`. From any thread.

    Reading sees what every kernel has committed. Raises `LibraryError` where the library cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def arenas(self) -> list[ArenaRecord]:
        """Every arena of this library, newest first."""
        rows = self._database.read(
            lambda connection: connection.execute(
                "SELECT id, name, created_at, plan FROM arenas ORDER BY created_at DESC, rowid DESC"
            ).fetchall()
        )
        return [
            ArenaRecord(row["id"], row["name"], row["created_at"], json.loads(row["plan"])) for row in rows
        ]

    def begin(self, arena_id: str, name: str, plan: Mapping[str, Any]) -> Future[None]:
        """Write an arena down; one that is there already stays as it is."""
        values = (arena_id, writable(name), time.time(), json.dumps(plan, sort_keys=True))

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR IGNORE INTO arenas (id, name, created_at, plan) VALUES (?, ?, ?, ?)", values
            )

        return self._database.write(work)

    def cast(self, ballot: Ballot) -> Future[Ballot]:
        """Write a ballot down; the future gives it once it is committed.

        To cast the same one again changes nothing. The future raises `InvalidRequest` where another ballot of this rater counts
        at its position, or the one that it supersedes does not count any more.
        """
        return self._database.write(lambda connection: _cast(connection, ballot))

    def all(self, arena_id: str | None = None) -> list[Ballot]:
        """Every ballot of an arena, or of all, in the order they were cast, those that were taken back too."""
        return self._database.read(lambda connection: _read(connection, arena=arena_id))

    def counting(self, arena_id: str | None = None) -> list[Ballot]:
        """The ballots that count: those that nobody took back."""
        return counting(self.all(arena_id))

    def to_frame(self, arena: str | None = None) -> pd.DataFrame:
        """The ballots that count as a tidy frame: a row for each question that was answered.

        `arena` is the id or the name of one; None means all. `model_a` and `clip_a` were on the left. `kind` is "vote", "repeat"
        (a pair that the rater had seen, with its sides swapped) or "check" (a clip and a `spoiled` copy of it, "left" or
        "right"): only rows of the kind "vote" are votes on models. `seconds` is how long the pair was seen, `at` a time in UTC.

        Raises `InvalidRequest` for an arena that is not in the library, and `MissingExtra` without pandas.
        """
        pandas = needs("pandas")
        wanted = None if arena is None else self._named(arena)
        rows = [
            row
            for ballot in self.counting()
            if wanted is None or ballot.arena in wanted
            for row in _rows(ballot)
        ]
        frame: pd.DataFrame = pandas.DataFrame(rows, columns=list(_COLUMNS))
        frame["at"] = pandas.to_datetime(frame["at"].astype(float), unit="s", utc=True)
        frame["seconds"] = frame["seconds"].astype(float)
        frame["position"] = frame["position"].astype("int64")
        return frame

    def _named(self, arena: str) -> set[str]:
        known = self.arenas()
        found = {record.id for record in known if arena in (record.id, record.name)}
        if not found:
            names = ", ".join(sorted({record.name or record.id for record in known})) or "none"
            raise InvalidRequest(f"There is no arena {arena!r} in this library; there is: {names}.")
        return found

    def __len__(self) -> int:
        return len(self.counting())

    def __repr__(self) -> str:
        return f"<{len(self)} ballots in {len(self.arenas())} arenas>"


def counting(ballots: Iterable[Ballot]) -> list[Ballot]:
    """Those of the ballots that were not taken back, in their order."""
    listed = list(ballots)
    gone = {ballot.supersedes for ballot in listed}
    return [ballot for ballot in listed if ballot.answers and ballot.id not in gone]


def checked_rater(name: object) -> str:
    """The name as it is kept: single blanks, at most 100 characters. Raises `InvalidRequest` for what is no name."""
    plain = " ".join(writable(name).split()) if isinstance(name, str) else ""
    if not plain or len(plain) > _LONGEST_NAME:
        raise InvalidRequest(f"A rater needs a name or a pseudonym of 1 to {_LONGEST_NAME} characters.")
    return plain


def insert_ballot(connection: sqlite3.Connection, row: Mapping[str, Any]) -> bool:
    """Put a row into the table unless one of its id is there; whether it was put."""
    columns = ", ".join(row)
    query = f"INSERT INTO ballots ({columns}) VALUES ({','.join('?' * len(row))}) ON CONFLICT DO NOTHING"  # noqa: S608
    return connection.execute(query, tuple(row.values())).rowcount == 1


def _cast(connection: sqlite3.Connection, ballot: Ballot) -> Ballot:
    theirs = _read(connection, arena=ballot.arena, rater=ballot.rater)
    if (same := next((each for each in theirs if each.id == ballot.id), None)) is not None:
        if same.answers == ballot.answers:
            return same
        raise InvalidRequest("This pair has its vote already: take it back first.")
    counted = counting(theirs)
    if ballot.supersedes is not None:
        if all(each.id != ballot.supersedes for each in counted):
            raise InvalidRequest("That vote was taken back already.")
    elif any(each.position == ballot.position for each in counted):
        raise InvalidRequest("This pair was voted on in another window.")
    insert_ballot(connection, _as_row(ballot))
    return ballot


def _as_row(ballot: Ballot) -> dict[str, Any]:
    sides = {
        f"{name}_{column}": value
        for name, side in (("left", ballot.left), ("right", ballot.right))
        for column, value in (("clip", side.clip_id), ("sha256", side.sha256), ("level", side.level))
    }
    return {
        "id": ballot.id,
        "arena": ballot.arena,
        "at": ballot.at,
        "rater": ballot.rater,
        "position": ballot.position,
        "kind": ballot.kind,
        **sides,
        "spoiled": ballot.spoiled,
        "answers": json.dumps(dict(ballot.answers)),
        "seconds": ballot.seconds,
        "supersedes": ballot.supersedes,
    }


def _read(connection: sqlite3.Connection, **wanted: str | None) -> list[Ballot]:
    given = {column: value for column, value in wanted.items() if value is not None}
    clause = " AND ".join([f"{column} = ?" for column in given] or ["TRUE"])
    query = f"SELECT * FROM ballots WHERE {clause} ORDER BY seq"  # noqa: S608 (names are ours, values have placeholders)
    return [_ballot(row) for row in connection.execute(query, tuple(given.values()))]


def _ballot(row: sqlite3.Row) -> Ballot:
    return Ballot(
        id=row["id"],
        arena=row["arena"],
        rater=row["rater"],
        position=row["position"],
        kind=row["kind"],
        left=Side(row["left_clip"], row["left_sha256"], row["left_level"]),
        right=Side(row["right_clip"], row["right_sha256"], row["right_level"]),
        spoiled=row["spoiled"],
        answers=json.loads(row["answers"]),
        seconds=row["seconds"],
        supersedes=row["supersedes"],
        at=row["at"],
    )


def _rows(ballot: Ballot) -> list[dict[str, Any]]:
    """What the ballot says, a row for each question."""
    left, right = ballot.left, ballot.right
    shared = {
        "model_a": left.level,
        "model_b": right.level,
        "rater": ballot.rater,
        "pair": ballot.pair,
        "clip_a": left.clip_id,
        "clip_b": right.clip_id,
        "sha256_a": left.sha256,
        "sha256_b": right.sha256,
        "left": left.level,
        "kind": ballot.kind,
        "spoiled": ballot.spoiled,
        "seconds": ballot.seconds,
        "at": ballot.at,
        "position": ballot.position,
        "arena": ballot.arena,
        "ballot": ballot.id,
    }
    return [{**shared, "question": question, "winner": winner} for question, winner in ballot.answers.items()]
