"""The ledger: what was built from what. The truth of the graph; one commit per target.

SQLite in WAL mode, one writer (the run that holds the lock), safe to read meanwhile. Paths are
stored as the bytes the file system knows.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from av1rules.base.errors import LedgerError
from av1rules.base.text import printable
from av1rules.graph.ledger_rows import COLUMNS, dump_row, parse_row, row_of, row_values
from av1rules.graph.stale import TargetRow

SCHEMA_VERSION = 1
LEDGER_NAME = "ledger.sqlite3"

_SCHEMA = """
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


class VerdictKind(Enum):
    TOO_LARGE = "too large"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of an encode that gave no target, for one content and one set of settings.

    `target_bytes` is the size that was too large (or projected to be). `count` counts failures.
    """

    kind: VerdictKind
    content_key: str
    fingerprint: str
    source: str
    detail: str
    source_bytes: int
    target_bytes: int | None
    count: int
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InHand:
    """Work in hand when a run ended: its private folder, and the row if it was verified."""

    folder: str
    source: str
    row: TargetRow | None
    receipt: bytes | None


class Ledger:
    """Open with `Ledger.open` (to write) or `Ledger.read` (never changes a byte on disk)."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, state_dir: Path) -> Ledger:
        """Open to write; makes the ledger if there is none. Raises LedgerError."""
        path = state_dir / LEDGER_NAME
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            # FULL: a committed row is the only proof that hours of work are done.
            connection.execute("PRAGMA synchronous=FULL")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                connection.executescript(
                    f"BEGIN; {_SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
                )
        except (OSError, sqlite3.Error) as problem:
            raise _cannot_open(path, problem) from problem
        return cls._checked(connection, path)

    @classmethod
    def read(cls, state_dir: Path) -> Ledger:
        """Open to read; an absent ledger reads as an empty one. Raises LedgerError."""
        path = state_dir / LEDGER_NAME
        try:
            connection = _connect_to_read(path) if path.exists() else _empty()
            if _is_unmade(connection):
                connection.close()  # a crash at its very making left a file without tables
                connection = _empty()
        except sqlite3.Error as problem:
            raise _cannot_open(path, problem) from problem
        return cls._checked(connection, path)

    @classmethod
    def _checked(cls, connection: sqlite3.Connection, path: Path) -> Ledger:
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as problem:
            raise _cannot_open(path, problem) from problem
        if version != SCHEMA_VERSION:
            raise LedgerError(
                f"the ledger is of version {version}, this av1rules knows version {SCHEMA_VERSION}",
                where=str(path),
                hint="use the av1rules that wrote it, or a newer one",
            )
        return cls(connection)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # --- reading

    def find(self, target: str) -> TargetRow | None:
        rows = self._query(f"SELECT {COLUMNS} FROM targets WHERE target=?", os.fsencode(target))
        return next(map(_row, rows), None)

    def rows(self) -> Iterator[TargetRow]:
        for values in self._query(f"SELECT {COLUMNS} FROM targets ORDER BY target"):
            yield _row(values)

    def glance(self) -> dict[bytes, tuple[str, int, int, str]]:
        """Of every valid row, by target: fingerprint, size, mtime (ns), tools: cheap to compare."""
        return {
            target: (fingerprint, size, mtime, tools)
            for target, fingerprint, size, mtime, tools in self._query(
                "SELECT target, fingerprint, target_bytes, target_mtime_ns, tools"
                " FROM targets WHERE forgotten=0"
            )
        }

    def receipt(self, target: str) -> bytes | None:
        rows = self._query("SELECT receipt FROM receipts WHERE target=?", os.fsencode(target))
        return zlib.decompress(rows[0][0]) if rows else None

    def verdict(self, content_key: str, fingerprint: str) -> Verdict | None:
        rows = self._query(
            "SELECT kind, source, detail, source_bytes, target_bytes, count, at FROM verdicts"
            " WHERE content_key=? AND fingerprint=?",
            content_key,
            fingerprint,
        )
        if not rows:
            return None
        kind, source, detail, source_bytes, target_bytes, count, at = rows[0]
        return Verdict(
            kind=VerdictKind(kind),
            content_key=content_key,
            fingerprint=fingerprint,
            source=os.fsdecode(source),
            detail=detail,
            source_bytes=source_bytes,
            target_bytes=target_bytes,
            count=count,
            at=at,
        )

    def in_hand(self) -> tuple[InHand, ...]:
        return tuple(
            InHand(
                folder=os.fsdecode(folder),
                source=os.fsdecode(source),
                row=None if row is None else parse_row(row),
                receipt=receipt,
            )
            for folder, source, row, receipt in self._query(
                "SELECT folder, source, row, receipt FROM in_hand"
            )
        )

    # --- writing, one transaction each

    def begin(self, folder: str, source: str) -> None:
        """Record a private folder before it is made, so that a crash can't orphan it."""
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO in_hand VALUES (?, ?, NULL, NULL)",
                (os.fsencode(folder), os.fsencode(source)),
            )

    def prepare(self, folder: str, row: TargetRow, receipt: bytes) -> None:
        """Record the verified result before its file is published."""
        with self._transaction():
            self._db.execute(
                "UPDATE in_hand SET row=?, receipt=? WHERE folder=?",
                (dump_row(row), receipt, os.fsencode(folder)),
            )

    def commit(self, row: TargetRow, receipt: bytes) -> None:
        """The target is published: write its row. The work stays in hand until `release`."""
        marks = ", ".join("?" * (COLUMNS.count(",") + 1))
        with self._transaction():
            self._db.execute(
                f"INSERT OR REPLACE INTO targets ({COLUMNS}) VALUES ({marks})", row_values(row)
            )
            self._db.execute(
                "INSERT OR REPLACE INTO receipts VALUES (?, ?)",
                (os.fsencode(row.target), zlib.compress(receipt, 9)),
            )
            self._db.execute(
                "DELETE FROM verdicts WHERE content_key=? AND fingerprint=?",
                (row.content_key, row.fingerprint),
            )

    def release(self, folder: str, *, even_if_prepared: bool) -> None:
        """Let work in hand go. What was prepared may be published already: only who knows better
        lets it go, else the next start looks."""
        unless = "" if even_if_prepared else " AND row IS NULL"
        with self._transaction():
            self._db.execute(f"DELETE FROM in_hand WHERE folder=?{unless}", (os.fsencode(folder),))

    def record_verdict(self, verdict: Verdict) -> None:
        """Remember what came of these settings for this content; failures are counted."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET kind=excluded.kind, detail=excluded.detail,"
                " target_bytes=excluded.target_bytes, at=excluded.at, source=excluded.source,"
                " count=verdicts.count+1",
                (
                    verdict.content_key,
                    verdict.fingerprint,
                    verdict.kind.value,
                    os.fsencode(verdict.source),
                    verdict.detail,
                    verdict.source_bytes,
                    verdict.target_bytes,
                    verdict.count,
                    verdict.at,
                ),
            )

    def forget(self, source: str | None = None) -> None:
        """Make the targets of one source (or of all) stale, and drop the verdicts on it."""
        where, values = ("", ()) if source is None else (" WHERE source=?", (os.fsencode(source),))
        with self._transaction():
            self._db.execute(f"UPDATE targets SET forgotten=1{where}", values)
            self._db.execute(f"DELETE FROM verdicts{where}", values)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.Error as problem:
                raise _failed("written", problem) from problem

    def _query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._db.execute(sql, values).fetchall()
            except sqlite3.Error as problem:
                raise _failed("read", problem) from problem


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that may read only, and sees what a run commits meanwhile.

    At rest it is opened as if to write, since a plain read-only one would leave `-wal` and `-shm`
    behind. Where those exist (a run is at work, or one died) they are read and left as they are:
    closing must not move what they hold. Where nothing can be written, the file is immutable.
    """
    has_log = path.with_name(f"{path.name}-wal").exists()
    may_write = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    ways = ["mode=rw"] if may_write and not has_log else ["mode=ro", "mode=ro&immutable=1"]
    for way in ways:
        uri = f"{path.absolute().as_uri()}?{way}"
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        try:
            connection.execute("PRAGMA query_only=1")
            connection.execute("SELECT count(*) FROM sqlite_master")
            return connection
        except sqlite3.OperationalError:
            connection.close()
            if way == ways[-1]:
                raise
    raise AssertionError("the last way returns or raises")


def _empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.executescript(
        f"{_SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; PRAGMA query_only=1;"
    )
    return connection


def _is_unmade(connection: sqlite3.Connection) -> bool:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return bool(version == 0 and tables == 0)


def _row(values: tuple[Any, ...]) -> TargetRow:
    try:
        return row_of(values)
    except (msgspec.MsgspecError, ValueError, TypeError) as problem:
        raise LedgerError(
            f"a row of the ledger can't be read: {problem}",
            where=printable(os.fsdecode(values[0])),
            hint="was it written by a newer av1rules, or by hand? Restore a backup of the ledger",
        ) from problem


def _failed(verb: str, problem: sqlite3.Error) -> LedgerError:
    return LedgerError(
        f"the ledger could not be {verb}: {problem}",
        hint="is its disk full, read-only or failing? `av1rules doctor` looks at it",
    )


def _cannot_open(path: Path, problem: Exception) -> LedgerError:
    return LedgerError(
        f"the ledger can't be opened: {problem}",
        where=str(path),
        hint="is the folder writable, on a local disk, and not full? run.state_dir sets another",
    )
