"""Clips go from one library to another whole, and nothing that is there is changed by it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from happyhorse_widgets.engine.request import Request
from happyhorse_widgets.engine.states import CHARGEABLE
from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library.clips import Clips
from happyhorse_widgets.library.rows import TABLES, columns_of
from tests.conftest import sandbox_environment
from tests.libraries import ENDPOINT, SOON, Shelf, library_of_version_one


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Shelf]:
    """A library with two finished clips that share an image, a failed one and two that are not finished."""
    shelf = Shelf(tmp_path / "source")
    red, blue = shelf.image((255, 0, 0)), shelf.image((0, 0, 255))
    shelf.video("clip_a", red)
    shelf.video("clip_b", red, blue, frames=9)
    shelf.clip("clip_failed", "failed", error={"kind": "failed", "message": "no luck", "hint": ""})
    shelf.clip("clip_running", "running", remote_id="job_running")
    shelf.clip("clip_lost", "needs_user")
    yield shelf
    shelf.close()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "target")
    yield shelf
    shelf.close()


def travelling(shelf: Shelf, table: str, *, without: tuple[str, ...] = ()) -> list[tuple[object, ...]]:
    columns = [name for name in columns_of(table) if name not in without]
    key = columns[0]
    return shelf.database.read(
        lambda connection: [
            tuple(row)
            for row in connection.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {key}, rowid")
        ]
    )


def test_what_goes_out_comes_in(source: Shelf, target: Shelf, tmp_path: Path) -> None:
    exported = source.export(tmp_path / "clips.zip")
    assert exported.clips == ("clip_a", "clip_b", "clip_failed")
    assert set(exported.left_out) == {"clip_running", "clip_lost"}
    assert "3 clips are in" in repr(exported)
    assert "clip_running: it is not finished (running)" in repr(exported)
    merged = target.merge(tmp_path / "clips.zip")
    assert merged.clips == ("clip_a", "clip_b", "clip_failed")
    assert (merged.known, merged.left_out, merged.ignored) == ((), {}, ())
    names = ("jobs", "outputs", "events", "images")
    # For the others see test_library_joining and test_library_ballots.
    assert set(TABLES) == {*names, "catalogue", "saved", "arenas", "ballots"}
    for table in names:
        # Of a request only the addresses of images stay behind; here there are none.
        without = ("request",) if table == "jobs" else ()
        ours = [row for row in travelling(source, table, without=without) if row[0] not in exported.left_out]
        assert travelling(target, table, without=without) == ours
        assert ours
    requests = dict(source.rows("jobs", "id, request"))
    for clip_id, request in target.rows("jobs", "id, request"):
        assert Request.from_dict(json.loads(request)) == Request.from_dict(json.loads(requests[clip_id]))
    for folder in ("clips", "images", "posters"):
        files = {file.name: file.read_bytes() for file in (source.home.root / folder).iterdir()}
        assert {file.name: file.read_bytes() for file in (target.home.root / folder).iterdir()} == files
    assert Clips(target.database).get("clip_b") is not None


def test_every_column_travels_or_is_known_not_to(source: Shelf) -> None:
    stay = {
        "jobs": {"budget", "successor", "imported_at"},
        "events": {"seq"},
        "outputs": set(),
        "images": set(),
        "catalogue": {"deleted_at", "marked_at", "ratio", "seconds", "words"},
        "saved": set(),
        "arenas": set(),
        "ballots": {"seq"},
    }
    for table, staying in stay.items():
        columns = source.database.read(
            lambda connection, table=table: {
                row["name"] for row in connection.execute(f"PRAGMA table_info({table})")
            }
        )
        assert columns == set(columns_of(table)) | staying, table


def test_the_zip_is_plain_and_says_what_it_is(source: Shelf, tmp_path: Path) -> None:
    source.export(tmp_path / "clips.zip", "clip_a")
    with zipfile.ZipFile(tmp_path / "clips.zip") as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
        jobs = [json.loads(line) for line in archive.read("journal/jobs.jsonl").splitlines()]
    assert names[0] == "manifest.json"
    assert (manifest["format"], manifest["version"]) == ("happyhorse_widgets library", 1)
    assert sorted(manifest["files"]) == sorted(names[1:])
    assert [job["id"] for job in jobs] == ["clip_a"]
    assert sum(name.startswith("images/") for name in names) == 1
    assert "budget" not in jobs[0]


def test_no_address_travels(source: Shelf, target: Shelf, tmp_path: Path) -> None:
    signed = "https://example.com/fox.png?Signature=CANARY"
    source.clip("clip_url", "rejected", {"name": "fox.png", "url": signed})
    source.export(tmp_path / "clips.zip", "clip_url")
    with zipfile.ZipFile(tmp_path / "clips.zip") as archive:
        assert not any(b"CANARY" in archive.read(name) for name in archive.namelist())
    target.merge(tmp_path / "clips.zip")
    assert "CANARY" not in repr(target.rows("jobs"))


def test_importing_again_changes_nothing(source: Shelf, target: Shelf, tmp_path: Path) -> None:
    source.export(tmp_path / "clips.zip")
    target.merge(tmp_path / "clips.zip")
    before = target.contents()
    merged = target.merge(tmp_path / "clips.zip")
    assert (merged.clips, merged.known) == ((), ("clip_a", "clip_b", "clip_failed"))
    assert target.contents() == before
    before = source.contents()
    assert source.merge(tmp_path / "clips.zip").known == ("clip_a", "clip_b", "clip_failed")
    assert source.contents() == before


def test_what_is_here_is_never_overwritten(source: Shelf, target: Shelf, tmp_path: Path) -> None:
    source.export(tmp_path / "clips.zip")
    target.clip("clip_failed", "failed", error={"kind": "failed", "message": "another story", "hint": ""})
    target.clip("clip_mine", "failed", remote_id="job_clip_b")  # the same job, in another clip
    target.home.clip("clip_a").write_bytes(b"a file of the person's")
    before = target.contents()
    merged = target.merge(tmp_path / "clips.zip")
    assert merged.clips == ()
    assert merged.left_out == {
        "clip_failed": "another form of it is here, which stays as it is",
        "clip_b": "its job job_clip_b belongs to another clip",
        "clip_a": "another file is at clips/clip_a.mp4, which stays as it is",
    }
    after = target.contents()
    assert {name: after[name] for name in before if name != "images"} == {
        name: value for name, value in before.items() if name != "images"
    }
    assert not target.home.poster("clip_a").exists()


def test_only_what_is_finished_comes_in(source: Shelf, target: Shelf, tmp_path: Path) -> None:
    source.export(tmp_path / "clips.zip")
    rewritten = tmp_path / "rewritten.zip"
    with zipfile.ZipFile(tmp_path / "clips.zip") as archive:
        jobs = archive.read("journal/jobs.jsonl").replace(b'"state":"failed"', b'"state":"intent"')
    rewrite(tmp_path / "clips.zip", rewritten, {"journal/jobs.jsonl": jobs})
    merged = target.merge(rewritten)
    assert merged.clips == ("clip_a", "clip_b")
    assert merged.left_out == {"clip_failed": "it was not finished in the other library (intent)"}
    assert "intent" not in [row[0] for row in target.rows("jobs", "state")]


def rewrite(path: Path, target: Path, changed: dict[str, bytes | None]) -> None:
    """The same zip with some members changed, added or (None) left out, and a manifest that agrees."""
    with zipfile.ZipFile(path) as archive:
        members: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    members |= changed
    kept = {name: data for name, data in members.items() if data is not None}
    if "manifest.json" not in changed:
        manifest = json.loads(kept["manifest.json"])
        manifest["files"] = {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in kept.items()
            if name != "manifest.json"
        }
        kept["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in kept.items():
            archive.writestr(name, data)


def test_a_table_of_a_later_package_is_left_out_and_told(
    source: Shelf, target: Shelf, tmp_path: Path
) -> None:
    source.export(tmp_path / "clips.zip")
    rewrite(tmp_path / "clips.zip", tmp_path / "votes.zip", {"journal/votes.jsonl": b'{"winner":"clip_a"}\n'})
    merged = target.merge(tmp_path / "votes.zip")
    assert (len(merged.clips), merged.ignored) == (3, ("votes",))
    assert "only a newer version knows it: votes" in repr(merged)


def test_a_newer_format_is_refused(source: Shelf, target: Shelf, tmp_path: Path) -> None:
    source.export(tmp_path / "clips.zip")
    manifest = b'{"format": "happyhorse_widgets library", "version": 2, "something": "else"}'
    rewrite(tmp_path / "clips.zip", tmp_path / "new.zip", {"manifest.json": manifest})
    before = target.contents()
    with pytest.raises(LibraryError, match=r"newer happyhorse_widgets made it.*Upgrade"):
        target.merge(tmp_path / "new.zip")
    assert target.contents() == before


def test_imported_clips_cost_this_home_nothing(source: Shelf, target: Shelf, tmp_path: Path) -> None:
    source.export(tmp_path / "clips.zip")
    target.merge(tmp_path / "clips.zip")
    clips = Clips(target.database)
    states = frozenset(CHARGEABLE)
    assert Clips(source.database).charged(states, endpoint=ENDPOINT, project="") == 60
    assert clips.charged(states, endpoint=ENDPOINT, project="") == 0
    assert clips.durations(endpoint=ENDPOINT, model="model_1") == []
    (record,) = clips.those(["clip_a"])
    assert (record.cost, record.budget) == (30.0, None)


def test_a_clip_whose_file_was_changed_is_not_exported(source: Shelf, tmp_path: Path) -> None:
    path = source.home.clip("clip_a")
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    source.home.clip("clip_b").unlink()
    exported = source.export(tmp_path / "clips.zip")
    assert exported.clips == ("clip_failed",)
    assert "is missing or was changed: call session.library.check()" in exported.left_out["clip_a"]
    assert "clip_b" in exported.left_out
    with zipfile.ZipFile(tmp_path / "clips.zip") as archive:
        assert not [name for name in archive.namelist() if name.startswith(("clips/", "images/", "posters/"))]


def test_an_export_of_a_clip_that_is_not_there(source: Shelf, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="There is no clip clip_x"):
        source.export(tmp_path / "clips.zip", "clip_a", "clip_x")
    assert list(tmp_path.glob("clips.zip*")) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.libraries import Shelf

what, count = sys.argv[3], int(sys.argv[4])
seen = 0

def stop(event, arguments):
    global seen
    if event == "os.rename" and what == "rename" or event == what:
        seen += 1
        if seen == count:
            os.kill(os.getpid(), signal.SIGKILL)

shelf = Shelf(Path(sys.argv[1]))
sys.addaudithook(stop)
limit = os.environ.get("LIMIT")
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
from happyhorse_widgets.errors import LibraryError
try:
    if sys.argv[5] == "export":
        shelf.export(Path(sys.argv[2]))
    else:
        shelf.merge(Path(sys.argv[2]))
except LibraryError as error:
    print(error)
shelf.close()
"""


