"""A study as one page of HTML: what was asked, every clip, votes, measures, and the data behind each number."""

from __future__ import annotations

import base64
import importlib.metadata
import json
import platform
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.extras import needs

from .report_clips import article, attempts
from .report_exclusions import exclusions
from .report_results import Section, measured, voted
from .report_tables import Table, shown
from .spending import charged

if TYPE_CHECKING:
    import os

    import pandas as pd

    from happyhorse_widgets.engine.request import Reference

    from .plan import Plan
    from .sweep import Sweep

_TEMPLATE = Path(__file__).with_name("report.html")
_LIBRARIES = (
    "happyhorse_widgets",
    "numpy",
    "pandas",
    "scipy",
    "scikit-image",
    "av",
    "evalica",
    "statsmodels",
    "matplotlib",
)
_DESIGNS = {
    "factorial": "a full factorial design: every level of each factor with every level of the others",
    "one-at-a-time": "a one-factor-at-a-time design around the first level of each factor",
    "latin-square": "a Latin square",
    "random": "conditions drawn by lot from all combinations",
}


def report(
    sweep: Sweep,
    path: str | os.PathLike[str],
    *,
    votes: pd.DataFrame | None = None,
    metrics: pd.DataFrame | None = None,
    cluster: str | None = None,
    title: str | None = None,
    notes: str = "",
    embed: bool = True,
) -> Path:
    """Write a study as one HTML page that plays without a kernel or a network, as a paper's supplement; returns its path.

    The page has methods (design, levels, fixed parameters, reference images, order, plan's SHA-256, versions), every cell with
    its clip, costs, what was left out and why, and all data as CSV. `votes`, as `Arena.votes` or any CSV has them, add how they
    were gathered and by whom, ratings with intervals (whose resamples draw all votes of one `cluster`, such as "rater",
    together), duels, the win matrix and the raters' agreement, for each question that was asked; `metrics`, as
    `hh.metrics(sweep)` gives them, add distributions by factor and the definitions. `notes` are
    paragraphs of your own, parted by empty lines. With `embed` the clips are in the page, else in a folder beside it,
    `<name>_clips`; either way their bytes are the files of the library, with the hashes that are printed: a file that is gone, or
    has another hash, is not shown, and stands among what was left out.

    Every number can be traced to clips by id and SHA-256, as far as votes and measures name them; what names none, or none of
    this study's files, stands among what was left out. Raises `InvalidRequest` where the name does not end in .html, and for
    frames that are not what they should be, and `MissingExtra` without the extra `research`.
    """
    target = Path(path).expanduser()
    if target.suffix.lower() not in (".html", ".htm"):
        raise InvalidRequest(f"{target.name!r} does not end in .html, which a report is: choose such a name.")
    cells = sweep.cells
    clips = sweep.clips
    frame = sweep.to_frame().drop(columns="path")
    beside = None if embed else target.with_name(f"{target.stem}_clips")
    sections: list[Section] = []
    data = [Table("Cells", "cells", frame), Table("Attempts", "attempts", attempts(sweep))]
    if votes is not None:
        sections.append(voted(votes, cluster))
        data.append(Table("Votes", "votes", votes, folded=True))
    if metrics is not None:
        sections.append(
            measured(metrics, frame, [each.name for each in sweep.plan.factors if each.name != "seed"])
        )
        data.append(Table("Measures", "metrics", metrics, folded=True))
    articles = [article(cell, beside) for cell in cells]
    environment = needs("jinja2").Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        title=title or f"Study {sweep.name}",
        sweep=sweep,
        plan_sha256=sweep.plan.sha256,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        sandbox=sum(clip.sandbox for clip in clips),
        clips=clips,
        notes=[paragraph.strip() for paragraph in notes.split("\n\n") if paragraph.strip()],
        methods=_methods(sweep),
        factors=[
            {
                "name": each.name,
                "levels": [{"label": level.label, "value": _told(level.value)} for level in each.levels],
            }
            for each in sweep.plan.factors
        ],
        fixed=[(name, _told(value)) for name, value in sweep.plan.fixed.items()],
        references=[_reference(image, sweep.session.home) for image in _references(sweep.plan)],
        versions=_versions(sweep),
        outcome=_outcome(sweep),
        cells=articles,
        exclusions=exclusions(
            articles,
            votes=votes,
            metrics=metrics,
            done={clip.id: str(clip.sha256) for clip in clips if clip.is_done},
        ),
        sections=sections,
        data=data,
        embedded=embed,
        shown=shown,
    )
    target.write_text(page, encoding="utf-8")
    return target


def _methods(sweep: Sweep) -> list[str]:
    plan = sweep.plan
    seeds = plan.factor("seed")
    sizes = " × ".join(f"{len(each.levels)} {each.name}" for each in plan.factors) or "one cell"
    told = [
        f"{_DESIGNS.get(plan.design, plan.design).capitalize()} ({sizes}), {len(plan.cells)} cells."
        + (f" {plan.runs} conditions were drawn." if plan.runs else ""),
        f"The order in which clips were asked for was drawn from the seed {plan.order_seed}, and so was what the design draws.",
    ]
    if seeds is not None:
        told.append(f"Every condition was run with the same {len(seeds.levels)} seeds.")
    shared = len(plan.cells) - len({id(cell.clip) for cell in sweep.cells if cell.clip is not None})
    if shared and all(cell.clip is not None for cell in sweep.cells):
        told.append(f"{shared} cells ask for what another asks for, and share its clip.")
    told.append(f"Models: {', '.join(plan.models())}.")
    return told


def _outcome(sweep: Sweep) -> str:
    states = Counter(cell.state for cell in sweep.cells)
    told = ", ".join(f"{count} {state}" for state, count in states.most_common())
    tried = sweep.attempts
    guessed = charged(clip for clip in tried if clip.cost is None)
    sure = f", of which {guessed:g} are estimates of what is not known" if guessed else ""
    return (
        f"{_number(len(sweep.clips), 'clip')} for {_number(len(sweep.cells), 'cell')} ({told}), from "
        f"{_number(len(tried), 'attempt')}, which cost {sweep.spent:g} creative units (CU) in all{sure}."
    )


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _references(plan: Plan) -> list[Reference]:
    """Every image of the study, each once."""
    factor = plan.factor("references")
    levels = (
        [plan.fixed.get("references", ())] if factor is None else [level.value for level in factor.levels]
    )
    return list({image.sha256 or image.asset_id: image for level in levels for image in level}.values())


def _reference(image: Reference, home: Path) -> dict[str, str]:
    identity = f"sha256 {image.sha256}" if image.sha256 else f"asset {image.asset_id}"
    files = sorted((home / "images").glob(f"{image.sha256}.*")) if image.sha256 else []
    picture = ""
    if files and image.media_type:
        picture = f"data:{image.media_type};base64,{base64.b64encode(files[0].read_bytes()).decode()}"
    return {"name": image.alias or image.name or "image", "identity": identity, "picture": picture}


def _versions(sweep: Sweep) -> list[tuple[str, str]]:
    found = [("Python", platform.python_version())]
    for name in _LIBRARIES:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    made = {json.dumps(clip.record.versions, sort_keys=True) for clip in sweep.clips}
    found += [
        ("clips were made with", ", ".join(f"{k} {v}" for k, v in json.loads(each).items()))
        for each in sorted(made)
    ]
    return found


def _told(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(
            getattr(each, "alias", "") or getattr(each, "name", "") or str(each) for each in value
        )
    return str(value)
