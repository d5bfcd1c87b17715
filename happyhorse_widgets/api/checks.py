"""Is a request allowed? All that is wrong with it at once, in a person's words, before anything is sent."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from happyhorse_widgets.api.params import REFERENCES, normalise, snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from happyhorse_widgets.api.params import Field, ModelSchema

# ASCII boundaries, so that a mention may touch Chinese text; the case is free, as a sentence may begin with
# one.
MENTION = re.compile(r"(?<![A-Za-z0-9_])character([0-9]+)(?![A-Za-z0-9_])", re.IGNORECASE | re.ASCII)
#: What stands in a prompt for an image that was removed.
REMOVED = re.compile(r"⟨removed: ([^⟨⟩\n]*)⟩")
#: The names that every request has, given or not.
_OWN = frozenset(field.name for schema in snapshots() for field in schema.fields)
_ADVICE = {"seed": " Leave it out for a random one."}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (error) or unwise (warning) with the field of the Python name `field`."""

    field: str
    severity: Literal["error", "warning"]
    message: str


def mentions(prompt: str) -> tuple[str, ...]:
    """The digits of each characterN in `prompt`, once each, in order. Character1 counts as well."""
    return tuple(dict.fromkeys(match[1] for match in MENTION.finditer(REMOVED.sub("⟨⟩", prompt))))


def check(
    schema: ModelSchema, values: Mapping[str, Any], *, references: int, names: Sequence[str] = ()
) -> tuple[Problem, ...]:
    """Every problem of a request for `values` (by Python names; None: not given) with `references` images.

    The prompt is the one that is sent. `names` are the images' own names in their order, for the messages only.
    """
    normal = normalise(schema, values)
    problems = [*_check_names(schema, normal)]
    for field in schema.fields:
        if field.name == REFERENCES:
            problems += _check_count(field, references)
            continue
        value = normal.get(field.name)
        if value is not None:
            problems += [Problem(field.name, "error", text) for text in _check_value(schema, field, value)]
        elif field.required and field.default is None:
            problems.append(Problem(field.name, "error", f"{field.name} is missing: it must be given."))
    field_of_images, prompt = schema.field(REFERENCES), normal.get("prompt")
    if field_of_images is None and references:
        problems.append(Problem(REFERENCES, "error", f"{schema.name} takes no reference images."))
    elif field_of_images is not None and isinstance(prompt, str):
        problems += _check_mentions(field_of_images, prompt, references, names)
    return tuple(problems)


def _check_names(schema: ModelSchema, values: Mapping[str, Any]) -> Iterator[Problem]:
    known = {field.name: field.name for field in schema.fields}
    spellings = known | {field.wire: field.name for field in schema.fields}
    for name, value in values.items():
        # Also a model that does not know the seed is asked without one; a misspelt name is wrong whatever its value.
        if name in known or (value is None and name in _OWN):
            continue
        close = [known_name for known_name in known if name.lower() in known_name.split("_")]
        close = close or difflib.get_close_matches(name, spellings, n=1, cutoff=0.5)
        hint = f" Did you mean {spellings[close[0]]}?" if close else f" It has {', '.join(known)}."
        yield Problem(name, "error", f"{schema.name} has no setting called {_shown(name)}.{hint}")


def _check_count(field: Field, count: int) -> Iterator[Problem]:
    least, most = field.min_length or 0, field.max_length
    allowed = f"{least} to {most}" if most is not None else f"{least} or more"
    if count < least:
        given = "No reference image was given" if count == 0 else f"Only {_images(count)} were given"
        yield Problem(field.name, "error", f"{given}; the model takes {allowed}: add {least - count}.")
    elif most is not None and count > most:
        yield Problem(
            field.name,
            "error",
            f"{count} reference images were given; the model takes {allowed}: leave out {count - most}.",
        )


def check_sizes(
    schema: ModelSchema, sizes: Sequence[int | None], names: Sequence[str] = ()
) -> tuple[Problem, ...]:
    """An error for each image that is larger than the model takes. `sizes` are in bytes, None where not known.

    `names` are the images' own names in their order, for the messages only.
    """
    field = schema.field(REFERENCES)
    most = field.max_size if field is not None else None
    if most is None:
        return ()
    return tuple(
        Problem(
            REFERENCES,
            "error",
            f"{_called(number, names)} has {size:,} bytes; the model takes at most {most:,} for each image."
            " Shrink it, or save it as JPEG.",
        )
        for number, size in enumerate(sizes, 1)
        if size is not None and size > most
    )


def _check_value(schema: ModelSchema, field: Field, value: Any) -> Iterator[str]:
    if field.type == "number":
        yield from _check_number(field, value)
    elif field.type == "boolean" and not isinstance(value, bool):
        yield f"{field.name} must be True or False; {_shown(value)} was given."
    elif field.type == "string" and not isinstance(value, str):
        example = f", such as {_shown(field.allowed[0])}" if field.allowed else ""
        yield f"{field.name} must be text{example}; {_shown(value)} was given."
    elif field.type == "string" and not field.allowed:
        yield from _check_text(field, value)
    elif field.allowed and value not in field.allowed:
        choices = ", ".join(str(choice) for choice in field.allowed)
        yield f"{field.name} {_shown(value)} is not one of {choices}.{_elsewhere(schema, field, value)}"


