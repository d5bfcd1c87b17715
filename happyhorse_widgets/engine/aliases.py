"""A person's own names for reference images: written in the prompt, and sent as characterN.

A name is found as it was written, in its own case, and not within a longer word. In scripts that are written without spaces,
or with particles joined to a name (Chinese, Japanese, Korean, Thai …), nothing marks where a name ends, so there it is found
wherever it stands. Of two that overlap the longer one counts. `static/shared/mentions.js` has the same rules for the browser.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from happyhorse_widgets.api.checks import MENTION, REMOVED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff]"
)
_FORBIDDEN = re.compile("[@⟨⟩\n\r]")
_JOINER = "\u200d"
_LONGEST = 40


class Mention(NamedTuple):
    """A mention of the image `character` (from 1; 0 where no image can have it) at `start` to `end`.

    `name` is the own name that was written, or "".
    """

    start: int
    end: int
    character: int
    name: str = ""


def mentions(prompt: str, names: Sequence[str]) -> list[Mention]:
    """Every mention in `prompt`, in order. `names` are the images' own names in their order, "" where there is none."""
    found: list[Mention] = []
    taken = bytearray(len(prompt))

    def take(mention: Mention) -> None:
        if taken.find(1, mention.start, mention.end) < 0:
            taken[mention.start : mention.end] = b"\1" * (mention.end - mention.start)
            found.append(mention)

    for match in REMOVED.finditer(prompt):
        take(Mention(*match.span(), 0))
    for match in MENTION.finditer(prompt):
        digits = match[1]
        known = not digits.startswith("0") and len(digits) <= 3  # what is longer no image can have
        take(Mention(*match.span(), int(digits) if known else 0))
    numbered = [(name, number) for number, name in enumerate(usable(names), 1) if name]
    for name, number in sorted(numbered, key=lambda item: (-len(item[0]), item[1])):
        forms = [name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)]
        for form in dict.fromkeys(forms):
            for start in _places(prompt, form):
                take(Mention(start, start + len(form), number, name))
    return sorted(found)


def resolve(prompt: str, names: Sequence[str]) -> str:
    """The prompt as the model gets it: characterN for each own name. `names` as for `mentions`."""
    parts, end = [], 0
    for mention in mentions(prompt, names):
        if mention.name:
            parts += [prompt[end : mention.start], f"character{mention.character}"]
            end = mention.end
    return "".join([*parts, prompt[end:]])


def named(prompt: str, names: Sequence[str]) -> str:
    """A prompt that came from the model's side with the own names for characterN, where there are any."""
    usable_names = usable(names)
    parts, end = [], 0
    for mention in mentions(prompt, ()):
        own = usable_names[mention.character - 1] if 0 < mention.character <= len(usable_names) else ""
        if own:
            parts += [prompt[end : mention.start], own]
            end = mention.end
    return "".join([*parts, prompt[end:]])


def usable(names: Sequence[str]) -> list[str]:
    """The names that can be used, and "" for those that cannot; of two that are equal the first can."""
    return ["" if name_problem(name, names[:index]) else name for index, name in enumerate(names)]


def name_problems(names: Sequence[str]) -> list[str]:
    """What is wrong with these own names, one line for each that cannot be used; "" is no name."""
    problems = (
        (number, name_problem(name, names[: number - 1])) for number, name in enumerate(names, 1) if name
    )
    return [f"character{number}: {problem}" for number, problem in problems if problem]


def name_problem(name: str, others: Sequence[str]) -> str:
    """What is wrong with an own name, in words, or "". `others` are the other images' names."""
    number = MENTION.search(name)
    kinds = {unicodedata.category(letter) for letter in name}
    empty = not any(kind[0] in "LN" or kind == "So" for kind in kinds)
    numbered = f"An own name cannot contain {number and number[0]}: that is how the model counts the images."
    rules = {
        "An own name needs at least one letter.": empty,
        numbered: number is not None,
        "An own name is one line without @, ⟨ and ⟩.": _FORBIDDEN.search(name) is not None,
        f"An own name has at most {_LONGEST} characters.": len(name) > _LONGEST,
        f"Two images are called {name}.": any(_fold(other) == _fold(name) for other in others),
    }
    return next((rule for rule, broken in rules.items() if broken), "")


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).lower()


def _places(prompt: str, name: str) -> Iterator[int]:
    """Where `name` stands as a name, and not within a longer word."""
    start = prompt.find(name)
    while start >= 0:
        if not (_joined(prompt, start) or _joined(prompt, start + len(name))):
            yield start
        start = prompt.find(name, start + 1)


def _joined(prompt: str, index: int) -> bool:
    """Whether what stands before `index` and what stands after it belong to one word."""
    before, after = prompt[index - 1 : index], prompt[index : index + 1]
    if not (before and after):
        return False
    if unicodedata.category(after)[0] == "M" or _JOINER in (before, after):
        return True
    return _spaced(before) and _spaced(after)


def _spaced(letter: str) -> bool:
    """Whether this is part of a word in a script that puts spaces between them."""
    return (letter == "_" or unicodedata.category(letter)[0] in "LNM") and not _UNSPACED.match(letter)
