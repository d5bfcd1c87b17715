"""The tray of reference images, without a browser."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from happyhorse_widgets.engine.request import Reference
from happyhorse_widgets.errors import InvalidImage, InvalidRequest, TransportFault
from happyhorse_widgets.media.images import ReferenceImage, load_image
from happyhorse_widgets.widgets.tray import Lost, Tray
from tests.unit.test_media_metadata import CANARY, photo, picture


def png(side: int = 420, seed: int = 0) -> bytes:
    """An image that does not compress away, so that it comes in several chunks."""
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def changes() -> list[tuple[str, ...]]:
    return []


@pytest.fixture
def tray(changes: list[tuple[str, ...]]) -> Tray:
    tray = Tray(lambda: changes.append(tuple(tile.id for tile in tray.tiles)))
    return tray


@pytest.fixture
def send(tray: Tray) -> Callable[..., None]:
    """Send an image as the browser does: place, offer, chunks out of order, check."""

    def send(tile: str, data: bytes, name: str = "a.png", chunk: int = 100_000) -> None:
        tray.add(tile, name=name, size=len(data))
        assert tray.offer(tile, hashlib.sha256(data).hexdigest()) is None
        offsets = list(range(0, len(data), chunk))[::-1]
        whole = [tray.receive(tile, offset, memoryview(data)[offset : offset + chunk]) for offset in offsets]
        assert whole[:-1] == [None] * (len(offsets) - 1)
        assert whole[-1] is not None
        tray.check(whole[-1])

    return send


def names(tray: Tray) -> list[str]:
    return [tile.name for tile in tray.tiles]


def image(name: str, seed: int) -> ReferenceImage:
    return load_image(png(220, seed), name=name)


def test_an_image_arrives_whole_and_in_its_place(
    tray: Tray, send: Callable[..., None], changes: list[tuple[str, ...]]
) -> None:
    data = png()
    send("t1", data)
    (source,) = tray.sources
    assert isinstance(source, ReferenceImage)
    assert source.data == data
    assert tray.tiles[0].to_dict() == {
        "name": "a.png",
        "image": hashlib.sha256(data).hexdigest()[:32],
        "state": "ready",
        "share": 1.0,
        "uploaded": None,
        "width": 420,
        "height": 420,
        "bytes": len(data),
        "warning": "",
        "error": "",
    }
    assert changes == [("t1",)]


def test_the_same_image_is_not_sent_again_even_after_it_was_removed(
    tray: Tray, send: Callable[..., None]
) -> None:
    data = png()
    send("t1", data)
    tray.arrange([])
    tray.add("t2", name="again.png", size=len(data))
    assert tray.offer("t2", hashlib.sha256(data).hexdigest()) is not None
    assert tray.tiles[0].to_dict()["state"] == "ready"
    assert tray.chosen(["t2"])[0].sha256 == hashlib.sha256(data).hexdigest()


def test_a_page_that_cannot_hash_sends_the_bytes(tray: Tray) -> None:
    data = png(220)
    tray.add("t1", name="a.png", size=len(data))
    assert tray.offer("t1", None) is None
    whole = tray.receive("t1", 0, data)
    assert whole is not None
    assert tray.check(whole).data == data


def test_what_is_wrong_stays_on_the_tile_and_keeps_its_place(tray: Tray) -> None:
    tray.replace([image("first.png", 1)])
    tray.add("t1", name="notes.png", size=9)
    tray.offer("t1", None)
    whole = tray.receive("t1", 0, b"%PDF-1.7\n")
    assert whole is not None
    with pytest.raises(InvalidImage, match="PDF"):
        tray.check(whole)
    told = tray.tiles[1].to_dict()
    assert (told["state"], told["name"]) == ("failed", "notes.png")
    assert told["error"].startswith("Is a PDF; the model takes JPEG")
    with pytest.raises(InvalidRequest, match=r"character2: .*PDF"):
        tray.chosen([tile.id for tile in tray.tiles])


def test_a_small_image_is_taken_with_a_warning(tray: Tray) -> None:
    tray.replace([image("small.png", 1)])
    assert tray.tiles[0].to_dict()["warning"] == "The shortest side is 220 px; at least 400 px is advised."


def test_an_image_that_is_too_small_is_refused_and_keeps_its_place_and_name(
    tray: Tray, send: Callable[..., None]
) -> None:
    with pytest.raises(InvalidImage, match=r"a\.png is too small"):
        send("t1", png(200))
    assert tray.tiles[0].to_dict()["error"].startswith("Is too small (200 × 200 px): the shortest side must")
    small = replace(load_image(png(60), name="old.png"), alias="Fox")
    for known in (small, Reference.of(small)):  # of a clip that was made before this was refused
        tray.replace([known, image("new.png", 1)])
        assert [tile.to_dict()["state"] for tile in tray.tiles] == ["failed", "ready"]
        assert tray.tiles[0].to_dict()["error"].startswith("Is too small (60 × 60 px)")
        assert (tray.kept[0].name, tray.kept[0].sha256, tray.kept[0].alias) == (
            "old.png",
            small.sha256,
            "Fox",
        )
        assert [source.name for source in tray.sources] == ["new.png"]
        with pytest.raises(InvalidRequest, match="character1: Is too small"):
            tray.chosen([tile.id for tile in tray.tiles])


@pytest.mark.parametrize("size", [0, 10_000_001, 12_000_000])
def test_what_is_too_large_or_empty_is_refused_before_a_byte_is_sent(tray: Tray, size: int) -> None:
    with pytest.raises(InvalidImage, match=r"big\.png has"):
        tray.add("t1", name="big.png", size=size)
    assert tray.tiles == ()


def test_a_tenth_image_is_refused(tray: Tray) -> None:
    tray.replace([image(f"{n}.png", n) for n in range(9)])
    with pytest.raises(InvalidRequest, match="9 reference images"):
        tray.add("t1", name="tenth.png", size=10)
    assert len(tray.tiles) == 9


def test_tiles_are_moved_removed_and_put_back_by_their_ids(tray: Tray) -> None:
    tray.replace([image("a.png", 1), image("b.png", 2), image("c.png", 3)])
    a, b, c = (tile.id for tile in tray.tiles)
    tray.arrange([c, a, b])
    assert names(tray) == ["c.png", "a.png", "b.png"]
    tray.arrange([c])
    assert names(tray) == ["c.png"]
    tray.arrange([b, "nobody", c, b])
    assert names(tray) == ["b.png", "c.png"]
    assert [source.name for source in tray.sources] == ["b.png", "c.png"]


def test_the_same_order_again_is_no_change(tray: Tray, changes: list[tuple[str, ...]]) -> None:
    tray.replace([image("a.png", 1)])
    tray.arrange([tile.id for tile in tray.tiles])
    assert len(changes) == 1


def test_removed_images_are_forgotten_after_a_while(tray: Tray) -> None:
    tray.replace([image("first.png", 99)])
    first = tray.tiles[0].id
    for n in range(12):
        tray.replace([image(f"{n}.png", n)])
    tray.arrange([first])
    assert names(tray) == []


def test_what_was_removed_last_is_kept_the_longest(tray: Tray) -> None:
    tray.replace([image("first.png", 99)])
    first = tray.tiles[0].id
    for n in range(9):
        tray.add(f"t{n}", name=f"{n}.png", size=10)
        tray.arrange([first])
    tray.arrange([])
    tray.arrange([first])
    assert names(tray) == ["first.png"]


def test_an_image_that_is_still_coming_cannot_be_sent_on(tray: Tray) -> None:
    tray.add("t1", name="a.png", size=10)
    with pytest.raises(InvalidRequest, match="character1: it has not arrived"):
        tray.chosen(["t1"])


@pytest.mark.parametrize("offset", [-1, 5, 10])
def test_a_chunk_that_does_not_fit_is_refused(tray: Tray, offset: int) -> None:
    tray.add("t1", name="a.png", size=10)
    tray.offer("t1", None)
    with pytest.raises(InvalidRequest, match="does not fit"):
        tray.receive("t1", offset, bytes(6))


def test_a_part_that_comes_twice_leaves_no_hole(tray: Tray) -> None:
    data = png(220)
    half = len(data) // 2
    tray.add("t1", name="a.png", size=len(data))
    for _ in range(2):  # begun, and begun again
        tray.offer("t1", None)
        assert tray.receive("t1", 0, data[:half]) is None
        assert tray.receive("t1", 0, data[:half]) is None
        assert tray.receive("t1", 10, data[10 : half + 10]) is None
        assert tray.tiles[0].received == half + 10
    whole = tray.receive("t1", half, data[half:])
    assert whole is tray.tiles[0]
    assert tray.receive("t1", half, data[half:]) is None  # it is looked at once
    assert tray.check(whole).data == data


def test_an_image_that_is_looked_at_leaves_the_one_alone_that_took_its_place(tray: Tray) -> None:
    tray.add("t1", name="old.png", size=6)
    tray.offer("t1", None)
    whole = tray.receive("t1", 0, b"GIF89a")
    assert whole is not None
    tray.add("t1", name="new.png", size=10)
    tray.offer("t1", None)
    with pytest.raises(InvalidImage):
        tray.check(whole)
    assert tray.tiles[0].to_dict()["error"] == ""
    assert tray.receive("t1", 0, bytes(5)) is None  # it is still being sent


def test_bytes_that_nobody_expects_are_refused(tray: Tray) -> None:
    tray.expect("made", name="fox.png")
    with pytest.raises(InvalidRequest, match="not expected"):
        tray.offer("made", None)
    tray.arrange([])
    with pytest.raises(InvalidRequest, match="not expected"):
        tray.receive("t1", 0, b"x")
    tray.add("t1", name="a.png", size=10)
    with pytest.raises(InvalidRequest, match="not expected"):
        tray.receive("t1", 0, b"x")


def test_the_way_on_to_scenario_is_shown(tray: Tray) -> None:
    tray.replace([image("a.png", 1)])
    (source,) = tray.sources
    tray.uploaded(source.sha256, 0.5)
    assert tray.tiles[0].to_dict()["uploaded"] == 0.5
    tray.uploaded(source.sha256, None)
    assert tray.tiles[0].to_dict()["uploaded"] is None


# -- photos ------------------------------------------------------------------------------------------------------------


def test_a_photo_is_given_on_without_its_metadata_until_that_is_to_be_kept(
    tray: Tray, send: Callable[..., None]
) -> None:
    data = photo("JPEG", picture((320, 240)))
    send("t1", data, "holiday.jpg")
    (clean,) = tray.sources
    assert isinstance(clean, ReferenceImage)
    assert CANARY.encode() not in clean.data
    tray.keep_metadata = True
    (whole,) = tray.sources
    assert isinstance(whole, ReferenceImage)
    assert whole.data == data
    assert tray.chosen(["t1"]) == (whole,)
    assert tray.chosen(["t1"], keep_metadata=False) == (clean,)
    tray.keep_metadata = False
    assert tray.sources == (clean,)
    assert tray.chosen(["t1"], keep_metadata=True) == (whole,)


def test_a_photo_that_was_stripped_is_known_by_the_hash_of_its_file(
    tray: Tray, send: Callable[..., None]
) -> None:
    data = photo("JPEG", picture((320, 240)))
    send("t1", data)
    (clean,) = tray.sources
    for number, sha256 in enumerate([hashlib.sha256(data).hexdigest(), clean.sha256], 2):
        tray.add(f"t{number}", name="again.jpg", size=len(data))
        assert tray.offer(f"t{number}", sha256) is not None
    assert [source.sha256 for source in tray.sources] == [clean.sha256] * 3
    tray.add("t4", name="other.jpg", size=9)
    assert tray.offer("t4", hashlib.sha256(b"other").hexdigest()) is None


def test_what_was_kept_can_still_be_taken_out_after_it_went_through_python(
    tray: Tray, send: Callable[..., None]
) -> None:
    send("t1", photo("JPEG", picture((320, 240))))
    tray.keep_metadata = True
    tray.replace(tray.sources)
    tray.keep_metadata = False
    (source,) = tray.sources
    assert isinstance(source, ReferenceImage)
    assert CANARY.encode() not in source.data


# -- names -------------------------------------------------------------------------------------------------------------


def test_own_names_go_with_the_images_and_stay_with_their_tiles(tray: Tray) -> None:
    tray.replace([image("a.png", 1), image("b.png", 2)])
    a, b = (tile.id for tile in tray.tiles)
    tray.call({a: "Fox", b: "Wolf", "nobody": "x"})
    assert [source.alias for source in tray.sources] == ["Fox", "Wolf"]
    tray.arrange([b, a])
    assert [source.alias for source in tray.chosen([a, b])] == ["Fox", "Wolf"]
    assert tray.aliases == {b: "Wolf", a: "Fox"}
    tray.call({b: "Dog"})
    assert [source.alias for source in tray.sources] == ["Dog", ""]


def test_images_from_python_bring_their_own_names(tray: Tray) -> None:
    tray.replace([Reference("fox.png", asset_id="asset_1", alias="Fox"), image("b.png", 2)])
    assert list(tray.aliases.values()) == ["Fox"]
    assert [source.alias for source in tray.sources] == ["Fox", ""]


# -- replacing ---------------------------------------------------------------------------------------------------------


def test_an_image_is_replaced_in_its_place_and_put_back(tray: Tray, send: Callable[..., None]) -> None:
    tray.replace([image("a.png", 1), image("b.png", 2), image("c.png", 3)])
    ids = [tile.id for tile in tray.tiles]
    tray.call({ids[1]: "Fox"})
    send(ids[1], png(220, 7), "new.png")
    assert names(tray) == ["a.png", "new.png", "c.png"]
    assert [tile.id for tile in tray.tiles] == ids
    assert tray.sources[1].alias == "Fox"
    tray.call({ids[1]: "Wolf"})
    tray.restore(ids[1])
    assert names(tray) == ["a.png", "b.png", "c.png"]
    assert tray.sources[1].alias == "Wolf"
    with pytest.raises(InvalidRequest, match="not kept any more"):
        tray.restore(ids[1])


def test_a_replacement_that_is_no_image_can_be_taken_back_too(tray: Tray) -> None:
    tray.replace([image("a.png", 1)])
    (tile,) = tray.tiles
    for _ in range(2):  # and tried twice
        tray.add(tile.id, name="notes.png", size=9)
        tray.offer(tile.id, None)
        whole = tray.receive(tile.id, 0, b"%PDF-1.7\n")
        assert whole is not None
        with pytest.raises(InvalidImage):
            tray.check(whole)
    assert tray.sources == ()
    tray.restore(tile.id)
    assert names(tray) == ["a.png"]
    assert len(tray.sources) == 1


def test_only_one_step_back_is_kept_for_a_place(tray: Tray, send: Callable[..., None]) -> None:
    tray.replace([image("a.png", 1)])
    (tile,) = tray.tiles
    for seed in (5, 6):
        send(tile.id, png(220, seed), f"{seed}.png")
    tray.restore(tile.id)
    assert names(tray) == ["5.png"]
    with pytest.raises(InvalidRequest):
        tray.restore(tile.id)


def test_a_place_that_never_had_an_image_has_nothing_to_go_back_to(tray: Tray) -> None:
    tray.add("t1", name="a.png", size=10)
    tray.add("t1", name="a.png", size=10)
    for tile in ("t1", "nobody"):
        with pytest.raises(InvalidRequest, match="not kept"):
            tray.restore(tile)


# -- made in the kernel ------------------------------------------------------------------------------------------------


def test_an_image_that_the_kernel_makes_has_its_place_at_once(
    tray: Tray, changes: list[tuple[str, ...]]
) -> None:
    tile = tray.expect("t1", name="fox.png")
    told = tray.tiles[0].to_dict()
    assert (told["state"], told["share"], told["name"]) == ("sending", None, "fox.png")
    assert changes == [("t1",)]
    tray.put(tile, image("fox.png", 3))
    assert tray.tiles[0].to_dict()["state"] == "ready"
    assert len(tray.sources) == 1


def test_why_there_is_no_image_stands_on_its_tile(tray: Tray) -> None:
    tile = tray.expect("t1", name="fox.png")
    tray.fail(tile, InvalidImage("fox.png could not be fetched: its server answers 404."))
    assert tray.tiles[0].to_dict()["error"] == "Could not be fetched: its server answers 404."
    tray.fail(tile, TransportFault("fox.png could not be fetched: no connection.", sent=True))
    assert tray.tiles[0].to_dict()["error"] == "Could not be fetched: no connection."
    with pytest.raises(InvalidRequest, match="character1: Could not be fetched"):
        tray.chosen(["t1"])


def test_what_is_made_late_leaves_the_image_alone_that_took_its_place(tray: Tray) -> None:
    late, lost = tray.expect("t1", name="late.png"), tray.expect("t2", name="lost.png")
    for tile in ("t1", "t2"):
        tray.put(tray.expect(tile, name="new.png"), image("new.png", 4))
    tray.put(late, image("late.png", 5))
    tray.fail(lost, InvalidImage("lost.png could not be fetched."))
    assert names(tray) == ["new.png", "new.png"]
    assert [tile.to_dict()["state"] for tile in tray.tiles] == ["ready", "ready"]


def test_an_address_that_failed_is_not_sent_all_the_same(tray: Tray) -> None:
    tray.replace([Reference("fox.png", url="https://example.org/fox.png"), image("b.png", 1)])
    (tile, other) = tray.tiles
    tray.fail(tile, InvalidImage("fox.png could not be fetched: its server answers 404."))
    assert [source.name for source in tray.sources] == ["b.png"]
    with pytest.raises(InvalidRequest, match="character1: Could not be fetched"):
        tray.chosen([tile.id, other.id])


# -- what is not here --------------------------------------------------------------------------------------------------


def test_an_image_that_is_lost_keeps_its_place_and_what_is_known_of_it(tray: Tray) -> None:
    lost = Reference("fox.png", sha256="a" * 64, media_type="image/png", alias="Fox")
    tray.replace([image("a.png", 1), Lost(lost, "It is gone."), image("b.png", 2)])
    tray.add("t1", name="coming.png", size=10)
    assert [tile.to_dict()["state"] for tile in tray.tiles] == ["ready", "failed", "ready", "sending"]
    assert tray.tiles[1].to_dict()["error"] == "It is gone."
    assert [source.name for source in tray.sources] == ["a.png", "b.png"]
    tray.call({tray.tiles[1].id: "Wolf"})
    assert [item.name for item in tray.kept] == ["a.png", "fox.png", "b.png", "coming.png"]
    assert (tray.kept[1].sha256, tray.kept[1].alias) == (lost.sha256, "Wolf")
    with pytest.raises(InvalidRequest) as caught:
        tray.chosen([tile.id for tile in tray.tiles])
    assert caught.value.problems == (
        "character2: It is gone.",
        "character4: it has not arrived in the kernel yet",
    )
    tray.put(tray.expect(tray.tiles[1].id, name="new.png"), image("new.png", 3))
    assert tray.tiles[1].to_dict()["state"] == "ready"
    tray.restore(tray.tiles[1].id)
    assert tray.kept[1].name == "fox.png"


def test_what_the_browser_is_told_of_a_tile_is_short(tray: Tray) -> None:
    long = "x" * 1_000_000
    tray.replace([Lost(Reference(long, alias=long), long), replace(image("a.png", 1), name=long, alias=long)])
    assert max(len(repr(tile.to_dict())) for tile in tray.tiles) < 2000
    assert max(len(alias) for alias in tray.aliases.values()) < 200
