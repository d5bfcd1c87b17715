"""`__all__` is the public surface: all of it can be imported, is documented, and nothing else shows."""

from __future__ import annotations

import inspect
import subprocess
import sys
import types
from collections.abc import Iterator

import pytest

import happyhorse_widgets as hh
from tests.absent import HIDE


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


WITHOUT_THE_EXTRA = f"""
{HIDE}
from happyhorse_widgets import *
import happyhorse_widgets as hh
for name in ("agreement", "duels", "figures", "rankings", "win_matrix"):
    try:
        getattr(hh, name)
    except hh.errors.MissingExtra as error:
        print(name, error)
"""


def test_without_the_extra_what_needs_it_says_so_and_the_rest_works() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    said = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert sorted(said) == ["agreement", "duels", "figures", "rankings", "win_matrix"]
    assert all("""pip install "happyhorse_widgets[research]""" in words for words in said.values())
