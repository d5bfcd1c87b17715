"""Takes out of an image file what is not the picture: place and time, camera and owner, comments, previews, thumbnails.

The file is taken apart, not drawn again: what makes the picture (its coded data, tables and colour profile) stays byte for
byte, so every pixel does, too. What is not known to be needed for the picture is left out, whatever it calls itself, and
so is everything after the picture's end, where phones keep a film with its place. The same file always gives the same bytes.

Every walker returns None where the file's structure cannot be followed: then it has to be drawn again.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# -- JPEG: SOI, segments of a marker and a length, scans, EOI ----------------------------------------------------------

_SOI, _EOI, _SOS, _APP0, _APP2, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE2, 0xEE
#: Frames (SOF), tables, restart intervals and scans; C8 is reserved.
_PICTURE_SEGMENTS = frozenset(range(0xC0, 0xE0)) - {0xC8}
#: Markers that stand alone; in coded data FF 00 is a byte and FF D0 … D7 are restarts, both part of the scan.
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def _jpeg(data: bytes) -> bytes | None:
    parts = [data[:2]]
    position = 2
    # Between segments decoders skip what is no marker, so nothing of it is kept.
    while (found := _MARKER.search(data, position)) is not None:
        marker, start = data[found.end() - 1], found.end()
        if marker == _EOI:
            return b"".join([*parts, b"\xff\xd9"])
        if marker in _ALONE:
            position = start
            continue
        position = start + int.from_bytes(data[start : start + 2], "big")
        if position < start + 2 or position > len(data):
            return None
        payload = _kept_segment(marker, data[start + 2 : position])
        if payload is not None:
            parts += [b"\xff", bytes([marker]), (len(payload) + 2).to_bytes(2, "big"), payload]
        if marker == _SOS:
            following = _AFTER_SCAN.search(data, position)
            if following is None:
                return None
            parts.append(data[position : following.start()])
            position = following.start()
    return None


def _kept_segment(marker: int, payload: bytes) -> bytes | None:
    if marker in _PICTURE_SEGMENTS:
        return payload
    if marker == _APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 14:
        return payload[:12] + b"\0\0"  # version and density; a thumbnail may follow
    if marker == _APP2 and payload.startswith(b"ICC_PROFILE\0"):
        return payload
    if marker == _APP14 and payload.startswith(b"Adobe") and len(payload) >= 12:
        return payload[:12]  # how the colours are coded
    return None


# -- PNG: a signature, then chunks of a length, a type, data and a checksum --------------------------------------------

#: What is needed to show the picture (or the animation) in its colours, with the most bytes that each may have.
_PNG_CHUNKS = {
    b"IHDR": 13, b"PLTE": 768, b"tRNS": 256, b"IDAT": 2**31, b"acTL": 8, b"fcTL": 26, b"fdAT": 2**31,
    b"iCCP": 2**31, b"cHRM": 32, b"gAMA": 4, b"sRGB": 1, b"sBIT": 4, b"cICP": 4, b"mDCV": 24, b"cLLI": 8,
    b"pHYs": 9, b"bKGD": 6,
}  # fmt: skip
_PNG_END = b"\0\0\0\0IEND\xae\x42\x60\x82"


def _png(data: bytes) -> bytes | None:
    parts = [data[:8]]
    position = 8
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            return None
        if kind == b"IEND":
            return b"".join([*parts, _PNG_END])
        if kind == b"iCCP":
            parts.append(_colour_profile(data[position + 8 : end - 4]))
        elif length <= _PNG_CHUNKS.get(kind, -1):
            parts.append(data[position:end])
        position = end
    return None


def _colour_profile(payload: bytes) -> bytes:
    """The chunk under a name that says nothing: a profile's own name may."""
    _, zero, profile = payload.partition(b"\0")
    chunk = b"iCCPICC" + zero + profile
    return struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))


# -- WEBP: RIFF chunks of a type, a length and data, padded to an even length ------------------------------------------

_WEBP_CHUNKS = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_FRAME_CHUNKS = frozenset({b"VP8 ", b"VP8L", b"ALPH"})
#: Of the flags in VP8X: a colour profile, transparency, animation; those of EXIF and XMP are cleared.
_FLAGS = 0x20 | 0x10 | 0x02
_FRAME_HEAD = 16


def _webp(data: bytes) -> bytes | None:
    chunks = _riff(data, 12, 8 + int.from_bytes(data[4:8], "little"))
    kept = [(kind, _kept_chunk(kind, payload)) for kind, payload in chunks or ()]
    if chunks is None or None in (payload for _, payload in kept):
        return None
    body = b"WEBP" + b"".join(_chunks(kept, _WEBP_CHUNKS))
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _kept_chunk(kind: bytes, payload: bytes) -> bytes | None:
    if kind == b"VP8X":
        return bytes([payload[0] & _FLAGS, 0, 0, 0]) + payload[4:10] if len(payload) >= 10 else None
    if kind == b"ANMF":  # a frame of an animation is chunks again
        inner = _riff(payload, _FRAME_HEAD, len(payload))
        return None if inner is None else payload[:_FRAME_HEAD] + b"".join(_chunks(inner, _FRAME_CHUNKS))
    return payload


def _riff(data: bytes, position: int, end: int) -> list[tuple[bytes, bytes]] | None:
    """The chunks from `position` to `end`; None where one is cut."""
    if end > len(data):
        return None
    found = []
    while position + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, position)
        if position + 8 + length > end:
            return None
        found.append((kind, data[position + 8 : position + 8 + length]))
        position += 8 + length + length % 2
    return found


def _chunks(chunks: Iterable[tuple[bytes, bytes | None]], wanted: frozenset[bytes]) -> Iterator[bytes]:
    for kind, payload in chunks:
        if kind in wanted and payload is not None:
            yield kind + len(payload).to_bytes(4, "little") + payload + b"\0" * (len(payload) % 2)


_WALKERS = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp}


def stripped(data: bytes, media_type: str) -> bytes | None:
    """The same picture, pixel for pixel, without anything that is not the picture.

    `data` is a JPEG, PNG or WEBP file that begins as `media_type` says. What stays is the coded picture, or animation, its
    colour profile and its density. None where the structure of the file cannot be followed. The orientation that a camera
    notes goes as well, so turn the picture first where it has one.
    """
    return _WALKERS[media_type](data)


def is_lossless_webp(data: bytes) -> bool:
    """Whether the first picture of a WEBP file is coded without loss."""
    chunks = _riff(data, 12, 8 + int.from_bytes(data[4:8], "little")) or []
    return next((kind == b"VP8L" for kind, _ in chunks if kind in (b"VP8 ", b"VP8L")), False)
