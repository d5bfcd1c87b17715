"""Small stills of finished clips."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from happyhorse_widgets.media.frames import poster

from .files import write_whole

if TYPE_CHECKING:
    from .files import Home

#: The longer side, in pixels.
_SIDE = 480


def draw_poster(home: Home, clip_id: str) -> None:
    """Draw a clip's first frame, small, to its place. Raises `MediaError` or `LibraryError` where that is not possible."""
    image = poster(home.clip(clip_id))
    image.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80, optimize=True)
    write_whole(home.poster(clip_id), buffer.getvalue())
