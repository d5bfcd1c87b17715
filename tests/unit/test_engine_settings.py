"""The waiting times of the protocol are what is documented, whatever tests and lessons choose."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from happyhorse_widgets.api.retry import Retry
from happyhorse_widgets.engine import tenure, watch
from happyhorse_widgets.engine.schedule import Mark
from happyhorse_widgets.engine.settings import Settings
from happyhorse_widgets.errors import ConfigurationError
from happyhorse_widgets.library import ownership

#: In seconds, except the number of scans and what only concerns the sandbox.
DOCUMENTED = {
    "quiescence": 180.0,
    "reconcile_scans": 3,
    "reconcile_gap": 20.0,
    "poll_interval": 2.5,
    "single_poll": 3.0,
    "unseen": 60.0,
    "retry_first": 0.5,
    "retry_most": 20.0,
    "sandbox_speed": 20.0,
    "sandbox_scale": 1.0,
    "closing": 5.0,
    "local_addresses": False,
}


def test_the_defaults_are_the_documented_protocol() -> None:
    assert asdict(Settings()) == DOCUMENTED


@pytest.mark.parametrize("name", [name for name in DOCUMENTED if name != "local_addresses"])
def test_the_docstring_says_each_default(name: str) -> None:
    assert f"`{name}` ({DOCUMENTED[name]:g})" in (Settings.__doc__ or "")


def test_what_kernels_have_to_agree_on_is_fixed() -> None:
    assert (ownership.BEAT, ownership.STALE, tenure._LOOK) == (10.0, 120.0, 1.0)
    mark = Mark()
    mark.note(1000.0)
    assert mark.after == 990.0
    assert (watch._FEW, Retry().attempts, Retry().first, Retry().most) == (3, 5, 0.5, 20.0)


@pytest.mark.parametrize(
    "wrong",
    [{"quiescence": 0}, {"reconcile_scans": 2.5}, {"unseen": float("inf")}, {"local_addresses": 1}],
    ids=str,
)
def test_a_value_that_cannot_be_a_wait_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"Settings.{next(iter(wrong))} is"):
        Settings(**wrong)
