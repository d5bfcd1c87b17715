"""Getting a session: from arguments, the environment, or nothing at all."""

from __future__ import annotations

import os
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.api.config import Endpoint, find_credentials, resolve_base_url
from happyhorse_widgets.api.params import HAPPY_HORSE
from happyhorse_widgets.errors import ConfigurationError
from happyhorse_widgets.library.files import Home

from .budgeted import checked_budget
from .connection import account_name
from .local import LocalSandbox
from .loop import at_exit
from .session import Session
from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from happyhorse_widgets.api.config import Credentials

    from .clip import Clip
    from .request import ReferenceSource

_lock = threading.RLock()
_open: dict[tuple[Path, str, str], Session] = {}
_default: Session | None = None


def connect(
    api_key: str | None = None,
    api_secret: str | None = None,
    *,
    base_url: str | None = None,
    project: str | None = None,
    model: str | None = None,
    home: str | os.PathLike[str] | None = None,
    budget: float | None = None,
    sandbox: bool | None = None,
    settings: Settings | None = None,
) -> Session:
    """Open a session and make it the default one.

    A cell with `connect` can be run again: for the same home, address and project it gives the same session with the new budget
    and model, or, with other keys or settings, one that takes over its clips.

    - `api_key`, `api_secret`: default `SCENARIO_SDK_API_KEY` and `SCENARIO_SDK_API_SECRET`, then the keyring (with the `keyring`
      extra). With none of them clips are simulated by the sandbox.
    - `base_url`: default `SCENARIO_BASE_URL`, then Scenario's own; `project`: a Scenario project id
    - `model`: the model that `generate` uses unless told otherwise; default Happy Horse 1.0
    - `home`: where clips, images and the journal live; default `HAPPYHORSE_HOME`, then `./happyhorse`
    - `budget`: creative units that this home may spend in all, on this account and project, in this kernel and the next; a clip
      that would pass it is refused before it is sent. None: no limit
    - `sandbox`: True simulates even where there is a key, False refuses to
    - `settings`: the protocol's waiting times

    Raises `ConfigurationError` for half a key pair, an address that keys may not be sent to, or `sandbox=False` without keys;
    `LibraryError` where the home cannot be used.
    """
    global _default  # noqa: PLW0603 (the default session is the process's)
    try:
        credentials = None if sandbox else find_credentials(api_key, api_secret)
    finally:
        del api_key, api_secret  # a verbose traceback prints the arguments of this frame
    budget = checked_budget(budget)
    settings = settings or Settings()
    folder = Home(Path(home or os.getenv("HAPPYHORSE_HOME") or "happyhorse"))
    target = _target(credentials, base_url, project, sandbox, folder, settings)
    with _lock:
        _default = _session(target, folder, project, settings, model or HAPPY_HORSE, budget)
        if credentials is None and sandbox is None:
            print(
                "happyhorse_widgets: no API key found, so clips are simulated by the local sandbox, free of charge, and "
                "say so on every frame."
            )
        return _default


def _session(
    target: Endpoint | LocalSandbox,
    home: Home,
    project: str | None,
    settings: Settings,
    model: str,
    budget: float | None,
) -> Session:
    key = (home.root.resolve(), account_name(target), project or "")
    session = _open.get(key)
    if session is not None and session.open:
        if session.serves(target, settings):
            session.model, session.budget = model, budget
            return session
        session.close(heir=True)
    try:
        _open[key] = Session(
            target, home=home, project=project, model=model, budget=budget, settings=settings, heir_of=session
        )
    except BaseException:
        if session is not None:
            session.close()  # there is no heir: whoever waits is told
        raise
    return _open[key]


def default_session() -> Session:
    """The session of the last `connect`, or one made from the environment."""
    with _lock:
        if _default is None or not _default.open:
            return connect()
        return _default


def generate(
    prompt: str,
    references: Iterable[ReferenceSource],
    *,
    aspect_ratio: str = "16:9",
    resolution: str = "1080P",
    duration: int = 5,
    seed: int | None = None,
    model: str | None = None,
    session: Session | None = None,
    keep_metadata: bool = False,
    **unknown: Any,
) -> Clip:
    """Make a clip from a prompt and reference images; returns at once.

    - `prompt`: what happens, naming the subjects character1 … character9 in the order of the images; up to 2,500 characters
    - `references`: 1 to 9 of path, http(s) address, bytes, PIL image, numpy array, Scenario asset id; JPEG, PNG or WEBP of at
      most 10 MB each, with more than 200 pixels on the shortest side, better 400. A mapping, `{"Fox": "fox.png", "Ada": ada}`,
      gives them names of your own for the prompt: "Fox waves at Ada"; what has none is called as the model does,
      `{"Fox": "fox.png", "character2": ada}`
    - `aspect_ratio`: 16:9, 9:16, 1:1, 4:3 or 3:4; Happy Horse 1.1 adds 4:5, 5:4, 9:21 and 21:9
    - `resolution`: 720P or 1080P; `duration`: whole seconds, 3 to 15
    - `seed`: 0 to 2147483647; the same one helps to get a similar clip. None: the model's choice
    - `model`: a Scenario model id; `session`: default the one of the last `connect`. Other inputs of a model are given by their
      Python names (`guidance_scale=7`), and `fields` says what it calls those that have another name here:
      `{"references": "image", "aspect_ratio": "ratio"}`
    - `keep_metadata`: send image files as they are. By default what they say beside their picture (place, time, camera,
      comments) is taken out, and a photo that is marked as lying on its side is turned upright

    The clip is written down before this returns: a kernel that stops loses nothing. In a notebook a bare `clip` shows a live
    card; await it, or call its `wait()`, for the file. What is only advised against is a Python warning.

    Raises `InvalidRequest` (all problems at once) before anything is uploaded or paid, and `LibraryError` where the clip
    cannot be written down.
    """
    values: dict[str, Any] = {
        "aspect_ratio": aspect_ratio,
        "resolution": resolution,
        "duration": duration,
        "seed": seed,
        "keep_metadata": keep_metadata,
    }
    clip = (session or default_session()).submit(prompt, references, model=model, **values, **unknown)
    for line in clip.warnings:
        warnings.warn(line, stacklevel=2)
    return clip


def _target(
    credentials: Credentials | None,
    base_url: str | None,
    project: str | None,
    sandbox: bool | None,
    home: Home,
    settings: Settings,
) -> Endpoint | LocalSandbox:
    if credentials is not None:
        return Endpoint(resolve_base_url(base_url), project, credentials)
    if sandbox is False:
        raise ConfigurationError(
            "There is no API key. Set SCENARIO_SDK_API_KEY and SCENARIO_SDK_API_SECRET, give api_key= and api_secret=, or "
            "leave out sandbox=False to simulate."
        )
    if base_url is not None:
        raise ConfigurationError(
            "A base_url was given without a key for it: give api_key= and api_secret= too."
        )
    return LocalSandbox(home.root, speed=settings.sandbox_speed, scale=settings.sandbox_scale)


def _close_all() -> None:
    for session in _open.values():
        session.close()


def _forget() -> None:
    # A forked child has the sessions in its memory, but not their threads. They stay there untouched: to collect them would
    # close files of the parent's.
    global _lock, _open, _default
    _inherited.append(_open)
    _lock, _open, _default = threading.RLock(), {}, None


_inherited: list[dict[tuple[Path, str, str], Session]] = []
at_exit(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
