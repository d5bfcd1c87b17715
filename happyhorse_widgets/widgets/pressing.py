"""What a press of Generate makes: its clips, once, however often the press is told."""

from __future__ import annotations

import logging
import math
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.api.compatible import settable
from happyhorse_widgets.errors import ApiError, BudgetExceeded, HappyHorseError, InvalidRequest

from .card import card_state
from .desk import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from happyhorse_widgets.api.params import Field
    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.request import Reference
    from happyhorse_widgets.engine.session import Session
    from happyhorse_widgets.media.images import ReferenceImage

    from .rpc import Content

#: The most clips that one press makes.
MOST = 8
#: How many presses are remembered, so that one that is sent twice makes nothing twice.
_REMEMBERED = 1000
#: Seeds are drawn from the first so many: short enough to read out and to type again. Any that the model takes can be typed.
_DRAWN_FROM = 1_000_000
_chance = random.SystemRandom()
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one press asks for: `variations` clips that differ in their seeds only.

    `values` are the parameters without the seed. `seed` is that of the first clip, each other one's is one more; None draws one
    for each. `parent` is the clip that this was set up from.
    """

    prompt: str
    references: Sequence[ReferenceImage | Reference]
    model: str
    values: Mapping[str, Any]
    seed: int | None = None
    variations: int = 1
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a press: its clips in order, and what went wrong: by field, and as one error."""

    clips: tuple[Clip, ...] = ()
    problems: tuple[dict[str, str], ...] = ()
    error: Exception | None = None


