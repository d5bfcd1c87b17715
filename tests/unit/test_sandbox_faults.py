"""The fault script: what a rule concerns, when it fires, and what is said about a wrong one."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from happyhorse_widgets.errors import ConfigurationError
from happyhorse_widgets.sandbox.faults import Latency, active, attach, load_script, parse_script


def script(*rules: dict[str, Any]) -> Any:
    return parse_script(json.dumps(rules).encode())


def fired(rules: Any, count: int, path: str = "/v1/jobs") -> list[bool]:
    return [bool(rules.select("GET", path, {})) for _ in range(count)]


@pytest.mark.parametrize(
    ("match", "concerned"),
    [
        ({}, True),
        ({"method": "GET"}, True),
        ({"method": "POST"}, False),
        ({"path": "/v1/*"}, True),
        ({"path": "/v1/job?"}, True),
        ({"path": "/v1"}, False),
        ({"query": {"types": "custom"}}, True),
        ({"query": {"types": "other"}}, False),
        ({"query": {"dryRun": None}}, True),
        ({"query": {"types": None}}, False),
        ({"method": "GET", "path": "/v2/*"}, False),
    ],
)
def test_a_rule_concerns_what_it_matches(match: dict[str, Any], concerned: bool) -> None:
    found = script({"match": match, "fault": "reset"}).select("GET", "/v1/jobs", {"types": "custom"})
    assert bool(found) == concerned


def test_skip_and_times_count_what_matches() -> None:
    rules = script({"match": {"path": "/v1/jobs", "skip": 1, "times": 2}, "fault": "reset"})
    fired(rules, 5, path="/v1/teams")
    assert fired(rules, 5) == [False, True, True, False, False]


def test_chance_is_repeatable_and_fair() -> None:
    rule = {"match": {"probability": 0.3, "seed": 5}, "fault": "reset"}
    first = fired(script(rule), 1000)
    assert first == fired(script(rule), 1000)
    assert first != fired(script(rule | {"match": {"probability": 0.3, "seed": 6}}), 1000)
    assert 250 < sum(first) < 350
    assert not any(fired(script({"match": {"probability": 0}, "fault": "reset"}), 100))


def test_all_rules_apply_but_only_one_ends_the_exchange() -> None:
    rules = script(
        {"fault": "latency", "seconds": 1},
        {"match": {"times": 1}, "fault": "status", "status": 429},
        {"match": {"times": 1}, "fault": "reset"},
        {"fault": "list_lag", "seconds": 2},
    )
    kinds = [[type(one).__name__ for one in rules.select("GET", "/", {})] for _ in range(3)]
    assert kinds == [
        ["Latency", "Status", "ListLag"],
        ["Latency", "Reset", "ListLag"],
        ["Latency", "ListLag"],
    ]


def test_routes_see_the_faults_of_their_request() -> None:
    scope: dict[str, Any] = {}
    assert active(scope, Latency) is None
    attach(scope, script({"fault": "latency", "seconds": 1.5}).select("GET", "/", {}))
    found = active(scope, Latency)
    assert found is not None
    assert found.seconds == 1.5


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({}, "fault"),
        ({"fault": "typo"}, "typo"),
        ({"fault": "status"}, "`status`"),
        ({"fault": "status", "status": 99}, "$[0].status"),
        ({"fault": "status", "status": 500, "retry_after": 3}, "retry_after"),
        ({"fault": "reset", "close": "slam"}, "$[0].close"),
        ({"fault": "latency", "seconds": -1}, "$[0].seconds"),
        ({"fault": "truncate", "fraction": 1.5}, "$[0].fraction"),
        ({"fault": "job", "outcome": "success"}, "$[0].outcome"),
        ({"fault": "empty_pages", "pages": 0}, "$[0].pages"),
        ({"fault": "reset", "match": {"nth": 3}}, "nth"),
        ({"fault": "reset", "match": {"times": 0}}, "$[0].match.times"),
    ],
)
def test_a_wrong_rule_is_named(rule: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        script(rule)
    assert named in str(caught.value)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_text_is_a_script_or_a_configuration_error(text: bytes) -> None:
    with contextlib.suppress(ConfigurationError):
        parse_script(text)


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"faults\.json cannot be read"):
        load_script(tmp_path / "faults.json")
