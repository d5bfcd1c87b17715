"""What a card shows of a clip, in a person's words, and what it asks for while it is shown.

The Studio and a single clip's output show the same cards: both send `card_state` to the browser and answer its
requests with `serve_clips`.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.engine.code import LANGUAGES
from happyhorse_widgets.engine.loop import engine_loop
from happyhorse_widgets.engine.states import State
from happyhorse_widgets.errors import HappyHorseError, InvalidRequest, LibraryError
from happyhorse_widgets.media.images import load_image

from .once import Once
from .playable import file_of, have
from .rpc import Buffers, Content, Dispatcher, Kind, Reply
from .served import served_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from happyhorse_widgets.engine.clip import Clip
    from happyhorse_widgets.engine.lineage import Origin
    from happyhorse_widgets.engine.request import Reference

#: The most bytes that one answer carries: Jupyter's websocket and Colab's stay responsive at this size.
CHUNK = 1 << 20
#: What a number of bytes must be below: JavaScript counts no further, and no file is so large.
_BEYOND = 2**53
_THUMBNAIL = 96
#: How many of a clip's descendants a card names, and how many letters of a prompt it takes to know one again.
_RELATIVES, _WORDS = 9, 60

#: Of each state: the phase, which chooses the card's look, and the heading.
PHASES: dict[State, tuple[str, str]] = {
    State.DRAFT: ("busy", "Preparing"),
    State.UPLOADING: ("busy", "Uploading"),
    State.INTENT: ("busy", "Waiting to be sent"),
    State.SENDING: ("busy", "Sending"),
    State.SUBMITTED: ("busy", "Queued"),
    State.RUNNING: ("busy", "Generating"),
    State.SUCCEEDED: ("busy", "Downloading"),
    State.DOWNLOADING: ("busy", "Downloading"),
    State.UNKNOWN: ("busy", "Looking for the job"),
    State.DONE: ("ready", "Ready"),
    State.NEEDS_USER: ("asking", "Needs a look"),
    State.REJECTED: ("failed", "Refused"),
    State.FAILED: ("failed", "Failed"),
    State.CANCELED: ("failed", "Canceled"),
    State.WITHDRAWN: ("stopped", "Withdrawn"),
}

#: The same of a clip that is on its way, but that nobody here drives on.
_HALTED = ("halted", "Not followed")

_NOTES = {
    State.UNKNOWN: "Scenario's answer was lost, so the list of jobs is searched before anything is sent again.",
}

_WITHOUT_FILE = (
    "Its file went with the trash. session.library.check() downloads it again where Scenario still has it, at no cost; "
    "to submit it again is paid."
)


def card_state(clip: Clip) -> dict[str, Any]:
    """Everything that a card shows of `clip`, small and whole: plain JSON types, no bytes, no secrets."""
    phase, heading = phase_of(clip)
    halted = clip.halted if phase == "halted" else None
    request, path = clip.request, clip.path
    deleted = clip.deleted_at is not None
    if deleted:
        phase, heading, path = "stopped", "Deleted", None
    return {
        "id": clip.id,
        "phase": phase,
        "heading": heading,
        "note": str(halted or clip.note)
        or (_WITHOUT_FILE if clip.is_done and path is None and not deleted else _NOTES.get(clip.state, "")),
        "progress": clip.progress,
        "started": clip.created_at,
        "ended": clip.finished_at,
        "sandbox": clip.sandbox,
        "prompt": request.prompt,
        "references": [reference.name for reference in request.references],
        "names": [reference.alias for reference in request.references],
        "parameters": parameters(clip),
        "ratio": request.aspect_ratio or "16:9",
        "expected": None if halted else clip.keeper.usual_seconds(request.model),
        "cost": clip.cost,
        "estimate": clip.estimate,
        "warnings": list(clip.warnings),
        "error": None if clip.error is None else {"message": str(clip.error), "hint": clip.error.hint},
        "actions": actions(clip),
        "detached": clip.detached and clip.job_id is not None,
        "video": None if path is None else _video(clip, path),
        "kept": True,
        "favourite": clip.favourite,
        "tags": list(clip.tags),
        "notes": clip.notes,
        "deletable": clip.is_over,
        "deleted": deleted,
        **_lineage(clip),
    }


def phase_of(clip: Clip) -> tuple[str, str]:
    """The clip's phase, which chooses how it looks, and its heading."""
    return PHASES[clip.state] if clip.is_over or clip.halted is None else _HALTED


