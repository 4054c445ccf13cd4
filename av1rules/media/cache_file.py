"""The cache's SQLite file: opens it, creates it, and brings an older one along.

A cache that can't be used is started anew: it costs time, no film. One of an earlier version is not
lost, since to probe 100,000 films takes hours: its probes are packed anew, as they are.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from av1rules.base.own_files import ignore_in_git, require_own_database
from av1rules.media.packed_memo import pack_memo
from av1rules.media.packed_source import pack_json

FILE_NAME = "cache.sqlite3"

SCHEMA_VERSION = 3

_WITH_TEXTS = 2
"""The version with JSON as text, which is brought along."""

_SCHEMA = """
CREATE TABLE versions (id INTEGER PRIMARY KEY, version TEXT NOT NULL UNIQUE);
CREATE TABLE probes (device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER,
    ctime_ns INTEGER, version INTEGER, source BLOB, failure TEXT, content_key BLOB,
    PRIMARY KEY (device, inode)) WITHOUT ROWID;
"""
"""One row a file: what is known of the file in that state. `version` is the version that probed it
(`versions`), `content_key` 16 bytes (`packed_key`)."""

_MEMOS = "CREATE TABLE memos (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"

_BATCH_ROWS = 1000
"""Rows in memory while an older cache is brought along: some 5 MB."""

_MIGRATION_WAIT_S = 600.0
"""How long a second start waits for the first to bring the cache along: 20 s per 100,000 films."""

_log = logging.getLogger(__name__)


def packed_key(key: str, size_bytes: int) -> bytes | str:
    """A content key as 16 bytes, where it is `"<size>-<hex>"` with the size of its row."""
    size, _, digest = key.partition("-")
    if size == str(size_bytes) and len(digest) == 32:
        with contextlib.suppress(ValueError):
            packed = bytes.fromhex(digest)
            if packed.hex() == digest:
                return packed
    return key


def unpacked_key(stored: bytes | str, size_bytes: int) -> str:
    """The inverse of `packed_key`."""
    return f"{size_bytes}-{stored.hex()}" if isinstance(stored, bytes) else str(stored)


def in_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.executescript(_SCHEMA + _MEMOS)
    return connection


def open_cache(folder: Path | None) -> sqlite3.Connection:
    """The cache of a state folder; in memory without one, or where no file can be used."""
    if folder is None:
        return in_memory()
    path = folder / FILE_NAME
    for attempt in range(2):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            ignore_in_git(folder)
            return _open_file(path)
        except (sqlite3.DatabaseError, OSError) as problem:
            _log.info("cache %s not usable: %s", path, problem)
            if attempt == 0 and not _may_be_good(problem):
                _remove(path)
    return in_memory()


def is_busy(problem: Exception) -> bool:
    return isinstance(problem, sqlite3.OperationalError) and "locked" in str(problem)


def _may_be_good(problem: Exception) -> bool:
    """Whether the file may be good all the same: when nobody else holds it, or there is space."""
    reasons = ("locked", "full", "readonly", "interrupted")
    return isinstance(problem, sqlite3.OperationalError) and any(
        reason in str(problem) for reason in reasons
    )


def _open_file(path: Path) -> sqlite3.Connection:
    require_own_database(path)
    connection = sqlite3.connect(path, check_same_thread=False, timeout=5.0)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    version = _version(connection)
    if version == 0:
        # One transaction: two first starts at once must not both create the tables.
        create = f"{_SCHEMA} {_MEMOS} PRAGMA user_version = {SCHEMA_VERSION};"
        connection.executescript(f"BEGIN IMMEDIATE; {create} COMMIT;")
    elif version == _WITH_TEXTS:
        _bring_along(connection)
    elif version != SCHEMA_VERSION:
        raise sqlite3.DatabaseError(f"version {version}, expected {SCHEMA_VERSION}")
    connection.execute("SELECT count(*) FROM memos").fetchone()
    _give_space_back(connection)


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _bring_along(connection: sqlite3.Connection) -> None:
    """Pack the rows of version 2, in one transaction: who is killed in the middle has the old file,
    and starts again. Other programs read the old rows until it is done."""
    connection.execute(f"PRAGMA busy_timeout = {round(_MIGRATION_WAIT_S * 1000)}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _version(connection) == _WITH_TEXTS:  # nobody did it while this one waited
            _pack_rows(connection)
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("PRAGMA busy_timeout = 5000")


def _pack_rows(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE probes RENAME TO old_probes")
    connection.execute("ALTER TABLE content_keys RENAME TO old_keys")
    connection.execute("ALTER TABLE memos RENAME TO old_memos")
    for statement in filter(str.strip, (_SCHEMA + _MEMOS).split(";")):
        connection.execute(statement)
    connection.execute(
        "INSERT INTO versions (version) SELECT DISTINCT validity FROM old_probes"
        " WHERE validity IS NOT NULL"
    )
    put = f"INSERT INTO probes VALUES ({', '.join('?' * 9)})"
    rows = connection.execute(
        "SELECT device, inode, p.size, p.mtime_ns, p.ctime_ns, v.id, source, failure, content_key"
        " FROM old_probes p LEFT JOIN versions v ON v.version = validity"
        " LEFT JOIN old_keys k USING (device, inode, size, mtime_ns, ctime_ns)"
        " ORDER BY device, inode"
    )
    while batch := rows.fetchmany(_BATCH_ROWS):
        connection.executemany(put, list(_packed(batch)))
    rows = connection.execute(
        "SELECT device, inode, size, mtime_ns, ctime_ns, NULL, NULL, NULL, content_key"
        " FROM old_keys k WHERE NOT EXISTS (SELECT 1 FROM old_probes p"
        " WHERE p.device = k.device AND p.inode = k.inode)"
    )
    while batch := rows.fetchmany(_BATCH_ROWS):
        connection.executemany(put, list(_packed(batch)))
    rows = connection.execute("SELECT key, value FROM old_memos WHERE value IS NOT NULL")
    while batch := rows.fetchmany(_BATCH_ROWS):
        connection.executemany(
            "INSERT INTO memos VALUES (?, ?)", [(key, pack_memo(value)) for key, value in batch]
        )
    for table in ("old_probes", "old_keys", "old_memos"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _packed(rows: list[Any]) -> Iterator[tuple[Any, ...]]:
    for *stat, version, source, failure, key in rows:
        is_text = isinstance(source, str | bytes)
        text = source.encode(errors="replace") if isinstance(source, str) else source
        yield (
            *stat,
            version,
            pack_json(text) if is_text else None,
            failure,
            packed_key(key, stat[2]) if isinstance(key, str) else None,
        )


def _give_space_back(connection: sqlite3.Connection) -> None:
    """Shrink a file that is mostly free pages: after a migration, also one that was killed here."""
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    if free > 1000 and 2 * free > pages:
        with contextlib.suppress(sqlite3.Error):  # busy, or no space: at the next start
            connection.execute("VACUUM")


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            os.unlink(f"{path}{suffix}")
