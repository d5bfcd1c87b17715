"""An event loop that knows host names by a table of the test, in place of the network's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class NamedLoop(asyncio.SelectorEventLoop):
    """Each look-up of a name takes its next list of numbers from `names`; `asked` is what was looked up, in order."""

    def __init__(self, names: Mapping[str, list[list[str]]]) -> None:
        super().__init__()
        self._names = {name: iter(answers) for name, answers in names.items()}
        self.asked: list[str] = []

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """Called by asyncio, and by whoever resolves by its loop."""
        name = host.decode() if isinstance(host, bytes) else host
        if name not in self._names:
            return await super().getaddrinfo(host, port, **options)
        self.asked.append(name)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in next(self._names[name])
        ]


def run_named(work: Coroutine[Any, Any, T], names: Mapping[str, list[list[str]]]) -> tuple[T, list[str]]:
    """What `work` returns, and the names that were looked up for it."""
    loop = NamedLoop(names)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(work), loop.asked
