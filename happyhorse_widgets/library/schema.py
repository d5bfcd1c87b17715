"""The tables of a library, as the steps that lead to them."""

from __future__ import annotations

from .catalogue import ENTER

#: Each entry takes the schema one version up; `PRAGMA user_version` counts those that were applied.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE owner (
        one        INTEGER PRIMARY KEY CHECK (one = 1),
        epoch      INTEGER NOT NULL,
        pid        INTEGER NOT NULL,
        started    TEXT NOT NULL,
        boot_id    TEXT NOT NULL,
        host       TEXT NOT NULL,
        heartbeat  REAL NOT NULL
    );
    CREATE TABLE jobs (
        id           TEXT PRIMARY KEY,
        created_at   REAL NOT NULL,
        updated_at   REAL NOT NULL,
        finished_at  REAL,
        state        TEXT NOT NULL,
        endpoint     TEXT NOT NULL,
        project      TEXT NOT NULL DEFAULT '',
        sandbox      INTEGER NOT NULL,
        model        TEXT NOT NULL,
        request      TEXT NOT NULL,
        body         TEXT,
        fingerprint  TEXT,
        attempt      INTEGER NOT NULL DEFAULT 0,
        sent_at      REAL,
        submitted_at REAL,
        took         REAL,
        remote_id    TEXT,
        estimate     REAL,
        cost         REAL,
        refunded     INTEGER NOT NULL DEFAULT 0,
        seed_used    INTEGER,
        error        TEXT,
        versions     TEXT NOT NULL,
        UNIQUE (endpoint, remote_id)
    );
    CREATE INDEX jobs_by_state ON jobs (state);
    CREATE INDEX jobs_by_time ON jobs (created_at DESC);
    CREATE TABLE events (
        seq        INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id     TEXT NOT NULL REFERENCES jobs (id),
        at         REAL NOT NULL,
        from_state TEXT NOT NULL,
        to_state   TEXT NOT NULL,
        detail     TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX events_by_job ON events (job_id, seq);
    CREATE TRIGGER events_stay BEFORE DELETE ON events BEGIN SELECT RAISE (ABORT, 'events are append-only'); END;
    CREATE TRIGGER events_hold BEFORE UPDATE ON events BEGIN SELECT RAISE (ABORT, 'events are append-only'); END;
    CREATE TABLE images (
        sha256     TEXT PRIMARY KEY,
        media_type TEXT NOT NULL,
        size       INTEGER NOT NULL,
        width      INTEGER NOT NULL,
        height     INTEGER NOT NULL,
        path       TEXT NOT NULL,
        added_at   REAL NOT NULL
    );
    CREATE TABLE uploads (
        sha256     TEXT NOT NULL,
        endpoint   TEXT NOT NULL,
        project    TEXT NOT NULL,
        asset_id   TEXT NOT NULL,
        at         REAL NOT NULL,
        PRIMARY KEY (sha256, endpoint, project)
    );
    CREATE TABLE outputs (
        job_id     TEXT NOT NULL REFERENCES jobs (id),
        position   INTEGER NOT NULL,
        asset_id   TEXT NOT NULL,
        state      TEXT NOT NULL,
        path       TEXT,
        size       INTEGER,
        sha256     TEXT,
        facts      TEXT,
        PRIMARY KEY (job_id, position)
    );
    """,
    """
    ALTER TABLE jobs ADD COLUMN budget REAL;
    ALTER TABLE jobs ADD COLUMN successor TEXT;
    ALTER TABLE jobs ADD COLUMN imported_at REAL;
    ALTER TABLE owner ADD COLUMN accounts TEXT NOT NULL DEFAULT '[]';
    """,
    f"""
    ALTER TABLE jobs ADD COLUMN parent TEXT;
    ALTER TABLE jobs ADD COLUMN relation TEXT NOT NULL DEFAULT '';
    DROP INDEX jobs_by_time;
    CREATE INDEX jobs_by_age ON jobs (created_at DESC, id DESC);
    CREATE INDEX jobs_by_parent ON jobs (parent) WHERE parent IS NOT NULL;
    CREATE INDEX jobs_that_continue ON jobs (id) WHERE instr(request, '"clip_id": "');
    CREATE TABLE catalogue (
        job_id     TEXT PRIMARY KEY REFERENCES jobs (id),
        favourite  INTEGER NOT NULL DEFAULT 0,
        deleted_at REAL,
        marked_at  REAL NOT NULL DEFAULT 0,
        ratio      TEXT,
        seconds    REAL,
        tags       TEXT NOT NULL DEFAULT '[]',
        notes      TEXT NOT NULL DEFAULT '',
        words      TEXT NOT NULL
    );
    CREATE INDEX catalogue_favourites ON catalogue (job_id) WHERE favourite = 1;
    CREATE INDEX catalogue_deleted ON catalogue (job_id) WHERE deleted_at IS NOT NULL;
    {ENTER};
    CREATE TABLE saved (
        kind  TEXT NOT NULL,
        name  TEXT NOT NULL,
        value TEXT NOT NULL,
        at    REAL NOT NULL,
        PRIMARY KEY (kind, name)
    );
    CREATE TABLE text_costs (
        id       TEXT PRIMARY KEY,
        at       REAL NOT NULL,
        endpoint TEXT NOT NULL,
        project  TEXT NOT NULL,
        kind     TEXT NOT NULL,
        cost     REAL NOT NULL
    );
    """,
    """
    CREATE TABLE arenas (
        id         TEXT PRIMARY KEY,
        name       TEXT NOT NULL,
        created_at REAL NOT NULL,
        plan       TEXT NOT NULL
    );
    CREATE TABLE ballots (
        seq          INTEGER PRIMARY KEY AUTOINCREMENT,
        id           TEXT NOT NULL UNIQUE,
        arena        TEXT NOT NULL REFERENCES arenas (id),
        at           REAL NOT NULL,
        rater        TEXT NOT NULL,
        position     INTEGER NOT NULL,
        kind         TEXT NOT NULL,
        left_clip    TEXT NOT NULL,
        left_sha256  TEXT NOT NULL,
        left_level   TEXT NOT NULL,
        right_clip   TEXT NOT NULL,
        right_sha256 TEXT NOT NULL,
        right_level  TEXT NOT NULL,
        spoiled      TEXT NOT NULL DEFAULT '',
        answers      TEXT NOT NULL,
        seconds      REAL,
        supersedes   TEXT UNIQUE REFERENCES ballots (id)
    );
    CREATE INDEX ballots_by_rater ON ballots (arena, rater, position);
    CREATE TRIGGER ballots_stay BEFORE DELETE ON ballots BEGIN SELECT RAISE (ABORT, 'ballots are append-only'); END;
    CREATE TRIGGER ballots_hold BEFORE UPDATE ON ballots BEGIN SELECT RAISE (ABORT, 'ballots are append-only'); END;
    """,
)
