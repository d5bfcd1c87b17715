"""A sandbox in a process of its own, forked; it can go away and come back on the same port, with the same ledger."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import urllib.request
from base64 import b64encode
from collections import Counter
from http.client import HTTPException
from pathlib import Path
from typing import Any

import msgspec

from happyhorse_widgets.sandbox import render, rendering, serve, worker
from happyhorse_widgets.sandbox.context import Options
from happyhorse_widgets.sandbox.rendering import SECRETS

from .plan import Rules
from .processes import end, fork
from .stock import from_stock


class Server:
    """One sandbox on `folder`. Its POSTs that cost money are counted as they come, with how they were answered."""

    def __init__(self, folder: Path, rules: Rules, stock: Path, *, parallel: int, speed: float) -> None:
        self.home = folder / "sandbox"
        self.key, self.secret = secrets.token_hex(8), secrets.token_hex(8)
        self._stock = stock
        self._log = folder / "sandbox.log"
        self._posts = folder / "posts.txt"
        faults = folder / "faults.json"
        faults.write_text(json.dumps(rules))
        # Bound but not listening: it is ours while the sandbox is away, and whoever knocks is refused.
        self._place = socket.socket()
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._place.bind(("127.0.0.1", 0))
        port = self._place.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self._options = Options(
            home=self.home,
            port=port,
            speed=speed,
            parallel=parallel,
            faults=faults,
        )
        self._pid = 0
        self.start()

    def start(self) -> None:
        """Serve; returns once it does."""
        ready, stdout = os.pipe()
        self._pid = fork(self._serve, log=self._log, stdout=stdout)
        os.close(stdout)
        said = os.read(ready, 4096)
        os.close(ready)
        if not said:
            raise RuntimeError(f"the sandbox did not start: {self._log.read_text()}")

    def kill(self) -> None:
        """Go away without warning."""
        end(self._pid)

    def ledger(self) -> dict[str, Any]:
        """What it holds: jobs, charges, uploads."""
        address = self.base_url.removesuffix("/v1") + "/sandbox/ledger"
        keys = b64encode(f"{self.key}:{self.secret}".encode()).decode()
        request = urllib.request.Request(address, headers={"Authorization": f"Basic {keys}"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for _ in range(100):  # the fault script knows no mercy
            try:
                with opener.open(request, timeout=10) as answer:
                    found: dict[str, Any] = json.load(answer)
                    return found
            except (OSError, ValueError, HTTPException):
                continue
        raise RuntimeError("the ledger cannot be read")

    def posts(self) -> Counter[str]:
        """How many POSTs that cost money came, by the status of their answers ("" where none was begun)."""
        return Counter(self._posts.read_text().split("\n")[:-1] if self._posts.exists() else [])

    def _serve(self) -> None:
        os.environ |= dict(zip(SECRETS, (self.key, self.secret), strict=True))
        _Renderer.begin(self._stock, self._log)
        build = serve.build_app
        serve.build_app = lambda *given, **named: _Counted(build(*given, **named), self._posts)  # type: ignore[assignment]
        rendering._Process = _Renderer  # type: ignore[assignment,misc]
        serve.run(self._options)


class _Counted:
    """Notes each POST that costs money in a file that outlives the server."""

    def __init__(self, app: Any, path: Path) -> None:
        self._app = app
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        paid = (
            scope["type"] == "http"
            and scope["path"].startswith("/v1/generate/custom/")
            and b"dryRun" not in scope["query_string"]
        )
        status = ""

        async def noting(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, noting if paid else send)
        finally:
            if paid:
                os.write(self._file, f"{status}\n".encode())


class _Renderer:
    """The sandbox's own worker, forked with it instead of started when it is needed."""

    _socket: socket.socket

    def __init__(self) -> None:
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @classmethod
    def begin(cls, stock: Path, log: Path) -> None:
        cls._socket, theirs = socket.socketpair()

        def work() -> None:
            cls._socket.close()
            render.render = from_stock(stock)  # type: ignore[assignment]
            worker.main()

        fork(work, log=log, stdin=theirs.fileno(), stdout=os.dup(theirs.fileno()))
        theirs.close()

    def idle_for(self) -> float:
        return 0.0

    async def carry_out(self, order: worker.Order) -> worker.Result:
        if self._streams is None:
            self._streams = await asyncio.open_connection(sock=self._socket)
        reader, writer = self._streams
        writer.write(msgspec.json.encode(order) + b"\n")
        await writer.drain()
        return msgspec.json.decode(await reader.readline(), type=worker.Result)

    async def end(self) -> None:
        pass
