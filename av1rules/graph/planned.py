"""A plan as values: one row per file, its action and the causes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from av1rules.graph.look import Look, Making
from av1rules.graph.stale import TargetRow, TargetState
from av1rules.library.source import LibraryFile
from av1rules.library.toolset import EncoderInfo


class PlanAction(Enum):
    """What a run would do with a file; the order is that of the plan's table."""

    ENCODE = "encode"
    BLOCKED = "blocked"
    HELD = "held"
    LEFT_ALONE = "left alone"
    FRESH = "fresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """All that an encode of a planned row needs to know, and what the plan saw in the target's
    place: `known` by the ledger, `found` on disk."""

    look: Look
    making: Making
    encoder: EncoderInfo
    content_key: str
    fingerprint: str
    known: TargetRow | None = None
    found: TargetState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One file of the library. `causes` say why the action, `notes` what else to know."""

    file: LibraryFile
    action: PlanAction
    causes: tuple[str, ...]
    rule: str | None = None
    source_tier: str | None = None
    target: str | None = None
    fingerprint: str | None = None
    notes: tuple[str, ...] = ()
    work: Work | None = None  # for ENCODE only
    has_other_tools: bool = False  # FRESH, but made with other tools than those of today
    has_verdict: bool = False  # not done because of what came of it before
    is_lasting: bool = False  # the same as long as file, policy and ledger row stay as they are

    @property
    def size_bytes(self) -> int:
        return self.file.stat.size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do, in the order of the walk. `problems` are about folders, not files."""

    rows: tuple[PlanRow, ...]
    problems: tuple[str, ...] = ()

    @property
    def other_tools(self) -> int:
        """Fresh targets made with other tool versions than those of today."""
        return sum(row.has_other_tools for row in self.rows)

    def of(self, action: PlanAction) -> tuple[PlanRow, ...]:
        return tuple(row for row in self.rows if row.action is action)

    @property
    def has_work(self) -> bool:
        return any(row.action is PlanAction.ENCODE for row in self.rows)


def total_bytes(rows: Iterable[PlanRow]) -> int:
    return sum(row.size_bytes for row in rows)
