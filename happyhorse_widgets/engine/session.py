"""A session: one account and project, one home, and everything that is done there."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import re
import secrets
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.api.params import HAPPY_HORSE
from happyhorse_widgets.errors import InvalidRequest, LibraryError
from happyhorse_widgets.library.database import Database
from happyhorse_widgets.library.journal import StaleTransition

from .asking import Asked, ask
from .budgeted import Budgeted
from .connection import Connection
from .engine import CLOSED, Engine
from .holdings import Holdings
from .lineage import REUSED, VARIED, relation_between
from .rehearsals import Rehearsals
from .request import Request
from .roster import Roster
from .settings import Settings
from .states import NEVER_SENT, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from happyhorse_widgets.api.config import Endpoint
    from happyhorse_widgets.library.clips import ClipRecord
    from happyhorse_widgets.library.files import Home

    from .clip import Clip
    from .local import LocalSandbox
    from .request import ReferenceSource


_CLIP_ID = re.compile("clip_[A-Za-z0-9]{1,60}")


class Session(Budgeted, Rehearsals, Holdings):
    """Makes clips, and keeps them. Get one from `connect`; without it the first use makes a default one.

    `budget` (creative units; None, no limit) may be changed at any time; so may `model`, the default of `generate`.
    """

    def __init__(
        self,
        target: Endpoint | LocalSandbox,
        *,
        home: Home,
        project: str | None = None,
        model: str | None = None,
        budget: float | None = None,
        settings: Settings | None = None,
        heir_of: Session | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.model = model or HAPPY_HORSE
        super().__init__(budget)
        self.home: Path = home.root
        self._project = project or ""
        self._roster: Roster = Roster() if heir_of is None else heir_of._roster
        self._database = Database(home.database)
        try:
            self._engine = Engine(
                Connection(target, self.settings),
                self._database,
                home,
                self._project,
                self.settings,
                self._roster,
                self,
                budget=lambda: self.budget,
            )
        except BaseException:
            self._database.close()
            raise
        self._records = self._engine.records
        try:
            self._spent_before = self.spent
            for clip in self._roster.in_hand():  # of the session that this one takes over from
                clip.keeper, clip.halted = self, None
                clip.take(self._records.get(clip.id) or clip.record)
                self._halt_if_foreign(clip)
                if not clip.is_over:
                    self._roster.changed(clip)  # its card said that the session was closed
            self.resume()
        except BaseException:
            self.close()
            raise

    # -- making clips ------------------------------------------------------------------------------------------------

    def generate(
        self,
        prompt: str,
        references: Iterable[ReferenceSource],
        *,
        aspect_ratio: str = "16:9",
        resolution: str = "1080P",
        duration: int = 5,
        seed: int | None = None,
        model: str | None = None,
        keep_metadata: bool = False,
        **unknown: Any,
    ) -> Clip:
        """Make a clip; returns at once. See `happyhorse_widgets.generate`, which does this in the default session."""
        values: dict[str, Any] = {
            "aspect_ratio": aspect_ratio,
            "resolution": resolution,
            "duration": duration,
            "seed": seed,
            "keep_metadata": keep_metadata,
        }
        clip = self.submit(prompt, references, model=model, **values, **unknown)
        for line in clip.warnings:
            warnings.warn(line, stacklevel=2)
        return clip

    def submit(
        self,
        prompt: str,
        references: Iterable[ReferenceSource],
        *,
        model: str | None = None,
        keep_metadata: bool = False,
        parent: str | None = None,
        relation: str = "",
        fields: Mapping[str, str] | None = None,
        clip_id: str | None = None,
        **values: Any,
    ) -> Clip:
        """What `generate` does, for callers that show `clip.warnings` in their own way.

        The clip is in the journal and its images are in the home when this returns. `parent` is the local id of the clip whose
        settings it was made from; `relation` says how: "reused" (with a change) or "varied" (only the seed), "" leaves it to a
        comparison of the two. `fields` are what the model calls the inputs that have another name here (see `Request`).

        `clip_id` is an id chosen before ("clip_" and letters, digits). A clip that has it already, of the same request, is given
        instead of a new one, so that to ask twice, in whatever kernel, pays once. Raises `InvalidRequest` where it is another's.
        """
        self._check_open()
        asked = self._asked(prompt, references, model, values, keep_metadata=keep_metadata, fields=fields)
        if clip_id is not None:
            return self._enter_all({clip_id: asked})[0]
        relation = "" if parent is None else self._relation(asked.request, parent, relation)
        return self._enter(asked, parent=parent, relation=relation)

    def submit_all(self, requests: Mapping[str, Request]) -> list[Clip]:
        """A clip of each request under the id before it, as `submit` does with a `clip_id`. All are written down, or none."""
        self._check_open()
        return self._enter_all(
            {
                clip_id: self._asked(
                    request.prompt, request.references, request.model, _given(request), fields=request.fields
                )
                for clip_id, request in requests.items()
            }
        )

    def _asked(
        self,
        prompt: str,
        references: Iterable[ReferenceSource],
        model: str | None,
        values: Mapping[str, Any],
        *,
        keep_metadata: bool = False,
        fields: Mapping[str, str] | None = None,
    ) -> Asked:
        """What was asked, checked, with its images in the home."""
        has = self._engine.uploads.has
        asked = ask(
            self.schema(model),
            prompt,
            references,
            values,
            has=has,
            keep_metadata=keep_metadata,
            fields=fields,
        )
        for image in asked.images:
            self._engine.uploads.keep(image)
        return asked

    def _relation(self, request: Request, parent: str, relation: str) -> str:
        source = self._records.get(parent)
        if source is None or relation not in ("", REUSED, VARIED):
            raise InvalidRequest(
                f"A clip cannot be {relation or 'made'!r} from {parent!r}: parent is the id of a clip in this library, relation "
                f"{REUSED!r} or {VARIED!r}."
            )
        return relation or relation_between(request, Request.from_dict(source.request))

    def remake(self, clip: Clip, changes: dict[str, Any]) -> Clip:
        """Ask for the same with changes; see `Clip.remake`."""
        request = clip.request
        kept = {"references": request.references, "model": request.model, "fields": request.fields}
        values = _given(request) | kept | changes
        return self.submit(parent=clip.id, **{"prompt": request.prompt, **values})

    def submit_again(self, clip: Clip) -> Clip:
        """Ask for the same once more, as a new clip, which is paid like any other.

        For a clip that waits for its person, to ask twice gives the same new clip. Raises `InvalidRequest` while the clip is on
        its way, or where a reference image is not in the library any more.
        """
        if not clip.is_over:
            raise InvalidRequest(
                f"Clip {clip.id} is on its way ({clip.state}): wait for it, or generate another one."
            )
        request = clip.request
        self._check_open()
        asked = ask(
            self.schema(request.model),
            request.prompt,
            request.references,
            _given(request),
            has=self._engine.uploads.has,
            fields=request.fields,
        )
        try:
            new = self._enter(
                asked,
                instead_of=clip.id if clip.state is State.NEEDS_USER else None,
                parent=clip.record.parent,
                relation=clip.record.relation,
            )
        except StaleTransition:
            self._reread(clip)
            raise InvalidRequest(
                f"Clip {clip.id} has gone on meanwhile: somebody had another look, or it was found. See what becomes of it first."
            ) from None
        self._reread(clip)  # which names its successor now
        return new

    def _reread(self, clip: Clip) -> None:
        with contextlib.suppress(LibraryError):  # it is heard of a moment later
            if (latest := self._records.get(clip.id)) is not None:
                clip.take(latest)
                self._roster.changed(clip)

    def _check_open(self) -> None:
        if not self.open:
            raise LibraryError(CLOSED)
        if self._engine.tenure.require():
            self.resume()

    def _enter(
        self, asked: Asked, *, instead_of: str | None = None, parent: str | None, relation: str
    ) -> Clip:
        def create(clip_id: str) -> Future[ClipRecord]:
            return self._engine.journal.create(
                clip_id,
                **self._about(asked.request),
                instead_of=instead_of,
                waiting=State.NEEDS_USER,
                forgone=NEVER_SENT,
                parent=parent,
                relation=relation,
            )

        return self._engine.enter(f"clip_{secrets.token_hex(6)}", create, asked.warnings)

    def _enter_all(self, asked: Mapping[str, Asked]) -> list[Clip]:
        journal = self._engine.journal
        for clip_id in asked:
            if not _CLIP_ID.fullmatch(clip_id):
                raise InvalidRequest(
                    f"{clip_id!r:.60} is no clip's id: clip_ and up to 60 letters and digits."
                )
        entries = [
            journal.entry(clip_id, **self._about(each.request), once=True) for clip_id, each in asked.items()
        ]
        clips = self._engine.enter_all(
            lambda: journal.create_all(entries), [each.warnings for each in asked.values()]
        )
        for clip in clips:
            account = (clip.record.endpoint, clip.record.project)
            if account != self.account or clip.request.content() != asked[clip.id].request.content():
                raise InvalidRequest(
                    f"There is a clip {clip.id} already, of another request: choose another id."
                )
        return clips

    def _about(self, request: Request) -> dict[str, Any]:
        """What the journal keeps of a new clip of this request, whoever it comes from."""
        return {
            "state": State.DRAFT,
            "endpoint": self._engine.connection.name,
            "project": self._project,
            "sandbox": self.sandbox,
            "model": request.model,
            "request": request.to_dict(),
            "versions": _versions(),
            "budget": self.budget,
        }

    # -- living ------------------------------------------------------------------------------------------------------

    def resume(self) -> list[Clip]:
        """Go on with every clip that is not at rest; happens by itself when a session begins. Returns those clips."""
        return self._engine.resume()

    def act(self, clip: Clip, action: str) -> Future[str]:
        """Carry out "cancel", "look", "detach" or "watch"; resolves to a sentence that says what happened."""
        if action == "cancel":
            return self.run(self._engine.cancel(clip))
        if action == "look":
            return self.run(self._engine.look_again(clip))
        return self.run(self._watched(clip, action == "watch"))

    async def _watched(self, clip: Clip, watched: bool) -> str:
        clip.detached = not watched
        self._roster.changed(clip)
        if watched:
            return "This clip is watched again."
        if clip.is_over:
            goes_on = f"There is nothing that goes on: it is {clip.state}."
        elif clip.job_id is not None:
            goes_on = "Its job goes on, and its file will be in the library."
        elif clip.can_withdraw:
            goes_on = "It is sent all the same, and its file will be in the library."
        else:
            goes_on = (
                "It is not known yet whether its job was taken; if it was, its file will be in the library."
            )
        return f"Nobody watches this clip any more. {goes_on}"

    def serves(self, target: Endpoint | LocalSandbox, settings: Settings) -> bool:
        """Whether this session leads there already, with the same keys and settings."""
        return self.settings == settings and self._engine.connection.leads_to(target)

    def close(self, *, heir: bool = False) -> None:
        """Stop: answers under way are waited for, the rest goes on when a session is opened on this home again.

        Those who wait for a clip get a `LibraryError`, which its card shows; with `heir` they go on waiting, for a session that
        takes the clips over.
        """
        if self.open:
            self._engine.close()
            self._database.close()
        if not heir:
            for clip in self._roster.in_hand():
                if clip.keeper is self:
                    clip.halt(LibraryError(CLOSED))
                    if not clip.is_over:
                        self._roster.changed(clip)

    def _clip(self, record: ClipRecord) -> Clip:
        clip = self._roster.clip(record, self, self._records.get)
        self._halt_if_foreign(clip)
        return clip

    def _halt_if_foreign(self, clip: Clip) -> None:
        account = (clip.record.endpoint, clip.record.project)
        if not clip.is_over and account != self.account:
            where = f"{account[0]}, project {account[1]}" if account[1] else account[0]
            clip.halt(
                LibraryError(
                    f"Clip {clip.id} was made with another account ({where}), and goes on in a session of that."
                )
            )

    def __repr__(self) -> str:
        where = "sandbox" if self.sandbox else self._engine.connection.name
        return f"<Session {where} home={str(self.home)!r} model={self.model!r}>"


def _given(request: Request) -> dict[str, Any]:
    """The parameters that were given, by their Python names, without prompt, references and model."""
    return {name: value for name, value in request.values().items() if name != "prompt" and value is not None}


@cache
def _versions() -> dict[str, str]:
    return {
        "happyhorse_widgets": importlib.metadata.version("happyhorse_widgets"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
