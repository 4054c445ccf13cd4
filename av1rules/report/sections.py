"""The sections of a report as titled tables, in their order.

JSON and CSV use the same columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from av1rules.base.text import counted, printable
from av1rules.base.units import format_size
from av1rules.ledger.checks import DamageRecord
from av1rules.ledger.history import EncodeRecord, Outcomes
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.ledger.run_history import RunSummary
from av1rules.ledger.trash_table import TrashSum
from av1rules.report.format import (
    UNKNOWN,
    attempt_text,
    hours_of,
    kind_plural,
    percent,
    reason_line,
    rule_name,
    shown_day,
    shown_time,
    tier_name,
)
from av1rules.report.model import (
    Figures,
    Period,
    Ratios,
    Reason,
    SizeGroup,
    Sums,
    ToolGroup,
    period_name,
)
from av1rules.report.runs import result_text
from av1rules.report.sections_quality import quality_rows, quality_sections, speed_section
from av1rules.report.skipped import Skipped
from av1rules.report.table import Column, Section, Table, Topic, columns_of, number, table_of

BIN_NAMES = (*(f"{tens}-{tens + 10} %" for tens in range(0, 100, 10)), "100 % or more")

CLOSING = (
    "Each plan decides again what to skip, hold or leave alone: av1rules report --plan lists "
    "it by reason, av1rules plan --all by file. For a single target: av1rules receipt FILE."
)


def headline(figures: Figures) -> str:
    """What the report covers, in one line."""
    since = "the whole ledger" if figures.since is None else f"since {shown_time(figures.since)}"
    return f"{shown_time(figures.at)}, {since}"


def report_sections(figures: Figures, *, limit: int) -> tuple[Section, ...]:
    """The sections that have rows; lists name at most `limit` files."""
    found = (
        _summary(figures),
        _series(figures),
        _sizes(figures),
        _spread(figures),
        *quality_sections(figures, limit),
        speed_section(figures),
        Section(
            topic=Topic.SAVERS,
            title="Biggest savings",
            table=table_of(TARGET_COLUMNS, figures.savers[:limit]),
        ),
        Section(
            topic=Topic.WORST,
            title="Largest targets for their sources",
            table=table_of(TARGET_COLUMNS, figures.worst[:limit]),
        ),
        *_outcome_sections(figures, limit),
        _trash(figures.outcomes),
        _tools(figures),
        _list(Topic.RUNS, "Runs", RUN_COLUMNS, figures.outcomes.runs, limit),
    )
    return tuple(section for section in found if section.table.rows)


def _list(
    topic: Topic,
    title: str,
    columns: Sequence[Column[Any]],
    items: Sequence[Any],
    limit: int,
    *,
    part: str = "",
) -> Section:
    """The first `limit` items of a list; the title says how many there are."""
    table = table_of(columns, items, limit=limit)
    return Section(topic=topic, title=f"{title} ({len(items)})", table=table, part=part)


# --- columns


def _size(key: str, header: str, value: Any) -> Column[Any]:
    return number(key, header, value, format_size)


def _reason(key: str, header: str, value: Any) -> Column[Any]:
    return Column(key=key, header=header, value=value, show=reason_line, is_detail=True)


def _range(found: Ratios | None) -> str:
    return "" if found is None else f"{found.low:.0%} - {found.high:.0%}"


SUM_COLUMNS: tuple[Column[Sums], ...] = (
    number("files", "files", lambda sums: sums.files),
    _size("source_bytes", "source", lambda sums: sums.source_bytes),
    _size("target_bytes", "target", lambda sums: sums.target_bytes),
    _size("saved_bytes", "saved", lambda sums: sums.saved_bytes),
    number("size_ratio", "ratio", lambda sums: sums.size_ratio, percent),
    Column(key="timed_files", value=lambda sums: sums.timed),
    Column(key="encode_s", value=lambda sums: sums.encode_s if sums.timed else None),
    Column(key="verify_s", value=lambda sums: sums.verify_s if sums.timed else None),
)

TIER_COLUMNS: tuple[Column[SizeGroup], ...] = (
    Column(key="source_tier", header="tier", value=lambda group: group.source_tier, show=tier_name),
    *columns_of(lambda group: group.sums, SUM_COLUMNS),
    Column(key="ratios", value=lambda group: group.ratios),
    Column(
        header="median",
        value=lambda group: group.ratios and group.ratios.median,
        show=percent,
        is_number=True,
    ),
    Column(header="8 of 10", value=lambda group: group.ratios, show=_range, is_number=True),
)

SIZE_COLUMNS: tuple[Column[SizeGroup], ...] = (
    Column(key="rule", header="rule", value=lambda group: group.rule, show=rule_name),
    *TIER_COLUMNS,
)

TARGET_COLUMNS: tuple[Column[EncodeRecord], ...] = (
    Column(key="source", header="file", value=lambda one: one.source, is_name=True),
    Column(key="target", value=lambda one: one.target),
    Column(key="rule", header="rule", value=lambda one: one.rule, show=rule_name),
    Column(key="source_tier", header="tier", value=lambda one: one.source_tier, show=tier_name),
    Column(key="resolution", value=lambda one: one.resolution),
    Column(key="encoder", value=lambda one: one.tools.encoder),
    Column(key="crf", value=lambda one: one.settings.crf),
    Column(key="preset", value=lambda one: one.settings.preset),
    Column(key="film_grain", value=lambda one: one.settings.film_grain),
    _size("source_bytes", "source", lambda one: one.source_bytes),
    _size("target_bytes", "target", lambda one: one.target_bytes),
    _size("saved_bytes", "saved", lambda one: one.saved_bytes),
    number("size_ratio", "ratio", lambda one: one.size_ratio, percent),
    Column(key="at", value=lambda one: one.built_at),
    Column(key="run", value=lambda one: one.run),
    Column(key="encode_s", value=lambda one: one.encode_s),
    Column(key="verify_s", value=lambda one: one.verify_s),
    Column(key="frames", value=lambda one: one.frames),
    Column(key="frames_per_s", value=lambda one: one.frames_per_s),
)

DECIDED_COLUMNS: tuple[Column[Attempt], ...] = (
    Column(key="source", header="file", value=lambda one: one.source, is_name=True),
    _size("source_bytes", "size", lambda one: one.source_bytes),
    Column(key="target_bytes", value=lambda one: one.target_bytes),
    Column(key="count", value=lambda one: one.count),
    Column(key="at", header="last", value=lambda one: one.at, show=shown_time),
    _reason("reason", "why", lambda one: one.detail),
)

FAILED_COLUMNS: tuple[Column[Attempt], ...] = tuple(
    number("count", "times", lambda one: one.count) if column.key == "count" else column
    for column in DECIDED_COLUMNS
)

REASON_COLUMNS: tuple[Column[Reason], ...] = (
    number("files", "files", lambda one: one.files),
    _reason("reason", "why", lambda one: one.detail),
)

DAMAGE_COLUMNS: tuple[Column[DamageRecord], ...] = (
    Column(key="name", header="file", value=lambda one: one.name, is_name=True),
    Column(key="at", header="found", value=lambda one: one.at, show=shown_time),
    _reason("fault", "problem", lambda one: one.fault),
)

SKIPPED_COLUMNS: tuple[Column[Skipped], ...] = (
    Column(key="action", header="what", value=lambda one: one.action),
    number("files", "files", lambda one: one.files),
    _size("size_bytes", "size", lambda one: one.size_bytes),
    _reason("cause", "why", lambda one: one.cause),
)

TRASH_COLUMNS: tuple[Column[TrashSum], ...] = (
    Column(header="what", value=lambda one: one.kind, show=kind_plural),
    number("count", "in the trash", lambda one: one.count),
    _size("size_bytes", "size", lambda one: one.size_bytes),
    number("purged", "purged", lambda one: one.purged),
    _size("purged_bytes", "freed", lambda one: one.purged_bytes),
)

TOOL_COLUMNS: tuple[Column[ToolGroup], ...] = (
    Column(key="tools", value=lambda group: group.tools),
    Column(header="encoder", value=lambda group: group.tools.encoder),
    Column(header="version", value=lambda group: group.tools.encoder_version or UNKNOWN),
    Column(header="FFmpeg", value=lambda group: group.tools.ffmpeg),
    number("files", "files", lambda group: group.files),
    Column(key="first", header="first", value=lambda group: group.first, show=shown_day),
    Column(key="last", header="last", value=lambda group: group.last, show=shown_day),
)

RUN_COLUMNS: tuple[Column[RunSummary], ...] = (
    number("id", "run", lambda run: run.record.id),
    Column(key="kind", header="what", value=lambda run: run.record.kind),
    Column(key="state", value=lambda run: run.state.name.lower()),
    Column(key="started", header="started", value=lambda run: run.record.started, show=shown_time),
    Column(
        key="ended",
        header="ended",
        value=lambda run: run.record.ended,
        show=lambda at: "" if at is None else shown_time(at),
    ),
    Column(key="exit_code", value=lambda run: run.record.exit_code),
    Column(key="saved_bytes", value=lambda run: run.saved_bytes),
    Column(key="failures", value=lambda run: run.failures),
    Column(key="new_failures", value=lambda run: run.new_failures),
    Column(key="held", value=lambda run: run.held),
    Column(key="left", value=lambda run: run.left),
    Column(key="summary", header="result", value=result_text),
)


def period_columns(figures: Figures) -> tuple[Column[Period], ...]:
    """A period, its files and what they saved; the encoding time if any is known."""
    length = figures.length
    has_hours = any(period.sums.timed for period in figures.periods)
    sums: tuple[Column[Period], ...] = columns_of(lambda period: period.sums, SUM_COLUMNS)
    return (
        Column(key="start", value=lambda period: period.start),
        Column(header=length.value, value=lambda period: period_name(period, length)),
        *(column if column.key in ("files", "saved_bytes") else column.hidden for column in sums),
        Column(
            header="encoding" if has_hours else None,
            value=lambda period: period.sums.encode_s,
            show=hours_of,
            is_number=True,
        ),
    )


# --- what was done


def _summary(figures: Figures) -> Section:
    rows = tuple(_summary_rows(figures))
    return Section(topic=Topic.SUMMARY, title="Summary", table=Table(headers=("", ""), rows=rows))


def _summary_rows(figures: Figures) -> Iterator[tuple[str, str]]:
    total, outcomes = figures.total, figures.outcomes
    yield "done", counted(total.files, "target")
    if total.files:
        yield "size", f"{format_size(total.source_bytes)} -> {format_size(total.target_bytes)}"
        share = "" if total.size_ratio is None else f" ({1 - total.size_ratio:.0%})"
        yield "saved", f"{format_size(total.saved_bytes)}{share}"
    if total.timed:
        of = "" if total.timed == total.files else f", of {counted(total.timed, 'target')}"
        yield "encoding", f"{hours_of(total.encode_s)}{of}"
        yield "verifying", f"{hours_of(total.verify_s)}{of}"
    if untimed := total.files - total.timed:
        yield "not encoded", f"{untimed} copied, linked or adopted: their encoding time is unknown"
    yield from quality_rows(figures)
    if failed := outcomes.of(AttemptResult.FAILED):
        parked = sum(one.is_parked(figures.max_failures) for one in failed)
        note = f"; {parked} of them too often: av1rules retry tries them again" if parked else ""
        yield "failed", f"{len(failed)}{note}"
    for kind in figures.decided:
        is_undone = kind is AttemptResult.UNDONE
        fate = "a user put the original back" if is_undone else "the source stays as it is"
        yield kind.name.lower().replace("_", " "), f"{len(outcomes.of(kind))}: {fate}"
    damaged = ((outcomes.damaged_targets, "target"), (outcomes.damaged_sources, "source"))
    if text := ", ".join(counted(len(faults), what) for faults, what in damaged if faults):
        yield "damaged", text
    if held := sum(one.size_bytes for one in outcomes.aside):
        yield "in the trash", f"{format_size(held)}: a purge frees it"
    yield "ledger", printable(figures.ledger)


def _series(figures: Figures) -> Section:
    periods = [period for period in figures.periods if period.sums.files]
    return Section(
        topic=Topic.SERIES,
        title=f"By {figures.length.value}",
        note="Present targets, by the time they were last made.",
        table=table_of(period_columns(figures), periods),
    )


def _sizes(figures: Figures) -> Section:
    return Section(
        topic=Topic.SIZES,
        title="By rule and source tier",
        note="Ratio: target size to source size, of all files together. Median: the ratio of the "
        "middle file. 8 of 10: eight of ten files lie between these two ratios.",
        table=table_of(SIZE_COLUMNS, figures.by_rule),
    )


def _spread(figures: Figures) -> Section:
    groups = [(group, group.ratios.bins) for group in figures.by_tier if group.ratios is not None]
    counts = [bins for _, bins in groups]
    used = [number for number in range(len(BIN_NAMES)) if any(bins[number] for bins in counts)]
    shown = range(used[0], used[-1] + 1) if used else range(0)
    return Section(
        topic=Topic.SPREAD,
        title="Size of targets, by source tier",
        note="How many targets have this size, relative to their sources.",
        table=Table(
            headers=("target to source", *(tier_name(group.source_tier) for group, _ in groups)),
            rows=tuple(
                (BIN_NAMES[number], *(str(bins[number] or "") for bins in counts))
                for number in shown
            ),
            numbers=frozenset(range(1, len(groups) + 1)),
        ),
    )


# --- what failed or was left alone, and the rest


def _outcome_sections(figures: Figures, limit: int) -> Iterator[Section]:
    outcomes = figures.outcomes
    if any(reason.files > 1 for reason in figures.reasons):
        yield _list(Topic.REASONS, "Why encodes failed", REASON_COLUMNS, figures.reasons, limit)
    failed = _newest_first(outcomes.of(AttemptResult.FAILED))
    yield _list(Topic.FAILED, "Failed", FAILED_COLUMNS, failed, limit)
    for kind in figures.decided:
        words = attempt_text(kind)
        title, part = words[:1].upper() + words[1:], kind.name.lower().replace("_", "-")
        items = _newest_first(outcomes.of(kind))
        yield _list(Topic.DECIDED, title, DECIDED_COLUMNS, items, limit, part=part)
    if figures.skipped is not None:
        files = counted(sum(one.files for one in figures.skipped), "file")
        yield Section(
            topic=Topic.SKIPPED,
            title=f"Skipped, held and left alone ({files})",
            table=table_of(SKIPPED_COLUMNS, figures.skipped, limit=limit),
        )
    for topic, title, faults in (
        (Topic.DAMAGED_TARGETS, "Damaged targets", outcomes.damaged_targets),
        (Topic.DAMAGED_SOURCES, "Damaged sources", outcomes.damaged_sources),
    ):
        yield _list(topic, title, DAMAGE_COLUMNS, faults, limit)


def _newest_first(attempts: Sequence[Attempt]) -> list[Attempt]:
    return sorted(attempts, key=lambda one: one.at, reverse=True)


def _trash(outcomes: Outcomes) -> Section:
    return Section(
        topic=Topic.TRASH,
        title="Trash",
        note="As the ledger has it, of all time; av1rules originals list reads the disks.",
        table=table_of(TRASH_COLUMNS, outcomes.aside),
    )


def _tools(figures: Figures) -> Section:
    return Section(
        topic=Topic.TOOLS, title="Made with", table=table_of(TOOL_COLUMNS, figures.tools)
    )
