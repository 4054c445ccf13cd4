"""Calls overlap only on a slow disk, keep their order and their limits, and end their threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from av1rules.base.overlap import (
    CALLS_A_JOB,
    CALLS_A_LOOK,
    CALLS_AHEAD,
    SLOW_LOOKS,
    SLOW_S,
    Overlap,
)


def _threads() -> int:
    return sum(thread.name == "overlap" for thread in threading.enumerate())


def _groups(count: int, size: int = CALLS_A_JOB) -> Iterator[tuple[int, list[int]]]:
    for number in range(count):
        yield number, list(range(number * size, (number + 1) * size))


def _turn_on(overlap: Overlap) -> None:
    for _ in range(SLOW_LOOKS):
        overlap.note("stat", 1, SLOW_S)


def test_fast_calls_start_no_thread() -> None:
    with Overlap() as overlap:
        found = list(overlap.in_order("stat", str, _groups(100)))
        assert not overlap.is_on
        assert _threads() == 0
    assert [item for _, _, results in found for item in results] == [
        str(number) for number in range(100 * CALLS_A_JOB)
    ]


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([("stat", 1, SLOW_S)] * SLOW_LOOKS, True),
        ([("stat", 1, SLOW_S)] * (SLOW_LOOKS - 1), False),
        ([("stat", 32, 31 * SLOW_S)] * 100, False),
        ([("stat", 1, SLOW_S), ("stat", 1, 0.0)] * 100, False),  # a busy machine
        ([("stat", 1, 0.0), ("folder", 1, SLOW_S)] * SLOW_LOOKS, True),  # NFS reads stats along
    ],
)
def test_the_disk_is_slow_once_looks_in_succession_were(
    looks: list[tuple[str, int, float]], expected: bool
) -> None:
    with Overlap() as overlap:
        for look in looks:
            overlap.note(*look)
        assert overlap.is_on is expected


def test_looks_become_short_as_soon_as_one_was_slow() -> None:
    with Overlap() as overlap:
        assert overlap.chunk == CALLS_A_LOOK
        overlap.note("stat", 1, SLOW_S)
        assert overlap.chunk == CALLS_A_JOB
        overlap.note("stat", 1, 0.0)
        assert overlap.chunk == CALLS_A_LOOK


def test_slow_calls_overlap_in_order() -> None:
    most, now = 0, 0
    lock = threading.Lock()

    def work(item: int) -> int:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.001 * (item % 3 + 1))
        with lock:
            now -= 1
        return -item

    with Overlap() as overlap:
        found = list(overlap.in_order("stat", work, _groups(60)))
        assert overlap.is_on
    assert [(group, items, results) for group, items, results in found] == [
        (group, items, [-item for item in items]) for group, items in _groups(60)
    ]
    assert most > 4
    assert _threads() == 0


def test_no_more_is_asked_ahead_than_the_limit() -> None:
    asked = 0

    def groups() -> Iterator[tuple[int, list[int]]]:
        nonlocal asked
        for group in _groups(1000):
            asked += CALLS_A_JOB
            yield group

    with Overlap() as overlap:
        _turn_on(overlap)
        taken = 0
        for _, items, _ in overlap.in_order("stat", str, groups()):
            taken += len(items)
            assert asked - taken <= CALLS_AHEAD + CALLS_A_JOB


def test_what_a_call_raises_is_raised_in_its_turn() -> None:
    def work(item: int) -> int:
        if item == 3 * CALLS_A_JOB:
            raise ZeroDivisionError
        return item

    with Overlap() as overlap:
        _turn_on(overlap)
        results = overlap.in_order("stat", work, _groups(10))
        assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ZeroDivisionError):
            next(results)
    assert _threads() == 0


def test_calls_that_hang_hold_up_nobody_who_leaves() -> None:
    hang = threading.Event()
    try:
        with Overlap() as overlap:
            _turn_on(overlap)
            futures = [overlap.submit(hang.wait) for _ in range(200)]
            started = time.monotonic()
        assert time.monotonic() - started < 10
        assert all(thread.daemon for thread in threading.enumerate() if thread.name == "overlap")
        assert not any(future.done() for future in futures)
    finally:
        hang.set()
    end = time.monotonic() + 10
    while _threads() and time.monotonic() < end:
        time.sleep(0.01)
    assert _threads() == 0
