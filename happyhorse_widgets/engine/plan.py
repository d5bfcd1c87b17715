"""What the account's plan allows at once, as Scenario tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from happyhorse_widgets.errors import HappyHorseError

if TYPE_CHECKING:
    from .connection import Connection


class Plan:
    """Asked for at the first need. What cannot be learned is not needed: the places are learned from refusals, too."""

    def __init__(self, connection: Connection, project: str) -> None:
        self._connection = connection
        self._project = project
        self.asked = False
        #: How many jobs the plan lets run at once; None where that is not known.
        self.parallel: int | None = None

    async def learn(self) -> None:
        """Ask, once. On the engine's loop; raises nothing."""
        if self.asked:
            return
        self.asked = True
        try:
            client = await self._connection.client()
            teams = await client.teams()
            here = [team for team in teams if any(one.id == self._project for one in team.projects)]
            if not here and len(teams) != 1:
                return  # nobody says which team pays
            limits = await client.limits((here or list(teams))[0].id)
        except HappyHorseError:
            return
        if limits.limits.parallel_custom_jobs is not None:
            self.parallel = int(limits.limits.parallel_custom_jobs)
