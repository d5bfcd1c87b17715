"""The crash campaign at the size of a test run, and proof that it notices protocols that lose money."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def campaign(*arguments: object) -> tuple[int, str, dict[str, int]]:
    """Run one in a process of its own: its exit status, what it said, and the last line of its table."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.campaign", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    said = done.stdout + done.stderr
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in said.splitlines() if "|" in line
    ]
    assert rows, said
    return done.returncode, said, dict(zip(rows[0][1:], map(int, rows[-1][1:]), strict=True))


@pytest.mark.timeout(1000)
def test_a_thousand_intents_among_crashes_are_neither_lost_nor_paid_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # More than one sweep: every behaviour of the server meets every place to be killed at.
    status, said, found = campaign("--intents", 1000, "--seed", 1)
    with capsys.disabled():
        print(f"\n{said}")
    assert status == 0, said  # which says how to run what went wrong alone
    assert {found[name] for name in ("lost", "overpaid", "unfinished", "wrong")} == {0}
    killed = re.search("^killed: (.*)$", said, re.MULTILINE)
    assert killed and not re.search(r"\b0×", killed[1]), f"a kill point was never met: {killed}"
    assert found["done"] > found["intents"] / 2
    assert found["intents"] >= 1000


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("broken", "intents", "behaviours", "found_out"),
    [
        pytest.param("retry", 40, "1", "overpaid", id="a POST that is repeated"),
        pytest.param("late-journal", 40, "3", "overpaid", id="a journal that is written after the answer"),
        # A charge is lost where it comes after the last look: about five among 40 intents, none in one run of a hundred.
        pytest.param("hasty", 80, "3", "lost", id="a search before the server is done"),
        pytest.param("impatient", 40, "3", "overpaid", id="and a person who then submits again"),
    ],
)
def test_a_protocol_that_loses_money_is_found_out(
    broken: str, intents: int, behaviours: str, found_out: str
) -> None:
    status, said, found = campaign(
        "--intents", intents, "--seed", 2, "--behaviours", behaviours, "--broken", broken
    )
    assert status == 1, said
    assert found[found_out] > 0, said
    assert "again: python -m tests.campaign --seed 2 --run " in said
