"""Measures spread over processes are those of one process to the bit, and no clip is lost with its worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.research.metrics.embedding import ColourAndShape
from tests.conftest import StartSandbox, sandbox_environment
from tests.films import Picture, slid, tone, write_film
from tests.integration.conftest import OpenSession
from tests.sessions import picture

if TYPE_CHECKING:
    import ipyparallel
    from distributed import Client

# Engines that were started from elsewhere do not find this module: what it defines is sent to them as it is.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

DARK = "3.mp4"


class Deadly(ColourAndShape):
    """Kills its process when it sees a clip, as often as there are files in `folder`; each death uses one up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, frames: Picture) -> np.ndarray[Any, Any]:
        if frames[0].mean() < 20:  # the dark clip alone
            for file in self.folder.iterdir():
                file.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(frames)


def deadly(folder: Path, deaths: int) -> Deadly:
    """An embedder that kills the worker of the dark clip so many times."""
    folder.mkdir()
    for number in range(deaths):
        (folder / str(number)).touch()
    return Deadly(folder)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("films")
    frames = [slid([step * n for n in range(5)], 96, 64, seed) for seed, step in enumerate((0.5, 1.0, 3.0))]
    frames.append([frame // 16 for frame in frames[0]])
    return [write_film(folder / f"{n}.mp4", frame, tone(-30 + n, 0.5)) for n, frame in enumerate(frames)]


@pytest.fixture(scope="module")
def serial(films: list[Path]) -> pd.DataFrame:
    return hh.metrics(films, executor="serial")


@pytest.fixture(scope="module")
def dask() -> Iterator[Client]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def engines() -> Iterator[ipyparallel.Client]:
    import ipyparallel

    with ipyparallel.Cluster(n=2, controller_ip="127.0.0.1", log_level=40) as client:
        client.wait_for_engines(2)
        yield client


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert list(found["error"]) == [""] * len(found)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_processes_of_our_own_measure_the_same_bits(films: list[Path], serial: pd.DataFrame) -> None:
    same(hh.metrics(films), serial)


def test_dask_measures_the_same_bits_also_after_a_worker_was_killed(
    films: list[Path], serial: pd.DataFrame, dask: Client, tmp_path: Path
) -> None:
    same(hh.metrics(films, executor=dask.get_executor()), serial)
    same(hh.metrics(films, executor=dask.get_executor(), embedder=deadly(tmp_path / "deaths", 1)), serial)
    assert not list((tmp_path / "deaths").iterdir())


def test_ipyparallel_measures_the_same_bits_also_after_an_engine_was_killed(
    films: list[Path], serial: pd.DataFrame, engines: ipyparallel.Client, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest, match="load_balanced_view"):
        hh.metrics(films[:1], executor=engines[:].executor)
    view = engines.load_balanced_view()
    same(hh.metrics(films, executor=view.executor), serial)
    same(hh.metrics(films, executor=view.executor, embedder=deadly(tmp_path / "deaths", 1)), serial)
    assert not list((tmp_path / "deaths").iterdir())


def test_a_worker_killed_in_the_middle_loses_nothing(
    films: list[Path], serial: pd.DataFrame, tmp_path: Path
) -> None:
    same(hh.metrics(films, embedder=deadly(tmp_path / "deaths", 1)), serial)
    assert not list((tmp_path / "deaths").iterdir())


def test_a_clip_that_kills_worker_after_worker_is_a_row_of_its_own(
    films: list[Path], serial: pd.DataFrame, tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match="1 of 4 clips"):
        found = hh.metrics(films, embedder=deadly(tmp_path / "deaths", 99))
    assert "killed 3 times" in found.loc[DARK, "error"]
    assert found.loc[DARK].drop("error").isna().all()
    same(found.drop(DARK), serial.drop(DARK))
    assert len(list((tmp_path / "deaths").iterdir())) == 99 - 4  # once beside others, three times alone


@pytest.mark.parametrize("deaths", [1, 99], ids=["once", "again and again"])
def test_what_an_executor_that_breaks_leaves_is_measured_here(
    films: list[Path], serial: pd.DataFrame, tmp_path: Path, deaths: int
) -> None:
    dark_first = [*reversed(films)]
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        pytest.warns(
            UserWarning, match=r"The executor broke \(BrokenProcessPool.* on this machine"
        ) as warned,
    ):
        found = hh.metrics(dark_first, executor=pool, embedder=deadly(tmp_path / "deaths", deaths))
    assert Path(warned[0].filename) == Path(__file__)
    if deaths > 1:
        assert "killed 3 times" in found.loc[DARK, "error"]
        found, serial = found.drop(DARK), serial.drop(DARK)
    same(found.loc[serial.index], serial)


def absent() -> None:
    raise ModuleNotFoundError("No module named 'weights'")


class Foreign(ColourAndShape):
    """An embedder of which another process lacks what it needs."""

    name = "foreign-1"

    def __reduce__(self) -> tuple[Any, ...]:
        return absent, ()


@pytest.mark.parametrize("own", [True, False], ids=["processes of our own", "an executor"])
def test_an_embedder_that_does_not_open_elsewhere_is_named_in_each_row(films: list[Path], own: bool) -> None:
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        pytest.warns(UserWarning, match="2 of 2 clips"),
    ):
        table = hh.metrics(films[:2], executor=None if own else pool, embedder=Foreign())
    told = "The embedder foreign-1 cannot be opened by the process that measures"
    assert list(table["error"].str.contains(told)) == [True, True]
    assert list(table["error"].str.contains("No module named 'weights'")) == [True, True]


