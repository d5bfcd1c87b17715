"""Which lost answer belongs to which job."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from happyhorse_widgets.api.models import Job
from happyhorse_widgets.engine.reconcile import pair
from happyhorse_widgets.library.clips import ClipRecord

BODY = {"prompt": "character1 waves", "duration": 3}
SEEDED = BODY | {"seed": 5}


def sent(clip_id: str, body: dict[str, Any], *, at: float) -> ClipRecord:
    """A clip whose answer was lost; of no interest here is what is None."""
    known = {"id": clip_id, "model": "model_horse", "body": body, "sent_at": at, "state": "unknown"}
    return ClipRecord(**{name: known.get(name) for name in ClipRecord.__slots__})  # type: ignore[arg-type]


def made(job_id: str, body: dict[str, Any]) -> Job:
    return Job(job_id=job_id, metadata={"input": body | {"modelId": "model_horse"}})


def pairs(records: list[ClipRecord], jobs: list[Job]) -> dict[str, str]:
    return {record.id: job.job_id for record, job in pair(records, jobs)}


@pytest.mark.parametrize("clips", list(itertools.permutations(["loose", "seeded"])))
@pytest.mark.parametrize("jobs", list(itertools.permutations(["of loose", "of seeded"])))
def test_a_clip_without_a_seed_leaves_the_job_with_one_to_whom_it_belongs(
    clips: tuple[str, ...], jobs: tuple[str, ...]
) -> None:
    bodies = {"loose": BODY, "seeded": SEEDED}
    records = [sent(name, bodies[name], at=at) for at, name in enumerate(clips)]
    found = [made(name, bodies[name.removeprefix("of ")]) for name in jobs]
    assert pairs(records, found) == {"loose": "of loose", "seeded": "of seeded"}


def test_of_equal_clips_the_latest_has_the_newest_job() -> None:
    records = [sent("first", BODY, at=1), sent("second", BODY, at=2), sent("third", BODY, at=3)]
    assert pairs(records, [made("older", BODY), made("newer", BODY)]) == {"third": "newer", "second": "older"}


def test_a_job_made_from_something_else_belongs_to_nobody() -> None:
    others = [
        made("other prompt", BODY | {"prompt": "character1 sits"}),
        Job(job_id="other model", metadata={"input": BODY | {"modelId": "model_cow"}}),
    ]
    assert pairs([sent("clip", BODY, at=1)], others) == {}
    assert pairs([sent("seeded", SEEDED, at=1)], [made("without a seed", BODY)]) == {}
