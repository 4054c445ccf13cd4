"""Finds a target that was made of the same content: it follows its renamed source, or a second
source gets it too."""

from __future__ import annotations

import os

import msgspec
import msgspec.structs
from msgspec.structs import replace

from av1rules.base.hashing import content_key
from av1rules.ledger.records import TargetRow
from av1rules.plan.context import PlanContext
from av1rules.plan.items import PlannedEncode, PlannedFile, ReusableTarget
from av1rules.plan.target_state import TargetState, inspect_target, is_as_written


def with_reusable_target(
    scope: PlanContext, planned: PlannedFile, work: PlannedEncode, *, excluded: frozenset[str]
) -> PlannedEncode:
    """The work with the target it reuses, if there is one beside those `excluded`. For one that
    moves, `known` and `found` are as they will be after the move."""
    known = work.known
    if known is None and work.found is not None and not work.replaces:
        return _moved_with_source(scope, planned, work, work.found, excluded)
    if known is not None and known.content_key == work.content_key:
        renamed = _renamed_source(planned, work, known)
        if renamed is not work or _is_as_wanted(scope, planned, work, known):
            return renamed
    rows = scope.workspace.ledger.of_content(work.content_key)
    others = [one for one in rows if one.target != planned.target and one.target not in excluded]
    donors = [donor for donor in others if _is_whole(scope, donor)]
    movers = [donor for donor in donors if _may_move(scope, planned, donor, work)]
    is_own = known is not None and known.content_key == work.content_key and work.found is not None
    if movers and not is_own:
        moving = _as_move(scope, planned, work, _best(movers, work))
        if moving.reuse is not None:
            return moving
    if not scope.may_copy:
        return work
    alike = [one for one in donors if one.fingerprint == work.fingerprint and not one.forgotten]
    if not alike:
        return work
    return replace(work, reuse=ReusableTarget(row=alike[0]))


def _moved_with_source(
    scope: PlanContext,
    planned: PlannedFile,
    work: PlannedEncode,
    found: TargetState,
    excluded: frozenset[str],
) -> PlannedEncode:
    """A file that the ledger does not know lies in the target's place: was it moved there together
    with its source, by somebody who renamed the folder of both? Then only the ledger must know."""
    for donor in scope.workspace.ledger.of_content(work.content_key):
        is_it = found.size_bytes == donor.target_bytes and found.key == donor.target_key
        is_gone = donor.target not in excluded and not os.path.lexists(donor.target)
        if is_it and is_gone and _may_move(scope, planned, donor, work):
            assert planned.target is not None
            moved = msgspec.structs.replace(
                donor,
                target=planned.target,
                source=planned.file.library_path,
                source_path=planned.file.path,
            )
            return replace(work, reuse=ReusableTarget(row=donor, is_move=True), known=moved)
    return work


def _is_as_wanted(
    scope: PlanContext, planned: PlannedFile, work: PlannedEncode, known: TargetRow
) -> bool:
    """Whether the target in its place is what it should be, by ledger, disk and `verify`."""
    is_alike = known.fingerprint == work.fingerprint and not known.forgotten
    is_whole = work.found is not None and is_as_written(known, work.found)
    return is_alike and is_whole and planned.target not in scope.faults


def _renamed_source(planned: PlannedFile, work: PlannedEncode, known: TargetRow) -> PlannedEncode:
    """The source has another extension or root now, and its target stays where it is: only the
    ledger must know."""
    is_same = (known.source, known.source_path) == (planned.file.library_path, planned.file.path)
    if is_same or work.replaces or os.path.lexists(known.source_path):
        return work
    now = msgspec.structs.replace(
        known, source=planned.file.library_path, source_path=planned.file.path
    )
    return replace(work, reuse=ReusableTarget(row=known, is_move=True), known=now)


def _best(movers: list[TargetRow], work: PlannedEncode) -> TargetRow:
    return next((one for one in movers if one.fingerprint == work.fingerprint), movers[0])


def _is_whole(scope: PlanContext, donor: TargetRow) -> bool:
    found = inspect_target(donor.target, donor, scope.workspace.tools)
    is_whole = found is not None and is_as_written(donor, found)
    return is_whole and donor.target not in scope.faults


def _may_move(
    scope: PlanContext, planned: PlannedFile, donor: TargetRow, work: PlannedEncode
) -> bool:
    """Whether the donor's own source is gone: renamed, moved or replaced by other content. A target
    in the place of its source is the film of the library itself and goes nowhere."""
    if work.replaces or donor.target in scope.replaced:
        return False
    if not _has_extension_of(donor.target, planned):
        return False
    if donor.source_path == planned.file.path:  # its root may have another name in the rules now
        return donor.source != planned.file.library_path
    try:
        return content_key(donor.source_path) != donor.content_key
    except OSError:
        return not os.path.lexists(donor.source_path)


def _has_extension_of(target: str, planned: PlannedFile) -> bool:
    """Whether the container is the same: no name may promise another one."""
    return os.path.splitext(target)[1] == os.path.splitext(planned.target or "")[1]


def _as_move(
    scope: PlanContext, planned: PlannedFile, work: PlannedEncode, donor: TargetRow
) -> PlannedEncode:
    assert planned.target is not None
    stands = work.known if work.found is not None else None
    if work.found is not None and (stands is None or not _may_displace(stands, planned, work)):
        return work  # no move into a place that is taken
    moved = msgspec.structs.replace(
        donor,
        target=planned.target,
        source=planned.file.library_path,
        source_path=planned.file.path,
    )
    return replace(
        work,
        reuse=ReusableTarget(row=donor, is_move=True),
        known=moved,
        found=inspect_target(donor.target, donor, scope.workspace.tools),
        displaces=stands,
    )


def _may_displace(stands: TargetRow, planned: PlannedFile, work: PlannedEncode) -> bool:
    """What stands in the place is a target as written, whose source is no longer what it was."""
    assert work.found is not None
    return is_as_written(stands, work.found) and stands.source_path == planned.file.path
