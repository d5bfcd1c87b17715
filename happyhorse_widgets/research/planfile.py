"""A plan as one file, JSON or YAML: to be registered before a study, published with it, and run again from.

The file has the plan alone, with a SHA-256 over it; images stand in it by their content. It may come from a stranger: nothing
in it is run, and what no plan can be is refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from happyhorse_widgets.api.params import REFERENCES
from happyhorse_widgets.engine.request import Reference
from happyhorse_widgets.errors import HappyHorseError, InvalidImage, InvalidRequest
from happyhorse_widgets.extras import needs
from happyhorse_widgets.library.files import write_whole
from happyhorse_widgets.media.images import MEDIA_TYPES, load_image
from happyhorse_widgets.text import whole_in

from .plan import Plan, digest, lay_out

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT: Final = 1
_KIND: Final = "happyhorse_widgets sweep"
_ENDINGS: Final = {".json": "JSON", ".yaml": "YAML", ".yml": "YAML"}
_MOST_BYTES = 20_000_000
_RARE_ENDS = re.compile("[\r\x85\u2028\u2029\ufeff]")


def is_file_name(text: object) -> bool:
    """Whether this names a plan's file, by its ending."""
    return Path(str(text)).suffix.lower() in _ENDINGS


def write_plan(path: Path, name: str, plan: Plan) -> None:
    """Write the plan; the same plan gives the same bytes. What is there under that name is replaced.

    Raises `InvalidRequest` for another ending than .json, .yaml and .yml, `LibraryError` where it cannot be written.
    """
    data = {"kind": _KIND, "format": FORMAT, "name": name, "plan": plan.to_dict(), "sha256": plan.sha256}
    text = _to_yaml(data) if _form(path) == "YAML" else _to_json(data)
    write_whole(path, text.encode())


def read_plan(path: Path) -> tuple[str, Plan]:
    """The name and the plan in a file that `write_plan` wrote. Raises `InvalidRequest` that says what is wrong with it."""
    form = _form(path)
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise InvalidRequest(
                f"{path.name} has more than {_MOST_BYTES:,} bytes: it is no plan of a sweep."
            )
        data = whole_in(_from_yaml(raw) if form == "YAML" else json.loads(raw))
    except OSError as error:
        raise InvalidRequest(
            f"{path} cannot be read ({error.strerror}). Check the name and the folder."
        ) from None
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{path.name} is no {form} that can be read: {error}") from None
    return _understood(path.name, data)


def _form(path: Path) -> str:
    try:
        return _ENDINGS[path.suffix.lower()]
    except KeyError:
        raise InvalidRequest(f"{path.name!r}: a plan's file ends in {', '.join(_ENDINGS)}.") from None


def _to_json(data: Any) -> str:
    return json.dumps(data, sort_keys=True, ensure_ascii=False, indent=2) + "\n"


def _to_yaml(data: Any) -> str:
    yaml = needs("yaml")

    class Dumper(yaml.SafeDumper):  # type: ignore[name-defined, misc]
        """Quotes texts with line ends other than \\n, which are lost where they are not escaped."""

    def scalar(dumper: Any, text: str) -> Any:
        style = '"' if _RARE_ENDS.search(text) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, scalar)
    found: str = yaml.dump(data, Dumper=Dumper, sort_keys=True, allow_unicode=True, width=100)
    return found


def _from_yaml(raw: bytes) -> Any:
    yaml = needs("yaml")
    try:
        # A plan repeats nothing by reference; a few lines that do can stand for more than the memory holds.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(raw, yaml.SafeLoader)):
            raise ValueError("it repeats itself by reference (*), which no plan does")
        return yaml.safe_load(raw)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def _understood(name: str, data: Any) -> tuple[str, Plan]:
    if not isinstance(data, dict) or data.get("kind") != _KIND:
        raise InvalidRequest(f"{name} is no plan of a sweep: sweep.save() writes one.")
    if data.get("format") != FORMAT:
        raise InvalidRequest(
            f"{name} is in format {data.get('format')!r:.20}; this version reads format {FORMAT}. A newer one may read it."
        )
    plan = restored(data.get("plan"), name)
    if data.get("sha256") != plan.sha256:
        raise InvalidRequest(
            f"{name} was changed after it was written: its sha256 is that of another plan. Take the file as it was, or make the"
            " plan anew with hh.sweep(…)."
        )
    if plan.cells != _laid_out(plan, name).cells:
        raise InvalidRequest(
            f"{name} contradicts itself: its cells, or their order, do not follow from its factors, design and order_seed."
            " Take a file that sweep.save() wrote."
        )
    called = data.get("name")
    if not isinstance(called, str) or not called.strip():
        raise InvalidRequest(f"{name} does not say what the sweep is called.")
    return called, plan


