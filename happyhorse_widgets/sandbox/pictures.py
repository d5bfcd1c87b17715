"""Looks at the bytes of an upload: is it an image that the API takes?"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import ExifTags, Image, UnidentifiedImageError

#: The largest image taken, in bytes.
MAX_SIZE = 10_000_000

_MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
# No more of Pillow's readers than give a good reason for a refusal.
_FORMATS = (*_MEDIA_TYPES, "GIF", "BMP", "TIFF")
# Well above any photograph, well below what would fill the memory.
_MAX_PIXELS = 100_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """What an image is: its media type, and its size in pixels as shown."""

    mime_type: str
    width: int
    height: int


def inspect(data: bytes) -> Picture | str:
    """The picture in these bytes, or what is wrong with them. Decodes the whole image: not for the server's loop."""
    if not data:
        return "The file is empty"
    if len(data) > MAX_SIZE:
        return f"The file has {len(data)} bytes; at most {MAX_SIZE} are allowed"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                return _inspect(image)
    except UnidentifiedImageError:
        return "The file is not an image"
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        # What Pillow raises for broken files differs by format.
        return "The image is broken or too large"


def _inspect(image: Image.Image) -> Picture | str:
    media_type = _MEDIA_TYPES.get(image.format or "")
    if media_type is None:
        return f"{image.format} images are not supported; use JPEG, PNG or WEBP"
    if image.width * image.height > _MAX_PIXELS:
        return f"The image has {image.width} x {image.height} pixels; at most {_MAX_PIXELS} are allowed"
    image.load()
    # Orientations 5 to 8 lie on their side.
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) in range(5, 9)
    return Picture(media_type, *(image.size[::-1] if turned else image.size))
