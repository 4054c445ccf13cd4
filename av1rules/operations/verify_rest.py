"""Checks what stands in a mirror beside targets: is it there, and does it still stand for its
source? A pure read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from enum import Enum

import msgspec

from av1rules.base.files import is_at_or_below
from av1rules.base.hashing import file_digest
from av1rules.ledger.ledger import Ledger
from av1rules.ledger.stand_ins import StandIn, is_as_placed
from av1rules.policy.model import Rest


class StandInHealth(Enum):
    """What is wrong with a stand-in; the value is what users read."""

    MISSING = "missing"
    DANGLING = "dangling"  # a symbolic link whose source is gone
    CHANGED = "changed"  # by somebody else, or another file
    DAMAGED = "damaged"  # a copy whose bytes are no longer those of its source
    UNCLEAR = "unclear"  # it can't be read


class StandInFault(msgspec.Struct, frozen=True, kw_only=True):
    row: StandIn
    health: StandInHealth
    detail: str
    hint: str


class RestCheck(msgspec.Struct, frozen=True, kw_only=True):
    """How many stand-ins were checked, and what is wrong with some."""

    checked: int = 0
    faults: tuple[StandInFault, ...] = ()


def check_rest(
    ledger: Ledger, paths: tuple[str, ...], *, digest: bool, check: Callable[[], None]
) -> RestCheck:
    """Check the stand-ins at or below `paths` (their own or those of sources; none: all). `digest`
    compares every byte of a copy with its source. Raises LedgerError and what `check` raises."""
    checked, faults = 0, list[StandInFault]()
    for row in _selected(ledger, paths):
        check()
        checked += 1
        fault = _fault_of(row, digest=digest, check=check)
        if fault is not None:
            faults.append(fault)
    return RestCheck(checked=checked, faults=tuple(faults))


def _selected(ledger: Ledger, paths: tuple[str, ...]) -> Iterator[StandIn]:
    for row in ledger.stand_ins.all():
        places = (row.path, row.source_path)
        if not paths or any(is_at_or_below(place, path) for path in paths for place in places):
            yield row


_AGAIN = "`av1rules run` puts it in place again"
_GONE = "`av1rules run` takes it out of the mirror"


def _fault_of(row: StandIn, *, digest: bool, check: Callable[[], None]) -> StandInFault | None:
    is_source_there = os.path.lexists(row.source_path)
    if not os.path.lexists(row.path):
        hint = _AGAIN if is_source_there else "its source is gone too: the next run forgets it"
        return StandInFault(row=row, health=StandInHealth.MISSING, detail="no such file", hint=hint)
    if not is_as_placed(row):
        return StandInFault(
            row=row,
            health=StandInHealth.CHANGED,
            detail="it is not what av1rules put there",
            hint="move it away, and the next run puts the right file there; or keep it",
        )
    if row.kind is Rest.SYMLINK and not os.path.exists(row.path):
        detail = "the link leads nowhere: its source is gone"
        return StandInFault(row=row, health=StandInHealth.DANGLING, detail=detail, hint=_GONE)
    if not digest or row.kind not in (Rest.COPY, Rest.REFLINK) or not is_source_there:
        return None
    return _damage(row, check)


def _damage(row: StandIn, check: Callable[[], None]) -> StandInFault | None:
    try:
        source = os.lstat(row.source_path)
        if (source.st_size, source.st_mtime_ns) != (row.source_bytes, row.source_mtime_ns):
            return None  # a newer source: the next run copies it
        if file_digest(row.path, check=check) == file_digest(row.source_path, check=check):
            return None
    except OSError as problem:
        return StandInFault(
            row=row,
            health=StandInHealth.UNCLEAR,
            detail=f"can't be read: {problem.strerror}",
            hint="check its disk: `dmesg` or the NAS may show more",
        )
    detail = "its content has changed although size and time have not: bit rot?"
    hint = "find out which of both is damaged; without the copy the next run makes it again"
    return StandInFault(row=row, health=StandInHealth.DAMAGED, detail=detail, hint=hint)
