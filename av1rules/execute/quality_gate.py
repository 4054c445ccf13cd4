"""The gate between verification and publication: an encode is scored against its source, and one
below a floor of the policy is never published."""

from __future__ import annotations

from dataclasses import dataclass

from av1rules.base.errors import EncodeError, ToolError
from av1rules.encode.encode import EncodeOutcome
from av1rules.encode.excerpt_argv import seek_slack
from av1rules.encode.job import EncodeJob
from av1rules.encode.verify import Verification
from av1rules.execute.excerpts import score_parts, source_part
from av1rules.execute.target_job import TargetJob
from av1rules.policy.quality_spec import GateScope, Metric, QualityGate
from av1rules.quality.capabilities import find_abilities
from av1rules.quality.filtergraph import ScoreInput
from av1rules.quality.result import Score, figure_of
from av1rules.quality.sampling import sample_excerpts


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What an encode scored; `problem` says why there are no scores."""

    scope: GateScope | None = None  # None: the policy asks for no scores
    scores: tuple[Score, ...] = ()
    problem: str | None = None


def require_scorable(job: TargetJob) -> None:
    """Raise EncodeError where this FFmpeg lacks what a floor of the policy asks for, before hours
    are spent on an encode that could never be published."""
    gate, workspace = job.work.recipe.settings.verify, job.session.workspace
    if gate is None or not gate.floors:
        return
    known = find_abilities(workspace.tools, workspace.cache, children=workspace.children).metrics
    for metric in _metrics(gate):
        if metric not in known:
            raise EncodeError(
                f"whether it is good enough can't be told: this FFmpeg has no {metric.value}",
                hint="use a build of FFmpeg that has it, or another metric in verify",
            )


def score_encode(
    job: TargetJob, encode_job: EncodeJob, encoded: EncodeOutcome, verified: Verification
) -> Scored:
    """Score an encode as its policy asks; nothing where it does not.

    Raises EncodeError where there are floors and no way to tell whether they are kept.
    """
    gate = job.work.recipe.settings.verify
    if gate is None or verified.target is None or verified.target.main is None:
        return Scored()
    passages = sample_excerpts(job.work.look.source) if gate.scope is GateScope.SAMPLES else ()
    reference = source_part(job, encode_job, passages)
    target = verified.target.main
    distorted = ScoreInput(
        path=encoded.path,
        stream=target,
        passages=passages,
        slack_s=seek_slack(verified.target.container),
        origin_s=(target.start_s or 0.0) - (encode_job.main.start_s or 0.0),
    )
    try:
        scores = score_parts(job, encode_job, reference, distorted, metrics=_metrics(gate))
    except (EncodeError, ToolError) as problem:
        if gate.floors:
            raise EncodeError(
                f"whether it is good enough can't be told: {problem.message}",
                hint=problem.hint or "without verify it is published unscored",
            ) from problem
        return Scored(scope=gate.scope, problem=problem.message.partition("\n")[0])
    return Scored(scope=gate.scope, scores=scores)


def _metrics(gate: QualityGate) -> tuple[Metric, ...]:
    return tuple(dict.fromkeys(floor.metric for floor in gate.floors)) or (Metric.VMAF,)


def measured_figures(gate: QualityGate, scored: Scored) -> tuple[tuple[str, float], ...]:
    """What each floor of the gate came to, by its key; for each of its metrics there is a score
    (see `require_scorable`)."""
    by_metric = {score.metric: score for score in scored.scores}
    return tuple(
        (floor.key, figure_of(by_metric[floor.metric], floor.statistic)) for floor in gate.floors
    )
