"""A view's messages in a real kernel: which of its shells hears them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

LIMIT = 30.0  # seconds for one step on a busy machine

WIDGET = """\
import time
from happyhorse_widgets.widgets.base import Widget
class Greeted(Widget):
    entry = "clip"
widget = Greeted()
"""


@pytest.fixture
def kernel() -> Iterator[BlockingKernelClient]:
    manager, client = start_new_kernel(startup_timeout=60)
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def heard(client: BlockingKernelClient, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The next message to everybody that is `wanted`."""
    deadline = time.monotonic() + LIMIT
    while True:
        message: dict[str, Any] = client.get_iopub_msg(timeout=deadline - time.monotonic())
        if wanted(message):
            return message


def subshell(client: BlockingKernelClient) -> str:
    """A new shell beside the main one, as JupyterLab has one for widgets."""
    request = client.session.msg("create_subshell_request")
    client.control_channel.send(request)
    reply: dict[str, Any] = client.get_control_msg(timeout=LIMIT)
    assert reply["content"]["status"] == "ok"
    return str(reply["content"]["subshell_id"])


def greet(client: BlockingKernelClient, comm: str, request: str, shell: str | None) -> None:
    data = {"method": "custom", "content": {"kind": "hello", "request": request}}
    message = client.session.msg("comm_msg", {"comm_id": comm, "data": data})
    if shell is not None:
        message["header"]["subshell_id"] = shell
    client.shell_channel.send(message)


def opens_ours(message: dict[str, Any]) -> bool:
    data = message["content"].get("data", {})
    return message["msg_type"] == "comm_open" and "_esm" in data["state"]


def answers(request: str) -> Callable[[dict[str, Any]], bool]:
    def one(message: dict[str, Any]) -> bool:
        content = message["content"].get("data", {}).get("content", {})
        return message["msg_type"] == "comm_msg" and content.get("request") == request

    return one


def test_a_view_is_heard_in_a_running_cell_however_the_widget_was_shown(kernel: BlockingKernelClient) -> None:
    kernel.execute(WIDGET)
    comm = heard(kernel, opens_ours)["content"]["comm_id"]
    # The first message comes before the browser has a shell of its own: the main one hears and answers it.
    greet(kernel, comm, "early", None)
    heard(kernel, answers("early"))
    own = subshell(kernel)
    # The cell itself publishes, too, and then holds the main shell until the end of the test.
    kernel.execute("widget.send({}); print('holding'); time.sleep(600)")
    heard(kernel, lambda message: "holding" in message["content"].get("text", ""))
    for request in ("live", "again"):
        greet(kernel, comm, request, own)
        heard(kernel, answers(request))
