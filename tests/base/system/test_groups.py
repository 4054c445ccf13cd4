"""A child and its descendants are signalled together, by both ways."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from av1rules.base.system.groups import (
    KILL,
    PAUSE,
    RESUME,
    TERMINATE,
    group_options,
    signal_group,
    signal_tree,
)

PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"])
time.sleep(600)
"""

Signal = Callable[[subprocess.Popen[bytes], int], None]


def by_tree(child: subprocess.Popen[bytes], signum: int) -> None:
    signal_tree(child.pid, signum)


@pytest.fixture
def family() -> Iterator[tuple[subprocess.Popen[bytes], list[psutil.Process]]]:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, **group_options()
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        leader = psutil.Process(child.pid)
        yield child, [leader, *leader.children()]
        signal_group(child, KILL)


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("signal", [signal_group, by_tree])
@pytest.mark.parametrize("end", [TERMINATE, KILL])
def test_all_pause_go_on_and_end(
    family: tuple[subprocess.Popen[bytes], list[psutil.Process]], signal: Signal, end: int
) -> None:
    child, processes = family
    assert len(processes) == 2
    signal(child, PAUSE)
    until(lambda: all(one.status() == psutil.STATUS_STOPPED for one in processes))
    signal(child, RESUME)
    until(lambda: not any(one.status() == psutil.STATUS_STOPPED for one in processes))
    signal(child, PAUSE)
    signal(child, end)  # a paused one ends, too
    until(lambda: all(is_gone(one) for one in processes))
    child.wait(60)
    signal(child, end)  # one that has ended is no error
