"""What is measured of a clip is what was put into it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from happyhorse_widgets.research.metrics.consistency import windows
from happyhorse_widgets.research.metrics.cuts import cuts_in
from happyhorse_widgets.research.metrics.embedding import ColourAndShape, Portable
from happyhorse_widgets.research.metrics.measuring import ClipTask, Source, measure_clip
from tests.films import HEIGHT, WIDTH, Picture, grey, slid, texture, tone, write_film

LIGHT = Portable(ColourAndShape())


def measured(path: Path, **references: str) -> dict[str, float]:
    row = measure_clip(ClipTask(Source(path.name, str(path)), LIGHT, references))
    assert row["error"] == ""
    return row  # type: ignore[return-value]


def test_the_facts_are_those_of_the_file(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", [grey(99)] * 36, tone(-20, 1.5))
    row = measured(path)
    assert [row[name] for name in ("width", "height", "fps", "frames", "duration")] == [
        WIDTH,
        HEIGHT,
        24,
        36,
        1.5,
    ]
    assert [row[name] for name in ("video_codec", "audio_codec", "has_audio")] == ["h264", "aac", True]
    assert row["bitrate"] == pytest.approx(path.stat().st_size * 8 / 1.5)


def test_a_still_clip_has_no_motion(tmp_path: Path) -> None:
    row = measured(write_film(tmp_path / "still.mp4", [texture()] * 12))
    assert row["temporal_flickering"] == pytest.approx(1, abs=1e-3)
    assert row["motion_smoothness"] == pytest.approx(1, abs=1e-3)
    assert row["subject_consistency"] == pytest.approx(1, abs=1e-3)
    assert row["motion_amplitude"] == pytest.approx(0, abs=0.02)
    assert (row["dynamic_degree"], row["scene_cuts"]) == (0, 0)


def test_an_alternating_clip_flickers_by_as_much_as_it_alternates(tmp_path: Path) -> None:
    row = measured(write_film(tmp_path / "flicker.mp4", [grey(60), grey(160)] * 12))
    assert row["temporal_flickering"] == pytest.approx(1 - 100 / 255, abs=0.005)
    assert row["motion_smoothness"] == pytest.approx(
        1 - 100 / 255, abs=0.005
    )  # nothing predicts the frame between
    assert (row["motion_amplitude"], row["dynamic_degree"], row["scene_cuts"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("step", "width", "height", "dynamic", "close"),
    [
        (0.5, WIDTH, HEIGHT, 0, 0.05),
        (3.0, WIDTH, HEIGHT, 1, 0.05),
        (12.0, WIDTH, HEIGHT, 1, 0.12),  # much is uncovered, and has come from nowhere
        (6.0, 384, 256, 1, 0.05),
    ],
    ids=["slowly", "fast", "very fast", "larger than what flow is measured on"],
)
def test_a_translated_clip_moves_by_the_pixels_it_was_moved(
    tmp_path: Path, step: float, width: int, height: int, dynamic: int, close: float
) -> None:
    row = measured(write_film(tmp_path / "moved.mp4", slid([step * n for n in range(9)], width, height)))
    assert row["motion_amplitude"] == pytest.approx(step, rel=close)
    assert row["dynamic_degree"] == dynamic  # more than 6 of 256 pixels in an eighth of a second
    assert row["motion_smoothness"] > 0.9  # what a fast camera uncovers cannot be foreseen


def test_a_fade_is_no_motion(tmp_path: Path) -> None:
    row = measured(
        write_film(tmp_path / "fade.mp4", [(texture() * (1 - n / 20)).astype(np.uint8) for n in range(13)])
    )
    assert row["motion_amplitude"] == pytest.approx(0, abs=0.1)
    assert (row["dynamic_degree"], row["scene_cuts"]) == (0, 0)


def test_uneven_motion_is_less_smooth_than_even_motion(tmp_path: Path) -> None:
    even = measured(write_film(tmp_path / "even.mp4", slid([2.0 * n for n in range(9)])))
    jerky = measured(write_film(tmp_path / "jerky.mp4", slid([4.0 * (n // 2) for n in range(9)])))
    assert jerky["motion_amplitude"] == pytest.approx(even["motion_amplitude"], rel=0.1)
    assert jerky["motion_smoothness"] < even["motion_smoothness"] - 0.01


def test_a_cut_is_found_at_its_frame_and_nowhere_else(tmp_path: Path) -> None:
    first, second = slid([1.0 * n for n in range(20)], seed=1), slid([1.0 * n for n in range(20)], seed=2)
    row = measured(write_film(tmp_path / "cut.mp4", [*first, *second]))
    assert (row["scene_cuts"], row["scene_cut_frames"]) == (1, "20")


@pytest.mark.parametrize(
    ("scores", "cuts"),
    [
        ([0.0] * 20 + [40.0] + [0.0] * 20, [20]),
        ([0.0] * 20 + [14.0] + [0.0] * 20, []),  # too small a change
        ([20.0] * 20 + [40.0] + [20.0] * 20, []),  # among others that are large
        ([0.0] * 20 + [40.0] + [0.0] * 7 + [40.0] + [0.0] * 20, [20]),  # the second shot would be too short
        ([0.0] * 20 + [40.0] + [0.0] * 20 + [40.0] + [0.0] * 5, [20, 41]),
        ([0.0, 40.0], []),
        (
            [0.0] * 13 + [50.0] + [0.0] * 2,
            [13],
        ),  # the shortest shot: with the two frames looked ahead it is 15
        ([0.0] * 12 + [50.0] + [0.0] * 3, []),
    ],
)  # as PySceneDetect's AdaptiveDetector decides
def test_what_counts_as_a_cut(scores: list[float], cuts: list[int]) -> None:
    assert cuts_in(scores) == cuts


@pytest.mark.parametrize(
    ("level", "channels", "loudness"),
    [(-20.0, 2, -20.0), (-20.0, 1, -23.01), (-33.0, 2, -33.0), (-np.inf, 2, -70.0)],
)  # BS.1770: a tone near 1 kHz at full scale in one channel is −3.01 LUFS, and two channels add their powers
def test_a_tone_is_as_loud_as_it_is(tmp_path: Path, level: float, channels: int, loudness: float) -> None:
    row = measured(write_film(tmp_path / "tone.mp4", [grey(99)] * 3, tone(level, 2, channels)))
    assert row["loudness"] == pytest.approx(loudness, abs=0.1)


def test_the_gate_leaves_silence_out(tmp_path: Path) -> None:
    sound = np.concatenate([tone(-20, 2), tone(-np.inf, 2)], axis=1)
    assert measured(write_film(tmp_path / "half.mp4", [grey(99)] * 3, sound))["loudness"] == pytest.approx(
        -20, abs=0.5
    )


def test_without_sound_there_is_no_loudness(tmp_path: Path) -> None:
    row = measured(write_film(tmp_path / "mute.mp4", [grey(99)] * 3))
    assert np.isnan(row["loudness"])
    assert (row["has_audio"], row["audio_codec"]) == (False, "")


def test_blur_lowers_sharpness(tmp_path: Path) -> None:
    sharp = texture(softness=0.5)
    found = [
        measured(write_film(tmp_path / f"{sigma}.mp4", [gaussian_filter(sharp, (sigma, sigma, 0))] * 2))[
            "sharpness"
        ]
        for sigma in (0.0, 1.0, 2.0, 4.0)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > 2 * found[-1]


def test_exposure_is_the_mean_and_what_is_clipped_is_counted(tmp_path: Path) -> None:
    picture = grey(102)
    picture[:, :40] = 0  # a quarter
    picture[:, 144:] = 255  # a tenth
    row = measured(write_film(tmp_path / "exposed.mp4", [picture] * 2))
    assert row["exposure"] == pytest.approx(0.65 * 0.4 + 0.1, abs=0.005)
    assert (row["clipped_dark"], row["clipped_bright"]) == pytest.approx((0.25, 0.1), abs=0.01)


def test_one_frame_is_enough_for_what_one_frame_can_tell(tmp_path: Path) -> None:
    row = measured(write_film(tmp_path / "one.mp4", [texture()]))
    unknown = {name for name, value in row.items() if isinstance(value, float) and np.isnan(value)}
    moving = {
        "temporal_flickering",
        "motion_smoothness",
        "dynamic_degree",
        "motion_amplitude",
        "subject_consistency",
    }
    assert unknown == moving | {"loudness"}


def tinted(channel: int, seed: int, side: int = 80) -> Picture:
    """A square texture of one colour."""
    picture = texture(side, side, seed)
    picture[..., [other for other in range(3) if other != channel]] //= 4
    return picture


def test_a_subject_that_changes_is_less_consistent(tmp_path: Path) -> None:
    red, blue = tinted(0, 3), tinted(2, 4)
    for frames, low, high in (([red] * 12, 0.99, 1), ([red] * 6 + [blue] * 6, 0.3, 0.8)):
        row = measured(write_film(tmp_path / f"{low}.mp4", frames))
        assert low < row["subject_consistency"] <= high


def pasted(subject: Picture, ground: Picture, left: int, top: int) -> Picture:
    found = ground.copy()
    found[top : top + subject.shape[0], left : left + subject.shape[1]] = subject
    return found


def test_who_is_in_the_clip_is_more_consistent_with_its_reference_than_who_is_not(tmp_path: Path) -> None:
    red, blue = tinted(0, 3), tinted(2, 4)
    for name, picture in {"red": red, "blue": blue}.items():
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    frames = [pasted(red, texture(seed=9), 10 + n, 30) for n in range(12)]
    names = {"character1": str(tmp_path / "red.png"), "character2": str(tmp_path / "blue.png")}
    row = measured(write_film(tmp_path / "red.mp4", frames), **names)
    assert row["subject_consistency_character1"] > 0.5
    assert row["subject_consistency_character2"] < row["subject_consistency_character1"] - 0.2


def test_what_is_transparent_in_a_reference_is_grey_and_photos_stand_upright(tmp_path: Path) -> None:
    from happyhorse_widgets.research.metrics.consistency import reference_picture

    Image.new("RGBA", (8, 4), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert reference_picture(tmp_path / "clear.png").getpixel((0, 0)) == (128, 128, 128)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 4)).save(tmp_path / "turned.jpg", exif=exif)
    assert reference_picture(tmp_path / "turned.jpg").size == (4, 8)


@pytest.mark.parametrize("shape", [0.5, 1.0, 1.8])
def test_windows_cover_the_frame_in_the_references_shape(shape: float) -> None:
    found = windows(160, 90, shape)
    covered = np.zeros((90, 160), dtype=bool)
    for left, top, right, bottom in found:
        assert 0 <= left < right <= 160 and 0 <= top < bottom <= 90
        assert (right - left) / (bottom - top) == pytest.approx(shape, rel=0.03)
        covered[top:bottom, left:right] = True
    assert covered.all()
