"""Reference images: what is taken, what is refused, and in which words."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from happyhorse_widgets.errors import InvalidImage
from happyhorse_widgets.media.images import (
    MAX_BYTES,
    MAX_PIXELS,
    MEDIA_TYPES,
    ReferenceImage,
    load_image,
    sniff,
)

PDF = b"%PDF-1.7\n1 0 obj << >> endobj\n"


def picture(size: tuple[int, int] = (640, 480), mode: str = "RGB") -> Image.Image:
    ramp = np.add.outer(np.arange(size[1]), np.arange(size[0])).astype(np.uint8)
    return Image.fromarray(ramp).convert(mode)


def encoded(kind: str = "PNG", size: tuple[int, int] = (640, 480), **options: Any) -> bytes:
    out = io.BytesIO()
    picture(size).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_a_file_keeps_its_bytes(tmp_path: Path, kind: str, media_type: str) -> None:
    data = encoded(kind)
    path = tmp_path / "misnamed.txt"
    path.write_bytes(data)
    for source in (path, str(path)):
        image = load_image(source)
        assert (image.data, image.name, image.media_type) == (data, "misnamed.txt", media_type)
        assert (image.width, image.height, image.frames, image.warnings) == (640, 480, 1, ())
        assert image.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_bytes_are_taken(wrap: Any) -> None:
    image = load_image(wrap(encoded("WEBP")))
    assert (image.name, image.data) == ("image.webp", encoded("WEBP"))
    assert load_image(encoded(), name="fox.png").name == "fox.png"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK"])
def test_pil_images_become_png(mode: str) -> None:
    image = load_image(picture(mode=mode))
    assert (image.name, image.media_type, image.width, image.height) == ("image.png", "image/png", 640, 480)
    assert Image.open(io.BytesIO(image.data)).mode == ("RGBA" if mode in ("RGBA", "LA") else "RGB")


def test_a_pil_image_from_a_file_keeps_its_name(tmp_path: Path) -> None:
    picture().save(tmp_path / "fox.webp")
    with Image.open(tmp_path / "fox.webp") as image:
        assert load_image(image).name == "fox.png"


@pytest.mark.parametrize("shape", [(40, 30), (40, 30, 3), (40, 30, 4)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_arrays_become_png_without_loss(shape: tuple[int, ...], kind: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    given = pixels if kind is np.uint8 else (pixels / 255).astype(kind)
    image = load_image(given)
    assert (image.name, image.width, image.height) == ("array.png", 30, 40)
    read = np.asarray(Image.open(io.BytesIO(image.data)))
    expected = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
    assert np.array_equal(read, expected)


def test_an_image_whose_png_is_too_large_becomes_webp() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1900, 1900, 3), dtype=np.uint8)
    image = load_image(noise)
    assert (image.media_type, image.name) == ("image/webp", "array.webp")
    assert len(image.data) <= MAX_BYTES


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_exif_orientation_counts(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = load_image(encoded(kind, exif=exif), keep_metadata=True)
    assert (image.width, image.height) == ((480, 640) if orientation in (6, 8) else (640, 480))
    thumbnail = Image.open(io.BytesIO(image.thumbnail(64)))
    assert thumbnail.size == ((48, 64) if orientation in (6, 8) else (64, 48))


def test_a_thumbnail_is_small_and_keeps_transparency() -> None:
    opaque = Image.open(io.BytesIO(load_image(encoded("JPEG", (1600, 800))).thumbnail()))
    assert (opaque.format, opaque.size) == ("JPEG", (160, 80))
    clear = Image.new("RGBA", (500, 500), (255, 0, 0, 0))
    thumbnail = Image.open(io.BytesIO(load_image(clear).thumbnail(50)))
    assert (thumbnail.format, thumbnail.getpixel((25, 25))[3]) == ("WEBP", 0)


def test_a_short_side_is_advised_against() -> None:
    (warning,) = load_image(encoded(size=(400, 200)), name="strip.png").warnings
    assert "strip.png" in warning
    assert "200 px" in warning
    assert "400 px" in warning
    assert load_image(encoded(size=(400, 400))).warnings == ()


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((1001, 400), "2.5 times as wide as high"),
        ((400, 1600), "4.0 times as high as wide"),
        ((1000, 400), None),
    ],
)
def test_an_extreme_ratio_is_advised_against(size: tuple[int, int], words: str | None) -> None:
    warnings = load_image(encoded(size=size), name="strip.png").warnings
    assert len(warnings) == (words is not None)
    for warning in warnings:
        assert f"strip.png: it is {words}" in warning


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_an_animation_is_advised_against(kind: str) -> None:
    more = [Image.new("RGB", (640, 480), color) for color in ("red", "blue")]
    image = load_image(encoded(kind, save_all=True, append_images=more))
    assert image.frames == 3
    assert "3 frames" in image.warnings[0]


def test_repr_does_not_hold_the_bytes() -> None:
    assert len(repr(load_image(encoded()))) < 300


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("scan.png", PDF, ["scan.png", "a PDF", "JPEG, PNG and WEBP"]),
        ("dance.png", b"GIF89a" + bytes(20), ["a GIF"]),
        ("photo.jpg", b"\x00\x00\x00\x18ftypheic" + bytes(20), ["HEIC"]),
        ("logo.png", b'<?xml version="1.0"?>\n<svg xmlns="">', ["SVG"]),
        ("saved.jpg", b"<!DOCTYPE html><html>", ["web page"]),
        ("clip.png", b"\x00\x00\x00\x18ftypisom" + bytes(20), ["MP4"]),
        ("notes.png", b"just some words", ["not an image"]),
        ("empty.png", b"", ["empty"]),
        ("broken.png", encoded()[:300], ["begins like a PNG", "cannot be decoded"]),
        ("broken.jpg", encoded("JPEG")[:-400], ["begins like a JPEG", "cannot be decoded"]),
        ("head.webp", encoded("WEBP")[:40], ["begins like a WEBP"]),
        ("big.jpg", encoded("JPEG") + bytes(MAX_BYTES), ["MB", "10,000,000", "quality=90"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used_is_named(tmp_path: Path, name: str, data: bytes, words: list[str]) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InvalidImage) as caught:
        load_image(path)
    for word in [name, *words]:
        assert word in str(caught.value)
    with pytest.raises(InvalidImage):
        load_image(data)


def test_exactly_ten_million_bytes_are_allowed(tmp_path: Path) -> None:
    data = encoded("JPEG")
    assert load_image(data + bytes(MAX_BYTES - len(data))).width == 640
    with pytest.raises(InvalidImage, match="10,000,001 bytes"):
        load_image(data + bytes(MAX_BYTES - len(data) + 1))


def test_a_missing_file_a_folder_and_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for name, word in (
        ("absent.png", "does not exist"),
        ("", "is a folder"),
        ("pipe.png", "not a regular file"),
    ):
        with pytest.raises(InvalidImage, match=word):
            load_image(tmp_path / name)


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("https://example.com/fox.png?Signature=SECRET", "address"),
        ("HTTP://example.com/fox.png", "address"),
        ("data:image/png;base64,AAAA", "address"),
        ("asset_abc123", "asset id"),
        ("~nobody-of-this-name/fox.png", "home folder"),
        ("fox\0.png", "cannot be read"),
        ("x" * 5000, "cannot be read"),
        (7, "int is not an image"),
        (None, "NoneType is not an image"),
        (["fox.png"], "list is not an image"),
    ],
)
def test_what_is_no_file(source: Any, word: str) -> None:
    with pytest.raises(InvalidImage, match=word) as caught:
        load_image(source)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 2), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.int32),
        np.zeros((4, 4, 3), bool),
        np.full((4, 4, 3), 255.0),
        np.full((4, 4), -0.1),
        np.full((4, 4), np.nan),
    ],
    ids=str,
)
def test_arrays_that_are_no_images(array: Any) -> None:
    with pytest.raises(InvalidImage):
        load_image(array)


def test_more_than_eight_bits_a_channel_is_refused_in_pil_images() -> None:
    with pytest.raises(InvalidImage, match="8 bits"):
        load_image(Image.fromarray(np.zeros((500, 500), np.uint16)))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that promises width × height pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(8001, 8000), (10_000, 10_000), (50_000, 50_000)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    data = bomb(*size)
    tracemalloc.start()
    with pytest.raises(InvalidImage, match=f"too many pixels.*{MAX_PIXELS:,}"):
        load_image(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_refused_where_warnings_are_errors_too() -> None:
    with pytest.raises(InvalidImage, match="too many pixels"):
        load_image(bomb(10_000, 10_000))


def test_a_pil_image_of_too_many_pixels_is_refused() -> None:
    with pytest.raises(InvalidImage, match="too many pixels"):
        load_image(Image.new("1", (8001, 8000)))


HEADS = [b"", encoded()[:60], encoded("JPEG")[:300], encoded("WEBP")[:60], b"RIFF\x10\x00\x00\x00WEBPVP8X"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(head=st.sampled_from(HEADS), tail=st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_invalid_image(head: bytes, tail: bytes) -> None:
    try:
        image = load_image(head + tail)
    except InvalidImage:
        return
    assert image.media_type == sniff(image.data)


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(["JPEG", "PNG", "WEBP"]), data=st.data())
def test_a_changed_byte_raises_nothing_but_invalid_image(kind: str, data: st.DataObject) -> None:
    changed = bytearray(encoded(kind, (60, 40)))
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = load_image(bytes(changed))
    except InvalidImage:
        return
    assert isinstance(image, ReferenceImage)


@given(data=st.binary(max_size=64))
def test_sniffing_never_raises(data: bytes) -> None:
    assert sniff(data) is None or "/" in str(sniff(data))


def test_media_types_are_those_that_scenario_takes() -> None:
    assert {sniff(encoded(kind)) for kind in ("JPEG", "PNG", "WEBP")} == set(MEDIA_TYPES)
