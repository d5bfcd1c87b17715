"""A real JupyterLab for the browser tests, and a notebook in it as a person would use it."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import BrowserContext, Locator, Page, ViewportSize, expect

import happyhorse_widgets

if TYPE_CHECKING:
    import nbformat

START_LIMIT = 60  # seconds until the server answers
STEP_LIMIT = 30_000  # milliseconds for one step of the page
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
#: A page that shows a whole Studio and every card of a few clips: a list has elements only for what is near the view.
TALL: ViewportSize = {"width": 1280, "height": 12_000}
_IMAGES = Path(__file__).parents[2] / "notebooks" / "images"
NO_NEWS = {"checkForUpdates": False, "doNotDisturbMode": True, "fetchNews": "false"}


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: `url` ends with a slash, `root` is the folder that it serves."""

    url: str
    token: str
    root: Path

    def folder(self) -> Path:
        """A new folder under the root."""
        path = self.root / f"work-{secrets.token_hex(4)}"
        path.mkdir()
        return path

    def address(self, path: Path, within: str | None = None) -> str:
        """Where a person opens `path`: in JupyterLab with a workspace of its own, or `within` another page of the server."""
        place = within or f"lab/workspaces/{secrets.token_hex(4)}/tree"
        return f"{self.url}{place}/{path.relative_to(self.root).as_posix()}?token={self.token}"

    def api(self, method: str, path: str) -> object:
        """Call the server's REST API."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}api/{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def end_kernels(self) -> None:
        """End every kernel, and with it what it started."""
        sessions = self.api("GET", "sessions")
        assert isinstance(sessions, list)
        for session in sessions:
            self.api("DELETE", f"sessions/{session['id']}")


def folder_with_images(lab: Lab) -> Path:
    """A new folder with two images."""
    folder = lab.folder()
    for name in ("fox.png", "astronaut.png"):
        shutil.copy(_IMAGES / name, folder)
    return folder


@contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    """JupyterLab on a free port, with nothing of this machine's own settings, ended at the end."""
    root, own = folder / "root", folder / "own"
    root.mkdir()
    _write_settings(own / "settings")
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={root}", "--ContentsManager.allow_hidden=False"]
    command += ["--JupyterNotebookApp.expose_app_in_browser=True"]  # the same server shows Notebook 7
    with server(command, own, root) as process:
        record = own / "runtime" / f"jpserver-{process.pid}.json"

        def started() -> bool:  # the record is made empty, and written then
            return process.poll() is not None or (
                record.exists() and record.read_text().rstrip().endswith("}")
            )

        wait_until(started, START_LIMIT, "JupyterLab to start")
        assert process.poll() is None, (own / "server.log").read_text()
        lab = Lab(json.loads(record.read_text())["url"], token, root)
        yield lab
        lab.end_kernels()


