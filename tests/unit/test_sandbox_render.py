"""Simulated clips: exactly as promised, the same for the same request, another for any other, and marked on every frame."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from happyhorse_widgets.media.probe import VideoFacts, probe
from happyhorse_widgets.sandbox.animatic.badge import badge
from happyhorse_widgets.sandbox.render import frame_count, frame_size, render

IMAGES = Path(__file__).resolve().parents[2] / "notebooks" / "images"
RATIOS = ["16:9", "9:16", "1:1", "4:3", "3:4", "4:5", "5:4", "21:9", "9:21"]
MODEL = "model_alibaba-happy-horse-reference-to-video"
REQUEST: dict[str, Any] = {
    "prompt": "character1 waves at character2 in a meadow",
    "images": [IMAGES / "fox.png", IMAGES / "robot.png"],
    "width": 320,
    "height": 180,
    "duration": 3,
    "seed": 7,
    "model_id": MODEL,
}
Clip = Callable[..., Path]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Renders the request with some of its parameters changed; the same ones only once."""
    folder, made = tmp_path_factory.mktemp("clips"), dict[str, Path]()

    def rendered(**changes: Any) -> Path:
        key = repr(changes)
        if key not in made:
            path = folder / f"{len(made)}.mp4"
            render(path, **{**REQUEST, **changes})
            made[key] = path
        return made[key]

    return rendered


def frames(path: Path) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    """The brightness of each frame."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="gray"), dtype=np.uint8)


def assert_promised(facts: VideoFacts, size: tuple[int, int], duration: float) -> None:
    assert (facts.width, facts.height) == size
    assert (facts.frame_rate, facts.frames) == (24.0, frame_count(duration))
    assert facts.duration == frame_count(duration) / 24
    assert (facts.video_codec, facts.video_profile, facts.pixel_format) == ("h264", "High", "yuv420p")
    assert (facts.audio_codec, facts.audio_channels) == ("aac", 2)
    assert not facts.faststart


def test_the_sizes_of_all_ratios_and_resolutions() -> None:
    assert [frame_size(ratio, "1080P") for ratio in RATIOS] == [
        (1920, 1080),
        (1080, 1920),
        (1080, 1080),
        (1440, 1080),
        (1080, 1440),
        (1080, 1350),
        (1350, 1080),
        (2520, 1080),
        (1080, 2520),
    ]
    assert [frame_size(ratio, "720P") for ratio in RATIOS] == [
        (1280, 720),
        (720, 1280),
        (720, 720),
        (960, 720),
        (720, 960),
        (720, 900),
        (900, 720),
        (1680, 720),
        (720, 1680),
    ]
    assert frame_size("16:9", "720P", scale=0.1) == (128, 72)
    assert frame_size("9:21", "720P", scale=0.001) == (16, 16)
    for unknown in (("2:1", "720P"), ("16:9", "4K")):
        with pytest.raises(KeyError):
            frame_size(*unknown)


def test_a_clip_is_a_little_longer_than_was_asked_for() -> None:
    assert [frame_count(duration) for duration in (3, 5, 5.0, 15)] == [74, 122, 122, 362]


@pytest.mark.parametrize("ratio", RATIOS)
def test_each_ratio_is_rendered_as_promised(clip: Clip, ratio: str) -> None:
    size = frame_size(ratio, "720P")
    assert_promised(probe(clip(width=size[0], height=size[1])), size, 3)


@pytest.mark.parametrize(
    ("ratio", "duration"), [("9:16", 3), ("5:4", 4), *((ratio, 0.25) for ratio in RATIOS)]
)
def test_full_resolution_is_rendered_as_promised(clip: Clip, ratio: str, duration: float) -> None:
    size = frame_size(ratio, "1080P")
    assert_promised(probe(clip(width=size[0], height=size[1], duration=duration)), size, duration)


@pytest.mark.parametrize("duration", [8.0, 15])
def test_each_duration_is_rendered_as_promised(clip: Clip, duration: float) -> None:
    assert_promised(probe(clip(width=128, height=72, duration=duration)), (128, 72), duration)


SCRIPT = """
import json, sys
from pathlib import Path
from happyhorse_widgets.sandbox.render import render

