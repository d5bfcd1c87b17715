"""Technical facts of a clip's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from happyhorse_widgets.media.probe import VideoFacts

    from .definitions import Value


def technical(facts: VideoFacts) -> dict[str, Value]:
    """The columns' values, from what the file's index says; `bitrate` is of the whole file, sound and index included."""
    return {
        "width": facts.width,
        "height": facts.height,
        "fps": facts.frame_rate,
        "frames": facts.frames,
        "duration": facts.duration,
        "video_codec": facts.video_codec,
        "audio_codec": facts.audio_codec or "",
        "bitrate": facts.size * 8 / facts.duration if facts.duration else float("nan"),
        "has_audio": facts.audio_codec is not None,
    }
