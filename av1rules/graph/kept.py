"""What was put aside and can be put back: originals, results that were undone, orphans. Pure.

One entry for each pair of a source and its target; the one of both that is not in its place lies
in a trash folder on its own file system, until it is purged.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from av1rules.encode.exchange import Exchange
from av1rules.graph.stale import TargetRow

KEPT_FOLDER = ".av1rules-kept"
"""At the top of a root or output: nothing of it is ever looked at as part of a library."""


class KeptKind(Enum):
    """Which file lies aside."""

    ORIGINAL = "original"  # replaced by its target
    RESULT = "result"  # the target: a person put the original back
    ORPHAN = "orphan"  # a target whose source is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One file aside. `path` is where it lies, `row` the ledger row of the pair's target,
    `facts` the probed source (compressed JSON), `side_files` what was renamed along: (from, to).

    `gone_at` is set when the file aside was purged: then it can't be put back, but it is still
    known what stood there.
    """

    id: int
    run: int | None
    kind: KeptKind
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
        return self.row.source_path if self.kind is KeptKind.ORIGINAL else self.row.target

    @property
    def digest(self) -> str:
        return self.row.source_digest if self.kind is KeptKind.ORIGINAL else self.row.target_digest

    @property
    def content_key(self) -> str:
        return self.row.content_key if self.kind is KeptKind.ORIGINAL else self.row.target_key

    @property
    def size_bytes(self) -> int:
        return self.row.source_bytes if self.kind is KeptKind.ORIGINAL else self.row.target_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An exchange in flight, as the journal has it. `after` is the entry once it is done (None: the
    entry goes, the file is back in its place); `is_new`: there was no entry before."""

    exchange: Exchange
    after: Kept | None
    is_new: bool = False
