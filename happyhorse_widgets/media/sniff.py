"""What kind of file some bytes are, by their first few bytes and never by a name."""

from __future__ import annotations

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
)
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic",
    b"mif1": "image/heic",
    b"msf1": "image/heic",
}
_NAMES = {
    "image/jpeg": "a JPEG",
    "image/png": "a PNG",
    "image/webp": "a WEBP",
    "image/gif": "a GIF",
    "image/bmp": "a BMP",
    "image/tiff": "a TIFF",
    "image/svg+xml": "an SVG",
    "image/avif": "an AVIF",
    "image/heic": "a HEIC photo",
    "image/x-icon": "an icon file",
    "image/vnd.adobe.photoshop": "a Photoshop document",
    "application/pdf": "a PDF",
    "application/zip": "a ZIP archive (or an Office document)",
    "application/gzip": "a gzip archive",
    "text/html": "a web page",
    "video/mp4": "an MP4 video",
    "video/webm": "a WEBM video",
}


def sniff(data: bytes) -> str | None:
    """The media type of `data`, or None where it is not known.

    It knows the image types that Scenario takes (JPEG, PNG, WEBP) and those that people hand in by mistake
    (PDF, GIF, HEIC, SVG, MP4, a saved web page …), so that an error can name them.
    """
    for magic, media_type in _MAGIC:
        if data.startswith(magic):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "video/mp4")
    if data[:2] == b"BM" and data[6:10] == bytes(4):
        return "image/bmp"
    return _sniff_text(data)


def described(media_type: str | None) -> str:
    """The kind of file in a person's words, such as "a PDF"."""
    return _NAMES.get(media_type or "", "not an image that is known here")


def _sniff_text(data: bytes) -> str | None:
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    if head.startswith(b"<svg") or (head.startswith(b"<?xml") and b"<svg" in head):
        return "image/svg+xml"
    return None
