"""The ledger's file: opens, creates, migrates, reads and writes it.

SQLite in WAL mode with one writer (the run that holds the lock); safe to read at any time.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from av1rules.base.errors import LedgerError
from av1rules.base.files import make_folders
from av1rules.base.own_files import PlantedFileError, ignore_in_git, require_own_database
from av1rules.ledger.migrations.steps import STEPS
from av1rules.ledger.outbox.recipient import Recipient
from av1rules.ledger.packed_receipt import repack_receipt

LEDGER_NAME = "ledger.sqlite3"

KEYS_PER_QUERY = 500
"""Values in one query; SQLite's limit is 999 in old builds."""

PAGE_ROWS = 2000
"""Rows that a long list holds at a time: 100,000 targets are never in memory at once."""

_PACKED_RECEIPTS = 7
"""The version from which on receipts are packed with a dictionary."""

SCHEMA_VERSION = len(STEPS)

_Key = TypeVar("_Key", str, bytes, int)


def pages_of(keys: Sequence[_Key]) -> Iterator[Sequence[_Key]]:
    """The keys in parts that one query can take."""
    return (keys[at : at + KEYS_PER_QUERY] for at in range(0, len(keys), KEYS_PER_QUERY))


class LedgerDb:
    """One connection, shared by the threads of a run: `query` to read, `transaction` to write. What
    its tables write is announced to the `recipients`, as of the run with the number `run`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self.recipients: tuple[Recipient, ...] = ()
        self.run: int | None = None

    @classmethod
    def open(cls, state_dir: Path) -> LedgerDb:
        """Open to write; creates the ledger or migrates an older one. Raises LedgerError."""
        path = state_dir / LEDGER_NAME
        try:
            make_folders(state_dir)
            ignore_in_git(state_dir)
            require_own_database(path)
            connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            # FULL: a committed row is the only proof that hours of work are done.
            connection.execute("PRAGMA synchronous=FULL")
            version = _version(connection, path)
            if 0 < version < SCHEMA_VERSION:
                _keep_copy(connection, path.with_name(f"{path.name}.v{version}"))
            _bring_up_to_date(connection, version, pack_receipts=True)
            if 0 < version < SCHEMA_VERSION:
                with contextlib.suppress(sqlite3.Error):  # no space: the ledger stays larger
                    connection.execute("VACUUM")
        except (OSError, sqlite3.Error) as problem:
            raise _cannot_open(path, problem) from problem
        return cls(connection)

    @classmethod
    def read(cls, state_dir: Path) -> LedgerDb:
        """Open to read without changing a byte on disk; a missing ledger reads as an empty one, an
        older one as if it were migrated. Raises LedgerError."""
        path = state_dir / LEDGER_NAME
        try:
            require_own_database(path)
            connection = _connect_to_read(path) if path.exists() else _in_memory()
            version = _version(connection, path)
            if version < SCHEMA_VERSION:
                older, connection = connection, _in_memory()
                older.backup(connection)
                older.close()
                _bring_up_to_date(connection, version, pack_receipts=False)
                connection.execute("PRAGMA query_only=1")
        except (PlantedFileError, sqlite3.Error) as problem:
            raise _cannot_open(path, problem) from problem
        return cls(connection)

    @classmethod
    def in_memory(cls) -> LedgerDb:
        """An empty ledger that no file holds."""
        connection = _in_memory()
        connection.isolation_level = None
        _bring_up_to_date(connection, 0, pack_receipts=False)
        return cls(connection)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of a query. Raises LedgerError."""
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as problem:
                raise _failed("read", problem) from problem

    def stream(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, a page in memory at a time: for lists as long as the library.

        What this connection writes meanwhile to the tables of the query may be among them or not.
        Raises LedgerError.
        """
        try:
            with self._lock:
                rows = self._connection.execute(sql, values)
            while True:
                with self._lock:
                    page = rows.fetchmany(PAGE_ROWS)
                if not page:
                    return
                yield from page
        except sqlite3.Error as problem:
            raise _failed("read", problem) from problem

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction: all writes inside it succeed, or none. Raises LedgerError."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.Error as problem:
                raise _failed("written", problem) from problem


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise LedgerError("this is not a ledger of av1rules", where=str(path), hint="move it away")
    if version > SCHEMA_VERSION:
        raise LedgerError(
            f"the ledger has version {version}, this av1rules knows version {SCHEMA_VERSION}",
            where=str(path),
            hint="use the av1rules that wrote it, or a newer one",
        )
    return version


def _bring_up_to_date(connection: sqlite3.Connection, version: int, *, pack_receipts: bool) -> None:
    """In one transaction. To read, receipts are not packed: that takes 30 s for 100,000 of them."""
    if version >= SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it since.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for statement in " ".join(STEPS[version:]).split(";"):
            connection.execute(statement)
        if pack_receipts and 0 < version < _PACKED_RECEIPTS:
            connection.create_function("packed", 1, repack_receipt, deterministic=True)
            connection.execute("UPDATE receipts SET receipt=packed(receipt)")
            connection.execute("UPDATE kept SET receipt=packed(receipt) WHERE receipt NOT NULL")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _keep_copy(connection: sqlite3.Connection, copy: Path) -> None:
    """Keep the ledger as an older av1rules can read it, for a downgrade."""
    require_own_database(copy)
    with contextlib.closing(sqlite3.connect(copy)) as kept:
        connection.backup(kept)


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """A read-only connection that sees what a run commits meanwhile.

    Without a run it is opened as if to write, since a plain read-only connection would leave `-wal`
    and `-shm` behind. Where those exist (a run is active, or was killed) they are read and left:
    closing must not checkpoint them. If nothing can be written, the file is opened as immutable.
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


def _in_memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", check_same_thread=False)


def _failed(verb: str, problem: sqlite3.Error) -> LedgerError:
    return LedgerError(
        f"the ledger could not be {verb}: {problem}",
        hint="is its disk full, read-only or failing? `av1rules doctor` checks it",
    )


def _cannot_open(path: Path, problem: Exception) -> LedgerError:
    where, reason = str(path), str(problem)
    if isinstance(problem, OSError):
        where, reason = str(problem.filename or where), problem.strerror or reason
    return LedgerError(
        f"the ledger can't be opened: {reason}",
        where=where,
        hint="is the folder writable, local and not full? run.state_dir can name another",
    )
