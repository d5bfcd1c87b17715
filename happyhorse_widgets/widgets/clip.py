"""A clip's live card in a notebook."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, ClassVar, cast

import traitlets
from IPython import get_ipython
from IPython.display import display

from .base import Widget
from .bridge import bridge
from .card import card_state, serve_clips
from .curating import serve_curation
from .fallback import display_static, replace_when_over
from .outside import serve_outside
from .pressing import Pressing

if TYPE_CHECKING:
    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.session import Session


class ClipCard(Widget):
    """A card that follows one clip from the request to the playing video.

    `clip` is what `generate` returned, or one of `session.clips`. Where a person submits it again on the card, that is about the
    new clip from then on; clips that are made of it with another seed have cards below. Closing the card leaves the clips as they
    are.
    """

    entry: ClassVar[str] = "clip"

    state: Any = traitlets.Dict(read_only=True).tag(sync=True)
    """What the card shows; see `card.card_state`."""
    varied: Any = traitlets.List(read_only=True).tag(sync=True)
    """The states of the clips that were made here with another seed, in order."""
    twin: Any = traitlets.Unicode(read_only=True).tag(sync=True)
    """The name of the static output beside this card, or ""."""

    def __init__(self, clip: Clip, *, twin: str = "") -> None:
        self.clip = clip
        self._clips = {clip.id: clip}
        self._varied: list[Clip] = []
        self.set_trait("twin", twin)
        self.set_trait("state", card_state(clip))
        super().__init__()
        serve_clips(self.rpc, self._clips.__getitem__, self._follow)
        serve_curation(self.rpc, self._clips.__getitem__)
        session = cast("Session", clip.keeper)
        serve_outside(self.rpc, session, Pressing(session), self._add)
        self._channel = bridge().open(lambda: [card_state(each) for each in self._shown], self._show)
        self._stop_observing = clip.keeper.observe(self._changed)
        self._channel.mark()  # for what happened since the state was first read

    def __repr__(self) -> str:
        return f"<ClipCard of {self.clip!r}>"

    def close(self) -> None:
        """Take the card out of the browser; the clip goes on."""
        if hasattr(self, "_stop_observing"):
            self._stop_observing()
            self._channel.close()
        super().close()

    @property
    def _shown(self) -> list[Clip]:
        return [self.clip, *self._varied]

    def _follow(self, old: Clip, clip: Clip) -> None:
        self._clips[clip.id] = clip
        if old is self.clip:
            self.clip = clip
            if self.twin:
                replace_when_over(clip, self.twin)
        else:
            self._varied = [clip if each is old else each for each in self._varied]
        self._channel.mark()

    def _add(self, clip: Clip) -> None:
        if clip.id not in self._clips:  # a press may be told twice
            self._clips[clip.id] = clip
            self._varied.append(clip)
            self._channel.mark()

    def _changed(self, clip: Clip) -> None:
        if any(clip is each for each in self._shown):
            self._channel.mark()

    def _show(self, states: list[dict[str, Any]]) -> None:
        self.set_trait("state", states[0])
        self.set_trait("varied", states[1:])


def display_clip(clip: Clip) -> None:
    """Show `clip` in the cell that runs: a live card, and its static twin for when there is no kernel.

    Outside a notebook the clip's text is printed.
    """
    if getattr(get_ipython(), "kernel", None) is None:
        print(repr(clip))
        return
    twin = secrets.token_hex(8)
    display(ClipCard(clip, twin=twin))  # type: ignore[no-untyped-call]
    display_static(clip, twin)
