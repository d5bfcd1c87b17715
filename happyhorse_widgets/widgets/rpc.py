"""Requests from a view in the browser to its widget in the kernel, and the answers.

A view asks with a custom message `{kind, request, …}` and buffers; the widget answers with exactly one
`reply` or `error` that carries the same `request`. A view that no longer wants an answer sends `cancel`.

Nothing here cares which thread it is on: a handler may be called on the main thread after a cell, or on
another one in the middle of a cell. What takes time belongs on the engine's loop: a handler returns the
future of it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from happyhorse_widgets.errors import HappyHorseError, InvalidRequest
from happyhorse_widgets.text import whole_in

_log = logging.getLogger(__name__)


class Kind(StrEnum):
    """Every kind of message between a view and its widget. `static/shared/rpc.js` has the same table."""

    # any widget
    HELLO = "hello"
    """view → widget: I am here; answered with the kernel's clock. Opens the way for live messages, too."""
    CANCEL = "cancel"
    """view → widget: the answer to `request` is no longer wanted; not answered"""
    REPLY = "reply"
    """widget → view: the answer to `request`"""
    ERROR = "error"
    """widget → view: the answer to `request` is an error: `name`, `message`, `problems`"""

    # cards
    CLIP_IMAGES = "clip-images"
    """view → widget: thumbnails of the references of `clip`, and its poster, as buffers"""
    CLIP_CHUNK = "clip-chunk"
    """view → widget: `length` bytes of the video of `clip` from `offset`, as a buffer; of another `version` of it, where
    one is named"""
    CLIP_VERSION = "clip-version"
    """view → widget: have the `version` of `clip`, "silent" or "webm", that plays where the video itself does not; answered
    with its `file` when that is there, and until then, about once a second, with the `progress` (0–1): ask again"""
    CLIP_ACT = "clip-act"
    """view → widget: do `action` with `clip`, one of those that its state offers; answered with `said`, what that meant, in
    words. A `press` that is told again does nothing more, and is answered the same"""

    CLIP_CODE = "clip-code"
    """view → widget: the code that would make `clip` again; answered with `code`, a text by language"""
    CLIPS_FIND = "clips-find"
    """view → widget: which clips match `query`; answered with `clips`, the id and the ratio of each in order, `total`, how many
    there are in all, and `tags` and `models`, those that are in use"""
    CLIPS_STATES = "clips-states"
    """view → widget: the states of the cards of `clips`"""
    CLIPS_POSTERS = "clips-posters"
    """view → widget: the posters of `clips`, as buffers; an empty one where there is none"""
    CLIPS_MARK = "clips-mark"
    """view → widget: set `favourite`, `tags` or `notes` of `clips`, or add one `tag`; answered with their states and `tags`,
    those that are in use"""
    CLIPS_DELETE = "clips-delete"
    """view → widget: take `clips` out of sight, or with `back` bring them back; answered with `done`, those that it was done
    with, and `problems`, in words"""
    CLIPS_CHANGED = "clips-changed"
    """widget → every view, unasked: the states of the `clips` that changed"""

    # clips that are compared
    COMPARE_OPEN = "compare-open"
    """view → widget: what is compared; answered with `states` of the clips, `levels` of each, in words by the factor's name, and
    which factors are `rows` and `columns` ("" for none)"""
    COMPARE_EXPORT = "compare-export"
    """view → widget: make a file, "strip" or "video" (`way`), of `clips` with their `labels`, each from the frame that it
    `begins` at, in so many `columns` (or null); answered as clip-version is"""
    COMPARE_CHUNK = "compare-chunk"
    """view → widget: `length` bytes from `offset` of such a `file`, named as in the answer, as a buffer"""

    # a sweep
    SWEEP_CELLS = "sweep-cells"
    """view → widget: the whole sweep; answered with `factors`, each with its `name` and `levels` (`label`, and the whole `text`),
    and `cells`, each its key, the numbers of its levels, and its state as in sweep-changed"""
    SWEEP_RUN = "sweep-run"
    """view → widget: ask for the clips that were not asked for yet, or with `retry` for those that failed: `clips` of them for
    `expected` creative units (or null), as the person saw it, and no more. Answered with `said`, in words; a `press` that is
    told again does nothing more, and is answered the same"""
    SWEEP_CHANGED = "sweep-changed"
    """widget → every view, unasked: the states of the `cells` that changed: of each its key, `cell`, the id of its `clip`, or
    null, `phase`, `heading` and `progress` (0–1 or null)"""

    # the Studio
    STUDIO_EDIT = "studio-edit"
    """view → widget: new `values` of settings, by name; `tiles` is the order of the reference images"""
    STUDIO_GENERATE = "studio-generate"
    """view → widget: make clips of `values` and `tiles`, or with a new seed of the clip `vary`; `press` tells one press of the
    button from the next, and one that is sent again makes nothing new. Answered with `clips`, the cards' states, each with its
    `press` ("<press>/0" …), and `problems`"""
    STUDIO_REUSE = "studio-reuse"
    """view → widget: set up what the clip `clip` was made of, in the Studio that was opened last where the view is in none; the
    next press is noted as made from it"""
    STUDIO_UNDO = "studio-undo"
    """view → widget: set up again what was there before the Studio filled itself"""
    STUDIO_DISMISS = "studio-dismiss"
    """view → widget: the line that says what filled the Studio has been read"""
    STUDIO_MODEL = "studio-model"
    """view → widget: use the model `model`, which may be any of Scenario's; an error says why it cannot be used"""
    STUDIO_CODE = "studio-code"
    """view → widget: the code that would do what `values` and `tiles` ask for; answered with `code`, a text by language"""
    STUDIO_PRESETS = "studio-presets"
    """view → widget: the presets; `save`, `load` or `delete` names one to do that with first. Answered with `presets`, each with
    its `name` and a `summary`"""
    STUDIO_SAMPLE = "studio-sample"
    """view → widget: set up the sample"""
    TILE_ADD = "tile-add"
    """view → widget: an image, `name` and `size`, is coming as `tile`"""
    TILE_OFFER = "tile-offer"
    """view → widget: its `sha256`, or null; answered with `known`: whether its bytes need not be sent"""
    TILE_CHUNK = "tile-chunk"
    """view → widget: bytes of `tile` from `offset`, as a buffer; answered when they were taken"""
    TILE_URL = "tile-url"
    """view → widget: have the image at the address `url` as `tile`; answered when it is here"""
    TILE_FRAME = "tile-frame"
    """view → widget: have a frame of `clip` as `tile`: the one shown `at` so many seconds, or the "last"; answered when it is
    here. Outside a Studio it names no tile: it goes to the Studio that was opened last, and is answered with its `character`"""
    TILE_RESTORE = "tile-restore"
    """view → widget: take back that the image of `tile` was replaced"""
    TILE_PICTURE = "tile-picture"
    """view → widget: a thumbnail of `tile`, as a buffer"""
    PROMPT_PRICE = "prompt-price"
    """view → widget: what `wish` ("enhance" or "translate") for `text` would cost, with the images `tiles` and their own
    names `aliases`, for `model`; answered with `units`, or null and the `reason`"""
    PROMPT_PROPOSE = "prompt-propose"
    """view → widget: another wording, as above; paid, but a `press` that is told again is not paid again. Answered with its
    `text`, `units` and `language`"""
    PROMPT_GUIDE = "prompt-guide"
    """view → widget: the guide to writing for `model`; answered with `guide`, in Markdown"""
    PROMPT_HISTORY = "prompt-history"
    """view → widget: prompts that were asked before, with the words of `text` in them; answered with `prompts`"""
    PROMPT_TEMPLATES = "prompt-templates"
    """view → widget: the templates, after one was saved (`save`: its `name` and `text`) or deleted (`delete`: its name);
    answered with `templates`"""

    # the arena
    ARENA_NEXT = "arena-next"
    """view → widget: the next pair for `rater`; answered with `showing`, its name, `sides`, a name for each side's video, the
    `bytes` of either and their `ratio`, `position` of `total`, and `last`, the vote that can be taken back, or null; or, where
    they are through, with `over`, a sentence, and `last`"""
    ARENA_CHUNK = "arena-chunk"
    """view → widget: `length` bytes of the video `side` from `offset`, as a buffer"""
    ARENA_VOTE = "arena-vote"
    """view → widget: what `rater` says of the pair `showing` after `seconds`: `answers` by question, each "a", "b", "tie" or
    "both_bad". Answered once it is committed; told again it is one vote"""
    ARENA_UNDO = "arena-undo"
    """view → widget: `rater` takes back their last vote, `ballot`; answered once that is committed"""


