"""This process's claim to a library: held while it lives, noticed when it is lost, raised again when the owner is dead."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library import ownership

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from happyhorse_widgets.library.database import Database

#: Seconds between two looks at a library that another process owns.
_LOOK = 2.0


class Tenure:
    """Whether this process may submit from a library.

    `gained` and `lost` are called on the engine's loop when that changes while `run` runs, `look` now and then as long as
    another process is the owner.
    """

    def __init__(
        self,
        database: Database,
        *,
        gained: Callable[[], Awaitable[object]],
        lost: Callable[[], Awaitable[object]],
        look: Callable[[], Awaitable[object]],
    ) -> None:
        self._database = database
        self._gained = gained
        self._lost = lost
        self._look = look
        self._owner = ownership.claim(database).result()

    @property
    def mine(self) -> bool:
        """Whether this process is the owner."""
        return self._owner.mine

    @property
    def epoch(self) -> int:
        """Grows with each change of hands."""
        return self._owner.epoch

    def require(self) -> bool:
        """Claim the library unless it is ours; whether it has become ours just now.

        Raises `LibraryError` that names the owner where it is another process.
        """
        if self.mine:
            return False
        self._owner = ownership.claim(self._database).result()
        if not self.mine:
            raise LibraryError(
                f"Another kernel (process {self._owner.pid} on {self._owner.host}) works with the library "
                f"{self._database.path.parent}, and one library has one who submits. Shut that kernel down, or choose another "
                "folder: connect(home=…)."
            )
        return True

    def end(self) -> None:
        """Give the library up."""
        if self.mine:
            with contextlib.suppress(LibraryError):
                ownership.release(self._database, self.epoch).result()

    async def run(self) -> None:
        """Keep the claim alive, or wait for the owner's death, until cancelled."""
        while True:
            await asyncio.sleep(ownership.BEAT if self.mine else _LOOK)
            with contextlib.suppress(LibraryError):  # a disk that is full now may not be later
                if self.mine:
                    await self._beat()
                else:
                    await self._look()
                    if await self._claim():
                        await self._gained()

    async def _beat(self) -> None:
        alive = await asyncio.wrap_future(ownership.beat(self._database, self.epoch))
        if not alive and not await self._claim():
            await self._lost()

    async def _claim(self) -> bool:
        self._owner = await asyncio.wrap_future(ownership.claim(self._database))
        return self.mine
