"""Looks for a target that was made of the same content: to follow its renamed source, or to be
shared with a second one."""

from __future__ import annotations

import os
from dataclasses import replace

from av1rules.base.digest import content_key
from av1rules.graph.in_place import look_in_place
from av1rules.graph.planned import Donor, PlanRow, Work
from av1rules.graph.scope import PlanScope
from av1rules.graph.stale import TargetRow, is_as_written


def with_donor(scope: PlanScope, row: PlanRow, work: Work) -> Work:
    """The work with its donor, if there is one. For one that moves, `known` and `found` are as they
    will be after the move."""
    if work.known is not None and work.known.content_key == work.content_key:
        return _renamed(row, work, work.known)
    rows = scope.space.ledger.of_content(work.content_key)
    donors = [donor for donor in rows if donor.target != row.target and _is_whole(scope, donor)]
    movers = [donor for donor in donors if _may_move(scope, donor, work)]
    if movers:
        return _moving(scope, row, work, _best(movers, work))
    if not scope.may_copy:
        return work
    alike = [one for one in donors if one.fingerprint == work.fingerprint and not one.forgotten]
    if not alike:
        return work
    return replace(work, donor=Donor(row=alike[0]))


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
    return found is not None and is_as_written(donor, found)


def _may_move(scope: PlanScope, donor: TargetRow, work: Work) -> bool:
    """Whether the donor's own source is gone: renamed, moved or replaced by other content. A target
    in the place of its source is the film of the library itself and goes nowhere."""
    if work.replaces or os.fsencode(donor.target) in scope.replaced:
        return False
    try:
        return content_key(donor.source_path) != donor.content_key
    except OSError:
        return not os.path.lexists(donor.source_path)


def _moving(scope: PlanScope, row: PlanRow, work: Work, donor: TargetRow) -> Work:
    assert row.target is not None
    stands = work.known if work.found is not None else None
    if work.found is not None and (stands is None or not _may_displace(stands, row, work)):
        return work  # the place is somebody's: that is told instead
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
