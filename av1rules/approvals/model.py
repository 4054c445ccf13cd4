"""What people decided on clips, and what follows from it for one film. Pure.

A decision is about one content with one set of settings: other content or other settings, and it
no longer says yes. The newest decision counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec

from av1rules.base.errors import UsageError
from av1rules.base.text import printable
from av1rules.policy.canonical import ADJUSTABLE, DEFAULTS, in_words, settings_digest, with_changes
from av1rules.policy.model import Place, Review, ReviewKind, Setting, SettingsLayer
from av1rules.policy.settings import EncodeSettings, show_value

FILE_NAME = "approvals.yaml"

MOST_REASON = 500
MOST_NAME = 200
"""Characters kept of a reason, and of the name of a person or a rule: a terminal shows them."""

MOST_SOURCE = 4096
"""Characters of a library path: what the system allows for a path, in bytes."""

_MOST_SHOWN = 80  # characters of one setting in a sentence

LineRange = tuple[tuple[str, str], ...]
"""Settings as a person writes them: `(("crf", "18"), ("preset", "3"))`."""


class Answer(Enum):
    APPROVED = "approved"
    REJECTED = "rejected"
    ADJUSTED = "adjusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipDecision:
    """One entry of approvals.yaml.

    `content` is the content key of the film, `settings` the digest of what the clip was made
    with, `shown` the same in words. `changes` are the settings an ADJUSTED asks for instead.
    """

    source: str  # library path, as it was then
    answer: Answer
    by: str
    at: datetime  # UTC, whole seconds
    rule: str
    shown: LineRange
    content: str
    settings: str
    reason: str | None = None
    changes: tuple[tuple[str, Any], ...] = ()  # in the order and types of EncodeSettings
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """All decisions, sorted by source, then time."""

    decisions: tuple[ClipDecision, ...] = ()
    _by_content: dict[str, list[ClipDecision]] = field(init=False, repr=False, compare=False)
    _approved: dict[tuple[str, str], set[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.decisions, key=_order))
        by_content: dict[str, list[ClipDecision]] = {}
        for decision in sorted(ordered, key=lambda one: one.at):
            by_content.setdefault(decision.content, []).append(decision)
        approved: dict[tuple[str, str], set[str]] = {}
        for content, found in by_content.items():
            for last in {decision.settings: decision for decision in found}.values():
                if last.answer is Answer.APPROVED:
                    approved.setdefault((last.rule, last.settings), set()).add(content)
        object.__setattr__(self, "decisions", ordered)
        object.__setattr__(self, "_by_content", by_content)
        object.__setattr__(self, "_approved", approved)

    def of_content(self, content_key: str) -> tuple[ClipDecision, ...]:
        """The decisions on one content, the newest last."""
        return tuple(self._by_content.get(content_key, ()))

    def approved_canaries(self, rule: str, digest: str, *, besides: str) -> int:
        """How many other contents stand approved for these settings under this rule."""
        return len(self._approved.get((rule, digest), set()) - {besides})


def _order(decision: ClipDecision) -> tuple[object, ...]:
    return (
        decision.source, decision.at, decision.content, decision.settings, decision.answer.value,
    )  # fmt: skip


def new_decision(
    answer: Answer,
    *,
    source: str,
    content_key: str,
    settings: EncodeSettings,
    rule: str,
    by: str,
    at: datetime,
    reason: str | None = None,
    changes: Mapping[str, object] | None = None,
) -> ClipDecision:
    """A decision on the clip that was made with `settings`; texts are cleaned and bounded.

    Raises UsageError where a rejection has no reason or an adjustment changes nothing.
    """
    why = one_line(reason or "", MOST_REASON) or None
    wanted = ordered_changes(changes or {})
    if answer is Answer.REJECTED and why is None:
        raise UsageError(
            "a rejection needs a reason", hint='write --reason "grain smears in the fog"'
        )
    if answer is Answer.ADJUSTED and with_changes(settings, dict(wanted)) == settings:
        raise UsageError(
            "an adjustment changes at least one setting", hint="the clip has those settings already"
        )
    return ClipDecision(
        source=source,
        answer=answer,
        by=one_line(by, MOST_NAME) or "unknown",
        at=at.astimezone(UTC).replace(microsecond=0),
        rule=one_line(rule, MOST_NAME),
        shown=tuple((name, one_line(text, MOST_NAME)) for name, text in in_words(settings)),
        content=content_key,
        settings=settings_digest(settings),
        reason=why,
        changes=wanted if answer is Answer.ADJUSTED else (),
    )


def one_line(text: str, limit: int) -> str:
    return printable(" ".join(text.split()), limit=limit)


def ordered_changes(changes: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    """Changed settings in the order of the fields. Raises UsageError for what shapes nothing."""
    if odd := sorted(set(changes) - set(ADJUSTABLE)):
        raise UsageError(
            f"{printable(odd[0], limit=60)} can't be adjusted for one film",
            hint=f"what can: {', '.join(ADJUSTABLE)}",
        )
    return tuple((name, changes[name]) for name in ADJUSTABLE if name in changes)


def decide(book: Decisions, decision: ClipDecision) -> Decisions:
    """The book with the decision in it and without those it takes the place of.

    One that is older than what it would replace changes nothing.
    """
    others = tuple(one for one in book.decisions if one != decision)
    if any(_replaces(one, decision) and one.at > decision.at for one in others):
        return book
    kept = tuple(one for one in others if not _replaces(decision, one) or one.at > decision.at)
    return Decisions(decisions=(*kept, decision))


def merge(book: Decisions, decisions: Iterable[ClipDecision]) -> Decisions:
    """The book with all of the decisions that it does not have, one after the other."""
    known = set(book.decisions)
    for decision in decisions:
        if decision not in known:
            book = decide(book, decision)
    return book


def _replaces(new: ClipDecision, old: ClipDecision) -> bool:
    """An adjustment stays when what it led to is approved, until the next adjustment."""
    if new.content != old.content:
        return False
    if old.answer is Answer.ADJUSTED:
        return new.answer is Answer.ADJUSTED
    return new.settings == old.settings


def adjustments_for(book: Decisions, content_key: str) -> SettingsLayer | None:
    """The settings the newest adjustment of this content asks for, as the last layer to resolve.

    The origin of each is its line: `approvals.yaml:12 (adjusted by Ann)`.
    """
    for decision in reversed(book.of_content(content_key)):
        if decision.answer is Answer.ADJUSTED:
            place = decision.place or Place(file=FILE_NAME, line=1, column=1)
            return SettingsLayer(
                name=f"adjusted by {decision.by}",
                settings=tuple(
                    Setting(field=name, value=value, place=place)
                    for name, value in decision.changes
                ),
            )
    return None


def with_adjustments(settings: EncodeSettings, layer: SettingsLayer | None) -> EncodeSettings:
    """Resolved settings with an adjustment on top."""
    if layer is None:
        return settings
    return with_changes(settings, {one.field: one.value for one in layer.settings})


def all_changes(
    book: Decisions, content_key: str, changes: Mapping[str, object]
) -> dict[str, object]:
    """The changes together with those of earlier adjustments: only the newest one is applied."""
    layer = adjustments_for(book, content_key)
    earlier = {} if layer is None else {one.field: one.value for one in layer.settings}
    return {**earlier, **changes}


class ReviewStatus(Enum):
    RELEASED = "released"
    WAITING = "waiting"
    VOID = "void"
    REJECTED = "rejected"


class ReviewState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a film may be encoded with these settings, and why. `detail`: how many canaries are
    approved, and what was decided on other settings, where it waits."""

    kind: ReviewStatus
    reason: str
    changes: tuple[tuple[str, str, str], ...] = ()  # field, before, after: for VOID
    detail: str = ""

    @property
    def text(self) -> str:
        """The sentence for `plan`."""
        return f"held: {self.reason}" if self.kind is ReviewStatus.WAITING else self.reason

    @property
    def is_released(self) -> bool:
        return self.kind is ReviewStatus.RELEASED

    @property
    def wants_clip(self) -> bool:
        return self.kind in (ReviewStatus.WAITING, ReviewStatus.VOID)


