"""Stands before everything else: dates every answer by the server's own clock, and writes down who asked for what.

The record is what a client's claims are checked against: how often it asked, in which order, and how many hands it had.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING

import msgspec
from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Their queries are signatures.
_SIGNED = ("/cdn/", "/storage/")


class Reception:
    """Puts the date on answers, and appends one line of JSON for each request to the file `record`, where there is one.

    A line is written when the head of a request has come, before anything is done about it:
    {"at": epoch seconds, "method", "path", "query" (left out of signed addresses), "range", "agent": the User-Agent}.
    """

    def __init__(self, app: ASGIApp, *, now: Callable[[], float], record: Path | None) -> None:
        self._app = app
        self._now = now
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server for each request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._record is not None:
            self._write_down(self._record, scope)

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["date"] = formatdate(self._now(), usegmt=True)
            await send(message)

        await self._app(scope, receive, dated)

    def _write_down(self, record: Path, scope: Scope) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        line = {
            "at": self._now(),
            "method": scope["method"],
            "path": path,
            "query": "" if path.startswith(_SIGNED) else scope["query_string"].decode("latin-1"),
            "range": headers.get("range", ""),
            "agent": headers.get("user-agent", ""),
        }
        with record.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
