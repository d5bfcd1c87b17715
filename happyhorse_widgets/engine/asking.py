"""From what a person gave to a request that can be sent, or to all that is wrong with it at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.api.checks import Problem, check, check_sizes
from happyhorse_widgets.api.params import REFERENCES, ModelSchema, normalise, renamed
from happyhorse_widgets.errors import InvalidImage, InvalidRequest
from happyhorse_widgets.media.images import ReferenceImage

from .aliases import name_problems, resolve
from .request import PARAMETERS, Reference, Request, advice, bytes_of, listed, own_names, read_references

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .request import ReferenceSource


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked request, the images it is about whose bytes are at hand, and what is only advised against."""

    request: Request
    images: tuple[ReferenceImage, ...]
    warnings: tuple[str, ...]


def ask(
    schema: ModelSchema,
    prompt: str,
    references: Iterable[ReferenceSource],
    values: Mapping[str, Any],
    *,
    has: Callable[[Reference], bool],
    keep_metadata: bool = False,
    fields: Mapping[str, str] | None = None,
) -> Asked:
    """Check everything; reads image files. `has` says whether a reference by content can be used in this library.

    What image files say beside their picture is left out unless `keep_metadata` is set. `fields` are what the model calls the
    inputs that have another name here (see `Request`).

    Raises `InvalidRequest` with all problems; `InvalidImage` where only images are wrong.
    """
    sources = references if isinstance(references, Mapping) else listed(references)
    names = own_names(sources)
    schema = renamed(schema, fields or {})
    found = check_named(schema, {"prompt": prompt, **values}, names)
    errors = [problem for problem in found if problem.severity == "error"]
    images: list[Reference | ReferenceImage] = []
    broken: tuple[str, ...] = ()
    if all(problem.field != REFERENCES for problem in errors):  # too many are not even read
        try:
            images = _usable(sources, has, keep_metadata)
            large = check_sizes(schema, [bytes_of(image) for image in images], names)
            broken = tuple(problem.message for problem in large)
        except InvalidImage as error:
            broken = error.problems
    if errors:
        raise InvalidRequest(*(problem.message for problem in errors), *broken)
    if broken:
        raise InvalidImage(*broken)
    normal = {name: value for name, value in normalise(schema, values).items() if value is not None}
    given = {name: normal.pop(name) for name in PARAMETERS if name in normal}
    _require_plain(normal)
    kept = tuple(Reference.of(image) if isinstance(image, ReferenceImage) else image for image in images)
    return Asked(
        request=Request(
            prompt=prompt,
            references=kept,
            model=schema.model_id,
            inputs=normal,
            fields=dict(fields or {}),
            **given,
        ),
        images=tuple(image for image in images if isinstance(image, ReferenceImage)),
        warnings=(*advice(images), *(problem.message for problem in found)),
    )


def check_named(schema: ModelSchema, values: Mapping[str, Any], names: Sequence[str]) -> list[Problem]:
    """Every problem of a request for as many images as there are `names`, of which "" is none, and of the names."""
    prompt = values.get("prompt")
    if isinstance(prompt, str):
        values = {**values, "prompt": resolve(prompt, names)}
    problems = [Problem(REFERENCES, "error", line) for line in name_problems(names)]
    return [*problems, *check(schema, values, references=len(names), names=names)]


def _require_plain(inputs: Mapping[str, Any]) -> None:
    for name, value in inputs.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise InvalidRequest(
                f"{name} is a {type(value).__name__}; a text, a number, True, False or a list of these can be sent."
            ) from None


def _usable(
    sources: Iterable[ReferenceSource], has: Callable[[Reference], bool], keep_metadata: bool
) -> list[Reference | ReferenceImage]:
    images = read_references(sources, keep_metadata=keep_metadata)
    lost = [
        f"character{number}: {image.name} is not in this library any more. Give the image itself."
        for number, image in enumerate(images, 1)
        if isinstance(image, Reference) and not has(image)
    ]
    if lost:
        raise InvalidImage(*lost)
    return images
