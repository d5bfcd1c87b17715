"""A zip that was cut, changed or made to do harm is refused as a whole, and the library stays as it was."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.library import _understood
from happyhorse_widgets.engine.states import TERMINAL
from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library.ballots import Ballots
from happyhorse_widgets.library.clips import Clips
from happyhorse_widgets.library.rows import TABLES
from happyhorse_widgets.library.saved import Saved
from tests.libraries import SOON, Shelf, vote_and_take_back
from tests.unit.test_library_transfer import rewrite

SHA = "0" * 64


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip with one finished clip, its image and its poster, and a failed one; with marks, a preset and ballots."""
    folder = tmp_path_factory.mktemp("honest")
    shelf = Shelf(folder / "home")
    shelf.video("clip_a", shelf.image((255, 0, 0)), frames=2)
    shelf.clip("clip_b", "failed", error={"kind": "failed", "message": "no luck", "hint": ""})
    shelf.marks.mark("clip_a", favourite=True, tags=["fox"], notes="good").result(SOON)
    Saved(shelf.database, "preset")["wide"] = {"seed": 1}
    vote_and_take_back(shelf.database, ("clip_a", "clip_b"))
    shelf.export(folder / "clips.zip")
    shelf.close()
    return folder / "clips.zip"


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "target")
    shelf.clip("clip_mine", "failed")
    yield shelf
    shelf.close()


def refused(target: Shelf, path: Path) -> str:
    """That the zip is refused, with nothing changed and nothing written anywhere; in which words."""
    around = sorted(target.home.root.parent.rglob("*"))
    before = target.contents()
    with pytest.raises(LibraryError) as caught:
        target.merge(path, validate=_understood)
    assert target.contents() == before
    assert sorted(target.home.root.parent.rglob("*")) == around
    return str(caught.value)


def copied(honest: Path, path: Path, *more: tuple[str | zipfile.ZipInfo, bytes], **options: Any) -> Path:
    """The same zip with further members."""
    path.write_bytes(honest.read_bytes())
    with zipfile.ZipFile(path, "a", **options) as archive:
        for name, data in more:
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../outside.mp4",
        "clips/../../outside.mp4",
        "/tmp/outside.mp4",
        "C:/outside.mp4",
        "C:outside.mp4",
        "\\\\server\\share\\outside.mp4",
        "clips\\..\\..\\outside.mp4",
        "clips/clip_x.mp4/../../outside",
        "clips/clip_x.mp4\0.txt",
        "clips/./clip_x.mp4",
        "clips//clip_x.mp4",
        "clips/clip_x.mp4\n",
        "clips/",
        "clips/clip_x.mp4 ",
        "clips/CON.mp4",
        "library.sqlite3",
        "images/../library.sqlite3",
        f"images/{SHA}.svg",
        "posters/clip_x.html",
        "sandbox/ledger.sqlite3",
        "journal/../jobs.jsonl",
        "manifest.json/x",
        "",
        "﻿manifest.json",
        "clips/clip_ｘ.mp4",
    ],
)
def test_a_name_that_an_export_never_has(honest: Path, target: Shelf, tmp_path: Path, name: str) -> None:
    info = zipfile.ZipInfo("clips/clip_x.mp4")
    info.filename = name  # past the tidying that ZipInfo does
    words = refused(target, copied(honest, tmp_path / "bad.zip", (info, b"x")))
    assert "could lead out of the library's folder" in words or "cut or damaged" in words


def test_links_and_devices(honest: Path, target: Shelf, tmp_path: Path) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR):
        info = zipfile.ZipInfo("clips/clip_x.mp4")
        info.create_system, info.external_attr = 3, (kind | 0o777) << 16
        words = refused(target, copied(honest, tmp_path / "bad.zip", (info, b"/etc/passwd")))
        assert "is a link or a device" in words


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["clips/clip_a.mp4", "clips/clip_A.mp4", "manifest.json"])
def test_a_name_that_comes_twice(honest: Path, target: Shelf, tmp_path: Path, name: str) -> None:
    words = refused(target, copied(honest, tmp_path / "bad.zip", (name, b"another")))
    assert "comes twice" in words


