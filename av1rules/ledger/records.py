from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Any

import msgspec

from av1rules.base.errors import LedgerError
from av1rules.base.text import counted, printable
from av1rules.ffmpeg.tools import EncoderInfo, Tools
from av1rules.ledger.mapping import (
    LedgerFigures,
    LedgerPath,
    LedgerSettings,
    R,
    RecordMapper,
    RecordTable,
    StoredColumn,
    canonical_json,
)
from av1rules.ledger.packed_receipt import pack_receipt
from av1rules.policy.settings import Loss

LEVELS = (
    "with the same encoder",
    "at the same preset",
    "at the same preset and resolution",
    "like it",
    "of samples",
)
"""From the broadest to the narrowest; the last means samples of the film, not past encodes."""


SAMPLED = len(LEVELS) - 1


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate with the bounds that hold in 8 of 10 cases."""

    low: float
    mid: float
    high: float

    def plus(self, more: float) -> Interval:
        return Interval(low=self.low + more, mid=self.mid + more, high=self.high + more)

    def times(self, factor: float) -> Interval:
        return Interval(low=self.low * factor, mid=self.mid * factor, high=self.high * factor)


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """The basis of a forecast: number and level of past encodes; None: built-in figures."""

    level: int | None = None
    encodes: int = 0

    @property
    def text(self) -> str:
        if self.level is None:
            return "built-in figures, wide"
        if self.level == SAMPLED:
            return "from samples of the film"
        return f"from {counted(self.encodes, 'encode')} {LEVELS[self.level]}"


class ToolsUsed(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The tools that made a target: FFmpeg's version line, the encoder and its version."""

    ffmpeg: str
    encoder: str
    encoder_version: str | None = None

    @property
    def text(self) -> str:
        return f"{self.encoder_version or self.encoder}, FFmpeg {self.ffmpeg}"


def tools_used(encoder: EncoderInfo, tools: Tools) -> ToolsUsed:
    """The tools that an encode with this encoder would use."""
    return ToolsUsed(
        ffmpeg=tools.ffmpeg_version, encoder=encoder.name, encoder_version=encoder.version
    )


class TargetRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A ledger row: a target, its source, settings and tools. Sizes in bytes."""

    target: LedgerPath
    source: LedgerPath  # library path
    source_path: LedgerPath  # absolute, when the target was made
    content_key: str
    source_digest: str
    source_bytes: int
    settings: LedgerSettings
    fingerprint: str
    tools: ToolsUsed
    target_bytes: int
    target_mtime_ns: int
    target_key: str
    target_head: str  # of its first 4 KiB
    target_digest: str
    rule: str | None
    built_at: str  # ISO 8601, UTC
    encode_s: float
    verify_s: float
    forgotten: bool = False
    run: int | None = None  # that made it; None before runs were numbered


class MadeTarget(msgspec.Struct, frozen=True, kw_only=True):
    """How a target was made: the fields of its row that the history needs."""

    target: LedgerPath
    source: LedgerPath
    source_bytes: int
    settings: LedgerSettings
    tools: ToolsUsed
    target_bytes: int
    rule: str | None
    built_at: str
    encode_s: float
    verify_s: float
    run: int | None = None


MADE_TARGET = RecordMapper(MadeTarget)
"""Maps the part of a row that the history needs: half of the time that the whole takes."""


def load_target(mapper: RecordMapper[R], values: tuple[Any, ...]) -> R:
    """A record from values of a row of the targets, the target first. Raises LedgerError for a row
    that can't be read, as from a newer version."""
    try:
        return mapper.load(values)
    except (msgspec.MsgspecError, ValueError, TypeError) as problem:
        raise unreadable(os.fsdecode(values[0]), problem) from problem


class TargetTable(RecordTable[TargetRow]):
    """One row for each target."""

    name = "targets"
    mapper = RecordMapper(TargetRow)
    shared = frozenset({"settings", "tools"})

    def load(self, values: tuple[Any, ...]) -> TargetRow:
        """Raises LedgerError like `load_target`."""
        return load_target(self.mapper, values)


def unreadable(target: str, problem: Exception) -> LedgerError:
    """The error for a row that can't be read."""
    return LedgerError(
        f"a row of the ledger can't be read: {problem}",
        where=printable(target),
        hint="was it written by a newer av1rules or by hand? Restore a backup of the ledger",
    )


def dump_row(row: TargetRow) -> str:
    """A row of the targets as JSON: the values in the order of the columns."""
    return canonical_json(tuple(TargetTable.mapper.dump_plain(row).values()))


