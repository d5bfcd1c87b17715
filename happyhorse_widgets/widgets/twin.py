"""What a widget of several clips leaves in a saved notebook: an output that is true and useful without a kernel."""

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


class Twin:
    """The static output beside a widget, which hides it while it lives.

    `name` is how the widget's views find it, `bundle` gives the output by media type; from any thread, and quickly.
    """

    def __init__(self, name: str, bundle: Callable[[], dict[str, str]]) -> None:
        self._display_id = f"happyhorse-{name}"
        self._bundle = bundle
        self._shown = False
        self._channel = bridge().open(bundle, self._update)

    def show(self) -> None:
        """Put it into the cell that runs."""
        self._shown = True
        display(self._bundle(), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]

    def mark(self) -> None:
        """Have it written anew, where it is shown; from any thread."""
        if self._shown:
            self._channel.mark()

    def close(self) -> None:
        """Write it for the last time, if it is not up to date."""
        self._channel.close()

    def _update(self, bundle: dict[str, str]) -> None:
        update_display(bundle, raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]


class StudioTwin:
    """The twin of a Studio, or what `title` calls it: a summary, and the newest clips.

    It is written anew when a clip comes to rest, and not otherwise.
    """

    def __init__(self, session: Session, name: str, title: str = "Happy Horse Studio") -> None:
        self._session = session
        self._name = name
        self._title = title
        self._twin = Twin(name, self._bundle)
        self._stop_observing: Callable[[], None] | None = None

    def show(self) -> None:
        """Put it into the cell that runs."""
        self._twin.show()
        if self._stop_observing is None:
            self._stop_observing = self._session.observe(self._changed)

    def close(self) -> None:
        """Write it for the last time."""
        if self._stop_observing is not None:
            self._stop_observing()
        self._twin.close()

    def _changed(self, clip: Clip) -> None:
        if clip.is_over:
            self._twin.mark()

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