def in_a_process(
    root: Path, path: Path, do: str, *, kill_at: str = "", count: int = 1, limit: int | None = None
) -> tuple[int, str]:
    environment = sandbox_environment() | ({} if limit is None else {"LIMIT": str(limit)})
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, root, path, kill_at, str(count), do],
        capture_output=True,
        text=True,
        timeout=SOON,
        env=environment,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("kill_at", "count"), [("open", 3), ("open", 6), ("rename", 1), ("rename", 4), ("rename", 6)]
)
def test_a_kernel_killed_during_an_import_leaves_a_sound_library_which_the_next_one_completes(
    source: Shelf, target: Shelf, tmp_path: Path, kill_at: str, count: int
) -> None:
    source.export(tmp_path / "clips.zip")
    target.clip("clip_mine", "failed")
    rows = target.rows("jobs"), target.rows("events")
    target.close()
    status, told = in_a_process(
        target.home.root, tmp_path / "clips.zip", "merge", kill_at=kill_at, count=count
    )
    assert status == -9, told
    again = Shelf(target.home.root)
    assert (again.rows("jobs"), again.rows("events")) == rows
    assert again.database.problems() == []
    merged = again.merge(tmp_path / "clips.zip")
    assert merged.clips == ("clip_a", "clip_b", "clip_failed")
    assert again.home.clip("clip_b").read_bytes() == source.home.clip("clip_b").read_bytes()
    again.close()