def parse_row(text: str) -> TargetRow:
    """The inverse of `dump_row`, also for rows from before a column was added."""
    return TargetTable.mapper.load_plain(msgspec.json.decode(text))


LedgerRow = Annotated[TargetRow, StoredColumn(dump=dump_row, load=parse_row)]
"""A row of the targets within a row of another table."""


def put_row(write: sqlite3.Connection, row: TargetRow, receipt: bytes | None) -> None:
    """Write a row of the targets inside a transaction, with its receipt. Earlier attempts with this
    content and these settings are dropped, and so are the last check of the target and what it was
    accepted for; what runs found of them is over."""
    TargetTable.insert(write, row)
    if receipt is not None:
        write.execute(
            "INSERT OR REPLACE INTO receipts VALUES (?, ?)",
            (os.fsencode(row.target), pack_receipt(receipt)),
        )
    write.execute(
        "DELETE FROM verdicts WHERE content_key=? AND fingerprint=?"
        " AND (kind!='undone' OR source=?)",  # an undo doesn't concern copies
        (row.content_key, row.fingerprint, os.fsencode(row.source)),
    )
    write.execute("DELETE FROM checked WHERE target=?", (os.fsencode(row.target),))
    write.execute(  # unless the target was only moved since
        "DELETE FROM as_made WHERE made=? AND at < ?", (row.fingerprint, row.built_at)
    )
    write.execute("UPDATE findings SET is_over=1 WHERE fingerprint=?", (row.fingerprint,))


class AttemptResult(Enum):
    TOO_LARGE = "too large"
    FAILED = "failed"
    TOO_POOR = "below the quality floor"
    UNDONE = "undone"  # a user put the original back


class Attempt(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An encode that gave no target, for one content and one set of settings.

    `target_bytes` is the size that was too large (or projected to be). `count` counts failures.
    `measured` are the figures of an encode that was too poor, by the key of the floor (`vmaf_p5`).
    `is_final`: it would fail again in the same way. `accepted` are the losses that the settings
    accepted then, joined by commas; None: recorded before that was.
    `is_projected` says that no file had that size: it was projected by the length of the film as it
    was known then, `film_s` in seconds.
    """

    kind: AttemptResult
    content_key: str
    fingerprint: str
    source: LedgerPath
    detail: str
    source_bytes: int
    target_bytes: int | None
    count: int
    at: str
    measured: LedgerFigures = ()
    is_final: bool | None = None  # None: not known, or recorded before that was
    accepted: str | None = None
    is_projected: bool | None = None  # None: recorded before that was
    film_s: float | None = None

    def is_parked(self, max_failures: int) -> bool:
        """Whether a failure is not tried again while source and settings stay as they are."""
        return bool(self.is_final) or self.count >= max_failures

    def newly_accepted(self, accept: Iterable[Loss]) -> tuple[str, ...]:
        """Losses in `accept` that were not accepted when it failed, by name; none if that is not
        known."""
        before = None if self.accepted is None else set(self.accepted.split(","))
        return () if before is None else tuple(sorted(set(map(str, accept)) - before))


class AttemptTable(RecordTable[Attempt]):
    """One row for each content and set of settings that gave no target."""

    name = "verdicts"
    mapper = RecordMapper(Attempt)


def put_attempt(write: sqlite3.Connection, attempt: Attempt) -> None:
    """Write an attempt inside a transaction; the same result again increments its count."""
    names = AttemptTable.mapper.columns
    renewed = (name for name in names if name not in ("content_key", "fingerprint", "count"))
    write.execute(
        f"INSERT INTO verdicts ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT DO UPDATE SET {', '.join(f'{name}=excluded.{name}' for name in renewed)},"
        " count=CASE kind WHEN excluded.kind THEN verdicts.count+1 ELSE 1 END",
        AttemptTable.mapper.dump(attempt),
    )


class TargetTotals(msgspec.Struct, frozen=True, kw_only=True):
    """All targets of the ledger together. Sizes in bytes."""

    count: int
    source_bytes: int
    target_bytes: int


class TargetBrief(msgspec.Struct, frozen=True, kw_only=True):
    """What selects a target, and its size in bytes: a small part of its row."""

    target: str
    source: str
    source_path: str
    target_bytes: int


class RunTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A target that a run made, and what it was made from. Sizes in bytes."""

    source: str
    target: str
    source_bytes: int
    target_bytes: int


class WrittenTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Size, time and content key of a target as it was written."""

    target_bytes: int
    target_mtime_ns: int
    target_key: str
