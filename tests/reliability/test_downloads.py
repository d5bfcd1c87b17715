"""The protocol's fault scenarios 21 to 24, by number: the file that was paid for arrives, whole and once."""

from __future__ import annotations

import pytest

from tests.reliability.stage import FILE, PRICE, Stage, rule
from tests.reliability.test_scenarios import GO_ON, ONE

ONE_OF_ANY_SEED = ONE.replace(", seed=1", "")
ASSET = {"method": "GET", "path": "/v1/assets/*"}


def test_21_an_address_that_expires_half_way_is_followed_by_another_from_there(stage: Stage) -> None:
    stage.serve(rule(FILE, "truncate", fraction=0.5), rule(FILE, "status", status=403))
    stage.lives(ONE)
    assert stage.outcome() == (1, [PRICE], ["done"])
    stage.assert_whole()
    first, refused, last = (line["range"] for line in stage.requests("GET", "/cdn/"))
    assert (first, last) == ("", refused)
    assert refused.startswith("bytes=")


@pytest.mark.parametrize("fault", ["ignore_range", "changed_etag"])
def test_22_a_file_that_cannot_be_continued_is_fetched_anew(stage: Stage, fault: str) -> None:
    stage.serve(rule(FILE, "truncate", fraction=0.6), rule(FILE, fault, skip=1))
    stage.lives(ONE)
    assert stage.outcome() == (1, [PRICE], ["done"])
    stage.assert_whole()
    first, again = (line["range"] for line in stage.requests("GET", "/cdn/"))
    assert first == ""
    assert again.startswith("bytes=")


def test_23_a_disk_that_fills_in_a_download_leaves_no_half_file(stage: Stage) -> None:
    limit = 250_000  # more than the journal has, less than the clip
    stage.serve(scale=0.5)
    kernel = stage.kernel(
        f"""
attempts = 0

async def fill_the_disk():
    global attempts
    attempts += 1
    if attempts == 1:
        allow_files({limit})
    elif attempts == 2:
        say(clip.note)
        await asyncio.to_thread(sys.stdin.readline)
        allow_files(None)

before_download(fill_the_disk)
clip = connect().generate("character1 waves", [picture()], duration=3, seed=1)
rest(clip)
"""
    )
    assert "Make room" in kernel.line()
    assert max(path.stat().st_size for path in (stage.sandbox.home / "files").iterdir()) > limit
    assert stage.files("*") == []
    assert stage.outcome() == (1, [PRICE], ["downloading"])
    kernel.go_on()
    assert kernel.end() == (0, "", "")
    assert stage.outcome() == (1, [PRICE], ["done"])
    stage.assert_whole()


def test_24_a_kernel_killed_between_the_file_and_its_commit_downloads_nothing_twice(stage: Stage) -> None:
    stage.serve()
    stage.dies("after_publishing(die)" + ONE)
    assert stage.outcome() == (1, [PRICE], ["downloading"])
    stage.lives(GO_ON)
    assert stage.outcome() == (1, [PRICE], ["done"])
    assert len(stage.requests("GET", "/cdn/")) == 1
    stage.assert_whole()


def test_24_a_clip_that_is_here_is_done_also_where_nobody_tells_its_seed(stage: Stage) -> None:
    stage.serve(rule(ASSET, "status", status=403, skip=1, times=9))
    stage.dies("after_publishing(die)" + ONE_OF_ANY_SEED)
    stage.lives(GO_ON)
    assert stage.outcome() == (1, [PRICE], ["done"])
    assert [clip["seed_used"] for clip in stage.clips()] == [None]
    assert len(stage.requests("GET", "/v1/assets/")) == 2


@pytest.mark.parametrize("moment", ["after_publishing(die)", "before_commit('done', die)"])
def test_24_what_a_killed_kernel_was_told_of_the_seed_is_asked_for_again(stage: Stage, moment: str) -> None:
    stage.serve()
    stage.dies(moment + ONE_OF_ANY_SEED)
    stage.lives(GO_ON)
    (job,) = stage.sandbox.ledger()["jobs"]
    (asset_id,) = job["metadata"]["assetIds"]
    asset = stage.sandbox.http.get(f"/assets/{asset_id}").json()["asset"]
    assert [clip["seed_used"] for clip in stage.clips()] == [int(asset["metadata"]["seed"])]
