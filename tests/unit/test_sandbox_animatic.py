"""What simulated clips are made from: reading prompts, cutting out subjects, movements, layers."""

from __future__ import annotations

import io
import itertools
import math
import random
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from happyhorse_widgets.sandbox.animatic import direction, motion, places, sound
from happyhorse_widgets.sandbox.animatic.badge import caption
from happyhorse_widgets.sandbox.animatic.canvas import Canvas, Layer, View, packed, patch
from happyhorse_widgets.sandbox.animatic.palette import palette
from happyhorse_widgets.sandbox.animatic.sprites import cut_out
from happyhorse_widgets.sandbox.animatic.weather import WEATHERS, Weather

IMAGES = Path(__file__).resolve().parents[2] / "notebooks" / "images"


def direct(prompt: str, subjects: int = 3, seed: int = 1) -> direction.Direction:
    return direction.direct(prompt, subjects, random.Random(seed))


@pytest.mark.parametrize(
    ("prompt", "acts"),
    [
        ("character1 waves at character2", {0: ("wave",)}),
        ("Character1 is running past character2, who sleeps.", {0: ("run", "sleep")}),
        ("character1 and character2 dance, character3 watches", {0: ("dance",), 1: ("dance",), 2: ("look",)}),
        ("character1 walks in and waves", {0: ("walk", "wave")}),
        ("character2 hugs character1", {0: ("hug",), 1: ("hug",)}),
        ("character1 and character2 appear. They jumped!", {0: ("jump",), 1: ("jump",)}),
        ("character 3 flies", {2: ("fly",)}),
    ],
)
def test_who_does_what(prompt: str, acts: dict[int, tuple[str, ...]]) -> None:
    found = direct(prompt).acts
    assert {index: found[index] for index in acts} == acts


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a snowy night in the mountains, zoom out", ("snow", "night", "snowfall", "push in", True)),
        ("pan left over the sunny beach", ("beach", "day", None, "pan", True)),
        ("handheld camera, a rainy street at dusk, tilt down", ("city", "sunset", "rain", "handheld", True)),
        ("autumn forest, dolly in", ("forest", "sunset", "leaves", "push in", False)),
    ],
)
def test_place_time_weather_and_camera(prompt: str, expected: tuple[Any, ...]) -> None:
    found = direct(prompt)
    assert (found.setting, found.time, found.weather, found.camera, found.reverse) == expected


def test_leads_are_those_that_are_mentioned_in_order() -> None:
    assert direct("character3 meets character1").leads == (2, 0)
    assert direct("two friends meet").leads == (0, 1, 2)
    assert direct("character7 waves").leads == (0, 1, 2)


def test_what_is_not_said_comes_from_the_seed() -> None:
    found = {
        (one.setting, one.time, one.camera) for one in (direct("hello", seed=seed) for seed in range(40))
    }
    assert len(found) > 15
    assert direct("hello", seed=4) == direct("hello", seed=4)


@given(prompt=st.text(max_size=200), subjects=st.integers(1, 9))
def test_any_prompt_can_be_directed(prompt: str, subjects: int) -> None:
    found = direct(prompt, subjects)
    assert len(found.acts) == subjects
    assert all(found.acts)
    assert 1 <= len(found.leads) <= subjects


def test_the_words_lead_to_what_exists() -> None:
    assert set(direction.SETTINGS) == set(places.SETTINGS)
    assert set(direction.ACTIONS) | {"sway"} == motion.ACTS
    assert set(direction.WEATHERS) == set(WEATHERS)


@given(
    act=st.lists(st.sampled_from(sorted(motion.ACTS)), min_size=1, max_size=3),
    time=st.floats(0, 15.1),
    phase=st.floats(0, 1),
    side=st.sampled_from([-1.0, 0.0, 1.0]),
)
def test_poses_stay_within_bounds(act: list[str], time: float, phase: float, side: float) -> None:
    now = motion.pose(act, time, 15.1, phase=phase, side=side, reach=1.5)
    assert all(math.isfinite(value) for value in astuple(now))
    assert abs(now.x) < 1.5
    assert 0 <= now.lift < 0.5
    assert abs(now.turn) < 0.5
    assert 0.7 < now.stretch < 1.3
    assert 0.05 < abs(now.face) <= 1.0


