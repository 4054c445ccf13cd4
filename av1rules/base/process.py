"""The only module that starts programs.

Every child gets an argument list (no shell), no terminal, its own process group and limits.
A `Children` registry stops all children by SIGTERM, then by SIGKILL, or pauses those of a job. A
child outlives this process only if this process is itself killed by SIGKILL on a system without
util-linux (`run(tether=True)`).
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from av1rules.base.children import Children
from av1rules.base.pipes import ErrorLines, Lines, Output
from av1rules.base.priority import USUAL, Priority, apply
from av1rules.base.system.child_pipes import ENDED, ChildPipes, child_pipes
from av1rules.base.system.groups import KILL, TERMINATE, group_options, signal_group

if sys.platform == "linux":
    import resource

__all__ = ["GENTLE_STOP_S", "STOP_S", "Children", "Completed", "Limits", "run"]

_log = logging.getLogger(__name__)

_LONG_S = 1.0
"""A program that took longer is logged with its time."""

GENTLE_STOP_S = 5.0
"""How long a child may take to end after SIGTERM; ffmpeg needs 0.4-0.9 s to finalise a file."""

STOP_S = 2 * GENTLE_STOP_S
"""What users are told a stop takes at most: a child that is killed after its time, on a busy
machine too."""

UNKILLABLE_S = 10.0
"""How long the system may take to end a child after SIGKILL. A child that waits in the kernel for a
dead disk ends when the disk answers: it is abandoned, so that the run can continue."""

_UNWATCHED_S = 5.0
"""A longer pause between two checks (this process was stopped, the machine slept or was overloaded)
does not count against the child."""

_POLL_S = 0.5
_POLL_WITHOUT_PIDFD_S = 0.05
"""Longest wait before the limits and a stop request, and without pidfd the child too, are checked
again."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on one child: wall and quiet time in seconds, address space and output in bytes."""

    timeout_s: float | None = None
    stall_s: float | None = None
    memory_bytes: int | None = None
    output_bytes: int = 64 * 1024 * 1024


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """How a program ended. `stopped` says why this program stopped it: "timeout", "stall",
    "output", the reason that `watch` returned, or None."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes = b""
    stderr: tuple[str, ...] = ()
    stopped: str | None = None

    @property
    def ok(self) -> bool:
        return self.returncode == 0 and self.stopped is None

    def describe_exit(self) -> str:
        """The exit as text: "exit code 183", "killed by SIGSEGV", "stopped by av1rules
        (timeout)"."""
        if self.stopped is not None:
            return f"stopped by av1rules ({self.stopped})"
        code = -self.returncode if self.returncode < 0 else None
        if code is None and self.returncode in (137, 139):
            code = self.returncode - 128
        if code is not None:
            with contextlib.suppress(ValueError):
                return f"killed by {signal.Signals(code).name}"
        return f"exit code {self.returncode}"


