"""A key pair that is unlike anything else, and the search for it, or for any part of it, in whatever was left behind."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

KEY, SECRET = "Kq7VxWz9TbLm3RpYhN", "s3Zx/Yp+QwEr5TyUiOjH"
TOKEN = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()

_PIECE, _ENCODED_PIECE = 6, 9
"""Characters of a part that is found. Encoded ones are longer, for posters and keys share an alphabet."""


def _pieces(text: str, length: int) -> Iterator[bytes]:
    for at in range(len(text) - length + 1):
        yield text[at : at + length].encode()


def _forms() -> frozenset[bytes]:
    plain = {piece for text in (KEY, SECRET, quote(SECRET, safe="")) for piece in _pieces(text, _PIECE)}
    encoded: set[bytes] = set()
    for text in (KEY, SECRET, f"{KEY}:{SECRET}"):
        for shift in range(3):  # base64 looks different by where in the whole a text begins
            inside = base64.b64encode(b"\0" * shift + text.encode()).decode().rstrip("=")
            whole = inside[(0, 2, 3)[shift] : -1]
            for form in (whole, whole.replace("+", "-").replace("/", "_")):
                encoded.update(_pieces(form, _ENCODED_PIECE))
        encoded.update(_pieces(text.encode().hex(), 2 * _PIECE))
    return frozenset(plain | encoded)


FORMS = _forms()


def traces(data: bytes | str) -> list[bytes]:
    """The parts of the pair that are in `data`, plain, encoded or with JSON's backslashes."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    flat = raw.replace(b"\\/", b"/")
    return [form for form in FORMS if form in raw or form in flat]


def traces_in(folder: Path) -> dict[str, list[bytes]]:
    """The files below `folder` that hold a part of the pair, in their bytes or their names."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        parts = traces(name) + (traces(path.read_bytes()) if path.is_file() else [])
        if parts:
            found[name] = parts
    return found
