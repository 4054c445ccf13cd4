"""What a run would do and why: discover, probe, evaluate, compare. Writes caches only."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.events import Sink, ignore
from av1rules.base.text import counted, plural, printable
from av1rules.base.timing import timed
from av1rules.base.units import format_time_range, now_text
from av1rules.media.cache import ProbeFailure
from av1rules.media.film_cache import film_key
from av1rules.media.source import LibraryFile, Source
from av1rules.plan.assign_reuse import assign_reuse
from av1rules.plan.conflicts import block_collisions
from av1rules.plan.context import PlanContext, PlanRequest
from av1rules.plan.controlled.hold import with_controls
from av1rules.plan.controlled.hours import hours_notes
from av1rules.plan.draft import Draft
from av1rules.plan.found import Found, find_files
from av1rules.plan.items import ActiveItem, Blocked, Plan, PlanItem, coming_encode
from av1rules.plan.moved.find import follow_in_library, follow_in_output, with_move_noted
from av1rules.plan.names.of_plan import with_places
from av1rules.plan.orphans import find_orphans, unclaimed_targets
from av1rules.plan.packed.cache import PlanCache
from av1rules.plan.replaced_item import plan_replaced, trash_summary
from av1rules.plan.rest.whole import plan_rest
from av1rules.plan.review_gate import deduplicate_clips
from av1rules.plan.rows import PlanRows
from av1rules.plan.safety_stop import Inventory, SafetyStop, check_output, check_roots
from av1rules.plan.source_item import plan_file
from av1rules.plan.workspace import Workspace, probe_files
from av1rules.policy.model import OriginalsKind, OutputMode, OutputSpec
from av1rules.policy.vocabulary import nearest


def build_plan(
    workspace: Workspace,
    request: PlanRequest = PlanRequest(),
    *,
    sink: Sink = ignore,
    remembers: bool = True,
) -> Plan:
    """The plan for the library; `sink` gets the progress of probing. Unless it `remembers`, the
    next plan does not find what this one decides. What forbids a run is in `safety_stops`.

    Raises UsageError for a name that means no film of the library.
    """
    require_rules(request.only, (rule.name for rule in workspace.ruleset.rules))
    cache = _cache_of(workspace)
    roots = workspace.ruleset.library.root_paths
    request = with_places(request, roots=roots, ledger=workspace.ledger, disk=workspace.disk)
    scope = PlanContext.load(workspace, request)
    with timed("the library was walked"):
        found = find_files(scope, cache)
    scope = msgspec.structs.replace(scope, request=(request := found.request))
    followed = follow_in_library(scope, found)
    if followed is not scope:
        scope = followed
        found = find_files(scope, cache)
    scope = follow_in_output(scope, found.draft)
    inventories, safety_stops = _check_for_losses(scope, found)
    with timed("what the last plan did not know was probed and judged"):
        _settle_unknown(scope, found.draft, sink)
    rows = found.draft.rows()
    in_full = assign_reuse(scope, block_collisions(rows.in_full))
    rows = rows.with_in_full(deduplicate_clips(scope, in_full))
    if remembers:
        found.draft.keep(cache, rows, whole=request.is_whole)
    unclaimed = unclaimed_targets(scope, found.draft, rows)
    rest, safety_stop = plan_rest(scope, rows, found.walked, unclaimed, is_whole=not found.problems)
    safety_stops += () if safety_stop is None else (safety_stop,)
    is_sure = not (request.is_partial or safety_stops)
    orphans = find_orphans(scope.workspace, unclaimed, rows, is_whole=not found.problems)
    rows = with_controls(_asked_for(rows, request), workspace.ledger.controls.current(), now_text())
    unrecorded = unrecorded_text(rows.unrecorded(), workspace.state_dir)
    return Plan(
        rows=rows,
        problems=_problems(found, is_stopped=bool(safety_stops)),
        safety_stops=safety_stops,
        orphans=tuple(orphans) if is_sure else (),
        inventories=inventories,
        follows=scope.follows,
        unrecorded=unrecorded,
        kept=trash_summary(workspace.ledger),
        notes=(
            *((unrecorded,) if unrecorded else ()),
            *_notes(workspace.ruleset.output, rows),
            *hours_notes(workspace.ruleset, rows, workspace.disk.now_s()),
            *dropped_tracks_notes(workspace.ruleset.output, rows.in_full),
        ),
        is_whole=is_sure and not found.problems,
        rest=rest,
    )


def _asked_for(rows: PlanRows, request: PlanRequest) -> PlanRows:
    if not request.is_whole:
        rows = rows.only(lambda row: request.covers(row.file))
    if request.only:
        rows = PlanRows.of(row for row in rows if row.rule in request.only)
    return rows


def _problems(found: Found, *, is_stopped: bool) -> tuple[str, ...]:
    return tuple(
        f"{problem.path}: {problem.message}"
        for problem in found.problems
        if not (problem.is_root and is_stopped)  # the stop tells it
    )


def _cache_of(workspace: Workspace) -> PlanCache:
    """Recorded facts have no state folder of their own."""
    if workspace.disk.is_recorded:
        return PlanCache(None, workspace.decision_digests)
    return PlanCache.load(workspace.state_dir, workspace.decision_digests)


def unrecorded_text(count: int, state_dir: Path) -> str | None:
    """What a user should know of so many files that av1rules made and this ledger does not know."""
    if not count:
        return None
    files, verb = counted(count, "file"), plural(count, "is", "are")
    return (
        f"{files} that av1rules made {verb} not in the ledger in {printable(str(state_dir))}: was "
        "run.state_dir changed, or the ledger deleted? `av1rules adopt` takes them up"
    )


def _notes(output: OutputSpec, rows: PlanRows) -> tuple[str, ...]:
    """When replacing frees space: not as long as the originals are kept."""
    if output.mode is not OutputMode.REPLACE or not any(
        isinstance(row, ActiveItem) for row in rows.in_full
    ):
        return ()
    purge = "`av1rules originals purge`"
    if output.originals.kind is OriginalsKind.DELETE:
        return ("originals are deleted once their results are verified: no undo",)
    if output.originals.keep_s is None:
        return (f"originals are kept: no space is freed until {purge}",)
    kept_s = output.originals.keep_s
    kept_for = format_time_range(kept_s, kept_s, kept_s)
    return (f"originals are kept for {kept_for}: no space is freed before, or until {purge}",)


def dropped_tracks_notes(output: OutputSpec, rows: Iterable[PlanItem]) -> tuple[str, ...]:
    """One sentence on all films to be encoded; none where every track is kept."""
    works = (work for row in rows if (work := coming_encode(row)) is not None)
    gone = [steps for work in works if (steps := work.recipe.streams.dropped_by_rule)]
    if not gone:
        return ()
    kinds = [step.kind for steps in gone for step in steps]
    counts = [
        counted(kinds.count(kind), noun)
        for kind, noun in (("audio", "sound track"), ("subtitle", "subtitle track"))
        if kind in kinds
    ]
    films = counted(len(gone), "film")
    return (f"left out by rule: {' and '.join(counts)} of {films}; {_where_they_are(output)}",)


def _where_they_are(output: OutputSpec) -> str:
    if output.mode is not OutputMode.REPLACE:
        return "the sources keep them"
    if output.originals.kind is OriginalsKind.DELETE:
        return "they are gone for good with the originals, which this policy deletes"
    return "the originals in the trash keep them until they are purged"


def _check_for_losses(
    scope: PlanContext, found: Found
) -> tuple[tuple[Inventory, ...], tuple[SafetyStop, ...]]:
    workspace = scope.workspace
    inventories, safety_stops = check_roots(
        workspace, found.files, found.problems, replaced=scope.places
    )
    output = check_output(workspace)
    if scope.request.accept_missing:
        return inventories, ()
    return inventories, safety_stops if output is None else (*safety_stops, output)


def require_rules(names: Iterable[str], rules: Iterable[str]) -> None:
    """Raise UsageError for a requested rule that there is not, with the nearest name."""
    known = list(dict.fromkeys(rules))
    for name in names:
        if name not in known:
            listed = ", ".join(printable(one) for one in known)
            raise UsageError(
                f"no rule has this name: {printable(name)}",
                where="--only",
                hint=nearest("rule", name, known) or f"the rules are {listed}",
            )


def _settle_unknown(scope: PlanContext, draft: Draft, sink: Sink) -> None:
    """Evaluate all files that the draft has no item for."""
    for folder in draft.folders if scope.replaced else ():
        replaced = {
            place: with_move_noted(scope, item)
            for place, file in folder.unknown_files().items()
            if scope.is_in_place_of_source(file)
            and (item := plan_replaced(scope, file)) is not None
        }
        draft.settle(folder, replaced)
    # Closed here, so that an interrupt anywhere below keeps what was probed before it ends.
    with contextlib.closing(_evaluated(scope, draft, sink)) as items:
        for folder in draft.folders:
            places = folder.unknown.places
            draft.settle(folder, {place: next(items) for place in places})
        next(items, None)  # lets probing tell that it has ended


def _evaluated(
    scope: PlanContext, files: Iterable[LibraryFile], sink: Sink
) -> Generator[PlanItem, None, None]:
    """The item of each file, in their order."""
    workspace = scope.workspace
    with contextlib.closing(probe_files(workspace, files, sink)) as probed:
        for part in _batches(probed):
            with _reading_ahead(workspace, [file for file, _ in part]):
                yield from _planned(scope, part)


def _planned(scope: PlanContext, part: Sequence[_Probed]) -> Iterator[PlanItem]:
    for file, source in part:
        scope.workspace.children.check()
        if isinstance(source, ProbeFailure):
            cause = f"can't be read as video: {source.message}"
            yield Blocked(file=file, causes=(cause,))
        else:
            yield plan_file(scope, file, source)


BATCH = 250
"""Films whose rows of ledger and cache are read together."""

_Probed = tuple[LibraryFile, Source | ProbeFailure]


def _batches(probed: Iterator[_Probed]) -> Iterator[list[_Probed]]:
    while part := list(itertools.islice(probed, BATCH)):
        yield part


@contextlib.contextmanager
def _reading_ahead(workspace: Workspace, files: Sequence[LibraryFile]) -> Iterator[None]:
    """What ledger and cache know of these files is read together."""
    keys = workspace.cache.content_keys(file.stat for file in files)
    with (
        workspace.ledger.reading_ahead(keys.values()),
        workspace.cache.reading_ahead(map(film_key, keys.values()), keys),
    ):
        yield
