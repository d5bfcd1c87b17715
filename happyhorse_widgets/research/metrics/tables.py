"""The tables: a row for each clip, or for each pair, with what was measured."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.extras import needs

from .definitions import OF_CLIPS, OF_PAIRS, VERSION, definition_of
from .versions import installed, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from .definitions import Value
    from .embedding import Embedder
    from .measuring import ClipTask, Source
    from .running import Where

#: A clip, or the path of an MP4.
Measurable: TypeAlias = "Clip | str | os.PathLike[str]"

_LIBRARIES = ("cloudpickle", "loky", "pandas", "scipy", "skimage", "tqdm")
#: Text is of whatever type pandas gives to texts, so that it stays the same through a file.
_TYPES = {"number": "float64", "count": "Int64", "flag": "boolean", "text": None}
_PAIR = 2


def metrics(
    clips: Iterable[Measurable],
    *,
    executor: Where = None,
    embedder: Embedder | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Measure clips: a row for each, indexed by `clip_id`, in their order; a clip that is given twice has one row.

    `clips`: clips, paths of MP4 files (`clip_id` is then the file's name), both, or something that has `.clips`, such as a sweep.
    The columns are `sha256` (of the very file that was measured), one for each measure, and `error`: "", or why the clip could
    not be measured; its measures are then empty, and a warning tells how many there are. The measures, each with its definition,
    unit, whole citation, and where it falls short of that, in `research.metrics.definitions` (`definition_of("sharpness")`):

    - facts: `width`, `height`, `fps`, `frames`, `duration`, `video_codec`, `audio_codec`, `bitrate`, `has_audio`
    - subjects: `subject_consistency` over time (VBench), and `subject_consistency_character1` … to each reference image (after
      OpenS2V-Eval): light proxies, unless a learned `embedder` is given
    - motion: `temporal_flickering` (VBench's), `motion_smoothness` and `dynamic_degree` (VBench's, with classical flow: light
      proxies), `motion_amplitude` in pixels per frame
    - picture: `sharpness` (1 − the blur effect of Crété and others, 2007), `exposure` (mean luma, ITU-R BT.601), `clipped_dark`,
      `clipped_bright`; `scene_cuts` and `scene_cut_frames` (by the rule of PySceneDetect's AdaptiveDetector)
    - sound: `loudness` in LUFS (ITU-R BS.1770)

    `executor`: None spreads the clips over processes on this machine; "serial" measures them in this one; any
    `concurrent.futures.Executor`, such as Dask's `client.get_executor()` and ipyparallel's `view.executor`, is given one task for
    each clip, and has to see the same files. Wherever the same versions are installed, the numbers are the same to the bit; a
    warning tells of workers with others. A clip whose worker is lost is measured again, three times at most; what an executor
    that breaks leaves is measured on this machine, with a warning. `embedder`: see `research.metrics.embedding.Embedder`.
    `progress`: whether to show a bar; None does in notebooks and terminals.

    `attrs` of the frame has the versions of definitions, embedder and libraries (`versions` are this process's; where workers had
    others, those are in `versions_elsewhere`). Raises `InvalidRequest` for what is no clip, for
    two files of one name, and for an embedder that cannot be sent to workers; `MissingExtra` without the extra `research`.
    """
    _check_libraries()
    from .embedding import ColourAndShape, Portable
    from .measuring import measure_clip
    from .running import run

    chosen = ColourAndShape() if embedder is None else embedder
    if not callable(chosen) or not isinstance(getattr(chosen, "name", None), str):
        raise InvalidRequest(f"{chosen!r:.80} is no embedder: it needs a name, and to be called with frames.")
    portable = Portable(chosen)
    if executor != "serial":
        portable.check()
    tasks = _tasks(getattr(clips, "clips", clips), portable)
    rows = run(measure_clip, tasks, executor, lost=_lost, progress=progress)
    names = [measure.name for measure in OF_CLIPS]
    numbered = sorted(
        {name for task in tasks for name in task.references}, key=lambda name: (len(name), name)
    )
    place = names.index("subject_consistency") + 1
    names[place:place] = [f"subject_consistency_{name}" for name in numbered]
    table = _table(rows, ["sha256"], names)
    table.index = needs("pandas").Index([task.source.clip_id for task in tasks], name="clip_id")
    table.attrs |= {"embedder": chosen.name}
    _warn(table, "clips")
    return table


