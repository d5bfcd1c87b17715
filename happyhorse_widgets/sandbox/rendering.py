"""Has the ledger's videos rendered, in processes of their own, while the jobs' clock goes on regardless.

The ledger is the queue. Each renderer claims the oldest job that nobody works on, and keeps the claim fresh until the
video is there; a server that dies in the middle leaves a claim that runs out, and the next one begins again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from .ledger import CLAIM_SECONDS, Asset, Ledger
from .wire import new_id
from .worker import Order, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from .jobs import Job

#: Holds the key pair in the environment; what renders has no business with it.
SECRETS = ("HAPPYHORSE_SANDBOX_KEY", "HAPPYHORSE_SANDBOX_SECRET")

_LOOK = 1.0
_IDLE = 20.0
_ATTEMPTS = 2


class Renderers:
    """`count` renderers on a ledger. `scale` makes their videos smaller than the real ones; `now` is the server's clock."""

    def __init__(self, ledger: Ledger, *, count: int, scale: float, now: Callable[[], float]) -> None:
        self._ledger = ledger
        self._count = count
        self._scale = scale
        self._now = now
        self._claimed: set[str] = set()
        self._wanted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; called once, in the server's loop."""
        self._tasks = [asyncio.create_task(self._serve()) for _ in range(self._count)]
        self._tasks.append(asyncio.create_task(self._renew()))

    async def stop(self) -> None:
        """End, in the middle of a video if need be."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self) -> None:
        """There may be something to render."""
        self._wanted.set()

    async def _serve(self) -> None:
        process = _Process()
        try:
            while True:
                try:
                    await self._serve_next(process)
                except sqlite3.OperationalError:
                    # Another server held the ledger for too long; the job comes again.
                    await asyncio.sleep(_LOOK)
        finally:
            await process.end()

    async def _serve_next(self, process: _Process) -> None:
        job = self._ledger.claim(time.time())
        if job is None:
            await self._rest(process)
            return
        self._claimed.add(job.job_id)
        try:
            await self._render(process, job)
        finally:
            # What is not done is given up at once, so that nobody need wait for the claim to run out.
            self._claimed.discard(job.job_id)
            self._ledger.renew([job.job_id], 0.0)

    async def _rest(self, process: _Process) -> None:
        self._wanted.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), _LOOK)
            return
        if process.idle_for() > _IDLE:
            await process.end()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(CLAIM_SECONDS / 5)
            with contextlib.suppress(sqlite3.OperationalError):
                self._ledger.renew(list(self._claimed), time.time() + CLAIM_SECONDS)

    async def render(self, job: Job) -> list[Asset]:
        """Render a job that is not in the ledger, at once; its assets are for the caller to keep. [] when that fails."""
        process = _Process()
        try:
            return (await self._make(process, job))[0]
        finally:
            await process.end()

    async def _render(self, process: _Process, job: Job) -> None:
        assets, error = await self._make(process, job)
        self._ledger.rendered(job, self._now(), assets=assets, error=error)

    async def _make(self, process: _Process, job: Job) -> tuple[list[Asset], str | None]:
        assert job.asset_id is not None
        assert job.render is not None
        frames = (new_id("asset"), new_id("asset"))
        files = self._ledger.files
        order = Order(
            **job.render,
            images=[str(files / one) for one in job.inputs["referenceImages"]],
            draft=str(self._ledger.rendering / f"{new_id('draft')}.mp4"),
            target=str(files / job.asset_id),
            first_frame=str(files / frames[0]),
            last_frame=str(files / frames[1]),
            scale=self._scale,
        )
        result = await process.carry_out(order)
        return ([] if result.error else _assets(job, frames, result, self._now())), result.error


class _Process:
    """One worker process: started when it is needed, ended when it has had nothing to do."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._used_at = time.monotonic()

    def idle_for(self) -> float:
        """Seconds since its last order; zero where there is no process."""
        return 0.0 if self._process is None else time.monotonic() - self._used_at

    async def carry_out(self, order: Order) -> Result:
        """Render. A process that dies is replaced once, for the next may have more luck."""
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(OSError, msgspec.DecodeError):
                line = await self._ask(msgspec.json.encode(order) + b"\n")
                self._used_at = time.monotonic()
                return msgspec.json.decode(line, type=Result)
            await self.end()
        return Result(error="the renderer died")

    async def end(self) -> None:
        """End the process, if there is one; by closing its input, which also ends a rendering."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            await process.wait()

    async def _ask(self, line: bytes) -> bytes:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"{__package__}.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if name not in SECRETS},
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(line)
        await stdin.drain()
        return await stdout.readline()


def _assets(job: Job, frame_ids: tuple[str, str], result: Result, now: float) -> list[Asset]:
    """The video that a job made, and its first and last frame. They show once the job is a success."""
    assert job.asset_id is not None
    assert job.render is not None
    frames = [
        Asset(
            asset_id=frame_id,
            owner=job.owner,
            created_at=now,
            updated_at=now,
            job_id=job.job_id,
            kind="image",
            mime_type="image/jpeg",
            sha256=digest,
            source="video2img",
            properties=properties,
            metadata={
                "kind": "image",
                "type": "video2img",
                "parentId": job.asset_id,
                "parentJobId": job.job_id,
            },
        )
        for frame_id, properties, digest in zip(
            frame_ids, result.frame_properties, result.frame_sha256, strict=True
        )
    ]
    video = Asset(
        asset_id=job.asset_id,
        owner=job.owner,
        created_at=now,
        updated_at=now,
        job_id=job.job_id,
        kind="video",
        mime_type="video/mp4",
        sha256=result.sha256,
        source="img2video",
        properties=result.properties,
        metadata={
            "kind": "video",
            "type": "img2video",
            "modelId": job.render["model_id"],
            "prompt": job.render["prompt"],
            "aspectRatio": job.render["aspect_ratio"],
            "referenceImages": job.inputs["referenceImages"],
            # The API gives seeds back as text.
            "seed": str(job.render["seed"]),
            "parentJobId": job.job_id,
        },
        first_frame=frame_ids[0],
        last_frame=frame_ids[1],
    )
    return [*frames, video]
