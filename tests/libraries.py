"""Libraries for tests: of an older version, or with finished clips that nobody had to make."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image

from happyhorse_widgets.engine.states import TERMINAL
from happyhorse_widgets.library.ballots import Ballot, Ballots, Side
from happyhorse_widgets.library.database import MIGRATIONS, Database
from happyhorse_widgets.library.files import Home
from happyhorse_widgets.library.journal import Journal
from happyhorse_widgets.library.marks import Marks
from happyhorse_widgets.library.merging import Merged, merge
from happyhorse_widgets.library.posters import draw_poster
from happyhorse_widgets.library.transfer import Exported, export
from happyhorse_widgets.media.probe import probe
from tests.videos import write_video

SOON = 30
ENDPOINT = "https://api.example.com/v1"


def library_of_version_one(path: Path, clips: int = 20) -> dict[str, list[tuple[Any, ...]]]:
    """Make a library as the first version did, and return what it holds."""
    connection = sqlite3.connect(path)
    connection.executescript(MIGRATIONS[0])
    connection.execute("PRAGMA user_version = 1")
    connection.execute("INSERT INTO owner VALUES (1, 7, 0, '', 'boot', 'host', 0)")
    for number in range(clips):
        connection.execute(
            "INSERT INTO jobs (id, created_at, updated_at, state, endpoint, sandbox, model, request, versions, cost)"
            " VALUES (?, ?, 0, 'done', 'sandbox', 1, 'model_1', ?, '{}', 30)",
            (f"clip_{number}", number, json.dumps({"prompt": "a horse" * 50, "references": []})),
        )
        connection.execute(
            "INSERT INTO events (job_id, at, from_state, to_state) VALUES (?, 0, '', 'draft')",
            (f"clip_{number}",),
        )
    connection.commit()
    connection.close()
    return rows_of_version_one(path)


def library_of_version_two(path: Path) -> None:
    """Make a library as the second version did: three clips, one of which cannot be read, with a prompt and an end each."""
    connection = sqlite3.connect(path)
    for script in MIGRATIONS[:2]:
        connection.executescript(script)
    connection.execute("PRAGMA user_version = 2")
    prompts = ("Zoë's fox", "a lone \ud800 surrogate", None)
    for number, prompt in enumerate(prompts):
        request = {
            "prompt": prompt,
            "references": [],
            "model": "m",
            "aspect_ratio": "9:16",
            "duration": number,
        }
        text = "{not JSON" if prompt is None else json.dumps(request)
        connection.execute(
            "INSERT INTO jobs (id, created_at, updated_at, state, endpoint, sandbox, model, request, versions, cost)"
            " VALUES (?, ?, 0, 'done', 'sandbox', 1, 'm', ?, '{}', 30)",
            (f"clip_{number}", number, text),
        )
    connection.commit()
    connection.close()


def rows_of_version_one(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What a library, of whatever version, holds in the first version's columns."""
    connection = sqlite3.connect(path)
    try:
        found = {}
        for table, columns in (
            ("jobs", "id, created_at, state, endpoint, model, request, cost"),
            ("events", "seq, job_id, at, from_state, to_state"),
            ("owner", "epoch"),
        ):
            found[table] = connection.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()
        return found
    finally:
        connection.close()


def vote_and_take_back(database: Database, clips: tuple[str, str]) -> list[Ballot]:
    """Write down an arena and three ballots on two clips, the first of which the second takes back."""
    ballots = Ballots(database)
    arena = "arena_" + "0" * 16
    ballots.begin(arena, "café", {"seed": 1}).result(SOON)
    sides = [
        Side(clip_id, hashlib.sha256(clip_id.encode()).hexdigest(), f"of {clip_id}") for clip_id in clips
    ]
    cast = []
    for number, (answers, supersedes) in enumerate(
        [({"better": "a"}, None), ({}, "ballot_" + "0" * 32), ({"better": "tie"}, None)]
    ):
        ballot = Ballot(
            id=f"ballot_{number:032x}",
            arena=arena,
            rater="Zoë",
            position=0,
            kind="vote",
            left=sides[0],
            right=sides[1],
            spoiled="",
            answers=answers,
            seconds=2.5,
            supersedes=supersedes,
        )
        cast.append(ballots.cast(ballot).result(SOON))
    return cast


