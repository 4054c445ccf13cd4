"""Finds a finished target of the same content: it follows its renamed source, or is copied for a
second source.
"""

from __future__ import annotations

import os

import msgspec
import msgspec.structs
from msgspec.structs import replace

from av1rules.ledger.records import TargetRow
from av1rules.plan.context import PlanContext
from av1rules.plan.items import PlannedEncode, PlannedFile, ReusableTarget
from av1rules.plan.moved.places import is_misplaced
from av1rules.plan.target_state import TargetState, inspect_target, is_as_written


def with_reusable_target(
    scope: PlanContext, planned: PlannedFile, work: PlannedEncode, *, excluded: frozenset[str]
) -> PlannedEncode:
    """The work with the target it reuses, if there is one that is not `excluded`. For a move,
    `known` and `found` are as they will be after it."""
    known = work.known
    if known is None and work.found is not None and not work.replaces:
        return work  # somebody's file, which is not touched
    if known is not None and known.content_key == work.content_key:
        renamed = _renamed_source(scope, planned, work, known)
        if renamed is not work or _is_as_wanted(scope, planned, work, known):
            return renamed
    rows = scope.workspace.ledger.of_content(work.content_key)
    others = [one for one in rows if one.target != planned.target and one.target not in excluded]
    reusable = [one for one in others if _is_whole(scope, one)]
    movers = [one for one in reusable if _may_move(scope, planned, one, work)]
    is_own = known is not None and known.content_key == work.content_key and work.found is not None
    if movers and not is_own:
        moving = _as_move(scope, planned, work, _best(movers, work))
        if moving.reuse is not None:
            return moving
    if not scope.may_copy:
        return work
    alike = [one for one in reusable if one.fingerprint == work.fingerprint and not one.forgotten]
    if not alike:
        return work
    return replace(work, reuse=ReusableTarget(row=alike[0]))


def _is_as_wanted(
    scope: PlanContext, planned: PlannedFile, work: PlannedEncode, known: TargetRow
) -> bool:
    """Whether the target is as the plan wants it, by ledger, disk and `verify`."""
    is_alike = known.fingerprint == work.fingerprint and not known.forgotten
    is_whole = work.found is not None and is_as_written(known, work.found)
    return is_alike and is_whole and planned.target not in scope.faults


def _renamed_source(
    scope: PlanContext, planned: PlannedFile, work: PlannedEncode, known: TargetRow
) -> PlannedEncode:
    """If the source has another extension or root now and its target stays where it is, the work is
    a move that only updates the ledger."""
    is_same = (known.source, known.source_path) == (planned.file.library_path, planned.file.path)
    if is_same or work.replaces or scope.workspace.disk.lexists(known.source_path):
        return work
    now = msgspec.structs.replace(
        known, source=planned.file.library_path, source_path=planned.file.path
    )
    return replace(work, reuse=ReusableTarget(row=known, is_move=True), known=now)


def _best(movers: list[TargetRow], work: PlannedEncode) -> TargetRow:
    return next((one for one in movers if one.fingerprint == work.fingerprint), movers[0])


def _is_whole(scope: PlanContext, reused: TargetRow) -> bool:
    found = _inspected(scope, reused)
    is_whole = found is not None and is_as_written(reused, found)
    return is_whole and reused.target not in scope.faults


def _inspected(scope: PlanContext, row: TargetRow) -> TargetState | None:
    return inspect_target(row.target, row, scope.workspace.tools, scope.workspace.disk)


def _may_move(
    scope: PlanContext, planned: PlannedFile, reused: TargetRow, work: PlannedEncode
) -> bool:
    """Whether the target's own source is gone: renamed, moved or replaced by other content. A
    target that replaced its source never moves: it is itself the library's file."""
    if work.replaces or reused.target in scope.replaced:
        return False
    if not _has_extension_of(reused.target, planned):
        return False
    if reused.source_path == planned.file.path:
        # Its root may have another name in the rules now, or a user moved the target away.
        is_other = reused.source != planned.file.library_path
        return is_other or is_misplaced(scope.workspace.ruleset, reused, scope.workspace.disk)
    try:
        return scope.workspace.disk.content_key(reused.source_path) != reused.content_key
    except OSError:
        return not scope.workspace.disk.lexists(reused.source_path)


def _has_extension_of(target: str, planned: PlannedFile) -> bool:
    """Whether both have the same extension, since it must name the container."""
    return os.path.splitext(target)[1] == os.path.splitext(planned.target or "")[1]


def _as_move(
    scope: PlanContext, planned: PlannedFile, work: PlannedEncode, reused: TargetRow
) -> PlannedEncode:
    assert planned.target is not None
    displaced = work.known if work.found is not None else None
    if work.found is not None and (
        displaced is None or not _may_displace(scope, displaced, planned, work)
    ):
        return work  # never move onto another file
    moved = msgspec.structs.replace(
        reused,
        target=planned.target,
        source=planned.file.library_path,
        source_path=planned.file.path,
    )
    return replace(
        work,
        reuse=ReusableTarget(row=reused, is_move=True),
        known=moved,
        found=_inspected(scope, reused),
        displaces=displaced,
    )


def _may_displace(
    scope: PlanContext, displaced: TargetRow, planned: PlannedFile, work: PlannedEncode
) -> bool:
    """Whether the target in the way is as written, and was made from what this source was before,
    or came there by a user's move."""
    assert work.found is not None
    is_former = displaced.source_path == planned.file.path
    is_free = is_former or is_misplaced(scope.workspace.ruleset, displaced, scope.workspace.disk)
    return is_as_written(displaced, work.found) and is_free
