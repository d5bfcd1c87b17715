"""The kinds of traits that a Studio's settings are."""

from __future__ import annotations

from typing import Any, Final

import traitlets

from happyhorse_widgets.engine.request import read_references
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.text import whole

from .tray import MOST

#: The settings that follow the model's defaults until they are set.
FOLLOWING: Final = ("aspect_ratio", "resolution", "duration")


class References(traitlets.TraitType[Any, Any]):
    """A tuple of checked images, from anything that `generate` takes."""

    info_text = "a list of images"

    def validate(self, _obj: Any, value: Any) -> tuple[Any, ...]:
        found = tuple(read_references(value))
        if len(found) > MOST:
            raise InvalidRequest(f"references has {len(found)} images; {MOST} are the most.")
        return found

    def set(self, obj: Any, value: Any) -> None:
        super().set(obj, value)
        obj._show_only(getattr(obj, str(self.name)))

    def tell(self, obj: Any, images: Any) -> None:
        """Say which images are here, where nobody gives any."""
        super().set(obj, images)


class Text(traitlets.Unicode[Any, Any]):
    """A text of at most `most` characters that can be sent and kept."""

    def __init__(self, *given: Any, most: int = 200, **more: Any) -> None:
        self._most = most
        super().__init__(*given, **more)

    def validate(self, obj: Any, value: Any) -> str:
        text = whole(str(super().validate(obj, value)))
        if len(text) > self._most:
            what = self.name or "An own name"
            raise InvalidRequest(f"{what} has {len(text):,} characters; at most {self._most:,} are taken.")
        return text


class _Follows(traitlets.TraitType[Any, Any]):
    """A setting that is the model's default until somebody sets it, be it to that very value: what was chosen stays.

    Its Studio keeps in `_following` the names of those that nobody has set.
    """

    def set(self, obj: Any, value: Any) -> None:
        self._validate(obj, value)  # what is refused is not set
        obj._following = tuple(name for name in obj._following if name != self.name)
        super().set(obj, value)

    def follow(self, obj: Any, default: Any) -> None:
        """Be the model's default, for as long as nobody sets it."""
        super().set(obj, default)


class Choice(_Follows, Text):
    """A text that follows the model."""


class Seconds(_Follows, traitlets.Int[Any, Any]):
    """A whole number of seconds that follows the model."""


def still_following(kept: Any) -> tuple[str, ...]:
    """The settings that follow the model, of what was kept; none where that cannot be read."""
    return tuple(name for name in FOLLOWING if name in kept) if isinstance(kept, list | tuple) else ()
