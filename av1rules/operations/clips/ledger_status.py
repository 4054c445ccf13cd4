"""The status of test clips by ledger and approvals.yaml, for `status` and `report`.

No plan is made and no source is read; `clips list` does both.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec

from av1rules.approvals.file import load_approvals
from av1rules.approvals.model import Answer, Decisions, ReviewStatus, review_state
from av1rules.ledger.clips import ClipRecord, ClipStatus
from av1rules.ledger.ledger import Ledger
from av1rules.policy.fingerprint import settings_digest

_OF_REVIEW = {
    ReviewStatus.RELEASED: ClipStatus.APPROVED,
    ReviewStatus.WAITING: ClipStatus.WAITING,
    ReviewStatus.VOID: ClipStatus.VOID,
    ReviewStatus.REJECTED: ClipStatus.REJECTED,
}


class ClipAndStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that was made, with its status as of the last plan."""

    record: ClipRecord
    status: ClipStatus


def clip_statuses(ledger: Ledger, approvals: Path, *, since: str = "") -> Iterator[ClipAndStatus]:
    """Every clip made since `since` (a time as in the ledger), by source, one by one.
    approvals.yaml is read at once, but only if there are any.

    Raises LedgerError, RulesError and Av1rulesError (of approvals.yaml).
    """
    records = ledger.clips.since(since)
    first = next(records, None)
    if first is None:
        return iter(())
    book = load_approvals(approvals)
    encoded = ledger.clips.encoded()
    return (
        ClipAndStatus(record=record, status=_status(record, book, encoded))
        for record in itertools.chain((first,), records)
    )


def clip_status(*, is_encoded: bool, review: ReviewStatus) -> ClipStatus:
    """The status of a clip of the current settings, by the decisions on it."""
    return ClipStatus.ENCODED if is_encoded else _OF_REVIEW[review]


def _status(record: ClipRecord, book: Decisions, encoded: frozenset[str]) -> ClipStatus:
    facts, is_encoded = record.facts, record.fingerprint in encoded
    if facts.is_variant:
        return ClipStatus.VARIANT
    digest = settings_digest(facts.settings)
    decisions = reversed(book.of_content(facts.content_key))
    last = next((one.answer for one in decisions if one.settings == digest), None)
    if last is Answer.ADJUSTED and not is_encoded:
        return ClipStatus.OLD
    state = review_state(
        book,
        content_key=facts.content_key,
        settings=facts.settings,
        rule=facts.rule,
        review=facts.asked_review,
    )
    return clip_status(is_encoded=is_encoded, review=state.kind)