class Unsteady(Executor):
    """An executor whose workers are lost at the first two tries of each clip."""

    def __init__(self, lost: int) -> None:
        self.lost = lost
        self.seen: dict[str, int] = {}

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        clip = fn.task.source.clip_id
        self.seen[clip] = self.seen.get(clip, 0) + 1
        if self.seen[clip] <= self.lost:
            future.set_exception(OSError("the node is gone"))
        else:
            future.set_result(fn())
        return future


def test_a_clip_is_tried_three_times(films: list[Path], serial: pd.DataFrame) -> None:
    same(hh.metrics(films[:2], executor=Unsteady(2)), serial[:2])
    with pytest.warns(UserWarning, match="2 of 2"):
        found = hh.metrics(films[:2], executor=Unsteady(3))
    assert "failed 3 times (OSError: the node is gone)" in found["error"].iloc[0]


def test_pairs_are_spread_too(films: list[Path]) -> None:
    pairs = [(films[0], films[1]), (films[2], films[3])]
    with ThreadPoolExecutor(2) as pool:
        pd.testing.assert_frame_equal(
            hh.pair_metrics(pairs, executor=pool), hh.pair_metrics(pairs, executor="serial"), check_exact=True
        )


def test_an_embedder_from_a_scripts_own_text_works_and_the_script_runs_once(
    tmp_path: Path, films: list[Path]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "import happyhorse_widgets as hh\n"
        "print('began')\n"
        "class Mean:\n"
        "    name = 'mean-1'\n"
        "    def __call__(self, frames):\n"
        "        return frames.reshape(len(frames), -1, 3).mean(axis=1)\n"
        "print(list(hh.metrics(sys.argv[1:], embedder=Mean())['error']))\n"
    )
    ran = subprocess.run(
        [sys.executable, script, *films[:2]],
        check=False,
        capture_output=True,
        text=True,
        env=sandbox_environment(),
        timeout=200,
    )
    assert ran.stdout.splitlines() == ["began", "['', '']"], ran.stderr


def test_clips_of_a_session_are_traced_to_their_files_and_references(
    open_session: OpenSession, start_sandbox: StartSandbox
) -> None:
    session = open_session(start_sandbox(speed=400, scale=0.1))
    clip = session.generate(
        "character1 waves at character2", [picture(), picture()], duration=3, resolution="720P"
    )
    clip.wait(90)
    assert clip.path is not None
    row = hh.metrics([clip, clip.path], executor="serial").loc[clip.id]
    assert (row["sha256"], row["duration"], row["error"]) == (clip.sha256, pytest.approx(3, abs=0.2), "")
    columns = list(row.index)
    assert columns.index("subject_consistency_character1") == columns.index("subject_consistency") + 1
    assert row[["subject_consistency_character1", "subject_consistency_character2"]].between(0, 1).all()
    clip.path.write_bytes(clip.path.read_bytes() + b"\0\0\0\x08free")
    with pytest.warns(UserWarning, match="1 of 1 clips"):
        changed = hh.metrics(clip, executor="serial")
    assert "its bytes have changed" in changed["error"].item()


def test_a_clip_without_a_file_is_a_row_that_says_why(
    open_session: OpenSession, start_sandbox: StartSandbox
) -> None:
    session = open_session(start_sandbox(speed=0.01, scale=0.1))
    clip = session.generate("character1 waves", [picture()], duration=3)
    with pytest.warns(UserWarning, match="1 of 1 clips"):
        table = hh.metrics([clip], executor="serial")
    assert f"Clip {clip.id} has no file yet" in table["error"].item()
    assert table["sha256"].isna().all()
    assert "subject_consistency_character1" in table
