"""How earlier attempts affect an encode: it failed, its result was too large or below the quality
floor, or a user undid it.
"""

from __future__ import annotations

from av1rules.encode.size_gate import is_same_length
from av1rules.ledger.records import Attempt, AttemptResult
from av1rules.media.source import Source
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
        if newly := attempt.newly_accepted(work.recipe.settings.accept):
            cause = f"failed before, but now its rule accepts: {', '.join(newly)}"
            return Encode.of(planned, *causes, cause, work=work)
        if not _had_same_length(attempt, work.evaluation.source):
            return Encode.of(planned, *causes, work=work)
        times = "once" if attempt.count == 1 else f"{attempt.count} times"
        cause = f"failed {times} before: {attempt.detail}"
        if not attempt.is_parked(max_failures):
            return Encode.of(planned, *causes, cause, work=work)
        advice = "parked until source, settings or `accept` change, or by `av1rules retry PATH`"
        return Blocked.of(planned, f"{cause}; {advice}", is_settled_by_attempt=True)
    why_not = _why_not_again(attempt, work.recipe.settings, work.evaluation.source)
    if why_not is None:
        return Encode.of(planned, *causes, work=work)
    return LeftAlone.of(planned, why_not, is_settled_by_attempt=True)


def _why_not_again(attempt: Attempt, settings: EncodeSettings, source: Source) -> str | None:
    """Why the current policy does not encode the source again; None if it does."""
    if attempt.kind is AttemptResult.UNDONE:
        return "undone: left alone until source or settings change, or by `run --force PATH`"
    if attempt.kind is AttemptResult.TOO_POOR:
        detail = shortfall(settings.quality_gate, attempt.measured)
        advice = "not tried again until source, settings or floor change"
        return None if detail is None else f"{detail}: {advice}"
    if not _still_holds(attempt, source):
        return None
    ratio = (attempt.target_bytes or 0) / max(attempt.source_bytes, 1)
    if ratio <= settings.max_size_ratio:
        return None
    return f"{attempt.detail}: not tried again until source or settings change"


def _still_holds(attempt: Attempt, source: Source) -> bool:
    """Whether the size that was too large was that of a file, or projected by the length that the
    film has. Before that was recorded, projections went by the container's."""
    if attempt.is_projected is False:
        return True
    return _had_same_length(attempt, source)


def _had_same_length(attempt: Attempt, source: Source) -> bool:
    """Whether the attempt went by the length that the film has as it is known today."""
    before_s = source.duration_s if attempt.is_projected is None else attempt.film_s
    return is_same_length(before_s, source.film_s)
