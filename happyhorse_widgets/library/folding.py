"""Text as a search sees it: without case, accents and the differences between forms of the same letter."""

from __future__ import annotations

import json
import unicodedata

from happyhorse_widgets.text import whole


def writable(text: str) -> str:
    """The text without what SQLite cannot keep: null characters, and half of a surrogate pair."""
    return whole(text.replace("\0", ""))


def folded(text: str) -> str:
    """`text` in the form in which two texts are compared; "É", "é" and "e" are the same there, and so are "Ｆ" and "f"."""
    whole = writable(text)  # what is looked for is compared with what could be kept
    if whole.isascii():
        return whole.lower()
    lower = unicodedata.normalize("NFKD", whole).casefold()
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(letter)
    )


def search_words(request: str, notes: str, tags: str, clip_id: str) -> str:
    """All that a search for words looks at in a clip, folded. `request` and `tags` are JSON, as the library keeps them."""
    return folded("\n".join([prompt_in(request), notes, *json.loads(tags), clip_id]))


def prompt_in(request: str) -> str:
    """The prompt of a request in JSON; "" where it cannot be read."""
    try:
        prompt = json.loads(request)["prompt"]
    except (ValueError, LookupError, TypeError):
        return ""
    return whole(prompt) if isinstance(prompt, str) else ""
