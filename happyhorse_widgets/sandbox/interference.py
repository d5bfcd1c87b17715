"""Carries out the fault script around the routes: an ASGI middleware."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.responses import HTMLResponse, Response

from .faults import Ending, FaultScript, Latency, LostAnswer, Redirect, Reset, Status, Truncate, attach
from .sockets import hang_up
from .wire import phrase, refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Interference:
    """Lets the faults of a script happen to the requests that pass."""

    def __init__(self, app: ASGIApp, script: FaultScript) -> None:
        self._app = app
        self._script = script
        # asyncio keeps only weak references to tasks.
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server for each request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        faults = self._script.select(scope["method"], scope["path"], query)
        attach(scope, faults)
        for fault in faults:
            if isinstance(fault, Latency):
                await asyncio.sleep(fault.seconds)
        await self._end(
            next((fault for fault in faults if isinstance(fault, Ending)), None), scope, receive, send
        )

    async def _end(self, ending: Ending | None, scope: Scope, receive: Receive, send: Send) -> None:
        match ending:
            case Reset():
                await hang_up(scope, receive, ending.close)
            case LostAnswer():
                await self._app(scope, receive, _discard)
                await hang_up(scope, receive, ending.close)
            case Truncate():
                await self._app(scope, receive, _Cut(scope, receive, send, ending.fraction))
            case Redirect():
                await _read(receive)
                await Response(status_code=ending.status, headers={"location": ending.location})(
                    scope, receive, send
                )
            case Status():
                await self._answer_otherwise(ending, scope, receive, send)
            case _:
                await self._app(scope, receive, send)

    async def _answer_otherwise(self, fault: Status, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if fault.processed:
            task = asyncio.create_task(self._process(fault.after, scope, body))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        headers = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
        if fault.html:
            page = f"<html><head><title>{fault.status}</title></head><body><h1>{phrase(fault.status)}</h1></body></html>"
            response: Response = HTMLResponse(page, fault.status, headers)
        else:
            response = refusal(fault.status, fault.reason, details=fault.details, headers=headers)
        await response(scope, receive, send)

    async def _process(self, after: float, scope: Scope, body: bytes) -> None:
        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await asyncio.sleep(after)
        await self._app(scope, replay, _discard)


class _Cut:
    """A `send` that closes the connection after a fraction of the body."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, fraction: float) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._fraction = fraction
        self._left = 0
        self._done = False

    async def __call__(self, message: Message) -> None:
        if self._done:
            return
        if message["type"] == "http.response.start":
            length = dict(message["headers"]).get(b"content-length", b"0")
            self._left = int(int(length) * self._fraction)
            await self._send(message)
            return
        body = message.get("body", b"")[: self._left]
        self._left -= len(body)
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        if not self._left:
            self._done = True
            await hang_up(self._scope, self._receive, "fin")


async def _read(receive: Receive) -> bytes:
    """The whole body; a server that leaves it unread may lose the answer with the connection."""
    body = bytearray()
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return bytes(body)


async def _discard(message: Message) -> None:
    pass
