"""Getting a file to Scenario: ask for addresses, PUT the parts, say so, wait until it is imported."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from happyhorse_widgets.api.decoding import decode
from happyhorse_widgets.api.models import Upload
from happyhorse_widgets.api.servertext import plain
from happyhorse_widgets.api.transport import segment
from happyhorse_widgets.errors import (
    ApiError,
    InvalidRequest,
    PermissionDenied,
    ProtocolFault,
    RequestRejected,
    ServerFault,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from happyhorse_widgets.api.storage import Storage
    from happyhorse_widgets.api.transport import Transport

PART_SIZE = 5 * 2**20
"""Bytes of each part but the last: the least that storage accepts."""
_FRESH_STARTS = 3


@dataclass(frozen=True, slots=True)
class Pacing:
    """Seconds between two looks at an upload being imported: `first`, then half as long again each time up to
    `most`.

    After `limit` seconds the upload counts as failed.
    """

    first: float = 0.3
    most: float = 3.0
    limit: float = 300.0


class _Progress:
    """Bytes sent of a file, reported only when they grow: a part that is sent again does not go backwards."""

    def __init__(self, report: Callable[[int, int], None] | None, total: int) -> None:
        self._report = report
        self._total = total
        self._most = 0

    def reached(self, start: int, sent: int) -> None:
        if start + sent > self._most:
            self._most = start + sent
            if self._report is not None:
                self._report(self._most, self._total)


class Uploader:
    """Uploads files into one project; `query` names it on every call."""

    def __init__(
        self, transport: Transport, storage: Storage, *, pacing: Pacing, query: Mapping[str, str]
    ) -> None:
        self._transport = transport
        self._storage = storage
        self._pacing = pacing
        self._query = query

    async def upload(
        self, data: bytes, *, name: str, media_type: str, progress: Callable[[int, int], None] | None
    ) -> str:
        """The asset id of `data` once Scenario has imported it.

        An expired address starts the upload afresh.
        """
        if not data:
            raise InvalidRequest(f"{plain(name) or 'The file'} is empty: there is nothing to upload.")
        sent = _Progress(progress, len(data))
        for start in range(1, _FRESH_STARTS + 1):
            upload = await self._create(data, name, media_type)
            try:
                await self._put_parts(upload, memoryview(data), sent)
                break
            except PermissionDenied as error:
                fault = error
            if start == _FRESH_STARTS:
                raise fault
        await self._complete(upload.id)
        return await self._imported(upload.id, name)

    async def _create(self, data: bytes, name: str, media_type: str) -> Upload:
        count = -(-len(data) // PART_SIZE)
        body = {
            "kind": "image",
            "fileName": name,
            "contentType": media_type,
            "fileSize": len(data),
            "parts": count,
        }
        upload = await self._call("POST", "/uploads", body)
        if sorted(part.number for part in upload.parts) != list(range(1, count + 1)):
            raise ProtocolFault(
                f"Scenario did not give an address for each of the {count} parts of the upload. Try again."
            )
        return upload

    async def _put_parts(self, upload: Upload, data: memoryview, progress: _Progress) -> None:
        for part in sorted(upload.parts, key=lambda part: part.number):
            start = (part.number - 1) * PART_SIZE
            piece, reached = data[start : start + PART_SIZE], partial(progress.reached, start)
            await self._transport.retrier.run(partial(self._storage.put, part.url, piece, on_sent=reached))

    async def _complete(self, upload_id: str) -> None:
        fault: ApiError
        try:
            await self._call("POST", f"/uploads/{segment(upload_id)}/action", {"action": "complete"})
        except RequestRejected as error:
            fault = error
        else:
            return
        # A repeated "complete" whose first answer was lost is refused: then the upload itself tells.
        if (await self._call("GET", f"/uploads/{segment(upload_id)}")).status == "pending":
            raise fault

    async def _imported(self, upload_id: str, name: str) -> str:
        wait, deadline = self._pacing.first, time.monotonic() + self._pacing.limit
        shown = plain(name) or "the file"
        while True:
            upload = await self._call("GET", f"/uploads/{segment(upload_id)}")
            if upload.status == "imported":
                if not upload.entity_id:
                    raise ProtocolFault(
                        f"Scenario imported {shown} without telling the id of the asset. Try again."
                    )
                return upload.entity_id
            if upload.status == "failed":
                reason = plain(upload.error_message)
                raise RequestRejected(
                    f"Scenario could not use {shown}: {reason or 'it gives no reason'}. Choose another image, or"
                    " save this one again as PNG or JPEG.",
                    reason=reason,
                )
            if time.monotonic() > deadline:
                raise ServerFault(
                    f"Scenario has not imported {shown} within {self._pacing.limit:g} seconds. Try again."
                )
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, self._pacing.most)

    async def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Upload:
        return await self._transport.call(
            method, path, query=self._query, body=body, decode=partial(decode, Upload, at="upload")
        )
