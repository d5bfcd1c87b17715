"""What a Studio's prompt asks of the kernel: proposals, the model's guide, templates, and prompts to go back to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from happyhorse_widgets.errors import HappyHorseError, InvalidRequest

from .once import Once
from .rpc import Buffers, Content, Dispatcher, Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from happyhorse_widgets.engine.request import Reference
    from happyhorse_widgets.engine.session import Session
    from happyhorse_widgets.engine.texts import Kind as Wish
    from happyhorse_widgets.media.images import ReferenceImage

    from .tray import Tray

_HISTORY = 50
_WISHES: Final[dict[str, Wish]] = {"enhance": "enhance", "translate": "translate"}


class Prompting:
    """Answers the requests of a prompt.

    `changed` is called when money was spent, on the engine's thread.
    """

    def __init__(self, session: Session, tray: Tray, changed: Callable[[], None]) -> None:
        self._session = session
        self._tray = tray
        self._changed = changed
        self._once = Once()

    def serve(self, rpc: Dispatcher) -> None:
        """Answer a widget's views."""
        rpc.on(Kind.PROMPT_PRICE, self._price)
        rpc.on(Kind.PROMPT_PROPOSE, self._propose)
        rpc.on(Kind.PROMPT_GUIDE, self._guide)
        rpc.on(Kind.PROMPT_HISTORY, self._history)
        rpc.on(Kind.PROMPT_TEMPLATES, self._templates)

    def _price(self, content: Content, _buffers: Buffers) -> Future[Content]:
        wish, text, images, model = self._wished(content)

        async def ask() -> Content:
            try:
                units = await self._session.texts.price(wish, text, images, model=model)
            except HappyHorseError as error:
                return {"units": None, "reason": str(error)}
            return {"units": units, "reason": ""}

        return self._session.run(ask())

    def _propose(self, content: Content, _buffers: Buffers) -> Future[Content]:
        wish, text, images, model = self._wished(content)

        async def ask() -> Content:
            try:
                found = await self._session.texts.propose(wish, text, images, model=model)
            finally:
                self._changed()
            return {"text": found.text, "units": found.cost, "language": found.language}

        return self._once.answer(content.get("press"), ask)

    def _wished(self, content: Content) -> tuple[Wish, str, tuple[ReferenceImage | Reference, ...], str]:
        wish = _WISHES.get(str(content.get("wish")))
        text, tiles, aliases = (content.get(name) for name in ("text", "tiles", "aliases"))
        if wish is None or not (
            isinstance(text, str) and isinstance(tiles, list) and isinstance(aliases, dict)
        ):
            raise InvalidRequest(
                "A wish for another wording carries its kind, the text, the tiles and their names."
            )
        names = {str(tile): str(name) for tile, name in aliases.items()}
        return wish, text, self._tray.chosen([str(tile) for tile in tiles], names), self._model(content)

    def _model(self, content: Content) -> str:
        return str(content.get("model") or self._session.model)

    def _guide(self, content: Content, _buffers: Buffers) -> Future[Content]:
        async def ask() -> Content:
            return {"guide": await self._session.texts.guide(self._model(content))}

        return self._session.run(ask())

    def _history(self, content: Content, _buffers: Buffers) -> Future[Content]:
        def read() -> Content:
            return {"prompts": self._session.prompts(str(content.get("text") or ""), limit=_HISTORY)}

        return self._session.run(asyncio.to_thread(read))

    def _templates(self, content: Content, _buffers: Buffers) -> Future[Content]:
        return self._session.run(asyncio.to_thread(self._keep, content))

    def _keep(self, content: Content) -> Content:
        saved = self._session.saved("template")
        save, delete = content.get("save"), content.get("delete")
        if isinstance(save, dict):
            name, text = str(save.get("name", "")).strip(), str(save.get("text", ""))
            if not text.strip():
                raise InvalidRequest("There is no prompt yet: write what the template is to hold first.")
            saved[name] = text
        if isinstance(delete, str):
            saved.pop(delete, None)
        texts: list[dict[str, Any]] = [{"name": name, "text": text} for name, text in saved.items()]
        return {"templates": [item for item in texts if isinstance(item["text"], str)]}
