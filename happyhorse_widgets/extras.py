"""The libraries that research needs, and one clear error where they are not installed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import MissingExtra

if TYPE_CHECKING:
    from types import ModuleType


def needs(module: str) -> ModuleType:
    """The library called `module` ("pandas", "matplotlib.pyplot"), imported now.

    Raises `MissingExtra` that says what to install; a library that is there and fails to import raises what it raises.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        # Something else may be missing within a library that is there.
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
    raise missing(module)


def missing(module: str) -> MissingExtra:
    """The error that says how to install what `module` belongs to."""
    return MissingExtra(
        f'{module.partition(".")[0]} is not installed. It comes with the extra "research": '
        'pip install "happyhorse_widgets[research]"'
    )
