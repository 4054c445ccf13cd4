"""Plans the library under two policies, on the same facts, and adds up what each of them costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from av1rules.base.events import Sink, ignore
from av1rules.forecast.decided import decided_plan
from av1rules.forecast.difference import (
    Cost,
    Difference,
    FinishedTarget,
    Share,
    cost_of,
    difference_of,
)
from av1rules.forecast.model import gain_of
from av1rules.forecast.of_plan import Budget, PlanForecast, forecast_plan
from av1rules.ledger.ledger import Ledger
from av1rules.media.discover import Candidate, FolderSideFiles, WalkProblem
from av1rules.operations.against.policy_then import PolicyThen, find_policy, tests_beside
from av1rules.operations.against.rule_tests import TestsDiff, compare_tests
from av1rules.plan.context import PlanRequest
from av1rules.plan.diff.compare import DiffKind, FilmChange, PlanDiff, compare_plans
from av1rules.plan.items import Copy, Fresh, Move, Plan, PlanItem, coming_encode
from av1rules.plan.plan import require_rules
from av1rules.plan.workspace import Walk, Workspace
from av1rules.policy.model import Rest, Root, RuleSet
from av1rules.policy.settings import EncodeSettings


class FilmCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one film takes under either policy."""

    then: Share
    now: Share


class KindCost(msgspec.Struct, frozen=True, kw_only=True):
    """What the films of one kind take under either policy, and the difference."""

    films: int
    source_bytes: int
    then: Cost
    now: Cost
    difference: Difference


class PolicyComparison(msgspec.Struct, frozen=True, kw_only=True):
    """The policy of now beside that of then. `costs` are by path of the source, `by_kind` their
    sums, `total` those over all films that come out otherwise. `safety_stops` and `problems` are
    those of the plan of now."""

    then: PolicyThen
    diff: PlanDiff
    costs: Mapping[str, FilmCost]
    by_kind: Mapping[DiffKind, KindCost]
    total: KindCost
    tests: TestsDiff
    safety_stops: tuple[str, ...]
    problems: tuple[str, ...]
    jobs: int

    @property
    def differs(self) -> bool:
        return bool(self.diff.changes)

    @property
    def is_whole(self) -> bool:
        """Whether it covers all that was asked for."""
        return not (self.safety_stops or self.problems)


def compare_with(
    against: str,
    workspace: Workspace,
    request: PlanRequest,
    *,
    rules_file: Path,
    jobs: int | None = None,
    sink: Sink = ignore,
) -> PolicyComparison:
    """Compare the policy of a workspace with that of a revision, file or folder. Of the plan cache
    nothing is written. Raises UsageError, RulesError, ToolError, LedgerError."""
    policy = find_policy(against, rules_file)
    here = _without_rest(workspace, SharedWalk(workspace.walk))
    there = with_policy(here, policy)
    rulesets = (here.ruleset, there.ruleset)
    require_rules(request.only, (rule.name for one in rulesets for rule in one.rules))
    wanted = frozenset(request.only)
    now = decided_plan(here, replace(request, only=()), sink=sink)
    same_films = replace(request, only=(), names=(), paths=_paths_of(now, request), redo=None)
    then = decided_plan(there, same_films, sink=sink, remembers=False)
    diff = compare_plans(
        then.rows,
        now.rows,
        finished=lambda target: _settings_of(workspace.ledger, target),
        is_wanted=lambda item: not wanted or item.rule in wanted,
    )
    costs, by_kind, total = _costs(diff, (then, there), (now, here), jobs=jobs)
    return PolicyComparison(
        then=policy,
        diff=diff,
        costs=costs,
        by_kind=by_kind,
        total=total,
        tests=compare_tests(
            policy.ruleset, workspace.ruleset, policy.tests, tuple(tests_beside(rules_file))
        ),
        safety_stops=tuple(stop.text for stop in now.safety_stops),
        problems=now.problems,
        jobs=jobs or workspace.ruleset.run.jobs,
    )


def with_policy(workspace: Workspace, policy: PolicyThen) -> Workspace:
    """The same ledger, caches and tools under another policy. Its state folder is that of now, and
    so are the programs: rules of another revision choose none."""
    ruleset = workspace.placed(policy.ruleset)
    run = replace(ruleset.run, state_dir=workspace.state_dir)
    output = replace(ruleset.output, rest=Rest.LEAVE)
    return replace(
        workspace,
        ruleset=replace(ruleset, run=run, output=output),
        approvals=policy.approvals,
    )


def _without_rest(workspace: Workspace, walk: Walk) -> Workspace:
    """The rest of a mirror decides on no film, and takes a look at each file of it."""
    ruleset = workspace.ruleset
    output = replace(ruleset.output, rest=Rest.LEAVE)
    return replace(workspace, ruleset=replace(ruleset, output=output), walk=walk)


