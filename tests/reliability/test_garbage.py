"""Every answer of the server may be garbage: no clip is lost by it, none is paid twice, and the engine goes on."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.connect import connect
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.engine.settings import Settings
from happyhorse_widgets.engine.states import RESTING, State
from happyhorse_widgets.errors import ApiError, InvalidRequest, JobError
from happyhorse_widgets.media.frames import move_moov_first
from tests.reliability.garbage import FILE, READABLE, UNREADABLE, Garbage
from tests.reliability.small_scenario import ASIDE, CALLS, FILES, SmallScenario
from tests.scripted_server import CLOSE, KEY, SECRET, Reply, ScriptedServer
from tests.sessions import LONG, picture, until
from tests.videos import write_video

HASTY = Settings(
    quiescence=0.01,
    reconcile_scans=1,
    reconcile_gap=0.01,
    poll_interval=0.02,
    single_poll=0.02,
    unseen=0.3,
    retry_first=0.01,
    retry_most=0.02,
)
#: So many clips at once are watched by way of the list.
MANY = 5
_prompts = (f"character1 waves {number} times" for number in itertools.count())


def examples(count: int) -> settings:
    """So many, or HAPPYHORSE_FUZZ times as many. They are not shrunk, which would take minutes: they are short as they are."""
    return settings(
        max_examples=count * int(os.getenv("HAPPYHORSE_FUZZ", "1")),
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A video as Scenario serves it, and as it has to be on the disk."""
    folder = tmp_path_factory.mktemp("film")
    served = write_video(folder / "served.mp4", frames=6)
    move_moov_first(served, folder / "kept.mp4")
    return served.read_bytes(), (folder / "kept.mp4").read_bytes()