def review_state(
    book: Decisions, *, content_key: str, settings: EncodeSettings, rule: str, review: Review
) -> ReviewState:
    """`settings` are the resolved ones of the film, with its adjustments. A rejection of just
    these settings holds whatever the rule says now: a person said no."""
    found = book.of_content(content_key)
    if not found and review.kind is ReviewKind.NEVER:
        return ReviewState(
            kind=ReviewStatus.RELEASED, reason="released: its rule asks for no review"
        )
    digest = settings_digest(settings)
    exact = next((one for one in reversed(found) if one.settings == digest), None)
    if exact is not None and exact.answer is Answer.APPROVED:
        return ReviewState(
            kind=ReviewStatus.RELEASED, reason=f"released: approved {_signed(exact)}"
        )
    if exact is not None and exact.answer is Answer.REJECTED:
        text = f"rejected {_signed(exact)}: {exact.reason}"
        return ReviewState(kind=ReviewStatus.REJECTED, reason=text)
    if review.kind is ReviewKind.NEVER:
        return ReviewState(
            kind=ReviewStatus.RELEASED, reason="released: its rule asks for no review"
        )
    count = ""
    if review.kind is ReviewKind.CANARY and review.canary is not None:
        name = one_line(rule, MOST_NAME)
        approved = book.approved_canaries(name, digest, besides=content_key)
        count = f"{min(approved, review.canary)} of {review.canary} canaries approved"
        if approved >= review.canary:
            return ReviewState(kind=ReviewStatus.RELEASED, reason=f"released: {count}")
    return _held(found[-1] if found else None, settings, count)


