"""What a run would put into a mirror beside its targets, and what it would take out again."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from av1rules.base.text import printable
from av1rules.media.disk import Disk
from av1rules.plan.context import PlanContext
from av1rules.plan.rest.compare import Comparison, Differences, compare_folder, unvisited
from av1rules.plan.rest.items import (
    PlaceCause,
    RemovalCause,
    RestPlan,
    RestProblem,
    RestProblemKind,
)
from av1rules.plan.rest.wanted import (
    MirrorFolder,
    WalkedFiles,
    by_mark,
    coming_targets,
    wanted_folders,
)
from av1rules.plan.rows import PlanRows
from av1rules.plan.safety_stop import SafetyStop, check_root
from av1rules.policy.model import OutputMode, Rest, RuleSet


def rest_of(ruleset: RuleSet) -> Rest:
    """What the rules say of the rest: nothing stands in anything but a mirror."""
    output = ruleset.output
    return output.rest if output.mode is OutputMode.MIRROR else Rest.LEAVE


def plan_rest(
    scope: PlanContext,
    rows: PlanRows,
    walked: WalkedFiles,
    unclaimed: Sequence[str],
    *,
    is_whole: bool,
) -> tuple[RestPlan, SafetyStop | None]:
    """The rest of the mirror for all planned items, and the safety stop if too much of it lost its
    sources. `unclaimed` are targets that no item has; `is_whole`: all of the library could be
    read."""
    ruleset = scope.workspace.ruleset
    kind, root = rest_of(ruleset), ruleset.output.root
    if kind is Rest.LEAVE and not scope.workspace.ledger.stand_ins.has_any():
        return RestPlan(), None
    output_root = str(root) if root is not None else ""
    has_include = bool(ruleset.library.include)
    folders = wanted_folders(output_root, rows, walked, scope.request, has_include=has_include)
    comparison = _comparison(scope, rows, unclaimed, is_whole=is_whole)
    found, visited = Differences(), set()
    for path, folder in folders if kind is not Rest.LEAVE else ():
        scope.workspace.children.check()
        compare_folder(comparison, path, folder, found)
        visited.add(path)
    for path in unvisited(comparison, visited):
        nothing = MirrorFolder(source_folder="", root="", wanted={}, undecided=set(), encoded=set())
        compare_folder(comparison, path, nothing, found)
    _follow_renames(found)
    plan = RestPlan(
        kind=kind,
        in_place=found.in_place,
        waiting=found.waiting,
        to_place=tuple(found.place),
        to_remove=tuple(found.remove),
        to_forget=tuple(found.forget),
        problems=(
            *(
                RestProblem(
                    kind=RestProblemKind.OTHER_DISK,
                    path=output_root,
                    source_path=root,
                    count=count,
                )
                for root, count in found.out_of_reach.items()
            ),
            *found.problems,
        ),
    )
    if scope.request.accept_missing:
        return plan, None
    return plan, _mass_removal(scope, plan, output_root)


def _comparison(
    scope: PlanContext, rows: PlanRows, unclaimed: Sequence[str], *, is_whole: bool
) -> Comparison:
    workspace = scope.workspace
    library, root = workspace.ruleset.library, workspace.ruleset.output.root
    kind, output_root = rest_of(workspace.ruleset), "" if root is None else str(root)
    return Comparison(
        ledger=workspace.ledger,
        kind=kind,
        output_root=output_root,
        mirror=workspace.disk.real_path(output_root),
        coming=coming_targets(rows),
        made=_made(scope, unclaimed),
        pending={row.path: row for row in workspace.ledger.stand_ins.pending()},
        other_disks=_other_disks(workspace.ruleset, kind, workspace.disk),
        request=scope.request,
        is_whole=is_whole,
        now_s=workspace.disk.now_s(),
        settle_s=library.settle_s,
        disk=workspace.disk,
    )


def _made(scope: PlanContext, unclaimed: Sequence[str]) -> dict[str, str]:
    """The targets that no item has, by source: a film that is left alone today may have been
    encoded before."""
    return {
        row.source_path: row.target
        for row in scope.workspace.ledger.rows_of(unclaimed)
        if scope.workspace.disk.lexists(row.target)
    }


def _other_disks(ruleset: RuleSet, kind: Rest, disk: Disk) -> frozenset[str]:
    """The roots from which a link of this kind can't reach the mirror."""
    top = ruleset.output.root
    if kind not in (Rest.HARDLINK, Rest.REFLINK) or top is None:
        return frozenset()
    device = disk.device_at(str(top))
    roots = (disk.real_path(root.path).rstrip("/") for root in ruleset.library.roots)
    return frozenset(root for root in roots if _device(root, disk) not in (None, device))


def _device(path: str, disk: Disk) -> int | None:
    try:
        return disk.stat(path or "/").st_dev
    except OSError:
        return None


def _follow_renames(found: Differences) -> None:
    """A stand-in whose source was renamed is renamed too, so that a film is never missing, and a
    copy is not made again."""
    gone = by_mark(
        (removal.stand_in.source_mark, number)
        for number, removal in enumerate(found.remove)
        if removal.cause is RemovalCause.SOURCE_GONE
    )
    new = by_mark(
        (mark, number)
        for number, mark in enumerate(found.marks)
        if found.place[number].replaces is None
    )
    followed: set[int] = set()
    for mark, number in new.items():
        old = gone.get(mark)
        if old is None or found.remove[old].stand_in.kind is not found.place[number].kind:
            continue
        found.place[number] = replace(
            found.place[number],
            moves_from=found.remove[old].stand_in,
            cause=PlaceCause.RENAMED,
        )
        followed.add(old)
    found.remove = [one for number, one in enumerate(found.remove) if number not in followed]


def _mass_removal(scope: PlanContext, plan: RestPlan, output_root: str) -> SafetyStop | None:
    lost = [
        one.stand_in.source_path for one in plan.to_remove if one.cause is RemovalCause.SOURCE_GONE
    ]
    if not lost:
        return None
    return check_root(
        f"the sources of {printable(output_root)}",
        known=scope.workspace.ledger.stand_ins.count(),
        found=1,  # whether a root is empty is judged by its inventory
        lost=lost,
        max_lost=scope.workspace.ruleset.library.max_lost,
    )