def run(
    argv: Sequence[str],
    *,
    children: Children | None = None,
    limits: Limits = Limits(),
    env: Mapping[str, str | None] | None = None,
    on_line: Callable[[str], None] | None = None,
    on_err_line: Callable[[str], None] | None = None,
    watch: Callable[[], str | None] | None = None,
    priority: Priority = USUAL,
    tether: bool = False,
    given: bytes = b"",
) -> Completed:
    """Run a program to its end and return how it ended; a non-zero exit is not an exception.

    Standard output is collected, or passed line by line to `on_line`. The last lines of standard
    error are kept, and each line goes to `on_err_line`. `watch` is called at least twice a second;
    a reason that it returns stops the child and becomes `Completed.stopped`. An exception from any
    of the three ends the child and is raised here. `env` is added to the environment, None takes a
    variable out. `tether`: the system ends the child if SIGKILL ends this process (only on Linux);
    so it is for one that may be paused, and could not end by itself. It reads `given` from its
    standard input.
    Raises FileNotFoundError or PermissionError if the program can't be started, and
    `RunInterruptedError` if the run is being stopped.
    """
    if children is not None:
        children.check()
        tether = tether or children.is_one_job
    started = time.monotonic()
    if _log.isEnabledFor(logging.INFO):
        _log.info("$ %s", shlex.join(argv))
    with contextlib.ExitStack() as stack:
        child = stack.enter_context(
            _started(_tethered(argv) if tether else argv, env, children, given)
        )
        apply(priority, child.pid)
        out = Output(limits.output_bytes) if on_line is None else Lines(on_line)
        err = ErrorLines(on_err_line)
        monitor = _ChildMonitor(
            child=child, limits=limits, children=children, out=out, err=err, watch=watch
        )
        monitor.limit_memory()
        monitor.run_to_end()
    if monitor.failure is not None:
        raise monitor.failure
    ended = Completed(
        argv=tuple(argv),
        returncode=-KILL if child.returncode is None else child.returncode,
        stdout=out.data,
        stderr=tuple(err.tail),
        stopped=monitor.stopped,
    )
    elapsed_s = time.monotonic() - started
    level = logging.INFO if elapsed_s >= _LONG_S or not ended.ok else logging.DEBUG
    _log.log(level, "%s: %s after %.2f s", argv[0], ended.describe_exit(), elapsed_s)
    return ended


@contextlib.contextmanager
def _started(
    argv: Sequence[str],
    env: Mapping[str, str | None] | None,
    children: Children | None,
    given: bytes,
) -> Iterator[subprocess.Popen[bytes]]:
    """The running child; on every way out, it and its group are ended."""
    variables: dict[str, str | None] = {**os.environ, **(env or {})}
    environment = {name: value for name, value in variables.items() if value is not None}
    with _input(given) as stdin:
        child = subprocess.Popen(
            list(argv),
            bufsize=0,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            **group_options(),
        )
    try:
        if children is not None:
            children.add(child)
        yield child
    finally:
        if child.returncode is None:
            signal_group(child, KILL)
            _reap_killed(child)
        if children is not None:
            children.remove(child)
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()


@contextlib.contextmanager
def _input(given: bytes) -> Iterator[int]:
    """Standard input with these bytes: a file, since a pipe would wait for a child that reads
    nothing."""
    if not given:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(given)
        file.seek(0)
        yield file.fileno()


def _reap_killed(child: subprocess.Popen[bytes]) -> None:
    """Wait for a killed child, in the background if the system can't end it at once."""
    try:
        child.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        threading.Thread(target=child.wait, daemon=True, name="reaper").start()


@functools.cache
def _setpriv() -> str | None:
    return shutil.which("setpriv") if sys.platform == "linux" else None


def _tethered(argv: Sequence[str]) -> list[str]:
    setpriv = _setpriv()
    return [setpriv, "--pdeathsig", "SIGKILL", *argv] if setpriv else list(argv)


