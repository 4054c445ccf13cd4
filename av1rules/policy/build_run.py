"""The section `run`: how runs behave, and what encodes may take of the machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from av1rules.base.text import printable
from av1rules.base.units import format_size
from av1rules.policy.build_paths import folder_of
from av1rules.policy.model import STATE_FOLDER, IoClass, RunSpec
from av1rules.policy.reader import Cursor
from av1rules.policy.section import Section, member_of

LEAST_MEMORY = 256 * 1024**2
"""Bytes; less than any encode takes: a limit below it is a forgotten unit."""


HIGHEST_CPU = 1023
"""Linux's affinity mask holds this many in its usual form; the schema says the same."""


_CPUS = re.compile(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?")


def build_run(cursor: Cursor | None, folder: Path) -> RunSpec:
    """The section; paths start at `folder`."""
    values = Section(cursor).fields(
        state_dir=("state_dir", lambda item: folder_of(item, folder)),
        jobs=("jobs", Cursor.whole),
        stall_timeout_s=("stall_timeout", _positive_duration),
        probe_timeout_s=("probe_timeout", _positive_duration),
        threads_per_job=("threads_per_job", Cursor.whole),
        reserve_bytes=("reserve", Cursor.size),
        max_failures=("max_failures", Cursor.whole),
        max_duration_s=("max_duration", _positive_duration),
        nice=("nice", Cursor.whole),
        io_class=("io_class", member_of(IoClass)),
        cpus=("cpus", _cpus),
        memory_per_job=("memory_per_job", _memory),
        memory=("memory", _memory),
    )
    values.setdefault("state_dir", folder / STATE_FOLDER)
    return RunSpec(**values)


def _positive_duration(cursor: Cursor) -> float | None:
    duration = cursor.duration()
    if duration is not None and duration <= 0:
        cursor.fault("expected more than 0 seconds")
        return None
    return duration


def _memory(cursor: Cursor) -> int | None:
    size_bytes = cursor.size()
    if size_bytes is not None and size_bytes < LEAST_MEMORY:
        cursor.fault(
            f"{format_size(size_bytes)} is less than any encode takes",
            hint="with a unit: 4GiB",
        )
        return None
    return size_bytes


def _cpus(cursor: Cursor) -> tuple[int, ...]:
    """CPU numbers, sorted, each once."""
    found: set[int] = set()
    for item in cursor.items():
        for part in item.raw.split(","):
            found.update(_cpu_range(item, part))
    return tuple(sorted(found))


def _cpu_range(cursor: Cursor, part: str) -> Iterator[int]:
    numbers = _CPUS.fullmatch(part)
    if numbers is None:
        shown = printable(part.strip(), limit=40) or "nothing"
        cursor.fault(f"expected CPU numbers such as 0-3,6, found {shown}")
        return
    low, high = int(numbers[1]), int(numbers[2] or numbers[1])
    if high < low:
        cursor.fault(f"{low}-{high} counts down", hint=f"write {high}-{low}")
    elif high > HIGHEST_CPU:
        cursor.fault(f"{high} is above the maximum {HIGHEST_CPU}")
    else:
        yield from range(low, high + 1)
