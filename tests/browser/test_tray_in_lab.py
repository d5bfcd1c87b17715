"""Nine images of nearly ten megabytes on their way through a real JupyterLab: neither the page nor the kernel stands still."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.lab import Notebook
from tests.browser.studio import OPEN
from tests.browser.test_studio import Studio

FRAMES = """() => {
    window.frames_drawn = 0;
    const draw = () => requestAnimationFrame(() => [(window.frames_drawn += 1), draw()]);
    draw();
}"""


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("noise")
    paths = [folder / f"{number}.png" for number in range(9)]
    for number, path in enumerate(paths):
        pixels = np.random.default_rng(number).integers(0, 256, (1820, 1820, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, compress_level=1)
        assert 9_900_000 < path.stat().st_size <= 10_000_000
    return paths


def test_nine_large_images_freeze_neither_the_page_nor_the_kernel(
    new_notebook: Callable[..., Notebook], noise: list[Path]
) -> None:
    studio = Studio(new_notebook(OPEN, "print(len(studio.references), 'are here')"))
    studio.choose(*noise)
    expect(studio.tiles).to_have_count(9)
    studio.page.evaluate(FRAMES)
    answers = [studio.told()]
    while not answers[-1].startswith("9") and len(answers) < 200:
        answers.append(studio.told())
    drawn = studio.page.evaluate("() => window.frames_drawn")
    assert answers[-1].startswith("9 are here")
    # A cell was run, and the page drawn, again and again before the last image had come.
    assert len(answers) > 3
    assert drawn > 3 * len(answers)
    studio.arrived(9)
