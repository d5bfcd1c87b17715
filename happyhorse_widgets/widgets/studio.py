"""The Studio: reference images, a prompt and parameters in, clips out, in one notebook cell."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets
from IPython.display import display

from happyhorse_widgets.api.compatible import settable
from happyhorse_widgets.engine.code import LANGUAGES
from happyhorse_widgets.engine.connect import default_session
from happyhorse_widgets.errors import InvalidRequest, LibraryError
from happyhorse_widgets.media.images import load_image

from .assets import STATIC
from .bridge import bridge
from .card import serve_clips
from .curating import serve_curation
from .desk import PARAMETERS, SETTINGS, packed, unpacked
from .exports import serve_exports
from .feed import ClipFeed
from .outside import closed, opened
from .presets import Presets
from .pressing import Pressing, answer
from .prompting import Prompting
from .rpc import Buffers, Content, Kind
from .setup import Setup
from .twin import StudioTwin

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from happyhorse_widgets.api.params import ModelSchema
    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.request import Request
    from happyhorse_widgets.engine.session import Session
    from happyhorse_widgets.engine.shelf import Shelf

    from .pressing import Made, Wanted

_SAMPLES = (STATIC / "samples" / "fox.png", STATIC / "samples" / "astronaut.png")
_SAMPLE_PROMPT = (
    "character1 the fox and character2 the astronaut walk side by side through a meadow at sunset, "
    "and both wave at the camera."
)


class Studio(Setup):
    """A video studio in a notebook cell.

    All that goes into a clip can be set in the browser and from Python alike. These are traits to read, set and observe, and
    may be given as keyword arguments; what is searched and chosen among the clips is each view's own (in Python:
    `clips.search`):

    - `prompt`, `references` (what `generate` takes), `aliases` (the references' own names, by the ids of their tiles)
    - `aspect_ratio`, `resolution`, `duration` (seconds): the model's defaults, whichever it is, until they are set
    - `model` (its id), `keep_metadata` (of image files, False)
    - `seed` and `seed_mode`: "random" (one is drawn for each clip; `seed` is None), "fixed", or "next" (the next press goes on
      with the seed after the last one). To set a `seed` fixes it, None makes it random
    - `variations` (1–8): how many clips one press makes; from a given seed on, each next one has one more
    - `parent`: the id of the clip that the next press is noted as made from, or None

    What is not allowed is shown next to its field, and refused by `generate()`. `session` is by default the one of the last
    `connect`. A Studio that is made without arguments goes on with what was being prepared before.

    Raises `InvalidImage` for a reference that is no usable image, TypeError for an unknown argument.
    """

    entry: ClassVar[str] = "studio"

    # What the browser shows, beside what is set up.
    _schema: Any = traitlets.Dict().tag(sync=True)
    _session: Any = traitlets.Dict().tag(sync=True)
    _estimate: Any = traitlets.Dict().tag(sync=True)
    # Read from the library whenever a page asks for the whole state, and not sent at any other time.
    _page: Any = traitlets.Any().tag(sync=True, to_json=lambda _, studio: studio._feed.page())
    _twin: Any = traitlets.Unicode().tag(sync=True)

    def __init__(self, session: Session | None = None, **initial: Any) -> None:
        session = session or default_session()
        self._pressing = Pressing(session)
        self._feed = ClipFeed(session, self._later, self._pressing.press_of)
        super().__init__(session, **initial)
        self._static = StudioTwin(self.session, self._twin)
        self._serve()
        self._channel = bridge().open(self._read, self._write)
        self._feed.start()
        self._ends = (
            self.session.observe_schemas(self._learned),
            self.session.observe_budget(self._later),
        )
        self._models.ask()
        if not initial:
            self._go_on()
        self._draft.begin()
        opened(self)
        self._later()  # for what happened since the state was first read

    # -- for Python ------------------------------------------------------------------------------------------------

    @property
    def clips(self) -> Shelf:
        """Every clip of the session's home, newest first."""
        return self.session.clips

    @property
    def request(self) -> Request:
        """What would be sent for the first clip of a press, checked or not; `seed` None stands for one that is drawn then.

        Raises `InvalidRequest` where an image is not here: nothing can be sent in its place.
        """
        return self._requests(self._wanted())[0]

    def generate(self) -> list[Clip]:
        """Make the clips of what is set up, as the button does. Returns at once; with a budget once the price is known.

        Raises `InvalidRequest` with all that is wrong, or `BudgetExceeded` where the clips together would pass the budget, before
        anything is uploaded or paid. Where something goes wrong after the first clip, those that are made are returned, with a
        warning that says so.
        """
        made = self._make(secrets.token_hex(8), self._wanted())
        if made.error is not None and not made.clips:
            raise made.error
        for line in (*(problem["message"] for problem in made.problems), *made.clips[0].warnings):
            warnings.warn(line, stacklevel=2)
        if self.seed_mode == "next":
            self.seed += len(made.clips)
        return list(made.clips)

    def code(self, language: str = "python") -> str:
        """Code that would do what the button does now, in "python", "curl" or "javascript".

        It takes the keys from the environment. In "curl" and "javascript" an image that has not been uploaded yet is named in
        angle brackets, as all are without a key: see `Session.code`. Raises `InvalidRequest` for another language, and where an
        image is not here.
        """
        return self.session.code(language, self._requests(self._wanted()))

    def take_frame(self, clip_id: str, at: float | str = "last") -> int:
        """Add a frame of a clip, the "last" or the one `at` so many seconds, to the references; the number of its character.

        Blocks until it is there. Raises `InvalidRequest` where there is no such clip or no place, and what reading it raises.
        """
        taken = self._intake.frame({"tile": f"f{secrets.token_hex(6)}", "clip": clip_id, "at": at})
        character = len(self._tray.tiles)
        taken.result()
        self._tell_references()
        return character

    def close(self) -> None:
        """Take the Studio out of the browser. Its clips go on."""
        if hasattr(self, "_channel"):  # ipywidgets closes half-made widgets, too
            closed(self)
            self._draft.flush()
            for end in self._ends:
                end()
            self._feed.stop()
            self._live.stop()
            self._channel.close()
            self._static.close()
        super().close()

    def __repr__(self) -> str:
        return f"<Studio {len(self._tray.tiles)} references, prompt {self.prompt!r:.60}>"

    def _ipython_display_(self) -> None:
        data, metadata = self._repr_mimebundle_() or ({}, {})
        data["text/plain"] = "Run this cell to open the Studio."  # what a notebook without a kernel shows
        display(data, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]
        self._static.show()

    # -- what a view sees ------------------------------------------------------------------------------------------

    @traitlets.default("_schema")
    def _default_schema(self) -> dict[str, Any]:
        return {"models": self._models.listed(self.model)}

    @traitlets.default("_session")
    def _default_session(self) -> dict[str, Any]:
        session, queue = self.session, self.session.queue
        budget = session.budget
        return {
            "sandbox": session.sandbox,
            "spent": session.spent_here,
            "budget": budget,
            "left": None if budget is None else max(0.0, budget - session.spent - session.pledged),
            "running": queue.running,
            "waiting": queue.waiting,
            "limit": queue.limit,
        }

    @traitlets.default("_estimate")
    def _default_estimate(self) -> dict[str, Any]:
        return self._live.state

    @traitlets.default("_twin")
    def _default_twin(self) -> str:
        return secrets.token_hex(8)

    def _later(self) -> None:
        """Have the bridge carry the state to the browser; from any thread."""
        if hasattr(self, "_channel"):  # not yet while the first state is being put together
            self._channel.mark()

    def _learned(self, schema: ModelSchema) -> None:
        self._later()
        if schema.model_id == self.model:
            self._aside(self._follow)  # its observers may take their time, and this is the engine's thread

    def _read(self) -> dict[str, Any]:
        session = self._session
        with contextlib.suppress(LibraryError):  # the session was closed: what is known of it stays
            session = self._default_session()
        return {"clips": self._feed.changes(), "schema": self._default_schema(), "session": session}

    def _write(self, state: dict[str, Any]) -> None:
        with self._showing:
            self._tiles = self._default_tiles()
            self._schema, self._session, self._estimate = state["schema"], state["session"], self._live.state
            self._tell_references()
        if state["clips"]:
            self.send({"kind": Kind.CLIPS_CHANGED, "clips": state["clips"]})

    # -- requests of a view ----------------------------------------------------------------------------------------

    def _serve(self) -> None:
        serve_clips(self.rpc, self.session.clip)
        serve_curation(self.rpc, self.session.clip, self.session.clips.tags)
        serve_exports(self.rpc, self.session.clip, self.session.home)
        self._feed.serve(self.rpc)
        self._intake.serve(self.rpc)
        Prompting(self.session, self._tray, self._later).serve(self.rpc)
        Presets(self.session, self._filler, self._takes).serve(self.rpc)
        self.rpc.on(Kind.STUDIO_EDIT, self._edit)
        self.rpc.on(Kind.STUDIO_GENERATE, self._press)
        self.rpc.on(Kind.STUDIO_CODE, self._give_code)
        self.rpc.on(Kind.STUDIO_MODEL, lambda content, _: self._choose(str(content.get("model"))))
        self.rpc.on(Kind.STUDIO_REUSE, lambda content, _: self._aside(self.reuse, str(content.get("clip"))))
        self.rpc.on(Kind.STUDIO_UNDO, lambda _content, _: self._aside(self._filler.undo))
        self.rpc.on(Kind.STUDIO_DISMISS, lambda _content, _: self._aside(self._filler.dismiss))
        self.rpc.on(Kind.STUDIO_SAMPLE, lambda _content, _: self._aside(self._show_sample))

    def _aside(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Do what may take a moment, or wait for Scenario, on a thread of its own."""
        return self.session.run(asyncio.to_thread(work, *arguments))

    def _edit(self, content: Content, _buffers: Buffers) -> Future[None] | None:
        values = content.get("values")
        if not isinstance(values, dict):
            raise InvalidRequest("An edit names the settings that it changes.")
        asking: Future[None] | None = None
        problems: list[str] = []
        with self._showing:
            for name, value in values.items():
                try:
                    asking = self._edit_one(name, value) or asking
                except InvalidRequest as error:
                    problems += error.problems
        if problems:
            raise InvalidRequest(*problems)
        return asking

    def _edit_one(self, name: str, value: Any) -> Future[None] | None:
        if name == "tiles":
            self._tray.arrange(_ids(value))
        elif name == "model" and isinstance(value, str) and self.session.known_schema(value) is None:
            return self._choose(value)
        elif name in SETTINGS or name == "aliases":
            self._set(name, value)
        return None

    def _press(self, content: Content, _buffers: Buffers) -> Future[Content]:
        press, varied = content.get("press"), content.get("vary")
        if not isinstance(press, str):
            raise InvalidRequest("A press of Generate carries its id, the settings and the tiles.")
        if isinstance(varied, str):
            return self._aside(lambda: answer(press, self._pressing.vary(press, varied)))
        asked = self._asked(content)
        return self._aside(lambda: answer(press, self._make(press, asked())))

    def _asked(self, content: Content) -> Callable[[], Wanted]:
        """What a view asks for: read now, as it is on the screen, or where nothing is known of its model later: that may wait."""
        values, tiles = content.get("values"), _ids(content.get("tiles"))
        if not isinstance(values, dict):
            raise InvalidRequest("The settings come by their names.")
        if self.session.known_schema(str(values.get("model") or self.model)) is None:
            return partial(self._wanted, values, tiles)
        wanted = self._wanted(values, tiles)
        return lambda: wanted

    def _make(self, press: str, wanted: Wanted) -> Made:
        """Make what is set up, and set up what that changes for the next press."""
        made = self._pressing.make(press, wanted)
        if made.clips:
            if wanted.seed is None:
                self._drawn = made.clips[-1].request.seed
            if wanted.parent is not None:
                self.parent = None if self.parent == wanted.parent else self.parent
                self._filler.used(wanted.parent)
            with self._showing:
                self._form = self._default_form()
        return made

    def _give_code(self, content: Content, _buffers: Buffers) -> Future[Content]:
        asked = self._asked(content)

        def give() -> Content:
            requests = self._requests(asked())
            return {"code": {language: self.session.code(language, requests) for language in LANGUAGES}}

        return self._aside(give)

    def reuse(self, clip_id: str) -> None:
        """Set up what the clip with this id was made of, as its card's button does; a line says so, with the way back.

        Raises KeyError where there is no such clip.
        """
        clip = self.session.clip(clip_id)
        request = clip.request
        images, lost = unpacked(packed(request.references), self.session.home)
        seed = clip.seed_used if request.seed is None else request.seed
        schema = self.session.known_schema(request.model)
        defaults = {field.name: field.default for field in settable(schema)} if schema else {}
        parameters = {
            name: defaults.get(name) if getattr(request, name) is None else getattr(request, name)
            for name in PARAMETERS
            if name != "seed"
        }
        mode = "random" if seed is None else "fixed"
        text = f"Set up as clip {clip.id[-6:]} was made. The next press is noted as made from it."
        if lost:
            text += f" {'One image' if lost == 1 else f'{lost} images'} could not be found in this folder any more."
        filled = {"prompt": request.prompt, "model": request.model, "references": images, "parent": clip.id}
        # One, as it was: nobody is to pay for several of it for having asked for several of another.
        counted = {"variations": 1, "seed": seed, "seed_mode": mode}
        self._filler.fill({**filled, **parameters, **counted}, text)

    def _show_sample(self) -> None:
        self.references = [load_image(path) for path in _SAMPLES]
        self.prompt = _SAMPLE_PROMPT


def _ids(tiles: Any) -> list[str]:
    if not (isinstance(tiles, list) and all(isinstance(tile, str) for tile in tiles)):
        raise InvalidRequest("The tiles come as a list of their ids, in order.")
    return tiles
