"""What lies on a Studio's desk: its settings and images as one thing that can be filled from elsewhere, and put back."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

from happyhorse_widgets.engine.request import Reference
from happyhorse_widgets.errors import HappyHorseError
from happyhorse_widgets.media.images import ReferenceImage, load_image

from .tray import Lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

PARAMETERS: Final = ("aspect_ratio", "resolution", "duration", "seed")
#: What a person sets, beside the images and their own names.
SETTINGS: Final = ("prompt", *PARAMETERS, "seed_mode", "variations", "model", "keep_metadata", "parent")
#: What a preset keeps.
PRESET: Final = (*PARAMETERS, "seed_mode", "variations", "model")


class Filler:
    """Fills a desk, says what it was filled from, and can put back what was there before.

    `read` gives all that is on the desk. `write` sets some of it, and gives what could not be set, in words. `show` is given the
    line that says what happened: `id` and `text`, or nothing.
    """

    def __init__(
        self,
        read: Callable[[], dict[str, Any]],
        write: Callable[[Mapping[str, Any]], str],
        show: Callable[[dict[str, Any]], None],
    ) -> None:
        self._read = read
        self._write = write
        self._show = show
        self._before: dict[str, Any] | None = None
        self._parent: str | None = None
        self._text = ""
        self._numbers = itertools.count(1)

    def fill(self, values: Mapping[str, Any], text: str) -> None:
        """Set `values`, and say so."""
        self._before, self._parent, self._text = self._read(), values.get("parent"), text
        left = ""
        try:
            left = self._write(values)
        finally:
            self.add(left)

    def add(self, words: str) -> None:
        """Say something more about the last filling, unless its line is gone."""
        if self._before is not None:
            self._text = f"{self._text} {words}".strip()
            self._show({"id": next(self._numbers), "text": self._text})

    def undo(self) -> None:
        """Put back what was there before the last filling; what was set up since then can be put back in turn."""
        if self._before is None:
            self._show({})
        else:
            self.fill(self._before, "What was set up before is back.")

    def used(self, parent: str) -> None:
        """Note that a clip was made from `parent`: a line that announces just that has been heeded."""
        if parent == self._parent:
            self.dismiss()

    def dismiss(self) -> None:
        """Stop saying it."""
        self._before = self._parent = None
        self._show({})


def packed(references: Iterable[ReferenceImage | Reference]) -> list[dict[str, Any]]:
    """References as plain JSON types, for keeping; no bytes, and no address, which may be signed."""
    kept = (Reference.of(item) if isinstance(item, ReferenceImage) else item for item in references)
    return [
        {each.name: getattr(item, each.name) for each in fields(Reference) if each.name != "url"}
        for item in kept
    ]


def unpacked(
    data: Iterable[Mapping[str, Any]], home: Path
) -> tuple[list[ReferenceImage | Reference | Lost], int]:
    """The images of what `packed` gave, each in its place, and how many of them are lost. Reads their files in `home`."""
    known = {each.name for each in fields(Reference)}
    asked = [Reference(**{name: value for name, value in item.items() if name in known}) for item in data]
    found = [opened(reference, home) for reference in asked]
    return found, sum(isinstance(image, Lost) for image in found)


def opened(reference: Reference, home: Path) -> ReferenceImage | Reference | Lost:
    """The image that a reference is about, read from `home`, or an asset of Scenario's; `Lost` where neither is there.

    The image is without what its file says beside the picture; the whole file is `given`, where that is to be kept.
    """
    reason = "It was not kept."
    if reference.file is not None:
        file = home / reference.file
        try:
            image = load_image(file, name=reference.name)
        except HappyHorseError:
            there = file.exists()
            reason = f"Its file {'cannot be read' if there else 'is not in this folder'} any more."
        else:
            return replace(image, alias=reference.alias, clip_id=reference.clip_id)
    if reference.asset_id is not None:
        return reference
    return Lost(reference, f"{reason} Replace it, or remove it.")
