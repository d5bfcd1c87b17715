"""How far two clips differ, by measures whose answers are known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

import happyhorse_widgets as hh
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.research.metrics.definitions import OF_PAIRS
from happyhorse_widgets.research.metrics.pairwise import phash, ssim
from tests.films import grey, slid, texture, write_film


@pytest.mark.parametrize(
    ("seed", "size", "hashed"),
    [
        (0, (160, 120), "c5a8ae53764fe031"),
        (1, (160, 120), "cf0135a2f2fb0275"),
        (2, (160, 120), "e4d5a4b134d0f11f"),
        (5, (320, 240), "c99ef8b3a5f02628"),
    ],
)  # what ImageHash 4.3.2 gives for these pictures
def test_the_perceptual_hash_is_that_of_imagehash(seed: int, size: tuple[int, int], hashed: str) -> None:
    assert np.packbits(phash(texture(*size, seed=seed))).tobytes().hex() == hashed


def test_a_clip_and_itself_do_not_differ(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", slid([1.0 * n for n in range(12)]))
    row = hh.pair_metrics([(path, str(path))], executor="serial").iloc[0]
    assert (row["ssim"], row["psnr"], row["phash_distance"]) == (pytest.approx(1), math.inf, 0)
    assert (row["fit"], row["compared"], row["clip_a"], row["error"]) == ("equal", 4, "film.mp4", "")
    assert row["sha256_a"] == row["sha256_b"]


def test_the_error_is_known_where_the_difference_is(tmp_path: Path) -> None:
    paths = [write_film(tmp_path / f"{level}.mp4", [grey(level)] * 6) for level in (60, 160)]
    row = hh.pair_metrics([paths], executor="serial").iloc[0]  # type: ignore[list-item]
    assert row["psnr"] == pytest.approx(10 * math.log10(255**2 / 100**2), abs=0.1)
    pictures = [np.full((8, 8), level, dtype=np.uint8) for level in (60, 160)]
    assert row["psnr"] == pytest.approx(peak_signal_noise_ratio(*pictures), abs=0.1)
    # With no structure only the brightness counts: (2·a·b + c) / (a² + b² + c), c = (0.01 · 255)².
    c = (0.01 * 255) ** 2
    assert row["ssim"] == pytest.approx((2 * 60 * 160 + c) / (60**2 + 160**2 + c), abs=0.01)


def test_unrelated_clips_differ_more_than_degraded_ones(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 20, texture().shape)
    noisy = np.clip(texture() + noise, 0, 255).astype(np.uint8)
    clean, bad, other = (
        write_film(tmp_path / f"{name}.mp4", [picture] * 3)
        for name, picture in (("clean", texture()), ("bad", noisy), ("other", texture(seed=8)))
    )
    table = hh.pair_metrics([(clean, bad), (clean, other)], executor="serial")
    assert 0 < table["ssim"][1] < table["ssim"][0] < 1
    assert table["psnr"][1] < table["psnr"][0] < 30
    assert table["phash_distance"][0] < 8 < 20 < table["phash_distance"][1]


def test_larger_pictures_are_averaged_down_before_their_structure_is_compared() -> None:
    large = texture(768, 512)[..., 0]
    checked = large.copy()
    checked[::2, ::2] += 1  # finer than anybody sees from there
    assert ssim(large, checked) > 0.99


@pytest.mark.parametrize(
    ("size", "fit"), [((160, 120), "equal"), ((320, 240), "scaled"), ((240, 120), "stretched")]
)
def test_unequal_sizes_are_made_equal_and_it_is_said(tmp_path: Path, size: tuple[int, int], fit: str) -> None:
    one = write_film(tmp_path / "one.mp4", [grey(90)] * 3)
    other = write_film(tmp_path / "other.mp4", [grey(90, *size)] * 3)
    row = hh.pair_metrics([(one, other)], executor="serial").iloc[0]
    assert (row["fit"], row["phash_distance"]) == (fit, 0)
    assert row["psnr"] > 45


def test_it_is_one_whichever_clip_comes_first(tmp_path: Path) -> None:
    wide = write_film(tmp_path / "wide.mp4", [texture(160, 90)] * 3)
    upright = write_film(tmp_path / "upright.mp4", [texture(90, 160)] * 3)
    table = hh.pair_metrics([(wide, upright), (upright, wide)], executor="serial")
    for measure in ("ssim", "psnr", "phash_distance"):
        assert table[measure][0] == table[measure][1], measure


def test_clips_of_other_rates_are_compared_at_equal_times(tmp_path: Path) -> None:
    slow = write_film(tmp_path / "12.mp4", [grey(20 * (n // 3)) for n in range(24)], rate=12)
    fast = write_film(tmp_path / "24.mp4", [grey(20 * (n // 6)) for n in range(36)], rate=24)
    row = hh.pair_metrics([(slow, fast)], executor="serial").iloc[0]
    assert row["compared"] == 12  # 8 a second of the shorter one's 1.5 seconds
    assert row["psnr"] > 35


def test_a_pair_that_cannot_be_compared_says_why(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", [grey(9)] * 3)
    with pytest.warns(UserWarning, match="1 of 2 pairs"):
        table = hh.pair_metrics([(path, tmp_path / "none.mp4"), (path, path)], executor="serial")
    assert "none.mp4 cannot be read" in table["error"][0]
    assert np.isnan(table["ssim"][0])
    assert list(table.columns) == [
        "clip_a",
        "clip_b",
        "sha256_a",
        "sha256_b",
        *(m.name for m in OF_PAIRS),
        "error",
    ]
    with pytest.raises(InvalidRequest, match="is no pair"):
        hh.pair_metrics([path])  # type: ignore[list-item]
