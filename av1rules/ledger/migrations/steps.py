"""The tables of the ledger, as the steps from each version to the next. A step that was released is
never edited."""

from __future__ import annotations

_VERSION_1 = """
CREATE TABLE targets (
    target BLOB PRIMARY KEY, source BLOB NOT NULL, source_path BLOB NOT NULL,
    content_key TEXT NOT NULL, source_digest TEXT NOT NULL, source_bytes INTEGER NOT NULL,
    settings TEXT NOT NULL,
    fingerprint TEXT NOT NULL, tools TEXT NOT NULL, target_bytes INTEGER NOT NULL,
    target_mtime_ns INTEGER NOT NULL, target_key TEXT NOT NULL, target_head TEXT NOT NULL,
    target_digest TEXT NOT NULL,
    rule TEXT, built_at TEXT NOT NULL, encode_s REAL NOT NULL, verify_s REAL NOT NULL,
    forgotten INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX targets_by_source ON targets (source);
CREATE TABLE receipts (target BLOB PRIMARY KEY, receipt BLOB NOT NULL);
CREATE TABLE verdicts (
    content_key TEXT NOT NULL, fingerprint TEXT NOT NULL, kind TEXT NOT NULL,
    source BLOB NOT NULL, detail TEXT NOT NULL, source_bytes INTEGER NOT NULL,
    target_bytes INTEGER, count INTEGER NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (content_key, fingerprint)
) WITHOUT ROWID;
CREATE TABLE in_hand (folder BLOB PRIMARY KEY, source BLOB NOT NULL, row TEXT, receipt BLOB);
"""

_VERSION_2 = """
ALTER TABLE targets ADD COLUMN run INTEGER;
CREATE INDEX targets_by_content ON targets (content_key);
DROP INDEX targets_by_source;
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, started TEXT NOT NULL, ended TEXT, summary TEXT
);
CREATE TABLE kept (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER, kind TEXT NOT NULL, path BLOB NOT NULL,
    target BLOB NOT NULL, place BLOB NOT NULL, row TEXT NOT NULL, receipt BLOB, facts BLOB,
    side_files TEXT NOT NULL, at TEXT NOT NULL, gone_at TEXT, intent TEXT
);
CREATE INDEX kept_by_target ON kept (target);
CREATE INDEX kept_by_place ON kept (place);
CREATE TABLE moves (
    old BLOB PRIMARY KEY, new BLOB NOT NULL, stage BLOB NOT NULL, source BLOB NOT NULL,
    source_path BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE census (root BLOB PRIMARY KEY, files BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE checked (
    target BLOB PRIMARY KEY, at TEXT NOT NULL, how TEXT NOT NULL, fault TEXT
) WITHOUT ROWID;
CREATE TABLE health (
    content_key TEXT PRIMARY KEY, source BLOB NOT NULL, at TEXT NOT NULL, fault TEXT
) WITHOUT ROWID;
"""

_VERSION_3 = """
CREATE TABLE clips (
    fingerprint TEXT PRIMARY KEY, source BLOB NOT NULL, origin BLOB NOT NULL, path BLOB NOT NULL,
    size_bytes INTEGER NOT NULL, made_at TEXT NOT NULL, facts TEXT NOT NULL
) WITHOUT ROWID;
"""

_FORECASTS = """
CREATE TABLE forecasts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER, target BLOB NOT NULL, at TEXT NOT NULL,
    encoder TEXT NOT NULL, preset INTEGER NOT NULL, resolution TEXT, source_tier TEXT,
    level INTEGER, encodes INTEGER NOT NULL, jobs INTEGER NOT NULL,
    low_s REAL NOT NULL, mid_s REAL NOT NULL, high_s REAL NOT NULL, took_s REAL NOT NULL,
    low_bytes REAL NOT NULL, mid_bytes REAL NOT NULL, high_bytes REAL NOT NULL,
    came_bytes INTEGER NOT NULL, source_bytes INTEGER NOT NULL
);
"""

_SAMPLES = """
CREATE TABLE samples (
    content_key TEXT NOT NULL, settings TEXT NOT NULL, tools TEXT NOT NULL, source BLOB NOT NULL,
    facts TEXT NOT NULL, PRIMARY KEY (content_key, settings, tools)
) WITHOUT ROWID;
CREATE TABLE searches (
    fingerprint TEXT NOT NULL, tools TEXT NOT NULL, source BLOB NOT NULL, facts TEXT NOT NULL,
    PRIMARY KEY (fingerprint, tools)
) WITHOUT ROWID;
ALTER TABLE verdicts ADD COLUMN measured TEXT;
"""

_ATTEMPTS = """
ALTER TABLE verdicts ADD COLUMN is_final INTEGER;
ALTER TABLE verdicts ADD COLUMN accepted TEXT;
ALTER TABLE verdicts ADD COLUMN is_projected INTEGER;
ALTER TABLE verdicts ADD COLUMN film_s REAL;
"""

