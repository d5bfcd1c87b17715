"""The clips that take part in blind comparisons: from what a person gives to entries with a level each."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.library.ballots import Side
from happyhorse_widgets.library.folding import writable

from .pairing import Entry

if TYPE_CHECKING:
    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.session import Session

FACTORS = ("prompt", "references", "seed", "aspect_ratio", "resolution", "duration", "model")

Contenders: TypeAlias = "Iterable[Clip | str]"
By: TypeAlias = "str | Mapping[str, Contenders] | Callable[[Clip], object]"


@dataclass(frozen=True, slots=True)
class Field:
    """Who takes part: `factor` is what makes the levels, or None where it is no parameter; `left_out` says why others do not."""

    entries: tuple[Entry, ...]
    factor: str | None
    left_out: Mapping[str, str]


def field_of(session: Session, clips: Any, by: By) -> Field:
    """The entries of `clips` (clips, their ids, or a sweep) with the level that `by` gives to each.

    Raises `InvalidRequest` for a factor that does not exist, and for what is no clip of the session's library.
    """

    def find(one: Clip | str) -> Clip:  # a clip of another library is none of this one
        return session.clip(one if isinstance(one, str) else one.id)

    found = {clip.id: clip for clip in clips_of(clips, find)}
    level_of = _levels(clips, by, find, inputs={name for clip in found.values() for name in inputs_of(clip)})
    entries: list[Entry] = []
    left_out: dict[str, str] = {}
    for _, clip in sorted(found.items()):
        level = level_of(clip)
        if clip.path is None or clip.sha256 is None:
            left_out[clip.id] = f"it has no video ({clip.state})"
        elif level is None:
            left_out[clip.id] = "it is of no level"
        else:
            entries.append(Entry(Side(clip.id, clip.sha256, writable(level)), factors_of(clip)))
    return Field(tuple(entries), by if isinstance(by, str) else None, left_out)


def factors_of(clip: Clip) -> dict[str, str]:
    """What the clip was asked to be, as texts that are equal where the request is."""
    request = clip.request
    told = {name: str(getattr(request, name)) for name in FACTORS} | inputs_of(clip)
    return told | {
        "references": " ".join(item.sha256 or item.asset_id or item.name for item in request.references)
    }


def inputs_of(clip: Clip) -> dict[str, str]:
    """The inputs of its model beside the `FACTORS`, as such texts; one that was left to the model is not among them."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
        for name, value in sorted(clip.request.inputs.items())
        if value is not None
    }


def clips_of(given: Any, find: Callable[[Any], Clip]) -> Iterator[Clip]:
    """The clips that a person gave: one or several, their ids, or a sweep; `find` gives the clip for each.

    Raises `InvalidRequest` for one that `find` does not know.
    """
    given = getattr(given, "clips", given)
    if isinstance(given, str) or not isinstance(given, Iterable):
        given = [given]
    for one in given:
        try:
            yield find(one)
        except (KeyError, AttributeError, TypeError):
            raise InvalidRequest(
                f"{one!r:.80} is no clip of this session's library. Give clips, their ids, or a sweep."
            ) from None


def _levels(
    clips: Any, by: By, find: Callable[[Any], Clip], inputs: Collection[str]
) -> Callable[[Clip], str | None]:
    """A function that gives a clip's level; None for one that has none. `inputs` are those of the clips' models."""
    if isinstance(by, Mapping):
        chosen: dict[str, str] = {}
        for name, members in by.items():
            for clip in clips_of(members, find):
                if chosen.setdefault(clip.id, str(name)) != str(name):
                    raise InvalidRequest(
                        f"Clip {clip.id} is in two levels, {chosen[clip.id]!r} and {name!r}."
                    )
        return lambda clip: chosen.get(clip.id)
    if not isinstance(by, str):
        return lambda clip: None if (level := by(clip)) is None else str(level)
    named: dict[str, str] = {}
    for cell in getattr(clips, "cells", ()):
        if cell.clip is not None and by in cell.levels:
            named.setdefault(cell.clip.id, str(cell.levels[by]))
    known = (*FACTORS, *sorted(inputs))
    if not named and by not in known:
        raise InvalidRequest(
            f"There is no factor {by!r}. Compare by {', '.join(known)}, or give a dict of clips by level, or a function."
        )
    return lambda clip: named.get(clip.id) or _told(clip, by)


def _told(clip: Clip, factor: str) -> str | None:
    """The level by a parameter: in words where it was left to the model, or is a set of no images."""
    if factor == "references":
        return factors_of(clip)[factor] or "no references"
    return "default" if getattr(clip.request, factor, "") is None else factors_of(clip).get(factor, "default")
