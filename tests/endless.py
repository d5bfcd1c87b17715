"""A server whose answer has no end."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def endless(head: bytes, piece: bytes, pause: float = 0.0) -> Iterator[tuple[str, Callable[[], int]]]:
    """A server that never stops to answer; its address, and how many bytes it got rid of."""
    sent = 0
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        nonlocal sent
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(head)
                while not over.wait(pause):
                    connection.sendall(piece)
                    sent += len(piece)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/fox.png", lambda: sent
    finally:
        over.set()
        listener.close()
        thread.join(10)