@contextmanager
def server(command: list[str], own: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Jupyter server in `folder`, ended at the end. Its settings are in `own`, and what it says in own/server.log."""
    own.mkdir(exist_ok=True)
    with (own / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment(own), cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(own: Path) -> dict[str, str]:
    folders = {
        "JUPYTER_CONFIG_DIR": own / "config",
        "JUPYTER_DATA_DIR": own / "data",
        "JUPYTER_RUNTIME_DIR": own / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": own / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": own / "workspaces",
        "IPYTHONDIR": own / "ipython",
    }
    package = Path(happyhorse_widgets.__file__).parent.parent
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "JPY_", "SCENARIO"))
    }
    path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
    # Else debugpy warns on the stderr of each kernel that begins, beside ipykernel's own thread: now and then two messages come
    # out as one, which JupyterLab cannot read.
    quiet = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return kept | {name: str(path) for name, path in folders.items()} | {"PYTHONPATH": path} | quiet


def _write_settings(folder: Path) -> None:
    extension = folder / "@jupyterlab" / "apputils-extension"
    extension.mkdir(parents=True)
    (extension / "notification.jupyterlab-settings").write_text(json.dumps(NO_NEWS))


@contextmanager
def lasting_page(context: BrowserContext) -> Iterator[Page]:
    """A page for several tests. An error that no script caught fails the last of them."""
    page = context.new_page()
    errors = uncaught(page)
    yield page
    page.close()
    assert errors == []


def uncaught(page: Page) -> list[str]:
    """The errors that no script of the page catches, from now on."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


def wait_until(condition: Callable[[], object], limit: float, what: str) -> None:
    """Look every 50 ms whether `condition` holds; fail after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"waited {limit} s for {what}"
        time.sleep(0.05)


def write_notebook(folder: Path, cells: list[str]) -> Path:
    """A new notebook of these code cells in `folder`."""
    path = folder / "notebook.ipynb"
    import nbformat  # it takes seconds, and most tests need no notebook

    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata={"kernelspec": KERNEL}), path)
    return path


class Notebook:
    """One notebook, open in JupyterLab. Cells are counted from 0."""

    def __init__(self, page: Page, lab: Lab, cells: list[str], folder: Path | None = None) -> None:
        self.page = page
        self.lab = lab
        self.folder = folder or lab.folder()
        self.path = write_notebook(self.folder, cells)
        self.open()

    def address(self) -> str:
        """Where a person opens it."""
        return self.lab.address(self.path)

    def open(self) -> None:
        """Open the notebook, or open it again, with a kernel that is ready."""
        self.page.goto(self.address())
        self.page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.isReady")
        expect(self.cell(0)).to_be_visible(timeout=STEP_LIMIT)

    def cell(self, index: int) -> Locator:
        """The cell."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(index)

    def output(self, index: int) -> Locator:
        """What the cell left below itself."""
        return self.cell(index).locator(".jp-Cell-outputWrapper")

    def start(self, index: int) -> None:
        """Run the cell, without waiting for it."""
        # In one go: an element that comes by the focus makes its own cell the active one.
        run = 'void window.jupyterapp.commands.execute("notebook:run-cell");'
        self._on_notebook(f"notebook.activeCellIndex = {index}; notebook.deselectAll(); {run}")

    def run(self, index: int, limit: int = STEP_LIMIT) -> Locator:
        """Run the cell, wait until it has ended, and give its output."""
        self.start(index)
        self.wait(index, limit)
        return self.output(index)

    def wait(self, index: int, limit: int = STEP_LIMIT) -> None:
        """Wait until the cell has ended."""
        expect(self.cell(index).locator(".jp-InputArea-prompt").first).to_have_text(
            re.compile(r"\[\d+\]:"), timeout=limit
        )

    def save(self) -> nbformat.NotebookNode:
        """Save, and give what is on the disk."""
        before = self.path.stat().st_mtime_ns
        self.command("docmanager:save")
        wait_until(
            lambda: self.path.stat().st_mtime_ns != before and self._whole(), 30, "the notebook to be saved"
        )
        import nbformat

        return nbformat.read(self.path, as_version=4)

    def distrust(self) -> None:
        """Change the saved file as another program would: JupyterLab trusts it no more."""
        content = json.loads(self.path.read_text())
        content["metadata"]["changed"] = True
        self.path.write_text(json.dumps(content))

    def _whole(self) -> bool:
        try:
            return bool(json.loads(self.path.read_text()))
        except ValueError:
            return False

    def restart_kernel(self) -> None:
        """Restart the kernel as the menu does once a person has said yes."""
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        )

    def narrow(self, width: int) -> None:
        """Give the notebook a page of `width` CSS pixels, all to itself."""
        self.page.set_viewport_size({"width": width, "height": 900})
        for side in ("left", "right"):
            self.page.evaluate(f"() => window.jupyterapp.shell.collapse{side.capitalize()}()")

    def theme(self, name: str) -> None:
        """Change the theme to "light" or "dark"."""
        self.command("apputils:change-theme", {"theme": f"JupyterLab {name.capitalize()}"})
        shown = "true" if name == "light" else "false"
        expect(self.page.locator(f'body[data-jp-theme-light="{shown}"]')).to_be_attached(timeout=STEP_LIMIT)
        expect(self.page.locator("#jupyterlab-splash")).not_to_be_attached(timeout=STEP_LIMIT)

    def command(self, name: str, arguments: dict[str, str] | None = None) -> None:
        """Have JupyterLab carry out a command, without waiting: one that runs a cell ends with the cell."""
        script = "([name, given]) => { void window.jupyterapp.commands.execute(name, given); }"
        self.page.evaluate(script, [name, arguments or {}])

    def _on_notebook(self, script: str) -> None:
        self.page.evaluate(
            f"() => {{ const notebook = window.jupyterapp.shell.currentWidget.content; {script} }}"
        )
