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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import msgspec

from av1rules.base.hashing import content_key
from av1rules.media.cache_file import (
    FILE_NAME,
    in_memory,
    is_busy,
    open_cache,
    packed_key,
    unpacked_key,
)
from av1rules.media.disk import Disk
from av1rules.media.packed_memo import pack_memo, unpack_memo
from av1rules.media.packed_source import pack_facts, source_from_json, unpack_facts
from av1rules.media.probe.parse import PARSER_VERSION
from av1rules.media.source import FileStat, LibraryFile, Source

__all__ = ["FILE_NAME", "LibraryCache", "pack_facts", "source_from_json", "unpack_facts"]

_Value = TypeVar("_Value")


BATCH = 256
"""Rows per transaction: a commit costs a sync, a lost batch costs a few seconds of probing."""


_CHUNK = 500
"""Keys per query; SQLite's limit on variables is 999 in old builds. In the order of the table that
costs 2 us a file, to read the whole table 1.6 us: no second way is needed for a whole library."""


_STAT = "device, inode, size, mtime_ns, ctime_ns"


_IS_SAME = "(size, mtime_ns, ctime_ns) = (excluded.size, excluded.mtime_ns, excluded.ctime_ns)"


_SET_STAT = "size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns"


_PUT_VERSION = "INSERT OR IGNORE INTO versions (version) VALUES (?)"


# What is known of another state of the file goes.
_PUT_PROBE = f"""
INSERT INTO probes ({_STAT}, version, source, failure)
    VALUES (?, ?, ?, ?, ?, (SELECT id FROM versions WHERE version = ?), ?, ?)
    ON CONFLICT DO UPDATE SET {_SET_STAT}, version = excluded.version, source = excluded.source,
        failure = excluded.failure, content_key = CASE WHEN {_IS_SAME} THEN content_key END
"""


