"""The browser's end of a widget's comm, without a browser: what a kernel puts in place of `comm.create_comm`."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from comm.base_comm import BaseComm

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
