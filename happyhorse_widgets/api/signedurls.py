"""Signed, temporary URLs: used at once, never shown, never kept."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import logging
import math
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNATURE = re.compile(
    r"^https?://\S+[?&](?:Signature|Policy|Key-Pair-Id|X-Amz-Signature|X-Goog-Signature|sig)=", re.IGNORECASE
)


class SignedUrl(str):
    """A URL that opens a file for whoever has it: a string whose `repr` does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<signed URL>"


def without_signatures(value: Any) -> Any:
    """A copy of decoded JSON in which every signed URL has lost its query, so that it can be kept."""
    if isinstance(value, str):
        return value.partition("?")[0] if _SIGNATURE.match(value) else value
    if isinstance(value, dict):
        return {key: without_signatures(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_signatures(item) for item in value]
    return value


def signed_url_expiry(url: str) -> float | None:
    """When `url` stops working, in epoch seconds; None when it does not say.

    Reads CloudFront's `Expires=` (epoch seconds) or the `AWS:EpochTime` inside its `Policy=`.
    """
    try:
        query = parse_qs(urlsplit(url).query)
    except ValueError:
        return None
    for text in query.get("Expires", []):
        if re.fullmatch(r"[0-9]{1,12}", text, re.ASCII):
            return float(text)
    for text in query.get("Policy", []):
        expiry = _policy_expiry(text)
        if expiry is not None:
            return expiry
    return None


def _policy_expiry(policy: str) -> float | None:
    # CloudFront's own alphabet: `-`, `_` and `~` stand for base64's `+`, `=` and `/`.
    encoded = policy.replace("-", "+").replace("_", "=").replace("~", "/")
    try:
        document = json.loads(base64.b64decode(encoded + "=" * (-len(encoded) % 4)))
        seconds = document["Statement"][0]["Condition"]["DateLessThan"]["AWS:EpochTime"]
        expiry = float(seconds)
    except (binascii.Error, ValueError, TypeError, LookupError, OverflowError, RecursionError):
        return None
    return expiry if math.isfinite(expiry) and expiry >= 0 else None


_unlogged: ContextVar[bool] = ContextVar("happyhorse_unlogged", default=False)


@contextlib.contextmanager
def unlogged() -> Iterator[None]:
    """Within it, the HTTP libraries write no log lines: theirs carry whole URLs and Location headers."""
    token = _unlogged.set(True)
    try:
        yield
    finally:
        _unlogged.reset(token)


def _is_loggable(_record: logging.LogRecord) -> bool:
    return not _unlogged.get()


for _name in ("httpx2", "httpcore2.connection", "httpcore2.http11", "httpcore2.http2", "httpcore2.proxy"):
    logging.getLogger(_name).addFilter(_is_loggable)
