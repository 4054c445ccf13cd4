"""The only module that starts programs.

Every child gets an argument list (no shell), no standard input, a process group of its own and
limits; none outlives the run: a `Children` registry stops them gently, then for good.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from av1rules.base.errors import RunInterruptedError

GENTLE_STOP_S = 5.0
"""How long a child may take to end after SIGTERM; ffmpeg needs 0.4-0.9 s to finalise a file."""

STDERR_TAIL_LINES = 40
"""Lines of standard error kept for messages: enough to hold FFmpeg's last words."""

LINE_LIMIT = 4096
"""Longest line kept, in characters: tags of hostile files may be megabytes long."""

_ON_LINUX = sys.platform == "linux"
if _ON_LINUX:
    import resource  # absent on Windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one child: wall and quiet time in seconds, address space and output in bytes."""

    timeout_s: float | None = None
    stall_s: float | None = None
    memory_bytes: int | None = None
    output_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a program ended. `stopped` says why we ended it: "timeout", "stall", "output" or None."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes = b""
    stderr: tuple[str, ...] = ()
    stopped: str | None = None

    @property
    def ok(self) -> bool:
        return self.returncode == 0 and self.stopped is None

    def describe_exit(self) -> str:
        """The exit in words: "exit code 183", "killed by SIGSEGV", "stopped after timeout"."""
        if self.stopped is not None:
            return f"stopped by av1rules ({self.stopped})"
        code = -self.returncode if self.returncode < 0 else None
        if code is None and self.returncode in (137, 139):
            code = self.returncode - 128
        if code is not None:
            with contextlib.suppress(ValueError):
                return f"killed by {signal.Signals(code).name}"
        return f"exit code {self.returncode}"


@dataclass(slots=True)
class Children:
    """The running children of one run; `stop` ends them all and refuses new ones."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def check(self) -> None:
        """Raise `RunInterruptedError` once the run has been asked to stop."""
        if self._stopping.is_set():
            raise RunInterruptedError("the run was interrupted")

    def add(self, child: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.add(child)
            stopping = self._stopping.is_set()
        if stopping:
            signal_group(child, signal.SIGTERM)

    def remove(self, child: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.discard(child)

    def stop(self, *, kill: bool = False) -> None:
        """Ask every child to end (SIGTERM), or end it at once (`kill`). Safe in a signal handler:
        takes no lock, since the interrupted main thread may hold it."""
        self._stopping.set()
        for child in tuple(self._running):
            signal_group(child, signal.SIGKILL if kill else signal.SIGTERM)


def signal_group(child: subprocess.Popen[bytes], signum: int) -> None:
    """Signal a child's whole process group; a child that is already gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError, OSError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signum)
        elif signum == signal.SIGTERM:
            child.terminate()
        else:
            child.kill()


def run(
    argv: Sequence[str],
    *,
    children: Children | None = None,
    limits: Limits = Limits(),
    env: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
    on_err_line: Callable[[str], None] | None = None,
    log: Path | None = None,
    tether: bool = False,
) -> Completed:
    """Run a program to its end and return how it ended; a non-zero exit is not an exception.

    Standard output is collected, or handed line by line to `on_line`. Standard error keeps its last
    lines, and goes whole to `log` if given, and line by line to `on_err_line`, which must not
    raise. `tether` asks the system to end the child when this process dies by SIGKILL (Linux with
    util-linux; elsewhere without effect).
    Raises FileNotFoundError or PermissionError if the program can't be started, and
    `RunInterruptedError` if the run is being stopped.
    """
    if children is not None:
        children.check()
    child = _start(_tethered(argv) if tether else list(argv), env)
    if children is not None:
        children.add(child)
    watch = _Watch(child=child, limits=limits)
    try:
        watch.limit_memory()
        out = _Reader(watch.stdout, watch, on_line)
        err = _ErrReader(watch.stderr, log, on_err_line)
        watch.wait(children)
        # A grandchild may keep a pipe open after the child is gone: end its group, then read on.
        signal_group(child, signal.SIGKILL)
        out.join(GENTLE_STOP_S)
        err.join(GENTLE_STOP_S)
    except BaseException:
        signal_group(child, signal.SIGKILL)
        child.wait()
        raise
    finally:
        if children is not None:
            children.remove(child)
    if out.failure is not None:
        raise out.failure
    return Completed(
        argv=tuple(argv),
        returncode=child.returncode,
        stdout=out.data,
        stderr=tuple(err.tail),
        stopped=watch.stopped,
    )


def _start(argv: list[str], env: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=None if env is None else {**os.environ, **env},
        start_new_session=True,
    )


