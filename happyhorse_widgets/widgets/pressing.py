"""What a press of Generate makes: its clips, once, however often the press is told."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import ApiError, BudgetExceeded, HappyHorseError, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.request import Reference
    from happyhorse_widgets.engine.session import Session
    from happyhorse_widgets.media.images import ReferenceImage

#: The most clips that one press makes.
MOST = 8
#: How many presses are remembered, so that one that is sent twice makes nothing twice.
_REMEMBERED = 1000
#: Seeds are drawn below this: short enough to read out and to type again. Any seed that the model takes can be typed.
_DRAWN_BELOW = 1_000_000


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
    error: HappyHorseError | None = None


class Pressing:
    """Makes the clips of presses in one session. Safe to use from any thread but the engine's own: it may wait for Scenario."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._made: dict[str, tuple[str, ...]] = {}
        self._names: dict[str, str] = {}
        self._making = threading.Lock()
        # Held while a clip is made and noted: those who are told of it meanwhile learn which press it belongs to.
        self._naming = threading.Lock()

    def press_of(self, clip_id: str) -> str | None:
        """Which press made a clip, as "<press>/<number>"; None where it was none that is remembered."""
        with self._naming:
            return self._names.get(clip_id)

    def make(self, press: str, wanted: Wanted) -> Made:
        """Make all clips of a press, or none where anything is wrong. The same press again gives the same clips."""
        with self._making:
            if press in self._made:
                return Made(tuple(map(self._session.clip, self._made[press])))
            seeds = self.seeds(wanted)
            if problems := self._problems(wanted, seeds):
                return Made(
                    problems=problems, error=InvalidRequest(*(found["message"] for found in problems))
                )
            if beyond := self._beyond_budget(wanted):
                return Made(problems=({"field": "budget", "message": beyond},), error=BudgetExceeded(beyond))
            return self._submit(press, wanted, seeds)

    def seeds(self, wanted: Wanted) -> list[int | None]:
        """A seed for each clip; None for a model that knows none."""
        schema = self._session.schema(wanted.model)
        known = schema.field("seed")
        if known is None:
            return [None] * wanted.variations
        if wanted.seed is not None:
            return [wanted.seed + number for number in range(wanted.variations)]
        below = _DRAWN_BELOW if known.maximum is None else min(_DRAWN_BELOW, int(known.maximum) + 1)
        drawn: dict[int, None] = {}
        while len(drawn) < wanted.variations:
            drawn[secrets.randbelow(below)] = None
        return list(drawn)

    def _problems(self, wanted: Wanted, seeds: Sequence[int | None]) -> tuple[dict[str, str], ...]:
        if not 1 <= wanted.variations <= MOST:
            message = f"{wanted.variations} clips at once cannot be made; 1 to {MOST} can."
            return ({"field": "variations", "message": message},)
        last = {} if seeds[-1] is None else {"seed": seeds[-1]}
        found = self._session.check(
            wanted.prompt, wanted.references, model=wanted.model, **wanted.values, **last
        )
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
        failure: HappyHorseError | None = None
        parent = self._parent(wanted)
        for number, seed in enumerate(seeds):
            with self._naming:
                try:
                    values = wanted.values if seed is None else {**wanted.values, "seed": seed}
                    clip = self._session.submit(
                        wanted.prompt, wanted.references, model=wanted.model, parent=parent, **values
                    )
                except HappyHorseError as error:
                    if not clips:
                        raise
                    failure = error
                    break
                self._names[clip.id] = f"{press}/{number}"
            clips.append(clip)
        self._remember(press, clips)
        told = () if failure is None else ({"field": "", "message": str(failure)},)
        return Made(tuple(clips), told, failure)

    def _parent(self, wanted: Wanted) -> str | None:
        """The clip that this was set up from, if it is still there: to make a clip matters more."""
        try:
            return None if wanted.parent is None else self._session.clip(wanted.parent).id
        except KeyError:
            return None

    def _remember(self, press: str, clips: Sequence[Clip]) -> None:
        self._made[press] = tuple(clip.id for clip in clips)
        while len(self._made) > _REMEMBERED:
            for clip_id in self._made.pop(next(iter(self._made))):
                self._names.pop(clip_id, None)