@pytest.mark.parametrize("act", sorted(motion.ACTS))
def test_every_act_moves_without_jumps(act: str) -> None:
    poses = [
        astuple(motion.pose([act], index / 24, 5.0, phase=0.3, side=-1.0, reach=1.5)) for index in range(120)
    ]
    steps = [
        max(abs(a - b) for a, b in zip(one[:5], two[:5], strict=True))
        for one, two in itertools.pairwise(poses)
    ]
    assert 0.0005 < max(steps) < 0.12


@pytest.mark.parametrize("kind", sorted(direction.CAMERAS))
def test_the_camera_stays_within_the_scenery(kind: str) -> None:
    for reverse, index in itertools.product((False, True), range(123)):
        view = motion.camera(kind, reverse, index / 24, 5.1, (1000, 500))
        assert abs(view.x) <= 75
        assert abs(view.y) <= 25
        assert 1 <= view.zoom < 1.2


def file(image: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, kind, quality=80)
    return out.getvalue()


def ring(ground: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGB", (400, 300), ground)
    ImageDraw.Draw(image).ellipse((100, 50, 300, 250), outline=(200, 30, 40), width=40)
    return image


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_plain_background_is_removed(kind: str) -> None:
    cut = cut_out(file(ring((120, 190, 230)), kind), longest=400)
    alpha = np.asarray(cut.getchannel("A"))
    assert cut.size == pytest.approx((201, 201), abs=5)
    assert alpha[0, 0] == alpha[-1, -1] == 0
    assert alpha[100, 20] == 255
    assert alpha[100, 100] == 0, "the coloured background shows through the ring"
    colours = np.asarray(cut.convert("RGB"), dtype=int)[alpha > 64]
    assert (np.abs(colours - (200, 30, 40)).max(axis=1) < 60).mean() > 0.98, (
        "no rim of the background's colour is left"
    )


def test_what_a_white_background_encloses_belongs_to_the_subject() -> None:
    alpha = np.asarray(cut_out(file(ring((255, 255, 255))), longest=400).getchannel("A"))
    assert alpha[100, 100] == 255
    assert alpha[0, 0] == 0


def test_a_background_with_a_gradient_is_removed() -> None:
    shade = np.add.outer(np.linspace(120, 180, 300), np.linspace(0, 40, 400))
    image = Image.fromarray(np.dstack([shade, shade, shade + 20]).astype(np.uint8))
    ImageDraw.Draw(image).rectangle((150, 80, 250, 280), fill=(230, 120, 20))
    assert cut_out(file(image), longest=400).size == pytest.approx((101, 201), abs=3)


def test_a_transparent_background_is_taken_as_it_is() -> None:
    image = Image.new("RGBA", (300, 200))
    ImageDraw.Draw(image).ellipse((50, 20, 150, 180), fill=(10, 200, 90, 255))
    cut = cut_out(file(image), longest=300)
    assert cut.size == pytest.approx((101, 161), abs=1)
    assert cut.getpixel((50, 80)) == (10, 200, 90, 255)


def test_a_photograph_becomes_a_card_with_rounded_corners() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    card = cut_out(file(Image.fromarray(noise)), longest=400)
    assert card.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert card.getpixel((card.width // 2, 2)) == (255, 255, 255, 255)
    assert (np.asarray(card.getchannel("A")) == 255).mean() > 0.98


def test_large_images_are_cut_out_small() -> None:
    assert max(cut_out((IMAGES / "fox.png").read_bytes(), longest=200).size) <= 200


def test_exif_orientation_is_respected() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (100, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, "JPEG", exif=exif)
    card = cut_out(out.getvalue(), longest=300)
    assert card.height > 2 * card.width


def grey(canvas: Canvas) -> Any:
    return canvas.array[: canvas.height]


def striped(width: int, height: int) -> Image.Image:
    """Columns that get brighter by one step each, below eight transparent rows."""
    ramp = np.tile(np.arange(width, dtype=np.uint8), (height, 1))
    alpha = np.full((height, width), 255, np.uint8)
    alpha[:8] = 0
    return Image.fromarray(np.dstack([ramp, ramp, ramp, alpha]))


def test_layers_move_with_the_camera_by_their_depth() -> None:
    drawn = {}
    for depth, x in ((1.0, 0.0), (1.0, 10.0), (0.5, 10.0), (1.0, 2.5)):
        canvas = Canvas(64, 32)
        canvas.array[:] = 0
        Layer(striped(128, 32), left=-32, top=0, depth=depth).draw(canvas, View(x, 0.0), until=32)
        drawn[depth, x] = grey(canvas)[20].astype(int)
    brightness = 219 / 255
    for (depth, x), row in drawn.items():
        assert row[10] == pytest.approx(16 + brightness * (42 + depth * x), abs=1), (depth, x)
    assert (grey(canvas)[:8] == 0).all()


def test_a_solid_layer_hides_what_is_behind() -> None:
    canvas = Canvas(64, 32)
    assert Layer(striped(128, 40), left=-32, top=0, depth=1.0).solid_from(canvas, View()) == 8
    assert Layer(striped(128, 20), left=-32, top=0, depth=1.0).solid_from(canvas, View()) == 32
    assert Layer(striped(128, 40), left=-32, top=0, depth=1.0).solid_from(canvas, View(0.0, 4.0)) == 4


def test_a_patch_is_blended_by_its_opacity_and_cut_at_the_frame() -> None:
    canvas = Canvas(32, 16)
    canvas.array[:] = 100
    white = patch(packed(Image.new("RGBA", (8, 8), (255, 255, 255, 255))))
    canvas.blend(-4, -4, white)
    canvas.blend(28, 12, white, opacity=0.5)
    canvas.blend(40, 40, white)
    assert grey(canvas)[0, 0] == 235
    assert grey(canvas)[5, 5] == 100
    assert grey(canvas)[15, 31] == pytest.approx((235 + 100) / 2, abs=2)


@pytest.mark.parametrize("setting", sorted(places.SETTINGS))
@pytest.mark.parametrize("size", [(192, 108), (72, 128), (16, 16)])
def test_scenes_fill_the_frame_wherever_the_camera_is(setting: str, size: tuple[int, int]) -> None:
    chance = random.Random(5)
    scene = places.build(setting, *size, palette(setting, "night", chance), chance)
    for x, y in ((0.0, 0.0), (0.075, 0.05), (-0.075, -0.05)):
        canvas = Canvas(*size)
        canvas.array[:] = 0
        for layer, _ in scene.behind:
            layer.draw(canvas, View(x * size[0], y * size[1]), until=size[1])
        # Black is 16 in limited range: a 0 is a pixel that nothing was laid on.
        assert grey(canvas).min() >= 15


@pytest.mark.parametrize("kind", sorted(WEATHERS))
def test_weather_falls(kind: str) -> None:
    chance = random.Random(5)
    weather = Weather(kind, 320, 180, palette("meadow", "night", chance), chance)
    shown = []
    for time in (0.0, 0.5):
        canvas = Canvas(320, 180)
        canvas.array[:] = 16
        weather.draw(canvas, View(), time)
        shown.append(grey(canvas).copy())
    assert (shown[0] > 60).sum() > 50
    assert not np.array_equal(*shown)


def test_captions_fit_and_leave_out_what_cannot_be_drawn() -> None:
    long = caption(1920, 1080, "word " * 400, "seed 1")
    assert long is not None
    assert 1600 < long.width <= 1920 * 0.95
    foreign, none = caption(1920, 1080, "角色在跳舞", "seed 1"), caption(1920, 1080, "", "seed 1")
    assert foreign is not None
    assert none is not None
    assert foreign.tobytes() == none.tobytes()
    assert caption(128, 72, "hello", "seed 1") is None


def test_music_depends_on_its_seed_and_fades_at_both_ends() -> None:
    first, second = (sound.compose(seed, 48_000, setting="beach", dark=False) for seed in (1, 2))
    assert first.shape == (2, 48_000)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, sound.compose(1, 48_000, setting="beach", dark=False))
    assert float(np.abs(first[:, [0, -1]]).max()) < 0.001
    assert 0.05 < float(np.abs(first).max()) <= 1.0
