"""Each item comes in its order with the stat of its own target, overlapped or not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from av1rules.base.overlap import Overlap
from av1rules.plan import target_stats
from av1rules.plan.target_stats import with_target_stats

FILMS = 300


class _SlowOverlap(Overlap):
    def __init__(self) -> None:
        super().__init__()
        self.is_on = True


@pytest.mark.parametrize("is_slow", [False, True])
def test_stats_belong_to_their_items(
    tmp_path: Path, is_slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third target is there, gone, or not asked for."""
    if is_slow:
        monkeypatch.setattr(target_stats, "Overlap", _SlowOverlap)
    asked: list[tuple[int, bytes | None]] = []
    sizes: list[int | None] = []
    for number in range(FILMS):
        target = tmp_path / f"{number:03}.target"
        if number % 3 == 0:
            target.write_bytes(b"x" * number)
        asked.append((number, None if number % 3 == 2 else os.fsencode(target)))
        sizes.append(number if number % 3 == 0 else None)
    rows = list(with_target_stats(asked))
    assert [number for number, _ in rows] == list(range(FILMS))
    assert [stat and stat.st_size for _, stat in rows] == sizes
