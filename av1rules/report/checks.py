"""What `doctor`, `verify`, `health` and `adopt` found, as text and as JSON."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from av1rules.base.text import counted, plural, printable
from av1rules.operations.adopt.adopt import Adoption, AdoptKind, AdoptReport
from av1rules.operations.doctor import Finding, Grade, has_wrong
from av1rules.operations.source_health import HealthReport, SourceCheck, SourceHealth
from av1rules.operations.verify_rest import RestCheck
from av1rules.operations.verify_targets import TargetCheck, TargetHealth
from av1rules.report.documents.checks import (
    AdoptDocument,
    AdoptedTarget,
    DecodedSource,
    DoctorDocument,
    FaultyStandIn,
    HealthDocument,
    VerifiedRest,
    VerifiedTarget,
    VerifyDocument,
)
from av1rules.report.json import json_document, json_stream
from av1rules.report.table import Column, Section, each_typed, table_of
from av1rules.report.table_text import section_text
from av1rules.report.view import PLAIN, Role, View, fit


def doctor_text(findings: Sequence[Finding], view: View = PLAIN) -> str:
    """Sections in the order of the findings, each line with its grade, hints below, counts last."""
    parts: list[str] = []
    for section, items in groupby(findings, key=lambda finding: finding.section):
        lines = [line for item in items for line in _lines(item, view)]
        parts.append("\n".join([view.painted(section, Role.HEADING), *lines]))
    return "\n\n".join([*parts, _verdict(findings)])


_GRADES = {
    Grade.OK: Role.GOOD,
    Grade.NOTE: Role.QUIET,
    Grade.WARNING: Role.WAITING,
    Grade.WRONG: Role.BAD,
}

_GRADE_WIDTH = 9


def _lines(finding: Finding, view: View) -> Iterator[str]:
    grade = finding.grade
    label = view.painted(grade.value, _GRADES[grade]) + " " * (_GRADE_WIDTH - len(grade.value))
    text = f"{printable(finding.subject)}: {printable(finding.detail)}"
    indent = " " * (2 + _GRADE_WIDTH)
    first, *rest = fit([indent + text], view)
    yield f"  {label}{first[len(indent) :]}"
    yield from rest
    if finding.hint:
        yield from fit([f"{indent}hint: {printable(finding.hint)}"], view)


def _verdict(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.grade for finding in findings)
    wrong, warnings = counts[Grade.WRONG], counts[Grade.WARNING]
    shown = counted(warnings, "warning")
    return f"{wrong or 'nothing'} wrong, {shown}" if wrong or warnings else "all is well"


def doctor_json(findings: Sequence[Finding]) -> str:
    """The document of `doctor`."""
    return json_document(DoctorDocument(ok=not has_wrong(findings), findings=tuple(findings)))


DETAIL_WIDTH = 180

DAMAGED_HINT = (
    "hint: get the damaged files again; or, with `accept: [damage]` in a rule, a run encodes what "
    "can be decoded of them"
)

_TARGET_COLUMNS: tuple[Column[TargetCheck], ...] = (
    Column(key="target", value=lambda check: check.row.target),
    Column(key="source", value=lambda check: check.row.source),
    Column(key="health", value=lambda check: check.health),
    Column(key="detail", value=lambda check: check.detail),
    Column(key="hint", value=lambda check: check.hint),
    Column(key="touched", value=lambda check: check.touched_ns is not None),
)

_SOURCE_COLUMNS: tuple[Column[SourceCheck], ...] = (
    Column(key="path", value=lambda check: check.file.path),
    Column(
        key="library_path", header="file", value=lambda check: check.file.library_path, is_name=True
    ),
    Column(key="health", value=lambda check: check.health),
    Column(
        key="detail",
        header="problem",
        value=lambda check: check.detail,
        show=lambda detail: printable(detail or "", limit=DETAIL_WIDTH),
        is_detail=True,
    ),
    Column(
        key="at",
        header="found on",
        value=lambda check: check.at,
        show=lambda at: (at or "").partition("T")[0],
    ),
)


class TargetTally:
    """The results of `verify`: counts, and the problems or (`with_all`) the values of each target.
    The rows of all targets are not kept: they would be most of the memory."""

    def __init__(self, checks: Iterable[TargetCheck], *, with_all: bool) -> None:
        self._counts: Counter[TargetHealth] = Counter()
        self._touched = 0
        self._blocks: list[str] = []
        self._records: list[VerifiedTarget] = []
        self.is_well = True
        seen = map(self._add, checks)
        if with_all:
            self._records = list(each_typed(VerifiedTarget, _TARGET_COLUMNS, seen))
        else:
            deque(seen, maxlen=0)

    def _add(self, check: TargetCheck) -> TargetCheck:
        self._counts[check.health] += 1
        self._touched += check.touched_ns is not None
        if check.health is not TargetHealth.WELL:
            self._blocks.append(_target_block(check))
            self.is_well = self.is_well and check.health is TargetHealth.MOVED
        return check

    def text(self, *, skipped: int, view: View = PLAIN) -> str:
        """A block for each target with a problem, and what to do; counts last."""
        counts = self._counts
        shown = [f"{counts[kind]} {kind.value}" for kind in TargetHealth if counts[kind]]
        if self._touched:
            shown.append(f"{self._touched} with a new modification time only")
        if skipped:
            shown.append(f"{skipped} not checked again")
        total = f"{counted(counts.total(), 'target')} checked: {', '.join(shown) or 'none'}"
        return "\n".join(fit(["\n\n".join([*self._blocks, total])], view))

    def json(self, *, skipped: int, rest: RestCheck = RestCheck()) -> Iterator[str]:
        """The document of `verify`, in parts: every target that was checked."""
        document = VerifyDocument(
            ok=self.is_well and not rest.faults,
            checked=len(self._records),
            skipped=skipped,
            rest=VerifiedRest(
                checked=rest.checked,
                faults=tuple(
                    FaultyStandIn(
                        path=fault.row.path,
                        source_path=fault.row.source_path,
                        health=fault.health,
                        detail=fault.detail,
                        hint=fault.hint,
                    )
                    for fault in rest.faults
                ),
            ),
        )
        return json_stream(document, "targets", self._records)


def _target_block(check: TargetCheck) -> str:
    lines = [
        f"{printable(check.row.target)}",
        f"  {check.health.value}: {printable(check.detail or '', limit=DETAIL_WIDTH)}",
    ]
    if check.hint:
        lines.append(f"  hint: {printable(check.hint)}")
    return "\n".join(lines)


def rest_check_lines(found: RestCheck, view: View) -> Iterator[str]:
    """What `verify` found beside targets: a block for each fault, the count last."""
    for fault in found.faults:
        path = printable(fault.row.path)
        yield from fit([f"{fault.health.value}: {path}: {fault.detail}"], view)
        yield from fit([f"  hint: {fault.hint}"], view)
    if found.checked:
        wrong = len(found.faults)
        state = f"{wrong} not as {plural(wrong, 'it', 'they')} should be" if wrong else "all well"
        files = counted(found.checked, "file")
        yield from fit([f"rest of the mirror: {files} checked, {state}"], view)


def sources_text(report: HealthReport, view: View = PLAIN) -> str:
    """Tables of damaged and unclear sources, counts last."""
    parts = list(fit([f"warning: {printable(problem)}" for problem in report.problems], view))
    damaged, unclear = report.of(SourceHealth.DAMAGED), report.of(SourceHealth.UNCLEAR)
    if damaged:
        hint = "\n".join(fit([DAMAGED_HINT], view))
        parts.append(f"{_sources('Damaged', damaged, view)}\n{hint}")
    if unclear:
        parts.append(_sources("Unclear: check these again", unclear, view))
    counts = f"{len(report.of(SourceHealth.WELL))} {SourceHealth.WELL.value}"
    counts += f", {len(damaged)} {SourceHealth.DAMAGED.value}"
    if unclear:
        counts += f", {len(unclear)} {SourceHealth.UNCLEAR.value}"
    parts.append(f"{counted(len(report.checks), 'source')}: {counts}")
    return "\n\n".join(parts)


def _sources(title: str, checks: Sequence[SourceCheck], view: View) -> str:
    title = f"{title} ({counted(len(checks), 'file')})"
    return section_text(Section(title=title, table=table_of(_SOURCE_COLUMNS, checks)), view)


def sources_json(report: HealthReport) -> str:
    """The document of `health`."""
    is_well = all(check.health is SourceHealth.WELL for check in report.checks)
    return json_document(
        HealthDocument(
            ok=is_well and not report.problems,
            problems=report.problems,
            sources=tuple(each_typed(DecodedSource, _SOURCE_COLUMNS, report.checks)),
        )
    )


LINE_WIDTH = 180

_TITLES = {
    AdoptKind.ADOPTED: "Adopted",
    AdoptKind.RENEWED: "Renewed: edited since they were written",
    AdoptKind.RENAMED: "Renamed: the ledger follows",
    AdoptKind.REFUSED: "Refused: left as they are",
}


def _notes(row: Adoption) -> str:
    lines = [row.reason] if row.reason else []
    if row.original:
        lines.append(f"the original is in {row.original}")
    return "\n".join(printable(line, limit=LINE_WIDTH) for line in (*lines, *row.notes))


_COLUMNS: tuple[Column[Adoption], ...] = (
    Column(key="target", header="target", value=lambda row: row.target, is_name=True),
    Column(key="result", value=lambda row: row.kind),
    Column(key="source", header="source", value=lambda row: row.source, is_name=True),
    Column(key="original", value=lambda row: row.original),
    Column(key="reason", value=lambda row: row.reason),
    Column(key="notes", value=lambda row: row.notes),
    Column(header="notes", value=_notes, show=str, is_detail=True),
)


def adopt_text(report: AdoptReport, *, is_dry: bool, view: View = PLAIN) -> str:
    """A table for each kind, counts last."""
    parts = list(fit([f"warning: {printable(problem)}" for problem in report.problems], view))
    for kind in AdoptKind:
        if rows := report.of(kind):
            title = f"{_TITLES[kind]} ({counted(len(rows), 'file')})"
            parts.append(section_text(Section(title=title, table=table_of(_COLUMNS, rows)), view))
    counts = [f"{len(report.of(kind))} {kind.value}" for kind in AdoptKind if report.of(kind)]
    if report.stand_ins:
        counts.append(f"{counted(report.stand_ins, 'link or copy', 'links or copies')} of a mirror")
    counts = counts or ["nothing to adopt"]
    if report.known:
        counts.append(f"{report.known} unchanged in the ledger")
    parts.append(f"{', '.join(counts)}{'; nothing was written' if is_dry else ''}")
    return "\n\n".join(parts)


def adopt_json(report: AdoptReport, *, is_dry: bool) -> str:
    """The document of `adopt`."""
    return json_document(
        AdoptDocument(
            ok=not report.problems and not report.of(AdoptKind.REFUSED),
            dry_run=is_dry,
            known=report.known,
            stand_ins=report.stand_ins,
            problems=report.problems,
            targets=tuple(each_typed(AdoptedTarget, _COLUMNS, report.adoptions)),
        )
    )
