"""What the small paid calls cost that make no clip: better wordings of prompts, and translations.

A call is written down before it is sent, with what it is expected to cost, and settled when its answer is there. One whose
answer was lost, or whose kernel stopped meanwhile, keeps what was expected: it may have been paid.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from concurrent.futures import Future

    from .database import Database
    from .journal import Check


class TextCosts:
    """The text calls of a library. From any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, kind: str, *, endpoint: str, project: str, expected: float, check: Check) -> Future[str]:
        """Write down that a call is about to be sent, for `expected` creative units. The future gives its id.

        It raises what `check` raises in the same transaction; nothing is written down then.
        """
        call = f"text_{secrets.token_hex(6)}"
        row = (call, time.time(), endpoint, project, kind, expected)
        statement = "INSERT INTO text_costs (id, at, endpoint, project, kind, cost) VALUES (?, ?, ?, ?, ?, ?)"

        def work(connection: sqlite3.Connection) -> str:
            check(connection)
            connection.execute(statement, row)
            return call

        return self._database.write(work)

    def settle(self, call: str, cost: float) -> Future[int]:
        """Write down what a call cost in the end; 0.0 for one that was refused."""
        statement = "UPDATE text_costs SET cost = ? WHERE id = ?"
        return self._database.write(lambda connection: connection.execute(statement, (cost, call)).rowcount)
