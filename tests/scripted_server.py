"""A raw HTTP/1.1 server on loopback that answers as a script says, cut, slow or wrong as it may be, and counts all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.api.config import Credentials, Endpoint
from happyhorse_widgets.api.retry import Retry
from happyhorse_widgets.api.transport import Timeouts, Transport
from happyhorse_widgets.api.uploads import Pacing

KEY, SECRET = "canary-key-5f1c", "canary-secret-9ab2"
AT_ONCE = Retry(first=0.0, most=0.0)
HASTY = Pacing(first=0.0, most=0.0, limit=5.0)


@dataclass(frozen=True)
class Seen:
    """One request as it came; `connection` counts the connections from 1, `cut` tells that its body was not whole."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    cut: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """An answer. `raw` replaces it all; `announced` is a Content-Length that need not be true; `close` ends it."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    close: bool = False
    announced: int | None = None
    raw: bytes | None = None

    def encoded(self) -> bytes:
        if self.raw is not None:
            return self.raw
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        length = len(body) if self.announced is None else self.announced
        lines = [f"HTTP/1.1 {self.status} Said"]
        lines += [f"{name}: {value}" for name, value in ({"Content-Length": length} | self.headers).items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


CLOSE = Reply(raw=b"", close=True)
"""Closes the connection without a word."""


@dataclass(frozen=True)
class Reset(Reply):
    """Resets the connection, as a gateway that dies does."""


@dataclass(frozen=True)
class Silence(Reply):
    """Keeps the connection open and never answers."""


Script = Callable[[Seen], Reply]


class ScriptedServer:
    """Serves in a thread while its `with` lasts. The script is a list of replies, used up in order, or a function.

    With `tls` it serves https.
    """

    def __init__(
        self, *replies: Reply, script: Script | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._tls = tls
        self._replies: Iterator[Reply] = iter(replies)
        self._script = script
        self.seen: list[Seen] = []
        self.connections = 0
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scripted-server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        start = asyncio.start_server(self._accepted, "127.0.0.1", 0, limit=2**24, ssl=self._tls)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        try:
            while True:
                seen = await _read(reader, connection)
                if seen is None:
                    return
                self.seen.append(seen)
                reply = self._script(seen) if self._script else next(self._replies)
                if isinstance(reply, Silence):
                    await reader.read()  # until the client gives up
                    return
                if isinstance(reply, Reset):
                    _reset_on_close(writer)
                    return
                writer.write(reply.encoded())
                await writer.drain()
                if reply.close or seen.headers.get("connection", "").lower() == "close":
                    return
        except (ConnectionError, StopIteration):
            return  # the client has gone, or the script has ended
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def count(self, method: str, path: str) -> int:
        """How many requests of `method` came whose target begins with `path`."""
        return sum(seen.method == method and seen.target.startswith(path) for seen in self.seen)


def _reset_on_close(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _read(reader: asyncio.StreamReader, connection: int) -> Seen | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    request, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = request.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    try:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except asyncio.IncompleteReadError as error:
        return Seen(method, target, headers, error.partial, connection, cut=True)
    return Seen(method, target, headers, body, connection)


def endpoint_of(server: ScriptedServer, *, project: str | None = "proj_1") -> Endpoint:
    """The endpoint that a client of `server` uses, with the canary's credentials."""
    return Endpoint(f"{server.url}/v1", project, Credentials(KEY, SECRET))


@asynccontextmanager
async def client_of(
    server: ScriptedServer,
    *,
    retry: Retry = AT_ONCE,
    timeouts: Timeouts | None = None,
    pacing: Pacing = HASTY,
    project: str | None = "proj_1",
) -> AsyncIterator[ScenarioClient]:
    """A client of `server` that does not wait between attempts."""
    client = ScenarioClient(
        Transport(endpoint_of(server, project=project), retry=retry, timeouts=timeouts), pacing=pacing
    )
    try:
        yield client
    finally:
        await client.aclose()


def call(server: ScriptedServer, use: Callable[[ScenarioClient], Awaitable[Any]], **settings: Any) -> Any:
    """What `use` makes of a client of `server`, on an event loop of its own."""

    async def run() -> Any:
        async with client_of(server, **settings) as client:
            return await use(client)

    return asyncio.run(run())


def job_body(job_id: str = "job_1", **fields: Any) -> dict[str, Any]:
    """A job as the wire has it."""
    return {
        "jobId": job_id,
        "jobType": "custom",
        "status": "in-progress",
        "progress": 0.4,
        "createdAt": "2026-01-31T12:00:00.000Z",
        "updatedAt": "2026-01-31T12:00:20.500Z",
        "statusHistory": [{"status": "queued", "date": "2026-01-31T12:00:00.000Z"}],
        "metadata": {"input": {"prompt": "a horse"}, "assetIds": []},
        "billing": {"cuCost": 40, "cuDiscount": 0},
        **fields,
    }