def _laid_out(plan: Plan, name: str) -> Plan:
    """The plan as it would be made today from what it says of itself."""
    try:
        return lay_out(
            plan.factors,
            plan.fixed,
            design=plan.design,
            runs=plan.runs,
            order_seed=plan.order_seed,
            fields=plan.fields,
        )
    except InvalidRequest as error:
        raise InvalidRequest(*(f"{name} is no plan of a sweep: {line}" for line in error.problems)) from None


def restored(data: Any, source: str) -> Plan:
    """The plan that `Plan.to_dict` gave. Raises `InvalidRequest` for what cannot be one; `source` is named in the message."""
    try:
        rough = msgspec.convert(data, Plan)
        plan = replace(
            rough,
            factors=tuple(
                replace(
                    each,
                    levels=tuple(
                        replace(level, value=_read(each.name, level.value)) for level in each.levels
                    ),
                )
                for each in rough.factors
            ),
            fixed={name: _read(name, value) for name, value in rough.fixed.items()},
        )
        _require_sound(plan, data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRequest(f"{source} is no plan of a sweep ({type(error).__name__}: {error}).") from None
    return plan


def _require_sound(plan: Plan, data: Any) -> None:
    digest(data)  # raises for a number that JSON does not have
    if plan.to_dict() != data:
        raise ValueError("it has something in it that no plan has")
    if len({cell.key for cell in plan.cells}) < len(plan.cells):
        raise ValueError("two cells have the same key")
    for cell in plan.cells:
        plan.request(cell)


def _read(name: str, value: Any) -> Any:
    if name != REFERENCES:
        return value
    references = tuple(msgspec.convert(value, list[Reference]))
    for reference in references:
        if reference.url is not None or (reference.asset_id is None and reference.file is None):
            raise ValueError("an image is named neither by its content nor as an asset")
    return references


def bring_images(plan: Plan, folder: Path, keep: Callable[[Any], object]) -> None:
    """Have every image of the plan in this library: from there, or from a file in `folder` of its name, or of its SHA-256.

    `keep` puts images into the library, and raises `InvalidImage` for a reference that is not in it. Raises `InvalidRequest` that
    names those that are in neither.
    """
    missing = []
    for reference in _images(plan):
        try:
            keep([_beside(reference, folder) or reference])
        except InvalidImage:
            missing.append(
                f"{reference.name} (sha256 {(reference.sha256 or '')[:12]}…) is not in this library. Put the very image"
                f" beside the plan, as {' or '.join(str(path) for path in _places(reference, folder))}."
            )
    if missing:
        raise InvalidRequest(*missing)


def _images(plan: Plan) -> list[Reference]:
    factor = plan.factor(REFERENCES)
    sets = [plan.fixed.get(REFERENCES, ())] if factor is None else [level.value for level in factor.levels]
    return [reference for images in sets for reference in images]


def _places(reference: Reference, folder: Path) -> list[Path]:
    """Where its file may be. Several images may have one name, as all do that never were in a file; no two have one SHA-256."""
    names = [reference.name, *([reference.file] if reference.file else [])]
    return [folder / Path(name).name for name in names]


def _beside(reference: Reference, folder: Path) -> Any:
    found = (_at(path, reference.sha256) for path in _places(reference, folder))
    return next((image for image in found if image is not None), None)


def _at(path: Path, sha256: str | None) -> Any:
    """The image in this file, as it comes or without its metadata, where it has this SHA-256."""
    if not path.is_file() or path.suffix.lower().lstrip(".") not in (*MEDIA_TYPES.values(), "jpeg"):
        return None
    for keep_metadata in (False, True):
        try:
            image = load_image(path, keep_metadata=keep_metadata)
        except HappyHorseError:
            return None
        if image.sha256 == sha256:
            return image
    return None
