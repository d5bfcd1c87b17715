"""Signed addresses of the sandbox: genuine, for one path, and for a while."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from happyhorse_widgets.sandbox.signing import Signer

ORIGIN = "http://127.0.0.1:1"
NOW = 1_800_000_000.0
SIGNER = Signer(ORIGIN, lifetime=60)


def parts(url: str) -> tuple[str, dict[str, str]]:
    split = urlsplit(url)
    return split.path, dict(parse_qsl(split.query))


@pytest.mark.parametrize("policy", [False, True])
def test_an_address_holds_for_its_lifetime(policy: bool) -> None:
    path, query = parts(SIGNER.url("/cdn/a", now=NOW, policy=policy))
    assert ("Policy" in query, "Expires" in query) == (policy, not policy)
    assert SIGNER.accepts(path, query, now=NOW)
    assert SIGNER.accepts(path, query, now=NOW + 59.9)
    assert not SIGNER.accepts(path, query, now=NOW + 60)
    assert not SIGNER.accepts(path, parts(SIGNER.url(path, now=NOW, lifetime=0, policy=policy))[1], now=NOW)


@pytest.mark.parametrize("policy", [False, True])
def test_an_address_is_for_one_path_and_one_signer(policy: bool) -> None:
    path, query = parts(SIGNER.url("/cdn/a", now=NOW, policy=policy))
    assert not SIGNER.accepts("/cdn/b", query, now=NOW)
    assert not Signer(ORIGIN, lifetime=60).accepts(path, query, now=NOW)


def test_an_expiry_cannot_be_moved() -> None:
    path, query = parts(SIGNER.url("/cdn/a", now=NOW))
    assert not SIGNER.accepts(path, query | {"Expires": str(int(NOW) + 999)}, now=NOW)


@given(
    query=st.dictionaries(st.sampled_from(["Expires", "Policy", "Signature", "Key-Pair-Id"]), st.text()),
    keep=st.booleans(),
)
def test_any_other_query_is_refused(query: dict[str, str], keep: bool) -> None:
    path, good = parts(SIGNER.url("/cdn/a", now=NOW, policy=True))
    given_query = good | query if keep else query
    assert SIGNER.accepts(path, given_query, now=NOW) == (
        given_query == good | {"Key-Pair-Id": given_query.get("Key-Pair-Id")}
    )
