"""Detects access by hostile files: watched files, a listening socket, and the system calls of every
program that is started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import select
import shutil
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_IN_OPEN, _IN_ACCESS = 0x20, 0x01
_NONBLOCK = 0o4000


@dataclass
class Trap:
    """A secret outside the library, a bait inside it, and a port; nothing may access them."""

    secret: Path
    bait: Path
    port: int
    _listener: socket.socket
    _watch: int
    _names: dict[int, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/x.ts"

    def accessed(self) -> list[str]:
        """What was accessed since the last call."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                caller, _ = self._listener.accept()
                caller.close()
                found.append("socket")
        while select.select([self._watch], [], [], 0)[0]:
            data = os.read(self._watch, 1 << 16)
            while data:
                number, _, _, length = struct.unpack("iIII", data[:16])
                found.append(self._names[number])
                data = data[16 + length :]
        return sorted(set(found))

    def watch(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        number = libc.inotify_add_watch(self._watch, os.fsencode(path), _IN_OPEN | _IN_ACCESS)
        assert number >= 0, os.strerror(ctypes.get_errno())
        self._names[number] = path.name


@contextlib.contextmanager
def set_trap(secret: Path, bait: Path) -> Iterator[Trap]:
    """`secret` and `bait` exist; both are films, so that following a link would succeed."""
    if sys.platform != "linux":
        pytest.skip("watching files needs inotify")
    watch = ctypes.CDLL(None).inotify_init1(_NONBLOCK)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        trap = Trap(secret=secret, bait=bait, port=port, _listener=listener, _watch=watch)
        trap.watch(secret)
        trap.watch(bait)
        try:
            yield trap
        finally:
            os.close(watch)


CALLS = "open,openat,connect,socket,bind,execve,clone,clone3,fork,vfork"
_LINE = re.compile(r"^(?P<pid>\d+) +(?:<\.\.\. )?(?P<call>\w+)")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')
_FORKS = ("clone", "clone3", "fork", "vfork")
_CHILD = re.compile(r" = (\d+)$")

SYSTEM = ("/etc/ld.so", "/etc/localtime", "/lib", "/usr/", "/proc/", "/sys/", "/dev/")
"""Paths that any program may open: libraries and information on the system."""


@dataclass(frozen=True)
class Program:
    """One program in a trace of strace: its arguments, opened files and sockets."""

    name: str
    command: str
    opened: list[str] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)

    def unexpected_files(self) -> list[str]:
        """Opened files that are neither in the command nor part of the system."""
        return [
            path for path in self.opened if path not in self.command and not path.startswith(SYSTEM)
        ]


def strace() -> str:
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed")
    return found


def read_trace(text: str) -> list[Program]:
    """Every program of a trace written by `strace -f -s 4096 -e abbrev=none -e trace=CALLS`."""
    rows = [(found, line) for line in text.splitlines() if (found := _LINE.match(line))]
    parents: dict[str, str] = {}  # collected first: a child may run before its fork returns
    for found, line in rows:
        if found["call"] in _FORKS and (child := _CHILD.search(line)):
            parents[child[1]] = found["pid"]
    running: dict[str, Program] = {}
    programs = [Program(name="", command="")]
    for found, line in rows:
        pid, call = found["pid"], found["call"]
        program = running.get(pid) or running.get(parents.get(pid, ""), programs[0])
        path = _PATH.search(line)
        if call == "execve" and path is not None:
            command = line.partition("], ")[0]
            program = Program(name=os.path.basename(path[1]), command=command)
            programs.append(program)
        elif call in ("open", "openat") and path is not None:
            program.opened.append(path[1])
        elif call in ("socket", "connect", "bind"):
            program.sockets.append(line)
        running[pid] = program
    return programs
