"""What was put aside and can be put back: originals, results that were undone, orphans. Pure.

One entry for each pair of a source and its target; the one of both that is not in its place lies
in a trash folder on its own file system, until it is purged.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import msgspec

from av1rules.ledger.database import LedgerDb
from av1rules.ledger.mapping import dump_row, parse_row, put_row
from av1rules.ledger.records import Attempt, TargetRow, put_attempt
from av1rules.storage.replace import Replacement


class TrashKind(Enum):
    """Which file lies aside."""

    ORIGINAL = "original"  # replaced by its target
    RESULT = "result"  # the target: a person put the original back
    ORPHAN = "orphan"  # a target whose source is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashEntry:
    """One file aside. `path` is where it lies, `row` the ledger row of the pair's target,
    `facts` the probed source (compressed JSON), `side_files` what was renamed along: (from, to).

    `gone_at` is set when the file aside was purged: then it can't be put back, but it is still
    known what stood there.
    """

    id: int
    run: int | None
    kind: TrashKind
    path: str
    row: TargetRow
    receipt: bytes | None = None
    facts: bytes | None = None
    side_files: tuple[tuple[str, str], ...] = ()
    at: str  # ISO 8601, UTC
    gone_at: str | None = None

    @property
    def place(self) -> str:
        """Where the file stood before it was put aside."""
        return self.row.source_path if self.kind is TrashKind.ORIGINAL else self.row.target

    @property
    def digest(self) -> str:
        return self.row.source_digest if self.kind is TrashKind.ORIGINAL else self.row.target_digest

    @property
    def content_key(self) -> str:
        return self.row.content_key if self.kind is TrashKind.ORIGINAL else self.row.target_key

    @property
    def size_bytes(self) -> int:
        return self.row.source_bytes if self.kind is TrashKind.ORIGINAL else self.row.target_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingReplacement:
    """An exchange in flight, as the journal has it. `after` is the entry once it is done (None: the
    entry goes, the file is back in its place); `is_new`: there was no entry before."""

    exchange: Replacement
    after: TrashEntry | None
    is_new: bool = False


_COLUMNS = "id, run, kind, path, row, receipt, facts, side_files, at, gone_at, intent"


Pairs = tuple[tuple[str, str], ...]


class _Journal(msgspec.Struct, frozen=True, kw_only=True):
    """An intent as JSON: paths in hex, because JSON has no surrogates."""

    incoming: str | None
    place_in: str | None
    key_in: str | None
    place_out: str | None
    aside: str | None
    key_out: str | None
    side_files: str
    is_new: bool
    kind: TrashKind | None  # of the entry afterwards; None: it goes
    path: str | None
    run: int | None


class TrashTable:
    """What lies aside. Writes are one transaction each."""

    def __init__(self, db: LedgerDb) -> None:
        self._db = db

    # --- reading

    def entries(self) -> tuple[TrashEntry, ...]:
        """All settled entries, oldest first, purged ones included."""
        return self._read("WHERE intent IS NULL ORDER BY id")

    def of_run(self, run: int) -> tuple[TrashEntry, ...]:
        return self._read("WHERE intent IS NULL AND run=? ORDER BY id", run)

    def of_target(self, target: str) -> TrashEntry | None:
        """The newest original that a target replaced, purged ones included."""
        sql = "WHERE intent IS NULL AND kind='original' AND target=? ORDER BY id DESC LIMIT 1"
        return next(iter(self._read(sql, os.fsencode(target))), None)

    def at_path(self, path: str) -> tuple[TrashEntry, ...]:
        """Entries of the pair whose target or source belongs at `path`; newest first."""
        name = os.fsencode(path)
        return self._read("WHERE intent IS NULL AND ? IN (target, place) ORDER BY id DESC", name)

    def replaced(self) -> dict[bytes, bytes]:
        """Every replaced original: its target, by the place where it stood."""
        return dict(
            self._db.query("SELECT place, target FROM kept WHERE kind='original' ORDER BY id")
        )

    def all_places(self) -> frozenset[bytes]:
        """Wherever something was put aside from or put back to: files that changed names by us."""
        rows = self._db.query("SELECT place, target FROM kept")
        return frozenset(name for pair in rows for name in pair)

    def in_flight(self) -> tuple[tuple[TrashEntry, PendingReplacement], ...]:
        """What a crash cut off."""
        rows = self._db.query(f"SELECT {_COLUMNS} FROM kept WHERE intent IS NOT NULL ORDER BY id")
        return tuple(
            (kept, _intent(kept, values[-1])) for values in rows for kept in [_kept(values)]
        )

    def _read(self, where: str, *values: object) -> tuple[TrashEntry, ...]:
        return tuple(map(_kept, self._db.query(f"SELECT {_COLUMNS} FROM kept {where}", *values)))

    # --- writing

    def begin(self, before: TrashEntry, intent: PendingReplacement) -> TrashEntry:
        """Write the intent, before the first step; returns the entry with its number.

        For a new pair `before` is the entry as it will be.
        """
        journal = _dump_intent(intent)
        with self._db.transaction() as write:
            if not intent.is_new:
                write.execute("UPDATE kept SET intent=? WHERE id=?", (journal, before.id))
                return before
            return _insert(write, before, journal)

    def add(self, entry: TrashEntry) -> TrashEntry:
        """A file that is found aside, without any exchange."""
        with self._db.transaction() as write:
            return _insert(write, entry, None)

    def settle(
        self,
        kept: TrashEntry,
        intent: PendingReplacement,
        *,
        row: TargetRow | None,
        receipt: bytes | None = None,
        verdict: Attempt | None = None,
    ) -> None:
        """The exchange is done: entry, ledger row (None: the target has none now) and verdict
        change together."""
        after = intent.after
        with self._db.transaction() as write:
            if after is None:
                write.execute("DELETE FROM kept WHERE id=?", (kept.id,))
            else:
                write.execute(
                    "UPDATE kept SET intent=NULL, kind=?, path=?, place=?, run=?, row=?,"
                    " side_files=? WHERE id=?",
                    (
                        after.kind.value,
                        os.fsencode(after.path),
                        os.fsencode(after.row.source_path),
                        after.run,
                        dump_row(row or after.row),
                        _dump_pairs(after.side_files),
                        kept.id,
                    ),
                )
            if row is None:
                write.execute("DELETE FROM targets WHERE target=?", (os.fsencode(kept.row.target),))
            else:
                put_row(write, row, receipt)
            if verdict is not None:
                put_attempt(write, verdict)

    def roll_back(self, kept: TrashEntry, intent: PendingReplacement) -> None:
        """The exchange was undone, or never began."""
        with self._db.transaction() as write:
            if intent.is_new:
                write.execute("DELETE FROM kept WHERE id=?", (kept.id,))
            else:
                write.execute("UPDATE kept SET intent=NULL WHERE id=?", (kept.id,))

    def keep(self, kept: TrashEntry) -> None:
        """The exchange stays as it is: what lies aside is an entry like any other."""
        with self._db.transaction() as write:
            write.execute("UPDATE kept SET intent=NULL WHERE id=?", (kept.id,))

    def renew(self, write: sqlite3.Connection, row: TargetRow, receipt: bytes | None) -> None:
        """The target was made anew from the original that lies aside, if it was: inside the
        transaction that writes its row."""
        entry = self.of_target(row.target)
        if entry is not None and _is_pair(entry, row):
            write.execute(
                "UPDATE kept SET row=?, receipt=coalesce(?, receipt) WHERE id=?",
                (dump_row(row), receipt, entry.id),
            )

    def relink(self, old: str, row: TargetRow) -> None:
        """Somebody renamed a target, from `old` to the place in `row`: its row and receipt, and the
        originals it replaced, follow."""
        name, entry = os.fsencode(old), self.of_target(old)
        with self._db.transaction() as write:
            if entry is not None and entry.row.content_key == row.content_key:
                write.execute(
                    "UPDATE kept SET target=?, place=?, row=? WHERE id=?",
                    (
                        os.fsencode(row.target),
                        os.fsencode(row.source_path),
                        dump_row(row),
                        entry.id,
                    ),
                )
            put_row(write, row, None)
            write.execute("DELETE FROM targets WHERE target=?", (name,))
            write.execute(
                "UPDATE OR REPLACE receipts SET target=? WHERE target=?",
                (os.fsencode(row.target), name),
            )

    def mark_gone(self, number: int, at: str) -> None:
        """The file aside was purged."""
        with self._db.transaction() as write:
            write.execute("UPDATE kept SET gone_at=? WHERE id=?", (at, number))


def _is_pair(entry: TrashEntry, row: TargetRow) -> bool:
    was = entry.row
    return (was.content_key, was.source_path) == (row.content_key, row.source_path)


def _insert(write: sqlite3.Connection, entry: TrashEntry, intent: str | None) -> TrashEntry:
    number = write.execute(
        "INSERT INTO kept (run, kind, path, target, place, row, receipt, facts, side_files, at,"
        " gone_at, intent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.run,
            entry.kind.value,
            os.fsencode(entry.path),
            os.fsencode(entry.row.target),
            os.fsencode(entry.row.source_path),
            dump_row(entry.row),
            entry.receipt,
            entry.facts,
            _dump_pairs(entry.side_files),
            entry.at,
            entry.gone_at,
            intent,
        ),
    ).lastrowid
    assert number is not None
    return replace(entry, id=number)


def _kept(values: tuple[Any, ...]) -> TrashEntry:
    number, run, kind, path, row, receipt, facts, side_files, at, gone_at, _ = values
    return TrashEntry(
        id=number,
        run=run,
        kind=TrashKind(kind),
        path=os.fsdecode(path),
        row=parse_row(row),
        receipt=receipt,
        facts=facts,
        side_files=_parse_pairs(side_files),
        at=at,
        gone_at=gone_at,
    )


def _dump_intent(intent: PendingReplacement) -> str:
    x, after = intent.exchange, intent.after
    return msgspec.json.encode(
        _Journal(
            incoming=_hex(x.incoming),
            place_in=_hex(x.place_in),
            key_in=x.key_in,
            place_out=_hex(x.place_out),
            aside=_hex(x.aside),
            key_out=x.key_out,
            side_files=_dump_pairs(x.side_files),
            is_new=intent.is_new,
            kind=None if after is None else after.kind,
            path=None if after is None else _hex(after.path),
            run=None if after is None else after.run,
        )
    ).decode()


def _intent(kept: TrashEntry, text: str) -> PendingReplacement:
    journal = msgspec.json.decode(text, type=_Journal)
    pairs = _parse_pairs(journal.side_files)
    after = None
    if journal.kind is not None:
        path = _text(journal.path) or kept.path
        after = replace(kept, kind=journal.kind, path=path, run=journal.run)
        if not journal.is_new:
            after = replace(after, side_files=tuple((new, old) for old, new in kept.side_files))
    return PendingReplacement(
        exchange=Replacement(
            incoming=_text(journal.incoming),
            place_in=_text(journal.place_in),
            key_in=journal.key_in,
            place_out=_text(journal.place_out),
            aside=_text(journal.aside),
            key_out=journal.key_out,
            side_files=pairs,
        ),
        after=after,
        is_new=journal.is_new,
    )


def _hex(path: str | None) -> str | None:
    return None if path is None else os.fsencode(path).hex()


def _text(path: str | None) -> str | None:
    return None if path is None else os.fsdecode(bytes.fromhex(path))


def _dump_pairs(pairs: Pairs) -> str:
    return msgspec.json.encode([(_hex(old), _hex(new)) for old, new in pairs]).decode()


def _parse_pairs(text: str) -> Pairs:
    pairs = msgspec.json.decode(text, type=list[tuple[str, str]])
    return tuple((_text(old) or "", _text(new) or "") for old, new in pairs)
