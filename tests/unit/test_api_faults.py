"""HTTP's failures become our errors, with the server's reason and without anything that should not be shown."""

from __future__ import annotations

import json
import socket
import ssl
from email.utils import formatdate
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from happyhorse_widgets.api.faults import retry_after, status_fault, transport_fault
from happyhorse_widgets.api.servertext import MAX_REASON, plain, reason_in
from happyhorse_widgets.errors import (
    ApiError,
    AuthenticationError,
    NotFound,
    PermissionDenied,
    ProtocolFault,
    RateLimited,
    RequestRejected,
    ServerFault,
    TransportFault,
)

NOW = 1.7e9


def fault(status: int, body: Any = b"", headers: dict[str, str] | None = None) -> ApiError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return status_fault(
        status,
        headers or {},
        data,
        call="GET /jobs",
        redact=lambda text: text.replace("s3cret", "[secret]"),
        now=NOW,
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, ProtocolFault),
        (304, ProtocolFault),
        (307, ProtocolFault),
        (100, ProtocolFault),
        (600, ProtocolFault),
        (400, RequestRejected),
        (401, AuthenticationError),
        (402, RequestRejected),
        (403, PermissionDenied),
        (404, NotFound),
        (408, ServerFault),
        (409, ServerFault),
        (410, NotFound),
        (413, RequestRejected),
        (422, RequestRejected),
        (429, RateLimited),
        (500, ServerFault),
        (502, ServerFault),
        (504, ServerFault),
        (599, ServerFault),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[ApiError]) -> None:
    error = fault(status, {"message": "It {is} so."})
    assert type(error) is kind
    assert error.status == status
    assert error.reason == "It {is} so."
    assert f"({status}, GET /jobs): It {{is}} so" in str(error)
    assert ".." not in str(error)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"reason": "No seed"}, "No seed"),
        ({"message": "No seed"}, "No seed"),
        ({"error": "No seed"}, "No seed"),
        ({"error": {"message": "No seed"}}, "No seed"),
        ({"error": {"code": 5, "details": {"reason": "No seed"}}}, "No seed"),
        ({"errors": ["No seed", {"message": "No ratio"}]}, "No seed; No ratio"),
        ({"detail": [{"description": "No seed"}]}, "No seed"),
        ({"error": "Bad Request", "message": "No seed"}, "No seed"),
        ({"error": "Bad Request", "statusCode": 400}, "Bad Request"),
        ({"message": "No seed", "error": "No seed"}, "No seed"),
        ("No seed", "No seed"),
        (["No seed"], "No seed"),
        ({"message": None, "error": 5, "errors": {}}, ""),
        ({"message": "<html><body>No</body></html>"}, ""),
        ({"message": "Cut\x00 \x1b[0m\u202eoff\n here"}, "Cut [0m off here"),
        ({"message": "See https://cdn.example/a?Signature=s for more"}, "See https://cdn.example/a for more"),
        ({"message": "a < b and b > c"}, "a < b and b > c"),
        ({"message": "key s3cret is unknown"}, "key [secret] is unknown"),
        ({"message": "x" * (MAX_REASON - 3) + "s3cret"}, "x" * (MAX_REASON - 3) + "[s…"),
        (b"<html><h1>Bad gateway</h1></html>", ""),
        (b"\xff\xfe", ""),
    ],
)
def test_the_reason_is_found_and_fit_to_be_shown(body: Any, reason: str) -> None:
    error = fault(400, body)
    assert error.reason == reason
    assert "<" not in str(error).replace("a < b", "")


def test_a_long_reason_is_cut() -> None:
    assert len(fault(422, {"message": "word " * 10_000}).reason) <= MAX_REASON


@pytest.mark.parametrize(
    ("body", "action", "limit"),
    [
        ({"details": {"actionName": "parallel-custom-jobs", "actionLimit": 2}}, "parallel-custom-jobs", 2),
        ({"error": {"details": {"actionName": "custom", "actionLimit": "3"}}}, "custom", 3),
        ({"details": {"actionLimit": 4.0}}, None, 4),
        ({"details": {"actionName": "custom", "actionLimit": True}}, "custom", None),
        ({"details": {"actionName": 5, "actionLimit": -1}}, None, None),
        ({"details": {"actionLimit": 10**400}}, None, None),
        ({"details": "slow down"}, None, None),
        (b"<html>", None, None),
    ],
)
def test_a_rate_limit_names_the_plans_limit(body: Any, action: str | None, limit: int | None) -> None:
    error = fault(429, body, {"retry-after": "7"})
    assert isinstance(error, RateLimited)
    assert (error.action, error.limit, error.retry_after) == (action, limit, 7.0)
    assert ("plan's limit" in str(error)) is (action is not None or limit is not None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("99999999", 86400.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("inf", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, NOW) == seconds
    assert fault(503, b"", {"retry-after": text}).retry_after == seconds


@settings(deadline=None)
@given(st.text(), st.integers(100, 999), st.binary())
def test_no_answer_makes_the_mapping_itself_fail(header: str, status: int, body: bytes) -> None:
    assert isinstance(fault(status, body, {"retry-after": header}), ApiError)


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["error", "errors", "message", "details", "reason", "actionName", "actionLimit"]
                ),
                inner,
            )
        ),
    )
)
def test_a_reason_is_one_short_line_whatever_the_body_is(body: Any) -> None:
    reason = reason_in(body, str)
    assert len(reason) <= MAX_REASON
    assert reason == plain(reason)
    assert reason.isprintable()
    assert isinstance(fault(429, body), RateLimited)


@pytest.mark.parametrize(
    ("error", "sent", "words"),
    [
        (httpx2.ConnectError("x"), False, "No connection could be made to api.example"),
        (httpx2.ConnectTimeout("x"), False, "took too long"),
        (httpx2.PoolTimeout("x"), False, "Too many exchanges"),
        (httpx2.ProxyError("x"), False, "proxy"),
        (httpx2.ReadError("x"), True, "broke off"),
        (httpx2.WriteError("x"), True, "broke off"),
        (httpx2.ReadTimeout("x"), True, "took too long"),
        (httpx2.WriteTimeout("x"), True, "took too long"),
        (httpx2.RemoteProtocolError("x"), True, "broke off"),
        (httpx2.LocalProtocolError("x"), True, "broke off"),
        (TimeoutError(), True, "took too long"),
        (OSError(), True, "broke off"),
    ],
)
def test_only_what_certainly_did_not_leave_counts_as_not_sent(
    error: Exception, sent: bool, words: str
) -> None:
    made = transport_fault(error, call="POST /x", host="api.example")
    assert isinstance(made, TransportFault)
    assert made.sent is sent
    assert words in str(made)
    assert ("Nothing was sent" in str(made)) is not sent


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (socket.gaierror(), "The name api.example is not known"),
        (ConnectionRefusedError(), "nothing listens at api.example"),
        (ssl.SSLCertVerificationError(), "The certificate of api.example is not trusted"),
        (ExceptionGroup("both addresses", [OSError(), ConnectionRefusedError()]), "nothing listens"),
    ],
)
def test_what_caused_it_is_told(cause: Exception, words: str) -> None:
    error = httpx2.ConnectError("x")
    error.__cause__ = OSError()
    error.__cause__.__context__ = cause
    cause.__context__ = error  # a circle, as re-raising can make one
    assert words in str(transport_fault(error, call="POST /x", host="api.example"))


def test_an_answer_that_cannot_be_unpacked_is_a_protocol_fault() -> None:
    assert isinstance(transport_fault(httpx2.DecodingError("x"), call="GET /x", host="h"), ProtocolFault)
