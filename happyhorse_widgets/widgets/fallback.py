"""What a clip leaves in a saved notebook: an output that is true and useful without a kernel.

A widget shows nothing once its kernel is gone. So beside the live card stands a static twin, which the card hides
while it lives: the poster, the video by its relative address, prompt and parameters as text. It is what a reopened
notebook, an exported page or a viewer on the web has to show.
"""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING

from IPython import get_ipython
from IPython.display import display, update_display

from .bridge import bridge
from .card import PHASES, parameters
from .served import relative_address

if TYPE_CHECKING:
    from happyhorse_widgets.engine.clip import Clip

_WIDTH, _HEIGHT = 640, 480
"""Of the video on the page, in CSS pixels, at most."""


def display_static(clip: Clip, twin: str) -> None:
    """Leave the static twin in the cell that runs, and replace it once when the clip comes to rest."""
    display(static_bundle(clip, twin), raw=True, display_id=_display_id(twin))  # type: ignore[no-untyped-call]
    if not clip.is_over:
        replace_when_over(clip, twin)


def replace_when_over(clip: Clip, twin: str) -> None:
    """Replace the static twin with this clip's, once, when it comes to rest."""
    shell = get_ipython()

    def write(bundle: dict[str, str]) -> None:
        update_display(bundle, raw=True, display_id=_display_id(twin))  # type: ignore[no-untyped-call]
        stop_observing()
        with suppress(ValueError):  # written twice, as it may be when two changes came at once
            shell.events.unregister("post_run_cell", cell_ended)

    def changed(other: Clip) -> None:
        if other is clip and clip.is_over:
            channel.mark()

    def cell_ended(_result: object) -> None:
        # A notebook that is executed by a program is saved when its last cell ends, which may wait for this clip.
        changed(clip)
        channel.flush()

    channel = bridge().open(lambda: static_bundle(clip, twin), write)
    shell.events.register("post_run_cell", cell_ended)
    stop_observing = clip.keeper.observe(changed)
    changed(clip)  # it may have come to rest meanwhile


def _display_id(twin: str) -> str:
    return f"happyhorse-{twin}"


def static_bundle(clip: Clip, twin: str) -> dict[str, str]:
    """The output by media type: HTML, plain text and, when the clip is done, its poster as a JPEG.

    `twin` names the HTML for the live card that hides it.
    """
    bundle = {"text/html": twin_html(clip_html(clip), twin), "text/plain": clip_text(clip)}
    if (poster := clip.poster_jpeg()) is not None:
        bundle["image/jpeg"] = b64encode(poster).decode()
    return bundle


def twin_html(body: str, twin: str) -> str:
    """`body` as the static twin that a live view finds by the name `twin`, and hides.

    Where the output before it is no live view, but words about a widget that cannot be displayed, a rule hides that
    one. In a notebook that is not trusted the rule is taken out, and both show. The other two names keep MathJax, in
    JupyterLab and in exported pages, from reading formulas into a prompt with two dollar signs.
    """
    beside = f".jp-OutputArea-child:not(:has(.hh-root)):has(+ .jp-OutputArea-child .hh-twin-{twin})"
    names = f"hh-twin-{twin} mathjax_ignore tex2jax_ignore"
    return f'<div class="{names}"><style>{beside} {{ display: none; }}</style>{body}</div>'


def clip_html(clip: Clip) -> str:
    """The clip as HTML, with only tags and attributes that survive in a notebook that is not trusted."""
    return f"{_picture(clip)}<p>{escape(clip.request.prompt)}</p><p>{escape(_facts(clip))}</p>"


def _picture(clip: Clip) -> str:
    return video_html(clip, clip.poster_jpeg(), (_WIDTH, _HEIGHT)) if clip.is_done else ""


def video_html(
    clip: Clip, poster: bytes | None, within: tuple[int, int], alt: str = "First frame of the clip"
) -> str:
    """A finished clip that plays without a kernel, at most `within` (width, height) CSS pixels large.

    A picture called `alt` where its file cannot be reached from the notebook, and nothing where there is no poster either.
    """
    if clip.path is None:
        return ""
    facts = clip.facts or {"width": _WIDTH, "height": _HEIGHT}
    width = min(within[0], facts["width"], round(within[1] * facts["width"] / facts["height"]))
    look = f'width="{width}" style="max-width: 100%; height: auto"'
    still = "" if poster is None else f"data:image/jpeg;base64,{b64encode(poster).decode()}"
    address = relative_address(clip.path)
    if address is None:
        return f'<img {look} src="{still}" alt="{escape(alt)}">' if still else ""
    return f'<video controls preload="none" {look} src="{escape(address)}" poster="{still}"></video>'


def clip_text(clip: Clip) -> str:
    """The clip as plain text: the prompt, and a line of facts."""
    return f"{clip.request.prompt}\n{_facts(clip)}"


def _facts(clip: Clip) -> str:
    _, heading = PHASES[clip.state]
    if clip.is_done:
        where = "" if clip.path is None else clip.path.name
        told = [*parameters(clip), where]
    elif clip.error is not None:
        told = [heading, str(clip.error), clip.error.hint, *parameters(clip)]
    else:
        told = [f"{heading} when this was saved; clip {clip.id} of the library", *parameters(clip)]
    if clip.sandbox:
        told.append("sandbox")
    return " · ".join(filter(None, told))