def test_members_that_the_list_does_not_name_and_the_other_way_round(
    honest: Path, target: Shelf, tmp_path: Path
) -> None:
    assert "not what its list says" in refused(
        target, copied(honest, tmp_path / "more.zip", ("clips/clip_x.mp4", b"x"))
    )
    with zipfile.ZipFile(honest) as archive:
        manifest = archive.read("manifest.json")
    rewrite(honest, tmp_path / "less.zip", {"posters/clip_a.jpg": None, "manifest.json": manifest})
    assert "not what its list says" in refused(target, tmp_path / "less.zip")


def test_bombs(honest: Path, target: Shelf, tmp_path: Path) -> None:
    packed = {"compression": zipfile.ZIP_DEFLATED}
    zeros = bytes(50_000_000)
    words = refused(target, copied(honest, tmp_path / "a.zip", ("clips/clip_x.mp4", zeros), **packed))
    assert "as a zip bomb does" in words
    words = refused(target, copied(honest, tmp_path / "b.zip", (f"images/{SHA}.png", zeros), **packed))
    assert "unpacks to 50,000,000 bytes; 10,000,000 are allowed" in words
    members = [(f"journal/{'a' * n}.jsonl", bytes(1_000_000)) for n in range(1, 20)]
    assert "as a zip bomb does" in refused(target, copied(honest, tmp_path / "c.zip", *members, **packed))
    words = refused(
        target,
        copied(honest, tmp_path / "d.zip", ("journal/votes.jsonl", zeros), compression=zipfile.ZIP_LZMA),
    )
    assert "packed in a way that an export is not" in words


