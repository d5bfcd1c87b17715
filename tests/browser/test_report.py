"""A study's page in a real browser, without a kernel and without a network."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

import happyhorse_widgets as hh
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.research.metrics.definitions import FACTS
from happyhorse_widgets.research.report import report
from happyhorse_widgets.research.sweep import Sweep, sweep
from happyhorse_widgets.widgets.assets import STATIC
from tests.conftest import StartSandbox

PROMPTS = {
    "calm <b>$x$</b>": "character1 sits <script>window.pwned=1</script>",
    "wild": "character1 leaps [moderated]",
}
LONG = 120.0


@pytest.fixture(scope="module")
def study(start_shared_sandbox: StartSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    """Four cells, of which two have clips and two were refused."""
    sandbox = start_shared_sandbox(speed=400, scale=0.1)
    session = hh.connect(
        sandbox.key,
        sandbox.secret,
        base_url=sandbox.base_url,
        home=tmp_path_factory.mktemp("study") / "home",
        settings=hh.Settings(poll_interval=0.1, single_poll=0.1),
    )
    study = sweep(
        PROMPTS, [STATIC / "samples" / "fox.png"], seed=[1, 2], duration=3, order_seed=4, session=session
    )
    yield study.wait(LONG)
    session.close()


def votes_on(study: Sweep) -> pd.DataFrame:
    """Votes of which one is no vote on models."""
    done = [clip for clip in study.clips if clip.is_done]
    ids = {f"clip_{side}": clip.id for side, clip in zip("ab", done, strict=True)}
    ids |= {f"sha256_{side}": str(clip.sha256) for side, clip in zip("ab", done, strict=True)}
    rows = [
        {"model_a": "1", "model_b": "2", "winner": winner, "kind": kind, "rater": rater, "pair": "p", **ids}
        for winner, kind, rater in [
            ("a", "vote", "x"),
            ("b", "vote", "y"),
            ("a", "vote", "z"),
            ("b", "check", "x"),
        ]
    ]
    return pd.DataFrame(rows)


def measures_of(study: Sweep) -> pd.DataFrame:
    """Measures as `hh.metrics` gives them, without the work."""
    done = [clip for clip in study.clips if clip.is_done]
    index = pd.Index([clip.id for clip in done], name="clip_id")
    table = pd.DataFrame(
        {"sha256": [clip.sha256 for clip in done], "sharpness": [0.25, 0.75], "error": ""}, index=index
    )
    for fact in FACTS[:1]:
        table[fact.name] = 384
    return table


def test_the_page_plays_offline_runs_nothing_and_holds_the_very_files(
    study: Sweep, page: Page, tmp_path: Path
) -> None:
    path = report(
        study,
        tmp_path / "study.html",
        votes=votes_on(study),
        metrics=measures_of(study),
        title="A <i>study</i>",
    )
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.route(re.compile("^https?:"), refuse)
    page.goto(path.as_uri())
    assert page.title() == "A <i>study</i>"
    videos = page.locator("video")
    assert videos.count() == 2
    played = videos.first.evaluate(
        """async (video) => {
            video.muted = true;
            await video.play();
            while (video.currentTime === 0)
                await new Promise((done) => video.addEventListener("timeupdate", done, { once: true }));
            return video.duration;
        }"""
    )
    assert played == pytest.approx(3, abs=0.15)
    assert page.evaluate("() => window.pwned ?? null") is None
    assert page.locator("b, i, script").count() == 0
    assert asked == []
    # The bytes in the page are the files whose hashes it prints.
    done = [clip for clip in study.clips if clip.is_done]
    for clip, video in zip(done, videos.all(), strict=True):
        data = base64.b64decode((video.get_attribute("src") or "").partition(",")[2])
        assert hashlib.sha256(data).hexdigest() == clip.sha256
        assert (
            page.locator("article", has=page.locator(f"text={clip.sha256}")).get_by_text(clip.id).count() == 1
        )
    exclusions = (
        page.locator("h2", has_text="Exclusions").locator("xpath=following-sibling::p").all_inner_texts()
    )
    assert sum("has no clip: failed" in line for line in exclusions) == 2
    assert any("Of 4 answers, 1 of the kind “check”" in line for line in exclusions)


def test_its_tables_can_be_read_by_programs(study: Sweep, page: Page, tmp_path: Path) -> None:
    page.goto(
        report(study, tmp_path / "study.html", votes=votes_on(study), metrics=measures_of(study)).as_uri()
    )
    found = {}
    for link in page.locator("a[download]").all():
        data = base64.b64decode((link.get_attribute("href") or "").partition(",")[2]).decode()
        found[link.get_attribute("download")] = list(csv.DictReader(io.StringIO(data)))
    assert set(found) >= {
        "cells.csv",
        "votes.csv",
        "metrics.csv",
        "ratings.csv",
        "duels.csv",
        "win_matrix.csv",
        "means.csv",
        "attempts.csv",
    }
    counted = [float(row["counted"]) for row in found["attempts.csv"]]
    assert (len(counted), sum(counted)) == (len(study.attempts), pytest.approx(study.spent))
    assert {row["cells"] for row in found["attempts.csv"]} == {cell.key for cell in study.cells}
    assert [row["cell"] for row in found["cells.csv"]] == [cell.key for cell in study.cells]
    assert {row["sha256"] for row in found["metrics.csv"]} == {
        clip.sha256 for clip in study.clips if clip.is_done
    }
    assert [row["votes"] for row in found["ratings.csv"]] == ["3", "3"]
    assert "path" not in found["cells.csv"][0]  # where it lay on somebody's machine is nobody's business


def test_each_question_has_its_own_ratings(study: Sweep, page: Page, tmp_path: Path) -> None:
    votes = votes_on(study)
    asked = pd.concat([votes.assign(question=question) for question in ("Better?", "<b>Sharper?</b>")])
    page.goto(report(study, tmp_path / "study.html", votes=asked, cluster="rater").as_uri())
    expect(page.get_by_role("heading", name="Ratings: Better?")).to_have_count(1)
    expect(page.get_by_role("heading", name="Ratings: <b>Sharper?</b>")).to_have_count(1)
    expect(page.get_by_role("link", name="duels_2.csv")).to_have_count(1)
    expect(page.get_by_text("all votes of one rater are drawn together. They are too narrow")).to_have_count(
        2
    )
    assert page.locator("b, i, script").count() == 0


def told_in(study: Sweep, folder: Path, **given: Any) -> str:
    """The words of the page, without its files."""
    page = report(study, folder / "study.html", **given).read_text(encoding="utf-8")
    return html.unescape(re.sub(r"data:[^\"]+", "", page))


@pytest.mark.parametrize("embed", [True, False])
def test_a_file_that_is_gone_or_another_is_not_shown_and_is_told(
    study: Sweep, tmp_path: Path, embed: bool
) -> None:
    gone, other = [clip for clip in study.clips if clip.is_done]
    assert gone.path is not None and other.path is not None
    aside, whole = gone.path.rename(gone.path.with_suffix(".aside")), other.path.read_bytes()
    other.path.write_bytes(whole[:-1] + b"x")
    try:
        page = told_in(study, tmp_path, embed=embed)
    finally:
        aside.rename(gone.path)
        other.path.write_bytes(whole)
    assert page.count("its file cannot be read (No such file or directory)") == 2  # at the cell, and left out
    assert page.count(f"its file is not the one that was made, whose sha256 is {other.sha256}") == 2
    assert "<video" not in page


def test_answers_that_do_not_count_are_told(study: Sweep, tmp_path: Path) -> None:
    votes = votes_on(study).assign(ballot=range(4), question="Better?")
    more = votes.assign(
        ballot=range(4, 8), kind=["vote", None, "vote", "vote"], question=[None, *["Better?"] * 3]
    )
    votes = pd.concat([votes, more, votes[:1]])
    votes.attrs["left_out"] = {"clip_7": "it has no video"}
    page = told_in(study, tmp_path, votes=votes)
    assert "1 of 9 answers stand in the votes more than once" in page
    assert "Of 9 answers, 1 of the kind “check”, 1 of no kind are no votes on models" in page
    assert "Of 9 answers, 1 name no question" in page
    assert "Clip clip_7 took no part in the votes: it has no video." in page
    assert re.search(r'<tr><td>1(<td class="number">[^<]*){3}<td class="number">5<td>True', page)
    assert "nan" not in page.split("Exclusions")[1].split("<h2>")[0]


def test_votes_that_cannot_be_traced_to_the_files_of_the_page_are_told(study: Sweep, tmp_path: Path) -> None:
    votes = votes_on(study)
    traced = told_in(study, tmp_path, votes=votes)
    assert "answers count, but" not in traced
    clip = votes["clip_b"][0]
    votes.loc[0, "clip_a"] = None
    votes.loc[1, ["clip_a", "clip_b"]] = ["clip_x", "clip_w"]
    votes.loc[2, "sha256_b"] = "0" * 64
    votes.loc[3, "sha256_a"] = ""
    page = told_in(study, tmp_path, votes=votes)
    assert "1 of 4 answers count, but name no clip on one side or both" in page
    assert "1 of 4 answers count, but name clips outside this study: clip_w, clip_x." in page
    assert f"1 of 4 answers count, but were cast on another file (sha256) than the cell's: {clip}." in page
    assert "1 of 4 answers count, but name a clip without its sha256" in page
    bare = told_in(study, tmp_path, votes=votes[["model_a", "model_b", "winner"]][:3])
    assert "3 of 3 answers count, but name no clip" in bare


def test_measures_of_another_file_are_told_and_in_no_mean(study: Sweep, tmp_path: Path) -> None:
    metrics = measures_of(study)
    assert "Measures that were not taken of the cell's file" not in told_in(study, tmp_path, metrics=metrics)
    other = metrics.assign(sharpness=[0.25, 0.5], exposure=[0.1, 0.2])
    other.loc["clip_other"] = other.iloc[0]
    other.iloc[1, 0] = "0" * 64
    page = told_in(study, tmp_path, metrics=other)
    assert "whose sha256 is another, are in no figure and no mean: " + other.index[1] in page
    assert "Means by" not in page  # one clip is left, whose measures do not vary


def test_measures_that_failed_or_are_ones_own_are_told(study: Sweep, tmp_path: Path) -> None:
    metrics = measures_of(study).assign(taste=[1, 2])
    last = metrics.index[1]
    metrics.loc[last, ["error", "sharpness"]] = ["It is cut.", None]
    metrics.loc["clip_other"] = metrics.iloc[0]
    page = told_in(study, tmp_path, metrics=metrics)
    assert "2 clips were measured, 1 could not be." in page
    assert f"Clip {last} could not be measured: It is cut." in page
    assert "Measures of clips that are none of this study's cells: clip_other." in page
    assert "Columns without a definition here: taste." in page


def simulated(study: Sweep) -> hh.Arena:
    """An arena in which twelve raters have voted, who prefer the second seed three times in four, on two questions."""
    arena = hh.Arena(
        study,
        by="seed",
        questions={"better": "Which clip is better?", "sharper": "Which one is sharper?"},
        repeats=1.0,
        checks=1.0,
        seed=9,
        session=study.session,
    )
    lots = np.random.default_rng(2)
    for number in range(12):
        rater = f"rater {number}"
        while (turn := arena.turn(rater)) is not None:
            liked = "2" if lots.random() < 0.75 else "1"
            side = {"left": "b", "right": "a"}.get(turn.spoiled, "a" if turn.left.level == liked else "b")
            arena.vote(rater, turn, {"better": side, "sharper": "tie"}, seconds=2.0)
    return arena


def test_an_arenas_votes_are_ranked_and_its_methods_are_in_the_report(study: Sweep, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="take no part"):
        arena = simulated(study)
    votes = arena.votes
    votes.to_parquet(tmp_path / "votes.parquet")
    again = pd.read_parquet(tmp_path / "votes.parquet")
    pd.testing.assert_frame_equal(again, votes)
    assert again.attrs == votes.attrs
    better = votes[votes["question"] == "better"]
    ranking = hh.rankings(better, cluster="rater")
    assert ranking["votes"].tolist() == [12, 12]
    assert ranking.loc["2", "lower"] <= 1000 + 200 * np.log10(3) <= ranking.loc["2", "upper"]
    ranking.to_parquet(tmp_path / "ratings.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "ratings.parquet"), ranking)
    found = hh.agreement(better)
    assert (found.items, found.raters, found.items_in_kappa) == (1, 12, 1)
    votes.to_csv(tmp_path / "votes.csv", index=False)
    ranking.to_csv(tmp_path / "ratings.csv")
    read = pd.read_csv(tmp_path / "votes.csv")
    assert hh.rankings(read[read["question"] == "better"], cluster="rater").equals(ranking)
    assert hh.agreement(read[read["question"] == "better"]) == found
    assert pd.read_csv(tmp_path / "ratings.csv", dtype={"model": str}, index_col="model").equals(ranking)

    page = told_in(study, tmp_path, votes=again, cluster="rater")
    for told in (
        f"Votes were gathered in the arena {arena.id} (seed 9; pairs: 1, clips: 2), of clips compared by seed",
        "Raters were asked “Which clip is better?” (better), “Which one is sharper?” (sharper) and answered A, B",
        "Blinding: the arena's page shows both clips in equal boxes",
        "Counterbalancing: sides are drawn by lot",
        "Pairing: balanced (what had the fewest votes came first)",
        "Repeats: 100 % of a rater's votes",
        "Attention checks: 100 %",
    ):
        assert told in page
    assert "Raters</h3>" in page
    assert re.search(r"<tr><td>rater 11" + r'<td class="number">[^<]*' * 7, page)
    assert "answers count, but" not in page
    assert "not recorded" not in page
    plain = told_in(study, tmp_path, votes=read, cluster="rater")
    assert "How these votes were gathered was not recorded with them" in plain
    assert "Raters</h3>" in plain


def test_a_contact_sheet_has_a_row_for_each_cell_and_says_why_one_has_no_clip(study: Sweep) -> None:
    sheet = hh.figures.contact_sheet(study, frames=3)
    assert len(sheet.axes) == len(study.cells) * 3
    rows = [sheet.axes[first : first + 3] for first in range(0, len(sheet.axes), 3)]
    for cell, row in zip(study.cells, rows, strict=True):
        assert cell.clip is not None
        assert [len(axes.images) for axes in row] == [int(cell.clip.is_done)] * 3
        assert row[0].get_ylabel().startswith(f"prompt: {cell.levels['prompt']}")
        said = " ".join(text.get_text() for text in row[0].texts).split()
        assert said == ("" if cell.clip.is_done else str(cell.clip.error)).split()
    assert Image.open(io.BytesIO(sheet._repr_jpeg_())).format == "JPEG"


def test_each_question_says_how_its_ratings_came_about(study: Sweep, tmp_path: Path) -> None:
    votes = votes_on(study)
    always = votes.assign(question="Sharper?", winner="a", model_a="model", model_b="2")
    page = told_in(study, tmp_path, votes=pd.concat([votes.assign(question="Better?"), always]))
    assert "Better? Bradley–Terry with Davidson's ties, maximum likelihood; percentile bootstrap" in page
    assert "Sharper? Bradley–Terry with Davidson's ties, the mode under a normal prior" in page
    assert "Agreement: Sharper?: 3 raters" in page
    assert "<th>model_" in page  # a level of this name is no trouble to the matrix


def test_a_cost_that_is_not_known_is_not_none(
    study: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(study.clips[0]), "cost", None)
    page = told_in(study, tmp_path)
    assert "<dd>not known" in page
    assert "<dd>0 CU" not in page
    assert "No cell, answer or measure was left out" not in page


def test_clips_may_lie_beside_the_page(study: Sweep, page: Page, tmp_path: Path) -> None:
    path = report(study, tmp_path / "my study.html", embed=False)
    page.goto(path.as_uri())
    assert len(list((tmp_path / "my study_clips").glob("*.mp4"))) == 2
    duration = """(video) => {
        video.preload = "metadata";
        return new Promise((done) => { video.onloadedmetadata = () => done(video.duration); });
    }"""
    assert page.locator("video").first.evaluate(duration) == pytest.approx(3, abs=0.15)
    assert path.stat().st_size < 600_000


def test_a_name_or_a_frame_that_is_none_is_refused(study: Sweep, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"does not end in \.html"):
        report(study, tmp_path / "study.pdf")
    with pytest.raises(InvalidRequest, match=r"not what hh\.metrics gives"):
        report(study, tmp_path / "study.html", metrics=pd.DataFrame({"sharpness": [1.0]}))
    assert not list(tmp_path.iterdir())
