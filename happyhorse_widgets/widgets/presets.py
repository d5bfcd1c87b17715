"""Presets: parameters under a name, kept in the library. They hold neither prompt nor images."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import InvalidRequest

from .card import model_name
from .desk import PRESET
from .rpc import Buffers, Content, Dispatcher, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from happyhorse_widgets.engine.session import Session

    from .desk import Filler

_NAME_LENGTH = 60
_MOST = 100


class Presets:
    """Saves, loads and deletes presets for the views of one Studio."""

    def __init__(self, session: Session, filler: Filler) -> None:
        self._session = session
        self._filler = filler

    def serve(self, rpc: Dispatcher) -> None:
        """Register the handler."""
        rpc.on(Kind.STUDIO_PRESETS, self._handle)

    def _handle(self, content: Content, _buffers: Buffers) -> Future[Content]:
        return self._session.run(asyncio.to_thread(self._carry_out, content))

    def _carry_out(self, content: Content) -> Content:
        if "save" in content:
            self.save(str(content["save"]), content.get("values") or {})
        elif "load" in content:
            self.load(str(content["load"]))
        elif "delete" in content:
            self._session.saved("preset").pop(str(content["delete"]), None)
        kept = self._session.saved("preset")
        return {"presets": [{"name": name, "summary": _summary(kept[name])} for name in kept]}

    def save(self, name: str, values: Mapping[str, Any]) -> None:
        """Keep the parameters among `values` under `name`; what had that name is replaced."""
        kept, name = self._session.saved("preset"), name.strip()
        if not name or len(name) > _NAME_LENGTH:
            raise InvalidRequest(f"Give the preset a name of 1 to {_NAME_LENGTH} characters.")
        if name not in kept and len(kept) >= _MOST:
            raise InvalidRequest(f"{_MOST} presets are the most: delete one first.")
        kept[name] = {setting: values[setting] for setting in PRESET if setting in values}

    def load(self, name: str) -> None:
        """Set the parameters that are kept under `name`."""
        try:
            values = self._session.saved("preset")[name]
        except KeyError:
            raise InvalidRequest(f"There is no preset called {name[:_NAME_LENGTH]} any more.") from None
        self._filler.fill(values, f"The parameters of the preset “{name}” were set.")


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
