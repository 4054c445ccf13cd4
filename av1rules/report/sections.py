"""A report as titled tables: what was done, and all other sections in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from av1rules.base.text import printable
from av1rules.base.units import format_size
from av1rules.ledger.history import DamageRecord, EncodeRecord, Outcomes
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.report.format import (
    BIN_NAMES,
    UNKNOWN,
    count_of,
    hours_of,
    percent,
    period_name,
    reason_line,
    rule_name,
    shown_time,
    tier_name,
    verdict_words,
)
from av1rules.report.model import Figures, SizeGroup, Skipped, SpeedGroup
from av1rules.report.sections_quality import quality_rows, quality_sections
from av1rules.report.table import Section, Table, Topic, list_section

_KEPT = "the source is kept as it is"


_SIZE_HEADERS = ("source", "target", "saved", "ratio")


def report_sections(figures: Figures, *, limit: int) -> tuple[Section, ...]:
    """All that there is something to say about; lists name at most `limit` files."""
    found = (
        _summary(figures),
        _series(figures),
        _sizes(figures),
        _spread(figures),
        *quality_sections(figures, limit),
        _speeds(figures),
        _extremes(Topic.SAVERS, "Biggest savings", figures.savers, limit),
        _extremes(Topic.WORST, "Largest targets for their sources", figures.worst, limit),
        *outcome_sections(figures, limit),
        _aside(figures.outcomes),
        _tools(figures),
        _runs(figures.outcomes, limit),
    )
    return tuple(section for section in found if section is not None and section.table.rows)


def _summary(figures: Figures) -> Section:
    rows = tuple(_summary_rows(figures))
    return Section(topic=Topic.SUMMARY, title="Summary", table=Table(headers=("", ""), rows=rows))


def _summary_rows(figures: Figures) -> Iterator[tuple[str, str]]:
    total, outcomes = figures.total, figures.outcomes
    yield "done", count_of(total.files, "target")
    if total.files:
        sizes = f"{format_size(total.source_bytes)} -> {format_size(total.target_bytes)}"
        yield "size", sizes
        share = "" if total.size_ratio is None else f" ({1 - total.size_ratio:.0%})"
        yield "saved", f"{format_size(total.saved_bytes)}{share}"
    if total.timed:
        of = "" if total.timed == total.files else f", of {count_of(total.timed, 'target')}"
        yield "encoding", f"{hours_of(total.encode_s)}{of}"
        yield "verifying", f"{hours_of(total.verify_s)}{of}"
    if untimed := total.files - total.timed:
        yield "not encoded", f"{untimed} copied, linked or adopted: no time is known of them"
    yield from quality_rows(figures)
    if failed := outcomes.of(AttemptResult.FAILED):
        parked = sum(one.count >= figures.max_failures for one in failed)
        told = f"; {parked} of them so often that they wait for av1rules retry" if parked else ""
        yield "failed", f"{len(failed)}{told}"
    for kind in figures.decided:
        what = "a person put the original back" if kind is AttemptResult.UNDONE else _KEPT
        yield kind.name.lower().replace("_", " "), f"{len(outcomes.of(kind))}: {what}"
    damaged = ((outcomes.damaged_targets, "target"), (outcomes.damaged_sources, "source"))
    if told := ", ".join(count_of(len(faults), what) for faults, what in damaged if faults):
        yield "damaged", told
    if held := sum(one.size_bytes for one in outcomes.aside):
        yield "held aside", f"{format_size(held)}: freed once it is purged"
    yield "ledger", printable(figures.ledger)


def _series(figures: Figures) -> Section:
    periods = figures.periods
    has_hours = any(period.sums.timed for period in periods)
    hours = ("encoding",) if has_hours else ()
    return Section(
        topic=Topic.SERIES,
        title=f"By {figures.step.value}",
        note="Targets that stand now, by when they were made last.",
        table=Table(
            headers=(figures.step.value, "files", "saved", *hours),
            rows=tuple(
                (
                    period_name(period, figures.step),
                    str(period.sums.files),
                    format_size(period.sums.saved_bytes),
                    *((hours_of(period.sums.encode_s),) if has_hours else ()),
                )
                for period in periods
                if period.sums.files
            ),
            numbers=frozenset({1, 2, 3}),
        ),
    )


def _sizes(figures: Figures) -> Section:
    return Section(
        topic=Topic.SIZES,
        title="By rule and source tier",
        note="Ratio is target to source: of all files together, then of the middle file, and "
        "between which two values eight of ten files lie.",
        table=Table(
            headers=("rule", "tier", "files", *_SIZE_HEADERS, "median", "8 of 10"),
            rows=tuple(_size_row(group) for group in figures.by_rule),
            numbers=frozenset(range(2, 9)),
        ),
    )


def _size_row(group: SizeGroup) -> tuple[str, ...]:
    sums, ratios = group.sums, group.ratios
    return (
        rule_name(group.rule),
        tier_name(group.source_tier),
        str(sums.files),
        format_size(sums.source_bytes),
        format_size(sums.target_bytes),
        format_size(sums.saved_bytes),
        percent(sums.size_ratio),
        percent(None if ratios is None else ratios.median),
        "" if ratios is None else f"{ratios.low:.0%} - {ratios.high:.0%}",
    )


def _spread(figures: Figures) -> Section:
    groups = [group for group in figures.by_tier if group.ratios is not None]
    counts = [group.ratios.bins for group in groups if group.ratios is not None]
    used = [number for number in range(len(BIN_NAMES)) if any(bins[number] for bins in counts)]
    shown = range(used[0], used[-1] + 1) if used else range(0)
    return Section(
        topic=Topic.SPREAD,
        title="Size of targets, by source tier",
        note="How many targets are so large, compared to their sources.",
        table=Table(
            headers=("target to source", *(tier_name(group.source_tier) for group in groups)),
            rows=tuple(
                (BIN_NAMES[number], *(str(bins[number] or "") for bins in counts))
                for number in shown
            ),
            numbers=frozenset(range(1, len(groups) + 1)),
        ),
    )


def _speeds(figures: Figures) -> Section:
    return Section(
        topic=Topic.SPEED,
        title="Encode speed",
        note="By the clock on the wall: encodes that ran at the same time slowed each other.",
        table=Table(
            headers=("encoder", "preset", "picture", "files", "frames/s", "median", "realtime"),
            rows=tuple(_speed_row(group) for group in figures.speeds),
            numbers=frozenset({1, 3, 4, 5, 6}),
        ),
    )


def _speed_row(group: SpeedGroup) -> tuple[str, ...]:
    return (
        printable(group.encoder),
        str(group.preset),
        group.resolution or UNKNOWN,
        str(group.files),
        f"{group.frames_per_s:.3g}",
        f"{group.median:.3g}",
        "" if group.realtime is None else f"{group.realtime:.2g}x",
    )


def _extremes(topic: Topic, title: str, made: Sequence[EncodeRecord], limit: int) -> Section:
    return Section(
        topic=topic,
        title=title,
        table=Table(
            headers=("file", "tier", "rule", *_SIZE_HEADERS),
            rows=tuple(
                (
                    printable(one.source),
                    tier_name(one.source_tier),
                    rule_name(one.rule),
                    format_size(one.source_bytes),
                    format_size(one.target_bytes),
                    format_size(one.saved_bytes),
                    percent(one.size_ratio),
                )
                for one in made[:limit]
            ),
            numbers=frozenset({3, 4, 5, 6}),
            names=0,
        ),
    )


def _aside(outcomes: Outcomes) -> Section:
    return Section(
        topic=Topic.TRASHED,
        title="Put aside",
        note="As the ledger has it, at any time; av1rules originals list looks at the disks.",
        table=Table(
            headers=("what", "aside", "size", "purged", "freed"),
            rows=tuple(
                (
                    f"{one.kind.value}s",
                    str(one.count),
                    format_size(one.size_bytes),
                    str(one.purged),
                    format_size(one.purged_bytes),
                )
                for one in outcomes.aside
            ),
            numbers=frozenset({1, 2, 3, 4}),
        ),
    )


def _tools(figures: Figures) -> Section:
    return Section(
        topic=Topic.TOOLS,
        title="Made with",
        table=Table(
            headers=("encoder", "version", "FFmpeg", "files", "first", "last"),
            rows=tuple(
                (
                    printable(group.tools.encoder),
                    printable(group.tools.encoder_version or UNKNOWN),
                    printable(group.tools.ffmpeg),
                    str(group.files),
                    shown_time(group.first.isoformat())[:10],
                    shown_time(group.last.isoformat())[:10],
                )
                for group in figures.tools
            ),
            numbers=frozenset({3}),
        ),
    )


def _runs(outcomes: Outcomes, limit: int) -> Section:
    return list_section(
        Topic.RUNS, "Runs", ("run", "started", "ended", "what came of it"), outcomes.runs, limit,
        lambda run: (
            str(run.id),
            shown_time(run.started),
            "" if run.ended is None else shown_time(run.ended),
            printable(run.summary or "did not end, or is at work"),
        ),
        numbers=frozenset({0}),
    )  # fmt: skip


def outcome_sections(figures: Figures, limit: int) -> Iterator[Section]:
    outcomes = figures.outcomes
    if any(reason.files > 1 for reason in figures.reasons):
        yield list_section(
            Topic.REASONS, "Why encodes failed", ("files", "why"), figures.reasons, limit,
            lambda one: (str(one.files), reason_line(one.detail)),
            numbers=frozenset({0}),
        )  # fmt: skip
    failed = outcomes.of(AttemptResult.FAILED)
    yield _verdicts(Topic.FAILED, "Failed", failed, limit, with_count=True)
    for kind in figures.decided:
        words = verdict_words(kind)
        title, part = words[:1].upper() + words[1:], kind.name.lower().replace("_", "-")
        yield _verdicts(Topic.DECIDED, title, outcomes.of(kind), limit, part=part)
    if figures.skipped is not None:
        yield _skipped(figures.skipped, limit)
    yield _faults(Topic.DAMAGED_TARGETS, "Damaged targets", outcomes.damaged_targets, limit)
    yield _faults(Topic.DAMAGED_SOURCES, "Damaged sources", outcomes.damaged_sources, limit)


def _verdicts(
    topic: Topic,
    title: str,
    verdicts: Sequence[Attempt],
    limit: int,
    *,
    with_count: bool = False,
    part: str = "",
) -> Section:
    """The newest first."""
    newest = sorted(verdicts, key=lambda one: one.at, reverse=True)

    def row(one: Attempt) -> tuple[str, ...]:
        times = (str(one.count),) if with_count else ()
        size = format_size(one.source_bytes)
        return printable(one.source), size, *times, shown_time(one.at), reason_line(one.detail)

    times = ("times",) if with_count else ()
    return list_section(
        topic, title, ("file", "size", *times, "last", "why"), newest, limit, row,
        numbers=frozenset({1, 2} if with_count else {1}), names=0, part=part,
    )  # fmt: skip


def _faults(topic: Topic, title: str, faults: Sequence[DamageRecord], limit: int) -> Section:
    return list_section(
        topic, title, ("file", "seen", "fault"), faults, limit,
        lambda one: (printable(one.name), shown_time(one.at), reason_line(one.fault)), names=0,
    )  # fmt: skip


def _skipped(skipped: Sequence[Skipped], limit: int) -> Section:
    section = list_section(
        Topic.SKIPPED, "", ("what", "files", "size", "why"), skipped, limit,
        lambda one: (
            one.action, str(one.files), format_size(one.size_bytes), reason_line(one.cause)
        ),
        numbers=frozenset({1, 2}),
    )  # fmt: skip
    files = sum(one.files for one in skipped)
    return replace(section, title=f"Skipped, held and left alone ({count_of(files, 'file')})")
