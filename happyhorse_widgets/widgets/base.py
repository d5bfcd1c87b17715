"""What every widget of this package is built on."""

from __future__ import annotations

import contextvars
import difflib
import time
from typing import Any, ClassVar

import anywidget
import traitlets

from . import assets
from .rpc import Buffers, Content, Dispatcher, Kind


class Widget(anywidget.AnyWidget):
    """A widget whose front end is `static/<entry>.js`.

    The browser speaks to the kernel by messages only (`self.rpc`), the kernel to the browser by small traits.

    Keyword arguments set traits; an unknown one raises TypeError with the nearest known name.
    """

    entry: ClassVar[str]
    """The name of the front end's module under `static/`, without `.js`."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    @traitlets.default("_esm")
    def _default_esm(self) -> str:
        return assets.script(self.entry)

    @traitlets.default("_css")
    def _default_css(self) -> str:
        return assets.stylesheet(self.entry)

    def __init__(self, **traits: Any) -> None:
        _refuse_unknown(type(self), traits)
        self._browser: contextvars.Context | None = None
        self.rpc = Dispatcher(lambda content, buffers: self.send(content, list(buffers)))
        self.rpc.on(Kind.HELLO, _hello)
        super().__init__(**traits)

    def close(self) -> None:
        """Take the widget out of the browser. What it showed (a clip, a job) goes on without it."""
        if hasattr(self, "rpc"):  # ipywidgets closes half-made widgets, too, when they are collected
            self.rpc.close()
        super().close()

    def open(self) -> None:
        """Tell the browser of this widget. ipywidgets calls it when the widget is made."""
        super().open()
        self._let_the_browser_choose()

    def _handle_msg(self, msg: dict[str, Any]) -> None:
        # ipykernel 7.4 delivers a message on the shell from which this comm was last published. Publishing in
        # the context of the last message from the browser keeps that the browser's own shell: live in a cell.
        # JupyterLab asks each widget for its state when a page is loaded while a cell runs, and shows none before
        # each has given an answer that names this very question as its parent.
        self._browser = contextvars.copy_context()
        super()._handle_msg(msg)

    def _handle_custom_msg(self, content: Any, buffers: Buffers) -> None:
        self.rpc.receive(content, buffers)

    def _send(self, msg: dict[str, Any], buffers: Buffers | None = None) -> None:
        if self._browser is None:
            super()._send(msg, buffers=buffers)
        else:
            # A context can be entered once at a time, and sends come from several threads: each gets a copy.
            self._browser.copy().run(super()._send, msg, buffers=buffers)
        self._let_the_browser_choose()

    def _let_the_browser_choose(self) -> None:
        # The last message from the browser may have been sent before it had a shell of its own, and ipykernel 7.4 then
        # keeps to the main one, where all waits behind a running cell. With this note of its gone, the next message
        # goes where the browser sends it; other versions have no such note.
        if self.comm is not None:
            self.comm.__dict__.pop("_reply_subshell_id", None)


def _hello(_content: dict[str, Any], _buffers: Buffers) -> Content:
    return {"now": time.time()}


def _refuse_unknown(widget: type[Widget], given: dict[str, Any]) -> None:
    allowed = sorted(name for name in widget.class_trait_names() if not name.startswith("_"))
    for name in given:
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise TypeError(f"{widget.__name__}() got an unknown argument {name!r}.{hint}")
