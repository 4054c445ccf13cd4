"""Programs are started without a shell, bounded, and none outlives its run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from av1rules.base import process
from av1rules.base.errors import RunInterruptedError
from av1rules.base.pipes import LINE_LIMIT
from av1rules.base.process import Children, Completed, Limits, run

PYTHON = [sys.executable, "-ISsc"]


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _wait_for(text_file: Path) -> int:
    for _ in range(500):
        if text_file.exists() and (text := text_file.read_text()):
            return int(text)
        time.sleep(0.01)
    raise AssertionError("the child never started")


def test_output_error_text_and_exit_code_come_back() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    done = run([*PYTHON, code])
    assert (done.stdout, done.stderr, done.returncode) == (b"out\n", ("err",), 3)
    assert not done.ok
    assert done.describe_exit() == "exit code 3"


def test_arguments_reach_the_program_unchanged() -> None:
    odd = ["-x", "a b", "$HOME", "`id`", "é\udcff", "new\nline", ""]
    done = run([*PYTHON, "import sys; print(ascii(sys.argv[1:]))", *odd])
    assert done.stdout.decode().strip() == ascii(odd)


def test_standard_input_is_closed() -> None:
    assert run([*PYTHON, "import sys; print(len(sys.stdin.read()))"]).stdout == b"0\n"


def test_environment_is_added_to_not_replaced() -> None:
    code = "import os; print(os.environ['ADDED'], 'PATH' in os.environ)"
    assert run([*PYTHON, code], env={"ADDED": "yes"}).stdout == b"yes True\n"


def test_missing_program_is_the_systems_own_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run([str(tmp_path / "absent")])


def test_lines_are_handed_on_as_they_come() -> None:
    lines: list[str] = []
    done = run([*PYTHON, "print('a'); print('b')"], on_line=lines.append)
    assert lines == ["a", "b"]
    assert done.stdout == b""


def test_lines_are_whole_however_they_arrive() -> None:
    code = (
        "import sys, time; w = sys.stdout.write\n"
        "for part in ('one', ' line\\n\\ntwo\\r\\nth', 'ree'): "
        "w(part); sys.stdout.flush(); time.sleep(0.05)"
    )
    lines: list[str] = []
    run([*PYTHON, code], on_line=lines.append)
    assert lines == ["one line", "", "two", "three"]


def test_overlong_line_comes_in_pieces() -> None:
    lines: list[str] = []
    run([*PYTHON, "print('x' * 10_000); print('y')"], on_line=lines.append)
    assert "".join(lines) == "x" * 10_000 + "y"
    assert max(map(len, lines)) == LINE_LIMIT


def test_failing_handler_of_error_lines_ends_the_child_and_raises() -> None:
    def fail(line: str) -> None:
        raise KeyError(line)

    code = "import sys, time; sys.stderr.write('a\\n'); sys.stderr.flush(); time.sleep(30)"
    started = time.monotonic()
    with pytest.raises(KeyError):
        run([*PYTHON, code], on_err_line=fail)
    assert time.monotonic() - started < 20


def test_failing_line_handler_ends_the_child_and_raises() -> None:
    def fail(line: str) -> None:
        raise KeyError(line)

    started = time.monotonic()
    with pytest.raises(KeyError):
        run([*PYTHON, "import time; print('a', flush=True); time.sleep(30)"], on_line=fail)
    assert time.monotonic() - started < 20


def test_standard_error_keeps_its_last_lines_and_the_listener_hears_all() -> None:
    heard: list[str] = []
    code = "import sys\nfor i in range(100): print(i, file=sys.stderr)"
    done = run([*PYTHON, code], on_err_line=heard.append)
    assert done.stderr == tuple(str(number) for number in range(60, 100))
    assert heard == [str(number) for number in range(100)]


def test_endless_line_does_not_fill_memory() -> None:
    done = run([*PYTHON, "import sys; sys.stderr.write('x' * 10_000_000)"])
    assert max(len(line) for line in done.stderr) <= LINE_LIMIT


def test_too_much_output_stops_the_program() -> None:
    code = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    done = run([*PYTHON, code], limits=Limits(output_bytes=1_000_000))
    assert done.stopped == "output"
    assert len(done.stdout) <= 1_000_000
    assert done.describe_exit() == "stopped by av1rules (output)"


def test_program_that_runs_too_long_is_stopped() -> None:
    started = time.monotonic()
    done = run([*PYTHON, "import time; time.sleep(30)"], limits=Limits(timeout_s=0.3))
    assert done.stopped == "timeout"
    assert not done.ok
    assert time.monotonic() - started < 20


def test_program_that_goes_quiet_is_stopped() -> None:
    code = "import time; print('alive', flush=True); time.sleep(30)"
    done = run([*PYTHON, code], limits=Limits(stall_s=0.3))
    assert done.stopped == "stall"


def test_program_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GENTLE_STOP_S", 0.3)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(30)"
    done = run([*PYTHON, code], limits=Limits(timeout_s=2.0))
    assert done.returncode == -signal.SIGKILL


def test_the_watch_stops_a_program_with_its_own_word() -> None:
    started = time.monotonic()
    words = iter([None, None, "enough"])
    done = run([*PYTHON, "import time; time.sleep(30)"], watch=lambda: next(words))
    assert done.stopped == "enough"
    assert done.describe_exit() == "stopped by av1rules (enough)"
    assert time.monotonic() - started < 20


def test_what_the_watch_raises_ends_the_program_and_is_raised() -> None:
    def fail() -> str | None:
        raise KeyError("watch")

    started = time.monotonic()
    with pytest.raises(KeyError):
        run([*PYTHON, "import time; time.sleep(30)"], watch=fail)
    assert time.monotonic() - started < 20


def test_the_watch_is_asked_twice_a_second_of_a_silent_program() -> None:
    asked: list[float] = []

    def ask() -> None:
        asked.append(time.monotonic())

    run([*PYTHON, "import time; time.sleep(3)"], watch=ask)
    assert len(asked) >= 3  # six on an idle machine


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_a_stopped_program_ends_gently(tmp_path: Path) -> None:
    """It is woken for SIGTERM, so that it can put its things in order."""
    mark = tmp_path / "ended"
    code = (
        "import os, signal, sys, time\n"
        f"def end(*_): open({str(mark)!r}, 'w').write('7'); sys.exit(7)\n"
        "signal.signal(signal.SIGTERM, end); os.kill(os.getpid(), signal.SIGSTOP); time.sleep(30)"
    )
    started = time.monotonic()
    done = run([*PYTHON, code], limits=Limits(timeout_s=2.0))
    assert (done.returncode, mark.read_text()) == (7, "7")
    assert time.monotonic() - started < 20


def test_a_program_that_the_system_can_not_end_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As one that waits in the kernel for a dead disk: no signal reaches it."""
    mark = tmp_path / "pid"
    monkeypatch.setattr(process, "GENTLE_STOP_S", 0.2)
    monkeypatch.setattr(process, "UNKILLABLE_S", 0.5)
    monkeypatch.setattr(process, "signal_group", lambda child, signum: None)
    code = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(30)"
    children = Children()
    started = time.monotonic()
    done = run([*PYTHON, code], limits=Limits(timeout_s=1.0), children=children)
    pid = _wait_for(mark)
    assert _is_running(pid)
    assert (done.stopped, done.ok) == ("timeout", False)
    assert time.monotonic() - started < 20
    os.kill(pid, signal.SIGKILL)
    for _ in range(300):  # it is reaped in the background
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.01)
    assert not _is_running(pid)


