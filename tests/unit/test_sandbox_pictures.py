"""The sandbox's look at uploaded bytes."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from happyhorse_widgets.sandbox.pictures import MAX_SIZE, Picture, inspect


def encoded(form: str, size: tuple[int, int] = (60, 40), **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, form, **options)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("form", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_images_of_the_three_kinds_are_taken(form: str, media_type: str) -> None:
    assert inspect(encoded(form)) == Picture(media_type, 60, 40)


def test_the_size_is_the_one_that_is_shown() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    assert inspect(encoded("JPEG", exif=turned)) == Picture("image/jpeg", 40, 60)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "not an image"),
        (encoded("GIF"), "GIF images are not supported"),
        (encoded("PNG")[:-30], "broken"),
        (encoded("JPEG")[:200], "broken"),
        (encoded("JPEG", (900, 900))[:-200], "broken"),
        (encoded("WEBP", (900, 900))[:-20], "broken"),
        (bytes(MAX_SIZE + 1), "at most 10000000"),
        (bomb(12_000, 10_000), "120"),
        (bomb(50_000, 50_000), "too large"),
    ],
)
def test_everything_else_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    found = inspect(data)
    assert isinstance(found, str)
    assert reason in found


@given(cut=st.integers(0, 400), noise=st.binary(max_size=60), form=st.sampled_from(["JPEG", "PNG", "WEBP"]))
def test_no_bytes_break_it(cut: int, noise: bytes, form: str) -> None:
    assert isinstance(inspect(encoded(form)[:cut] + noise), (str, Picture))
