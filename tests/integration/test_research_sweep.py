"""Sweeps from the plan to the files: asked for once, paid once, gone on with after a kill."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import happyhorse_widgets as hh
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import BudgetExceeded, InvalidRequest, JobError, LibraryError, WaitTimeout
from happyhorse_widgets.research.attempts import Attempts
from tests.conftest import StartSandbox
from tests.integration.conftest import OpenSession, StartKernel
from tests.scripted_server import KEY, SECRET, Reply, ScriptedServer
from tests.sessions import LONG, picture
from tests.two_models import HASTY, OTHER, Studio
from tests.videos import write_video


class Bench:
    """A server, and a session on it."""

    def __init__(self, scenario: Studio, session: Session) -> None:
        self.scenario, self.session = scenario, session
        self.images = [picture(), picture()]

    def sweep(self, **given: Any) -> hh.Sweep:
        asked = {"prompt": "character1 waves", "references": self.images[:1], "duration": 3, "seed": [1, 2]}
        return hh.sweep(**asked | given, session=self.session)

    def paid(self) -> list[dict[str, Any]]:
        return [body for _, body in self.scenario.bodies]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_video(tmp_path_factory.mktemp("film") / "served.mp4", frames=6).read_bytes()


@pytest.fixture
def bench(film: bytes, tmp_path: Path) -> Iterator[Bench]:
    scenario = Studio(film)
    with ScriptedServer(script=scenario) as server:
        scenario.base = server.url
        session = hh.connect(KEY, SECRET, base_url=f"{server.url}/v1", home=tmp_path / "home", settings=HASTY)
        yield Bench(scenario, session)
        session.close()


# -- from the plan to the frame ----------------------------------------------------------------------------------------


def test_a_study_runs_every_cell_once_and_tells_what_became_of_it(bench: Bench) -> None:
    study = bench.sweep(prompt={"calm": "character1 sits", "wild": "character1 leaps"}, name="foxes")
    assert [cell.state for cell in study.cells] == ["planned"] * 4
    assert (study.clips, study.spent, bench.scenario.bodies) == ([], 0, [])
    assert study.estimate() == 4 * 30
    assert (bench.scenario.calls["dry run"], bench.paid()) == (1, [])  # all cost the same
    assert study.start() is study
    assert len(study.clips) == 4
    assert asyncio.run(_awaited(study)) is study
    assert (study.estimate(), study.spent, study.failures) == (0, 120, ())

    frame = study.to_frame()
    assert list(frame["cell"]) == ["c1", "c2", "c3", "c4"]
    assert list(zip(frame["prompt"], frame["seed"], strict=True)) == [
        ("calm", 1),
        ("calm", 2),
        ("wild", 1),
        ("wild", 2),
    ]
    order = [cell.key for cell in study.plan.cells]
    assert [order[number - 1] for number in frame["order"]] == list(frame["cell"])
    for row, cell in zip(frame.to_dict("records"), study.cells, strict=True):
        clip = cell.clip
        assert clip is not None
        assert (row["clip_id"], row["sha256"], row["path"]) == (clip.id, clip.sha256, str(clip.path))
        assert (row["state"], row["cost"], row["sandbox"], row["error"]) == ("done", 30, True, None)
        assert (row["aspect_ratio"], row["resolution"], row["duration"]) == ("16:9", "1080P", 3)
        assert (row["references"], row["seed_used"]) == ("image.png", 7)
        body = next(body for body in bench.paid() if body == clip.record.body)
        assert (body["prompt"], body["seed"]) == (cell.values["prompt"], cell.values["seed"])
    # They were asked for in the plan's order.
    made = sorted((clip.created_at, clip.id) for clip in study.clips)
    clips = {cell.key: cell.clip for cell in study.cells}
    assert [clip_id for _, clip_id in made] == [clips[key].id for key in order]


async def _awaited(study: hh.Sweep) -> hh.Sweep:
    return await study


def test_the_same_call_is_the_same_sweep_unless_it_has_another_name(bench: Bench, tmp_path: Path) -> None:
    study = bench.sweep(seed=[1, 2]).wait(LONG)
    again = bench.sweep(seed=[1, 2])
    assert (again.name, again.plan, again.clips) == (study.name, study.plan, study.clips)
    assert again.wait(LONG).spent == 60
    for path in (study.save(tmp_path / "study.json"), study.save(tmp_path / "study.yaml")):
        for opened in (hh.sweep(plan=path, session=bench.session), hh.Sweep.open(path, bench.session)):
            assert (opened.name, opened.clips) == (study.name, study.clips)
    assert hh.Sweep.open(study.name, bench.session).clips == study.clips
    assert bench.sweep(seed=[1, 2], order_seed=study.plan.order_seed).clips == study.clips
    assert len(bench.paid()) == 2

    fresh = [
        bench.sweep(seed=[1, 2], name="another"),
        bench.sweep(seed=[1, 2], order_seed=study.plan.order_seed + 1),
        bench.sweep(seed=[1, 3]),
        bench.sweep(seed={"one": 1, "two": 2}),
        hh.sweep(plan=tmp_path / "study.json", name="rerun", session=bench.session),
    ]
    assert len({one.name for one in fresh} | {study.name}) == 6
    assert [one.clips for one in fresh] == [[]] * 5
    fresh[4].wait(LONG)
    assert len(bench.paid()) == 4
    with pytest.raises(InvalidRequest, match="a sweep called 'rerun' in this library, with another plan"):
        bench.sweep(seed=[4], name="rerun")
    with pytest.raises(InvalidRequest, match="no sweep called 'nothing' in this library"):
        hh.Sweep.open("nothing", bench.session)
    with pytest.raises(InvalidRequest, match="plan= brings everything along"):
        hh.sweep("x", plan=tmp_path / "study.json", session=bench.session)


def test_cells_that_ask_for_the_same_share_one_clip(bench: Bench) -> None:
    study = bench.sweep(references={"Rex": {"Rex": bench.images[0]}, "Max": {"Max": bench.images[0]}}).wait(
        LONG
    )
    assert len(study.cells) == 4
    assert Counter(cell.clip for cell in study.cells) == dict.fromkeys(study.clips, 2)
    assert (len(study.clips), study.spent) == (2, 60)
    assert len(bench.paid()) == 2


def test_another_model_takes_part_under_its_own_names(bench: Bench) -> None:
    fields = {OTHER: {"references": "image", "aspect_ratio": "ratio", "resolution": None, "duration": None}}
    happy = bench.session.model
    study = bench.sweep(
        model={"happy": happy, "other": OTHER}, resolution=["720P", "1080P"], seed=[3], fields=fields
    )
    assert study.wait(LONG).failures == ()
    bodies = {
        model: [body for each, body in bench.scenario.bodies if each == model] for model in (happy, OTHER)
    }
    assert sorted(body["resolution"] for body in bodies[happy]) == ["1080P", "720P"]
    (asset,) = bodies[happy][0]["referenceImages"]
    assert bodies[OTHER] == [{"prompt": "character1 waves", "image": asset, "ratio": "1:1", "seed": 3}]
    assert len(study.clips) == 3
    with pytest.raises(InvalidRequest) as caught:
        bench.sweep(model=[OTHER, "model_none"], fields={OTHER: {"references": "picture"}})
    assert caught.value.problems == (
        "Other has no input called picture; it has prompt, image, ratio, seed, guidanceScale, loras, seconds.",
        "There is no model model_none, or your account may not use it.",
    )
    with pytest.raises(InvalidRequest, match="fields are given for model_b, which takes no part"):
        bench.sweep(fields={"model_b": {}})


def test_inputs_that_only_one_model_has_are_factors_like_any_other(bench: Bench) -> None:
    fields = {OTHER: {"references": "image", "duration": None}}
    study = bench.sweep(model=OTHER, seed=[3], fields=fields, guidance_scale=[2, 4.5]).wait(LONG)
    assert sorted(body["guidanceScale"] for body in bench.paid()) == [2, 4.5]
    assert list(study.to_frame()["guidance_scale"]) == [2, 4.5]
    # A clip of it can be asked for again as it is.
    clip = study.clips[0]
    again = clip.remake(seed=4).wait(LONG)
    assert (again.request.inputs, again.request.fields) == (clip.request.inputs, {"references": "image"})
    assert "fields={'references': 'image'}" in clip.code()


def test_inputs_may_be_lists_and_be_called_as_a_column_of_the_frame(bench: Bench) -> None:
    fields = {OTHER: {"references": "image", "duration": None}}
    study = bench.sweep(
        model=OTHER, seed=3, fields=fields, seconds=[4, 8], loras={"soft": ["a", "b"], "hard": ["c"]}
    )
    # Lists have an impact on the cost like anything else.
    assert study.estimate() == 120
    frame = study.wait(LONG).to_frame()
    assert sorted(map(tuple, (body["loras"] for body in bench.paid()))) == [("a", "b")] * 2 + [("c",)] * 2
    assert (list(frame["seconds_"]), list(frame["loras"])) == ([4, 4, 8, 8], ["soft", "hard"] * 2)
    assert [second > 0 for second in frame["seconds"]] == [True] * 4
    clips = bench.session.clips.to_frame()
    assert sorted(clips["seconds_"]) == [4, 4, 8, 8]
    assert sorted(clips["seconds"]) == sorted(frame["seconds"])


# -- what is wrong is told before anything is paid ---------------------------------------------------------------------


def test_every_cell_is_checked_and_all_problems_are_told_at_once(bench: Bench) -> None:
    with pytest.raises(InvalidRequest) as caught:
        bench.sweep(
            prompt={"good": "character1 waves", "bad": "character2 waves"},
            duration=[3, 99],
            aspect_ratio=["16:9", "5:1"],
        )
    bad_mention, bad_ratio, bad_length = sorted(caught.value.problems)
    assert bad_ratio.startswith('aspect_ratio "5:1" is not one of 16:9')
    assert bad_ratio.endswith("(aspect_ratio 5:1)")
    assert bad_length.endswith("99 was given. (duration 99)")
    assert bad_mention.endswith("(prompt bad)")
    with pytest.raises(InvalidRequest, match='has no setting called "mood"'):
        bench.sweep(mood=["gay", "sad"])
    with pytest.raises(InvalidRequest, match="prompt is missing"):
        hh.sweep(references=bench.images, session=bench.session)
    with pytest.warns(UserWarning, match="character2 is never mentioned"):
        bench.sweep(references=bench.images)
    assert bench.scenario.calls["new upload"] == bench.scenario.calls["dry run"] == 0
    assert bench.paid() == []


def test_a_sweep_that_would_pass_the_budget_is_refused_before_anything_is_sent(bench: Bench) -> None:
    study = bench.sweep(seed=[1, 2, 3])
    with pytest.raises(
        BudgetExceeded, match="3 clips of this sweep cost about 90 creative units; the limit is 89"
    ):
        study.start(limit=89)
    with pytest.raises(InvalidRequest, match="limit is -1"):
        study.start(limit=-1)
    bench.session.budget = 100
    bench.session.generate("character1 sits", bench.images[:1], duration=3).wait(LONG)
    with pytest.raises(BudgetExceeded, match=r"cost about 90 .*; 30 of the budget of 100 are spent"):
        study.wait(LONG)
    with pytest.raises(BudgetExceeded):
        asyncio.run(_awaited(study))
    assert (study.clips, len(bench.paid())) == ([], 1)
    assert list(bench.session.saved("sweep")) == []
    bench.session.budget = 120
    assert study.start(limit=90).wait(LONG).spent == 90


# -- when things go wrong ----------------------------------------------------------------------------------------------


def test_only_what_failed_is_asked_for_again(bench: Bench) -> None:
    bench.scenario.failing = 2
    study = bench.sweep(seed=[1, 2, 3, 4]).wait(LONG)
    failed = {cell.key for cell in study.failures}
    assert len(failed) == 2
    errors = study.to_frame().set_index("cell")["error"]
    assert set(errors[errors.notna()].index) == failed
    assert "it broke" in errors[sorted(failed)[0]]
    assert (len(study.clips), study.spent, study.estimate()) == (4, 60, 0)  # a failed job is refunded
    assert study.start().clips == study.clips  # to start again asks for nothing
    bench.session.budget = 61
    with pytest.raises(BudgetExceeded):
        study.retry()
    bench.session.budget = None
    one, other = sorted(failed)
    new = [*study.retry(cells=[one]), *study.retry()]
    assert len(new) == 2
    assert study.retry() == []
    # Another kernel that looks at the same library takes the same attempts for its own.
    assert hh.Sweep.open(study.name, bench.session).clips == study.clips
    assert study.wait(LONG).failures == ()
    assert {cell.key for cell in study.cells if cell.clip in new} == {one, other}
    assert (study.spent, len(study.attempts), len(bench.paid())) == (120, 6, 6)


def test_a_clip_that_was_submitted_again_by_a_person_takes_its_cell(bench: Bench) -> None:
    bench.scenario.loses = 1
    bench.scenario.garble("generate", [lambda honest: Reply(500, b"")])
    study = bench.sweep(seed=[1]).wait(LONG)
    (lost,) = study.failures
    assert lost.state == "needs_user"
    assert study.retry() == []  # it may have been paid: that is for a person to decide
    assert lost.clip is not None
    new = lost.clip.submit_again()
    assert study.clips == [new]
    assert study.wait(LONG).failures == ()
    assert hh.Sweep.open(study.name, bench.session).clips == [new]


def test_waiting_ends_and_the_sweep_goes_on(bench: Bench) -> None:
    bench.scenario.asleep = True
    study = bench.sweep()
    with pytest.raises(WaitTimeout, match=r"is not ready after 0.1 s \(0 of 2 clips are\); it goes on"):
        study.wait(0.1)
    bench.scenario.asleep = False
    assert study.wait(LONG).failures == ()
    later = bench.sweep(seed=[9])
    bench.session.close()
    with pytest.raises(LibraryError, match="session"):
        later.start()


def test_two_that_start_the_same_sweep_at_once_pay_for_it_once(bench: Bench) -> None:
    studies = [bench.sweep(order_seed=4) for _ in range(3)]
    threads = [threading.Thread(target=study.wait, args=(LONG,)) for study in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert [study.clips for study in studies] == [studies[0].clips] * 3
    assert (len(studies[0].clips), len(bench.paid())) == (2, 2)


def test_who_starts_it_while_another_asks_for_prices_pays_once(bench: Bench) -> None:
    study = bench.sweep()
    asked, answered = threading.Event(), threading.Event()

    def hold(honest: Reply) -> Reply:
        asked.set()
        answered.wait(LONG)
        return honest

    bench.scenario.garble("dry run", [hold])
    slow = threading.Thread(target=study.start, args=(2000,))
    slow.start()
    assert asked.wait(LONG)
    study.start()
    assert len(study.clips) == 2
    answered.set()
    slow.join(LONG)
    study.wait(LONG)
    assert (len(study.attempts), len(bench.paid())) == (2, 2)


def test_an_attempt_is_the_one_that_was_decided_on(bench: Bench) -> None:
    bench.scenario.failing = 2
    study = bench.sweep(seed=[1]).wait(LONG)
    attempts = Attempts(bench.session, bench.session.saved("sweep")[study.name]["salt"])
    requests = study.failed()
    attempts.look(requests)
    numbers = attempts.failed(requests)
    assert list(numbers.values()) == [1]
    (second,) = attempts.submit(requests, numbers)
    with pytest.raises(JobError):
        second.wait(LONG)
    # Somebody else had decided the same before that: it is the same attempt, not the next one.
    assert attempts.submit(requests, numbers) == [second]
    assert study.replacement(study.attempts[0]) is second
    assert study.replacement(bench.session.generate("character1 sits", bench.images[:1], duration=3)) is None
    assert len(study.attempts) == 2


def test_who_stops_waiting_for_prices_spends_nothing(bench: Bench) -> None:
    study = bench.sweep()
    bench.session.budget = 1000
    asked, answered = threading.Event(), threading.Event()

    def hold(honest: Reply) -> Reply:
        asked.set()
        answered.wait(LONG)
        return honest

    async def interrupted() -> None:
        waiting = asyncio.ensure_future(_awaited(study))
        await asyncio.to_thread(asked.wait, LONG)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        answered.set()

    bench.scenario.garble("dry run", [hold])
    asyncio.run(interrupted())  # returns when its threads have
    assert (study.clips, bench.paid()) == ([], [])


def test_a_plan_that_was_written_is_settled(bench: Bench, tmp_path: Path) -> None:
    study = bench.sweep(design="random", runs=2, duration=[3, 4, 5])
    written = study.save(tmp_path / "study.yaml").read_bytes()
    again = bench.sweep(design="random", runs=2, duration=[3, 4, 5])
    assert again.plan == study.plan
    assert again.save(tmp_path / "study.yaml").read_bytes() == written
    assert bench.paid() == []
    assert hh.sweep(plan=tmp_path / "study.yaml", session=bench.session).wait(LONG).clips == again.clips != []


def test_what_another_began_is_seen_and_gone_on_with(bench: Bench) -> None:
    study, same, other = bench.sweep(order_seed=4), bench.sweep(order_seed=4), bench.sweep(order_seed=5)
    study.wait(LONG)
    assert (same.clips, same.estimate()) == (study.clips, 0)
    assert same.start(limit=0).clips == study.clips
    with pytest.raises(InvalidRequest, match=r"The same sweep is in this library already, .* paid, again\."):
        other.start()
    assert (other.clips, len(bench.paid())) == ([], 2)


def test_cells_are_named_by_their_keys_or_themselves(bench: Bench) -> None:
    bench.scenario.failing = 2
    study = bench.sweep(seed=[1, 2, 3]).wait(LONG)
    for wrong in ("c9", ["c1", "c9"], "c", [7]):
        with pytest.raises(InvalidRequest, match=r"There is no cell .* have the keys c1 to c3"):
            study.retry(cells=wrong)  # type: ignore[arg-type]
    one, other = study.failures
    assert len(study.retry(cells=[one])) == 1
    assert len(study.retry(cells=other.key)) == 1
    assert study.wait(LONG).failures == ()
    assert len(bench.paid()) == 5


def test_spellings_of_one_level_are_one_level(bench: Bench) -> None:
    study = bench.sweep(resolution=["1080p", "720P"])
    assert [level.label for level in study.plan.factors[0].levels] == ["1080P", "720P"]
    with pytest.raises(InvalidRequest, match="resolution has the level 1080P twice, spelt differently"):
        bench.sweep(resolution=["1080p", "1080P"])
    for fields, words in (
        (["m"], "fields is a list"),
        ({OTHER: "ratio"}, f"fields of {OTHER} is 'ratio'; it must be a dict of names"),
        ({OTHER: None}, f"fields of {OTHER} is None"),
        ({"m": {"a": "b"}}, "fields are given for m, which takes no part"),
    ):
        with pytest.raises(InvalidRequest, match=words):
            bench.sweep(model=OTHER, fields=fields)


def test_a_clip_under_a_chosen_id_is_made_once(bench: Bench) -> None:
    asked = {
        "prompt": "character1 waves",
        "references": bench.images[:1],
        "duration": 3,
        "clip_id": "clip_chosen1",
    }
    clips: list[Any] = []
    threads = [threading.Thread(target=lambda: clips.append(bench.session.submit(**asked))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert [clip.id for clip in clips] == ["clip_chosen1"] * 4
    assert len(set(map(id, clips))) == 1
    clips[0].wait(LONG)
    assert bench.session.submit(**asked) is clips[0]
    assert len(bench.paid()) == 1
    with pytest.raises(InvalidRequest, match="a clip clip_chosen1 already, of another request"):
        bench.session.submit(**asked | {"seed": 1})
    with pytest.raises(InvalidRequest, match="is no clip's id"):
        bench.session.submit(**asked | {"clip_id": "../x"})
    assert len(bench.paid()) == 1


# -- killed ------------------------------------------------------------------------------------------------------------

_STUDY = """
from happyhorse_widgets.library.saved import Saved

