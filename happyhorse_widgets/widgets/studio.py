"""The Studio: reference images, a prompt and five parameters in, clips out, in one notebook cell."""

from __future__ import annotations

import asyncio
import secrets
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets
from IPython.display import display

from happyhorse_widgets.api.params import snapshots
from happyhorse_widgets.engine.connect import default_session
from happyhorse_widgets.engine.request import read_references
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.media.images import load_image

from .assets import STATIC
from .base import Widget
from .bridge import bridge
from .card import model_name, serve_clips
from .estimate import LiveEstimate
from .feed import ClipFeed
from .intake import Intake
from .rpc import Buffers, Content, Kind
from .tray import MOST, Tray
from .twin import StudioTwin

if TYPE_CHECKING:
    from concurrent.futures import Future

    from happyhorse_widgets.api.params import ModelSchema
    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.session import Session
    from happyhorse_widgets.engine.shelf import Shelf

_PARAMETERS = ("aspect_ratio", "resolution", "duration", "seed")
_SETTINGS = ("prompt", *_PARAMETERS, "model")
_SAMPLES = (STATIC / "samples" / "fox.png", STATIC / "samples" / "astronaut.png")
_SAMPLE_PROMPT = (
    "character1 the fox and character2 the astronaut walk side by side through a meadow at sunset, "
    "and both wave at the camera."
)


class _References(traitlets.TraitType[Any, Any]):
    """A tuple of checked images, from anything that `generate` takes."""

    info_text = "a list of images"

    def validate(self, _obj: Any, value: Any) -> tuple[Any, ...]:
        found = tuple(read_references(value))
        if len(found) > MOST:
            raise InvalidRequest(f"references has {len(found)} images; {MOST} are the most.")
        return found


