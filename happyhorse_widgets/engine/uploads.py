"""Reference images on their way to Scenario: each content once per account and project."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import InvalidImage, NotFound, PermissionDenied, RequestRejected
from happyhorse_widgets.library.files import Home, write_whole

from .fetch import fetch_image
from .request import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from happyhorse_widgets.api.client import ScenarioClient
    from happyhorse_widgets.library.clips import ClipRecord
    from happyhorse_widgets.library.journal import Journal
    from happyhorse_widgets.media.images import ReferenceImage

    from .connection import Connection

#: Told how many bytes of how many have left.
Progress = Callable[[int, int], None]


class Uploads:
    """Keeps reference images in the home and knows under which asset id Scenario has them."""

    def __init__(
        self,
        connection: Connection,
        project: str,
        journal: Journal,
        home: Home,
        *,
        local_addresses: bool = False,
    ) -> None:
        self._connection = connection
        self._project = project
        self._journal = journal
        self._home = home
        self._local_addresses = local_addresses
        self._running: dict[str, asyncio.Task[str]] = {}
        self._confirmed: set[str] = set()

    def keep(self, image: ReferenceImage) -> None:
        """Put the bytes into the home, once; blocks until they are on the disk. Raises `LibraryError`."""
        path = self._path_of(Reference.of(image))
        if not path.exists() or path.stat().st_size != len(image.data):
            write_whole(path, image.data)
        self._journal.have_image(
            image.sha256,
            media_type=image.media_type,
            size=len(image.data),
            width=image.width,
            height=image.height,
            path=self._home.relative(path),
        ).result()

    async def at_home(self, reference: Reference) -> Reference:
        """The reference by its content, if it was one by its address; raises what `fetch_image` raises."""
        if reference.url is None:
            return reference
        image = await fetch_image(reference.url, name=reference.name, local=self._local_addresses)
        await asyncio.to_thread(self.keep, image)
        return replace(Reference.of(image), clip_id=reference.clip_id, alias=reference.alias)

    def has(self, reference: Reference) -> bool:
        """Whether the reference can be used here: Scenario has it, it can be fetched, or its bytes are in the home."""
        if reference.asset_id is not None or reference.url is not None:
            return True
        return reference.file is not None and self._path_of(reference).exists()

    def with_asset_id(self, reference: Reference) -> Reference:
        """The reference with the id that Scenario has it under, as far as that is known without asking."""
        if reference.asset_id is not None or reference.sha256 is None:
            return reference
        where = {"endpoint": self._connection.name, "project": self._project}
        return replace(reference, asset_id=self._journal.uploaded(reference.sha256, **where))

    def _path_of(self, reference: Reference) -> Path:
        assert reference.file
        return self._home.root / reference.file

    async def asset_id(self, reference: Reference, progress: Progress | None = None) -> str:
        """The reference's asset id, uploading it if Scenario does not have it. Concurrent calls share one upload.

        Raises what the client raises; the bytes stay in the home.
        """
        if reference.asset_id is not None:
            return reference.asset_id
        assert reference.sha256
        task = self._running.get(reference.sha256)
        if task is None:
            task = asyncio.create_task(self._find_or_send(reference, progress))
            self._running[reference.sha256] = task
            task.add_done_callback(lambda done: self._forget(reference, done))
        return await asyncio.shield(task)

    def doubt(self, asset_ids: Iterable[str]) -> None:
        """Have it asked again whether Scenario still has these, when they are needed next."""
        self._confirmed.difference_update(asset_ids)

    @contextmanager
    def doubted_if_refused(self, asset_ids: Iterable[str]) -> Iterator[None]:
        """The same, where what names them in here is refused: it may be for one that was deleted on Scenario's side."""
        try:
            yield
        except (NotFound, RequestRejected):
            self.doubt(asset_ids)
            raise

    def _forget(self, reference: Reference, task: asyncio.Task[str]) -> None:
        assert reference.sha256
        self._running.pop(reference.sha256, None)
        if not task.cancelled():
            task.exception()  # whoever waits is told; an upload that nobody waits for any more may fail in silence

    async def close(self) -> None:
        """Stop sending."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _find_or_send(self, reference: Reference, progress: Progress | None) -> str:
        assert reference.sha256 and reference.media_type
        client = await self._connection.client()
        where = {"endpoint": self._connection.name, "project": self._project}
        known = await asyncio.to_thread(self._journal.uploaded, reference.sha256, **where)
        if known is not None and await self._still_there(client, known):
            return known
        data = await asyncio.to_thread(self._bytes_of, reference)
        asset_id = await client.upload(
            data, name=reference.name, media_type=reference.media_type, progress=progress
        )
        await asyncio.wrap_future(self._journal.have_upload(reference.sha256, asset_id=asset_id, **where))
        self._confirmed.add(asset_id)
        return asset_id

    def _bytes_of(self, reference: Reference) -> bytes:
        try:
            return self._path_of(reference).read_bytes()
        except OSError as error:
            raise InvalidImage(
                f"{reference.name}: its copy in the library cannot be read ({error.strerror}). Give the image again."
            ) from error

    async def _still_there(self, client: ScenarioClient, asset_id: str) -> bool:
        # Assets can be deleted on Scenario's side. Asked once per session, and again after a refusal.
        if asset_id in self._confirmed:
            return True
        try:
            await client.asset(asset_id)
        except (NotFound, PermissionDenied):
            return False
        self._confirmed.add(asset_id)
        return True


def named_assets(record: ClipRecord) -> list[str]:
    """The ids of the reference images in what was sent for a clip, among the other texts in it."""
    values = (record.body or {}).values()
    listed = (value if isinstance(value, list) else [value] for value in values)
    return [item for items in listed for item in items if isinstance(item, str)]
