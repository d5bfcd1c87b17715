"""The truth about one run: what the library says, held against the sandbox's ledger and the files on the disk."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from happyhorse_widgets.engine.states import RESTING, State, followers
from happyhorse_widgets.media.frames import move_moov_first
from happyhorse_widgets.media.probe import probe

#: What a clip may say only where its job says it too.
_AS_THE_JOB = {State.DONE: "success", State.FAILED: "failure", State.CANCELED: "canceled"}


@dataclass
class Verdict:
    """What became of the intents of one run. `problems` has a sentence for everything that is wrong."""

    intents: int = 0
    posts: int = 0
    charges: int = 0
    done: int = 0
    needs_user: int = 0
    ended: int = 0
    lost: int = 0
    overpaid: int = 0
    unfinished: int = 0
    wrong: int = 0
    problems: list[str] = field(default_factory=list)

    def note(self, kind: str, count: int, sentence: str) -> None:
        """Count something that is wrong."""
        if count:
            setattr(self, kind, getattr(self, kind) + count)
            self.problems.append(f"{kind}: {sentence}")


class _Judge:
    def __init__(
        self, home: Path, sandbox: Path, ledger: dict[str, Any], posts: Counter[str] | None, told: set[str]
    ) -> None:
        self.verdict = Verdict()
        self._home = home
        self._files = sandbox / "files"
        self._posts = posts
        self._told = told
        self._jobs = {job["jobId"]: job for job in ledger["jobs"] if job["jobType"] == "custom"}
        self._net: defaultdict[str, float] = defaultdict(float)
        for charge in ledger["charges"]:
            self._net[charge["jobId"]] += charge["creativeUnits"]
        self._clips, self._events, self._outputs = _library(home / "library.sqlite3")

    def judge(self) -> Verdict:
        found = self.verdict
        states = Counter(clip["state"] for clip in self._clips.values())
        found.intents = len(self._clips)
        found.posts = self._posts.total() if self._posts is not None else 0
        found.charges = len(self._jobs)
        found.done = states[State.DONE]
        found.needs_user = states[State.NEEDS_USER]
        found.ended = states[State.FAILED] + states[State.CANCELED] + states[State.REJECTED]
        found.unfinished += sum(count for state, count in states.items() if state not in RESTING)
        for clip_id in self._told - set(self._clips):
            found.note("lost", 1, f"{clip_id} was given out and is not in the library")
        for clip in self._clips.values():
            self._judge_clip(clip)
            self._judge_events(clip)
        self._judge_money()
        self._judge_folder()
        return found

    def _judge_clip(self, clip: dict[str, Any]) -> None:
        note, name, state = self.verdict.note, clip["id"], clip["state"]
        if state not in RESTING:
            self.verdict.problems.append(f"unfinished: {name} is {state}")
        job = self._jobs.get(clip["remote_id"]) if clip["remote_id"] else None
        if clip["remote_id"] and (job is None or _asked(job) != _wanted(clip)):
            note("wrong", 1, f"{name} is bound to {clip['remote_id']}, which is not its job")
        elif state in _AS_THE_JOB:
            status = job["status"] if job else "no job"
            note("lost", status != _AS_THE_JOB[state], f"{name} is {state}, and its job {status}")
            note("wrong", job is not None and not self._cost_is_right(clip, job), f"the cost of {name}")
        elif state == State.NEEDS_USER:
            note(
                "lost",
                job is not None,
                f"{name} needs its person, and its job is {clip['remote_id']}: {clip['error']}",
            )
        if state == State.DONE and job is not None:
            self._judge_file(clip, job)

    def _cost_is_right(self, clip: dict[str, Any], job: dict[str, Any]) -> bool:
        if clip["cost"] != job["billing"]["cuCost"]:
            return False
        # Whether a canceled job is refunded the API does not say, so that clips take it for paid.
        told = 0.0 if clip["refunded"] else clip["cost"]
        return job["status"] == "canceled" or bool(told == self._net[job["jobId"]])

    def _judge_file(self, clip: dict[str, Any], job: dict[str, Any]) -> None:
        expected = self._home / "expected.mp4"
        (asset_id,) = job["metadata"]["assetIds"]
        move_moov_first(self._files / asset_id, expected)
        digest = hashlib.sha256(expected.read_bytes()).hexdigest()
        output = self._outputs.get(clip["id"])
        path = self._home / "clips" / f"{clip['id']}.mp4"
        if output is None or output["path"] != f"clips/{path.name}" or not path.exists():
            self.verdict.note("wrong", 1, f"{clip['id']} is done without a file")
            return
        same = output["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() == digest
        whole = probe(path).faststart and (self._home / "posters" / f"{clip['id']}.jpg").exists()
        self.verdict.note("wrong", not (same and whole), f"the file of {clip['id']} is not what was made")

    def _judge_events(self, clip: dict[str, Any]) -> None:
        steps = self._events[clip["id"]]
        state = ""
        for before, after in steps:
            allowed = after == State.DRAFT if not state else after in followers(State(state))
            if before != state or not allowed:
                self.verdict.note("wrong", 1, f"{clip['id']} went from {state!r} to {after!r}")
            state = after
        self.verdict.note("wrong", state != clip["state"], f"the events of {clip['id']} end with {state!r}")

    def _judge_money(self) -> None:
        """Jobs that no clip has: one may hide behind a clip that waits for its person, which is lost then.

        Where that clip was submitted again, its person has paid twice.
        """
        bound = {clip["remote_id"] for clip in self._clips.values()}
        stray = Counter(_asked(job) for job in self._jobs.values() if job["jobId"] not in bound)
        waiting = Counter(
            _wanted(clip)
            for clip in self._clips.values()
            if clip["state"] == State.NEEDS_USER and not clip["remote_id"] and not clip["successor"]
        )
        for asked, count in stray.items():
            hidden = min(count, waiting[asked])
            self.verdict.note(
                "lost", hidden, f"{hidden} of {asked!r} need their person, and their jobs exist"
            )
            self.verdict.note(
                "overpaid", count - hidden, f"{count - hidden} jobs more than clips of {asked!r}"
            )
        note = self.verdict.note
        if self._posts is None:
            return
        sent = sum(after == State.SENDING for steps in self._events.values() for _, after in steps)
        note("wrong", max(0, self.verdict.posts - sent), f"{self.verdict.posts} POSTs, {sent} written down")
        refused = sum(count for status, count in self._posts.items() if status in {"400", "422"})
        rejected = sum(clip["state"] == State.REJECTED for clip in self._clips.values())
        note("lost", max(0, rejected - refused), f"{rejected} clips rejected, {refused} by the server")

    def _judge_folder(self) -> None:
        known = {f"{clip_id}.mp4" for clip_id, clip in self._clips.items() if clip["state"] == State.DONE}
        there = {path.name for path in (self._home / "clips").glob("*.mp4")}
        self.verdict.note("wrong", len(there - known), f"files of no clip: {sorted(there - known)}")


def judge(
    home: Path, sandbox: Path, ledger: dict[str, Any], posts: Counter[str] | None, told: set[str]
) -> Verdict:
    """The verdict.

    `told` are the ids of the clips that `generate` has given out, `posts` the paid POSTs by the status of their answers (None:
    they were not counted).
    """
    return _Judge(home, sandbox, ledger, posts, told).judge()


def _library(path: Path) -> tuple[dict[str, Any], dict[str, list[tuple[str, str]]], dict[str, Any]]:
    if not path.exists():  # killed before there was one
        return {}, {}, {}
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    clips = {row["id"]: dict(row) for row in database.execute("SELECT * FROM jobs")}
    events: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in database.execute("SELECT * FROM events ORDER BY seq"):
        events[row["job_id"]].append((row["from_state"], row["to_state"]))
    outputs = {row["job_id"]: dict(row) for row in database.execute("SELECT * FROM outputs")}
    database.close()
    return clips, events, outputs


def _wanted(clip: dict[str, Any]) -> str:
    return str(json.loads(clip["request"])["prompt"])


def _asked(job: dict[str, Any]) -> str:
    return str(job["metadata"]["input"]["prompt"])
