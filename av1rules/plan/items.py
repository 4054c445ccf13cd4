"""A plan as values: one item per file, of the kind that says what a run would do with it. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import Enum
from typing import Any, ClassVar, Self, TypeVar, final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from msgspec import Struct
from msgspec.structs import replace

from av1rules.approvals.model import ReviewState
from av1rules.encode.losses import LossFinding
from av1rules.encode.streams import StreamPlan
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.ledger.records import TargetRow
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.safety_stop import Inventory, SafetyStop
from av1rules.plan.target_state import TargetState
from av1rules.policy.facts import Facts
from av1rules.policy.model import Review, Rule
from av1rules.policy.resolve import Decision, Origin
from av1rules.policy.settings import EncodeSettings
from av1rules.policy.source_tier import Classification
from av1rules.quality.excerpts import Excerpt

GROUP = "encode"
CLIP_GROUP = "clip"
MEASURE_GROUP, SEARCH_GROUP, SAMPLE_GROUP = "measure", "search", "sample"
GROUPS = (GROUP, CLIP_GROUP, MEASURE_GROUP, SEARCH_GROUP, SAMPLE_GROUP)
"""Groups of doit tasks."""


class PlanAction(Enum):
    """What a run would do with a file, by name; the order is that of the plan's table."""

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
    SEARCH = SEARCH_GROUP  # the CRF, for a quality target
    SAMPLE = SAMPLE_GROUP  # how large it will be: hopeless encodes are not begun


class EncodeRecipe(Struct, frozen=True, kw_only=True):
    """How a target would be made. `settings` are the effective ones, each with its origin.
    `encoder` is None where the requested one is missing; `problem` then says so."""

    settings: EncodeSettings
    origins: tuple[tuple[str, Origin], ...]
    streams: StreamPlan
    losses: tuple[LossFinding, ...]
    encoder: EncoderInfo | None
    problem: str | None = None

    @property
    def refused(self) -> tuple[str, ...]:
        """What the source would lose although the policy does not accept that."""
        return tuple(loss.message for loss in self.losses if not loss.accepted)


class Evaluation(Struct, frozen=True, kw_only=True):
    """The way from the facts of one source to a decision, and how the target would be made.

    `recipe` is there where the decision is to encode. `content_key` and `fingerprint` are None
    where nothing needed them, or where the file could not be read; `unreadable` then says why.
    `grain_rule` is the rule that may match once the grain of the source is measured.
    """

    source: Source
    classification: Classification
    facts: Facts
    decision: Decision
    recipe: EncodeRecipe | None = None
    content_key: str | None = None
    fingerprint: str | None = None
    unreadable: str | None = None
    grain_rule: Rule | None = None

    @property
    def rule_name(self) -> str | None:
        return self.decision.rule.name if self.decision.rule else None

    @property
    def tier_name(self) -> str | None:
        tier = self.classification.source_tier
        return tier.value if tier else None


class AwaitsMeasurement(Struct, frozen=True, kw_only=True):
    """What is known of a source whose noise must be measured before a rule can be chosen. `path`:
    the file that is measured, the source or its original in the trash."""

    path: str
    source: Source
    content_key: str


class ReusableTarget(Struct, frozen=True, kw_only=True):
    """A finished target made of the same content: it follows its renamed source (`is_move`), or a
    second source of the same content gets it too. `row` is its ledger row, `task` the library path
    of the source that makes it in this very plan, if it is not there yet. Both: what follows the
    source is stale, and is replaced by what the other makes."""

    row: TargetRow | None
    is_move: bool = False
    task: str | None = None


