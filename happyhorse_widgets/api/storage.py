"""Files at signed URLs: PUT one part, GET one stream.

No credentials, no cookies, no log lines, no URL in any error.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx2

from happyhorse_widgets.api.config import may_connect
from happyhorse_widgets.api.faults import retry_after, transport_fault
from happyhorse_widgets.api.signedurls import SignedUrl, unlogged
from happyhorse_widgets.api.transport import LOOPBACK_DIRECT, USER_AGENT, Timeouts, no_cookies, tls_context
from happyhorse_widgets.errors import (
    ApiError,
    NotFound,
    PermissionDenied,
    ProtocolFault,
    RequestRejected,
    ServerFault,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

SEND_PIECE = 2**20
"""Bytes that an upload hands to the network at a time."""
RECEIVE_PIECE = 2**18
"""Bytes that a download's pieces have at least, but for the last one."""
_MAX_REDIRECTS = 5
_NO_ADDRESS = "The file's address is not an https address; it was not opened. Check the base URL."


@dataclass(frozen=True, slots=True)
class Download:
    """An answer under way: `status` is 200 (the whole file) or 206 (from the byte asked for); `headers`
    lower-case.

    `pieces` yields RECEIVE_PIECE bytes or more at a time, raises TransportFault when the stream breaks off, and can
    be run through once.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    pieces: AsyncIterator[bytes] = field(repr=False)


class Storage:
    """The one HTTP client that talks to storage and to the CDN.

    Belongs to one event loop; close it with `aclose`.
    """

    def __init__(self, *, timeouts: Timeouts | None = None) -> None:
        self._client = httpx2.AsyncClient(
            headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"},
            timeout=(timeouts or Timeouts()).for_httpx(),
            limits=httpx2.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=15),
            mounts=LOOPBACK_DIRECT,
            cookies=no_cookies(),
            verify=tls_context(),
            follow_redirects=False,
        )

    async def put(self, url: str, data: memoryview, *, on_sent: Callable[[int], None]) -> None:
        """PUT `data` to `url` in pieces; `on_sent` gets the bytes handed over so far in this attempt.

        Raises PermissionDenied when the URL has expired, else as the tree says. Safe to repeat.
        """
        address = SignedUrl(url)
        del url

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(data), SEND_PIECE):
                piece = bytes(data[start : start + SEND_PIECE])
                yield piece
                on_sent(start + len(piece))

        # Storage refuses chunked encoding: with the length given, none is used.
        headers = {"Content-Length": str(len(data))}
        response = await self._send("PUT", address, headers, pieces())
        if isinstance(response, ApiError):
            raise response
        status, headers_in = response.status_code, response.headers
        await _close(response)
        if not 200 <= status < 300:
            raise _file_fault(status, headers_in, "PUT of a part")

    @contextlib.asynccontextmanager
    async def open(
        self, url: str, *, range_from: int | None = None, etag: str | None = None
    ) -> AsyncIterator[Download]:
        """The file at `url`, from byte `range_from` on if given and if its `etag` is still the one given.

        Yields a Download; a server may answer a range with the whole file (status 200). Redirects are
        followed to https only (http on this machine). Raises PermissionDenied (403: expired), NotFound (404,
        410), RequestRejected (416: no such range), ServerFault, TransportFault, ProtocolFault; `status` tells
        them apart further.
        """
        headers = {}
        if range_from:
            headers["Range"] = f"bytes={range_from}-"
            if etag:
                headers["If-Range"] = etag
        response = await self._follow(SignedUrl(url), headers)
        del url
        if isinstance(response, ApiError):
            raise response
        try:
            if response.status_code not in (200, 206):
                raise _file_fault(response.status_code, response.headers, "GET of a file")
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise ProtocolFault(
                    "The file server packed the file, which was asked for as it is. Try again."
                )
            yield Download(response.status_code, dict(response.headers), _pieces(response))
        finally:
            await _close(response)

    async def _follow(self, url: str, headers: dict[str, str]) -> httpx2.Response | ApiError:
        for _ in range(_MAX_REDIRECTS + 1):
            response = await self._send("GET", url, headers)
            if isinstance(response, ApiError) or not response.has_redirect_location:
                return response
            await _close(response)
            try:
                url = urljoin(str(response.url), response.headers["location"])
            except ValueError:
                return ProtocolFault(_NO_ADDRESS)
        return ProtocolFault(f"The file server redirected more than {_MAX_REDIRECTS} times. Try again.")

    async def _send(
        self, method: str, url: str, headers: dict[str, str], content: AsyncIterator[bytes] | None = None
    ) -> httpx2.Response | ApiError:
        """The answer's head, or the fault in its place: returned, so that no URL or request is in a traceback."""
        if not may_connect(url):
            return ProtocolFault(_NO_ADDRESS)
        try:
            request = self._client.build_request(method, url, headers=headers, content=content)
        except httpx2.InvalidURL:
            return ProtocolFault(_NO_ADDRESS)
        try:
            with unlogged():
                return await self._client.send(request, stream=True, auth=_Anonymous())
        except Exception as error:  # noqa: BLE001 - a ValueError for an odd Location, say
            return transport_fault(error, call=f"{method} of a file", host=request.url.host)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


class _Anonymous(httpx2.Auth):
    """No Authorization header, not even from a user name inside a URL."""


async def _pieces(response: httpx2.Response) -> AsyncIterator[bytes]:
    host = response.url.host
    fault: ApiError | None = None
    pending = bytearray()
    try:
        async for piece in response.aiter_raw():
            pending += piece
            if len(pending) >= RECEIVE_PIECE:
                yield bytes(pending)
                pending.clear()
    except Exception as error:  # noqa: BLE001 - whatever it is, the stream is over
        fault = transport_fault(error, call="GET of a file", host=host)
    if pending:
        yield bytes(pending)  # what came before a cut need not come again
    if fault is not None:
        raise fault


async def _close(response: httpx2.Response) -> None:
    with contextlib.suppress(Exception):  # the connection may be gone already
        await response.aclose()


def _file_fault(status: int, headers: Mapping[str, str], call: str) -> ApiError:
    """Storage answers in XML or HTML, which say nothing to a person: the status is all that is told."""
    where = f"({status}, {call})"
    if status == 403:
        return PermissionDenied(
            f"The link to the file has expired {where}. A new one must be asked for.", status=status
        )
    if status in (404, 410):
        return NotFound(
            f"The file is no longer at its address {where}. Ask for its asset again.", status=status
        )
    if status in (408, 429) or status >= 500:
        asked = retry_after(headers, 0.0)
        return ServerFault(f"The file server failed {where}. Try again.", status=status, retry_after=asked)
    if 400 <= status < 500:
        return RequestRejected(
            f"The file server refuses the request {where}. Ask for a new address of the file.", status=status
        )
    return ProtocolFault(
        f"The file server gave an answer that has no meaning here {where}. Try again; a proxy on the way may be at fault.",
        status=status,
    )
