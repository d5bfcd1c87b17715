"""Ends connections at the socket: what ASGI has no message for.

uvicorn tells an application who the client is, by address and port. That names one live connection, so a register of
transports by client is enough to find the socket behind a request.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Literal

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope

_transports: dict[tuple[str, int], asyncio.Transport] = {}


class RegisteredProtocol(H11Protocol):
    """uvicorn's HTTP protocol, with each connection in the register while it lives."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by asyncio."""
        super().connection_made(transport)
        if self.client is not None:
            _transports[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        if self.client is not None:
            _transports.pop(self.client, None)
        super().connection_lost(exc)


async def hang_up(scope: Scope, receive: Receive, how: Literal["rst", "fin"]) -> None:
    """End the request's connection: "rst" at once, "fin" after what was already written. Returns when it is closed."""
    transport = _transports.get(tuple(scope["client"] or ()))
    if transport is None:
        return
    if how == "rst":
        # A linger time of zero makes the kernel send RST.
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