# Settings and tools are 350 of the 900 bytes of a row, and a library has a dozen of them.
_SHARED_TEXTS = """
CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
INSERT INTO texts (text) SELECT settings FROM targets UNION SELECT tools FROM targets;
CREATE TABLE targets_of_7 (
    target BLOB PRIMARY KEY, source BLOB NOT NULL, source_path BLOB NOT NULL,
    content_key TEXT NOT NULL, source_digest TEXT NOT NULL, source_bytes INTEGER NOT NULL,
    settings INTEGER NOT NULL, fingerprint TEXT NOT NULL, tools INTEGER NOT NULL,
    target_bytes INTEGER NOT NULL,
    target_mtime_ns INTEGER NOT NULL, target_key TEXT NOT NULL, target_head TEXT NOT NULL,
    target_digest TEXT NOT NULL,
    rule TEXT, built_at TEXT NOT NULL, encode_s REAL NOT NULL, verify_s REAL NOT NULL,
    forgotten INTEGER NOT NULL DEFAULT 0, run INTEGER
) WITHOUT ROWID;
INSERT INTO targets_of_7 SELECT target, source, source_path, content_key, source_digest,
    source_bytes, (SELECT id FROM texts WHERE text = settings), fingerprint,
    (SELECT id FROM texts WHERE text = tools), target_bytes, target_mtime_ns, target_key,
    target_head, target_digest, rule, built_at, encode_s, verify_s, forgotten, run
    FROM targets ORDER BY target;
DROP TABLE targets;
ALTER TABLE targets_of_7 RENAME TO targets;
CREATE INDEX targets_by_content ON targets (content_key);
"""

# `summary` has only what earlier versions wrote. An undo counted nothing then.
_VERSION_8 = """
ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'run';
ALTER TABLE runs ADD COLUMN command BLOB;
ALTER TABLE runs ADD COLUMN exit_code INTEGER;
ALTER TABLE runs ADD COLUMN problem TEXT;
ALTER TABLE runs ADD COLUMN counts TEXT;
ALTER TABLE runs ADD COLUMN source_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN target_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN trashed INTEGER;
ALTER TABLE runs ADD COLUMN findings BLOB;
ALTER TABLE runs ADD COLUMN new_findings BLOB;
UPDATE runs SET kind='undo' WHERE summary='nothing done'
    AND id IN (SELECT run FROM kept);
CREATE TABLE findings (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, source BLOB NOT NULL,
    detail TEXT NOT NULL, hint TEXT, fingerprint TEXT NOT NULL, first_run INTEGER NOT NULL,
    last_run INTEGER NOT NULL, is_over INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX findings_by_source ON findings (source);
CREATE INDEX findings_by_fingerprint ON findings (fingerprint);
CREATE INDEX findings_by_run ON findings (last_run);
CREATE INDEX targets_by_key ON targets (target_key);
ALTER TABLE kept ADD COLUMN origin TEXT NOT NULL DEFAULT 'ours';
CREATE TABLE stand_ins (
    folder BLOB NOT NULL, name BLOB NOT NULL, is_pending INTEGER NOT NULL, kind TEXT NOT NULL,
    source_path BLOB NOT NULL, link BLOB NOT NULL, is_film INTEGER NOT NULL,
    inode INTEGER NOT NULL, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    source_inode INTEGER NOT NULL, source_bytes INTEGER NOT NULL,
    source_mtime_ns INTEGER NOT NULL, PRIMARY KEY (folder, name, is_pending)
) WITHOUT ROWID;
CREATE TABLE own_touches (
    inode INTEGER NOT NULL, before_ns INTEGER NOT NULL, after_ns INTEGER NOT NULL,
    at TEXT NOT NULL, PRIMARY KEY (inode, after_ns)
) WITHOUT ROWID;
CREATE TABLE as_made (
    made TEXT PRIMARY KEY NOT NULL, wanted TEXT NOT NULL, choice TEXT NOT NULL, at TEXT NOT NULL
) WITHOUT ROWID;
"""

_VERSION_9 = """
CREATE TABLE controls (
    film BLOB NOT NULL, kind TEXT NOT NULL, since TEXT NOT NULL, until TEXT, reason TEXT,
    place INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (film, kind)
) WITHOUT ROWID;
CREATE TABLE queue (
    film BLOB PRIMARY KEY, place INTEGER NOT NULL, kind TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    rule TEXT, source_tier TEXT, cause TEXT NOT NULL, seconds REAL, likely_bytes REAL,
    saving_bytes REAL, width INTEGER, height INTEGER, codec TEXT, bitrate_bps INTEGER, hdr TEXT,
    bit_depth INTEGER
) WITHOUT ROWID;
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, neighbour TEXT NOT NULL, key TEXT NOT NULL,
    event TEXT NOT NULL, at TEXT NOT NULL, film BLOB, old_path BLOB, new_path BLOB,
    source_bytes INTEGER, target_bytes INTEGER, rule TEXT, run INTEGER, detail TEXT,
    exit_code INTEGER, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_try TEXT,
    problem TEXT, ended TEXT
);
CREATE INDEX outbox_by_state ON outbox (state, neighbour, id);
CREATE TABLE segmented_films (
    folder BLOB PRIMARY KEY NOT NULL, film BLOB NOT NULL, target BLOB NOT NULL,
    fingerprint TEXT NOT NULL, recipe TEXT NOT NULL, at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE segments (
    folder BLOB NOT NULL, number INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
    segment TEXT NOT NULL, PRIMARY KEY (folder, number)
) WITHOUT ROWID;
"""

STEPS = (
    _VERSION_1, _VERSION_2, _VERSION_3, _FORECASTS, _SAMPLES, _ATTEMPTS, _SHARED_TEXTS, _VERSION_8,
    _VERSION_9,
)  # fmt: skip
"""The migration to each version from the one before."""
