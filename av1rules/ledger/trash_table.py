"""The trash in the ledger: originals, undone results and orphans that can be put back. Pure.

There is one entry for each pair of source and target. The file of the pair that is not in its place
is in a trash folder on its own file system, until it is purged.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Annotated

import msgspec
from msgspec.structs import replace

from av1rules.ledger.database import LedgerDb
from av1rules.ledger.mapping import (
    LedgerPath,
    LedgerPaths,
    RecordMapper,
    RecordTable,
    SqlValue,
    StoredColumn,
    dump_paths,
)
from av1rules.ledger.moved_entries import MovedEntries
from av1rules.ledger.outbox.changes import exchanged
from av1rules.ledger.outbox.table import OutboxTable
from av1rules.ledger.packed_receipt import pack_receipt, unpack_receipt
from av1rules.ledger.records import (
    Attempt,
    LedgerRow,
    TargetRow,
    TargetTable,
    dump_row,
    put_attempt,
    put_row,
)
from av1rules.storage.replace import Replacement


class TrashKind(Enum):
    """Which file of the pair is in the trash."""

    ORIGINAL = "original"  # replaced by its target
    RESULT = "result"  # the target: a user put the original back
    ORPHAN = "orphan"  # a target whose source is gone


class PairOrigin(Enum):
    """Who made the AV1 file of a pair, and whether it was ever verified."""

    OURS = "ours"  # verified before it was published
    UNVERIFIED = "another program's"
    DECODED = "another program's, decoded"  # to its end, when av1rules was told to


_PackedReceipt = Annotated[
    bytes, StoredColumn(dump=pack_receipt, load=unpack_receipt, is_bytes=True)
]


class TrashEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One file in the trash. `path` is its path there, `row` the ledger row of the pair's target,
    `facts` the probed source (packed), `side_files` the renamed side files: (from, to).

    `gone_at` is set when the file was purged: it can't be put back, but the record remains.
    An AV1 file of another program (`origin`) is never a target: the ledger has no row of it.
    """

    id: int
    run: int | None
    kind: TrashKind
    path: LedgerPath
    row: LedgerRow
    receipt: _PackedReceipt | None = None
    facts: bytes | None = None
    side_files: LedgerPaths = ()
    at: str  # ISO 8601, UTC
    gone_at: str | None = None
    origin: PairOrigin = PairOrigin.OURS

    @property
    def is_foreign(self) -> bool:
        return self.origin is not PairOrigin.OURS

    @property
    def place(self) -> str:
        """The path of the file before it went to the trash."""
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


class TrashSum(msgspec.Struct, frozen=True, kw_only=True):
    """Trash entries of one kind by the ledger alone, without reading the disk."""

    kind: TrashKind
    count: int
    size_bytes: int
    purged: int
    purged_bytes: int


class PendingReplacement(msgspec.Struct, frozen=True, kw_only=True):
    """A pending replacement in the journal. `after` is the entry once it is done (None: the entry
    is removed, as the file is back in its place); `is_new`: there was no entry before."""

    exchange: Replacement
    after: TrashEntry | None
    is_new: bool = False


class _Journal(msgspec.Struct, frozen=True, kw_only=True):
    """The stored form of an intent: the replacement, and the entry afterwards."""

    incoming: LedgerPath | None
    place_in: LedgerPath | None
    key_in: str | None
    place_out: LedgerPath | None
    aside: LedgerPath | None
    key_out: str | None
    side_files: LedgerPaths
    is_new: Annotated[bool, StoredColumn(dump=bool, load=bool)]  # JSON has booleans
    kind: TrashKind | None  # of the entry afterwards; None: it is removed
    path: LedgerPath | None
    run: int | None


_JOURNAL = RecordMapper(_Journal)


_LARGE = frozenset({"receipt", "facts"})


