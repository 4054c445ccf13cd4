"""What earlier attempts say of an encode: how often it failed, what came out too large or too poor,
what a user undid."""

from __future__ import annotations

from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.plan.items import Blocked, Encode, LeftAlone, PlannedEncode, PlannedFile
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import OutputMode
from av1rules.policy.quality_spec import shortfall
from av1rules.policy.settings import EncodeSettings


def earlier_attempt(workspace: Workspace, work: PlannedEncode) -> Attempt | None:
    """What came of this content with these settings before. An orphan that was put back says
    nothing against a target."""
    verdict = workspace.ledger.verdict(work.content_key, work.fingerprint)
    if verdict is None or verdict.kind is not AttemptResult.UNDONE:
        return verdict
    return verdict if workspace.ruleset.output.mode is OutputMode.REPLACE else None


def after_attempt(
    verdict: Attempt,
    planned: PlannedFile,
    causes: tuple[str, ...],
    work: PlannedEncode,
    *,
    max_failures: int,
) -> Encode | Blocked | LeftAlone:
    """The encode, unless the attempt says that another one is not worth it."""
    if verdict.kind is AttemptResult.FAILED:
        times = "once" if verdict.count == 1 else f"{verdict.count} times"
        cause = f"failed {times} before: {verdict.detail}"
        if verdict.count < max_failures:
            return Encode.of(planned, *causes, cause, work=work)
        advice = "parked until source or settings change, or by `av1rules retry PATH`"
        return Blocked.of(planned, f"{cause}; {advice}", is_settled_by_attempt=True)
    why_not = _why_not_again(verdict, work.recipe.settings)
    if why_not is None:
        return Encode.of(planned, *causes, work=work)
    return LeftAlone.of(planned, why_not, is_settled_by_attempt=True)


def _why_not_again(verdict: Attempt, settings: EncodeSettings) -> str | None:
    """Why the film is not encoded again by the policy of today; None: it is."""
    if verdict.kind is AttemptResult.UNDONE:
        return "undone: left alone until source or settings change, or by `run --force PATH`"
    if verdict.kind is AttemptResult.TOO_POOR:
        detail = shortfall(settings.quality_gate, verdict.measured)
        advice = "not tried again until source, settings or floor change"
        return None if detail is None else f"{detail}: {advice}"
    ratio = (verdict.target_bytes or 0) / max(verdict.source_bytes, 1)
    if ratio <= settings.max_size_ratio:
        return None
    return f"{verdict.detail}: not tried again until source or settings change"