_PUT_KEY = f"""
INSERT INTO probes ({_STAT}, content_key) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET {_SET_STAT}, content_key = excluded.content_key,
        version = CASE WHEN {_IS_SAME} THEN version END,
        source = CASE WHEN {_IS_SAME} THEN source END,
        failure = CASE WHEN {_IS_SAME} THEN failure END
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


class KnownFile(NamedTuple):
    """What the cache holds of a file. The probe is packed, some 200 bytes, until it is asked for:
    thousands may be held."""

    packed: bytes | None
    failure: str | None
    content_key: str | None

    def probe(self) -> Source | ProbeFailure | None:
        """None if the file is to be probed: never probed, by another version, or damaged."""
        if self.failure is not None:
            return ProbeFailure(message=self.failure)
        return None if self.packed is None else unpack_facts(self.packed)


class LibraryCache:
    """Probes, content keys and memos. Safe to use from several threads; never raises for I/O."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` is the state folder; None keeps everything in memory."""
        self._lock = threading.RLock()
        self._probes: list[tuple[object, ...]] = []
        self._keys: list[tuple[object, ...]] = []
        self._ahead: dict[str, str | None] = {}
        self._keys_ahead: Mapping[StatKey, str] = {}
        self._connection = open_cache(folder)

    def close(self) -> None:
        with self._lock:
            self.flush()
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def known(self, stats: Iterable[FileStat], *, ffprobe_version: str) -> dict[StatKey, KnownFile]:
        """All that is known of these files, and still valid for them and this ffprobe."""
        rows = self._query(
            "SELECT id FROM versions WHERE version = ?", (_version_text(ffprobe_version),)
        )
        wanted = rows[0][0] if rows else -1
        found: dict[StatKey, KnownFile] = {}
        for key, (version, source, failure, stored) in self._by_stat(
            "version, source, failure, content_key", stats
        ):
            content_key = None if stored is None else unpacked_key(stored, key.size_bytes)
            if version == wanted:
                found[key] = KnownFile(source, failure, content_key)
            elif content_key is not None:
                found[key] = KnownFile(None, None, content_key)
        return found

    def load_many(
        self, stats: Iterable[FileStat], *, ffprobe_version: str
    ) -> dict[StatKey, Source | ProbeFailure]:
        """The probes that are known and still valid for these files and this ffprobe."""
        known = self.known(stats, ffprobe_version=ffprobe_version)
        probes = ((key, file.probe()) for key, file in known.items())
        return {key: probe for key, probe in probes if probe is not None}

    def put_probe(
        self, stat: FileStat, outcome: Source | ProbeFailure, *, ffprobe_version: str
    ) -> None:
        reported: tuple[bytes | None, str | None]
        if isinstance(outcome, Source):
            reported = (pack_facts(outcome), None)
        else:
            reported = (None, outcome.message)
        self._queue(self._probes, (*stat_key(stat), _version_text(ffprobe_version), *reported))

    def put_recorded(
        self, stat: FileStat, facts: bytes | None, failure: str | None, *, ffprobe_version: str
    ) -> None:
        """A probe that was recorded elsewhere: packed facts, or why there are none."""
        version = _version_text(ffprobe_version)
        self._queue(self._probes, (*stat_key(stat), version, facts, failure))

    def memos(self, prefixes: Sequence[str]) -> Iterator[tuple[str, str]]:
        """All memos whose keys begin so."""
        for prefix in prefixes:
            text = "SELECT key, value FROM memos WHERE key >= ? AND key < ?"
            for key, value in self._query(text, (prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1))):
                if (memo := unpack_memo(value)) is not None:
                    yield key, memo

    def put_all(self, memos: Sequence[tuple[str, str]]) -> None:
        """Memos by their keys, in one transaction."""
        rows: list[tuple[object, ...]] = [(key, pack_memo(value)) for key, value in memos]
        self._write("INSERT OR REPLACE INTO memos VALUES (?, ?)", rows)

    def content_keys(self, stats: Iterable[FileStat]) -> dict[StatKey, str]:
        return {
            key: unpacked_key(stored, key.size_bytes)
            for key, (stored,) in self._by_stat("content_key", stats)
            if stored is not None
        }

    def content_key_at(self, stat: FileStat) -> str | None:
        key = stat_key(stat)
        return self._keys_ahead.get(key) or self.content_keys((stat,)).get(key)

    def put_content_key(self, stat: FileStat, content_key: str) -> None:
        self._queue(self._keys, (*stat_key(stat), packed_key(content_key, stat.size_bytes)))

    @contextlib.contextmanager
    def reading_ahead(
        self, keys: Iterable[str], content_keys: Mapping[StatKey, str]
    ) -> Iterator[None]:
        """Read these memos now, in a few queries: inside, `get` answers from them, and
        `content_key_of` from `content_keys`."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, str | None] = dict.fromkeys(wanted)
        for start in range(0, len(wanted), _CHUNK):
            part = wanted[start : start + _CHUNK]
            marks = ",".join("?" * len(part))
            text = f"SELECT key, value FROM memos WHERE key IN ({marks})"
            found.update((key, unpack_memo(value)) for key, value in self._query(text, part))
        self._ahead, self._keys_ahead = found, content_keys
        try:
            yield
        finally:
            self._ahead, self._keys_ahead = {}, {}

    def get(self, key: str) -> str | None:
        """A memo (see `ToolMemo`), or None."""
        if key in self._ahead:
            return self._ahead[key]
        rows = self._query("SELECT value FROM memos WHERE key = ?", (key,))
        return unpack_memo(rows[0][0]) if rows else None

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
        self._ahead.pop(key, None)
        self._write("INSERT OR REPLACE INTO memos VALUES (?, ?)", [(key, pack_memo(value))])

    def retouch(self, before: FileStat, after: FileStat) -> None:
        """Only the ctime of a file changed, by a hard link of ours: what is known of it stays."""
        self.flush()
        row = (after.ctime_ns, *stat_key(before))
        where = "device=? AND inode=? AND size=? AND mtime_ns=? AND ctime_ns=?"
        self._write(f"UPDATE probes SET ctime_ns=? WHERE {where}", [row])

    def flush(self) -> None:
        """Write what is queued, in one transaction for each kind."""
        with self._lock:
            self._write(_PUT_VERSION, [(version,) for version in {row[5] for row in self._probes}])
            self._write(_PUT_PROBE, self._probes)
            self._write(_PUT_KEY, self._keys)
            self._probes.clear()  # the same lists: other threads hold them while they wait
            self._keys.clear()

    def _queue(self, queue: list[tuple[object, ...]], row: tuple[object, ...]) -> None:
        with self._lock:
            queue.append(row)
            if len(queue) >= BATCH:
                self.flush()

    def _by_stat(
        self, columns: str, stats: Iterable[FileStat]
    ) -> Iterator[tuple[StatKey, tuple[Any, ...]]]:
        """These columns of the files that are as they were, a chunk at a time."""
        wanted = {stat_key(stat) for stat in stats}
        by_device: dict[int, list[int]] = {}
        for key in sorted(wanted):
            by_device.setdefault(key.device, []).append(key.inode)
        self.flush()
        for device, inodes in by_device.items():
            for start in range(0, len(inodes), _CHUNK):
                part = inodes[start : start + _CHUNK]
                marks = ",".join("?" * len(part))
                # Only column names of ours and question marks go into the text.
                text = f"SELECT {_STAT}, {columns} FROM probes WHERE device = ? AND inode IN"
                for row in self._query(f"{text} ({marks}) ORDER BY inode", (device, *part)):
                    if (key := StatKey(*row[:5])) in wanted:
                        yield key, row[5:]

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
        if is_busy(problem):
            return
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        self._connection = in_memory()


def _version_text(ffprobe_version: str) -> str:
    return f"{PARSER_VERSION}:{ffprobe_version}"


def lone_file(path: str, disk: Disk | None = None) -> LibraryFile:
    """A file that belongs to no library, in the form that the probe takes. Raises OSError."""
    found = os.stat(path) if disk is None else disk.stat(path)
    return LibraryFile(
        root_name="",
        root=os.path.dirname(path) or ".",
        relative_path=os.path.basename(path),
        stat=FileStat.of(found),
    )


def content_key_of(file: LibraryFile, cache: LibraryCache, disk: Disk | None = None) -> str:
    """The content key of `file`, read from disk if not cached. Raises OSError."""
    known = cache.content_key_at(file.stat)
    if known is None:
        known = content_key(Path(file.path)) if disk is None else disk.content_key(file.path)
        cache.put_content_key(file.stat, known)
    return known
