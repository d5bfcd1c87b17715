"""What a photo says beside its picture does not leave this machine, and its picture stays as it is."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageOps, PngImagePlugin

from happyhorse_widgets.errors import InvalidImage
from happyhorse_widgets.media.images import MAX_BYTES, load_image
from happyhorse_widgets.media.metadata import stripped
from happyhorse_widgets.media.upright import redrawn

CANARY = "CANARY-48.8583N-2.2944E"
XMP = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf>{CANARY}</rdf></x:xmpmeta>".encode()
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
KINDS = ("JPEG", "PNG", "WEBP")
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
#: The same words as text and as Windows writes them.
HIDDEN = (CANARY.encode(), CANARY.encode("utf-16-le"), CANARY.encode("utf-16-be"))


def picture(size: tuple[int, int] = (96, 64), mode: str = "RGB") -> Image.Image:
    """Smooth, with a corner of its own, so that a turn shows."""
    across, down = np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1])
    red, green = np.meshgrid(across, down)
    pixels = np.dstack([red, green, 255 - (red + green) / 2]).astype(np.uint8)
    pixels[: size[1] // 4, : size[0] // 4] = (255, 255, 0)
    return Image.fromarray(pixels).convert(mode)


def exif(orientation: int | None = None) -> Image.Exif:
    """What a phone writes: its make, its owner, a comment, and the place."""
    found = Image.Exif()
    found[ExifTags.Base.Make] = CANARY
    found[ExifTags.Base.XPComment] = CANARY.encode("utf-16-le")
    if orientation is not None:
        found[ExifTags.Base.Orientation] = orientation
    found.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.CameraOwnerName] = CANARY
    place = found.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSLatitude] = "N", (48.0, 51.0, 29.9)
    place[ExifTags.GPS.GPSAreaInformation] = CANARY
    return found


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def photo(
    kind: str, image: Image.Image | None = None, orientation: int | None = None, **options: Any
) -> bytes:
    """A file that says all that a file of its kind can say."""
    image = image or picture()
    options = {"exif": exif(orientation), "icc_profile": PROFILE, "xmp": XMP} | options
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", CANARY)
        text.add_text("Author", CANARY, zip=True)
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options = {name: value for name, value in options.items() if name != "xmp"} | {"pnginfo": text}
    elif kind == "JPEG":
        options |= {"comment": CANARY.encode(), "dpi": (72, 72), "quality": 90}
    return saved(image, kind, **options)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def says_nothing(data: bytes) -> None:
    """No planted word, packed or plain, and nothing that Pillow takes for metadata."""
    assert not any(hidden in data for hidden in HIDDEN)
    image = opened(data)
    assert dict(image.getexif()) == {}
    left = set(image.info) - {
        "icc_profile",
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
        "dpi",
        "adobe",
    }
    assert not left & {"exif", "xmp", "comment", "photoshop", "mp", "XML:com.adobe.xmp", "Comment", "Author"}
    assert not any(CANARY in str(value) for value in image.info.values())


def same_pixels(one: bytes, other: bytes) -> None:
    first, second = opened(one), opened(other)
    assert (first.mode, first.size) == (second.mode, second.size)
    assert first.tobytes() == second.tobytes()


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def riff(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "little") + payload + b"\0" * (len(payload) % 2)


# -- every kind --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_photo_says_goes_and_every_pixel_and_the_colours_stay(kind: str) -> None:
    data = photo(kind)
    assert CANARY.encode() in data  # or the test would show nothing
    image = load_image(data, name="holiday")
    says_nothing(image.data)
    same_pixels(data, image.data)
    assert opened(image.data).info["icc_profile"] == PROFILE
    assert image.sha256 == hashlib.sha256(image.data).hexdigest()
    assert image.given is not None
    assert (image.given.data, image.given.sha256) == (data, hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("kind", KINDS)
def test_metadata_is_kept_where_it_is_asked_for(kind: str) -> None:
    data = photo(kind, orientation=6)
    image = load_image(data, keep_metadata=True)
    assert (image.data, image.given) == (data, None)
    assert (image.width, image.height) == (64, 96)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_photo_on_its_side_is_turned_for_good(kind: str, orientation: int) -> None:
    data = photo(kind, orientation=orientation, **({"lossless": True} if kind == "WEBP" else {}))
    image = load_image(data)
    says_nothing(image.data)
    expected = np.asarray(ImageOps.exif_transpose(opened(data))).astype(int)
    shown = np.asarray(opened(image.data)).astype(int)
    assert shown.shape == expected.shape == (image.height, image.width, 3)
    assert np.abs(shown - expected).mean() <= (1.0 if kind == "JPEG" else 0.0)
    assert opened(image.data).info["icc_profile"] == PROFILE


@pytest.mark.parametrize("kind", KINDS)
def test_what_only_xmp_says_of_its_side_turns_nothing(kind: str) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        data = saved(picture(), kind, pnginfo=text)
    else:
        data = saved(picture(), kind, xmp=xmp)
    assert ImageOps.exif_transpose(opened(data)).size == picture().size[::-1], "Pillow would turn it"
    assert opened(load_image(data).data).size == picture().size


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", [None, 6])
def test_the_same_file_gives_the_same_bytes(kind: str, orientation: int | None) -> None:
    data = photo(kind, orientation=orientation)
    first, second = load_image(data, name="a"), load_image(bytearray(data), name="b")
    assert first.sha256 == second.sha256
    again = load_image(first.data)
    assert (again.data, again.given) == (first.data, None)  # and there is nothing more to take out


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_without_metadata_is_not_touched(kind: str) -> None:
    data = saved(picture(), kind)
    image = load_image(data)
    assert (image.data, image.given) == (data, None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", [CANARY.encode(), b"\0" * 7 + CANARY.encode() * 900])
def test_nothing_after_the_end_of_the_picture_is_kept(kind: str, more: bytes) -> None:
    clean = saved(picture(), kind)
    assert load_image(clean + more).data == clean


@pytest.mark.parametrize("kind", KINDS)
def test_exif_that_cannot_be_read_goes_too(kind: str) -> None:
    broken = b"Exif\0\0MM\0*\xff\xff\xff\xff" + CANARY.encode()
    image = load_image(saved(picture(), kind, exif=broken))
    says_nothing(image.data)


# -- JPEG --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}, {"optimize": True}], ids=str
)
def test_every_way_to_code_a_jpeg(mode: str, options: dict[str, Any]) -> None:
    data = photo("JPEG", picture(mode=mode), **options)
    image = load_image(data)
    says_nothing(image.data)
    same_pixels(data, image.data)


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_grey_or_cmyk_jpeg_is_turned_in_its_own_colours(mode: str, orientation: int) -> None:
    data = photo("JPEG", picture(mode=mode), orientation=orientation)
    shown, expected = opened(load_image(data).data), ImageOps.exif_transpose(opened(data))
    assert (shown.mode, shown.size) == (expected.mode, expected.size)
    assert np.abs(np.asarray(shown).astype(int) - np.asarray(expected).astype(int)).mean() < 2


SEGMENTS = {
    "photoshop": segment(0xED, b"Photoshop 3.0\0" + CANARY.encode()),
    "maker": segment(0xE5, CANARY.encode()),
    "preview list": segment(0xE2, b"MPF\0" + CANARY.encode()),
    "extended xmp": segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + CANARY.encode()),
    "second exif": segment(0xE1, b"Exif\0\0" + CANARY.encode()),
    "jfif preview": segment(0xE0, b"JFXX\0\x13" + CANARY.encode()),
    "provenance": segment(0xEB, b"JP\0\1" + CANARY.encode()),
    "comment": segment(0xFE, CANARY.encode()),
    "empty": segment(0xFE, b""),
    "reserved": segment(0xF7, CANARY.encode()),
    "adobe and more": segment(0xEE, b"Adobe\0d\0\0\0\0\1" + CANARY.encode()),
    "between segments": b"\0\0" + CANARY.encode() + b"\0",
    "padding": b"\xff\xff\xff",
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_a_jpeg_segment_that_is_not_the_picture_goes(name: str) -> None:
    clean = saved(picture(), "JPEG", comment=b"")
    head = 2 + 18  # the start and JFIF
    data = clean[:head] + SEGMENTS[name] + clean[head:]
    found = stripped(data, "image/jpeg")
    assert found is not None
    says_nothing(found)
    same_pixels(clean, found)


def test_a_preview_in_jfif_goes() -> None:
    clean = saved(picture(), "JPEG")
    preview = CANARY.encode().ljust(3 * 10)
    jfif = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1" + bytes([10, 1]) + preview)
    assert stripped(clean[:2] + jfif + clean[20:], "image/jpeg") == clean


def test_a_comment_between_the_scans_of_a_progressive_jpeg_goes() -> None:
    clean = saved(picture(), "JPEG", progressive=True)
    second = clean.index(b"\xff\xda", clean.index(b"\xff\xda") + 2)
    tables = clean.rindex(b"\xff\xc4", 0, second)  # the Huffman table before it
    data = clean[:tables] + segment(0xFE, CANARY.encode()) + clean[tables:]
    assert stripped(data, "image/jpeg") == clean


@pytest.mark.parametrize(
    "tail", [b"", b"\xff", b"\xff\xe1", b"\xff\xe1\0\1", b"\xff\xe1\0", b"\xff\xe1\xff\xff" + CANARY.encode()]
)
def test_a_jpeg_whose_segments_lead_nowhere_is_not_followed(tail: bytes) -> None:
    clean = saved(picture(), "JPEG")
    assert stripped(clean[:20] + tail, "image/jpeg") is None
    with pytest.raises(InvalidImage, match="cannot be decoded"):
        load_image(clean[:20] + tail)


def test_a_jpeg_of_nothing_but_markers_ends_soon() -> None:
    assert stripped(b"\xff\xd8" + b"\xff" * 9_000_000, "image/jpeg") is None
    assert stripped(b"\xff\xd8" + segment(0xDA, bytes(10)) + b"\xff" * 9_000_000, "image/jpeg") is None


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_what_comes_out_too_large_when_it_is_drawn_anew_is_made_coarser(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), kind, quality=98, exif=exif(6))
    free = redrawn(data, TYPES[kind], most=MAX_BYTES)
    bound = redrawn(data, TYPES[kind], most=len(free) * 2 // 3)
    assert len(bound) <= len(free) * 2 // 3
    assert opened(bound).size == opened(free).size


# -- PNG ---------------------------------------------------------------------------------------------------------------


def sixteen_bits() -> bytes:
    """A colour PNG of 16 bits, which Pillow cannot write."""
    row = b"\0" + np.arange(64 * 3, dtype=">u2").tobytes()
    header = struct.pack(">IIBBBBB", 64, 48, 16, 2, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"tEXt", b"Comment\0" + CANARY.encode()),
            chunk(b"eXIf", exif().tobytes()[6:]),
            chunk(b"IDAT", zlib.compress(row * 48)),
            chunk(b"IEND", b""),
        ]
    )


def test_a_png_of_sixteen_bits_keeps_them() -> None:
    data = sixteen_bits()
    image = load_image(data)
    says_nothing(image.data)
    packed = data[data.index(b"IDAT") - 4 : data.index(b"IEND") - 4]
    assert packed in image.data
    grey = photo("PNG", Image.fromarray(np.arange(4800, dtype=np.uint16).reshape(60, 80)))
    same_pixels(grey, load_image(grey).data)


@pytest.mark.parametrize("orientation", [None, 8])
@pytest.mark.parametrize("mode", ["P", "PA", "L", "LA", "RGBA", "1"])
def test_every_kind_of_png(mode: str, orientation: int | None) -> None:
    image = picture(mode="RGBA" if mode == "PA" else mode if mode != "RGBA" else "RGB").convert(
        mode if mode != "PA" else "P"
    )
    options: dict[str, Any] = {"transparency": 3} if mode == "PA" else {}
    data = photo("PNG", image, orientation=orientation, **options)
    clean = load_image(data).data
    says_nothing(clean)
    expected = opened(data) if orientation is None else ImageOps.exif_transpose(opened(data))
    assert opened(clean).convert("RGBA").tobytes() == expected.convert("RGBA").tobytes()
    assert opened(clean).mode == expected.mode


CHUNKS = {
    "time": chunk(b"tIME", b"\x07\xe8\1\2\3\4\5"),
    "text": chunk(b"tEXt", b"GPS\0" + CANARY.encode()),
    "packed": chunk(b"zTXt", b"x\0\0" + zlib.compress(CANARY.encode())),
    "exif": chunk(b"eXIf", b"MM\0*" + CANARY.encode()),
    "private": chunk(b"caBX", CANARY.encode()),
    "palette": chunk(b"sPLT", CANARY.encode() + b"\0\x08"),
    "unknown": chunk(b"ABCD", CANARY.encode()),
    "swollen": chunk(b"gAMA", b"\0\0\xb1\x8f" + CANARY.encode()),
    "density": chunk(b"pHYs", bytes(9) + CANARY.encode()),
}


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("name", CHUNKS)
def test_a_png_chunk_that_is_not_the_picture_goes(name: str, place: str) -> None:
    clean = saved(picture(), "PNG")
    at = clean.index(b"IDAT" if place == "before" else b"IEND") - 4
    assert stripped(clean[:at] + CHUNKS[name] + clean[at:], "image/png") == clean


def test_the_name_of_a_colour_profile_goes_and_the_profile_stays() -> None:
    clean = saved(picture(), "PNG")
    at = clean.index(b"IDAT") - 4
    profile = chunk(b"iCCP", CANARY.encode() + b"\0\0" + zlib.compress(PROFILE))
    found = stripped(clean[:at] + profile + clean[at:], "image/png")
    assert found is not None
    says_nothing(found)
    assert opened(found).info["icc_profile"] == PROFILE


def test_an_end_that_says_something_is_replaced() -> None:
    clean = saved(picture(), "PNG")
    assert stripped(clean[:-12] + chunk(b"IEND", CANARY.encode()), "image/png") == clean


def test_an_animated_png_keeps_its_frames() -> None:
    frames = [picture(), picture().rotate(180)]
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", CANARY)
    data = saved(frames[0], "PNG", save_all=True, append_images=frames[1:], pnginfo=text, duration=90)
    image = load_image(data)
    says_nothing(image.data)
    assert image.frames == 2
    second = opened(image.data)
    second.seek(1)
    assert second.convert("RGB").tobytes() == frames[1].tobytes()


# -- WEBP --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [False, True])
def test_every_kind_of_webp(mode: str, lossless: bool) -> None:
    image = picture().convert(mode)
    if mode == "RGBA":
        image.putalpha(picture(mode="L"))
    data = photo("WEBP", image, lossless=lossless)
    clean = load_image(data).data
    says_nothing(clean)
    same_pixels(data, clean)
    assert len(clean) == 8 + int.from_bytes(clean[4:8], "little")
    assert clean[12:16] == b"VP8X"
    assert clean[20] & 0b1100 == 0  # which would say that EXIF and XMP follow


def test_an_animated_webp_keeps_its_frames_and_times() -> None:
    frames = [
        picture(),
        picture().rotate(180),
        picture().transpose(Image.Transpose.TRANSPOSE).resize((96, 64)),
    ]
    data = photo(
        "WEBP", frames[0], save_all=True, append_images=frames[1:], duration=[90, 40, 60], lossless=True
    )
    image = load_image(data)
    says_nothing(image.data)
    assert image.frames == 3
    before, after = opened(data), opened(image.data)
    for number in range(3):
        before.seek(number)
        after.seek(number)
        assert before.tobytes() == after.tobytes()
        assert before.info["duration"] == after.info["duration"]


def test_what_hides_in_a_frame_of_an_animation_goes() -> None:
    frames = [picture(), picture().rotate(180)]
    data = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    at = data.index(b"ANMF")
    length = int.from_bytes(data[at + 4 : at + 8], "little")
    frame = data[at + 8 : at + 8 + length] + riff(b"XYZW", CANARY.encode())
    body = data[8:at] + riff(b"ANMF", frame) + data[at + 8 + length + length % 2 :]
    hiding = b"RIFF" + len(body).to_bytes(4, "little") + body
    assert stripped(hiding, "image/webp") == stripped(data, "image/webp") == data


@pytest.mark.parametrize("kind", [b"EXIF", b"XMP ", b"ABCD"])
def test_a_webp_chunk_that_is_not_the_picture_goes(kind: bytes) -> None:
    clean = saved(picture(), "WEBP")
    body = clean[8:] + riff(kind, CANARY.encode())
    assert stripped(b"RIFF" + len(body).to_bytes(4, "little") + body, "image/webp") == clean


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_file_is_not_followed(kind: str) -> None:
    data = photo(kind)
    for length in (13, 20, len(data) // 2, len(data) - 3):
        assert stripped(data[:length], TYPES[kind]) is None


# -- anything ----------------------------------------------------------------------------------------------------------


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_a_changed_file_gives_a_picture_that_says_nothing_or_an_error(kind: str, data: st.DataObject) -> None:
    changed = bytearray(photo(kind, picture((24, 16))))
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = load_image(bytes(changed))
    except InvalidImage:
        return
    assert not any(hidden in image.data for hidden in HIDDEN)
    assert load_image(bytes(changed)).data == image.data


@settings(max_examples=300)
@given(kind=st.sampled_from(KINDS), body=st.binary(max_size=400))
def test_any_bytes_are_walked_through(kind: str, body: bytes) -> None:
    head = {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n", "WEBP": b"RIFF\x90\1\0\0WEBP"}[kind]
    found = stripped(head + body, TYPES[kind])
    assert found is None or stripped(found, TYPES[kind]) == found


@settings(max_examples=100)
@given(kind=st.sampled_from(KINDS), words=st.binary(min_size=12, max_size=60), place=st.integers(0, 3))
def test_words_planted_anywhere_between_the_parts_are_not_kept(kind: str, words: bytes, place: int) -> None:
    words = b"\x01\x7fcanary" + words.replace(b"\xff", b"\0")
    clean = saved(picture((24, 16)), kind)
    plant = {
        "JPEG": lambda: [segment(marker, words) for marker in (0xE1, 0xE9, 0xEF, 0xFE)],
        "PNG": lambda: [chunk(name, words) for name in (b"tEXt", b"iTXt", b"eXIf", b"prIv")],
        "WEBP": lambda: [riff(name, words) for name in (b"EXIF", b"XMP ", b"priv", b"JUNK")],
    }[kind]()[place]
    at = {"JPEG": 20, "PNG": 33, "WEBP": len(clean)}[kind]
    data = clean[:at] + plant + clean[at:]
    if kind == "WEBP":
        data = data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]
    assert load_image(data).data == clean
