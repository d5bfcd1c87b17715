"""Words that a server sent, made fit to be shown: short, plain, without markup or signed URLs."""

from __future__ import annotations

import re
import unicodedata
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_REASON = 400
"""Characters of a server's reason that a message quotes."""

_MARKUP = re.compile(r"^\s*<|<[!/?]?[a-z][^<>]*>", re.IGNORECASE)
_URL_QUERY = re.compile(r"(https?://[^\s?#\"'<>]*)[?#][^\s\"'<>]*", re.IGNORECASE)
_PHRASES = frozenset(status.phrase.casefold() for status in HTTPStatus) | {"error", "internal server error"}
_PLACES = (
    "reason",
    "message",
    "error",
    "detail",
    "details",
    "errors",
    "errorMessage",
    "description",
    "title",
)
_DEPTH = 4


def plain(text: str, limit: int = MAX_REASON) -> str:
    """`text` on one line of at most `limit` characters, without control characters; "" when it is markup."""
    text = text[: 20 * limit]
    if _MARKUP.search(text):
        return ""
    text = _URL_QUERY.sub(r"\1", text)
    text = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def reason_in(answer: Any, redact: Callable[[str], str]) -> str:
    """The reason in an error's decoded JSON body, wherever it stands, without secrets; "" when there is none.

    Known shapes: `{reason}`, `{message}`, `{error}`, `{error: {message}}`, `{errors: [...]}`, `{details:
    {...}}`.
    """
    found = list(dict.fromkeys(_sentences(answer, redact, _DEPTH)))
    telling = [sentence for sentence in found if sentence.rstrip(".").casefold() not in _PHRASES]
    return plain("; ".join((telling or found)[:3]))


def _sentences(answer: Any, redact: Callable[[str], str], depth: int) -> list[str]:
    if isinstance(answer, str):
        # Before anything is cut off or joined: then half a secret would not be known for one.
        sentence = plain(redact(answer[: 20 * MAX_REASON]))
        return [sentence] if sentence else []
    if depth == 0:
        return []
    if isinstance(answer, dict):
        parts = [answer[place] for place in _PLACES if place in answer]
    elif isinstance(answer, list):
        parts = answer[:3]
    else:
        parts = []
    return [sentence for part in parts for sentence in _sentences(part, redact, depth - 1)]
