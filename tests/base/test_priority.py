"""Niceness, I/O class and cores reach every thread of a program."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from av1rules.base.priority import Priority, apply
from av1rules.base.process import run
from av1rules.ffmpeg.tools import Tools

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

PYTHON = [sys.executable, "-ISsc"]
LOW = Priority(nice=11, io_class="idle", cpus=(0,))

OWN_NICE = os.nice(0)
"""Of these tests, which may run at a low priority themselves: nobody gets a better one."""

LOW_NICE = max(11, OWN_NICE)

Seen = tuple[int, str, int]  # niceness, cores, I/O class


def seen_of(pid: int) -> dict[int, Seen]:
    """What each thread has."""
    found = {}
    for thread in map(int, os.listdir(f"/proc/{pid}/task")):
        try:
            folder = Path(f"/proc/{pid}/task/{thread}")
            nice = int((folder / "stat").read_text().rpartition(")")[2].split()[16])
            status = (folder / "status").read_text()
            cores = status.partition("Cpus_allowed_list:\t")[2].partition("\n")[0]
            found[thread] = (nice, cores, int(psutil.Process(thread).ionice().ioclass))
        except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def watched(argv: list[str], priority: Priority, *, least_threads: int) -> dict[int, Seen]:
    """Run it and take the first look at which it has so many threads."""
    looks: list[dict[int, Seen]] = []

    def watch() -> str | None:
        for pid in psutil.Process().children():
            seen = seen_of(pid.pid)
            if len(seen) >= least_threads:
                looks.append(seen)
                return "seen"
        return None

    run(argv, priority=priority, watch=watch, tether=True)
    assert looks, "it never had so many threads"
    return looks[-1]


def test_threads_started_before_and_after_have_it() -> None:
    code = (
        "import threading, time\n"
        "for _ in range(20): threading.Thread(target=time.sleep, args=(20,)).start()\n"
        "time.sleep(1)\n"
        "for _ in range(20): threading.Thread(target=time.sleep, args=(20,)).start()"
    )
    seen = watched([*PYTHON, code], LOW, least_threads=41)
    assert set(seen.values()) == {(LOW_NICE, "0", int(psutil.IOPRIO_CLASS_IDLE))}


@pytest.mark.real
def test_every_thread_of_a_real_encode_has_it(tools: Tools) -> None:
    argv = [
        tools.ffmpeg, "-v", "error", "-nostdin", "-f", "lavfi", "-i",
        "testsrc2=s=640x360:r=24", "-t", "120", "-c:v", "libsvtav1", "-preset", "10",
        "-f", "null", "-",
    ]  # fmt: skip
    seen = watched(argv, LOW, least_threads=10)
    assert set(seen.values()) == {(LOW_NICE, "0", int(psutil.IOPRIO_CLASS_IDLE))}


@pytest.mark.skipif(
    not Path("/proc/self/autogroup").exists(), reason="a kernel that groups by session only"
)
def test_niceness_counts_against_other_sessions_too() -> None:
    """Else a desktop kernel would give the child as much as everything else together."""
    seen: list[str] = []

    def watch() -> str | None:
        groups = (Path(f"/proc/{child.pid}/autogroup") for child in psutil.Process().children())
        seen.extend(group.read_text() for group in groups)
        return "seen" if seen and "nice 11" in seen[-1] else None

    done = run([*PYTHON, "import time; time.sleep(3)"], priority=LOW, watch=watch)
    assert done.stopped == "seen", seen


def test_a_child_is_never_favoured_above_its_run() -> None:
    code = "import os, time; time.sleep(0.5); print(os.getpriority(os.PRIO_PROCESS, 0))"
    inner = (
        "import os, sys; os.nice(7)\n"
        "from av1rules.base.priority import Priority\n"
        "from av1rules.base.process import run\n"
        f"done = run([sys.executable, '-ISsc', {code!r}], priority=Priority(nice=3))\n"
        "print(done.stdout.decode())"
    )
    done = run([sys.executable, "-c", inner])
    assert done.stdout.split() == [b"%d" % min(19, OWN_NICE + 7)], done.stderr


def test_what_can_not_be_had_is_no_error() -> None:
    odd = Priority(nice=5, io_class="best-effort", cpus=(4000,))
    code = "import os, time; time.sleep(0.5); print(os.getpriority(os.PRIO_PROCESS, 0))"
    assert run([*PYTHON, code], priority=odd).stdout == b"%d\n" % max(5, OWN_NICE)
    apply(odd, 2**22 - 1)  # nobody


def test_usual_priority_costs_nothing() -> None:
    code = (
        "import sys; from av1rules.base.process import run;"
        "run([sys.executable, '-c', '']); print('psutil' in sys.modules)"
    )
    assert run([sys.executable, "-c", code]).stdout == b"False\n"
