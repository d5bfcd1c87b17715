"""Facts of a video, and that no missing byte goes unseen."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from happyhorse_widgets.errors import MediaError
from happyhorse_widgets.media.probe import probe
from tests.videos import write_video

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module", params=[False, True], ids=["moov last", "moov first"])
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("probe") / "clip.mp4", faststart=request.param)


def test_the_facts(video: Path, request: pytest.FixtureRequest) -> None:
    facts = probe(video)
    assert (facts.width, facts.height, facts.frame_rate, facts.frames) == (64, 48, 24.0, 30)
    assert facts.duration == pytest.approx(30 / 24)
    assert (facts.video_codec, facts.video_profile, facts.pixel_format) == ("h264", "High", "yuv420p")
    assert (facts.audio_codec, facts.audio_channels) == ("aac", 2)
    assert facts.size == video.stat().st_size
    assert facts.faststart is (video.read_bytes().index(b"moov") < video.read_bytes().index(b"mdat"))


def test_a_video_without_sound(tmp_path: Path) -> None:
    facts = probe(str(write_video(tmp_path / "silent.mp4", audio=False)))
    assert (facts.audio_codec, facts.audio_channels) == (None, 0)


def test_truncation_anywhere_is_found(video: Path, tmp_path: Path) -> None:
    whole = video.read_bytes()
    cut = tmp_path / "cut.mp4"

    @settings(max_examples=150, deadline=None)
    @given(length=st.integers(0, len(whole) - 1))
    def check(length: int) -> None:
        cut.write_bytes(whole[:length])
        with pytest.raises(MediaError, match=r"cut\.mp4"):
            probe(cut)

    check()


def test_truncation_at_the_end_of_a_box_is_found(video: Path, tmp_path: Path) -> None:
    whole = video.read_bytes()
    cut = tmp_path / "cut.mp4"
    ends, offset = [], 0
    while offset < len(whole):
        offset += struct.unpack(">I", whole[offset : offset + 4])[0]
        ends.append(offset)
    assert ends[-1] == len(whole)
    for end in ends[:-1]:
        cut.write_bytes(whole[:end])
        with pytest.raises(MediaError, match="missing"):
            probe(cut)


def test_a_cut_data_box_of_open_size_is_found(tmp_path: Path) -> None:
    whole = bytearray(write_video(tmp_path / "clip.mp4", faststart=True).read_bytes())
    start = whole.index(b"mdat") - 4
    whole[start : start + 4] = bytes(4)
    path = tmp_path / "open.mp4"
    path.write_bytes(whole)
    assert probe(path).frames == 30
    path.write_bytes(whole[:-600])
    with pytest.raises(MediaError):
        probe(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>Access denied</html>", "not an MP4"),
        (b"\x00\x00\x00\x08ftyp", "missing"),
        (b"\x00\x00\x00\x01ftyp\x00", "cut"),
        (b"\x00\x00\x00\x08ftyp\x00\x00\x00\x08moov\x00\x00\x00\x08mdat", "cannot be read"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    with pytest.raises(MediaError, match=words):
        probe(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"absent\.mp4"):
        probe(tmp_path / "absent.mp4")
    with pytest.raises(MediaError, match="cannot be read"):
        probe(tmp_path)


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200), head=st.booleans())
def test_arbitrary_bytes_raise_nothing_but_a_media_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "arbitrary.mp4"
    path.write_bytes((b"\x00\x00\x00\x08ftyp" if head else b"") + data)
    with pytest.raises(MediaError):
        probe(path)
