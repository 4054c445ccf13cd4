"""What a plan leaves as it is, by reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from av1rules.graph.planned import PlanAction, PlanRow
from av1rules.report.figures import Skipped

SKIPPED = (PlanAction.BLOCKED, PlanAction.HELD, PlanAction.LEFT_ALONE)


def skipped_of(rows: Iterable[PlanRow]) -> tuple[Skipped, ...]:
    """By action, then the reasons of most files; the first cause of a row is its reason."""
    counts: dict[tuple[PlanAction, str], tuple[int, int]] = {}
    for row in rows:
        if row.action in SKIPPED:
            # What to type about one film is no reason of its own.
            cause = row.causes[0].partition(": av1rules ")[0] if row.causes else ""
            key = row.action, cause
            files, size_bytes = counts.get(key, (0, 0))
            counts[key] = files + 1, size_bytes + row.file.stat.size_bytes
    order = sorted(counts, key=lambda key: (SKIPPED.index(key[0]), -counts[key][0], key[1]))
    return tuple(
        Skipped(action=key[0].value, cause=key[1], files=counts[key][0], size_bytes=counts[key][1])
        for key in order
    )