class PlannedEncode(Struct, frozen=True, kw_only=True):
    """All that the making of a target needs to know, and what the plan saw in its place: `known`
    by the ledger, `found` on disk. For a move both are as they will be after it.

    `origin` is the file whose bytes are encoded: the source, or its original in the trash.
    `replaces`: the target takes the source's place. `displaces`: what a move puts into the trash
    first. `pending`: what must be found out first; until then some settings are only where to
    start from. `is_forced`: by a user, so that gates before the encode do not hold.
    """

    look: Evaluation
    recipe: EncodeRecipe
    encoder: EncoderInfo
    content_key: str
    fingerprint: str
    known: TargetRow | None = None
    found: TargetState | None = None
    origin: LibraryFile
    reuse: ReusableTarget | None = None
    replaces: bool = False
    displaces: TargetRow | None = None
    pending: tuple[Prerequisite, ...] = ()
    is_forced: bool = False

    @property
    def moves_from(self) -> TargetRow | None:
        """The ledger row of the target that follows its renamed source here."""
        return self.reuse.row if self.reuse is not None and self.reuse.is_move else None

    @property
    def copies_from(self) -> TargetRow | None:
        """The ledger row of the finished target that is linked or copied."""
        return self.reuse.row if self.reuse is not None and not self.reuse.is_move else None


class ClipState(Struct, frozen=True, kw_only=True):
    """The test clip of an encode that is not released: where it lies or will lie, and what was
    decided on it.

    `digest` is that of the settings alone, by which canaries of a rule are counted. `like`: a
    variant shows these passages, those of the clip that it is compared with.
    """

    path: str
    verdict: ReviewState
    review: Review
    content_key: str
    digest: str
    is_made: bool
    like: tuple[Excerpt, ...] = ()


class PlannedFile(Struct, frozen=True, kw_only=True):
    """A file of the library, as far as the plan knows it. `notes` say what else to know,
    `released` what released its encode where a rule asks for a review."""

    file: LibraryFile
    rule: str | None = None
    source_tier: str | None = None
    target: str | None = None
    fingerprint: str | None = None
    notes: tuple[str, ...] = ()
    released: ReviewState | None = None

    @property
    def size_bytes(self) -> int:
        return self.file.stat.size_bytes


class _Decided(PlannedFile, frozen=True, kw_only=True):
    """`causes` say why it is of this kind. `is_lasting`: it stays so as long as file, policy and
    ledger row stay as they are."""

    action: ClassVar[PlanAction]
    causes: tuple[str, ...]
    is_lasting: bool = False

    @classmethod
    def of(cls, planned: PlannedFile, *causes: str, **more: Any) -> Self:
        """The decision on a file, or another one on it: `more` is what this kind has of its own."""
        common = {name: getattr(planned, name) for name in PlannedFile.__struct_fields__}
        return cls(**common, causes=causes, **more)


@final
class MeasureGrain(_Decided, frozen=True, kw_only=True):
    """The grain is measured first: it decides on the rule."""

    action = PlanAction.MEASURE
    unmeasured: AwaitsMeasurement


class ActiveItem(_Decided, frozen=True, kw_only=True):
    """A run does something for its target: it is an Encode, a MakeClip, a Move or a Copy."""

    target: str
    work: PlannedEncode


@final
class Encode(ActiveItem, frozen=True, kw_only=True):
    action = PlanAction.ENCODE


@final
class MakeClip(ActiveItem, frozen=True, kw_only=True):
    """A test clip is made; `after_review` is the encode that it is to release."""

    action = PlanAction.CLIP
    clip: ClipState
    after_review: PlannedEncode | None = None


@final
class Move(ActiveItem, frozen=True, kw_only=True):
    """The target follows its renamed source: nothing is encoded."""

    action = PlanAction.MOVE


@final
class Copy(ActiveItem, frozen=True, kw_only=True):
    """The target of the same content is linked or copied."""

    action = PlanAction.COPY


class _Idle(_Decided, frozen=True, kw_only=True):
    """Nothing is done. `is_settled_by_attempt`: because of what came of it before. `reason`: the
    first cause without what is about this one file."""

    is_settled_by_attempt: bool = False
    reason: str | None = None

    @property
    def main_reason(self) -> str:
        """Why, in words that many files share."""
        return self.reason or next(iter(self.causes), "")


@final
class Blocked(_Idle, frozen=True, kw_only=True):
    """Something is wrong. `once_free`: the encode that becomes possible if what stands in the
    target's place moves away in this very plan."""

    action = PlanAction.BLOCKED
    once_free: PlannedEncode | None = None


@final
class Held(_Idle, frozen=True, kw_only=True):
    """A user must decide: on `clip`, where that is there. `after_review` is what may follow."""

    action = PlanAction.HELD
    clip: ClipState | None = None
    after_review: PlannedEncode | None = None


