"""A short soak: what it takes to find a clip that does not finish, or something that is left over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak.__main__ import too_much
from tests.soak.flight import Memory

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(400)
def test_sixty_clips_among_faults_all_finish_and_leave_nothing_behind() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "always::ResourceWarning",
            "-m",
            "tests.soak",
            "--clips",
            "60",
            "--minutes",
            "0",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "0 lost, 0 overpaid, 0 unfinished, 0 wrong" in said
    assert "nothing was lost, paid twice or left over" in said
    assert "Warning" not in said, said


def test_memory_that_grows_for_as_long_as_it_lasts_fails_a_soak() -> None:
    measured = Memory([(0.0, 127.0, 0), (300.0, 141.0, 400), (690.0, 151.0, 1000)])
    assert measured.growth == pytest.approx(2.09, abs=0.01)
    assert too_much(measured, bound=4.2) == []
    leaking = Memory([(0.0, 127.0, 0), (690.0, 177.0, 1000)])
    assert too_much(leaking, bound=4.2) == ["memory grew by 4.3 MB a minute, which is more than 4.2"]
    assert Memory([(0.0, 127.0, 0)]).growth == 0.0
