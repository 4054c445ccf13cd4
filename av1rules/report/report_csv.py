"""A report for spreadsheets: a line for each target, and for each encode that gave none."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from av1rules.graph.history import Made, Outcomes
from av1rules.graph.verdict import Verdict
from av1rules.report.plan_export import csv_cell

CSV_COLUMNS = (
    "outcome", "source", "target", "rule", "source_tier", "resolution", "encoder", "crf", "preset",
    "film_grain", "source_bytes", "target_bytes", "saved_bytes", "size_ratio", "at", "run",
    "encode_s", "verify_s", "frames", "frames_per_s", "count", "reason",
)  # fmt: skip


def report_csv(made: Iterable[Made], outcomes: Outcomes) -> Iterator[str]:
    """Line by line. `outcome` is done, failed, too large or undone; what is not known is empty.
    Of what is too large, `target_bytes` is the size that was refused. Times are UTC."""
    yield _line(CSV_COLUMNS)
    for one in made:
        yield _line(_done(one))
    for verdict in (*outcomes.failed, *outcomes.too_large, *outcomes.undone):
        yield _line(_not_done(verdict))


def _done(one: Made) -> Iterator[object]:
    settings = one.settings
    yield from ("done", csv_cell(one.source), csv_cell(one.target), csv_cell(one.rule or ""))
    yield from (csv_cell(one.source_tier or ""), one.resolution, csv_cell(one.tools.encoder))
    yield from (settings.crf, settings.preset, settings.film_grain)
    yield from (one.source_bytes, one.target_bytes, one.saved_bytes, _rounded(one.size_ratio))
    yield from (one.built_at.isoformat(), one.run, _rounded(one.encode_s), _rounded(one.verify_s))
    yield from (one.frames, _rounded(one.frames_per_s), None, None)


def _not_done(verdict: Verdict) -> tuple[object, ...]:
    known = dict.fromkeys(CSV_COLUMNS, None) | {
        "outcome": verdict.kind.value,
        "source": csv_cell(verdict.source),
        "source_bytes": verdict.source_bytes,
        "target_bytes": verdict.target_bytes,
        "at": verdict.at,
        "count": verdict.count,
        "reason": csv_cell(verdict.detail),
    }
    return tuple(known.values())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _line(values: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()
