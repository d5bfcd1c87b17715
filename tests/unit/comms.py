"""The browser's end of a widget's comm, without a browser: what a kernel puts in place of `comm.create_comm`."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from comm.base_comm import BaseComm
from jupyter_client.session import json_packer

PARENT: ContextVar[str | None] = ContextVar("parent", default=None)
"""Stands for the kernel's own context variable: the message from the browser that is being handled."""


class RecordingComm(BaseComm):
    """Keeps what was published, and under which parent."""

    def __init__(self, **options: Any) -> None:
        self.published: list[tuple[str, dict[str, Any], list[bytes], str | None]] = []
        super().__init__(**options)

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        json_packer(data)  # raises what a kernel raises
        self.published.append((msg_type, data, [bytes(b) for b in buffers or []], PARENT.get()))

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The content of each custom message to the views."""
        return [
            data["content"] for _, data, _, _ in self.published if data and data.get("method") == "custom"
        ]

    def updates(self, trait: str) -> list[Any]:
        """Every value of the trait that was sent after the first."""
        states = (
            data["state"] for _, data, _, _ in self.published if data and data.get("method") == "update"
        )
        return [state[trait] for state in states if trait in state]

    def say(self, content: dict[str, Any]) -> None:
        """A custom message from a view."""
        self.handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


Ask = Callable[..., dict[str, Any]]


def asking(comm: RecordingComm) -> Ask:
    """Sends requests as a view does: `ask(kind, content, buffers, **more_content)` waits for the answer, and gives it."""
    numbers = itertools.count()

    def ask(
        kind: str, content: Mapping[str, Any] | None = None, buffers: Iterable[bytes] = (), **more: Any
    ) -> dict[str, Any]:
        request = f"view-{next(numbers)}"
        message = {
            "method": "custom",
            "content": {**(content or {}), **more, "kind": kind, "request": request},
        }
        views = [memoryview(data) for data in buffers]
        comm.handle_msg({"content": {"data": message}, "buffers": views})
        answer: dict[str, Any] = until(
            lambda: next((m for m in comm.messages if m.get("request") == request), None)
        )
        return answer

    return ask


def until(look: Callable[[], Any], limit: float = 30.0) -> Any:
    """Look until there is something, and give it; fails after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not (found := look()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found
