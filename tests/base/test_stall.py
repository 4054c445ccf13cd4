from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.base.errors import Av1rulesError, RunInterruptedError
from av1rules.base.hashing import file_digest
from av1rules.base.stall import with_stall_timeout

Sign = Callable[[], None]


def nothing() -> None:
    pass


def test_the_result_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(b"film" * 1000)
    found = with_stall_timeout(
        lambda sign: file_digest(path, check=sign), stall_s=5, check=nothing, doing="reading"
    )
    assert found == file_digest(path)


def test_what_the_work_raises_is_raised(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        with_stall_timeout(
            lambda sign: file_digest(tmp_path / "none", check=sign),
            stall_s=5,
            check=nothing,
            doing="reading",
        )


def test_work_that_gives_signs_may_take_longer_than_the_bound() -> None:
    def slow(sign: Sign) -> str:
        for _ in range(10):
            time.sleep(0.3)
            sign()
        return "done"

    assert with_stall_timeout(slow, stall_s=2.0, check=nothing, doing="reading") == "done"


def test_work_that_stands_still_is_left_behind_and_ends_at_its_next_sign() -> None:
    goes_on, ended = threading.Event(), threading.Event()

    def stuck(sign: Sign) -> None:
        try:
            goes_on.wait(20)
            sign()
            pytest.fail("the work went on")
        finally:
            ended.set()

    with pytest.raises(Av1rulesError, match=r"reading the source made no progress for 0\.50 s"):
        with_stall_timeout(stuck, stall_s=0.5, check=nothing, doing="reading the source")
    goes_on.set()
    assert ended.wait(5)


def test_a_wish_to_stop_does_not_wait_for_the_work() -> None:
    goes_on = threading.Event()

    def stop() -> None:
        raise RunInterruptedError("stop")

    started = time.monotonic()
    with pytest.raises(RunInterruptedError):
        with_stall_timeout(lambda sign: goes_on.wait(20), stall_s=None, check=stop, doing="reading")
    goes_on.set()
    assert time.monotonic() - started < 15
