"""This process's claim to a library: held while it lives, noticed when it is lost, raised again when the owner is dead.

A process that is not the owner submits through it: it writes clips down, and the owner, which looks for what is new, drives
them. When the owner is dead or gone, it takes over.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from happyhorse_widgets.errors import LibraryError
from happyhorse_widgets.library import ownership

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from happyhorse_widgets.library.database import Database

#: Seconds between two looks at what other processes have done in the library.
_LOOK = 1.0


class Tenure:
    """Whether this process may submit from a library.

    `gained` and `lost` are called on the engine's loop when that changes while `run` runs, `look` now and then in any case.
    """

    def __init__(
        self,
        database: Database,
        account: ownership.Account,
        *,
        gained: Callable[[], Awaitable[object]],
        lost: Callable[[], Awaitable[object]],
        look: Callable[[], Awaitable[object]],
    ) -> None:
        self._database = database
        self._account = account
        self._gained = gained
        self._lost = lost
        self._look = look
        self._owner = ownership.claim(database, account).result()
        self._beaten = time.monotonic()
        self._taken_up = 0  # the epoch since which the library's clips are driven here

    @property
    def mine(self) -> bool:
        """Whether this process is the owner."""
        return self._owner.mine

    @property
    def epoch(self) -> int:
        """Grows with each change of hands; -1, which is nobody's, while the owner is another process."""
        return self._owner.epoch if self.mine else -1

    @property
    def waiting_for(self) -> str:
        """Who drives this account's clips where it is not this process, in words; else ""."""
        if self.mine:
            return ""
        owner = f"the kernel that makes this folder's clips (process {self._owner.pid} on {self._owner.host})"
        if self._account in self._owner.accounts:
            return f"Waiting for {owner}."
        return f"Waiting until {owner} has ended: it works with another account."

    def require(self) -> bool:
        """Claim the library unless it is ours; whether it has become ours just now.

        Raises `LibraryError` that names the owner where that is another process, with another account.
        """
        if self.mine:
            return False
        self._owner = ownership.claim(self._database, self._account).result()
        if not self.mine and self._account not in self._owner.accounts:
            raise LibraryError(
                f"Another kernel (process {self._owner.pid} on {self._owner.host}) makes the clips of "
                f"{self._database.path.parent}, with another account. Shut that kernel down, or choose another folder: "
                "connect(home=…)."
            )
        return self.mine

    def end(self) -> None:
        """Give the library up."""
        if self.mine:
            with contextlib.suppress(LibraryError):
                ownership.release(self._database, self.epoch, self._account).result()

    async def run(self) -> None:
        """Keep the claim alive, or wait for the owner's end, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK)
            with contextlib.suppress(LibraryError):  # a disk that is full now may not be later
                if self.mine:
                    await self._beat()
                else:
                    await self._claim()
                if self.mine and self._taken_up != self.epoch:
                    await self._gained()
                    self._taken_up = self.epoch  # last: what failed is tried again
                await self._look()

    async def _beat(self) -> None:
        if time.monotonic() - self._beaten < ownership.BEAT:
            return
        alive = await asyncio.wrap_future(ownership.beat(self._database, self.epoch))
        self._beaten = time.monotonic()
        if not alive and not await self._claim():
            await self._lost()

    async def _claim(self) -> bool:
        self._owner = await asyncio.wrap_future(ownership.claim(self._database, self._account))
        return self.mine
