"""Turns the modules under `static/` into the one script and the one style sheet that anywidget takes.

anywidget imports a widget's `_esm` from a Blob URL, where a relative import cannot work, and there is no
build step. So the modules that an entry imports are put into one script, each in a function of its own: a
module's names stay its own, whatever other modules call theirs, and only what it exports is handed on. The
sources remain real modules that a browser can import as they are.

Two plain forms are understood, each beginning at the start of a line, and everything else is refused:

    import { a, b as c } from "./shared/x.js";          // on one line or over several
    export function … | export async function … | export class … | export const NAME = … | export default …

An exported binding is handed on as a value, so it must not change: `export let` is refused, as are circles.
A module's sibling style sheet (`card.css` beside `card.js`) belongs to it and is carried along, after
`theme.css`.
"""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"

_IMPORT = re.compile(r'^import\s*\{([^{}]*)\}\s*from\s*"(\.{1,2}/[\w./-]+\.js)";[ \t]*$', re.MULTILINE)
_EXPORT = re.compile(r"^export\s+(?:(?:async\s+)?function\*?|class|const)\s+([A-Za-z_$][\w$]*)", re.MULTILINE)
_DEFAULT = re.compile(r"^export\s+default\s+", re.MULTILINE)
_NAME = re.compile(r"([A-Za-z_$][\w$]*)(?:\s+as\s+([A-Za-z_$][\w$]*))?")
# A type within a line of code may be said to come from another module.
_INLINE_TYPE = re.compile(r"/\*\*[^\n]*?\*/")
# What is left over after the forms above were taken out: a form that is not understood.
_LEFTOVER = re.compile(
    r"^\s*(?:import\b|export\b).*$|^(?!\s*(?:\*|//|/\*)).*\bimport\s*[(.].*$", re.MULTILINE
)


class AssetError(ValueError):
    """A module under `static/` uses a form of import or export that cannot be put into one script."""


@dataclass(frozen=True, slots=True)
class _Module:
    path: str
    body: str
    imports: tuple[tuple[str, str, str], ...]
    """(imported name, local name, path of the module it comes from)"""
    exports: frozenset[str]
    default: bool

    @property
    def variable(self) -> str:
        return "$" + re.sub(r"\W", "_", self.path.removesuffix(".js"))


def script(entry: str, root: Path = STATIC) -> str:
    """The module `entry` ("clip" means `clip.js` under `root`) with everything it imports put into it.

    Raises AssetError for an import or export that is not understood, a missing module or name, and a circle.
    """
    return _script(entry, root) if not _watching() else _script.__wrapped__(entry, root)


def stylesheet(entry: str, root: Path = STATIC) -> str:
    """`theme.css`, then the sibling style sheets of the modules that `entry` needs, in the script's order."""
    return _stylesheet(entry, root) if not _watching() else _stylesheet.__wrapped__(entry, root)


def _watching() -> bool:
    # anywidget's own switch: while somebody edits the front end, each new widget reads the files anew.
    return os.getenv("ANYWIDGET_HMR") == "1"


@cache
def _script(entry: str, root: Path) -> str:
    modules = _in_order(f"{entry}.js", root)
    last = modules[-1]
    if not last.default:
        raise AssetError(f"{last.path} is an entry and needs an `export default`.")
    parts = [_wrapped(module) for module in modules]
    return "\n".join([*parts, f"export default {last.variable}.default;", ""])


@cache
def _stylesheet(entry: str, root: Path) -> str:
    sheets = [
        root / "theme.css",
        *((root / m.path).with_suffix(".css") for m in _in_order(f"{entry}.js", root)),
    ]
    return "\n".join(f"/* {s.name} */\n{s.read_text(encoding='utf-8')}" for s in sheets if s.is_file())


def _in_order(path: str, root: Path) -> list[_Module]:
    """The modules that `path` needs, each after those that it imports, `path` itself last."""
    done: dict[str, _Module] = {}

    def visit(path: str, chain: tuple[str, ...]) -> _Module:
        if path in chain:
            raise AssetError(f"The imports form a circle: {' → '.join([*chain, path])}.")
        if path not in done:
            module = _read(path, root)
            for name, _, source in module.imports:
                if name not in visit(source, (*chain, path)).exports:
                    raise AssetError(f"{path} imports {name}, which {source} does not export.")
            done[path] = module
        return done[path]

    visit(path, ())
    return list(done.values())


def _read(path: str, root: Path) -> _Module:
    try:
        text = (root / path).read_text(encoding="utf-8")
    except OSError:
        raise AssetError(f"There is no module {path} under {root.name}/.") from None
    imports: list[tuple[str, str, str]] = []

    def take(match: re.Match[str]) -> str:
        source = posixpath.normpath(posixpath.join(posixpath.dirname(path), match[2]))
        for item in filter(None, (part.strip() for part in match[1].split(","))):
            name = _NAME.fullmatch(item)
            if name is None:
                raise AssetError(f"{path} imports {item!r}, which is not a name.")
            imports.append((name[1], name[2] or name[1], source))
        return "\n" * match[0].count("\n")  # line numbers within the module stay

    body = _IMPORT.sub(take, text)
    exports = frozenset(_EXPORT.findall(body))
    body = _EXPORT.sub(lambda match: match[0].removeprefix("export").lstrip(), body)
    body, defaults = _DEFAULT.subn("const $default = ", body)
    if (leftover := _LEFTOVER.search(_INLINE_TYPE.sub("", body))) is not None:
        raise AssetError(f"{path} has a form that cannot be put into one script: {leftover[0].strip()}")
    return _Module(path, body, tuple(imports), exports, bool(defaults))


def _wrapped(module: _Module) -> str:
    by_source: dict[str, list[str]] = {}
    for name, local, source in module.imports:
        by_source.setdefault(source, []).append(name if name == local else f"{name}: {local}")
    variable = {source: _Module(source, "", (), frozenset(), default=False).variable for source in by_source}
    taken = " ".join(f"const {{ {', '.join(names)} }} = {variable[s]};" for s, names in by_source.items())
    given = ", ".join([*sorted(module.exports), *(["default: $default"] if module.default else [])])
    head = f"const {module.variable} = (() => {{ {taken} // {module.path}"
    return f"{head}\n{module.body}\nreturn {{ {given} }};\n}})();"
