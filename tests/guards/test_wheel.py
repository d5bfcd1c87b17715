"""What a wheel carries, and what it leaves out."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    target = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = target.glob("*.whl")
    return zipfile.ZipFile(path)


def imported() -> Iterator[str]:
    """What the package's modules import from elsewhere."""
    for path in (ROOT / "happyhorse_widgets").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield node.module.partition(".")[0]


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = {
        line.partition(">=")[0].lower()
        for line in (*project["dependencies"], *extras["research"], *extras["keyring"])
    }
    # The last one is there with every Jupyter server, and needed only with one.
    known = {*sys.stdlib_module_names, "happyhorse_widgets", "jupyter_core"}
    distributions = packages_distributions()
    assert {
        name for name in imported() if name not in known and distributions[name][0].lower() not in declared
    } == set()


def test_it_carries_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "happyhorse_widgets").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert expected <= set(wheel.namelist())
    assert {".py", ".js", ".css", ".typed"} <= {Path(name).suffix for name in expected}


def test_it_carries_the_package_its_metadata_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/", 1)[0] for name in wheel.namelist()}
    assert len(tops) == 2
    assert all(top.startswith("happyhorse_widgets") for top in tops)
    assert not [name for name in wheel.namelist() if name.endswith((".ipynb", ".pyc")) or "/tests/" in name]
    assert [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]


def test_its_metadata_renders_the_readme_and_asks_for_a_python_that_works(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("dist-info/METADATA")]
    metadata = wheel.read(name).decode()
    assert "Requires-Python: >=3.11" in metadata
    assert "Description-Content-Type: text/markdown" in metadata
    assert "License-Expression: MIT" in metadata
