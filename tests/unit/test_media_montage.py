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


RED = (200, 40, 40)
BT601, BT709, NOT_SAID, TELEVISION, FULL = 5, 1, 2, 1, 2  # FFmpeg's numbers


def write_red(path: Path, size: tuple[int, int], space: int, said: int, span: int = TELEVISION) -> Path:
    """A video of one red in the colours of `space`, of which it says that they are those of `said`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "10"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if span == FULL else "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = said, span
        red = av.VideoFrame.from_image(Image.new("RGB", size, RED))
        for number in range(2):
            frame = red.reformat(format=stream.pix_fmt, dst_colorspace=space, dst_color_range=span)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("size", "space", "said", "span"),
    [
        ((64, 48), BT601, NOT_SAID, TELEVISION),
        ((64, 48), BT601, BT601, TELEVISION),
        ((64, 48), BT709, BT709, TELEVISION),
        ((64, 48), BT601, BT601, FULL),
        ((64, 48), BT709, BT709, FULL),
        ((960, 720), BT709, NOT_SAID, TELEVISION),
    ],
    ids=[
        "small, not said",
        "BT.601",
        "BT.709",
        "BT.601, full range",
        "BT.709, full range",
        "large, not said",
    ],
)
def test_colours_stay_as_they_are(
    tmp_path: Path, size: tuple[int, int], space: int, said: int, span: int
) -> None:
    source, target = write_red(tmp_path / "red.mp4", size, space, said, span), tmp_path / "out.mp4"
    other = write_red(tmp_path / "other.mp4", (64, 48), BT601, BT601)
    side_by_side([Take(other, "A"), Take(source, "B")], target, columns=2, height=48)
    with av.open(str(target)) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (BT709, TELEVISION)
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc) == (BT709, BT709)
    shown = sample(target, 1)[0].astype(int)
    for left in (10, 74):
        assert np.abs(shown[10:30, left : left + 40].mean((0, 1)) - RED).max() < 4, left


def test_every_height_is_one_that_pictures_can_have(tmp_path: Path) -> None:
    path = write_video(tmp_path / "wide.mp4", frames=2, size=(1280, 720), audio=False)
    for height in (480, 250, 359):  # of 480 the width is 853.33: rounded twice it would be another
        side_by_side([Take(path, "A")], tmp_path / "one.mp4", height=height)
        assert probe(tmp_path / "one.mp4").height == height // 2 * 2 + round(height // 2 * 2 * 0.04) * 2


def test_where_nobody_says_the_height_it_is_the_largest_that_fits(tmp_path: Path) -> None:
    path = write_video(tmp_path / "wide.mp4", frames=2, size=(320, 180), audio=False)
    for count, wide in ((6, 6 * 640), (7, 7 * 584), (36, 36 * 110)):
        target = tmp_path / "row.mp4"
        side_by_side([Take(path, "A")] * count, target, columns=count, height=None)
        assert probe(target).width == wide
    with pytest.raises(InvalidRequest, match="4,096"):
        side_by_side([Take(path, "A")] * 7, tmp_path / "never.mp4", columns=7, height=360)


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
