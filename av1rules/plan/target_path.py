"""Where a source's target goes, and which sources would write the same one. Pure."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable

from av1rules.base.text import printable
from av1rules.media.source import LibraryFile
from av1rules.plan.items import ActiveItem, Blocked, Fresh, PlanItem, clip_of
from av1rules.policy.model import OutputMode, OutputSpec


def target_path(file: LibraryFile, output: OutputSpec, container: str) -> str:
    """The target of a source, absolute.

    `mirror` keeps the library path, root's name included, below `output.root`, so that a second
    root never moves the targets of the first; `beside` puts `output.suffix` before the extension;
    `replace` is the source's own place, but for the extension.
    """
    stem = os.path.splitext(file.relative_path)[0]
    if output.mode is OutputMode.MIRROR:
        return f"{output.root}/{file.root_name}/{stem}.{container}"
    if output.mode is OutputMode.REPLACE:
        return f"{file.root}/{stem}.{container}"
    return f"{file.root}/{stem}{output.suffix}.{container}"


def block_collisions(rows: Iterable[PlanItem]) -> list[PlanItem]:
    """The items, those that claim one and the same target as Blocked, each naming the other."""
    rows = list(rows)
    claims: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        is_claiming = isinstance(row, ActiveItem | Fresh) or clip_of(row) is not None
        if row.target is not None and is_claiming:
            claims[row.target].append(number)
    for target, numbers in claims.items():
        if len(numbers) > 1:
            for number in numbers:
                rows[number] = _collided(rows, number, numbers, target)
    return rows


def _collided(rows: list[PlanItem], number: int, numbers: list[int], target: str) -> Blocked:
    others = ", ".join(
        printable(os.path.basename(rows[other].file.relative_path))
        for other in numbers
        if other != number
    )
    cause = (
        f"would write the same target as {others} ({printable(os.path.basename(target))}): "
        "rename one, or skip one by a rule"
    )
    return Blocked.of(rows[number], cause)
