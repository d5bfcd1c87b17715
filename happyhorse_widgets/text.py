"""Text that can be written anywhere.

A file's name, a message from a browser or a person's own string may hold half of a surrogate pair. Python keeps that, but no
file, socket or database takes it, and the error would come long after it came in. So it is mended where it comes in.
"""

from __future__ import annotations

from typing import Any


def whole(text: str) -> str:
    """The same text; two halves of a character become the character, and each half alone becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def whole_in(value: Any) -> Any:
    """The same value of JSON's types with every text in it `whole`, keys included."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {whole_in(key): whole_in(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole_in(item) for item in value]
    return value
