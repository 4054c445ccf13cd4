"""What keeps a source from being encoded: another file at the target's path, or another source
with the same target.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable

from av1rules.base.text import printable
from av1rules.plan.context import PlanContext, PlanRequest
from av1rules.plan.items import (
    ActiveItem,
    Blocked,
    Encode,
    Fresh,
    PlanItem,
    PlannedEncode,
    PlannedFile,
    clip_of,
)
from av1rules.plan.target_state import TargetOwner, TargetState, is_as_written
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import OutputMode


def conflict_of(
    scope: PlanContext, planned: PlannedFile, work: PlannedEncode
) -> Blocked | Encode | None:
    """Blocked, if the file at the target's path may not be overwritten; an Encode, if a run that
    died published it; None, if nothing is in the way."""
    found, known = work.found, work.known
    if found is None:
        return None
    if work.replaces:
        cause = "in the place that the target would take stands another file: move one of both away"
        return Blocked.of(planned, f"{cause} ({planned.target})")
    if known is None or not is_as_written(known, found):
        if _was_just_published(scope.workspace, planned, found):
            cause = "published by a run that died: the next run takes it up"
            return Encode.of(planned, cause, work=work)
        may_overwrite = _may_overwrite(found, scope.request, planned)
        if (known is None and not scope.request.overwrites) or not may_overwrite:
            cause = _IN_THE_WAY[found.place, known is None]
            # Beside its source the target is a file of the library too, and counted there.
            is_mirror = scope.workspace.ruleset.output.mode is OutputMode.MIRROR
            is_unrecorded = is_mirror and (found.place, known) == (TargetOwner.MODIFIED, None)
            text = f"{cause} ({planned.target})"
            return Blocked.of(planned, text, is_unrecorded=is_unrecorded)
    if known is None:
        return None
    if known.content_key != work.content_key and known.source_path != planned.file.path:
        cause = (
            f"the target was made from another source, {known.source_path}: "
            f"move it away, or rename one of the sources ({planned.target})"
        )
        return Blocked.of(planned, cause, once_free=work)
    return None


def _may_overwrite(found: TargetState, request: PlanRequest, planned: PlannedFile) -> bool:
    if request.overwrites:
        return found.place is not TargetOwner.NOT_A_FILE
    if found.place is TargetOwner.MODIFIED:
        return request.forces(planned.file)
    return found.place is TargetOwner.OURS


_NO_FILE = "the target's place holds something that is not a readable file: move it away"

_IN_THE_WAY = {
    (TargetOwner.FOREIGN, True): (
        "the target exists, but not in the ledger: something else made it; "
        "move it away to have it made here"
    ),
    (TargetOwner.MODIFIED, True): (
        "av1rules made the target, but this ledger does not know it (was it lost?): "
        "`av1rules adopt` takes it up; move it away to have it made anew"
    ),
    (TargetOwner.NOT_A_FILE, True): _NO_FILE,
    (TargetOwner.NOT_A_FILE, False): _NO_FILE,
    (TargetOwner.MODIFIED, False): (
        "the target was changed since it was written, by an edit as it seems: it is kept; "
        "`av1rules adopt` takes it as it is; remove it, or run --force with its source, "
        "to have it made anew"
    ),
    (TargetOwner.FOREIGN, False): (
        "the target's place holds a file that av1rules did not write: move it away"
    ),
}
"""The cause, by the owner of the file and whether the target is missing from the ledger. Files that
are OURS are always in the ledger."""


def _was_just_published(workspace: Workspace, planned: PlannedFile, found: TargetState) -> bool:
    prepared = (work.row for work in workspace.ledger.jobs_in_progress())
    return any(
        entry is not None and entry.target == planned.target and entry.target_key == found.key
        for entry in prepared
    )


def block_collisions(rows: Iterable[PlanItem]) -> list[PlanItem]:
    """The items. Those that claim the same target are Blocked, and each names the others."""
    rows = list(rows)
    claims: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        is_claiming = isinstance(row, ActiveItem | Fresh) or clip_of(row) is not None
        if row.target is not None and is_claiming:
            claims[row.target].append(number)
    for target, numbers in claims.items():
        if len(numbers) > 1:
            for number in numbers:
                rows[number] = _collided(rows, number, numbers, target)
    return rows


def _collided(rows: list[PlanItem], number: int, numbers: list[int], target: str) -> Blocked:
    others = ", ".join(
        printable(os.path.basename(rows[other].file.relative_path))
        for other in numbers
        if other != number
    )
    cause = (
        f"would write the same target as {others} ({printable(os.path.basename(target))}): "
        "rename one, or skip one by a rule"
    )
    return Blocked.of(rows[number], cause)
