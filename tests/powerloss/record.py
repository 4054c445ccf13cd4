"""Records the system calls of a run with strace, and reads them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.harness import CHECKOUT

STRACE = shutil.which("strace")

_CALLS = (
    "open", "openat", "creat", "write", "pwrite64", "writev", "pwritev", "ftruncate", "truncate",
    "fallocate", "copy_file_range", "sendfile", "rename", "renameat", "renameat2", "link", "linkat",
    "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "fsync", "fdatasync",
    "sync_file_range", "lseek", "utimensat", "access", "faccessat", "faccessat2",
)  # fmt: skip
TIMEOUT_S = 300.0

_LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)")
_WHOLE = re.compile(r"(\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?.*")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)")
_UNFINISHED = " <unfinished ...>"
_TOKEN = re.compile(r'"((?:\\x[0-9a-f]{2})*)"|[^,\[\]{}"]+|[\[\]{},]')


@dataclass(frozen=True)
class Call:
    """A system call that succeeded, or a look for a file that is not there. An argument is bytes
    (a string), or text (anything else)."""

    thread: int
    at_s: float
    name: str
    arguments: tuple[bytes | str, ...]
    result: int
    opened: bytes | None


def can_record() -> str | None:
    """Why nothing can be recorded here; None if it can."""
    if STRACE is None:
        return "strace is not installed"
    done = subprocess.run(
        [STRACE, "-f", "--seccomp-bpf", "-o", os.devnull, "true"], capture_output=True, check=False
    )
    return None if done.returncode == 0 else f"strace can't trace here: {done.stderr.decode()}"


def record(arguments: tuple[str, ...], log: Path) -> int:
    """Run the driver under strace; returns its exit code."""
    assert STRACE is not None
    command = [
        STRACE, "-f", "--seccomp-bpf", "-y", "-xx", "-ttt", "-s", "100000000", "-e", "signal=none",
        "-e", f"trace={','.join(_CALLS)}", "-o", str(log),
        sys.executable, "-m", "tests.powerloss.driver", *arguments,
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S,
        check=False,
    )  # fmt: skip
    log.with_suffix(".out").write_bytes(done.stdout + done.stderr)
    return done.returncode


def read_calls(log: Path) -> Iterator[Call]:
    """The calls of a recording, in the order in which they returned."""
    begun: dict[str, str] = {}
    with open(log, encoding="ascii") as lines:
        for line in lines:
            found = _LINE.fullmatch(line.rstrip("\n"))
            assert found is not None, line[:200]
            thread, at, text = found.groups()
            if text.endswith(_UNFINISHED):
                begun[thread] = text.removesuffix(_UNFINISHED)
                continue
            resumed = _RESUMED.fullmatch(text)
            if resumed is not None:
                text = begun.pop(thread) + resumed[1]
            call = _WHOLE.fullmatch(text)
            if call is None:  # an exit
                continue
            name, arguments, result, opened = call.groups()
            if int(result) >= 0 or "access" in name:
                yield Call(
                    int(thread), float(at), name, tuple(_arguments(arguments)), int(result),
                    None if opened is None else _unescape(opened),
                )  # fmt: skip


def _arguments(text: str) -> Iterator[bytes | str]:
    depth, parts = 0, list[bytes | str]()
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word in "[{":
            depth += 1
        elif word in "]}":
            depth -= 1
        elif word == "," and depth == 0:
            yield _joined(parts)
            parts = []
        elif token[1] is not None:
            parts.append(_unescape(token[1]))
        elif word.strip() and word != ",":
            parts.append(word.strip())
    yield _joined(parts)


def _joined(parts: list[bytes | str]) -> bytes | str:
    """One argument: the strings of an array are joined (writev)."""
    strings = [part for part in parts if isinstance(part, bytes)]
    return b"".join(strings) if strings else " ".join(map(str, parts))


def _unescape(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
