"""`__all__` is the public surface: all of it can be imported, is documented, and nothing else shows."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator

import pytest

import happyhorse_widgets as hh


def public_members(cls: type) -> Iterator[tuple[str, object]]:
    """The public methods and properties that our own classes, not their bases, bring along."""
    for base in cls.__mro__:
        if base.__module__.startswith("happyhorse_widgets"):
            for name, member in vars(base).items():
                if not name.startswith("_") and isinstance(
                    member, types.FunctionType | property | classmethod | staticmethod
                ):
                    yield f"{base.__name__}.{name}", member


@pytest.mark.parametrize("name", hh.__all__)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    public = getattr(hh, name)
    if isinstance(public, str):  # __version__
        return
    assert (inspect.getdoc(public) or "").strip(), f"hh.{name} has no docstring"
    if inspect.isclass(public):
        bare = [
            member for member, value in public_members(public) if not (inspect.getdoc(value) or "").strip()
        ]
        assert bare == []


def test_all_has_no_doubles_and_dir_shows_it() -> None:
    assert len(set(hh.__all__)) == len(hh.__all__)
    assert set(hh.__all__) <= set(dir(hh))


def test_nothing_public_hides_outside_all() -> None:
    for name in hh.__all__:
        getattr(hh, name)
    ours = {
        name
        for name, value in vars(hh).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("happyhorse_widgets")
    }
    # IPython calls this hook by its name; it is no part of the surface that people use.
    assert ours - {"load_ipython_extension"} <= set(hh.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        hh.no_such_name  # noqa: B018