def _paths_of(plan: Plan, request: PlanRequest) -> frozenset[str] | None:
    if request.is_whole:
        return None
    return frozenset(row.file.path for row in plan.rows)


def _settings_of(ledger: Ledger, target: str) -> EncodeSettings | None:
    row = ledger.find(target)
    return None if row is None else row.settings


class SharedWalk:
    """A walk whose files are kept, for plans that look at the same part of the disk."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._found: dict[object, tuple[Candidate | WalkProblem, ...]] = {}

    def __call__(
        self,
        ruleset: RuleSet,
        roots: Sequence[Root],
        on_side_files: Callable[[FolderSideFiles], None] | None = None,
    ) -> Iterator[Candidate | WalkProblem]:
        """See `walk_roots`."""
        if on_side_files is not None:
            return self._walk(ruleset, roots, on_side_files)
        output = ruleset.output
        places = tuple((root.name, root.path) for root in roots)
        library = replace(ruleset.library, roots=())
        key = (places, library, ruleset.run.state_dir, output.root, output.temp_dir)
        return self._from_memory(key, ruleset, roots)

    def _from_memory(
        self, key: object, ruleset: RuleSet, roots: Sequence[Root]
    ) -> Iterator[Candidate | WalkProblem]:
        known = self._found.get(key)
        if known is not None:
            yield from known
            return
        found: list[Candidate | WalkProblem] = []
        for one in self._walk(ruleset, roots, None):
            found.append(one)
            yield one
        self._found[key] = tuple(found)


# --- what it costs


_Side = tuple[Plan, Workspace]


def _costs(
    diff: PlanDiff, then: _Side, now: _Side, *, jobs: int | None
) -> tuple[dict[str, FilmCost], dict[DiffKind, KindCost], KindCost]:
    ledger, run = now[1].ledger, now[1].ruleset.run
    jobs = jobs or run.jobs
    gain = gain_of(jobs, len(run.cpus) or now[1].cores, run.threads_per_job)
    before, after = _forecast(then, jobs), _forecast(now, jobs)
    costs = {change.file.path: _cost(change, before, after, ledger) for change in diff.changes}
    groups = {kind: found for kind in DiffKind if (found := diff.of(kind))}
    by_kind = {kind: _sum(found, costs, gain) for kind, found in groups.items()}
    return costs, by_kind, _sum(diff.changes, costs, gain)


def _forecast(side: _Side, jobs: int) -> PlanForecast:
    plan, workspace = side
    return forecast_plan(
        plan,
        workspace.ledger,
        workspace.ruleset,
        workspace.tools,
        cores=workspace.cores,
        jobs=jobs,
        budget=Budget(),
    )


def _cost(change: FilmChange, then: PlanForecast, now: PlanForecast, ledger: Ledger) -> FilmCost:
    """A finished target stays where the other policy leaves its film alone or holds it."""
    before = _share(change.then, then, ledger)
    after = _share(change.now, now, ledger)
    if before is None and isinstance(after, FinishedTarget) and not _is_encoded(change.then):
        before = after
    if after is None and isinstance(before, FinishedTarget) and not _is_encoded(change.now):
        after = before
    return FilmCost(then=before, now=after)


def _is_encoded(item: PlanItem | None) -> bool:
    return item is not None and coming_encode(item) is not None


def _share(item: PlanItem | None, forecast: PlanForecast, ledger: Ledger) -> Share:
    if item is None:
        return None
    if _is_encoded(item):
        return forecast.by_path.get(item.file.path) or forecast.later.get(item.file.path)
    return _finished(item, ledger)


def _finished(item: PlanItem, ledger: Ledger) -> FinishedTarget | None:
    """The target that is there, or is moved or copied there."""
    match item:
        case Fresh():
            row = ledger.find(item.target)
        case Move() | Copy():
            row = item.work.moves_from or item.work.copies_from or item.work.known
        case _:
            row = None
    if row is None:
        return None
    return FinishedTarget(source_bytes=row.source_bytes, target_bytes=row.target_bytes)


def _sum(changes: Sequence[FilmChange], costs: Mapping[str, FilmCost], gain: float) -> KindCost:
    found = [costs[change.file.path] for change in changes]
    return KindCost(
        films=len(changes),
        source_bytes=sum(change.file.stat.size_bytes for change in changes),
        then=cost_of(
            [one.then for one in found],
            unknown=_unknown((change.then, costs[change.file.path].then) for change in changes),
            gain=gain,
        ),
        now=cost_of(
            [one.now for one in found],
            unknown=_unknown((change.now, costs[change.file.path].now) for change in changes),
            gain=gain,
        ),
        difference=difference_of(((one.then, one.now) for one in found), gain=gain),
    )


def _unknown(shares: Iterator[tuple[PlanItem | None, Share]]) -> int:
    """How many encodes have no forecast."""
    return sum(share is None and _is_encoded(item) for item, share in shares)
