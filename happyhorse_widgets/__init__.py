"""A video studio in a notebook cell: widgets, an async engine and a sandbox for Happy Horse through Scenario's API.

import happyhorse_widgets as hh

clip = hh.generate("character1 waves at character2", ["fox.png", "astronaut.png"], duration=3, seed=7)
clip            # in a notebook: a live card
await clip      # or clip.wait()
clip.path       # the finished MP4
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from happyhorse_widgets import errors as errors
    from happyhorse_widgets.engine.clip import Clip as Clip
    from happyhorse_widgets.engine.connect import connect as connect
    from happyhorse_widgets.engine.connect import default_session as default_session
    from happyhorse_widgets.engine.connect import generate as generate
    from happyhorse_widgets.engine.session import Session as Session
    from happyhorse_widgets.engine.settings import Settings as Settings
    from happyhorse_widgets.research import figures as figures
    from happyhorse_widgets.research.agreement import agreement as agreement
    from happyhorse_widgets.research.metrics.tables import metrics as metrics
    from happyhorse_widgets.research.metrics.tables import pair_metrics as pair_metrics
    from happyhorse_widgets.research.rankings import duels as duels
    from happyhorse_widgets.research.rankings import rankings as rankings
    from happyhorse_widgets.research.rankings import win_matrix as win_matrix
    from happyhorse_widgets.research.report import report as report
    from happyhorse_widgets.research.sweep import Sweep as Sweep
    from happyhorse_widgets.research.sweep import sweep as sweep
    from happyhorse_widgets.widgets.arena import Arena as Arena
    from happyhorse_widgets.widgets.compare import Compare as Compare
    from happyhorse_widgets.widgets.gallery import Gallery as Gallery
    from happyhorse_widgets.widgets.studio import Studio as Studio

_HOMES = {
    "Arena": "widgets.arena",
    "Clip": "engine.clip",
    "Compare": "widgets.compare",
    "Gallery": "widgets.gallery",
    "Session": "engine.session",
    "Settings": "engine.settings",
    "Studio": "widgets.studio",
    "Sweep": "research.sweep",
    "agreement": "research.agreement",
    "connect": "engine.connect",
    "default_session": "engine.connect",
    "duels": "research.rankings",
    "generate": "engine.connect",
    "load_ipython_extension": "magics",
    "metrics": "research.metrics.tables",
    "pair_metrics": "research.metrics.tables",
    "rankings": "research.rankings",
    "report": "research.report",
    "sweep": "research.sweep",
    "win_matrix": "research.rankings",
}
_MODULES = {"errors": "errors", "figures": "research.figures"}

__all__ = [
    "Arena",
    "Clip",
    "Compare",
    "Gallery",
    "Session",
    "Settings",
    "Studio",
    "Sweep",
    "connect",
    "default_session",
    "errors",
    "generate",
    "metrics",
    "pair_metrics",
    "sweep",
]


if find_spec("pandas"):  # the extra "research" is installed: without it `import *` still gives all that works
    __all__ += ["agreement", "duels", "figures", "rankings", "report", "win_matrix"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return _imported(_MODULES[name])
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _plug_in_widgets()
    return getattr(_imported(_HOMES[name]), name)


def _imported(module: str) -> ModuleType:
    try:
        return import_module(f".{module}", __name__)
    except ModuleNotFoundError as error:
        if not module.startswith("research.") or error.name is None:
            raise
        raise import_module(".extras", __name__).missing(error.name) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _plug_in_widgets() -> None:
    # The engine may not import the widgets that show its clips; this module stands above both.
    clip = import_module(".engine.clip", __name__)
    clip.set_presenter(lambda shown: import_module(".widgets.clip", __name__).display_clip(shown))
    sweep = import_module(".research.sweep", __name__)
    sweep.set_presenter(lambda shown: import_module(".widgets.sweep", __name__).display_sweep(shown))
