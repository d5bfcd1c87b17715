"""Runs the server: binds to loopback, says where in one line, ends with its parent or on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import threading
from typing import TYPE_CHECKING

import msgspec
import uvicorn

from happyhorse_widgets.errors import ConfigurationError

from .app import build_app
from .context import Options, Sandbox
from .faults import FaultScript, load_script
from .ledger import Ledger
from .rendering import SECRETS, Renderers
from .signing import Signer
from .sockets import RegisteredProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOST = "127.0.0.1"
_GRACE = 2


def run(options: Options) -> None:
    """Serve until a signal or the end of the parent. Raises `ConfigurationError` where it cannot begin."""
    script = load_script(options.faults) if options.faults else FaultScript([])
    key, secret = _credentials()
    with _listening(options.port) as listener:
        origin = f"http://{_HOST}:{listener.getsockname()[1]}"
        ledger = Ledger(options.home)
        box = Sandbox(
            options=options,
            ledger=ledger,
            signer=Signer(origin, lifetime=options.url_ttl),
            renderers=Renderers(ledger, count=options.workers, scale=options.scale, now=options.now),
            checking=asyncio.Lock(),
            examples=asyncio.Lock(),
        )
        config = uvicorn.Config(
            build_app(box, key=key, secret=secret, script=script),
            http=RegisteredProtocol,
            loop="asyncio",
            ws="none",
            access_log=False,
            log_level="error",
            server_header=False,
            proxy_headers=False,  # nobody may say in a header who they are
            date_header=False,  # by the server's own clock, see `reception`
            timeout_graceful_shutdown=_GRACE,
        )
        server = _Server(config, ready={"base_url": f"{origin}/v1", "pid": os.getpid()})
        if options.die_with_parent:
            threading.Thread(target=_wait_for_the_end, args=(server,), daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Says once, in one line of JSON on stdout, that it serves."""

    def __init__(self, config: uvicorn.Config, *, ready: dict[str, object]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn."""
        await super().startup(sockets)
        sys.stdout.write(msgspec.json.encode(self._ready).decode() + "\n")
        sys.stdout.flush()


@contextlib.contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    # asyncio sends without delay only where the protocol is named; else each answer takes 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        if os.name == "posix":
            # A server that follows another on the same port need not wait for old connections to fade.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError as error:
            raise ConfigurationError(
                f"Port {port} on {_HOST} cannot be used ({error.strerror}). Choose another with --port, or 0 for any."
            ) from error
        yield listener


def _credentials() -> tuple[str, str]:
    key, secret = (os.getenv(name, "") for name in SECRETS)
    if bool(key) != bool(secret):
        raise ConfigurationError(
            f"Set both {SECRETS[0]} and {SECRETS[1]}, or neither to get a pair for this run."
        )
    if not key:
        key, secret = (secrets.token_urlsafe(18) for _ in SECRETS)
        sys.stderr.write(
            f"Key and secret for this run:\n  SCENARIO_SDK_API_KEY={key}\n  SCENARIO_SDK_API_SECRET={secret}\n"
        )
    return key, secret


def _wait_for_the_end(server: uvicorn.Server) -> None:
    # os.read, for a buffered reader blocked at exit would hold up the interpreter.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.should_exit = True
