"""Better wordings and translations: what they cost is known before, paid once, counted, and kept within the budget."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from happyhorse_widgets.api.config import Credentials, Endpoint
from happyhorse_widgets.engine.connect import connect
from happyhorse_widgets.engine.request import Reference
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import ApiError, BudgetExceeded, InvalidRequest, RequestRejected
from happyhorse_widgets.library.files import Home
from happyhorse_widgets.media.images import load_image
from tests.conftest import SandboxProcess, StartSandbox
from tests.integration.conftest import OpenSession
from tests.scripted_server import CLOSE, KEY, SECRET, Reply, ScriptedServer, Seen
from tests.sessions import LONG, QUICK, picture, until

JOB: dict[str, Any] = {"job": {"jobId": "job_1", "jobType": "translate", "status": "success"}}
DONE = Reply(body={**JOB, "translation": "character1 runs", "detectedLanguage": "zh", "creativeUnitsCost": 3})


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1)


@pytest.fixture
def session(sandbox: SandboxProcess, open_session: OpenSession) -> Session:
    return open_session(sandbox)


def propose(session: Session, kind: Any, prompt: str, references: Any = ()) -> Any:
    work = session.texts.propose(kind, prompt, references, model=session.model)
    return session.run(work).result(LONG)


def test_a_better_wording_knows_the_images_and_their_own_names(session: Session) -> None:
    fox = load_image(picture())
    session.preupload(fox).result(LONG)
    images = [Reference("fox.png", fox.sha256, fox.media_type, alias="Fox"), load_image(picture())]
    price = session.run(session.texts.price("enhance", "Fox waves", images, model=session.model)).result(LONG)
    assert session.spent == 0
    proposal = propose(session, "enhance", "Fox waves", images)
    assert proposal.text.startswith("Fox waves. Also in the scene: character2.")
    assert proposal.cost == price == session.spent > 0


def test_a_translation_says_its_language_and_leaves_names_alone(session: Session) -> None:
    proposal = propose(
        session, "translate", "狐狸走向character2", [Reference("a", asset_id="asset_a", alias="狐狸")]
    )
    assert "狐狸走向character2" in proposal.text
    assert proposal.language == "zh"


def test_what_texts_cost_is_still_counted_in_the_next_session(
    sandbox: SandboxProcess, open_session: OpenSession
) -> None:
    first = open_session(sandbox)
    propose(first, "translate", "跑")
    spent = first.spent
    first.close()
    assert open_session(sandbox).spent == spent > 0


def test_a_budget_refuses_texts_and_counts_them_for_clips(session: Session) -> None:
    session.budget = 1.5
    propose(session, "translate", "跑")
    with pytest.raises(BudgetExceeded, match=r"costs about 1 creative units; 1 of the budget of 1\.5"):
        propose(session, "translate", "走")
    assert session.spent == 1


def test_a_budget_holds_for_texts_of_two_sessions_on_one_library(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    account = Endpoint(sandbox.base_url, None, Credentials(sandbox.key, sandbox.secret))
    # Not by connect(), which would give the same one: like two kernels they share nothing but the folder.
    sessions = [Session(account, home=Home(tmp_path / "home"), budget=1.5, settings=QUICK) for _ in range(2)]
    for session in sessions:
        session.run(session.texts.price("translate", "跑", model=session.model)).result(LONG)
    with closing(sqlite3.connect(tmp_path / "home" / "library.sqlite3", isolation_level=None)) as library:
        library.execute("BEGIN IMMEDIATE")  # whoever looks at what is spent, and writes only then, looks now
        asked = [
            session.run(session.texts.propose("translate", "跑", model=session.model))
            for session in sessions * 4
        ]
        until(lambda: all(len(session.texts._sending) == 4 for session in sessions), "all are about to pay")
        for _ in range(100):
            sessions[0].run(asyncio.sleep(0)).result(LONG)
        library.execute("COMMIT")
    ends = [type(found.exception(LONG)) for found in asked]
    assert (ends.count(type(None)), ends.count(BudgetExceeded)) == (1, 7)
    assert [session.spent for session in sessions] == [1, 1]
    for session in sessions:
        session.close()


def test_an_empty_prompt_is_not_sent(session: Session) -> None:
    with pytest.raises(InvalidRequest, match="write something first"):
        propose(session, "enhance", "  \n")


class Scenario:
    """Answers dry runs with 2 units, and the paid call as the test says."""

    def __init__(self) -> None:
        self.reply = DONE
        self.price = Reply(269, {"creativeUnitsCost": 2})
        self.server = ScriptedServer(script=self.answer)

    def answer(self, seen: Seen) -> Reply:
        if not seen.target.startswith("/generate/translate"):
            return Reply(404, {"reason": "nothing here"})
        return self.price if "dryRun" in seen.target else self.reply

    @property
    def paid(self) -> int:
        return sum("dryRun" not in seen.target for seen in self.server.seen if "translate" in seen.target)


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    found = Scenario()
    with found.server:
        yield found


@pytest.fixture
def there(scenario: Scenario, tmp_path: Path) -> Iterator[Session]:
    """A session with that server for its Scenario."""
    where = {"base_url": scenario.server.url, "home": tmp_path / "home"}
    session = connect(api_key=KEY, api_secret=SECRET, settings=QUICK, **where)
    yield session
    session.close()


def test_the_cost_is_what_was_charged_in_the_end(scenario: Scenario, there: Session) -> None:
    proposal = propose(there, "translate", "跑")
    assert (proposal.text, proposal.cost, proposal.language) == ("character1 runs", 3, "zh")
    assert (scenario.paid, there.spent) == (1, 3)


@pytest.mark.parametrize(
    "reply", [CLOSE, Reply(504, b"<html>"), Reply(200, b"{")], ids=["cut", "504", "half"]
)
def test_a_lost_answer_is_not_asked_for_again_and_counts_as_paid(
    scenario: Scenario, there: Session, reply: Reply
) -> None:
    scenario.reply = reply
    with pytest.raises(ApiError, match="may have been paid: 2 creative units are counted as spent"):
        propose(there, "translate", "跑")
    assert (scenario.paid, there.spent) == (1, 2)


def test_a_refusal_costs_nothing(scenario: Scenario, there: Session) -> None:
    scenario.reply = Reply(400, {"reason": "not this one"})
    with pytest.raises(RequestRejected, match="not this one"):
        propose(there, "translate", "跑")
    assert (scenario.paid, there.spent) == (1, 0)


def test_without_a_price_only_a_budget_keeps_it_from_being_asked(scenario: Scenario, there: Session) -> None:
    scenario.price = Reply(400, {"reason": "no dry run here"})
    there.budget = 100
    with pytest.raises(RequestRejected, match="no dry run here"):
        propose(there, "translate", "跑")
    assert (scenario.paid, there.spent) == (0, 0)
    there.budget = None
    assert propose(there, "translate", "跑").cost == 3
    assert (scenario.paid, there.spent) == (1, 3)
