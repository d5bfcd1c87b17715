"""Small libraries to vote in: clips of several models, whose videos differ in pixels, size and what they say of themselves."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import av
import numpy as np

from happyhorse_widgets.library.database import Database
from happyhorse_widgets.library.files import Home
from happyhorse_widgets.media.probe import probe

MODELS = ("model_one", "model_two")
FRAMES = 36


def fill_arena(
    home: Path, *, models: tuple[str, ...] = MODELS, prompts: int = 2, seeds: int = 2
) -> list[str]:
    """Make a library with a finished clip of each model for each prompt and seed; their ids.

    The videos of one model are the same.
    """
    place = Home(home)
    Database(place.database).close()
    made = []
    with closing(sqlite3.connect(place.database)) as library, library:
        for number, model in enumerate(models):
            source = write_titled(home / f"{model}.mp4", model, scale=number + 1)
            facts = json.dumps(asdict(probe(source)))
            sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
            for prompt, seed in itertools.product(range(prompts), range(seeds)):
                clip_id = f"clip_{model}_{prompt}_{seed}"
                request = {"prompt": f"prompt {prompt}", "model": model, "references": [], "seed": seed}
                library.execute(
                    "INSERT INTO jobs (id, created_at, updated_at, state, endpoint, sandbox, model, request, versions)"
                    " VALUES (?, ?, 0, 'done', 'sandbox', 1, ?, ?, '{}')",
                    (clip_id, len(made), model, json.dumps(request)),
                )
                library.execute(
                    "INSERT INTO outputs VALUES (?, 0, ?, 'here', ?, ?, ?, ?)",
                    (
                        clip_id,
                        f"asset_{clip_id}",
                        f"clips/{clip_id}.mp4",
                        source.stat().st_size,
                        sha256,
                        facts,
                    ),
                )
                shutil.copy(source, place.clip(clip_id))
                made.append(clip_id)
            source.unlink()
    return made


def write_titled(path: Path, title: str, *, scale: int = 1) -> Path:
    """A video with a bar that moves, of more pixels and bytes the larger the `scale`, whose file says its `title`."""
    noise = np.random.default_rng(scale)
    width, height = 128 * scale, 72 * scale
    with av.open(str(path), "w", format="mp4") as container:
        container.metadata["comment"] = title
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        picture = noise.integers(0, 256, (height, width, 3), np.uint8)
        for index in range(FRAMES):
            moved = np.roll(picture, 2 * index, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        container.mux(stream.encode())
    return path
