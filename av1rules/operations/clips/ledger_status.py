"""How test clips stand as far as ledger and approvals.yaml tell, for `status` and `report`: no plan
is made and no source looked at, which `clips list` does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from av1rules.approvals.file import load_approvals
from av1rules.approvals.model import Answer, Decisions, ReviewStatus, review_state
from av1rules.ledger.clips import ClipRecord, ClipStatus
from av1rules.ledger.ledger import Ledger
from av1rules.policy.canonical import settings_digest
from av1rules.policy.model import Review, ReviewKind

_CANARY = re.compile(r"canary\((\d{1,9})\)")

_OF_VERDICT = {
    ReviewStatus.RELEASED: ClipStatus.APPROVED,
    ReviewStatus.WAITING: ClipStatus.WAITING,
    ReviewStatus.VOID: ClipStatus.VOID,
    ReviewStatus.REJECTED: ClipStatus.REJECTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipAndStatus:
    """A clip that was made, as it was when its settings were last looked at by a plan."""

    record: ClipRecord
    standing: ClipStatus


def clip_statuses(ledger: Ledger, approvals: Path, *, since: str = "") -> tuple[ClipAndStatus, ...]:
    """Every clip made since then (a time as the ledger has it), by source; approvals.yaml is read
    only if there are any.

    Raises LedgerError, RulesError and Av1rulesError (of approvals.yaml).
    """
    records = tuple(one for one in ledger.clips.all() if one.made_at >= since)
    if not records:
        return ()
    book = load_approvals(approvals)
    encoded = frozenset(
        row[0]
        for row in ledger.db.query(
            "SELECT fingerprint FROM targets WHERE fingerprint IN (SELECT fingerprint FROM clips)"
        )
    )
    return tuple(
        ClipAndStatus(record=record, standing=_status(record, book, encoded)) for record in records
    )


def _status(record: ClipRecord, book: Decisions, encoded: frozenset[str]) -> ClipStatus:
    facts = record.facts
    if facts.is_variant:
        return ClipStatus.VARIANT
    if record.fingerprint in encoded:
        return ClipStatus.ENCODED
    digest = settings_digest(facts.settings)
    decisions = reversed(book.of_content(facts.content_key))
    if next((one.answer for one in decisions if one.settings == digest), None) is Answer.ADJUSTED:
        return ClipStatus.OLD
    verdict = review_state(
        book,
        content_key=facts.content_key,
        settings=facts.settings,
        rule=facts.rule,
        review=_review(facts.review),
    )
    return _OF_VERDICT[verdict.kind]


def _review(text: str) -> Review:
    """What the clip was made for: `each`, `canary(3)`, or what a later version says, as `each`."""
    if found := _CANARY.fullmatch(text):
        return Review(kind=ReviewKind.CANARY, canary=int(found[1]))
    return Review(kind=ReviewKind.EACH)
