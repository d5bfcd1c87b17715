"""What is set up in a Studio: its settings as traits, how they agree with each other, and what a press would ask for."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import traitlets

from happyhorse_widgets.api.compatible import defaults, settable
from happyhorse_widgets.engine.request import Reference, Request
from happyhorse_widgets.errors import HappyHorseError, InvalidRequest
from happyhorse_widgets.media.images import ReferenceImage

from .base import Widget
from .desk import PARAMETERS, SETTINGS, Filler
from .draft import Draft
from .estimate import LiveEstimate
from .intake import Intake
from .models import Models
from .pressing import MOST as MOST_CLIPS
from .pressing import Pressing, Wanted, too_many
from .traits import FOLLOWING, Choice, References, Seconds, Text, still_following
from .tray import Tray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from happyhorse_widgets.engine.session import Session


class Setup(Widget):
    """The base of `Studio`, which says what the traits are. `_later` is told of whatever the browser has to see."""

    _pressing: Pressing

    prompt: Any = Text(most=50_000)  # far more than a model takes, and little enough for one message
    references: Any = References(())
    aliases: Any = traitlets.Dict(value_trait=Text(), key_trait=traitlets.Unicode())
    aspect_ratio: Any = Choice("16:9")
    resolution: Any = Choice("1080P")
    duration: Any = Seconds(5)
    seed: Any = traitlets.Int(None, allow_none=True)
    seed_mode: Any = traitlets.Enum(("random", "fixed", "next"), "random")
    variations: Any = traitlets.Int(1, min=1, max=MOST_CLIPS)
    model: Any = Text()
    keep_metadata: Any = traitlets.Bool(False)
    parent: Any = Text(None, allow_none=True)

    _following: Any = traitlets.Any(FOLLOWING)

    # What the browser shows. It never writes these: its edits come as messages.
    _form: Any = traitlets.Dict().tag(sync=True)
    _tiles: Any = traitlets.Dict().tag(sync=True)
    _filled: Any = traitlets.Dict().tag(sync=True)

    def __init__(self, session: Session, **initial: Any) -> None:
        self.session = session
        self._tray = Tray(self._tray_changed)
        self._intake = Intake(self._tray, session, self._later)
        self._live = LiveEstimate(session, self._later)
        self._models = Models(session)
        self._draft = Draft(session, self._read_desk)
        self._filler = Filler(self._read_desk, self._write_desk, partial(setattr, self, "_filled"))
        self._drawn: int | None = None
        # Counts the choices of a model: one that is still being asked about gives way to a later one.
        self._choices = 0
        # Held while what is shown is put together and set: two threads must not overtake each other.
        self._showing = threading.RLock()
        super().__init__(**initial)
        self._follow()

    def _later(self) -> None:
        """Have the state carried to the browser; from any thread."""
        raise NotImplementedError

    # -- what is set up --------------------------------------------------------------------------------------------

    @traitlets.default("model")
    def _default_model(self) -> str:
        return self.session.model

    @traitlets.validate("model")
    def _known_model(self, proposal: Any) -> str:
        model = self._models.check(self.session.schema(proposal["value"]))
        self._choices += 1
        self._models.remember(model)
        return model

    @traitlets.default("_form")
    def _default_form(self) -> dict[str, Any]:
        tiles = [tile.id for tile in self._tray.tiles]
        settings = {name: getattr(self, name) for name in SETTINGS}
        # A view adopts them in this order: first what follows the model, and so waits with it where it was edited there.
        return {
            "following": self._following,
            **settings,
            "tiles": tiles,
            "aliases": self._tray.aliases,
            "drawn": self._drawn,
        }

    @traitlets.default("_tiles")
    def _default_tiles(self) -> dict[str, Any]:
        return {tile.id: tile.to_dict(self.keep_metadata) for tile in self._tray.tiles}

    @traitlets.observe(*SETTINGS, "_following")
    def _setting_changed(self, change: Any) -> None:
        if change["name"] in ("seed", "seed_mode"):
            self._agree_on_seed(change["name"])
        with self._showing:
            if change["name"] == "model":
                self._follow()
            self._form = self._default_form()
        self._set_up_changed(work=change["name"] not in self._following)

    def _follow(self) -> None:
        """Have the parameters that nobody has set be the model's defaults, as far as it is known and names any."""
        # One message: no view shows a model with the defaults of another.
        with self._showing, self.hold_sync():
            schema = self.session.known_schema(self.model)
            for name, usual in (defaults(schema) if schema else {}).items():
                if name in self._following and self._takes(name, usual):
                    self.traits()[name].follow(self, usual)
            self._form = self._default_form()

    def _agree_on_seed(self, changed: str) -> None:
        if changed == "seed" and (self.seed is None) != (self.seed_mode == "random"):
            self.seed_mode = "random" if self.seed is None else "fixed"
        elif self.seed_mode == "random":
            self.seed = None
        elif self.seed is None:
            self.seed = self._drawn if self._drawn is not None else self._pressing.draw(self.model, 1)[0] or 0

    @traitlets.observe("references")
    def _references_changed(self, change: Any) -> None:
        with self._showing:
            if change["new"] != self._tray.sources:
                self._tray.replace(change["new"])
        self._set_up_changed()

    @traitlets.observe("aliases", "keep_metadata")
    def _names_or_metadata_changed(self, _change: Any) -> None:
        with self._showing:
            self._tray.call(self.aliases)
            self._tray.keep_metadata = self.keep_metadata
            self._form, self._tiles = self._default_form(), self._default_tiles()
            self._tell_references()
        self._intake.send_ahead()
        self._set_up_changed()

    def _tray_changed(self) -> None:
        with self._showing:
            self.aliases = self._tray.aliases
            with self.hold_sync():  # one message: tiles and their order belong together
                self._form, self._tiles = self._default_form(), self._default_tiles()
            self._tell_references()
        self._intake.send_ahead()
        self._set_up_changed()

    def _tell_references(self) -> None:
        """Have `references` say which images are here."""
        with self._showing:
            Setup.references.tell(self, self._tray.sources)

    def _show_only(self, images: tuple[Any, ...]) -> None:
        """Take off what is no image that is here, where somebody gives just those that are: they are `references` already."""
        with self._showing:
            here = self._tray.sources
            if images == here and len(here) < len(self._tray.tiles):
                self._tray.replace(images)

    def _set_up_changed(self, *, work: bool = True) -> None:
        """Say so to all whom it concerns; `work` is False for what nobody did."""
        wanted = self._wanted(missing=True)
        self._live.ask(wanted.references, model=wanted.model, **wanted.values)
        if work:
            self._draft.changed()
        self._later()

    def _read_desk(self) -> dict[str, Any]:
        settings = {name: getattr(self, name) for name in (*SETTINGS, "aliases")}
        tiles = [tile.id for tile in self._tray.tiles]
        return {
            **settings,
            "references": self._tray.kept,
            "tiles": tiles,
            "following": list(self._following),
        }

    def _write_desk(self, values: Mapping[str, Any]) -> str:
        """Set some of what `_read_desk` gives; what cannot be set is left as it is, and named in the words that are returned."""
        left: list[str] = []
        # Of most settings None says nothing.
        said = {name for name, value in values.items() if value is not None or name in ("seed", "parent")}
        with self._showing, self.hold_sync():
            for name in ("references", *SETTINGS):
                try:
                    if name in said and name == "references":
                        self._write_tray(values)
                    elif name in said:
                        self._write_setting(name, values[name])
                except HappyHorseError:
                    left.append(name)
            if "following" in values:  # else what was set is set, wherever that came from
                self._following = still_following(values["following"])
                self._follow()
        return f"Left as it was, for it cannot be set: {', '.join(left)}." if left else ""

    def _write_tray(self, values: Mapping[str, Any]) -> None:
        # What was taken off a moment ago is put back as the very tiles; what comes from elsewhere is images.
        if "tiles" in values:
            self._tray.arrange(values["tiles"])
            self.aliases = values["aliases"]
        else:
            self._tray.replace(values["references"])

    def _write_setting(self, name: str, value: Any) -> None:
        if name != "model" or not isinstance(value, str) or self.session.known_schema(value) is not None:
            self._set(name, value)
            return
        chosen = self._choose(value)
        chosen.add_done_callback(partial(self._say_of_model, self._choices))

    def _say_of_model(self, choice: int, chosen: Future[None]) -> None:
        error = None if chosen.cancelled() else chosen.exception()
        if isinstance(error, HappyHorseError) and choice == self._choices:
            self._filler.add(f"The model is left as it was: {error}")

    def _choose(self, model: str) -> Future[None]:
        """Choose a model that nothing may be known of yet, unless another is chosen meanwhile; fails where it cannot be used."""
        self._choices += 1
        return self.session.run(self._use(model, self._choices))

    async def _use(self, model: str, choice: int) -> None:
        await asyncio.to_thread(self._take, await self._models.usable(model), choice)

    def _take(self, model: str, choice: int) -> None:
        with self._showing:
            if choice == self._choices:
                self._set("model", model)

    def _set(self, name: str, value: Any) -> None:
        try:
            setattr(self, name, value)
        except traitlets.TraitError as error:
            raise InvalidRequest(str(error)) from None

    def _takes(self, name: str, value: Any) -> bool:
        """Whether a setting can have this value, as far as it can be said without asking."""
        trait: Any = self.traits()[name]
        try:
            return (value is None and trait.allow_none) or trait.validate(self, value) is not None
        except (traitlets.TraitError, HappyHorseError):
            return False

    def _go_on(self) -> None:
        values, text = self._draft.take_up()
        if values:
            self._filler.fill(values, text)

    # -- from what is set up to clips --------------------------------------------------------------------------------

    def _wanted(
        self,
        values: Mapping[str, Any] | None = None,
        tiles: Sequence[str] | None = None,
        *,
        missing: bool = False,
    ) -> Wanted:
        """What a press asks for: of what is set up, or of what a view shows.

        Raises `InvalidRequest` where an image is not here; with `missing` it is left out, and the others are no longer in their
        places: that is only for what is not sent.
        """
        given = {name: getattr(self, name) for name in SETTINGS} if values is None else values
        seed, variations, parent = given.get("seed"), given.get("variations", 1), given.get("parent")
        for name, value in (("seed", seed), ("variations", variations)):
            if value is not None and type(value) is not int:
                raise InvalidRequest(f"{name} is {value!r}; it must be a whole number.")
        model = str(given.get("model") or self.model)
        shown = given.get("aliases")
        aliases = {str(k): str(name) for k, name in shown.items()} if isinstance(shown, dict) else None
        keep = given.get("keep_metadata")
        order = [tile.id for tile in self._tray.tiles] if tiles is None else tiles
        return Wanted(
            prompt=str(given.get("prompt") or ""),
            references=self._tray.sources
            if missing
            else self._tray.chosen(order, aliases, keep if isinstance(keep, bool) else None),
            model=model,
            values={name: given.get(name) for name in self._known(model) if name != "seed"},
            seed=seed,
            variations=variations,
            parent=parent if isinstance(parent, str) else None,
        )

    def _known(self, model: str) -> list[str]:
        """The parameters that this model has."""
        schema = self.session.known_schema(model) or self.session.schema(model)
        return [field.name for field in settable(schema) if field.name in PARAMETERS]

    def _requests(self, wanted: Wanted) -> list[Request]:
        if reason := too_many(wanted.variations):
            raise InvalidRequest(reason)
        kept = (
            Reference.of(item) if isinstance(item, ReferenceImage) else item for item in wanted.references
        )
        one = partial(Request, wanted.prompt, tuple(kept), wanted.model, **wanted.values)
        first = wanted.seed
        return [one(seed=None if first is None else first + number) for number in range(wanted.variations)]
