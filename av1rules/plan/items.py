"""A plan as values: one row per file, its action and the causes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from av1rules.approvals.model import ReviewStatus
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.ledger.records import TargetRow
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.evaluate import EncodeRecipe, Evaluation
from av1rules.plan.safety_stop import Inventory, SafetyStop
from av1rules.plan.target_state import TargetState
from av1rules.plan.task_names import MEASURE_GROUP, SAMPLE_GROUP, SEARCH_GROUP
from av1rules.policy.model import Review
from av1rules.quality.excerpts import Excerpt


class PlanAction(Enum):
    """What a run would do with a file; the order is that of the plan's table."""

    MEASURE = "measure"  # before a rule can be chosen
    ENCODE = "encode"
    CLIP = "make clip"
    MOVE = "move"
    COPY = "copy"
    BLOCKED = "blocked"
    HELD = "held"
    LEFT_ALONE = "left alone"
    FRESH = "fresh"


class Prerequisite(Enum):
    """What comes before an encode, in this order; the value is its task's group."""

    MEASURE = MEASURE_GROUP  # the noise, for `film_grain: auto`
    SEARCH = SEARCH_GROUP  # the CRF, for a target
    SAMPLE = SAMPLE_GROUP  # how large it will be: hopeless encodes are not begun


ACTIVE = (PlanAction.ENCODE, PlanAction.CLIP, PlanAction.MOVE, PlanAction.COPY)
"""What a run does something about, once it is known what each film is to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitsMeasurement:
    """What is known of a film whose noise must be measured before a rule can be chosen. `path`: the
    file whose pictures are looked at, the film or its original that lies aside."""

    path: str
    source: Source
    content_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReusableTarget:
    """A finished target made of the same content: it follows its renamed source (`is_move`), or a
    second source of the same content gets it too. `row` is its ledger row, `task` the library path
    of the source that makes it in this very plan, if it is not there yet. Both: what follows the
    source is stale, and is replaced by what the other makes."""

    row: TargetRow | None
    is_move: bool = False
    task: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEncode:
    """All that the making of a planned row needs to know, and what the plan saw in the target's
    place: `known` by the ledger, `found` on disk. For a move both are as they will be after it.

    `origin` is the file whose bytes are encoded: the source, or its original that was put aside.
    `replaces`: the target takes the source's place. `displaces`: what a move puts aside first.
    `due`: what must be found out first; until then some settings are only where to start from.
    """

    look: Evaluation
    recipe: EncodeRecipe
    encoder: EncoderInfo
    content_key: str
    fingerprint: str
    known: TargetRow | None = None
    found: TargetState | None = None
    origin: LibraryFile
    donor: ReusableTarget | None = None
    replaces: bool = False
    displaces: TargetRow | None = None
    due: tuple[Prerequisite, ...] = ()
    is_forced: bool = False  # by a person: gates before the encode do not hold


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipState:
    """The test clip of a row that is not released: where it lies or will lie, and what was decided.

    `digest` is that of the settings alone, by which canaries of a rule are counted.
    """

    path: str
    kind: ReviewStatus
    text: str
    review: Review
    content_key: str
    digest: str
    is_made: bool
    like: tuple[Excerpt, ...] = ()  # a variant: the passages of the clip it is compared with


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
    work: PlannedEncode | None = None  # for what is ACTIVE
    later: PlannedEncode | None = None  # what may be encoded once a person has decided on clips
    unmeasured: AwaitsMeasurement | None = None  # for MEASURE
    clip: ClipState | None = None  # for CLIP, and for HELD by its clip
    has_other_tools: bool = False  # FRESH, but made with other tools than those of today
    is_settled_by_attempt: bool = False  # not done because of what came of it before
    touched_ns: int | None = None  # FRESH, but with this time of change, not the ledger's
    is_lasting: bool = False  # the same as long as file, policy and ledger row stay as they are

    @property
    def size_bytes(self) -> int:
        return self.file.stat.size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A target whose source is gone. `to_trash`: the policy puts it aside."""

    row: TargetRow
    cause: str
    to_trash: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashSummary:
    """What lies aside and could be purged."""

    files: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do, in the order of the walk. `problems` are about folders, not files;
    `brakes` are what keeps a run from acting at all, `notes` what else to know of the whole."""

    rows: tuple[PlanRow, ...]
    problems: tuple[str, ...] = ()
    safety_stops: tuple[SafetyStop, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    inventories: tuple[Inventory, ...] = ()
    kept: TrashSummary = TrashSummary()
    notes: tuple[str, ...] = ()
    is_whole: bool = False  # of all the library, and all of it could be seen

    @property
    def other_tools(self) -> int:
        """Fresh targets made with other tool versions than those of today."""
        return sum(row.has_other_tools for row in self.rows)

    def of(self, action: PlanAction) -> tuple[PlanRow, ...]:
        return tuple(row for row in self.rows if row.action is action)

    @property
    def work(self) -> tuple[PlanRow, ...]:
        """The rows a run acts on."""
        return tuple(
            row for row in self.rows if row.action in ACTIVE or row.action is PlanAction.MEASURE
        )

    @property
    def has_work(self) -> bool:
        return bool(self.work) or any(orphan.to_trash for orphan in self.orphans)


def total_bytes(rows: Iterable[PlanRow]) -> int:
    return sum(row.size_bytes for row in rows)