def _lineage(clip: Clip) -> dict[str, Any]:
    """What the clip was made from, and some of what was made from it: of each the relation, the id and its first words."""
    made: list[Clip] = []
    with contextlib.suppress(LibraryError):  # the session was closed
        made = clip.descendants()
    return {
        "lineage": [_origin(clip, origin) for origin in clip.lineage],
        "made": [_relative(_relation(child, clip), child) for child in made[-_RELATIVES:]],
        "made_count": len(made),
    }


def _origin(clip: Clip, origin: Origin) -> dict[str, Any]:
    if origin.presence in ("here", "deleted"):
        with contextlib.suppress(KeyError, LibraryError):
            return _relative(origin.relation, clip.keeper.clip(origin.clip_id), origin.presence)
    return {"relation": origin.relation, "id": origin.clip_id, "words": "", "presence": origin.presence}


def _relation(child: Clip, parent: Clip) -> str:
    return next((each.relation for each in child.lineage if each.clip_id == parent.id), "")


def _relative(relation: str, clip: Clip, presence: str = "here") -> dict[str, Any]:
    words = clip.request.prompt
    short = words if len(words) <= _WORDS else f"{words[:_WORDS].rstrip()}…"
    return {"relation": relation, "id": clip.id, "words": short, "presence": presence}


def clip_ids(content: Content) -> list[str]:
    """The ids of clips in a message. Raises `InvalidRequest` where it has none."""
    ids = content.get("clips")
    if not isinstance(ids, list):
        raise InvalidRequest("The message names no clips.")
    return [str(clip_id) for clip_id in ids]


def parameters(clip: Clip) -> list[str]:
    """The parameters as short words, in the order of the Studio: ratio, resolution, length, seed, model."""
    request = clip.request
    seed = clip.seed_used if clip.seed_used is not None else request.seed
    words = [
        request.aspect_ratio,
        request.resolution,
        None if request.duration is None else f"{request.duration} s",
        None if seed is None else f"seed {seed}",
        model_name(request.model),
    ]
    return [word for word in words if word is not None]


def model_name(model_id: str) -> str:
    """A model's id as a person reads it: "model_alibaba-happy-horse-…-1.1" is "Happy Horse 1.1"."""
    if "happy-horse" not in model_id:
        return model_id
    version = re.search(r"-(\d+\.\d+)$", model_id)
    return f"Happy Horse {version[1] if version else '1.0'}"


def file_name(clip: Clip) -> str:
    """What the browser calls the file when it saves it: the first words of the prompt and the clip's id."""
    words = "-".join(re.findall(r"\w+", clip.request.prompt)[:6])
    return f"{words[:60] or 'clip'}-{clip.id[-6:]}.mp4"


def actions(clip: Clip) -> list[str]:
    """What a person can do with the clip in its state, the sensible thing first; actions.js has the words for each."""
    if clip.deleted_at is not None:
        return ["restore"]
    if clip.can_withdraw:
        return ["withdraw"]
    if clip.state is State.NEEDS_USER:
        # Also where it has a successor: asked again it gives that one, or a new one where that came to nothing.
        return ["look", "resubmit"]
    if clip.is_over:
        return [] if clip.path is not None else ["again"]
    if clip.job_id is None or clip.halted is not None:
        return []  # it is not known whether there is anything that goes on, or nobody here follows it
    watching = "watch" if clip.detached else "detach"
    return [watching, "cancel"] if clip.state in (State.SUBMITTED, State.RUNNING) else [watching]


def _video(clip: Clip, path: Path) -> dict[str, Any]:
    facts = clip.facts or {}
    return {
        "served": served_path(path),
        "size": facts.get("size"),
        "name": file_name(clip),
        "rate": facts.get("frame_rate"),
        "frames": facts.get("frames"),
        "sound": facts.get("audio_codec") is not None,
    }


