"""A short soak: what it takes to find a clip that does not finish, or something that is left over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
