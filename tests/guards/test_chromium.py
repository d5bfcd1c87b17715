"""Which Chromium the browser tests take, and that a missing one fails them with one clear line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIND = "from tests.chromium import find_chromium; print(find_chromium())"


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment with no browser: an empty PATH, and an empty folder for Playwright's."""
    environment = {name: value for name, value in os.environ.items() if name != "HAPPYHORSE_CHROMIUM"}
    (tmp_path / "bin").mkdir()
    return {**environment, "PATH": str(tmp_path / "bin"), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path / "none")}


def python(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def program(path: Path, *, code: int = 0) -> Path:
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_no_browser_at_all_is_an_error_that_says_what_to_do(bare: dict[str, str]) -> None:
    found = python(bare, "-c", FIND)
    assert found.returncode != 0
    assert (
        found.stderr.strip().splitlines()[-1].startswith("tests.chromium.NoChromium: no Chromium found: run")
    )


def test_one_on_path_is_taken(bare: dict[str, str]) -> None:
    chrome = program(Path(bare["PATH"], "google-chrome"))
    assert python(bare, "-c", FIND).stdout.strip() == str(chrome)


def test_one_that_does_not_start_is_passed_over(bare: dict[str, str]) -> None:
    program(Path(bare["PATH"], "chromium"), code=1)
    chrome = program(Path(bare["PATH"], "google-chrome"))
    assert python(bare, "-c", FIND).stdout.strip() == str(chrome)


def test_playwrights_own_is_taken_where_it_has_one(bare: dict[str, str]) -> None:
    ask = "from tests.chromium import _playwrights; print(_playwrights())"
    expected = Path(python(bare, "-c", ask).stdout.strip())
    assert expected.is_relative_to(bare["PLAYWRIGHT_BROWSERS_PATH"])
    expected.parent.mkdir(parents=True)
    program(expected)
    assert python(bare, "-c", FIND).stdout.strip() == str(expected)


def test_the_variable_wins_over_the_path(bare: dict[str, str], tmp_path: Path) -> None:
    program(Path(bare["PATH"], "chromium"))
    mine = program(tmp_path / "mine")
    assert python({**bare, "HAPPYHORSE_CHROMIUM": str(mine)}, "-c", FIND).stdout.strip() == str(mine)


def test_a_wrong_variable_stops_the_tests_before_they_start(bare: dict[str, str]) -> None:
    program(Path(bare["PATH"], "chromium"))
    started = python(
        {**bare, "HAPPYHORSE_CHROMIUM": "/no/such/browser"}, "-m", "tests", "--collect-only", "-q"
    )
    assert started.returncode == 2
    assert started.stdout == ""
    assert (
        started.stderr.strip() == "error: HAPPYHORSE_CHROMIUM=/no/such/browser is not a Chromium that starts"
    )


def test_where_none_can_be_installed_the_tests_end_with_one_clear_line(bare: dict[str, str]) -> None:
    nowhere = {**bare, "PLAYWRIGHT_DOWNLOAD_HOST": "http://127.0.0.1:9", "NO_PROXY": "*", "no_proxy": "*"}
    started = python(nowhere, "-m", "tests", "--collect-only", "-q")
    assert started.returncode == 2
    assert "no Chromium yet:" in started.stdout
    assert "apt-get" not in started.stdout  # it is not to be found there
    last = started.stderr.strip().splitlines()[-1]
    assert last.startswith("error: no Chromium found, and neither")
    assert "HAPPYHORSE_CHROMIUM" in last
