"""Reserves disk space: what one job may still write does not count as free for the next.

A reservation shrinks as its file grows, since the bytes of the file are no longer free.
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

    disk_space: DiskSpace
    first: int
    need_bytes: int
    left: dict[int, int]

    def wrote(self, size_bytes: int | None) -> None:
        """Shrink the reservation to what a temporary file of this size still needs. Cheap: call it
        at each progress event. A file that gets smaller gives nothing back."""
        if size_bytes is not None:
            self.disk_space.lower(self, max(self.need_bytes - size_bytes, 0))


class _DiskState(msgspec.Struct, frozen=True, kw_only=True):
    """Free bytes by file system, and the reservations just before they were read. A job that writes
    in between lowers its reservation, and its bytes must not go missing on both sides."""

    free: dict[int, int]
    left: dict[Reservation, dict[int, int]]


@dataclass(slots=True)
class DiskSpace:
    """The reservations of one run. Safe to use from many threads."""

    _turns: FairQueue = field(default_factory=FairQueue)
    _reservations: list[Reservation] = field(default_factory=list)
    _full: set[int] = field(default_factory=set)

    @contextmanager
    def reserve(
        self,
        places: list[str],
        need_bytes: int,
        reserve_bytes: int,
        *,
        check: Callable[[], None] = nothing_to_check,
        report: Callable[[str], None] = ignore_reason,
    ) -> Iterator[Reservation]:
        """Reserve `need_bytes` on the file system of each place while the context is open. The
        temporary file is on that of the first place.

        Waits while other jobs hold reservations there. `report` is called once with the reason,
        `check` twice a second; `check` may raise. Raises NoSpaceError if less than `reserve_bytes`
        would stay free and no other job could free any.
        """
        folders = _folders_by_device(places)
        left = dict.fromkeys(folders, need_bytes)
        reservation = Reservation(self, next(iter(folders)), need_bytes, left)

        def take(state: _DiskState) -> str | None:
            shortages = [
                self._shortage(device, folder, state, need_bytes, reserve_bytes)
                for device, folder in folders.items()
            ]
            if any(shortages):
                return next(filter(None, shortages))
            self._reservations.append(reservation)
            return None

        self._turns.enter(
            frozenset(folders),
            measure=lambda: self._read_state(folders),
            take=take,
            check=check,
            report=report,
        )
        try:
            yield reservation
        finally:
            with self._turns.lock:
                self._reservations.remove(reservation)
                self._turns.lock.notify_all()

    def mark_full(self, path: str) -> None:
        """The file system of `path` ran full in mid-encode: this run starts no more work there."""
        device = os.stat(_existing(path)).st_dev
        with self._turns.lock:
            self._full.add(device)
            self._turns.lock.notify_all()

    def lower(self, reservation: Reservation, left_bytes: int) -> None:
        """Shrink a reservation on its first file system."""
        with self._turns.lock:
            reservation.left[reservation.first] = min(
                reservation.left[reservation.first], left_bytes
            )

    def _read_state(self, folders: dict[int, str]) -> _DiskState:
        with self._turns.lock:
            left = {reservation: dict(reservation.left) for reservation in self._reservations}
        free = {device: shutil.disk_usage(folder).free for device, folder in folders.items()}
        return _DiskState(free=free, left=left)

    def _shortage(
        self, device: int, folder: str, state: _DiskState, need_bytes: int, reserve_bytes: int
    ) -> str | None:
        """The reason to wait; None if there is space enough. Raises NoSpaceError."""
        if device in self._full:
            message = "no space: its file system ran full in this run"
            raise NoSpaceError(message, where=printable(folder), hint=_HINT)
        others = self._others(device, state)
        free_bytes = state.free[device] - sum(others)
        if free_bytes >= need_bytes + reserve_bytes:
            return None
        shortage = (
            f"not enough space: {format_size(max(free_bytes, 0))} free, needed are up to "
            f"{format_size(need_bytes)} and a reserve of {format_size(reserve_bytes)}"
        )
        if not others:
            raise NoSpaceError(shortage, where=printable(folder), hint=_HINT)
        jobs = plural(len(others), "another job", f"{len(others)} other jobs")
        return f"waits for {jobs} in {printable(folder)}: {shortage}"

    def _others(self, device: int, state: _DiskState) -> list[int]:
        """What each other job may still write there: as it was read or is now, whichever is
        more."""
        most: dict[Reservation, int] = {}
        now = {reservation: reservation.left for reservation in self._reservations}
        for lefts in (state.left, now):
            for reservation, left in lefts.items():
                if device in left:
                    most[reservation] = max(most.get(reservation, 0), left[device])
        return list(most.values())


def _folders_by_device(places: list[str]) -> dict[int, str]:
    """A folder for each file system, in the order of the places."""
    devices: dict[int, str] = {}
    for folder in map(_existing, places):
        devices.setdefault(os.stat(folder).st_dev, folder)
    return devices


def _existing(path: str) -> str:
    """The nearest folder that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path