def test_a_pause_of_our_own_is_not_held_against_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "_UNWATCHED_S", 1.0)
    code = "import time\nfor i in range(24): print(i, flush=True); time.sleep(0.1)"

    def sleep_once(line: str) -> None:
        if line == "1":
            time.sleep(4)

    done = run([*PYTHON, code], limits=Limits(timeout_s=3.0), on_line=sleep_once)
    assert done.ok, done.describe_exit()


@pytest.mark.skipif(sys.platform != "linux", reason="memory limits need Linux")
def test_memory_limit_holds() -> None:
    code = (
        "import resource, time\n"
        "while resource.getrlimit(resource.RLIMIT_AS)[0] < 0: time.sleep(0.01)\n"
        "x = bytearray(600_000_000); print('got it')"
    )
    done = run([*PYTHON, code], limits=Limits(memory_bytes=400_000_000))
    assert not done.ok
    assert b"got it" not in done.stdout


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd")
def test_quick_program_is_noticed_at_once() -> None:
    """Polling would cost up to 50 ms a program, more than a whole probe."""
    code = "import time; time.sleep(0.2); print(time.monotonic())"
    ends = [time.monotonic() - float(run([*PYTHON, code]).stdout) for _ in range(5)]
    assert min(ends) < 0.04


def test_grandchild_does_not_outlive_the_child(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    inner = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(30)"
    code = (
        "import subprocess, sys, time, os\n"
        f"subprocess.Popen([sys.executable, '-ISsc', {inner!r}])\n"
        f"mark = {str(mark)!r}\n"
        "while not os.path.exists(mark) or not open(mark).read(): time.sleep(0.01)"
    )
    started = time.monotonic()
    assert run([*PYTHON, code]).ok
    assert time.monotonic() - started < 20
    time.sleep(0.1)
    assert not _is_running(_wait_for(mark))


def test_pipe_held_by_a_runaway_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "GENTLE_STOP_S", 0.3)
    mark = tmp_path / "pid"
    code = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-ISsc', 'import time; time.sleep(20)'],"
        " start_new_session=True)\n"
        f"open({str(mark)!r}, 'w').write(str(child.pid)); print('done')"
    )
    started = time.monotonic()
    done = run([*PYTHON, code])
    assert time.monotonic() - started < 15
    assert done.stdout == b"done\n"
    os.kill(_wait_for(mark), signal.SIGKILL)


