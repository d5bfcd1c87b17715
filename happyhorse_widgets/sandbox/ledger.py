"""The ledger on disk: jobs, assets and uploads in SQLite, their bytes in files beside it.

    DIR/ledger.sqlite3      this ledger; what was charged and refunded follows from its jobs
    DIR/files/ID            the bytes of an asset
    DIR/parts/ID.N          the parts of an upload that is not complete yet
    DIR/rendering/          videos in the making

Several servers may share one directory: every change is one short transaction, a finished file appears whole, and a
server claims a video before it renders it, for a few seconds at a time. When that server dies its claims run out, and
another one renders the video, to the same bytes. All methods belong to the thread of the server's loop.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import msgspec

from happyhorse_widgets.errors import ConfigurationError

from .jobs import Job, Stage, View, view

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE jobs (
    job_id TEXT PRIMARY KEY, owner TEXT NOT NULL, created_at REAL NOT NULL, job_type TEXT NOT NULL,
    job BLOB NOT NULL,                  -- the whole job, as JSON
    unrendered INTEGER NOT NULL,        -- 1 while its video is to be rendered
    claimed_until REAL NOT NULL DEFAULT 0,
    ended_as TEXT, ended_at REAL        -- its last status and since when, once that is final
);
CREATE INDEX jobs_by_creation ON jobs (created_at, job_id);
CREATE INDEX jobs_by_end ON jobs (ended_at, job_id);
CREATE INDEX jobs_unrendered ON jobs (created_at) WHERE unrendered = 1;
CREATE TABLE assets (
    asset_id TEXT PRIMARY KEY, owner TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL,
    job_id TEXT,                        -- the job that made it, or none for an upload
    kind TEXT NOT NULL, mime_type TEXT NOT NULL, sha256 TEXT NOT NULL, source TEXT NOT NULL,
    properties BLOB NOT NULL, metadata BLOB NOT NULL, tags BLOB NOT NULL,
    first_frame TEXT, last_frame TEXT
);
CREATE TABLE uploads (upload_id TEXT PRIMARY KEY, owner TEXT NOT NULL, created_at REAL NOT NULL, upload BLOB NOT NULL);
"""

# After how many seconds a part or a draft belongs to nobody: addresses of parts hold for an hour.
_STALE = 7200.0

#: For how many seconds a claim on a video holds; its server renews it more often than that.
CLAIM_SECONDS = 5.0


class Asset(msgspec.Struct, frozen=True):
    """An image or a video. Times are epoch seconds; `job_id` is None for an upload."""

    asset_id: str
    owner: str
    created_at: float
    updated_at: float
    job_id: str | None
    kind: str
    mime_type: str
    sha256: str
    source: str
    properties: dict[str, Any]
    metadata: dict[str, Any]
    tags: list[str] = []
    first_frame: str | None = None
    last_frame: str | None = None


class Upload(msgspec.Struct, frozen=True):
    """An upload in parts. `checked_at` is when its bytes were looked at; then `asset_id` or `error` is set."""

    upload_id: str
    owner: str
    created_at: float
    file_name: str
    content_type: str
    file_size: int
    parts: int
    options: dict[str, Any]
    checked_at: float | None = None
    asset_id: str | None = None
    error: str | None = None


