"""What a run would do and why: discover, probe, evaluate, compare. Writes caches only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from av1rules.base.errors import UsageError
from av1rules.base.events import Probing, Sink, ignore
from av1rules.base.files import is_at_or_below
from av1rules.base.text import printable
from av1rules.base.units import format_duration
from av1rules.ffmpeg.tools import Tools
from av1rules.ledger.mapping import canonical_json
from av1rules.ledger.records import tools_used
from av1rules.media.cache import ProbeFailure
from av1rules.media.discover import Candidate, SkipReason, WalkProblem
from av1rules.media.source import LibraryFile
from av1rules.plan.assign_reuse import assign_reuse
from av1rules.plan.cache import CachedDecision, PlanCache
from av1rules.plan.conflicts import block_collisions
from av1rules.plan.context import KnownTargets, PlanContext, PlanRequest
from av1rules.plan.items import (
    ActiveItem,
    Blocked,
    Fresh,
    Held,
    LeftAlone,
    Orphan,
    Plan,
    PlanAction,
    PlanItem,
)
from av1rules.plan.orphans import find_orphans
from av1rules.plan.replaced_item import plan_replaced, trash_summary
from av1rules.plan.review_gate import deduplicate_clips
from av1rules.plan.safety_stop import Inventory, SafetyStop, check_output, check_roots
from av1rules.plan.source_item import plan_file
from av1rules.plan.workspace import Workspace, probe_files, walk_roots
from av1rules.policy.model import OnToolsChange, OriginalsKind, OutputMode, OutputSpec

SKIP_TEXTS = {
    SkipReason.EXCLUDED: "excluded by library.include or library.exclude",
    SkipReason.TOO_SMALL: "smaller than library.min_size",
    SkipReason.SETTLING: "written to within library.settle: left for next time",
    SkipReason.MARKED: "marked with .av1skip",
}


def build_plan(
    workspace: Workspace, request: PlanRequest = PlanRequest(), *, sink: Sink = ignore
) -> Plan:
    """The plan for the library; `sink` gets the progress of probing.

    Raises UsageError for a path outside the library. What forbids a run is in `safety_stops`.
    """
    _require_below_roots(workspace, request)
    cache = PlanCache.load(workspace.state_dir, workspace.policy_digest)
    scope = PlanContext.load(workspace, request)
    found, targets, problems = _discover(scope)
    inventories, safety_stops = _check_for_losses(scope, found, targets, problems)
    chosen = _with_rivals(found, request)
    rows, unknown = _from_cache(scope, chosen, cache)
    rows.update((row.file.path, row) for row in _evaluate_files(scope, unknown, sink))
    ordered = block_collisions(rows[item.file.path] for item in chosen)
    ordered = deduplicate_clips(scope, assign_reuse(scope, ordered))
    cache.keep(ordered, whole=not request.paths)
    planned = tuple(row for row in ordered if request.covers(row.file))
    return Plan(
        rows=planned,
        problems=tuple(f"{problem.path}: {problem.message}" for problem in problems),
        safety_stops=safety_stops,
        orphans=()
        if request.paths or safety_stops
        else _orphans(scope, ordered, is_whole=not problems),
        inventories=inventories,
        kept=trash_summary(workspace.ledger),
        notes=_notes(workspace.ruleset.output, planned),
        is_whole=not (request.paths or problems or safety_stops),
    )


def _notes(output: OutputSpec, rows: tuple[PlanItem, ...]) -> tuple[str, ...]:
    """When replacing frees space: not as long as the originals are kept."""
    if output.mode is not OutputMode.REPLACE or not any(
        isinstance(row, ActiveItem) for row in rows
    ):
        return ()
    purge = "`av1rules originals purge`"
    if output.originals.kind is OriginalsKind.DELETE:
        return ("originals are deleted once their results are verified: no undo",)
    if output.originals.keep_s is None:
        return (f"originals are kept: no space is freed until {purge}",)
    kept_for = format_duration(output.originals.keep_s)
    return (f"originals are kept for {kept_for}: no space is freed before, or until {purge}",)


def _check_for_losses(
    scope: PlanContext,
    found: list[Candidate],
    targets: list[Candidate],
    problems: list[WalkProblem],
) -> tuple[tuple[Inventory, ...], tuple[SafetyStop, ...]]:
    workspace, request = scope.workspace, scope.request
    files = (item.file for item in found)
    roots_with_targets = frozenset(item.file.root for item in targets)
    inventories, safety_stops = check_roots(
        workspace, files, problems, replaced=scope.places, roots_with_targets=roots_with_targets
    )
    output = check_output(workspace, workspace.ledger.targets())
    if request.accept_missing:
        return inventories, ()
    return inventories, safety_stops if output is None else (*safety_stops, output)


def _orphans(scope: PlanContext, rows: list[PlanItem], *, is_whole: bool) -> tuple[Orphan, ...]:
    known = (target for target in scope.known if target not in scope.replaced)
    return tuple(find_orphans(scope.workspace, known, rows, is_whole=is_whole))


def _require_below_roots(workspace: Workspace, request: PlanRequest) -> None:
    """Raise UsageError for a requested path that can't hold a file of the library."""
    roots = [os.path.realpath(root.path) for root in workspace.ruleset.library.roots]
    for path in request.paths:
        if not any(is_at_or_below(path, root) or is_at_or_below(root, path) for root in roots):
            raise UsageError(
                "not below any root of the library",
                where=printable(path),
                hint=f"the roots are {', '.join(printable(root) for root in roots)}",
            )


