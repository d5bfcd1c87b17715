"""Requests and answers between a view and its widget."""

from __future__ import annotations

import logging
import re
from concurrent.futures import Future
from typing import Any

import pytest

from happyhorse_widgets.errors import InvalidRequest, JobFailed
from happyhorse_widgets.widgets.assets import STATIC
from happyhorse_widgets.widgets.rpc import Dispatcher, Kind, Reply

CANARY = "sk-canary-0815"


class Sent(list[tuple[dict[str, Any], list[bytes]]]):
    """What the dispatcher sent to the views."""

    def __call__(self, content: dict[str, Any], buffers: Any) -> None:
        self.append((content, [bytes(buffer) for buffer in buffers]))


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def dispatcher(sent: Sent) -> Dispatcher:
    return Dispatcher(sent)


def test_python_and_javascript_know_the_same_messages() -> None:
    table = re.search(
        r"KIND = Object\.freeze\(\{(.*?)\}\)", (STATIC / "shared/rpc.js").read_text(), re.DOTALL
    )
    assert table is not None
    assert dict(re.findall(r'^\s*([A-Z_]+): "([a-z-]+)",$', table[1], re.MULTILINE)) == {
        kind.name: kind.value for kind in Kind
    }


def test_a_handlers_answer_goes_to_the_view_that_asked(dispatcher: Dispatcher, sent: Sent) -> None:
    dispatcher.on(Kind.HELLO, lambda content, buffers: Reply({"seen": content["word"]}, [*buffers, b"more"]))
    dispatcher.receive({"kind": "hello", "request": "v-1", "word": "x"}, [memoryview(b"raw")])
    assert sent == [({"seen": "x", "kind": "reply", "request": "v-1"}, [b"raw", b"more"])]


def test_an_empty_answer_is_an_answer(dispatcher: Dispatcher, sent: Sent) -> None:
    dispatcher.on(Kind.HELLO, lambda content, buffers: None)
    dispatcher.receive({"kind": "hello", "request": "v-1"}, [])
    assert sent == [({"kind": "reply", "request": "v-1"}, [])]


def test_our_errors_are_told_in_full(dispatcher: Dispatcher, sent: Sent) -> None:
    def refuse(content: Any, buffers: Any) -> None:
        raise InvalidRequest("duration 2 is too short", "seed -1 is negative")

    dispatcher.on(Kind.HELLO, refuse)
    dispatcher.receive({"kind": "hello", "request": "v-1"}, [])
    content, _ = sent[0]
    assert content["kind"] == "error"
    assert content["request"] == "v-1"
    assert content["name"] == "InvalidRequest"
    assert content["problems"] == ["duration 2 is too short", "seed -1 is negative"]


def test_other_exceptions_give_their_name_to_the_view_and_the_rest_to_the_log(
    dispatcher: Dispatcher, sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(content: Any, buffers: Any) -> None:
        raise RuntimeError(CANARY)

    dispatcher.on(Kind.HELLO, crash)
    with caplog.at_level(logging.ERROR):
        dispatcher.receive({"kind": "hello", "request": "v-1"}, [])
    assert "RuntimeError" in sent[0][0]["message"]
    assert CANARY not in str(sent)
    assert CANARY in caplog.text


@pytest.mark.parametrize("kind", ["no-such-kind", None, 3, "reply"])
def test_an_unknown_message_is_answered_with_an_error(dispatcher: Dispatcher, sent: Sent, kind: Any) -> None:
    dispatcher.receive({"kind": kind, "request": "v-1"}, [])
    assert [content["kind"] for content, _ in sent] == ["error"]


@pytest.mark.parametrize("content", [None, "hello", [], {"kind": "hello"}, {"kind": "hello", "request": 7}])
def test_what_is_no_message_at_all_is_ignored(dispatcher: Dispatcher, sent: Sent, content: Any) -> None:
    dispatcher.on(Kind.HELLO, lambda content, buffers: None)
    dispatcher.receive(content, [])
    assert sent == []


def test_a_future_answers_when_it_is_done(dispatcher: Dispatcher, sent: Sent) -> None:
    work: Future[Any] = Future()
    dispatcher.on(Kind.HELLO, lambda content, buffers: work)
    dispatcher.receive({"kind": "hello", "request": "v-1"}, [])
    assert sent == []
    work.set_result({"n": 1})
    assert sent == [({"n": 1, "kind": "reply", "request": "v-1"}, [])]


def test_a_future_may_fail(dispatcher: Dispatcher, sent: Sent) -> None:
    work: Future[Any] = Future()
    dispatcher.on(Kind.HELLO, lambda content, buffers: work)
    dispatcher.receive({"kind": "hello", "request": "v-1"}, [])
    work.set_exception(JobFailed("It failed; refunded."))
    assert sent[0][0]["message"] == "It failed; refunded."


def test_a_cancelled_request_is_not_answered_and_its_work_is_cancelled(
    dispatcher: Dispatcher, sent: Sent
) -> None:
    work: Future[Any] = Future()
    dispatcher.on(Kind.HELLO, lambda content, buffers: work)
    dispatcher.receive({"kind": "hello", "request": "v-1"}, [])
    dispatcher.receive({"kind": "cancel", "request": "v-1"}, [])
    assert work.cancelled()
    dispatcher.receive({"kind": "cancel", "request": "never-heard-of"}, [])
    assert sent == []


def test_work_that_cannot_be_cancelled_any_more_is_not_answered_either(
    dispatcher: Dispatcher, sent: Sent
) -> None:
    work: Future[Any] = Future()
    work.set_running_or_notify_cancel()
    dispatcher.on(Kind.HELLO, lambda content, buffers: work)
    dispatcher.receive({"kind": "hello", "request": "v-1"}, [])
    dispatcher.receive({"kind": "cancel", "request": "v-1"}, [])
    work.set_result({})
    assert sent == []


def test_a_closed_dispatcher_sends_nothing(dispatcher: Dispatcher, sent: Sent) -> None:
    work: Future[Any] = Future()
    dispatcher.on(Kind.HELLO, lambda content, buffers: work)
    dispatcher.receive({"kind": "hello", "request": "v-1"}, [])
    dispatcher.close()
    assert work.cancelled()
    dispatcher.receive({"kind": "cancel-that", "request": "v-2"}, [])
    assert sent == []


def test_a_kind_has_one_handler(dispatcher: Dispatcher) -> None:
    dispatcher.on(Kind.HELLO, lambda content, buffers: None)
    with pytest.raises(ValueError, match="has a handler already"):
        dispatcher.on(Kind.HELLO, lambda content, buffers: None)
