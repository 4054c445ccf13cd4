"""What a run would do and why: discover, probe, classify, match, resolve, judge. A pure read.

Writes nothing but caches: no target, no ledger row, nothing that changes what is stale.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from av1rules.base.errors import UsageError
from av1rules.base.events import Probing, Sink, ignore
from av1rules.base.text import printable
from av1rules.base.units import format_duration
from av1rules.graph.brake import look_at_output, look_at_roots
from av1rules.graph.census import Brake, Census
from av1rules.graph.clip_plan import settle_clips
from av1rules.graph.glance import Glance, Remembered
from av1rules.graph.identity import settle_donors
from av1rules.graph.ledger_rows import tools_json
from av1rules.graph.orphans import find_orphans
from av1rules.graph.plan_file import look_again, plan_file
from av1rules.graph.plan_replaced import kept_space, plan_replaced
from av1rules.graph.planned import ACTIVE, Orphan, Plan, PlanAction, PlanRow
from av1rules.graph.scope import KnownTargets, PlanScope, Wish, is_at_or_below
from av1rules.graph.stale import tools_used
from av1rules.graph.targets import block_collisions
from av1rules.graph.workspace import Workspace
from av1rules.library.cache import ProbeFailure
from av1rules.library.discover import VIDEO_EXTENSIONS, Found, SetAside, WalkProblem, walk
from av1rules.library.probe import probe_many
from av1rules.library.source import LibraryFile, Source
from av1rules.library.toolset import Tools
from av1rules.rules.model import (
    OnToolsChange,
    OriginalsKind,
    OutputMode,
    OutputSpec,
    Root,
    RuleSet,
)

SET_ASIDE_TEXTS = {
    SetAside.EXCLUDED: "excluded by library.include or library.exclude",
    SetAside.TOO_SMALL: "smaller than library.min_size",
    SetAside.SETTLING: "written to within library.settle: left for next time",
    SetAside.MARKED: "marked with .av1skip",
}


def build_plan(space: Workspace, wish: Wish = Wish(), *, sink: Sink = ignore) -> Plan:
    """The plan for the library of `space`; `sink` hears of the files that are looked into.

    Raises UsageError where the wish forbids it. What forbids a run is in the plan's `brakes`.
    """
    _require_below_roots(space, wish)
    glance = Glance.load(space.state_dir, space.policy_digest)
    scope = PlanScope.load(space, wish)
    found, targets, problems = _discover(scope)
    census, brakes = _look_for_losses(scope, found, targets, problems)
    chosen = _with_rivals(found, wish)
    rows, unknown = _glance_over(scope, chosen, glance)
    rows.update((row.file.path, row) for row in _look_at(scope, unknown, sink))
    ordered = block_collisions(rows[item.file.path] for item in chosen)
    again = partial(look_again, scope)
    ordered = settle_donors(ordered, again, copies=scope.may_copy, whole=not wish.paths)
    ordered = settle_clips(scope, ordered)
    glance.keep(ordered, whole=not wish.paths)
    planned = tuple(row for row in ordered if wish.covers(row.file))
    return Plan(
        rows=planned,
        problems=tuple(f"{problem.path}: {problem.message}" for problem in problems),
        brakes=brakes,
        orphans=() if wish.paths or brakes else _orphans(scope, ordered, is_whole=not problems),
        census=census,
        kept=kept_space(space.ledger),
        notes=_notes(space.ruleset.output, planned),
        is_whole=not (wish.paths or problems or brakes),
    )


def _notes(output: OutputSpec, rows: tuple[PlanRow, ...]) -> tuple[str, ...]:
    """What replacing would really free: nothing, as long as the originals are kept."""
    if output.mode is not OutputMode.REPLACE or not any(row.action in ACTIVE for row in rows):
        return ()
    purge = "`av1rules originals purge`"
    if output.originals.kind is OriginalsKind.DELETE:
        return ("originals are deleted once their results are verified: no undo",)
    if output.originals.keep_s is None:
        return (f"originals are kept: no space is freed until {purge}",)
    kept_for = format_duration(output.originals.keep_s)
    return (f"originals are kept for {kept_for}: no space is freed before, or until {purge}",)


def _look_for_losses(
    scope: PlanScope, found: list[Found], targets: list[Found], problems: list[WalkProblem]
) -> tuple[tuple[Census, ...], tuple[Brake, ...]]:
    space, wish = scope.space, scope.wish
    files = (item.file for item in found)
    lively = frozenset(item.file.root for item in targets)
    census, brakes = look_at_roots(space, files, problems, replaced=scope.places, lively=lively)
    output = look_at_output(space, space.ledger.targets())
    if wish.accept_missing:
        return census, ()
    return census, brakes if output is None else (*brakes, output)


def _orphans(scope: PlanScope, rows: list[PlanRow], *, is_whole: bool) -> tuple[Orphan, ...]:
    known = (target for target in scope.known if target not in scope.replaced)
    return tuple(find_orphans(scope.space, known, rows, is_whole=is_whole))


def _require_below_roots(space: Workspace, wish: Wish) -> None:
    """Raise UsageError for a wished path that can't hold a file of the library."""
    roots = [os.path.realpath(root.path) for root in space.ruleset.library.roots]
    for path in wish.paths:
        if not any(is_at_or_below(path, root) or is_at_or_below(root, path) for root in roots):
            raise UsageError(
                "not below any root of the library",
                where=printable(path),
                hint=f"the roots are {', '.join(printable(root) for root in roots)}",
            )


