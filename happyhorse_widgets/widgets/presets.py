"""Presets: parameters under a name, kept in the library. They hold neither prompt nor images."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import InvalidRequest

from .card import model_name
from .desk import PRESET
from .rpc import Buffers, Content, Dispatcher, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from happyhorse_widgets.engine.session import Session

    from .desk import Filler

_NAME_LENGTH = 60
_MOST = 100


class Presets:
    """Saves, loads and deletes presets for the views of one Studio. `takes` says whether a setting can have a value."""

    def __init__(self, session: Session, filler: Filler, takes: Callable[[str, Any], bool]) -> None:
        self._session = session
        self._filler = filler
        self._takes = takes

    def serve(self, rpc: Dispatcher) -> None:
        """Register the handler."""
        rpc.on(Kind.STUDIO_PRESETS, self._handle)

    def _handle(self, content: Content, _buffers: Buffers) -> Future[Content]:
        return self._session.run(asyncio.to_thread(self._carry_out, content))

    def _carry_out(self, content: Content) -> Content:
        if "save" in content:
            values = content.get("values")
            self.save(str(content["save"] or ""), values if isinstance(values, dict) else {})
        elif "load" in content:
            self.load(str(content["load"]))
        elif "delete" in content:
            self._session.saved("preset").pop(str(content["delete"]), None)
        kept = self._session.saved("preset").items()
        return {
            "presets": [
                {"name": name, "summary": _summary(each)} for name, each in kept if isinstance(each, dict)
            ]
        }

    def save(self, name: str, values: Mapping[str, Any]) -> None:
        """Keep the parameters among `values` that can be set under `name`; what had that name is replaced."""
        kept, name = self._session.saved("preset"), name.strip()
        if not name or len(name) > _NAME_LENGTH:
            raise InvalidRequest(f"Give the preset a name of 1 to {_NAME_LENGTH} characters.")
        if name not in kept and len(kept) >= _MOST:
            raise InvalidRequest(f"{_MOST} presets are the most: delete one first.")
        kept[name] = {
            each: values[each] for each in PRESET if each in values and self._takes(each, values[each])
        }

    def load(self, name: str) -> None:
        """Set the parameters that are kept under `name`."""
        values = self._session.saved("preset").get(name)
        if not isinstance(values, dict):
            raise InvalidRequest(f"There is no preset called {name[:_NAME_LENGTH]} any more.")
        known = {each: values[each] for each in PRESET if each in values}
        self._filler.fill(known, f"The parameters of the preset “{name}” were set.")


def _summary(values: Mapping[str, Any]) -> str:
    """A preset's parameters in one line."""
    duration, variations = values.get("duration"), values.get("variations", 1)
    words = [
        values.get("aspect_ratio"),
        values.get("resolution"),
        None if duration is None else f"{duration} s",
        f"seed {values['seed']}" if values.get("seed") is not None else None,
        f"×{variations}" if variations != 1 else None,
        model_name(str(values["model"])) if values.get("model") else None,
    ]
    return " · ".join(str(word) for word in words if word is not None)
