"""What may stand for a reference image, and a request that can be kept and sent again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from happyhorse_widgets.api.params import HAPPY_HORSE, snapshot
from happyhorse_widgets.engine.asking import ask
from happyhorse_widgets.engine.request import Reference, Request, advice, read_references
from happyhorse_widgets.errors import InvalidImage, InvalidRequest
from happyhorse_widgets.media.images import ReferenceImage, load_image

SCHEMA = snapshot(HAPPY_HORSE)
assert SCHEMA is not None


def picture(size: tuple[int, int] = (420, 400)) -> Image.Image:
    return Image.new("RGB", size, (200, 40, 40))


def png(size: tuple[int, int] = (420, 400)) -> bytes:
    out = io.BytesIO()
    picture(size).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def fox(tmp_path: Path) -> Path:
    path = tmp_path / "fox.png"
    path.write_bytes(png())
    return path


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(str, id="path as text"),
        pytest.param(lambda fox: fox, id="Path"),
        pytest.param(lambda fox: fox.read_bytes(), id="bytes"),
        pytest.param(lambda fox: bytearray(fox.read_bytes()), id="bytearray"),
        pytest.param(lambda fox: memoryview(fox.read_bytes()), id="memoryview"),
        pytest.param(lambda fox: picture(), id="PIL"),
        pytest.param(lambda fox: np.asarray(picture()), id="numpy"),
        pytest.param(load_image, id="loaded before"),
    ],
)
def test_images_of_every_kind(fox: Path, source: Any) -> None:
    (image,) = read_references([source(fox)])
    assert isinstance(image, ReferenceImage)
    assert (image.width, image.height) == (420, 400)
    assert Reference.of(image).sha256 == image.sha256


def test_what_lies_elsewhere_is_a_reference() -> None:
    asset, page, bare, known = read_references(
        [
            "asset_Ab-1_2",
            "https://example.com/a%20b/fox%20two.png?Signature=S",
            "HTTP://example.com",
            Reference("fox.png", sha256="00"),
        ]
    )
    assert asset == Reference("asset_Ab-1_2", asset_id="asset_Ab-1_2")
    assert page == Reference("fox two.png", url="https://example.com/a%20b/fox%20two.png?Signature=S")
    assert "Signature" not in repr(page)
    assert isinstance(bare, Reference)
    assert bare.name == "image"
    assert known == Reference("fox.png", sha256="00")


def test_any_iterable_will_do(fox: Path) -> None:
    def some() -> Iterator[Path]:
        yield fox
        yield fox

    assert len(read_references(some())) == len(read_references((fox, fox))) == 2


@pytest.mark.parametrize(
    "single",
    [
        "fox.png",
        Path("fox.png"),
        b"\x89PNG",
        bytearray(b"\x89PNG"),
        memoryview(b"\x89PNG"),
        picture(),
        np.zeros((400, 400, 3), np.uint8),
        Reference("fox.png"),
        None,
        7,
    ],
    ids=lambda value: type(value).__name__,
)
def test_one_image_in_place_of_a_list(single: Any) -> None:
    with pytest.raises(InvalidRequest, match="not a list") as caught:
        read_references(single)
    assert len(caught.value.problems) == 1


def test_a_signed_address_in_place_of_a_list_is_not_repeated() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_references("https://example.com/fox.png?Signature=SECRET")
    assert "SECRET" not in str(caught.value)


def test_each_wrong_image_is_named_by_its_number(tmp_path: Path, fox: Path) -> None:
    pdf = tmp_path / "scan.png"
    pdf.write_bytes(b"%PDF-1.7\n")
    with pytest.raises(InvalidImage) as caught:
        read_references([fox, "absent.png", pdf, 7, "http://[broken"])
    numbers = [problem.partition(":")[0] for problem in caught.value.problems]
    assert numbers == ["character2", "character3", "character4", "character5"]
    for word, problem in zip(
        ["absent.png", "a PDF", "int is not", "address"], caught.value.problems, strict=True
    ):
        assert word in problem


def test_advice_names_the_image_by_its_number() -> None:
    images = [
        load_image(picture()),
        Reference("asset_1", asset_id="asset_1"),
        load_image(picture((420, 200))),
    ]
    (line,) = advice(images)
    assert line.startswith("character3: ")
    assert "200 px" in line


NAMES = st.text(max_size=20)
REFERENCES = st.builds(
    Reference,
    NAMES,
    st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
    st.sampled_from([None, "image/png"]),
    st.integers(0, 9000),
    st.integers(0, 9000),
    st.none() | NAMES,
    st.none() | NAMES,
)
REQUESTS = st.builds(
    Request,
    st.text(max_size=200),
    st.lists(REFERENCES, max_size=9).map(tuple),
    NAMES,
    st.none() | NAMES,
    st.none() | NAMES,
    st.none() | st.integers(3, 15),
    st.none() | st.integers(0, 2**31 - 1),
)


@given(REQUESTS)
def test_a_request_comes_back_from_json_as_it_was(request: Request) -> None:
    assert Request.from_dict(json.loads(json.dumps(request.to_dict()))) == request


@given(REQUESTS)
def test_a_request_for_keeping_holds_no_address(request: Request) -> None:
    kept = request.without_addresses()
    assert [reference.url for reference in kept.references] == [None] * len(request.references)
    assert [reference.name for reference in kept.references] == [
        reference.name for reference in request.references
    ]
    assert (kept.prompt, kept.values()) == (request.prompt, request.values())


def asked(prompt: str, references: Any, has: bool = True, **values: Any) -> Any:
    return ask(SCHEMA, prompt, references, values, has=lambda _: has)


def test_a_checked_request_is_in_the_spelling_of_the_wire() -> None:
    found = asked("character1 waves", [picture()], resolution="720p", duration=4.0, seed=np.int64(3))
    request = found.request
    assert (request.resolution, request.duration, request.seed) == ("720P", 4, 3)
    assert type(request.duration) is type(request.seed) is int
    assert request.references == (Reference.of(found.images[0]),)
    assert found.warnings == ()


def test_all_problems_come_at_once() -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked("character3 waves", ["absent.png", picture()], duration=99, colour="red")
    assert not isinstance(caught.value, InvalidImage)
    text = str(caught.value)
    for word in ("character3", "absent.png", "duration", "colour"):
        assert word in text
    assert len(caught.value.problems) == 4


def test_only_images_wrong_is_an_invalid_image() -> None:
    with pytest.raises(InvalidImage, match="character1: "):
        asked("character1 waves", ["absent.png"])


def test_too_many_images_are_counted_and_not_read(tmp_path: Path) -> None:
    class Unread:
        def __fspath__(self) -> str:
            raise AssertionError("this one was read")

    with pytest.raises(InvalidRequest, match="10 reference images were given"):
        asked("character1 waves", [Unread() for _ in range(10)])


def test_a_reference_from_another_library_is_refused() -> None:
    elsewhere = Reference("fox.png", sha256="00" * 32, media_type="image/png")
    with pytest.raises(InvalidImage, match=r"character1: fox\.png is not in this library"):
        asked("character1 waves", [elsewhere], has=False)
    assert asked("character1 waves", [elsewhere]).request.references == (elsewhere,)


def test_warnings_are_about_images_and_prompt() -> None:
    small, unmentioned = asked("character1 waves", [picture((420, 201)), picture()]).warnings
    assert "character1" in small
    assert "character2" in unmentioned


@pytest.mark.parametrize(
    ("sha256", "media_type"),
    [
        ("../../fox", "image/png"),
        ("/etc/passwd", "image/png"),
        ("a" * 63, "image/png"),
        ("A" * 64, "image/png"),
        ("a" * 64 + "\n", "image/png"),
        ("a" * 64, "../../png"),
        ("a" * 64, "image/svg+xml"),
        (None, "image/png"),
        ("a" * 64, None),
    ],
)
def test_a_reference_from_somebody_elses_library_leads_to_no_file_but_its_own(
    sha256: str | None, media_type: str | None
) -> None:
    assert Reference("fox.png", sha256, media_type).file is None
    assert Reference("fox.png", "a" * 64, "image/png").file == f"images/{'a' * 64}.png"
