"""Looking at a clip's file: as a video in a notebook, as frames, as a copy elsewhere."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from happyhorse_widgets.errors import HappyHorseError, LibraryError
from happyhorse_widgets.media import frames as video_frames

from .recorded import Recorded

if TYPE_CHECKING:
    import os

    import numpy as np
    from IPython.display import Video
    from PIL import Image


class Viewable(Recorded):
    """The part of a clip that shows its file. All of it raises where there is none (yet), and says why."""

    def video(self, embed: bool | None = None, width: int | None = None) -> Video:
        """The finished clip as an `IPython.display.Video`.

        `embed` puts the file's bytes into the notebook (a third larger than the file); by default the notebook points to the
        file where that is below the working folder, and embeds it elsewhere. `width` is in CSS pixels.
        """
        from IPython.display import Video  # heavy, and not needed by a script

        path = self._finished()
        below = path.is_relative_to(Path.cwd())
        if embed or (embed is None and not below):
            source: dict[str, Any] = {"data": path.read_bytes(), "embed": True}
        else:
            # An absolute path is no address; Jupyter serves what lies below the notebook.
            source = {
                "url": quote((path.relative_to(Path.cwd()) if below else path).as_posix()),
                "embed": False,
            }
        return Video(**source, mimetype="video/mp4", width=width, html_attributes="controls")  # type: ignore[no-untyped-call]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Copy the finished MP4 to a file, or into a folder under the clip's own name. Returns where it is.

        A file of that name is replaced. Raises OSError where it cannot be written.
        """
        target = Path(path).expanduser()
        if target.is_dir():
            target = target / self._finished().name
        with contextlib.suppress(shutil.SameFileError):
            shutil.copyfile(self._finished(), target)
        return target

    def poster(self) -> Image.Image:
        """The first frame as a PIL image of the clip's own size."""
        return video_frames.poster(self._finished())

    def frames(self, n: int) -> np.ndarray[Any, Any]:
        """`n` frames, evenly spaced from the first to the last: uint8, shape (n, height, width, 3)."""
        return video_frames.sample(self._finished(), n)

    def last_frame(self) -> Image.Image:
        """The last frame as a PIL image: a reference from which another clip goes on."""
        return video_frames.last_frame(self._finished())

    def poster_jpeg(self) -> bytes | None:
        """A small JPEG of the first frame, at most about 40 KB; None before the clip is done."""
        file = self._home / "posters" / f"{self.id}.jpg"
        return file.read_bytes() if self.is_done and file.exists() else None

    def _finished(self) -> Path:
        path = self.path
        if path is None and self.is_done:
            raise LibraryError(
                f"The file of clip {self.id} went with the trash. Once the clip is restored, session.library.check() downloads "
                "it again if Scenario still has it; clip.remake() makes it anew, and is paid."
            )
        if path is None:
            raise self.error or HappyHorseError(
                f"Clip {self.id} is not ready yet: await it first (it is {self.state})."
            )
        if not path.exists():
            raise LibraryError(f"The file of clip {self.id} is gone: {path}. Put it back, or make it again.")
        return path
