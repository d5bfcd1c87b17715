"""Draws an image file anew, upright: for the photos whose camera only noted how they are to be turned."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps, JpegImagePlugin

from .metadata import is_lossless_webp, stripped

if TYPE_CHECKING:
    from collections.abc import Iterator

_ORIENTATION = 0x0112
_XMP = ("xmp", "XML:com.adobe.xmp")
#: Tried in turn where a JPEG or WEBP that is drawn anew comes out larger than a reference image may be.
_QUALITIES = (92, 80, 60)


def orientation(image: Image.Image) -> int:
    """How the loaded picture is to be turned, 1 (not at all) to 8, as its EXIF says; 1 where that cannot be read."""
    try:
        for other in _XMP:  # Pillow would believe it, and browsers do not
            image.info.pop(other, None)
        found = image.getexif().get(_ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 (metadata may be any bytes, and the picture is good without it)
        return 1
    return found if found in range(1, 9) else 1


def redrawn(data: bytes, media_type: str, *, most: int) -> bytes:
    """The picture of a JPEG, PNG or WEBP file as a new file of that kind: upright, in its colours, and nothing else.

    A PNG and a lossless WEBP lose nothing (but a PNG of 16 bits a colour becomes one of 8), a JPEG keeps its own quantisation
    and so nearly every pixel, a lossy WEBP is of quality 95. Of an animation the first frame stays. `most` bytes are aimed at;
    a JPEG or WEBP that passes them is made coarser. Raises what the decoder raises.
    """
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
        profile = image.info.get("icc_profile")
        ways = list(_ways(image, data, media_type))
        image.load()
        turn = orientation(image)
        upright = ImageOps.exif_transpose(image) if turn != 1 else image
        out = b""
        for way in ways:
            file = io.BytesIO()
            upright.save(file, icc_profile=profile, **way)
            # What the encoder took over from the old file of its own accord goes as well.
            out = stripped(file.getvalue(), media_type) or file.getvalue()
            if len(out) <= most:
                break
    return out


def _ways(image: Image.Image, data: bytes, media_type: str) -> Iterator[dict[str, Any]]:
    """The options to save it with, the best first."""
    if media_type == "image/png":
        yield {"format": "PNG"}
        return
    if media_type == "image/webp":
        lossless = is_lossless_webp(data)
        yield {"format": "WEBP", "lossless": lossless, "quality": 80 if lossless else 95, "exact": True}
    else:
        yield {"format": "JPEG", **_own_tables(image)}
    kind = media_type.removeprefix("image/").upper()
    yield from ({"format": kind, "quality": quality} for quality in _QUALITIES)


def _own_tables(image: Image.Image) -> dict[str, Any]:
    """How this JPEG was coded, for one that lies on its side also turned."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile) or image.mode == "CMYK":
        return {"quality": 95}
    tables: list[list[int]] = [list(image.quantization[key]) for key in sorted(image.quantization)]
    sideways = orientation(image) > 4
    if sideways:
        tables = [[table[8 * column + row] for row in range(8) for column in range(8)] for table in tables]
    sampling = JpegImagePlugin.get_sampling(image)
    if sampling == 1 and sideways:  # halved across would be halved downwards, which cannot be asked for
        sampling = 0
    return {"qtables": tables, "subsampling": sampling if sampling >= 0 else 0}
