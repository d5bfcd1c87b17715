"""Where the notebook's own server finds a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from happyhorse_widgets.widgets.served import relative_address, served_path

TOKEN = "token-canary-4711"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a Jupyter server that started this process as a kernel."""
    root, runtime = tmp_path / "root", tmp_path / "runtime"
    root.mkdir()
    runtime.mkdir()
    (runtime / "jpserver-4711.json").write_text(
        json.dumps({"root_dir": str(root), "token": TOKEN, "pid": 4711})
    )
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("JPY_PARENT_PID", "4711")
    return root


def test_a_file_below_the_servers_root_is_served(root: Path) -> None:
    assert served_path(root / "my work" / "clip.mp4") == "my work/clip.mp4"


def test_the_root_may_be_reached_by_a_link(root: Path) -> None:
    (root.parent / "link").symlink_to(root)
    assert served_path(root.parent / "link" / "clip.mp4") == "clip.mp4"


def test_a_hidden_folder_is_not_served(root: Path) -> None:
    assert served_path(root / ".cache" / "clip.mp4") is None


def test_a_file_outside_is_not_served(root: Path) -> None:
    assert served_path(root.parent / "clip.mp4") is None
    assert served_path(root / ".." / "clip.mp4") is None


@pytest.mark.parametrize("parent", ["", "1234", "../../etc/passwd", "4711; rm"])
def test_without_a_server_nothing_is_served(root: Path, monkeypatch: pytest.MonkeyPatch, parent: str) -> None:
    monkeypatch.setenv("JPY_PARENT_PID", parent)
    assert served_path(root / "clip.mp4") is None


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"root_dir": 3}', "null"])
def test_a_record_that_cannot_be_read_is_no_record(root: Path, record: str) -> None:
    (root.parent / "runtime" / "jpserver-4711.json").write_text(record)
    assert served_path(root / "clip.mp4") is None


def test_the_address_is_relative_to_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a b").mkdir()
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "a b" / "notebook.ipynb"))
    assert (
        relative_address(tmp_path / "a b" / "happyhorse" / "clips" / "ä #1.mp4")
        == "happyhorse/clips/%C3%A4%20%231.mp4"
    )
    assert relative_address(tmp_path / "clip.mp4") == "../clip.mp4"


@pytest.mark.parametrize("session", ["", "notebook.ipynb", "/no/such/folder/notebook.ipynb"])
def test_without_a_notebooks_name_the_working_folder_stands_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, session: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", session)
    assert relative_address(tmp_path / "happyhorse" / "clip.mp4") == "happyhorse/clip.mp4"