def _held(last: ClipDecision | None, settings: EncodeSettings, count: str) -> ReviewState:
    notes = [count] if count else []
    if last is not None and last.answer is Answer.APPROVED:
        changes = changed_words(last.shown, in_words(settings))
        listed = _listed(changes) or "settings changed"
        suffix = f" ({count})" if count else ""
        return ReviewState(
            kind=ReviewStatus.VOID, reason=f"approval void: {listed} since{suffix}", changes=changes
        )
    if last is not None and last.answer is Answer.ADJUSTED:
        wanted = ", ".join(f"{name} {show_value(value)}" for name, value in last.changes)
        notes.append(f"adjusted {_signed(last)}: {printable(wanted, limit=MOST_NAME)}")
    elif last is not None:
        listed = _listed(changed_words(last.shown, in_words(settings)))
        notes.append(f"rejected {_signed(last)}, {listed or 'settings changed'} since")
    detail = "; ".join(notes)
    note = f" ({detail})" if detail else ""
    reason = f"clip waiting for approval{note}"
    return ReviewState(kind=ReviewStatus.WAITING, reason=reason, detail=detail)


def _signed(decision: ClipDecision) -> str:
    return f"by {decision.by} on {decision.at:%Y-%m-%d}"


def changed_words(before: LineRange, after: LineRange) -> tuple[tuple[str, str, str], ...]:
    """The settings that differ, as (field, before, after); one left out is at its default."""
    old, new = dict(before), dict(after)
    known = EncodeSettings.__struct_fields__
    names = [*known, *(name for name in (*old, *new) if name not in known)]
    rows = ((name, _word(old, name), _word(new, name)) for name in dict.fromkeys(names))
    return tuple(row for row in rows if row[1] != row[2])


def _word(words: Mapping[str, str], name: str) -> str:
    return words.get(name) or show_value(DEFAULTS.get(name))


def _listed(changes: Iterable[tuple[str, str, str]]) -> str:
    return ", ".join(
        f"{name} {printable(old, limit=_MOST_SHOWN)} -> {printable(new, limit=_MOST_SHOWN)}"
        for name, old, new in changes
    )
