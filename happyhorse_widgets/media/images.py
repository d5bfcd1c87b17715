"""Reference images: read, recognised by their bytes, and checked before anything is uploaded or paid."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from PIL import Image, ImageOps

from happyhorse_widgets.errors import InvalidImage
from happyhorse_widgets.text import whole

from .metadata import stripped
from .sniff import described, sniff
from .upright import orientation, redrawn

if TYPE_CHECKING:
    from typing import TypeGuard

    from numpy.typing import NDArray

__all__ = [
    "ADVISED_RATIO",
    "ADVISED_SIDE",
    "LARGEST_REFUSED_SIDE",
    "MAX_BYTES",
    "MAX_PIXELS",
    "MEDIA_TYPES",
    "ImageSource",
    "ReferenceImage",
    "is_array",
    "load_image",
    "require_large",
    "sniff",
]

#: Scenario's bound for one reference image.
MAX_BYTES = 10_000_000
#: Our own bound: a small file can hold an image that fills the memory when decoded (here up to 256 MB).
MAX_PIXELS = 64_000_000
#: Up to so many pixels on its shortest side, an image is not worth its clip: half of what Scenario advises.
LARGEST_REFUSED_SIDE = 200
#: The shortest side, in pixels, that Scenario advises at least.
ADVISED_SIDE = 400
#: How many times as long as its shorter side the longer one may be before we advise against it. No clip is longer than 21:9.
ADVISED_RATIO = 2.5
#: What Scenario takes, with the usual file extensions.
MEDIA_TYPES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}

#: What `load_image` takes.
ImageSource: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | NDArray[Any]"
)

_SHRINK = 'Shrink it, for example: Image.open("big.png").convert("RGB").save("small.jpg", quality=90).'
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_START_OF_SCAN = b"\xff\xda"
#: A progressive JPEG has about ten. Each goes over the whole picture again, and an empty one takes a few bytes.
_MAX_SCANS = 50


@dataclass(frozen=True, slots=True)
class ReferenceImage:
    """One checked reference image: the very bytes that are uploaded, and what is known about them.

    `width` and `height` are in pixels as shown, with the EXIF orientation applied. `sha256` is the
    hexadecimal hash of `data`. `frames` is above 1 for an animation. `clip_id` names the clip that it is a frame of, if any;
    `alias` is the person's own name for it. `given` is the file as it came, where metadata was taken out of it, else None.
    """

    data: bytes = field(repr=False)
    name: str
    media_type: str
    width: int
    height: int
    sha256: str
    frames: int = 1
    clip_id: str | None = None
    alias: str = ""
    given: ReferenceImage | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("name", "alias"):
            object.__setattr__(self, name, whole(getattr(self, name)))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is advised against but allowed, one sentence each."""
        found = []
        side = min(self.width, self.height)
        if side < ADVISED_SIDE:
            found.append(
                f"{self.name}: the shortest side is {side} px; at least {ADVISED_SIDE} px is advised."
            )
        ratio = max(self.width, self.height) / side
        if ratio > ADVISED_RATIO:
            longer = "wide as high" if self.width > self.height else "high as wide"
            found.append(
                f"{self.name}: it is {ratio:.1f} times as {longer}; at most {ADVISED_RATIO} is advised."
            )
        if self.frames > 1:
            found.append(
                f"{self.name}: an animation of {self.frames} frames. The model takes still images: "
                "expect only the first frame to count."
            )
        return tuple(found)

    def thumbnail(self, side: int = 160) -> bytes:
        """A small still of at most `side` × `side` pixels: JPEG, or WEBP where something is transparent."""
        with Image.open(io.BytesIO(self.data)) as image:
            image.draft("RGB", (side * 2, side * 2))
            small = ImageOps.exif_transpose(image)
            small.thumbnail((side, side), reducing_gap=2.0)
        out = io.BytesIO()
        if small.has_transparency_data:
            small.convert("RGBA").save(out, "WEBP", quality=85)
        else:
            small.convert("RGB").save(out, "JPEG", quality=85)
        return out.getvalue()


