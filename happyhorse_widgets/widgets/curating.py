"""What a person says of clips in the browser: favourites, tags, notes, and that some are not to be shown any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.engine.loop import engine_loop
from happyhorse_widgets.errors import HappyHorseError, InvalidRequest

from .card import card_state, clip_ids
from .rpc import Buffers, Content, Dispatcher, Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from happyhorse_widgets.engine.clip import Clip

#: So many states fit into one answer; of more clips the views hear as of any change.
_MOST = 100


def serve_curation(
    rpc: Dispatcher, find: Callable[[str], Clip], tags: Callable[[], list[str]] = list
) -> None:
    """Answer what views ask to be written down. `find` gives the clip with an id, or raises KeyError; `tags` those in use."""

    def aside(work: Callable[[Content], Content]) -> Callable[[Content, Buffers], Future[Any]]:
        return lambda content, _buffers: engine_loop().run(asyncio.to_thread(work, content))

    def mark(content: Content) -> Content:
        clips = [_found(find, clip_id) for clip_id in clip_ids(content)]
        for clip in clips:
            _mark(clip, content)
        return {"clips": [card_state(clip) for clip in clips[:_MOST]], "tags": tags()}

    def delete(content: Content) -> Content:
        done, problems = [], []
        for clip_id in clip_ids(content):
            try:
                clip = _found(find, clip_id)
                if content.get("back"):
                    clip.restore()
                else:
                    clip.delete()
            except HappyHorseError as error:
                problems.append(str(error))
            else:
                done.append(clip_id)
        return {"done": done, "problems": problems}

    rpc.on(Kind.CLIPS_MARK, aside(mark))
    rpc.on(Kind.CLIPS_DELETE, aside(delete))


def _found(find: Callable[[str], Clip], clip_id: str) -> Clip:
    try:
        return find(clip_id)
    except KeyError:
        raise InvalidRequest(f"There is no clip {clip_id} in this library.") from None


def _mark(clip: Clip, content: Content) -> None:
    favourite, tags, notes = (content.get(name) for name in ("favourite", "tags", "notes"))
    if not (
        isinstance(favourite, bool | None)
        and isinstance(notes, str | None)
        and (tags is None or (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)))
    ):
        raise InvalidRequest("A mark is a favourite (yes or no), tags (words) or notes (a text).")
    tag = content.get("tag")
    clip.mark(favourite=favourite, tags=tags, add_tags=[tag] if isinstance(tag, str) else (), notes=notes)
