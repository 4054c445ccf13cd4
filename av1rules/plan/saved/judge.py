"""Whether a saved row still holds, by the plan of now. Pure.

Only what the row itself is made of counts: its source, its settings, its target, what is done for
it. Names of rules, comments, other rows and the state of the ledger may change at will.
"""

from __future__ import annotations

from msgspec import Struct

from av1rules.plan.freshness import setting_causes
from av1rules.plan.items import (
    ActiveItem,
    Blocked,
    Copy,
    Encode,
    Fresh,
    Held,
    LeftAlone,
    MakeClip,
    MeasureGrain,
    Move,
    PlanAction,
    PlanItem,
    RunItem,
    clip_of,
    work_of,
)
from av1rules.plan.saved.rows import OutdatedCause, OutdatedRow, SavedRow, target_file_of
from av1rules.plan.target_state import is_as_written


class RowNow(Struct, frozen=True, kw_only=True, gc=False):
    """What the plan of now has for a saved row: no item if its source is not there. `content_key`
    is that of the source of now, if it had to be asked for and could be read; `has_target`: the
    ledger has a target of this fingerprint, and it stands there. `unread` says which part of the
    library could not be read, if any."""

    item: PlanItem | None
    content_key: str | None = None
    is_gone: bool = False
    has_target: bool = False
    unread: str | None = None


class StillHolds(Struct, frozen=True, kw_only=True):
    """The row is to be done, as `item` says."""

    item: RunItem


class DoneAlready(Struct, frozen=True, kw_only=True):
    """The row was done since the plan was saved. `result` is what came of it where that is no
    target: it was too large, or no CRF was good enough."""

    library_path: str
    result: str | None = None


RowState = StillHolds | DoneAlready | OutdatedRow


def needs_content(row: SavedRow, item: PlanItem | None) -> bool:
    """Whether only the content of the source tells its change from one of the rules."""
    if item is None or _is_same_work(row, item) or isinstance(item, ActiveItem | MeasureGrain):
        return False
    stat = item.file.stat
    return (stat.size_bytes, stat.mtime_ns) != (row.size_bytes, row.mtime_ns)


def judge(row: SavedRow, now: RowNow) -> RowState:
    """What becomes of one row."""
    item = now.item
    if item is None:
        if now.has_target:
            return DoneAlready(library_path=row.library_path)
        if now.is_gone:
            return _outdated(row, OutdatedCause.SOURCE_GONE)
        why = "it is no film of the library any more"
        return _outdated(row, OutdatedCause.DECIDED_OTHERWISE, now.unread or why)
    if _content_of(row, item, now) != row.content_key:
        return _outdated(row, OutdatedCause.SOURCE_CHANGED)
    if row.action is PlanAction.MEASURE:
        if isinstance(item, MeasureGrain):
            return StillHolds(item=item)
        return DoneAlready(library_path=row.library_path)
    if item.fingerprint != row.fingerprint:
        return _other_settings(row, item)
    return _same_work(row, item)


def _content_of(row: SavedRow, item: PlanItem, now: RowNow) -> str | None:
    """The content key of the source of now; that of the row where nothing speaks against it."""
    if _is_same_work(row, item):
        return row.content_key
    if isinstance(item, ActiveItem):
        return item.work.content_key
    if isinstance(item, MeasureGrain):
        return item.unmeasured.content_key
    return now.content_key if needs_content(row, item) else row.content_key


def _is_same_work(row: SavedRow, item: PlanItem) -> bool:
    """A fingerprint covers content and settings; in place of a source it is still that of the
    original."""
    return item.fingerprint is not None and item.fingerprint == row.fingerprint


def _other_settings(row: SavedRow, item: PlanItem) -> RowState:
    if isinstance(item, MeasureGrain) or item.fingerprint is None:
        return _decided_otherwise(row, item)
    work = work_of(item)
    detail = None
    if work is not None and row.settings is not None:
        causes = setting_causes(row.settings, work.recipe.settings, work.recipe.origins)
        detail = "; ".join(cause.text for cause in causes)
    elif isinstance(item, Fresh):
        detail = "its target was made with others since"
    return _outdated(row, OutdatedCause.SETTINGS_CHANGED, detail)


def _same_work(row: SavedRow, item: PlanItem) -> RowState:
    """The state of a row whose source and settings are as they were."""
    if item.target != row.target:
        return _outdated(row, OutdatedCause.TARGET_ELSEWHERE, item.target)
    if isinstance(item, Fresh):
        return DoneAlready(library_path=row.library_path)
    if isinstance(item, LeftAlone | Held) and item.is_settled_by_attempt:
        return DoneAlready(library_path=row.library_path, result="; ".join(item.causes))
    if row.action is PlanAction.CLIP and _has_clip(item):
        return DoneAlready(library_path=row.library_path)
    if not isinstance(item, _Active) or item.action is not row.action:
        return _decided_otherwise(row, item)
    return _same_action(row, item)


_Active = Encode | MakeClip | Move | Copy


def _same_action(row: SavedRow, item: _Active) -> RowState:
    before, after = row.target_file, target_file_of(item.work)
    is_same = before is after is None or (
        before is not None and after is not None and before.is_same(after)
    )
    if not is_same:
        if _is_made(item):  # a row that was planned by --force
            return DoneAlready(library_path=row.library_path)
        return _outdated(row, OutdatedCause.TARGET_CHANGED)
    if row.encoder is not None and row.encoder != item.work.encoder.name:
        detail = f"{row.encoder} -> {item.work.encoder.name}"
        return _outdated(row, OutdatedCause.ENCODER_CHANGED, detail)
    return StillHolds(item=item)


def _is_made(item: ActiveItem) -> bool:
    """Whether the target was made with these settings, and stands there as it was written."""
    known, found = item.work.known, item.work.found
    if known is None or found is None or not is_as_written(known, found):
        return False
    return known.fingerprint == item.work.fingerprint


def _has_clip(item: PlanItem) -> bool:
    """Whether the clip that was planned is made; once it is approved, nothing says so any more."""
    clip = clip_of(item)
    return isinstance(item, Encode) or (clip is not None and clip.is_made)


def _decided_otherwise(row: SavedRow, item: PlanItem) -> OutdatedRow:
    causes = "; ".join(item.causes)
    said = f"{item.action.value}, not {row.action.value}: {causes}"
    is_idle = isinstance(item, Blocked | Held | LeftAlone)
    detail = f"{item.action.value}: {causes}" if is_idle else said
    return _outdated(row, OutdatedCause.DECIDED_OTHERWISE, detail)


def _outdated(row: SavedRow, cause: OutdatedCause, detail: str | None = None) -> OutdatedRow:
    return OutdatedRow(
        library_path=row.library_path, path=row.path, cause=cause, detail=detail or None
    )
