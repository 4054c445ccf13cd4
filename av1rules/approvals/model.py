"""Decisions on clips, and the review state of a source that follows from them. Pure.

A decision holds for one content with one set of settings. It approves nothing else. The newest
decision counts.
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
from av1rules.policy.fingerprint import (
    ADJUSTABLE,
    DEFAULTS,
    in_words,
    settings_digest,
    with_changes,
)
from av1rules.policy.model import Place, Review, ReviewKind, Setting, SettingsLayer
from av1rules.policy.settings import EncodeSettings, show_value

FILE_NAME = "approvals.yaml"

MAX_REASON_CHARS = 500
MAX_NAME_CHARS = 200
"""Characters kept of a reason, and of the name of a user or a rule: a terminal shows them."""

MAX_SOURCE_CHARS = 4096
"""Characters of a library path; the system allows a path this many bytes."""

_VALUE_CHARS = 80  # characters of one setting in a sentence

SettingTexts = tuple[tuple[str, str], ...]
"""Settings as a user writes them: `(("crf", "18"), ("preset", "3"))`."""


class Answer(Enum):
    APPROVED = "approved"
    REJECTED = "rejected"
    ADJUSTED = "adjusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipDecision:
    """One entry of approvals.yaml.

    `content` is the content key of the source. `settings` is the digest of the settings that the
    clip was made with, `shown` the same settings as text. `changes` are the settings that an
    ADJUSTED requests instead.
    """

    source: str  # library path at the time of the decision
    answer: Answer
    by: str
    at: datetime  # UTC, whole seconds
    rule: str
    shown: SettingTexts
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
        """How many contents besides this one are approved with these settings under this rule."""
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
    """A decision on the clip that was made with `settings`. Texts are made printable and cut to
    their limits.

    Raises UsageError where a rejection has no reason or an adjustment changes nothing.
    """
    why = one_line(reason or "", MAX_REASON_CHARS) or None
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
        by=one_line(by, MAX_NAME_CHARS) or "unknown",
        at=at.astimezone(UTC).replace(microsecond=0),
        rule=one_line(rule, MAX_NAME_CHARS),
        shown=tuple((name, one_line(text, MAX_NAME_CHARS)) for name, text in in_words(settings)),
        content=content_key,
        settings=settings_digest(settings),
        reason=why,
        changes=wanted if answer is Answer.ADJUSTED else (),
    )


def one_line(text: str, limit: int) -> str:
    return printable(" ".join(text.split()), limit=limit)


def ordered_changes(changes: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    """Changed settings in field order. Raises UsageError for a setting that can't be adjusted."""
    if odd := sorted(set(changes) - set(ADJUSTABLE)):
        raise UsageError(
            f"{printable(odd[0], limit=60)} can't be adjusted for one film",
            hint=f"what can: {', '.join(ADJUSTABLE)}",
        )
    return tuple((name, changes[name]) for name in ADJUSTABLE if name in changes)


def decide(book: Decisions, decision: ClipDecision) -> Decisions:
    """The book with the decision added and those it replaces removed.

    A decision that is older than the one it would replace changes nothing.
    """
    others = tuple(one for one in book.decisions if one != decision)
    if any(_replaces(one, decision) and one.at > decision.at for one in others):
        return book
    kept = tuple(one for one in others if not _replaces(decision, one) or one.at > decision.at)
    return Decisions(decisions=(*kept, decision))


def merge(book: Decisions, decisions: Iterable[ClipDecision]) -> Decisions:
    """The book with every decision that it lacks added, one after the other."""
    known = set(book.decisions)
    for decision in decisions:
        if decision not in known:
            book = decide(book, decision)
    return book


def _replaces(new: ClipDecision, old: ClipDecision) -> bool:
    """Only the next adjustment replaces an adjustment: it stays when its result is approved."""
    if new.content != old.content:
        return False
    if old.answer is Answer.ADJUSTED:
        return new.answer is Answer.ADJUSTED
    return new.settings == old.settings


def adjustments_for(book: Decisions, content_key: str) -> SettingsLayer | None:
    """The settings that the newest adjustment of this content requests, as the last layer.

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
    """The changes on top of those of earlier adjustments, since only the newest one is applied."""
    layer = adjustments_for(book, content_key)
    earlier = {} if layer is None else {one.field: one.value for one in layer.settings}
    return {**earlier, **changes}


class ReviewStatus(Enum):
    RELEASED = "released"
    WAITING = "waiting"
    VOID = "void"
    REJECTED = "rejected"


class ReviewState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a source may be encoded with these settings, and why.

    `detail` is for WAITING: how many canaries are approved, and the last decision on other
    settings."""

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


def review_state(
    book: Decisions, *, content_key: str, settings: EncodeSettings, rule: str, review: Review
) -> ReviewState:
    """The review state of one source. `settings` are its resolved settings, adjustments included.

    A rejection of exactly these settings holds even if the rule no longer asks for a review."""
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
        name = one_line(rule, MAX_NAME_CHARS)
        approved = book.approved_canaries(name, digest, besides=content_key)
        count = f"{min(approved, review.canary)} of {review.canary} canaries approved"
        if approved >= review.canary:
            return ReviewState(kind=ReviewStatus.RELEASED, reason=f"released: {count}")
    return _unreleased(found[-1] if found else None, settings, count)


def _unreleased(last: ClipDecision | None, settings: EncodeSettings, count: str) -> ReviewState:
    notes = [count] if count else []
    if last is not None and last.answer is Answer.APPROVED:
        changes = changed_words(last.shown, in_words(settings))
        listed = _changes_text(changes) or "settings changed"
        suffix = f" ({count})" if count else ""
        return ReviewState(
            kind=ReviewStatus.VOID, reason=f"approval void: {listed} since{suffix}", changes=changes
        )
    if last is not None and last.answer is Answer.ADJUSTED:
        wanted = ", ".join(f"{name} {show_value(value)}" for name, value in last.changes)
        notes.append(f"adjusted {_signed(last)}: {printable(wanted, limit=MAX_NAME_CHARS)}")
    elif last is not None:
        listed = _changes_text(changed_words(last.shown, in_words(settings)))
        notes.append(f"rejected {_signed(last)}, {listed or 'settings changed'} since")
    detail = "; ".join(notes)
    note = f" ({detail})" if detail else ""
    reason = f"clip waiting for approval{note}"
    return ReviewState(kind=ReviewStatus.WAITING, reason=reason, detail=detail)


def _signed(decision: ClipDecision) -> str:
    return f"by {decision.by} on {decision.at:%Y-%m-%d}"


def changed_words(before: SettingTexts, after: SettingTexts) -> tuple[tuple[str, str, str], ...]:
    """The settings that differ, as (field, before, after); an absent one is at its default."""
    old, new = dict(before), dict(after)
    known = EncodeSettings.__struct_fields__
    names = [*known, *(name for name in (*old, *new) if name not in known)]
    rows = ((name, _word(old, name), _word(new, name)) for name in dict.fromkeys(names))
    return tuple(row for row in rows if row[1] != row[2])


def _word(words: Mapping[str, str], name: str) -> str:
    return words.get(name) or show_value(DEFAULTS.get(name))


def _changes_text(changes: Iterable[tuple[str, str, str]]) -> str:
    return ", ".join(
        f"{name} {printable(old, limit=_VALUE_CHARS)} -> {printable(new, limit=_VALUE_CHARS)}"
        for name, old, new in changes
    )
