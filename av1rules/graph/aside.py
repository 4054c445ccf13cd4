"""What lies aside now, where, how large, and until when: for those who ask, and to choose from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from av1rules.graph.kept import Kept, KeptKind
from av1rules.graph.ledger import Ledger
from av1rules.graph.trash import is_disk_there
from av1rules.rules.model import Originals, OriginalsKind, RuleSet


class AsideState(StrEnum):
    THERE = "there"
    MISSING = "missing"  # somebody removed it
    NO_DISK = "its disk is not there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A file that lies aside, or should. `until` (UTC) is when the policy lets it go, None: never;
    `frees_bytes` is 0 where the file has other names too; `mount` is where its file system is."""

    kept: Kept
    state: AsideState
    until: datetime | None
    frees_bytes: int
    mount: str | None


def list_aside(ledger: Ledger, ruleset: RuleSet) -> tuple[Aside, ...]:
    """All that was put aside and not purged, oldest first."""
    mounts: dict[int, str] = {}
    return tuple(
        _look(entry, ruleset, mounts) for entry in ledger.kept.entries() if entry.gone_at is None
    )


def _look(kept: Kept, ruleset: RuleSet, mounts: dict[int, str]) -> Aside:
    limit = until(kept, ruleset.output.originals)
    try:
        found = os.lstat(kept.path)
    except OSError:
        state = AsideState.MISSING if is_disk_there(ruleset, kept.path) else AsideState.NO_DISK
        return Aside(kept=kept, state=state, until=limit, frees_bytes=0, mount=None)
    if found.st_dev not in mounts:
        mounts[found.st_dev] = _mount_of(kept.path)
    return Aside(
        kept=kept,
        state=AsideState.THERE,
        until=limit,
        frees_bytes=found.st_size if found.st_nlink == 1 else 0,
        mount=mounts[found.st_dev],
    )


def _mount_of(path: str) -> str:
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path


def until(kept: Kept, originals: Originals) -> datetime | None:
    """When the policy lets a file aside go (UTC); None: never by itself."""
    if kept.kind is not KeptKind.ORIGINAL or originals.kind is not OriginalsKind.KEEP_FOR:
        return None
    assert originals.keep_s is not None
    try:
        return datetime.fromisoformat(kept.at) + timedelta(seconds=originals.keep_s)
    except OverflowError:  # kept for thousands of years
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which files aside are meant. `runs` and `paths` (absolute) are alternatives, empty: all; a
    path is that of the file aside, of where it stood, of its target, or of a folder above one."""

    runs: frozenset[int] = frozenset()
    paths: tuple[str, ...] = ()
    kind: KeptKind | None = None
    older_than_s: float | None = None

    def holds(self, kept: Kept, now: datetime) -> bool:
        if self.kind not in (None, kept.kind):
            return False
        if self.older_than_s is not None:
            age_s = (now - datetime.fromisoformat(kept.at)).total_seconds()
            if age_s <= self.older_than_s:
                return False
        is_any = not self.runs and not self.paths
        return is_any or kept.run in self.runs or any(_concerns(kept, p) for p in self.paths)


def _concerns(kept: Kept, path: str) -> bool:
    below = f"{path.rstrip('/')}/"
    names = (kept.path, kept.place, kept.row.target, kept.row.source_path)
    return any(name == path or name.startswith(below) for name in names)
