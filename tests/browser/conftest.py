"""One JupyterLab and one browser for all browser tests, a page and a notebook for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from tests.browser.lab import STEP_LIMIT, Lab, Notebook, folder_with_images, running_lab, uncaught
from tests.chromium import ARGUMENTS, find_chromium

SCREEN: ViewportSize = {"width": 1280, "height": 900}


@pytest.fixture(scope="package", autouse=True)
def _unmeasured() -> Iterator[None]:
    """These tests say nothing of coverage: Playwright runs them in greenlets, and to follow those slows every other test."""
    measuring = coverage.Coverage.current()
    if measuring:
        measuring.stop()
    yield
    if measuring:
        measuring.start()


@pytest.fixture(scope="module", autouse=True)
def _as_patient_as_a_kernel_needs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where a JupyterLab and a kernel of its own answer, what is expected may take as long as any step of the page."""
    if any(
        "lab" in getattr(item, "fixturenames", ()) and item.path == request.path
        for item in request.session.items
    ):
        expect.set_options(timeout=STEP_LIMIT)
    yield
    expect.set_options(timeout=None)


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A real JupyterLab."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="package")
def browser(pytestconfig: pytest.Config) -> Iterator[Browser]:
    """A headless Chromium, as slow as pytest-playwright's `--slowmo` says."""
    slow = pytestconfig.getoption("--slowmo", default=0)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS, slow_mo=slow)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def context(
    browser: Browser, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserContext]:
    """One profile for all tests: JupyterLab's own scripts are loaded once."""
    films: dict[str, Any] = {}
    if _filmed(pytestconfig):
        films = {"record_video_dir": tmp_path_factory.mktemp("films"), "record_video_size": SCREEN}
    context = browser.new_context(viewport=SCREEN, **films)
    context.set_default_timeout(STEP_LIMIT)
    yield context
    context.close()


def _filmed(config: pytest.Config) -> str:
    """Which tests pytest-playwright was asked to film, "on" or "retain-on-failure"; "" for none, or where it is not installed."""
    asked = config.getoption("--video", default="off")
    return "" if asked == "off" else str(asked)


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A new page. An error that no script caught fails the test. With `--video` a film of it goes where `--output` says."""
    filmed = _filmed(request.config)
    film = Path(request.getfixturevalue("output_path")) / "video.webm" if filmed else None
    failed = request.session.testsfailed
    page = context.new_page()
    errors = uncaught(page)
    yield page
    page.close()
    if film and page.video and (filmed == "on" or errors or request.session.testsfailed > failed):
        page.video.save_as(film)
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
    return folder_with_images(lab)
