"""The gallery: every clip of a library in one notebook cell, to search, watch, mark and compare."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets
from IPython.display import display

from happyhorse_widgets.engine.connect import default_session

from .base import Widget
from .bridge import bridge
from .card import serve_clips
from .curating import serve_curation
from .exports import serve_exports
from .feed import ClipFeed
from .outside import serve_outside
from .pressing import Pressing
from .rpc import Kind
from .twin import StudioTwin

if TYPE_CHECKING:
    from happyhorse_widgets.engine.session import Session
    from happyhorse_widgets.engine.shelf import Shelf


class Gallery(Widget):
    """Every clip of a session's home, as a list of cards or a grid of posters.

    To search in prompts, notes and tags, filter, sort, mark favourites, tag, note, compare, save and delete clips, and to make
    one more with another seed. Settings and frames to be used again go to the Studio that was opened last in this kernel. What
    is on its way shows how far it is. Only what is in view is loaded, so a library of thousands opens at once. `session` is by
    default the one of the last `connect`.
    """

    entry: ClassVar[str] = "gallery"

    # Read from the library whenever a page asks for the whole state, and not sent at any other time.
    _page: Any = traitlets.Any().tag(sync=True, to_json=lambda _, gallery: gallery._feed.page())
    _twin: Any = traitlets.Unicode().tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        self.session = session or default_session()
        pressing = Pressing(self.session)
        self._feed = ClipFeed(self.session, self._later, pressing.press_of)
        super().__init__()
        self._static = StudioTwin(self.session, self._twin, "Happy Horse Gallery")
        serve_clips(self.rpc, self.session.clip)
        serve_curation(self.rpc, self.session.clip, self.session.clips.tags)
        serve_exports(self.rpc, self.session.clip, self.session.home)
        serve_outside(self.rpc, self.session, pressing)
        self._feed.serve(self.rpc)
        self._channel = bridge().open(self._feed.changes, self._write)
        self._feed.start()

    @property
    def clips(self) -> Shelf:
        """Every clip of the session's home that was not deleted, newest first."""
        return self.session.clips

    def close(self) -> None:
        """Take the gallery out of the browser. The clips stay."""
        if hasattr(self, "_channel"):  # ipywidgets closes half-made widgets, too
            self._feed.stop()
            self._channel.close()
            self._static.close()
        super().close()

    def __repr__(self) -> str:
        return f"<Gallery of {len(self.clips)} clips>"

    def _ipython_display_(self) -> None:
        data, metadata = self._repr_mimebundle_() or ({}, {})
        data["text/plain"] = "Run this cell to open the gallery."  # what a notebook without a kernel shows
        display(data, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]
        self._static.show()

    @traitlets.default("_twin")
    def _default_twin(self) -> str:
        return secrets.token_hex(8)

    def _later(self) -> None:
        if hasattr(self, "_channel"):
            self._channel.mark()

    def _write(self, clips: list[dict[str, Any]]) -> None:
        if clips:
            self.send({"kind": Kind.CLIPS_CHANGED, "clips": clips})
