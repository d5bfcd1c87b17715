"""The arrows between the package's parts point down, and its façade stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "happyhorse_widgets"
HEAVY = (
    "IPython",
    "PIL",
    "anywidget",
    "av",
    "httpx2",
    "ipywidgets",
    "msgspec",
    "numpy",
    "starlette",
    "uvicorn",
)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_the_layer_contracts_are_kept() -> None:
    linted = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_nothing_inside_imports_the_facade() -> None:
    graph = grimp.build_graph("happyhorse_widgets", cache_dir=None)
    assert graph.find_modules_that_directly_import("happyhorse_widgets") == set()


def test_the_inits_of_the_parts_are_only_docstrings() -> None:
    for init in sorted(PACKAGE.glob("*/**/__init__.py")):
        body = ast.parse(init.read_text(encoding="utf-8")).body
        assert len(body) == 1, f"{init.relative_to(ROOT)} holds more than a docstring"
        assert isinstance(body[0], ast.Expr)
        assert isinstance(body[0].value, ast.Constant)
        assert isinstance(body[0].value.value, str)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = f"import sys, happyhorse_widgets; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    imported = run(sys.executable, "-c", code)
    assert imported.returncode == 0, imported.stderr
    assert imported.stdout.split() == []


def test_the_studio_opens_without_the_libraries_for_video_and_arrays() -> None:
    code = (
        "import sys, happyhorse_widgets as hh; hh.connect, hh.Studio, hh.Gallery, hh.Compare;"
        "print(*sorted({'av', 'numpy', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    opened = run(sys.executable, "-c", code)
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.split() == []
