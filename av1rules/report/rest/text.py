"""The rest of a mirror as a plan shows it: what is put in, what is taken out, what can't be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from av1rules.base.text import counted, printable
from av1rules.base.units import format_size
from av1rules.plan.rest.items import RestPlan, RestProblemKind
from av1rules.policy.model import Rest
from av1rules.report.documents.rest import (
    PlacedRecord,
    RemovedRecord,
    RestProblemRecord,
    RestRecord,
    rest_record,
)
from av1rules.report.table import Column, Section, table_of
from av1rules.report.table_text import section_lines
from av1rules.report.view import Role, View, fit

_DONE = {
    Rest.LEAVE: "linked or copied",
    Rest.HARDLINK: "linked",
    Rest.SYMLINK: "linked",
    Rest.REFLINK: "cloned",
    Rest.COPY: "copied",
}

_PLACED: tuple[Column[PlacedRecord], ...] = (
    Column(header="file", value=lambda one: one.source, is_name=True),
    Column(header="size", value=lambda one: one.size_bytes, show=format_size),
    Column(header="why", value=lambda one: one.cause.value, is_detail=True),
)

_REMOVED: tuple[Column[RemovedRecord], ...] = (
    Column(header="in the mirror", value=lambda one: one.path, is_name=True),
    Column(header="why", value=lambda one: one.cause.value, is_detail=True),
)


def rest_line(rest: RestRecord) -> str:
    """The rest in one line: counts only."""
    placed = len(rest.to_place)
    size = sum(one.size_bytes for one in rest.to_place)
    parts = [f"{rest.in_place} in place"]
    if placed:
        parts.append(f"{placed} to be {_DONE[rest.kind]} ({format_size(size)})")
    if rest.to_remove:
        parts.append(f"{len(rest.to_remove)} to be removed")
    if rest.waiting:
        parts.append(f"{rest.waiting} written to within library.settle")
    if rest.problems:
        count = sum(one.files for one in rest.problems)
        parts.append(f"{count} that can't be {_DONE[rest.kind]}")
    return ", ".join(parts)


def rest_lines(rest: RestRecord, view: View, *, every_row: bool) -> Iterator[str]:
    """The section of a plan; none where rules and mirror have none."""
    if rest.kind is Rest.LEAVE and not rest.has_work:
        return
    yield ""
    role = Role.WORK if rest.has_work else Role.GOOD
    heading = "Rest of the mirror"
    for number, line in enumerate(fit([f"{heading}: {rest_line(rest)}"], view)):
        is_first = number == 0 and line.startswith(heading)
        painted = view.painted(heading, Role.HEADING, role) if is_first else ""
        yield painted + line[len(heading) :] if is_first else line
    if every_row:
        for section in rest_sections(rest):
            yield ""
            yield from section_lines(section, view)
    elif rest.problems:
        yield from fit((f"  {line}" for line in problem_lines(rest)), view)


def rest_sections(rest: RestRecord) -> Iterator[Section]:
    """Every file that is put in or taken out, or can't be."""
    if rest.to_place:
        title = f"To be {_DONE[rest.kind]} ({counted(len(rest.to_place), 'file')})"
        yield Section(title=title, table=table_of(_PLACED, rest.to_place))
    if rest.to_remove:
        title = f"To be removed ({counted(len(rest.to_remove), 'file')})"
        yield Section(title=title, table=table_of(_REMOVED, rest.to_remove))
    if rest.problems:
        yield Section(title="Not in the mirror", table=table_of(_PROBLEMS, rest.problems))


def problem_lines(rest: RestRecord) -> Iterator[str]:
    """Why files are not in the mirror: each reason once, with the first of its places."""
    counts = Counter(one.kind for one in rest.problems)
    shown: set[RestProblemKind] = set()
    for one in rest.problems:
        if one.kind is RestProblemKind.OTHER_DISK:
            files = counted(one.files, "file")
            yield f"{files} below {printable(one.source_path)}: {printable(one.reason)}"
        elif one.kind not in shown:
            shown.add(one.kind)
            count = counts[one.kind]
            more = f" and {count - 1} more" if count > 1 else ""
            yield f"{printable(one.path)}{more}: {printable(one.reason)}"


_PROBLEMS: tuple[Column[RestProblemRecord], ...] = (
    Column(header="in the mirror", value=lambda one: one.path, is_name=True),
    Column(header="why", value=lambda one: one.reason, is_detail=True),
)


def stand_in_counts(counts: Mapping[tuple[Rest, bool], int]) -> str:
    """What stands in a mirror beside targets, by kind."""
    parts = []
    for kind in Rest:
        films, others = counts.get((kind, True), 0), counts.get((kind, False), 0)
        if films or others:
            whole = ", ".join(
                counted(count, what)
                for count, what in ((films, "film"), (others, "side file"))
                if count
            )
            parts.append(f"{whole} ({kind.value})")
    return "; ".join(parts)


def rest_notes(rest: RestPlan) -> Iterator[str]:
    """What a run tells of files that are not in the mirror."""
    for line in problem_lines(rest_record(rest)):
        yield f"not in the mirror: {line}"
