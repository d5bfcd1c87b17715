"""The care of a library: is everything there, and how does it get to another machine."""

from __future__ import annotations

import asyncio
import importlib.metadata
import itertools
import re
import threading
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library.check import Checkup, Finding, Kind, Survey, findings, survey
from happyhorse_widgets.library.merging import Merged, merge
from happyhorse_widgets.library.transfer import Exported, export
from happyhorse_widgets.library.trash import Emptied, empty
from happyhorse_widgets.media.images import MEDIA_TYPES

from .clip import Clip
from .engine import CLOSED, Engine
from .loop import engine_loop
from .repairs import Repairs
from .request import Request
from .states import RESTING, TERMINAL, State

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Coroutine, Iterable

    from happyhorse_widgets.library.archive import Pulse
    from happyhorse_widgets.library.clips import ClipRecord
    from happyhorse_widgets.library.database import Database
    from happyhorse_widgets.library.files import Home

    from .roster import Roster

T = TypeVar("T")

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Library:
    """What `session.library` is: check the folder, export from it, merge into it. Nothing here is ever paid.

    Each method blocks until it is done; its twin that ends in `_async` is for code on the engine's loop (see `Session.run`).
    Clips on their way go on meanwhile.
    """

    def __init__(
        self,
        engine: Engine,
        database: Database,
        home: Home,
        *,
        project: str,
        roster: Roster,
        pause: float,
    ) -> None:
        self._engine = engine
        self._database = database
        self._home = home
        self._account = (engine.connection.name, project)
        self._roster = roster
        self._pause = pause
        self._one_at_a_time = asyncio.Lock()

    def check(self, *, repair: bool = True) -> Checkup:
        """Verify every clip, image and poster, and the journal's own file; put right what can be put right.

        Clips and images are compared with what was written down of them; a poster has to be a whole picture. With `repair`,
        missing and damaged videos and images are downloaded again as far as Scenario still has them, posters are drawn anew, and
        a damaged file is kept in `set-aside`. Files that belong to no clip are named and never touched. With `repair=False`
        nothing is changed. Reads all files, so a large library takes its time. Raises `LibraryError` where the session is closed.
        """
        return self._wait(self.check_async(repair=repair))

    async def check_async(self, *, repair: bool = True) -> Checkup:
        """`check` for code on the engine's loop."""
        with self._engine.until_closed():
            async with self._one_at_a_time:
                found = await asyncio.to_thread(survey, self._database, self._home)
                wrong = await asyncio.to_thread(self._journal_findings)
                wrong += await self._in_thread(lambda pulse: self._file_findings(found, pulse))
                if repair:
                    repairs = Repairs(
                        self._engine,
                        self._database,
                        self._home,
                        self._account,
                        found,
                        pause=self._pause,
                        refresh=self._refresh,
                    )
                    wrong = [await repairs.repair(finding) for finding in wrong]
                verified = found.verified
                return Checkup(
                    verified["clips"],
                    verified["images"],
                    verified["posters"],
                    verified["size"],
                    tuple(wrong),
                )

    def export(
        self, path: str | os.PathLike[str], clips: Iterable[Clip | str] | Clip | str | None = None
    ) -> Exported:
        """Write clips, or all of them, with their images, posters, requests, history and blind votes, to one zip file.

        `path` ends in .zip, or is a folder, where the zip gets a new name after the day. `clips` are clips or their local ids.
        The zip is there whole or not at all; one of the name given is replaced. It holds no credential and no signed address.
        Clips that are not finished, or whose file is missing or changed, are left out, and the result says which; deleted ones
        are left out too. What was saved (presets, templates, sweeps) goes with all clips, not with some; there, a sweep's cells
        whose clips were left out count as not asked for yet. With some clips go only the votes on two of them. Raises
        `LibraryError` where it cannot be written, and for an id that no clip has.
        """
        return self._wait(self.export_async(path, clips))

    async def export_async(
        self, path: str | os.PathLike[str], clips: Iterable[Clip | str] | Clip | str | None = None
    ) -> Exported:
        """`export` for code on the engine's loop."""
        target = _zip_at(path)
        if isinstance(clips, Clip | str):
            clips = [clips]
        ids = None if clips is None else [clip if isinstance(clip, str) else clip.id for clip in clips]
        made_by = {"happyhorse_widgets": importlib.metadata.version("happyhorse_widgets")}
        with self._engine.until_closed():
            async with self._one_at_a_time:
                return await self._in_thread(
                    lambda pulse: export(
                        self._database, self._home, target, ids, states=TERMINAL, made_by=made_by, pulse=pulse
                    )
                )

    def merge(self, path: str | os.PathLike[str]) -> Merged:
        """Take in the clips of a zip that `export` wrote, here or on another machine.

        What is here stays as it is: a clip that is here already is passed over, and one that differs too, which the result says.
        Only what people said of clips is put together: favourites and tags of both, and the notes of both where they differ. A
        clip that was deleted here stays deleted. Presets and templates come in too, where their name is taken under another,
        and blind votes, each once. Only finished clips come in, so nothing of another library goes on, or is paid, here; their
        costs do not count against this home's budget. Raises `LibraryError`, with the library as it was, where the zip is cut,
        changed or dangerous, comes from a newer version, or where there is no room. After a crash half-way, merge again.
        """
        return self._wait(self.merge_async(path))

    async def merge_async(self, path: str | os.PathLike[str]) -> Merged:
        """`merge` for code on the engine's loop."""
        source = Path(path).expanduser().absolute()
        with self._engine.until_closed():
            async with self._one_at_a_time:
                return await self._in_thread(
                    lambda pulse: merge(
                        self._database, self._home, source, states=TERMINAL, validate=_understood, pulse=pulse
                    )
                )

    def empty_trash(self, *, older_than: float = 0.0) -> Emptied:
        """Remove the files of clips that were deleted more than `older_than` seconds ago.

        Videos and posters go for good; what was asked for, what it cost and the reference images stay. Raises `LibraryError`
        where the library cannot be written.
        """
        return self._wait(self.empty_trash_async(older_than=older_than))

    async def empty_trash_async(self, *, older_than: float = 0.0) -> Emptied:
        """`empty_trash` for code on the engine's loop."""
        with self._engine.until_closed():
            async with self._one_at_a_time:
                emptied = await self._in_thread(
                    lambda pulse: empty(
                        self._database, self._home, older_than=older_than, resting=RESTING, pulse=pulse
                    )
                )
                for record in await asyncio.to_thread(self._engine.records.those, emptied.clips):
                    self._refresh(record)
                return emptied

    def __repr__(self) -> str:
        return f"<Library {str(self._home.root)!r}: check(), export(path), merge(path), empty_trash()>"

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if engine_loop().is_here():
            work.close()
            raise RuntimeError("On the engine's own thread, await the method that ends in _async.")
        doing = engine_loop().run(work)
        try:
            return doing.result()
        except CancelledError:
            raise LibraryError(CLOSED) from None
        except BaseException:
            doing.cancel()  # interrupted, or done: then this does nothing
            raise

    async def _in_thread(self, work: Callable[[Pulse], T]) -> T:
        """Run `work` on a thread; it ends at its next pulse when this is cancelled."""
        ended = threading.Event()

        def pulse() -> None:
            if ended.is_set():
                raise LibraryError("Stopped.")

        try:
            return await asyncio.to_thread(work, pulse)
        finally:
            ended.set()

    def _journal_findings(self) -> list[Finding]:
        try:
            problems = self._database.problems()
        except LibraryError as error:
            problems = [str(error)]
        if not problems:
            return []
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        name = self._home.relative(self._home.database)
        return [Finding(Kind.JOURNAL, f"{name}: {'; '.join(problems[:3])}{more}.", name)]

    def _file_findings(self, found: Survey, pulse: Pulse) -> list[Finding]:
        moving = frozenset(State) - RESTING
        wrong = findings(self._home, found, moving=moving, arriving=State.DOWNLOADING, pulse=pulse)
        driven = {
            record.id
            for record in found.records
            if self._engine.tenure.mine and (record.endpoint, record.project) == self._account
        }
        return [one for one in wrong if one.kind is not Kind.UNNOTED or one.clip_id not in driven]

    def _refresh(self, record: ClipRecord) -> None:
        for clip in self._roster.in_hand():
            if clip.id == record.id:
                clip.take(record)
                self._roster.changed(clip)


def _zip_at(path: str | os.PathLike[str]) -> Path:
    target = Path(path).expanduser().absolute()
    if target.is_dir():
        folder, day = target, f"happyhorse-{datetime.now(UTC):%Y-%m-%d}"
        names = (f"{day}-{number}.zip" if number else f"{day}.zip" for number in itertools.count())
        target = next(folder / name for name in names if not (folder / name).exists())
    if target.suffix.lower() != ".zip" or not target.parent.is_dir():
        raise LibraryError(
            f"{target} is no place for an export: give a file that ends in .zip, in a folder that exists."
        )
    return target


def _understood(request: dict[str, Any]) -> None:
    """Raise an error for a request that no clip here could have, such as one that names a file outside of the home."""
    for reference in msgspec.convert(request, Request).references:
        if reference.sha256 is not None and not _SHA256.fullmatch(reference.sha256):
            raise ValueError("an image is not named by its content")
        if reference.media_type is not None and reference.media_type not in MEDIA_TYPES:
            raise ValueError("an image is of a kind that is not known")
    Request.from_dict(request)