Content = Mapping[str, Any]
Buffers = Sequence[memoryview | bytes]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with buffers. A handler without buffers returns its mapping, or None for an empty answer."""

    content: Content = field(default_factory=dict)
    buffers: Buffers = ()


Answer = Reply | Content | None
Handler = Callable[[dict[str, Any], Buffers], "Answer | Future[Any]"]
"""Takes the message and its buffers; returns the answer, or a future of it. Raises what went wrong."""


class Dispatcher:
    """Finds the handler of each message and sends what it answers.

    `send` takes the content of a message and its buffers. The answer of a future is sent from the thread that
    completes it.
    """

    def __init__(self, send: Callable[[dict[str, Any], Buffers], None]) -> None:
        self._send = send
        self._handlers: dict[str, Handler] = {}
        self._pending: dict[str, Future[Any]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def on(self, kind: Kind, handler: Handler) -> None:
        """Let `handler` answer messages of this kind. Each kind has one handler."""
        if kind in self._handlers:
            raise ValueError(f"{kind!r} has a handler already.")
        self._handlers[kind] = handler

    def receive(self, content: Any, buffers: Buffers) -> None:
        """Handle one message from a view. Never raises: what goes wrong is answered or logged."""
        if not isinstance(content, dict) or not isinstance(content.get("request"), str):
            _log.warning("A view sent a message without a request id; it is ignored.")
            return
        content = whole_in(content)
        request, kind = content["request"], content.get("kind")
        if kind == Kind.CANCEL:
            self._cancel(request)
            return
        handler = self._handlers.get(str(kind))
        if handler is None:
            self._fail(request, InvalidRequest(f"This widget does not know the message {kind!r}."))
            return
        try:
            answer = handler(content, buffers)
        except Exception as error:  # noqa: BLE001 - the view must get an answer, whatever it is
            self._fail(request, error)
            return
        if isinstance(answer, Future):
            with self._lock:
                self._pending[request] = answer
            answer.add_done_callback(lambda future: self._finished(request, future))
        else:
            self._reply(request, answer)

    def close(self) -> None:
        """Answer nothing more, and cancel what is still being worked on."""
        self._closed = True
        with self._lock:
            pending, self._pending = list(self._pending.values()), {}
        for future in pending:
            future.cancel()

    def _cancel(self, request: str) -> None:
        with self._lock:
            future = self._pending.pop(request, None)
        if future is not None:
            future.cancel()

    def _finished(self, request: str, future: Future[Any]) -> None:
        with self._lock:
            wanted = self._pending.pop(request, None) is not None
        if not wanted:
            return
        try:
            answer = future.result()
        except CancelledError:
            return
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(request, error)
        else:
            self._reply(request, answer)

    def _reply(self, request: str, answer: Answer) -> None:
        reply = answer if isinstance(answer, Reply) else Reply(answer or {})
        if self._closed:
            return
        try:
            self._send({**reply.content, "kind": Kind.REPLY, "request": request}, reply.buffers)
        except Exception as error:  # noqa: BLE001 - what cannot be sent is an answer, too: the view waits for one
            self._fail(request, error)

    def _fail(self, request: str, error: Exception) -> None:
        if isinstance(error, HappyHorseError):
            message = str(error)
        else:
            # An exception that is not ours may carry anything in its text, so the view gets only its name.
            _log.error("A message from a view could not be handled.", exc_info=error)
            name = type(error).__name__
            message = f"Something went wrong in the kernel ({name}). The kernel's log says more."
        problems = list(error.problems) if isinstance(error, InvalidRequest) else []
        if not self._closed:
            content = {"name": type(error).__name__, "message": message, "problems": problems}
            self._send({**content, "kind": Kind.ERROR, "request": request}, ())
