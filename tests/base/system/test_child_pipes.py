"""Both ways to read a child's pipes, with real children: that of Windows works here, too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from av1rules.base import process
from av1rules.base.process import Limits, run
from av1rules.base.system import child_pipes
from av1rules.base.system.child_pipes import threaded_pipes

BIG = 3_000_000

TALKS = f"""
import sys
sys.stdout.write("o" * {BIG}); sys.stdout.flush()
sys.stderr.write("e\\n" * 1000); sys.stderr.flush()
sys.stdout.write("end")
sys.exit(3)
"""

GRANDCHILD = """
import subprocess, sys
code = "import time; time.sleep(600)"
left = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
print(f"{left.pid}.", flush=True)
"""


@pytest.fixture(params=["usual", "threads"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "threads":
        monkeypatch.setattr(process, "child_pipes", threaded_pipes)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.usefixtures("_way")
class TestBothWays:
    def test_all_output_and_the_exit_code_come(self) -> None:
        ended = run(python(TALKS))
        assert (len(ended.stdout), ended.stdout[-3:], ended.returncode) == (BIG + 3, b"end", 3)
        assert ended.stderr[-1] == "e"

    def test_a_child_that_says_nothing_is_stopped_in_time(self) -> None:
        ended = run(python("import time; time.sleep(600)"), limits=Limits(timeout_s=0.5))
        assert ended.stopped == "timeout"

    def test_too_much_output_ends_the_child(self) -> None:
        ended = run(python("while True: print('x' * 60000)"), limits=Limits(output_bytes=1 << 20))
        assert ended.stopped == "output"

    def test_lines_come_while_the_child_runs(self) -> None:
        lines: list[str] = []
        code = "import time; print('first', flush=True); time.sleep(600)"
        ended = run(python(code), on_line=lines.append, watch=lambda: "seen" if lines else None)
        assert (ended.stopped, lines) == ("seen", ["first"])

    def test_an_error_of_the_reader_is_raised_once_the_child_is_gone(self) -> None:
        def fails(line: str) -> None:
            raise ValueError(line)

        with pytest.raises(ValueError, match="first"):
            run(python("import time; print('first', flush=True); time.sleep(600)"), on_line=fails)


def test_a_reader_that_still_waits_keeps_its_pipe() -> None:
    """The grandchild keeps both open: they must not be closed under a read."""
    said, end = b"", time.monotonic() + 60
    with subprocess.Popen(
        python(GRANDCHILD), stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as child:
        pipe = child.stderr
        with threaded_pipes(child) as pipes:
            while b"." not in said and time.monotonic() < end:
                said += b"".join(chunk for _, chunk in pipes.wait(0.1))
    assert child.stderr is None
    assert pipe is not None
    assert not pipe.closed
    os.kill(int(said.partition(b".")[0]), signal.SIGKILL)
    while not pipe.closed:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_systems_without_poll_take_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with (
        subprocess.Popen(
            python("print('x')"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as started,
        child_pipes.child_pipes(started) as pipes,
    ):
        assert pipes.sees_end is False
        assert next(pipes.wait(60))[1][:1] in (b"x", b"")
