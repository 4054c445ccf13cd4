"""The difference between two policies as tables: by kind, by reason, film by film."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from av1rules.base.text import counted, plural, printable
from av1rules.base.units import format_size
from av1rules.operations.against.comparison import FilmCost, KindCost, PolicyComparison
from av1rules.operations.against.rule_tests import CaseOutcome, Passes
from av1rules.plan.diff.compare import DiffKind, FilmChange
from av1rules.report.policy_diff.words import (
    action_text,
    cost_size,
    cost_time,
    more_size,
    more_time,
    share_size,
    share_time,
    why,
)
from av1rules.report.table import EXTRA, Column, Section, number, table_of


class _Kind(msgspec.Struct, frozen=True, kw_only=True):
    kind: DiffKind
    cost: KindCost


class _Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Films of one kind with one reason."""

    kind: DiffKind
    why: str
    films: int
    source_bytes: int


class _Film(msgspec.Struct, frozen=True, kw_only=True):
    change: FilmChange
    cost: FilmCost


_KINDS: tuple[Column[_Kind], ...] = (
    Column(header="change", value=lambda one: one.kind),
    number("films", "films", lambda one: one.cost.films),
    number("source_bytes", "source", lambda one: one.cost.source_bytes, format_size),
    Column(header="time then", value=lambda one: one.cost.then, show=cost_time, rank=EXTRA),
    Column(header="time now", value=lambda one: one.cost.now, show=cost_time),
    Column(header="targets then", value=lambda one: one.cost.then, show=cost_size, rank=EXTRA),
    Column(header="targets now", value=lambda one: one.cost.now, show=cost_size, rank=1),
)

_REASONS: tuple[Column[_Reason], ...] = (
    Column(header="change", value=lambda one: one.kind),
    number("films", "films", lambda one: one.films),
    number("source_bytes", "source", lambda one: one.source_bytes, format_size),
    Column(header="why", value=lambda one: one.why, is_detail=True),
)

_FILMS: tuple[Column[_Film], ...] = (
    Column(header="file", value=lambda one: one.change.file.library_path, is_name=True),
    Column(header="then", value=lambda one: one.change.then, show=action_text, rank=EXTRA + 1),
    Column(header="now", value=lambda one: one.change.now, show=action_text, rank=EXTRA),
    Column(header="time now", value=lambda one: share_time(one.cost.now, one.change.now), rank=1),
    Column(header="target then", value=lambda one: share_size(one.cost.then), rank=EXTRA + 2),
    Column(header="target now", value=lambda one: share_size(one.cost.now), rank=2),
    Column(header="why", value=lambda one: why(one.change), is_detail=True),
)

_PASSES = {
    Passes.BOTH: "with both policies",
    Passes.NOW: "only with the policy of now",
    Passes.THEN: "only with the policy of then",
    Passes.NEITHER: "with neither policy",
}

_CASES: tuple[Column[CaseOutcome], ...] = (
    Column(header="case", value=lambda one: one.name),
    Column(header="where", value=lambda one: one.where),
    Column(header="passes", value=lambda one: _PASSES[one.passes]),
    Column(header="tests of", value=lambda one: "then" if one.is_of_then else "now"),
)


def kinds_section(found: PolicyComparison) -> Section:
    """A line for each kind of change."""
    kinds = [_Kind(kind=kind, cost=cost) for kind, cost in found.by_kind.items()]
    return Section(title="Changes", table=table_of(_KINDS, kinds))


def reasons_section(
    found: PolicyComparison, *, limit: int | None, rest: str | None = None
) -> Section:
    """How many films change for each reason, most first within a kind."""
    counts: dict[tuple[DiffKind, str], tuple[int, int]] = {}
    for change in found.diff.changes:
        key = (change.kind, why(change))
        films, size = counts.get(key, (0, 0))
        counts[key] = (films + 1, size + change.file.stat.size_bytes)
    kinds = list(DiffKind)
    reasons = sorted(
        (
            _Reason(kind=kind, why=text, films=films, source_bytes=size)
            for (kind, text), (films, size) in counts.items()
        ),
        key=lambda one: (kinds.index(one.kind), -one.films, one.why),
    )
    return Section(title="Why", table=table_of(_REASONS, reasons, limit=limit, rest=rest))


def film_sections(
    found: PolicyComparison, *, limit: int | None, rest: str | None = None
) -> Iterator[Section]:
    """The films of each kind, in the order of the library."""
    for kind, cost in found.by_kind.items():
        films = (
            _Film(change=change, cost=found.costs[change.file.path])
            for change in found.diff.of(kind)
        )
        title = f"{kind.value[0].upper()}{kind.value[1:]} ({counted(cost.films, 'film')})"
        yield Section(title=title, table=table_of(_FILMS, films, limit=limit, rest=rest))


def tests_section(found: PolicyComparison, *, limit: int | None) -> Section | None:
    """The cases that do not pass with both policies; None if all do."""
    cases = [case for case in found.tests.cases if case.passes is not Passes.BOTH]
    if not cases:
        return None
    return Section(title="Rules tests", table=table_of(_CASES, cases, limit=limit))


def headline(found: PolicyComparison) -> str:
    """What is compared, and how many films differ."""
    changed, whole = len(found.diff.changes), len(found.diff.changes) + found.diff.unchanged
    return (
        f"Policy of now against {found.then.place}: {changed:,} of {whole:,} "
        f"{plural(whole, 'film', 'films')} {plural(changed, 'differs', 'differ')}"
    )


def total_lines(found: PolicyComparison) -> Iterator[str]:
    """What both policies take for the films that differ, what redoing costs, and the rules
    tests."""
    if found.differs:
        total, jobs = found.total, f", {found.jobs} at a time" if found.jobs > 1 else ""
        yield (
            f"Together then: {_side(total, is_now=False)}; now: {_side(total, is_now=True)}{jobs}"
        )
        yield (
            f"Difference: {more_time(total.difference.seconds)} of encoding, "
            f"{more_size(total.difference.target_bytes)} of targets, "
            f"{more_size(total.difference.saved_bytes)} saved; the brackets hold in 8 of 10 cases"
        )
    redone = found.by_kind.get(DiffKind.REDONE)
    if redone is not None:
        yield (
            f"To redo what is finished: {counted(redone.films, 'film')}, "
            f"{cost_time(redone.now)}; {cost_size(redone.then)} of targets become "
            f"{cost_size(redone.now)}"
        )
    yield from _tests_lines(found)


def _side(cost: KindCost, *, is_now: bool) -> str:
    one = cost.now if is_now else cost.then
    return f"{counted(one.encodes, 'encode')}, {cost_time(one)}, {cost_size(one)} of targets"


def _tests_lines(found: PolicyComparison) -> Iterator[str]:
    cases = [case for case in found.tests.cases if not case.is_of_then]
    if cases:
        now, then = (
            sum(case.passes in (Passes.BOTH, only) for case in cases)
            for only in (Passes.NOW, Passes.THEN)
        )
        yield (
            f"Rules tests: of {counted(len(cases), 'case')} {now} {plural(now, 'passes', 'pass')} "
            f"with the policy of now, {then} with that of then"
        )
    for name in found.tests.unread:
        yield f"Rules tests with mistakes, not run in full: {printable(name)} (`av1rules test`)"
