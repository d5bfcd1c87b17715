"""Files that are small until they are decoded, and paths that are no files: refused early, with little memory."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from happyhorse_widgets.errors import InvalidImage
from happyhorse_widgets.media.images import MAX_PIXELS, load_image


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *extra: bytes) -> bytes:
    """A PNG of a few bytes that promises width × height pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = zlib.compress(bytes(min(width, 500) * 3 * min(height, 500) + min(height, 500)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """A small JPEG whose header says otherwise."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "JPEG")
    data = bytearray(out.getvalue())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def webp_extended(width: int, height: int, frames: int = 0) -> bytes:
    """A WEBP whose canvas is width × height; with `frames` it is an animation of empty frames."""

    def part(kind: bytes, data: bytes) -> bytes:
        return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    def three(number: int) -> bytes:
        return struct.pack("<I", number)[:3]

    canvas = part(b"VP8X", bytes([2 if frames else 0, 0, 0, 0]) + three(width - 1) + three(height - 1))
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, "WEBP")
    still = out.getvalue()[12:]
    frame = part(b"ANMF", three(0) * 2 + three(15) * 2 + three(40) + b"\0" + still)
    body = part(b"ANIM", bytes(6)) + frame * frames if frames else still
    return b"RIFF" + struct.pack("<I", 4 + len(canvas) + len(body)) + b"WEBP" + canvas + body


def webp_lossless(width: int, height: int) -> bytes:
    """A WEBP that is nothing but a header, of the largest size that the format has."""
    bits = (width - 1) | (height - 1) << 14
    data = b"\x2f" + struct.pack("<I", bits) + bytes(32)
    body = b"VP8L" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


HUGE: dict[str, bytes] = {
    "PNG": png(50_000, 50_000),
    "PNG, as large as a header can say": png(2**31 - 1, 2**31 - 1),
    "PNG, animated": png(50_000, 50_000, chunk(b"acTL", struct.pack(">II", 1_000_000, 0))),
    "JPEG": jpeg(50_000, 50_000),
    "JPEG, as large as a header can say": jpeg(65_535, 65_535),
    "WEBP": webp_extended(16_384, 16_384),
    "WEBP, lossless": webp_lossless(16_384, 16_384),
    "WEBP, animated": webp_extended(16_384, 16_384, frames=200),
}


def refused(source: bytes | Path, words: str) -> int:
    """Refused with these words; the bytes of memory that it took."""
    tracemalloc.start()
    try:
        with pytest.raises(InvalidImage, match=words):
            load_image(source)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("bomb", HUGE)
def test_a_picture_with_too_many_pixels_is_refused_by_its_header(bomb: str) -> None:
    data = HUGE[bomb]
    assert len(data) < 60_000
    assert refused(data, "too many pixels.*|cannot be decoded.*") < 2_000_000


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("bomb", ["PNG", "JPEG", "WEBP, animated"])
def test_the_words_say_how_many_are_taken(bomb: str) -> None:
    refused(HUGE[bomb], f"too many pixels.*{MAX_PIXELS:,} are taken. Make it smaller")


@pytest.mark.parametrize(
    ("kind", "head"), [("zTXt", b"Comment\0\0"), ("iTXt", b"Comment\0\1\0\0\0"), ("iCCP", b"profile\0\0")]
)
def test_a_chunk_that_unpacks_to_400_MB_is_not_unpacked(kind: str, head: bytes) -> None:
    data = png(500, 500, chunk(kind.encode(), head + zlib.compress(bytes(400_000_000), 9)))
    assert len(data) < 1_000_000
    tracemalloc.start()
    with contextlib.suppress(InvalidImage):  # a profile is left out, a text is refused
        load_image(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def scans(count: int) -> bytes:
    """A progressive JPEG with the last of its scans `count` times."""
    out = io.BytesIO()
    Image.new("RGB", (256, 256)).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def test_a_jpeg_that_goes_over_its_picture_without_end_is_refused() -> None:
    assert load_image(scans(1)).width == 256
    refused(scans(100_000), "is a JPEG of more than 50 scans. Save it again")


# -- paths that are no files -----------------------------------------------------------------------------------------


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "fox.png")
    return folder / "fox.png"


def sparse(folder: Path) -> Path:
    path = folder / "fox.png"
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.truncate(3_000_000_000)
    return path


def listening(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as endpoint:
        endpoint.bind(str(folder / "fox.png"))
    return folder / "fox.png"


def linked(target: str) -> Callable[[Path], Path]:
    def link(folder: Path) -> Path:
        (folder / "fox.png").symlink_to(target)
        return folder / "fox.png"

    return link


NO_FILES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a pipe that nobody writes to": (fifo, "not a regular file"),
    "/dev/zero": (lambda _: Path("/dev/zero"), "not a regular file"),
    "/dev/random behind a link": (linked("/dev/random"), "not a regular file"),
    "a terminal": (lambda _: Path("/dev/ptmx"), "not a regular file"),
    "a socket": (listening, "cannot be read|not a regular file"),
    "a folder": (lambda folder: folder, "is a folder"),
    "3 GB of nothing": (sparse, "3,000,000,008|3,000,000,000 bytes"),
    "a link to itself": (linked("fox.png"), "cannot be read"),
    "the kernel's memory": (lambda _: Path("/proc/self/mem"), "is empty|cannot be read"),
    "what the kernel says": (lambda _: Path("/proc/self/maps"), "is empty"),
}


@pytest.mark.parametrize("case", NO_FILES)
def test_a_path_that_is_no_file_is_refused_at_once(case: str, tmp_path: Path) -> None:
    make, words = NO_FILES[case]
    assert refused(make(tmp_path), words) < 2_000_000