def serve_clips(
    rpc: Dispatcher,
    find: Callable[[str], Clip],
    made: Callable[[Clip, Clip], None] | None = None,
    again: Callable[[Clip], Clip] | None = None,
) -> None:
    """Answer what cards ask. `find` gives the clip with an id, or raises KeyError; `made` is told of one and of that
    which was made in its place.

    `again` makes a new clip of the request of one that has ended without a video, where that is more than a clip of its own.
    """
    once = Once()

    def clip_of(content: Content) -> Clip:
        wanted = str(content.get("clip"))
        try:
            return find(wanted)
        except KeyError:
            raise InvalidRequest(f"There is no clip {wanted} in this library.") from None

    def images(content: Content, _buffers: Buffers) -> Future[Reply]:
        return engine_loop().run(asyncio.to_thread(_images, clip_of(content)))

    def chunk(content: Content, _buffers: Buffers) -> Future[Reply]:
        offset, length = content.get("offset"), content.get("length")
        path = file_of(clip_of(content), content.get("version"))
        return engine_loop().run(asyncio.to_thread(chunk_of, path, offset, length))

    def version(content: Content, _buffers: Buffers) -> Future[Any]:
        return engine_loop().run(have(clip_of(content), content.get("version")))

    def act(content: Content, _buffers: Buffers) -> Future[Reply]:
        clip, action = clip_of(content), content.get("action")
        return once.answer(content.get("press"), lambda: _act(clip, action, made, again))

    def code(content: Content, _buffers: Buffers) -> Content:
        clip = clip_of(content)
        return {"code": {language: clip.code(language) for language in LANGUAGES}}

    rpc.on(Kind.CLIP_IMAGES, images)
    rpc.on(Kind.CLIP_CODE, code)
    rpc.on(Kind.CLIP_CHUNK, chunk)
    rpc.on(Kind.CLIP_VERSION, version)
    rpc.on(Kind.CLIP_ACT, act)


def _images(clip: Clip) -> Reply:
    thumbnails = [_thumbnail(reference, clip.keeper.home) for reference in clip.request.references]
    return Reply(buffers=[*thumbnails, clip.poster_jpeg() or b""])


def _thumbnail(reference: Reference, home: Path) -> bytes:
    """A small still of the reference; nothing where its bytes are not in `home`, or cannot be read."""
    if reference.file is None:
        return b""
    try:
        return _thumbnail_of(home / reference.file)
    except HappyHorseError:
        return b""


@lru_cache(maxsize=256)
def _thumbnail_of(path: Path) -> bytes:
    return load_image(path, keep_metadata=True).thumbnail(_THUMBNAIL)


def chunk_of(path: Path, offset: Any, length: Any) -> Reply:
    """The answer to a view that asks for `length` bytes of a file from `offset`. Raises `InvalidRequest` or `LibraryError`."""
    numbers = isinstance(offset, int) and isinstance(length, int)
    if not (numbers and 0 <= offset < _BEYOND and 0 < length <= CHUNK):
        raise InvalidRequest(
            f"A chunk is 1 to {CHUNK} bytes from an offset of 0 or more, not {length!r:.40} from {offset!r:.40}."
        )
    if not path.exists():
        raise LibraryError(f"The file {path.name} is not there. Put it back, or make the clip again.")
    with path.open("rb") as file:
        file.seek(offset)
        return Reply(buffers=[file.read(length)])


async def _act(
    clip: Clip,
    action: Any,
    made: Callable[[Clip, Clip], None] | None,
    again: Callable[[Clip], Clip] | None,
) -> Reply:
    if action not in actions(clip):
        # The clip went on between the look at the card and the click; the card offers something else by now.
        late = (
            "Too late to withdraw: it has been sent."
            if action == "withdraw"
            else "The clip has gone on meanwhile."
        )
        return Reply({"said": late})
    if action in ("again", "resubmit"):
        anew = again if again is not None and action == "again" else type(clip).submit_again
        new = await asyncio.to_thread(anew, clip)
        if made is not None:
            made(clip, new)
        return Reply({"said": f"Submitted again, as {new.id}."})
    if action == "restore":
        await asyncio.to_thread(clip.restore)
        return Reply({"said": ""})
    said = await asyncio.wrap_future(clip.keeper.act(clip, "cancel" if action == "withdraw" else action))
    return Reply({"said": said})
