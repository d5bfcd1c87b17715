"""What a server, or a gateway before it, may answer instead of an answer. Hypothesis strategies of `Garble`s."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from tests.scripted_server import CLOSE, Reply, Reset

#: Values where another kind of value is expected.
_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(
        [0, -1, -1e308, 1e308, 10**30, 2**63, float("nan"), float("inf"), "", [], {}, [[]], {"": None}]
    ),
    st.sampled_from(
        ["job_/../../x", "..", "a/b?c#d", "\ud83d", "\x00", "x" * 5000, "https://elsewhere.invalid/x"]
    ),
    st.sampled_from(
        ["exploded", "SUCCESS", "success", "failure", "canceled", "imported", "failed", "processing"]
    ),
    st.sampled_from(
        [
            "2026-13-45",
            "yesterday",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "1769860800",
            "2026-01-31",
        ]
    ),
    st.text(max_size=20),
    st.recursive(
        st.none(),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    ),
)
_STATUSES = st.sampled_from(
    [200, 200, 200, 201, 202, 204, 206, 207, 226, 299, 300, 304, 307, 500, 502, 503, 504, 599]
)


@dataclass(frozen=True)
class Garbage:
    """Turns an honest answer into another. `readable`: it may still say something, true or not."""

    name: str
    change: Callable[[Reply], Reply]
    readable: bool = False

    def __call__(self, honest: Reply) -> Reply:
        return replace(self.change(honest), close=True)

    def __repr__(self) -> str:
        return self.name


def _text(honest: Reply) -> bytes:
    return honest.body if isinstance(honest.body, bytes) else json.dumps(honest.body).encode()


def _body(data: bytes, status: int = 200, **headers: str) -> Garbage:
    # HTTP has no body with 204 and 304.
    said = b"" if status in (204, 304) else data
    return Garbage(f"{status} {data[:60]!r} {headers}", lambda _: Reply(status, said, headers))


def _cut(share: float) -> Garbage:
    return Garbage(
        f"cut at {share}", lambda honest: Reply(body=_text(honest)[: int(len(_text(honest)) * share)])
    )


def _broken_off(share: float) -> Garbage:
    def change(honest: Reply) -> Reply:
        whole = honest.encoded()
        return Reply(raw=whole[: int(len(whole) * share)])

    return Garbage(f"broken off at {share}", change)


def _encoded(encoding: str) -> Garbage:
    return Garbage(encoding, lambda honest: Reply(body=_text(honest).decode("latin-1").encode(encoding)))


def _nested(depth: int) -> Garbage:
    return _body(b'{"job":' + b"[" * depth + b"]" * depth + b"}")


UNREADABLE = st.one_of(
    st.builds(_body, st.binary(max_size=40).filter(lambda data: b"{" not in data), _STATUSES),
    st.builds(
        _body,
        st.sampled_from([b"<html>502</html>", b"null", b"[]", b"1e999", b'"ok"', b"NaN", b"\xff\xfe{"]),
        _STATUSES,
    ),
    st.builds(_cut, st.floats(0.0, 0.9)),
    st.builds(_broken_off, st.floats(0.0, 0.9)),
    st.builds(_nested, st.sampled_from([10, 1000, 100_000])),
    st.builds(_encoded, st.sampled_from(["utf-16", "utf-32", "cp037"])),
    st.sampled_from(
        [
            Garbage("closed", lambda _: CLOSE),
            Garbage("reset", lambda _: Reset()),
            Garbage("no HTTP", lambda _: Reply(raw=b"\x00\x01\x02SSH-2.0-x\r\n\r\n")),
            Garbage("no number", lambda _: Reply(raw=b"HTTP/1.1 abc def\r\n\r\n")),
            Garbage("not packed", lambda _: Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"})),
            Garbage("odd place", lambda _: Reply(302, headers={"Location": "http://[:::1/x"})),
        ]
    ),
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _paths(item, (*path, key))


def _changed(picks: list[int], value: Any, *, drop: bool) -> Garbage:
    """The honest answer with other values, or none, in some places."""

    def change(honest: Reply) -> Reply:
        body = copy.deepcopy(honest.body)
        for pick in picks:
            paths = list(_paths(body)) if not isinstance(body, bytes) else []
            if not paths:
                break
            *way, last = paths[pick % len(paths)]
            holder = body
            for key in way:
                holder = holder[key]
            if drop:
                del holder[last]
            else:
                holder[last] = value
        return replace(honest, body=body)

    return Garbage(f"{'without' if drop else repr(value)} at {picks}", change, readable=True)


def _twice(value: Any) -> Garbage:
    def change(honest: Reply) -> Reply:
        key = next(iter(honest.body), "job") if isinstance(honest.body, dict) else "job"
        first = json.dumps({key: value})[:-1]
        return replace(honest, body=first.encode() + b"," + _text(honest).lstrip(b"{"))

    return Garbage(f"twice, first {value!r}", change, readable=True)


def _other_status(status: int) -> Garbage:
    return Garbage(f"honest with {status}", lambda honest: replace(honest, status=status), readable=True)


READABLE = st.one_of(
    st.builds(_changed, st.lists(st.integers(0, 40), min_size=1, max_size=3), _ODD, drop=st.booleans()),
    st.builds(_twice, _ODD),
    st.builds(_other_status, st.sampled_from([201, 202, 206, 269, 299])),
    st.builds(
        lambda value: Garbage(f"{value!r}", lambda _: Reply(body=value), readable=True),
        _ODD.filter(lambda odd: not isinstance(odd, bytes)),
    ),
)

_FILE_HEADERS = st.dictionaries(
    st.sampled_from(
        ["Content-Range", "ETag", "Content-Type", "Content-Encoding", "Accept-Ranges", "Content-Length"]
    ),
    st.sampled_from(
        [
            "bytes 5-9/10",
            "bytes 0-0/*",
            "bytes x",
            "bytes */99",
            "",
            '"other"',
            "gzip",
            "-1",
            "999999999",
            "12abc",
            "W/x",
        ]
    ),
    max_size=3,
)
FILE = st.one_of(
    UNREADABLE,
    st.builds(
        lambda status, headers: Garbage(
            f"{status} {headers}", lambda honest: Reply(status, honest.body, headers), readable=True
        ),
        st.sampled_from([200, 206, 203, 299, 416, 403]),
        _FILE_HEADERS,
    ),
)
