"""Frames out of a video, and the index moved to the front without touching a packet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from PIL import Image

from happyhorse_widgets.errors import MediaError
from happyhorse_widgets.media.frames import last_frame, move_moov_first, poster, sample, without_sound
from happyhorse_widgets.media.probe import probe
from happyhorse_widgets.media.webm import to_webm
from tests.videos import index_of, write_video

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("frames") / "clip.mp4")


def packets(path: Path) -> list[tuple[Any, ...]]:
    with av.open(str(path)) as container:
        return [
            (packet.stream.type, packet.pts, packet.dts, packet.duration, packet.is_keyframe, bytes(packet))
            for packet in container.demux()
            if packet.size
        ]


def test_the_poster_is_the_first_frame(video: Path) -> None:
    image = poster(video)
    assert (image.size, image.mode, index_of(image)) == ((64, 48), "RGB", 0)


@pytest.mark.parametrize(
    ("at", "index"), [(0.0, 0), (0.02, 0), (0.5, 12), (0.99, 23), (1.0, 24), (9.0, 29), (-1.0, 0)]
)
def test_the_frame_at_a_time(video: Path, at: float, index: int) -> None:
    assert index_of(poster(video, at=at)) == index


def test_the_last_frame(video: Path) -> None:
    assert index_of(last_frame(str(video))) == 29


@pytest.mark.parametrize(
    ("n", "indices"), [(1, [0]), (2, [0, 29]), (4, [0, 10, 19, 29]), (30, list(range(30)))]
)
def test_samples_are_evenly_spaced(video: Path, n: int, indices: list[int]) -> None:
    found = sample(video, n)
    assert (found.shape, found.dtype) == ((n, 48, 64, 3), np.uint8)
    assert [index_of(Image.fromarray(frame)) for frame in found] == indices


def test_more_samples_than_frames_repeat_some(tmp_path: Path) -> None:
    found = sample(write_video(tmp_path / "short.mp4", frames=3), 5)
    assert [index_of(Image.fromarray(frame)) for frame in found] == [0, 0, 1, 2, 2]


def test_no_samples_is_a_mistake(video: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        sample(video, 0)


@pytest.mark.parametrize("audio", [True, False], ids=["with sound", "without sound"])
def test_moving_the_index_keeps_every_packet(tmp_path: Path, audio: bool) -> None:
    source = write_video(tmp_path / "late.mp4", audio=audio)
    target = tmp_path / "early.mp4"
    move_moov_first(source, target)
    before, after = probe(source), probe(target)
    assert (before.faststart, after.faststart) == (False, True)
    assert (after.frames, after.duration, after.audio_codec) == (
        before.frames,
        before.duration,
        before.audio_codec,
    )
    assert packets(target) == packets(source)
    assert index_of(last_frame(target)) == 29


def test_a_file_that_begins_with_its_index_is_copied(tmp_path: Path) -> None:
    source = write_video(tmp_path / "early.mp4", faststart=True)
    target = tmp_path / "copy.mp4"
    move_moov_first(source, target)
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("missing", [100, 4000])
def test_a_cut_video_is_refused(video: Path, tmp_path: Path, missing: int) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video.read_bytes()[:-missing])
    with pytest.raises(MediaError, match=r"cut\.mp4"):
        sample(cut, 2)
    with pytest.raises(MediaError, match=r"cut\.mp4"):
        move_moov_first(cut, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_video_without_its_index_has_no_poster(video: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video.read_bytes()[:5000])
    for read in (poster, last_frame):
        with pytest.raises(MediaError, match=r"cut\.mp4"):
            read(cut)


def test_sound_alone_has_no_frames(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    for read in (probe, poster):
        with pytest.raises(MediaError, match="no video stream"):
            read(path)


def test_damaged_frames_are_refused(tmp_path: Path) -> None:
    whole = bytearray(write_video(tmp_path / "clip.mp4", audio=False).read_bytes())
    start, end = whole.index(b"mdat") + 4, whole.index(b"moov") - 4
    whole[start:end] = b"\xff" * (end - start)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(whole)
    for read in (poster, lambda path: sample(path, 3)):
        with pytest.raises(MediaError, match=r"damaged\.mp4"):
            read(path)


def test_the_sound_is_left_out_and_no_picture_touched(tmp_path: Path) -> None:
    source, target = write_video(tmp_path / "clip.mp4"), tmp_path / "silent.mp4"
    without_sound(source, target)
    facts = probe(target)
    assert (facts.audio_codec, facts.faststart, facts.frames) == (None, True, 30)
    assert packets(target) == [packet for packet in packets(source) if packet[0] == "video"]


def test_a_webm_has_the_same_frames_at_the_same_times(tmp_path: Path) -> None:
    source, target = write_video(tmp_path / "clip.mp4"), tmp_path / "clip.webm"
    shares: list[float] = []
    to_webm(source, target, shares.append)
    with av.open(str(target)) as container:
        (stream,) = container.streams.video
        assert (stream.codec_context.name, len(container.streams)) == ("vp9", 1)
        frames = [(frame.time, index_of(frame.to_image())) for frame in container.decode(video=0)]
    assert [index for _, index in frames] == list(range(30))
    assert [time for time, _ in frames] == pytest.approx([index / 24 for index in range(30)], abs=0.001)
    assert (shares == sorted(shares), len(shares), shares[-1]) == (True, 30, 1.0)


def test_no_webm_is_made_of_a_cut_video(video: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video.read_bytes()[:-100])
    with pytest.raises(MediaError, match=r"cut\.mp4"):
        to_webm(cut, tmp_path / "out.webm")
    assert not (tmp_path / "out.webm").exists()
