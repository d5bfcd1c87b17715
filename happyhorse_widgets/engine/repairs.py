"""What a check found wrong, put right where that is possible, and always free of charge.

Nothing is thrown away: a damaged file is moved aside, and only once there is a whole one to take its place.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import (
    AuthenticationError,
    HappyHorseError,
    LibraryError,
    MediaError,
    NotFound,
    TransportFault,
)
from happyhorse_widgets.library.check import Finding, Kind
from happyhorse_widgets.library.files import part_of, publish, writing
from happyhorse_widgets.library.journal import StaleTransition
from happyhorse_widgets.library.posters import draw_poster
from happyhorse_widgets.media.images import MAX_BYTES, load_image

from .downloads import Arrived, Download, already_here
from .states import State
from .transition import move

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from happyhorse_widgets.library.check import Survey
    from happyhorse_widgets.library.clips import ClipRecord, OutputRecord
    from happyhorse_widgets.library.database import Database
    from happyhorse_widgets.library.files import Home

    from .engine import Engine

#: What SQLite says of an index that does not agree with its table.
_INDEX = re.compile(r"(missing from|wrong # of entries in|non-unique entry in) index")
#: Facts in which the same video may differ from one download to the next, for its index is moved here.
_INCIDENTAL = {"size", "faststart"}


class Repairs:
    """Repairs one finding after the other, on the engine's loop. `refresh` is told of each clip whose row has changed."""

    def __init__(
        self,
        engine: Engine,
        database: Database,
        home: Home,
        account: tuple[str, str],
        survey: Survey,
        *,
        pause: float,
        refresh: Callable[[ClipRecord], None],
    ) -> None:
        self._engine = engine
        self._database = database
        self._home = home
        self._account = account
        self._survey = survey
        self._pause = pause
        self._refresh = refresh
        self._records = {record.id: record for record in survey.records}
        self._unreachable: HappyHorseError | None = None

    async def repair(self, finding: Finding) -> Finding:
        """The finding with what became of it; files that belong to nobody are left as they are."""
        if finding.kind is Kind.ORPHAN:
            return finding
        try:
            done = await self._attempt(finding)
        except (TransportFault, AuthenticationError) as error:
            self._unreachable = error  # nor will the next file be had
            return replace(finding, message=f"{finding.message} {error}")
        except HappyHorseError as error:
            return replace(finding, message=f"{finding.message} {error}")
        except OSError as error:
            return replace(finding, message=f"{finding.message} It could not be repaired ({error.strerror}).")
        return replace(finding, message=f"{finding.message} {done}", repaired=True)

    async def _attempt(self, finding: Finding) -> str:
        if finding.kind is Kind.JOURNAL:
            return await self._mend_journal()
        path = self._home.root / finding.path
        if finding.kind is Kind.ABANDONED:
            path.unlink(missing_ok=True)
            return "It was removed."
        if finding.kind is Kind.UNNOTED:
            return await self._adopt(self._record(finding))
        if finding.sha256 is not None:
            return await self._restore_image(finding.sha256, path if finding.path else None)
        if path.parent == self._home.posters:
            return await self._redraw(self._record(finding), path)
        return await self._download_again(self._record(finding), path)

    def _record(self, finding: Finding) -> ClipRecord:
        assert finding.clip_id
        return self._records[finding.clip_id]

    # -- the journal -------------------------------------------------------------------------------------------------

    async def _mend_journal(self) -> str:
        """Make the indexes anew: all that can be wrong in a SQLite file and be mended without a loss."""
        if any(not _INDEX.search(problem) for problem in await asyncio.to_thread(self._database.problems)):
            raise LibraryError(
                "This cannot be mended here: shut down all kernels that use the library, move the file away, and put a copy of "
                "an earlier day in its place. The clips' files are not concerned."
            )
        copy = await asyncio.wrap_future(self._database.back_up())
        await asyncio.wrap_future(self._database.write(lambda connection: connection.execute("REINDEX")))
        if await asyncio.to_thread(self._database.problems):
            raise LibraryError(
                f"Its indexes were made anew, which did not help. A copy as it was is {copy.name}."
            )
        return f"Its indexes were made anew; a copy as it was is {copy.name}."

    # -- videos --------------------------------------------------------------------------------------------------------

    async def _download_again(self, record: ClipRecord, path: Path) -> str:
        output = next(o for o in record.outputs if self._home.clip(record.id, o.position) == path)
        self._require_account(record.endpoint, record.project)
        fresh = part_of(path)
        try:
            arrived = await self._fetch(output, fresh)
            if not _same_video(output, arrived):
                raise MediaError("What Scenario has under its id is another video, which was not taken.")
            aside = await asyncio.to_thread(self._replace, fresh, path)
        finally:
            fresh.unlink(missing_ok=True)
        await self._note(record, output, path, arrived)
        told = "It was downloaded again"
        record = await asyncio.wrap_future(
            self._engine.journal.move(record.id, record.state, record.state, detail=told)
        )
        self._refresh(record)
        return f"{told}.{aside}"

    async def _fetch(self, output: OutputRecord, target: Path) -> Arrived:
        client = await self._engine.connection.client()
        try:
            return await Download(
                client, output.asset_id, target, pause=self._pause, progress=lambda _done, _total: None
            ).run()
        except NotFound:
            raise NotFound("Scenario has it no more, so it cannot be downloaded again.") from None

    def _replace(self, fresh: Path, path: Path) -> str:
        """Put the new file in the old one's place, which is kept elsewhere; a sentence that says where, or ""."""
        with writing(path):
            aside = self._set_aside(path)
            publish(fresh, path)
        return aside

    def _set_aside(self, path: Path) -> str:
        if not path.exists():
            return ""
        return f" What was there is kept as {self._home.relative(self._home.set_aside(path))}."

    async def _note(self, record: ClipRecord, output: OutputRecord, path: Path, arrived: Arrived) -> None:
        await asyncio.wrap_future(
            self._engine.journal.have_output(
                record.id,
                output.position,
                path=self._home.relative(path),
                size=arrived.facts.size,
                sha256=arrived.sha256,
                facts=asdict(arrived.facts),
            )
        )

    async def _adopt(self, record: ClipRecord) -> str:
        """Note the videos that a process which was killed between publishing and its commit has left."""
        for output in record.outputs:
            if output.path is None:
                path = self._home.clip(record.id, output.position)
                arrived = await asyncio.to_thread(_unchanged, path)
                if arrived is None:
                    raise LibraryError("It is not whole; a session of its account downloads it.")
                await self._note(record, output, path, arrived)
        if not self._home.poster(record.id).exists():
            await asyncio.to_thread(draw_poster, self._home, record.id)
        try:
            self._refresh(await move(self._engine.journal, record, State.DONE))
        except StaleTransition:
            return "Another process has noted it meanwhile."
        return "It was noted: the clip is done."

    # -- pictures ------------------------------------------------------------------------------------------------------

    async def _redraw(self, record: ClipRecord, path: Path) -> str:
        aside = await asyncio.to_thread(self._set_aside, path)
        await asyncio.to_thread(draw_poster, self._home, record.id)
        return f"It was drawn anew.{aside}"

    async def _restore_image(self, sha256: str, path: Path | None) -> str:
        """Fetch an image that was uploaded from here, if Scenario still has the very same bytes."""
        ours = [upload for upload in self._survey.uploads.get(sha256, ()) if upload[:2] == self._account]
        if not ours:
            raise LibraryError("It was never uploaded from this account: put the file back if you have it.")
        self._require_account(*self._account)
        data = await self._image(ours[0][2])
        if hashlib.sha256(data).hexdigest() != sha256:
            raise LibraryError("What Scenario has of it are other bytes, which were not taken.")
        image = await asyncio.to_thread(load_image, data, name=f"image {sha256[:12]}", keep_metadata=True)
        aside = "" if path is None else await asyncio.to_thread(self._set_aside, path)
        await asyncio.to_thread(self._engine.uploads.keep, image)
        return f"It was downloaded again.{aside}"

    async def _image(self, asset_id: str) -> bytes:
        client = await self._engine.connection.client()
        asset = await client.asset(asset_id)
        if not asset.url:
            raise NotFound("Scenario has it no more, so it cannot be downloaded again.")
        data = bytearray()
        async with client.open_download(asset.url) as answer:
            async for piece in answer.pieces:
                data += piece
                if len(data) > MAX_BYTES:
                    raise LibraryError("What Scenario has of it is too large for an image.")
        return bytes(data)

    def _require_account(self, endpoint: str, project: str) -> None:
        if (endpoint, project) != self._account:
            where = f"{endpoint}, project {project}" if project else endpoint
            raise LibraryError(
                f"It was made with another account ({where}): a check in a session of that may get it."
            )
        if self._unreachable is not None:
            raise self._unreachable


def _same_video(output: OutputRecord, arrived: Arrived) -> bool:
    if arrived.sha256 == output.sha256 or output.facts is None:
        return True
    found = asdict(arrived.facts)
    return all(found[name] == output.facts.get(name) for name in found.keys() - _INCIDENTAL)


def _unchanged(path: Path) -> Arrived | None:
    """The whole video at `path`; None where there is none, or somebody put another in its place while it was read."""
    try:
        before = path.stat()
        arrived = already_here(path)
        after = path.stat()
    except OSError:
        return None
    return arrived if (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns) else None