class Pressing:
    """Makes the clips of presses in one session. Safe to use from any thread but the engine's own: it may wait for Scenario."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._made: dict[str, Made] = {}
        self._names: dict[str, str] = {}
        self._making = threading.Lock()
        # Held while a clip is made and noted: those who are told of it meanwhile learn which press it belongs to.
        self._naming = threading.Lock()

    def press_of(self, clip_id: str) -> str | None:
        """Which press made a clip, as "<press>/<number>"; None where it was none that is remembered."""
        with self._naming:
            return self._names.get(clip_id)

    def make(self, press: str, wanted: Wanted) -> Made:
        """Make all clips of a press, or none where anything is wrong. The same press again makes nothing and gives the same.

        Raises what Scenario says of a model that it does not have.
        """
        with self._making:
            if press not in self._made:
                self._remember(press, self._attempt(press, wanted))
            return self._made[press]

    def vary(self, press: str, clip_id: str) -> Made:
        """Make a clip once more, with another seed. Raises `InvalidRequest` where it is not in the library."""
        try:
            request = self._session.clip(clip_id).request
        except KeyError:
            raise InvalidRequest("This clip is not in the library any more.") from None
        known = [field.name for field in settable(self._session.schema(request.model))]
        values = {name: getattr(request, name) for name in known if name in PARAMETERS and name != "seed"}
        wanted = Wanted(
            request.prompt, request.references, request.model, values | request.inputs, parent=clip_id
        )
        return self.make(press, wanted)

    def _attempt(self, press: str, wanted: Wanted) -> Made:
        if reason := too_many(wanted.variations):
            return Made(problems=({"field": "variations", "message": reason},), error=InvalidRequest(reason))
        seeds = self._seeds(wanted)
        # From a given seed on they are counted up: where the first and the last are allowed, all are.
        if problems := self._problems(wanted, seeds[0]) or self._problems(wanted, seeds[-1]):
            return Made(problems=problems, error=InvalidRequest(*(found["message"] for found in problems)))
        if beyond := self._beyond_budget(wanted):
            return Made(problems=({"field": "budget", "message": beyond},), error=BudgetExceeded(beyond))
        return self._submit(press, wanted, seeds)

    def draw(self, model: str, count: int) -> list[int | None]:
        """So many seeds that the model takes, each another where it has as many; None for a model that knows none."""
        schema = self._session.schema(model)
        known = next((field for field in settable(schema) if field.name == "seed"), None)
        if known is None:
            return [None] * count
        seeds = known.allowed or _range(known)
        return _chance.sample(seeds, count) if len(seeds) >= count else _chance.choices(seeds, k=count)

    def _seeds(self, wanted: Wanted) -> list[int | None]:
        drawn = self.draw(wanted.model, wanted.variations)
        if wanted.seed is None or drawn[0] is None:
            return drawn
        return [wanted.seed + number for number in range(wanted.variations)]

    def _problems(self, wanted: Wanted, seed: int | None) -> tuple[dict[str, str], ...]:
        values = _with_seed(wanted, seed)
        found = self._session.check(wanted.prompt, wanted.references, model=wanted.model, **values)
        return tuple({"field": p.field, "message": p.message} for p in found if p.severity == "error")

    def _beyond_budget(self, wanted: Wanted) -> str:
        """Why this press would pass the budget; "" where it would not, or where the engine has to see before it sends."""
        budget = self._session.budget
        if budget is None:
            return ""
        try:
            one = self._session.estimate(
                wanted.prompt, wanted.references, model=wanted.model, **wanted.values
            ).creative_units
        except ApiError:
            return ""  # nothing can be sent either, and each clip is held against the budget before it is
        left = max(0.0, budget - self._session.spent - self._session.pledged)
        if wanted.variations * one <= left:
            return ""
        many = "This clip costs" if wanted.variations == 1 else f"These {wanted.variations} clips cost"
        return (
            f"{many} about {wanted.variations * one:,g} creative units; {left:,g} of the budget of {budget:,g} are left. "
            "Nothing was sent. Ask for fewer, shorter or smaller clips, or raise the budget with session.budget = …"
        )

    def _submit(self, press: str, wanted: Wanted, seeds: Sequence[int | None]) -> Made:
        clips: list[Clip] = []
        parent = self._parent(wanted)
        for number, seed in enumerate(seeds):
            values = _with_seed(wanted, seed)
            with self._naming:
                try:
                    clip = self._session.submit(
                        wanted.prompt, wanted.references, model=wanted.model, parent=parent, **values
                    )
                except Exception as error:  # noqa: BLE001 - whatever it is, what was made until then is never made again
                    told = ({"field": "", "message": _failure(error, len(clips), len(seeds))},)
                    return Made(tuple(clips), told, error)
                self._names[clip.id] = f"{press}/{number}"
            clips.append(clip)
        return Made(tuple(clips))

    def _parent(self, wanted: Wanted) -> str | None:
        """The clip that this was set up from, if it is still there: to make a clip matters more."""
        try:
            return None if wanted.parent is None else self._session.clip(wanted.parent).id
        except KeyError:
            return None

    def _remember(self, press: str, made: Made) -> None:
        self._made[press] = made
        while len(self._made) > _REMEMBERED:
            for clip in self._made.pop(next(iter(self._made))).clips:
                self._names.pop(clip.id, None)


def answer(press: str, made: Made) -> Content:
    """What a view is told of a press."""
    clips = [{**card_state(clip), "press": f"{press}/{n}"} for n, clip in enumerate(made.clips)]
    return {"clips": clips, "problems": list(made.problems)}


def too_many(variations: int) -> str:
    """Why one press cannot make so many clips; "" where it can."""
    return "" if 1 <= variations <= MOST else f"{variations} clips at once cannot be made; 1 to {MOST} can."


def _with_seed(wanted: Wanted, seed: int | None) -> dict[str, Any]:
    return {**wanted.values} if seed is None else {**wanted.values, "seed": seed}


def _range(field: Field) -> range:
    """The seeds to draw from: as short as they can be, and at least one."""
    first = math.ceil(max(0, field.minimum or 0))
    last = first + _DRAWN_FROM - 1
    if field.maximum is not None:
        last = math.floor(min(last, field.maximum))
    return range(min(first, last), last + 1)


def _failure(error: Exception, made: int, wanted: int) -> str:
    if isinstance(error, HappyHorseError):
        reason = str(error)
    else:
        # What is not ours may carry anything in its text.
        log.error("A clip could not be submitted.", exc_info=error)
        reason = f"Something went wrong in the kernel ({type(error).__name__}). The kernel's log says more."
    return f"Only {made} of {wanted} clips were made. {reason}" if made else reason