def require_large(name: str, width: int, height: int) -> None:
    """Raise `InvalidImage` for a reference image of so many pixels, as shown, that is too small to be one; 0 × 0 is not known.

    `load_image` takes it all the same: what was kept of an earlier clip can be shown, whatever its size.
    """
    if 0 < min(width, height) <= LARGEST_REFUSED_SIDE:
        raise InvalidImage(
            f"{name} is too small ({width} × {height} px): the shortest side must have more than {LARGEST_REFUSED_SIDE} px; at"
            f" least {ADVISED_SIDE} px is advised. Give a larger version of it."
        )


def load_image(
    source: ImageSource, *, name: str | None = None, keep_metadata: bool = False
) -> ReferenceImage:
    """Read and check one reference image.

    `source` is the path of a JPEG, PNG or WEBP file, the bytes of one, a PIL image, or a numpy array
    (height, width), (height, width, 3) or (height, width, 4), either uint8 or float 0–1. An image or array becomes a PNG, or
    a WEBP of quality 95 where the PNG would pass 10 MB. `name` is what messages call it; by default the file's name.

    What a file says beside its picture (place, time, camera, owner, comments, previews) is taken out, and every pixel stays;
    a photo that is only marked as lying on its side is turned for good. With `keep_metadata` the bytes of a file stay as they
    are. The same file gives the same bytes each time.

    Raises `InvalidImage` that says what was given and what to do: a missing or empty file, a folder, another
    kind of file, more than 10,000,000 bytes or 64,000,000 pixels, an image that cannot be decoded.
    """
    if isinstance(source, str | os.PathLike):
        path = _path(source)
        return _taken(_read(path), name or path.name, keep_metadata)
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
        extension = MEDIA_TYPES.get(sniff(data) or "")
        return _taken(data, name or (f"image.{extension}" if extension else "the image"), keep_metadata)
    if isinstance(source, Image.Image):
        return _encoded(source, name or Path(str(getattr(source, "filename", "") or "image")).stem)
    if is_array(source):
        return _encoded(_from_array(source), name or "array")
    kind = type(source).__name__
    raise InvalidImage(f"{kind} is not an image. Give a path, a file's bytes, a PIL image or a numpy array.")


def _path(source: str | os.PathLike[str]) -> Path:
    text = os.fspath(source)
    if not isinstance(text, str):
        raise InvalidImage("A path given as bytes is not supported. Give it as str or pathlib.Path.")
    if text.lower().startswith(("http://", "https://", "data:")):
        raise InvalidImage("An address is not a file. Fetch it first, and give its bytes.")
    if text.startswith("asset_") and not Path(text).exists():
        raise InvalidImage(
            f"{text} looks like a Scenario asset id. A file is needed here, and none is so called."
        )
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InvalidImage(f"{text}: this home folder is not known. Give the whole path.") from None


def _without_waiting(name: str, flags: int) -> int:
    # To open a pipe may take for ever.
    return os.open(name, flags | _NONBLOCK)


def _read(path: Path) -> bytes:
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            found = os.fstat(file.fileno())
            if stat.S_ISREG(found.st_mode):
                _check_size(found.st_size, path.name)
                return file.read(MAX_BYTES + 1)  # and no more, should it grow
        problem = "is not a regular file. Give the path of one image."
    except FileNotFoundError:
        problem = f"does not exist (looked from {Path.cwd()}). Check the name and the folder."
    except IsADirectoryError:
        problem = "is a folder. Give the path of one image."
    except InvalidImage:
        raise
    except (OSError, ValueError) as error:
        problem = f"cannot be read ({getattr(error, 'strerror', None) or error})."
    raise InvalidImage(f"{str(path)!r} {problem}")


def _check_size(size: int, name: str) -> None:
    if size == 0:
        raise InvalidImage(f"{name} is empty. Save or download it again.")
    if size > MAX_BYTES:
        allowed = f"Scenario takes at most {MAX_BYTES:,} (10 MB)"
        raise InvalidImage(f"{name} has {size:,} bytes ({size / 1e6:.1f} MB); {allowed}. {_SHRINK}")


def _taken(data: bytes, name: str, keep_metadata: bool) -> ReferenceImage:
    """The checked image of a file, without its metadata unless that is to be kept."""
    given, turn = _checked(data, name)
    if keep_metadata:
        return given
    clean = stripped(data, given.media_type) if turn == 1 else None
    if clean is None:  # it is to be turned, or only a decoder finds its way through it
        try:
            clean = redrawn(data, given.media_type, most=MAX_BYTES)
        except (OSError, ValueError, MemoryError) as error:
            raise InvalidImage(f"{name} cannot be freed of its metadata ({error}). Save it again.") from error
    if clean == data:
        return given
    return replace(_checked(clean, name)[0], given=given)


