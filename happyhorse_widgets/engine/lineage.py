"""Where clips come from: made anew from another one's settings, or going on from a frame of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from happyhorse_widgets.library.clips import ClipRecord

    from .request import Request

#: The same settings with a change; the same settings, and another seed.
REUSED: Final = "reused"
VARIED: Final = "varied"
#: A frame of the other clip is among the references.
CONTINUED: Final = "continued"


@dataclass(frozen=True, slots=True)
class Origin:
    """A clip that another one comes from.

    `relation` is "reused", "varied" or "continued". `presence` says what has become of the clip `clip_id`: "here", "deleted", or
    "missing" where it is not in this library; "" where that cannot be known, because the session was closed.
    """

    relation: str
    clip_id: str
    presence: str = "here"


def origins(record: ClipRecord, request: Request) -> list[tuple[str, str]]:
    """The relations and ids of the clips that a clip comes from, each pair once, the parent first."""
    return list(dict.fromkeys(_origins(record, request)))


def _origins(record: ClipRecord, request: Request) -> Iterator[tuple[str, str]]:
    if record.parent is not None:
        yield record.relation or REUSED, record.parent
    for reference in request.references:
        if reference.clip_id is not None:
            yield CONTINUED, reference.clip_id


def relation_between(request: Request, parent: Request) -> str:
    """`VARIED` where a request differs from that of its parent in nothing but the seed, else `REUSED`."""
    return VARIED if _without_seed(request) == _without_seed(parent) else REUSED


def _without_seed(request: Request) -> tuple[Request, list[str]]:
    # The same image may have come under another name, or as a frame.
    images = [item.sha256 or item.asset_id or item.name for item in request.references]
    return replace(request, seed=None, references=()), images
