"""The sections of a report about what came to nothing: failures, verdicts, damage, what is
skipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from av1rules.base.text import printable
from av1rules.base.units import format_size
from av1rules.graph.status import Fault
from av1rules.graph.verdict import Verdict, VerdictKind
from av1rules.report.figures import Figures, Skipped
from av1rules.report.originals_text import shown_time
from av1rules.report.report_parts import Section, Topic, list_section
from av1rules.report.report_words import count_of, reason_line, verdict_words


def outcome_sections(figures: Figures, limit: int) -> Iterator[Section]:
    outcomes = figures.outcomes
    if any(reason.files > 1 for reason in figures.reasons):
        yield list_section(
            Topic.REASONS, "Why encodes failed", ("files", "why"), figures.reasons, limit,
            lambda one: (str(one.files), reason_line(one.detail)),
            numbers=frozenset({0}),
        )  # fmt: skip
    failed = outcomes.of(VerdictKind.FAILED)
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
    verdicts: Sequence[Verdict],
    limit: int,
    *,
    with_count: bool = False,
    part: str = "",
) -> Section:
    """The newest first."""
    newest = sorted(verdicts, key=lambda one: one.at, reverse=True)

    def row(one: Verdict) -> tuple[str, ...]:
        times = (str(one.count),) if with_count else ()
        size = format_size(one.source_bytes)
        return printable(one.source), size, *times, shown_time(one.at), reason_line(one.detail)

    times = ("times",) if with_count else ()
    return list_section(
        topic, title, ("file", "size", *times, "last", "why"), newest, limit, row,
        numbers=frozenset({1, 2} if with_count else {1}), names=0, part=part,
    )  # fmt: skip


def _faults(topic: Topic, title: str, faults: Sequence[Fault], limit: int) -> Section:
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