class Shelf:
    """A home with its database, and ways to fill, export and fill it from another."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.database = Database(self.home.database)
        self.journal = Journal(self.database)
        self.marks = Marks(self.database)

    def image(self, colour: tuple[int, int, int]) -> dict[str, Any]:
        """Keep a plain image; the reference to it, as a request has it."""
        out = io.BytesIO()
        Image.new("RGB", (400, 400), colour).save(out, "PNG")
        sha256 = hashlib.sha256(out.getvalue()).hexdigest()
        path = self.home.images / f"{sha256}.png"
        path.write_bytes(out.getvalue())
        self.journal.have_image(
            sha256,
            media_type="image/png",
            size=len(out.getvalue()),
            width=400,
            height=400,
            path=self.home.relative(path),
        ).result(SOON)
        return {"name": "plain.png", "sha256": sha256, "media_type": "image/png", "width": 400, "height": 400}

    def clip(
        self, clip_id: str, state: str, *references: dict[str, Any], endpoint: str = ENDPOINT, **values: Any
    ) -> None:
        """Enter a clip that is in `state`."""
        request = {
            "prompt": f"{clip_id} waves",
            "model": "model_1",
            "references": list(references),
            "duration": 3,
        }
        self.journal.create(
            clip_id,
            state="draft",
            endpoint=endpoint,
            project="",
            sandbox=False,
            model="model_1",
            request=request,
            versions={"python": "3"},
            budget=500.0,
        ).result(SOON)
        if state != "draft":
            self.journal.move(clip_id, "draft", state, **values).result(SOON)

    def video(self, clip_id: str, *references: dict[str, Any], frames: int = 6, **values: Any) -> None:
        """Enter a clip that is done, with a real video and a poster."""
        self.clip(
            clip_id,
            "downloading",
            *references,
            remote_id=f"job_{clip_id}",
            cost=30.0,
            took=5.0,
            body={"prompt": "x"},
            **values,
        )
        path = write_video(self.home.clip(clip_id), frames=frames, faststart=True, audio=False)
        facts = probe(path)
        self.journal.expect_outputs(clip_id, [f"asset_{clip_id}"]).result(SOON)
        self.journal.have_output(
            clip_id,
            0,
            path=self.home.relative(path),
            size=facts.size,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            facts=asdict(facts),
        ).result(SOON)
        draw_poster(self.home, clip_id)
        self.journal.move(clip_id, "downloading", "done").result(SOON)

    def export(self, path: Path, *clip_ids: str) -> Exported:
        return export(
            self.database,
            self.home,
            path,
            list(clip_ids) or None,
            states=TERMINAL,
            made_by={"happyhorse_widgets": "0"},
            pulse=lambda: None,
        )

    def merge(
        self,
        path: Path,
        *,
        validate: Callable[[dict[str, Any]], object] = lambda _: None,
        pulse: Callable[[], None] = lambda: None,
    ) -> Merged:
        return merge(self.database, self.home, path, states=TERMINAL, validate=validate, pulse=pulse)

    def rows(self, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """All rows of a table."""
        query = f"SELECT {columns} FROM {table} ORDER BY rowid"
        return self.database.read(lambda connection: [tuple(row) for row in connection.execute(query)])

    def contents(self) -> dict[str, Any]:
        """Everything that is in it: rows, and files with their bytes."""
        tables = ("jobs", "events", "outputs", "images", "uploads", "catalogue", "saved", "arenas", "ballots")
        folders = (self.home.clips, self.home.images, self.home.posters)
        files = [file for folder in folders for file in folder.iterdir()]
        return {name: self.rows(name) for name in tables} | {
            self.home.relative(file): file.read_bytes() for file in files
        }

    def close(self) -> None:
        self.database.close()

    def wipe(self) -> Shelf:
        """The same folder, empty again."""
        self.close()
        shutil.rmtree(self.home.root)
        return Shelf(self.home.root)
