"""Pictures of the Studio, a card and the gallery in every state, light and dark, at three widths, to be looked at.

`python -m tests.screenshots FOLDER` walks through the states as `tests/browser/test_accessibility.py` does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Locator

WIDTHS = (360, 760, 1280)
_FOLDER = "HAPPYHORSE_SCREENSHOTS"
_SETTLE = """async (root, width) => {
    root.style.width = width && `${width}px`;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return root.offsetHeight;
}"""
#: What JupyterLab has above and below a cell's output, in CSS pixels.
_AROUND = 400


def photograph(root: Locator, name: str) -> None:
    """Save a picture of `root` at each width, where pictures were asked for."""
    folder = os.getenv(_FOLDER)
    if folder is None:
        return
    size = root.page.viewport_size
    assert size
    for width in WIDTHS:
        height = root.evaluate(_SETTLE, width)
        # What is out of view is in no picture.
        root.page.set_viewport_size({**size, "height": height + _AROUND})
        root.screenshot(path=Path(folder) / f"{name}, {width} px.png")
    root.evaluate(_SETTLE, "")
    root.page.set_viewport_size(size)


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit("Name the folder for the pictures: python -m tests.screenshots FOLDER")
    os.environ[_FOLDER] = str(Path(sys.argv[1]).resolve())
    walk = Path(__file__).parent / "browser" / "test_accessibility.py"
    return pytest.main(["-q", "-p", "no:cacheprovider", str(walk)])


if __name__ == "__main__":
    sys.exit(main())