def test_more_members_than_an_export_can_have(target: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("clips/clip_0.mp4", b"")
        (first,) = archive.filelist
        for number in range(210_000):
            info = zipfile.ZipInfo(f"clips/clip_{number}.mp4")
            info.header_offset, info.CRC, info.file_size, info.compress_size = first.header_offset, 0, 0, 0
            archive.filelist.append(info)
        archive._didModify = True
    words = refused(target, path)
    assert "210,001 files; 200,000 are allowed" in words or "list of members is too long" in words


def test_members_that_share_their_bytes(honest: Path, target: Shelf, tmp_path: Path) -> None:
    path = copied(honest, tmp_path / "bad.zip", ("clips/clip_x.mp4", bytes(range(256)) * 4000))
    with zipfile.ZipFile(path, "a") as archive:
        (big,) = [info for info in archive.filelist if info.filename == "clips/clip_x.mp4"]
        for number in range(20):
            info = zipfile.ZipInfo(f"clips/clip_{number}.mp4")
            info.header_offset, info.CRC = big.header_offset, big.CRC
            info.file_size, info.compress_size = big.file_size, big.compress_size
            archive.filelist.append(info)
        archive._didModify = True
    assert "overlap" in refused(target, path)


def test_an_encrypted_member(honest: Path, target: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    data = bytearray(honest.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(bytes(data))
    assert "is encrypted" in refused(target, path)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\x05\x06", b"hello", bytes(100_000), b"\xff\xd8\xff" + bytes(50)]
)
def test_what_is_no_zip(target: Shelf, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.zip").write_bytes(content)
    assert "it is no zip file, or was cut" in refused(target, tmp_path / "bad.zip")


def test_a_zip_that_is_not_there_and_a_zip_of_something_else(target: Shelf, tmp_path: Path) -> None:
    assert "cannot be read (No such file" in refused(target, tmp_path / "absent.zip")
    assert "it is no file" in refused(target, tmp_path)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("journal/jobs.jsonl", b"")
    assert "it is no export of a library" in refused(target, tmp_path / "other.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("manifest.json", b'{"format": "a game", "version": 1}')
    assert "it is no export of a library" in refused(target, tmp_path / "other.zip")


def rows_of(honest: Path, table: str) -> list[dict[str, Any]]:
    with zipfile.ZipFile(honest) as archive:
        return [json.loads(line) for line in archive.read(f"journal/{table}.jsonl").splitlines()]


def change(table: str, **values: Any) -> Callable[[dict[str, list[dict[str, Any]]]], None]:
    return lambda tables: tables[table][0].update(values)


def in_request(**values: Any) -> Callable[[dict[str, list[dict[str, Any]]]], None]:
    return lambda tables: tables["jobs"][0]["request"].update(values)


def in_reference(**values: Any) -> Callable[[dict[str, list[dict[str, Any]]]], None]:
    return lambda tables: tables["jobs"][0]["request"]["references"][0].update(values)


@pytest.mark.parametrize(
    "alter",
    [
        change("jobs", id="../../evil"),
        change("jobs", id="clip_a\n"),
        change("jobs", id="clip_other"),
        change("jobs", state=7),
        change("jobs", cost=-5.0),
        change("jobs", cost="1e999"),
        change("jobs", seed_used=2**70),
        change("jobs", error=["no"]),
        change("jobs", request=None),
        change("jobs", request={}),
        in_request(prompt=5),
        in_request(further="field"),
        in_request(references="x"),
        in_request(references=[5]),
        in_reference(sha256="../../../etc/passwd"),
        in_reference(media_type="text/html"),
        in_reference(width="wide"),
        change("outputs", path="../../evil.mp4"),
        change("outputs", path="clips/clip_b.mp4"),
        change("outputs", path=None),
        change("outputs", size=1),
        change("outputs", sha256=SHA),
        change("outputs", facts={}),
        change("outputs", facts=None),
        change("outputs", position=3),
        change("outputs", job_id="clip_nobody"),
        change("events", job_id="clip_nobody"),
        change("events", at="yesterday"),
        change("images", path="images/../../evil.png"),
        change("images", sha256=SHA),
        change("images", media_type="image/webp"),
        change("catalogue", job_id="clip_nobody"),
        change("catalogue", tags="fox"),
        change("catalogue", tags=["x" * 2000]),
        change("catalogue", favourite=7),
        change("catalogue", notes=None),
        change("saved", kind="../preset"),
        change("saved", name=""),
        change("saved", name="x" * 2000),
        change("jobs", parent="../clip"),
        change("jobs", relation="x" * 99),
        lambda tables: tables["catalogue"].append(tables["catalogue"][0]),
        lambda tables: tables["jobs"].append(tables["jobs"][0]),
        lambda tables: tables["outputs"].append(tables["outputs"][0]),
        lambda tables: tables["outputs"].clear(),
    ],
)
def test_rows_that_do_not_fit(
    honest: Path, target: Shelf, tmp_path: Path, alter: Callable[[dict[str, list[dict[str, Any]]]], None]
) -> None:
    tables = {name: rows_of(honest, name) for name in TABLES}
    alter(tables)
    changed = {
        f"journal/{name}.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        for name, rows in tables.items()
    }
    rewrite(honest, tmp_path / "bad.zip", changed)
    assert "was not imported" in refused(target, tmp_path / "bad.zip")


@pytest.mark.parametrize(
    "text", [b"[" * 100_000, b"\xff\xfe", b'{"id": "\\ud800"}', b"{}", b"null", b'{"id": 1e400}']
)
def test_rows_that_are_no_rows(honest: Path, target: Shelf, tmp_path: Path, text: bytes) -> None:
    rewrite(honest, tmp_path / "bad.zip", {"journal/jobs.jsonl": text})
    assert "was not imported" in refused(target, tmp_path / "bad.zip")


def test_files_that_are_not_what_their_names_say(honest: Path, target: Shelf, tmp_path: Path) -> None:
    page = b"<html><script>alert(1)</script></html>"
    rewrite(honest, tmp_path / "bad.zip", {"posters/clip_a.jpg": page})
    assert "posters/clip_a.jpg cannot be used" in refused(target, tmp_path / "bad.zip")
    output, facts = (
        rows_of(honest, "outputs")[0],
        {"size": len(page), "sha256": hashlib.sha256(page).hexdigest()},
    )
    rewrite(
        honest,
        tmp_path / "bad.zip",
        {"clips/clip_a.mp4": page, "journal/outputs.jsonl": json.dumps(output | facts).encode()},
    )
    assert "clips/clip_a.mp4 cannot be used" in refused(target, tmp_path / "bad.zip")


def test_a_video_that_was_exchanged(honest: Path, target: Shelf, tmp_path: Path) -> None:
    with zipfile.ZipFile(honest) as archive:
        manifest, video = archive.read("manifest.json"), bytearray(archive.read("clips/clip_a.mp4"))
    video[-1] ^= 1
    rewrite(honest, tmp_path / "bad.zip", {"clips/clip_a.mp4": bytes(video), "manifest.json": manifest})
    assert "clip_a.mp4 is not what it was when it was exported" in refused(target, tmp_path / "bad.zip")


def test_a_picture_that_would_fill_the_memory(honest: Path, target: Shelf, tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )
    image, sha256 = rows_of(honest, "images")[0], hashlib.sha256(bomb).hexdigest()
    job, failed = rows_of(honest, "jobs")
    job["request"]["references"][0]["sha256"] = sha256
    rows = {
        "journal/images.jsonl": image | {"sha256": sha256, "size": len(bomb), "path": f"images/{sha256}.png"}
    }
    changed: dict[str, bytes | None] = {name: json.dumps(row).encode() for name, row in rows.items()}
    changed["journal/jobs.jsonl"] = json.dumps(job).encode() + b"\n" + json.dumps(failed).encode()
    rewrite(honest, tmp_path / "bad.zip", changed | {image["path"]: None, f"images/{sha256}.png": bomb})
    assert f"images/{sha256}.png cannot be used" in refused(target, tmp_path / "bad.zip")


# -- any change at all --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Shelf]]:
    """A library for all examples, made anew after each import that succeeded."""
    arena = [Shelf(tmp_path_factory.mktemp("arena") / "home")]
    yield arena
    arena[0].close()


@st.composite
def mutations(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Ways to change a file: bytes flipped, set, cut out, put in or moved, anywhere or where the list of members is."""
    seed = draw(st.integers(0, 2**32))
    kinds = draw(
        st.lists(
            st.sampled_from(["flip", "set", "cut", "end", "insert", "swap", "tail"]), min_size=1, max_size=4
        )
    )

    def mutate(data: bytes) -> bytes:
        rng, changed = random.Random(seed), bytearray(data)
        for kind in kinds:
            if not changed:
                break
            at = rng.randrange(len(changed))
            length = rng.choice([1, 2, 4, 30, 1000])
            if kind == "tail":  # where the list of members and its end are
                at = max(0, len(changed) - 1 - rng.randrange(1200))
                changed[at] = rng.randrange(256)
            elif kind == "flip":
                changed[at] ^= 1 << rng.randrange(8)
            elif kind == "set":
                changed[at : at + length] = rng.randbytes(min(length, len(changed) - at))
            elif kind == "cut":
                del changed[at : at + length]
            elif kind == "end":
                del changed[at:]
            elif kind == "insert":
                changed[at:at] = rng.randbytes(length)
            else:
                changed[at : at + length], changed[:length] = changed[:length], changed[at : at + length]
        return bytes(changed)

    return mutate


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(mutate=mutations())
def test_any_mutation_is_imported_right_or_refused(
    honest: Path, arena: list[Shelf], tmp_path: Path, mutate: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "mutant.zip"
    path.write_bytes(mutate(honest.read_bytes()))
    shelf = arena[0]
    before = shelf.contents()
    try:
        merged = shelf.merge(path, validate=_understood)
    except LibraryError:
        assert shelf.contents() == before
        return
    check_right(honest, shelf, merged.clips)
    arena[0] = shelf.wipe()


def check_right(honest: Path, shelf: Shelf, clips: tuple[str, ...]) -> None:
    """That exactly what the honest zip holds has come in."""
    assert clips == ("clip_a", "clip_b")
    with zipfile.ZipFile(honest) as archive:
        members = {
            name: archive.read(name) for name in archive.namelist() if not name.endswith(("json", "jsonl"))
        }
    contents = shelf.contents()
    assert {name: data for name, data in contents.items() if "/" in name} == members
    assert [row[0] for row in contents["jobs"]] == ["clip_a", "clip_b"]
    assert len(contents["events"]) == len(rows_of(honest, "events"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["", "done", "intent", "clip_b", "clip_x", "../x", "image/webp", SHA, "clips/clip_a.mp4"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a row, as the keys that lead there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, item in inner for place in places(item, (*at, key)))]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(table=st.sampled_from(list(TABLES)), seed=st.integers(0, 2**32), value=JSON)
def test_any_change_of_a_row_is_refused_or_leaves_clips_that_can_be_handled(
    honest: Path, arena: list[Shelf], tmp_path: Path, table: str, seed: int, value: Any
) -> None:
    rng, rows = random.Random(seed), rows_of(honest, table)
    row = rng.randrange(len(rows))
    *way, last = (row, *rng.choice(places(rows[row])))
    inside: Any = rows
    for key in way:
        inside = inside[key]
    inside[last] = value
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in rows)
    rewrite(honest, tmp_path / "mutant.zip", {f"journal/{table}.jsonl": lines})
    shelf = arena[0]
    before = shelf.contents()
    try:
        merged = shelf.merge(tmp_path / "mutant.zip", validate=_understood)
    except LibraryError:
        assert shelf.contents() == before
        return
    for record in Clips(shelf.database).newest(10):
        clip = Clip(SimpleNamespace(home=shelf.home.root, account=("sandbox", "")), record)
        assert json.dumps(clip.to_dict())
        assert clip.state in TERMINAL
        assert clip.code()
        assert repr(clip)
        assert clip.poster_jpeg() is None or clip.is_done
    assert len(Ballots(shelf.database).to_frame()) <= 1
    assert len(Ballots(shelf.database).arenas()) <= 1
    assert {*merged.clips, *merged.left_out} <= {"clip_a", "clip_b"} | {
        row[0] for row in shelf.rows("jobs", "id")
    }
    allowed = re.compile(r"(clips|posters)/clip_\w+\.(mp4|jpg)|images/[0-9a-f]{64}\.png")
    assert all(allowed.fullmatch(name) for name in shelf.contents() if "/" in name)
    arena[0] = shelf.wipe()


def test_the_list_of_members_changed_field_by_field(honest: Path, arena: list[Shelf], tmp_path: Path) -> None:
    """Every 16-bit field of the list and of the zip's end set to values that readers stumble over."""
    data = honest.read_bytes()
    start = data.index(b"PK\x01\x02")
    path = tmp_path / "mutant.zip"
    outcomes = {"refused": 0, "imported": 0}
    for at in range(start, len(data) - 1, 2):
        for value in (0, 0xFFFF):
            changed = bytearray(data)
            struct.pack_into("<H", changed, at, value)
            path.write_bytes(bytes(changed))
            before = arena[0].rows("jobs", "id")
            try:
                merged = arena[0].merge(path, validate=_understood)
            except LibraryError:
                assert arena[0].rows("jobs", "id") == before
                outcomes["refused"] += 1
            else:
                assert {*merged.clips, *merged.known} == {"clip_a", "clip_b"}
                outcomes["imported"] += 1
    check_right(honest, arena[0], ("clip_a", "clip_b"))
    assert outcomes["refused"] > 300


def test_reading_a_pipe_does_not_hang(target: Shelf, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    assert "it is no file" in refused(target, tmp_path / "pipe.zip")