@final
class LeftAlone(_Idle, frozen=True, kw_only=True):
    action = PlanAction.LEFT_ALONE


@final
class Fresh(_Decided, frozen=True, kw_only=True):
    """Up to date. `touched_ns`: its time of change where that is not the ledger's.
    `has_other_tools`: it was made with other tools than those of today."""

    action = PlanAction.FRESH
    target: str
    has_other_tools: bool = False
    touched_ns: int | None = None


PlanItem = MeasureGrain | Encode | MakeClip | Move | Copy | Blocked | Held | LeftAlone | Fresh

RunItem = MeasureGrain | Encode | MakeClip | Move | Copy
"""What a run acts on."""


_AnyFile = TypeVar("_AnyFile", bound=PlannedFile)


def with_note(planned: _AnyFile, note: str) -> _AnyFile:
    """The file with a note, which is said once."""
    return planned if note in planned.notes else replace(planned, notes=(*planned.notes, note))


def clip_of(item: PlanItem) -> ClipState | None:
    """The test clip that an item makes or waits for."""
    return item.clip if isinstance(item, MakeClip | Held) else None


def work_of(item: PlanItem) -> PlannedEncode | None:
    """What is known of how the target is or would be made."""
    if isinstance(item, ActiveItem):
        return item.work
    return item.after_review if isinstance(item, Held) else None


def coming_encode(item: PlanItem) -> PlannedEncode | None:
    """What a run would encode: now, or once a user has decided on a clip."""
    if isinstance(item, MakeClip | Held):
        return item.after_review
    return item.work if isinstance(item, Encode) else None


class Orphan(Struct, frozen=True, kw_only=True):
    """A target whose source is gone. `to_trash`: the policy puts it into the trash."""

    row: TargetRow
    cause: str
    to_trash: bool = False


class KeptSpace(Struct, frozen=True, kw_only=True):
    """What lies in the trash and could be purged."""

    files: int = 0
    size_bytes: int = 0


class Plan(Struct, frozen=True, kw_only=True):
    """What a run would do, in the order of the walk. `problems` are about folders, not files;
    `brakes` are what keeps a run from acting at all, `notes` what else to know of the whole.
    `is_whole`: it is of all the library, and all of it could be seen."""

    rows: tuple[PlanItem, ...]
    problems: tuple[str, ...] = ()
    safety_stops: tuple[SafetyStop, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    inventories: tuple[Inventory, ...] = ()
    kept: KeptSpace = KeptSpace()
    notes: tuple[str, ...] = ()
    is_whole: bool = False

    @property
    def other_tools(self) -> int:
        """Fresh targets made with other tool versions than those of today."""
        return sum(isinstance(item, Fresh) and item.has_other_tools for item in self.rows)

    def of(self, action: PlanAction) -> tuple[PlanItem, ...]:
        return tuple(item for item in self.rows if item.action is action)

    @property
    def work(self) -> tuple[RunItem, ...]:
        """The items a run acts on."""
        return tuple(item for item in self.rows if isinstance(item, ActiveItem | MeasureGrain))

    @property
    def has_work(self) -> bool:
        return bool(self.work) or any(orphan.to_trash for orphan in self.orphans)


def total_bytes(rows: Iterable[PlannedFile]) -> int:
    return sum(row.size_bytes for row in rows)


_PLAIN = " !#$&'()+,-./:;@^_`{}~"
"""Kept as they are. `=` doit refuses, `*?[]` are patterns to it; `%` is the escape itself."""


def task_name(library_path: str) -> str:
    """The sub-task's name; readable for ordinary names, unique and reversible for all."""
    if library_path.isprintable():
        return "".join(
            character if character.isalnum() or character in _PLAIN else _escape(character)
            for character in library_path
        )
    return quote_from_bytes(os.fsencode(library_path), safe=_PLAIN)


def _escape(character: str) -> str:
    return quote_from_bytes(os.fsencode(character), safe="")


def source_of_task(task_id: str, group: str = GROUP) -> str | None:
    """The library path of a task id `encode:NAME` (or of another group); None for any other."""
    found, colon, name = task_id.partition(":")
    return os.fsdecode(unquote_to_bytes(name)) if found == group and colon else None
