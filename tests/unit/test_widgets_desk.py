"""What lies on a Studio's desk, and what is sent of it: each image in its place, or nothing at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import comm
import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.engine.request import name_in
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.media.images import load_image
from tests.conftest import SandboxProcess, StartSandbox
from tests.unit.comms import Ask, RecordingComm, asking, until
from tests.unit.test_media_metadata import CANARY, photo, picture
from tests.unit.test_widgets_tray import png

RED, GREEN, BLUE = (load_image(png(220, seed), name=f"{seed}.png") for seed in (1, 2, 3))
# What is advised against is no matter here.
pytestmark = pytest.mark.filterwarnings("ignore:character")
LOST = "Its file is not in this folder any more. Replace it, or remove it."


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=200, scale=0.1)


@pytest.fixture
def connect(sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Callable[[], Session]]:
    """A session on the same home each time, as each new kernel has one."""
    opened: list[Session] = []

    def connect() -> Session:
        settings = hh.Settings(poll_interval=0.1, single_poll=0.1, local_addresses=True)
        home = tmp_path / "home"
        opened.append(
            hh.connect(sandbox.key, sandbox.secret, base_url=sandbox.base_url, home=home, settings=settings)
        )
        return opened[-1]

    yield connect
    for session in opened:
        session.close()


@pytest.fixture
def session(connect: Callable[[], Session]) -> Session:
    return connect()


@pytest.fixture
def studio(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[hh.Studio]:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    studio = hh.Studio(session)
    yield studio
    studio.close()


@pytest.fixture
def ask(studio: hh.Studio) -> Ask:
    return asking(studio.comm)


def send(ask: Ask, tile: str, data: bytes, name: str) -> dict[str, Any]:
    """An image from a view, to its end; gives the last answer."""
    ask("tile-add", {"tile": tile, "name": name, "size": len(data)})
    if ask("tile-offer", {"tile": tile, "sha256": None}).get("known"):
        return {}
    return ask("tile-chunk", {"tile": tile, "offset": 0}, [data])


def press(ask: Ask, studio: hh.Studio, **values: Any) -> dict[str, Any]:
    form = dict(studio._form) | values
    tiles = form.pop("tiles")
    return ask("studio-generate", {"press": "p", "values": form, "tiles": tiles})


def states(studio: hh.Studio) -> list[str]:
    return [studio._tiles[tile]["state"] for tile in studio._form["tiles"]]


# -- an image that is not here -----------------------------------------------------------------------------------------


@pytest.fixture
def gap(studio: hh.Studio, ask: Ask) -> hh.Studio:
    """A Studio whose second image is none."""
    studio.duration = 3
    send(ask, "t1", RED.data, "red.png")
    send(ask, "t2", b"GIF89a", "blue.gif")
    send(ask, "t3", GREEN.data, "green.png")
    until(lambda: len(studio.references) == 2 and states(studio) == ["ready", "failed", "ready"])
    studio.prompt = "character1 greets character2"
    return studio


@pytest.mark.parametrize(
    "wish",
    [hh.Studio.generate, lambda studio: studio.request, hh.Studio.code],
    ids=["generate", "request", "code"],
)
def test_no_other_image_takes_the_place_of_one_that_is_none(
    gap: hh.Studio, wish: Callable[[hh.Studio], Any]
) -> None:
    with pytest.raises(InvalidRequest, match=r"\Acharacter2: Is a GIF"):
        wish(gap)
    assert len(gap.clips) == 0


def test_the_cost_of_what_is_here_is_still_shown(gap: hh.Studio) -> None:
    until(lambda: gap._estimate["status"] == "known")
    gap.seed_mode = "fixed"
    assert isinstance(gap.seed, int)


def test_images_that_are_given_from_python_take_the_place_of_all(gap: hh.Studio) -> None:
    gap.references = gap.references  # the same, and none that is missing
    assert [source.name for source in gap.references] == ["red.png", "green.png"]
    assert states(gap) == ["ready", "ready"]
    (clip,) = gap.generate()
    assert [reference.name for reference in clip.request.references] == ["red.png", "green.png"]


def test_a_draft_keeps_the_place_of_an_image_that_is_not_here(
    gap: hh.Studio, session: Session, connect: Callable[[], Session]
) -> None:
    until(lambda: len(list((session.home / "images").glob("*.png"))) == 2)
    gap.close()
    session.close()
    again = hh.Studio(connect())
    assert [again._tiles[tile]["name"] for tile in again._form["tiles"]] == [
        "red.png",
        "blue.gif",
        "green.png",
    ]
    assert states(again) == ["ready", "failed", "ready"]
    with pytest.raises(InvalidRequest, match="character2: It was not kept"):
        again.generate()
    again.close()


def test_reuse_and_draft_leave_the_place_of_a_file_that_is_gone(
    studio: hh.Studio, session: Session, connect: Callable[[], Session], ask: Ask
) -> None:
    studio.references = {"Red": RED, "Green": GREEN, "Blue": BLUE}
    studio.prompt, studio.duration = "Red chases Green", 3
    (clip,) = studio.generate()
    clip.wait(60)
    file = session.home / clip.request.references[0].file
    aside = file.rename(file.with_suffix(".aside"))
    assert ask("studio-reuse", {"clip": clip.id})["kind"] == "reply"
    assert "One image" in studio._filled["text"]
    assert states(studio) == ["failed", "ready", "ready"]
    assert studio._tiles[studio._form["tiles"][0]]["error"] == LOST
    assert list(studio._form["aliases"].values()) == ["Red", "Green", "Blue"]
    assert press(ask, studio)["problems"] == [f"character1: {LOST}"]
    assert len(studio.clips) == 1
    studio.close()
    session.close()
    session = connect()
    again = hh.Studio(session)
    assert states(again) == ["failed", "ready", "ready"]
    again.prompt = "Red waves at Green"
    again.close()
    session.close()
    aside.rename(file)
    again = hh.Studio(connect())  # nothing was forgotten meanwhile
    assert [source.sha256 for source in again.references] == [RED.sha256, GREEN.sha256, BLUE.sha256]
    assert again.request.wire_values()["prompt"] == "character1 waves at character2"
    again.close()


def test_one_s_own_images_come_back_however_often_something_else_is_set_up(
    studio: hh.Studio, session: Session, ask: Ask
) -> None:
    studio.references, studio.prompt, studio.duration = [RED, GREEN, BLUE], "character1 waves", 3
    (clip,) = studio.generate()
    clip.wait(60)
    for seed in range(3):
        send(ask, f"mine{seed}", png(220, 10 + seed), f"mine{seed}.png")
    mine = [f"mine{seed}" for seed in range(3)]
    studio.references = []
    ask("studio-edit", {"values": {"tiles": mine}})
    for _ in range(5):
        assert studio._form["tiles"] == mine
        ask("studio-reuse", {"clip": clip.id})
        ask("studio-undo")
    assert studio._form["tiles"] == mine


# -- what a file says beside its picture -------------------------------------------------------------------------------


@dataclass
class Camera:
    """A photo that names its camera, and a look at what a clip was sent."""

    data: bytes = field(default_factory=lambda: photo("JPEG", picture((320, 240))))

    def is_named(self, studio: hh.Studio, clip: Any) -> bool:
        file = studio.session.home / clip.request.references[0].file
        until(file.exists)
        return CANARY.encode() in file.read_bytes()


def test_a_clip_that_was_made_with_metadata_is_set_up_without(studio: hh.Studio, ask: Ask) -> None:
    camera = Camera()
    with_it = hh.Studio(studio.session, prompt="character1 waves", duration=3, keep_metadata=True)
    send(asking(with_it.comm), "t1", camera.data, "photo.jpg")
    until(lambda: with_it.references)
    (kept,) = with_it.generate()
    assert camera.is_named(studio, kept)
    kept.wait(60)
    with_it.close()
    ask("studio-reuse", {"clip": kept.id})
    assert not camera.is_named(studio, studio.generate()[0])
    studio.keep_metadata = True
    assert camera.is_named(studio, studio.generate()[0])


def test_a_draft_that_kept_metadata_gives_none_when_that_is_switched_off(
    studio: hh.Studio, session: Session, connect: Callable[[], Session], ask: Ask
) -> None:
    camera = Camera()
    studio.prompt, studio.duration, studio.keep_metadata = "character1 waves", 3, True
    send(ask, "t1", camera.data, "photo.jpg")
    until(lambda: studio.references)
    (clip,) = studio.generate()
    clip.wait(60)
    studio.close()
    session.close()
    again = hh.Studio(connect())
    assert again.keep_metadata
    assert camera.is_named(again, again.generate()[0])
    again.keep_metadata = False
    assert not camera.is_named(again, again.generate()[0])
    again.close()


@pytest.mark.parametrize("shown", [False, True])
def test_a_press_keeps_metadata_as_its_view_shows(studio: hh.Studio, ask: Ask, shown: bool) -> None:
    camera = Camera()
    studio.prompt, studio.duration, studio.keep_metadata = "character1 waves", 3, not shown
    send(ask, "t1", camera.data, "photo.jpg")
    answer = press(ask, studio, keep_metadata=shown)
    assert camera.is_named(studio, studio.session.clip(answer["clips"][0]["id"])) is shown


# -- addresses ---------------------------------------------------------------------------------------------------------


@dataclass
class Slow:
    """A server that answers when it is let: with an image, or with 404 for "bad"."""

    address: str
    asked: threading.Event = field(default_factory=threading.Event)
    let: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def slow() -> Iterator[Slow]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            slow.asked.set()
            slow.let.wait(30)
            self.send_response(404 if "bad" in self.path else 200)
            self.send_header("Content-Length", str(len(BLUE.data)))
            self.end_headers()
            self.wfile.write(BLUE.data)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    slow = Slow(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield slow
    slow.let.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("path", ["slow.png", "bad.png"])
@pytest.mark.parametrize("way", ["view", "python"])
def test_an_address_that_answers_late_leaves_the_image_alone_that_took_its_place(
    studio: hh.Studio, ask: Ask, slow: Slow, path: str, way: str
) -> None:
    made: list[Any] = []
    make = studio._intake._make

    async def noted(*arguments: Any) -> Any:
        try:
            return await make(*arguments)
        finally:
            made.append(arguments)

    studio._intake._make = noted
    if way == "view":
        content = {"kind": "tile-url", "request": "u", "tile": "t1", "url": f"{slow.address}/{path}"}
        studio.comm.say(content)
    else:
        studio.references = [f"{slow.address}/{path}"]
    (tile,) = studio._form["tiles"]
    until(slow.asked.is_set)
    send(ask, tile, RED.data, "red.png")
    slow.let.set()
    until(lambda: made)
    studio.prompt, studio.duration = "character1 waves", 3
    until(lambda: [source.name for source in studio.references] == ["red.png"])
    shown = studio._default_tiles()[tile]
    assert (shown["name"], shown["state"], shown["error"]) == ("red.png", "ready", "")
    assert [each.name for each in studio.generate()[0].request.references] == ["red.png"]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/fox%201.png", "fox 1.png"),
        ("https://example.org/a/b/fox.png/?sig=SECRET", "fox.png"),
        ("https://me:SECRET@example.org/", "image"),
        ("https://me:SECRET@example.org", "image"),
        ("https://me:SECRET@example.org/fox.png", "fox.png"),
        ("https://example.org/fox.png;sig=SECRET/x#token=SECRET", "fox.png"),
        ("https://example.org/fox.png%3Bsig=SECRET", "fox.png"),
        ("https:///me:SECRET@example.org", "image"),
        ("me:SECRET@example.org/", "image"),
        ("https://[SECRET", "image"),
    ],
)
def test_nothing_secret_of_an_address_is_in_the_name_of_its_image(
    studio: hh.Studio, ask: Ask, url: str, name: str
) -> None:
    assert name_in(url) == name
    answer = ask("tile-url", {"tile": "t1", "url": url.replace("example.org", "127.0.0.1:9")})
    assert answer["kind"] == "error"
    until(lambda: studio._tiles["t1"]["error"])
    assert studio._tiles["t1"]["name"] == name
    assert "SECRET" not in repr(studio.comm.published[1:])


# -- odd and endless messages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("tile-add", {"tile": "t" * 1_000_000, "name": "a.png", "size": 10}),
        ("tile-add", {"tile": "", "name": "a.png", "size": 10}),
        ("tile-add", {"tile": ["t1"], "name": "a.png", "size": 10}),
        ("tile-add", {"name": "a.png", "size": 10}),
        ("tile-add", {"tile": "a b\n", "name": "a.png", "size": 10}),
        ("tile-add", {"tile": "t1", "name": "a.png", "size": 10**400}),
        ("tile-add", {"tile": "t1", "name": "a.png", "size": -1}),
        ("tile-add", {"tile": "t1", "name": "a.png", "size": True}),
        ("tile-chunk", {"tile": "t1", "offset": 10**30}),
        ("tile-chunk", {"tile": "t1", "offset": -1}),
        ("tile-url", {"tile": {}, "url": "https://example.org/a.png"}),
        ("tile-frame", {"tile": "t1", "clip": "c", "at": 10**400}),
        ("tile-frame", {"tile": "t1", "clip": "c", "at": float("inf")}),
        ("tile-frame", {"tile": "t1", "clip": "c", "at": float("nan")}),
        ("tile-frame", {"tile": "t1", "clip": "c", "at": True}),
        ("tile-picture", {"tile": None}),
        ("tile-restore", {"tile": 7}),
    ],
)
def test_a_message_that_makes_no_sense_is_answered_in_words_and_changes_nothing(
    studio: hh.Studio, ask: Ask, kind: str, content: dict[str, Any]
) -> None:
    answer = ask(kind, content, [b"x"])
    assert (answer["kind"], answer["name"]) == ("error", "InvalidRequest")
    assert len(answer["message"]) < 200
    assert studio._form["tiles"] == []


def test_a_part_of_a_video_from_beyond_all_files_is_answered_in_words(studio: hh.Studio, ask: Ask) -> None:
    studio.references, studio.prompt, studio.duration = [RED], "character1 waves", 3
    (clip,) = studio.generate()
    clip.wait(60)
    answer = ask("clip-chunk", {"clip": clip.id, "offset": 10**30, "length": 10})
    assert answer["name"] == "InvalidRequest"


def test_a_frame_that_is_too_small_says_so_on_its_tile(studio: hh.Studio, ask: Ask) -> None:
    studio.references, studio.prompt, studio.duration = [RED], "character1 waves", 3
    (clip,) = studio.generate()
    clip.wait(60)
    answer = ask("tile-frame", {"tile": "t1", "clip": clip.id, "at": "last"})
    assert "is too small (192 × 108 px)" in answer["message"]
    until(lambda: studio._tiles["t1"]["error"].startswith("Is too small (192 × 108 px)"))
    assert [source.name for source in studio.references] == ["1.png"]


def test_what_is_synced_stays_small_whatever_comes(studio: hh.Studio, ask: Ask) -> None:
    long = "x" * 1_000_000
    studio.references = [RED]
    (tile,) = studio._form["tiles"]
    for values in ({"prompt": long}, {"aliases": {tile: long}}, {"parent": long}, {"resolution": long}):
        answer = ask("studio-edit", {"values": values})
        assert answer["name"] == "InvalidRequest"
        assert "1,000,000 characters" in answer["message"]
    ask("tile-frame", {"tile": "t1", "clip": long, "at": 0})
    studio.references = {long: RED}
    assert len(repr(studio._form) + repr(studio._tiles)) < 5000
    ask("studio-edit", {"values": {"prompt": "x" * 50_000}})  # beyond what a model takes, and yet not lost
    assert len(studio.prompt) == 50_000
