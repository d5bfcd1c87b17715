"""What a Studio or a Gallery leaves in a saved notebook: a summary and its newest clips, useful without a kernel."""

from __future__ import annotations

from html import escape
from itertools import islice
from typing import TYPE_CHECKING

from IPython.display import display, update_display

from .bridge import bridge
from .fallback import clip_html, clip_text, twin_html

if TYPE_CHECKING:
    from collections.abc import Callable

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.session import Session

#: Each clip that is done brings its poster, at most 40 KB.
_CLIPS = 8


class StudioTwin:
    """The static output beside a Studio, or what `title` calls it, which hides it while it lives.

    `name` is how its views find it. It is written anew when a clip comes to rest, and not otherwise.
    """

    def __init__(self, session: Session, name: str, title: str = "Happy Horse Studio") -> None:
        self._session = session
        self._name = name
        self._title = title
        self._channel = bridge().open(self._bundle, self._update)
        self._stop_observing: Callable[[], None] | None = None

    def show(self) -> None:
        """Put it into the cell that runs."""
        display(self._bundle(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]
        if self._stop_observing is None:
            self._stop_observing = self._session.observe(self._changed)

    def close(self) -> None:
        """Write it for the last time."""
        if self._stop_observing is not None:
            self._stop_observing()
        self._channel.close()

    @property
    def _display_id(self) -> str:
        return f"happyhorse-{self._name}"

    def _changed(self, clip: Clip) -> None:
        if clip.is_over:
            self._channel.mark()

    def _update(self, bundle: dict[str, str]) -> None:
        update_display(bundle, raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]

    def _bundle(self) -> dict[str, str]:
        clips = list(islice(self._session.clips, _CLIPS))
        count = len(self._session.clips)
        mark = ", simulated by the sandbox" if self._session.sandbox else ""
        summary = f"{self._title}: {count} {'clip' if count == 1 else 'clips'}{mark}, in {self._session.home.name}/clips."
        if count > len(clips):
            summary += f" The newest {len(clips)}:"
        parts = [f"<p>{escape(summary)}</p>", *(f"<div>{clip_html(clip)}</div>" for clip in clips)]
        return {
            "text/html": twin_html("".join(parts), self._name),
            "text/plain": "\n\n".join([summary, *(clip_text(clip) for clip in clips)]),
        }
