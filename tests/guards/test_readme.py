"""The README and the notebooks say only what is true: commands, paths, names, variables and code."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.media.probe import probe

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEST_COMMAND = 'python3 -m venv .venv && .venv/bin/pip install -e ".[test]" && .venv/bin/python -m tests'
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def code_of(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def everything_written() -> str:
    return "\n".join([README, *(code_of(notebook) for notebook in NOTEBOOKS)])


def test_ci_runs_the_readmes_test_command_word_by_word() -> None:
    assert TEST_COMMAND in (command.strip() for command in blocks("bash"))
    assert TEST_COMMAND in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_each_command_is_one_line_and_shell_accepts_it() -> None:
    for command in blocks("bash"):
        assert len(command.strip().splitlines()) == 1
        subprocess.run(["bash", "-n", "-c", command], check=True, timeout=10)


def test_the_extras_that_are_named_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    documents = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = {name for names in re.findall(r'"\.\[([\w,]+)\]"', documents) for name in names.split(",")}
    assert named <= set(project["optional-dependencies"])


@pytest.mark.parametrize("code", blocks("python"))
def test_python_in_the_readme_compiles(code: str) -> None:
    compile(code, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_plain_script_makes_a_clip_without_jupyter_connect_or_key(tmp_path: Path) -> None:
    (script,) = (code for code in blocks("python") if "clip.wait(" in code)
    assert "connect" not in script
    shutil.copytree(ROOT / "notebooks" / "images", tmp_path / "notebooks" / "images")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCENARIO_")}
    environment |= {"HAPPYHORSE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    environment |= {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    notice, told = ran.stdout.splitlines()
    assert notice.startswith(
        "happyhorse_widgets: no API key found, so clips are simulated by the local sandbox"
    )
    path, cost = told.rsplit(maxsplit=1)
    assert Path(path).parent == tmp_path / "home" / "clips"
    facts = probe(path)
    assert (facts.width, facts.height, facts.frames) == (1280, 720, 74)
    assert float(cost) > 0


def test_the_public_names_exist() -> None:
    written = everything_written()
    owners = {"hh": set(hh.__all__), "clip": set(dir(hh.Clip)), "session": set(dir(hh.Session))}
    for owner, known in owners.items():
        named = set(re.findall(rf"\b{owner}\.(\w+)", written))
        assert named, f"nothing about {owner}"
        # A clip's plain attributes are made in its constructor, where dir() of the class cannot see them.
        assert named - known <= {"request", "progress", "warnings", "home", "sandbox", "budget"}, owner


def test_the_files_that_are_named_exist() -> None:
    links = re.findall(r"\]\(([\w./]+)\)", README)
    paths = re.findall(r"(?<![\w/])(?:notebooks|binder)/[\w./]*\w", README)
    opened = re.findall(r"lab/tree/([\w./]+)", README)
    assert links
    assert paths
    assert opened
    for name in (*links, *paths, *opened):
        assert (ROOT / name).exists(), name


def test_the_variables_that_are_named_are_read() -> None:
    source = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "happyhorse_widgets").rglob("*.py")
    )
    variables = set(re.findall(r"\b(?:SCENARIO|HAPPYHORSE)_[A-Z_]+\b", README))
    assert variables
    for name in variables:
        assert f'"{name}"' in source, name


def test_notebooks_are_stripped_and_ask_for_no_special_kernel() -> None:
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        assert notebook["metadata"]["kernelspec"]["name"] == "python3", path.name
        for cell in notebook["cells"]:
            assert not cell.get("outputs"), path.name
            assert cell.get("execution_count") is None, path.name


def test_binder_installs_this_package_and_opens_the_first_notebook() -> None:
    binder = ROOT / "binder"
    lines = [
        line for line in (binder / "requirements.txt").read_text().splitlines() if line and line[0] != "#"
    ]
    assert lines == [".[lab,research]"]  # repo2docker runs pip in the repository's root
    assert re.fullmatch(r"python-3\.\d+", (binder / "runtime.txt").read_text().strip())
    assert "urlpath=lab/tree/notebooks/01_first_clip.ipynb" in README
