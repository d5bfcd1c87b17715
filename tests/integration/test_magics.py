"""`%happyhorse` and `%%happyhorse` in a real IPython shell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import RichOutput, capture_output
from traitlets.config import Config

import happyhorse_widgets as hh
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import InvalidRequest
from tests.conftest import SandboxProcess, StartSandbox
from tests.integration.conftest import OpenSession
from tests.sessions import LONG, picture


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1)


@pytest.fixture
def session(sandbox: SandboxProcess, open_session: OpenSession) -> Session:
    """What the magics use: the session of the last `connect`."""
    return open_session(sandbox)


@pytest.fixture
def shell(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell that has loaded the extension, in a folder with an image."""
    (tmp_path / "my fox.png").write_bytes(picture())
    monkeypatch.chdir(tmp_path)
    quiet = Config({"HistoryManager": {"enabled": False}})
    shell = InteractiveShell.instance(config=quiet, ipython_dir=str(tmp_path / "ipython"))
    assert shell.run_cell("%load_ext happyhorse_widgets").success
    yield shell
    InteractiveShell.clear_instance()


def shown(shell: InteractiveShell, cell: str) -> list[RichOutput]:
    with capture_output() as said:
        shell.run_cell(cell).raise_error()
    return list(said.outputs)


def test_a_cell_is_a_prompt_and_its_line_says_the_rest(shell: InteractiveShell, session: Session) -> None:
    line = (
        '-r "my fox.png" -r asset_1 --aspect-ratio 9:16 --resolution 720P --duration 4 --seed 7 --name wave'
    )
    ran = shell.run_cell(f"%%happyhorse {line}\n  character1 waves\nat character2\n")
    clip = ran.result
    assert isinstance(clip, hh.Clip)
    assert clip is shell.user_ns["wave"]
    request = clip.request
    assert request.prompt == "character1 waves\nat character2"
    assert [image.name for image in request.references] == ["my fox.png", "asset_1"]
    assert (request.aspect_ratio, request.resolution, request.duration, request.seed) == (
        "9:16",
        "720P",
        4,
        7,
    )
    clip.cancel()
    (again,) = session.clips
    assert again.id == clip.id


def test_what_is_left_out_is_the_default_and_the_clip_arrives(shell: InteractiveShell) -> None:
    clip = shell.run_cell("%%happyhorse -r 'my fox.png'\ncharacter1 waves").result
    assert clip.wait(LONG).is_done
    request = clip.request
    assert (request.aspect_ratio, request.resolution, request.duration, request.seed) == (
        "16:9",
        "1080P",
        5,
        None,
    )


def test_a_line_opens_a_studio(shell: InteractiveShell) -> None:
    view_of = "application/vnd.jupyter.widget-view+json"
    (view,) = (output.data[view_of] for output in shown(shell, "%happyhorse") if view_of in output.data)
    widget = ipywidgets.Widget.widgets[view["model_id"]]
    assert isinstance(widget, hh.Studio)
    widget.close()


@pytest.mark.parametrize(
    ("cell", "kind", "words"),
    [
        ("%happyhorse fox.png", UsageError, "takes nothing. To submit a prompt, write it below %%happyhorse"),
        (
            "%%happyhorse --duration long\ncharacter1 waves",
            UsageError,
            "--duration: invalid int value: 'long'",
        ),
        ("%%happyhorse --speed 3\ncharacter1 waves", UsageError, "unrecognized arguments: --speed 3"),
        ("%%happyhorse -r\ncharacter1 waves", UsageError, "-r/--reference: expected one argument"),
        ("%%happyhorse\nsomebody waves", InvalidRequest, "No reference image was given"),
        ("%%happyhorse -r absent.png\ncharacter1 waves", InvalidRequest, r"character1: .*absent\.png"),
        ("%%happyhorse -r 'my fox.png' --duration 2\ncharacter1 waves", InvalidRequest, "from 3 to 15"),
        ("%%happyhorse -r 'my fox.png'\n ", InvalidRequest, "prompt is empty"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    shell: InteractiveShell, session: Session, cell: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        shown(shell, cell)
    assert len(session.clips) == 0
