"""From HTTP's failures to our exception tree, in words that say what happened and what to do."""

from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING, Any

import httpx2

from happyhorse_widgets.api.clock import http_date
from happyhorse_widgets.api.decoding import decode_json
from happyhorse_widgets.api.servertext import plain, reason_in
from happyhorse_widgets.errors import (
    ApiError,
    AuthenticationError,
    NotFound,
    PermissionDenied,
    ProtocolFault,
    RateLimited,
    RequestRejected,
    ServerFault,
    TransportFault,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LONGEST_RETRY_AFTER = 86_400.0
# With these, no byte of the request itself has left: no connection, no TLS, or no tunnel through the proxy.
_NOTHING_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)

_LATER = "Try again a little later."
_FIRST_LOOK = (
    "It may have been paid all the same: look at your jobs and usage on Scenario before you send it again."
)

_UNKNOWN = (NotFound, "Scenario does not know this {what}. Check the id, and the project it belongs to.")
_FAILURE = (ServerFault, "Scenario or a gateway before it failed {what}. {then}")
_REFUSAL = (
    RequestRejected,
    "Scenario refuses the request {what}. Sent again, it gets the same answer: change it first.",
)
_STRANGE = (
    ProtocolFault,
    "Scenario answered with a redirect or an unknown status {what}, which is not followed. Check the base URL.",
)
_KINDS: dict[int, tuple[type[ApiError], str]] = {
    401: (
        AuthenticationError,
        (
            "Scenario does not accept the API key and secret {what}. Check that they belong together and were not"
            " revoked."
        ),
    ),
    403: (
        PermissionDenied,
        (
            "Scenario does not allow this {what}. The plan may not include it, or the key may not have access to this"
            " project: check both on Scenario."
        ),
    ),
    404: _UNKNOWN,
    408: _FAILURE,
    409: _FAILURE,
    410: _UNKNOWN,
}


def status_fault(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    call: str,
    paid: bool = False,
    redact: Callable[[str], str],
    now: float,
) -> ApiError:
    """The error for an answer that is no success.

    `call` names the call, and `paid` says whether it costs; `redact` takes secrets out of what the server echoes; `now` is the
    server's time.
    """
    answer = _json_or_none(body)
    reason = reason_in(answer, redact)
    asked = retry_after(headers, now)
    what = f"({status}, {call})" + (f": {reason}" if reason else "")
    if status == 429:
        return _rate_limited(_plan_limit(answer, redact), reason, asked, what)
    other = _REFUSAL if 400 <= status < 500 else _FAILURE if 500 <= status < 600 else _STRANGE
    kind, text = _KINDS.get(status, other)
    # A reason often ends with its own full stop.
    message = text.format(what=what.rstrip(".") if reason else what, then=what_then(paid=paid))
    if kind is ProtocolFault and paid:
        message = f"{message} {_FIRST_LOOK}"
    return kind(message, status=status, reason=reason, retry_after=asked)


def what_then(*, paid: bool) -> str:
    """What a person is to do where an answer was lost or cannot be read: of a call that costs, or of one that does not."""
    return _FIRST_LOOK if paid else _LATER


def _json_or_none(body: bytes) -> Any:
    try:
        return decode_json(body)
    except ProtocolFault:
        return None


def _rate_limited(
    plan: tuple[str | None, int | None], reason: str, asked: float | None, what: str
) -> RateLimited:
    action, limit = plan
    what = what.rstrip(".")
    if action is not None or limit is not None:
        how_many = f" of {limit}" if limit is not None else ""
        for_what = f" for {action}" if action else ""
        message = (
            f"The plan's limit{how_many}{for_what} is reached {what}. Wait until a running job has ended, or"
            " change the plan."
        )
    else:
        wait = f"Wait {asked:g} seconds." if asked else "Wait a little."
        message = f"Too many requests for Scenario {what}. {wait}"
    return RateLimited(message, reason=reason, retry_after=asked, action=action, limit=limit)


def _plan_limit(answer: Any, redact: Callable[[str], str]) -> tuple[str | None, int | None]:
    """`details.actionName` and `details.actionLimit`, at the top of the answer or inside its `error`."""
    for holder in (answer, answer.get("error") if isinstance(answer, dict) else None):
        details = holder.get("details") if isinstance(holder, dict) else None
        if not isinstance(details, dict):
            continue
        name, raw = details.get("actionName"), details.get("actionLimit")
        action = plain(redact(name[:400]), 80) if isinstance(name, str) else ""
        is_count = re.fullmatch(r"[0-9]{1,6}(\.0+)?", str(raw)[:20], re.ASCII)
        limit = int(float(str(raw))) if is_count else None
        if action or limit is not None:
            return action or None, limit
    return None, None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait by the Retry-After header (seconds or an HTTP date, told against `now`), or None."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text, re.ASCII):
        return min(float(text), _LONGEST_RETRY_AFTER)
    moment = http_date(text) if text else None
    return None if moment is None else min(max(0.0, moment - now), _LONGEST_RETRY_AFTER)


def transport_fault(error: Exception, *, call: str, host: str, paid: bool = False) -> ApiError:
    """The error for an exchange that `error` ended; `paid` as in `status_fault`.

    Nothing of `error` is kept: it holds the request.
    """
    if isinstance(error, httpx2.DecodingError):
        return ProtocolFault(
            f"The answer of {host} cannot be unpacked ({call}). A proxy on the way may be at fault. {what_then(paid=paid)}"
        )
    sent = not isinstance(error, _NOTHING_SENT)
    happened = _what_happened(error)
    effect = "Whether the call took effect is not known" if sent else "Nothing was sent"
    check = "Check the network." + (f" {_FIRST_LOOK}" if paid and sent else "")
    return TransportFault(f"{happened.format(host=host)} ({call}). {effect}. {check}", sent=sent)


def _what_happened(error: Exception) -> str:
    """The first line that fits the error or what caused it, from the most telling to the least."""
    causes = tuple(type(cause) for cause in _causes(error))
    return next(text for kinds, text in _HAPPENED if any(issubclass(cause, kinds) for cause in causes))


_HAPPENED: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((ssl.SSLCertVerificationError,), "The certificate of {host} is not trusted"),
    ((httpx2.PoolTimeout,), "Too many exchanges with {host} are under way at once"),
    ((httpx2.ProxyError,), "The proxy does not let the connection to {host} through"),
    ((socket.gaierror,), "The name {host} is not known to this machine's network"),
    ((ConnectionRefusedError,), "The connection was refused: nothing listens at {host}"),
    ((httpx2.TimeoutException, TimeoutError), "{host} took too long to answer"),
    ((httpx2.ConnectError,), "No connection could be made to {host}"),
    ((BaseException,), "The connection to {host} broke off before an answer was complete"),
)


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    queue: list[BaseException | None] = [error]
    while queue and len(found) < 20:
        cause = queue.pop()
        if cause is None or cause in found:
            continue
        found.append(cause)
        queue += [cause.__cause__, cause.__context__]
        if isinstance(cause, BaseExceptionGroup):
            queue += cause.exceptions
    return found