class Ledger:
    """The ledger in one directory. Raises `ConfigurationError` where that cannot be used."""

    def __init__(self, home: Path) -> None:
        self.files, self.parts, self.rendering = home / "files", home / "parts", home / "rendering"
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.files, self.parts, self.rendering):
                folder.mkdir(exist_ok=True)
            _sweep(self.parts, self.rendering)
            self._database = sqlite3.connect(home / "ledger.sqlite3", isolation_level=None, timeout=10.0)
            self._database.row_factory = sqlite3.Row
            # Waiting for the disk would hold up the loop. A killed process loses nothing by this; only a power cut could.
            self._database.execute("PRAGMA synchronous = OFF")
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(
                f"The sandbox cannot keep its ledger in {home} ({error}). Choose a folder that can be written, with --home."
            ) from error

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    # Jobs

    def add_job(self, job: Job, *, limit: int | None = None) -> bool:
        """Write a new job down; False, and nothing written, when `limit` jobs of its type are under way."""
        # What never becomes a success needs no video.
        unrendered = job.render is not None and job.stop is None
        with self._transaction():
            if limit is not None and self._is_full(job.job_type, limit, job.created_at):
                return False
            self._database.execute(
                "INSERT INTO jobs (job_id, owner, created_at, job_type, job, unrendered) VALUES (?, ?, ?, ?, ?, ?)",
                (job.job_id, job.owner, job.created_at, job.job_type, msgspec.json.encode(job), unrendered),
            )
        return True

    def job(self, job_id: str) -> Job | None:
        """One job, or None."""
        row = self._database.execute("SELECT job FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        return None if row is None else _job(row)

    def stop_job(self, job: Job, stop: Stage) -> Job:
        """Let a job leave its course."""
        stopped = msgspec.structs.replace(job, stop=stop, outcome="canceled")
        self._database.execute(
            "UPDATE jobs SET job = ?, unrendered = 0 WHERE job_id = ?",
            (msgspec.json.encode(stopped), job.job_id),
        )
        return stopped

    def jobs_by_creation(
        self, *, owner: str | None, after: float, before: tuple[float, str], count: int
    ) -> list[Job]:
        """The latest made jobs first: those made after `after`, and before `before` (time, job id)."""
        rows = self._database.execute(
            "SELECT job FROM jobs WHERE created_at > ? AND (created_at, job_id) < (?, ?) AND owner = ifnull(?, owner)"
            " ORDER BY created_at DESC, job_id DESC LIMIT ?",
            (after, *before, owner, count),
        )
        return [_job(row) for row in rows]

    def jobs_by_update(
        self, now: float, *, owner: str | None, after: float, before: tuple[float, str], count: int
    ) -> list[tuple[Job, View]]:
        """The latest updated jobs first: those updated after `after`, and before `before` (time, job id)."""
        found = [
            (job, seen)
            for job, seen in self.settle(now)
            if owner in {None, job.owner}
            and seen.updated_at > after
            and (seen.updated_at, job.job_id) < before
        ]
        rows = self._database.execute(
            "SELECT job FROM jobs WHERE ended_at > ? AND (ended_at, job_id) < (?, ?) AND owner = ifnull(?, owner)"
            " ORDER BY ended_at DESC, job_id DESC LIMIT ?",
            (after, *before, owner, count),
        )
        found += [(job, view(job, now)) for job in map(_job, rows)]
        return sorted(found, key=lambda pair: (pair[1].updated_at, pair[0].job_id), reverse=True)[:count]

    def settle(self, now: float) -> list[tuple[Job, View]]:
        """Note which jobs have ended by `now`, and give those that are still under way, as they are."""
        rows = self._database.execute("SELECT job FROM jobs WHERE ended_at IS NULL").fetchall()
        seen = [(job, view(job, now)) for job in map(_job, rows)]
        ended = [(found.status, found.updated_at, job.job_id) for job, found in seen if found.ended]
        if ended:
            self._database.execute("SAVEPOINT settle")
            self._database.executemany("UPDATE jobs SET ended_as = ?, ended_at = ? WHERE job_id = ?", ended)
            self._database.execute("RELEASE settle")
        return [(job, found) for job, found in seen if not found.ended]

    def all_jobs(self) -> list[Job]:
        """Every job, the oldest first."""
        return [
            _job(row) for row in self._database.execute("SELECT job FROM jobs ORDER BY created_at, job_id")
        ]

    # Rendering

    def claim(self, now: float) -> Job | None:
        """The oldest job whose video nobody is rendering, now claimed; None when there is none."""
        with self._transaction():
            row = self._database.execute(
                "SELECT job FROM jobs WHERE unrendered = 1 AND claimed_until < ? ORDER BY created_at LIMIT 1",
                (now,),
            ).fetchone()
            if row is None:
                return None
            job = _job(row)
            self.renew([job.job_id], now + CLAIM_SECONDS)
            return job

    def renew(self, job_ids: Sequence[str], until: float) -> None:
        """Keep claims until then; a moment that has passed gives them up."""
        self._database.executemany(
            "UPDATE jobs SET claimed_until = ? WHERE job_id = ? AND unrendered = 1",
            [(until, one) for one in job_ids],
        )

    def rendered(
        self, job: Job, now: float, *, assets: Sequence[Asset] = (), error: str | None = None
    ) -> None:
        """Note that a job's video is there, with its assets, or with `error` that it never will be."""
        with self._transaction():
            for asset in assets:
                self._insert_asset(asset)
            done = msgspec.structs.replace(job, rendered_at=now, render_error=error)
            # Only the first of two servers counts, and a job canceled meanwhile stays so.
            self._database.execute(
                "UPDATE jobs SET job = ?, unrendered = 0 WHERE job_id = ? AND unrendered = 1",
                (msgspec.json.encode(done), job.job_id),
            )

    # Assets

    def add_asset(self, asset: Asset) -> None:
        """Write a new asset down."""
        self._insert_asset(asset)

    def assets(self, asset_ids: Sequence[str]) -> dict[str, Asset]:
        """The assets with these ids, by id; those that do not exist are left out."""
        marks = ", ".join("?" * len(asset_ids))
        rows = self._database.execute(f"SELECT * FROM assets WHERE asset_id IN ({marks})", tuple(asset_ids))  # noqa: S608
        return {row["asset_id"]: _asset(row) for row in rows}

    def tag_asset(self, asset_id: str, tags: Sequence[str], now: float) -> None:
        """Set an asset's tags."""
        self._database.execute(
            "UPDATE assets SET tags = ?, updated_at = ? WHERE asset_id = ?",
            (msgspec.json.encode(tags), now, asset_id),
        )

    def delete_assets(self, asset_ids: Sequence[str]) -> None:
        """Forget assets and their bytes."""
        with self._transaction():
            self._database.executemany("DELETE FROM assets WHERE asset_id = ?", [(one,) for one in asset_ids])
        for one in asset_ids:
            (self.files / one).unlink(missing_ok=True)

    # Uploads

    def save_upload(self, upload: Upload) -> None:
        """Write an upload down, new or changed."""
        self._database.execute(
            "INSERT OR REPLACE INTO uploads (upload_id, owner, created_at, upload) VALUES (?, ?, ?, ?)",
            (upload.upload_id, upload.owner, upload.created_at, msgspec.json.encode(upload)),
        )

    def upload(self, upload_id: str) -> Upload | None:
        """One upload, or None."""
        row = self._database.execute(
            "SELECT upload FROM uploads WHERE upload_id = ?", (upload_id,)
        ).fetchone()
        return None if row is None else msgspec.json.decode(row["upload"], type=Upload)

    def all_uploads(self) -> list[Upload]:
        """Every upload, the oldest first."""
        rows = self._database.execute("SELECT upload FROM uploads ORDER BY created_at, upload_id")
        return [msgspec.json.decode(row["upload"], type=Upload) for row in rows]

    def _prepare(self) -> None:
        with self._transaction():
            version = self._database.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _SCHEMA.split(";\n"):
                    self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
            elif version != _SCHEMA_VERSION:
                raise sqlite3.DatabaseError(
                    f"it was written by another version: {version}, not {_SCHEMA_VERSION}"
                )

    def _is_full(self, job_type: str, limit: int, now: float) -> bool:
        (unsettled,) = self._database.execute(
            "SELECT count(*) FROM jobs WHERE ended_at IS NULL AND job_type = ?", (job_type,)
        ).fetchone()
        # Only where it is close need those that have ended since be told from the others.
        return unsettled >= limit and sum(job.job_type == job_type for job, _ in self.settle(now)) >= limit

    def _insert_asset(self, asset: Asset) -> None:
        row = msgspec.structs.asdict(asset)
        for name in ("properties", "metadata", "tags"):
            row[name] = msgspec.json.encode(row[name])
        marks = ", ".join(f":{name}" for name in row)
        self._database.execute(f"INSERT OR IGNORE INTO assets ({', '.join(row)}) VALUES ({marks})", row)  # noqa: S608

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def _sweep(*folders: Path) -> None:
    """Remove what uploads that were given up, and servers that died, have left behind."""
    for path in (path for folder in folders for path in folder.iterdir()):
        # Another server may be sweeping too.
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - _STALE:
                path.unlink()


def _job(row: sqlite3.Row) -> Job:
    return _decoded(row["job"])


@functools.lru_cache(maxsize=2048)  # those under way are read with every list
def _decoded(job: bytes) -> Job:
    return msgspec.json.decode(job, type=Job)


def _asset(row: sqlite3.Row) -> Asset:
    values = dict(row)
    for name in ("properties", "metadata", "tags"):
        values[name] = msgspec.json.decode(values[name])
    return Asset(**values)
