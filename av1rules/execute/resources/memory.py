"""Reserves memory for encodes, within what the system and the control groups of this process leave.

A container or service may have far less than the machine it runs on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec

from av1rules.base.text import plural
from av1rules.base.units import format_size
from av1rules.encode.encoders.registry import require_encoder
from av1rules.execute.resources.fair_queue import FairQueue, ignore_reason, nothing_to_check

UNLIMITED_BYTES = 1 << 60
"""Version 1 of control groups writes "no limit" as a number near the largest possible."""


def available_bytes(
    *, groups_file: str = "/proc/self/cgroup", mount: str = "/sys/fs/cgroup"
) -> int:
    """Bytes that can be used without swapping, by the narrowest limit."""
    import psutil  # noqa: PLC0415 - 25 ms that a run without work should not pay

    return min(
        psutil.virtual_memory().available, *_group_bounds(groups_file, mount), UNLIMITED_BYTES
    )


class _Names(msgspec.Struct, frozen=True, kw_only=True):
    """Names of the files of one version of control groups."""

    limit: str
    usage: str


_VERSION_1 = _Names(limit="memory.limit_in_bytes", usage="memory.usage_in_bytes")


_VERSION_2 = _Names(limit="memory.max", usage="memory.current")


def _group_bounds(groups_file: str, mount: str) -> Iterator[int]:
    """The bytes left below the limits of this process's group and of each group above it."""
    for line in _text(groups_file).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and controllers == "":
            yield from _left_upwards(mount, path, _VERSION_2)
        elif "memory" in controllers.split(","):
            yield from _left_upwards(os.path.join(mount, "memory"), path, _VERSION_1)


def _left_upwards(mount: str, path: str, names: _Names) -> Iterator[int]:
    """The bytes left in the group at `path` and those above it. In a container the path may be one
    of the host, which does not exist there: then only the root counts."""
    parts = [part for part in path.split("/") if part and part != ".."]
    for depth in range(len(parts), -1, -1):
        folder = os.path.join(mount, *parts[:depth])
        limit = _text(os.path.join(folder, names.limit)).strip()
        if limit.isdecimal() and int(limit) < UNLIMITED_BYTES:
            used = _text(os.path.join(folder, names.usage)).strip()
            in_use = int(used) - _cache(folder) if used.isdecimal() else 0
            yield max(int(limit) - max(in_use, 0), 0)


def _cache(folder: str) -> int:
    """Bytes of file pages that count as used, but that the kernel frees on demand."""
    for line in _text(os.path.join(folder, "memory.stat")).splitlines():
        name, _, number = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file") and number.isdecimal():
            return int(number)
    return 0


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


BUDGET_SHARE = 0.8
"""Share of the memory available at the start of the run; the rest is for other programs."""


BASE_BYTES = 160 * 1024**2
"""FFmpeg, its decoder and its queues without frames; measured 90-110 MiB."""


def estimate_bytes(
    width: int,
    height: int,
    *,
    codec: str,
    preset: int,
    threads: int | None = None,
    cores: int | None = None,
) -> int:
    """The most memory that one encode will use, estimated on the high side.

    `codec` is FFmpeg's name of the encoder, `threads` is `run.threads_per_job`, and `cores` is the
    number of cores that the encoder may use (None: all of this machine).
    """
    pixels = max(width * height, 1)
    per_pixel = require_encoder(codec).bytes_per_pixel(
        preset, threads, cores or os.cpu_count() or 1
    )
    return BASE_BYTES + int(pixels * per_pixel)


_WANTS = frozenset(("memory",))


@dataclass(slots=True)
class MemoryBudget:
    """The memory estimates of the running encodes. Safe to use from many threads.

    Without `budget_bytes` the budget is a share of what is available before the first encode.
    """

    budget_bytes: int | None = None
    _turns: FairQueue = field(default_factory=FairQueue)
    _running: list[int] = field(default_factory=list)

    @contextmanager
    def reserve(
        self,
        need_bytes: int,
        *,
        check: Callable[[], None] = nothing_to_check,
        report: Callable[[str], None] = ignore_reason,
    ) -> Iterator[None]:
        """Wait until `need_bytes` fit beside the running encodes, or until nothing else runs.

        `report` is called once with the reason to wait, and for an encode that needs more than the
        whole budget. `check` is called twice a second and may raise.
        """

        self._turns.enter(
            _WANTS,
            measure=lambda: None,
            take=lambda _measured: self._take(need_bytes),
            check=check,
            report=report,
        )
        try:
            if need_bytes > self._budget():
                report(
                    f"it needs about {format_size(need_bytes)} of memory, more than "
                    f"{format_size(self._budget())} (run.memory): it runs alone"
                )
            yield
        finally:
            self.give_back(need_bytes)

    def try_take(self, need_bytes: int) -> bool:
        """Reserve `need_bytes` beside the running encodes until `give_back`. False if they don't
        fit now, or if somebody waits for memory."""
        return self._turns.try_now(_WANTS, lambda: self._take(need_bytes))

    def give_back(self, need_bytes: int) -> None:
        """Reserve them no longer."""
        with self._turns.lock:
            self._running.remove(need_bytes)
            self._turns.lock.notify_all()

    def _take(self, need_bytes: int) -> str | None:
        """Reserve them, or say why to wait. Called under the lock."""
        budget = self._budget()
        used = sum(self._running)
        if self._running and used + need_bytes > budget:
            count = len(self._running)
            jobs = plural(count, "another job", f"{count} other jobs")
            return (
                f"waits for memory: it needs about {format_size(need_bytes)}, {jobs} "
                f"{plural(count, 'takes', 'take')} about "
                f"{format_size(used)} of {format_size(budget)} (run.memory)"
            )
        self._running.append(need_bytes)
        return None

    def _budget(self) -> int:
        if self.budget_bytes is None:
            self.budget_bytes = int(available_bytes() * BUDGET_SHARE)
        return self.budget_bytes
