"""Signed, temporary addresses, shaped as CloudFront's: for downloads, and for the parts of an upload.

The expiry stands in the query in one of two ways, and a client has to read both: images carry `Expires=`, videos
`Policy=`, base64 of a JSON with `AWS:EpochTime`. The signing key lives and dies with the server process, so that an
address from before a restart is refused like an expired one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY_PAIR = "SANDBOX"
# CloudFront's own base64 alphabet for queries.
_TO_QUERY = bytes.maketrans(b"+=/", b"-_~")
_FROM_QUERY = bytes.maketrans(b"-_~", b"+=/")


class Signer:
    """Signs and checks addresses below `origin` (scheme, host and port), each valid for `lifetime` seconds."""

    def __init__(self, origin: str, *, lifetime: float) -> None:
        self._origin = origin
        self.lifetime = lifetime
        self._key = secrets.token_bytes(32)

    def url(self, path: str, *, now: float, lifetime: float | None = None, policy: bool = False) -> str:
        """Sign `path`; the expiry goes into `Policy=` if `policy`, else into `Expires=`."""
        expires = int(now + (self.lifetime if lifetime is None else lifetime))
        statement = self._statement(path, expires)
        query = {"Policy": _encode(statement)} if policy else {"Expires": str(expires)}
        query |= {"Signature": self._signature(statement), "Key-Pair-Id": _KEY_PAIR}
        return f"{self._origin}{path}?{urlencode(query)}"

    def accepts(self, path: str, query: Mapping[str, str], *, now: float) -> bool:
        """Whether the query signs this very path and has not expired."""
        try:
            expires = _expiry(query)
        except (ValueError, KeyError, IndexError, TypeError):
            return False
        genuine = hmac.compare_digest(
            self._signature(self._statement(path, expires)).encode(), query.get("Signature", "").encode()
        )
        return genuine and now < expires

    def _statement(self, path: str, expires: int) -> bytes:
        condition = {"DateLessThan": {"AWS:EpochTime": expires}}
        return msgspec.json.encode({"Statement": [{"Resource": self._origin + path, "Condition": condition}]})

    def _signature(self, statement: bytes) -> str:
        return _encode(hmac.digest(self._key, statement, hashlib.sha256))


def _encode(data: bytes) -> str:
    return base64.b64encode(data).translate(_TO_QUERY).decode()


def _expiry(query: Mapping[str, str]) -> int:
    if "Expires" in query:
        return int(query["Expires"])
    policy = msgspec.json.decode(base64.b64decode(query["Policy"].encode().translate(_FROM_QUERY)))
    return int(policy["Statement"][0]["Condition"]["DateLessThan"]["AWS:EpochTime"])