@dataclass(slots=True)
class _ChildMonitor:
    """Reads one child's pipes and checks its limits and stop requests, in one loop.

    One wait covers both pipes and the end of the child: reader threads would cost more than a whole
    ffprobe call, and `Popen.wait` with a timeout polls only every 50 ms.
    """

    child: subprocess.Popen[bytes]
    limits: Limits
    children: Children | None
    out: Output | Lines
    err: ErrorLines
    watch: Callable[[], str | None] | None = None
    stopped: str | None = None
    failure: Exception | None = None
    _open: dict[int, Output | Lines] = field(default_factory=dict)
    _started: float = field(init=False)
    _last_output: float = field(init=False)
    _last_check: float = field(init=False)
    _kill_at: float | None = None
    _is_abandoned: bool = False

    def __post_init__(self) -> None:
        self._started = self._last_output = self._last_check = self._clock()

    def _clock(self) -> float:
        """Seconds by a clock that stands still while the child is paused."""
        return time.monotonic() if self.children is None else self.children.clock()

    def limit_memory(self) -> None:
        """Only Linux can bound another process."""
        if sys.platform == "linux" and self.limits.memory_bytes is not None:
            bound = (self.limits.memory_bytes, self.limits.memory_bytes)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                resource.prlimit(self.child.pid, resource.RLIMIT_AS, bound)

    def run_to_end(self) -> None:
        """Return once the child has ended and its pipes are empty, or it can't be killed."""
        for pipe, sink in ((self.child.stdout, self.out), (self.child.stderr, self.err)):
            assert pipe is not None
            self._open[pipe.fileno()] = sink
        with child_pipes(self.child) as pipes:
            longest_s = _POLL_S if pipes.sees_end else _POLL_WITHOUT_PIDFD_S
            while not (self._has_ended(polls=not pipes.sees_end) or self._is_abandoned):
                self._read(pipes, self._next_check_s(longest_s))
                self._apply_limits()
            pipes.forget_end()
            # A grandchild outside the group may keep a pipe open: don't wait long for it.
            deadline = time.monotonic() + (0 if self._is_abandoned else GENTLE_STOP_S)
            while self._open and (left_s := deadline - time.monotonic()) > 0:
                self._read(pipes, left_s)

    def _read(self, pipes: ChildPipes, longest_s: float) -> None:
        for descriptor, chunk in pipes.wait(longest_s):
            if descriptor == ENDED:
                self._reap()
            else:
                self._take(descriptor, chunk)

    def _has_ended(self, *, polls: bool) -> bool:
        if polls and self.child.returncode is None and self.child.poll() is not None:
            signal_group(self.child, KILL)
        return self.child.returncode is not None

    def _reap(self) -> None:
        """Kill the rest of the group first: its id is the child's own only until the reaping."""
        signal_group(self.child, KILL)
        self.child.wait()

    def _take(self, descriptor: int, chunk: bytes) -> None:
        sink = self._open[descriptor]
        if not chunk:
            del self._open[descriptor]
        if sink is self.out:
            self._last_output = self._clock()
        if self.failure is not None:
            return  # the pipe is only drained, so that the child can end
        try:
            if not chunk:
                sink.end()
            elif not sink.feed(chunk):
                self._stop("output")
        except Exception as problem:  # noqa: BLE001 - raised by run() once the child is gone
            self.failure = problem
            self._stop("output")

    def _stop(self, reason: str) -> None:
        if self.stopped is None:
            self.stopped = reason
            if self.child.returncode is None:
                signal_group(self.child, TERMINATE)

    def _apply_limits(self) -> None:
        if self.child.returncode is not None:
            return
        now = self._clock()
        self._exclude_pause(now)
        if self.stopped is None and (reason := self._reason_to_stop(now)) is not None:
            self._stop(reason)
        if self.stopped is None and not (self.children is not None and self.children.is_stopping):
            return
        now = time.monotonic()  # a paused child has to end all the same
        if self._kill_at is None:
            self._kill_at = now + GENTLE_STOP_S
        elif now > self._kill_at:
            signal_group(self.child, KILL)
            self._is_abandoned = now > self._kill_at + UNKILLABLE_S

    def _exclude_pause(self, now: float) -> None:
        pause, self._last_check = now - self._last_check, now
        if pause > _UNWATCHED_S:
            self._started += pause
            self._last_output += pause

    def _reason_to_stop(self, now: float) -> str | None:
        limits = self.limits
        if limits.timeout_s is not None and now - self._started > limits.timeout_s:
            return "timeout"
        if limits.stall_s is not None and now - self._last_output > limits.stall_s:
            return "stall"
        try:
            return None if self.watch is None else self.watch()
        except Exception as problem:  # noqa: BLE001 - raised by run() once the child is gone
            self.failure = self.failure or problem
            return "output"

    def _next_check_s(self, left: float) -> float:
        """Seconds until the next check is due, at most `left`."""
        if self.limits.timeout_s is not None:
            left = min(left, self.limits.timeout_s - (self._clock() - self._started) + 0.01)
        return max(left, 0.02)
