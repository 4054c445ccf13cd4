"""The row of a target that took its source's place: judged by what is known of the original."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, replace

import msgspec

from av1rules.approvals.model import adjustments_for
from av1rules.base.hashing import content_key
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.media.cache import lone_file, source_from_json
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.context import PlanContext
from av1rules.plan.evaluate import Evaluation, evaluate
from av1rules.plan.items import PlanAction, PlannedEncode, PlanRow, TrashSummary
from av1rules.plan.prerequisites import grain_of, with_known_results
from av1rules.plan.review_gate import apply_review
from av1rules.plan.source_item import awaits_grain, left_alone, measured_first, with_freshness
from av1rules.plan.target_path import target_path
from av1rules.plan.target_state import TargetOwner, TargetState, inspect_target, is_as_written
from av1rules.plan.workspace import Workspace
from av1rules.policy.canonical import fingerprint


def _facts(kept: TrashEntry) -> Source | None:
    try:
        return source_from_json(zlib.decompress(kept.facts or b""))
    except (zlib.error, msgspec.MsgspecError, ValueError, TypeError):
        return None


def trash_summary(ledger: Ledger) -> TrashSummary:
    """How much lies aside."""
    sizes = [kept.size_bytes for kept in ledger.kept.entries() if kept.gone_at is None]
    return TrashSummary(files=len(sizes), size_bytes=sum(sizes))


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalEvaluation:
    """What is known of the original behind a target: its row and its entry, the file as it was in
    the library, and what the policy of today says of it."""

    known: TargetRow
    kept: TrashEntry
    was: LibraryFile
    look: Evaluation


def evaluate_original(workspace: Workspace, file: LibraryFile) -> OriginalEvaluation | None:
    """`file` is a target as the walk found it; None if it replaced nothing that is known."""
    known, kept = workspace.ledger.find(file.path), workspace.ledger.kept.of_target(file.path)
    source = None if kept is None else _facts(kept)
    if known is None or kept is None or source is None:
        return None
    was = _original(file, known.source_path, known.source_bytes)
    adjusted = adjustments_for(workspace.book, known.content_key)
    look = evaluate(
        was,
        source,
        ruleset=workspace.ruleset,
        tools=workspace.tools,
        adjusted=adjusted,
        grain=grain_of(workspace, known.content_key),
    )
    return OriginalEvaluation(known=known, kept=kept, was=was, look=look)


def plan_replaced(scope: PlanContext, file: LibraryFile) -> PlanRow | None:
    """Fresh, to be redone from the original that lies aside, or left alone since that is gone.
    `file` is the target as the walk found it; None if another film, or an edit of it, stands there
    now."""
    there = scope.workspace.ledger.find(file.path)
    found = None if there is None else inspect_target(file.path, there, scope.workspace.tools)
    if there is None or found is None or not _is_ours(there, found):
        return None
    original = evaluate_original(scope.workspace, file)
    if original is None:
        return left_alone(file, "made by av1rules: its original is not known here")
    known, kept, look = original.known, original.kept, original.look
    if (rule := awaits_grain(scope.workspace, look, known.content_key)) is not None:
        if kept.gone_at is None and _is_there(kept):
            key = known.content_key
            row = measured_first(file, look, rule, path=kept.path, content_key=key)
            return replace(row, target=file.path)
        cause = f"rule {rule.name} asks for the grain of its original, which is gone"
        row = left_alone(file, f"replaced its source before; {cause}")
        return replace(row, target=file.path)
    row = PlanRow(
        file=file,
        action=PlanAction.FRESH,
        causes=("up to date",),
        rule=look.rule_name,
        source_tier=look.tier_name,
        target=file.path,
        fingerprint=known.fingerprint,
    )
    recipe = look.recipe
    if recipe is None or recipe.encoder is None:
        reason = (recipe.problem if recipe else look.decision.reason) or "no rule matches"
        cause = f"replaced its source before; by today's rules: {reason}"
        return replace(row, action=PlanAction.LEFT_ALONE, causes=(cause,))
    work = PlannedEncode(
        look=look,
        recipe=recipe,
        encoder=recipe.encoder,
        content_key=known.content_key,
        fingerprint=fingerprint(known.content_key, recipe.settings),
        known=known,
        found=found,
        origin=file,
    )
    row = with_freshness(scope, replace(row, fingerprint=work.fingerprint), work)
    if row.action is not PlanAction.ENCODE:
        return row
    row = _rebuilt(scope, row, work, kept, original.was)
    return apply_review(
        scope, with_known_results(scope.workspace, row, forced=scope.request.forces(file))
    )


def _is_ours(there: TargetRow, found: TargetState) -> bool:
    return is_as_written(there, found) or found.place is TargetOwner.OURS


def _rebuilt(
    scope: PlanContext, row: PlanRow, work: PlannedEncode, kept: TrashEntry, was: LibraryFile
) -> PlanRow:
    """The row of a target that should be redone: from its original, or not at all."""
    causes = "; ".join(row.causes)
    wanted = target_path(was, scope.workspace.ruleset.output, work.recipe.settings.container)
    if wanted != row.target:
        cause = f"{causes}: another container can't be made in place; `av1rules undo` it first"
        return replace(row, action=PlanAction.LEFT_ALONE, causes=(cause,), work=None)
    if kept.gone_at is not None or not _is_there(kept):
        cause = f"cannot rebuild: original gone ({causes})"
        return replace(row, action=PlanAction.LEFT_ALONE, causes=(cause,), work=None)
    notes = (*row.notes, "made from the original that lies aside")
    return replace(row, work=replace(work, origin=lone_file(kept.path)), notes=notes)


def _is_there(kept: TrashEntry) -> bool:
    try:
        return kept.kind is TrashKind.ORIGINAL and content_key(kept.path) == kept.content_key
    except OSError:
        return False


def _original(file: LibraryFile, path: str, size_bytes: int) -> LibraryFile:
    """The source as it was in the library: rules match its path and its size."""
    below = os.path.relpath(path, file.root)
    return replace(file, relative_path=below, stat=replace(file.stat, size_bytes=size_bytes))
