"""Embedders: the light one, and models of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.research.metrics.embedding import ColourAndShape, cosines, embedded
from happyhorse_widgets.research.metrics.frames import decoded
from tests.films import Picture, grey, slid, write_film


def plain(*colour: int) -> Picture:
    """A picture of one colour."""
    return np.full((48, 64, 3), colour, dtype=np.uint8)


def test_every_colour_of_srgb_counts() -> None:
    corners = [plain(r, g, b) for r in (0, 255) for g in (0, 255) for b in (0, 255)]
    vectors = embedded(ColourAndShape(), np.stack(corners))  # a blue picture is no zero vector
    alike = np.array([[float(cosines(one, other)) for one in vectors] for other in vectors])
    np.testing.assert_allclose(alike, np.eye(8), atol=1e-12)
    half = plain(255, 0, 0)
    half[:, 32:] = (0, 0, 255)
    one, red = embedded(ColourAndShape(), np.stack([half, plain(255, 0, 0)]))
    assert 0.3 < float(cosines(one, red)) < 0.6, "blue is half of it, and edges count as well"


def test_a_blue_clip_is_measured(tmp_path: Path) -> None:
    row = hh.metrics([write_film(tmp_path / "blue.mp4", [plain(0, 0, 255)] * 6)], executor="serial").iloc[0]
    assert (row["error"], row["subject_consistency"]) == ("", pytest.approx(1))


class Tiny:
    """A model as small as a learned one may be: one layer with fixed weights."""

    name = "tiny-1"

    def __init__(self) -> None:
        self.weights = np.random.default_rng(7).normal(size=(48, 5))

    def __call__(self, frames: Picture) -> np.ndarray:
        height, width = frames.shape[1] // 4, frames.shape[2] // 4
        pooled = (
            frames[:, : 4 * height, : 4 * width]
            .reshape(len(frames), 4, height, 4, width, 3)
            .mean(axis=(2, 4))
        )
        return np.tanh((pooled.reshape(len(frames), -1) / 255 - 0.5) @ self.weights)


def test_a_model_of_ones_own_takes_the_place_of_the_light_one(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", slid([5.0 * n for n in range(60)]))
    table = hh.metrics([path], executor="serial", embedder=Tiny())
    vectors = Tiny()(np.stack([frame.rgb for frame in decoded(path)][::3])).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    to_first, to_before = vectors[1:] @ vectors[0], (vectors[1:] * vectors[:-1]).sum(axis=1)
    expected = (np.maximum(to_first, 0) + np.maximum(to_before, 0)).mean() / 2  # VBench's formula
    assert table["subject_consistency"].item() == pytest.approx(expected, abs=1e-12)
    assert table.attrs["embedder"] == "tiny-1"
    assert (
        table["subject_consistency"].item()
        != hh.metrics([path], executor="serial")["subject_consistency"].item()
    )


class Wrong:
    name = "wrong-1"

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def __call__(self, frames: Picture) -> object:
        return self.answer


@pytest.mark.parametrize(
    ("answer", "told"),
    [([1.0, 2.0], "gave shape"), ([[np.nan]], "not finite"), ([[0.0]], "zero")],
)
def test_an_embedder_that_gives_no_vectors_is_named_in_the_row(
    tmp_path: Path, answer: object, told: str
) -> None:
    path = write_film(tmp_path / "film.mp4", [grey(9)])
    with pytest.warns(UserWarning, match="1 of 1 clips could not be measured"):
        table = hh.metrics([path], executor="serial", embedder=Wrong(answer))  # type: ignore[arg-type]
    assert told in table["error"].item()
    assert np.isnan(table["subject_consistency"].item())
