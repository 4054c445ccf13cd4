"""The ledger's table of test clips: the source, the settings and the result of each."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import msgspec

from av1rules.ledger.mapping import LedgerPath, RecordMapper, RecordTable
from av1rules.ledger.records import ToolsUsed
from av1rules.media.disk import Disk
from av1rules.media.local_disk import LOCAL_DISK
from av1rules.policy.model import Review, ReviewKind, parse_canary
from av1rules.policy.settings import EncodeSettings
from av1rules.quality.excerpts import Excerpt
from av1rules.quality.result import Score

CLIPS_FOLDER = "clips"
"""Below the state folder; each clip is named by its fingerprint."""


class ClipStatus(Enum):
    """The status of a clip, in the order of lists."""

    WAITING = "waiting"
    VOID = "void"  # waiting, and an approval of other settings is no longer valid
    DUE = "due"  # the next run makes it
    REJECTED = "rejected"
    APPROVED = "approved"
    VARIANT = "variant"  # other settings for the same source: only for comparison
    ENCODED = "encoded"
    OLD = "old"  # its settings or its source have changed


class ClipFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of a clip, stored as JSON. `settings` are the film's effective ones; sizes in bytes.

    `projected_bytes` is the projected size of the film (None: its duration is unknown);
    `score_problem` says why there are no scores. `pieces` are the excerpts in the clip's order.
    `is_variant`: made with other settings than the film's, for comparison; never approved.
    """

    content_key: str
    settings: EncodeSettings
    rule: str
    review: str  # as in the rules file
    pieces: tuple[Excerpt, ...]
    frames: int
    duration_s: float
    source_bytes: int
    projected_bytes: int | None
    scores: tuple[Score, ...]
    score_problem: str | None
    command: str
    tools: ToolsUsed
    encode_s: float
    notes: tuple[str, ...] = ()
    is_variant: bool = False
    source_tier: str | None = None

    @property
    def asked_review(self) -> Review:
        """The review that the clip was made for; anything but a canary counts as `each`."""
        canary = parse_canary(self.review)
        kind = ReviewKind.EACH if canary is None else ReviewKind.CANARY
        return Review(kind=kind, canary=canary)

    @property
    def share(self) -> float | None:
        """The projected size relative to the source."""
        if self.projected_bytes is None or not self.source_bytes:
            return None
        return self.projected_bytes / self.source_bytes

    @property
    def passages(self) -> tuple[tuple[float, float], ...]:
        """Start and duration of each excerpt, by the film's timestamps."""
        return tuple((piece.start_s, piece.duration_s) for piece in self.pieces)


class ClipRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One clip, by the fingerprint of its future target. `source` is the library path, `path`
    the file of the clip, `origin` the file it was made from; `made_at` is ISO 8601, UTC."""

    fingerprint: str
    source: LedgerPath
    origin: LedgerPath
    path: LedgerPath
    size_bytes: int
    made_at: str
    facts: ClipFacts

    def is_there(self, disk: Disk = LOCAL_DISK) -> bool:
        """Whether the clip's file exists with the recorded size."""
        try:
            return disk.stat(self.path).st_size == self.size_bytes
        except OSError:
            return False


def clip_place(state_dir: Path, fingerprint: str) -> str:
    """The path of the clip of a fingerprint."""
    return str(state_dir / CLIPS_FOLDER / f"{fingerprint}.mp4")


class ClipTable(RecordTable[ClipRecord]):
    """The clips of one state folder. Unreadable rows (of another version) are ignored: a clip is
    cheap to make again."""

    name = "clips"
    mapper = RecordMapper(ClipRecord)

    def find(self, fingerprint: str) -> ClipRecord | None:
        return next(self._readable("WHERE fingerprint=?", fingerprint), None)

    def all(self) -> tuple[ClipRecord, ...]:
        """Every clip, by source, the newest first."""
        return tuple(self._readable("ORDER BY source, made_at DESC"))

    def since(self, made_at: str) -> Iterator[ClipRecord]:
        """The clips made then or later (ISO 8601, UTC; "": all), in the same order, one by one."""
        return self._readable("WHERE made_at >= ? ORDER BY source, made_at DESC", made_at)

    def paths(self) -> frozenset[str]:
        """The paths of all clips, readable or not."""
        return frozenset(os.fsdecode(row[0]) for row in self._db.query("SELECT path FROM clips"))

    def encoded(self) -> frozenset[str]:
        """The fingerprints of clips whose film was encoded since."""
        sql = "SELECT fingerprint FROM targets WHERE fingerprint IN (SELECT fingerprint FROM clips)"
        return frozenset(fingerprint for (fingerprint,) in self._db.query(sql))

    def _readable(self, clause: str, *values: object) -> Iterator[ClipRecord]:
        for row in self._db.stream(f"SELECT {self.columns()} FROM clips {clause}", *values):
            with contextlib.suppress(msgspec.MsgspecError):
                yield self.load(row)

    def put(self, record: ClipRecord) -> None:
        with self._db.transaction() as write:
            self.insert(write, record)

    def drop(self, fingerprint: str) -> None:
        with self._db.transaction() as write:
            _delete(write, "fingerprint", fingerprint)

    def drop_source(self, source: str | None) -> None:
        """Forget the clips of one source (library path), or of all: they are due again."""
        with self._db.transaction() as write:
            if source is None:
                write.execute("DELETE FROM clips")
            else:
                _delete(write, "source", os.fsencode(source))


def _delete(write: sqlite3.Connection, column: str, value: object) -> None:
    write.execute(f"DELETE FROM clips WHERE {column}=?", (value,))
