"""Where the notebook's own server finds a file, so that a browser can play a clip while the kernel is busy."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import quote


def served_path(path: Path) -> str | None:
    """`path` below the Jupyter server's root, with slashes: the browser finds it at `<base URL>files/<this>`.

    None where it is not served: no Jupyter server started this kernel, the file lies outside its root, or a folder
    on the way is hidden. It is a guess that the browser checks, since a proxy may stand in between.
    """
    root = _server_root()
    if root is None:
        return None
    try:
        parts = path.resolve().relative_to(root.resolve()).parts
    except ValueError:
        return None
    return None if any(part.startswith(".") for part in parts) else "/".join(parts)


def relative_address(path: Path) -> str | None:
    """The address of `path` for an HTML page beside the notebook, percent-encoded; None where it has none."""
    try:
        relative = os.path.relpath(path.resolve(), _notebook_folder())
    except ValueError:  # another drive
        return None
    return quote(Path(relative).as_posix())


def _server_root() -> Path | None:
    """The root folder of the Jupyter server that started this kernel.

    The server's own record holds its token, too; nothing but the folder is taken from it.
    """
    parent = os.getenv("JPY_PARENT_PID", "")
    if not parent.isdigit():
        return None
    # There with every Jupyter server, and needed only with one.
    from jupyter_core.paths import jupyter_runtime_dir

    record = Path(jupyter_runtime_dir()) / f"jpserver-{parent}.json"
    try:
        return Path(json.loads(record.read_text(encoding="utf-8"))["root_dir"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _notebook_folder() -> Path:
    """The folder of the running notebook; the working folder where the server does not say."""
    notebook = Path(os.getenv("JPY_SESSION_NAME", ""))
    folder = notebook.parent if notebook.is_absolute() else Path.cwd()
    return (folder if folder.is_dir() else Path.cwd()).resolve()
