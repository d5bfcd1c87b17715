"""Scenario's help with writing prompts: a better wording, a translation, and a model's own guide.

The first two cost creative units. Each is one POST that is never repeated: it is counted in the library before it is sent,
with what it should cost, and corrected when the answer is there. A budget refuses it like a clip.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from happyhorse_widgets.errors import ApiError, BudgetExceeded, InvalidRequest
from happyhorse_widgets.library.clips import charged
from happyhorse_widgets.media.images import ReferenceImage

from .aliases import named, resolve
from .request import Reference, own_names
from .states import CHARGEABLE, State, after_submission

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Sequence

    from happyhorse_widgets.api.client import ScenarioClient
    from happyhorse_widgets.library.text_costs import TextCosts

    from .connection import Connection
    from .uploads import Uploads

#: A better wording of a prompt, or its translation to English.
Kind: TypeAlias = Literal["enhance", "translate"]

#: A price is believed for texts whose lengths differ by fewer characters.
_SAME_PRICE = 250


@dataclass(frozen=True, slots=True)
class Proposal:
    """Another text for a prompt, with the person's own names. `cost` is in creative units, None where Scenario does not say.

    `language` is the one that was translated from, as a code such as "zh", or "".
    """

    text: str
    cost: float | None
    language: str = ""


class Texts:
    """The text calls of one account and project in one home. Belongs to the engine's loop."""

    def __init__(
        self,
        connection: Connection,
        project: str,
        uploads: Uploads,
        costs: TextCosts,
        *,
        budget: Callable[[], float | None],
    ) -> None:
        self._connection = connection
        self._project = project
        self._uploads = uploads
        self._costs = costs
        self._budget = budget
        self._prices: dict[tuple[Kind, str, int, int], float] = {}
        self._guides: dict[str, str] = {}
        self._sending: set[asyncio.Task[Proposal]] = set()

    async def price(
        self, kind: Kind, prompt: str, references: Sequence[Reference | ReferenceImage] = (), *, model: str
    ) -> float:
        """What a proposal would cost, in creative units: a dry run, remembered. Raises what the client raises."""
        images = references if kind == "enhance" else ()
        sent = resolve(prompt, own_names(references))
        key = (kind, model, len(images), len(sent) // _SAME_PRICE)
        if key not in self._prices:
            client = await self._connection.client()
            if kind == "translate":
                estimate = await client.estimate_translation(sent)
            else:
                asset_ids = await self._asset_ids(images)
                with self._uploads.doubted_if_refused(asset_ids):
                    estimate = await client.estimate_enhancement(sent, model_id=model, asset_ids=asset_ids)
            self._prices[key] = estimate.creative_units_cost
        return self._prices[key]

    async def propose(
        self, kind: Kind, prompt: str, references: Sequence[Reference | ReferenceImage] = (), *, model: str
    ) -> Proposal:
        """A better wording of `prompt` with the images in view, or its translation. Paid, and counted in `session.spent`.

        Raises `InvalidRequest` for an empty prompt, `BudgetExceeded` before anything is sent, and what the client raises; the
        message says where it may have been paid all the same.
        """
        if not prompt.strip():
            raise InvalidRequest("There is no prompt yet: write something first.")
        names = own_names(references)
        sent = resolve(prompt, names)

        async def enhance(client: ScenarioClient) -> Proposal:
            with self._uploads.doubted_if_refused(asset_ids):
                answer = await client.enhance_prompt(sent, model_id=model, asset_ids=asset_ids)
            text = next(iter(answer.prompts), sent)
            return Proposal(named(text, names), answer.creative_units_cost)

        async def translate(client: ScenarioClient) -> Proposal:
            answer = await client.translate(sent)
            return Proposal(
                named(answer.translation, names), answer.creative_units_cost, answer.detected_language
            )

        asset_ids = await self._asset_ids(references) if kind == "enhance" else []
        expected = await self._expected(kind, prompt, references, model)
        call = enhance if kind == "enhance" else translate
        # Shielded: from here on money may be spent, so the answer is waited for and written down whoever stops waiting.
        task = asyncio.create_task(self._pay(kind, expected, call))
        self._sending.add(task)
        task.add_done_callback(self._sent)
        return await asyncio.shield(task)

    async def guide(self, model: str) -> str:
        """How to write for a model, in Markdown; "" where Scenario has no guide. Free, and asked for once."""
        if model not in self._guides:
            self._guides[model] = await (await self._connection.client()).prompt_guide(model)
        return self._guides[model]

    async def close(self, seconds: float) -> None:
        """Wait for the answers that are under way."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=seconds)
        for task in self._sending:
            task.cancel()

    def _sent(self, task: asyncio.Task[Proposal]) -> None:
        self._sending.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits is told; perhaps nobody does any more

    async def _expected(
        self, kind: Kind, prompt: str, references: Sequence[Reference | ReferenceImage], model: str
    ) -> float | None:
        try:
            return await self.price(kind, prompt, references, model=model)
        except ApiError:
            if self._budget() is not None:
                raise  # without a price a budget could not be kept
            return None

    async def _pay(
        self, kind: Kind, expected: float | None, call: Callable[[ScenarioClient], Awaitable[Proposal]]
    ) -> Proposal:
        client = await self._connection.client()
        where = {"endpoint": self._connection.name, "project": self._project}
        entry = self._costs.begin(
            kind, **where, expected=expected or 0.0, check=partial(self._check_budget, expected)
        )
        number = await asyncio.wrap_future(entry)
        try:
            proposal = await call(client)
        except ApiError as error:
            if after_submission(error) is State.UNKNOWN:
                counted = f"{expected:g} creative units are" if expected else "nothing is"
                error.args = (
                    f"{error} Nothing is sent again by itself. It may have been paid: {counted} counted as spent.",
                )
            else:
                await asyncio.wrap_future(self._costs.settle(number, 0.0))
            raise
        if proposal.cost is not None and proposal.cost != expected:
            await asyncio.wrap_future(self._costs.settle(number, proposal.cost))
        return proposal

    def _check_budget(self, expected: float | None, connection: sqlite3.Connection) -> None:
        budget = self._budget()
        if budget is None:
            return
        where = {"endpoint": self._connection.name, "project": self._project}
        spent = charged(connection, frozenset(CHARGEABLE), **where)
        if expected is None or spent + expected > budget:
            raise BudgetExceeded(
                f"This costs about {expected or 0:g} creative units; {spent:g} of the budget of {budget:g} are spent. "
                "Nothing was sent. Raise the budget with connect(budget=…)."
            )

    async def _asset_ids(self, references: Sequence[Reference | ReferenceImage]) -> list[str]:
        for image in references:
            if isinstance(image, ReferenceImage):
                await asyncio.to_thread(self._uploads.keep, image)
        kept = [Reference.of(item) if isinstance(item, ReferenceImage) else item for item in references]
        at_home = [await self._uploads.at_home(item) for item in kept]
        return list(await asyncio.gather(*map(self._uploads.asset_id, at_home)))