def die(*words):
    say(*words)
    os.kill(os.getpid(), signal.SIGKILL)

setdefault, sent = Saved.setdefault, set()

def planned(self, *given):
    found = setdefault(self, *given)
    return die("planned") if {sent} == 0 else found

def look(clip):
    if clip.job_id:
        sent.add(clip.id)
    if len(sent) == {sent}:
        die(*sent)

Saved.setdefault = planned
session = connect()
if {sent}:
    session.observe(look)
study = hh.sweep({prompts!r}, [os.environ["HOME_FOLDER"] + "/../fox.png"], seed=[1, 2], duration=3, resolution="720P")
study.wait()
"""


@pytest.mark.parametrize("sent", [0, 2])
def test_a_sweep_whose_kernel_was_killed_goes_on_and_pays_for_nothing_twice(
    sent: int,
    start_kernel: StartKernel,
    start_sandbox: StartSandbox,
    open_session: OpenSession,
    tmp_path: Path,
) -> None:
    sandbox = start_sandbox(speed=400, scale=0.1)
    (tmp_path / "fox.png").write_bytes(picture())
    prompts = {"calm": "character1 sits", "wild": "character1 leaps", "high": "character1 leaps high"}
    kernel = start_kernel(_STUDY.format(sent=sent, prompts=prompts), sandbox)
    told = kernel.line().split()
    kernel.process.wait(LONG)
    assert len(told) == (sent or 1)
    session = open_session(sandbox)
    study = hh.sweep(
        prompts, [tmp_path / "fox.png"], seed=[1, 2], duration=3, resolution="720P", session=session
    )
    # The clips are written down all at once, whatever of them was sent.
    assert len(study.clips) == (6 if sent else 0)
    assert {clip.id for clip in study.clips} >= (set(told) if sent else set())
    assert list(session.saved("sweep")) == [study.name]
    # One that was about to be sent when the kernel died asks, since its job is not found, and nothing was paid for it.
    asking = [cell.clip for cell in study.wait(LONG).failures if cell.clip is not None]
    assert {clip.state for clip in asking} <= {"needs_user"}
    assert len(sandbox.ledger()["charges"]) == 6 - len(asking)
    for clip in asking:
        clip.submit_again()
    assert study.wait(LONG).failures == ()
    assert len(study.clips) == 6
    charged = [charge["jobId"] for charge in sandbox.ledger()["charges"]]
    assert sorted(charged) == sorted(clip.job_id or "" for clip in study.clips)
    assert len(set(charged)) == 6
