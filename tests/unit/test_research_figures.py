"""Figures show what the frames say, and the same data draw the same figure."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.research.figures import Chart, distributions, forest
from happyhorse_widgets.research.rankings import rankings

VOTES = pd.DataFrame(
    [("fast", "slow", "a")] * 6 + [("fast", "slow", "b")] * 3 + [("fast $1 $2", "slow", "a")] * 4,
    columns=["model_a", "model_b", "winner"],
)


def ticks(chart: Chart) -> list[str]:
    return [label.get_text() for label in chart.axes[0].get_yticklabels()]


def test_a_forest_has_a_line_for_each_rating_with_its_interval() -> None:
    ranking = rankings(VOTES, preliminary_below=5)
    chart = forest(ranking)
    names = ticks(chart)
    assert [name.rsplit(" (", 1)[0] for name in reversed(names)] == list(ranking.index)
    assert "preliminary" in next(name for name in names if name.startswith("fast $1 $2"))
    dots = {line.get_xdata()[0] for line in chart.axes[0].lines if line.get_marker() == "o"}
    assert dots == set(ranking["rating"])
    arrows = [line for line in chart.axes[0].lines if line.get_marker() in ("<", ">")]
    assert len(arrows) == np.isinf(ranking[["lower", "upper"]].to_numpy()).sum() > 0


def test_distributions_count_what_is_missing() -> None:
    frame = pd.DataFrame({"sharpness": [0.1, 0.2, None, 0.4], "prompt": ["b", "b", "a", "a"]})
    chart = distributions(frame, "sharpness", "prompt")
    assert ticks(chart) == ["a  (n = 1, 1 without)", "b  (n = 2)"]
    drawn = [line.get_xdata() for line in chart.axes[0].lines if line.get_marker() == "o"]
    assert sorted(float(value) for values in drawn for value in values) == [0.1, 0.2, 0.4]


def test_rows_of_no_level_are_left_out_and_counted() -> None:
    frame = pd.DataFrame({"sharpness": [0.1, 0.2, 0.3], "prompt": ["b", None, "a"]})
    chart = distributions(frame, "sharpness", "prompt")
    assert ticks(chart) == ["a  (n = 1)", "b  (n = 1)"]
    assert chart.axes[0].get_xlabel() == "sharpness (1 rows without prompt left out)"
    with pytest.raises(InvalidRequest, match="a level of 'prompt'"):
        distributions(frame[1:2], "sharpness", "prompt")


def test_the_same_data_draw_the_same_figure_and_a_notebook_shows_it() -> None:
    ranking = rankings(VOTES)
    assert forest(ranking).svg() == forest(ranking).svg()
    assert Image.open(io.BytesIO(forest(ranking)._repr_png_())).format == "PNG"


def test_frames_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="no column rating"):
        forest(VOTES)
    with pytest.raises(InvalidRequest, match="no column colour"):
        distributions(VOTES, "winner", "colour")
    with pytest.raises(InvalidRequest, match="No row has a value"):
        distributions(VOTES, "winner", "model_a")