class Studio(Widget):
    """A video studio in a notebook cell.

    Everything can be set in the browser and from Python alike: `prompt`, `references` (what `generate` takes),
    `aspect_ratio`, `resolution`, `duration` (seconds), `seed` (None: random) and `model` are traits to read, set and
    observe, and may be given as keyword arguments. What is not allowed is shown next to its field, and refused by
    `generate()`. `session` is by default the one of the last `connect`.

    Raises `InvalidImage` for a reference that is no usable image, TypeError for an unknown argument.
    """

    entry: ClassVar[str] = "studio"

    prompt: Any = traitlets.Unicode()
    references: Any = _References(())
    aspect_ratio: Any = traitlets.Unicode("16:9")
    resolution: Any = traitlets.Unicode("1080P")
    duration: Any = traitlets.Int(5)
    seed: Any = traitlets.Int(None, allow_none=True)
    model: Any = traitlets.Unicode()

    # What the browser shows. It never writes these: its edits come as messages.
    _form: Any = traitlets.Dict().tag(sync=True)
    _tiles: Any = traitlets.Dict().tag(sync=True)
    _schema: Any = traitlets.Dict().tag(sync=True)
    _session: Any = traitlets.Dict().tag(sync=True)
    _estimate: Any = traitlets.Dict().tag(sync=True)
    # Read from the library whenever a page asks for the whole state, and not sent at any other time.
    _page: Any = traitlets.Any().tag(sync=True, to_json=lambda _, studio: studio._feed.newest())
    _twin: Any = traitlets.Unicode().tag(sync=True)

    def __init__(self, session: Session | None = None, **initial: Any) -> None:
        self.session = session or default_session()
        self._tray = Tray(self._tray_changed)
        self._intake = Intake(self._tray, self.session, self._later)
        self._live = LiveEstimate(self.session, self._later)
        self._feed = ClipFeed(self.session, self._later)
        # Held while what is shown is put together and set: two threads must not overtake each other.
        self._showing = threading.RLock()
        super().__init__(**initial)
        self._static = StudioTwin(self.session, self._twin)
        self._serve()
        self._channel = bridge().open(self._read, self._write)
        self._feed.start()
        self._later()  # for what happened since the state was first read

    # -- for Python ------------------------------------------------------------------------------------------------

    @property
    def clips(self) -> Shelf:
        """Every clip of the session's home, newest first."""
        return self.session.clips

    def generate(self) -> Clip:
        """Make a clip of what is set up, as the button does. Returns at once.

        Raises `InvalidRequest` with all that is wrong, before anything is uploaded or paid.
        """
        sources = self._tray.chosen([tile.id for tile in self._tray.tiles])
        return self.session.generate(self.prompt, sources, model=self.model, **self._parameters())

    def close(self) -> None:
        """Take the Studio out of the browser. Its clips go on."""
        if hasattr(self, "_channel"):  # ipywidgets closes half-made widgets, too
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

    # -- what is set up --------------------------------------------------------------------------------------------

    @traitlets.default("model")
    def _default_model(self) -> str:
        return self.session.model

    @traitlets.validate("model")
    def _known_model(self, proposal: Any) -> str:
        return self.session.schema(proposal["value"]).model_id

    @traitlets.default("_form")
    def _default_form(self) -> dict[str, Any]:
        tiles = [tile.id for tile in self._tray.tiles]
        return {**{name: getattr(self, name) for name in _SETTINGS}, "tiles": tiles}

    @traitlets.default("_tiles")
    def _default_tiles(self) -> dict[str, Any]:
        return {tile.id: tile.to_dict() for tile in self._tray.tiles}

    @traitlets.default("_schema")
    def _default_schema(self) -> dict[str, Any]:
        known = {schema.model_id: None for schema in snapshots()} | {self.model: None}
        return {"models": [_model(self.session.schema(model)) for model in known]}

    @traitlets.default("_session")
    def _default_session(self) -> dict[str, Any]:
        session = self.session
        return {"sandbox": session.sandbox, "spent": session.spent, "budget": session.budget}

    @traitlets.default("_estimate")
    def _default_estimate(self) -> dict[str, Any]:
        return self._live.state

    @traitlets.default("_twin")
    def _default_twin(self) -> str:
        return secrets.token_hex(8)

    @traitlets.observe(*_SETTINGS)
    def _setting_changed(self, _change: Any) -> None:
        with self._showing:
            self._form = self._default_form()
        self._set_up_changed()

    @traitlets.observe("references")
    def _references_changed(self, change: Any) -> None:
        with self._showing:
            if change["new"] != self._tray.sources:
                self._tray.replace(change["new"])
                self._intake.send_ahead()
        self._set_up_changed()

    def _tray_changed(self) -> None:
        with self._showing:
            with self.hold_sync():  # one message: tiles and their order belong together
                self._form, self._tiles = self._default_form(), self._default_tiles()
            self.references = self._tray.sources

    def _set_up_changed(self) -> None:
        self._live.ask(self._tray.sources, model=self.model, **self._parameters())
        self._later()

    def _parameters(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._known(self.model)}

    def _known(self, model: str | None) -> list[str]:
        """The parameters that this model has."""
        schema = self.session.schema(model)
        return [name for name in _PARAMETERS if schema.field(name) is not None]

    def _later(self) -> None:
        """Have the bridge carry the state to the browser; from any thread."""
        if hasattr(self, "_channel"):  # not yet while the first state is being put together
            self._channel.mark()

    def _read(self) -> dict[str, Any]:
        return {
            "clips": self._feed.changes(),
            "schema": self._default_schema(),
            "session": self._default_session(),
        }

    def _write(self, state: dict[str, Any]) -> None:
        with self._showing:
            self._tiles = self._default_tiles()
            self._schema, self._session, self._estimate = state["schema"], state["session"], self._live.state
            self.references = self._tray.sources
        if state["clips"]:
            self.send({"kind": Kind.STUDIO_CHANGED, "clips": state["clips"]})

    # -- requests of a view ----------------------------------------------------------------------------------------

    def _serve(self) -> None:
        serve_clips(self.rpc, self.session.clip)
        self._intake.serve(self.rpc)
        self.rpc.on(Kind.STUDIO_EDIT, self._edit)
        self.rpc.on(Kind.STUDIO_GENERATE, self._press)
        self.rpc.on(Kind.STUDIO_CLIPS, self._list)
        self.rpc.on(Kind.STUDIO_SAMPLE, self._sample)

    def _edit(self, content: Content, _buffers: Buffers) -> None:
        values = content.get("values")
        if not isinstance(values, dict):
            raise InvalidRequest("An edit names the settings that it changes.")
        for name, value in values.items():
            if name == "tiles":
                self._tray.arrange(map(str, value))
            elif name in _SETTINGS:
                self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        try:
            setattr(self, name, value)
        except traitlets.TraitError as error:
            raise InvalidRequest(str(error)) from None

    def _press(self, content: Content, _buffers: Buffers) -> Content:
        press, values, tiles = content.get("press"), content.get("values"), content.get("tiles")
        if not (isinstance(press, str) and isinstance(values, dict) and isinstance(tiles, list)):
            raise InvalidRequest("A press of Generate carries its id, the settings and the tiles.")
        model = values.get("model")
        wanted: dict[str, Any] = {name: values.get(name) for name in self._known(model)}
        references = self._tray.chosen(tiles)
        return self._feed.make(
            press, prompt=values.get("prompt"), references=references, model=model, **wanted
        )

    def _list(self, content: Content, _buffers: Buffers) -> Content:
        self._later()  # a view that has just opened is shown the state of now
        if isinstance(ids := content.get("ids"), list):
            return self._feed.some(ids)
        return self._feed.newest(after=content.get("before"))

    def _sample(self, _content: Content, _buffers: Buffers) -> Future[None]:
        return self.session.run(asyncio.to_thread(self._show_sample))

    def _show_sample(self) -> None:
        self.references = [load_image(path) for path in _SAMPLES]
        self.prompt = _SAMPLE_PROMPT


def _model(schema: ModelSchema) -> dict[str, Any]:
    """What the browser needs of a model."""
    return {
        "id": schema.model_id,
        "label": model_name(schema.model_id),
        "deprecated_by": schema.deprecated_by,
        "usual_units": schema.cost_p50,
        "usual_seconds": schema.latency_p50,
        "fields": {
            field.name: {
                "name": field.name,
                "label": field.label,
                "help": field.description,
                "allowed": list(field.allowed),
                "minimum": field.minimum,
                "maximum": field.maximum,
                "max_length": field.max_length,
            }
            for field in schema.fields
        },
    }