target, request = sys.argv[1], json.loads(sys.argv[2])
render(target, **{**request, "images": [Path(image) for image in request["images"]]})
status = Path("/proc/self/status")
peak = status.read_text().partition("VmHWM:")[2].split()[0] if status.exists() else "0"
print(int(peak) * 1024)
"""


def rendered_elsewhere(target: Path, **changes: Any) -> int:
    """Render in a process of its own; its peak of memory in bytes (0 where the system does not tell)."""
    request = {**REQUEST, **changes, "images": [str(image) for image in REQUEST["images"]]}
    command = [sys.executable, "-c", SCRIPT, str(target), json.dumps(request)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=200).stdout)


def test_five_seconds_of_full_hd_need_little_memory(tmp_path: Path) -> None:
    peak = rendered_elsewhere(tmp_path / "clip.mp4", width=1920, height=1080, duration=5)
    assert_promised(probe(tmp_path / "clip.mp4"), (1920, 1080), 5)
    assert peak < 300_000_000


def test_the_same_request_gives_the_same_bytes(clip: Clip, tmp_path: Path) -> None:
    again, elsewhere = tmp_path / "again.mp4", tmp_path / "elsewhere.mp4"
    render(str(again), **{**REQUEST, "images": [image.read_bytes() for image in REQUEST["images"]]})
    rendered_elsewhere(elsewhere)
    assert again.read_bytes() == clip().read_bytes()
    assert elsewhere.read_bytes() == clip().read_bytes()


def test_the_file_tells_neither_time_nor_version(clip: Clip) -> None:
    with av.open(str(clip())) as container:
        assert "creation_time" not in container.metadata
        assert "encoder" not in container.metadata


def retouched(tmp_path: Path) -> Path:
    """The fox with one pixel changed."""
    with Image.open(IMAGES / "fox.png") as fox:
        image = fox.convert("RGB")
    image.putpixel((512, 300), (255, 0, 255))
    image.save(tmp_path / "retouched.png")
    return tmp_path / "retouched.png"


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "character1 waves at character2 in a meadow!"},
        {"prompt": "character2 waves at character1 in a meadow"},
        {"seed": 8},
        {"model_id": MODEL + "-1.1"},
        {"duration": 4},
        {"images": [IMAGES / "robot.png", IMAGES / "fox.png"]},
        {"images": [IMAGES / "fox.png", IMAGES / "teapot.png"]},
        {"images": [IMAGES / "fox.png"]},
        {"images": [IMAGES / "fox.png", IMAGES / "robot.png", IMAGES / "teapot.png"]},
        {"images": "retouched"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_changes_the_picture(clip: Clip, tmp_path: Path, change: dict[str, Any]) -> None:
    if change == {"images": "retouched"}:
        change = {"images": [retouched(tmp_path), IMAGES / "robot.png"]}
    pairs = zip(frames(clip()), frames(clip(**change)), strict=False)
    differences = [np.abs(first.astype(int) - second) for first, second in pairs]
    assert len(differences) == 74
    # Not in one spot or one moment: a tenth of the clip's frames differ visibly in one part in a hundred.
    changed = [float((difference > 12).mean()) for difference in differences]
    assert sorted(changed)[-len(changed) // 10] > 0.01


def test_the_picture_moves(clip: Clip) -> None:
    shown = list(frames(clip()))
    moved = [float((np.abs(a.astype(int) - b) > 8).mean()) for a, b in zip(shown, shown[6:], strict=False)]
    assert min(moved) > 0.01


def likeness(first: Any, second: Any) -> float:
    return float(np.corrcoef(np.ravel(first).astype(float), np.ravel(second).astype(float))[0, 1])


@pytest.mark.parametrize(
    ("size", "request_"),
    [
        ((640, 360), {}),
        ((360, 640), {"prompt": "character1 jumps in the snow at night"}),
        ((840, 360), {"prompt": "character1 flies over a bright beach, zoom in", "seed": 3}),
    ],
)
def test_every_frame_says_sandbox(clip: Clip, size: tuple[int, int], request_: dict[str, Any]) -> None:
    mark = badge(*size)
    margin = max(2, round(0.033 * min(size) / 2) * 2)
    where = np.s_[margin : margin + mark.height, margin : margin + mark.width]
    known = Image.new("RGB", mark.size, (14, 18, 28))
    known.paste(mark, (0, 0), mark)
    seen = [
        likeness(frame[where], known.convert("L"))
        for frame in frames(clip(width=size[0], height=size[1], **request_))
    ]
    assert len(seen) == 74
    assert min(seen) > 0.9


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_mark_is_legible_on_a_card(ratio: str) -> None:
    """Shown 360 pixels wide, capital letters are at least 7 pixels high, and white on dark."""
    width, height = frame_size(ratio, "1080P")
    mark = badge(width, height)
    small = mark.resize(
        (round(mark.width * 360 / width), round(mark.height * 360 / width)), Image.Resampling.LANCZOS
    )
    pixels = np.asarray(small.convert("L"))
    rows = np.flatnonzero((pixels > 190).sum(axis=1) > 6)
    first_line = rows[: np.flatnonzero(np.diff(rows, append=rows[-1] + 9) > 1)[0] + 1]
    assert len(first_line) >= 7
    assert mark.width < 0.45 * width
    assert mark.height < 0.2 * height


def test_the_soundtrack_is_as_long_as_the_picture_and_not_silent(clip: Clip) -> None:
    with av.open(str(clip())) as container:
        assert container.streams.audio[0].codec_context.sample_rate == 48_000
        sound = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert abs(sound.shape[1] / 48_000 - 74 / 24) < 1 / 24
    assert 0.01 < float(np.sqrt((sound**2).mean())) < 0.5
    assert float(np.abs(sound).max()) <= 1.0
    assert not np.array_equal(sound[0], sound[1])


def test_the_colours_are_tagged(clip: Clip) -> None:
    with av.open(str(clip())) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (
            1,
            1,
            1,
            1,
        )


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "角色在雪山上跳舞",
        "شخصية تمشي",
        "🦊 character1 🚀",
        "\x00\ttab\nline",
        "character9 sings",
        "word " * 500,
    ],
)
def test_any_prompt_renders(tmp_path: Path, prompt: str) -> None:
    request = {**REQUEST, "prompt": prompt, "width": 640, "height": 480, "duration": 0.25}
    render(tmp_path / "clip.mp4", **request)
    assert_promised(probe(tmp_path / "clip.mp4"), (640, 480), 0.25)


def picture(kind: str) -> Image.Image:
    rng = np.random.default_rng(0)
    if kind == "photo":
        return Image.fromarray(rng.integers(0, 255, (300, 400, 3), dtype=np.uint8))
    if kind == "transparent":
        image = Image.new("RGBA", (300, 300))
        image.paste((200, 40, 40, 255), (80, 40, 220, 290))
        return image
    sizes = {"dot": (1, 1), "line": (900, 3), "empty": (200, 200), "grey": (60, 80)}
    return Image.new({"empty": "RGBA", "grey": "L"}.get(kind, "RGB"), sizes[kind])


@pytest.mark.parametrize("kind", ["photo", "transparent", "dot", "line", "empty", "grey"])
def test_any_reference_renders(tmp_path: Path, kind: str) -> None:
    picture(kind).save(tmp_path / "image.png")
    render(
        tmp_path / "clip.mp4", **{**REQUEST, "images": [tmp_path / "image.png"], "width": 96, "height": 54}
    )
    assert_promised(probe(tmp_path / "clip.mp4"), (96, 54), 3)


@pytest.mark.parametrize("count", [1, 4, 9])
@pytest.mark.parametrize("size", [(16, 16), (160, 90), (90, 160)])
def test_any_number_of_references_renders(tmp_path: Path, count: int, size: tuple[int, int]) -> None:
    images = [IMAGES / f"{('fox', 'robot', 'teapot', 'astronaut')[index % 4]}.png" for index in range(count)]
    request = {**REQUEST, "prompt": "character1 runs", "images": images, "duration": 0.25}
    render(tmp_path / "clip.mp4", **{**request, "width": size[0], "height": size[1]})
    assert_promised(probe(tmp_path / "clip.mp4"), size, 0.25)
