"""Compares the plan of one policy with that of another, film by film. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from enum import Enum

import msgspec

from av1rules.media.source import LibraryFile
from av1rules.plan.freshness import Cause, setting_causes
from av1rules.plan.items import (
    Blocked,
    Copy,
    Encode,
    Fresh,
    Held,
    LeftAlone,
    MakeClip,
    MeasureGrain,
    Move,
    PlanItem,
    coming_encode,
)
from av1rules.policy.settings import EncodeSettings


class DiffKind(Enum):
    """What another policy means for a film, in the order of the tables."""

    REDONE = "would be redone"  # its target is finished
    ENCODED = "newly encoded"
    OTHERWISE = "encoded with other settings"  # its target is not finished
    AS_MADE = "kept as made"  # the policy asks for other settings, and for no redo
    SPARED = "no longer redone"
    LEFT_ALONE = "newly left alone"
    HELD = "newly held or blocked"
    RELEASED = "no longer held or blocked"
    REVIEWED = "review now asked"
    UNREVIEWED = "review no longer asked"
    MEASURED = "grain decides on the rule"
    ELSEWHERE = "target in another place"
    OTHER_RULE = "another rule, same result"


class FilmChange(msgspec.Struct, frozen=True, kw_only=True):
    """A film that comes out otherwise. `then` and `now` are its items, None where it is not in the
    library of that policy. `settings` are those that differ, each with the place that sets it
    now."""

    kind: DiffKind
    file: LibraryFile
    then: PlanItem | None
    now: PlanItem | None
    settings: tuple[Cause, ...] = ()

    @property
    def is_reviewed_now(self) -> bool:
        """Whether it waits for a clip before it is encoded, and did not then."""
        return _waits(self.now) and not _waits(self.then)


class PlanDiff(msgspec.Struct, frozen=True, kw_only=True):
    """`changes` in the order of the walk; `unchanged` films come out as before."""

    changes: tuple[FilmChange, ...]
    unchanged: int

    def of(self, kind: DiffKind) -> tuple[FilmChange, ...]:
        return tuple(change for change in self.changes if change.kind is kind)


FinishedSettings = Callable[[str], EncodeSettings | None]
"""The settings that the finished target at a path was made with, by the ledger."""


def compare_plans(
    then: Iterable[PlanItem],
    now: Iterable[PlanItem],
    *,
    finished: FinishedSettings,
    is_wanted: Callable[[PlanItem], bool] = lambda _item: True,
) -> PlanDiff:
    """The films that come out otherwise, of those whose item then or now is wanted."""
    changes: list[FilmChange] = []
    unchanged = 0
    for before, after in _paired(then, now):
        if not any(item is not None and is_wanted(item) for item in (before, after)):
            continue
        change = _compared(before, after, finished)
        if change is None:
            unchanged += 1
        else:
            changes.append(change)
    return PlanDiff(changes=tuple(changes), unchanged=unchanged)


def _paired(
    then: Iterable[PlanItem], now: Iterable[PlanItem]
) -> Iterator[tuple[PlanItem | None, PlanItem | None]]:
    """The items of each film. Both come in the order of a walk, so few wait for their partner."""
    waiting: tuple[dict[str, PlanItem], dict[str, PlanItem]] = ({}, {})
    for before, after in itertools.zip_longest(then, now):
        if before is not None and after is not None and before.file.path == after.file.path:
            yield before, after
            continue
        if before is not None:
            partner = waiting[1].pop(before.file.path, None)
            if partner is None:
                waiting[0][before.file.path] = before
            else:
                yield before, partner
        if after is not None:
            partner = waiting[0].pop(after.file.path, None)
            if partner is None:
                waiting[1][after.file.path] = after
            else:
                yield partner, after
    for item in waiting[0].values():
        yield item, None
    for item in waiting[1].values():
        yield None, item


class _Fate(Enum):
    """What becomes of a film, as far as policies differ in it."""

    FINISHED = "finished"
    ENCODED = "encoded"  # now, or after the review of its clip
    HELD = "held"
    LEFT_ALONE = "left alone"
    MEASURED = "measured"


def _fate(item: PlanItem | None) -> _Fate:
    match item:
        case Fresh() | Move() | Copy():
            return _Fate.FINISHED
        case Encode() | MakeClip():
            return _Fate.ENCODED
        case Held() | Blocked():
            return _Fate.HELD if coming_encode(item) is None else _Fate.ENCODED
        case MeasureGrain():
            return _Fate.MEASURED
        case LeftAlone() | None:
            return _Fate.LEFT_ALONE


def _waits(item: PlanItem | None) -> bool:
    """Whether a clip comes before the encode."""
    return isinstance(item, MakeClip | Held) and coming_encode(item) is not None


def _compared(
    then: PlanItem | None, now: PlanItem | None, finished: FinishedSettings
) -> FilmChange | None:
    item = now if now is not None else then
    assert item is not None
    was, is_now = _fate(then), _fate(now)
    settings: tuple[Cause, ...] = ()
    if is_now is _Fate.ENCODED and was in (_Fate.ENCODED, _Fate.FINISHED):
        settings = _changed_settings(then, now, finished)
    if was is is_now:
        kind = _kind_of_same(then, now, has_other_settings=bool(settings))
    else:
        kind = _kind_of(was, is_now)
    if kind is None:
        return None
    return FilmChange(kind=kind, file=item.file, then=then, now=now, settings=settings)


def _kind_of(was: _Fate, is_now: _Fate) -> DiffKind:
    """Of a film with another fate."""
    if is_now is _Fate.ENCODED and was is _Fate.FINISHED:
        return DiffKind.REDONE
    if was is _Fate.HELD and is_now in (_Fate.ENCODED, _Fate.FINISHED):
        return DiffKind.RELEASED
    if is_now is _Fate.FINISHED:
        return DiffKind.SPARED
    return _NEWLY[is_now]


_NEWLY = {
    _Fate.ENCODED: DiffKind.ENCODED,
    _Fate.HELD: DiffKind.HELD,
    _Fate.LEFT_ALONE: DiffKind.LEFT_ALONE,
    _Fate.MEASURED: DiffKind.MEASURED,
}


def _kind_of_same(
    then: PlanItem | None, now: PlanItem | None, *, has_other_settings: bool
) -> DiffKind | None:
    """Of a film with the same fate; None if nothing differs."""
    if then is None or now is None:
        return None
    if has_other_settings:
        return DiffKind.OTHERWISE
    if _waits(now) is not _waits(then):
        return DiffKind.REVIEWED if _waits(now) else DiffKind.UNREVIEWED
    if (now.as_made is not None) and then.as_made is None:
        return DiffKind.AS_MADE
    if then.target != now.target and _fate(now) in (_Fate.ENCODED, _Fate.FINISHED):
        return DiffKind.ELSEWHERE
    return DiffKind.OTHER_RULE if then.rule != now.rule else None


def _changed_settings(
    then: PlanItem | None, now: PlanItem | None, finished: FinishedSettings
) -> tuple[Cause, ...]:
    after = None if now is None else coming_encode(now)
    if then is None or after is None:
        return ()
    encode = coming_encode(then)
    before = encode.recipe.settings if encode is not None else finished(then.target or "")
    if before is None:
        return ()
    return setting_causes(before, after.recipe.settings, after.recipe.origins)
