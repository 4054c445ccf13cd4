"""The review of test clips: lists them with their status, finds one by name, records a decision.

Listing is a pure read, like the plan that it uses.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from av1rules.approvals.adjust import changes_between, described_changes
from av1rules.approvals.author import author
from av1rules.approvals.file import approvals_path, record
from av1rules.approvals.model import (
    Answer,
    ClipDecision,
    Decisions,
    ReviewStatus,
    all_changes,
    new_decision,
)
from av1rules.base.errors import UsageError
from av1rules.base.text import counted, printable
from av1rules.forecast.decided import decided_plan
from av1rules.ledger.clips import ClipRecord, ClipStatus
from av1rules.operations.clips.ledger_status import clip_status
from av1rules.plan.items import ActiveItem, Fresh, MakeClip, PlanItem, clip_of
from av1rules.plan.names.find import find_films, require_one
from av1rules.plan.names.match import NamedFilm, WantedName
from av1rules.plan.review_gate import contents_to_come
from av1rules.plan.workspace import Workspace
from av1rules.policy.fingerprint import NAMES, output_affecting, shown
from av1rules.policy.settings import EncodeSettings


class ClipView(msgspec.Struct, frozen=True, kw_only=True):
    """One clip. `record` is None while it is due; `row` is None if its source is not planned any
    more."""

    source: str
    status: ClipStatus
    text: str
    record: ClipRecord | None
    row: PlanItem | None
    alike: tuple[PlanItem, ...] = ()  # of the same content and settings, which share one clip
    today: EncodeSettings | None = None  # of the source; those of a variant differ
    variants: tuple[ClipView, ...] = ()  # of the same source, ordered by their settings

    @property
    def made(self) -> ClipRecord:
        """The record. Raises UsageError if there is none yet."""
        if self.record is None:
            raise UsageError(
                "its clip is not made yet", where=printable(self.source), hint="av1rules run"
            )
        return self.record

    @property
    def reason(self) -> str:
        """The text without the status."""
        clip = None if self.row is None else clip_of(self.row)
        is_waiting = self.status is ClipStatus.WAITING
        return clip.review_state.reason if clip is not None and is_waiting else self.text

    def require_current(self) -> ClipRecord:
        """The record of a clip that can be decided on. Raises UsageError for a variant or an old
        clip."""
        record = self.made
        if self.status is ClipStatus.VARIANT:
            raise UsageError(
                f"this clip is a variant ({self.text}), which would not be encoded",
                where=printable(self.source),
                hint=self.adjust_command,
            )
        if self.status is ClipStatus.OLD:
            raise UsageError(
                f"this clip is old: {self.text}",
                where=printable(self.source),
                hint="av1rules run makes the clip of the current settings, if one is due",
            )
        return record

    @property
    def adjust_command(self) -> str:
        """The command that gives the source the settings of this variant."""
        assert self.today is not None
        words = changes_between(self.today, self.made.facts.settings)
        sets = [part for word in words for part in ("--set", word)]
        return shlex.join(["av1rules", "clips", "adjust", printable(self.source), *sets])


def settings_words(settings: EncodeSettings) -> tuple[tuple[str, str], ...]:
    """The settings of a clip as text, including numbers that were found for a target."""
    shown_names = output_affecting(settings)
    return tuple(
        (name, shown(settings, name)) for name in NAMES if name in shown_names or name == "crf"
    )


def list_clips(workspace: Workspace) -> tuple[ClipView, ...]:
    """Every clip, made or due, waiting ones first. Variants follow the clip they belong to."""
    rows = decided_plan(workspace).rows
    records = workspace.ledger.clips.all()
    made = {record.fingerprint for record in records}
    sources = {record.source for record in records}
    alike: dict[str | None, list[PlanItem]] = defaultdict(list)
    by_source: dict[str, PlanItem] = {}
    for row in rows:
        if row.fingerprint in made:
            alike[row.fingerprint].append(row)
        if row.file.library_path in sources:
            by_source[row.file.library_path] = row
    views = [
        _view(record, alike[record.fingerprint], by_source.get(record.source)) for record in records
    ]
    views += [
        ClipView(
            source=row.file.library_path,
            status=ClipStatus.DUE,
            text=row.causes[0],
            record=None,
            row=row,
            today=row.work.recipe.settings,
        )
        for row in rows
        if isinstance(row, MakeClip)
    ]
    return _in_order(_with_variants(views, contents_to_come(rows, records)))


def _with_variants(views: list[ClipView], to_come: frozenset[str]) -> list[ClipView]:
    """The views, with the variants attached to the clip of their source."""
    found: list[ClipView] = []
    unattached = defaultdict(list)
    for view in views:
        record = view.record
        if view.status is ClipStatus.OLD and record is not None and record.facts.is_variant:
            unattached[record.facts.content_key].append(view)
        else:
            found.append(view)
    for number, view in enumerate(found):
        key, today = _content(view), view.today
        if key not in to_come or today is None or view.status is ClipStatus.OLD:
            continue
        own = sorted(unattached.pop(key, ()), key=_by_settings)
        variants = tuple(_variant(one, view, today) for one in own if one.made.is_there())
        found[number] = replace(view, variants=variants)
    gone = "a variant of a source that is no longer to be encoded: the next run removes it"
    return found + [replace(view, text=gone) for views in unattached.values() for view in views]


def _content(view: ClipView) -> str | None:
    if view.record is not None:
        return view.record.facts.content_key
    return view.row.work.content_key if isinstance(view.row, ActiveItem) else None


def _by_settings(view: ClipView) -> tuple[object, ...]:
    """Best first, then by strength of grain: an order that does not depend on when each was
    made."""
    one = view.made.facts.settings
    return one.crf, one.preset, one.film_grain_auto, one.film_grain, view.made.fingerprint


def _variant(view: ClipView, clip: ClipView, today: EncodeSettings) -> ClipView:
    return replace(
        view,
        source=clip.source,
        status=ClipStatus.VARIANT,
        text=described_changes(today, view.made.facts.settings),
        row=clip.row,
        alike=clip.alike,
        today=today,
    )


def _in_order(views: list[ClipView]) -> tuple[ClipView, ...]:
    order = list(ClipStatus)
    ordered = sorted(views, key=lambda view: (order.index(view.status), view.source))
    return tuple(one for view in ordered for one in (view, *view.variants))


def _view(record: ClipRecord, alike: list[PlanItem], other: PlanItem | None) -> ClipView:
    own = [row for row in alike if row.file.library_path == record.source]
    row = next(iter([*own, *alike]), None)
    status, text = _status(record, row)
    if status is ClipStatus.OLD and other is None:
        text = "its source is gone, or no longer to be encoded"
    source = record.source if row is None else row.file.library_path
    return ClipView(
        source=source,
        status=status,
        text=text,
        record=record,
        row=row or other,
        alike=tuple(alike),
        today=record.facts.settings if row is not None else None,
    )


def _status(record: ClipRecord, row: PlanItem | None) -> tuple[ClipStatus, str]:
    if row is None:
        return ClipStatus.OLD, "its settings or its source changed since it was made"
    if not record.is_there():
        return ClipStatus.OLD, "its file is gone: it is due again"
    clip, is_encoded = clip_of(row), isinstance(row, Fresh)
    kind = ReviewStatus.RELEASED if clip is None else clip.review_state.kind
    status = clip_status(is_encoded=is_encoded, review=kind)
    if is_encoded:
        return status, "its source is encoded with these settings"
    state = row.released if clip is None else clip.review_state
    return status, "; ".join(row.causes) if state is None else state.text


def find_clip(workspace: Workspace, name: WantedName, *, variant: int | None = None) -> ClipView:
    """The clip of the one film that `name` means: the one of the current settings if there are
    several, or its `variant` of this number, counted from 1. Raises UsageError if there is none.
    """
    (found,) = find_clips(workspace, (name,))
    return found if variant is None else _variant_of(found, name, variant)


def find_clips(workspace: Workspace, names: Sequence[WantedName]) -> tuple[ClipView, ...]:
    """The clips of the films that `names` mean, one film each. Raises UsageError."""
    views = list_clips(workspace)
    films, owners = [], []
    for view in views:
        for known in _names(view):
            films.append(NamedFilm(known, tuple(_paths(view))))
            owners.append(view)
    found: list[ClipView] = []
    for name in names:
        chosen = find_films(
            (name,),
            films,
            none_text="no clip has this name",
            none_hint="there are no clips: a run makes those that rules ask for (review)",
        )
        clips = [owners[at] for at in chosen]
        require_one(name, [clip.source for clip in clips])
        found.append(next((one for one in clips if one.status is not ClipStatus.OLD), clips[0]))
    return tuple(found)


def _variant_of(view: ClipView, name: WantedName, variant: int) -> ClipView:
    if not 1 <= variant <= len(view.variants):
        raise UsageError(
            f"no variant {variant}: this clip has {counted(len(view.variants), 'variant')}",
            where=printable(name.text),
            hint="av1rules clips show lists them, av1rules clips try makes them",
        )
    return view.variants[variant - 1]


def _names(view: ClipView) -> set[str]:
    return {view.source, *(row.file.library_path for row in view.alike)}


def _paths(view: ClipView) -> set[str]:
    paths = {row.file.path for row in (*view.alike, *filter(None, [view.row]))}
    return paths | ({view.record.origin} if view.record is not None else set())


def decide_clip(
    workspace: Workspace,
    view: ClipView,
    answer: Answer,
    *,
    reason: str | None = None,
    changes: Mapping[str, object] | None = None,
    is_dry: bool = False,
) -> tuple[ClipDecision, Decisions]:
    """Record the decision on a current clip in approvals.yaml, or only check it (`is_dry`). Returns
    it and all decisions.

    Raises UsageError for an old clip, a rejection without a reason or an adjustment that changes
    nothing. Raises Av1rulesError or RulesError if the file can't be written or read.
    """
    made = view.require_current()
    facts = made.facts
    path = approvals_path(workspace.ruleset.file)
    settings_changes = None
    if changes is not None:
        settings_changes = all_changes(workspace.book, facts.content_key, changes)
    decision = new_decision(
        answer,
        source=view.source,
        content_key=facts.content_key,
        settings=facts.settings,
        rule=facts.rule,
        by=author(path.absolute().parent),
        at=datetime.now(UTC),
        reason=reason,
        changes=settings_changes,
    )
    return decision, workspace.book if is_dry else record(path, decision)
