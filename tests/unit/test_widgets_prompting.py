"""What a Studio's prompt asks of the kernel, with a real session on a real sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.media.images import load_image
from happyhorse_widgets.widgets.assets import STATIC
from happyhorse_widgets.widgets.prompting import Prompting
from happyhorse_widgets.widgets.rpc import Dispatcher
from happyhorse_widgets.widgets.tray import Tray
from tests.conftest import SandboxProcess, StartSandbox
from tests.sessions import QUICK, until

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1)


@pytest.fixture
def session(sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Session]:
    where = {"base_url": sandbox.base_url, "home": tmp_path / "home"}
    session = hh.connect(sandbox.key, sandbox.secret, settings=QUICK, **where)
    yield session
    session.close()


@pytest.fixture
def tray() -> Tray:
    tray = Tray(lambda: None)
    tray.replace([load_image(STATIC / "samples" / name) for name in ("fox.png", "astronaut.png")])
    return tray


@pytest.fixture
def spent() -> list[str]:
    return []


@pytest.fixture
def ask(session: Session, tray: Tray, spent: list[str]) -> Ask:
    """Send a request as a view does, and wait for its answer."""
    answers: dict[str, dict[str, Any]] = {}
    rpc = Dispatcher(lambda content, _buffers: answers.update({content["request"]: dict(content)}))
    Prompting(session, tray, lambda: spent.append("spent")).serve(rpc)

    def ask(kind: str, **content: Any) -> dict[str, Any]:
        request = f"view-{len(answers)}"
        rpc.receive({**content, "kind": f"prompt-{kind}", "request": request}, [])
        until(lambda: request in answers, f"{kind} is answered")
        return answers[request]

    return ask


def wish(tray: Tray, kind: str = "enhance", text: str = "Fox waves", **more: Any) -> dict[str, Any]:
    tiles = [tile.id for tile in tray.tiles]
    return {"wish": kind, "text": text, "tiles": tiles, "aliases": {tiles[0]: "Fox"}, **more}


def test_a_proposal_is_priced_asked_for_and_counted(
    ask: Ask, tray: Tray, session: Session, spent: list[str]
) -> None:
    assert ask("price", **wish(tray))["units"] == 1
    assert (session.spent, spent) == (0, [])
    proposal = ask("propose", **wish(tray))
    assert proposal["text"].startswith("Fox waves. Also in the scene: character2.")
    assert (proposal["units"], session.spent, spent) == (1, 1, ["spent"])


def test_a_budget_is_told_in_words(ask: Ask, tray: Tray, session: Session) -> None:
    session.budget = 0.5
    answer = ask("propose", **wish(tray, "translate"))
    assert (answer["kind"], answer["name"]) == ("error", "BudgetExceeded")
    assert "budget of 0.5" in answer["message"]


@pytest.mark.parametrize("wrong", [{"wish": "sing"}, {"text": None}, {"tiles": "abc"}, {"aliases": None}])
def test_a_wish_that_cannot_be_is_answered_in_words(ask: Ask, tray: Tray, wrong: dict[str, Any]) -> None:
    answer = ask("propose", **{**wish(tray), **wrong})
    assert answer["message"] == (
        "A wish for another wording carries its kind, the text, the tiles and their names."
    )


def test_an_image_that_has_not_arrived_keeps_a_wish_waiting(ask: Ask, tray: Tray) -> None:
    tray.add("late", name="late.png", size=100)
    answer = ask("propose", **wish(tray))
    assert answer["problems"][0].startswith("character3: it has not arrived")


def test_the_guide_is_the_models(ask: Ask) -> None:
    assert "character1" in ask("guide", model="model_alibaba-happy-horse-reference-to-video")["guide"]


def test_templates_are_kept_under_their_names(ask: Ask) -> None:
    assert ask("templates")["templates"] == []
    ask("templates", save={"name": " Walk ", "text": "character1 walks"})
    ask("templates", save={"name": "漫步", "text": "character1走"})
    assert ask("templates", save={"name": "Walk", "text": "character1 runs"})["templates"] == [
        {"name": "Walk", "text": "character1 runs"},
        {"name": "漫步", "text": "character1走"},
    ]
    assert ask("templates", delete="Walk")["templates"] == [{"name": "漫步", "text": "character1走"}]
    assert len(ask("templates", delete="never saved")["templates"]) == 1
    assert "needs a name" in ask("templates", save={"name": " ", "text": "x"})["message"]
    assert "no prompt yet" in ask("templates", save={"name": "x", "text": " "})["message"]


def test_former_prompts_are_as_they_were_typed(ask: Ask, session: Session, tray: Tray) -> None:
    sources = {"Fox": tray.sources[0], "Ada": tray.sources[1]}
    for prompt in ("Fox waves at Ada", "Ada sings to Fox", "Fox waves at Ada"):
        session.generate(prompt, sources, duration=3)
    assert ask("history")["prompts"] == ["Fox waves at Ada", "Ada sings to Fox"]
    assert ask("history", text="SING")["prompts"] == ["Ada sings to Fox"]


def test_what_is_sent_has_numbers_for_own_names(
    session: Session, sandbox: SandboxProcess, tray: Tray
) -> None:
    clip = session.generate(
        "Fox waves at Ada", {"Fox": tray.sources[0], "Ada": tray.sources[1]}, duration=3
    ).wait(90)
    sent = sandbox.http.get(f"jobs/{clip.job_id}").json()["job"]["metadata"]["input"]["prompt"]
    assert sent == "character1 waves at character2"
    assert clip.request.prompt == "Fox waves at Ada"
    assert "{'Fox': " in clip.code("python")
    assert "character1 waves at character2" in clip.code("curl")