def pair_metrics(
    pairs: Iterable[tuple[Measurable, Measurable]], *, executor: Where = None, progress: bool | None = None
) -> pd.DataFrame:
    """Compare clips two by two: a row for each pair, in their order.

    The columns are `clip_a`, `clip_b`, `sha256_a`, `sha256_b`, the measures, and `error`, as in `metrics`. The measures, with
    definitions in `research.metrics.definitions`: `fit` ("equal", or the larger clip was "scaled" or "stretched" to the size of
    the smaller one), `compared` (frames), `ssim` (Wang and others, 2004), `psnr` in dB (infinite for equal pictures),
    `phash_distance` in bits of 64 (as in ImageHash).
    None of them is a judgement of quality: they say how much two clips differ, such as those of one request with two seeds.

    `executor`, `progress`, `attrs` and errors as in `metrics`.
    """
    _check_libraries()
    from .pairwise import PairTask, measure_pair
    from .running import run

    tasks = []
    for pair in pairs:
        if isinstance(pair, str | os.PathLike | Clip) or len(pair) != _PAIR:
            raise InvalidRequest(f"{pair!r:.80} is no pair: give a list of (clip, clip).")
        tasks.append(PairTask(*(_source(clip) for clip in pair)))
    rows = run(measure_pair, tasks, executor, lost=_lost, progress=progress, unit="pair")
    table = _table(rows, ["sha256_a", "sha256_b"], [measure.name for measure in OF_PAIRS])
    table.insert(0, "clip_a", [task.first.clip_id for task in tasks])
    table.insert(1, "clip_b", [task.second.clip_id for task in tasks])
    _warn(table, "pairs")
    return table


def _check_libraries() -> None:
    for library in _LIBRARIES:
        needs(library)


def _tasks(clips: Iterable[Measurable], embedder: Any) -> list[ClipTask]:
    from .measuring import ClipTask

    if isinstance(clips, str | os.PathLike | Clip):
        clips = [clips]
    tasks: dict[str, ClipTask] = {}
    for clip in clips:
        source = _source(clip)
        before = tasks.setdefault(source.clip_id, ClipTask(source, embedder, _references(clip)))
        if before.source.path != source.path:
            raise InvalidRequest(
                f"Two files are called {source.clip_id}: {before.source.path} and {source.path}. Each needs a name of its own."
            )
    return list(tasks.values())


def _source(clip: Measurable) -> Source:
    from .measuring import Source

    if isinstance(clip, Clip):
        if clip.path is None:
            why = clip.error or f"Clip {clip.id} has no file yet (it is {clip.state})."
            return Source(clip.id, "", trouble=str(why))
        return Source(clip.id, str(clip.path.absolute()), clip.sha256)
    if isinstance(clip, str | os.PathLike):
        path = Path(clip).expanduser().absolute()
        return Source(path.name, str(path))
    raise InvalidRequest(f"{clip!r:.80} is no clip: give clips, or paths of MP4 files.")


def _references(clip: Measurable) -> dict[str, str]:
    """The clip's reference images that are on this disk, by the name that the model calls them."""
    if not isinstance(clip, Clip):
        return {}
    files = {
        f"character{number}": clip.keeper.home / reference.file
        for number, reference in enumerate(clip.request.references, 1)
        if reference.file is not None
    }
    return {name: str(file.absolute()) for name, file in files.items() if file.exists()}


def _table(rows: Sequence[Mapping[str, Value]], hashes: list[str], names: list[str]) -> pd.DataFrame:
    pandas = needs("pandas")
    kinds = (
        dict.fromkeys(hashes, "text") | {name: definition_of(name).kind for name in names} | {"error": "text"}
    )
    table: pd.DataFrame = pandas.DataFrame(
        {
            name: pandas.Series([row.get(name) for row in rows], dtype=_TYPES[kind])
            for name, kind in kinds.items()
        }
    )
    table.attrs = {
        "measures": VERSION,
        "versions": dict(installed()),
    }
    elsewhere = sorted({str(row["versions"]) for row in rows if row.get("versions", told()) != told()})
    if elsewhere:
        table.attrs["versions_elsewhere"] = elsewhere
    return table


def _lost(why: str) -> dict[str, Value]:
    return {"error": why}


def _warn(table: pd.DataFrame, what: str) -> None:
    failed = int((table["error"] != "").sum())
    if failed:
        warnings.warn(
            f"{failed} of {len(table)} {what} could not be measured: the column error says why.", stacklevel=3
        )
    elsewhere = table.attrs.get("versions_elsewhere")
    if elsewhere:
        warnings.warn(
            f"Some {what} were measured with other versions than this process has ({'; '.join(elsewhere)}): their numbers may "
            "differ in the last digits. Install the same versions everywhere.",
            stacklevel=3,
        )
