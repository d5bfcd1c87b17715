"""A process without the extra "research": what it runs first hides each of the extra's libraries, as if none were installed."""

from __future__ import annotations

HIDE = """
import importlib.util
import sys

HIDDEN = {
    "cloudpickle", "evalica", "jinja2", "loky", "markupsafe", "matplotlib", "pandas", "pyarrow", "scipy", "skimage",
    "statsmodels", "tqdm", "yaml",
}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in HIDDEN else found(name, package)
"""
