"""Whether an encode needs an approved test clip first, and what is missing: a clip to make, an
approval of a clip, or nothing because it was rejected. Reads the ledger, writes nothing.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec.structs import replace

from av1rules.approvals.model import ReviewState, ReviewStatus, review_state
from av1rules.base.text import printable
from av1rules.ledger.clips import ClipRecord, clip_place
from av1rules.plan.context import PlanContext
from av1rules.plan.items import (
    ActiveItem,
    Blocked,
    ClipState,
    Encode,
    Held,
    MakeClip,
    Move,
    PlanItem,
    PlannedEncode,
    PlannedFile,
    Prerequisite,
    clip_of,
    with_note,
)
from av1rules.policy.fingerprint import settings_digest
from av1rules.policy.model import ReviewKind


def apply_review(scope: PlanContext, row: Encode) -> Encode | Move | MakeClip | Held:
    """The encode as it is, or held, or as a clip to make. `--force` makes no exception; a target
    that was built before from this content with these settings does."""
    decision, settings = row.work.evaluation.decision, row.work.recipe.settings
    is_asked = decision.review.kind is not ReviewKind.NEVER
    if decision.rule is None or not (is_asked or scope.workspace.book.decisions):
        return row
    state = review_state(
        scope.workspace.book,
        content_key=row.work.content_key,
        settings=settings,
        rule=decision.rule.name,
        review=decision.review,
    )
    if state.is_released:
        return replace(with_note(row, state.text), released=state) if is_asked else row
    return row if _was_built(scope, row.work) else _unreleased(scope, row, state)


def _was_built(scope: PlanContext, work: PlannedEncode) -> bool:
    """A target of this content with these settings was made before: it was released then, and
    may be made again."""
    known = scope.workspace.ledger.of_content(work.content_key)
    return any(one.fingerprint == work.fingerprint for one in known)


def _unreleased(scope: PlanContext, row: Encode, state: ReviewState) -> Move | MakeClip | Held:
    work = row.work
    if work.moves_from is not None:
        # The old target follows its source at once; the next plan asks for the review.
        return Move.of(with_note(row, state.text), *row.causes[:1], work=work)
    record = scope.workspace.ledger.clips.find(work.fingerprint)
    due_place = clip_place(scope.workspace.state_dir, work.fingerprint)
    clip = ClipState(
        path=due_place if record is None else record.path,
        review_state=state,
        review=work.evaluation.decision.review,
        content_key=work.content_key,
        digest=settings_digest(work.recipe.settings),
        is_made=record is not None and record.is_there(scope.workspace.disk),
    )
    if state.kind is ReviewStatus.REJECTED:
        return Held.of(row, state.text, clip=clip)
    if clip.is_made:
        return _waiting(row, clip)
    pending = tuple(step for step in work.pending if step is not Prerequisite.SAMPLE)
    return MakeClip.of(
        row,
        _due(work, state),
        *row.causes,
        work=replace(work, pending=pending),
        clip=clip,
        after_review=work,
    )


def display_name(row: PlannedFile) -> str:
    """The name of a clip, quoted for a shell."""
    return shlex.quote(printable(row.file.library_path))


def _waiting(row: Encode, clip: ClipState) -> Held:
    reason = clip.review_state.reason
    if clip.review_state.kind is ReviewStatus.VOID:
        reason = f"{reason}: the new clip waits for approval"
    cause = f"{reason}: av1rules clips show {display_name(row)}"
    return Held.of(row, cause, reason=reason, clip=clip, after_review=row.work)


def _due(work: PlannedEncode, state: ReviewState) -> str:
    if state.kind is ReviewStatus.VOID:
        return f"{state.text}: a new clip is to be seen"
    decision = work.evaluation.decision
    detail = f"; {state.detail}" if state.detail else ""
    return f"review: {decision.review.text} ({decision.review_origin}){detail}"


def deduplicate_clips(scope: PlanContext, rows: Sequence[PlanItem]) -> list[PlanItem]:
    """The items, with one clip per content and settings, and no more canaries than needed."""
    settled = list(rows)
    makers: dict[str, str] = {}
    waiting = _canaries_waiting(rows)
    for number, row in enumerate(settled):
        if not isinstance(row, MakeClip):
            continue
        maker = makers.setdefault(row.work.fingerprint, row.file.library_path)
        if maker != row.file.library_path:
            cause = f"same content as {printable(maker)}: one clip for both"
            settled[number] = Held.of(row, cause)  # it becomes a copy of the other
            continue
        review, group = row.clip.review, (row.rule or "", row.clip.digest)
        if review.kind is not ReviewKind.CANARY or review.canary is None:
            continue
        approved = scope.workspace.book.approved_canaries(*group, besides="")
        if approved + waiting[group] >= review.canary:
            cause = f"waits for the canaries of its rule: {row.clip.review_state.text}"
            settled[number] = Held.of(row, cause, after_review=row.after_review)
        waiting[group] += 1
    return settled


def _canaries_waiting(rows: Iterable[PlanItem]) -> Counter[tuple[str, str]]:
    """How many clips are made and undecided, by rule and settings."""
    clips = ((row.rule or "", clip) for row in rows if (clip := clip_of(row)) is not None)
    return Counter(
        (rule, clip.digest)
        for rule, clip in clips
        if clip.is_made and clip.review_state.kind is not ReviewStatus.REJECTED
    )


def contents_to_come(rows: Iterable[PlanItem], clips: Iterable[ClipRecord]) -> frozenset[str]:
    """The content keys that are not encoded yet but have a clip or could be encoded: variants of
    their clips are still useful."""
    to_come = [row for row in rows if isinstance(row, Encode | MakeClip | Held | Blocked)]
    known = {clip.content_key for row in to_come if (clip := clip_of(row)) is not None}
    known |= {row.work.content_key for row in to_come if isinstance(row, ActiveItem)}
    fingerprints = {row.fingerprint for row in to_come}
    known |= {one.facts.content_key for one in clips if one.fingerprint in fingerprints}
    return frozenset(known)


def page_of(clip: str) -> Path:
    """The default path of a comparison page."""
    return Path(clip).with_suffix(".html")
