"""Sheets of stills and videos of several clips, from real files whose frames tell their number by their brightness."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from happyhorse_widgets.errors import InvalidRequest, MediaError
from happyhorse_widgets.media.frames import sample
from happyhorse_widgets.media.montage import side_by_side
from happyhorse_widgets.media.probe import probe
from happyhorse_widgets.media.sheets import Take, contact_sheet, stills, strip, written
from tests.videos import RATE, index_of, write_video

GAP = 4
HEIGHT = 70
LINE = 14


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return {
        "long": write_video(folder / "long.mp4", frames=30),
        "short": write_video(folder / "short.mp4", frames=12, audio=False),
        "upright": write_video(folder / "upright.mp4", frames=30, size=(48, 64), audio=False),
    }


def cell(sheet: Image.Image, row: int, column: int, width: int) -> Image.Image:
    """The picture in that row and column of a strip."""
    left = GAP + column * (width + GAP)
    top = 2 * GAP + LINE + row * (LINE + HEIGHT + 2 * GAP) + LINE
    return sheet.crop((left, top, left + width, top + HEIGHT))


def test_a_strip_shows_all_clips_at_the_same_times(clips: dict[str, Path]) -> None:
    takes = [Take(clips["long"], "A"), Take(clips["short"], "B"), Take(clips["long"], "C", start=5 / RATE)]
    sheet = strip(takes, frames=6, height=HEIGHT)
    width = round(HEIGHT * 64 / 48)
    wanted = [0, 5, 11, 17, 23, 29]  # 29 frames in five steps of 5.8
    assert [index_of(cell(sheet, 0, column, width)) for column in range(6)] == wanted
    assert [index_of(cell(sheet, 1, column, width)) for column in range(3)] == wanted[:3]
    assert [index_of(cell(sheet, 2, column, width)) for column in range(5)] == [5, 10, 16, 22, 28]
    empty = [cell(sheet, 1, column, width).getcolors() for column in range(3, 6)]
    assert empty == [[(width * HEIGHT, (243, 243, 243))]] * 3
    assert cell(sheet, 2, 5, width).getcolors() == empty[0]


def test_a_strip_says_which_clip_and_when(clips: dict[str, Path]) -> None:
    def ink(sheet: Image.Image, top: int) -> int:
        return int((np.asarray(sheet.convert("L"))[top : top + LINE] < 128).sum())

    plain = strip([Take(clips["short"], "")], frames=2, height=HEIGHT)
    named = strip([Take(clips["short"], "A · calm · seed 1")], frames=2, height=HEIGHT)
    assert ink(plain, GAP) == ink(named, GAP) > 20, "the times"
    assert ink(plain, 2 * GAP + LINE) == 0
    assert ink(named, 2 * GAP + LINE) > 20, "the label"


def test_stills_end_with_the_clip(clips: dict[str, Path]) -> None:
    found = stills(clips["short"], [0.0, 4 / RATE, 11.9 / RATE, 12 / RATE, 9.0], 24)
    assert [still and index_of(still) for still in found] == [0, 4, 11, None, None]
    assert found[0] is not None and found[0].size == (32, 24)


def test_a_contact_sheet_keeps_each_stills_shape_and_a_place_for_what_is_missing() -> None:
    wide, upright = Image.new("RGB", (160, 90), "red"), Image.new("RGB", (90, 160), "blue")
    sheet = contact_sheet([(wide, "A"), (upright, "B"), (None, "C")], columns=2, height=90)
    assert sheet.size == (2 * 164 + 4, 2 * (90 + 14 + 4) + 4)
    assert sheet.getpixel((GAP, GAP)) == (255, 0, 0)
    assert sheet.getpixel((GAP + 164 + 80, GAP + 45)) == (0, 0, 255)
    assert sheet.getpixel((GAP + 164 + 10, GAP + 45)) == (243, 243, 243)
    assert sheet.getpixel((GAP + 80, GAP + 108 + 45)) == (243, 243, 243)


def test_what_does_not_fit_is_cut_where_it_shows() -> None:
    line = "a fox walks through deep snow at night"
    narrow, room = written(line, 60, 16), written(line, 600, 16)
    assert np.asarray(narrow)[:, 58:].min() > 100, "the last letter is whole"
    assert np.asarray(room)[:, 200:].min() < 100
    assert written("", 20, 16).getcolors() == [(320, (255, 255, 255))]


def pictures(path: Path) -> np.ndarray:
    """The brightness of every frame: (n, height, width)."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    return np.stack(frames)


