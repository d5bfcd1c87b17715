"""What was asked: the request and its reference images, in a form that can be kept, shown and sent again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote, urlsplit

from PIL import Image

from happyhorse_widgets.api.params import renamed, wire_body
from happyhorse_widgets.errors import InvalidImage, InvalidRequest
from happyhorse_widgets.media.images import MEDIA_TYPES, ReferenceImage, is_array, load_image, require_large
from happyhorse_widgets.text import whole

from .addresses import checked_address
from .aliases import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from happyhorse_widgets.api.params import ModelSchema

#: What may stand for a reference image: a path, an http(s) address, the bytes of a file, a PIL image, a numpy array
#: (height, width[, 3 or 4]), a Scenario asset id, or an image that was loaded before.
ReferenceSource: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview"
    " | Image.Image | np.ndarray[Any, Any] | ReferenceImage | Reference"
)

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ASSET_ID = re.compile(r"asset_[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference image of a request.

    Known by its content (`sha256`, with the bytes kept in the home), by a Scenario asset (`asset_id`), or, until it was
    fetched, by an address (`url`). `width` and `height` are in pixels as shown, 0 where not known. `clip_id` names the clip
    that it is a frame of, `alias` is the person's own name for it.
    """

    name: str
    sha256: str | None = None
    media_type: str | None = None
    width: int = 0
    height: int = 0
    asset_id: str | None = None
    url: str | None = field(default=None, repr=False)  # it may be signed
    clip_id: str | None = None
    alias: str = ""

    def __post_init__(self) -> None:
        for name in ("name", "alias"):
            object.__setattr__(self, name, whole(getattr(self, name)))

    @property
    def file(self) -> str | None:
        """Where its bytes are in a home, relative to it; None where they are elsewhere."""
        extension = MEDIA_TYPES.get(self.media_type or "")
        # A library may come from somebody else: what is no hash leads nowhere.
        if extension is None or not _SHA256.fullmatch(self.sha256 or ""):
            return None
        return f"images/{self.sha256}.{extension}"

    @classmethod
    def of(cls, image: ReferenceImage) -> Reference:
        """The reference that stands for a loaded image."""
        return cls(
            image.name,
            image.sha256,
            image.media_type,
            image.width,
            image.height,
            clip_id=image.clip_id,
            alias=image.alias,
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What a clip was asked to be. `seed` None leaves the choice to the model.

    `inputs` are the other inputs of a model that has more than these. `fields` says what the model calls those that it has
    under another name: `{"aspect_ratio": "ratio"}`.
    """

    prompt: str
    references: tuple[Reference, ...]
    model: str
    aspect_ratio: str | None = None
    resolution: str | None = None
    duration: int | None = None
    seed: int | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt", whole(self.prompt))

    def values(self) -> dict[str, Any]:
        """The parameters by their Python names, without references and model."""
        return {name: getattr(self, name) for name in PARAMETERS} | self.inputs

    def in_schema(self, schema: ModelSchema) -> ModelSchema:
        """The schema of its model, in the names that this request uses."""
        return renamed(schema, self.fields) if self.fields else schema

    def body(self, schema: ModelSchema, asset_ids: Sequence[str]) -> dict[str, Any]:
        """What is sent to the model that has this schema."""
        return wire_body(self.in_schema(schema), self.wire_values(), asset_ids)

    def wire_values(self) -> dict[str, Any]:
        """`values` as they are sent: the prompt with characterN for each own name."""
        names = [item.alias for item in self.references]
        return {**self.values(), "prompt": resolve(self.prompt, names)}

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        references = [{f.name: getattr(item, f.name) for f in fields(Reference)} for item in self.references]
        given = {name: getattr(self, name) for name in PARAMETERS}
        more = {name: dict(value) for name in ("inputs", "fields") if (value := getattr(self, name))}
        return {**given, **more, "model": self.model, "references": references}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Request:
        """What `to_dict` gave."""
        return cls(**{**data, "references": tuple(Reference(**item) for item in data["references"])})

    def content(self) -> dict[str, Any]:
        """What makes two requests the same: what would be sent, with the images by their content, whatever they are called."""
        images = [item.sha256 or item.asset_id or item.name for item in self.references]
        values = {name: value for name, value in self.wire_values().items() if value is not None}
        return {**values, "references": images, "model": self.model, "fields": self.fields}

    def without_addresses(self) -> Request:
        """The same request for keeping: what was to be fetched may have been signed, so only its name stays."""
        return replace(self, references=tuple(replace(item, url=None) for item in self.references))

    def with_reference(self, index: int, reference: Reference) -> Request:
        """The same request with another reference at `index`."""
        references = list(self.references)
        references[index] = reference
        return replace(self, references=tuple(references))


#: What every request has beside its references and its model.
PARAMETERS = ("prompt", "aspect_ratio", "resolution", "duration", "seed")

#: What can be gone through, or looks like it, but is one image.
_SINGLE = (
    str,
    bytes,
    bytearray,
    memoryview,
    os.PathLike,
    Image.Image,
    ReferenceImage,
    Reference,
)


def listed(sources: Iterable[ReferenceSource]) -> list[ReferenceSource]:
    """The sources as a list, of a mapping its values.

    Raises `InvalidRequest` for one image, where several are asked for, and for no images at all.
    """
    if isinstance(sources, Mapping):
        return list(sources.values())
    if isinstance(sources, _SINGLE) or is_array(sources) or not isinstance(sources, Iterable):
        shown = type(sources).__name__
        if isinstance(sources, str | os.PathLike) and "://" not in str(sources):  # an address may be signed
            shown = f"{sources!s:.60}"
        raise InvalidRequest(
            f"references is not a list ({shown}). Put the images in one, also a single one: [image]."
        )
    return list(sources)


def own_names(sources: Mapping[str, ReferenceSource] | Sequence[ReferenceSource]) -> tuple[str, ...]:
    """The person's own names for the images, in their order, "" where there is none.

    A mapping gives them as its keys; one of its images that has none is called what the model calls it, as in
    `{"Fox": "fox.png", "character2": "ada.png"}`.
    """
    if isinstance(sources, Mapping):
        return tuple("" if name == f"character{n}" else str(name) for n, name in enumerate(sources, 1))
    return tuple(source.alias if isinstance(source, Reference | ReferenceImage) else "" for source in sources)


def bytes_of(source: Any) -> int | None:
    """How many bytes an image has, where they are at hand; else None."""
    return len(source.data) if isinstance(source, ReferenceImage) else None


def read_references(
    sources: Iterable[ReferenceSource], *, keep_metadata: bool = False
) -> list[Reference | ReferenceImage]:
    """Turn what a person gave into images, or into references where the bytes are elsewhere. See `read_reference`.

    The keys of a mapping become the images' own names (`alias`).

    Raises `InvalidRequest` where it is no list, and `InvalidImage` that names every source that cannot be used, counted as
    in the prompt (character1 …).
    """
    found: list[Reference | ReferenceImage] = []
    problems: list[str] = []
    for number, source in enumerate(listed(sources), 1):
        try:
            found.append(read_reference(source, keep_metadata=keep_metadata))
        except InvalidImage as error:
            problems += [f"character{number}: {line}" for line in error.problems]
    if problems:
        raise InvalidImage(*problems)
    if isinstance(sources, Mapping):
        return [replace(item, alias=name) for item, name in zip(found, own_names(sources), strict=True)]
    return found


def read_reference(source: ReferenceSource, *, keep_metadata: bool = False) -> Reference | ReferenceImage:
    """Turn one source into an image, or into a reference where the bytes are elsewhere. Raises `InvalidImage`.

    What a file says beside its picture (place, camera …) is taken out unless `keep_metadata` is set; an image that was loaded
    before stays as it is, and one that is still to be fetched always comes without.
    """
    found = _found(source, keep_metadata)
    require_large(found.name, found.width, found.height)
    return found


def _found(source: ReferenceSource, keep_metadata: bool) -> Reference | ReferenceImage:
    if isinstance(source, Reference | ReferenceImage):
        return source
    if isinstance(source, str):
        if _ASSET_ID.fullmatch(source):
            return Reference(name=source, asset_id=source)
        if "://" in source:
            name = name_in(source)
            checked_address(source, name=name)
            return Reference(name=name, url=source)
    return load_image(source, keep_metadata=keep_metadata)


def advice(references: Sequence[Reference | ReferenceImage]) -> tuple[str, ...]:
    """What is only advised against, one line for each image it concerns."""
    return tuple(
        f"character{number}: {line}"
        for number, item in enumerate(references, 1)
        if isinstance(item, ReferenceImage)
        for line in item.warnings
    )


def name_in(url: str) -> str:
    """What an image is called after its address: the last part of the path, without what may be secret around it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "image"
    path = unquote(parts.path).partition(";")[0].rstrip("/") if parts.netloc else ""
    return path.rpartition("/")[2] or "image"
