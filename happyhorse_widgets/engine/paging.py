"""The list of jobs from its first page to its last, by whichever parts the server gives it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import ProtocolFault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from happyhorse_widgets.api.client import ScenarioClient
    from happyhorse_widgets.api.models import JobPage

#: A list of so many pages of a hundred jobs has no end.
_MOST = 1000


async def every_page(client: ScenarioClient, **query: Any) -> AsyncIterator[JobPage]:
    """The pages of `client.jobs(**query)`; a page may be empty while there are more.

    Raises what the client raises, and `ProtocolFault` where the list turns in circles or does not end.
    """
    token: str | None = None
    known: set[str | None] = set()
    while token not in known and len(known) < _MOST:
        known.add(token)
        page = await client.jobs(page_size=100, token=token, **query)
        yield page
        token = page.next_token
        if not token:
            return
    raise ProtocolFault(
        "Scenario's list of jobs does not come to an end: its pages lead on and on. Try again later."
    )
