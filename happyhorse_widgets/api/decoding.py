"""From bytes to `models`: reads what can be read, and raises ProtocolFault for the rest, nothing else."""

from __future__ import annotations

import functools
import json
import math
import re
import types
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec

from happyhorse_widgets.api.models import Answer, Fraction, Instant, Status, Units
from happyhorse_widgets.api.signedurls import SignedUrl, without_signatures
from happyhorse_widgets.errors import ProtocolFault
from happyhorse_widgets.text import whole_in

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T", bound=Answer)

_LARGEST = 2**53  # beyond it JSON's numbers are not exact, and databases refuse them
_LATEST = 253_402_300_799.0  # the end of the year 9999
_SYNONYMS = {"processing": "in-progress", "failed": "failure", "cancelled": "canceled"}


class _UnreadableError(ValueError):
    """A value that is not what its field holds."""


def decode(kind: type[T], data: bytes, *, at: str | None = None) -> T:
    """The `kind` in an answer's body, at its key `at` if given.

    Raises ProtocolFault when there is none to be read.
    """
    raw = decode_json(data)
    if at is not None:
        raw = raw.get(at) if isinstance(raw, dict) else None
    try:
        found: T = _reader(kind)(raw)
    except _UnreadableError as error:
        problem = str(error)
    else:
        return found
    raise ProtocolFault(f"Scenario's answer cannot be read: {problem}.")


def decode_list(kind: type[T], data: bytes, *, at: str) -> tuple[T, ...]:
    """The list of `kind` at the key `at` of an answer's body, without what cannot be read of it."""
    raw = decode_json(data)
    items = raw.get(at) if isinstance(raw, dict) else None
    if not isinstance(items, list):
        raise ProtocolFault(f"Scenario's answer cannot be read: it has no list of {at}.")
    found: tuple[T, ...] = _list_reader(kind)(items)
    return found


def decode_json(data: bytes) -> Any:
    """Decoded JSON of built-in types, text valid Unicode, numbers finite.

    Raises ProtocolFault when it is not JSON.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    # A JavaScript server may cut a text inside an emoji; that must not make a page of a hundred jobs
    # unreadable.
    try:
        text = data.decode("utf-8-sig", "replace")
        return whole_in(json.loads(text, parse_constant=_nothing, parse_float=_finite))
    except (ValueError, RecursionError):
        pass
    kind = "it is HTML" if data[:512].lstrip().startswith(b"<") else "it is cut or not JSON"
    raise ProtocolFault(
        f"Scenario's answer cannot be read: {kind}. A gateway or proxy on the way may have answered in its"
        " place."
    )


def _nothing(_name: str) -> None:
    return None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def iso(seconds: float) -> str:
    """`seconds` since the epoch as the wire has it: 2026-01-31T12:00:00.000Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Slot(NamedTuple):
    name: str
    wire: str
    read: Callable[[Any], Any]
    required: bool


@functools.cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """A function from decoded JSON to `kind`; for what is none it raises _UnreadableError, nothing else."""
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (option for option in get_args(kind) if option is not types.NoneType)
    if kind in _SCALARS:
        return _SCALARS[kind]
    if get_origin(kind) is tuple:
        return _list_reader(get_args(kind)[0])
    slots = tuple(
        _Slot(field.name, field.encode_name, _reader(field.type), field.required)
        for field in msgspec.structs.fields(kind)
    )
    return functools.partial(_struct, kind, slots)


def _struct(kind: type[Answer], slots: tuple[_Slot, ...], raw: Any) -> Answer:
    if not isinstance(raw, dict):
        raise _UnreadableError(f"it holds no {kind.__name__.lower()}")
    values = {}
    for slot in slots:
        value = raw.get(slot.wire)
        if value is not None:
            try:
                values[slot.name] = slot.read(value)
                continue
            except _UnreadableError:
                pass
        if slot.required:
            raise _UnreadableError(f"its {kind.__name__.lower()} has no {slot.wire}")
    return kind(**values)


def _list_reader(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    read = _reader(kind)

    def read_list(raw: Any) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            raise _UnreadableError("a list is something else")
        found = []
        for item in raw:
            try:
                found.append(read(item))
            except _UnreadableError:
                continue  # one bad element must not cost the others
        return tuple(found)

    return read_list


def _text(raw: Any) -> str:
    if not isinstance(raw, str) or not raw:
        raise _UnreadableError("a text is empty or something else")
    return raw


def _number(raw: Any) -> float:
    if isinstance(raw, str):
        if len(raw) > 40 or not re.fullmatch(
            r"\s*-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?\s*", raw, re.ASCII
        ):
            raise _UnreadableError("a number is some text")
        raw = float(raw)
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not -_LARGEST <= raw <= _LARGEST:
        raise _UnreadableError("a number is something else or too large")
    return float(raw)


def _whole(raw: Any) -> int:
    number = _number(raw)
    if not number.is_integer():
        raise _UnreadableError("a whole number has a fraction")
    return int(number)


def _truth(raw: Any) -> bool:
    match raw:
        case bool():
            return raw
        case "true":
            return True
        case "false":
            return False
    raise _UnreadableError("a truth value is something else")


def _units(raw: Any) -> Units:
    number = _number(raw)
    if number < 0:
        raise _UnreadableError("a cost is negative")
    return Units(number)


def _fraction(raw: Any) -> Fraction:
    return Fraction(min(1.0, max(0.0, _number(raw))))


def _instant(raw: Any) -> Instant:
    seconds = -1.0
    if isinstance(raw, str) and len(raw) <= 40 and "-" in raw:
        try:
            moment = datetime.fromisoformat(raw.strip())
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            pass
    else:
        seconds = _number(raw)
        seconds = seconds / 1000 if seconds > 1e11 else seconds
    if not 0 <= seconds <= _LATEST:
        raise _UnreadableError("a time is something else")
    return Instant(seconds)


def _status(raw: Any) -> Status:
    status = _text(raw).strip().lower().replace("_", "-")
    return Status(_SYNONYMS.get(status, status))


def _url(raw: Any) -> SignedUrl:
    return SignedUrl(_text(raw))


def _object(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise _UnreadableError("an object is something else")
    try:
        kept: dict[str, Any] = without_signatures(raw)
    except RecursionError:
        raise _UnreadableError("an object is nested too deeply") from None
    return kept


def _anything(raw: Any) -> Any:
    return raw


_SCALARS: dict[Any, Callable[[Any], Any]] = {
    str: _text,
    float: _number,
    int: _whole,
    bool: _truth,
    Any: _anything,
    dict[str, Any]: _object,
    Units: _units,
    Fraction: _fraction,
    Instant: _instant,
    Status: _status,
    SignedUrl: _url,
}
