"""Reads at a place, by both ways."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from av1rules.base.system.opening import CLOEXEC, pread, seek_and_read


def test_both_ways_read_the_same_and_leave_the_position(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(bytes(range(200)))
    descriptor = os.open(path, os.O_RDONLY | CLOEXEC)
    try:
        os.lseek(descriptor, 7, os.SEEK_SET)
        for length, place in ((4, 0), (50, 180), (3, 500), (0, 1)):
            assert seek_and_read(descriptor, length, place) == pread(descriptor, length, place)
        assert os.lseek(descriptor, 0, os.SEEK_CUR) == 7
        assert os.get_inheritable(descriptor) is False
    finally:
        os.close(descriptor)


def test_threads_do_not_move_each_other(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(bytes(range(250)) * 40)
    done: list[int] = []
    descriptor = os.open(path, os.O_RDONLY)

    def reads(first: int) -> None:
        for place in range(first, 9000, 7):
            byte = seek_and_read(descriptor, 1, place)
            assert byte == bytes([place % 250])
        done.append(first)

    threads = [threading.Thread(target=reads, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.close(descriptor)
    assert sorted(done) == [0, 1, 2, 3]
