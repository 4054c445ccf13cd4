"""A plan as values: one item a file, whose type says what a run would do with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, ClassVar, Self, TypeVar, final

from msgspec import Struct
from msgspec.structs import replace

from av1rules.approvals.model import ReviewState
from av1rules.encode.losses import LossFinding
from av1rules.encode.streams import StreamPlan
from av1rules.ffmpeg.tools import EncoderInfo
from av1rules.ledger.moved import NOTHING_MOVED, MovedFiles
from av1rules.ledger.records import TargetRow
from av1rules.media.packed_source import unpack_facts
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.as_made.model import LeftAsMade
from av1rules.plan.rest.items import NO_REST, RestPlan
from av1rules.plan.rows import PlanRows
from av1rules.plan.safety_stop import Inventory, SafetyStop
from av1rules.plan.target_state import TargetState
from av1rules.plan.task_names import MEASURE_GROUP, SAMPLE_GROUP, SEARCH_GROUP
from av1rules.policy.facts import Facts, facts_of
from av1rules.policy.match import PassedOver
from av1rules.policy.model import Review, Rule, TierThresholds
from av1rules.policy.resolve import Decision, Origins
from av1rules.policy.settings import EncodeSettings, SourceTier
from av1rules.policy.source_tier import Classification, classify
from av1rules.quality.excerpts import Excerpt


class PlanAction(Enum):
    """What a run would do with a file, in the order of the plan's table."""

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
    SAMPLE = SAMPLE_GROUP  # the size, so that hopeless encodes are not started


class EncodeRecipe(Struct, frozen=True, kw_only=True, gc=False):
    """How a target would be made: effective `settings`, each with its origin. `encoder` None: it is
    missing, as `problem` says. `as_before`: settings of an earlier version, whose target stays."""

    settings: EncodeSettings
    origins: Origins
    streams: StreamPlan
    losses: tuple[LossFinding, ...]
    encoder: EncoderInfo | None
    problem: str | None = None
    as_before: EncodeSettings | None = None

    @property
    def refused(self) -> tuple[str, ...]:
        """The losses that the policy does not accept."""
        return tuple(loss.message for loss in self.losses if not loss.accepted)


class Evaluation(Struct, frozen=True, kw_only=True, gc=False):
    """From the facts of one source to a decision. `recipe` is set if it is to encode.
    `file` is the source, `packed` its facts in their stored form: a plan may hold 100,000.
    `content_key` and `fingerprint` are None if nothing needed them or the file could not be read;
    `unreadable` then says why. `grain_rule` may match once the source's `grain` is measured.
    """

    file: LibraryFile
    packed: bytes
    source_tier: SourceTier | None
    tiers: TierThresholds
    decision: Decision
    recipe: EncodeRecipe | None = None
    content_key: str | None = None
    fingerprint: str | None = None
    unreadable: str | None = None
    grain: float | None = None
    grain_rule: Rule | None = None

    @property
    def source(self) -> Source:
        source = unpack_facts(self.packed)
        assert source is not None, "packed by this version"
        return source

    @property
    def classification(self) -> Classification:
        return classify(self.source, self.file.library_path, self.tiers)

    @property
    def facts(self) -> Facts:
        return facts_of(self.file, self.source, self.classification, grain=self.grain)

    @property
    def rule_name(self) -> str | None:
        return self.decision.rule.name if self.decision.rule else None

    @property
    def tier_name(self) -> str | None:
        return self.source_tier.value if self.source_tier else None


class AwaitsMeasurement(Struct, frozen=True, kw_only=True, gc=False):
    """A source whose noise must be measured before a rule can be chosen. `path` is the file to
    measure: the source, or its original in the trash."""

    path: str
    source: Source
    content_key: str


class ReusableTarget(Struct, frozen=True, kw_only=True, gc=False):
    """A target of the same content: it follows its renamed source (`is_move`), or is copied for a
    second source. `row` is its ledger row. `task` is the library path of the source that makes it
    in this plan. If both are set, that of `task` replaces the stale one of `row`."""

    row: TargetRow | None
    is_move: bool = False
    task: str | None = None


