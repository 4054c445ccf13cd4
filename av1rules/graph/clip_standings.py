"""How test clips stand as far as ledger and approvals.yaml tell, for `status` and `report`: no plan
is made and no source looked at, which `clips list` does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from av1rules.graph.clip_table import ClipRecord
from av1rules.graph.clips import Standing
from av1rules.graph.ledger import Ledger
from av1rules.review.approvals import Answer, Book, VerdictKind, verdict_for
from av1rules.review.approvals_file import load_approvals
from av1rules.rules.review import Review, ReviewKind
from av1rules.rules.shaping import settings_digest

_CANARY = re.compile(r"canary\((\d{1,9})\)")

_OF_VERDICT = {
    VerdictKind.RELEASED: Standing.APPROVED,
    VerdictKind.WAITING: Standing.WAITING,
    VerdictKind.VOID: Standing.VOID,
    VerdictKind.REJECTED: Standing.REJECTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipStanding:
    """A clip that was made, as it was when its settings were last looked at by a plan."""

    record: ClipRecord
    standing: Standing


def clip_standings(ledger: Ledger, approvals: Path, *, since: str = "") -> tuple[ClipStanding, ...]:
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
        ClipStanding(record=record, standing=_standing(record, book, encoded)) for record in records
    )


def _standing(record: ClipRecord, book: Book, encoded: frozenset[str]) -> Standing:
    facts = record.facts
    if facts.is_variant:
        return Standing.VARIANT
    if record.fingerprint in encoded:
        return Standing.ENCODED
    digest = settings_digest(facts.settings)
    decisions = reversed(book.of_content(facts.content_key))
    if next((one.answer for one in decisions if one.settings == digest), None) is Answer.ADJUSTED:
        return Standing.OLD
    verdict = verdict_for(
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
