"""The plan cache: what the last plan decided on files that have not changed since.

It is only a cache: without it, the plan evaluates each file and comes to the same answer. With
it, a no-change run costs little more than the walk.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from av1rules.base.own_files import read_own, write_own
from av1rules.media.source import FileStat, LibraryFile
from av1rules.plan.items import PlanAction, PlanItem

CACHE_NAME = "glance.msgpack"


class CachedDecision(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The decision on one file. It is an array on disk: 20,000 of them load in a few ms."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    action: PlanAction
    causes: tuple[str, ...]
    rule: str | None
    source_tier: str | None
    target: bytes | None
    fingerprint: str | None
    notes: tuple[str, ...]

    def is_of(self, stat: FileStat) -> bool:
        return (
            self.ctime_ns == stat.ctime_ns
            and self.mtime_ns == stat.mtime_ns
            and self.size_bytes == stat.size_bytes
            and self.inode == stat.inode
            and self.device == stat.device
        )


class _CacheFile(msgspec.Struct, array_like=True):
    policy: str
    rows: dict[bytes, CachedDecision]


class PlanCache:
    """The cached decisions of one state folder, valid for one policy."""

    def __init__(self, path: Path, policy: str, rows: dict[bytes, CachedDecision]) -> None:
        self._path = path
        self._policy = policy
        self._rows = rows

    @classmethod
    def load(cls, state_dir: Path, policy: str) -> PlanCache:
        """The decisions cached under `policy` (a digest of all that decisions depend on)."""
        path = state_dir / CACHE_NAME
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            cached = msgspec.msgpack.decode(read_own(path), type=_CacheFile)
            if cached.policy == policy:
                return cls(path, policy, cached.rows)
        return cls(path, policy, {})

    def find(self, file: LibraryFile) -> CachedDecision | None:
        """The decision on this very file, if it has not changed since."""
        cached = self._rows.get(os.fsencode(file.path))
        return cached if cached is not None and cached.is_of(file.stat) else None

    def keep(self, rows: list[PlanItem], *, whole: bool) -> None:
        """Cache these rows. `whole`: they are the whole library, so all other entries are dropped.

        A failed write is not an error: it only makes the next plan slower.
        """
        known = {} if whole else dict(self._rows)
        for row in rows:
            path = os.fsencode(row.file.path)
            if row.is_lasting:
                known[path] = _cached_decision(row)
            else:
                known.pop(path, None)
        if known == self._rows and self._path.exists():
            return
        self._rows = known
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_own(self._path, msgspec.msgpack.encode(_CacheFile(self._policy, known)))


def _cached_decision(row: PlanItem) -> CachedDecision:
    stat = row.file.stat
    return CachedDecision(
        stat.device,
        stat.inode,
        stat.size_bytes,
        stat.mtime_ns,
        stat.ctime_ns,
        row.action,
        row.causes,
        row.rule,
        row.source_tier,
        None if row.target is None else os.fsencode(row.target),
        row.fingerprint,
        row.notes,
    )
