"""Records of what a job came to: the receipt of a finished target, and unsuccessful attempts."""

from __future__ import annotations

from av1rules.base.errors import EncodeError
from av1rules.base.units import now_text
from av1rules.encode.encode import EncodeOutcome
from av1rules.encode.streams import StreamAction
from av1rules.execute.session import Session
from av1rules.execute.worker import VerifiedEncode
from av1rules.ledger.receipt import (
    Receipt,
    ReceiptCheck,
    SettingLine,
    SourcePicture,
    receipt_scores,
)
from av1rules.ledger.records import Attempt, AttemptResult, TargetRow
from av1rules.media.source import Source
from av1rules.media.source_text import source_lines
from av1rules.plan.items import ActiveItem, PlannedEncode
from av1rules.policy.fingerprint import NAMES, shown


def receipt_of(
    row: ActiveItem,
    work: PlannedEncode,
    entry: TargetRow,
    result: VerifiedEncode,
    *,
    started_at: str,
) -> Receipt:
    """The receipt of a finished target, from its plan, encode and verification. `entry` is its
    ledger row."""
    encoded, verified, quality = result.encoded, result.verified, result.quality
    return Receipt(
        source=row.file.path,
        target=entry.target,
        source_bytes=entry.source_bytes,
        target_bytes=entry.target_bytes,
        source_digest=entry.source_digest,
        target_digest=entry.target_digest,
        run=entry.run,
        source_facts=tuple(source_lines(work.evaluation.source)),
        picture=_picture(work.evaluation.source),
        source_tier=row.source_tier,
        tier_confidence=work.evaluation.classification.confidence,
        tier_reasons=work.evaluation.classification.reasons,
        rule=row.rule,
        causes=row.causes,
        settings=_setting_lines(work),
        encoder=work.encoder.name,
        tools=_tools(entry, encoded),
        command=encoded.command,
        changed_streams=tuple(
            step.describe()
            for step in work.recipe.streams.steps
            if step.action not in (StreamAction.COPY, StreamAction.ENCODE) or step.flags is not None
        ),
        accepted_losses=tuple(loss.message for loss in work.recipe.losses),
        not_carried_on=work.recipe.streams.remarks,
        checks=tuple(
            ReceiptCheck(name=check.name, passed=check.passed, detail=check.detail)
            for check in verified.checks
        ),
        frames=verified.frames,
        segments=None if encoded.segmentation is None else encoded.segmentation.text,
        started_at=started_at,
        finished_at=entry.built_at,
        encode_s=entry.encode_s,
        verify_s=entry.verify_s,
        scores=receipt_scores(quality.scores),
        score_scope=None if quality.scope is None else quality.scope.value,
        score_problem=quality.problem,
        log=encoded.log,
        last_lines=encoded.tail,
    )


def _tools(entry: TargetRow, encoded: EncodeOutcome) -> tuple[tuple[str, str], ...]:
    used = [("FFmpeg", entry.tools.ffmpeg), ("encoder", entry.tools.encoder_version or "")]
    if encoded.structure is not None and encoded.structure.version:
        used.append(("mkvpropedit", encoded.structure.version))
    return tuple(used)


def _picture(source: Source) -> SourcePicture | None:
    main = source.main
    if main is None:
        return None
    return SourcePicture(
        width=main.width,
        height=main.height,
        frame_rate=None if main.frame_rate is None else str(main.frame_rate),
        is_variable_rate=main.is_variable_rate,
        duration_s=source.film_s,
    )


def _setting_lines(work: PlannedEncode) -> tuple[SettingLine, ...]:
    origins = dict(work.recipe.origins)
    return tuple(
        SettingLine(
            name=name, value=shown(work.recipe.settings, name), origin=str(origins.get(name, ""))
        )
        for name in NAMES
    )


def record_failure(row: ActiveItem, session: Session, problem: EncodeError) -> None:
    """Count a failure of this content with these settings. Raises LedgerError.

    One that is final keeps its hint: nobody sees the job fail again.
    """
    detail = problem.message.partition("\n")[0]
    if problem.is_final and problem.hint:
        detail = f"{detail}: {problem.hint}"
    record_attempt(row, session, AttemptResult.FAILED, detail, is_final=problem.is_final)


def record_attempt(
    row: ActiveItem,
    session: Session,
    kind: AttemptResult,
    detail: str,
    *,
    target_bytes: int | None = None,
    measured: tuple[tuple[str, float], ...] = (),
    is_final: bool = False,
    is_projected: bool = False,
    film_s: float | None = None,
) -> None:
    """Record an unsuccessful attempt with this content and these settings. Raises LedgerError."""
    session.workspace.ledger.record_attempt(
        Attempt(
            kind=kind,
            content_key=row.work.content_key,
            fingerprint=row.work.fingerprint,
            source=row.file.library_path,
            detail=detail,
            source_bytes=row.work.origin.stat.size_bytes,
            target_bytes=target_bytes,
            count=1,
            at=now_text(),
            measured=measured,
            is_final=is_final or None,
            accepted=",".join(sorted(row.work.recipe.settings.accept)),
            is_projected=is_projected,
            film_s=film_s,
        )
    )