class TrashTable(RecordTable[TrashEntry]):
    """The entries of the trash. Each write is one transaction."""

    name = "kept"
    mapper = RecordMapper(TrashEntry)
    beside = ("target", "place", "intent")

    def __init__(self, db: LedgerDb, moved: Iterable[TrashEntry] = ()) -> None:
        """`moved`: entries that plans see so, although the table has them at other places."""
        super().__init__(db)
        self._moved = MovedEntries(moved)

    # --- reading

    def entries(self) -> tuple[TrashEntry, ...]:
        """All settled entries, oldest first, purged ones included."""
        return tuple(self.select("WHERE intent IS NULL ORDER BY id"))

    def listed(self) -> Iterator[TrashEntry]:
        """The settled entries that were not purged, oldest first, without `receipt` and `facts`:
        lists have no use for these, and they are most of an entry. Raises LedgerError."""
        columns = ("NULL" if name in _LARGE else name for name in self.mapper.columns)
        sql = f"SELECT {', '.join(columns)} FROM kept WHERE intent IS NULL AND gone_at IS NULL"
        return map(self.load, self._db.stream(f"{sql} ORDER BY id"))

    def paths(self) -> frozenset[str]:
        """The paths in the trash of all settled entries, purged ones included."""
        rows = self._db.query("SELECT path FROM kept WHERE intent IS NULL")
        return frozenset(os.fsdecode(path) for (path,) in rows)

    def of_run(self, run: int) -> tuple[TrashEntry, ...]:
        return tuple(self.select("WHERE intent IS NULL AND run=? ORDER BY id", run))

    def original_of(self, target: str, content_key: str) -> TrashEntry | None:
        """The newest original of this content that a target replaced, purged ones included."""
        sql = "WHERE intent IS NULL AND kind='original' AND target=? ORDER BY id DESC"
        found = self._moved.taken_out(self.select(sql, os.fsencode(target)))
        came = (one for one in self._moved.at(target) if one.kind is TrashKind.ORIGINAL)
        alike = (one for one in (*came, *found) if one.row.content_key == content_key)
        return max(alike, key=lambda entry: entry.id, default=None)

    def undone(self) -> tuple[TrashEntry, ...]:
        """Results in the trash whose originals a user put back."""
        return tuple(self.select("WHERE intent IS NULL AND kind='result' AND gone_at IS NULL"))

    def foreign(self) -> tuple[TrashEntry, ...]:
        """Pairs with an AV1 file of another program, purged ones aside."""
        sql = "WHERE intent IS NULL AND gone_at IS NULL AND origin!=? ORDER BY id"
        return tuple(self.select(sql, PairOrigin.OURS.value))

    def runs(self) -> frozenset[int]:
        """The runs that files in the trash are of, purged ones included."""
        rows = self._db.query("SELECT DISTINCT run FROM kept WHERE intent IS NULL AND run NOT NULL")
        return frozenset(run for (run,) in rows)

    def at_path(self, path: str) -> tuple[TrashEntry, ...]:
        """Entries of the pair whose target or source belongs at `path`; newest first."""
        sql = "WHERE intent IS NULL AND ? IN (target, place) ORDER BY id DESC"
        return tuple(self.select(sql, os.fsencode(path)))

    def replaced(self) -> dict[str, str]:
        """The target of every replaced original, by the original's former path."""
        sql = "SELECT id, place, target FROM kept WHERE kind='original' ORDER BY id"
        found: dict[str, str] = {}
        for number, place, target in self._db.query(sql):
            now = self._moved.by_id.get(number)
            if now is None:
                found[os.fsdecode(place)] = os.fsdecode(target)
            else:
                found[now.row.source_path] = now.row.target
        return found

    def all_places(self) -> frozenset[str]:
        """All paths that files were moved from or back to: av1rules renamed these files."""
        rows = self._db.query("SELECT place, target FROM kept")
        moved = (entry.row for entry in self._moved.by_id.values())
        return frozenset(
            (
                *(os.fsdecode(name) for pair in rows for name in pair),
                *(name for row in moved for name in (row.source_path, row.target)),
            )
        )

    def in_flight(self) -> tuple[tuple[TrashEntry, PendingReplacement], ...]:
        """Replacements that a crash interrupted."""
        return tuple(
            (entry, _intent(entry, text))
            for text, entry in self.select_with("intent", "WHERE intent IS NOT NULL ORDER BY id")
        )

    def sums(self) -> Iterator[TrashSum]:
        """Totals of each kind, by the ledger."""
        source, target = map(TargetTable.mapper.columns.index, ("source_bytes", "target_bytes"))
        place = f"CASE kind WHEN 'original' THEN '$[{source}]' ELSE '$[{target}]' END"
        rows = self._db.query(
            "SELECT kind, sum(is_there), sum(size * is_there), count(gone_at),"
            " sum(size * NOT is_there) FROM (SELECT kind, gone_at, gone_at IS NULL AS is_there,"
            f" json_extract(row, {place}) AS size FROM kept WHERE intent IS NULL) GROUP BY kind"
        )
        by_kind = {TrashKind(kind): figures for kind, *figures in rows}
        for kind in TrashKind:
            if kind in by_kind:
                count, size_bytes, purged, purged_bytes = by_kind[kind]
                sums = {"count": count, "size_bytes": size_bytes}
                yield TrashSum(kind=kind, purged=purged, purged_bytes=purged_bytes, **sums)

    # --- writing

    def begin(self, before: TrashEntry, intent: PendingReplacement) -> TrashEntry:
        """Write the intent before the first step; returns the entry with its number.

        For a new pair `before` is the future entry.
        """
        journal = _dump_intent(intent)
        with self._db.transaction() as write:
            if not intent.is_new:
                write.execute("UPDATE kept SET intent=? WHERE id=?", (journal, before.id))
                return before
            return self._insert(write, before, journal)

    def add(self, entry: TrashEntry) -> TrashEntry:
        """Add a file found in the trash, without a replacement."""
        with self._db.transaction() as write:
            return self._insert(write, entry, None)

    def _insert(
        self, write: sqlite3.Connection, entry: TrashEntry, intent: str | None
    ) -> TrashEntry:
        beside: dict[str, SqlValue] = {
            "id": None,  # the next one
            "target": os.fsencode(entry.row.target),
            "place": os.fsencode(entry.row.source_path),
            "intent": intent,
        }
        number = self.insert(write, entry, beside)
        return replace(entry, id=number)

    def settle(
        self,
        entry: TrashEntry,
        intent: PendingReplacement,
        *,
        row: TargetRow | None,
        receipt: bytes | None = None,
        verdict: Attempt | None = None,
    ) -> None:
        """Complete a replacement: entry, ledger row (None: the target has none now) and attempt
        change together."""
        after = intent.after
        with self._db.transaction() as write:
            if after is None:
                write.execute("DELETE FROM kept WHERE id=?", (entry.id,))
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
                        dump_paths(after.side_files),
                        entry.id,
                    ),
                )
            if row is None:
                write.execute(
                    "DELETE FROM targets WHERE target=?", (os.fsencode(entry.row.target),)
                )
            else:
                put_row(write, row, receipt)
            if verdict is not None:
                put_attempt(write, verdict)
            came = exchanged(row or entry.row, entry.kind.value, is_new=intent.is_new)
            OutboxTable(self._db).announce(write, came)

    def roll_back(self, entry: TrashEntry, intent: PendingReplacement) -> None:
        """Forget a replacement that was rolled back or never began."""
        with self._db.transaction() as write:
            if intent.is_new:
                write.execute("DELETE FROM kept WHERE id=?", (entry.id,))
            else:
                write.execute("UPDATE kept SET intent=NULL WHERE id=?", (entry.id,))

    def keep(self, entry: TrashEntry) -> None:
        """Leave a replacement as it is: its file in the trash becomes an ordinary entry."""
        with self._db.transaction() as write:
            write.execute("UPDATE kept SET intent=NULL WHERE id=?", (entry.id,))

    def renew(self, write: sqlite3.Connection, row: TargetRow, receipt: bytes | None) -> None:
        """Update the entry of a target that was redone from its original in the trash, inside the
        transaction that writes its row."""
        entry = self.original_of(row.target, row.content_key)
        if entry is not None and entry.row.source_path == row.source_path:
            write.execute(
                "UPDATE kept SET row=?, receipt=coalesce(?, receipt) WHERE id=?",
                (dump_row(row), receipt and pack_receipt(receipt), entry.id),
            )

    def mark_decoded(self, number: int) -> None:
        """Record that another program's AV1 file decodes to its end."""
        with self._db.transaction() as write:
            values = (PairOrigin.DECODED.value, number)
            write.execute("UPDATE kept SET origin=? WHERE id=? AND origin!='ours'", values)

    def mark_gone(self, number: int, at: str) -> None:
        """Record that the file was purged."""
        with self._db.transaction() as write:
            write.execute("UPDATE kept SET gone_at=? WHERE id=?", (at, number))


