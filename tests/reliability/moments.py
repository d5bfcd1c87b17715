"""What the kernels of these tests do to themselves: they die, sleep or run out of disk at a point of the protocol, never of time.

Each function is called in the kernel's own process, before its session begins, and puts a hook where its name says.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

import httpx2

from happyhorse_widgets.api import transport
from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.engine import downloads, watch
from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.reconcile import Reconciler
from happyhorse_widgets.errors import JobError
from happyhorse_widgets.library.journal import Journal
from tests.sessions import LONG

Act = Callable[[], object]
AsyncAct = Callable[[], Awaitable[object]]


def die() -> None:
    """As the kernel does that the system or a person kills."""
    os.kill(os.getpid(), signal.SIGKILL)


def fall_asleep() -> None:
    """As a machine does whose lid is closed; until somebody sends SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def call_myself(name: str) -> None:
    """Have the server's record name this process."""
    transport.USER_AGENT = name


def rest(clip: Clip) -> None:
    """Wait until the engine leaves the clip alone, however it ends."""
    with contextlib.suppress(JobError):
        clip.wait(LONG)


def before_commit(state: str, act: Act) -> None:
    """Act when a clip is about to be written down as being in `state`."""
    move = Journal.move

    def moving(self: Journal, clip_id: str, current: str, following: str, **values: Any) -> Future[Any]:
        if following == state:
            act()
        return move(self, clip_id, current, following, **values)

    Journal.move = moving  # type: ignore[method-assign]


def after_commit(state: str, act: Act) -> None:
    """Act when a clip's step to `state` is on the disk, and nobody knows of it yet."""
    move = Journal.move

    def moved(done: Future[Any]) -> None:
        if done.exception() is None:
            act()

    def moving(self: Journal, clip_id: str, current: str, following: str, **values: Any) -> Future[Any]:
        future = move(self, clip_id, current, following, **values)
        if following == state:
            future.add_done_callback(moved)  # the first of its callbacks
        return future

    Journal.move = moving  # type: ignore[method-assign]


def in_post(event: str, act: AsyncAct) -> None:
    """Act at an `event` of the POST that costs money, as the HTTP library names them: "send_request_body.complete" …"""
    send = httpx2.AsyncClient.send

    async def traced(name: str, info: dict[str, Any]) -> None:
        if name.endswith(event):
            await act()

    async def sending(self: httpx2.AsyncClient, request: httpx2.Request, **options: Any) -> httpx2.Response:
        paid = "/generate/custom/" in request.url.path and "dryRun" not in request.url.params
        if paid and request.method == "POST":
            request.extensions = {**request.extensions, "trace": traced}
        return await send(self, request, **options)

    httpx2.AsyncClient.send = sending  # type: ignore[method-assign, assignment]


def before_post(act: AsyncAct) -> None:
    """Act each time `sending` is committed and nothing has been sent."""
    generate = ScenarioClient.generate

    async def generating(self: ScenarioClient, *arguments: Any) -> Any:
        await act()
        return await generate(self, *arguments)

    ScenarioClient.generate = generating  # type: ignore[method-assign]


def before_scan(number: int, act: Act) -> None:
    """Act when the list of jobs is about to be searched for the `number`-th time."""
    search = Reconciler._unbound_jobs
    scans = 0

    async def searching(self: Reconciler, *arguments: Any) -> Any:
        nonlocal scans
        scans += 1
        if scans == number:
            act()
        return await search(self, *arguments)

    Reconciler._unbound_jobs = searching  # type: ignore[method-assign]


def before_download(act: AsyncAct) -> None:
    """Act each time a file's address is known and it is about to be fetched."""
    stream = downloads.Download._stream

    async def streaming(self: downloads.Download, *arguments: Any) -> None:
        await act()
        await stream(self, *arguments)

    downloads.Download._stream = streaming  # type: ignore[method-assign]


def after_publishing(act: Act) -> None:
    """Act when a finished file has got its name, and the journal does not know of it."""
    publish = downloads.publish

    def publishing(*arguments: Any) -> None:
        publish(*arguments)
        act()

    downloads.publish = publishing


def by_small_pages(between: Callable[[ScenarioClient, set[str]], Awaitable[object]]) -> list[set[str]]:
    """Have running jobs watched by the list alone, and that in pages of two.

    `between` is called before each further page, with the ids of those that were shown in the same round. Returns what was
    shown in each round, which grows.
    """
    watch._FEW = 0  # type: ignore[misc]
    jobs = ScenarioClient.jobs
    rounds: list[set[str]] = []

    async def listing(self: ScenarioClient, **query: Any) -> Any:
        if not query.get("types"):
            return await jobs(self, **query)
        if query.get("token"):
            await between(self, rounds[-1])
        else:
            rounds.append(set())
        page = await jobs(self, **{**query, "page_size": 2})
        rounds[-1].update(job.job_id for job in page.jobs)
        return page

    ScenarioClient.jobs = listing  # type: ignore[method-assign]
    return rounds


def allow_files(size: int | None) -> None:
    """Let no file of this process grow beyond `size` bytes, as if the disk were full there; None lifts that.

    What SQLite and Python meet is a refused write, as on a full disk. No mount is needed, and it binds root as well.
    """
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))
