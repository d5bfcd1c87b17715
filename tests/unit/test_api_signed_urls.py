"""Signed URLs: when they expire, and that they neither show nor stay."""

from __future__ import annotations

import base64
import json
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from happyhorse_widgets.api.signedurls import SignedUrl, signed_url_expiry, unlogged, without_signatures


def policy(document: object) -> str:
    encoded = base64.b64encode(json.dumps(document).encode()).decode()
    return encoded.replace("+", "-").replace("=", "_").replace("/", "~")


def test_expiry_from_expires() -> None:
    assert signed_url_expiry("https://cdn.example/a.mp4?Expires=1893456000&Signature=x") == 1893456000.0


def test_expiry_from_a_policy_in_cloudfronts_alphabet() -> None:
    statement = {
        "Resource": "https://cdn/é?>>*",
        "Condition": {"DateLessThan": {"AWS:EpochTime": 1893456000}},
    }
    for padding in ("", "a", "ab"):  # so that each length of base64 padding is met
        url = f"https://cdn.example/a.mp4?Policy={policy({'x': padding, 'Statement': [statement]})}&Key-Pair-Id=K"
        assert signed_url_expiry(url) == 1893456000.0


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example/a.mp4",
        "https://cdn.example/a.mp4?Expires=soon",
        "https://cdn.example/a.mp4?Expires=-1",
        "https://cdn.example/a.mp4?Expires=٣",
        "https://cdn.example/a.mp4?Policy=!!!",
        f"https://cdn.example/a.mp4?Policy={policy([])}",
        f"https://cdn.example/a.mp4?Policy={policy({'Statement': [{'Condition': 5}]})}",
        "https://[::1/",
        "",
    ],
)
def test_a_url_that_does_not_say_has_no_expiry(url: str) -> None:
    assert signed_url_expiry(url) is None


@settings(deadline=None)
@given(st.text() | st.from_regex(r"https://c/\?(Expires|Policy)=.*"))
def test_expiry_never_raises(url: str) -> None:
    expiry = signed_url_expiry(url)
    assert expiry is None or expiry >= 0


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["Statement", "Condition"]), inner),
    )
)
def test_no_policy_raises(document: object) -> None:
    signed_url_expiry(f"https://c/?Policy={policy(document)}")


def test_a_signed_url_is_a_string_that_does_not_show() -> None:
    url = SignedUrl("https://cdn.example/a?Signature=s")
    assert url == "https://cdn.example/a?Signature=s"
    assert repr(url) == "<signed URL>"
    assert repr({"url": url}) == "{'url': <signed URL>}"


def test_signatures_are_cut_at_any_depth_and_nothing_else_is() -> None:
    kept = {"prompt": "see https://example.org/?q=1", "n": [1, None, "https://example.org/?page=2"]}
    given_ = {"flow": [{"assets": [{"url": "https://cdn/x.mp4?Expires=1&Signature=s"}]}], **kept}
    assert without_signatures(given_) == {"flow": [{"assets": [{"url": "https://cdn/x.mp4"}]}], **kept}


def test_the_http_libraries_log_nothing_while_unlogged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    names = ("httpx2", "httpcore2.http11", "httpcore2.connection")
    with unlogged():
        for name in names:
            logging.getLogger(name).info("GET https://cdn/x?Signature=s")
    assert caplog.records == []
    for name in names:
        logging.getLogger(name).info("GET https://api/jobs")
    assert len(caplog.records) == len(names)
