"""What a study varies and what it holds, from what a person wrote: a list is a factor, a dict one with named levels."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.api.params import REFERENCES, ModelSchema, normalise
from happyhorse_widgets.engine.frames import called
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.media.images import is_array
from happyhorse_widgets.text import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from happyhorse_widgets.engine.request import Reference

    #: Reads the images of one level, and keeps them.
    Keep = Callable[[Any], tuple[Reference, ...]]

#: A text longer than this stands in a label by its beginning.
_LABEL = 60
_NO_MODEL = ModelSchema("", "", ())


@dataclass(frozen=True, slots=True)
class Level:
    """One value of a factor, and what it is called: in frames, grids and legends."""

    label: str
    value: Any
    """A text, a number, True, False or None; of `references` a tuple of `Reference`, each by its content."""


@dataclass(frozen=True, slots=True)
class Factor:
    """Something that is varied, by its Python name. Labels differ, and so do values."""

    name: str
    levels: tuple[Level, ...]

    def value(self, label: str) -> Any:
        """The value of the level so called. Raises `KeyError` where there is none."""
        for level in self.levels:
            if level.label == label:
                return level.value
        raise KeyError(label)


def factors_in(given: Mapping[str, Any], keep: Keep) -> tuple[tuple[Factor, ...], dict[str, Any]]:
    """The factors, in their order, and what is fixed, by name. None is left out: the model's own default holds.

    A list, a tuple, a range or an array of one dimension is a factor, and so is a dict, whose keys are the labels of its values.
    Of `references` each level is itself a list of images, or a dict of images by their own names.

    Raises `InvalidRequest` with all problems.
    """
    factors: list[Factor] = []
    fixed: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in given.items():
        try:
            found = _references(value, keep) if name == REFERENCES else _values(name, value)
        except InvalidRequest as error:
            problems += error.problems
            continue
        if isinstance(found, Factor):
            factors.append(found)
        elif found is not None:
            fixed[name] = found
    if problems:
        raise InvalidRequest(*problems)
    return tuple(factors), fixed


def _values(name: str, given: Any) -> Any:
    if is_array(given) and given.ndim == 1:
        given = given.tolist()
    if isinstance(given, Mapping):
        return _factor(name, [(label, _plain(name, value)) for label, value in given.items()], named=True)
    if isinstance(given, list | tuple | range):
        values = [_plain(name, value) for value in given]
        return _factor(name, [(_label(value), value) for value in values])
    return _plain(name, given)


def _plain(name: str, value: Any) -> Any:
    """The value as JSON has it: whole numbers as int, NumPy's as Python's."""
    value = normalise(_NO_MODEL, {name: value})[name]
    if isinstance(value, str):
        return whole(value)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InvalidRequest(
            f"{name} has a {type(value).__name__} in it; texts, finite numbers, True, False and None can be varied."
        ) from None
    return value


def _references(given: Any, keep: Keep) -> Any:
    if given is None:
        return None
    several = (
        given.values() if isinstance(given, Mapping) else given if isinstance(given, list | tuple) else ()
    )
    sets = [isinstance(item, list | tuple | Mapping) for item in several]
    if not any(sets):
        return keep(given)
    if not all(sets):
        raise InvalidRequest(
            "references mixes images and lists of images. One set of images is [a, b]; a factor is a list of such lists."
        )
    levels: list[tuple[Any, tuple[Reference, ...]]] = []
    problems: list[str] = []
    for label, images in given.items() if isinstance(given, Mapping) else enumerate(given, 1):
        try:
            levels.append((label, keep(images)))
        except InvalidRequest as error:
            problems += [f"references {label}: {line}" for line in error.problems]
    if problems:
        raise InvalidRequest(*problems)
    if isinstance(given, Mapping):
        return _factor(REFERENCES, levels, named=True)
    return _factor(REFERENCES, [(called(images), images) for _, images in levels])


def _label(value: Any) -> str:
    if value is None:
        return "default"
    text = " ".join(str(value).split())
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 1].rstrip()}…"


def _factor(name: str, levels: Sequence[tuple[Any, Any]], *, named: bool = False) -> Factor:
    if not levels:
        raise InvalidRequest(f"{name} is empty: a factor has at least one level.")
    counts = Counter(_identity(name, value) for _, value in levels)
    if len(counts) < len(levels):
        twice = next(label for label, value in levels if counts[_identity(name, value)] > 1)
        raise InvalidRequest(f"{name} has the level {twice} twice: each is run once, so give each once.")
    labels = [label for label, _ in levels]
    if named and not all(
        isinstance(label, str) and label.strip() and label.isprintable() for label in labels
    ):
        raise InvalidRequest(f"The levels of {name} are called by texts of one line, such as {{'calm': …}}.")
    unique = labels if named else _apart(labels)
    return Factor(
        name, tuple(Level(whole(label), value) for label, (_, value) in zip(unique, levels, strict=True))
    )


def _identity(name: str, value: Any) -> str:
    if name == REFERENCES:
        value = [(image.alias, image.sha256 or image.asset_id) for image in value]
    return json.dumps(value)


def _apart(labels: Sequence[str]) -> list[str]:
    """The labels, of equal ones the later with their number."""
    found: list[str] = []
    for label in labels:
        numbers = (f"{label} ({number})" for number in range(2, len(labels) + 1))
        found.append(label if label not in found else next(each for each in numbers if each not in found))
    return found
