"""Whether finished work stays as it was made though an edit of the policy asks for other settings.

Only settings count: a source with other content, a lost or damaged target, other tools, `doit
forget` and `--force` redo a target whatever `on_change` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from av1rules.base.text import plural
from av1rules.ledger.as_made import AsMade
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.plan.as_made.model import LeftAsMade
from av1rules.plan.context import PlanContext
from av1rules.plan.freshness import Cause, StaleReason
from av1rules.plan.items import Plan, PlannedEncode, coming_encode
from av1rules.plan.rows import PlanRows
from av1rules.policy.model import OutputMode
from av1rules.policy.redo.choice import Redo, RedoKind

REDO_OPTION = "--redo"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Of a target whose settings changed: it is `left`, or redone if the forecast says that more
    than the part `least_gain` of it would be saved."""

    left: LeftAsMade | None = None
    least_gain: float | None = None
    cause: str = ""


REDO = Verdict()


def judge_target(scope: PlanContext, work: PlannedEncode, causes: Sequence[Cause]) -> Verdict:
    """What becomes of a finished target that is stale for these reasons."""
    known = work.known
    is_by_settings = all(one.reason is StaleReason.SETTING_CHANGED for one in causes)
    if known is None or not causes or not is_by_settings:
        return REDO
    redo, origin = redo_of(scope, work)
    is_asked = scope.request.redo is not None
    if not is_asked and _is_accepted(scope, known.fingerprint, work):
        left = LeftAsMade(choice=redo.text)
        return Verdict(left=left, cause=as_made_cause(causes, "accepted by an earlier run"))
    if redo.kind is RedoKind.ALL:
        return REDO
    if redo.kind is RedoKind.GAIN:
        return Verdict(least_gain=redo.least_gain)
    left = left_as_made(known.fingerprint, work, redo)
    return Verdict(left=left, cause=as_made_cause(causes, f"{origin}: {redo.text}"))


def redo_of(scope: PlanContext, work: PlannedEncode) -> tuple[Redo, str]:
    """What the command line, else the policy says, and how it is named there."""
    if scope.request.redo is not None:
        return scope.request.redo, REDO_OPTION
    return work.recipe.settings.redo, "on_change"


def left_as_made(made: str, work: PlannedEncode, redo: Redo) -> LeftAsMade:
    """That what was made so is left, to be written down."""
    record = AsMade(made=made, wanted=work.fingerprint, choice=redo.text, at="")
    return LeftAsMade(choice=redo.text, record=record)


def as_made_cause(causes: Sequence[Cause], why: str) -> str:
    """`kept as made: crf 26, not 28 (rules.yaml:41); on_change: new`."""
    settings = ", ".join(
        f"{one.setting} {one.before}, not {one.after}{f' ({one.origin})' if one.origin else ''}"
        for one in causes
    )
    return f"kept as made: {settings}; {why}"


def as_made_records(plan: Plan, at: str) -> list[AsMade]:
    """What a run of this plan writes down at this time (ISO 8601, UTC)."""
    left = (item.as_made for item in plan.rows.in_full if item.as_made is not None)
    return [replace(one.record, at=at) for one in left if one.record is not None]


def asking_for_gain(plan: Plan) -> Iterator[PlannedEncode]:
    """The encodes of which only a forecast can tell whether they are worth it."""
    works = (coming_encode(row) for row in plan.rows.in_full)
    return (work for work in works if work is not None and work.least_gain is not None)


def with_as_made_noted(plan: Plan) -> Plan:
    """The plan with a note on what stays as it was made."""
    notes = _as_made_notes(plan.rows)
    return replace(plan, notes=(*plan.notes, *notes)) if notes else plan


def _as_made_notes(rows: PlanRows) -> tuple[str, ...]:
    """How much stays as it was made; nothing where nothing does."""
    count = rows.as_made()
    if not count:
        return ()
    stays = plural(count, "film stays as it was made", "films stay as they were made")
    note = (
        f"{count:,} {stays}, though the policy asks for other settings (`on_change`; "
        "`--redo all` makes anew)"
    )
    return (note,)


def _is_accepted(scope: PlanContext, made: str, work: PlannedEncode) -> bool:
    return scope.workspace.ledger.as_made.accepts(made, work.fingerprint)


def earlier_result(scope: PlanContext, work: PlannedEncode) -> tuple[Attempt, LeftAsMade] | None:
    """The last result without a target that this content had with other settings, if that stands
    although the policy was edited."""
    redo, _ = redo_of(scope, work)
    is_asked = scope.request.redo is not None
    is_none = redo.kind is RedoKind.NONE
    if work.known is not None or (is_asked and not is_none):
        return None
    found = [
        one
        for one in scope.workspace.ledger.as_made.attempts_of(work.content_key)
        if one.fingerprint != work.fingerprint and _stands(scope, one)
    ]
    if not found:
        return None
    last = max(found, key=lambda one: one.at)
    if not is_asked and _is_accepted(scope, last.fingerprint, work):
        return last, LeftAsMade(choice=redo.text)
    return (last, left_as_made(last.fingerprint, work, redo)) if is_none else None


def _stands(scope: PlanContext, attempt: Attempt) -> bool:
    """Whether nothing would be tried again, had the policy not been edited."""
    if attempt.kind is AttemptResult.FAILED:
        return attempt.is_parked(scope.workspace.ruleset.run.max_failures)
    if attempt.kind is AttemptResult.UNDONE:
        return scope.workspace.ruleset.output.mode is OutputMode.REPLACE
    return True
