"""Keys and addresses: where they are looked for, what is refused, and that no secret shows."""

from __future__ import annotations

import base64
import copy
import dataclasses
import importlib.util
import pickle
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import keyring
import pytest
from keyring.backend import KeyringBackend

from happyhorse_widgets.api import config
from happyhorse_widgets.api.config import (
    DEFAULT_BASE_URL,
    Credentials,
    Endpoint,
    find_credentials,
    may_connect,
    resolve_base_url,
)
from happyhorse_widgets.errors import ConfigurationError

KEY, SECRET = "canary-key", "canary-secret"


class Keyring(KeyringBackend):
    """A keyring back end whose answers a test chooses."""

    priority = 1  # type: ignore[assignment]
    answer: ClassVar[Callable[[str], str | None]] = staticmethod(lambda _name: None)

    def get_password(self, service: str, username: str) -> str | None:
        assert service == config.KEYRING_SERVICE
        return type(self).answer(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def _no_keys_around(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (config.KEY_VARIABLE, config.SECRET_VARIABLE, config.BASE_URL_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    yield
    keyring.set_keyring(before)
    Keyring.answer = staticmethod(lambda _name: None)


def user_and_password(credentials: Credentials | None) -> str:
    assert credentials is not None
    scheme, _, token = credentials.authorization().partition(" ")
    assert scheme == "Basic"
    return base64.b64decode(token).decode()


def test_the_pair_becomes_a_basic_header() -> None:
    assert user_and_password(Credentials(f" {KEY}\n", SECRET)) == f"{KEY}:{SECRET}"


def test_no_secret_shows_in_credentials_or_endpoint() -> None:
    credentials = Credentials(KEY, SECRET)
    endpoint = Endpoint(DEFAULT_BASE_URL, "proj_1", credentials)
    token = credentials.authorization().split()[1]
    shown = " ".join(
        [repr(credentials), str(credentials), repr(endpoint), str(vars(endpoint)), str(dir(credentials))]
    )
    for name in Credentials.__slots__:
        shown += repr(getattr(credentials, name))
    assert not [part for part in (KEY, SECRET, token) if part in shown]
    assert not hasattr(credentials, "__dict__")


def test_credentials_cannot_be_pickled_or_copied() -> None:
    endpoint = Endpoint(DEFAULT_BASE_URL, None, Credentials(KEY, SECRET))
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="stay in the process"):
            attempt(endpoint.credentials)  # type: ignore[operator]
    with pytest.raises(TypeError, match="stay in the process"):
        dataclasses.asdict(endpoint)


def test_redact_takes_key_secret_and_token_out_of_a_text() -> None:
    credentials = Credentials(KEY, SECRET)
    echoed = f"no user {KEY} with {SECRET} ({credentials.authorization()})"
    assert credentials.redact(echoed) == "no user [secret] with [secret] (Basic [secret])"


def test_redact_finds_every_piece_of_six_characters_and_leaves_the_rest() -> None:
    redact = Credentials(KEY, SECRET).redact
    for part in (KEY[:6], KEY[3:12], SECRET[-6:]):
        assert redact(f"<{part}>") == "<[secret]>"
        assert redact(part) == "[secret]"
    assert redact(f"{KEY[:5]} and {SECRET[-5:]} say nothing") == f"{KEY[:5]} and {SECRET[-5:]} say nothing"
    assert redact("") == ""


def test_an_answer_loses_the_whole_key_in_whatever_spelling_and_keeps_an_id_that_shares_a_piece() -> None:
    secret = "s3Zx/Yp+QwEr5Ty"
    credentials = Credentials(KEY, secret)
    token = credentials.authorization().removeprefix("Basic ")
    for part in (KEY, secret, secret.replace("/", "\\/"), token):
        assert credentials.redact_answer(f'{{"error":"<{part}>"}}'.encode()) == b'{"error":"<[secret]>"}'
    kept = f'{{"jobId":"job_{KEY[:-1]}"}}'.encode()
    assert credentials.redact_answer(kept) == kept


@pytest.mark.parametrize("pair", [(b"key", b"secret"), (1, 2), (KEY, 7)])
def test_keys_are_texts(pair: Any) -> None:
    with pytest.raises(ConfigurationError, match="are texts"):
        Credentials(*pair)


def test_a_placeholder_is_not_cut_out_of_every_text() -> None:
    assert Credentials("k", "s").redact("asks for keys") == "asks for keys"


@pytest.mark.parametrize(
    ("key", "secret", "words"),
    [
        ("", SECRET, "key is empty"),
        (KEY, "  ", "secret is empty"),
        (f"{KEY}:{SECRET}", SECRET, "colon"),
        (KEY, f"{SECRET}\nx", "line break"),
    ],
)
def test_a_pair_that_cannot_work_is_refused_without_showing_it(key: str, secret: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        Credentials(key, secret)
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    ours = told.split("in __init__")[1]  # the frames after this test's own, which has the pair of course
    assert KEY not in ours
    assert SECRET not in ours


def test_nobody_has_keys() -> None:
    assert find_credentials() is None


def test_arguments_come_before_the_environment_and_the_environment_before_the_keyring(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Keyring.answer = staticmethod({"api_key": "k3", "api_secret": "s3"}.get)
    assert user_and_password(find_credentials()) == "k3:s3"
    monkeypatch.setenv(config.KEY_VARIABLE, "k2")
    monkeypatch.setenv(config.SECRET_VARIABLE, "s2")
    assert user_and_password(find_credentials()) == "k2:s2"
    assert user_and_password(find_credentials("k1", "s1")) == "k1:s1"


def test_half_a_pair_is_an_error_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="secret is missing"):
        find_credentials(api_key=KEY)
    with pytest.raises(ConfigurationError, match="key is missing"):
        find_credentials(api_secret=SECRET)
    Keyring.answer = staticmethod({"api_key": KEY}.get)
    with pytest.raises(ConfigurationError, match="secret is missing"):
        find_credentials()
    monkeypatch.setenv(config.SECRET_VARIABLE, SECRET)
    with pytest.raises(ConfigurationError, match=f"key is missing.*{config.KEY_VARIABLE}") as caught:
        find_credentials()
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert SECRET not in told.split("in find_credentials")[1]


def test_an_argument_is_not_completed_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(config.SECRET_VARIABLE, SECRET)
    monkeypatch.setenv(config.KEY_VARIABLE, KEY)
    with pytest.raises(ConfigurationError, match="secret is missing"):
        find_credentials(api_key="another")


def test_a_pair_found_that_cannot_work_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(config.KEY_VARIABLE, f"{KEY}:x")
    monkeypatch.setenv(config.SECRET_VARIABLE, SECRET)
    with pytest.raises(ConfigurationError, match="colon") as caught:
        find_credentials()
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    ours = told.rsplit("in find_credentials", 1)[1]
    assert KEY not in ours
    assert SECRET not in ours
    assert caught.value.__context__ is None


def test_without_the_keyring_package_there_is_no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    Keyring.answer = staticmethod({"api_key": "k", "api_secret": "s"}.get)
    assert find_credentials() is not None
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert find_credentials() is None


def test_a_keyring_that_fails_holds_no_keys() -> None:
    def fail(_name: str) -> str:
        raise RuntimeError("no desktop")

    Keyring.answer = staticmethod(fail)
    assert find_credentials() is None


def test_a_keyring_that_does_not_answer_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def block(_name: str) -> str:
        asked.set()
        go_on.wait(60)
        return "too late"

    Keyring.answer = staticmethod(block)
    monkeypatch.setattr(config, "KEYRING_SECONDS", 0.05)
    assert find_credentials() is None
    assert asked.is_set()
    go_on.set()


def test_the_base_url_comes_from_argument_environment_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_base_url() == DEFAULT_BASE_URL
    monkeypatch.setenv(config.BASE_URL_VARIABLE, "https://example.org/v1/")
    assert resolve_base_url() == "https://example.org/v1"
    assert resolve_base_url("http://127.0.0.1:8000/v1") == "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.cloud.scenario.com/v1",
        "http://127.0.0.1.example.org/v1",
        "http://10.0.0.1/v1",
        "ftp://example.org",
        "//example.org",
        "example.org/v1",
        "",
        " ",
        "https://",
        "https://example.org:99999/v1",
        "https://[::1/v1",
        "https://exam ple.org",
        "https://user:pass-word@example.org/v1",
        "https://example.org/v1?key=pass-word",
        "https://example.org/v1#x",
    ],
)
def test_an_address_that_may_not_have_the_key_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Endpoint(url, None, Credentials(KEY, SECRET))
    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "[::1]:8080", "127.3.2.1"])
def test_http_is_for_this_machine(host: str) -> None:
    assert may_connect(f"http://{host}/x")
    assert may_connect("https://example.org/x")
    assert not may_connect("http://example.org/x")
    assert not may_connect("file:///etc/passwd")