class Complaints(logging.Handler):
    """What the engine logs as an error: a reason that should not exist."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logging.Formatter().format(record))


class Bench:
    """A server that answers with garbage, and a session on it."""

    def __init__(
        self, server: ScriptedServer, scenario: SmallScenario, session: Session, kept: bytes
    ) -> None:
        self.server, self.scenario, self.session = server, scenario, session
        self._kept = kept

    def begin(self, image: bytes | None = None) -> Clip:
        return self.session.generate(next(_prompts), [image or picture()], duration=3, resolution="720P")

    def rest(self, clip: Clip) -> Clip:
        """Wait until it rests, which it must; with a person who looks again once."""
        with contextlib.suppress(JobError):
            clip.wait(LONG)
        if clip.state == State.NEEDS_USER:
            clip.look_again()
            with contextlib.suppress(JobError):
                clip.wait(LONG)
        assert clip.state in RESTING
        assert self.scenario.paid[clip.request.prompt] <= 1
        return clip

    def assert_is_whole(self, clip: Clip) -> None:
        assert clip.state == State.DONE, (clip.state, str(clip.error), clip.note)
        assert clip.path is not None
        assert clip.path.read_bytes() == self._kept
        assert self.scenario.paid[clip.request.prompt] == 1

    def assert_lives(self) -> None:
        """One clip after another and many at once still arrive; nothing half-written is left."""
        image = picture()
        for clip in [self.begin(image) for _ in range(MANY)]:
            self.assert_is_whole(self.rest(clip))
        assert list(self.session.home.rglob("*.part")) == []


@pytest.fixture
def on_a_bench(film: tuple[bytes, bytes]) -> Callable[[], contextlib.AbstractContextManager[Bench]]:
    """A new server, library and session each time; what the engine complained about fails it."""

    @contextlib.contextmanager
    def open_one() -> Iterator[Bench]:
        complaints = Complaints()
        scenario = SmallScenario(film[0])
        logging.getLogger("happyhorse_widgets").addHandler(complaints)
        try:
            with tempfile.TemporaryDirectory() as home, ScriptedServer(script=scenario) as server:
                scenario.base = server.url
                session = connect(KEY, SECRET, base_url=f"{server.url}/v1", home=Path(home), settings=HASTY)
                try:
                    yield Bench(server, scenario, session, film[1])
                finally:
                    session.close()
        finally:
            logging.getLogger("happyhorse_widgets").removeHandler(complaints)
        assert complaints.lines == []

    return open_one


OnABench = Callable[[], contextlib.AbstractContextManager[Bench]]


@pytest.mark.parametrize("call", [name for name in CALLS if name != "list"])
def test_garbage_that_says_nothing_is_waited_out(on_a_bench: OnABench, call: str) -> None:
    @examples(6)
    @given(st.lists(UNREADABLE, min_size=1, max_size=8), st.booleans())
    def check(garbage: list[Garbage], effective: bool) -> None:
        with on_a_bench() as bench:
            bench.scenario.garble(call, garbage[:1] if call == "generate" else garbage)
            if call == "search":
                bench.scenario.garble("generate", [Garbage("lost", lambda _: CLOSE)])
            if call in ("generate", "search"):
                bench.scenario.loses = 0 if effective else 1
            clip = bench.rest(bench.begin())
            if call in ("generate", "search") and not effective:
                assert clip.state == State.NEEDS_USER
                assert clip.job_id is None
            else:
                bench.assert_is_whole(clip)
            bench.assert_lives()

    check()


@pytest.mark.parametrize("call", [name for name in CALLS if name not in FILES])
def test_answers_that_say_something_odd_leave_no_clip_in_limbo(on_a_bench: OnABench, call: str) -> None:
    @examples(8)
    @given(st.lists(READABLE, min_size=1, max_size=4))
    def check(garbage: list[Garbage]) -> None:
        with on_a_bench() as bench:
            bench.scenario.garble(call, garbage)
            if call == "search":
                bench.scenario.garble("generate", [Garbage("lost", lambda _: CLOSE)])
            clips = [bench.begin() for _ in range(MANY if call == "list" else 1)]
            for clip in clips:
                event(f"{call}: {bench.rest(clip).state}")
            bench.scenario.garbled.clear()
            # What a model takes Scenario knows best, even where it forgets that clips may be wide.
            with contextlib.suppress(*([InvalidRequest] if call == "model" else [])):
                bench.assert_lives()

    check()


def test_files_that_are_none_are_fetched_again(on_a_bench: OnABench) -> None:
    @examples(20)
    @given(st.lists(FILE, min_size=1, max_size=6))
    def check(garbage: list[Garbage]) -> None:
        with on_a_bench() as bench:
            bench.scenario.garble("file", garbage)
            bench.assert_is_whole(bench.rest(bench.begin()))
            bench.assert_lives()

    check()


def test_garbage_everywhere_at_once(on_a_bench: OnABench) -> None:
    some = st.lists(st.one_of(READABLE, UNREADABLE), max_size=3)
    drawn = {call: some for call in CALLS if call not in FILES}
    # A schema that can be read is the model's own word, and may refuse the clip.
    drawn["model"] = st.lists(UNREADABLE, max_size=3)

    @examples(12)
    @given(st.fixed_dictionaries(drawn))
    def check(garbage: dict[str, list[Garbage]]) -> None:
        with on_a_bench() as bench:
            for call, answers in garbage.items():
                bench.scenario.garble(call, answers)
            for clip in [bench.begin() for _ in range(MANY)]:
                bench.rest(clip)
            bench.scenario.garbled.clear()
            bench.assert_lives()

    check()


def test_garbage_in_answer_to_what_is_asked_aside_is_told_and_holds_nothing_up(on_a_bench: OnABench) -> None:
    drawn = {call: st.lists(st.one_of(READABLE, UNREADABLE), max_size=2) for call in ASIDE}

    @examples(15)
    @given(st.fixed_dictionaries(drawn))
    def check(garbage: dict[str, list[Garbage]]) -> None:
        with on_a_bench() as bench:
            session, scenario = bench.session, bench.scenario
            scenario.asleep = True
            clip = bench.begin()
            until(lambda: clip.job_id, "it is submitted")
            for call, answers in garbage.items():
                scenario.garble(call, answers)
            assert clip.cancel().endswith(".")
            session.run(session._engine._learn_plan()).result(LONG)
            assert session.queue.running == 1
            for kind in ("enhance", "translate"):
                with contextlib.suppress(ApiError):
                    wish = session.texts.propose(kind, "character1 waves", model=session.model)
                    assert isinstance(session.run(wish).result(LONG).text, str)
                assert scenario.calls[kind] <= 1  # paid once, whatever came back
            with contextlib.suppress(ApiError):
                assert isinstance(session.run(session.texts.guide(session.model)).result(LONG), str)
            assert 0 <= session.spent < math.inf
            scenario.garbled.clear()
            scenario.asleep = False
            bench.assert_is_whole(bench.rest(clip))

    check()


@pytest.mark.parametrize("token", ["the same", "another one"])
@pytest.mark.parametrize("call", ["search", "list"])
def test_a_list_without_an_end_is_not_read_for_ever(on_a_bench: OnABench, call: str, token: str) -> None:
    numbers = itertools.count()

    def endless(honest: Reply) -> Reply:
        following = "again" if token == "the same" else f"page {next(numbers)}"
        return Reply(body={"jobs": [], "nextPaginationToken": following})

    with on_a_bench() as bench:
        bench.scenario.garble(call, [endless] * 100_000)
        if call == "search":
            bench.scenario.garble("generate", [Garbage("lost", lambda _: CLOSE)])
            clip = bench.begin()
            until(lambda: "does not come to an end" in clip.note, "it is noticed")
            assert not clip.is_over  # no end, no evidence
            bench.scenario.garbled.clear()
            bench.assert_is_whole(bench.rest(clip))
        else:
            bench.scenario.asleep = True
            clips = [bench.begin() for _ in range(MANY)]
            until(lambda: all("does not come to an end" in clip.note for clip in clips), "it is noticed")
            bench.scenario.asleep = False
            for clip in clips:  # they are asked for one by one meanwhile
                bench.assert_is_whole(bench.rest(clip))
        bench.scenario.garbled.clear()
        bench.assert_lives()


@pytest.mark.parametrize(
    "date",
    ["Fri, 31 Dec 2055 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:01 GMT", "soon"],
    ids=["late", "early", "none"],
)
@pytest.mark.parametrize("when", ["before it is sent", "after it was sent"])
def test_a_gateway_with_a_wrong_clock_neither_hides_a_job_nor_holds_a_clip_up(
    on_a_bench: OnABench, date: str, when: str
) -> None:
    def dated(told: str) -> Garbage:
        return Garbage(told, lambda honest: replace(honest, headers={**honest.headers, "Date": told}))

    with on_a_bench() as bench:
        wrong, right = dated(date), dated(format_datetime(datetime.now(UTC), usegmt=True))
        before, after = (wrong, right) if when.startswith("before") else (right, wrong)
        for call in ("model", "new upload", "complete", "upload", "dry run", "list"):
            bench.scenario.garble(call, [before] * 9)
        bench.scenario.garble("generate", [Garbage("lost", lambda _: CLOSE)])
        for call in ("search", "job", "asset"):
            bench.scenario.garble(call, [after] * 9)
        bench.assert_is_whole(bench.rest(bench.begin()))
        bench.assert_lives()
