"""The hosts beside JupyterLab: Notebook 7, and Voilà on a Jupyter server or alone.

One server shows a notebook in JupyterLab, in Notebook 7 and in Voilà. Voilà alone is a program of its own, which gives
no files of its folder to the browser.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.lab import START_LIMIT, Lab, Notebook, server, wait_until, write_notebook


class Notebook7(Notebook):
    """One notebook, open in Notebook 7: the same parts as in JupyterLab, on a page of its own."""

    def address(self) -> str:
        """Where a person opens it."""
        return self.lab.address(self.path, "notebooks")


def voila_address(lab: Lab, cells: list[str], theme: str) -> str:
    """Where Voilà on the server shows a new notebook of these cells; `theme` is "light" or "dark"."""
    return f"{lab.address(write_notebook(lab.folder(), cells), 'voila/render')}&theme={theme}"


@contextmanager
def running_voila(folder: Path, cells: list[str]) -> Iterator[str]:
    """Voilà alone, with a new notebook of these cells in `folder`, ended at the end. Gives the notebook's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = write_notebook(folder, cells)
    command = [sys.executable, "-m", "voila", path.name, "--no-browser"]
    command += ["--Voila.ip=127.0.0.1", f"--port={port}", "--Voila.port_retries=0"]
    with server(command, folder / "own", folder) as process:
        wait_until(lambda: process.poll() is not None or _listens(port), START_LIMIT, "Voilà to start")
        assert process.poll() is None, (folder / "own" / "server.log").read_text()
        yield f"http://127.0.0.1:{port}/"


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True
