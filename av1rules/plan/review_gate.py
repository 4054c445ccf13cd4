"""Whether a row that would be encoded must be seen as a clip first, and what is left to be done for
that: a clip to make, a clip that waits for its approval, a no. Reads the ledger, writes nothing.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from av1rules.approvals.model import ReviewState, ReviewStatus, review_state
from av1rules.base.text import printable
from av1rules.ledger.clips import ClipRecord, clip_place
from av1rules.plan.context import PlanContext
from av1rules.plan.items import ClipState, PlanAction, PlannedEncode, PlanRow, Prerequisite
from av1rules.policy.canonical import settings_digest
from av1rules.policy.model import ReviewKind


def apply_review(scope: PlanContext, row: PlanRow) -> PlanRow:
    """The row of an encode as it is, or held, or as a clip to make. A forced one is no exception;
    what was built before from this content with these settings is."""
    work = row.work
    if row.action is not PlanAction.ENCODE or work is None or work.look.decision.rule is None:
        return row
    decision, settings = work.look.decision, work.recipe.settings
    if decision.review.kind is ReviewKind.NEVER and not scope.workspace.book.decisions:
        return row
    verdict = review_state(
        scope.workspace.book,
        content_key=work.content_key,
        settings=settings,
        rule=work.look.decision.rule.name,
        review=decision.review,
    )
    if verdict.is_released:
        is_asked = decision.review.kind is not ReviewKind.NEVER
        return replace(row, notes=(*row.notes, verdict.text)) if is_asked else row
    if _was_built(scope, work):
        return row
    return _unreleased(scope, row, work, verdict)


def _was_built(scope: PlanContext, work: PlannedEncode) -> bool:
    """A target of this content with these settings was made before: it was released then, and
    may be made again."""
    known = scope.workspace.ledger.of_content(work.content_key)
    return any(one.fingerprint == work.fingerprint for one in known)


def _unreleased(
    scope: PlanContext, row: PlanRow, work: PlannedEncode, verdict: ReviewState
) -> PlanRow:
    donor = work.donor
    if donor is not None and donor.row is not None and donor.is_move:
        # The old target follows its source at once; the next plan goes on from there.
        moved = row.causes[:1]
        return replace(row, action=PlanAction.MOVE, causes=moved, notes=(*row.notes, verdict.text))
    record = scope.workspace.ledger.clips.find(work.fingerprint)
    is_made = record is not None and record.is_there
    due_place = clip_place(scope.workspace.state_dir, work.fingerprint)
    name = due_place if record is None else record.path
    review = work.look.decision.review
    state = ClipState(
        path=name,
        kind=verdict.kind,
        text=verdict.text,
        review=review,
        content_key=work.content_key,
        digest=settings_digest(work.recipe.settings),
        is_made=is_made,
    )
    row = replace(row, clip=state)
    if verdict.kind is ReviewStatus.REJECTED:
        return replace(row, action=PlanAction.HELD, causes=(verdict.text,), work=None)
    row = replace(row, later=work)
    if is_made:
        return replace(row, action=PlanAction.HELD, causes=(_waiting(row, verdict),), work=None)
    due = tuple(step for step in work.due if step is not Prerequisite.SAMPLE)
    return replace(
        row,
        action=PlanAction.CLIP,
        causes=(_due(work, verdict), *row.causes),
        work=replace(work, due=due),
    )


def display_name(row: PlanRow) -> str:
    """The name of a clip as a shell takes it."""
    return shlex.quote(printable(row.file.library_path))


def _waiting(row: PlanRow, verdict: ReviewState) -> str:
    text = verdict.text.removeprefix("held: ")
    if verdict.kind is ReviewStatus.VOID:
        text = f"{text}: the new clip waits for approval"
    return f"{text}: av1rules clips show {display_name(row)}"


def _due(work: PlannedEncode, verdict: ReviewState) -> str:
    if verdict.kind is ReviewStatus.VOID:
        return f"{verdict.text}: a new clip is to be seen"
    decision = work.look.decision
    note = verdict.text.partition("approval (")[2]  # canaries, or what was adjusted
    count = f"; {note.removesuffix(')')}" if note else ""
    return f"review: {decision.review.text} ({decision.review_origin}){count}"


def deduplicate_clips(scope: PlanContext, rows: Sequence[PlanRow]) -> list[PlanRow]:
    """The rows, one clip for each content and settings, and of canaries no more than are needed."""
    settled = list(rows)
    makers: dict[str, str] = {}
    waiting = _canaries_waiting(rows)
    for number, row in enumerate(settled):
        if row.action is not PlanAction.CLIP or row.clip is None or row.fingerprint is None:
            continue
        maker = makers.setdefault(row.fingerprint, row.file.library_path)
        if maker != row.file.library_path:
            cause = f"same content as {printable(maker)}: one clip for both"
            settled[number] = replace(_held(row, cause), later=None)  # a copy of the other's
            continue
        review, group = row.clip.review, (row.rule or "", row.clip.digest)
        if review.kind is not ReviewKind.CANARY or review.canary is None:
            continue
        approved = scope.workspace.book.approved_canaries(*group, besides="")
        if approved + waiting[group] >= review.canary:
            settled[number] = _held(row, f"waits for the canaries of its rule: {row.clip.text}")
        waiting[group] += 1
    return settled


def _held(row: PlanRow, cause: str) -> PlanRow:
    return replace(row, action=PlanAction.HELD, causes=(cause,), work=None, clip=None)


def _canaries_waiting(rows: Iterable[PlanRow]) -> Counter[tuple[str, str]]:
    """Clips that are made and not decided on, by rule and settings."""
    return Counter(
        (row.rule or "", row.clip.digest)
        for row in rows
        if row.clip is not None and row.clip.is_made and row.clip.kind is not ReviewStatus.REJECTED
    )


def contents_to_come(rows: Iterable[PlanRow], clips: Iterable[ClipRecord]) -> frozenset[str]:
    """The contents of films that have a clip or could be encoded, and are not encoded yet: variants
    of their clips are of use."""
    to_come = [row for row in rows if row.action in _TO_COME]
    known = {row.clip.content_key for row in to_come if row.clip is not None}
    known |= {row.work.content_key for row in to_come if row.work is not None}
    fingerprints = {row.fingerprint for row in to_come}
    known |= {one.facts.content_key for one in clips if one.fingerprint in fingerprints}
    return frozenset(known)


_TO_COME = (PlanAction.ENCODE, PlanAction.CLIP, PlanAction.HELD, PlanAction.BLOCKED)


def page_of(clip: str) -> Path:
    """The page of a comparison, where no other place was named for it."""
    return Path(clip).with_suffix(".html")
