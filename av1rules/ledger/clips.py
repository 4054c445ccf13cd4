"""The ledger's table of test clips: what each was made of, how, and what came out."""

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
from av1rules.policy.model import Review, ReviewKind, parse_canary
from av1rules.policy.settings import EncodeSettings
from av1rules.quality.excerpts import Excerpt
from av1rules.quality.result import Score

CLIPS_FOLDER = "clips"
"""Below the state folder; each clip is called by its fingerprint."""


class ClipStatus(Enum):
    """How a clip stands; the order is that of lists."""

    WAITING = "waiting"
    VOID = "void"  # waiting, and an approval of other settings is no longer good
    DUE = "due"  # the next run makes it
    REJECTED = "rejected"
    APPROVED = "approved"
    VARIANT = "variant"  # of the clip of the same source: to be compared, never decided on
    ENCODED = "encoded"
    OLD = "old"  # of settings or content that are gone


class ClipFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a clip, as JSON. `settings` are the effective ones of the film, sizes bytes.

    `projected_bytes` is the whole film's as far as the clip tells (None: its length is unknown);
    `score_problem` says why there are no scores. `frames` are in the order of the pieces, joined.
    `is_variant`: made with other settings than the film's, to be compared; never approved as such.
    """

    content_key: str
    settings: EncodeSettings
    rule: str
    review: str  # as the rules file has it
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
        """The review that the clip was made for; anything but canaries counts as `each`."""
        canary = parse_canary(self.review)
        kind = ReviewKind.EACH if canary is None else ReviewKind.CANARY
        return Review(kind=kind, canary=canary)

    @property
    def share(self) -> float | None:
        """The projected film against its source."""
        if self.projected_bytes is None or not self.source_bytes:
            return None
        return self.projected_bytes / self.source_bytes

    @property
    def passages(self) -> tuple[tuple[float, float], ...]:
        """Start and duration of each piece, by the film's own clock."""
        return tuple((piece.start_s, piece.duration_s) for piece in self.pieces)


class ClipRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One clip, by the fingerprint that its film will have. `source` is the library path, `path`
    where the clip lies, `origin` the file it was made from; `made_at` ISO 8601, UTC."""

    fingerprint: str
    source: LedgerPath
    origin: LedgerPath
    path: LedgerPath
    size_bytes: int
    made_at: str
    facts: ClipFacts

    @property
    def is_there(self) -> bool:
        """Whether the clip lies in its place as it was made, as far as its size tells."""
        try:
            return os.stat(self.path).st_size == self.size_bytes
        except OSError:
            return False


def clip_place(state_dir: Path, fingerprint: str) -> str:
    """Where the clip of a fingerprint lies or will lie."""
    return str(state_dir / CLIPS_FOLDER / f"{fingerprint}.mp4")


class ClipTable(RecordTable[ClipRecord]):
    """The clips of one state folder. What can't be read (another version wrote it) is not there:
    a clip is cheap to make again."""

    name = "clips"
    mapper = RecordMapper(ClipRecord)

    def find(self, fingerprint: str) -> ClipRecord | None:
        return next(self._readable("WHERE fingerprint=?", fingerprint), None)

    def all(self) -> tuple[ClipRecord, ...]:
        """Every clip, by source, the newest first."""
        return tuple(self._readable("ORDER BY source, made_at DESC"))

    def paths(self) -> frozenset[str]:
        """Where clips lie, readable or not."""
        return frozenset(os.fsdecode(row[0]) for row in self._db.query("SELECT path FROM clips"))

    def encoded(self) -> frozenset[str]:
        """The fingerprints of clips whose film was encoded since."""
        sql = "SELECT fingerprint FROM targets WHERE fingerprint IN (SELECT fingerprint FROM clips)"
        return frozenset(fingerprint for (fingerprint,) in self._db.query(sql))

    def _readable(self, which: str, *values: object) -> Iterator[ClipRecord]:
        for row in self._db.query(f"SELECT {self.columns()} FROM clips {which}", *values):
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