def test_a_kernel_killed_during_an_export_leaves_no_half_zip(source: Shelf, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    status, told = in_a_process(source.home.root, folder / "clips.zip", "export", kill_at="rename")
    assert status == -9, told
    assert [file.suffix for file in folder.iterdir()] == [".part"]
    assert source.export(folder / "clips.zip").clips


@pytest.mark.parametrize("do", ["export", "merge"])
def test_a_disk_that_fills_up_leaves_nothing_half(
    source: Shelf, target: Shelf, tmp_path: Path, do: str
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    source.export(folder / "clips.zip")
    size = (folder / "clips.zip").stat().st_size
    before, whole = target.contents(), (folder / "clips.zip").read_bytes()
    root = source.home.root if do == "export" else target.home.root
    limit = size // 2 if do == "export" else source.home.clip("clip_b").stat().st_size - 10
    status, told = in_a_process(root, folder / "clips.zip", do, limit=limit)
    assert status == 0
    assert "could not be written" in told
    assert [file.name for file in folder.iterdir()] == ["clips.zip"]
    assert (folder / "clips.zip").read_bytes() == whole  # the one from before
    assert target.contents() == before


def test_an_import_that_is_given_up_at_any_moment_leaves_nothing_half(
    source: Shelf, target: Shelf, tmp_path: Path
) -> None:
    source.export(tmp_path / "clips.zip")
    given_up = moments = 0

    def pulse() -> None:
        nonlocal moments
        moments += 1
        if moments > given_up:
            raise LibraryError("Stopped.")

    while not target.rows("jobs"):
        with contextlib.suppress(LibraryError):
            target.merge(tmp_path / "clips.zip", pulse=pulse)
        assert list(target.home.root.glob("*/*.part")) == []
        given_up, moments = given_up + 1, 0
    assert given_up > 10
    assert len(target.rows("jobs")) == 3


def test_two_kernels_that_import_the_same_at_once(source: Shelf, target: Shelf, tmp_path: Path) -> None:
    source.export(tmp_path / "clips.zip")
    other = Shelf(target.home.root)
    calls = []

    def meanwhile() -> None:
        if not calls:
            calls.append(1)
            assert len(other.merge(tmp_path / "clips.zip").clips) == 3

    merged = target.merge(tmp_path / "clips.zip", pulse=meanwhile)
    other.close()
    assert (merged.clips, merged.known) == ((), ("clip_a", "clip_b", "clip_failed"))
    assert len(target.rows("jobs")) == 3
    assert len(target.rows("events")) == len([row for row in source.rows("events") if row[1] in merged.known])
    assert list(target.home.clips.glob("*.part")) == []


def test_importing_into_a_library_that_is_locked(source: Shelf, target: Shelf, tmp_path: Path) -> None:
    source.export(tmp_path / "clips.zip")
    lock = sqlite3.connect(target.home.database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with pytest.raises(LibraryError, match="is locked by another program"):
        target.merge(tmp_path / "clips.zip")
    lock.close()
    assert target.rows("jobs") == []
    assert len(target.merge(tmp_path / "clips.zip").clips) == 3


def test_a_library_of_the_first_version_takes_clips_in(source: Shelf, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    library_of_version_one(old / "library.sqlite3", clips=2)
    source.export(tmp_path / "clips.zip")
    shelf = Shelf(old)
    assert len(shelf.merge(tmp_path / "clips.zip").clips) == 3
    exported = shelf.export(tmp_path / "all.zip")
    shelf.close()
    assert {"clip_a", "clip_failed"} <= set(exported.clips)
