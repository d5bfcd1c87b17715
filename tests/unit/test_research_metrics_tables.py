"""The table of measures: its rows and columns, what goes into its column `error`, and what is refused."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pandas as pd
import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.media.frames import opened
from happyhorse_widgets.research.metrics import frames, measuring
from happyhorse_widgets.research.metrics.definitions import OF_CLIPS, definition_of
from tests.films import grey, write_film
from tests.unit.test_research_metrics_embedding import Wrong
from tests.videos import write_video


def concealed(path: Path) -> bool:
    """Whether FFmpeg gives all of 30 frames, and has made one of them up."""
    try:
        with av.open(str(path)) as container:
            made_up = [frame.is_corrupt for frame in container.decode(video=0)]
    except av.FFmpegError:
        return False
    return len(made_up) == 30 and any(made_up)


def test_a_damaged_clip_is_not_measured_as_if_it_were_sound(tmp_path: Path) -> None:
    path = write_video(tmp_path / "film.mp4", frames=30, audio=False, faststart=True)
    sound = path.read_bytes()
    chance = random.Random(1)
    for _ in range(500):
        damaged = bytearray(sound)
        damaged[chance.randrange(len(sound) // 2, len(sound))] ^= chance.randrange(1, 256)
        path.write_bytes(damaged)
        if concealed(path):
            break
    else:
        raise AssertionError("no damage was concealed")
    with pytest.warns(UserWarning, match="1 of 1 clips"):
        table = hh.metrics([path], executor="serial")
    assert "film.mp4 is damaged: frame" in table["error"].item()
    assert table["exposure"].isna().all()


def test_a_frame_that_is_left_out_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_film(tmp_path / "film.mp4", [grey(60)] * 6)

    @contextmanager
    def careless(path: Path) -> Iterator[Any]:
        with opened(path) as container:
            fewer = lambda video: list(container.decode(video=video))[:-1]  # noqa: E731
            yield SimpleNamespace(demux=container.demux, seek=container.seek, decode=fewer)

    assert len(list(frames.decoded(path))) == 6
    monkeypatch.setattr(frames, "opened", careless)
    with pytest.warns(UserWarning, match="1 of 1 clips"):
        table = hh.metrics([path], executor="serial")
    assert "of 6 frames only 5 can be decoded" in table["error"].item()


def test_what_was_measured_with_other_versions_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_film(tmp_path / "film.mp4", [grey(60)])
    monkeypatch.setattr(measuring, "told", lambda: "numpy 0.1")
    with pytest.warns(UserWarning, match=r"other versions than this process has \(numpy 0.1\)"):
        table = hh.metrics([path], executor="serial")
    assert table.attrs["versions_elsewhere"] == ["numpy 0.1"]


def test_the_table_is_tidy_and_every_column_defined(tmp_path: Path) -> None:
    paths = [
        write_film(tmp_path / f"{name}.mp4", [grey(level)] * 3) for name, level in (("b", 60), ("a", 90))
    ]
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(paths[0].read_bytes()[:-100])
    with pytest.warns(UserWarning, match="2 of 4 clips"):
        table = hh.metrics([*paths, str(cut), tmp_path / "none.mp4", paths[0]], executor="serial")
    assert (table.index.name, list(table.index)) == ("clip_id", ["b.mp4", "a.mp4", "cut.mp4", "none.mp4"])
    assert list(table.columns) == ["sha256", *(measure.name for measure in OF_CLIPS), "error"]
    for column in table.columns[1:-1]:
        assert definition_of(column).definition
    assert list(table["error"].str.contains("cut|cannot be read")) == [False, False, True, True]
    assert list(table["width"].isna()) == list(table["exposure"].isna()) == [False, False, True, True]
    assert list(table["sha256"].str.len().fillna(0)) == [64, 64, 64, 0]
    assert table["frames"].dtype == "Int64"
    assert set(table.attrs) == {"embedder", "measures", "versions"}
    table.to_parquet(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), table)


def test_what_cannot_be_meant_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    paths = [write_film(folder / "same.mp4", [grey(9)]) for folder in (tmp_path, tmp_path / "one")]
    for clips, options, told in (
        (paths, {}, "Two files are called same.mp4"),
        ([7], {}, "7 is no clip"),
        (paths[:1], {"executor": "threads"}, "executor is 'threads'"),
        (paths[:1], {"embedder": "clip"}, "is no embedder"),
        (paths[:1], {"embedder": Wrong(iter([]) for _ in ())}, "wrong-1 cannot be sent to other processes"),
    ):
        with pytest.raises(InvalidRequest, match=told):
            hh.metrics(clips, **options)  # type: ignore[arg-type]


def test_a_bar_tells_how_far_the_measures_are_where_it_is_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_film(tmp_path / "film.mp4", [grey(60)] * 3)
    for progress, units in ((True, {"clip", "pair"}), (False, set())):
        hh.metrics([path], executor="serial", progress=progress)
        hh.pair_metrics([(path, path)], executor="serial", progress=progress)
        assert set(re.findall(r"0/1 .*?(\w+)/s", capsys.readouterr().err)) == units


def test_nothing_to_measure_is_an_empty_table() -> None:
    assert hh.metrics([]).empty
    assert hh.pair_metrics([]).empty
