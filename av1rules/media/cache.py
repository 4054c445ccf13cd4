"""A cache of facts about files and tools, keyed by stat, in one SQLite file that may be lost.

It never fails a run: an unreadable cache is recreated, an unwritable one is kept in memory, and a
write that fails is dropped.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import msgspec

from av1rules.base.hashing import content_key
from av1rules.base.own_files import require_own_database
from av1rules.media.probe.parse import PARSER_VERSION
from av1rules.media.source import FileStat, LibraryFile, Source

_Value = TypeVar("_Value")


def pack_facts(source: Source) -> bytes:
    """The facts of an original, to evaluate its target once the original is gone."""
    return zlib.compress(source_to_json(source), 9)


FILE_NAME = "cache.sqlite3"


SCHEMA_VERSION = 2


BATCH = 256
"""Rows per transaction: a commit costs a sync, a lost batch costs a few seconds of probing."""


_CHUNK = 500
"""Keys per query; SQLite's limit on variables is 999 in old builds."""


_SCHEMA = """
CREATE TABLE probes (device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER,
    ctime_ns INTEGER, validity TEXT, source BLOB, failure TEXT,
    PRIMARY KEY (device, inode)) WITHOUT ROWID;
CREATE TABLE content_keys (device INTEGER, inode INTEGER, size INTEGER, mtime_ns INTEGER,
    ctime_ns INTEGER, content_key TEXT, PRIMARY KEY (device, inode)) WITHOUT ROWID;
CREATE TABLE memos (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""


_log = logging.getLogger(__name__)


class StatKey(NamedTuple):
    """A file with the same key counts as unchanged."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int  # an edit that sets the old modification time back is seen by it


def stat_key(stat: FileStat) -> StatKey:
    return StatKey(
        _signed(stat.device), _signed(stat.inode), stat.size_bytes, stat.mtime_ns, stat.ctime_ns
    )


def _signed(number: int) -> int:
    """Some file systems use all 64 bits; SQLite's integers are signed."""
    return number - (1 << 64) if number >= 1 << 63 else number


class ProbeFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A file that ffprobe could not read, and why; remembered until the file changes, unless the
    file may be well (`is_passing`): a disk that hung once says nothing of the films on it."""

    message: str
    is_passing: bool = False


def _encode_hook(value: object) -> str:
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    raise NotImplementedError(type(value).__name__)


def _decode_hook(wanted: type, value: Any) -> Any:
    if wanted is Fraction:
        return Fraction(value)
    raise NotImplementedError(wanted.__name__)


_DECODER = msgspec.json.Decoder(Source, dec_hook=_decode_hook)


def source_to_json(source: Source) -> bytes:
    return msgspec.json.encode(source, enc_hook=_encode_hook)


def source_from_json(data: bytes) -> Source:
    """Raises msgspec.MsgspecError on data of another version."""
    return _DECODER.decode(data)


class LibraryCache:
    """Probes, content keys and memos. Safe to use from several threads; never raises for I/O."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` is the state folder; None keeps everything in memory."""
        self._lock = threading.RLock()
        self._probes: list[tuple[object, ...]] = []
        self._keys: list[tuple[object, ...]] = []
        self._connection = _open(folder)

    def close(self) -> None:
        with self._lock:
            self.flush()
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load_many(
        self, stats: Iterable[FileStat], *, ffprobe_version: str
    ) -> dict[StatKey, Source | ProbeFailure]:
        """The probes that are known and still valid for these files and this ffprobe."""
        validity = _validity(ffprobe_version)
        found: dict[StatKey, Source | ProbeFailure] = {}
        columns = "device, inode, size, mtime_ns, ctime_ns, validity, source, failure"
        for row in self._by_stat("probes", columns, stats):
            device, inode, size, mtime_ns, ctime_ns, known, source, failure = row
            if known != validity:
                continue
            outcome = _outcome(source, failure)
            if outcome is not None:
                found[StatKey(device, inode, size, mtime_ns, ctime_ns)] = outcome
        return found

    def put_probe(
        self, stat: FileStat, outcome: Source | ProbeFailure, *, ffprobe_version: str
    ) -> None:
        reported: tuple[bytes | None, str | None]
        if isinstance(outcome, Source):
            reported = (source_to_json(outcome), None)
        else:
            reported = (None, outcome.message)
        self._queue(self._probes, (*stat_key(stat), _validity(ffprobe_version), *reported))

    def content_keys(self, stats: Iterable[FileStat]) -> dict[StatKey, str]:
        columns = "device, inode, size, mtime_ns, ctime_ns, content_key"
        rows = self._by_stat("content_keys", columns, stats)
        return {StatKey(*row[:5]): row[5] for row in rows}

    def put_content_key(self, stat: FileStat, content_key: str) -> None:
        self._queue(self._keys, (*stat_key(stat), content_key))

    def get(self, key: str) -> str | None:
        """A memo (see `ToolMemo`), or None."""
        rows = self._query("SELECT value FROM memos WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def get_value(self, key: str, kind: type[_Value]) -> _Value | None:
        """A memo that holds a value as JSON; None if there is none, or another version wrote it."""
        text = self.get(key)
        if text is None:
            return None
        try:
            return msgspec.json.decode(text, type=kind)
        except msgspec.MsgspecError:
            return None

    def put_value(self, key: str, value: msgspec.Struct) -> None:
        self.put(key, msgspec.json.encode(value).decode())

    def put(self, key: str, value: str) -> None:
        self._write("INSERT OR REPLACE INTO memos VALUES (?, ?)", [(key, value)])

    def flush(self) -> None:
        """Write what is queued, in one transaction for each table."""
        with self._lock:
            self._write(
                "INSERT OR REPLACE INTO probes VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._probes
            )
            self._write("INSERT OR REPLACE INTO content_keys VALUES (?, ?, ?, ?, ?, ?)", self._keys)
            self._probes.clear()  # the same lists: other threads hold them while they wait
            self._keys.clear()

    def _queue(self, queue: list[tuple[object, ...]], row: tuple[object, ...]) -> None:
        with self._lock:
            queue.append(row)
            if len(queue) >= BATCH:
                self.flush()

    def _by_stat(self, table: str, columns: str, stats: Iterable[FileStat]) -> list[Any]:
        wanted = {stat_key(stat) for stat in stats}
        by_device: dict[int, list[int]] = {}
        for key in wanted:
            by_device.setdefault(key.device, []).append(key.inode)
        rows: list[Any] = []
        with self._lock:
            self.flush()
            for device, inodes in by_device.items():
                for start in range(0, len(inodes), _CHUNK):
                    part = inodes[start : start + _CHUNK]
                    marks = ",".join("?" * len(part))
                    # Only column names of ours and question marks go into the text.
                    text = f"SELECT {columns} FROM {table} WHERE device = ? AND inode IN ({marks})"
                    rows += self._query(text, (device, *part))
        return [row for row in rows if StatKey(*row[:5]) in wanted]

    def _query(self, text: str, values: Sequence[object]) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(text, values).fetchall()
            except sqlite3.Error as problem:
                self._give_up(problem)
                return []

    def _write(self, text: str, rows: list[tuple[object, ...]]) -> None:
        if not rows:
            return
        with self._lock:
            try:
                with self._connection:
                    self._connection.executemany(text, rows)
            except sqlite3.Error as problem:
                self._give_up(problem)

    def _give_up(self, problem: sqlite3.Error) -> None:
        """A busy file is only skipped once; anything else moves the cache into memory."""
        _log.info("cache not usable: %s", problem)
        if isinstance(problem, sqlite3.OperationalError) and "locked" in str(problem):
            return
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        self._connection = _in_memory()


def _outcome(source: bytes | None, failure: str | None) -> Source | ProbeFailure | None:
    if failure is not None:
        return ProbeFailure(message=failure)
    try:
        return source_from_json(source or b"")
    except (msgspec.MsgspecError, ValueError, TypeError, ZeroDivisionError):
        return None


def _validity(ffprobe_version: str) -> str:
    return f"{PARSER_VERSION}:{ffprobe_version}"


def _in_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.executescript(_SCHEMA)
    return connection


def _open(folder: Path | None) -> sqlite3.Connection:
    if folder is None:
        return _in_memory()
    path = folder / FILE_NAME
    for attempt in range(2):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return _open_file(path)
        except (sqlite3.DatabaseError, OSError) as problem:
            _log.info("cache %s not usable: %s", path, problem)
            if attempt == 0 and not _is_busy(problem):
                _remove(path)
    return _in_memory()


def _is_busy(problem: Exception) -> bool:
    return isinstance(problem, sqlite3.OperationalError) and "locked" in str(problem)


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
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        # One transaction: two first starts at once must not both create the tables.
        create = f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        connection.executescript(create)
    elif version != SCHEMA_VERSION:
        raise sqlite3.DatabaseError(f"version {version}, expected {SCHEMA_VERSION}")
    connection.execute("SELECT count(*) FROM memos").fetchone()


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            os.unlink(f"{path}{suffix}")


def lone_file(path: str) -> LibraryFile:
    """A file that belongs to no library, in the form that the probe takes. Raises OSError."""
    found = os.stat(path)
    return LibraryFile(
        root_name="",
        root=os.path.dirname(path) or ".",
        relative_path=os.path.basename(path),
        stat=FileStat.of(found),
    )


def content_key_of(file: LibraryFile, cache: LibraryCache) -> str:
    """The content key of `file`, read from disk if not cached. Raises OSError."""
    known = cache.content_keys((file.stat,)).get(stat_key(file.stat))
    if known is None:
        known = content_key(Path(file.path))
        cache.put_content_key(file.stat, known)
    return known
