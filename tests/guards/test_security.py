"""SECURITY.md promises nothing that no test holds, and invents no address."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from happyhorse_widgets.engine.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def promises() -> list[str]:
    section = TEXT.split("## What is promised")[1].split("## What is not promised")[0]
    return re.findall(r"^- (.+?)(?=^- |^\*\*|\Z)", section, flags=re.MULTILINE | re.DOTALL)


def test_each_promise_names_tests_that_exist() -> None:
    assert len(promises()) >= 8
    for promise in promises():
        named = re.findall(r"`(tests/[\w/]+\.py)`", promise)
        assert named, promise
        for name in named:
            assert "def test_" in (ROOT / name).read_text(encoding="utf-8"), name


def test_the_settings_that_are_named_exist() -> None:
    named = set(re.findall(r"Settings\((\w+)=", TEXT))
    assert named
    assert named <= {field.name for field in dataclasses.fields(Settings)}


def test_reports_go_to_the_repository_and_to_no_invented_address() -> None:
    assert "Report a vulnerability" in TEXT
    assert not re.search(r"[\w.]+@[\w-]+\.\w+", TEXT)
    assert "http" not in re.sub(r"\bhttps?\b(?!:)", "", TEXT)
