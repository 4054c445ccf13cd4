"""The document of `plan --against`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from av1rules.forecast.difference import Cost, Difference, FinishedTarget, Share
from av1rules.ledger.records import Interval
from av1rules.operations.against.comparison import KindCost, PolicyComparison
from av1rules.operations.against.rule_tests import CaseOutcome
from av1rules.plan.diff.compare import DiffKind, FilmChange
from av1rules.plan.items import PlanAction, PlanItem
from av1rules.report.json import JsonDocument, json_stream
from av1rules.report.policy_diff.words import why


class ComparedWith(Struct, frozen=True, kw_only=True):
    """The policy of then: `name` as it was asked for, `place` what that turned out to be."""

    name: str
    place: str


class CostRecord(Struct, frozen=True, kw_only=True):
    """What one policy takes. `encodes` are still to be made, `unknown` of them have no forecast.
    `target_bytes` are of finished targets and of those to be made. The bounds of each interval hold
    in 8 of 10 cases."""

    encodes: int
    unknown: int
    seconds: Interval
    target_bytes: Interval
    saved_bytes: Interval


class DifferenceRecord(Struct, frozen=True, kw_only=True):
    """How much more the policy of now takes; less is negative."""

    seconds: Interval
    target_bytes: Interval
    saved_bytes: Interval


class KindRecord(Struct, frozen=True, kw_only=True):
    """The films of one kind, or all that come out otherwise."""

    films: int
    source_bytes: int
    then: CostRecord
    now: CostRecord
    difference: DifferenceRecord


class SettingChange(Struct, frozen=True, kw_only=True):
    """A setting that differs. `place` is the line that sets it now, null for a built-in value."""

    setting: str | None
    then: str | None
    now: str | None
    place: str | None


class SideRecord(Struct, frozen=True, kw_only=True):
    """What one policy does with a film. `seconds` is null where nothing is encoded or nothing is
    known, `target_bytes` where there is no target or nothing is known."""

    action: PlanAction
    rule: str | None
    target: str | None
    causes: tuple[str, ...]
    seconds: Interval | None
    target_bytes: Interval | None


class FilmDiff(Struct, frozen=True, kw_only=True):
    """A film that comes out otherwise. `then` and `now` are null where the film is not in the
    library of that policy. `why` is what the text says. `reviewed`: its clip is reviewed first now,
    and was not then."""

    kind: DiffKind
    library_path: str
    path: str
    size_bytes: int
    why: str
    settings: tuple[SettingChange, ...]
    reviewed: bool
    then: SideRecord | None
    now: SideRecord | None


class PolicyDiffDocument(JsonDocument, frozen=True, kw_only=True):
    """The policy of now beside that of another revision, on the same films. `totals` is by kind,
    `total` of all `changed` films, `unchanged` of those that come out as before. `rule_tests` are
    the cases under both policies, `unread_tests` the files with mistakes. `safety_stops` say why a
    run would refuse to start, `problems` which part of the library could not be read. `rows` has
    the changed films, in the order of the walk."""

    document: Literal["policy diff"] = "policy diff"
    against: ComparedWith
    differs: bool
    changed: int
    unchanged: int
    jobs: int
    totals: dict[str, KindRecord]
    total: KindRecord
    rule_tests: tuple[CaseOutcome, ...]
    unread_tests: tuple[str, ...]
    safety_stops: tuple[str, ...]
    problems: tuple[str, ...]
    rows: tuple[FilmDiff, ...] = ()


def policy_diff_json(found: PolicyComparison) -> Iterator[str]:
    """The comparison as one JSON document, in pieces."""
    document = PolicyDiffDocument(
        against=ComparedWith(name=found.then.name, place=found.then.place),
        differs=found.differs,
        changed=len(found.diff.changes),
        unchanged=found.diff.unchanged,
        jobs=found.jobs,
        totals={kind.value: _kind(cost) for kind, cost in found.by_kind.items()},
        total=_kind(found.total),
        rule_tests=found.tests.cases,
        unread_tests=found.tests.unread,
        safety_stops=found.safety_stops,
        problems=found.problems,
    )
    return json_stream(document, "rows", (_film(one, found) for one in found.diff.changes))


def _kind(cost: KindCost) -> KindRecord:
    return KindRecord(
        films=cost.films,
        source_bytes=cost.source_bytes,
        then=_cost(cost.then),
        now=_cost(cost.now),
        difference=_difference(cost.difference),
    )


def _cost(cost: Cost) -> CostRecord:
    return CostRecord(
        encodes=cost.encodes,
        unknown=cost.unknown,
        seconds=_rounded(cost.seconds),
        target_bytes=_rounded(cost.target_bytes),
        saved_bytes=_rounded(cost.saved_bytes),
    )


def _difference(found: Difference) -> DifferenceRecord:
    return DifferenceRecord(
        seconds=_rounded(found.seconds),
        target_bytes=_rounded(found.target_bytes),
        saved_bytes=_rounded(found.saved_bytes),
    )


def _rounded(found: Interval) -> Interval:
    return Interval(low=round(found.low, 1), mid=round(found.mid, 1), high=round(found.high, 1))


def _film(change: FilmChange, found: PolicyComparison) -> FilmDiff:
    cost = found.costs[change.file.path]
    return FilmDiff(
        kind=change.kind,
        library_path=change.file.library_path,
        path=change.file.path,
        size_bytes=change.file.stat.size_bytes,
        why=why(change),
        settings=tuple(
            SettingChange(setting=one.setting, then=one.before, now=one.after, place=one.origin)
            for one in change.settings
        ),
        reviewed=change.is_reviewed_now,
        then=_side(change.then, cost.then),
        now=_side(change.now, cost.now),
    )


def _side(item: PlanItem | None, share: Share) -> SideRecord | None:
    if item is None:
        return None
    seconds = size = None
    if isinstance(share, FinishedTarget):
        size = Interval(low=share.target_bytes, mid=share.target_bytes, high=share.target_bytes)
    elif share is not None:
        seconds, size = _rounded(share.seconds), _rounded(share.size_bytes)
    return SideRecord(
        action=item.action,
        rule=item.rule,
        target=item.target,
        causes=item.causes,
        seconds=seconds,
        target_bytes=size,
    )
