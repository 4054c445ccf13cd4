"""Whether a row that would be encoded must be seen as a clip first, and what is left to be done for
that: a clip to make, a clip that waits for its approval, a no. Reads the ledger, writes nothing.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from av1rules.base.text import printable
from av1rules.graph.clip_table import clip_place
from av1rules.graph.planned import ClipState, PlanAction, PlanRow, Step, Work
from av1rules.graph.scope import PlanScope
from av1rules.review.approvals import Verdict, VerdictKind, verdict_for
from av1rules.rules.review import ReviewKind
from av1rules.rules.shaping import settings_digest


def reviewed(scope: PlanScope, row: PlanRow) -> PlanRow:
    """The row of an encode as it is, or held, or as a clip to make. A forced one is no exception;
    what was built before from this content with these settings is."""
    work = row.work
    if row.action is not PlanAction.ENCODE or work is None or work.look.decision.rule is None:
        return row
    decision, settings = work.look.decision, work.making.settings
    if decision.review.kind is ReviewKind.NEVER and not scope.space.book.decisions:
        return row
    verdict = verdict_for(
        scope.space.book,
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


def _was_built(scope: PlanScope, work: Work) -> bool:
    """A target of this content with these settings was made before: it was released then, and
    may be made again."""
    known = scope.space.ledger.of_content(work.content_key)
    return any(one.fingerprint == work.fingerprint for one in known)


def _unreleased(scope: PlanScope, row: PlanRow, work: Work, verdict: Verdict) -> PlanRow:
    donor = work.donor
    if donor is not None and donor.row is not None and donor.is_move:
        # The old target follows its source at once; the next plan goes on from there.
        moved = row.causes[:1]
        return replace(row, action=PlanAction.MOVE, causes=moved, notes=(*row.notes, verdict.text))
    record = scope.space.ledger.clips.find(work.fingerprint)
    is_made = record is not None and record.is_there
    due_place = clip_place(scope.space.state_dir, work.fingerprint)
    name = due_place if record is None else record.path
    review = work.look.decision.review
    state = ClipState(
        path=name,
        kind=verdict.kind,
        text=verdict.text,
        review=review,
        content_key=work.content_key,
        digest=settings_digest(work.making.settings),
        is_made=is_made,
    )
    row = replace(row, clip=state)
    if verdict.kind is VerdictKind.REJECTED:
        return replace(row, action=PlanAction.HELD, causes=(verdict.text,), work=None)
    row = replace(row, later=work)
    if is_made:
        return replace(row, action=PlanAction.HELD, causes=(_waiting(row, verdict),), work=None)
    due = tuple(step for step in work.due if step is not Step.SAMPLE)
    return replace(
        row,
        action=PlanAction.CLIP,
        causes=(_due(work, verdict), *row.causes),
        work=replace(work, due=due),
    )


def shown_name(row: PlanRow) -> str:
    """The name of a clip as a shell takes it."""
    return shlex.quote(printable(row.file.library_path))


def _waiting(row: PlanRow, verdict: Verdict) -> str:
    text = verdict.text.removeprefix("held: ")
    if verdict.kind is VerdictKind.VOID:
        text = f"{text}: the new clip waits for approval"
    return f"{text}: av1rules clips show {shown_name(row)}"


def _due(work: Work, verdict: Verdict) -> str:
    if verdict.kind is VerdictKind.VOID:
        return f"{verdict.text}: a new clip is to be seen"
    decision = work.look.decision
    note = verdict.text.partition("approval (")[2]  # canaries, or what was adjusted
    count = f"; {note.removesuffix(')')}" if note else ""
    return f"review: {decision.review.text} ({decision.review_origin}){count}"


def settle_clips(scope: PlanScope, rows: Sequence[PlanRow]) -> list[PlanRow]:
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
        approved = scope.space.book.approved_canaries(*group, besides="")
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
        if row.clip is not None and row.clip.is_made and row.clip.kind is not VerdictKind.REJECTED
    )
