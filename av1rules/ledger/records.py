from __future__ import annotations

import sqlite3
from enum import Enum

import msgspec

from av1rules.base.text import counted
from av1rules.ffmpeg.tools import EncoderInfo, Tools
from av1rules.ledger.mapping import LedgerFigures, LedgerPath, LedgerSettings, RecordMapper
from av1rules.ledger.table import Table

LEVELS = (
    "with the same encoder",
    "at the same preset",
    "at the same preset and resolution",
    "like it",
    "of samples",
)
"""From the broadest to the narrowest; the last is no past encode, but samples of the film."""


SAMPLED = len(LEVELS) - 1


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A guess with the bounds that hold in 8 of 10 cases."""

    low: float
    mid: float
    high: float

    def plus(self, more: float) -> Interval:
        return Interval(low=self.low + more, mid=self.mid + more, high=self.high + more)

    def times(self, factor: float) -> Interval:
        return Interval(low=self.low * factor, mid=self.mid * factor, high=self.high * factor)


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What a forecast rests on: so many own encodes of that level; None: built-in figures."""

    level: int | None = None
    encodes: int = 0

    @property
    def text(self) -> str:
        if self.level is None:
            return "built-in figures, wide"
        if self.level == SAMPLED:
            return "from samples of the film"
        return f"from {counted(self.encodes, 'encode')} {LEVELS[self.level]}"


class ToolsUsed(msgspec.Struct, frozen=True, kw_only=True):
    """What made a target: FFmpeg's version line, the encoder and what it says of itself."""

    ffmpeg: str
    encoder: str
    encoder_version: str | None = None

    @property
    def text(self) -> str:
        return f"{self.encoder_version or self.encoder}, FFmpeg {self.ffmpeg}"


def tools_used(encoder: EncoderInfo, tools: Tools) -> ToolsUsed:
    """What an encode with this encoder would be made with."""
    return ToolsUsed(
        ffmpeg=tools.ffmpeg_version, encoder=encoder.name, encoder_version=encoder.version
    )


class TargetRow(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger row: what was built, from what, with which settings and tools. Sizes in bytes."""

    target: LedgerPath
    source: LedgerPath  # library path
    source_path: LedgerPath  # absolute, as it was then
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
    run: int | None = None  # that built it; None before runs were numbered


class AttemptResult(Enum):
    TOO_LARGE = "too large"
    FAILED = "failed"
    TOO_POOR = "below the quality floor"
    UNDONE = "undone"  # a person put the original back


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an encode that gave no target, for one content and one set of settings.

    `target_bytes` is the size that was too large (or projected to be). `count` counts failures.
    `measured` are the figures of an encode that was too poor, by the key of the floor (`vmaf_p5`).
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


class VerdictTable(Table[Attempt]):
    """One row for each content and set of settings that gave no target."""

    name = "verdicts"
    mapper = RecordMapper(Attempt)


def put_attempt(write: sqlite3.Connection, verdict: Attempt) -> None:
    """Write a verdict inside a transaction; of the same kind again, it counts."""
    names = VerdictTable.mapper.columns
    renewed = (name for name in names if name not in ("content_key", "fingerprint", "count"))
    write.execute(
        f"INSERT INTO verdicts ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT DO UPDATE SET {', '.join(f'{name}=excluded.{name}' for name in renewed)},"
        " count=CASE kind WHEN excluded.kind THEN verdicts.count+1 ELSE 1 END",
        VerdictTable.mapper.dump(verdict),
    )