def _discover(scope: PlanContext) -> tuple[list[Candidate], list[Candidate], list[WalkProblem]]:
    """The candidates, our own targets that stand beside them, and the problems of the walk."""
    found: list[Candidate] = []
    targets: list[Candidate] = []
    problems: list[WalkProblem] = []
    ruleset = scope.workspace.ruleset
    for step in walk_roots(ruleset, ruleset.library.roots):
        scope.workspace.children.check()
        if isinstance(step, WalkProblem):
            problems.append(step)
        elif not scope.is_target(step.file) or scope.is_in_place_of_source(step.file):
            found.append(step)
        else:
            targets.append(step)
    return found, targets, problems


def _with_rivals(found: list[Candidate], request: PlanRequest) -> list[Candidate]:
    """The requested files and those of the same stem, which might claim the same target."""
    if not request.paths:
        return found
    wanted = {_stem(item.file) for item in found if request.covers(item.file)}
    return [item for item in found if _stem(item.file) in wanted]


def _stem(file: LibraryFile) -> str:
    return os.path.splitext(file.path)[0]


def _from_cache(
    scope: PlanContext, found: Iterable[Candidate], cache: PlanCache
) -> tuple[dict[str, PlanItem], list[LibraryFile]]:
    """The rows that the cache answers, and the files that must be evaluated."""
    rows: dict[str, PlanItem] = {}
    unknown: list[LibraryFile] = []
    workspace, known = scope.workspace, scope.known
    current = _tools_texts(workspace.tools)
    redo = workspace.ruleset.tools.on_change is OnToolsChange.REDO
    for item in found:
        file = item.file
        if item.skip_reason is not None:
            cause = SKIP_TEXTS[item.skip_reason]
            rows[file.path] = LeftAlone(file=file, causes=(cause,))
            continue
        seen = None if scope.request.force else cache.find(file)
        if seen is None or (
            seen.action is not PlanAction.FRESH and scope.is_in_place_of_source(file)
        ):
            unknown.append(file)
            continue
        is_other = False
        if seen.action is PlanAction.FRESH:
            made_with = _still_fresh(seen, known)
            is_other = made_with not in current
            is_faulty = scope.faults and os.fsdecode(seen.target or b"") in scope.faults
            if made_with is None or is_faulty or (is_other and redo):
                unknown.append(file)
                continue
        rows[file.path] = _cached_item(file, seen, has_other_tools=is_other)
    return rows, unknown


def _still_fresh(seen: CachedDecision, known: KnownTargets) -> str | None:
    """The tools of a cached fresh target as JSON; None if ledger or disk no longer agree."""
    row = known.get(os.fsdecode(seen.target)) if seen.target is not None else None
    if row is None or row[0] != seen.fingerprint:
        return None
    try:
        stat = os.stat(seen.target)  # type: ignore[arg-type]  # not None, since its row exists
    except OSError:
        return None
    return row[3] if (stat.st_size, stat.st_mtime_ns) == row[1:3] else None


def _cached_item(file: LibraryFile, seen: CachedDecision, *, has_other_tools: bool) -> PlanItem:
    known: dict[str, Any] = {
        "file": file,
        "causes": seen.causes,
        "rule": seen.rule,
        "source_tier": seen.source_tier,
        "target": None if seen.target is None else os.fsdecode(seen.target),
        "fingerprint": seen.fingerprint,
        "notes": seen.notes,
        "is_lasting": True,
    }
    if seen.action is PlanAction.FRESH:
        return Fresh(**known, has_other_tools=has_other_tools)
    return Held(**known) if seen.action is PlanAction.HELD else LeftAlone(**known)


def _evaluate_files(
    scope: PlanContext, files: Sequence[LibraryFile], sink: Sink
) -> Iterator[PlanItem]:
    workspace = scope.workspace
    others: list[LibraryFile] = []
    for file in files:
        row = plan_replaced(scope, file) if scope.is_in_place_of_source(file) else None
        if row is None:
            others.append(file)
        else:
            yield row
    for done, (file, source) in enumerate(probe_files(workspace, others), start=1):
        sink(Probing(done=done, total=len(others)))
        workspace.children.check()
        if isinstance(source, ProbeFailure):
            cause = f"can't be read as video: {source.message}"
            yield Blocked(file=file, causes=(cause,))
        else:
            yield plan_file(scope, file, source)


def _tools_texts(tools: Tools) -> frozenset[str]:
    return frozenset(canonical_json(tools_used(encoder, tools)) for encoder in tools.encoders)
