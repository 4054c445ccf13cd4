"""Room on disk, promised once: what one job may need is not counted as free for the next.

A promise shrinks as its file grows, since the file's bytes are missing from the free space already.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec

from av1rules.base.errors import NoSpaceError
from av1rules.base.text import plural, printable
from av1rules.base.units import format_size
from av1rules.execute.resources.fair_queue import FairQueue, ignore_reason, nothing_to_check

_HINT = "free some space, or set output.temp_dir or run.reserve"


@dataclass(slots=True, eq=False)
class Reservation:
    """What one job may still write, in bytes by file system; its first file grows on `first`."""

    room: DiskSpace
    first: int
    need_bytes: int
    left: dict[int, int]

    def wrote(self, size_bytes: int | None) -> None:
        """The temporary file has this size now. Cheap: call it with every progress event. A file
        that shrinks again gives nothing back."""
        if size_bytes is not None:
            self.room.lower(self, max(self.need_bytes - size_bytes, 0))


class _DiskState(msgspec.Struct, frozen=True, kw_only=True):
    """Free bytes by file system, and what was promised just before: what is written and no longer
    promised while somebody looks must not be missing on both sides."""

    free: dict[int, int]
    left: dict[Reservation, dict[int, int]]


@dataclass(slots=True)
class DiskSpace:
    """The promises of one run. Safe to use from many threads."""

    _turns: FairQueue = field(default_factory=FairQueue)
    _promises: list[Reservation] = field(default_factory=list)
    _full: set[int] = field(default_factory=set)

    @contextmanager
    def promised(
        self,
        places: list[str],
        need_bytes: int,
        reserve_bytes: int,
        *,
        check: Callable[[], None] = nothing_to_check,
        tell: Callable[[str], None] = ignore_reason,
    ) -> Iterator[Reservation]:
        """Promise `need_bytes` on the file system of each place while the context is open; the
        temporary file is on that of the first.

        Waits while other jobs hold promises there: `tell` hears once for what, `check` is called
        twice a second and may raise. Raises NoRoomError if there is no room, or less than
        `reserve_bytes` would stay free, and no other job could make any.
        """
        folders = _folders_by_device(places)
        left = dict.fromkeys(folders, need_bytes)
        promise = Reservation(self, next(iter(folders)), need_bytes, left)

        def take(sight: _DiskState) -> str | None:
            lacks = [
                self._lack(device, folder, sight, need_bytes, reserve_bytes)
                for device, folder in folders.items()
            ]
            if any(lacks):
                return next(filter(None, lacks))
            self._promises.append(promise)
            return None

        self._turns.enter(
            frozenset(folders),
            measure=lambda: self._sight(folders),
            take=take,
            check=check,
            tell=tell,
        )
        try:
            yield promise
        finally:
            with self._turns.lock:
                self._promises.remove(promise)
                self._turns.lock.notify_all()

    def mark_full(self, path: str) -> None:
        """The file system of `path` ran full in mid-encode: no more work there in this run."""
        device = os.stat(_existing(path)).st_dev
        with self._turns.lock:
            self._full.add(device)
            self._turns.lock.notify_all()

    def lower(self, promise: Reservation, left_bytes: int) -> None:
        """Keep less of a promise on its first file system."""
        with self._turns.lock:
            promise.left[promise.first] = min(promise.left[promise.first], left_bytes)

    def _sight(self, folders: dict[int, str]) -> _DiskState:
        with self._turns.lock:
            left = {promise: dict(promise.left) for promise in self._promises}
        free = {device: shutil.disk_usage(folder).free for device, folder in folders.items()}
        return _DiskState(free=free, left=left)

    def _lack(
        self, device: int, folder: str, sight: _DiskState, need_bytes: int, reserve_bytes: int
    ) -> str | None:
        """What to wait for; None if there is room. Raises NoRoomError."""
        if device in self._full:
            message = "no room: its file system ran full in this run"
            raise NoSpaceError(message, where=printable(folder), hint=_HINT)
        others = self._others(device, sight)
        free_bytes = sight.free[device] - sum(others)
        if free_bytes >= need_bytes + reserve_bytes:
            return None
        lack = (
            f"not enough room: {format_size(max(free_bytes, 0))} free, needed are up to "
            f"{format_size(need_bytes)} and a reserve of {format_size(reserve_bytes)}"
        )
        if not others:
            raise NoSpaceError(lack, where=printable(folder), hint=_HINT)
        jobs = plural(len(others), "another job", f"{len(others)} other jobs")
        return f"waits for {jobs} in {printable(folder)}: {lack}"

    def _others(self, device: int, sight: _DiskState) -> list[int]:
        """What each other job may still write there: as seen or as it is now, if that is more."""
        most: dict[Reservation, int] = {}
        now = {promise: promise.left for promise in self._promises}
        for lefts in (sight.left, now):
            for promise, left in lefts.items():
                if device in left:
                    most[promise] = max(most.get(promise, 0), left[device])
        return list(most.values())


def _folders_by_device(places: list[str]) -> dict[int, str]:
    """A folder for each file system, in the order of the places."""
    devices: dict[int, str] = {}
    for folder in map(_existing, places):
        devices.setdefault(os.stat(folder).st_dev, folder)
    return devices


def _existing(path: str) -> str:
    """The nearest folder that is there already."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path
