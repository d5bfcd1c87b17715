"""Large libraries, quickly: one clip that was made with all care, and its likes."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path

from tests.libraries import Shelf

RATIOS = ("16:9", "9:16", "1:1", "16:9", "4:3")
SUBJECTS = ("a fox", "an astronaut", "two cats", "a red kite", "the old lighthouse")


def clip_id(number: int) -> str:
    """The id of the clip with this number; a higher number is newer."""
    return f"clip_{number:012d}"


def fill(home: Path, count: int) -> None:
    """Make a library of `count` finished clips in five shapes, with a video and a poster each, one second apart."""
    shelf = Shelf(home)
    reference = shelf.image((200, 120, 40))
    shelf.video(clip_id(0), reference)
    shelf.close()
    connection = sqlite3.connect(shelf.home.database)
    connection.row_factory = sqlite3.Row
    tables = ("jobs", "outputs", "catalogue")
    rows = {table: dict(connection.execute(f"SELECT * FROM {table}").fetchone()) for table in tables}
    for table in reversed(tables):
        connection.execute(f"DELETE FROM {table}")
    for number in range(count):
        name = clip_id(number)
        began = time.time() - count + number
        request = json.loads(rows["jobs"]["request"]) | {
            "prompt": f"character1 is {SUBJECTS[number % 5]}, take {number}, and walks over the meadow at sunset.",
            "aspect_ratio": RATIOS[number % 5],
            "resolution": "720P",
            "seed": number,
        }
        job = {"id": name, "created_at": began, "finished_at": began + 5, "remote_id": f"job_{number}"}
        _insert(connection, "jobs", rows["jobs"] | job | {"request": json.dumps(request)})
        output = {"job_id": name, "path": f"clips/{name}.mp4", "asset_id": f"asset_{number}"}
        _insert(connection, "outputs", rows["outputs"] | output)
        words = f"{request['prompt'].lower()} {name}"
        found = {"job_id": name, "ratio": request["aspect_ratio"], "words": words}
        _insert(connection, "catalogue", rows["catalogue"] | found)
        if number:
            for kind in ("clips/{}.mp4", "posters/{}.jpg"):
                os.link(home / kind.format(clip_id(0)), home / kind.format(name))
    connection.commit()
    connection.close()


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
