"""Memory that is there for new work: what the system says, and the control groups of this process.

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
"""Version 1 says "no limit" by a number near the largest there is."""


def available_bytes(
    *, groups_file: str = "/proc/self/cgroup", mount: str = "/sys/fs/cgroup"
) -> int:
    """What can be used without swapping, in bytes, by the narrowest bound."""
    import psutil  # noqa: PLC0415 - 25 ms that a run without work should not pay

    return min(
        psutil.virtual_memory().available, *_group_bounds(groups_file, mount), UNLIMITED_BYTES
    )


class _Names(msgspec.Struct, frozen=True, kw_only=True):
    """What the files of one version are called."""

    limit: str
    usage: str


_VERSION_1 = _Names(limit="memory.limit_in_bytes", usage="memory.usage_in_bytes")


_VERSION_2 = _Names(limit="memory.max", usage="memory.current")


def _group_bounds(groups_file: str, mount: str) -> Iterator[int]:
    """What is left below the limit of this process's group and each group above it."""
    for line in _text(groups_file).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and controllers == "":
            yield from _left_upwards(mount, path, _VERSION_2)
        elif "memory" in controllers.split(","):
            yield from _left_upwards(os.path.join(mount, "memory"), path, _VERSION_1)


def _left_upwards(mount: str, path: str, names: _Names) -> Iterator[int]:
    """In a container the path may be one of the host, which is not there: its root then counts."""
    parts = [part for part in path.split("/") if part and part != ".."]
    for depth in range(len(parts), -1, -1):
        folder = os.path.join(mount, *parts[:depth])
        limit = _text(os.path.join(folder, names.limit)).strip()
        if limit.isdecimal() and int(limit) < UNLIMITED_BYTES:
            used = _text(os.path.join(folder, names.usage)).strip()
            in_use = int(used) - _cache(folder) if used.isdecimal() else 0
            yield max(int(limit) - max(in_use, 0), 0)


def _cache(folder: str) -> int:
    """File pages that count as used but are given up when memory is asked for."""
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
"""Of the memory that is available when the run starts: the rest is for everything else."""


BASE_BYTES = 160 * 1024**2
"""FFmpeg, its decoder and its queues without a picture; measured 90-110 MiB."""


def estimate_bytes(
    width: int,
    height: int,
    *,
    codec: str,
    preset: int,
    threads: int | None = None,
    cores: int | None = None,
) -> int:
    """Most memory that one encode will use, rather too much than too little.

    `codec` is FFmpeg's name of the encoder, `threads` as in `run.threads_per_job`, `cores` what the
    encoder may run on (None: all of this machine).
    """
    pixels = max(width * height, 1)
    per_pixel = require_encoder(codec).bytes_per_pixel(
        preset, threads, cores or os.cpu_count() or 1
    )
    return BASE_BYTES + int(pixels * per_pixel)


@dataclass(slots=True)
class MemoryBudget:
    """The estimates of the encodes under way. Safe to use from many threads.

    Without `budget_bytes` it is a share of what is available at the first encode, before any runs.
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
        tell: Callable[[str], None] = ignore_reason,
    ) -> Iterator[None]:
        """Waits until `need_bytes` fit beside what runs, or nothing else runs.

        `tell` hears once for what it waits, and that it is larger than the whole budget; `check`
        is called twice a second and may raise.
        """

        def take(_measured: None) -> str | None:
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

        self._turns.enter(
            frozenset(("memory",)), measure=lambda: None, take=take, check=check, tell=tell
        )
        try:
            if need_bytes > self._budget():
                tell(
                    f"it needs about {format_size(need_bytes)} of memory, more than "
                    f"{format_size(self._budget())} (run.memory): it runs alone"
                )
            yield
        finally:
            with self._turns.lock:
                self._running.remove(need_bytes)
                self._turns.lock.notify_all()

    def _budget(self) -> int:
        if self.budget_bytes is None:
            self.budget_bytes = int(available_bytes() * BUDGET_SHARE)
        return self.budget_bytes
