"""How earlier attempts affect an encode: it failed, its result was too large or below the quality
floor, or a user undid it.
"""

from __future__ import annotations

from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.plan.items import Blocked, Encode, LeftAlone, PlannedEncode, PlannedFile
from av1rules.plan.workspace import Workspace
from av1rules.policy.model import OutputMode
from av1rules.policy.quality_spec import shortfall
from av1rules.policy.settings import EncodeSettings


def earlier_attempt(workspace: Workspace, work: PlannedEncode) -> Attempt | None:
    """The earlier attempt with this content and these settings. UNDONE counts only in mode
    `replace`: elsewhere it means that an orphan was put back."""
    attempt = workspace.ledger.attempt(work.content_key, work.fingerprint)
    if attempt is None or attempt.kind is not AttemptResult.UNDONE:
        return attempt
    return attempt if workspace.ruleset.output.mode is OutputMode.REPLACE else None


def after_attempt(
    attempt: Attempt,
    planned: PlannedFile,
    causes: tuple[str, ...],
    work: PlannedEncode,
    *,
    max_failures: int,
) -> Encode | Blocked | LeftAlone:
    """The encode, or why the earlier attempt rules out another one."""
    if attempt.kind is AttemptResult.FAILED:
        times = "once" if attempt.count == 1 else f"{attempt.count} times"
        cause = f"failed {times} before: {attempt.detail}"
        if attempt.count < max_failures:
            return Encode.of(planned, *causes, cause, work=work)
        advice = "parked until source or settings change, or by `av1rules retry PATH`"
        return Blocked.of(planned, f"{cause}; {advice}", is_settled_by_attempt=True)
    why_not = _why_not_again(attempt, work.recipe.settings)
    if why_not is None:
        return Encode.of(planned, *causes, work=work)
    return LeftAlone.of(planned, why_not, is_settled_by_attempt=True)


def _why_not_again(attempt: Attempt, settings: EncodeSettings) -> str | None:
    """Why the current policy does not encode the source again; None if it does."""
    if attempt.kind is AttemptResult.UNDONE:
        return "undone: left alone until source or settings change, or by `run --force PATH`"
    if attempt.kind is AttemptResult.TOO_POOR:
        detail = shortfall(settings.quality_gate, attempt.measured)
        advice = "not tried again until source, settings or floor change"
        return None if detail is None else f"{detail}: {advice}"
    ratio = (attempt.target_bytes or 0) / max(attempt.source_bytes, 1)
    if ratio <= settings.max_size_ratio:
        return None
    return f"{attempt.detail}: not tried again until source or settings change"