def _dump_intent(intent: PendingReplacement) -> str:
    x, after = intent.exchange, intent.after
    journal = _Journal(
        incoming=x.incoming,
        place_in=x.place_in,
        key_in=x.key_in,
        place_out=x.place_out,
        aside=x.aside,
        key_out=x.key_out,
        side_files=x.side_files,
        is_new=intent.is_new,
        kind=None if after is None else after.kind,
        path=None if after is None else after.path,
        run=None if after is None else after.run,
    )
    return msgspec.json.encode(_JOURNAL.dump_plain(journal)).decode()


def _intent(entry: TrashEntry, text: str) -> PendingReplacement:
    stored = msgspec.json.decode(text, type=dict[str, str | int | bool | None])
    journal = _JOURNAL.load_plain([stored[name] for name in _JOURNAL.columns])
    after = None
    if journal.kind is not None:
        path = journal.path or entry.path
        after = replace(entry, kind=journal.kind, path=path, run=journal.run)
        if not journal.is_new:
            after = replace(after, side_files=tuple((new, old) for old, new in entry.side_files))
    return PendingReplacement(
        exchange=Replacement(
            incoming=journal.incoming,
            place_in=journal.place_in,
            key_in=journal.key_in,
            place_out=journal.place_out,
            aside=journal.aside,
            key_out=journal.key_out,
            side_files=journal.side_files,
        ),
        after=after,
        is_new=journal.is_new,
    )
