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

    turn = asyncio.Lock()  # what is asked for later is written down later

    async def after_the_last(work: Callable[[Content], Content], content: Content) -> Content:
        async with turn:
            return await asyncio.to_thread(work, content)

    def aside(work: Callable[[Content], Content]) -> Callable[[Content, Buffers], Future[Any]]:
        return lambda content, _buffers: engine_loop().run(after_the_last(work, content))

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
    favourite, notes, added, removed = (content.get(name) for name in ("favourite", "notes", "add", "remove"))
    if not (
        isinstance(favourite, bool | None)
        and isinstance(notes, str | None)
        and all(
            tags is None or (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags))
            for tags in (added, removed)
        )
    ):
        raise InvalidRequest(
            "A mark is a favourite (yes or no), notes (a text), or tags (words) to add or to remove."
        )
    # Never the tags as a whole: a view may not know yet of one that it asked for a moment ago, or that another put there.
    clip.mark(favourite=favourite, add_tags=added or (), remove_tags=removed or (), notes=notes)
