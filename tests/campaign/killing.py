"""Places at which a kernel ends itself with SIGKILL, hooked into the real code from outside."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from typing import Any

import httpx2

from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.engine import downloads
from happyhorse_widgets.engine.states import State
from happyhorse_widgets.library.database import Database
from happyhorse_widgets.library.journal import Journal

from .plan import Kill


class _Passages:
    def __init__(self, nth: int) -> None:
        self._left = nth
        self._lock = threading.Lock()

    def passed(self, *_: object) -> None:
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def once_committed(self, entry: Future[Any]) -> Future[Any]:
        # Called on the writer's thread, right after the commit.
        entry.add_done_callback(lambda done: done.exception() or self.passed())
        return entry


def arm(kill: Kill) -> None:
    """See to it that this process is killed at that place."""
    _HOOKS[kill.point](_Passages(kill.nth), kill)


def _on_draft(passages: _Passages, _: Kill) -> None:
    create = Journal.create
    Journal.create = lambda self, *given, **named: passages.once_committed(create(self, *given, **named))  # type: ignore[method-assign]


def _on_move(following: State) -> Callable[[_Passages, Kill], None]:
    def hook(passages: _Passages, _: Kill) -> None:
        move = Journal.move

        def moving(self: Journal, clip_id: str, current: str, to: str, **values: Any) -> Future[Any]:
            entry = move(self, clip_id, current, to, **values)
            return passages.once_committed(entry) if to == following else entry

        Journal.move = moving  # type: ignore[method-assign,assignment]

    return hook


def _on_answer(passages: _Passages, _: Kill) -> None:
    move = Journal.move

    def moving(self: Journal, clip_id: str, current: str, to: str, **values: Any) -> Future[Any]:
        if (current, to) == (State.SENDING, State.SUBMITTED):
            passages.passed()
        return move(self, clip_id, current, to, **values)

    Journal.move = moving  # type: ignore[method-assign,assignment]


def _on_post(passages: _Passages, _: Kill) -> None:
    send = httpx2.AsyncClient.send

    async def trace(name: str, _: object) -> None:
        if name == "http11.send_request_body.complete":
            passages.passed()

    async def sending(self: httpx2.AsyncClient, request: httpx2.Request, **named: Any) -> httpx2.Response:
        if "/generate/custom/" in request.url.path and "dryRun" not in request.url.params:
            request.extensions["trace"] = trace
        return await send(self, request, **named)

    httpx2.AsyncClient.send = sending  # type: ignore[method-assign,assignment]


def _on_search(passages: _Passages, kill: Kill) -> None:
    jobs, move = ScenarioClient.jobs, Journal.move

    async def listing(self: ScenarioClient, **query: Any) -> Any:
        page = await jobs(self, **query)
        if query.get("created_after") is not None:
            passages.passed()
        return page

    def moving(self: Journal, clip_id: str, current: str, to: str, **values: Any) -> Future[Any]:
        entry = move(self, clip_id, current, to, **values)
        return passages.once_committed(entry) if current == State.UNKNOWN else entry

    if kill.seconds < 1:
        ScenarioClient.jobs = listing  # type: ignore[method-assign,assignment]
    else:
        Journal.move = moving  # type: ignore[method-assign,assignment]


def _on_download(passages: _Passages, kill: Kill) -> None:
    receive, finish = downloads.Download._receive, downloads.Download._finish

    async def receiving(self: Any, pieces: AsyncIterator[bytes], *given: Any) -> int:
        async def passing() -> AsyncIterator[bytes]:
            async for piece in pieces:
                yield piece[: len(piece) // 2]
                passages.passed()
                yield piece[len(piece) // 2 :]

        return await receive(self, passing(), *given)

    def finishing(self: Any, *given: Any) -> Any:
        passages.passed()
        return finish(self, *given)

    if kill.seconds < 1:
        downloads.Download._receive = receiving  # type: ignore[method-assign]
    else:
        downloads.Download._finish = finishing  # type: ignore[method-assign]


def _on_file(passages: _Passages, _: Kill) -> None:
    publish = downloads.publish

    def publishing(*given: Any) -> None:
        publish(*given)
        passages.passed()

    downloads.publish = publishing  # type: ignore[attr-defined]


def _on_commit(passages: _Passages, _: Kill) -> None:
    write = Database.write
    Database.write = lambda self, work: passages.once_committed(write(self, work))  # type: ignore[method-assign]


def _at_moment(passages: _Passages, kill: Kill) -> None:
    timer = threading.Timer(kill.seconds, passages.passed)
    timer.daemon = True
    timer.start()


_HOOKS: dict[str, Callable[[_Passages, Kill], None]] = {
    "after the draft": _on_draft,
    "after the intent": _on_move(State.INTENT),
    "after sending, before the POST": _on_move(State.SENDING),
    "during the POST": _on_post,
    "after the answer, before its commit": _on_answer,
    "while looking for lost jobs": _on_search,
    "during a download": _on_download,
    "between the file and its commit": _on_file,
    "after some commit": _on_commit,
    "at some moment": _at_moment,
}
