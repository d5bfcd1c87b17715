"""Where Scenario is and who asks: keys from arguments, environment or keyring, and the base URL.

The two secrets live in closures only: no attribute, `repr`, `vars` or pickle of anything here shows them.
"""

from __future__ import annotations

import base64
import importlib.util
import ipaddress
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import SplitResult, urlsplit

from happyhorse_widgets.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEFAULT_BASE_URL = "https://api.cloud.scenario.com/v1"
KEY_VARIABLE = "SCENARIO_SDK_API_KEY"
SECRET_VARIABLE = "SCENARIO_SDK_API_SECRET"  # noqa: S105 - the variable's name
BASE_URL_VARIABLE = "SCENARIO_BASE_URL"
KEYRING_SERVICE = "happyhorse_widgets"
"""In the keyring, the user names `api_key` and `api_secret` under this service hold the pair."""
KEYRING_SECONDS = 3.0
_SHORTEST_SECRET = 8  # a shorter one is a placeholder, and to cut it out would garble every answer
_PIECE = 6


class Credentials:
    """One key pair, for HTTP Basic. Nothing but `authorization()` gives it out again.

    White space around either part is dropped. Raises ConfigurationError when one is empty or cannot be sent.
    """

    __slots__ = ("authorization", "redact", "redact_answer")

    authorization: Callable[[], str]
    """The value of the Authorization header."""
    redact: Callable[[str], str]
    """The text with the key, the secret, their encoded form and every piece of six characters replaced by `[secret]`."""
    redact_answer: Callable[[bytes], bytes]
    """The bytes of an answer with the whole key, secret and encoded form replaced: an id that shares a piece stays."""

    def __init__(self, key: str, secret: str) -> None:
        problem = _pair_problem(key, secret)
        if problem:
            del key, secret  # a verbose traceback prints the locals of this frame
            raise ConfigurationError(problem)
        key, secret = key.strip(), secret.strip()
        token = base64.b64encode(f"{key}:{secret}".encode()).decode("ascii")
        wholes = [part for part in (token, secret, key) if len(part) >= _SHORTEST_SECRET]
        pieces = frozenset(part[at : at + _PIECE] for part in wholes for at in range(len(part) - _PIECE + 1))
        # Some servers write a slash in JSON with a backslash before it.
        forms = [form.encode() for part in wholes for form in (part, part.replace("/", r"\/"))]

        def redact_answer(data: bytes) -> bytes:
            for form in forms:
                data = data.replace(form, b"[secret]")
            return data

        self.authorization = lambda: f"Basic {token}"
        self.redact = lambda text: _without(pieces, text)
        self.redact_answer = redact_answer

    def __repr__(self) -> str:
        return "Credentials(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "credentials cannot be pickled or copied: they stay in the process that was given them"
        )


def _pair_problem(key: str, secret: str) -> str:
    if not isinstance(key, str) or not isinstance(secret, str):
        return "The API key and secret are texts. Give each as a str."
    if not key.strip() or not secret.strip():
        missing = "key" if not key.strip() else "secret"
        return f"The API {missing} is empty. Scenario needs a key and its secret: give both, or neither."
    if ":" in key:
        return "The API key contains a colon, which no key does: was it pasted together with its secret?"
    if not (key.strip() + secret.strip()).isprintable():
        return "The API key or secret contains a line break or another unprintable character: paste it again."
    return ""


def _without(pieces: frozenset[str], text: str) -> str:
    """`text` with every run that is made of `pieces`, which overlap, replaced by `[secret]`."""
    kept, done, at = [], 0, 0
    while at <= len(text) - _PIECE:
        if text[at : at + _PIECE] not in pieces:
            at += 1
            continue
        end = at + _PIECE
        while text[end - _PIECE + 1 : end + 1] in pieces:
            end += 1
        kept += [text[done:at], "[secret]"]
        done = at = end
    return "".join([*kept, text[done:]])


@dataclass(frozen=True)
class Endpoint:
    """One Scenario project as one user sees it.

    `base_url` must be https, or http on this machine (the sandbox).
    """

    base_url: str
    project: str | None
    credentials: Credentials = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", check_base_url(self.base_url))


def resolve_base_url(base_url: str | None = None) -> str:
    """The base URL given, else that of SCENARIO_BASE_URL, else Scenario's own; checked.

    Raises ConfigurationError.
    """
    return check_base_url(base_url or os.getenv(BASE_URL_VARIABLE) or DEFAULT_BASE_URL)


def check_base_url(base_url: str) -> str:
    """`base_url` without a slash at its end.

    Raises ConfigurationError when credentials may not be sent to it.
    """
    parts = _split(base_url)
    if (
        parts is None
        or parts.username is not None
        or parts.password is not None
        or parts.query
        or parts.fragment
    ):
        del base_url, parts  # may hold a password
        raise ConfigurationError(
            f"The base URL cannot be used: it must look like {DEFAULT_BASE_URL}, without a user name, a query"
            " or a #."
        )
    if not may_connect(base_url):
        raise ConfigurationError(
            f"The base URL must begin with https://, but {parts.scheme}://{parts.hostname} was given: over"
            " anything else the API key could be read on its way. Plain http is accepted for this machine only"
            " (127.0.0.1)."
        )
    return base_url.rstrip("/")


def may_connect(url: str) -> bool:
    """Whether this package talks to `url`: https anywhere, http on this machine's loopback only."""
    parts = _split(url)
    if parts is None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError for a port that is none
    except ValueError:
        return None
    return parts if parts.scheme and parts.hostname and url.isprintable() and " " not in url else None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def find_credentials(api_key: str | None = None, api_secret: str | None = None) -> Credentials | None:
    """The key pair given, else the environment's, else the keyring's (if `keyring` is installed), else None.

    The sources are never mixed. Raises ConfigurationError when a source has one part without the other.
    """
    problem = ""
    for key, secret in _pairs(api_key, api_secret):
        if key and secret:
            try:
                return Credentials(key, secret)
            except ConfigurationError as error:
                problem = str(error)
        elif key or secret:
            problem = (
                f"The API {'secret' if key else 'key'} is missing. Scenario needs a key and its secret: give"
                f" both api_key= and api_secret=, or set both {KEY_VARIABLE} and {SECRET_VARIABLE}, or give"
                " neither and use the sandbox."
            )
        if problem:
            del api_key, api_secret, key, secret  # a verbose traceback prints the locals of this frame
            raise ConfigurationError(problem)
    return None


def _pairs(api_key: str | None, api_secret: str | None) -> Iterator[tuple[str | None, str | None]]:
    yield api_key, api_secret
    yield os.getenv(KEY_VARIABLE), os.getenv(SECRET_VARIABLE)
    yield _from_keyring()


def _from_keyring() -> tuple[str | None, str | None]:
    """The pair in the keyring; nothing when it does not answer in time (a locked one asks on some other screen)."""
    if importlib.util.find_spec("keyring") is None:
        return None, None
    found: list[str | None] = []

    def ask() -> None:
        try:
            import keyring

            found.extend([keyring.get_password(KEYRING_SERVICE, name) for name in ("api_key", "api_secret")])
        except Exception:  # noqa: BLE001, S110 - back ends raise what they like; a broken keyring has no keys
            pass

    thread = threading.Thread(target=ask, name="happyhorse-keyring", daemon=True)
    thread.start()
    thread.join(KEYRING_SECONDS)
    return (found[0], found[1]) if len(found) == 2 else (None, None)
