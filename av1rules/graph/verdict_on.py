"""Verdicts on planned rows, as they are recorded."""

from __future__ import annotations

from av1rules.base.errors import EncodeError
from av1rules.graph.planned import PlanRow
from av1rules.graph.session import Session, now_text
from av1rules.graph.verdict import Verdict, VerdictKind


def record_failure(row: PlanRow, session: Session, problem: EncodeError) -> None:
    """Count a failure of this content with these settings, with the first line of its reason."""
    record(row, session, VerdictKind.FAILED, problem.message.partition("\n")[0])


def record(
    row: PlanRow,
    session: Session,
    kind: VerdictKind,
    detail: str,
    *,
    target_bytes: int | None = None,
    measured: tuple[tuple[str, float], ...] = (),
) -> None:
    """Remember what came of this content with these settings. Raises LedgerError."""
    assert row.work is not None
    session.space.ledger.record_verdict(
        Verdict(
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
        )
    )