@functools.cache
def _setpriv() -> str | None:
    return shutil.which("setpriv") if _ON_LINUX else None


def _tethered(argv: Sequence[str]) -> list[str]:
    setpriv = _setpriv()
    return [setpriv, "--pdeathsig", "SIGKILL", *argv] if setpriv else list(argv)


@dataclass(slots=True)
class _Watch:
    """Watches one child against its limits and the run's wish to stop."""

    child: subprocess.Popen[bytes]
    limits: Limits
    stopped: str | None = None
    last_sign: float = field(default_factory=time.monotonic)

    @property
    def stdout(self) -> IO[bytes]:
        assert self.child.stdout is not None
        return self.child.stdout

    @property
    def stderr(self) -> IO[bytes]:
        assert self.child.stderr is not None
        return self.child.stderr

    def limit_memory(self) -> None:
        if self.limits.memory_bytes is None or not _ON_LINUX:
            return
        bound = (self.limits.memory_bytes, self.limits.memory_bytes)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            resource.prlimit(self.child.pid, resource.RLIMIT_AS, bound)

    def stop(self, reason: str) -> None:
        if self.stopped is None:
            self.stopped = reason
            signal_group(self.child, signal.SIGTERM)

    def wait(self, children: Children | None) -> None:
        started = time.monotonic()
        patience: float | None = None
        while True:
            if self._has_ended(self._next_look(started)):
                return
            now = time.monotonic()
            limits = self.limits
            if limits.timeout_s is not None and now - started > limits.timeout_s:
                self.stop("timeout")
            elif limits.stall_s is not None and now - self.last_sign > limits.stall_s:
                self.stop("stall")
            if self.stopped is not None or (children is not None and children.is_stopping):
                patience = patience or now + GENTLE_STOP_S
                if now > patience:
                    signal_group(self.child, signal.SIGKILL)

    def _has_ended(self, timeout_s: float) -> bool:
        """Wait for the end without polling where the system can: `Popen.wait` with a timeout looks
        only every 50 ms, longer than a whole probe takes."""
        if self.child.returncode is None and hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                descriptor = os.pidfd_open(self.child.pid)
                try:
                    end = select.poll()
                    end.register(descriptor, select.POLLIN)
                    end.poll(timeout_s * 1000)
                finally:
                    os.close(descriptor)
                timeout_s = 0
        try:
            self.child.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _next_look(self, started: float) -> float:
        """Seconds until something may have to be done; short ones so that a stop is noticed."""
        left = 0.5
        if self.limits.timeout_s is not None:
            left = min(left, self.limits.timeout_s - (time.monotonic() - started) + 0.01)
        return max(left, 0.02)


class _Reader(threading.Thread):
    """Drains standard output into memory (bounded) or into a line callback."""

    def __init__(
        self, pipe: IO[bytes], watch: _Watch, on_line: Callable[[str], None] | None
    ) -> None:
        super().__init__(daemon=True)
        self._pipe, self._watch, self._on_line = pipe, watch, on_line
        self._parts: list[bytes] = []
        self.failure: Exception | None = None
        self.start()

    @property
    def data(self) -> bytes:
        return b"".join(self._parts)

    def run(self) -> None:
        try:
            with self._pipe:
                self._drain()
        except Exception as problem:  # noqa: BLE001 - handed to the caller of run(), in its own thread
            self.failure = problem
            self._watch.stop("output")

    def _drain(self) -> None:
        if self._on_line is not None:
            for line in iter(lambda: self._pipe.readline(LINE_LIMIT), b""):
                self._watch.last_sign = time.monotonic()
                self._on_line(line.decode("utf-8", "replace").rstrip("\r\n"))
            return
        size = 0
        while chunk := self._pipe.read1(1 << 16):  # type: ignore[attr-defined]
            self._watch.last_sign = time.monotonic()
            size += len(chunk)
            if size <= self._watch.limits.output_bytes:
                self._parts.append(chunk)
            else:
                self._watch.stop("output")


class _ErrReader(threading.Thread):
    """Drains standard error: last lines for messages, everything to a log file."""

    def __init__(
        self, pipe: IO[bytes], log: Path | None, on_line: Callable[[str], None] | None
    ) -> None:
        super().__init__(daemon=True)
        self._pipe, self._log, self._on_line = pipe, log, on_line
        self.tail: deque[str] = deque(maxlen=STDERR_TAIL_LINES)
        self.start()

    def run(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._pipe)
            log = stack.enter_context(self._log.open("ab")) if self._log else None
            for line in iter(lambda: self._pipe.readline(LINE_LIMIT), b""):
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                self.tail.append(text)
                if self._on_line is not None:
                    self._on_line(text)
                if log is not None:
                    log.write(line)
