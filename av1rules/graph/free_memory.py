"""Memory that is there for new work: what the system says, and the control groups of this process.

A container or service may have far less than the machine it runs on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
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
