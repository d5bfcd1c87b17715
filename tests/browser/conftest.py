"""One JupyterLab and one browser for all browser tests, a page and a notebook for each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.lab import STEP_LIMIT, Lab, Notebook, running_lab
from tests.chromium import find_chromium

_IMAGES = Path(__file__).parents[2] / "notebooks" / "images"

# Without these a Chromium that is not allowed onto the network tries to reach it many times a second.
QUIET = [
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A real JupyterLab."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", *QUIET]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One profile for all tests: JupyterLab's own scripts are loaded once."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(STEP_LIMIT)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A new page. An error that no script caught fails the test."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def new_notebook(page: Page, lab: Lab) -> Iterator[Callable[..., Notebook]]:
    """Makes and opens a notebook of the given cells, in a folder of its own; ends its kernel after the test."""

    def make(*cells: str, folder: Path | None = None) -> Notebook:
        return Notebook(page, lab, list(cells), folder)

    yield make
    lab.end_kernels()


@pytest.fixture
def folder(lab: Lab) -> Path:
    """A folder with two images."""
    folder = lab.folder()
    for name in ("fox.png", "astronaut.png"):
        shutil.copy(_IMAGES / name, folder)
    return folder
