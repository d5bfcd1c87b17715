"""The clips of a library as a list shows them: which there are, the states of those in view, and what changed."""

from __future__ import annotations

import asyncio
import contextlib
import queue
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.errors import InvalidRequest

from .card import PHASES, card_state, clip_ids, model_name
from .rpc import Buffers, Content, Dispatcher, Kind, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.session import Session
    from happyhorse_widgets.engine.shelf import Shelf

#: How many clips a view shows before it has asked for any.
PAGE = 20
#: How many states one message holds: at 6 kB for the longest prompt it stays well under 1 MB.
_MOST = 100
#: How many ids one answer holds: with their ratios, at 30 bytes each, it stays under 1 MB.
_LISTED = 30_000
#: How many posters one answer holds, at up to 40 KB each.
_POSTERS = 20


class ClipFeed:
    """Gives the states of cards; `changed` is called, on any thread, when `changes` has something new.

    `press_of` says which press of the button made a clip.
    """

    def __init__(
        self,
        session: Session,
        changed: Callable[[], None],
        press_of: Callable[[str], str | None] = lambda _clip_id: None,
    ) -> None:
        self._session = session
        self._tell = changed
        self._waiting: queue.SimpleQueue[Clip] = queue.SimpleQueue()
        self._press_of = press_of
        self._stop_observing: Callable[[], None] | None = None

    def start(self) -> None:
        """Listen to the session."""
        self._stop_observing = self._session.observe(self._changed)

    def stop(self) -> None:
        """Listen no more."""
        if self._stop_observing is not None:
            self._stop_observing()

    def serve(self, rpc: Dispatcher) -> None:
        """Answer what lists of clips ask. The library is read on a thread: a large one takes a moment."""

        def aside(work: Callable[[Content], Reply | Content]) -> Callable[[Content, Buffers], Future[Any]]:
            return lambda content, _buffers: self._session.run(asyncio.to_thread(work, content))

        rpc.on(Kind.CLIPS_FIND, aside(lambda content: self.find(content.get("query"))))
        rpc.on(Kind.CLIPS_STATES, aside(lambda content: {"clips": self.some(clip_ids(content))}))
        rpc.on(Kind.CLIPS_POSTERS, aside(lambda content: self._posters(clip_ids(content))))

    def page(self) -> dict[str, Any]:
        """The states of the newest clips, and how many there are in all."""
        clips = self._session.clips
        return {"clips": [card_state(clip) for clip in clips[:PAGE]], "total": len(clips)}

    def find(self, query: Any) -> dict[str, Any]:
        """The `clips` that match what a view looks for, each as its id and its ratio, in order, and what else there is."""
        self._tell()  # a view that has just opened is shown the state of now
        clips = self._session.clips
        found = _searched(clips, query).outline(_LISTED)
        return {
            "clips": [[clip_id, ratio or "16:9"] for clip_id, ratio in found],
            "total": len(clips),
            "tags": clips.tags(),
            "models": [{"id": model, "label": model_name(model)} for model in clips.models()],
        }

    def some(self, ids: list[str]) -> list[dict[str, Any]]:
        """The states of the clips with these ids; those that are not there, or deleted, are left out."""
        return [card_state(clip) for clip in self._clips(ids[:_MOST])]

    def changes(self) -> list[dict[str, Any]]:
        """The states of the clips that changed since it was last asked, each with the `press` that made it, or None."""
        clips: dict[str, Clip] = {}
        while len(clips) < _MOST:
            try:
                clip = self._waiting.get_nowait()
            except queue.Empty:
                break
            clips[clip.id] = clip
        else:
            self._tell()
        return [{**card_state(clip), "press": self._press_of(clip.id)} for clip in clips.values()]

    def _posters(self, ids: list[str]) -> Reply:
        posters = {clip.id: clip.poster_jpeg() or b"" for clip in self._clips(ids[:_POSTERS])}
        return Reply(buffers=[posters.get(clip_id, b"") for clip_id in ids[:_POSTERS]])

    def _clips(self, ids: list[str]) -> Iterator[Clip]:
        for clip_id in ids:
            with contextlib.suppress(KeyError):
                clip = self._session.clip(clip_id)
                if clip.deleted_at is None:
                    yield clip

    def _changed(self, clip: Clip) -> None:
        self._waiting.put(clip)
        self._tell()


def _searched(clips: Shelf, query: Any) -> Shelf:
    """What a view's query finds: `text`, `phase`, `favourite`, `tag`, `model`, `order`; each is empty for any."""
    if not isinstance(query, dict):
        raise InvalidRequest("A search names what it looks for.")
    text, phase, tag, model = (str(query.get(name) or "") for name in ("text", "phase", "tag", "model"))
    return clips.search(
        text,
        favourite=True if query.get("favourite") else None,
        tags=[tag] if tag else (),
        states=[state for state, (its, _) in PHASES.items() if its == phase] if phase else None,
        models=[model] if model else None,
        order=str(query.get("order") or "newest"),
    )
