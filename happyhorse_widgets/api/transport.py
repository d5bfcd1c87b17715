"""HTTP with Scenario: one pool for what may be repeated, fresh connections for what must not.

No redirect is followed with credentials. Errors are ours, raised where no exception of the HTTP library is
being handled, so that none chains to a request. Redirects, time-outs and sizes are bounded here; the calls
are in `client`.
"""

from __future__ import annotations

import asyncio
import functools
import time
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from happyhorse_widgets.api.clock import ServerClock
from happyhorse_widgets.api.faults import status_fault, transport_fault, what_then
from happyhorse_widgets.api.retry import Retrier, Retry
from happyhorse_widgets.errors import ApiError, InvalidRequest, ProtocolFault, TransportFault

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator, Mapping

    from happyhorse_widgets.api.config import Credentials, Endpoint

T = TypeVar("T")

USER_AGENT = "happyhorse-widgets"
MAX_ANSWER = 32 * 2**20
"""Bytes of an answer (unpacked) beyond which it is not read on."""
LOOPBACK_DIRECT: dict[str, None] = {"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None}
"""Mounts that keep the exchange with this machine (the sandbox) from going through a proxy."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait: to connect, for the next bytes, for a free connection, and for a whole exchange."""

    connect: float = 10.0
    read: float = 60.0
    write: float = 60.0
    pool: float = 30.0
    total: float = 120.0

    def for_httpx(self) -> httpx2.Timeout:
        return httpx2.Timeout(connect=self.connect, read=self.read, write=self.write, pool=self.pool)


class _Signer(httpx2.Auth):
    """Puts the Authorization header on a request without keeping it anywhere else."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers["Authorization"] = self._credentials.authorization()
        yield request


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Certificates and host names are verified, always. Shared: making one takes 30 ms."""
    return httpx2.create_ssl_context()


def no_cookies() -> CookieJar:
    """A jar that takes none."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


class _Call(NamedTuple):
    method: str
    path: str
    query: Mapping[str, str] | None
    content: bytes | None
    paid: bool = False

    @property
    def name(self) -> str:
        """How messages name the call."""
        return f"{self.method} {self.path}"


class Transport:
    """Exchanges JSON with one endpoint. Belongs to the event loop that it is first used on; close it with
    `aclose`.

    `connections` is the most that are open at once for repeatable calls.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        retry: Retry | None = None,
        timeouts: Timeouts | None = None,
        connections: int = 20,
    ) -> None:
        self.endpoint = endpoint
        self.clock = ServerClock()
        self.timeouts = timeouts or Timeouts()
        self.retrier = Retrier(retry or Retry())
        limits = httpx2.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=15
        )
        self._pooled = self._client(limits, {})
        # A connection that was idle may be closed by the server while a request is under way on it: what is
        # paid for gets a new one each time, and that one is not used again.
        self._fresh = self._client(httpx2.Limits(max_keepalive_connections=0), {"Connection": "close"})
        self._host = httpx2.URL(endpoint.base_url).host

    def _client(self, limits: httpx2.Limits, headers: dict[str, str]) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            auth=_Signer(self.endpoint.credentials),
            headers={"Accept": "application/json", "User-Agent": USER_AGENT, **headers},
            timeout=self.timeouts.for_httpx(),
            limits=limits,
            mounts=LOOPBACK_DIRECT,
            cookies=no_cookies(),
            verify=tls_context(),
            follow_redirects=False,
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        decode: Callable[[bytes], T],
        query: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> T:
        """What `decode` makes of the answer to an idempotent call, which is repeated as `Retry` says."""
        call = _Call(method, path, query, _encoded(body))
        return await self.retrier.run(lambda: self._attempt(self._pooled, call, decode))

    async def call_once(
        self,
        method: str,
        path: str,
        *,
        decode: Callable[[bytes], T],
        query: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> T:
        """The same for a call that costs something: sent exactly once, on a connection of its own."""
        call = _Call(method, path, query, _encoded(body), paid=True)
        return await self._attempt(self._fresh, call, decode)

    async def _attempt(self, client: httpx2.AsyncClient, call: _Call, decode: Callable[[bytes], T]) -> T:
        outcome = await self._exchange(client, call, decode)
        if isinstance(outcome, ApiError):
            raise outcome  # from here: this frame holds no request, no answer and no other exception
        return outcome

    async def _exchange(
        self, client: httpx2.AsyncClient, call: _Call, decode: Callable[[bytes], T]
    ) -> T | ApiError:
        """One request and what its whole answer says, or the fault in its place."""
        if client.is_closed:
            return TransportFault(
                f"This session is closed ({call.name}). Nothing was sent. Make another with connect().",
                sent=False,
            )
        request = client.build_request(
            call.method,
            self.endpoint.base_url + call.path,
            params=call.query,
            content=call.content,
            headers={} if call.content is None else {"Content-Type": "application/json"},
        )
        sent = time.time()
        try:
            async with asyncio.timeout(self.timeouts.total):
                response = await client.send(request, stream=True)
                try:
                    self._learn(response, sent)
                    data = self.endpoint.credentials.redact_answer(await _read(response))
                finally:
                    await response.aclose()
        except Exception as error:  # noqa: BLE001 - a ValueError for an odd Location, say: the answer is lost
            return transport_fault(error, call=call.name, host=self._host, paid=call.paid)
        return self._meaning(call, response, data, decode)

    def _meaning(
        self, call: _Call, response: httpx2.Response, data: bytes, decode: Callable[[bytes], T]
    ) -> T | ApiError:
        status = response.status_code
        if not 200 <= status < 300:
            redact = self.endpoint.credentials.redact
            return status_fault(
                status,
                response.headers,
                data,
                call=call.name,
                paid=call.paid,
                redact=redact,
                now=self.clock.now(),
            )
        if len(data) > MAX_ANSWER:
            problem = f"Scenario's answer is larger than {MAX_ANSWER >> 20} MiB."
        else:
            try:
                return decode(data)
            except ProtocolFault as error:
                problem = str(error)
        what = f"{problem.rstrip('.')} ({status}, {call.name})"
        return ProtocolFault(f"{what}. {what_then(paid=call.paid)}", status=status)

    def _learn(self, response: httpx2.Response, sent: float) -> None:
        headers = response.headers
        self.clock.learn(headers.get("date"), sent=sent, received=time.time(), age=headers.get("age"))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pooled.aclose()
        await self._fresh.aclose()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a transport cannot be pickled: it holds connections and credentials")


def segment(name: str) -> str:
    """`name` as one segment of a path, so that no id, given or answered, can lead to another call."""
    if not name or name in (".", ".."):
        raise InvalidRequest("An id is empty or consists of dots; ids look like job_… or asset_….")
    return quote(name, safe="")


def _encoded(body: Any) -> bytes | None:
    return None if body is None else msgspec.json.encode(body)


async def _read(response: httpx2.Response) -> bytes:
    """The body; not read on once it is larger than any answer has reason to be."""
    data = bytearray()
    async for piece in response.aiter_bytes():
        data += piece
        if len(data) > MAX_ANSWER:
            break
    return bytes(data)