def _checked(data: bytes, name: str) -> tuple[ReferenceImage, int]:
    """The image, and how EXIF says it is to be turned; raises `InvalidImage` unless it is whole and of a kind to take."""
    _check_size(len(data), name)
    media_type = sniff(data)
    kind = described(media_type)
    if media_type not in MEDIA_TYPES:
        allowed = "the model takes JPEG, PNG and WEBP"
        raise InvalidImage(f"{name} is {kind}; {allowed}. Save the picture as one of these.")
    try:
        width, height, frames, turn = _decode(data, name)
    except InvalidImage:
        raise
    except MemoryError:
        raise InvalidImage(f"{name} needs more memory than there is. {_SHRINK}") from None
    except Exception as error:  # a decoder that meets arbitrary bytes raises nearly anything
        advice = "Save or download it again"
        raise InvalidImage(f"{name} begins like {kind} but cannot be decoded ({error}). {advice}.") from error
    sha256 = hashlib.sha256(data).hexdigest()
    return ReferenceImage(data, name, media_type, width, height, sha256, frames), turn


def _decode(data: bytes, name: str) -> tuple[int, int, int, int]:
    """Width and height as shown, the number of frames and the orientation, after decoding the first frame whole."""
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(name) from None
    with image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise _too_many_pixels(name, f" ({width} × {height})")
        if sniff(data) == "image/jpeg" and data.count(_START_OF_SCAN) > _MAX_SCANS:
            raise InvalidImage(f"{name} is a JPEG of more than {_MAX_SCANS} scans. Save it again.")
        # A phone's JPEG may carry a second picture (a preview, a gain map), which is no animation.
        frames = 1 if sniff(data) == "image/jpeg" else int(getattr(image, "n_frames", 1))
        # A JPEG is read to its end also where only an eighth of it is computed.
        image.draft("RGB", (image.width // 8, image.height // 8))
        image.load()
        turn = orientation(image)
    return *((height, width) if turn > 4 else (width, height)), frames, turn


def _too_many_pixels(name: str, size: str = "") -> InvalidImage:
    return InvalidImage(
        f"{name} has too many pixels{size}; at most {MAX_PIXELS:,} are taken. Make it smaller."
    )


def is_array(source: object) -> TypeGuard[NDArray[Any]]:
    """Whether it is a numpy array. Who has one has imported NumPy: it is not imported to ask."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(source, numpy.ndarray)


def _from_array(array: NDArray[Any]) -> Image.Image:
    import numpy as np

    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or 0 in array.shape:
        allowed = "(height, width), (height, width, 3) or (height, width, 4)"
        raise InvalidImage(f"An array of shape {array.shape} is not an image. Give {allowed}.")
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise InvalidImage(
                "A floating-point image must lie within 0–1. Divide by 255 or convert to uint8."
            )
        array = np.rint(array * 255)
    elif array.dtype != np.uint8:
        allowed = "uint8 (0–255) or floating point (0–1)"
        raise InvalidImage(f"An array of {array.dtype} is not an image. Give {allowed}.")
    return Image.fromarray(np.ascontiguousarray(array, dtype=np.uint8))


def _encoded(image: Image.Image, stem: str) -> ReferenceImage:
    """The image as a file: PNG, or WEBP of quality 95 where the PNG would be too large."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_many_pixels(stem, f" ({width} × {height})")
    if image.mode.startswith(("I", "F")):
        raise InvalidImage(
            f"{stem} has more than 8 bits a channel (mode {image.mode}). Scale it to 0–255 first."
        )
    out = io.BytesIO()
    try:
        image = ImageOps.exif_transpose(image)
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        image.save(out, "PNG")
        if out.tell() > MAX_BYTES:
            out = io.BytesIO()
            image.save(out, "WEBP", quality=95)
    except (OSError, ValueError) as error:
        raise InvalidImage(f"{stem} ({width} × {height}) cannot be saved as an image ({error}).") from error
    data = out.getvalue()
    suffix = f".{MEDIA_TYPES[sniff(data) or '']}"
    return _taken(data, stem if stem.endswith(suffix) else stem + suffix, keep_metadata=False)
