"""Every notebook runs from top to bottom without a key, and keeps its clips when it is saved and exported."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from happyhorse_widgets.media.probe import probe
from tests.absent import HIDE

if TYPE_CHECKING:
    import nbformat

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RESEARCH = {"03_study"}
VARIABLES = ("SCENARIO_SDK_API_KEY", "SCENARIO_SDK_API_SECRET", "SCENARIO_BASE_URL", "HAPPYHORSE_HOME")

VIDEO = re.compile(r"<video\b[^>]*\bsrc=\"([^\"]+)\"")


@dataclass
class Executed:
    """A notebook that ran in a folder of its own: what it left in itself and on the disk."""

    notebook: nbformat.NotebookNode
    folder: Path
    html: str

    @property
    def clips(self) -> list[Path]:
        return sorted((self.folder / "happyhorse" / "clips").glob("*.mp4"))

    @property
    def pages(self) -> list[Path]:
        """The reports that it wrote."""
        return sorted(self.folder.glob("*.html"))


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def executed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    import nbformat  # these take seconds, and other tests need none of them
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    folder = tmp_path_factory.mktemp("run") / "notebooks"
    shutil.copytree(
        ROOT / "notebooks", folder, ignore=shutil.ignore_patterns("happyhorse", ".ipynb_checkpoints")
    )
    notebook = nbformat.read(folder / request.param.name, as_version=4)
    with pytest.MonkeyPatch.context() as environment:
        for name in VARIABLES:
            environment.delenv(name, raising=False)
        if request.param.stem not in RESEARCH:  # who follows the README's first command has no such libraries
            (folder.parent / "sitecustomize.py").write_text(HIDE)
            environment.setenv("PYTHONPATH", os.pathsep.join([str(folder.parent), str(ROOT)]))
        NotebookClient(
            notebook,
            timeout=120,
            iopub_timeout=60,  # else what a busy kernel shows late is left out
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
        ).execute()
    nbformat.write(notebook, folder / request.param.name)
    html, _ = HTMLExporter().from_filename(str(folder / request.param.name))
    return Executed(notebook, folder, html)


def test_it_leaves_a_finished_clip(executed: Executed) -> None:
    assert executed.clips
    for clip in executed.clips:
        facts = probe(clip)
        assert facts.video_codec == "h264"
        assert facts.duration >= 3
        assert facts.faststart


def test_the_exported_page_plays_every_clip_and_no_output_plays_one_twice(executed: Executed) -> None:
    assert executed.html.count("<video") == len(re.findall(VIDEO, executed.html)), (
        "a video without an address"
    )
    shown: set[Path] = set()
    for output in executed.html.split('class="jp-OutputArea-child')[1:]:
        sources = [(executed.folder / source).resolve() for source in re.findall(VIDEO, output)]
        assert len(sources) == len(set(sources))
        shown.update(sources)
    assert shown == {clip.resolve() for clip in executed.clips}


def test_the_saved_notebook_stays_small(executed: Executed) -> None:
    import nbformat

    # Nothing of a video or of a full-size image is in it: only small posters, and the figures of a study.
    assert len(nbformat.writes(executed.notebook)) < (2_000_000 if executed.pages else 1_000_000)


def test_what_a_study_checks_holds_and_its_page_names_every_clip(executed: Executed) -> None:
    said = [
        output.data["text/plain"]
        for cell in executed.notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "execute_result"
    ]
    assert ("True" in said, "False" in said) == (bool(executed.pages), False)
    for page in executed.pages:
        text = page.read_text(encoding="utf-8")
        assert [clip for clip in executed.clips if sha256(clip.read_bytes()).hexdigest() not in text] == []
