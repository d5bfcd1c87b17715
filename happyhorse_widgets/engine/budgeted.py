"""What a session may spend: a limit that a person may change at any time, and that what is shown follows."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable


class Budgeted:
    """The part of a session that has a budget."""

    def __init__(self, budget: float | None) -> None:
        self._budget = checked_budget(budget)
        self._budget_observers: list[Callable[[], None]] = []

    @property
    def budget(self) -> float | None:
        """Creative units that the home may spend in all, on this account and project; None, no limit.

        Setting it holds for what is sent from now on. Raises `ConfigurationError` for what is no number of 0 or more.
        """
        return self._budget

    @budget.setter
    def budget(self, budget: float | None) -> None:
        self._budget = checked_budget(budget)
        for callback in tuple(self._budget_observers):
            callback()

    def observe_budget(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` told when the budget was set, on the thread of whoever set it. Returns a function that ends it."""
        self._budget_observers.append(callback)

        def end() -> None:
            with contextlib.suppress(ValueError):
                self._budget_observers.remove(callback)

        return end


def checked_budget(budget: Any) -> float | None:
    """The budget, if it is one. Raises `ConfigurationError`."""
    if budget is None:
        return None
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not budget >= 0:
        raise ConfigurationError(
            f"budget is {budget!r}; it must be a number of creative units, 0 or more, or None."
        )
    return None if math.isinf(budget) else budget