class PlannedEncode(Struct, frozen=True, kw_only=True, gc=False):
    """How a target is made, and what the plan saw at its path: `known` by the ledger, `found` on
    disk. For a move both are as they will be after it.
    `origin` is the file that is encoded: the source, or its original in the trash. `replaces`: the
    target takes the source's place. `displaces` is what a move puts into the trash first.
    `pending` must be found out first; until then some settings are only starting values.
    `is_forced`: the user overrides the gates before the encode. `least_gain`: a finished target is
    redone only if more than this part of it would be saved, which the forecast tells.
    """

    evaluation: Evaluation
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
    least_gain: float | None = None

    @property
    def moves_from(self) -> TargetRow | None:
        """The ledger row of the target that follows its renamed source here."""
        return self.reuse.row if self.reuse is not None and self.reuse.is_move else None

    @property
    def copies_from(self) -> TargetRow | None:
        """The ledger row of the finished target that is linked or copied."""
        return self.reuse.row if self.reuse is not None and not self.reuse.is_move else None


class ClipState(Struct, frozen=True, kw_only=True, gc=False):
    """The test clip of an encode that is not released: its path, and the decision on it.
    `digest` is that of the settings alone, by which canaries of a rule are counted. `like` are the
    excerpts of the clip that a variant is compared with.
    """

    path: str
    review_state: ReviewState
    review: Review
    content_key: str
    digest: str
    is_made: bool
    like: tuple[Excerpt, ...] = ()


class PlannedFile(Struct, frozen=True, kw_only=True, gc=False):
    """What the plan knows of a file of the library. `released` is what released its encode, if a
    rule asks for a review. `passed_over` are rules that might decide if all facts were known."""

    file: LibraryFile
    rule: str | None = None
    source_tier: str | None = None
    target: str | None = None
    fingerprint: str | None = None
    notes: tuple[str, ...] = ()
    released: ReviewState | None = None
    passed_over: tuple[PassedOver, ...] = ()

    @property
    def size_bytes(self) -> int:
        return self.file.stat.size_bytes


class _Decided(PlannedFile, frozen=True, kw_only=True):
    """`causes` say why the item is of this type. `is_lasting`: the decision holds as long as file,
    policy and ledger row do not change. `as_made`: it is idle in spite of other settings."""

    action: ClassVar[PlanAction]
    causes: tuple[str, ...]
    is_lasting: bool = False
    as_made: LeftAsMade | None = None

    @classmethod
    def of(cls, planned: PlannedFile, *causes: str, **more: Any) -> Self:
        """The decision on a file, or a new one on an item. `more` are the fields of this type."""
        common = {name: getattr(planned, name) for name in PlannedFile.__struct_fields__}
        return cls(**common, causes=causes, **more)


@final
class MeasureGrain(_Decided, frozen=True, kw_only=True):
    """The grain is measured first, since it decides on the rule."""

    action = PlanAction.MEASURE
    unmeasured: AwaitsMeasurement


class ActiveItem(_Decided, frozen=True, kw_only=True):
    """A run acts on its target: an Encode, a MakeClip, a Move or a Copy."""

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
    """The target follows its renamed source, or was renamed itself: nothing is encoded."""

    action = PlanAction.MOVE


@final
class Copy(ActiveItem, frozen=True, kw_only=True):
    """The target of the same content is linked or copied."""

    action = PlanAction.COPY


class _Idle(_Decided, frozen=True, kw_only=True):
    """Nothing is done. `is_settled_by_attempt`: an earlier attempt decided that. `is_unrecorded`:
    av1rules made the target, and the ledger does not know it. `reason` is the first cause without
    the part that is about this one file."""

    is_settled_by_attempt: bool = False
    is_unrecorded: bool = False
    reason: str | None = None

    @property
    def main_reason(self) -> str:
        """The cause in words that many files share."""
        return self.reason or next(iter(self.causes), "")


