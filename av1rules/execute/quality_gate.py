"""The quality gate: an encode that scores below a floor of the policy is never published."""

from __future__ import annotations

import msgspec

from av1rules.base.errors import EncodeError, ToolError
from av1rules.base.process import Children
from av1rules.encode.encode import EncodeOutcome
from av1rules.ffmpeg.tools import ToolMemo, Tools
from av1rules.ledger.records import AttemptResult
from av1rules.policy.quality_spec import GateScope, Metric, QualityGate, shortfall
from av1rules.quality.capabilities import find_abilities
from av1rules.quality.result import Score, figure_of


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """Why a size gate or quality gate rejects an encode. Recorded for its content and settings.

    `size_bytes` is the actual or projected (`is_projected`) size of the result. `measured` has the
    figures that were compared with the floors of a quality gate, by the key of the floor.
    """

    kind: AttemptResult
    detail: str
    size_bytes: int
    measured: tuple[tuple[str, float], ...] = ()
    is_projected: bool = False


class QualityScores(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of an encode; `problem` says why there are none."""

    scope: GateScope | None = None  # None: the policy requires no scores
    scores: tuple[Score, ...] = ()
    problem: str | None = None


def require_scorable(
    gate: QualityGate | None, tools: Tools, memo: ToolMemo, *, children: Children
) -> None:
    """Raise EncodeError if this FFmpeg lacks a metric that a floor needs, before hours are spent on
    an encode that could never be published."""
    if gate is None or not gate.floors:
        return
    known = find_abilities(tools, memo, children=children).metrics
    for metric in metrics_of(gate):
        if metric not in known:
            raise EncodeError(
                f"its quality can't be measured: this FFmpeg has no {metric.value}",
                hint="use a build of FFmpeg that has it, or another metric in quality_gate",
            )


def metrics_of(gate: QualityGate) -> tuple[Metric, ...]:
    """The metrics of the floors; VMAF if there are none."""
    return tuple(dict.fromkeys(floor.metric for floor in gate.floors)) or (Metric.VMAF,)


def without_scores(gate: QualityGate, problem: EncodeError | ToolError) -> QualityScores:
    """The record of an encode that can't be scored. Raises EncodeError if the gate has floors,
    since nobody knows then whether it passes."""
    if gate.floors:
        raise EncodeError(
            f"its quality can't be measured: {problem.message}",
            hint=problem.hint or "without quality_gate it is published unscored",
        ) from problem
    return QualityScores(scope=gate.scope, problem=problem.message.partition("\n")[0])


def below_floor(
    gate: QualityGate | None, quality: QualityScores, encoded: EncodeOutcome
) -> Rejection | None:
    """The rejection of an encode below a floor; None if it passes."""
    if gate is None or quality.scope is None:
        return None
    figures = _figures(gate, quality) if gate.floors else ()
    detail = shortfall(gate, figures)
    if detail is None:
        return None
    caveats = dict.fromkeys(caveat for score in quality.scores for caveat in score.caveats)
    return Rejection(
        kind=AttemptResult.TOO_POOR,
        detail="; ".join((detail, *caveats)),
        size_bytes=encoded.size_bytes,
        measured=figures,
    )


def _figures(gate: QualityGate, quality: QualityScores) -> tuple[tuple[str, float], ...]:
    """The figure for each floor of the gate, by its key. Each metric has a score, since
    `require_scorable` checked that."""
    by_metric = {score.metric: score for score in quality.scores}
    return tuple(
        (floor.key, figure_of(by_metric[floor.metric], floor.statistic)) for floor in gate.floors
    )
