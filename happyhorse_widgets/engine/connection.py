"""The way to Scenario or to the sandbox: one client, made on first use."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.api.config import Endpoint
from happyhorse_widgets.api.retry import Retry
from happyhorse_widgets.api.transport import Transport
from happyhorse_widgets.errors import LibraryError

from .local import LocalSandbox

if TYPE_CHECKING:
    from .settings import Settings


#: What the journal calls a sandbox that is a child of ours: its port changes.
OWN_SANDBOX: Final = "sandbox"


class Connection:
    """Gives the client of one account and project; used on the engine's loop. `name` is its name in the journal."""

    def __init__(self, target: Endpoint | LocalSandbox, settings: Settings) -> None:
        self._target = target
        self._retry = Retry(first=settings.retry_first, most=settings.retry_most)
        self._lock = asyncio.Lock()
        self._endpoint: Endpoint | None = None
        self._clients: list[ScenarioClient] = []
        self._closed = False
        self.name = account_name(target)

    @property
    def sandbox(self) -> bool:
        """Whether clips are simulated: by the session's own child, or by whoever else serves on this machine."""
        return isinstance(self._target, LocalSandbox) or self._target.base_url.startswith("http://")

    def leads_to(self, target: Endpoint | LocalSandbox) -> bool:
        """Whether `target` is where this connection leads already, with the same keys."""
        ours = self._target
        if isinstance(ours, LocalSandbox) or isinstance(target, LocalSandbox):
            return isinstance(ours, LocalSandbox) and isinstance(target, LocalSandbox)
        same_keys = ours.credentials.authorization() == target.credentials.authorization()
        return same_keys and (ours.base_url, ours.project) == (target.base_url, target.project)

    async def client(self) -> ScenarioClient:
        """The client; a sandbox that has died is started again.

        Raises `ConfigurationError` where the sandbox does not start, `LibraryError` once the connection is closed.
        """
        async with self._lock:
            if self._closed:
                raise LibraryError("This session is closed. Make another with connect().")
            target = self._target
            endpoint = target if isinstance(target, Endpoint) else await asyncio.to_thread(target.endpoint)
            if endpoint is not self._endpoint:
                # An earlier client may still be in use, so it is closed with all others.
                self._clients.append(await asyncio.to_thread(self._new_client, endpoint))
                self._endpoint = endpoint
            return self._clients[-1]

    def _new_client(self, endpoint: Endpoint) -> ScenarioClient:
        # On a thread, for to read the system's certificates takes a tenth of a second and more.
        return ScenarioClient(Transport(endpoint, retry=self._retry))

    async def close(self) -> None:
        """Close the client and end the sandbox."""
        async with self._lock:
            self._closed = True
            for client in self._clients:
                await client.aclose()
            if isinstance(self._target, LocalSandbox):
                await asyncio.to_thread(self._target.stop)


def account_name(target: Endpoint | LocalSandbox) -> str:
    """What tells accounts apart in the journal: the base URL, or `OWN_SANDBOX`."""
    return target.base_url if isinstance(target, Endpoint) else OWN_SANDBOX
