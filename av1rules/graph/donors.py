"""Looks for a target that was made of the same content: to follow its renamed source, or to be
shared with a second one."""

from __future__ import annotations

import os
from dataclasses import replace

from av1rules.base.digest import content_key
from av1rules.graph.in_place import look_in_place
from av1rules.graph.planned import Donor, PlanRow, Work
from av1rules.graph.scope import PlanScope
from av1rules.graph.stale import TargetRow, TargetState, is_as_written


def with_donor(scope: PlanScope, row: PlanRow, work: Work) -> Work:
    """The work with its donor, if there is one. For one that moves, `known` and `found` are as they
    will be after the move."""
    known = work.known
    if known is None and work.found is not None and not work.replaces:
        return _came_along(scope, row, work, work.found)
    if known is not None and known.content_key == work.content_key:
        renamed = _renamed(row, work, known)
        if renamed is not work or _is_as_wanted(scope, row, work, known):
            return renamed
    rows = scope.space.ledger.of_content(work.content_key)
    others = [one for one in rows if one.target != row.target and one.target not in scope.taken]
    donors = [donor for donor in others if _is_whole(scope, donor)]
    movers = [donor for donor in donors if _may_move(scope, row, donor, work)]
    is_own = known is not None and known.content_key == work.content_key and work.found is not None
    if movers and not is_own:
        moving = _moving(scope, row, work, _best(movers, work))
        if moving.donor is not None:
            return moving
    if not scope.may_copy:
        return work
    alike = [one for one in donors if one.fingerprint == work.fingerprint and not one.forgotten]
    if not alike:
        return work
    return replace(work, donor=Donor(row=alike[0]))


def _came_along(scope: PlanScope, row: PlanRow, work: Work, found: TargetState) -> Work:
    """A file that the ledger does not know lies in the target's place: was it moved there together
    with its source, by somebody who renamed the folder of both? Then only the ledger must know."""
    for donor in scope.space.ledger.of_content(work.content_key):
        is_it = found.size_bytes == donor.target_bytes and found.key == donor.target_key
        is_gone = donor.target not in scope.taken and not os.path.lexists(donor.target)
        if is_it and is_gone and _may_move(scope, row, donor, work):
            assert row.target is not None
            moved = replace(
                donor, target=row.target, source=row.file.library_path, source_path=row.file.path
            )
            return replace(work, donor=Donor(row=donor, is_move=True), known=moved)
    return work


def _is_as_wanted(scope: PlanScope, row: PlanRow, work: Work, known: TargetRow) -> bool:
    """Whether the target in its place is what it should be, by ledger, disk and `verify`."""
    is_alike = known.fingerprint == work.fingerprint and not known.forgotten
    is_whole = work.found is not None and is_as_written(known, work.found)
    return is_alike and is_whole and row.target not in scope.faults


def _renamed(row: PlanRow, work: Work, known: TargetRow) -> Work:
    """The source has another extension or root now, and its target stays where it is: only the
    ledger must know."""
    is_same = (known.source, known.source_path) == (row.file.library_path, row.file.path)
    if is_same or work.replaces or os.path.lexists(known.source_path):
        return work
    now = replace(known, source=row.file.library_path, source_path=row.file.path)
    return replace(work, donor=Donor(row=known, is_move=True), known=now)


def _best(movers: list[TargetRow], work: Work) -> TargetRow:
    return next((one for one in movers if one.fingerprint == work.fingerprint), movers[0])


def _is_whole(scope: PlanScope, donor: TargetRow) -> bool:
    found = look_in_place(donor.target, donor, scope.space.tools)
    is_whole = found is not None and is_as_written(donor, found)
    return is_whole and donor.target not in scope.faults


def _may_move(scope: PlanScope, row: PlanRow, donor: TargetRow, work: Work) -> bool:
    """Whether the donor's own source is gone: renamed, moved or replaced by other content. A target
    in the place of its source is the film of the library itself and goes nowhere."""
    if work.replaces or os.fsencode(donor.target) in scope.replaced:
        return False
    if not _has_extension_of(donor.target, row):
        return False
    if donor.source_path == row.file.path:  # its root may have another name in the rules now
        return donor.source != row.file.library_path
    try:
        return content_key(donor.source_path) != donor.content_key
    except OSError:
        return not os.path.lexists(donor.source_path)


def _has_extension_of(target: str, row: PlanRow) -> bool:
    """Whether the container is the same: no name may promise another one."""
    return os.path.splitext(target)[1] == os.path.splitext(row.target or "")[1]


def _moving(scope: PlanScope, row: PlanRow, work: Work, donor: TargetRow) -> Work:
    assert row.target is not None
    stands = work.known if work.found is not None else None
    if work.found is not None and (stands is None or not _may_displace(stands, row, work)):
        return work  # no move into a place that is taken
    moved = replace(
        donor, target=row.target, source=row.file.library_path, source_path=row.file.path
    )
    return replace(
        work,
        donor=Donor(row=donor, is_move=True),
        known=moved,
        found=look_in_place(donor.target, donor, scope.space.tools),
        displaces=stands,
    )


def _may_displace(stands: TargetRow, row: PlanRow, work: Work) -> bool:
    """What stands in the place is a target as written, whose source is no longer what it was."""
    assert work.found is not None
    return is_as_written(stands, work.found) and stands.source_path == row.file.path
