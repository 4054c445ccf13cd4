"""The item of a target that took its source's place, planned by what is known of the original."""

from __future__ import annotations

import os

import msgspec
import msgspec.structs
from msgspec.structs import replace

from av1rules.ledger.ledger import Ledger
from av1rules.ledger.records import TargetRow
from av1rules.ledger.trash_table import TrashEntry, TrashKind
from av1rules.media.cache import lone_file, unpack_facts
from av1rules.media.disk import Disk
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.context import PlanContext
from av1rules.plan.evaluate import evaluate
from av1rules.plan.items import (
    Encode,
    Evaluation,
    KeptSpace,
    LeftAlone,
    PlanItem,
    PlannedEncode,
    PlannedFile,
    with_note,
)
from av1rules.plan.source_item import awaits_grain, ready_to_encode, with_freshness
from av1rules.plan.target_state import (
    TargetOwner,
    TargetState,
    inspect_target,
    is_as_written,
    target_path,
)
from av1rules.plan.workspace import Workspace


def _source_of(kept: TrashEntry) -> Source | None:
    return unpack_facts(kept.facts or b"")


def trash_summary(ledger: Ledger) -> KeptSpace:
    """How much is in the trash."""
    sums = tuple(ledger.kept.sums())
    return KeptSpace(
        files=sum(one.count for one in sums), size_bytes=sum(one.size_bytes for one in sums)
    )


class OriginalEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The original behind a target: its ledger row `known`, its trash entry `kept`, the file as it
    `was` in the library, and what the current policy says of it."""

    known: TargetRow
    kept: TrashEntry
    was: LibraryFile
    evaluation: Evaluation


def evaluate_original(workspace: Workspace, file: LibraryFile) -> OriginalEvaluation | None:
    """`file` is a target as the walk found it; None if no replaced original is known."""
    known = workspace.ledger.find(file.path)
    if known is None:
        return None
    kept = workspace.ledger.kept.original_of(file.path, known.content_key)
    source = None if kept is None else _source_of(kept)
    if kept is None or source is None:
        return None
    was = _original(file, known.source_path, known.source_bytes)
    evaluation = evaluate(workspace, was, source, content_key=known.content_key)
    return OriginalEvaluation(known=known, kept=kept, was=was, evaluation=evaluation)


def plan_replaced(scope: PlanContext, file: LibraryFile) -> PlanItem | None:
    """Fresh, to be redone from the original in the trash, or left alone because that is gone.
    `file` is the target as the walk found it; None if the file there is another one or was
    edited."""
    workspace, disk = scope.workspace, scope.workspace.disk
    row = workspace.ledger.find(file.path)
    found = None if row is None else inspect_target(file.path, row, workspace.tools, disk)
    if row is None or found is None or not _is_ours(row, found):
        return None
    original = evaluate_original(workspace, file)
    if original is None:
        cause = "made by av1rules: its original is not known here"
        return LeftAlone.of(PlannedFile(file=file), cause, is_lasting=True)
    known, kept, evaluation = original.known, original.kept, original.evaluation
    planned = PlannedFile(file=file, target=file.path)
    if (grain_first := awaits_grain(planned, evaluation, path=kept.path)) is not None:
        if kept.gone_at is None and _is_there(kept, disk):
            return grain_first
        rule = evaluation.grain_rule.name if evaluation.grain_rule else ""
        cause = f"rule {rule} asks for the grain of its original, which is gone"
        return LeftAlone.of(planned, f"replaced its source before; {cause}", is_lasting=True)
    planned = replace(
        planned,
        rule=evaluation.rule_name,
        source_tier=evaluation.tier_name,
        fingerprint=known.fingerprint,
    )
    recipe = evaluation.recipe
    if recipe is None or recipe.encoder is None or evaluation.fingerprint is None:
        reason = (recipe.problem if recipe else evaluation.decision.reason) or "no rule matches"
        return LeftAlone.of(planned, f"replaced its source before; by today's rules: {reason}")
    work = PlannedEncode(
        evaluation=evaluation,
        recipe=recipe,
        encoder=recipe.encoder,
        content_key=known.content_key,
        fingerprint=evaluation.fingerprint,
        known=known,
        found=found,
        origin=file,
    )
    item = with_freshness(scope, replace(planned, fingerprint=work.fingerprint), work)
    if not isinstance(item, Encode):
        return item
    return ready_to_encode(scope, _rebuilt(scope, item, kept, original.was))


def _is_ours(row: TargetRow, found: TargetState) -> bool:
    return is_as_written(row, found) or found.place is TargetOwner.OURS


def _rebuilt(
    scope: PlanContext, item: Encode, kept: TrashEntry, was: LibraryFile
) -> Encode | LeftAlone:
    """The stale target, redone from its original if that is possible."""
    causes, disk = "; ".join(item.causes), scope.workspace.disk
    container = item.work.recipe.settings.container
    if target_path(was, scope.workspace.ruleset.output, container) != item.target:
        cause = f"{causes}: another container can't be made in place; `av1rules undo` it first"
        return LeftAlone.of(item, cause)
    if kept.gone_at is not None or not _is_there(kept, disk):
        return LeftAlone.of(item, f"cannot rebuild: original gone ({causes})")
    item = with_note(item, "made from the original in the trash")
    return replace(item, work=replace(item.work, origin=lone_file(kept.path, disk)))


def _is_there(kept: TrashEntry, disk: Disk) -> bool:
    try:
        return kept.kind is TrashKind.ORIGINAL and disk.content_key(kept.path) == kept.content_key
    except OSError:
        return False


def _original(file: LibraryFile, path: str, size_bytes: int) -> LibraryFile:
    """The source as it was in the library, since rules match its path and size."""
    below = os.path.relpath(path, file.root)
    stat = msgspec.structs.replace(file.stat, size_bytes=size_bytes)
    return msgspec.structs.replace(file, relative_path=below, stat=stat)
