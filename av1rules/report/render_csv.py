"""A report for spreadsheets: a line for each target, each encode that gave none, each test clip."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from av1rules.ledger.history import EncodeRecord, Outcomes, ScoreSummary
from av1rules.ledger.records import Attempt
from av1rules.operations.clips.ledger_status import ClipAndStatus
from av1rules.policy.quality_spec import Metric
from av1rules.policy.settings import EncodeSettings
from av1rules.quality.result import Score
from av1rules.report.format import csv_cell

CSV_COLUMNS = (
    "outcome", "source", "target", "rule", "source_tier", "resolution", "encoder", "crf", "preset",
    "film_grain", "source_bytes", "target_bytes", "saved_bytes", "size_ratio", "at", "run",
    "encode_s", "verify_s", "frames", "frames_per_s", "count", "reason", "foretold_s",
    "foretold_bytes", "scored",
    *(f"{metric.value}_{figure}" for metric in Metric for figure in ("mean", "p5")),
)  # fmt: skip

Foretold = Mapping[str, tuple[float, float]]
"""By target: seconds and bytes, the middle of each forecast."""


def report_csv(
    made: Iterable[EncodeRecord],
    outcomes: Outcomes,
    *,
    clips: Iterable[ClipAndStatus] = (),
    forecasts: Foretold = MappingProxyType({}),
) -> Iterator[str]:
    """Line by line. `outcome` is done, a kind of verdict (failed, too large, ...) or clip; what is
    not known is empty. Of what is too large, `target_bytes` is the size that was refused; of a
    clip it is that of the film as far as the clip tells, and `reason` is how it stands. `scored`
    tells of which part of the film scores are: samples, whole, or the hard passages of a clip.
    Times are UTC."""
    yield _line(CSV_COLUMNS)
    for one in made:
        yield _line(_columns(_done(one) | _foretold(forecasts.get(one.target))))
    for verdict in outcomes.verdicts:
        yield _line(_columns(_not_done(verdict)))
    for clip in clips:
        yield _line(_columns(_clip(clip)))


def _columns(known: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(known.get(name) for name in CSV_COLUMNS)


def _settings(settings: EncodeSettings) -> dict[str, object]:
    return {
        "crf": settings.crf,
        "preset": settings.preset,
        "film_grain": settings.film_grain,
    }


def _scores(scores: Iterable[ScoreSummary | Score]) -> dict[str, object]:
    return {
        f"{score.metric.value}_{figure}": _rounded(getattr(score, figure))
        for score in scores
        for figure in ("mean", "p5")
    }


def _foretold(found: tuple[float, float] | None) -> dict[str, object]:
    if found is None:
        return {}
    return {"foretold_s": _rounded(found[0]), "foretold_bytes": round(found[1])}


def _done(one: EncodeRecord) -> dict[str, object]:
    scope = one.scores[0].scope if one.scores else None
    return {
        "outcome": "done",
        "source": csv_cell(one.source),
        "target": csv_cell(one.target),
        "rule": csv_cell(one.rule or ""),
        "source_tier": csv_cell(one.source_tier or ""),
        "resolution": one.resolution,
        "encoder": csv_cell(one.tools.encoder),
        **_settings(one.settings),
        "source_bytes": one.source_bytes,
        "target_bytes": one.target_bytes,
        "saved_bytes": one.saved_bytes,
        "size_ratio": _rounded(one.size_ratio),
        "at": one.built_at.isoformat(),
        "run": one.run,
        "encode_s": _rounded(one.encode_s),
        "verify_s": _rounded(one.verify_s),
        "frames": one.frames,
        "frames_per_s": _rounded(one.frames_per_s),
        "scored": None if scope is None else scope.value,
        **_scores(one.scores),
    }


def _clip(clip: ClipAndStatus) -> dict[str, object]:
    record, facts = clip.record, clip.record.facts
    return {
        "outcome": "clip",
        "source": csv_cell(record.source),
        "target": csv_cell(record.path),
        "rule": csv_cell(facts.rule),
        "source_tier": csv_cell(facts.source_tier or ""),
        "encoder": csv_cell(facts.tools.encoder),
        **_settings(facts.settings),
        "source_bytes": facts.source_bytes,
        "target_bytes": facts.projected_bytes,
        "size_ratio": _rounded(facts.share),
        "at": record.made_at,
        "encode_s": _rounded(facts.encode_s),
        "frames": facts.frames,
        "reason": clip.standing.value,
        "scored": "clip" if facts.scores else None,
        **_scores(facts.scores),
    }


def _not_done(verdict: Attempt) -> dict[str, object]:
    return {
        "outcome": verdict.kind.value,
        "source": csv_cell(verdict.source),
        "source_bytes": verdict.source_bytes,
        "target_bytes": verdict.target_bytes,
        "at": verdict.at,
        "count": verdict.count,
        "reason": csv_cell(verdict.detail),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _line(values: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()