def _discover(scope: PlanScope) -> tuple[list[Found], list[Found], list[WalkProblem]]:
    """Every candidate, and apart from them the targets of ours that stand beside their sources."""
    found: list[Found] = []
    targets: list[Found] = []
    problems: list[WalkProblem] = []
    ruleset = scope.space.ruleset
    for step in walk_roots(ruleset, ruleset.library.roots):
        scope.space.children.check()
        if isinstance(step, WalkProblem):
            problems.append(step)
        elif not scope.is_target(step.file) or scope.is_in_place_of_source(step.file):
            found.append(step)
        else:
            targets.append(step)
    return found, targets, problems


def walk_roots(ruleset: RuleSet, roots: Sequence[Root]) -> Iterator[Found | WalkProblem]:
    """Every candidate below `roots` as the rules want it; what we write ourselves is pruned."""
    library, output = ruleset.library, ruleset.output
    pruned = [ruleset.run.state_dir, *filter(None, (output.root, output.temp_dir))]
    return walk(
        [(root.name, str(root.path)) for root in roots],
        include=library.include,
        exclude=library.exclude,
        extensions=frozenset(library.extensions) or VIDEO_EXTENSIONS,
        min_size=library.min_size,
        settle_s=library.settle_s,
        now_s=time.time(),
        excluded_folders=[str(path) for path in pruned],
    )


def _with_rivals(found: list[Found], wish: Wish) -> list[Found]:
    """The files wished for, and those of the same stem: they might claim the same target."""
    if not wish.paths:
        return found
    wanted = {_stem(item.file) for item in found if wish.covers(item.file)}
    return [item for item in found if _stem(item.file) in wanted]


def _stem(file: LibraryFile) -> str:
    return os.path.splitext(file.path)[0]


def _glance_over(
    scope: PlanScope, found: Iterable[Found], glance: Glance
) -> tuple[dict[str, PlanRow], list[LibraryFile]]:
    """Rows that need no look inside the file, and the files that do."""
    rows: dict[str, PlanRow] = {}
    unknown: list[LibraryFile] = []
    space, known = scope.space, scope.known
    current = _tools_texts(space.tools)
    redo = space.ruleset.tools.on_change is OnToolsChange.REDO
    for item in found:
        file = item.file
        if item.set_aside is not None:
            cause = SET_ASIDE_TEXTS[item.set_aside]
            rows[file.path] = PlanRow(file=file, action=PlanAction.LEFT_ALONE, causes=(cause,))
            continue
        seen = None if scope.wish.force else glance.find(file)
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
        rows[file.path] = _recall(file, seen, has_other_tools=is_other)
    return rows, unknown


def _still_fresh(seen: Remembered, known: KnownTargets) -> str | None:
    """The tools a target was made with, if ledger and disk still agree that it is fresh."""
    row = known.get(seen.target) if seen.target is not None else None
    if row is None or row[0] != seen.fingerprint:
        return None
    try:
        stat = os.stat(seen.target)  # type: ignore[arg-type]  # the row exists, so it is no None
    except OSError:
        return None
    return row[3] if (stat.st_size, stat.st_mtime_ns) == row[1:3] else None


def _recall(file: LibraryFile, seen: Remembered, *, has_other_tools: bool) -> PlanRow:
    return PlanRow(
        file=file,
        action=seen.action,
        causes=seen.causes,
        rule=seen.rule,
        source_tier=seen.source_tier,
        target=None if seen.target is None else os.fsdecode(seen.target),
        fingerprint=seen.fingerprint,
        notes=seen.notes,
        has_other_tools=has_other_tools,
        is_lasting=True,
    )


def probe_files(
    space: Workspace, files: Sequence[LibraryFile]
) -> Iterator[tuple[LibraryFile, Source | ProbeFailure]]:
    """The facts of each file, from the cache or by ffprobe, in the order given."""
    return probe_many(
        files,
        space.tools,
        space.cache,
        jobs=os.cpu_count() or 1,
        timeout_s=space.ruleset.run.probe_timeout_s,
        children=space.children,
    )


def _look_at(scope: PlanScope, files: Sequence[LibraryFile], sink: Sink) -> Iterator[PlanRow]:
    space = scope.space
    others: list[LibraryFile] = []
    for file in files:
        row = plan_replaced(scope, file) if scope.is_in_place_of_source(file) else None
        if row is None:
            others.append(file)
        else:
            yield row
    for done, (file, source) in enumerate(probe_files(space, others), start=1):
        sink(Probing(done=done, total=len(others)))
        space.children.check()
        if isinstance(source, ProbeFailure):
            cause = f"can't be read as video: {source.message}"
            yield PlanRow(file=file, action=PlanAction.BLOCKED, causes=(cause,))
        else:
            yield plan_file(scope, file, source)


def _tools_texts(tools: Tools) -> frozenset[str]:
    return frozenset(tools_json(tools_used(encoder, tools)) for encoder in tools.encoders)
