"""Finished videos on their way to the disk: whole, verified, playable from the first byte, or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import (
    LibraryError,
    MediaError,
    NotFound,
    PermissionDenied,
    ProtocolFault,
    RequestRejected,
    TransportFault,
)
from happyhorse_widgets.library.files import part_of, publish, sync_file, writing
from happyhorse_widgets.media.frames import move_moov_first
from happyhorse_widgets.media.probe import VideoFacts, probe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from happyhorse_widgets.api.client import ScenarioClient

_WRITE = 1 << 20
_SPARE = 64 << 20
_MAX_BYTES = 4 << 30
"""No clip has so many: fifteen seconds at the highest rate that the model has are a hundredth of it."""
_FRESH_ADDRESSES = 3
_CUTS_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class Arrived:
    """A video that is on the disk under its final name. `sha256` is of the file as it is there.

    `seed` is what the asset says it was made with, or None.
    """

    sha256: str
    facts: VideoFacts
    seed: int | None = None


class Download:
    """Fetches one asset to one path.

    A signed address is asked for at the start and again when it has expired, and never kept. A cut transfer is resumed by
    range as long as the file on the other side is the same one. Only a file that is complete gets its final name.
    """

    def __init__(
        self,
        client: ScenarioClient,
        asset_id: str,
        target: Path,
        *,
        pause: float,
        progress: Callable[[int, int | None], None],
    ) -> None:
        self._client = client
        self._asset_id = asset_id
        self._target = target
        self._pause = pause
        self._progress = progress
        self._etag: str | None = None
        self._total: int | None = None
        self._seed: int | None = None

    async def run(self) -> Arrived:
        """Fetch, verify, move the index to the front, publish.

        Raises `ApiError` (worth another try later), `NotFound` (the asset is gone), `MediaError` (what Scenario serves is
        no whole video) or `LibraryError` (no space, or the folder cannot be written). None leaves a partial file behind.
        """
        raw, front = part_of(self._target), part_of(self._target)
        with writing(self._target):
            try:
                await self._fetch(raw)
                return await asyncio.to_thread(self._finish, raw, front)
            finally:
                raw.unlink(missing_ok=True)
                front.unlink(missing_ok=True)

    async def _fetch(self, raw: Path) -> None:
        stuck = addresses = furthest = 0
        url = await self._address()
        while True:
            have = _size(raw)
            try:
                await self._stream(url, raw, have)
            except (PermissionDenied, NotFound):  # the address has expired
                addresses += 1
                if addresses > _FRESH_ADDRESSES:
                    raise
                url = await self._address()
            except RequestRejected as error:
                if error.status != 416 or not have:
                    raise
                raw.unlink()  # what we have is no beginning of what is there
                stuck += 1
            except TransportFault:
                stuck = 0 if _size(raw) > furthest else stuck + 1
                if stuck >= _CUTS_IN_A_ROW:
                    raise
            else:
                return
            furthest = max(furthest, _size(raw))
            await asyncio.sleep(self._pause * stuck)

    async def _address(self) -> str:
        asset = await self._client.asset(self._asset_id)
        if not asset.url:
            raise NotFound(f"Scenario has no file for asset {self._asset_id} any more.")
        self._seed = asset.seed
        return asset.url

    async def _stream(self, url: str, raw: Path, have: int) -> None:
        resume = have if self._etag else 0
        async with self._client.open_download(url, range_from=resume or None, etag=self._etag) as answer:
            start, self._total = _extent(answer.status, answer.headers)
            if start not in (0, resume):
                raise ProtocolFault(
                    f"The file server sent bytes from {start} on where {resume} was asked for."
                )
            _check_size(self._total or 0)
            had, self._etag = self._etag, answer.headers.get("etag")
            if start and self._etag != had:  # which asking by If-Range should have made impossible
                self._etag = None  # so that the next one begins at the first byte
                raise TransportFault("The file was replaced while it was fetched.", sent=True)
            await asyncio.to_thread(self._check_space, raw, (self._total or 0) - start)
            done = await self._receive(answer.pieces, raw, start)
        if self._total is not None and done != self._total:
            raise TransportFault(f"The download ended after {done} of {self._total} bytes.", sent=True)

    async def _receive(self, pieces: AsyncIterator[bytes], raw: Path, start: int) -> int:
        """Append to `raw` from byte `start` on, in large writes off the loop; how many bytes it holds then."""
        done = start
        pending = bytearray()
        with raw.open("r+b" if start else "wb") as file:
            file.seek(start)
            try:
                async for piece in pieces:
                    pending += piece
                    if len(pending) >= _WRITE:
                        await asyncio.to_thread(file.write, bytes(pending))
                        done += len(pending)
                        pending.clear()
                        _check_size(done, self._total)
                        self._progress(done, self._total)
            finally:  # what came before a cut need not come again
                file.write(pending)
        return done + len(pending)

    def _check_space(self, raw: Path, expected: int) -> None:
        # Twice: the file as it comes and the one with its index in front are there together for a moment.
        free = shutil.disk_usage(raw.parent).free
        if free < 2 * expected + _SPARE:
            raise LibraryError(
                f"The disk of {raw.parent} has {free / 1e6:.0f} MB left; this clip needs {(2 * expected + _SPARE) / 1e6:.0f} MB. "
                "Make room and try again: the clip is kept on Scenario's side."
            )

    def _finish(self, raw: Path, front: Path) -> Arrived:
        facts = probe(raw)
        if self._total is not None and facts.size != self._total:
            raise MediaError(f"The video has {facts.size} bytes where {self._total} were announced.")
        if facts.faststart:
            raw.replace(front)
        else:
            move_moov_first(raw, front)
            facts = probe(front)
        sync_file(front)
        digest = _digest(front)
        publish(front, self._target)
        return Arrived(digest, facts, self._seed)


def _extent(status: int, headers: Mapping[str, str]) -> tuple[int, int | None]:
    """At which byte an answer starts, and how many the whole file has where the server says so."""
    if status == 206:
        match = re.fullmatch(
            r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", headers.get("content-range", "")
        )
        if match is None:
            raise ProtocolFault("The file server sent a part without saying which.")
        return int(match[1]), None if match[2] == "*" else int(match[2])
    length = headers.get("content-length", "")
    return 0, int(length) if re.fullmatch("[0-9]{1,18}", length) else None


def _check_size(size: int, most: int | None = None) -> None:
    """An answer that never ends must not fill the disk."""
    if most is not None and size > most:
        raise MediaError(f"The file server sends more than the {most} bytes that it announced.")
    if size > _MAX_BYTES:
        raise MediaError(f"The file server sends more than {_MAX_BYTES >> 30} GiB, which is no clip.")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def already_here(target: Path) -> Arrived | None:
    """The video that a process which died between publishing and its commit has left; None where there is no whole one."""
    if not target.exists():
        return None
    try:
        return Arrived(_digest(target), probe(target))
    except (MediaError, OSError):
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
