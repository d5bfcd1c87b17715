"""What is wrong is said before anything is uploaded or paid; what is only unwise is said, and done."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import happyhorse_widgets as hh
from happyhorse_widgets.api.params import HAPPY_HORSE, HAPPY_HORSE_1_1
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import (
    ConfigurationError,
    InvalidImage,
    InvalidRequest,
    JobRejected,
    LibraryError,
    NotFound,
)
from happyhorse_widgets.media.images import load_image
from tests.conftest import SandboxProcess, StartSandbox
from tests.integration.conftest import OpenSession
from tests.scripted_server import Reply, ScriptedServer
from tests.sessions import LONG, QUICK, picture


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1)


@pytest.fixture
def session(sandbox: SandboxProcess, open_session: OpenSession) -> Session:
    return open_session(sandbox)


def jpeg(size: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (500, 500)).save(out, "JPEG")
    return out.getvalue().ljust(size, b"\0")


def black(side: int = 420) -> np.ndarray[Any, Any]:
    return np.zeros((side, 420, 3), np.uint8)


BAD: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "no image": (
        lambda folder: {"prompt": "somebody waves", "references": []},
        "No reference image was given",
    ),
    "ten images": (lambda folder: {"references": [black()] * 10}, "10 reference images were given"),
    "one image without a list": (lambda folder: {"references": "fox.png"}, "not a list"),
    "a missing file": (lambda folder: {"references": [folder / "absent.png"]}, r"character1: .*absent\.png"),
    "a PDF called .png": (lambda folder: {"references": [folder / "scan.png"]}, "is a PDF"),
    "12 MB": (lambda folder: {"references": [jpeg(12_000_000)]}, r"12\.0 MB"),
    "200 px": (
        lambda folder: {"references": [black(200)]},
        r"character1: array\.png is too small \(420 × 200 px\).* more than 200 px; .*400 px is advised\. Give a larger",
    ),
    "character4 of three": (
        lambda folder: {"prompt": "character4 waves", "references": [black()] * 3},
        "mentions character4",
    ),
    "an empty prompt": (lambda folder: {"prompt": " "}, "prompt is empty"),
    "an endless prompt": (lambda folder: {"prompt": "character1 waves " * 200}, "2,500"),
    "2 seconds": (lambda folder: {"duration": 2}, "duration must be a whole number from 3 to 15"),
    "16 seconds": (lambda folder: {"duration": 16}, "duration must be a whole number from 3 to 15"),
    "a long one": (lambda folder: {"duration": "long"}, '"long" was given'),
    "ratio 2:1": (lambda folder: {"aspect_ratio": "2:1"}, 'aspect_ratio "2:1" is not one of'),
    "seed -1": (lambda folder: {"seed": -1}, "seed must be a whole number"),
    "an unknown keyword": (lambda folder: {"durations": 5}, "Did you mean duration"),
    "an unknown keyword, not given": (lambda folder: {"sed": None}, "Did you mean seed"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_before_anything_is_sent(
    session: Session, sandbox: SandboxProcess, tmp_path: Path, case: str
) -> None:
    (tmp_path / "scan.png").write_bytes(b"%PDF-1.7\n")
    build, words = BAD[case]
    before = sandbox.ledger()
    arguments = {"prompt": "character1 waves", "references": [black()]} | build(tmp_path)
    for ask in (session.generate, session.estimate):
        with pytest.raises(InvalidRequest, match=words) as caught:
            ask(**arguments)
        assert len(caught.value.problems) == 1
    assert len(session.clips) == 0
    assert list((session.home / "images").iterdir()) == []
    session.estimate("character1 waves", [picture()])  # what was queued before this has been sent by now
    after = sandbox.ledger()
    assert (after["jobs"], after["charges"]) == (before["jobs"], before["charges"])
    assert len(after["uploads"]) == len(before["uploads"]) + 1


def test_all_that_is_wrong_is_said_at_once(session: Session, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        session.generate("", [tmp_path / "absent.png"], duration=99, seed=-1, promt="x")
    text = str(caught.value)
    for word in ("prompt is empty", "absent.png", "duration", "seed", "promt"):
        assert word in text
    assert [
        problem.field for problem in session.check("", 0, duration=99) if problem.severity == "error"
    ] == [
        "prompt",
        "references",
        "duration",
    ]


def test_what_is_unwise_is_a_visible_warning_where_it_was_asked(session: Session) -> None:
    small, unmentioned = picture((420, 201)), picture()
    for ask in (session.generate, hh.generate):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            clip = ask("character1 waves", [small, unmentioned], duration=3)
        assert [str(warning.message) for warning in caught] == list(clip.warnings)
        assert {warning.filename for warning in caught} == {__file__}
        assert "character1: " in clip.warnings[0]
        assert "201 px" in clip.warnings[0]
        assert "character2 is never mentioned" in clip.warnings[1]
        clip.cancel()


def test_images_of_every_kind_arrive_and_each_is_uploaded_once(
    session: Session, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    before = len(sandbox.ledger()["uploads"])
    shared = picture()
    (tmp_path / "fox.png").write_bytes(shared)
    pixels = np.asarray(Image.open(io.BytesIO(picture())))
    first = session.generate(
        "character1 to character5",
        [
            tmp_path / "fox.png",
            str(tmp_path / "fox.png"),
            memoryview(shared),
            pixels,
            Image.fromarray(pixels),
        ],
        duration=3,
    )
    image = load_image(shared)
    asset_id = session.preupload(image).result(LONG)
    second = session.generate("character1 and character2", [image, asset_id], duration=3)
    third = session.generate("character1 waves", [first.wait(LONG).request.references[3]], duration=3)
    for clip in (second, third):
        assert clip.wait(LONG).is_done
    assert len(sandbox.ledger()["uploads"]) - before == 2
    sent = {job["jobId"]: job["metadata"]["input"]["referenceImages"] for job in sandbox.ledger()["jobs"]}
    assert sent[second.job_id] == [asset_id, asset_id]
    assert sent[first.job_id][:3] == [asset_id] * 3
    assert sent[third.job_id] == [sent[first.job_id][3]]
    assert sorted(path.suffix for path in (session.home / "images").iterdir()) == [".png", ".png"]


def test_an_upload_tells_how_far_it_is(session: Session) -> None:
    steps: list[tuple[int, int]] = []
    image = load_image(
        jpeg(3_000_000), keep_metadata=True
    )  # its size is padding, which is taken out otherwise
    session.preupload(image, lambda sent, total: steps.append((sent, total))).result(LONG)
    assert [total for _, total in steps] == [3_000_000] * len(steps)
    assert steps == sorted(steps)
    assert steps[-1][0] == 3_000_000
    assert len(steps) >= 3


def test_an_asset_that_vanished_is_uploaded_again(
    session: Session, sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    image = load_image(picture())
    first = session.preupload(image).result(LONG)
    sandbox.http.request("DELETE", "/assets", json={"assetIds": [first]}).raise_for_status()
    session.close()  # an asset that was seen in this session is not asked for again
    second = open_session(sandbox).preupload(image).result(LONG)
    assert second != first


@pytest.mark.parametrize("priced", [True, False], ids=["by the POST", "by the dry run"])
def test_an_asset_that_vanished_meanwhile_is_uploaded_again_when_the_clip_is_submitted_again(
    session: Session, sandbox: SandboxProcess, priced: bool
) -> None:
    image, duration = load_image(picture()), 3 if priced else 4
    first = session.preupload(image).result(LONG)
    if priced:  # what a clip of three seconds costs is remembered: no dry run names the image
        session.estimate("character1 waves", [image], duration=3, aspect_ratio="16:9", resolution="1080P")
    sandbox.http.request("DELETE", "/assets", json={"assetIds": [first]}).raise_for_status()
    before = len(sandbox.ledger()["uploads"])
    clip = session.generate("character1 waves", [image], duration=duration)
    with pytest.raises(JobRejected, match=f"{first} was not found"):
        clip.wait(LONG)
    again = clip.submit_again().wait(LONG)
    assert again.is_done
    assert again.record.body is not None
    assert again.record.body["referenceImages"] != [first]
    assert len(sandbox.ledger()["uploads"]) == before + 1


@pytest.fixture
def neighbourly(sandbox: SandboxProcess, open_session: OpenSession) -> Session:
    """A session that fetches images from this machine, too."""
    return open_session(sandbox, settings=replace(QUICK, local_addresses=True))


def test_a_reference_is_fetched_from_its_address_without_keys(neighbourly: Session) -> None:
    session, data = neighbourly, picture()
    with ScriptedServer(script=lambda seen: Reply(200, data)) as server:
        url = f"{server.url}/art/fox%20one.png?Signature=CANARY"
        clip = session.generate("character1 waves", [url], duration=3).wait(LONG)
        assert session.estimate("character1 waves", [url], duration=4).creative_units > 0
    assert server.count("GET", "/art/fox%20one.png?Signature=CANARY") == 2
    assert all("authorization" not in seen.headers for seen in server.seen)
    (reference,) = clip.request.references
    assert (reference.name, reference.url, reference.width) == ("fox one.png", None, 420)
    assert (session.home / "images" / f"{reference.sha256}.png").read_bytes() == data


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(404, b"gone"), "its server answers 404"),
        (Reply(200, b"<!DOCTYPE html><html>"), "web page"),
        (Reply(200, jpeg(10_000_001)), "larger than 10 MB"),
        (Reply(200, picture((300, 200))), r"too small \(300 × 200 px\)"),
        (Reply(302, b"", {"Location": "file:///etc/passwd"}), "only http and https"),
    ],
    ids=["gone", "a page", "too large", "too small", "a redirect to a file"],
)
def test_an_address_without_an_image_ends_the_clip_unpaid(
    neighbourly: Session, reply: Reply, words: str
) -> None:
    session = neighbourly
    with ScriptedServer(script=lambda seen: reply) as server:
        clip = session.generate("character1 waves", [f"{server.url}/fox.png?Signature=CANARY"], duration=3)
        with pytest.raises(JobRejected, match=f"{words}.*Nothing was paid") as caught:
            clip.wait(LONG)
    assert "CANARY" not in str(caught.value)
    assert "CANARY" not in str(clip.to_dict())
    assert clip.cost is None
    assert session.spent == 0


def test_an_estimate_is_what_it_will_cost_and_is_remembered(
    session: Session, sandbox: SandboxProcess
) -> None:
    image = picture()
    estimate = session.estimate("character1 waves", [image], duration=4)
    uploads = len(sandbox.ledger()["uploads"])
    again = session.estimate("character1 jumps", [picture()], duration=4, seed=3)
    assert again.creative_units == estimate.creative_units
    assert len(sandbox.ledger()["uploads"]) == uploads  # the price is known: nothing had to be sent
    dearer = session.estimate("character1 waves", [image], duration=15)
    assert dearer.creative_units > estimate.creative_units
    clip = session.generate("character1 waves", [image], duration=4).wait(LONG)
    assert clip.cost == clip.estimate == estimate.creative_units
    took = session.usual_seconds(HAPPY_HORSE)
    assert took is not None
    assert session.estimate("character1 waves", [image], duration=4).seconds == took


def test_a_model_is_asked_for_and_one_that_is_unknown_is_refused(session: Session) -> None:
    assert session.schema().model_id == HAPPY_HORSE
    clip = session.generate(
        "character1 waves", [picture()], duration=3, aspect_ratio="21:9", model=HAPPY_HORSE_1_1
    )
    assert clip.wait(LONG).to_dict()["model"] == HAPPY_HORSE_1_1
    with pytest.raises(InvalidRequest, match=r"Happy Horse 1\.1 has it"):
        session.generate("character1 waves", [picture()], aspect_ratio="21:9")
    for _ in range(2):
        with pytest.raises(NotFound):
            session.generate("character1 waves", [picture()], model="model_absent")

    async def on_the_engine() -> None:
        await session.estimate_async("character1 waves", [picture()], model="model_absent")

    with pytest.raises(NotFound):
        session.run(on_the_engine()).result(LONG)


def test_what_connect_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SCENARIO_SDK_API_KEY", "SCENARIO_SDK_API_SECRET", "SCENARIO_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HAPPYHORSE_HOME", str(tmp_path / "home"))
    for options, words in (
        ({"sandbox": False}, "no API key"),
        ({"api_key": "key"}, "secret is missing"),
        ({"base_url": "https://example.com/v1"}, "without a key"),
        ({"api_key": "k", "api_secret": "s", "base_url": "http://example.com"}, "must begin with https"),
        ({"sandbox": True, "budget": -1}, "budget is -1"),
        ({"sandbox": True, "budget": "lots"}, "budget is 'lots'"),
        ({"sandbox": True, "budget": True}, "budget is True"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            hh.connect(**options)  # type: ignore[arg-type]
    for name, value in (
        ("poll_interval", 0),
        ("unseen", "1"),
        ("retry_most", float("inf")),
        ("reconcile_scans", 1.5),
    ):
        with pytest.raises(ConfigurationError, match=f"Settings.{name} is"):
            hh.Settings(**{name: value})  # type: ignore[arg-type]
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LibraryError, match="cannot be used"):
        hh.connect(sandbox=True, home=tmp_path / "file")


def test_a_key_that_is_not_accepted_is_said_on_the_clip(
    sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    session = open_session(sandbox, api_secret="another")
    clip = session.generate("character1 waves", [picture()], duration=3)
    with pytest.raises(JobRejected, match=r"does not accept the API key and secret.*Nothing was paid"):
        clip.wait(LONG)


def test_an_image_that_left_the_library_is_refused(session: Session) -> None:
    reference = session.generate("character1 waves", [picture()], duration=3).wait(LONG).request.references[0]
    (session.home / "images" / f"{reference.sha256}.png").unlink()
    with pytest.raises(InvalidImage, match="is not in this library any more"):
        session.generate("character1 waves", [reference], duration=3)
