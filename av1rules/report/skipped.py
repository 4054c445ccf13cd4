"""What a plan leaves as it is, counted by reason."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from av1rules.plan.items import Blocked, Held, LeftAlone, PlanAction, PlanItem


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """Files that a current plan leaves as they are for the same reason."""

    action: str
    cause: str
    files: int
    size_bytes: int


SKIPPED = (PlanAction.BLOCKED, PlanAction.HELD, PlanAction.LEFT_ALONE)


def skipped_of(rows: Iterable[PlanItem]) -> tuple[Skipped, ...]:
    """By action, then the reasons of most files; the first cause of a row is its reason."""
    counts: dict[tuple[PlanAction, str], tuple[int, int]] = {}
    for row in rows:
        if isinstance(row, Blocked | Held | LeftAlone):
            key = row.action, row.main_reason
            files, size_bytes = counts.get(key, (0, 0))
            counts[key] = files + 1, size_bytes + row.file.stat.size_bytes
    order = sorted(counts, key=lambda key: (SKIPPED.index(key[0]), -counts[key][0], key[1]))
    return tuple(
        Skipped(action=key[0].value, cause=key[1], files=counts[key][0], size_bytes=counts[key][1])
        for key in order
    )
