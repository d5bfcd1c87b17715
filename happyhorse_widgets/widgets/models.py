"""The models that a Studio offers: the Happy Horse ones, and others of Scenario that take a prompt and reference images."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.api.compatible import defaults, obstacles, others, settable
from happyhorse_widgets.api.params import snapshot, snapshots
from happyhorse_widgets.errors import InvalidRequest, LibraryError, NotFound

from .card import model_name

if TYPE_CHECKING:
    from happyhorse_widgets.api.params import Field, ModelSchema
    from happyhorse_widgets.engine.session import Session

#: So many models that were used once are offered again.
_MOST = 12


class Models:
    """What can be chosen in one session. Ids of other models that were used are kept in the library."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._used = list(session.saved("model"))[-_MOST:]

    def listed(self, chosen: str) -> list[dict[str, Any]]:
        """What the browser needs of each model, the Happy Horse ones first; from any thread, without waiting."""
        ids = dict.fromkeys([*(each.model_id for each in snapshots()), *self._used, chosen])
        return [self._described(model) for model in ids]

    def ask(self) -> None:
        """Have Scenario asked about every model that is offered; what it says is announced by the session."""
        for known in snapshots():
            self._session.schema(known.model_id)
        for model in self._used:
            self._session.run(self._session.schema_async(model))

    async def usable(self, model: str) -> str:
        """The model's id, once Scenario has said what it takes; on the engine's loop. Raises as `check` does."""
        model = model.strip()
        if not model:
            raise InvalidRequest(
                'Give the id of a model, such as "model_alibaba-happy-horse-reference-to-video".'
            )
        try:
            schema = await self._session.schema_async(model)
        except NotFound:
            raise InvalidRequest(
                f"Scenario has no model {model[:80]}. Copy its id from the model's page."
            ) from None
        return self.check(schema)

    def check(self, schema: ModelSchema) -> str:
        """The model's id. Raises `InvalidRequest` where it cannot be used here, with the reasons."""
        if reasons := obstacles(schema):
            raise InvalidRequest(f"{schema.name} cannot be used here. {' '.join(reasons)}")
        return schema.model_id

    def remember(self, model: str) -> None:
        """Offer this model again, in later kernels too."""
        if snapshot(model) is None and model not in self._used:
            self._used = [*self._used, model][-_MOST:]
            with contextlib.suppress(LibraryError):  # it can be used all the same
                self._session.saved("model")[model] = {}

    def _described(self, model: str) -> dict[str, Any]:
        schema = self._session.known_schema(model)
        if schema is None:
            return {"id": model, "label": model, "fields": {}, "others": [], "known": False}
        usual = defaults(schema)
        return {
            "id": model,
            "label": model_name(model) if snapshot(model) else schema.name,
            "known": True,
            "deprecated_by": schema.deprecated_by,
            "usual_units": schema.cost_p50,
            "fields": {field.name: _field(field, usual.get(field.name)) for field in settable(schema)},
            "others": [
                {"label": field.label or field.wire, "default": field.default} for field in others(schema)
            ],
        }


def _field(field: Field, usual: Any) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": field.label,
        "help": field.description,
        "allowed": list(field.allowed),
        "minimum": field.minimum,
        "maximum": field.maximum,
        "step": field.step,
        "default": usual,
        "max_length": field.max_length,
        "max_size": field.max_size,
    }