@final
class Blocked(_Idle, frozen=True, kw_only=True):
    """Something is wrong. `once_free` is the encode that becomes possible if the target in the way
    moves in this plan."""

    action = PlanAction.BLOCKED
    once_free: PlannedEncode | None = None


@final
class Held(_Idle, frozen=True, kw_only=True):
    """The user must decide, on `clip` if set, `after_review` of which may follow; or held it."""

    action = PlanAction.HELD
    clip: ClipState | None = None
    after_review: PlannedEncode | None = None
    is_by_user: bool = False


@final
class LeftAlone(_Idle, frozen=True, kw_only=True):
    action = PlanAction.LEFT_ALONE


@final
class Fresh(_Decided, frozen=True, kw_only=True):
    """Up to date. `touched_ns` is its mtime if that differs from the ledger's. `has_other_tools`:
    it was made with other tools than the current ones."""

    action = PlanAction.FRESH
    target: str
    has_other_tools: bool = False
    touched_ns: int | None = None


PlanItem = MeasureGrain | Encode | MakeClip | Move | Copy | Blocked | Held | LeftAlone | Fresh

RunItem = MeasureGrain | Encode | MakeClip | Move | Copy
"""What a run acts on."""

_AnyFile = TypeVar("_AnyFile", bound=PlannedFile)


def with_note(planned: _AnyFile, note: str) -> _AnyFile:
    """The file with a note; the same note is added only once."""
    return planned if note in planned.notes else replace(planned, notes=(*planned.notes, note))


def clip_of(item: PlanItem) -> ClipState | None:
    """The test clip that an item makes or waits for."""
    return item.clip if isinstance(item, MakeClip | Held) else None


def work_of(item: PlanItem) -> PlannedEncode | None:
    """How the target is or would be made."""
    if isinstance(item, ActiveItem):
        return item.work
    return item.after_review if isinstance(item, Held) else None


def coming_encode(item: PlanItem) -> PlannedEncode | None:
    """What a run would encode, now or once the user has approved a clip."""
    if isinstance(item, MakeClip | Held):
        return item.after_review
    return item.work if isinstance(item, Encode) else None


class Orphan(Struct, frozen=True, kw_only=True):
    """A target whose source is gone. `to_trash`: the policy moves it to the trash."""

    row: TargetRow
    cause: str
    to_trash: bool = False


class KeptSpace(Struct, frozen=True, kw_only=True):
    """What is in the trash and could be purged."""

    files: int = 0
    size_bytes: int = 0


class Plan(Struct, frozen=True, kw_only=True):
    """What a run would do, in the order of the walk. `problems` are about folders, `safety_stops`
    keep a run from acting at all. The ledger `follows` what a user moved: all else reckons with
    that. `unrecorded`: av1rules made files that this ledger does not know. `is_whole`: it covers
    all of the library, which could be read. `has_only_rows`: its run purges nothing."""

    rows: PlanRows
    problems: tuple[str, ...] = ()
    safety_stops: tuple[SafetyStop, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    inventories: tuple[Inventory, ...] = ()
    follows: MovedFiles = NOTHING_MOVED
    unrecorded: str | None = None
    kept: KeptSpace = KeptSpace()
    notes: tuple[str, ...] = ()
    is_whole: bool = False
    has_only_rows: bool = False
    rest: RestPlan = NO_REST

    @property
    def other_tools(self) -> int:
        """How many fresh targets were made with other tool versions than the current ones."""
        return self.rows.count_kinds(lambda kind: kind.has_other_tools)

    def of(self, action: PlanAction) -> tuple[PlanItem, ...]:
        return tuple(self.rows.of_action(action))

    @property
    def work(self) -> tuple[RunItem, ...]:
        """The items a run acts on."""
        return tuple(item for item in self.rows.in_full if isinstance(item, RunItem))

    @property
    def has_work(self) -> bool:
        is_changed = bool(self.follows.targets) or self.rest.has_work
        return bool(self.work) or is_changed or any(one.to_trash for one in self.orphans)


def total_bytes(rows: Iterable[PlannedFile]) -> int:
    return sum(row.size_bytes for row in rows)
