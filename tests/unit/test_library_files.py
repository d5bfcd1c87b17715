"""Files are there whole or not at all, whenever their writer dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library.files import Home, part_of, write_whole
from tests.conftest import sandbox_environment

OLD, NEW = b"old" * 1000, b"new" * 300_000

# The writer stops itself at one of the system calls on the way, and is killed there.
WRITER = """
import os, signal, sys
from pathlib import Path
from happyhorse_widgets.library import files

target, where = Path(sys.argv[1]), sys.argv[2]

def stop_at(event, arguments):
    mine = event == where and (where != "open" or str(arguments[0]).endswith(".part"))
    if mine:
        os.kill(os.getpid(), signal.SIGSTOP)

sys.addaudithook(stop_at)
if where == "fsync":
    sync = os.fsync
    def fsync(file):
        os.kill(os.getpid(), signal.SIGSTOP)
        sync(file)
    os.fsync = fsync
files.write_whole(target, b"new" * 300_000)
print("written", flush=True)
"""


@pytest.mark.parametrize("old", [OLD, None], ids=["replaced", "new"])
@pytest.mark.parametrize("where", ["open", "fsync", "os.rename"])
def test_a_writer_killed_before_the_rename_leaves_what_was_there(
    tmp_path: Path, where: str, old: bytes | None
) -> None:
    target = tmp_path / "picture.png"
    if old is not None:
        target.write_bytes(old)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, target, where], env=sandbox_environment())
    _, status = os.waitpid(writer.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    writer.kill()
    writer.wait(30)
    assert (target.read_bytes() if target.exists() else None) == old


def test_readers_never_see_half_a_file_while_it_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "picture.png"
    target.write_bytes(OLD)
    code = WRITER.replace("files.write_whole(target", "for _ in range(30): files.write_whole(target")
    writer = subprocess.Popen(
        [sys.executable, "-c", code, target, "nowhere"], stdout=subprocess.PIPE, env=sandbox_environment()
    )
    seen = set()
    while writer.poll() is None:
        seen.add(target.read_bytes())
    writer.stdout.close()
    assert seen <= {OLD, NEW}
    assert target.read_bytes() == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(LibraryError, match="could not be written") as caught:
        write_whole(tmp_path / "folder", NEW)
    assert str(tmp_path / "folder") in str(caught.value)
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_a_full_disk_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    target = tmp_path / "picture.png"
    target.write_bytes(OLD)
    code = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n" + WRITER
    ended = subprocess.run(
        [sys.executable, "-c", code, target, "nowhere"],
        capture_output=True,
        text=True,
        timeout=30,
        env=sandbox_environment(),
        check=False,
    )
    assert "LibraryError" in ended.stderr
    assert "could not be written" in ended.stderr
    assert target.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [target]


def test_part_names_are_never_shared(tmp_path: Path) -> None:
    names = {part_of(tmp_path / "a.mp4") for _ in range(100)}
    assert len(names) == 100
    assert {name.parent for name in names} == {tmp_path}


def test_a_home_is_made_and_keeps_relative_paths(tmp_path: Path) -> None:
    home = Home(tmp_path / "new" / "home")
    assert sorted(path.name for path in home.root.iterdir()) == ["clips", "images", "posters"]
    assert home.relative(home.clip("clip_1")) == "clips/clip_1.mp4"
    assert home.relative(home.clip("clip_1", 2)) == "clips/clip_1-3.mp4"
    assert home.relative(home.poster("clip_1")) == "posters/clip_1.jpg"


@pytest.mark.parametrize("root", ["occupied", "~nobody-of-this-name/home"])
def test_a_home_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("occupied").write_text("a file")
    with pytest.raises(LibraryError, match=f"{root}.*cannot be used"):
        Home(Path(root))


def test_sweeping_takes_what_was_abandoned_and_nothing_else(tmp_path: Path) -> None:
    home = Home(tmp_path)
    long_ago = time.time() - 7200
    for name in (
        "clips/a.mp4.1-0123abcd.part",
        "images/b.png",
        "clips/kept.mp4",
        "images/c.png.2-0123abcd.part",
    ):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (long_ago, long_ago))
    (tmp_path / "clips/d.mp4.3-0123abcd.part").write_bytes(b"being written")
    home.sweep()
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["clips/d.mp4.3-0123abcd.part", "clips/kept.mp4", "images/b.png"]