def _check_number(field: Field, value: Any) -> Iterator[str]:
    is_number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    is_number = is_number and not isinstance(value, bool)
    low, high, first = field.minimum, field.maximum, _exact(field.minimum or 0)
    step = _exact(field.step) if field.step else None
    whole = step is not None and step.denominator == first.denominator == 1
    fits = is_number and (
        (low is None or value >= low)
        and (high is None or value <= high)
        and (step is None or (_exact(value) - first) % step == 0)
        and (not field.allowed or value in field.allowed)
    )
    if fits:
        return
    allowed = "a whole number" if whole else "a number"
    if field.allowed:
        allowed = "one of " + ", ".join(str(choice) for choice in field.allowed)
    elif low is not None and high is not None:
        allowed += f" from {_figure(low)} to {_figure(high)}"
    elif low is not None:
        allowed += f" from {_figure(low)} up"
    elif high is not None:
        allowed += f" up to {_figure(high)}"
    if not field.allowed and step is not None and not (whole and step == 1):
        allowed += f" in steps of {_figure(float(step))}{' from 0' if low is None else ''}"
    yield f"{field.name} must be {allowed}; {_shown(value)} was given.{_ADVICE.get(field.name, '')}"


def _check_text(field: Field, text: str) -> Iterator[str]:
    least, most = field.min_length or 0, field.max_length
    if not text.strip():
        if least or field.required:
            yield f"{field.name} is empty: say what should happen, in words."
    elif len(text) < least:
        yield f"{field.name} has {_characters(len(text))}; at least {least} are needed."
    elif most is not None and len(text) > most:
        yield (
            f"{field.name} has {_characters(len(text))}; at most {most:,} are allowed:"
            f" shorten it by {len(text) - most:,}."
        )


def _check_mentions(field: Field, prompt: str, references: int, names: Sequence[str]) -> Iterator[Problem]:
    for name in dict.fromkeys(REMOVED.findall(prompt)):
        yield Problem(
            "prompt",
            "error",
            f"{name or 'An image'} was removed, but the prompt still mentions it: add it again, or write another mention.",
        )
    found = mentions(prompt)
    for digits in found:
        message = _mention_problem(field, digits, references)
        if message:
            yield Problem("prompt", "error", message)
    missing = [_called(n, names) for n in range(1, min(references, 100) + 1) if str(n) not in found]
    if missing and prompt.strip():
        verb = "is" if len(missing) == 1 else "are"
        yield Problem(
            "prompt",
            "warning",
            f"{', '.join(missing)} {verb} never mentioned in the prompt, so the model may leave"
            f" {'that image' if len(missing) == 1 else 'those images'} out. Mention or remove"
            f" {'it' if len(missing) == 1 else 'them'}.",
        )


def _called(number: int, names: Sequence[str]) -> str:
    own = names[number - 1] if number <= len(names) else ""
    return f"character{number} ({own})" if own else f"character{number}"


def _mention_problem(field: Field, digits: str, references: int) -> str:
    shown = f"character{digits[:12]}{'…' if len(digits) > 12 else ''}"
    if digits.startswith("0"):
        return f"The prompt mentions {shown}, but images are counted from 1: write character1 for the first."
    if len(digits) <= 12 and int(digits) <= references:
        return ""
    most = field.max_length
    if most is not None and (len(digits) > 12 or int(digits) > most):
        names = f"character1 to character{most}"
        return f"The prompt mentions {shown}, but the model takes at most {most} images: {names}."
    if references == 0:
        return f"The prompt mentions {shown}, but there is no image: add one, or take the mention out."
    names = "character1" if references == 1 else f"character1 to character{references}"
    verb = "is" if references == 1 else "are"
    return (
        f"The prompt mentions {shown}, but there {verb} {_images(references)} ({names}): add the missing"
        f" {'image' if int(digits) == references + 1 else 'images'}, or mention one that is there."
    )


def _elsewhere(schema: ModelSchema, field: Field, value: Any) -> str:
    for other in snapshots():
        same = other.field(field.name)
        if other.model_id != schema.model_id and same is not None and value in same.allowed:
            return f' {other.name} has it: choose model="{other.model_id}".'
    return ""


def _images(count: int) -> str:
    return "1 reference image" if count == 1 else f"{count} reference images"


def _characters(count: int) -> str:
    return "1 character" if count == 1 else f"{count:,} characters"


def _exact(number: float) -> Fraction:
    """A number as it is written: 0.3 is three steps of 0.1."""
    return Fraction(number if isinstance(number, int) else repr(number))


def _figure(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, (bool, int, float)):
        text = str(value) if not isinstance(value, int) or abs(value) < 10**40 else "a huge number"
    else:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:59] + "…"
