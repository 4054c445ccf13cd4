"""How targets stand on their disk, asked for together on a slow one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from av1rules.base.overlap import Overlap
from av1rules.media.disk import Disk
from av1rules.media.local_disk import LOCAL_DISK

Item = TypeVar("Item")
_Asked = tuple[Item, bytes | None]


def with_target_stats(
    asked: Iterable[_Asked[Item]], disk: Disk = LOCAL_DISK
) -> Iterator[tuple[Item, os.stat_result | None]]:
    """Each item in its order with the stat of its target; None for one without a target, or with
    one that can't be read."""

    def stat_of(target: bytes) -> os.stat_result | None:
        try:
            return disk.stat(target)
        except OSError:
            return None

    with Overlap() as overlap:
        for group, _, stats in overlap.in_order("stat", stat_of, _grouped(asked, overlap)):
            stat = iter(stats)
            for item, target in group:
                yield item, None if target is None else next(stat)


def _grouped(
    asked: Iterable[_Asked[Item]], overlap: Overlap
) -> Iterator[tuple[list[_Asked[Item]], list[bytes]]]:
    rest = iter(asked)
    while group := list(islice(rest, overlap.chunk)):
        yield group, [target for _, target in group if target is not None]
