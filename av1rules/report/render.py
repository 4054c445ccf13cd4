"""A report as text for a terminal, as Markdown and as CSV."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from av1rules.ledger.history import EncodeRecord, Outcomes, ScoreSummary
from av1rules.ledger.records import Attempt
from av1rules.operations.clips.ledger_status import ClipAndStatus
from av1rules.policy.quality_spec import Metric
from av1rules.quality.result import Score
from av1rules.report.markdown import escape_markdown, section_markdown
from av1rules.report.model import Figures
from av1rules.report.sections import (
    CLOSING,
    DECIDED_COLUMNS,
    TARGET_COLUMNS,
    headline,
    report_sections,
)
from av1rules.report.table import Column, csv_lines, each_record
from av1rules.report.table_text import section_text
from av1rules.report.view import PLAIN, View, fit

SHOWN_IN_TEXT = 10
SHOWN_IN_MARKDOWN = 20


def report_text(figures: Figures, view: View = PLAIN) -> str:
    """Sections with a blank line between; empty ones are left out."""
    sections = report_sections(figures, limit=SHOWN_IN_TEXT)
    tables = (section_text(section, view) for section in sections)
    head = "\n".join(fit([f"av1rules report, {headline(figures)}"], view))
    closing = "\n".join(fit([CLOSING], view))
    return "\n\n".join([head, *tables, closing]) + "\n"


def report_markdown(figures: Figures) -> str:
    """The same under headings, with longer lists."""
    sections = report_sections(figures, limit=SHOWN_IN_MARKDOWN)
    parts = [
        "# av1rules report",
        escape_markdown(headline(figures)),
        *map(section_markdown, sections),
        escape_markdown(CLOSING),
    ]
    return "\n\n".join(parts) + "\n"


Forecasts = Mapping[str, tuple[float, float]]
"""By target: seconds and bytes, the middle of each forecast."""


def report_csv(
    made: Iterable[EncodeRecord],
    outcomes: Outcomes,
    *,
    clips: Iterable[ClipAndStatus] = (),
    forecasts: Forecasts = MappingProxyType({}),
) -> Iterator[str]:
    """A line for each target, each attempt without one and each test clip.

    `outcome` is done, the result of an attempt (failed, too large, ...) or clip; unknown values are
    empty. `target_bytes` of a result that is too large is the size that was refused; of a clip it
    is the projected size of the target, and `reason` is the status of the clip. `scored` says what
    was scored: samples, the whole video, or the clip. Times are UTC."""
    targets = _target_columns(forecasts)
    rows = itertools.chain(
        each_record(targets, made),
        each_record(_FAILED, outcomes.attempts),
        each_record(_CLIPS, clips),
    )
    return csv_lines(csv_columns(), rows)


def csv_columns() -> tuple[str, ...]:
    """The names of all columns."""
    columns: tuple[Column[Any], ...] = (*_DONE, *_FAILED, *_target_columns({}))
    return tuple(dict.fromkeys(column.key for column in columns if column.key is not None))


_DONE: tuple[Column[EncodeRecord], ...] = (
    Column(key="outcome", value=lambda _: "done"),
    *TARGET_COLUMNS,
)

_FAILED: tuple[Column[Attempt], ...] = (
    Column(key="outcome", value=lambda one: one.kind),
    *DECIDED_COLUMNS,
)


def _score_columns(
    scores: Callable[[Any], Iterable[ScoreSummary | Score]],
) -> Iterator[Column[Any]]:
    for metric in Metric:
        yield _score_column(scores, metric, "mean")
        yield _score_column(scores, metric, "p5")


def _score_column(
    scores: Callable[[Any], Iterable[ScoreSummary | Score]], metric: Metric, figure: str
) -> Column[Any]:
    return Column(
        key=f"{metric.value}_{figure}", value=lambda one: _score(scores(one), metric, figure)
    )


def _score(scores: Iterable[ScoreSummary | Score], metric: Metric, figure: str) -> float | None:
    return next((getattr(one, figure) for one in scores if one.metric is metric), None)


def _target_columns(forecasts: Forecasts) -> tuple[Column[EncodeRecord], ...]:
    none = (None, None)
    return (
        *_DONE,
        Column(key="foretold_s", value=lambda one: forecasts.get(one.target, none)[0]),
        Column(key="foretold_bytes", value=lambda one: _whole(forecasts.get(one.target, none)[1])),
        Column(key="scored", value=lambda one: one.scores[0].scope if one.scores else None),
        *_score_columns(lambda one: one.scores),
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


_CLIPS: tuple[Column[ClipAndStatus], ...] = (
    Column(key="outcome", value=lambda _: "clip"),
    Column(key="source", value=lambda clip: clip.record.source),
    Column(key="target", value=lambda clip: clip.record.path),
    Column(key="rule", value=lambda clip: clip.record.facts.rule),
    Column(key="source_tier", value=lambda clip: clip.record.facts.source_tier),
    Column(key="encoder", value=lambda clip: clip.record.facts.tools.encoder),
    Column(key="crf", value=lambda clip: clip.record.facts.settings.crf),
    Column(key="preset", value=lambda clip: clip.record.facts.settings.preset),
    Column(key="film_grain", value=lambda clip: clip.record.facts.settings.film_grain),
    Column(key="source_bytes", value=lambda clip: clip.record.facts.source_bytes),
    Column(key="target_bytes", value=lambda clip: clip.record.facts.projected_bytes),
    Column(key="size_ratio", value=lambda clip: clip.record.facts.share),
    Column(key="at", value=lambda clip: clip.record.made_at),
    Column(key="encode_s", value=lambda clip: clip.record.facts.encode_s),
    Column(key="frames", value=lambda clip: clip.record.facts.frames),
    Column(key="reason", value=lambda clip: clip.status),
    Column(key="scored", value=lambda clip: "clip" if clip.record.facts.scores else None),
    *_score_columns(lambda clip: clip.record.facts.scores),
)
