"""Style that tools can hold: ruff, mypy --strict, safe JavaScript, and tests that neither skip, sleep nor mock."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "happyhorse_widgets"
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SLEEPS = {"sleep", "wait_for_timeout"}
SKIPS = {"skip", "skipif", "importorskip", "xfail"}
# With data in hand these run it as markup or code, or bring back the trait updates that wedge a kernel.
FORBIDDEN_IN_JS = (
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    "save_changes",
)


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)],
    ids=["ruff check", "ruff format", "mypy"],
)
def test_the_linters_agree(command: tuple[str, ...]) -> None:
    linted = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=220, check=False
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_javascript_has_no_way_to_turn_data_into_markup() -> None:
    for source in sorted(PACKAGE.rglob("*.js")):
        code = re.sub(r"^\s*(//|\*|/\*).*$", "", source.read_text(encoding="utf-8"), flags=re.MULTILINE)
        found = [word for word in FORBIDDEN_IN_JS if word in code]
        assert found == [], source.relative_to(ROOT)


def test_no_module_is_called_utils() -> None:
    assert [*PACKAGE.rglob("utils.*"), *PACKAGE.rglob("helpers.*")] == []


def calls_outside_loops(node: ast.AST, *, looping: bool = False) -> Iterator[ast.Call]:
    """Every call that no loop repeats: a pause inside a loop polls for something, one outside it only hopes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and not looping:
            yield child
        yield from calls_outside_loops(
            child, looping=looping or isinstance(child, ast.While | ast.For | ast.AsyncFor)
        )


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_wait_for_something_and_never_for_a_fixed_time(path: Path) -> None:
    for call in calls_outside_loops(ast.parse(path.read_text(encoding="utf-8"))):
        yields_once = bool(call.args) and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0
        if called(call) in SLEEPS and not yields_once:
            pytest.fail(f"{path.relative_to(ROOT)}:{call.lineno} sleeps for a fixed time")


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_neither_skip_nor_mock(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Attribute) and node.attr in SKIPS:
            assert getattr(node.value, "id", getattr(node.value, "attr", "")) not in {"pytest", "mark"}, where
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
            assert not any("mock" in name for name in names), where