def test_clips_play_beside_each_other(clips: dict[str, Path], tmp_path: Path) -> None:
    target = tmp_path / "beside.mp4"
    takes = [
        Take(clips["long"], "A · rain"),
        Take(clips["short"], "B"),
        Take(clips["upright"], "", start=5 / RATE),
    ]
    shares: list[float] = []
    side_by_side(takes, target, columns=2, height=96, comment="A: clip_1", progress=shares.append)
    facts = probe(target)
    assert (facts.width, facts.height, facts.frames, facts.frame_rate) == (256, 2 * (96 + 16), 30, RATE)
    assert (facts.video_codec, facts.audio_codec, facts.faststart) == ("h264", None, True)
    assert shares[-1] == 1.0 and shares == sorted(shares)
    with av.open(str(target)) as container:
        assert container.metadata["comment"] == "A: clip_1"
    shown, whole = pictures(target), pictures(clips["long"])
    first, second, third = shown[:, 8:88, 8:120], shown[:, 8:88, 136:248], shown[:, 120:200, 36:92]
    for number in range(30):
        assert first[number].mean() == pytest.approx(whole[number].mean(), abs=1.5)
        assert second[number].mean() == pytest.approx(whole[min(number, 11)].mean(), abs=1.5)
        assert third[number].mean() == pytest.approx(whole[min(number + 5, 29)].mean(), abs=1.5)
    assert first.std(axis=(1, 2)).max() < 3, "nothing is written on the picture"
    assert shown[15, 96:112, :128].max() > 150, "the label is below it"
    assert shown[15, 112:208, :20].max() < 30, "what is not filled is black"


def test_colours_stay_as_they_are(tmp_path: Path) -> None:
    source, target = tmp_path / "red.mp4", tmp_path / "out.mp4"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(2):
            container.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", (64, 48), (200, 40, 40)))))
        container.mux(stream.encode())
    side_by_side([Take(source, "A"), Take(source, "B")], target, columns=2, height=48)
    before, after = sample(source, 1)[0, 10:30, 10:50], sample(target, 1)[0, 10:30, 74:114]
    assert np.abs(before.astype(int).mean((0, 1)) - after.astype(int).mean((0, 1))).max() < 4


def test_the_pictures_stand_in_a_square(clips: dict[str, Path], tmp_path: Path) -> None:
    for count, columns in ((1, 1), (2, 2), (4, 2), (5, 3)):
        side_by_side([Take(clips["short"], "")] * count, tmp_path / "n.mp4", height=24)
        assert probe(tmp_path / "n.mp4").width == columns * 32


def test_what_cannot_be_is_refused_before_anything_is_written(clips: dict[str, Path], tmp_path: Path) -> None:
    target = tmp_path / "never.mp4"
    with pytest.raises(InvalidRequest, match="4,096"):
        side_by_side([Take(clips["long"], "A")] * 9, target, columns=9, height=720)
    with pytest.raises(InvalidRequest, match="at least 1 clip"):
        side_by_side([], target)
    with pytest.raises(InvalidRequest, match="at least 1 clip"):
        strip([])
    with pytest.raises(MediaError):
        side_by_side([Take(tmp_path / "gone.mp4", "A")], target)
    assert not target.exists()


def test_who_hears_of_the_progress_may_stop_it(clips: dict[str, Path], tmp_path: Path) -> None:
    heard: list[float] = []

    def stop(share: float) -> None:
        heard.append(share)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        side_by_side([Take(clips["long"], "A")], tmp_path / "half.mp4", progress=stop)
    assert heard == [pytest.approx(1 / 30)]