def test_child_that_closes_its_pipes_is_waited_for() -> None:
    code = "import os, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(7)"
    assert run([*PYTHON, code]).returncode == 7


def test_waiting_costs_no_processor_time() -> None:
    before = time.thread_time()
    run([*PYTHON, "import os, time; os.close(2); time.sleep(1)"])
    assert time.thread_time() - before < 0.1


@pytest.mark.parametrize("code", ["print('x' * 100_000)", "import os; os.close(1); os.close(2)"])
def test_systems_without_pidfd_notice_the_end_too(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    started = time.monotonic()
    done = run([*PYTHON, code], limits=Limits(timeout_s=20))
    assert (done.ok, len(done.stdout)) == (True, 100_001 if "print" in code else 0)
    assert time.monotonic() - started < 20


def test_stop_ends_running_children_and_refuses_new_ones(tmp_path: Path) -> None:
    children, mark = Children(), tmp_path / "pid"
    code = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(30)"
    results: list[Completed] = []
    thread = threading.Thread(
        target=lambda: results.append(run([*PYTHON, code], children=children))
    )
    thread.start()
    pid = _wait_for(mark)
    children.stop()
    thread.join(10)
    assert results[0].returncode == -signal.SIGTERM
    assert results[0].describe_exit() == "killed by SIGTERM"
    assert not _is_running(pid)
    with pytest.raises(RunInterruptedError):
        run([*PYTHON, "print()"], children=children)


def test_stop_with_kill_ends_at_once_what_ignores_sigterm(tmp_path: Path) -> None:
    children, mark = Children(), tmp_path / "pid"
    code = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(30)"
    )
    thread = threading.Thread(target=lambda: run([*PYTHON, code], children=children))
    thread.start()
    _wait_for(mark)
    children.stop()
    children.stop(kill=True)
    thread.join(3)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("returncode", "words"),
    [
        (0, "exit code 0"),
        (183, "exit code 183"),
        (-11, "killed by SIGSEGV"),
        (139, "killed by SIGSEGV"),
        (137, "killed by SIGKILL"),
    ],
)
def test_exits_in_words(returncode: int, words: str) -> None:
    assert Completed(argv=("x",), returncode=returncode).describe_exit() == words


def test_a_child_that_starts_while_the_run_stops_is_ended(tmp_path: Path) -> None:
    """Started before the stop, noted after it: nobody else would end it."""
    children = Children()
    child = subprocess.Popen([*PYTHON, "import time; time.sleep(30)"], start_new_session=True)
    try:
        children.stop()
        children.add(child)
        assert child.wait(10) == -signal.SIGTERM
    finally:
        child.kill()
