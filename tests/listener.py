"""A notebook that is run by a program, and everything that a browser would have been sent."""

from __future__ import annotations

import json
from typing import Any

from nbclient import NotebookClient


class Listener(NotebookClient):
    """Runs a notebook, and keeps every message that a browser would get, comms with their buffers too."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.heard: list[str] = []

    def process_message(self, msg: dict[str, Any], *args: Any, **options: Any) -> Any:
        """Called for each message."""
        buffers = [bytes(buffer).decode("latin-1") for buffer in msg.get("buffers", [])]
        self.heard.append(
            json.dumps([msg["msg_type"], msg["content"], msg.get("metadata")], default=str) + "".join(buffers)
        )
        return super().process_message(msg, *args, **options)
